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
  autoOrPositive,
  callable,
  checkOptions,
  nonNegative,
  positive,
  positiveOrNull,
  type Schema,
  seed,
  wholeOrNull,
  isWhole,
} from './check.ts'
import { type EstimatorJSON, WEIGHT_SCHEMA, isBoolean, isNumbers, openJSON, type WarningListener } from './estimator.ts'
import { type MatrixLike, type Source, sourceOf } from './matrix.ts'
import { type MiniBatchSeeding, type MiniBatchState, initRows, miniBatchKMeans, onlineStart, onlineStep } from './mini-batch.ts'
import type { Algorithm } from './passes.ts'
import { seedOf } from './random.ts'
import { checkShape, checkWeights, requireRows, type Resident, withRows } from './resident.ts'
import { planned } from './plan.ts'
import { toNested } from './shapes.ts'
import type { MatrixStream } from './stream.ts'
import { type Task, run } from './task.ts'

/** Options of `new MiniBatchKMeans`. */
export interface MiniBatchKMeansOptions {
  /** K, the number of clusters. Default 8. */
  nClusters?: number
  /** First centers: greedy k-means++ or distinct random rows of a sample of `initSize` rows, K×D numbers, or a function asked with such a
   *  sample. Default 'k-means++'. */
  init?: 'k-means++' | 'random' | MatrixLike | KMeansInit
  /** First centers to try; those with the lowest inertia on a sample of `initSize` rows are kept. 'auto': 1 for 'k-means++' or given centers,
   *  else 3. Default 'auto'. */
  nInit?: 'auto' | number
  /** Most passes over the data: a fit takes ⌊maxIter·N/batchSize⌋ steps at most. Default 100. */
  maxIter?: number
  /** Rows of a batch; N if that is less. Default 1024. */
  batchSize?: number
  /** A step with Σ‖change of a center‖² ≤ tol · mean feature variance ends the fit. Default 0: none does. */
  tol?: number
  /** So many steps in a row without a new least smoothed inertia of the batches end the fit; null: none do. Default 10. */
  maxNoImprovement?: number | null
  /** Rows drawn to choose first centers among; N if that is less. Default null: 3·batchSize, or 3·K if that is less than K. */
  initSize?: number | null
  /** Centers that got less than this share of the rows of the largest cluster move to random rows now and then. Default 0.01. */
  reassignmentRatio?: number
  /** Seed, a whole number. Same seed, same bits. Without one every fit draws its own. */
  randomState?: number
  /** Hears of what is worth knowing but no error. Default: console.warn. */
  onWarning?: WarningListener
}

/** The options in force.
 *  @inline */
type Params = Required<Omit<MiniBatchKMeansOptions, 'randomState' | 'onWarning'>> & {
  /** The seed that was set. */
  randomState: number | undefined
}

interface Fitted extends Centroids {
  nIter: number
  nSteps: number
  converged: boolean
  // what partialFit goes on from
  counts: number[]
  sinceReassignment: number
  batchSize: number
  seed: number
}

const SCHEMA: Schema = {
  nClusters: positive,
  init: initOption,
  nInit: autoOrPositive,
  maxIter: positive,
  batchSize: positive,
  tol: nonNegative,
  maxNoImprovement: wholeOrNull,
  initSize: positiveOrNull,
  reassignmentRatio: nonNegative,
  randomState: seed,
  onWarning: callable,
}
const DEFAULTS: Params = {
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
}

/** k-means by small random batches of rows (Sculley 2010), with scikit-learn's names and behaviour: less time than `KMeans` on many rows,
 *  for an inertia a little higher; `partialFit` takes rows as they come. `fit` begins anew; its `onIteration` hears every step, with the inertia
 *  of the batch before the step, scaled to all rows. Batches are drawn with probability ∝ `sampleWeight`. */
export class MiniBatchKMeans extends CentroidEstimator<Params, Fitted> {
  /** @throws TypeError, RangeError for an option that does not exist or a value it does not take. */
  constructor(options?: MiniBatchKMeansOptions) {
    super('MiniBatchKMeans', options, SCHEMA, DEFAULTS)
  }

  /** @internal */
  protected fitting(X: MatrixLike | MatrixStream, { sampleWeight }: KMeansFitOptions): Task<void> {
    const { nClusters: k, nInit, maxIter, tol, maxNoImprovement, reassignmentRatio } = this.options
    return planned(X, sampleWeight, (shape) => {
      checkShape(shape, 1, 'MiniBatchKMeans')
      const d = shape.cols
      const seeding = this.#seeding(shape)
      const settings = { ...seeding, nInit: startsOf(seeding.init, nInit, 3), maxIter, tol, maxNoImprovement, reassignmentRatio }
      return {
        work: (data) => miniBatchKMeans(data, settings),
        finish: ({ centers, counts, stopped, ...kept }) => {
          checkInertia(kept.inertia)
          this.fitted = { ...kept, clusterCenters: toNested(centers, k, d), counts: Array.from(counts), nFeaturesIn: d }

          this.warnOfSingle(seeding.init, nInit)
          this.#warnOfInitSize()
          this.warnOfFewer()
          if (!kept.converged && !stopped && (tol > 0 || maxNoImprovement !== null))
            this.warn(
              'not-converged',
              `MiniBatchKMeans stopped after maxIter = ${maxIter} passes before tol or maxNoImprovement ended it. Increase one of them.`,
            )
        },
      }
    })
  }

