// GaussianMixture: what the options mean, where EM starts, and what a fit leaves behind. The loop is in em.ts, the components in gaussian.ts.
import { listOf, sum } from './lists.ts'
import { unconverged, wrongValue } from './errors.ts'
import { arrayOrNull, boolean, callable, checkOptions, nonNegative, positive, type Schema, seed, whole, isWhole } from './check.ts'
import { type EmResult, bestRun, em, fallMessage } from './em.ts'
import { type EstimatorJSON, WEIGHT_SCHEMA, isBoolean, isMixing, isNumbers, isShaped, openJSON, type WarningListener } from './estimator.ts'
import {
  COVARIANCE_TYPES,
  type CovarianceType,
  GaussianModel,
  type GaussianParameters,
  GaussianPass,
  covarianceShape,
  covariancesFromFactors,
  factorsFromPrecisions,
  precisionsFromFactors,
  shareFloor,
  isDense,
} from './gaussian.ts'
import { GaussianStatistics } from './gaussian-statistics.ts'
import { centersFrom } from './kmeans.ts'
import { kMeans } from './lloyd.ts'
import { Matrix, type MatrixLike, type Source, sourceOf } from './matrix.ts'
import { mixtures } from './kernel-modules.ts'
import { log } from './logarithm.ts'
import { sharedArena, within } from './memory.ts'
import {
  type Evaluation,
  Mixture,
  type MixtureFitOptions,
  type MixtureSample,
  type MixtureState,
  type Wanted,
  checkMixingWeights,
  roomFor,
} from './mixture.ts'
import { standardNormal } from './normal.ts'
import { type Algorithm, SLOT_ROWS, retold } from './passes.ts'
import { Random, categories, seedOf, streamsOf } from './random.ts'
import { checkShape, checkWeights, refuse, requireRows, type Resident, withRows, withWindows } from './resident.ts'
import { defaultTrials, plusPlus, randomRows } from './seeding.ts'
import { flatten, reshape, toNested } from './shapes.ts'
import { planned } from './plan.ts'
import type { MatrixStream } from './stream.ts'
import { type Task, run } from './task.ts'
import { integerTiles } from './tiles.ts'

export type { CovarianceType } from './gaussian.ts'

/** Shape of covariances and precisions by type: full K×D×D, tied D×D, diag K×D, spherical K. */
export type CovariancesOf<T extends CovarianceType> = {
  /** K×D×D. */
  full: number[][][]
  /** D×D. */
  tied: number[][]
  /** K×D. */
  diag: number[][]
  /** K. */
  spherical: number[]
}[T]

/** Options of `new GaussianMixture`.
 *  @typeParam T the covariance type */
export interface GaussianMixtureOptions<T extends CovarianceType = CovarianceType> {
  /** K, the number of components. Default 1. */
  nComponents?: number
  /** 'full': each component its own covariance; 'tied': one shared; 'diag': no correlations; 'spherical': one variance each. Default 'full'. */
  covarianceType?: T
  /** EM stops when the mean log-likelihood per sample changes by less, ≥ 0. Default 1e-3. */
  tol?: number
  /** Added to the diagonal of every covariance, in squared units of the data, ≥ 0. Default 1e-6. */
  regCovar?: number
  /** Most EM iterations of a run; 0 keeps the start. Default 100. */
  maxIter?: number
  /** Runs from different starts; the one with the largest lower bound is kept. Default 1. */
  nInit?: number
  /** Where a run starts: responsibilities from k-means, or 1 on k-means++ rows, at random, or 1 on random rows. Default 'kmeans'. */
  initParams?: 'kmeans' | 'k-means++' | 'random' | 'random_from_data'
  /** K weights summing to 1: replaces those of the start. */
  weightsInit?: ArrayLike<number> | null
  /** K×D means: replaces those of the start. */
  meansInit?: MatrixLike | null
  /** Precisions, shaped by `covarianceType`: replaces those of the start. */
  precisionsInit?: CovariancesOf<T> | null
  /** Seed, a whole number. Same seed, same bits. Without one every fit draws its own. */
  randomState?: number
  /** 'squarem' (Varadhan & Roland 2008) goes on from where three iterations head for, if the likelihood is no lower there: another path, mostly to
   *  the same maximum, in about half of the iterations where components overlap (measured: 1.9 times fewer at tol 1e-6, 2.9 at 1e-8, 1.3 at 1e-3).
   *  `nIter` counts the points tried in vain. Default 'none'. */
  acceleration?: 'none' | 'squarem'
  /** Whether a further `fit` goes on from the fitted parameters. Default false. */
  warmStart?: boolean
  /** How fast `partialFit` forgets, in (0.5, 1]: the t-th of equal batches counts t^−learningDecay, so 1 weighs all batches alike and less gives
   *  later ones more. Default 0.7. */
  learningDecay?: number
  /** Hears of what is worth knowing but no error. Default: console.warn. */
  onWarning?: WarningListener
}

