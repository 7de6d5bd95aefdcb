// What every fitted mixture answers, whatever its components: probabilities become labels, log-densities become scores and criteria.
import { largestOf, sum } from './lists.ts'
import { wrongValue } from './errors.ts'
import { checkOptions } from './check.ts'
import { IterativeEstimator } from './estimator.ts'
import { log } from './logarithm.ts'
import { Matrix, type MatrixLike } from './matrix.ts'
import type { IterationEvent } from './passes.ts'
import { flatten } from './shapes.ts'
import { ASYNC_SCHEMA, type AsyncOptions, type Task, run } from './task.ts'

/** Options of `fit` of every mixture. */
export interface MixtureFitOptions {
  /** N weights ≥ 0: weight 0 is an absent row, weight 2 a repeated one. */
  sampleWeight?: ArrayLike<number>
  /** Called after every iteration; returning false stops, keeping the best so far. */
  onIteration?: (event: IterationEvent<{ lowerBound: number }>) => unknown
}

/** The fitted state that all mixtures share. */
export interface MixtureState {
  weights: number[]
  converged: boolean
  nIter: number
  lowerBound: number
  lowerBounds: number[]
  nFeaturesIn: number
}

/** What an evaluation is to fill. @internal */
export interface Wanted {
  labels?: true
  responsibilities?: true
  logNorm?: true
}

/** What a fitted mixture says of N rows; empty where it was not asked. @internal */
export interface Evaluation {
  /** N */
  labels: Int32Array
  /** N×K */
  responsibilities: Matrix
  /** N */
  logNorm: Float64Array
}

/** Room for what is wanted of N rows. @internal */
export const roomFor = (n: number, k: number, want: Wanted): Evaluation => ({
  labels: want.labels ? new Int32Array(n) : NO_LABELS,
  responsibilities: new Matrix(n, k, want.responsibilities ? new Float64Array(n * k) : NONE),
  logNorm: want.logNorm ? new Float64Array(n) : NONE,
})
const NO_LABELS = /* @__PURE__ */ new Int32Array(0)
const NONE = /* @__PURE__ */ new Float64Array(0)

/** Rows drawn from a mixture. */
export interface MixtureSample {
  /** n×D. */
  X: Matrix
  /** The component each row comes from (n). */
  labels: Int32Array
}

/** How well a mixture explains rows, and at what price. */
export interface Criteria {
  /** Σ ln p(x) over the rows. */
  logLikelihood: number
  /** Akaike's information criterion; lower is better. */
  aic: number
  /** Bayesian information criterion; lower is better. */
  bic: number
  /** Integrated completed likelihood; lower is better. */
  icl: number
}

/** A mixture Σ_k π_k p(x; θ_k), fitted by EM. */
export abstract class Mixture<Options extends object, Fitted extends MixtureState> extends IterativeEstimator<
  Options,
  Fitted,
  MixtureFitOptions
