// The loop of expectation-maximisation (Dempster, Laird & Rubin 1977). Every mixture of the package and every model of a user run on it.
import { type Schema, callable, checkOptions, integer, oneOf, real } from './check.ts'
import { type Warning, describe } from './errors.ts'
import type { WarningListener } from './estimator.ts'
import { Matrix } from './matrix.ts'
import { sharedArena } from './memory.ts'
import { type Algorithm, drive } from './passes.ts'

/** A latent-variable model as the loop sees it. */
export interface EmModel<P> {
  /** E under `parameters` and M from its responsibilities: the mean log-likelihood of `parameters` and the parameters M gives. `fixed`: the
   *  responsibilities are the last ones, so nothing can change any more (hard assignment). `detail` goes to `onIteration`. */
  step(parameters: P): Algorithm<{ logLikelihood: number; parameters: P; fixed?: boolean; detail?: object }>
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
  nIter: number
  converged: boolean
  /** Whether `onIteration` asked to stop. */
  stopped: boolean
  /** The parameters after each iteration, if they were to be kept. */
  history: P[]
  /** The largest fall of the log-likelihood beyond rounding, which a correct M-step never causes. */
  fall: { iteration: number; by: number } | undefined
}

export interface EmLoopOptions {
  tol: number
  maxIter: number
  run: number
  /** The bound to compare the first iteration's with. Default −∞. */
  lowerBound?: number
  keepHistory?: boolean
}

// A sum of N terms carries a relative error of about √N·2⁻⁵³ (N = 10⁸: 1e-12), and the mean log-likelihood inherits it; a hundred times that is
// no rounding. Below 1 the bound is absolute: log-likelihoods pass through zero.
const ROUNDING = 1e-10

/** Iterates E and M until the mean log-likelihood changes by less than `tol` (strictly, so 0 never stops early) or `maxIter` is reached.
 *  As in scikit-learn, the bound of an iteration is that of the parameters before its M-step. */
export function* em<P>(model: EmModel<P>, initial: P, options: EmLoopOptions): Algorithm<EmResult<P>> {
  const { tol, maxIter, run, keepHistory } = options
  const lowerBounds: number[] = []
  const history: P[] = []
  let parameters = initial
  let lowerBound = options.lowerBound ?? Number.NEGATIVE_INFINITY
  let converged = false
  let stopped = false
  let fall: EmResult<P>['fall']
  while (lowerBounds.length < maxIter && !converged && !stopped) {
    const previous = lowerBound
    const step = yield* model.step(parameters)
    parameters = step.parameters
    lowerBound = step.logLikelihood
    lowerBounds.push(lowerBound)
    if (keepHistory) history.push(parameters)
    const shift = lowerBound - previous
    const iteration = lowerBounds.length
    if (-shift > ROUNDING * Math.max(1, Math.abs(previous)) && -shift > (fall?.by ?? 0)) fall = { iteration, by: -shift }
    converged = Math.abs(shift) < tol || step.fixed === true
    stopped = !(yield { report: { run, iteration, lowerBound, shift, ...step.detail } })
  }
  return { parameters, run, lowerBounds, lowerBound, nIter: lowerBounds.length, converged, stopped, history, fall }
}

/** The best of `nInit` runs: the largest last bound. */
export function* bestRun<P>(nInit: number, oneRun: (run: number) => Algorithm<EmResult<P>>): Algorithm<EmResult<P>> {
  let best: EmResult<P> | undefined
  for (let run = 0; run < nInit && !best?.stopped; run++) {
    const result = yield* oneRun(run)
    if (!best || result.lowerBound > best.lowerBound || best.lowerBound === Number.NEGATIVE_INFINITY) best = { ...result, stopped: result.stopped }
    else best.stopped ||= result.stopped
  }
  return best as EmResult<P>
}

/** What a fall of the log-likelihood says to whoever listens. */
export function fallMessage(name: string, { iteration, by }: { iteration: number; by: number }): string {
  return `${name}: the mean log-likelihood fell by ${by.toExponential(2)} in iteration ${iteration}, more than rounding explains. An exact M-step never lowers it: check mStep and eStep (or a regularisation that outweighs the data).`
}

