// BisectingKMeans: one cluster, split in two by k-means again and again (Steinbach, Karypis & Kumar 2000), with scikit-learn's choice of
// the cluster to split and its way of finding a row's cluster: down the tree of splits.
import { upTo } from './lists.ts'
import { unconverged } from './errors.ts'
import { asked, CentroidEstimator, CENTROIDS, type Centroids, checkInertia, type KMeansInit } from './centroid-estimator.ts'
import { callable, isObject, nonNegative, oneOf, positive, type Schema, seed } from './check.ts'
import { type EstimatorJSON, isShaped, openJSON, type WarningListener } from './estimator.ts'
import { gather, select } from './gather.ts'
import { kMeans, nearest } from './lloyd.ts'
import { type MatrixLike, sourceOf } from './matrix.ts'
import { type Algorithm, type IterationEvent, type Report, inPieces, retold } from './passes.ts'
import { Random, seedOf } from './random.ts'
import { checkShape, requireRows, type Resident, rowsOf, withWindows } from './resident.ts'
import { planned, refuseAsking } from './plan.ts'
import { toNested } from './shapes.ts'
import type { MatrixStream } from './stream.ts'
import { type Task, afterwards, run } from './task.ts'
import { CenterPanels } from './tiles.ts'

/** Options of `new BisectingKMeans`. */
export interface BisectingKMeansOptions {
  /** K, the number of clusters. Default 8. */
  nClusters?: number
  /** First centers of a split: greedy k-means++, two random rows, or a function asked for two with the rows of the cluster, once per run.
   *  Default 'random'. */
  init?: 'k-means++' | 'random' | KMeansInit
  /** Runs of a split from different first centers; the lowest inertia is kept. Default 1. */
  nInit?: number
  /** Most iterations of a run. Default 300. */
  maxIter?: number
  /** When a run stops: Σ‖change of a center‖² ≤ tol, in squared units of the data. Default 1e-4. */
  tol?: number
  /** Which cluster to split: the one with the most inertia, or the one with the most rows (by weight). Default 'biggest_inertia'. */
  bisectingStrategy?: 'biggest_inertia' | 'largest_cluster'
  /** Seed, a whole number. Same seed, same bits. Without one every fit draws its own. */
  randomState?: number
  /** Hears of what is worth knowing but no error. Default: console.warn. */
  onWarning?: WarningListener
}

/** Options of `fit` of `BisectingKMeans`. */
export interface BisectingKMeansFitOptions {
  /** N weights ≥ 0: weight 0 is an absent row, weight 2 a repeated one. */
  sampleWeight?: ArrayLike<number>
  /** Called after every iteration of every split; `inertia` is that of all clusters. Returning false ends with the clusters there are. */
  onIteration?: (event: IterationEvent<{ inertia: number /** Number of the split, from 1. */; split: number }>) => unknown
}

/** The options in force.
 *  @inline */
type Params = Required<Omit<BisectingKMeansOptions, 'randomState' | 'onWarning'>> & {
  /** The seed that was set. */
  randomState: number | undefined
}

/** A split: two centers, and where each of them leads: to another split, or to cluster c as −1 − c. */
interface Split {
  centers: number[][]
  to: number[]
}

interface Fitted extends Centroids {
  /** The tree, the first split first; every split comes before those it leads to. */
  splits: Split[]
}

const SCHEMA: Schema = {
  nClusters: positive,
  init: (value, name) => {
    if (typeof value === 'function') return value
    if (isObject(value))
      throw new TypeError(
        `${name}: expected 'k-means++', 'random' or a function: every split has first centers of its own, so given ones do not fit.`,
      )
    return oneOf(['k-means++', 'random'], value, name)
  },
  nInit: positive,
  maxIter: positive,
  tol: nonNegative,
  bisectingStrategy: ['biggest_inertia', 'largest_cluster'],
  randomState: seed,
  onWarning: callable,
}
const DEFAULTS: Params = {
  nClusters: 8,
  init: 'random',
  nInit: 1,
  maxIter: 300,
  tol: 1e-4,
  bisectingStrategy: 'biggest_inertia',
  randomState: undefined,
}

/** k-means by repeated splitting in two, with scikit-learn's names and behaviour: cheaper than `KMeans` for many clusters, which form a tree. */
export class BisectingKMeans extends CentroidEstimator<Params, Fitted, BisectingKMeansFitOptions> {
  /** @throws TypeError, RangeError for an option that does not exist or a value it does not take. */
  constructor(options?: BisectingKMeansOptions) {
    super('BisectingKMeans', options, SCHEMA, DEFAULTS)
  }

