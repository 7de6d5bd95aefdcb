// MiniBatchKMeans: scikit-learn's partial_fit (golden/mini-batch.json), its portable tests restated (named as there), a naive fit bit for bit,
// what partialFit keeps, symmetries.
import { describe, expect, it } from 'vitest'
import { KMeans, Matrix, MiniBatchKMeans, type MiniBatchKMeansOptions, NotFittedError, type Warning } from '../src/index.ts'
import { Random } from '../src/random.ts'
import golden from './golden/mini-batch.json' with { type: 'json' }
import { EPS, blobs, distanceRounding, expectBits, expectClose, flat, maxUlps, relativeError, rowsOf, uniforms } from './near.ts'
import { exactProduct, exactSum, naiveAssign, naiveInertia, naiveMoments, naiveSquaredDistances } from './oracle.ts'

const quiet = { onWarning: () => {} }
const range = (n: number) => Array.from({ length: n }, (_, i) => i)
const state = (model: MiniBatchKMeans) => JSON.parse(JSON.stringify(model)).fitted
const sameBits = (a: MiniBatchKMeans, b: MiniBatchKMeans) =>
  expect(JSON.stringify(a.toJSON().fitted)).toBe(JSON.stringify(b.toJSON().fitted))

function samePartition(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  const pairs = new Set(Array.from(a, (label, i) => `${label},${b[i]}`))
  return pairs.size === new Set(Array.from(a)).size && pairs.size === new Set(Array.from(b)).size
}

// ------------------------------------------------------------------------------------------------------------------- oracle

/** c ← (W·c + Σ w·x)/(W + Σ w), rounded once; W ← W + Σ w. The inertia is that before. */
function naiveStep(batch: number[][], centers: number[][], counts: number[], weights?: number[]) {
  const { labels } = naiveAssign(batch, centers)
  const inertia = naiveInertia(batch, centers, labels, weights)
  const weight = (i: number) => weights?.[i] ?? 1
  const next = centers.map((center, c) => {
    const rows = range(batch.length).filter((i) => labels[i] === c && weight(i) > 0)
    if (rows.length === 0) return center.slice()
    const under = exactSum([counts[c], ...rows.map(weight)])
    return center.map((v, j) => {
      const terms = [...exactProduct(counts[c], v), ...rows.flatMap((i) => exactProduct(weight(i), batch[i][j]))]
      const first = exactSum(terms) / under
      return (
        first + exactSum([...terms, ...exactProduct(-first, counts[c]), ...rows.flatMap((i) => exactProduct(-first, weight(i)))]) / under
      )
    })
  })
  const nextCounts = counts.map((count, c) =>
    exactSum([count, ...range(batch.length).flatMap((i) => (labels[i] === c ? [weight(i)] : []))]),
  )
  return { centers: next, counts: nextCounts, inertia }
}

/** Centers with few rows go to distinct rows of the batch. */
function naiveReassign(batch: number[][], centers: number[][], counts: number[], ratio: number, random: Random): number {
  let few = range(counts.length).filter((c) => counts[c] < ratio * Math.max(...counts))
  few.sort((a, b) => counts[a] - counts[b] || a - b)
  if (few.length > batch.length / 2) few = few.slice(0, Math.floor(batch.length / 2))
  if (few.length === 0) return 0
  const rows = range(batch.length) // Fisher–Yates from the top
  few.forEach((c, i) => {
    const last = batch.length - 1 - i
    const r = random.below(last + 1)
    centers[c] = batch[rows[r]].slice()
    rows[r] = rows[last]
  })
  const least = Math.min(
    ...range(counts.length)
      .filter((c) => !few.includes(c))
      .map((c) => counts[c]),
  )
  if (least < Infinity) for (const c of few) counts[c] = least
  return few.length
}

/** The whole of fit from given centers. Batches are those of the seed: row numbers of step s come from the stream (seed, 2, s). */
function naiveFit(
  X: number[][],
  init: number[][],
  options: Required<Pick<MiniBatchKMeansOptions, 'batchSize' | 'maxIter' | 'tol' | 'reassignmentRatio'>> & {
    maxNoImprovement: number | null
    seed: number
  },
) {
  const [n, k] = [X.length, init.length]
  const { batchSize, maxIter, tol, maxNoImprovement, reassignmentRatio, seed } = options
  const batch = Math.min(batchSize, n)
  const { variance } = naiveMoments(X)
  const threshold = (tol * variance.reduce((s, v) => s + v, 0)) / variance.length
  const alpha = Math.min(1, (2 * batch) / (n + 1))
  let centers = init.map((row) => row.slice())
  let counts = init.map(() => 0)
  let [since, steps, idle, reassigned] = [0, 0, 0, 0]
  let average: number | undefined
  let least: number | undefined
  let converged = false
  while (steps < Math.floor((maxIter * n) / batch) && !converged) {
    const draw = new Random(seed, 2, steps)
    const rows = range(batch).map(() => X[draw.below(n)])
    since += batch
    const due = counts.includes(0) || since >= 10 * k
    if (due) since = 0
    const next = naiveStep(rows, centers, counts)
    if (due && reassignmentRatio > 0)
      reassigned += naiveReassign(rows, next.centers, next.counts, reassignmentRatio, new Random(seed, 3, steps))
    let shift = 0
    for (let c = 0; c < k; c++) for (let j = 0; j < X[0].length; j++) shift += (next.centers[c][j] - centers[c][j]) ** 2
    centers = next.centers
    counts = next.counts
    steps++
    if (steps === 1) continue
    const inertia = next.inertia / batch
    average = average === undefined ? inertia : average * (1 - alpha) + inertia * alpha
    if (threshold > 0 && shift <= threshold) converged = true
    else {
      if (least === undefined || average < least) [least, idle] = [average, 0]
      else idle++
      converged = maxNoImprovement !== null && idle >= maxNoImprovement
    }
  }
  return {
    centers,
    counts,
    nSteps: steps,
    nIter: Math.ceil((steps * batch) / n),
    converged,
    reassigned,
    labels: naiveAssign(X, centers).labels,
  }
}

