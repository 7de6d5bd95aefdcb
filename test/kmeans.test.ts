// KMeans and kmeansPlusPlus: invariants, scikit-learn's answers (golden/kmeans.json), its portable tests restated (named as there), the
// naive Lloyd of oracle.ts bit for bit, symmetries.
import fc from 'fast-check'
import { Matrix as MlMatrix } from 'ml-matrix'
import { describe, expect, it, vi } from 'vitest'
import { KMeans, type KMeansOptions, Matrix, type Warning, kmeansPlusPlus } from '../src/index.ts'
import golden from './golden/kmeans.json' with { type: 'json' }
import { EPS, blobs, expectBits, flat, relativeError, rowsOf, uniforms } from './near.ts'
import { naiveAssign, naiveInertia, naiveLloyd, naiveMeans, naiveMoments, naiveSquaredDistances } from './oracle.ts'

const quiet = { onWarning: () => {} }
const largest = (X: number[][]) => flat(X).reduce((max, v) => Math.max(max, Math.abs(v)), 0)
const data = golden.data as Record<string, number[][]>
const weightsOf = golden.weights as Record<string, number[]>

/** Whether two labelings are the same partition. */
function samePartition(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  const there = new Map<number, number>()
  const back = new Map<number, number>()
  for (let i = 0; i < a.length; i++) {
    if ((there.get(a[i]) ?? b[i]) !== b[i] || (back.get(b[i]) ?? a[i]) !== a[i]) return false
    there.set(a[i], b[i])
    back.set(b[i], a[i])
  }
  return true
}

/** Everything a fit leaves, for comparing two of them to the last bit. */
const all = (model: KMeans) => ({
  centers: model.clusterCenters,
  labels: Array.from(model.labels),
  inertia: model.inertia,
  nIter: model.nIter,
  converged: model.converged,
  nFeaturesIn: model.nFeaturesIn,
})

/** Expects a fit from given centers to equal the naive one: labels, iterations and centers to the last bit; up to one slot of rows, the
 *  inertia as well. */
function expectNaive(X: number[][], init: number[][], options: KMeansOptions & { weights?: number[] } = {}) {
  const { weights, maxIter, tol, convergence } = options
  const expected = naiveLloyd(X, init, { weights, maxIter, tol, convergence })
  const inertias: number[] = []
  const model = new KMeans({ nClusters: init.length, init, maxIter, tol, convergence, ...quiet }).fit(X, {
    sampleWeight: weights,
    onIteration: (e) => inertias.push(e.inertia),
  })
  expectBits(model.labels, expected.labels, 'labels')
  expect(model.nIter).toBe(expected.nIter)
  expect(model.converged).toBe(expected.converged)
  expectBits(flat(model.clusterCenters), flat(expected.centers), 'centers')
  if (X.length <= 1024) {
    // one slot: the inertia is summed row after row
    expectBits(
      inertias,
      expected.trace.map((t) => t.inertia),
      'inertia of each iteration',
    )
    expect(model.inertia).toBe(expected.inertia)
  } else expect(relativeError(model.inertia, expected.inertia)).toBeLessThan(X.length * EPS)
  return model
}

