// The loop of expectation-maximisation (Dempster, Laird & Rubin 1977). Every mixture of the package and every model of a user run on it.
import { largestOf } from './lists.ts'
import { callable, checkOptions, isObject, nonNegative, positive, type Schema, whole } from './check.ts'
import { DegenerateCovarianceError, describe, sameRuns, unconverged, wrongKind, wrongValue } from './errors.ts'
import type { WarningListener } from './estimator.ts'
import { log } from './logarithm.ts'
import { Matrix, type MatrixLike, sourceOf } from './matrix.ts'
import { type Algorithm, type IterationListener, PAUSE } from './passes.ts'
import { ASYNC_SCHEMA, type AsyncOptions, type Task, afterwards, run, runAsync } from './task.ts'

/** A latent-variable model as the loop sees it. */
export interface EmModel<P> {
  /** E under `parameters` and M from its responsibilities: the mean log-likelihood of `parameters` and the parameters M gives. `fixed`: the
   *  responsibilities are the last ones, so nothing can change any more (hard assignment). `magnitude`: mean size of the terms that cancel in
   *  the log-likelihood of a row, where they are larger than that. `detail` goes to `onIteration`. */
  step(parameters: P): Algorithm<Step<P>>
  /** A copy of parameters that stays: those of a step are good until the step after the next. Absent where they stay anyway. */
  keep?(parameters: P): P
  /** Where three successive points head for, if that is farther than the last. */
  extrapolate?(...points: [P, P, P]): P | undefined
}

interface Step<P> {
  logLikelihood: number
  parameters: P
  fixed?: boolean
  magnitude?: number
  detail?: object
}

/** One run of EM. */
export interface EmResult<P> {
  parameters: P
  /** Which run it was. */
  run: number
  /** Mean log-likelihood per sample of the parameters each iteration began with. */
  lowerBounds: number[]
  /** The last of them; −∞ before the first iteration. */
  lowerBound: number
  /** E-steps: one for each lower bound, and one for each point that was tried in vain. */
  nIter: number
  converged: boolean
  /** Whether `onIteration` asked to stop. */
  stopped: boolean
  /** The parameters after each iteration, if they were to be kept. */
  history: P[]
  /** The largest fall of the log-likelihood beyond rounding, which a correct M-step never causes. */
  fall: Fall | undefined
}

/** A fall of the mean log-likelihood, and the iteration whose M-step it followed. */
export interface Fall {
  iteration: number
  by: number
}

export interface EmLoopOptions {
  tol: number
  maxIter: number
  run: number
  /** The bound to compare the first iteration's with. Default −∞. */
  lowerBound?: number
  keepHistory?: boolean
  /** Whether to go on from where every three points head for, if the log-likelihood is no lower there. */
  accelerate?: boolean
}

// A sum of N terms carries a relative error of about √N·2⁻⁵³ (N = 10⁸: 1e-12), and the mean log-likelihood inherits it; a hundred times that is
// no rounding. Below 1 the bound is absolute: log-likelihoods pass through zero.
const ROUNDING = 1e-10

/** The larger of `worst` and the fall from one mean log-likelihood to the next, if that is more than rounding. */
function worse(worst: Fall | undefined, from: number, to: number, iteration: number, magnitude = 0): Fall | undefined {
  const by = from - to
  return by > ROUNDING * Math.max(1, Math.abs(from), magnitude) && by > (worst?.by ?? 0) ? { iteration, by } : worst
}

/** Iterates E and M until the mean log-likelihood changes by less than `tol` (strictly, so 0 never stops early) or `maxIter` is reached.
 *  As in scikit-learn, the bound of an iteration is that of the parameters before its M-step. */