describe('the naive fit, bit for bit', () => {
  const defaults = { batchSize: 1024, maxIter: 100, tol: 0, maxNoImprovement: 10, reassignmentRatio: 0.01 }
  const cases: [number, number, number, Partial<MiniBatchKMeansOptions>][] = [
    [200, 2, 3, {}],
    [200, 2, 3, { batchSize: 20 }],
    [200, 2, 5, { batchSize: 7, maxIter: 3, maxNoImprovement: null }],
    [200, 2, 5, { batchSize: 7, reassignmentRatio: 0, tol: 0.001 }],
    [100, 3, 20, { batchSize: 10, maxIter: 4, maxNoImprovement: null }],
    [100, 3, 20, { batchSize: 10, maxIter: 4, maxNoImprovement: null, reassignmentRatio: 0.5 }],
    [100, 3, 20, { batchSize: 10, maxIter: 4, maxNoImprovement: null, reassignmentRatio: 1 }],
    [100, 3, 20, { batchSize: 10, maxIter: 2, maxNoImprovement: null, reassignmentRatio: 3 }],
    [150, 9, 8, { batchSize: 33, maxNoImprovement: 0 }],
    [150, 9, 8, { batchSize: 33, maxNoImprovement: 3 }],
    [150, 9, 8, { batchSize: 33, maxNoImprovement: null, tol: 0.01 }],
    [150, 1, 1, { batchSize: 1, maxNoImprovement: 5 }],
    [30, 4, 30, { batchSize: 30, maxIter: 3 }],
    [1500, 5, 4, { batchSize: 1100, maxIter: 3, maxNoImprovement: null }],
  ]
  it.each(cases)('%i×%i, K = %i, %o', (n, d, k, given) => {
    for (const seed of [1, 2, 3]) {
      const X = blobs(seed + n, n, d, 6, 4)
      const options = { ...defaults, ...given }
      const expected = naiveFit(X, X.slice(0, k), { ...options, seed })
      const model = new MiniBatchKMeans({ nClusters: k, init: X.slice(0, k), randomState: seed, ...given, ...quiet }).fit(X)
      expect(model.nSteps).toBe(expected.nSteps)
      expectBits(flat(model.clusterCenters), flat(expected.centers), 'centers')
      expectBits(state(model).counts, expected.counts, 'counts')
      expectBits(model.labels, expected.labels, 'labels')
      expect(model.nIter).toBe(expected.nIter)
      expect(model.converged).toBe(expected.converged)
      expect(relativeError(model.inertia, naiveInertia(X, expected.centers, expected.labels))).toBeLessThan(n * EPS)
    }
  })

  it('reassignment does happen in some of them', () => {
    const X = blobs(101, 100, 3, 6, 4)
    const options = { ...defaults, batchSize: 10, maxIter: 4, maxNoImprovement: null, seed: 1 }
    expect(naiveFit(X, X.slice(0, 20), { ...options, reassignmentRatio: 0.5 }).reassigned).toBeGreaterThan(10)
  })

  it('partialFit: weighted steps', () => {
    const u = uniforms(5)
    const X = blobs(5, 90, 3, 4, 5)
    const weights = X.map(() => 0.1 + 3 * u())
    const model = new MiniBatchKMeans({ nClusters: 4, init: X.slice(0, 4), reassignmentRatio: 0 })
    let centers = X.slice(0, 4)
    let counts = [0, 0, 0, 0]
    for (let begin = 0; begin < 90; begin += 18) {
      const batch = X.slice(begin, begin + 18)
      const own = weights.slice(begin, begin + 18)
      const next = naiveStep(batch, centers, counts, own)
      centers = next.centers
      model.partialFit(batch, { sampleWeight: own })
      expectBits(flat(model.clusterCenters), flat(centers), 'centers')
      counts = state(model).counts
      expect(maxUlps(counts, next.counts)).toBeLessThanOrEqual(1) // exactSum adds up three parts, which rounds twice
      expect(Array.from(model.labels)).toEqual(naiveAssign(batch, centers).labels)
    }
  })
})

// -------------------------------------------------------------------------------------------------------------- scikit-learn

