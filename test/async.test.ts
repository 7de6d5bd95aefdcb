// fitAsync and its like: the same bits as fit, in turns with everything else the thread has to do.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BisectingKMeans, GaussianMixture, KMeans, PoissonMixture } from '../src/index.ts'
import { BREAK_EVEN, currentPool } from '../src/pool.ts'
import { ESTIMATORS, blobs, onWarning, whole } from './every-estimator.ts'

const EDGES = [255, 257, 1023, 1024, 1025, 2047, 2049, 4097, 15361]

// Workers help however little there is to do
const breakEven = { ...BREAK_EVEN }
beforeAll(async () => {
  Object.assign(BREAK_EVEN, { pass: 0, task: 0 })
  while ((currentPool()?.ready ?? 0) < 6) await new KMeans({ nClusters: 2, onWarning }).fitAsync(blobs(3000), { threads: 7 })
})
afterAll(() => {
  Object.assign(BREAK_EVEN, breakEven)
  currentPool()?.dismiss()
})

describe('fitAsync leaves what fit leaves, to the bit, with any number of threads', () => {
  it.each(Object.entries(ESTIMATORS))('%s', { timeout: 120_000 }, async (_, { make, data }) => {
    const before = currentPool()?.calls ?? 0
    for (const n of EDGES) {
      const X = data(n)
      const sampleWeight = n % 2 === 0 ? undefined : Float64Array.from({ length: n }, (_, i) => (i * 7) % 5)
      const now = make()
      now.fit(X, { sampleWeight })
      for (const threads of [1, 2, 3, 7]) {
        const later = make()
        expect(await later.fitAsync(X, { sampleWeight, threads })).toBe(later)
        expect(JSON.stringify(later.toJSON()), `n = ${n}, ${threads} threads`).toBe(JSON.stringify(now.toJSON()))
      }
    }
    if (!make().constructor.name.match(/Binomial|Bernoulli|Poisson/))
      expect(currentPool()?.calls, 'workers have worked').toBeGreaterThan(before)
  })
})

it('predictAsync, predictProbaAsync and scoreSamplesAsync answer what their twins do', async () => {
  const X = blobs(3000)
  const kmeans = new KMeans({ nClusters: 5, randomState: 1 }).fit(X)
  expect(await kmeans.predictAsync(X)).toEqual(kmeans.predict(X))
  const tree = new BisectingKMeans({ nClusters: 5, randomState: 1 }).fit(X)
  expect(await tree.predictAsync(X)).toEqual(tree.predict(X))
  const gaussian = new GaussianMixture({ nComponents: 3, randomState: 1 }).fit(X)
  const counts = whole(2000, 3, (u) => Math.floor(9 * u * u))
  const poisson = new PoissonMixture({ nComponents: 2, randomState: 1, onWarning }).fit(counts)
  for (const [model, data] of [
    [gaussian, X],
    [poisson, counts],
  ] as const) {
    expect(await model.predictAsync(data)).toEqual(model.predict(data))
    expect((await model.predictProbaAsync(data)).data).toEqual(model.predictProba(data).data)
    expect(await model.scoreSamplesAsync(data)).toEqual(model.scoreSamples(data))
    expect(await model.criteriaAsync(data)).toEqual(model.criteria(data))
  }
})