describe('scikit-learn', () => {
  const cases = [
    ...golden.cases.map((c) => ({
      ...c,
      X: data[c.data],
      weights: c.sampleWeight === null ? undefined : weightsOf[c.sampleWeight as string],
      alternatives: undefined,
    })),
    ...golden.hand.map((c) => ({ ...c, weights: c.sampleWeight ?? undefined })),
  ]

  it.each(cases)('$name', ({ X, init, weights, maxIter, tol, centers, labels, inertia, nIter, transformRows, transform, score }) => {
    const k = init.length
    const model = new KMeans({ nClusters: k, init, maxIter, tol, ...quiet }).fit(X, { sampleWeight: weights })
    expect(Array.from(model.labels)).toEqual(labels)
    expect(model.nIter).toBe(nIter)
    // both answers carry the rounding of sums of up to n numbers, which grows like √n (measured: 2.1·EPS at most)
    const error = Math.sqrt(X.length) * EPS * largest(X)
    const distance = Math.sqrt(Math.abs(inertia)) // of the farthest row at most (weights ≥ 0.1 cost a factor of √10)
    expect(relativeError(model.clusterCenters, centers) * largest(centers)).toBeLessThanOrEqual(error)
    // d inertia = Σ w·2·distance·d center
    const inertiaError = 2 * (weights ?? X.map(() => 1)).reduce((s, w) => s + w, 0) * (distance + error) * error
    expect(Math.abs(model.inertia - inertia)).toBeLessThanOrEqual(inertiaError)
    if (inertia > 1e-12) expect(relativeError(model.inertia, inertia)).toBeLessThan(1e-12)
    expect(Math.abs(model.score(X) - score)).toBeLessThanOrEqual(inertiaError * 10 + 1e-13 * Math.abs(score))
    // scikit-learn's distances come from ‖x‖² − 2x·c + ‖c‖²: their squares are off by the rounding of ‖x‖²
    const got = model.transform(transformRows.map((row) => X[row]))
    const rounding = 16 * EPS * X[0].length * largest(X) ** 2 + 2 * error * largest(transform)
    flat(got).forEach((v, i) => expect(Math.abs(v * v - flat(transform)[i] ** 2)).toBeLessThanOrEqual(rounding))
  })

  it('kmeans_relocated_clusters: of two rows equally far the lower one moves', () => {
    const hand = golden.hand.find((c) => c.name === 'kmeans_relocated_clusters')
    const { X = [], init = [] } = hand ?? {}
    expect(new KMeans({ nClusters: 2, init }).fit(X)).toMatchObject({
      clusterCenters: [
        [0.75, 1],
        [0.25, 0],
      ],
      inertia: 0.25,
      nIter: 3,
    })
  })

  it('kmeans_empty_cluster_relocated, to the last bit', () => {
    const model = new KMeans({ nClusters: 2, init: [[-1], [10]] }).fit([[-1], [1]], { sampleWeight: [1.9, 0.1] })
    expect(all(model)).toMatchObject({ centers: [[-1], [1]], labels: [0, 1], inertia: 0 })
  })

  it('relocating_with_duplicates', () => {
    const X = [
      [0, 0],
      [1, 1],
      [1, 1],
      [1, 0],
      [0, 1],
    ]
    const warnings: Warning[] = []
    const model = new KMeans({ nClusters: 5, init: X, onWarning: (w) => warnings.push(w) }).fit(X)
    expect(model).toMatchObject({ nIter: 1, inertia: 0, converged: true })
    expect(warnings.map((w) => w.code)).toEqual(['fewer-clusters'])
  })

  it('kmeans_convergence: tol 0 stops before 300 iterations', () => {
    const model = new KMeans({ nClusters: 5, init: 'random', nInit: 1, tol: 0, randomState: 0 }).fit(blobs(1, 5000, 10, 50, 1))
    expect(model.nIter).toBeLessThan(300)
    expect(model.converged).toBe(true)
  })

  const threeBlobs = blobs(2, 250, 5, 3, 12)
  const truth = threeBlobs.map((_, i) => i % 3)
  it.each([['k-means++'], ['random'], [threeBlobs.slice(0, 3)], [(X: Matrix) => X.toArray().slice(0, 3)]] as [KMeansOptions['init']][])(
    'all_init: %o recovers the clusters',
    (init) => {
      const model = new KMeans({ nClusters: 3, init, randomState: 42 }).fit(threeBlobs)
      expect(samePartition(model.labels, truth)).toBe(true)
    },
  )

  it('n_init_auto, kmeans_init_auto_with_initial_centroids', () => {
    const runs = (options: KMeansOptions) => {
      const seen = new Set<number>()
      new KMeans({ nClusters: 3, maxIter: 2, randomState: 0, ...quiet, ...options }).fit(threeBlobs, {
        onIteration: (e) => seen.add(e.run),
      })
      return [...seen].join()
    }
    const ten = '0,1,2,3,4,5,6,7,8,9'
    expect(runs({})).toBe('0')
    expect(runs({ init: 'k-means++' })).toBe('0')
    expect(runs({ init: 'random' })).toBe(ten)
    expect(runs({ init: (X, k) => X.toArray().slice(0, k) })).toBe(ten)
    expect(runs({ init: threeBlobs.slice(0, 3) })).toBe('0')
    expect(runs({ init: threeBlobs.slice(0, 3), nInit: 4 })).toBe('0')
    expect(runs({ init: 'k-means++', nInit: 3 })).toBe('0,1,2')
    expect(runs({ init: 'random', nInit: 2 })).toBe('0,1')
  })

  it('score_max_iter: more iterations, better score', () => {
    const X = blobs(3, 100, 10, 12, 0.5)
    const score = (maxIter: number) =>
      new KMeans({ nClusters: 8, init: 'random', nInit: 1, maxIter, randomState: 1, ...quiet }).fit(X).score(X)
    expect(score(10)).toBeGreaterThan(score(1))
  })

  it.each([
    [2, 1e-7],
    [2, 0.1],
    [100, 1e-7],
    [100, 0.1],
    [100, 0],
  ])('kmeans_predict: maxIter %i, tol %f', (maxIter, tol) => {
    const X = blobs(4, 200, 2, 10, 4)
    const model = new KMeans({ nClusters: 10, init: 'random', nInit: 10, maxIter, tol, randomState: 0, ...quiet })
    const labels = model.fit(X).labels
    expect(Array.from(model.predict(model.clusterCenters))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(model.predict(X)).toEqual(labels)
    expect(new KMeans(model.getParams() as KMeansOptions).setParams(quiet).fitPredict(X)).toEqual(labels)
  })

  it('integer_input', () => {
    const X = [
      [0, 0],
      [10, 10],
      [12, 9],
      [-1, 1],
      [2, 0],
      [8, 10],
    ]
    const expected = all(new KMeans({ nClusters: 2, randomState: 0 }).fit(X))
    expect(expected.labels[0]).toBe(expected.labels[3])
    for (const form of [
      X.map((row) => Int8Array.from(row)),
      { data: Int32Array.from(flat(X)), shape: [6, 2] },
      { data: Int16Array.from(flat(X)), shape: [6, 2] },
    ])
      expect(all(new KMeans({ nClusters: 2, randomState: 0 }).fit(form))).toEqual(expected)
  })

  it('transform, fit_transform', () => {
    const X = blobs(5, 300, 3, 3)
    const model = new KMeans({ nClusters: 3, randomState: 0 }).fit(X)
    const between = model.transform(model.clusterCenters)
    expect(between.shape).toEqual([3, 3])
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 3; j++) i === j ? expect(between.get(i, j)).toBe(0) : expect(between.get(i, j)).toBeGreaterThan(0)
    const distances = model.transform(X)
    expectBits(distances.data, flat(naiveSquaredDistances(X, model.clusterCenters)).map(Math.sqrt))
    expectBits(new KMeans({ nClusters: 3, randomState: 0 }).fitTransform(X).data, distances.data)
  })

  it('n_init: more of them, no worse', () => {
    const X = blobs(6, 300, 2, 12, 5)
    let former = Number.POSITIVE_INFINITY
    for (const nInit of [1, 2, 5, 10, 20]) {
      const { inertia } = new KMeans({ nClusters: 10, init: 'random', nInit, maxIter: 2, randomState: 0, ...quiet }).fit(X)
      expect(inertia).toBeLessThanOrEqual(former)
      former = inertia
    }
  })

  it('centers_not_mutated, sample_weight_unchanged, kmeans_copyx: inputs are only read', () => {
    const X = Matrix.from(blobs(7, 50, 2, 3))
    const init = Matrix.from([
      [0, 0],
      [1, 1],
      [5, 5],
    ])
    const sampleWeight = Float64Array.from({ length: 50 }, (_, i) => (i % 3) / 2)
    const before = [X.data.slice(), init.data.slice(), sampleWeight.slice()]
    const model = new KMeans({ nClusters: 3, init, ...quiet }).fit(X, { sampleWeight })
    model.transform(X)
    expect([X.data.slice(), init.data.slice(), sampleWeight]).toEqual(before)
    model.clusterCenters[0][0] = 99
    expect(init.get(0, 0)).toBe(0)
  })

  it('kmeans_init_fitted_centers: the optimum is a fixed point', () => {
    const X = blobs(8, 400, 4, 6, 4)
    const model = new KMeans({ nClusters: 5, tol: 0, randomState: 2 }).fit(X)
    const again = new KMeans({ nClusters: 5, init: model.clusterCenters, tol: 0 }).fit(X)
    expect(again.labels).toEqual(model.labels)
    expect(again.nIter).toBeLessThanOrEqual(2)
    expect(relativeError(again.clusterCenters, model.clusterCenters)).toBeLessThan(400 * EPS)
  })

  it('kmeans_warns_less_centers_than_unique_points', () => {
    const X = [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 0],
    ]
    for (let seed = 0; seed < 20; seed++) {
      const warnings: Warning[] = []
      const model = new KMeans({ nClusters: 4, randomState: seed, onWarning: (w) => warnings.push(w) }).fit(X)
      expect(warnings.map((w) => w.code)).toEqual(['fewer-clusters'])
      expect(warnings[0].message).toContain('3 distinct clusters')
      expect(new Set(model.labels)).toEqual(new Set([0, 1, 2]))
      expect(model.inertia).toBe(0)
    }
  })

  it('weighted_vs_repeated: a whole weight is so many rows', () => {
    const u = uniforms(9)
    const X = blobs(9, 100, 3, 4, 5)
    const weights = X.map(() => 1 + Math.floor(4 * u()))
    const repeated = X.flatMap((row, i) => new Array<number[]>(weights[i]).fill(row))
    for (const tol of [0, 1e-4, 0.01])
      for (const convergence of ['centers', 'mse', 'mae'] as const) {
        const options = { nClusters: 4, init: X.slice(0, 4), tol, convergence }
        const a = new KMeans(options).fit(X, { sampleWeight: weights })
        const b = new KMeans(options).fit(repeated)
        expect(Array.from(b.labels)).toEqual(Array.from(a.labels).flatMap((label, i) => new Array<number>(weights[i]).fill(label)))
        expect(a.nIter).toBe(b.nIter)
        expect(a.clusterCenters).toEqual(b.clusterCenters)
        expect(relativeError(a.inertia, b.inertia)).toBeLessThan(400 * EPS)
      }
  })

  it('unit_weights_vs_no_weights, scaled_weights', () => {
    const u = uniforms(10)
    const X = blobs(10, 200, 3, 5, 4)
    for (const init of ['k-means++', 'random', X.slice(0, 4)] as const) {
      const options = { nClusters: 4, init, randomState: 3 }
      expect(all(new KMeans(options).fit(X, { sampleWeight: X.map(() => 1) })).centers).toHaveLength(4)
      const weights = X.map(() => 0.1 + u())
      const a = new KMeans(options).fit(X, { sampleWeight: weights })
      const b = new KMeans(options).fit(X, { sampleWeight: weights.map((w) => w / 2) }) // a power of two changes no bit
      expect({ ...all(b), inertia: 2 * b.inertia }).toEqual(all(a))
      const c = new KMeans(options).fit(X, { sampleWeight: weights.map((w) => w * 3) })
      expect(c.labels).toEqual(a.labels)
      expect(relativeError(c.inertia, 3 * a.inertia)).toBeLessThan(200 * EPS)
    }
    const options = { nClusters: 4, init: X.slice(0, 4) }
    expect(all(new KMeans(options).fit(X, { sampleWeight: X.map(() => 1) }))).toEqual(all(new KMeans(options).fit(X)))
    expect(all(new KMeans(options).fit(X, { sampleWeight: null as never }))).toEqual(all(new KMeans(options).fit(X)))
  })

  it('kmeans_iter_attribute, k_means_1_iteration', () => {
    const X = rowsOf(100, 5, uniforms(11))
    const model = expectNaive(X, X.slice(0, 5), { maxIter: 1, tol: 1e-7 })
    expect(model.nIter).toBe(1)
  })

  it('kmeans_with_array_like_init', () => {
    const X = blobs(12, 60, 2, 2)
    const expected = all(
      new KMeans({
        nClusters: 2,
        init: [
          [0, 0],
          [5, 5],
        ],
      }).fit(X),
    )
    for (const init of [
      [Float64Array.of(0, 0), [5, 5]],
      Matrix.from([
        [0, 0],
        [5, 5],
      ]),
      { data: [0, 0, 5, 5], shape: [2, 2] },
      new MlMatrix([
        [0, 0],
        [5, 5],
      ]),
      [Int8Array.of(0, 0), Int8Array.of(5, 5)],
    ])
      expect(all(new KMeans({ nClusters: 2, init }).fit(X))).toEqual(expected)
  })

  it('predict_does_not_change_cluster_centers', () => {
    const X = blobs(13, 200, 10, 10)
    const model = new KMeans({ nClusters: 10, randomState: 0 }).fit(X)
    const before = structuredClone(model.toJSON())
    model.predict(X)
    model.transform(X)
    model.score(X)
    expect(model.toJSON()).toEqual(before)
  })

  it('sample_weight_init: weights decide where seeding begins, and are those of the fit', () => {
    const X = [[0], [1], [100], [101]]
    // all weight on two rows: both methods must choose them
    for (const init of ['k-means++', 'random'] as const)
      for (let seed = 0; seed < 30; seed++) {
        const { clusterCenters } = new KMeans({ nClusters: 2, init, nInit: 1, maxIter: 1, randomState: seed, ...quiet }).fit(X, {
          sampleWeight: [0, 3, 0, 1],
        })
        expect(clusterCenters.map(([v]) => v).sort((a, b) => a - b)).toEqual([1, 101])
      }
  })
})