describe('scikit-learn', () => {
  it.each(golden.cases.map((c, number) => ({ ...c, number })))(
    'partial_fit, case $number',
    ({ X, weights, k, batch, reassignmentRatio, steps }) => {
      const model = new MiniBatchKMeans({ nClusters: k, init: X.slice(0, k), reassignmentRatio })
      steps.forEach((expected, s) => {
        const part = [s * batch, (s + 1) * batch]
        model.partialFit(X.slice(...part), { sampleWeight: weights?.slice(...part) })
        expect(Array.from(model.labels)).toEqual(expected.labels)
        // theirs is rounded at every addition: up to `batch` roundings a step (measured: 2 EPS; the inertia loses the offset's digits)
        expect(relativeError(model.clusterCenters, expected.centers)).toBeLessThan((s + 1) * 8 * EPS)
        expect(relativeError(state(model).counts, expected.counts)).toBeLessThan((s + 1) * 8 * EPS)
        expect(relativeError(model.inertia, expected.inertia)).toBeLessThan(1e-12)
        expect(model.nSteps).toBe(s + 1)
      })
    },
  )

  const threeBlobs = blobs(2, 250, 5, 3, 12)
  const truth = threeBlobs.map((_, i) => i % 3)
  const inits: [MiniBatchKMeansOptions['init']][] = [['k-means++'], ['random'], [threeBlobs.slice(0, 3)], [() => threeBlobs.slice(0, 3)]]

  it.each(inits)('all_init: %o recovers the clusters', (init) => {
    const model = new MiniBatchKMeans({
      nClusters: 3,
      init,
      nInit: init === 'random' ? 10 : 'auto',
      batchSize: 50,
      randomState: 42,
      ...quiet,
    }).fit(threeBlobs)
    expect(samePartition(model.labels, truth)).toBe(true)
  })

  it.each(inits)('minibatch_kmeans_partial_fit_init: %o recovers the clusters', (init) => {
    const model = new MiniBatchKMeans({ nClusters: 3, init, randomState: 8, ...quiet })
    for (let i = 0; i < 100; i++) model.partialFit(threeBlobs)
    expect(samePartition(model.labels, truth)).toBe(true)
    expect(model).toMatchObject({ nSteps: 100, nIter: 0, converged: false, nFeaturesIn: 5 })
  })

  it('minibatch_update_consistency: a step lowers the inertia of its batch', () => {
    const batch = threeBlobs.slice(0, 10)
    const start = rowsOf(3, 5, uniforms(1))
    const model = new MiniBatchKMeans({ nClusters: 3, init: start, reassignmentRatio: 0 }).partialFit(batch)
    const before = naiveInertia(batch, start, naiveAssign(batch, start).labels)
    expect(model.inertia).toBeLessThan(before)
    expect(model.inertia).toBeCloseTo(-model.score(batch), 10)
  })

  it('n_init_auto, kmeans_init_auto_with_initial_centroids: how often a function is asked', () => {
    const asked = (nInit: MiniBatchKMeansOptions['nInit']) => {
      let count = 0
      new MiniBatchKMeans({ nClusters: 3, nInit, init: (X, k) => (count++, X.toArray().slice(0, k)), ...quiet }).fit(threeBlobs)
      return count
    }
    expect([asked('auto'), asked(undefined), asked(1), asked(5)]).toEqual([3, 3, 1, 5])
  })

  it('n_init: of several first centers those are kept that suit the validation sample best', () => {
    const good = threeBlobs.slice(0, 3)
    const bad = [threeBlobs[0], threeBlobs[0], threeBlobs[0]]
    const fitted = (...starts: number[][][]) =>
      new MiniBatchKMeans({
        nClusters: 3,
        nInit: starts.length,
        init: () => starts.shift() ?? [],
        maxIter: 1,
        reassignmentRatio: 0,
        randomState: 0,
        ...quiet,
      }).fit(threeBlobs)
    sameBits(fitted(bad, good, bad), fitted(good))
    sameBits(fitted(good, bad), fitted(good))
    expect(fitted(bad).inertia).toBeGreaterThan(fitted(good).inertia)
  })

  it('minibatch_kmeans_init_size: how many rows a function sees', () => {
    const seen = (options: MiniBatchKMeansOptions, N = 250) => {
      let rows = 0
      new MiniBatchKMeans({
        nClusters: 10,
        nInit: 1,
        maxIter: 1,
        init: (X, k) => ((rows = X.rows), X.toArray().slice(0, k)),
        ...options,
        ...quiet,
      }).fit(threeBlobs.slice(0, N))
      return rows
    }
    expect(seen({ batchSize: 5 })).toBe(15)
    expect(seen({ batchSize: 1 })).toBe(30)
    expect(seen({ batchSize: 5, initSize: 251 })).toBe(250)
    expect(seen({ batchSize: 5, initSize: 100 })).toBe(100)
    expect(seen({})).toBe(250)
    expect(seen({ batchSize: 1, initSize: 4 })).toBe(30)
    expect(seen({ batchSize: 1, initSize: 4 }, 12)).toBe(12)
    // of the first batch too
    let rows = 0
    new MiniBatchKMeans({ nClusters: 3, batchSize: 20, init: (X, k) => ((rows = X.rows), X.toArray().slice(0, k)) }).partialFit(threeBlobs)
    expect(rows).toBe(60)
  })

  const heard = (options: MiniBatchKMeansOptions, X = threeBlobs) => {
    const warnings: Warning[] = []
    new MiniBatchKMeans({ randomState: 0, ...options, onWarning: (w) => warnings.push(w) }).fit(X)
    return warnings
  }

  it('minibatch_kmeans_warning_init_size, warning_n_init_precomputed_centers', () => {
    expect(heard({ initSize: 10, nClusters: 20, reassignmentRatio: 0.1 }).map((w) => w.code)).toContain('init-size')
    expect(heard({ initSize: 10, nClusters: 20 })[0].message).toMatch(/initSize = 10 .*nClusters = 20/)
    expect(heard({ init: threeBlobs.slice(0, 3), nClusters: 3, nInit: 10 }).map((w) => w.code)).toEqual(['single-init'])
    expect(heard({ nClusters: 3 })).toEqual([])
    expect(heard({ nClusters: 3, maxIter: 1, batchSize: 250 }).map((w) => w.code)).toEqual(['not-converged'])
    expect(heard({ nClusters: 3, maxIter: 1, batchSize: 250, maxNoImprovement: null })).toEqual([])
    expect(heard({ nClusters: 2 }, [[1], [1], [1]]).map((w) => w.code)).toEqual(['fewer-clusters'])
  })

  it('minibatch_sensible_reassign: centers leave a heap of equal rows', () => {
    for (const randomState of [0, 1, 2, 3, 4]) {
      const zeroed = blobs(randomState, 100, 2, 5, 10).map((row, i) => (i % 2 === 0 ? [0, 0] : row))
      const options = { nClusters: 20, init: 'random' as const, randomState, ...quiet }
      const away = (model: MiniBatchKMeans) => model.clusterCenters.filter((row) => row.some((v) => v !== 0)).length
      expect(away(new MiniBatchKMeans({ ...options, batchSize: 10 }).fit(zeroed))).toBeGreaterThan(9)
      expect(away(new MiniBatchKMeans({ ...options, batchSize: 200 }).fit(zeroed))).toBeGreaterThan(9)
      const online = new MiniBatchKMeans(options)
      for (let i = 0; i < 100; i++) online.partialFit(zeroed)
      expect(away(online)).toBeGreaterThan(9)
    }
  })

  it('minibatch_reassign: ratio 1 spoils perfect centers, 1e-15 keeps them', () => {
    const perfect = range(3).map((c) => naiveMoments(threeBlobs.filter((_, i) => i % 3 === c)).mean)
    const one = (reassignmentRatio: number) =>
      new MiniBatchKMeans({ nClusters: 3, init: perfect, reassignmentRatio, randomState: 0 }).partialFit(threeBlobs)
    const inertia = naiveInertia(threeBlobs, perfect, truth)
    expect(one(1).inertia).toBeGreaterThan(inertia * 1.01)
    expect(relativeError(one(1e-15).clusterCenters, perfect)).toBeLessThan(10 * EPS)
  })

  it('minibatch_with_many_reassignments: more centers than rows in a batch', () => {
    const model = new MiniBatchKMeans({ nClusters: 100, batchSize: 10, initSize: 250, randomState: 42, ...quiet }).fit(threeBlobs)
    expect(flat(model.clusterCenters).every(Number.isFinite)).toBe(true)
  })

  it.each([
    [1e-4, null],
    [0, 10],
  ])('minibatch_declared_convergence: tol %f, maxNoImprovement %o', (tol, maxNoImprovement) => {
    const X = blobs(0, 100, 2, 3, 10)
    const init = range(3).map((c) => naiveMoments(X.filter((_, i) => i % 3 === c)).mean)
    const model = new MiniBatchKMeans({
      nClusters: 3,
      init,
      batchSize: 20,
      tol,
      maxNoImprovement,
      maxIter: 10,
      randomState: 0,
      ...quiet,
    }).fit(X)
    expect(model.nIter).toBeGreaterThan(1)
    expect(model.nIter).toBeLessThan(10)
    expect(model.converged).toBe(true)
  })

  it('maxNoImprovement 0 stops at the second step', () => {
    expect(new MiniBatchKMeans({ nClusters: 3, maxNoImprovement: 0, batchSize: 20, randomState: 0 }).fit(threeBlobs)).toMatchObject({
      nSteps: 2,
      nIter: 1,
      converged: true,
    })
  })

  it('minibatch_iter_steps', () => {
    const model = new MiniBatchKMeans({ nClusters: 3, batchSize: 30, randomState: 0 }).fit(threeBlobs)
    expect(model.nIter).toBe(Math.ceil((model.nSteps * 30) / 250))
    const full = new MiniBatchKMeans({ nClusters: 3, batchSize: 30, randomState: 0, maxNoImprovement: null, maxIter: 10, ...quiet }).fit(
      threeBlobs,
    )
    expect(full).toMatchObject({ nIter: 10, nSteps: 83, converged: false })
  })

  it('score_max_iter: more iterations, better score', () => {
    const X = blobs(3, 300, 10, 12, 2)
    const score = (maxIter: number) =>
      new MiniBatchKMeans({
        nClusters: 8,
        init: 'random',
        nInit: 1,
        batchSize: 30,
        maxNoImprovement: null,
        maxIter,
        randomState: 1,
        ...quiet,
      })
        .fit(X)
        .score(X)
    expect(score(10)).toBeGreaterThan(score(1))
  })

  it('kmeans_predict: labels, fitPredict and predict agree; centers are their own clusters', () => {
    for (const maxIter of [2, 100]) {
      const options = { nClusters: 10, init: 'random' as const, nInit: 10, maxIter, randomState: 0, ...quiet }
      const model = new MiniBatchKMeans(options).fit(threeBlobs)
      expect(model.predict(threeBlobs)).toEqual(model.labels)
      expect(new MiniBatchKMeans(options).fitPredict(threeBlobs)).toEqual(model.labels)
      expect(Array.from(model.predict(model.clusterCenters))).toEqual(range(10))
    }
  })

  it('transform, fit_transform: distances', () => {
    const model = new MiniBatchKMeans({ nClusters: 3, randomState: 0 })
    const got = model.fitTransform(threeBlobs)
    expect(got.shape).toEqual([250, 3])
    expectClose(
      got.data,
      flat(naiveSquaredDistances(threeBlobs, model.clusterCenters)).map(Math.sqrt),
      distanceRounding(threeBlobs[0].length),
    )
    range(3).forEach((c) => expect(model.transform(model.clusterCenters).get(c, c)).toBe(0))
  })

  it('integer_input, and any form of the same numbers', () => {
    const X = [
      [0, 0],
      [10, 10],
      [12, 9],
      [-1, 1],
      [2, 0],
      [8, 10],
    ]
    const fitted = (x: Parameters<MiniBatchKMeans['fit']>[0]) => new MiniBatchKMeans({ nClusters: 2, randomState: 0 }).fit(x)
    expect(samePartition(fitted(X).labels, [0, 1, 1, 0, 0, 1])).toBe(true)
    sameBits(fitted(Matrix.from(X)), fitted(X))
    sameBits(fitted({ data: Int32Array.from(flat(X)), shape: [6, 2] }), fitted(X))
  })

  it('centers_not_mutated, sample_weight_unchanged, predict_does_not_change_cluster_centers', () => {
    const init = threeBlobs.slice(0, 3).map((row) => Float64Array.from(row))
    const before = structuredClone(init)
    const weights = Float64Array.from(threeBlobs, (_, i) => 1 + (i % 2))
    const model = new MiniBatchKMeans({ nClusters: 3, init, randomState: 0 })
    model.fit(threeBlobs, { sampleWeight: weights }).partialFit(threeBlobs, { sampleWeight: weights })
    expect(init).toEqual(before)
    expect(Array.from(weights.slice(0, 3))).toEqual([1, 2, 1])
    const kept = structuredClone(model.toJSON())
    model.predict(threeBlobs)
    model.transform(threeBlobs)
    model.score(threeBlobs)
    expect(model.toJSON()).toEqual(kept)
  })

  it('unit_weights_vs_no_weights, scaled_weights', () => {
    const fitted = (sampleWeight?: number[]) =>
      new MiniBatchKMeans({ nClusters: 3, batchSize: 30, randomState: 1 }).fit(threeBlobs, { sampleWeight })
    sameBits(fitted(threeBlobs.map(() => 1)), fitted())
    const u = uniforms(1)
    const weights = threeBlobs.map(() => u())
    const scaled = fitted(weights.map((w) => 4 * w))
    expectBits(flat(scaled.clusterCenters), flat(fitted(weights).clusterCenters))
    expect(scaled.inertia).toBe(4 * fitted(weights).inertia)
  })

  it('sample_weight_zero: rows of weight zero never come, as first centers or in a batch or by reassignment', () => {
    const X = range(200).map((i) => (i % 4 === 0 ? [i, 0] : [0, 1e6]))
    const weights = X.map((_, i) => Number(i % 4 === 0))
    for (const init of ['k-means++', 'random'] as const)
      for (const initSize of [null, 20, 200])
        for (let randomState = 0; randomState < 5; randomState++) {
          const model = new MiniBatchKMeans({ nClusters: 10, init, initSize, batchSize: 25, reassignmentRatio: 0.5, randomState, ...quiet })
          expect(model.fit(X, { sampleWeight: weights }).clusterCenters.every((row) => row[1] === 0)).toBe(true)
          for (let i = 0; i < 10; i++) model.partialFit(X, { sampleWeight: weights })
          expect(model.clusterCenters.every((row) => row[1] === 0)).toBe(true)
          const online = new MiniBatchKMeans({ nClusters: 10, init, batchSize: 5, reassignmentRatio: 0.9, randomState })
          for (let i = 0; i < 5; i++) online.partialFit(X, { sampleWeight: weights })
          expect(online.clusterCenters.every((row) => row[1] === 0)).toBe(true)
        }
  })
})

