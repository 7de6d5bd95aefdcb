// What the k-means estimators share: given first centers, and all that a set of centers can do once it is there.
import { sameRuns, wrongValue } from './errors.ts'
import { type Check, checkOptions, isObject, oneOf, isWhole } from './check.ts'
import { type FieldChecks, IterativeEstimator, isShaped } from './estimator.ts'
import { nearest } from './lloyd.ts'
import { Matrix, type MatrixLike, sourceOf } from './matrix.ts'
import type { Algorithm, IterationEvent } from './passes.ts'
import { type Resident, checkShape, refuse, withWindows } from './resident.ts'
import { ASYNC_SCHEMA, type AsyncOptions, type Task, afterwards, run } from './task.ts'
import { fromNested } from './shapes.ts'
import { sumOfSlots } from './slots.ts'
import { CenterPanels } from './tiles.ts'

/** Chooses first centers: gets the data, the number of clusters and a generator of uniform numbers on [0, 1), returns K×D. */
export type KMeansInit = (X: Matrix, k: number, random: () => number) => MatrixLike

/** Options of `fit` of `KMeans` and `MiniBatchKMeans`. */
export interface KMeansFitOptions {
  /** N weights ≥ 0: weight 0 is an absent row, weight 2 a repeated one. */
  sampleWeight?: ArrayLike<number>
  /** Called after every iteration; returning false stops, keeping the best so far. */
  onIteration?: (event: IterationEvent<{ inertia: number }>) => unknown
}

/** What every fit of centers leaves. */
export interface Centroids {
  clusterCenters: number[][]
  labels: Int32Array
  inertia: number
  nFeaturesIn: number
}

/** An estimator whose fitted state is a set of centers. */
export abstract class CentroidEstimator<
  Options extends object,
  Fitted extends Centroids,
  FitOptions extends object = KMeansFitOptions,
> extends IterativeEstimator<Options, Fitted, FitOptions> {
  /** `fit(X, options)`, then the labels of X (N). Throws what `fit` throws. */
  fitPredict(X: MatrixLike, options?: FitOptions): Int32Array {
    return this.fit(X, options).labels
  }

  /** `fit(X, options)`, then `transform(X)` (N×K). Throws what `fit` throws. */
  fitTransform(X: MatrixLike, options?: FitOptions): Matrix {
    return this.fit(X, options).transform(X)
  }

  /** Index of the nearest center for each row of X (N×D → N). Ties go to the lowest index.
   *  @throws NotFittedError before `fit`; TypeError, RangeError for data that cannot be used, or with other than D columns */
  predict(X: MatrixLike): Int32Array {
    return run(this.predicting(X))
  }

  /** `predict` without blocking. */
  async predictAsync(X: MatrixLike, options?: AsyncOptions): Promise<Int32Array> {
    return this.runAsync(X, (rows) => this.predicting(rows), checkOptions<AsyncOptions>('predictAsync', options, ASYNC_SCHEMA, {}))
  }

  /** @internal */
  protected predicting(X: MatrixLike): Task<Int32Array> {
    return afterwards(this.nearest(X, false), ({ labels }) => labels)
  }

  /** Euclidean distance of each row of X to each center (N×D → N×K), in units of the data.
   *  @throws NotFittedError before `fit`; TypeError, RangeError for data that cannot be used, or with other than D columns */
  transform(X: MatrixLike): Matrix {
    const { clusterCenters, nFeaturesIn: d } = this.state
    const k = clusterCenters.length
    const source = sourceOf(X)
    checkShape(source, 0, this.estimatorName, d)
    const result = new Matrix(source.rows, k, new Float64Array(source.rows * k))
    const centers = fromNested(clusterCenters)
    const perWindow = function* (data: Resident, begin: number): Algorithm<void> {
      const { arena, n } = data
      const [out, address] = [arena.takeF64(n * k), arena.take(4)]
      const broken = arena.i32(address, 1).fill(0)
      yield new CenterPanels(arena, k, d).load(centers).transform(data, out, address)
      if (broken[0]) refuse(data, begin)
      result.data.set(arena.f64(out, n * k), begin * k)
    }
    // half a megabyte of distances, which are in cache when they are copied out
    run(withWindows(source, perWindow, true, 8 * k))
    return result
  }

  /** −Σ‖x − nearest center‖² over X, in squared units of the data: larger is better.
   *  @throws NotFittedError before `fit`; TypeError, RangeError for data that cannot be used, or with other than D columns */
  score(X: MatrixLike): number {
    return -run(this.nearest(X, true)).inertia
  }

  /** @internal */
  protected nearest(X: MatrixLike, withInertia: boolean): Task<{ labels: Int32Array; inertia: number }> {
    const { clusterCenters, nFeaturesIn: d } = this.state
    const centers = fromNested(clusterCenters)
    const source = sourceOf(X)
    checkShape(source, 0, this.estimatorName, d)
    const labels = new Int32Array(source.rows)
    const inertias: number[] = [] // of slots, whatever the windows
    const perWindow = function* (data: Resident, begin: number) {
      const own = labels.subarray(begin, begin + data.n)
      inertias.push(...(yield* nearest(data, centers, clusterCenters.length, withInertia, own, begin)).inertias)
    }
    const windows = withWindows(source, perWindow, true, 1) // a label a row
    return afterwards(windows, () => ({ labels, inertia: sumOfSlots(inertias) }))
  }

  /** @internal Warns when several starts were asked for and centers given. */
  protected warnOfSingle(init: unknown, nInit: 'auto' | number): void {
    if (typeof init === 'object' && nInit !== 'auto' && nInit > 1) this.warn('single-init', sameRuns('first centers', nInit))
  }

  /** @internal Warns when some cluster is empty. */
  protected warnOfFewer(): void {
    const { clusterCenters, labels } = this.state
    const k = clusterCenters.length
    const distinct = countDistinct(labels, k)
    if (distinct < k)
      this.warn('fewer-clusters', `found ${distinct} distinct clusters, fewer than nClusters = ${k}: X may hold fewer distinct rows.`)
  }

  /** Centers of the clusters (K×D), in units of the data. */
  get clusterCenters(): number[][] {
    return this.state.clusterCenters
  }
  /** Cluster of each row the estimator was fitted to (N). Equal to `predict` of the same rows. */
  get labels(): Int32Array {
    return this.state.labels
  }
  /** Σ w·‖x − center‖² of the rows the estimator was fitted to, not divided by N, in squared units of the data. */
  get inertia(): number {
    return this.state.inertia
  }
  /** D, the number of features the estimator was fitted to. */
  get nFeaturesIn(): number {
    return this.state.nFeaturesIn
  }
}