// ------------------------------------------------------------------------------------------------------- models of users

/** A latent-variable model: what the E-step and the M-step do.
 *  @typeParam P the parameters, anything */
export interface LatentVariableModel<P> {
  /** Responsibilities p(z = k | x_i) under `parameters` (N×K, rows summing to 1), and the total log-likelihood Σ ln p(x_i). */
  eStep(parameters: P): { responsibilities: Matrix | number[][]; logLikelihood: number }
  /** The parameters that maximise the expected complete log-likelihood under the responsibilities. */
  mStep(responsibilities: Matrix): P
  /** Optional: ln p(x_i, z = k) under `parameters` (N×K). With it `onIteration` hears Jensen's bound. */
  logJoint?(parameters: P): Matrix | number[][]
}

export interface ExpectationMaximizationOptions<P> {
  /** Stops when the mean log-likelihood per sample changes by less. Default 1e-6. */
  tol?: number
  /** Most iterations of a run. Default 1000. */
  maxIter?: number
  /** 'soft': responsibilities as they are; 'hard': 1 for the largest, first on ties (Celeux & Govaert 1992), which also stops when no
   *  assignment changes. Default 'soft'. */
  assignment?: 'soft' | 'hard'
  /** Runs, when `initial` is a function of the run; the largest log-likelihood is kept. Default 1. */
  nInit?: number
  /** Called after every iteration; returning false stops, keeping the best so far. */
  onIteration?: (event: ExpectationMaximizationEvent<P>) => unknown
  /** Hears when the log-likelihood falls by more than rounding. Default: console.warn. */
  onWarning?: WarningListener
}

export interface ExpectationMaximizationEvent<P> {
  run: number
  /** From 1. */
  iteration: number
  /** Total log-likelihood of the parameters the iteration began with. */
  logLikelihood: number
  /** Jensen's bound Σ_i Σ_k r_ik ln(p(x_i, k) / r_ik) with the iteration's responsibilities, under the parameters before its M-step, where it
   *  touches the log-likelihood (soft assignment), and after it, where it lies below that of the new parameters. Only with `logJoint`. */
  bound?: number
  boundAfterMStep?: number
  /** The parameters after the M-step. */
  parameters: P
  elapsedMs: number
}

export interface ExpectationMaximizationResult<P> {
  parameters: P
  /** Total log-likelihood of `parameters`. */
  logLikelihood: number
  /** Total log-likelihood of the parameters each iteration began with. */
  history: number[]
  nIter: number
  converged: boolean
}

const SCHEMA: Schema = {
  tol: real(0),
  maxIter: integer(0),
  assignment: oneOf('soft', 'hard'),
  nInit: integer(1),
  onIteration: callable,
  onWarning: callable,
}

/** Fits any latent-variable model by expectation-maximisation (Dempster, Laird & Rubin 1977), on the loop that GaussianMixture runs on.
 *  @param initial the parameters to start from, or a function that gives them for each run
 *  @throws TypeError, RangeError when the model returns responsibilities that are none: not finite, negative, or rows that do not sum to 1 */
export function expectationMaximization<P>(
  model: LatentVariableModel<P>,
  initial: P | ((run: number) => P),
  options?: ExpectationMaximizationOptions<P>,
): ExpectationMaximizationResult<P> {
  for (const name of ['eStep', 'mStep'] as const)
    if (typeof model?.[name] !== 'function') throw new TypeError(`model: expected an object with functions eStep and mStep, got ${describe(model?.[name] ?? model)}${model ? ` for ${name}` : ''}.`)
  const { tol, maxIter, assignment, nInit, onIteration, onWarning } = checkOptions('expectationMaximization', options, SCHEMA, {
    tol: 1e-6,
    maxIter: 1000,
    assignment: 'soft' as 'soft' | 'hard',
    nInit: 1,
    onIteration: undefined as ((event: ExpectationMaximizationEvent<P>) => unknown) | undefined,
    onWarning: undefined as WarningListener | undefined,
  })
  const first = (run: number) => (typeof initial === 'function' ? (initial as (run: number) => P)(run) : initial)
  const adapters: Adapter<P>[] = []
  const best = drive(
    bestRun(nInit, (run) => {
      adapters[run] = new Adapter(model, assignment)
      return em(adapters[run], first(run), { tol, maxIter, run })
    }),
    sharedArena(),
    onIteration &&
      (({ run, iteration, elapsedMs, logLikelihood, bound, boundAfterMStep, parameters }: ExpectationMaximizationEvent<P>) =>
        onIteration({ run, iteration, logLikelihood, ...(bound !== undefined && { bound, boundAfterMStep }), parameters, elapsedMs })),
  )
  if (best.fall && (assignment === 'soft' || model.logJoint)) {
    const warning: Warning = { code: 'likelihood-decreased', message: fallMessage('expectationMaximization', best.fall) }
    if (onWarning) onWarning(warning)
    else console.warn(`mixtura: ${warning.message}`)
  }
  const logLikelihood = model.eStep(best.parameters).logLikelihood
  return { parameters: best.parameters, logLikelihood, history: adapters[best.run].totals, nIter: best.nIter, converged: best.converged }
}

