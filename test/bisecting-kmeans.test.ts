// BisectingKMeans: scikit-learn's answers (golden/bisecting.json), its portable tests restated (named as there), a naive tree bit for bit,
// weights, symmetries.
import { describe, expect, it } from 'vitest'
import {
  BisectingKMeans,
  type BisectingKMeansOptions,
  KMeans,
  type KMeansInit,
  Matrix,
  NotFittedError,
  type Warning,
} from '../src/index.ts'
import golden from './golden/bisecting.json' with { type: 'json' }
import { EPS, blobs, distanceRounding, expectBits, expectClose, flat, relativeError, rowsOf, uniforms } from './near.ts'
import { naiveAssign, naiveInertia, naiveLloyd, naiveMoments, naiveSquaredDistances } from './oracle.ts'

const quiet = { onWarning: () => {} }
const range = (n: number) => Array.from({ length: n }, (_, i) => i)
const sameBits = (a: BisectingKMeans, b: BisectingKMeans) =>
  expect(JSON.stringify(a.toJSON().fitted)).toBe(JSON.stringify(b.toJSON().fitted))
const strategies = ['biggest_inertia', 'largest_cluster'] as const

/** First centers that nobody has to draw. */
const ends: KMeansInit = (X) => [X.row(0), X.row(X.rows - 1)]

interface Split {
  centers: number[][]
  to: number[]
}
const splitsOf = (model: BisectingKMeans): Split[] => JSON.parse(JSON.stringify(model)).fitted.splits

// ------------------------------------------------------------------------------------------------------------------- oracle

type Tree = { center: number[]; rows: number[]; score: number; left?: Tree; right?: Tree }
const leavesOf = (tree: Tree): Tree[] => (tree.left && tree.right ? [...leavesOf(tree.left), ...leavesOf(tree.right)] : [tree])

/** The tree as scikit-learn grows it, from the first and the last row of each cluster, to tol 0. */
function naiveBisect(X: number[][], k: number, strategy: string, weights?: number[], maxIter = 300) {
  const weight = (i: number) => weights?.[i] ?? 1
  const tree: Tree = { center: naiveMoments(X, weights).mean, rows: range(X.length), score: 0 }
  for (let split = 1; split < k; split++) {
    const leaf = leavesOf(tree).reduce((best, other) => (other.score > best.score ? other : best))
    const rows = leaf.rows.map((i) => X[i])
    const { centers, labels } = naiveLloyd(rows, [rows[0], rows[rows.length - 1]], {
      tol: 0,
      maxIter,
      weights: weights && leaf.rows.map(weight),
    })
    const side = (s: number): Tree => {
      const own = leaf.rows.filter((_, i) => labels[i] === s)
      const score = own.reduce(
        (sum, i) => sum + weight(i) * (strategy === 'biggest_inertia' ? naiveSquaredDistances([X[i]], [centers[s]])[0][0] : 1),
        0,
      )
      return { center: centers[s], rows: own, score }
    }
    leaf.left = side(0)
    leaf.right = side(1)
  }
  const leaves = leavesOf(tree)
  const labels = new Int32Array(X.length)
  leaves.forEach((leaf, c) => leaf.rows.forEach((i) => (labels[i] = c)))
  const predict = (row: number[]) => {
    let at = tree
    while (at.left && at.right) at = naiveAssign([row], [at.left.center, at.right.center]).labels[0] === 0 ? at.left : at.right
    return leaves.indexOf(at)
  }
  return { centers: leaves.map((leaf) => leaf.center), labels, predict }
}