// How many of k labels occur: looks no further once all have
function countDistinct(labels: Int32Array, k: number): number {
  const seen = new Uint8Array(k)
  let count = 0
  for (let i = 0; i < labels.length && count < k; i++) {
    count += 1 - seen[labels[i]]
    seen[labels[i]] = 1
  }
  return count
}

/** The checks of what every stored fit of centers has. @internal */
export const CENTROIDS: FieldChecks<Centroids> = {
  nFeaturesIn: /* @__PURE__ */ isWhole(1),
  clusterCenters: (v, { nFeaturesIn: d }) => Array.isArray(v) && v.length > 0 && isShaped(v, [v.length, d]),
  labels: (v, { clusterCenters }) => v instanceof Int32Array && v.every((label) => label >= 0 && label < clusterCenters.length),
  inertia: (v) => Number.isFinite(v) && (v as number) >= 0,
}

/** A named way to choose first centers, a function, or centers (any object: their shape can only be checked against the data). @internal */
export const initOption: Check = (value, name) => {
  if (typeof value === 'function' || isObject(value)) return value
  return oneOf(['k-means++', 'random'], value, name)
}

/** Refuses data whose squared distances overflow: no center is the nearest then. @internal */
export function checkInertia(inertia: number): void {
  if (!Number.isFinite(inertia))
    throw wrongValue('X', 'squared distances up to 1.8e308', inertia, 'Divide X, or sampleWeight, by a large number.')
}

/** A number of starts: given centers make them all the same, k-means++ rarely needs more than 1. @internal */
export const startsOf = (init: unknown, nInit: 'auto' | number, auto: number) =>
  typeof init === 'object' ? 1 : nInit === 'auto' ? (init === 'k-means++' ? 1 : auto) : nInit

/** A function given as `init`, asked about rows in memory (`matrix`, if they are one already) and its answer checked. @internal */
export const asked =
  (init: KMeansInit, { arena, x, n, d }: Resident, matrix = new Matrix(n, d, arena.f64(x, n * d))) =>
  (k: number, random: () => number): Float64Array =>
    centersFrom(init(matrix, k, random), k, d, 'init (as returned by the function)')

/** Given centers as k×d doubles, checked. @internal */
export function centersFrom(value: MatrixLike, k: number, d: number, name: string): Float64Array {
  const source = sourceOf(value, name)
  if (source.rows !== k || source.cols !== d)
    throw wrongValue(name, `shape (${k}, ${d}) (clusters, columns of X)`, `(${source.rows}, ${source.cols})`)
  const centers = new Float64Array(k * d)
  source.copyTo(centers, 0, k)
  const bad = centers.findIndex((v) => !Number.isFinite(v))
  if (bad >= 0) throw wrongValue(name, 'finite numbers', `${centers[bad]} at row ${Math.floor(bad / d)}, column ${bad % d}`)
  return centers
}