  /** @internal */
  protected fitting(X: MatrixLike | MatrixStream, { sampleWeight, onIteration }: BisectingKMeansFitOptions): Task<void> {
    const { nClusters, init } = this.options
    const settings = { ...this.options, seed: seedOf(this.options.randomState), reports: onIteration !== undefined }
    refuseAsking(X, init)
    return planned(X, sampleWeight, (shape) => {
      checkShape(shape, 1, 'BisectingKMeans')
      const { rows: n, cols: d } = shape
      requireRows(n, 'nClusters', nClusters)
      return {
        work: (data) => bisect(data, settings),
        finish: ({ centers, stopped, unconverged: open, ...rest }) => {
          checkInertia(rest.inertia)
          this.fitted = { clusterCenters: toNested(centers, centers.length / d, d), ...rest, nFeaturesIn: d }

          this.warnOfFewer()
          if (open > 0 && !stopped) this.warn('not-converged', unconverged(`${open} of ${nClusters - 1} splits`, settings))
        },
      }
    })
  }

  /** Cluster of each row of X (N×D → N): at every split the row goes to the nearer of two centers, on ties to the left, so that it may end
   *  with a center that is not the nearest of all. */
  override predict(X: MatrixLike): Int32Array {
    return run(this.predicting(X))
  }

  /** @internal */
  protected override predicting(X: MatrixLike): Task<Int32Array> {
    const { splits, nFeaturesIn: d } = this.state
    const source = sourceOf(X)
    checkShape(source, 0, 'BisectingKMeans', d)
    const labels = new Int32Array(source.rows)
    const windows = withWindows(source, function* (data, begin) {
      labels.set(yield* descend(data, splits), begin)
    })
    return afterwards(windows, () => labels)
  }

  /** Restores what `toJSON` returned. A function given as `init` is not stored.
   *  @throws TypeError, RangeError for anything else, malformed or truncated, naming the field. */
  static fromJSON(json: EstimatorJSON): BisectingKMeans {
    const { params, fitted } = openJSON<Fitted>(json, 'BisectingKMeans', {
      ...CENTROIDS,
      splits: (splits, { clusterCenters: { length: k }, nFeaturesIn: d }) => {
        if (!Array.isArray(splits) || splits.length !== k - 1) return false
        // every split after the first, and every cluster, is led to once, from a split before it
        const led = new Set<unknown>([0])
        const leads = (to: number, s: number) =>
          Number.isInteger(to) && to >= -k && to < k - 1 && (to < 0 || to > s) && !led.has(to) && led.add(to)
        return splits.every(
          (split, s) =>
            isShaped(split?.centers, [2, d]) &&
            Array.isArray(split.to) &&
            split.to.length === 2 &&
            split.to.every((to: number) => leads(to, s)),
        )
      },
    })
    const model = new BisectingKMeans(params)
    model.fitted = fitted
    return model
  }
}

interface Leaf {
  center: Float64Array
  /** Undefined: all. */
  rows: Int32Array | undefined
  inertia: number
  /** Σ w */
  weight: number
  /** The split that leads here, and its side. */
  from?: { split: Split; side: number }
}

interface BisectOptions extends Params {
  seed: number
  reports: boolean
}

/** The best two clusters of a cluster's rows. */
interface Halves {
  labels: Int32Array
  sides: Pick<Leaf, 'center' | 'inertia' | 'weight'>[]
  converged: boolean
  stopped: boolean
}

// Memory beside the data: the rows of the cluster that is split, 8·D bytes each if they are in memory, and what k-means takes for them
function* bisect(
  data: Resident,
  options: BisectOptions,
): Algorithm<{ centers: Float64Array; labels: Int32Array; inertia: number; splits: Split[]; stopped: boolean; unconverged: number }> {
  const { arena, n, d, totalWeight } = data
  const { nClusters } = options
  const splits: Split[] = []
  const leaves: Leaf[] = [{ center: yield* mean(data, options), rows: undefined, inertia: 0, weight: totalWeight }] // from left to right
  let unconverged = 0
  let stopped = false
  while (leaves.length < nClusters && !stopped) {
    const score = ({ inertia, weight }: Leaf) => (options.bisectingStrategy === 'biggest_inertia' ? inertia : weight)
    let at = 0
    for (let i = 1; i < leaves.length; i++) if (score(leaves[i]) > score(leaves[at])) at = i
    const leaf = leaves[at]
    const mark = arena.mark()
    const subset = leaf.rows ? yield* select(data, leaf.rows) : data
    const others = leaves.reduce((sum, other) => (other === leaf ? sum : sum + other.inertia), 0)
    const halves = yield* halve(subset, leaf, options, splits.length + 1, others)
    arena.release(mark)
    if (!halves.converged) unconverged++
    stopped = halves.stopped

    const split: Split = { centers: halves.sides.map(({ center }) => Array.from(center)), to: [] }
    if (leaf.from) leaf.from.split.to[leaf.from.side] = splits.length
    splits.push(split)
    const rows = yield* partition(halves.labels, leaf.rows)
    leaves.splice(at, 1, ...halves.sides.map((half, side) => ({ ...half, rows: rows[side], from: { split, side } })))
  }
  const labels = new Int32Array(n)
  const centers = new Float64Array(leaves.length * d)
  for (const [c, { rows, center, from }] of leaves.entries()) {
    if (from) from.split.to[from.side] = -1 - c
    if (rows) yield* put(labels, rows, c)
    centers.set(center, c * d)
  }
  const mark = arena.mark()
  const labelsAt = arena.take(n * 4)
  arena.i32(labelsAt, n).set(labels)
  const { inertia } = yield* new CenterPanels(arena, leaves.length, d).load(centers).inertia(data, labelsAt)
  arena.release(mark)
  return { centers, labels, inertia, splits, stopped, unconverged }
}