describe('the naive tree, bit for bit', () => {
  const cases: [number, number, number, number?][] = [
    [60, 2, 7],
    [200, 3, 16],
    [150, 9, 12],
    [90, 1, 10],
    [40, 4, 40],
    [300, 5, 9, 2],
    [3000, 2, 6],
    [2, 2, 2],
  ]
  for (const strategy of strategies)
    for (const weighted of [false, true])
      it.each(cases)(`${strategy}${weighted ? ', weighted' : ''}: %i×%i, K = %i`, (n, d, k, maxIter = 300) => {
        const u = uniforms(n)
        const X = blobs(n + d, n, d, 6, 5)
        const weights = weighted ? X.map(() => 0.25 * (1 + Math.floor(8 * u()))) : undefined
        // by rows some clusters are one row while others could be split: both trees would ask k-means for two clusters of one row
        if (k === n && strategy === 'largest_cluster') k = Math.ceil(n / 2)
        const expected = naiveBisect(X, k, strategy, weights, maxIter)
        const model = new BisectingKMeans({ nClusters: k, init: ends, tol: 0, maxIter, bisectingStrategy: strategy, ...quiet }).fit(X, {
          sampleWeight: weights,
        })
        expectBits(model.labels, expected.labels, 'labels')
        expectBits(flat(model.clusterCenters), flat(expected.centers), 'centers')
        expect(Math.abs(model.inertia - naiveInertia(X, expected.centers, expected.labels, weights))).toBeLessThanOrEqual(
          n * EPS * model.inertia,
        )
        const far = rowsOf(100, d, () => 30 * (u() - 0.5))
        expect(Array.from(model.predict(far))).toEqual(far.map(expected.predict))
        expect(model.predict(X)).toEqual(model.labels)
      })
})

// -------------------------------------------------------------------------------------------------------------- scikit-learn

