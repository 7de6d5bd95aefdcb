// KMeans: what the options mean and what a fit leaves behind. The algorithm is in lloyd.ts, the first centers in seeding.ts.
import { unconverged } from './errors.ts'
import {
  CENTROIDS,
  CentroidEstimator,
  type Centroids,
  type KMeansFitOptions,
  type KMeansInit,
  asked,
  centersFrom,
  checkInertia,
  initOption,
  startsOf,
} from './centroid-estimator.ts'
import {
  anything,
  autoOrPositive,
  callable,
  checkOptions,
  nonNegative,
  positive,
  positiveOrNull,
  type Schema,
  seed,
  isWhole,
} from './check.ts'
import { type EstimatorJSON, isBoolean, openJSON, type WarningListener } from './estimator.ts'
import { kMeans } from './lloyd.ts'
import { Matrix, type MatrixLike, sourceOf } from './matrix.ts'
import { Random, seedOf, streamsOf } from './random.ts'
import { type Resident, checkShape, checkWeights, requireRows, withRows } from './resident.ts'
import { defaultTrials, plusPlus } from './seeding.ts'
import { planned, refuseAsking } from './plan.ts'
import { toNested } from './shapes.ts'
import type { MatrixStream } from './stream.ts'
import { type Task, run } from './task.ts'
import { integerTiles } from './tiles.ts'

export { centersFrom, type KMeansFitOptions, type KMeansInit }

/** Options of `new KMeans`. */
export interface KMeansOptions {
  /** K, the number of clusters. Default 8. */
  nClusters?: number
  /** First centers: greedy k-means++ (Arthur & Vassilvitskii 2007), distinct random rows, K×D numbers, or a function asked once per run.
   *  Default 'k-means++'. */
  init?: 'k-means++' | 'random' | MatrixLike | KMeansInit
  /** Runs from different first centers; the lowest inertia is kept. 'auto': 1 for 'k-means++' or given centers, else 10. Default 'auto'. */
  nInit?: 'auto' | number
  /** Most iterations of a run. Default 300. */
  maxIter?: number
  /** When to stop, ≥ 0. For `convergence: 'centers'`: Σ‖change of a center‖² ≤ tol · mean feature variance. Default 1e-4. */
  tol?: number
  /** Seed, a whole number. Same seed, same bits. Without one every fit draws its own. */
  randomState?: number
  /** What `tol` watches: the centers, or the mean squared ('mse') or mean absolute ('mae') distance to the nearest center, the latter two
   *  relative to their previous value. Default 'centers'. */
  convergence?: 'centers' | 'mse' | 'mae'
  /** Hears of what is worth knowing but no error. Default: console.warn. */
  onWarning?: WarningListener
}

/** The options in force.
 *  @inline */
type Params = Required<Omit<KMeansOptions, 'randomState' | 'onWarning'>> & {
  /** The seed that was set. */
  randomState: number | undefined
}

interface Fitted extends Centroids {
  nIter: number
  converged: boolean
}

const SCHEMA: Schema = {
  nClusters: positive,
  init: initOption,
  nInit: autoOrPositive,
  maxIter: positive,
  tol: nonNegative,
  randomState: seed,
  convergence: ['centers', 'mse', 'mae'],
  onWarning: callable,
}
const DEFAULTS: Params = {
  nClusters: 8,
  init: 'k-means++',
  nInit: 'auto',
  maxIter: 300,
  tol: 1e-4,
  randomState: undefined,
  convergence: 'centers',
}

/** k-means clustering by Lloyd's algorithm (Lloyd 1982), with scikit-learn's names and behaviour: `fit` finds K clusters in X (N×D). */
export class KMeans extends CentroidEstimator<Params, Fitted> {
  /** @throws TypeError, RangeError for an option that does not exist or a value it does not take. */
  constructor(options?: KMeansOptions) {
    super('KMeans', options, SCHEMA, DEFAULTS)
  }