export function* em<P>(model: EmModel<P>, initial: P, options: EmLoopOptions): Algorithm<EmResult<P>> {
  const { tol, maxIter, run, keepHistory, accelerate } = options
  const lowerBounds: number[] = []
  const history: P[] = []
  const keep = (parameters: P) => model.keep?.(parameters) ?? parameters
  let parameters = initial
  let lowerBound = options.lowerBound ?? -Infinity
  let converged = false
  let stopped = false
  let fall: Fall | undefined
  let points = [initial]
  let vain = 0
  while (lowerBounds.length + vain < maxIter && !converged && !stopped) {
    const previous = lowerBound
    let step: Step<P> | undefined
    if (accelerate && points.length === 3) {
      const [a, b, c] = points
      const far = model.extrapolate?.(a, b, c)
      points = [c]
      if (far) {
        step = yield* tried(model, far)
        if (step && step.logLikelihood >= lowerBound) points = [far]
        else {
          vain++
          continue
        }
      }
    }
    step ??= yield* model.step(parameters)
    parameters = step.parameters
    if (accelerate) points.push(keep(parameters))
    lowerBound = step.logLikelihood
    lowerBounds.push(lowerBound)
    if (keepHistory) history.push(keep(parameters))
    const shift = lowerBound - previous
    const iteration = lowerBounds.length + vain
    if (lowerBounds.length > 1) fall = worse(fall, previous, lowerBound, iteration - 1, step.magnitude) // a bound from before may be of other data
    converged = Math.abs(shift) < tol || step.fixed === true
    const report = { run, iteration, lowerBound, shift }
    stopped = !(yield { report: step.detail ? Object.assign(report, step.detail) : report })
  }
  return { parameters, run, lowerBounds, lowerBound, nIter: lowerBounds.length + vain, converged, stopped, history, fall }
}

/** A step from a point that no M-step gave, or nothing where it leads to a component without spread. */
function* tried<P>(model: EmModel<P>, parameters: P): Algorithm<Step<P> | undefined> {
  try {
    return yield* model.step(parameters)
  } catch (error) {
    if (error instanceof DegenerateCovarianceError) return undefined
    throw error
  }
}

/** The best of `nInit` runs: the largest last bound. `keep`: see EmModel. */
export function* bestRun<P>(
  nInit: number,
  oneRun: (run: number) => Algorithm<EmResult<P>>,
  keep = (parameters: P): P => parameters,
): Algorithm<EmResult<P>> {
  let best: EmResult<P> | undefined
  for (let run = 0; run < nInit && !best?.stopped; run++) {
    const result = yield* oneRun(run)
    if (!best || result.lowerBound > best.lowerBound || best.lowerBound === -Infinity) best = result
    else best.stopped ||= result.stopped
    if (best === result && run + 1 < nInit && !best.stopped) best.parameters = keep(best.parameters)
  }
  return best as EmResult<P>
}

/** What a fall of the log-likelihood says to whoever listens. */
export function fallMessage(name: string, { iteration, by }: Fall): string {
  return `${name}: the M-step of iteration ${iteration} lowered the mean log-likelihood by ${by.toExponential(2)}, more than rounding explains: check mStep and eStep (or a regularisation that outweighs the data).`
}

// ------------------------------------------------------------------------------------------------------- models of users

/** What an E-step finds. */
export interface Expectation {
  /** p(z = k | x_i) (N×K), rows summing to 1. */
  responsibilities: MatrixLike
  /** Σ ln p(x_i), natural logarithm. */
  logLikelihood: number
}

/** A latent-variable model: what the E-step and the M-step do.
 *  @typeParam P the parameters, anything but a function */
export interface LatentVariableModel<P> {
  /** Responsibilities p(z = k | x_i) under `parameters` (N×K, rows summing to 1), and the total log-likelihood Σ ln p(x_i). */
  eStep(parameters: P): Expectation
  /** The parameters that maximise the expected complete log-likelihood under the responsibilities (N×K). */
  mStep(responsibilities: Matrix): P
  /** Optional: ln p(x_i, z = k) under `parameters` (N×K). With it `onIteration` hears Jensen's bound. */
  logJoint?(parameters: P): MatrixLike
}