describe('scikit-learn', () => {
  it.each(golden.cases)(
    'from the ends: K = $k, $strategy, maxIter $maxIter, tol $tol',
    ({ X, weights, k, strategy, maxIter, tol, centers, labels, inertia, far, predicted, score }) => {
      const bisectingStrategy = strategy as 'biggest_inertia'
      const model = new BisectingKMeans({ nClusters: k, init: ends, bisectingStrategy, maxIter, tol, ...quiet }).fit(X, {
        sampleWeight: weights ?? undefined,
      })
      expect(Array.from(model.labels)).toEqual(labels)
      // sums of up to 150 numbers in another order (measured: 2 EPS)
      expect(relativeError(model.clusterCenters, centers)).toBeLessThan(16 * EPS)
      expect(Math.abs(model.inertia - inertia)).toBeLessThanOrEqual(1e-13 * Math.abs(inertia) + 1e-28)
      expect(Array.from(model.predict(far))).toEqual(predicted)
      // theirs has centers that were shifted and shifted back: rows that are centers are off by a rounding
      expect(Math.abs(model.score(X) - score)).toBeLessThanOrEqual(1e-13 * Math.abs(score) + 1e-28)
    },
  )

  const grid = [
    [1, 2],
    [10, 4],
    [1, 0],
    [10, 2],
    [1, 4],
    [10, 0],
    [10, 6],
    [10, 8],
    [10, 10],
  ]

  for (const bisectingStrategy of strategies)
    it.each(['k-means++', 'random'] as const)(`three_clusters: ${bisectingStrategy}, %s`, (init) => {
      for (let randomState = 0; randomState < 20; randomState++) {
        // 2-means of nine points has a second optimum; ten starts find the first
        const model = new BisectingKMeans({ nClusters: 3, init, nInit: 10, bisectingStrategy, randomState }).fit(grid)
        expect([...model.clusterCenters].sort((a, b) => a[0] - b[0] || a[1] - b[1])).toEqual([
          [1, 2],
          [10, 2],
          [10, 8],
        ])
        const at = (x: number, y: number) => model.clusterCenters.findIndex((c) => c[0] === x && c[1] === y)
        expect(
          Array.from(
            model.predict([
              [0, 0],
              [12, 3],
            ]),
          ),
        ).toEqual([at(1, 2), at(10, 2)])
        expect(Array.from(model.labels)).toEqual(grid.map(([x, y]) => (x === 1 ? at(1, 2) : y < 5 ? at(10, 2) : at(10, 8))))
        expect(model.inertia).toBe(24)
      }
    })

  it.each([4, 5])('n_clusters: labels are 0 … %i − 1', (nClusters) => {
    const u = uniforms(1)
    const model = new BisectingKMeans({ nClusters, randomState: 0 }).fit(rowsOf(10, 2, u))
    expect([...new Set(model.labels)].sort()).toEqual(range(nClusters))
  })

  it('one_cluster: the mean', () => {
    const model = new BisectingKMeans({ nClusters: 1, randomState: 0 }).fit([
      [1, 2],
      [10, 2],
      [10, 8],
    ])
    expect(model).toMatchObject({ clusterCenters: [[7, 4]], labels: Int32Array.of(0, 0, 0), nFeaturesIn: 2 })
    expect(
      Array.from(
        model.predict([
          [0, 0],
          [99, 99],
        ]),
      ),
    ).toEqual([0, 0])
    const X = blobs(3, 2000, 3, 4)
    const sampleWeight = X.map((_, i) => (i % 3) / 4)
    const kmeans = new KMeans({ nClusters: 1 }).fit(X, { sampleWeight })
    const bisecting = new BisectingKMeans({ nClusters: 1 }).fit(X, { sampleWeight })
    expect(bisecting.clusterCenters).toEqual(kmeans.clusterCenters)
    expect(bisecting.inertia).toBe(kmeans.inertia)
  })

  it('fit_predict', () => {
    const X = rowsOf(10, 2, uniforms(2))
    const model = new BisectingKMeans({ nClusters: 3, randomState: 0 })
    expect(model.fit(X).labels).toEqual(model.predict(X))
    expect(model.fitPredict(X)).toEqual(model.labels)
  })

  it('no_crash_on_empty_bisections: far data leave branches of the tree empty', () => {
    const u = uniforms(3)
    const model = new BisectingKMeans({ nClusters: 4, randomState: 0 }).fit(rowsOf(3000, 10, u))
    const labels = model.predict(rowsOf(100, 10, () => 50 * u()))
    expect(labels.every((label) => label >= 0 && label < 4)).toBe(true)
    expect(model.predict(Matrix.zeros(0, 10)).length).toBe(0)
  })

  it('one_feature', () => {
    const model = new BisectingKMeans({ nClusters: 4, randomState: 0 }).fit(rowsOf(128, 1, uniforms(4)))
    expect(model.clusterCenters.map((row) => row.length)).toEqual([1, 1, 1, 1])
  })

  it('custom_init_validation: a function is asked for two centers, with the rows of the cluster', () => {
    const asked: number[][] = []
    const init: KMeansInit = (X, k) => (asked.push([X.rows, k]), X.toArray().slice(0, k))
    const X = blobs(5, 100, 2, 4, 10)
    const model = new BisectingKMeans({ nClusters: 5, init, nInit: 2, ...quiet }).fit(X)
    expect(asked.length).toBe(8)
    expect(asked.every(([, k]) => k === 2)).toBe(true)
    expect(asked[0][0]).toBe(100)
    expect(asked[2][0]).toBeLessThan(100)
    expect(new Set(model.labels).size).toBe(5)
    expect(() => new BisectingKMeans({ init: () => X.slice(0, 8) }).fit(X)).toThrow(
      /init \(as returned by the function\): expected shape \(2, 2\)/,
    )
  })
})