describe('invariants', () => {
  const shapes = [
    [1, 1, 1],
    [2, 1, 2],
    [3, 2, 3],
    [31, 3, 2],
    [100, 2, 7],
    [257, 5, 8],
    [1025, 4, 9],
    [2500, 17, 5],
    [1300, 33, 17],
  ]

  it.each(shapes)('%i × %i, k = %i: labels, inertia and centers fit each other', (n, d, k) => {
    const X = blobs(n, n, d, k + 2, 3)
    const u = uniforms(n)
    for (const sampleWeight of [undefined, X.map((_, i) => (i % 5 === 4 ? 0 : 3 * u() + 0.01))])
      for (const init of ['k-means++', 'random', X.slice(0, k)] as const) {
        const trace: { run: number; iteration: number; inertia: number; shift: number; elapsedMs: number }[] = []
        const model = new KMeans({ nClusters: k, init, nInit: 2, tol: 0, randomState: 5, ...quiet }).fit(X, {
          sampleWeight,
          onIteration: (e) => void trace.push(e),
        })
        expect(model.converged).toBe(true)
        expect(model.labels).toBeInstanceOf(Int32Array)
        expect(model.nFeaturesIn).toBe(d)
        expectBits(model.predict(X), model.labels, 'labels = predict')
        expectBits(naiveAssign(X, model.clusterCenters).labels, model.labels, 'labels = nearest')
        expect(relativeError(model.inertia, naiveInertia(X, model.clusterCenters, model.labels, sampleWeight))).toBeLessThan(n * EPS)
        expect(relativeError(model.score(X), -naiveInertia(X, model.clusterCenters, model.labels))).toBeLessThan(n * EPS)

        // inertia never rises: it is a sum of n terms, each right to a few EPS
        for (let i = 1; i < trace.length; i++) {
          if (trace[i].run !== trace[i - 1].run) expect(trace[i].iteration).toBe(1)
          else {
            expect(trace[i].iteration).toBe(trace[i - 1].iteration + 1)
            expect(trace[i].inertia).toBeLessThanOrEqual(trace[i - 1].inertia * (1 + n * EPS))
          }
        }
        const lastOf = (run: number) => trace.filter((e) => e.run === run).at(-1)
        expect(model.inertia).toBe(Math.min(...[0, 1].map((run) => lastOf(run)?.inertia ?? Number.POSITIVE_INFINITY)))
        expect(trace[0]).toMatchObject({ run: 0, iteration: 1 })
        expect(trace.every((e) => e.shift >= 0 && e.elapsedMs >= 0)).toBe(true)

        // at strict convergence centers are the means of their rows
        const { weight, means } = naiveMeans(X, k, model.labels, sampleWeight)
        for (let c = 0; c < k; c++) if (weight[c] > 0) expectBits(model.clusterCenters[c], means[c], `center ${c}`)
      }
  })

  const X = blobs(20, 1500, 3, 5, 3)
  const model = (extra: KMeansOptions = {}) => new KMeans({ nClusters: 6, randomState: 11, ...extra })

  it('same seed, same bits; another seed, another start', () => {
    for (const init of ['k-means++', 'random'] as const) {
      const expected = all(model({ init }).fit(X))
      for (let i = 0; i < 3; i++) expect(all(model({ init }).fit(X))).toEqual(expected)
      const estimator = model({ init })
      expect(all(estimator.fit(X))).toEqual(expected)
      expect(all(estimator.fit(X))).toEqual(expected) // no state goes from one fit to the next
      const others = new Set(
        [1, 2, 3, 4, 5].map((randomState) => JSON.stringify(model({ init, randomState, maxIter: 1, ...quiet }).fit(X).clusterCenters)),
      )
      expect(others.size).toBe(5)
    }
    // without a seed every fit draws its own
    const fresh = new Set(
      [1, 2, 3, 4].map(() =>
        JSON.stringify(model({ init: 'random', nInit: 1, maxIter: 1, randomState: undefined, ...quiet }).fit(X).clusterCenters),
      ),
    )
    expect(fresh.size).toBeGreaterThan(1)
  })

  it('any form of the same numbers gives the same bits (fortran_aligned_data and the rest)', () => {
    const [n, d] = [X.length, X[0].length]
    const flatX = Float64Array.from(flat(X))
    const columns = Float64Array.from({ length: n * d }, (_, i) => X[i % n][Math.floor(i / n)])
    const padded = Float64Array.from({ length: 7 + n * 8 }, (_, i) =>
      i < 7 ? Number.NaN : (X[Math.floor((i - 7) / 8)][(i - 7) % 8] ?? Number.NaN),
    )
    const forms = {
      Matrix: Matrix.from(X),
      'rows of Float64Array': X.map((row) => Float64Array.from(row)),
      'array-like rows': { ...X.map((row) => ({ ...row, length: d })), length: n },
      flat: { data: flatX, shape: [n, d] },
      'flat, plain array': { data: flat(X), shape: [n, d] },
      'column-major': { data: columns, shape: [n, d], strides: [1, n] },
      'scijs: stride and offset': { data: padded, shape: [n, d], stride: [8, 1], offset: 7 },
      'backwards in memory': { data: flatX.slice().reverse(), shape: [n, d], strides: [-d, -1], offset: n * d - 1 },
      'ml-matrix': new MlMatrix(X),
      Arrow: { numRows: n, numCols: d, getChildAt: (j: number) => ({ toArray: () => columns.subarray(j * n, (j + 1) * n), nullCount: 0 }) },
    }
    const expected = model().fit(X)
    const [labels, distances] = [expected.predict(X), expected.transform(X)]
    for (const [name, form] of Object.entries(forms)) {
      const fitted = model().fit(form as number[][])
      expect(all(fitted), name).toEqual(all(expected))
      expectBits(fitted.predict(form as number[][]), labels, name)
      expectBits(fitted.transform(form as number[][]).data, distances.data, name)
      expect(fitted.score(form as number[][])).toBe(expected.score(X))
    }
  })

  it('large data that lie in WebAssembly memory give the same bits as copied ones, window by window', () => {
    const n = 70_000 // 1.6 MiB: beyond the size from which a Matrix owns memory
    const u = uniforms(21)
    const large = Matrix.zeros(n, 3)
    for (let i = 0; i < large.data.length; i++) large.data[i] = 5 * u() + 4 * (Math.floor(i / 3) % 4)
    expect(Object.prototype.toString.call(large.data.buffer)).toBe('[object SharedArrayBuffer]')
    const copy = { data: Float64Array.from(large.data), shape: [n, 3] }
    const a = model({ maxIter: 5, ...quiet }).fit(large)
    const b = model({ maxIter: 5, ...quiet }).fit(copy)
    expect(a.clusterCenters).toEqual(b.clusterCenters)
    expectBits(a.labels, b.labels)
    expectBits(a.predict(large), a.labels)
    expectBits(a.predict(copy), a.labels)
    expectBits(a.transform(large).data, a.transform(copy).data)
    expect(a.score(large)).toBe(a.score(copy))
  })

  it('rows beyond one window of prediction are labelled like the others', () => {
    const n = 180_000 // 4.1 MiB and a ragged end
    const u = uniforms(22)
    const x = Float64Array.from({ length: n * 3 }, () => Math.floor(8 * u()) / 2)
    const fitted = model().fit(X)
    const whole = fitted.predict({ data: x, shape: [n, 3] })
    const distances = fitted.transform({ data: x, shape: [n, 3] })
    let inertia = 0
    for (let i = 0; i < n; i++) inertia += distances.get(i, whole[i]) ** 2
    expect(relativeError(fitted.score({ data: x, shape: [n, 3] }), -inertia)).toBeLessThan(n * EPS)
    // a result is a Matrix like any other, though an ordinary array, however large
    const onDistances = new KMeans({ nClusters: 2, init: [new Array(6).fill(0), new Array(6).fill(5)], maxIter: 1, ...quiet }).fit(
      distances,
    )
    expectBits(onDistances.predict(distances), onDistances.labels)
    for (const from of [0, 1000, 173_000, 174_000, n - 500]) {
      const part = { data: x.slice(from * 3, (from + 500) * 3), shape: [500, 3] }
      expectBits(whole.subarray(from, from + 500), fitted.predict(part), `rows from ${from}`)
      expectBits(distances.data.subarray(from * 6, (from + 500) * 6), fitted.transform(part).data, `rows from ${from}`)
    }
  })

  it('x → a·x + b with exact a and b: scales of 1e±150 change no bit, offsets of 1e12 no label', () => {
    const u = uniforms(23)
    // multiples of 1/256 below 16: squares, means of up to 2^40 and scalings by powers of two are as exact as unscaled
    const lattice = rowsOf(300, 2, () => Math.floor(4096 * u()) / 256)
    for (const init of ['k-means++', 'random', lattice.slice(0, 5)] as const) {
      const fit = (map: (v: number) => number, extra: KMeansOptions = {}) =>
        new KMeans({ nClusters: 5, randomState: 1, ...extra, init: typeof init === 'string' ? init : init.map((row) => row.map(map)) }).fit(
          lattice.map((row) => row.map(map)),
        )
      for (const convergence of ['centers', 'mse', 'mae'] as const) {
        const plain = fit((v) => v, { convergence })
        for (const power of [-498, 498]) {
          // 2^498 ≈ 8e149
          const scaled = fit((v) => v * 2 ** power, { convergence })
          expectBits(scaled.labels, plain.labels)
          expect(scaled.nIter).toBe(plain.nIter)
          expectBits(
            flat(scaled.clusterCenters),
            flat(plain.clusterCenters).map((v) => v * 2 ** power),
          )
          expect(scaled.inertia).toBe(plain.inertia * 2 ** power * 2 ** power)
        }
      }
    }
    const far = blobs(24, 300, 2, 4, 40).map((row) => row.map((v) => Math.round(v * 256) / 256))
    for (const offset of [2 ** 40, -(2 ** 40)]) {
      const shifted = far.map((row) => row.map((v) => v + offset)) // exact: 48 bits
      const [a, b] = [far, shifted].map((rows) => new KMeans({ nClusters: 4, randomState: 1 }).fit(rows))
      expectBits(b.labels, a.labels)
      // a center is a double near 1e12: the rest is exact
      expect(
        relativeError(
          b.clusterCenters.map((row) => row.map((v) => v - offset)),
          a.clusterCenters,
        ) * largest(a.clusterCenters),
      ).toBeLessThanOrEqual(2 ** 40 * EPS)
      expect(kmeansPlusPlus(shifted, 20, { randomState: 3 }).indices).toEqual(kmeansPlusPlus(far, 20, { randomState: 3 }).indices)
    }
  })

  it('permuted columns change nothing but the columns; permuted rows nothing but the labels', () => {
    const Y = blobs(25, 200, 3, 4, 10)
    const init = Y.slice(0, 4)
    const a = new KMeans({ nClusters: 4, init }).fit(Y)
    const order = [2, 0, 1]
    const b = new KMeans({ nClusters: 4, init: init.map((row) => order.map((j) => row[j])) }).fit(Y.map((row) => order.map((j) => row[j])))
    expect(b.labels).toEqual(a.labels)
    expect(b.clusterCenters).toEqual(a.clusterCenters.map((row) => order.map((j) => row[j])))
    const c = new KMeans({ nClusters: 4, init }).fit(Y.slice().reverse())
    expect(Array.from(c.labels)).toEqual(Array.from(a.labels).reverse())
    expect(c.clusterCenters).toEqual(a.clusterCenters)
  })
})