/** Options of `fit` of `GaussianMixture`. */
export type GaussianMixtureFitOptions = MixtureFitOptions

/** The options in force.
 *  @inline */
type Params = Required<Omit<GaussianMixtureOptions, 'randomState' | 'onWarning'>> & {
  /** The seed that was set. */
  randomState: number | undefined
}

interface Fitted extends MixtureState {
  covarianceType: CovarianceType
  means: number[][]
  covariances: CovariancesOf<CovarianceType>
  precisions: CovariancesOf<CovarianceType>
  precisionsCholesky: CovariancesOf<CovarianceType>
  // what partialFit goes on from: after fit, the weight of the rows and the largest |x| of each column; after partialFit, statistics
  seen?: Seen
  statistics?: GaussianStatistics
}

/** Total weight of rows, and the largest |x| of each column. */
interface Seen {
  weight: number
  largest: number[]
}
const isSeen = (v: unknown, d: number): boolean => {
  const { weight, largest } = (v ?? {}) as Partial<Seen>
  return isNumbers([weight], (v) => v > 0 && v < Infinity) && isNumbers(largest, (v) => v >= 0 && v < Infinity) && largest.length === d
}

const SCHEMA: Schema = {
  nComponents: positive,
  covarianceType: COVARIANCE_TYPES,
  tol: nonNegative,
  regCovar: nonNegative,
  maxIter: whole,
  nInit: positive,
  initParams: ['kmeans', 'k-means++', 'random', 'random_from_data'],
  weightsInit: arrayOrNull,
  meansInit: arrayOrNull,
  precisionsInit: arrayOrNull,
  randomState: seed,
  acceleration: ['none', 'squarem'],
  warmStart: boolean,
  learningDecay: (value, name) => {
    const decay = nonNegative(value, name)
    if (!(decay > 0.5 && decay <= 1)) throw wrongValue(name, 'a number above 0.5, up to 1', decay)
    return decay
  },
  onWarning: callable,
}
const DEFAULTS: Params = {
  nComponents: 1,
  covarianceType: 'full',
  tol: 1e-3,
  regCovar: 1e-6,
  maxIter: 100,
  nInit: 1,
  initParams: 'kmeans',
  weightsInit: null,
  meansInit: null,
  precisionsInit: null,
  randomState: undefined,
  acceleration: 'none',
  warmStart: false,
  learningDecay: 0.7,
}

/** A mixture of Gaussians p(x) = Σ_k π_k N(x; μ_k, Σ_k), fitted by expectation-maximisation (Dempster, Laird & Rubin 1977), with
 *  scikit-learn's names and behaviour. `fit` takes at least 2 rows; a DegenerateCovarianceError says which component lost its spread, and the
 *  former fit is kept.
 *  @typeParam T the covariance type, which shapes `covariances`, `precisions` and `precisionsCholesky` */
