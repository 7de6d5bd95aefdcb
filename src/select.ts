// Model selection: every combination of components and covariance type, by an information criterion.
import { callable, type Check, checkOptions, isList, type Schema, anything } from './check.ts'
import { DegenerateCovarianceError, wrongKind, wrongValue } from './errors.ts'
import { COVARIANCE_TYPES } from './gaussian.ts'
import { type CovarianceType, GaussianMixture, type GaussianMixtureFitOptions, type GaussianMixtureOptions } from './gaussian-mixture.ts'
import { Matrix, type MatrixLike, sourceOf } from './matrix.ts'
import type { Criteria } from './mixture.ts'
import { checkShape } from './resident.ts'
import { ASYNC_SCHEMA, type AsyncOptions } from './task.ts'
import { turn } from './turns.ts'

/** What is compared: Bayesian (Schwarz 1978), Akaike's (1974), or integrated completed likelihood (Biernacki, Celeux & Govaert 2000). */
export type Criterion = 'bic' | 'aic' | 'icl'

/** Options of `selectGaussianMixture`: the grid, and those of GaussianMixture that every fit shares. */
export interface SelectGaussianMixtureOptions
  extends Omit<GaussianMixtureOptions, 'nComponents' | 'covarianceType' | 'precisionsInit' | 'meansInit' | 'weightsInit' | 'warmStart'> {
  /** Numbers of components to try. Default [1, 2, 3, 4, 5, 6]. */
  nComponents?: ArrayLike<number>
  /** Covariance types to try. Default all four. */
  covarianceType?: CovarianceType[]
  /** What the best is best by; lower is better. Default 'bic'. */
  criterion?: Criterion
  /** N weights ≥ 0 for every fit. The criteria are of the rows as they are. */
  sampleWeight?: GaussianMixtureFitOptions['sampleWeight']
  /** Called after every fit; returning false stops with the best so far. */
  onFit?: (result: SelectionResult) => unknown
}

/** One fit of `selectGaussianMixture`. */
export interface SelectionResult extends Criteria {
  /** K. */
  nComponents: number
  /** The covariance type. */
  covarianceType: CovarianceType
  /** Whether its best run met `tol` within `maxIter`. */
  converged: boolean
  /** Iterations of its best run. */
  nIter: number
  /** The fitted mixture. */
  model: GaussianMixture<CovarianceType>
}

// A list of values to try
const list: Check<unknown[]> = (value, name) => {
  if (!isList(value)) throw wrongKind(name, 'an array of values to try', value)
  if (value.length === 0) throw wrongValue(name, 'at least one value to try', 'none')
  return Array.from(value)
}

type Options = Omit<SelectGaussianMixtureOptions, 'nComponents'> & {
  nComponents: number[]
  covarianceType: CovarianceType[]
  criterion: Criterion
}

const SCHEMA: Schema = {
  nComponents: list,
  covarianceType: list,
  criterion: ['bic', 'aic', 'icl'],
  sampleWeight: anything,
  onFit: callable,
  // checked by GaussianMixture
  tol: anything,
  regCovar: anything,
  maxIter: anything,
  nInit: anything,
  initParams: anything,
  acceleration: anything,
  randomState: anything,
  onWarning: anything,
}

/** Options of `selectGaussianMixtureAsync`. */
export type SelectGaussianMixtureAsyncOptions = SelectGaussianMixtureOptions & AsyncOptions

/** What `selectGaussianMixture` found. */
export interface Selection {
  /** The fit with the lowest criterion, the first on ties. */
  best: GaussianMixture<CovarianceType>
  /** All fits, types in order, components within. */
  results: SelectionResult[]
}

const DEFAULTS: Options = { nComponents: [1, 2, 3, 4, 5, 6], covarianceType: /* @__PURE__ */ COVARIANCE_TYPES.slice(), criterion: 'bic' }

/** Fits a Gaussian mixture for every combination and keeps them all; X is put in memory once. A combination whose covariances degenerate is
 *  left out of `results`; if all do, the last DegenerateCovarianceError is thrown.
 *  @param options the grid, and options of GaussianMixture for every fit, except starts, which fit one combination only
 *  @throws TypeError, RangeError for data or options that cannot be used, before any fit */