describe('the naive Lloyd', () => {
  it.each([1, 2, 3, 4, 5, 31, 32, 33, 127, 128, 129, 255, 256, 257, 511, 513, 1023, 1024, 1025, 2047, 2049, 3000])(
    '%i rows: every bit',
    (n) => {
      const u = uniforms(n)
      for (const [d, k] of [
        [1, 2],
        [2, 3],
        [3, 5],
        [9, 4],
        [17, 6],
        [33, 2],
      ]) {
        if (k > n) continue
        const X = blobs(100 + n, n, d, k, 2)
        for (const weights of [undefined, X.map((_, i) => (i % 7 === 3 ? 0 : 2 * u()))])
          expectNaive(X, X.slice(0, k), { tol: 1e-3, maxIter: n > 400 ? 4 : 20, weights })
      }
    },
  )

  it('10 000 small problems to the last bit: lattices with ties and duplicates, rows on a line, decimals', { timeout: 120_000 }, () => {
    const point = (d: number) => fc.array(fc.integer({ min: 0, max: 3 }), { minLength: d, maxLength: d })
    const fit = fc.integer({ min: 1, max: 3 }).chain((d) =>
      fc.record({
        X: fc.oneof(
          fc.array(point(d), { minLength: 1, maxLength: 14 }),
          fc
            .tuple(point(d), fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 14 }))
            .map(([way, steps]) => steps.map((t) => way.map((v) => 0.1 * t * v))),
          fc.array(
            fc.array(
              fc.integer({ min: 0, max: 1e6 }).map((v) => v / 1000),
              { minLength: d, maxLength: d },
            ),
            { minLength: 1, maxLength: 14 },
          ),
        ),
        init: fc.array(fc.oneof({ weight: 4, arbitrary: point(d) }, { weight: 1, arbitrary: fc.constant(new Array<number>(d).fill(50)) }), {
          minLength: 1,
          maxLength: 6,
        }),
        weights: fc.option(fc.array(fc.constantFrom(0, 0.1, 0.2, 0.3, 1, 2, 7), { minLength: 14, maxLength: 14 })),
        tol: fc.constantFrom(0, 1e-4, 0.013),
        maxIter: fc.constantFrom(1, 2, 3, 300),
        convergence: fc.constantFrom('centers' as const, 'mse' as const, 'mae' as const),
      }),
    )
    fc.assert(
      fc.property(fit, ({ X, init, weights: drawn, tol, maxIter, convergence }) => {
        // with weights only where sums are whole: halves of sums of decimals tie, and 2^-100 of a row that left decides a tie
        const weights = X.every((row) => row.every(Number.isInteger)) ? drawn?.slice(0, X.length) : undefined
        fc.pre(init.length <= X.length && (!weights || weights.some((w) => w > 0)))
        expectNaive(X, init, { tol, maxIter, weights, convergence })
      }),
      { numRuns: 10_000, seed: 20240607 },
    )
  })

  it('random decimals, some a million times finer than others', () => {
    const value = fc.oneof(
      fc.integer({ min: -1e9, max: 1e9 }).map((v) => v / 1e6),
      fc.integer({ min: -1e9, max: 1e9 }).map((v) => v / 1e12),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { minLength: 3, maxLength: 40 }), fc.integer({ min: 1, max: 3 }), (X, k) => {
        expectNaive(X, X.slice(0, k), { tol: 0, maxIter: 20 })
      }),
      { numRuns: 200, seed: 7 },
    )
  })

  it('rows that leave a cluster take their weight with them, and leave no rounding behind', () => {
    // 0.1 + 0.2 − 0.1 − 0.2 ≠ 0: what is left of cluster 0 must not become a center
    const X = [
      [10, 0],
      [11, 0.3],
      [0, 0],
      [0, 0],
      [0.1, 0],
    ]
    const init = [
      [5, 5],
      [0, 0],
      [1000, 1000],
      [2000, 2000],
    ]
    const model = expectNaive(X, init, { weights: [0.1, 0.2, 1, 1, 1], maxIter: 1 })
    expect(
      relativeError(model.clusterCenters, [
        [0.1 / 3, 0],
        [0.1 / 3, 0],
        [11, 0.3],
        [10, 0],
      ]),
    ).toBeLessThan(8 * EPS)
    // nearly all of the weight leaves
    const rest = expectNaive(
      [
        [10, 0],
        [5, 5.3],
        [0, 0],
        [0, 0],
        [0.1, 0],
      ],
      [
        [5, 5],
        [0, 0],
        [1000, 1000],
      ],
      { weights: [1e20, 1, 1, 1, 1], maxIter: 1 },
    )
    expect(
      relativeError(rest.clusterCenters, [
        [5, 5.3],
        [0.1 / 3, 0],
        [10, 0],
      ]),
    ).toBeLessThan(8 * EPS)
  })
})