export class GaussianMixture<T extends CovarianceType = 'full'> extends Mixture<Params, Fitted> {
  /** @throws TypeError, RangeError for an option that does not exist or a value it does not take. */
  constructor(options?: GaussianMixtureOptions<T>) {
    super('GaussianMixture', options, SCHEMA, DEFAULTS)
  }

  /** @internal */
  protected fitting(X: MatrixLike | MatrixStream, { sampleWeight }: GaussianMixtureFitOptions): Task<void> {
    const { options: params } = this
    const { nComponents: k, covarianceType: type, tol, maxIter, regCovar } = params
    const streams = streamsOf(params.randomState)
    return planned(X, sampleWeight, (shape, weights) => {
      requireData(shape, weights, k)
      const d = shape.cols
      const given = this.#givenStart(k, d)
      const former = params.warmStart ? this.#formerStart('warmStart', d) : undefined
      return {
        *work(data) {
          const model = new GaussianModel(data, type, k, regCovar)
          const oneRun = function* (run: number): Algorithm<EmResult<GaussianParameters>> {
            const start = former?.parameters ?? (yield* startingPoint(data, model, params, given, streams, run))
            return yield* em(model, start, {
              tol,
              maxIter,
              run,
              lowerBound: former?.lowerBound,
              accelerate: params.acceleration === 'squarem',
            })
          }
          const best = yield* bestRun(former ? 1 : params.nInit, oneRun, model.keep)
          return { best, seen: { weight: data.totalWeight, largest: listOf(data.largest) } }
        },
        finish: ({ best, seen }) => {
          this.fitted = fittedFrom(best, type, k, d, { seen })
          if (best.fall && regCovar === 0) this.warn('likelihood-decreased', fallMessage('GaussianMixture', best.fall))
          if (!best.converged && !best.stopped && maxIter > 0) this.warn('not-converged', unconverged('GaussianMixture', params))
        },
      }
    })
  }

  /** Goes on by one step of stepwise EM (Cappé & Moulines 2009): an E-step over the rows of X (N×D) with their weights, whose sufficient
   *  statistics are merged with those of the rows before, and the M-step. X counts in them with the share (w/W)^learningDecay, where w is its weight
   *  and W that of all rows so far: for batches of equal weight t^−learningDecay at the t-th. The first time, X is also where EM starts (initParams,
   *  once); after `fit` it goes on from there, with all rows of the fit as one batch. `lowerBound` is then that of X under the parameters before.
   *  @throws TypeError, RangeError for data that cannot be used, before any work; DegenerateCovarianceError when a component loses its spread. The
   *  former state is kept in either case. */
  partialFit(X: MatrixLike, options?: Pick<GaussianMixtureFitOptions, 'sampleWeight'>): this {
    const { sampleWeight } = checkOptions<MixtureFitOptions>('partialFit', options, WEIGHT_SCHEMA, {})
    const { options: params } = this
    const { nComponents: k, covarianceType: type, regCovar } = params
    const source = sourceOf(X)
    const d = source.cols
    const weights = checkWeights(sampleWeight, source.rows)
    checkShape(source, 1, 'GaussianMixture', this.fitted?.nFeaturesIn)
    const former = this.#formerStart('partialFit', d)
    if (!former) requireData(source, weights, k)
    const given = this.#givenStart(k, d)
    const before = former && statisticsOf(former, regCovar)
    const step = withRows(source, weights, function* (data): Algorithm<Fitted> {
      const model = new GaussianModel(data, type, k, regCovar)
      const parameters = former?.parameters ?? (yield* startingPoint(data, model, params, given, streamsOf(params.randomState), 0))
      const { logLikelihood: lowerBound, ...moments } = yield* model.moments(parameters)
      const own = GaussianStatistics.of(moments, type, data.totalWeight, data.largest)
      const { exp } = data.arena.use(mixtures)
      const share = before ? exp(params.learningDecay * log(own.weight / (before.weight + own.weight))) : 1
      const statistics = before?.merge(own, share) ?? own
      const [nIter, lowerBounds] = [former?.nIter ?? 0, [lowerBound]]
      const step = { parameters: statistics.maximise(regCovar), converged: false, nIter, lowerBound, lowerBounds }
      return fittedFrom(step, type, k, d, { statistics })
    })
    this.fitted = run(step)
    return this
  }