describe('fit', () => {
  const X = blobs(11, 3000, 4, 6, 10)

  it('batches come with probability in proportion to weight', () => {
    const sample = [[0], [1], [2], [3]]
    // one center, unit weights in the update: the center is the mean of the rows drawn
    const weights = [1, 0, 2, 7]
    const model = new MiniBatchKMeans({ nClusters: 1, batchSize: 4, maxIter: 20000, maxNoImprovement: null, randomState: 0 }).fit(sample, {
      sampleWeight: weights,
    })
    // mean (4 + 21)/10 = 2.5, variance (8 + 63)/10 − 6.25 = 0.85, of 80 000 draws: 5 standard errors
    expect(Math.abs(model.clusterCenters[0][0] - 2.5)).toBeLessThan(5 * Math.sqrt(0.85 / 80000))
    expect(state(model).counts).toEqual([80000])
    expect(model.inertia).toBeCloseTo(naiveInertia(sample, model.clusterCenters, [0, 0, 0, 0], weights), 10)
  })

  it('comes near to what KMeans finds, in fewer passes', () => {
    const init = X.slice(0, 6)
    const exact = new KMeans({ nClusters: 6, init }).fit(X)
    const model = new MiniBatchKMeans({ nClusters: 6, init, batchSize: 200, randomState: 0 }).fit(X)
    expect(model.inertia).toBeLessThan(1.02 * exact.inertia)
    expect(model.inertia).toBeGreaterThanOrEqual(exact.inertia * (1 - 1e-12))
    expect(model.nIter).toBeLessThan(10)
  })

  it('same seed, same bits; other seeds, other batches; no seed, a fresh one', () => {
    const fitted = (randomState?: number) => new MiniBatchKMeans({ nClusters: 6, init: X.slice(0, 6), batchSize: 50, randomState }).fit(X)
    sameBits(fitted(5), fitted(5))
    const model = fitted(5)
    const first = JSON.stringify(model.toJSON())
    expect(JSON.stringify(model.fit(X).toJSON())).toBe(first)
    expect(new Set([1, 2, 3, undefined, undefined].map((s) => JSON.stringify(fitted(s).clusterCenters))).size).toBe(5)
    for (const init of ['k-means++', 'random'] as const) {
      const starts = [1, 2, 3].map((randomState) =>
        JSON.stringify(
          new MiniBatchKMeans({ nClusters: 6, init, maxIter: 1, batchSize: 3000, randomState, ...quiet }).fit(X).clusterCenters,
        ),
      )
      expect(new Set(starts).size).toBe(3)
    }
  })

  it('onIteration hears every step and may stop', () => {
    const events: { run: number; iteration: number; inertia: number; shift: number; elapsedMs: number }[] = []
    const model = new MiniBatchKMeans({ nClusters: 6, batchSize: 100, randomState: 2 }).fit(X, { onIteration: (e) => events.push(e) })
    expect(events.map((e) => e.iteration)).toEqual(range(model.nSteps).map((i) => i + 1))
    expect(events.every((e) => e.run === 0 && e.shift >= 0 && e.elapsedMs >= 0)).toBe(true)
    // an estimate of the inertia from one batch: 100 rows of 3000
    const last = events[events.length - 1]
    expect(Math.abs(last.inertia / model.inertia - 1)).toBeLessThan(0.5)
    const warnings: Warning[] = []
    const stopped = new MiniBatchKMeans({ nClusters: 6, batchSize: 100, randomState: 2, onWarning: (w) => warnings.push(w) }).fit(X, {
      onIteration: (e) => e.iteration < 3,
    })
    expect(stopped).toMatchObject({ nSteps: 3, nIter: 1, converged: false })
    expect(stopped.predict(X)).toEqual(stopped.labels)
    expect(warnings).toEqual([])
  })

  it('shifts and scales with the data', () => {
    const fitted = (x: number[][]) => new MiniBatchKMeans({ nClusters: 6, batchSize: 100, randomState: 3 }).fit(x)
    const plain = fitted(X)
    for (const scale of [2 ** -490, 2 ** 490]) {
      const scaled = fitted(X.map((row) => row.map((v) => v * scale)))
      expectBits(
        flat(scaled.clusterCenters),
        flat(plain.clusterCenters).map((v) => v * scale),
      )
      expect(scaled.labels).toEqual(plain.labels)
      expect(scaled.nSteps).toBe(plain.nSteps)
    }
    // numbers on a grid of 2⁻¹⁰, so that adding 2⁴⁰ is exact
    const grid = X.map((row) => row.map((v) => Math.round(v * 1024) / 1024))
    const far = fitted(grid.map((row) => row.map((v) => v + 2 ** 40)))
    const near = fitted(grid)
    expect(far.nSteps).toBe(near.nSteps)
    // a center so far away is rounded to 2⁻¹²
    expect(
      relativeError(
        flat(far.clusterCenters).map((v) => v - 2 ** 40),
        near.clusterCenters,
      ),
    ).toBeLessThan(1e-3)
  })

  it('one cluster, as many clusters as rows, equal rows, one row', () => {
    expect(new MiniBatchKMeans({ nClusters: 1, randomState: 0 }).fit([[5, 7]])).toMatchObject({ clusterCenters: [[5, 7]], inertia: 0 })
    const one = new MiniBatchKMeans({ nClusters: 1, randomState: 0 }).fit(X)
    expect(new Set(one.labels)).toEqual(new Set([0]))
    const small = X.slice(0, 12)
    for (const init of ['k-means++', 'random'] as const) {
      const all = new MiniBatchKMeans({ nClusters: 12, init, reassignmentRatio: 0, randomState: 0, ...quiet }).fit(small)
      expect(all.inertia).toBe(0)
      expect(Array.from(all.labels).sort((a, b) => a - b)).toEqual(range(12))
    }
    // 0.1 is not exact: means of equal rows must be those rows all the same
    const equal = new MiniBatchKMeans({ nClusters: 3, batchSize: 7, maxNoImprovement: null, maxIter: 50, randomState: 0, ...quiet }).fit(
      range(20).map(() => [0.1, 1 / 3]),
    )
    expect(equal).toMatchObject({
      clusterCenters: [
        [0.1, 1 / 3],
        [0.1, 1 / 3],
        [0.1, 1 / 3],
      ],
      inertia: 0,
    })
    expect(new Set(equal.labels)).toEqual(new Set([0]))
  })
})