/** Options of `expectationMaximization`. @typeParam P the parameters */
export interface ExpectationMaximizationOptions<P> {
  /** Stops when the mean log-likelihood per sample changes by less; 0 never does. Default 1e-6. */
  tol?: number
  /** Most iterations of a run; 0 keeps the start. Default 1000. */
  maxIter?: number
  /** 'soft': responsibilities as they are; 'hard': 1 for the largest, first on ties (Celeux & Govaert 1992), which also stops when no
   *  assignment changes. Default 'soft'. */
  assignment?: 'soft' | 'hard'
  /** Runs, when `initial` is a function of the run; the largest log-likelihood is kept. Default 1. */
  nInit?: number
  /** Called after every iteration; returning false stops, keeping the best so far. */
  onIteration?: (event: ExpectationMaximizationEvent<P>) => unknown
  /** Hears when the log-likelihood falls by more than rounding (with hard assignment: the bound, so only with `logJoint`), and when `maxIter`
   *  came before `tol`. Default: console.warn. */
  onWarning?: WarningListener
}

/** What `onIteration` of `expectationMaximization` hears. @typeParam P the parameters */
export interface ExpectationMaximizationEvent<P> {
  /** Index of the run, 0 ≤ run < nInit. */
  run: number
  /** Number of the iteration, from 1. */
  iteration: number
  /** Total log-likelihood of the parameters the iteration began with. */
  logLikelihood: number
  /** Jensen's bound Σ_i Σ_k r_ik ln(p(x_i, k) / r_ik) with the iteration's responsibilities, under the parameters before its M-step, where it
   *  touches the log-likelihood (soft assignment). Only with `logJoint`. */
  bound?: number
  /** The same after its M-step, where it lies below the log-likelihood of the new parameters. */
  boundAfterMStep?: number
  /** The parameters after the M-step. */
  parameters: P
  /** Milliseconds since the call began. */
  elapsedMs: number
}

/** What `expectationMaximization` found. @typeParam P the parameters */
export interface ExpectationMaximizationResult<P> {
  /** The parameters after the last M-step of the best run. */
  parameters: P
  /** Total log-likelihood of `parameters`. */
  logLikelihood: number
  /** Total log-likelihood of the parameters each iteration began with. */
  history: number[]
  /** Iterations of the best run. */
  nIter: number
  /** Whether the best run met `tol` within `maxIter` (hard assignment: or its assignments stopped changing). */
  converged: boolean
}

const SCHEMA: Schema = {
  tol: nonNegative,
  maxIter: whole,
  assignment: ['soft', 'hard'],
  nInit: positive,
  onIteration: callable,
  onWarning: callable,
}

/** Fits any latent-variable model by expectation-maximisation (Dempster, Laird & Rubin 1977), on the loop that GaussianMixture runs on.
 *  @param initial the parameters to start from, or a function that gives them for each run
 *  @throws TypeError, RangeError when the model returns what it should not: responsibilities that are negative, not finite or do not sum to 1
 *  in a row, a log-likelihood of NaN or +∞, no parameters */
export function expectationMaximization<P>(
  model: LatentVariableModel<P>,
  initial: P | ((run: number) => P),
  options?: ExpectationMaximizationOptions<P>,
): ExpectationMaximizationResult<P> {
  const { task, onIteration } = estimation(model, initial, checkOptions('expectationMaximization', options, SCHEMA, {}))
  return run(task, onIteration)
}

/** `expectationMaximization` without blocking for longer than a step of the model: they run on this thread, in turns with its other work.
 *  @param options those of `expectationMaximization`; `signal`: an AbortSignal that ends the call, which then rejects with its reason */
export async function expectationMaximizationAsync<P>(
  model: LatentVariableModel<P>,
  initial: P | ((run: number) => P),
  options?: ExpectationMaximizationOptions<P> & Pick<AsyncOptions, 'signal'>,
): Promise<ExpectationMaximizationResult<P>> {
  const { signal, ...given } = checkOptions<ExpectationMaximizationOptions<P> & AsyncOptions>(
    'expectationMaximizationAsync',
    options,
    { ...SCHEMA, signal: ASYNC_SCHEMA.signal },
    {},
  )
  const { task, onIteration } = estimation(model, initial, given)
  return runAsync(task, { signal, threads: 1, onIteration })
}