  /** Draws n samples (n×D) and the components they come from (n), component after component.
   *  @param options randomState: the seed; without it the estimator's own, so that every call gives the same, or a fresh one.
   *  @throws NotFittedError before `fit`; TypeError, RangeError for n that is no whole number ≥ 1 */
  sample(n = 1, options?: { randomState?: number }): MixtureSample {
    const { weights, means, covariances, covarianceType: type, nFeaturesIn: d } = this.state
    positive(n, 'n')
    const { randomState } = checkOptions<{ randomState?: number }>('sample', options, { randomState: seed }, {})
    const random = new Random(seedOf(randomState ?? this.options.randomState), 2)
    const mass = sum(weights) // less than 1 when maxIter 0 kept a start on K rows
    const labels = categories(
      random,
      weights.map((w) => w / mass),
      n,
    )
    const X = Matrix.zeros(n, d)
    const z = new Float64Array(d)
    const normal = standardNormal(random)
    const spreads = means.map((_, c) => lowerFactor(type, covariances, c, d))
    labels.forEach((c, i) => {
      for (let j = 0; j < d; j++) z[j] = normal()
      const row = X.row(i)
      for (let a = 0; a < d; a++) {
        row[a] = means[c][a]
        for (let b = 0; b <= a; b++) row[a] += spreads[c](a, b) * z[b]
      }
    })
    return { X, labels }
  }

  /** Means μ (K×D), in units of the data. */
  get means(): number[][] {
    return this.state.means
  }
  /** Covariances Σ: full K×D×D, tied D×D, diag K×D, spherical K, in squared units of the data. */
  get covariances(): CovariancesOf<T> {
    return this.state.covariances as CovariancesOf<T>
  }
  /** Precisions Σ⁻¹, shaped as `covariances`. */
  get precisions(): CovariancesOf<T> {
    return this.state.precisions as CovariancesOf<T>
  }
  /** Upper triangular U with Σ⁻¹ = U·Uᵀ (full, tied), 1/σ (diag, spherical), shaped as `covariances`. */
  get precisionsCholesky(): CovariancesOf<T> {
    return this.state.precisionsCholesky as CovariancesOf<T>
  }
  /** Free parameters: those of the covariances, K·D means, K − 1 weights. */
  get nParameters(): number {
    const { weights, covarianceType, nFeaturesIn: d } = this.state
    const k = weights.length
    return covarianceShape(covarianceType, k, d).free + k * d + k - 1
  }

  /** Restores what `toJSON` returned.
   *  @throws TypeError, RangeError for anything else, malformed or truncated, naming the field. */
  static fromJSON<T extends CovarianceType = CovarianceType>(json: EstimatorJSON): GaussianMixture<T> {
    const name = 'GaussianMixture'
    const matrices = (v: unknown, { covarianceType: type, weights, nFeaturesIn: d }: Fitted) => {
      const { shape } = covarianceShape(type, weights.length, d)
      const square = isDense(type)
      return isShaped(v, shape) && flatten(v, shape, '').every((x, i) => (square && (i % (d * d)) % (d + 1) > 0) || x > 0)
    }
    let restored: GaussianStatistics | undefined
    const { params, fitted } = openJSON<Fitted>(json, name, {
      covarianceType: (v) => COVARIANCE_TYPES.includes(v as CovarianceType),
      weights: isMixing,
      nFeaturesIn: isWhole(1),
      means: (v, { weights, nFeaturesIn: d }) => isShaped(v, [weights.length, d]),
      covariances: matrices,
      precisions: matrices,
      precisionsCholesky: matrices,
      converged: isBoolean,
      nIter: isWhole(0),
      lowerBound: (v) => typeof v === 'number',
      lowerBounds: (v) => isNumbers(v, () => true),
      seen: (v, { nFeaturesIn: d }) => v === undefined || isSeen(v, d),
      statistics: (v, { covarianceType: type, weights, nFeaturesIn: d }) => {
        if (v === undefined) return true
        restored = GaussianStatistics.fromJSON(v, `${name}.fromJSON: fitted.statistics`)
        return restored?.kind.join() === [type, weights.length, d].join()
      },
    })
    const model = new GaussianMixture<T>(params as GaussianMixtureOptions<T>)
    model.fitted = fitted && { ...fitted, statistics: restored }
    return model
  }