export function selectGaussianMixture(X: MatrixLike, options?: SelectGaussianMixtureOptions): Selection {
  const steps = selection(X, checkOptions<Options>('selectGaussianMixture', options, SCHEMA, DEFAULTS))
  let step = steps.next()
  while (!step.done) {
    const { fit, data, sampleWeight, evaluate } = step.value
    let criteria: Criteria | undefined
    try {
      if (fit) fit.fit(data, { sampleWeight })
      if (evaluate) criteria = evaluate.criteria(data)
    } catch (error) {
      step = steps.throw(error)
      continue
    }
    step = steps.next(criteria)
  }
  return step.value
}

/** `selectGaussianMixture` without blocking: the same fits, one after another, each in turns with the other work of this thread and with worker
 *  threads where they pay.
 *  @param options `signal`, `threads` as in `fitAsync` */
export async function selectGaussianMixtureAsync(X: MatrixLike, options?: SelectGaussianMixtureAsyncOptions): Promise<Selection> {
  const { signal, threads, ...given } = checkOptions<Options & AsyncOptions>(
    'selectGaussianMixtureAsync',
    options,
    { ...SCHEMA, ...ASYNC_SCHEMA },
    DEFAULTS,
  )
  const steps = selection(X, given)
  let step = steps.next()
  while (!step.done) {
    const { fit, data, sampleWeight, evaluate } = step.value
    let criteria: Criteria | undefined
    try {
      if (fit) await fit.fitAsync(data, { sampleWeight, signal, threads })
      else if (evaluate) criteria = await evaluate.criteriaAsync(data, { signal, threads })
      else await turn()
    } catch (error) {
      step = steps.throw(error)
      continue
    }
    step = steps.next(criteria)
  }
  return step.value
}

// A fit to run, or an evaluation, or nothing: a pause
interface Step {
  data: Matrix
  sampleWeight?: ArrayLike<number>
  fit?: GaussianMixture<CovarianceType>
  evaluate?: GaussianMixture<CovarianceType>
}

// Rows copied between two pauses
const STEP_VALUES = 2 ** 18

// What a selection does, step by step; whoever runs the steps answers an evaluation with its criteria
function* selection(X: MatrixLike, options: Options): Generator<Step, Selection, Criteria | undefined> {
  const { nComponents, covarianceType, criterion, sampleWeight, onFit, ...shared } = options
  // every model is made, so every option checked, before any is fitted
  const models = covarianceType.flatMap((type) =>
    nComponents.map((k) => new GaussianMixture<CovarianceType>({ ...shared, nComponents: k, covarianceType: type })),
  )
  const source = sourceOf(X)
  checkShape(source, Math.max(...nComponents), 'selectGaussianMixture')
  const data = X instanceof Matrix ? X : Matrix.zeros(source.rows, source.cols)
  const step = Math.max(1, Math.floor(STEP_VALUES / source.cols))
  for (let begin = 0; begin < source.rows && data !== X; begin += step) {
    source.copyTo(data.data.subarray(begin * source.cols), begin, Math.min(begin + step, source.rows))
    yield { data }
  }
  const results: SelectionResult[] = []
  let failure: unknown
  for (const model of models) {
    try {
      yield { data, sampleWeight, fit: model }
    } catch (error) {
      if (!(error instanceof DegenerateCovarianceError)) throw error
      failure = error
      continue
    }
    const { nComponents: k, covarianceType: type } = model.getParams()
    const { bic, aic, icl, logLikelihood } = (yield { data, evaluate: model }) as Criteria
    const { converged, nIter } = model
    results.push({ nComponents: k, covarianceType: type, bic, aic, icl, logLikelihood, converged, nIter, model })
    if (onFit?.(results[results.length - 1]) === false) break
  }
  if (!results.length) throw failure
  return { best: results.reduce((a, b) => (b[criterion] < a[criterion] ? b : a)).model, results }
}