  /** Goes on by one step, over all rows of X (N×D) with their weights; the first time, X is also where first centers are chosen.
   *  `labels` and `inertia` are then those of X.
   *  @throws TypeError, RangeError for data that cannot be used, before any work; the former state is kept. */
  partialFit(X: MatrixLike, options?: Pick<KMeansFitOptions, 'sampleWeight'>): this {
    const { sampleWeight } = checkOptions<KMeansFitOptions>('partialFit', options, WEIGHT_SCHEMA, {})
    const former = this.fitted
    const source = sourceOf(X)
    checkShape(source, 1, 'MiniBatchKMeans', former?.nFeaturesIn)
    const weights = checkWeights(sampleWeight, source.rows)
    const seeding = former ? undefined : this.#seeding(source)
    const { reassignmentRatio } = this.options
    const step = withRows(source, weights, function* (data): Algorithm<Fitted> {
      const state = seeding ? yield* onlineStart(data, seeding) : stateOf(former as Fitted)
      const { labels, inertia } = yield* onlineStep(data, state, reassignmentRatio)
      checkInertia(inertia)
      const { centers, counts, ...rest } = state
      const k = counts.length
      return {
        ...rest,
        clusterCenters: toNested(centers, k, source.cols),
        counts: Array.from(counts),
        labels,
        inertia,
        nIter: former?.nIter ?? 0,
        converged: false,
        nFeaturesIn: source.cols,
      }
    })
    this.fitted = run(step)
    if (seeding) this.#warnOfInitSize()
    return this
  }

  // How first centers of these rows are found
  #seeding({ rows: n, cols: d }: Pick<Source, 'rows' | 'cols'>): MiniBatchSeeding {
    const { nClusters: k, init, batchSize: wanted, initSize, randomState } = this.options
    requireRows(n, 'nClusters', k)
    const batchSize = Math.min(wanted, n)
    return {
      k,
      init:
        typeof init === 'function'
          ? (sample: Resident) => asked(init, sample)
          : typeof init === 'object'
            ? centersFrom(init, k, d, 'init')
            : init,
      initRows: initRows(initSize, batchSize, k, n),
      batchSize,
      seed: seedOf(randomState),
    }
  }

  #warnOfInitSize(): void {
    const { initSize, nClusters } = this.options
    if (initSize !== null && initSize < nClusters)
      this.warn('init-size', `initSize = ${initSize} is too small for nClusters = ${nClusters}: using min(3·nClusters, rows of X).`)
  }

  /** Passes over the data that were begun by `fit`: ⌈nSteps·batchSize/N⌉. 0 if there were only calls of `partialFit`. */
  get nIter(): number {
    return this.state.nIter
  }
  /** Batches taken, by `fit` and by `partialFit` since. */
  get nSteps(): number {
    return this.state.nSteps
  }
  /** Whether `tol` or `maxNoImprovement` ended the fit, rather than `maxIter`. False after `partialFit`, which looks at neither. */
  get converged(): boolean {
    return this.state.converged
  }

  /** Restores what `toJSON` returned; `partialFit` goes on as if nothing had happened. A function given as `init` is not stored.
   *  @throws TypeError, RangeError for anything else, malformed or truncated, naming the field. */
  static fromJSON(json: EstimatorJSON): MiniBatchKMeans {
    const { params, fitted } = openJSON<Fitted>(json, 'MiniBatchKMeans', {
      ...CENTROIDS,
      nIter: isWhole(0),
      nSteps: isWhole(0),
      converged: isBoolean,
      counts: (v, { clusterCenters }) => isNumbers(v, (count) => count >= 0 && count < Infinity) && v.length === clusterCenters.length,
      sinceReassignment: isWhole(0),
      batchSize: isWhole(1),
      seed: isWhole(0),
    })
    const model = new MiniBatchKMeans(params)
    model.fitted = fitted
    return model
  }
}

function stateOf({ clusterCenters, counts, sinceReassignment, batchSize, nSteps, seed }: Fitted): MiniBatchState {
  return {
    centers: Float64Array.from(clusterCenters.flat()),
    counts: Float64Array.from(counts),
    sinceReassignment,
    batchSize,
    nSteps,
    seed,
  }
}