  /** @internal One pass over X with the fitted parameters; only what was asked for is stored. */
  protected evaluating(X: MatrixLike, want: Wanted): Task<Evaluation> {
    const { state } = this
    const { covarianceType: type, nFeaturesIn: d } = state
    const k = state.weights.length
    const source = sourceOf(X)
    checkShape(source, 0, 'GaussianMixture', d)
    const { rows: n } = source
    const result = roomFor(n, k, want)
    const each = want.responsibilities ? ANSWER_BYTES / (8 * k) : want.logNorm ? ANSWER_BYTES / 8 : n
    const step = Math.min(n, Math.max(1, Math.floor(each / SLOT_ROWS)) * SLOT_ROWS)
    let pass: GaussianPass
    let parameters: GaussianParameters
    const perWindow = function* (data: Resident, begin: number): Algorithm<void> {
      const { arena, n: rows } = data
      const most = Math.min(step, rows)
      const labels = want.labels ? arena.take(most * 4) : 0
      const responsibilities = want.responsibilities ? arena.takeF64(most * k) : 0
      const logNorm = want.logNorm ? arena.takeF64(most) : 0
      const broken = arena.take(4)
      arena.i32(broken, 1)[0] = 0
      for (let first = 0; first < rows; first += step) {
        const n = Math.min(step, rows - first)
        yield pass.over({ ...data, x: data.x + first * d * 8, n }, { labels, responsibilities, logNorm, broken })
        if (labels) result.labels.set(arena.i32(labels, n), begin + first)
        if (responsibilities) result.responsibilities.data.set(arena.f64(responsibilities, n * k), (begin + first) * k)
        if (logNorm) result.logNorm.set(arena.f64(logNorm, n), begin + first)
      }
      if (!arena.i32(broken, 1)[0]) return
      refuse(data, begin)
      if (!pass.expanded) return
      // something overflowed: what squares have in common keeps that from being NaN
      pass.load(parameters)
      yield* perWindow(data, begin)
    }
    const windows = withWindows(source, perWindow, true, 1)
    return {
      ...windows,
      *algorithm(arena) {
        // in memory, where arrays of a few numbers cost nothing
        parameters = densityOf(state, (length) => arena.takeDoubles(length))
        pass = new GaussianPass(arena, type, k, d)
        pass.load(parameters)
        // labels: the largest alone counts; log-densities: what is negligible to a sum does not; probabilities: all of them, however small
        if (want.labels) pass.labelsOnly(parameters, n)
        else if (!want.responsibilities) pass.floors(shareFloor())
        else if (type === 'tied' && !want.logNorm) pass.expand(parameters)
        yield* windows.algorithm(arena)
        return result
      },
    }
  }