describe('fit', () => {
  const X = blobs(11, 600, 4, 8, 10)

  it('splits the cluster with the most inertia, or with the most rows', () => {
    // ten near rows, three rows far apart from each other
    const sample = [...range(10).map((i) => [i / 100]), [1000], [1040], [1090]]
    const fitted = (bisectingStrategy: BisectingKMeansOptions['bisectingStrategy']) =>
      new BisectingKMeans({ nClusters: 3, init: ends, bisectingStrategy }).fit(sample)
    expect(Array.from(fitted('biggest_inertia').labels)).toEqual([...new Array(10).fill(0), 1, 1, 2])
    expect(new Set(fitted('largest_cluster').labels.slice(0, 10)).size).toBe(2)
    // by weight: a row of weight 20 counts as twenty
    const weights = sample.map((_, i) => (i === 12 ? 20 : 1))
    const heavy = new BisectingKMeans({ nClusters: 3, init: ends, bisectingStrategy: 'largest_cluster' }).fit(sample, {
      sampleWeight: weights,
    })
    expect(Array.from(heavy.labels)).toEqual([...new Array(10).fill(0), 1, 1, 2])
  })

  it('predict goes down the tree, even past the nearest center', () => {
    const model = new BisectingKMeans({ nClusters: 8, randomState: 1 }).fit(X)
    const u = uniforms(6)
    const far = rowsOf(3000, 4, () => 40 * (u() - 0.5))
    const labels = model.predict(far)
    const splits = splitsOf(model)
    const walked = far.map((row) => {
      let at = 0
      while (at >= 0) at = splits[at].to[naiveAssign([row], splits[at].centers).labels[0]]
      return -1 - at
    })
    expect(Array.from(labels)).toEqual(walked)
    const nearest = naiveAssign(far, model.clusterCenters).labels
    expect(nearest.some((label, i) => label !== labels[i])).toBe(true)
    // score and transform look at the nearest
    expect(relativeError(-model.score(far), naiveInertia(far, model.clusterCenters, nearest))).toBeLessThan(3000 * EPS)
    expectClose(model.transform(far).data, flat(naiveSquaredDistances(far, model.clusterCenters)).map(Math.sqrt), distanceRounding(4))
    expect(model.fitTransform(X).shape).toEqual([600, 8])
  })

  it('ties go left', () => {
    const model = new BisectingKMeans({ nClusters: 2, init: ends }).fit([[0], [2]])
    expect(Array.from(model.predict([[1], [0.5], [1.5]]))).toEqual([0, 0, 1])
  })

  it('leaves are numbered from left to right', () => {
    const model = new BisectingKMeans({ nClusters: 4, init: ends }).fit([[0], [1], [10], [11], [100], [101], [110], [111]])
    expect(model).toMatchObject({
      clusterCenters: [[0.5], [10.5], [100.5], [110.5]],
      labels: Int32Array.of(0, 0, 1, 1, 2, 2, 3, 3),
      inertia: 2,
    })
  })

  it('tol is a squared length, whatever the variance', () => {
    const iterations = (scale: number, tol: number) => {
      let count = 0
      new BisectingKMeans({ nClusters: 2, init: ends, tol, ...quiet }).fit(
        X.map((row) => row.map((v) => v * scale)),
        { onIteration: () => void count++ },
      )
      return count
    }
    expect(iterations(1, 1e-4)).toBeGreaterThan(1)
    expect(iterations(1e-4, 1e-4)).toBe(1)
    expect(iterations(1, 1e6)).toBe(1)
  })

  it('nInit runs of every split keep the lowest inertia', () => {
    const inertia = (nInit: number) => new BisectingKMeans({ nClusters: 2, nInit, randomState: 3 }).fit(X).inertia
    const best = Math.min(...range(8).map((run) => inertia(run + 1)))
    expect(inertia(8)).toBe(best)
    expect(inertia(1)).toBeGreaterThanOrEqual(best)
  })

  it('more clusters, less inertia; clusters of k are those of k − 1, one of them split', () => {
    const fitted = (nClusters: number) => new BisectingKMeans({ nClusters, randomState: 5 }).fit(X)
    for (let k = 2; k < 12; k++) {
      const [fewer, more] = [fitted(k - 1), fitted(k)]
      expect(more.inertia).toBeLessThan(fewer.inertia)
      expect(new Set(Array.from(more.labels, (label, i) => `${label} ${fewer.labels[i]}`)).size).toBe(k)
    }
  })

  it('same seed, same bits; other seeds, other starts; any form of the same numbers', () => {
    const fitted = (randomState?: number, x: Parameters<BisectingKMeans['fit']>[0] = X) =>
      new BisectingKMeans({ nClusters: 8, maxIter: 1, randomState, ...quiet }).fit(x)
    sameBits(fitted(7), fitted(7))
    sameBits(fitted(7), fitted(7, Matrix.from(X)))
    expect(new Set([1, 2, 3, undefined, undefined].map((s) => JSON.stringify(fitted(s).clusterCenters))).size).toBe(5)
  })

  it('onIteration hears every iteration of every split and may stop', () => {
    const events: { run: number; iteration: number; split: number; inertia: number; shift: number; elapsedMs: number }[] = []
    const model = new BisectingKMeans({ nClusters: 5, init: ends, tol: 0 }).fit(X, { onIteration: (e) => events.push(e) })
    expect([...new Set(events.map((e) => e.split))]).toEqual([1, 2, 3, 4])
    expect(events[0]).toMatchObject({ run: 0, iteration: 1 })
    // tol 0: the last iteration of a split finds its centers at rest, so its inertia is that of all clusters
    expect(relativeError(events[events.length - 1].inertia, model.inertia)).toBeLessThan(600 * EPS)
    events.forEach(
      (e, i) => i > 0 && e.split === events[i - 1].split && expect(e.inertia).toBeLessThanOrEqual(events[i - 1].inertia * (1 + 600 * EPS)),
    )
    const stopped = new BisectingKMeans({ nClusters: 5, init: ends }).fit(X, { onIteration: (e) => e.split < 3 })
    expect(stopped.clusterCenters.length).toBe(4)
    expect(stopped.predict(X)).toEqual(stopped.labels)
    sameBits(BisectingKMeans.fromJSON(JSON.parse(JSON.stringify(stopped))), stopped)
  })

  it('equal rows: clusters stay empty, which is a warning', () => {
    const warnings: Warning[] = []
    const model = new BisectingKMeans({ nClusters: 4, randomState: 0, onWarning: (w) => warnings.push(w) }).fit(
      range(5).map(() => [0.1, 0.3]),
    )
    expect(model).toMatchObject({ labels: new Int32Array(5), inertia: 0, clusterCenters: range(4).map(() => [0.1, 0.3]) })
    expect(warnings.map((w) => w.code)).toEqual(['fewer-clusters'])
    // a cluster of one row may be the first of those with the least to gain
    for (const init of ['k-means++', 'random', ends] as const)
      for (const bisectingStrategy of strategies)
        for (let randomState = 0; randomState < 10; randomState++)
          for (const rows of [
            [[0], [1], [1]],
            [[1], [1], [0]],
            [[0], [0], [1], [1], [1]],
          ]) {
            const few = new BisectingKMeans({ nClusters: 3, init, bisectingStrategy, randomState, ...quiet }).fit(rows)
            expect(few.inertia).toBe(0)
            expect(few.predict(rows)).toEqual(few.labels)
          }
  })

  it('as many clusters as rows', () => {
    const model = new BisectingKMeans({ nClusters: 30, randomState: 0 }).fit(X.slice(0, 30))
    expect(model.inertia).toBe(0)
    expect(Array.from(model.labels).sort((a, b) => a - b)).toEqual(range(30))
    expect(new BisectingKMeans({ nClusters: 1 }).fit([[3, 4]]).clusterCenters).toEqual([[3, 4]])
  })

  it('shifts and scales with the data', () => {
    const fitted = (x: number[][]) => new BisectingKMeans({ nClusters: 8, tol: 0, randomState: 3 }).fit(x)
    const plain = fitted(X)
    for (const scale of [2 ** -490, 2 ** 490]) {
      const scaled = fitted(X.map((row) => row.map((v) => v * scale)))
      expectBits(
        flat(scaled.clusterCenters),
        flat(plain.clusterCenters).map((v) => v * scale),
      )
      expect(scaled.labels).toEqual(plain.labels)
    }
    const far = fitted(X.map((row) => row.map((v) => v + 1e9)))
    expect(
      relativeError(
        flat(far.clusterCenters).map((v) => v - 1e9),
        plain.clusterCenters,
      ),
    ).toBeLessThan(1e-6)
  })
})