  /** @internal */
  protected fitting(X: MatrixLike | MatrixStream, { sampleWeight, onIteration }: KMeansFitOptions): Task<void> {
    const { nClusters: k, nInit, maxIter, tol, convergence, randomState } = this.options
    const reports = onIteration !== undefined
    refuseAsking(X, this.options.init)
    return planned(X, sampleWeight, (shape) => {
      checkShape(shape, 1, 'KMeans')
      const { rows: n, cols: d } = shape
      requireRows(n, 'nClusters', k)
      const init = typeof this.options.init === 'object' ? centersFrom(this.options.init, k, d, 'init') : this.options.init
      const settings = { k, nInit: startsOf(init, nInit, 10), maxIter, tol, convergence, reports }
      return {
        checks: typeof init !== 'function', // which gets to see the rows
        work: (data) => {
          const start = typeof init === 'function' ? asked(init, data, X instanceof Matrix ? X : undefined) : init
          return kMeans(data, { ...settings, init: start }, streamsOf(randomState))
        },
        finish: ({ centers, stopped, ...kept }) => {
          checkInertia(kept.inertia)
          this.fitted = { clusterCenters: toNested(centers, k, d), ...kept, nFeaturesIn: d }

          this.warnOfSingle(init, nInit)
          this.warnOfFewer()
          if (!kept.converged && !stopped) this.warn('not-converged', unconverged('KMeans', settings))
        },
      }
    })
  }

  /** Iterations of the best run. */
  get nIter(): number {
    return this.state.nIter
  }
  /** Whether the best run met `tol`, or its labels stopped changing, within `maxIter`. */
  get converged(): boolean {
    return this.state.converged
  }

  /** Restores what `toJSON` returned. A function given as `init` is not stored.
   *  @throws TypeError, RangeError for anything else, malformed or truncated, naming the field. */
  static fromJSON(json: EstimatorJSON): KMeans {
    const { params, fitted } = openJSON<Fitted>(json, 'KMeans', {
      ...CENTROIDS,
      nIter: isWhole(0),
      converged: isBoolean,
    })
    const model = new KMeans(params)
    model.fitted = fitted
    return model
  }
}

/** Options of `kmeansPlusPlus`. */
export interface KMeansPlusPlusOptions {
  /** Seed, a whole number. Same seed, same bits. Without one every call draws its own. */
  randomState?: number
  /** Rows tried at each step, the best kept. Default 2 + ⌊ln k⌋; 1 is plain k-means++. */
  nLocalTrials?: number | null
  /** N weights ≥ 0: a row is drawn with probability ∝ its weight. */
  sampleWeight?: ArrayLike<number>
}

/** What `kmeansPlusPlus` chooses. */
export interface KMeansPlusPlusResult {
  /** The rows (k×D). */
  centers: number[][]
  /** Their indices in X (k). */
  indices: Int32Array
}

/** Chooses k rows of X as first centers by greedy k-means++ (Arthur & Vassilvitskii 2007).
 *  @returns centers (k×D) and the indices of the rows they are.
 *  @throws RangeError if X has fewer than k rows. */
export function kmeansPlusPlus(X: MatrixLike, k: number, options?: KMeansPlusPlusOptions): KMeansPlusPlusResult {
  const schema = { randomState: seed, nLocalTrials: positiveOrNull, sampleWeight: anything }
  const { randomState, nLocalTrials, sampleWeight } = checkOptions<KMeansPlusPlusOptions>('kmeansPlusPlus', options, schema, {})
  positive(k, 'k')
  const source = sourceOf(X)
  checkShape(source, 1, 'kmeansPlusPlus')
  requireRows(source.rows, 'k', k)
  const weights = checkWeights(sampleWeight, source.rows)
  const seeding = function* (data: Resident) {
    const tiles = integerTiles(data, true)
    const { centers, indices } = yield* plusPlus(data, k, new Random(seedOf(randomState), 0), nLocalTrials ?? defaultTrials(k), tiles)
    return { centers: toNested(centers, k, source.cols), indices }
  }
  return run(withRows(source, weights, seeding, true))
}