// The center of one cluster
function* mean(data: Resident, { nClusters }: BisectOptions): Algorithm<Float64Array> {
  const { arena, w, n } = data
  const first = w ? arena.f64(w, n).findIndex((v) => v > 0) : 0
  const init = yield* rowsOf(data, Int32Array.of(first))
  if (nClusters > 1) return init // asked for only where no other row counts
  const { centers } = yield* kMeans(
    data,
    { k: 1, init, nInit: 1, maxIter: 2, tol: 0, convergence: 'centers', reports: false },
    () => new Random(0),
  )
  return centers
}

// Two clusters of one; one of them is empty where there are no two different rows to tell apart
function* halve(data: Resident, { center }: Leaf, options: BisectOptions, split: number, others: number): Algorithm<Halves> {
  const { arena, w, n, d } = data
  const weights = w ? arena.f64(w, n) : undefined
  const present = weights ? weights.reduce((count, v) => count + Number(v > 0), 0) : n
  if (present < 2) {
    const left = { center, inertia: 0, weight: data.totalWeight }
    return { labels: new Int32Array(n), sides: [left, { center, inertia: 0, weight: 0 }], converged: true, stopped: false }
  }
  const { init, nInit, maxIter, tol, reports, seed } = options
  const settings = {
    k: 2,
    init: typeof init === 'function' ? asked(init, data) : init,
    nInit,
    maxIter,
    tol,
    absoluteTol: true,
    convergence: 'centers' as const,
    reports,
  }
  const twoMeans = kMeans(data, settings, (run) => new Random(seed, split, run))
  const ofAll = (report: Report['report']) => ({ ...report, split, inertia: others + (report.inertia ?? NaN) })
  const { centers, labels, converged, stopped } = yield* retold(twoMeans, ofAll)

  const mark = arena.mark()
  const [labelsAt, distances] = [arena.take(n * 4), arena.takeF64(n)]
  arena.i32(labelsAt, n).set(labels)
  yield* new CenterPanels(arena, 2, d).load(centers).inertia(data, labelsAt, false, distances)
  const squares = arena.f64(distances, n)
  const sides = [0, 1].map((side) => ({ center: centers.slice(side * d, (side + 1) * d), inertia: 0, weight: 0 }))
  yield* inPieces(n, (begin, end) => {
    for (let i = begin; i < end; i++) {
      const weight = weights ? weights[i] : 1
      sides[labels[i]].inertia += weight * squares[i]
      sides[labels[i]].weight += weight
    }
  })
  arena.release(mark)
  return { labels, sides, converged, stopped }
}

// The rows of either side; `rows` names them, if they are not all
function* partition(labels: Int32Array, rows: Int32Array | undefined): Algorithm<Int32Array[]> {
  const counts = [0, 0]
  const sides = [new Int32Array(labels.length), new Int32Array(labels.length)]
  yield* inPieces(labels.length, (begin, end) => {
    for (let i = begin; i < end; i++) sides[labels[i]][counts[labels[i]]++] = rows ? rows[i] : i
  })
  return sides.map((side, s) => side.slice(0, counts[s]))
}

// Gives rows a label
function* put(labels: Int32Array, rows: Int32Array, label: number): Algorithm<void> {
  yield* inPieces(rows.length, (begin, end) => {
    for (let i = begin; i < end; i++) labels[rows[i]] = label
  })
}

// Down the tree: the rows that reach a split are put side by side and parted by its two centers
function* descend(data: Resident, splits: Split[]): Algorithm<Int32Array> {
  const { arena, n } = data
  const labels = new Int32Array(n)
  const reached = new Map<number, Int32Array>() // by split
  if (splits.length > 0) reached.set(0, upTo(n))
  for (let s = 0; s < splits.length; s++) {
    const rows = reached.get(s)
    reached.delete(s)
    if (!rows || rows.length === 0) continue
    const { centers, to } = splits[s]
    const mark = arena.mark()
    const sides = yield* nearest(s === 0 ? data : yield* gather(data, rows, false), centers.flat(), 2, false)
    arena.release(mark)
    const parts = yield* partition(sides.labels, rows)
    for (const [side, next] of to.entries()) {
      if (next >= 0) reached.set(next, parts[side])
      else yield* put(labels, parts[side], -1 - next)
    }
  }
  return labels
}