describe('partialFit', () => {
  const X = blobs(21, 400, 3, 5, 8)
  const options = { nClusters: 5, batchSize: 40, randomState: 4 }
  const part = (i: number) => X.slice(i * 40, (i + 1) * 40)

  it('goes on after fit, as one estimator does and as its copy from JSON does', () => {
    for (const first of ['fit', 'partialFit'] as const) {
      const model = new MiniBatchKMeans({ ...options, nClusters: 30, reassignmentRatio: 0.5, ...quiet })[first](X)
      const steps = model.nSteps
      for (let i = 0; i < 10; i++) {
        const copy = MiniBatchKMeans.fromJSON(JSON.parse(JSON.stringify(model))).setParams(quiet)
        sameBits(copy, model)
        model.partialFit(part(i))
        copy.partialFit(part(i))
        sameBits(copy, model)
      }
      expect(model.nSteps).toBe(steps + 10)
    }
  })

  it('same seed, same bits', () => {
    const fitted = (randomState: number) =>
      range(5).reduce((model, i) => model.partialFit(part(i)), new MiniBatchKMeans({ ...options, randomState }))
    sameBits(fitted(1), fitted(1))
    expect(JSON.stringify(fitted(2).clusterCenters)).not.toBe(JSON.stringify(fitted(1).clusterCenters))
  })

  it('fit begins anew', () => {
    const model = new MiniBatchKMeans({ ...options }).partialFit(part(0)).partialFit(part(1)).fit(X)
    sameBits(model, new MiniBatchKMeans({ ...options }).fit(X))
  })

  it('weighted_vs_repeated: weight 2 is a row twice, weight 0 an absent one, to the last bit', () => {
    const weights = X.map((_, i) => i % 4)
    const model = new MiniBatchKMeans({ ...options, init: X.slice(0, 5), reassignmentRatio: 0 })
    const twin = new MiniBatchKMeans({ ...options, init: X.slice(0, 5), reassignmentRatio: 0 })
    for (let i = 0; i < 10; i++) {
      model.partialFit(part(i), { sampleWeight: weights.slice(i * 40, (i + 1) * 40) })
      twin.partialFit(part(i).flatMap((row, r) => new Array<number[]>(weights[i * 40 + r]).fill(row)))
      expectBits(flat(model.clusterCenters), flat(twin.clusterCenters))
      expect(state(model).counts).toEqual(state(twin).counts)
    }
  })

  it('the order of the rows of a batch does not matter, to the last bit', () => {
    const fitted = (rows: number[][]) =>
      new MiniBatchKMeans({ ...options, init: X.slice(0, 5), reassignmentRatio: 0 }).partialFit(rows).clusterCenters
    expectBits(flat(fitted([...X].reverse())), flat(fitted(X)))
  })

  it('later batches may be small, of one row', () => {
    const model = new MiniBatchKMeans({ ...options }).partialFit(X)
    const before = state(model).counts
    model.partialFit([X[0]])
    expect(model.labels.length).toBe(1)
    const [label] = model.labels
    expect(state(model).counts).toEqual(before.map((count: number, c: number) => count + Number(c === label)))
  })

  it('reassigns when 10·K rows have come, not before', () => {
    // centers 0 … 3 near the data, 4 so far that it gets one row only
    const init = [[0], [1], [2], [3], [1000]]
    const rows = range(40).map((i) => [i % 4])
    const model = new MiniBatchKMeans({ nClusters: 5, init, batchSize: 10, reassignmentRatio: 0.5, randomState: 0 })
    model.partialFit([...rows.slice(0, 9), [1000]]) // all counts are 0 before: looked for, and found
    expect(model.clusterCenters[4][0]).toBeLessThan(1000)
    const keeping = new MiniBatchKMeans({ nClusters: 5, init, batchSize: 10, reassignmentRatio: 0, randomState: 0 }).partialFit([
      ...rows.slice(0, 9),
      [1000],
    ])
    keeping.setParams({ reassignmentRatio: 0.5 })
    const moved = range(6).map((i) => keeping.partialFit(rows.slice(0, 10)).clusterCenters[4][0] !== 1000 && i)
    expect(moved.filter((v) => v !== false)[0]).toBe(4) // 10 rows a step: the fifth makes 50
  })
})