describe('sampleWeight', () => {
  it('0 is an absent row', () => {
    const u = uniforms(30)
    const X = blobs(30, 200, 2, 3, 4)
    for (const convergence of ['centers', 'mse', 'mae'] as const)
      for (const tol of [0, 1e-4, 0.05]) {
        const weights = X.map(() => (u() < 0.4 ? 0 : 1 + u()))
        const far = X.map((row, i) => (weights[i] === 0 ? row.map((v) => v + 100) : row)) // where an absent row lies does not matter
        const kept = X.filter((_, i) => weights[i] > 0)
        const options = { nClusters: 3, init: X.slice(0, 3), convergence, tol, ...quiet }
        const [a, b] = [X, far].map((rows) => new KMeans(options).fit(rows, { sampleWeight: weights }))
        const c = new KMeans(options).fit(kept, { sampleWeight: weights.filter((w) => w > 0) })
        for (const model of [a, b]) {
          expect(model.clusterCenters).toEqual(c.clusterCenters)
          expect([model.inertia, model.nIter, model.converged]).toEqual([c.inertia, c.nIter, c.converged])
          expect(Array.from(model.labels).filter((_, i) => weights[i] > 0)).toEqual(Array.from(c.labels))
        }
      }
  })

  it('an absent row is never relocated', () => {
    const model = new KMeans({ nClusters: 2, init: [[0], [100]], ...quiet }).fit([[0], [1], [50]], { sampleWeight: [1, 1, 0] })
    expect(model.clusterCenters.map(([v]) => v)).toEqual([0, 1])
    expect(Array.from(model.labels)).toEqual([0, 1, 1]) // it is labelled all the same
  })

  it('may be any array of numbers', () => {
    const X = blobs(31, 40, 2, 2)
    const weights = X.map((_, i) => 1 + (i % 3))
    const options = { nClusters: 2, randomState: 0 }
    const expected = all(new KMeans(options).fit(X, { sampleWeight: weights }))
    for (const form of [Float64Array.from(weights), Uint8Array.from(weights), { ...weights, length: 40 }])
      expect(all(new KMeans(options).fit(X, { sampleWeight: form }))).toEqual(expected)
  })
})