> {
  /** Free parameters. */
  abstract get nParameters(): number
  /** @internal What is asked for of every row of X, in one pass; the rest is empty. */
  protected abstract evaluating(X: MatrixLike, want: Wanted): Task<Evaluation>

  /** The most probable component of each row of X (N×D → N). Ties go to the lowest index.
   *  @throws NotFittedError before `fit`; TypeError, RangeError for data that cannot be used, or with other than D columns */
  predict(X: MatrixLike): Int32Array {
    return run(this.evaluating(X, { labels: true })).labels
  }

  /** `predict` without blocking. */
  async predictAsync(X: MatrixLike, options?: AsyncOptions): Promise<Int32Array> {
    return (await this.#evaluated('predictAsync', X, options, { labels: true })).labels
  }

  /** Probability of each component given each row of X (N×D → N×K): rows sum to 1.
   *  @throws NotFittedError before `fit`; TypeError, RangeError for data that cannot be used, or with other than D columns */
  predictProba(X: MatrixLike): Matrix {
    return run(this.evaluating(X, { responsibilities: true })).responsibilities
  }

  /** `predictProba` without blocking. */
  async predictProbaAsync(X: MatrixLike, options?: AsyncOptions): Promise<Matrix> {
    return (await this.#evaluated('predictProbaAsync', X, options, { responsibilities: true })).responsibilities
  }

  /** Log-density of each row of X, natural logarithm (N×D → N).
   *  @throws NotFittedError before `fit`; TypeError, RangeError for data that cannot be used, or with other than D columns */
  scoreSamples(X: MatrixLike): Float64Array {
    return run(this.evaluating(X, { logNorm: true })).logNorm
  }

  /** `scoreSamples` without blocking. */
  async scoreSamplesAsync(X: MatrixLike, options?: AsyncOptions): Promise<Float64Array> {
    return (await this.#evaluated('scoreSamplesAsync', X, options, { logNorm: true })).logNorm
  }

  #evaluated(name: string, X: MatrixLike, options: AsyncOptions | undefined, want: Wanted): Promise<Evaluation> {
    const given = checkOptions<AsyncOptions>(name, options, ASYNC_SCHEMA, {})
    return this.runAsync(X, (rows) => this.evaluating(rows, want), given)
  }

  /** `fit(X, options)`, then `predict(X)` (N). Throws what `fit` throws. */
  fitPredict(X: MatrixLike, options?: MixtureFitOptions): Int32Array {
    return this.fit(X, options).predict(X)
  }

  /** Mean log-density of the rows of X, natural logarithm: larger is better.
   *  @throws NotFittedError before `fit`; TypeError, RangeError for data that cannot be used, or with other than D columns */
  score(X: MatrixLike): number {
    return this.#scores(this.scoreSamples(X)).score
  }

  /** Akaike information criterion (Akaike 1974) on X: −2·log-likelihood + 2·nParameters. Lower is better.
   *  @throws NotFittedError before `fit`; TypeError, RangeError for data that cannot be used, or with other than D columns */
  aic(X: MatrixLike): number {
    return this.#scores(this.scoreSamples(X)).aic
  }

  /** Bayesian information criterion (Schwarz 1978) on X: −2·log-likelihood + nParameters·ln N. Lower is better.
   *  @throws NotFittedError before `fit`; TypeError, RangeError for data that cannot be used, or with other than D columns */
  bic(X: MatrixLike): number {
    return this.#scores(this.scoreSamples(X)).bic
  }

  /** Integrated completed likelihood (Biernacki, Celeux & Govaert 2000) on X: bic − 2·Σ ln max_k r, with r the probabilities. Lower is
   *  better; above bic by what the clusters overlap.
   *  @throws NotFittedError before `fit`; TypeError, RangeError for data that cannot be used, or with other than D columns */
  icl(X: MatrixLike): number {
    return this.criteria(X).icl
  }

  /** All three criteria and the total log-likelihood of X, in one pass.
   *  @throws NotFittedError before `fit`; TypeError, RangeError for data that cannot be used, or with other than D columns */
  criteria(X: MatrixLike): Criteria {
    return this.#criteria(run(this.evaluating(X, { logNorm: true, responsibilities: true })))
  }

  /** `criteria` without blocking. */
  async criteriaAsync(X: MatrixLike, options?: AsyncOptions): Promise<Criteria> {
    return this.#criteria(await this.#evaluated('criteriaAsync', X, options, { logNorm: true, responsibilities: true }))
  }

  #criteria({ logNorm, responsibilities }: Evaluation): Criteria {
    const { logLikelihood, aic, bic } = this.#scores(logNorm)
    let certainty = 0
    for (const row of responsibilities) certainty += log(largestOf(row))
    return { logLikelihood, aic, bic, icl: bic - 2 * certainty }
  }

  #scores(logNorm: Float64Array): { score: number; logLikelihood: number; aic: number; bic: number } {
    const n = logNorm.length
    if (n === 0) throw wrongValue('X', 'at least 1 row to score', 'none')
    const score = mean(logNorm)
    const logLikelihood = score * n
    const p = this.nParameters
    return { score, logLikelihood, aic: -2 * logLikelihood + 2 * p, bic: -2 * logLikelihood + p * log(n) }
  }

  /** K mixing weights π, summing to 1 (after at least one iteration). */
  get weights(): number[] {
    return this.state.weights
  }
  /** Whether the best run met `tol` within `maxIter` (hard assignment: or its assignments stopped changing). */
  get converged(): boolean {
    return this.state.converged
  }
  /** Iterations of the best run. */
  get nIter(): number {
    return this.state.nIter
  }
  /** Mean log-likelihood per sample at the last E-step of the best run, that is before its last M-step; `score(X)` is after it. With hard
   *  assignment, the classification log-likelihood. */
  get lowerBound(): number {
    return this.state.lowerBound
  }
  /** The lower bound of each iteration of the best run. */
  get lowerBounds(): number[] {
    return this.state.lowerBounds
  }
  /** D, the number of features the mixture was fitted to. */
  get nFeaturesIn(): number {
    return this.state.nFeaturesIn
  }
}

/** Mixing weights that a user gives: K numbers from 0 to 1 that sum to 1 within 1e-8. @internal */
export function checkMixingWeights(value: unknown, k: number): Float64Array {
  const weights = flatten(value, [k], 'weightsInit')
  const bad = weights.findIndex((v) => !(v >= 0 && v <= 1))
  if (bad >= 0) throw wrongValue('weightsInit', 'numbers from 0 to 1', `${weights[bad]} at ${bad}`)
  const mass = sum(weights)
  if (Math.abs(mass - 1) > 1e-8) throw wrongValue('weightsInit', 'weights that sum to 1', `a sum of ${mass}`, 'Divide each by it.')
  return weights
}

/** A sum with Neumaier's compensation (1974). @internal */
export class CompensatedSum {
  #sum = 0
  #lost = 0

  add(v: number): void {
    const sum = this.#sum
    const next = sum + v
    this.#lost += Math.abs(sum) >= Math.abs(v) ? sum - next + v : v - next + sum
    this.#sum = next
  }

  get value(): number {
    return Number.isFinite(this.#sum) ? this.#sum + this.#lost : this.#sum
  }
}

/** Mean: compensated, as totals of log-likelihoods are compared by small differences in model selection. @internal */
export function mean(values: Float64Array): number {
  const sum = new CompensatedSum()
  for (const v of values) sum.add(v)
  return sum.value / values.length
}