// What both do, and what they tell of it
function estimation<P>(
  model: LatentVariableModel<P>,
  initial: P | ((run: number) => P),
  options: ExpectationMaximizationOptions<P>,
): { task: Task<ExpectationMaximizationResult<P>>; onIteration?: IterationListener } {
  for (const name of ['eStep', 'mStep'] as const)
    if (typeof model?.[name] !== 'function')
      throw new TypeError(
        `model: expected an object with functions eStep and mStep, got ${describe(model?.[name] ?? model)}${model ? ` for ${name}` : ''}.`,
      )
  if (model.logJoint !== undefined && typeof model.logJoint !== 'function')
    throw wrongKind('model', 'logJoint to be a function or nothing', model.logJoint)
  if (initial === undefined) throw wrongKind('initial', 'parameters to start from, or a function of the run that gives them', undefined)
  const { tol = 1e-6, maxIter = 1000, assignment = 'soft', nInit = 1, onIteration } = options
  const onWarning: WarningListener = options.onWarning ?? ((warning) => console.warn(`mixtura: ${warning.message}`))
  const start = typeof initial === 'function' ? (initial as (run: number) => P) : undefined
  const soft = assignment === 'soft'
  const adapters: Adapter<P>[] = []
  const runs = () =>
    bestRun(start ? nInit : 1, (run) => {
      adapters[run] = new Adapter(model, !soft)
      return em(adapters[run], start ? start(run) : (initial as P), { tol, maxIter, run })
    })
  const hear =
    onIteration &&
    (({ run, iteration, elapsedMs, logLikelihood, bound, boundAfterMStep, parameters }: ExpectationMaximizationEvent<P>) =>
      onIteration({ run, iteration, logLikelihood, ...(bound !== undefined && { bound, boundAfterMStep }), parameters, elapsedMs }))
  const finish = (best: EmResult<P>): ExpectationMaximizationResult<P> => {
    const { parameters, nIter, converged } = best
    const { logLikelihood, responsibilities } = expectation(model, parameters)
    // what the last M-step did shows only here
    const fall = soft && nIter > 0 ? worse(best.fall, best.lowerBound, logLikelihood / responsibilities.rows, nIter) : best.fall

    if (!start && nInit > 1)
      onWarning({ code: 'single-init', message: `${sameRuns('parameters', nInit)} Give initial as a function of the run.` })
    if (fall && (soft || model.logJoint)) onWarning({ code: 'likelihood-decreased', message: fallMessage('expectationMaximization', fall) })
    if (!converged && !best.stopped && maxIter > 0)
      onWarning({ code: 'not-converged', message: unconverged('expectationMaximization', { maxIter, tol }) })
    return { parameters, logLikelihood, history: adapters[best.run].totals, nIter, converged }
  }
  return { task: afterwards({ bytes: 0, algorithm: runs }, finish), onIteration: hear }
}

/** A user's model as the loop wants it. */
class Adapter<P> implements EmModel<P> {
  /** Total log-likelihoods, one per E-step. */
  readonly totals: number[] = []
  readonly #model: LatentVariableModel<P>
  readonly #hard: boolean
  #assigned: Int32Array | undefined

  constructor(model: LatentVariableModel<P>, hard: boolean) {
    this.#model = model
    this.#hard = hard
  }