describe('init', () => {
  const X = blobs(40, 150, 2, 4, 6)

  it('a function is asked once per run and gets X, k and a generator of uniform numbers', () => {
    for (const form of [X, Matrix.from(X), { data: flat(X), shape: [150, 2] }]) {
      const calls: { k: number; draws: number[] }[] = []
      const init = (given: Matrix, k: number, random: () => number) => {
        expect(given).toBeInstanceOf(Matrix)
        expect(given.shape).toEqual([150, 2])
        expect(given.toArray()).toEqual(X)
        const draws = [random(), random(), random()]
        calls.push({ k, draws })
        return draws.map((v) => given.row(Math.floor(v * 150)))
      }
      const options = { nClusters: 3, init, nInit: 5, randomState: 9 }
      const first = all(new KMeans(options).fit(form))
      expect(calls.map((c) => c.k)).toEqual([3, 3, 3, 3, 3])
      const draws = calls.flatMap((c) => c.draws)
      expect(draws.every((v) => v >= 0 && v < 1)).toBe(true)
      expect(new Set(draws).size).toBe(15) // every run has a stream of its own
      expect(all(new KMeans(options).fit(form))).toEqual(first)
      expect(calls.slice(5).flatMap((c) => c.draws)).toEqual(draws)
    }
  })

  it('nInit keeps the lowest inertia, the first of equals', () => {
    const starts = Array.from({ length: 6 }, (_, r) => X.slice(5 * r, 5 * r + 5))
    const alone = starts.map((init) => all(new KMeans({ nClusters: 5, init }).fit(X)))
    let run = 0
    const best = new KMeans({ nClusters: 5, nInit: 6, init: () => starts[run++] }).fit(X)
    const lowest = Math.min(...alone.map((r) => r.inertia))
    expect(new Set(alone.map((r) => r.inertia)).size).toBeGreaterThan(1)
    expect(all(best)).toEqual(alone.find((r) => r.inertia === lowest))
  })

  it("'random' chooses distinct rows, never one of weight zero", () => {
    const rows = Array.from({ length: 12 }, (_, i) => [i * i])
    const weights = rows.map((_, i) => i % 2)
    // inertia of the first iteration is that of the chosen rows themselves: 0 if all are there, whatever relocation would mend later
    const atFirst = (nClusters: number, randomState: number, sampleWeight?: number[]) => {
      let inertia = Number.NaN
      new KMeans({ nClusters, init: 'random', nInit: 1, randomState, ...quiet }).fit(rows, {
        sampleWeight,
        onIteration: (e) => ((inertia = e.inertia), false),
      })
      return inertia
    }
    for (let seed = 0; seed < 100; seed++) {
      expect(atFirst(6, seed, weights)).toBe(0)
      expect(atFirst(12, seed)).toBe(0)
      expect(atFirst(11, seed)).toBeLessThanOrEqual(23 ** 2)
      expect(atFirst(5, seed, weights)).toBeGreaterThan(0)
    }
    expect(() => new KMeans({ nClusters: 7, init: 'random' }).fit(rows, { sampleWeight: weights })).toThrow(RangeError)
  })

  it("'random' gives every row the same chance, or one in proportion to its weight", () => {
    const rows = [[0], [1], [2], [3], [4]]
    const chosen = (sampleWeight?: number[]) => {
      const counts = new Array<number>(5).fill(0)
      // with one center and rows this few the first center shows in what the callback of iteration 1 hears: inertia about it
      const inertias = rows.map(([c]) => rows.reduce((s, [x], i) => s + (sampleWeight?.[i] ?? 1) * (x - c) ** 2, 0))
      for (let randomState = 0; randomState < 2000; randomState++)
        new KMeans({ nClusters: 1, init: 'random', nInit: 1, maxIter: 1, randomState, ...quiet }).fit(rows, {
          sampleWeight,
          onIteration: (e) => counts[inertias.indexOf(e.inertia)]++,
        })
      return counts
    }
    // with weights 0, 1, 10, 100, 10 the inertias differ from row to row; without, they come in pairs
    const p = [0, 1, 10, 100, 10].map((w) => w / 121)
    chosen([0, 1, 10, 100, 10]).forEach((count, i) =>
      expect(Math.abs(count - 2000 * p[i])).toBeLessThanOrEqual(4.5 * Math.sqrt(2000 * p[i] * (1 - p[i]))),
    )
    const [ends, near, middle] = chosen()
    for (const [count, q] of [
      [ends, 0.4],
      [near, 0.4],
      [middle, 0.2],
    ])
      expect(Math.abs(count - 2000 * q)).toBeLessThan(4.5 * Math.sqrt(2000 * q * (1 - q)))
  })
})

describe('stopping', () => {
  const X = blobs(50, 400, 2, 8, 3)
  const init = X.slice(0, 6)

  it.each(['centers', 'mse', 'mae'] as const)("convergence '%s' stops when the naive one does", (convergence) => {
    const iterations = [0, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 1].map((tol) => expectNaive(X, init, { convergence, tol }).nIter)
    expect(iterations).toEqual(iterations.slice().sort((a, b) => b - a))
    expect(new Set(iterations).size).toBeGreaterThan(3)
  })

  it('tol is relative: centers to the variance of X, mse and mae to their former value', () => {
    for (const convergence of ['centers', 'mse', 'mae'] as const) {
      const tol = 0.003
      const model = new KMeans({ nClusters: 6, init, tol, convergence }).fit(X)
      const scaled = new KMeans({ nClusters: 6, init: init.map((r) => r.map((v) => v * 1024)), tol, convergence }).fit(
        X.map((r) => r.map((v) => v * 1024)),
      )
      expect(scaled.nIter).toBe(model.nIter)
    }
    // by hand, from the trace of a long run
    const { trace } = naiveLloyd(X, init, { tol: 0 })
    const threshold = 0.003 * (naiveMoments(X).variance.reduce((s, v) => s + v, 0) / 2)
    expect(new KMeans({ nClusters: 6, init, tol: 0.003 }).fit(X).nIter).toBe(1 + trace.findIndex((t) => t.shift ** 2 <= threshold))
    const falls = trace.map((t, i) => i > 0 && trace[i - 1].inertia - t.inertia <= 0.003 * trace[i - 1].inertia)
    expect(new KMeans({ nClusters: 6, init, tol: 0.003, convergence: 'mse' }).fit(X).nIter).toBe(1 + falls.indexOf(true))
  })

  it('after a stop by tolerance or maxIter the labels fit the last centers', () => {
    for (const options of [{ tol: 0.1 }, { maxIter: 2 }, { maxIter: 1, tol: 0 }] as KMeansOptions[]) {
      const model = new KMeans({ nClusters: 6, init, ...options, ...quiet }).fit(X)
      expectBits(model.labels, naiveAssign(X, model.clusterCenters).labels)
      expect(relativeError(model.inertia, naiveInertia(X, model.clusterCenters, model.labels))).toBeLessThan(400 * EPS)
    }
  })

  it('onIteration: false stops, keeping the best so far, without a warning', () => {
    const warnings: Warning[] = []
    const options: KMeansOptions = { nClusters: 6, init, tol: 0, onWarning: (w) => warnings.push(w) }
    const events: number[] = []
    const stopped = new KMeans(options).fit(X, { onIteration: (e) => events.push(e.iteration) < 3 })
    expect(events).toEqual([1, 2, 3])
    expect(warnings).toEqual([])
    const three = new KMeans({ ...options, maxIter: 3 }).fit(X)
    expect(all(stopped)).toEqual(all(three))
    expect(stopped.converged).toBe(false)
    expect(warnings.map((w) => w.code)).toEqual(['not-converged'])
  })

  it.each([0, 1, 2])('stopped in the first iteration of run %i, the runs before it count', (at) => {
    const runs: number[] = []
    const options: KMeansOptions = { nClusters: 6, init: 'random', nInit: 5, randomState: 4, ...quiet }
    const model = new KMeans(options).fit(X, { onIteration: (e) => (runs.push(e.run), e.run < at) })
    expect(Math.max(...runs)).toBe(at)
    expectBits(model.predict(X), model.labels)
    // run by run the same streams: the first `at` runs are those of nInit = at, and the stopped one is a run of one iteration
    if (at > 0) expect(model.inertia).toBeLessThanOrEqual(new KMeans({ ...options, nInit: at }).fit(X).inertia)
  })

  it('only false stops', () => {
    const expected = all(new KMeans({ nClusters: 6, init }).fit(X))
    for (const answer of [undefined, null, 0, '', true])
      expect(all(new KMeans({ nClusters: 6, init }).fit(X, { onIteration: () => answer }))).toEqual(expected)
  })

  it('a fit inside onIteration or inside init changes nothing outside', () => {
    const expected = all(new KMeans({ nClusters: 6, init }).fit(X))
    const inner = () => new KMeans({ nClusters: 40, randomState: 0 }).fit(blobs(51, 3000, 4, 40))
    const model = new KMeans({ nClusters: 6, init })
    model.fit(X, { onIteration: () => void inner().predict(rowsOf(9, 4, uniforms(1))) })
    expect(all(model)).toEqual(expected)
    expect(all(new KMeans({ nClusters: 6, nInit: 1, init: () => (inner(), init) }).fit(X))).toEqual(expected)
  })
})