  // The parts of the start that the options give, checked against the data's shape
  #givenStart(k: number, d: number): GivenStart {
    const { weightsInit, meansInit, precisionsInit, covarianceType: type } = this.options
    const given: GivenStart = {}
    if (weightsInit) given.weights = checkMixingWeights(weightsInit, k)
    if (meansInit) given.means = centersFrom(meansInit as MatrixLike, k, d, 'meansInit')
    if (precisionsInit) {
      const { shape } = covarianceShape(type, k, d)
      const precisions = flatten(precisionsInit, shape, 'precisionsInit')
      if (isDense(type)) requireSymmetric(precisions, d)
      const factors = factorsFromPrecisions(type, precisions, d)
      if (typeof factors === 'number') {
        const what = isDense(type)
          ? `positive definite ${type} precisions, matrix ${factors} is not`
          : `positive ${type} precisions, got ${precisions[factors]} at ${factors}`
        throw new RangeError(`precisionsInit: expected ${what}.`)
      }
      given.factors = factors
    }
    return given
  }

  // What a further fit of d columns goes on from, if there is something
  #formerStart(by: 'warmStart' | 'partialFit', d: number): (Fitted & { parameters: Required<GaussianParameters> }) | undefined {
    const { fitted } = this
    const { covarianceType, nComponents } = this.options
    if (!fitted) return undefined
    const [was, is] = [
      [fitted.covarianceType, fitted.weights.length, fitted.nFeaturesIn],
      [covarianceType, nComponents, d],
    ]
    if (was.join() !== is.join())
      throw wrongValue(
        by,
        `to go on from a fit with covarianceType, nComponents and columns (${was.join(', ')})`,
        `(${is.join(', ')})`,
        `Use a new estimator${by === 'warmStart' ? ' or warmStart: false' : ''}.`,
      )
    return { ...fitted, parameters: parametersOf(fitted) }
  }
}

function requireData(shape: Pick<Source, 'rows' | 'cols'>, weights: Float64Array | undefined, k: number): void {
  checkShape(shape, 2, 'GaussianMixture')
  const n = shape.rows
  requireRows(n, 'nComponents', k)
  const present = weights ? weights.reduce((count, w) => count + Number(w > 0), 0) : n
  if (present < Math.max(2, k))
    throw wrongValue('sampleWeight', `at least ${Math.max(2, k)} weights above 0 (rows of weight 0 are absent)`, present)
}

// Responsibilities or log-densities at a time: they are copied out of the cache
const ANSWER_BYTES = 2 ** 19

interface GivenStart {
  weights?: Float64Array
  means?: Float64Array
  factors?: Float64Array
}

// Where a run starts: an M-step from the responsibilities that initParams stands for, with the given parts put in its place.
function* startingPoint(
  data: Resident,
  model: GaussianModel,
  params: Params,
  given: GivenStart,
  streams: (...stream: number[]) => Random,
  run: number,
): Algorithm<GaussianParameters> {
  const { nComponents: k, initParams } = params
  if (given.weights && given.means && given.factors)
    return { weights: given.weights, means: given.means, precisionsCholesky: given.factors }
  const random = streams(run)
  let start: GaussianParameters
  if (initParams === 'kmeans') {
    const options = { k, init: 'k-means++', nInit: 1, maxIter: 300, tol: 1e-4, convergence: 'centers', reports: false } as const
    const { labels } = yield* retold(
      kMeans(data, options, () => random),
      () => undefined,
    )
    start = yield* model.fromResponsibilities((begin, end, out) => {
      for (let i = begin; i < end; i++) out[(i - begin) * k + labels[i]] = 1
    }, given.factors)
  } else if (initParams === 'random') {
    start = yield* model.fromResponsibilities((begin, end, out) => {
      const own = streams(run, 1, begin) // a stream per range of rows, so that any driver can make its own
      for (let at = 0; at < (end - begin) * k; at += k) {
        let sum = 0
        for (let c = 0; c < k; c++) sum += out[at + c] = own.uniform()
        for (let c = 0; c < k; c++) out[at + c] /= sum
      }
    }, given.factors)
  } else {
    const rows =
      initParams === 'k-means++'
        ? (yield* plusPlus(data, k, random, defaultTrials(k), integerTiles(data, true))).indices
        : yield* randomRows(data, k, random)
    start = yield* model.fromRows(rows, given.factors)
  }
  return {
    weights: given.weights ?? start.weights,
    means: given.means ?? start.means,
    precisionsCholesky: given.factors ?? start.precisionsCholesky,
    covariances: given.factors ? undefined : start.covariances,
  }
}