describe('sampleWeight', () => {
  const X = blobs(41, 200, 3, 6, 8)

  it('weight 2 is a row twice, weight 0 an absent one, to the last bit', () => {
    // the ends of every cluster must be present, and stay the ends
    const init: KMeansInit = (rows) => {
      const order = rows.toArray().sort((a, b) => a[0] - b[0])
      return [order[0], order[order.length - 1]]
    }
    const weights = X.map((_, i) => 1 + (i % 3))
    const repeated = X.flatMap((row, i) => new Array<number[]>(weights[i]).fill(row))
    for (const bisectingStrategy of strategies) {
      const options = { nClusters: 12, init, tol: 0, bisectingStrategy, ...quiet }
      const weighted = new BisectingKMeans(options).fit(X, { sampleWeight: weights })
      const twin = new BisectingKMeans(options).fit(repeated)
      expectBits(flat(weighted.clusterCenters), flat(twin.clusterCenters))
      expect(weighted.labels).toEqual(twin.predict(X))
      expect(relativeError(weighted.inertia, twin.inertia)).toBeLessThan(400 * EPS)
    }
    const absent = X.map((_, i) => Number(i % 5 !== 0))
    const present = X.filter((_, i) => i % 5 !== 0)
    for (const bisectingStrategy of strategies) {
      const first: KMeansInit = () => [X[1], X[2]]
      const options = { nClusters: 12, init: first, tol: 0, bisectingStrategy, ...quiet }
      const weighted = new BisectingKMeans(options).fit(X, { sampleWeight: absent })
      expectBits(flat(weighted.clusterCenters), flat(new BisectingKMeans(options).fit(present).clusterCenters))
    }
  })

  it('unit weights are none; clusters may come down to rows of weight zero', () => {
    const fitted = (sampleWeight?: number[]) =>
      new BisectingKMeans({ nClusters: 6, init: 'k-means++', randomState: 2 }).fit(X, { sampleWeight })
    sameBits(fitted(X.map(() => 1)), fitted())
    for (const init of ['k-means++', 'random'] as const)
      for (const bisectingStrategy of strategies)
        for (let randomState = 0; randomState < 10; randomState++) {
          const sparse = X.map((_, i) => Number(i % 40 === 7))
          const model = new BisectingKMeans({ nClusters: 8, init, bisectingStrategy, randomState, ...quiet }).fit(X, {
            sampleWeight: sparse,
          })
          expect(model.predict(X)).toEqual(model.labels)
          expect(flat(model.clusterCenters).every(Number.isFinite)).toBe(true)
          const one = new BisectingKMeans({ nClusters: 3, init, bisectingStrategy, randomState, ...quiet }).fit(X, {
            sampleWeight: X.map((_, i) => Number(i === 7)),
          })
          expect(one).toMatchObject({ clusterCenters: [X[7], X[7], X[7]], inertia: 0 })
        }
  })
})