describe('kmeansPlusPlus', () => {
  const X = blobs(60, 500, 3, 10, 5)

  it('kmeans_plusplus_output: valid, distinct indices, centers are rows of X', () => {
    for (const [k, nLocalTrials] of [
      [1, undefined],
      [2, 1],
      [10, null],
      [10, 5],
      [100, undefined],
    ] as const)
      for (const sampleWeight of [undefined, X.map((_, i) => 1 + (i % 4))])
        for (const form of [
          X,
          Matrix.from(X),
          { data: Float64Array.from({ length: 1500 }, (_, i) => X[i % 500][Math.floor(i / 500)]), shape: [500, 3], strides: [1, 500] },
        ]) {
          const { centers, indices } = kmeansPlusPlus(form, k, { randomState: 7, nLocalTrials, sampleWeight })
          expect(indices).toBeInstanceOf(Int32Array)
          expect(new Set(indices).size).toBe(k)
          expect(centers).toEqual(Array.from(indices, (i) => X[i]))
          // kmeans_plusplus_dataorder: the form does not matter
          expect(kmeansPlusPlus(X, k, { randomState: 7, nLocalTrials, sampleWeight }).indices).toEqual(indices)
        }
    const seeds = new Set(Array.from({ length: 20 }, (_, randomState) => kmeansPlusPlus(X, 5, { randomState }).indices.join()))
    expect(seeds.size).toBe(20)
    expect(new Set([1, 2, 3, 4].map(() => kmeansPlusPlus(X, 5).indices.join())).size).toBeGreaterThan(1)
  })

  it('sample_weight_zero: rows of weight zero are never chosen', () => {
    for (let randomState = 0; randomState < 50; randomState++) {
      const sampleWeight = X.map((_, i) => (i % 3 === randomState % 3 ? 0.5 : 0))
      const { indices } = kmeansPlusPlus(X, 20, { randomState, sampleWeight })
      expect(indices.every((i) => sampleWeight[i] > 0)).toBe(true)
      expect(new Set(indices).size).toBe(20)
      // fewer rows with weight than centers: they repeat
      const few = kmeansPlusPlus(X, 5, { randomState, sampleWeight: X.map((_, i) => Number(i === 100 || i === 499)) }).indices
      expect(new Set(few)).toEqual(new Set([100, 499]))
      expect(kmeansPlusPlus(X, 3, { randomState, sampleWeight: X.map((_, i) => Number(i === 499)) }).indices).toEqual(
        Int32Array.of(499, 499, 499),
      )
    }
  })

  it('duplicates: distinct rows first, then any', () => {
    const duplicates = Array.from({ length: 60 }, (_, i) => [i % 3, 0])
    for (let randomState = 0; randomState < 20; randomState++)
      for (const nLocalTrials of [1, null]) {
        const { centers } = kmeansPlusPlus(duplicates, 6, { randomState, nLocalTrials })
        expect(
          centers
            .slice(0, 3)
            .map(([v]) => v)
            .sort(),
        ).toEqual([0, 1, 2])
        expect(kmeansPlusPlus([[4], [4], [4]], 3, { randomState, nLocalTrials }).centers).toEqual([[4], [4], [4]])
      }
  })

  it('draws by squared distance and weight: frequencies of 4000 seeds', () => {
    // first row ∝ weight, second ∝ weight · squared distance to it; 4.5σ: one false alarm in 150 000 per number
    const rows = [[0], [1], [3], [3.5]]
    const runs = 4000
    for (const sampleWeight of [undefined, [1, 2, 0, 4]]) {
      const w = sampleWeight ?? [1, 1, 1, 1]
      const total = w.reduce((s, v) => s + v, 0)
      const counts = new Map<string, number>()
      for (let randomState = 0; randomState < runs; randomState++) {
        const pair = kmeansPlusPlus(rows, 2, { randomState, nLocalTrials: 1, sampleWeight }).indices.join()
        counts.set(pair, (counts.get(pair) ?? 0) + 1)
      }
      rows.forEach(([a], i) => {
        const mass = rows.map(([b], j) => w[j] * (a - b) ** 2)
        const sum = mass.reduce((s, v) => s + v, 0)
        mass.forEach((m, j) => {
          const p = (w[i] / total) * (m / sum)
          expect(Math.abs((counts.get(`${i},${j}`) ?? 0) - runs * p), `${i},${j}`).toBeLessThanOrEqual(4.5 * Math.sqrt(runs * p * (1 - p)))
        })
      })
    }
  })

  it('draws beyond the first slot of rows as well as in it', () => {
    // one far row in each of five slots; two centers: the far rows hold nearly all potential and share it evenly
    const n = 5 * 1024
    const far = [100, 1500, 2500, 4095, 5119]
    const x = new Float64Array(n)
    for (const i of far) x[i] = 1000
    const counts = new Map<number, number>()
    for (let randomState = 0; randomState < 500; randomState++) {
      const { indices } = kmeansPlusPlus({ data: x, shape: [n, 1] }, 2, { randomState, nLocalTrials: 1 })
      if (!far.includes(indices[0])) counts.set(indices[1], (counts.get(indices[1]) ?? 0) + 1)
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual(far)
    for (const count of counts.values()) expect(Math.abs(count - 100)).toBeLessThan(4.5 * Math.sqrt(500 * 0.2 * 0.8))
  })

  it('more trials leave less potential on average, and far clusters are all found', () => {
    const potential = (nLocalTrials?: number) => {
      let sum = 0
      for (let randomState = 0; randomState < 40; randomState++) {
        const { centers } = kmeansPlusPlus(X, 10, { randomState, nLocalTrials })
        sum += naiveAssign(X, centers).best.reduce((s, v) => s + v, 0)
      }
      return sum
    }
    const [one, greedy, many] = [potential(1), potential(), potential(20)]
    expect(greedy).toBeLessThan(one)
    expect(many).toBeLessThan(greedy)
    const islands = Array.from({ length: 80 }, (_, i) => [1e6 * (i % 8), (i * 7919) % 13])
    for (let randomState = 0; randomState < 20; randomState++)
      expect(new Set(kmeansPlusPlus(islands, 8, { randomState }).indices.map((i) => i % 8)).size).toBe(8)
  })

  it('kmeans_plusplus_wrong_params', () => {
    expect(() => kmeansPlusPlus(X, 0)).toThrow(RangeError)
    expect(() => kmeansPlusPlus(X, 2.5)).toThrow(RangeError)
    expect(() => kmeansPlusPlus(X, '2' as never)).toThrow(TypeError)
    expect(() => kmeansPlusPlus(X, 501)).toThrow(/at least k = 501 rows, got 500/)
    expect(() => kmeansPlusPlus(X, 2, { nLocalTrials: 0 })).toThrow(RangeError)
    expect(() => kmeansPlusPlus(X, 2, { nLocalTrials: '3' as never })).toThrow(TypeError)
    expect(() => kmeansPlusPlus(X, 2, { randomState: -1 })).toThrow(RangeError)
    expect(() => kmeansPlusPlus(X, 2, { n_local_trials: 3 } as never)).toThrow(/nLocalTrials/)
    expect(() => kmeansPlusPlus(X, 2, { sampleWeight: [1, 2] })).toThrow(RangeError)
    expect(() => kmeansPlusPlus(X, 2, { sampleWeight: X.map(() => 0) })).toThrow(RangeError)
    expect(() => kmeansPlusPlus([[1], [Number.NaN]], 1)).toThrow(/row 1, column 0/)
    expect(() => kmeansPlusPlus([1, 2, 3] as never, 1)).toThrow(/map\(v => \[v\]\)/)
  })

  it('finds a value that is not finite wherever it is, whatever the start, before anything is reported or changed', () => {
    const n = 700
    const random = uniforms(3)
    const spread = Array.from({ length: n }, () => [random(), random(), random()])
    const constant = Array.from({ length: n }, () => [5, 5, 5])
    const starts: KMeansOptions['init'][] = [
      'k-means++',
      'random',
      spread.slice(0, 2),
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
      () => spread.slice(0, 2),
    ]
    const model = new KMeans({ nClusters: 2, randomState: 1, ...quiet }).fit(spread)
    const before = all(model)
    for (const init of starts)
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
        for (const at of [0, 255 * 3 + 2, 256 * 3 + 1, 699 * 3 + 2])
          for (const rows of [spread, constant])
            for (const options of [{ tol: 0 }, { tol: 1e-4 }, { nInit: 2 }]) {
              const X = rows.map((row) => [...row])
              X[n - 1][2] = Number.NaN
              X[Math.floor(at / 3)][at % 3] = bad // named, as it is the first
              let reports = 0
              const fit = () => model.setParams({ init, nInit: 'auto', tol: 1e-4, ...options }).fit(X, { onIteration: () => reports++ })
              expect(fit).toThrow(`X: expected finite numbers, got ${bad} at row ${Math.floor(at / 3)}, column ${at % 3}.`)
              expect(reports).toBe(0)
            }
    expect(all(model)).toEqual(before)
  })

  it('takes rows whose squares overflow, or leave no scale, for finite', () => {
    for (const X of [
      [[1e200], [-1e200], [1], [2]],
      [[0], [0], [0], [0]],
      [[1e-200], [2e-200], [-1e-200], [0]],
    ])
      for (const init of [
        [[0], [1]],
        [[0], [0]],
      ])
        try {
          new KMeans({ nClusters: 2, init, maxIter: 2, ...quiet }).fit(X)
        } catch (error) {
          expect(String(error)).toMatch(/squared distances up to 1.8e308, got/)
        }
  })
})

describe('warnings', () => {
  const X = blobs(70, 60, 2, 4)

  it('each has a code and a message, once per fit', () => {
    const heard = (options: KMeansOptions, rows = X) => {
      const warnings: Warning[] = []
      new KMeans({ nClusters: 3, randomState: 0, ...options, onWarning: (w) => warnings.push(w) }).fit(rows)
      expect(warnings.every((w) => w.message.length > 20)).toBe(true)
      return warnings.map((w) => w.code)
    }
    expect(heard({})).toEqual([])
    expect(heard({ init: X.slice(0, 3), nInit: 10 })).toEqual(['single-init'])
    expect(heard({ init: X.slice(0, 3), nInit: 1 })).toEqual([])
    expect(heard({ init: X.slice(0, 3) })).toEqual([])
    expect(heard({ maxIter: 1, tol: 0 })).toEqual(['not-converged'])
    expect(heard({ maxIter: 1, tol: 0, nInit: 7, init: 'random' })).toEqual(['not-converged'])
    expect(heard({}, [[1], [1], [2]])).toEqual(['fewer-clusters'])
    expect(heard({ nInit: 5, init: 'random' }, [[1], [1], [1]])).toEqual(['fewer-clusters'])
  })

  it('go to console.warn without a listener, not with one', () => {
    const spy = vi.spyOn(console, 'warn').mockImplementation(() => {})
    try {
      new KMeans({ nClusters: 2 }).fit([[1], [1]])
      expect(spy).toHaveBeenCalledTimes(1)
      expect(spy.mock.calls[0][0]).toMatch(/distinct clusters/)
      new KMeans({ nClusters: 2, ...quiet }).fit([[1], [1]])
      new KMeans({ nClusters: 2 }).setParams(quiet).fit([[1], [1]])
      expect(spy).toHaveBeenCalledTimes(1)
    } finally {
      spy.mockRestore()
    }
  })
})

describe('small and degenerate data', () => {
  it('one sample, as many clusters as rows, one cluster, identical rows', () => {
    expect(all(new KMeans({ nClusters: 1 }).fit([[3, -4]]))).toMatchObject({ centers: [[3, -4]], labels: [0], inertia: 0, converged: true })
    const rows = [
      [0, 1],
      [5, 2],
      [-3, 4],
      [8, 8],
    ]
    for (const init of ['k-means++', 'random'] as const) {
      const model = new KMeans({ nClusters: 4, init, randomState: 0 }).fit(rows)
      expect(model.inertia).toBe(0)
      expect(Array.from(model.labels, (label) => model.clusterCenters[label])).toEqual(rows)
    }
    const one = new KMeans({ nClusters: 1 }).fit(rows)
    expect(one.clusterCenters).toEqual([[2.5, 3.75]])
    expect(one.labels).toEqual(Int32Array.of(0, 0, 0, 0))
    const same = new KMeans({ nClusters: 3, randomState: 0, ...quiet }).fit(new Array(50).fill([7, 7]))
    expect(all(same)).toMatchObject({
      centers: [
        [7, 7],
        [7, 7],
        [7, 7],
      ],
      labels: new Array(50).fill(0),
      inertia: 0,
      converged: true,
    })
    for (const convergence of ['mse', 'mae'] as const)
      expect(new KMeans({ nClusters: 2, convergence, ...quiet }).fit([[1], [1]]).converged).toBe(true)
  })

  it('a few distinct rows of any doubles, weighted or not: more clusters than those settle at once', () => {
    for (let seed = 0; seed < 60; seed++) {
      const u = uniforms(seed)
      const d = [1, 2, 5][seed % 3]
      const distinct = rowsOf(5, d, () => 10 * u())
      const rows = Array.from({ length: 100 }, () => distinct[Math.floor(5 * u())])
      for (const sampleWeight of [undefined, rows.map(() => u())])
        for (const init of ['k-means++', 'random'] as const) {
          const model = new KMeans({ nClusters: 8, init, nInit: 1, tol: 0, randomState: seed, ...quiet }).fit(rows, { sampleWeight })
          expect(model.converged, `seed ${seed}, ${init}${sampleWeight ? ', weighted' : ''}`).toBe(true)
          expect(model.nIter).toBeLessThan(20)
          if (init === 'k-means++') expect(model.inertia).toBeLessThan(1e-26) // each row of 10 within an ulp of its center
        }
    }
  })

  it('constant columns and a single distinct row apart', () => {
    const model = new KMeans({ nClusters: 2, randomState: 0 }).fit([
      [1, 5],
      [1, 5],
      [1, 5],
      [1, 6],
    ])
    expect(model.inertia).toBe(0)
    expect(samePartition(model.labels, [0, 0, 0, 1])).toBe(true)
  })

  it('squares beyond the largest double are refused, not guessed at', () => {
    const X = blobs(81, 60, 2, 3)
    const model = new KMeans({ nClusters: 3, randomState: 0, ...quiet }).fit(X)
    const before = model.toJSON()
    for (const scale of [1e155, 1e200, 1e300])
      expect(() => model.fit(X.map((row) => row.map((v) => v * scale)))).toThrow(/squared distances up to 1.8e308, got/)
    expect(() => model.fit(X, { sampleWeight: X.map(() => 1e307) })).toThrow(/finite sum/)
    expect(model.toJSON()).toEqual(before)
    expect(model.fit(X, { sampleWeight: X.map(() => 1e300) }).clusterCenters).toHaveLength(3)
    // squares below the smallest double are 0: rows that near each other are one point, and the warning says so
    const warnings: Warning[] = []
    new KMeans({ nClusters: 3, randomState: 0, onWarning: (w) => warnings.push(w) }).fit(X.map((row) => row.map((v) => v * 1e-170)))
    expect(warnings.map((w) => w.code)).toEqual(['fewer-clusters'])
  })

  it('zero rows to predict give empty results', () => {
    const model = new KMeans({ nClusters: 2, randomState: 0 }).fit([
      [1, 2],
      [3, 4],
    ])
    expect(model.predict(Matrix.zeros(0, 2))).toEqual(new Int32Array(0))
    expect(model.transform(Matrix.zeros(0, 2)).shape).toEqual([0, 2])
  })

  it('many clusters and many columns', () => {
    const X = blobs(80, 600, 70, 40, 3)
    expectNaive(X, X.slice(0, 150), { maxIter: 2 })
  })
})
