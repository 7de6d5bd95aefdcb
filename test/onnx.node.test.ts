// ONNX export against the models themselves: the written graphs run in onnxruntime (its WebAssembly backend), in doubles and in floats.
import * as ort from 'onnxruntime-web'
import { describe, expect, it } from 'vitest'
import { BisectingKMeans, type CovarianceType, GaussianMixture, KMeans, loadIris, Matrix, MiniBatchKMeans } from '../src/index.ts'
import { toOnnx, type ToOnnxOptions } from '../src/onnx.ts'
import { blobs, expectBits, relativeError, thrown, uniforms } from './near.ts'

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'
const quiet = { onWarning() {} }
const TYPES: CovarianceType[] = ['full', 'tied', 'diag', 'spherical']

async function run(model: Parameters<typeof toOnnx>[0], X: number[][], options?: ToOnnxOptions) {
  const session = await ort.InferenceSession.create(toOnnx(model, options))
  const float = options?.dtype === 'float32'
  const data = X.flat()
  const tensor = new ort.Tensor(float ? 'float32' : 'float64', float ? Float32Array.from(data) : Float64Array.from(data), [
    X.length,
    X[0].length,
  ])
  const outputs = await session.run({ X: tensor })
  const input = session.inputNames
  await session.release()
  return { input, names: session.outputNames, outputs }
}
type Outputs = Awaited<ReturnType<typeof run>>['outputs']
const reals = (outputs: Outputs, name: string) => Array.from(outputs[name].data as Float64Array)
const labels = (outputs: Outputs) => Array.from(outputs.label.data as BigInt64Array, Number)

describe.each([
  { n: 300, d: 1, k: 2 },
  { n: 300, d: 3, k: 4 },
  { n: 200, d: 16, k: 5 },
])('$n × $d, K = $k', ({ n, d, k }) => {
  const X = blobs(11 + d, n, d, k)
  const u = uniforms(d)
  const other = Array.from({ length: 500 }, () => Array.from({ length: d }, () => 24 * (u() - 0.5)))

  it('KMeans and MiniBatchKMeans: labels and distances', async () => {
    for (const model of [
      new KMeans({ nClusters: k, randomState: 1, ...quiet }).fit(X),
      new MiniBatchKMeans({ nClusters: k, randomState: 1, ...quiet }).fit(X),
    ]) {
      const { input, names, outputs } = await run(model, other)
      expect(input).toEqual(['X'])
      expect(names).toEqual(['label', 'distances'])
      expect(outputs.distances.dims).toEqual([500, k])
      expect(outputs.label.dims).toEqual([500])
      expectBits(labels(outputs), model.predict(other))
      // sums of d squares in another order, and a root
      expect(relativeError(reals(outputs, 'distances'), model.transform(other).data)).toBeLessThan((d + 3) * 2 ** -53)
    }
  })

  it.each(TYPES)('GaussianMixture, %s: labels, probabilities, log-densities', async (covarianceType) => {
    const model = new GaussianMixture({ nComponents: k, covarianceType, randomState: 1, ...quiet }).fit(X)
    const { input, names, outputs } = await run(model, other)
    expect(input).toEqual(['X'])
    expect(names).toEqual(['label', 'probabilities', 'log_density'])
    expect(outputs.probabilities.dims).toEqual([500, k])
    expect(outputs.log_density.dims).toEqual([500])
    expectBits(labels(outputs), model.predict(other))
    expect(relativeError(reals(outputs, 'log_density'), model.scoreSamples(other))).toBeLessThan(1e-14)
    // rounding of log-densities, which are up to a few thousand here, is that of the logarithms of the probabilities
    expect(relativeError(reals(outputs, 'probabilities'), model.predictProba(other).data)).toBeLessThan(1e-11)
  })

  it.each(TYPES)('float32: %s', async (covarianceType) => {
    const mixture = new GaussianMixture({ nComponents: k, covarianceType, randomState: 1, ...quiet }).fit(X)
    const { outputs } = await run(mixture, other, { dtype: 'float32' })
    expect(outputs.log_density.type).toBe('float32')
    expect(relativeError(reals(outputs, 'log_density'), mixture.scoreSamples(other))).toBeLessThan(2e-6)
    expect(agreement(labels(outputs), mixture.predict(other))).toBeGreaterThan(0.99)
    const kmeans = new KMeans({ nClusters: k, randomState: 1, ...quiet }).fit(X)
    const centers = await run(kmeans, other, { dtype: 'float32' })
    expect(relativeError(reals(centers.outputs, 'distances'), kmeans.transform(other).data)).toBeLessThan(1e-6)
    expect(agreement(labels(centers.outputs), kmeans.predict(other))).toBeGreaterThan(0.99)
  })
})