describe('refusals', () => {
  const X = blobs(31, 50, 2, 3)

  it('options', () => {
    const make = (options: object) => () => new MiniBatchKMeans(options)
    expect(make({ batchSize: 0 })).toThrow(RangeError)
    expect(make({ batchSize: '10' })).toThrow(TypeError)
    expect(make({ maxNoImprovement: -1 })).toThrow(/maxNoImprovement: expected an integer of at least 0, got -1/)
    expect(make({ initSize: 0 })).toThrow(RangeError)
    expect(make({ reassignmentRatio: -0.1 })).toThrow(/reassignmentRatio/)
    expect(make({ maxIter: 0 })).toThrow(RangeError)
    expect(make({ nInit: 0 })).toThrow(RangeError)
    expect(make({ nInit: 'Auto' })).toThrow(/'auto'/)
    expect(make({ init: 'kmeans' })).toThrow(RangeError)
    expect(make({ init: 3 })).toThrow(TypeError)
    expect(make({ nClusters: 1.5 })).toThrow(RangeError)
    expect(make({ tol: Number.NaN })).toThrow(RangeError)
    expect(make({ randomState: -1 })).toThrow(RangeError)
    expect(make({ batch_size: 10 })).toThrow(/unknown option 'batch_size'. Did you mean 'batchSize'/)
    expect(new MiniBatchKMeans().getParams()).toEqual({
      nClusters: 8,
      init: 'k-means++',
      nInit: 'auto',
      maxIter: 100,
      batchSize: 1024,
      tol: 0,
      maxNoImprovement: 10,
      initSize: null,
      reassignmentRatio: 0.01,
      randomState: undefined,
    })
  })

  it('data, weights and first centers; the former state is kept', () => {
    const model = new MiniBatchKMeans({ nClusters: 3, randomState: 0 })
    expect(() => model.predict(X)).toThrow(NotFittedError)
    expect(() => model.nSteps).toThrow(NotFittedError)
    for (const method of ['fit', 'partialFit'] as const) {
      expect(() => model[method](X.slice(0, 2))).toThrow(/at least nClusters = 3 rows, got 2/)
      expect(() => model[method]([])).toThrow(RangeError)
      expect(() => model[method]([1, 2, 3] as never)).toThrow(TypeError)
      expect(() => new MiniBatchKMeans({ nClusters: 3, init: [[1, 2]] })[method](X)).toThrow(/init: expected shape \(3, 2\)/)
      expect(() => new MiniBatchKMeans({ nClusters: 3, init: () => [[1, 2]] })[method](X)).toThrow(
        /init \(as returned by the function\): expected shape/,
      )
      expect(() => new MiniBatchKMeans({ nClusters: 1, init: [[1, Infinity]] })[method](X)).toThrow(/finite/)
    }
    model.fit(X)
    const before = JSON.stringify(model)
    const spoilt = X.map((row, i) => (i === 7 ? [row[0], Number.NaN] : row))
    for (const method of ['fit', 'partialFit'] as const) {
      expect(() => model[method](spoilt)).toThrow(/NaN at row 7, column 1/)
      expect(() => model[method](X, { sampleWeight: [1] })).toThrow(/sampleWeight: expected 50 numbers/)
      expect(() => model[method](X, { sampleWeight: X.map(() => 0) })).toThrow(/above 0, got none/)
      expect(() => model[method](X, { sampleWeight: X.map(() => -1) })).toThrow(RangeError)
      expect(() => model[method](X, { sampleWeights: [] } as never)).toThrow(/Did you mean 'sampleWeight'/)
    }
    expect(() => model.partialFit([[1, 2, 3]])).toThrow(/expected 2 columns, as MiniBatchKMeans was fitted with, got 3/)
    expect(() => model.partialFit(X, { onIteration: () => {} } as never)).toThrow(/unknown option 'onIteration'/)
    expect(() =>
      model.fit(X, {
        onIteration: () => {
          throw new Error('mine')
        },
      }),
    ).toThrow('mine')
    expect(() => model.predict([[1]])).toThrow(/MiniBatchKMeans/)
    expect(() => model.setParams({ batchSize: 0 })).toThrow(RangeError)
    expect(() => model.fit(X.map((row) => row.map((v) => v * 1e200)))).toThrow(/squared distances up to 1.8e308, got/)
    expect(JSON.stringify(model)).toBe(before)
  })

  it('JSON', () => {
    const model = new MiniBatchKMeans({ nClusters: 3, randomState: 0 }).fit(X)
    const copy = MiniBatchKMeans.fromJSON(structuredClone(model.toJSON()))
    expect(JSON.stringify(copy)).toBe(JSON.stringify(model))
    expect(copy.predict(X)).toEqual(model.labels)
    expect(MiniBatchKMeans.fromJSON(new MiniBatchKMeans({ batchSize: 5 }).toJSON()).getParams().batchSize).toBe(5)
    const changed = (change: object) => () =>
      MiniBatchKMeans.fromJSON({ ...model.toJSON(), fitted: { ...(model.toJSON().fitted as object), ...change } })
    expect(changed({ counts: [1, 2] })).toThrow(/fitted.counts/)
    expect(changed({ counts: [1, 2, -3] })).toThrow(/fitted.counts/)
    expect(changed({ counts: null })).toThrow(/fitted.counts/)
    expect(changed({ seed: 0.5 })).toThrow(/fitted.seed/)
    expect(changed({ nSteps: 'x' })).toThrow(/fitted.nSteps/)
    expect(changed({ clusterCenters: [[1], [2], [3]] })).toThrow(
      /fitted.clusterCenters is missing or malformed, or does not fit the others, got an array of length 3/,
    )
    expect(changed({ labels: { int32: [3] } })).toThrow(/fitted.labels is missing or malformed/)
    expect(() => MiniBatchKMeans.fromJSON(new KMeans().toJSON())).toThrow(TypeError)
  })
})