  *step(parameters: P): ReturnType<EmModel<P>['step']> {
    const { responsibilities, logLikelihood } = expectation(this.#model, parameters)
    this.totals.push(logLikelihood)
    yield PAUSE
    const fixed = this.#hard && this.#harden(responsibilities)
    const bound = jensenBound(this.#model, parameters, responsibilities)
    // what hard assignment raises is the classification likelihood, which is its bound
    const watched = this.#hard && bound !== undefined ? bound : logLikelihood
    yield PAUSE
    const next = this.#model.mStep(responsibilities)
    if (next === undefined) throw wrongKind('mStep', 'it to return the new parameters', undefined)
    yield PAUSE
    const boundAfterMStep = jensenBound(this.#model, next, responsibilities)
    return {
      logLikelihood: watched / responsibilities.rows,
      parameters: next,
      fixed,
      detail: { logLikelihood, bound, boundAfterMStep, parameters: next },
    }
  }

  // Rounds each row to its largest entry, in place; returns whether all rows did so last time too
  #harden(responsibilities: Matrix): boolean {
    const assigned = Int32Array.from(responsibilities, (row) => row.indexOf(largestOf(row)))
    assigned.forEach((c, i) => (responsibilities.row(i).fill(0)[c] = 1))
    const same = this.#assigned?.every((c, i) => c === assigned[i]) ?? false
    this.#assigned = assigned
    return same
  }
}

/** The E-step of a user's model, checked. */
function expectation<P>(model: LatentVariableModel<P>, parameters: P): { responsibilities: Matrix; logLikelihood: number } {
  const result = model.eStep(parameters)
  if (!isObject(result)) throw wrongKind('eStep', '{ responsibilities, logLikelihood }', result)
  const { logLikelihood } = result
  if (typeof logLikelihood !== 'number') throw wrongKind('eStep', 'logLikelihood to be a number', logLikelihood)
  if (!(logLikelihood < Infinity))
    throw wrongValue(
      'eStep',
      'logLikelihood to be a number below Infinity',
      logLikelihood,
      'A component may have collapsed, or a density may be 0/0: look at the parameters that mStep returned.',
    )
  const responsibilities = copyOf(result.responsibilities, 'eStep: responsibilities')
  if (responsibilities.rows === 0 || responsibilities.cols === 0)
    throw wrongValue('eStep', 'responsibilities of at least one row and column', `shape [${responsibilities.shape.join(', ')}]`)
  for (let i = 0; i < responsibilities.rows; i++) {
    let sum = 0
    for (const r of responsibilities.row(i)) {
      if (!(r >= 0 && r <= 1 + 1e-9)) throw wrongValue('eStep', 'responsibilities from 0 to 1', `${r} in row ${i}`)
      sum += r
    }
    if (Math.abs(sum - 1) > 1e-6)
      throw wrongValue('eStep', 'the responsibilities of a row to sum to 1', `${sum} in row ${i}`, 'Divide each by their sum.')
  }
  return { responsibilities, logLikelihood }
}

/** Jensen's lower bound of the log-likelihood under `parameters`, Σ_i Σ_k r_ik (ln p(x_i, k) − ln r_ik), if the model gives the joint densities. */
function jensenBound<P>(model: LatentVariableModel<P>, parameters: P, responsibilities: Matrix): number | undefined {
  if (!model.logJoint) return undefined
  const joint = copyOf(model.logJoint(parameters), 'logJoint')
  const [expected, got] = [responsibilities.shape.join(', '), joint.shape.join(', ')]
  if (got !== expected) throw wrongValue('logJoint', `shape [${expected}] like the responsibilities`, `[${got}]`)
  let bound = 0
  joint.data.forEach((l, at) => {
    if (!(l < Infinity))
      throw wrongValue('logJoint', 'numbers below Infinity', `${l} at row ${Math.floor(at / joint.cols)}, column ${at % joint.cols}`)
    const r = responsibilities.data[at]
    if (r > 0) bound += r * (l - log(r))
  })
  return bound
}

/** A copy of `x`, in any of the accepted forms, on the heap of JavaScript: for matrices that no kernel passes over. @internal */
export function copyOf(x: unknown, name: string): Matrix {
  const { rows, cols, copyTo } = sourceOf(x, name)
  const copy = new Matrix(rows, cols, new Float64Array(rows * cols))
  copyTo(copy.data, 0, rows)
  return copy
}