const agreement = (a: number[], b: Int32Array) => a.filter((label, i) => label === b[i]).length / a.length

it('data far from the origin lose no digits', async () => {
  const X = blobs(5, 300, 3, 3).map((row) => row.map((v) => v + 1e6))
  for (const covarianceType of TYPES) {
    const model = new GaussianMixture({ nComponents: 3, covarianceType, randomState: 1, ...quiet }).fit(X)
    const { outputs } = await run(model, X)
    // x − μ is exact to the grid at 1e6, 1e-10, here and there
    expect(relativeError(reals(outputs, 'log_density'), model.scoreSamples(X))).toBeLessThan(1e-9)
    expectBits(labels(outputs), model.predict(X))
  }
  const kmeans = new KMeans({ nClusters: 3, randomState: 1 }).fit(X)
  const { outputs } = await run(kmeans, X)
  expect(relativeError(reals(outputs, 'distances'), kmeans.transform(X).data)).toBeLessThan(1e-14)
})

it('one component, one row, a component without weight, iris', async () => {
  const { data } = loadIris()
  const one = new GaussianMixture({ nComponents: 1 }).fit(data)
  const single = await run(one, [[5, 3, 4, 1]])
  expect(reals(single.outputs, 'probabilities')).toEqual([1])
  expect(labels(single.outputs)).toEqual([0])
  expect(reals(single.outputs, 'log_density')[0]).toBeCloseTo(one.scoreSamples([[5, 3, 4, 1]])[0], 12)

  const three = new GaussianMixture({ nComponents: 3, randomState: 28 }).fit(data)
  const { outputs } = await run(three, data.toArray())
  expectBits(labels(outputs), three.predict(data))

  const json = JSON.parse(JSON.stringify(three))
  json.fitted.weights = [0.5, 0, 0.5]
  const without = GaussianMixture.fromJSON(json)
  const dead = await run(json, data.toArray())
  expectBits(labels(dead.outputs), without.predict(data))
  expect(relativeError(reals(dead.outputs, 'probabilities'), without.predictProba(data).data)).toBeLessThan(1e-12)
})

it('the same model gives the same bytes, as an estimator or as JSON', () => {
  const model = new KMeans({ nClusters: 2, randomState: 0 }).fit(Matrix.from([[1], [2], [8], [9]]))
  const bytes = toOnnx(model)
  expect(bytes).toEqual(toOnnx(JSON.parse(JSON.stringify(model))))
  expect(bytes).toEqual(toOnnx(KMeans.fromJSON(model.toJSON()), { dtype: 'float64' }))
  expect(bytes.byteLength).toBe(bytes.buffer.byteLength)
  expect(bytes.byteLength).toBeLessThan(1000)
})

it('refuses what has no graph', () => {
  const X = [[1], [2], [3]]
  const cases: [() => unknown, ErrorConstructor, RegExp][] = [
    [() => toOnnx(new BisectingKMeans({ nClusters: 2 }).fit(X)), TypeError, /expected a KMeans, .*got BisectingKMeans/],
    [() => toOnnx(undefined as never), TypeError, /got undefined/],
    [() => toOnnx({} as never), TypeError, /got object/],
    [() => toOnnx(new KMeans()), RangeError, /this KMeans is not fitted yet: call fit\(X\) first/],
    [
      () => toOnnx(new KMeans({ nClusters: 1 }).fit(X), { dtype: 'float16' as never }),
      RangeError,
      /dtype: expected 'float64' or 'float32', got 'float16'/,
    ],
    [() => toOnnx(new KMeans({ nClusters: 1 }).fit(X), { type: 'float32' } as never), TypeError, /unknown option 'type'/],
  ]
  for (const [work, Kind, message] of cases) {
    const error = thrown(work)
    expect(error).toBeInstanceOf(Kind)
    expect(error.message).toMatch(message)
  }
})