// The statistics that a fitted mixture stands for; none where nobody knows how many rows it has seen
function statisticsOf(
  { statistics, seen, parameters, covarianceType }: Fitted & { parameters: Required<GaussianParameters> },
  regCovar: number,
) {
  if (statistics) return statistics
  if (!seen) return undefined
  const { weight, largest } = seen
  return GaussianStatistics.standingFor(parameters, covarianceType, { weight, regCovar, largest: Float64Array.from(largest) })
}

function fittedFrom(
  { parameters, converged, nIter, lowerBound, lowerBounds }: Omit<EmResult<GaussianParameters>, 'run' | 'stopped' | 'history' | 'fall'>,
  type: CovarianceType,
  k: number,
  d: number,
  { seen, statistics }: Pick<Fitted, 'seen' | 'statistics'>,
): Fitted {
  const { weights, means, precisionsCholesky } = parameters
  const covariances = parameters.covariances ?? covariancesFromFactors(type, precisionsCholesky, d)
  const { shape } = covarianceShape(type, k, d)
  const shaped = (values: ArrayLike<number>) => reshape(values, shape) as CovariancesOf<CovarianceType>
  const fitted: Fitted = {
    covarianceType: type,
    weights: listOf(weights),
    means: toNested(means, k, d),
    covariances: shaped(covariances),
    precisions: shaped(precisionsFromFactors(type, precisionsCholesky, d)),
    precisionsCholesky: shaped(precisionsCholesky),
    converged,
    nIter,
    lowerBound,
    lowerBounds,
    nFeaturesIn: d,
  }
  if (seen) fitted.seen = seen
  if (statistics) fitted.statistics = statistics
  return fitted
}

// What the density of a fitted mixture depends on
function densityOf(
  { weights, means, precisionsCholesky, covarianceType: type, nFeaturesIn: d }: Fitted,
  room?: (length: number) => Float64Array,
): GaussianParameters {
  const k = weights.length
  return {
    weights: flatten(weights, [k], 'weights', room),
    means: flatten(means, [k, d], 'means', room),
    precisionsCholesky: flatten(precisionsCholesky, covarianceShape(type, k, d).shape, 'precisionsCholesky', room),
  }
}

function parametersOf(fitted: Fitted): Required<GaussianParameters> {
  const { weights, covariances, covarianceType: type, nFeaturesIn: d } = fitted
  return { ...densityOf(fitted), covariances: flatten(covariances, covarianceShape(type, weights.length, d).shape, 'covariances') }
}

function requireSymmetric(matrices: Float64Array, d: number): void {
  for (let start = 0; start < matrices.length; start += d * d)
    for (let i = 0; i < d; i++)
      for (let j = 0; j < i; j++) {
        const a = matrices[start + i * d + j]
        const b = matrices[start + j * d + i]
        // numpy's isclose, as scikit-learn asks it
        if (Math.abs(a - b) > 1e-8 + 1e-5 * Math.abs(b))
          throw wrongValue('precisionsInit', 'symmetric matrices', `${a} at [${start / (d * d)}][${i}][${j}] but ${b} at [${j}][${i}]`)
      }
}

// Entry (a, b) of the lower triangular square root of component c's covariance
function lowerFactor(
  type: CovarianceType,
  covariances: CovariancesOf<CovarianceType>,
  c: number,
  d: number,
): (a: number, b: number) => number {
  if (type === 'spherical') return (a, b) => (a === b ? Math.sqrt((covariances as number[])[c]) : 0)
  if (type === 'diag') return (a, b) => (a === b ? Math.sqrt((covariances as number[][])[c][a]) : 0)
  const cov = type === 'tied' ? (covariances as number[][]) : (covariances as number[][][])[c]
  const lower = within(sharedArena(), (arena) => {
    const [input, output] = [arena.takeF64(d * d), arena.takeF64(d * d)]
    arena.f64(input, d * d).set(cov.flat())
    arena.use(mixtures).cholesky(input, d, output)
    return arena.f64(output, d * d).slice()
  })
  return (a, b) => lower[a * d + b]
}