/** A user's model as the loop wants it. */
class Adapter<P> implements EmModel<P> {
  readonly totals: number[] = []
  readonly #model: LatentVariableModel<P>
  readonly #hard: boolean
  #assigned: Int32Array | undefined

  constructor(model: LatentVariableModel<P>, assignment: 'soft' | 'hard') {
    this.#model = model
    this.#hard = assignment === 'hard'
  }

  *step(parameters: P): ReturnType<EmModel<P>['step']> {
    const { responsibilities: soft, logLikelihood } = this.#model.eStep(parameters)
    if (typeof logLikelihood !== 'number') throw new TypeError(`eStep: expected logLikelihood to be a number, got ${describe(logLikelihood)}.`)
    const responsibilities = checkResponsibilities(soft)
    const fixed = this.#hard && this.#harden(responsibilities)
    const joint = this.#model.logJoint && Matrix.from(this.#model.logJoint(parameters))
    const bound = joint && jensenBound(joint, responsibilities)
    // what hard assignment raises is the classification likelihood, which is its bound
    const watched = this.#hard && bound !== undefined ? bound : logLikelihood
    this.totals.push(logLikelihood)
    const next = this.#model.mStep(responsibilities)
    const boundAfterMStep = this.#model.logJoint && jensenBound(Matrix.from(this.#model.logJoint(next)), responsibilities)
    return { logLikelihood: watched / responsibilities.rows, parameters: next, fixed, detail: { logLikelihood, bound, boundAfterMStep, parameters: next } }
  }

  // Rounds each row to its largest entry, in place; returns whether all rows did so last time too
  #harden(responsibilities: Matrix): boolean {
    const assigned = new Int32Array(responsibilities.rows)
    for (let i = 0; i < responsibilities.rows; i++) {
      const row = responsibilities.row(i)
      let best = 0
      for (let c = 1; c < row.length; c++) if (row[c] > row[best]) best = c
      assigned[i] = best
      row.fill(0)
      row[best] = 1
    }
    const same = this.#assigned?.every((c, i) => c === assigned[i]) ?? false
    this.#assigned = assigned
    return same
  }
}

function checkResponsibilities(given: Matrix | number[][]): Matrix {
  const matrix = Matrix.from(given)
  for (let i = 0; i < matrix.rows; i++) {
    let sum = 0
    for (const r of matrix.row(i)) {
      if (!(r >= 0 && r <= 1 + 1e-9)) throw new RangeError(`eStep: expected responsibilities from 0 to 1, got ${r} in row ${i}.`)
      sum += r
    }
    if (Math.abs(sum - 1) > 1e-6) throw new RangeError(`eStep: expected the responsibilities of a row to sum to 1, got ${sum} in row ${i}. Divide each by their sum.`)
  }
  return matrix
}

/** Jensen's lower bound of the log-likelihood, Σ_i Σ_k r_ik (joint_ik − ln r_ik). */
function jensenBound(joint: Matrix, responsibilities: Matrix): number {
  const { log } = sharedArena().kernels
  let bound = 0
  for (let at = 0; at < joint.data.length; at++) {
    const r = responsibilities.data[at]
    if (r > 0) bound += r * (joint.data[at] - log(r))
  }
  return bound
}