describe('refusals', () => {
  const X = blobs(31, 50, 2, 3)

  it('options', () => {
    const make = (options: object) => () => new BisectingKMeans(options)
    expect(
      make({
        init: [
          [1, 2],
          [3, 4],
        ],
      }),
    ).toThrow(TypeError)
    expect(
      make({
        init: [
          [1, 2],
          [3, 4],
        ],
      }),
    ).toThrow(/every split has first centers of its own/)
    expect(make({ init: 'kmeans++' })).toThrow(/Did you mean 'k-means\+\+'/)
    expect(make({ nInit: 'auto' })).toThrow(TypeError)
    expect(make({ bisectingStrategy: 'biggest' })).toThrow(/'biggest_inertia', 'largest_cluster'/)
    expect(make({ maxIter: 0 })).toThrow(RangeError)
    expect(make({ tol: -1 })).toThrow(RangeError)
    expect(make({ nClusters: 0 })).toThrow(RangeError)
    expect(make({ bisecting_strategy: 'x' })).toThrow(/Did you mean 'bisectingStrategy'/)
    expect(new BisectingKMeans().getParams()).toEqual({
      nClusters: 8,
      init: 'random',
      nInit: 1,
      maxIter: 300,
      tol: 1e-4,
      bisectingStrategy: 'biggest_inertia',
      randomState: undefined,
    })
  })

  it('data and weights; the former state is kept', () => {
    const model = new BisectingKMeans({ nClusters: 3, randomState: 0 })
    expect(() => model.predict(X)).toThrow(NotFittedError)
    expect(() => model.transform(X)).toThrow(NotFittedError)
    model.fit(X)
    const before = JSON.stringify(model)
    expect(() => model.fit(X.slice(0, 2))).toThrow(/at least nClusters = 3 rows, got 2/)
    expect(() => model.fit(X.map((row, i) => (i === 7 ? [row[0], Number.NaN] : row)))).toThrow(/NaN at row 7, column 1/)
    expect(() => model.fit(X, { sampleWeight: [1] })).toThrow(/expected 50 numbers/)
    expect(() => model.fit(X, { sampleWeight: X.map(() => 0) })).toThrow(/above 0, got none/)
    expect(() => model.fit(X, { onIter: () => {} } as never)).toThrow(/Did you mean 'onIteration'/)
    expect(() =>
      model.fit(X, {
        onIteration: () => {
          throw new Error('mine')
        },
      }),
    ).toThrow('mine')
    expect(() => model.predict([[1]])).toThrow(/expected 2 columns, as BisectingKMeans was fitted with, got 1/)
    expect(() => model.predict([[1, Number.NaN]])).toThrow(/NaN/)
    expect(() => model.setParams({ init: X as never })).toThrow(TypeError)
    expect(() => model.fit(X.map((row) => row.map((v) => v * 1e200)))).toThrow(/squared distances up to 1.8e308, got/)
    expect(JSON.stringify(model)).toBe(before)
    expect('nIter' in model).toBe(false)
  })

  it('warnings', () => {
    const warnings: Warning[] = []
    new BisectingKMeans({ nClusters: 4, maxIter: 1, tol: 0, randomState: 0, onWarning: (w) => warnings.push(w) }).fit(X)
    expect(warnings.map((w) => w.code)).toEqual(['not-converged'])
    expect(warnings[0].message).toMatch(/of 3 splits stopped after maxIter = 1/)
  })

  it('JSON', () => {
    const model = new BisectingKMeans({ nClusters: 5, randomState: 0 }).fit(X)
    const copy = BisectingKMeans.fromJSON(structuredClone(model.toJSON()))
    sameBits(copy, model)
    const far = rowsOf(500, 2, () => 0).map((_, i) => [(i % 25) - 12, Math.floor(i / 25) - 10])
    expect(copy.predict(far)).toEqual(model.predict(far))
    expect(BisectingKMeans.fromJSON(new BisectingKMeans({ tol: 5 }).toJSON()).getParams().tol).toBe(5)
    expect(BisectingKMeans.fromJSON(new BisectingKMeans({ nClusters: 1 }).fit(X).toJSON()).predict(X)).toEqual(new Int32Array(50))
    const splits = splitsOf(model)
    const changed = (change: object) => () =>
      BisectingKMeans.fromJSON({ ...model.toJSON(), fitted: { ...(model.toJSON().fitted as object), ...change } })
    const first = (change: object) => changed({ splits: [{ ...splits[0], ...change }, ...splits.slice(1)] })
    expect(changed({ splits: undefined })).toThrow(/fitted.splits/)
    expect(changed({ splits: splits.slice(1) })).toThrow(RangeError)
    expect(changed({ splits: [null, ...splits.slice(1)] })).toThrow(/fitted.splits is missing or malformed/)
    expect(first({ centers: [[1, 2]] })).toThrow(/fitted.splits is missing or malformed/)
    expect(first({ to: [0, 1] })).toThrow(/fitted.splits is missing or malformed/)
    expect(first({ to: [9, 1] })).toThrow(/fitted.splits is missing or malformed/)
    expect(first({ to: [-9, 1] })).toThrow(/fitted.splits is missing or malformed/)
    expect(first({ to: [splits[0].to[0], splits[0].to[0]] })).toThrow(/fitted.splits is missing or malformed/)
    expect(() => BisectingKMeans.fromJSON(new KMeans().toJSON())).toThrow(TypeError)
  })
})
