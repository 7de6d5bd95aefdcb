// Mixtures of other families than Gaussians: what the options mean and what a fit leaves behind. What a family is, and how EM sees it, is in
// family.ts; the loop in em.ts.
import { sameRuns, unconverged, wrongValue } from './errors.ts'
import { arrayOrNull, boolean, callable, checkOptions, nonNegative, positive, type Schema, seed, whole, isWhole } from './check.ts'
import { type EmResult, bestRun, em, fallMessage } from './em.ts'
import { type EstimatorJSON, isBoolean, isMixing, isNumbers, isShaped, openJSON, type WarningListener } from './estimator.ts'
import { type Family, FamilyModel, type FamilyParameters } from './family.ts'
import { Matrix, type MatrixLike, type Source, sourceOf } from './matrix.ts'
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
import type { Algorithm } from './passes.ts'
import { Random, categories, seedOf, streamsOf } from './random.ts'
import { checkShape, withWindows } from './resident.ts'
import { flatten, reshape } from './shapes.ts'
import { planned } from './plan.ts'
import type { MatrixStream } from './stream.ts'
import { type Task, afterwards } from './task.ts'

/** Options of every mixture of another family than Gaussians. */
export interface MixtureOptions {
  /** K, the number of components. Default 1. */
  nComponents?: number
  /** K weights summing to 1 to start from. Default: equal. */
  weightsInit?: ArrayLike<number> | null
  /** Whether the weights are learned; otherwise they stay at `weightsInit`, or equal. Default true. */
  fitWeights?: boolean
  /** 'soft': EM; 'hard': each row wholly to its most probable component (classification EM, Celeux & Govaert 1992). Default 'soft'. */
  assignment?: 'soft' | 'hard'
  /** EM stops when the mean log-likelihood per sample changes by less, ≥ 0. Default 1e-3. */
  tol?: number
  /** Most EM iterations of a run; 0 keeps the start. Default 100. */
  maxIter?: number
  /** Runs from different starts; the one with the largest lower bound is kept. Default 1. */
  nInit?: number
  /** Whether to keep the parameters after every iteration in `history`. Default false. */
  keepHistory?: boolean
  /** Seed, a whole number. Same seed, same bits. Without one every fit draws its own. */
  randomState?: number
  /** Hears of what is worth knowing but no error. Default: console.warn. */
  onWarning?: WarningListener
}

/** The options in force.
 *  @inline */
type Params = Required<Omit<MixtureOptions, 'randomState' | 'onWarning'>> & {
  /** The seed that was set. */
  randomState: number | undefined
  [start: string]: unknown
}

/** Parameters after an iteration, as `history` shows them: `weights` (K), and those of the components under their name.
 *  @typeParam Name what the family calls them @typeParam Shape their nested arrays */
export type HistoryEntry<Name extends string, Shape> = {
  /** K mixing weights. */
  weights: number[]
} & { [name in Name]: Shape }

interface Fitted extends MixtureState {
  parameters: unknown
  history: HistoryEntry<string, unknown>[]
  /** Whether the weights were learned, so count as parameters. */
  fitWeights: boolean
  /** Mean of the last column, rounded: the trials of a binomial. */
  meanTrials: number
}

const SCHEMA: Schema = {
  nComponents: positive,
  weightsInit: arrayOrNull,
  fitWeights: boolean,
  assignment: ['soft', 'hard'],
  tol: nonNegative,
  maxIter: whole,
  nInit: positive,
  keepHistory: boolean,
  randomState: seed,
  onWarning: callable,
}
const DEFAULTS: Params = {
  nComponents: 1,
  weightsInit: null,
  fitWeights: true,
  assignment: 'soft',
  tol: 1e-3,
  maxIter: 100,
  nInit: 1,
  keepHistory: false,
  randomState: undefined,
}

/** A mixture Σ_k π_k p(x; θ_k) of one family, fitted by EM.
 *  @typeParam Name what the family calls θ @typeParam Shape its nested arrays */
export abstract class FamilyMixture<Name extends string, Shape> extends Mixture<Params, Fitted> {
  readonly #family: Family

  /** @internal */
  protected constructor(family: Family, options: unknown) {
    const start = `${family.parameter}Init`
    super(family.name, options, { ...SCHEMA, [start]: arrayOrNull }, { ...DEFAULTS, [start]: null })
    this.#family = family
  }

  /** @internal */
  protected fitting(X: MatrixLike | MatrixStream, { sampleWeight }: MixtureFitOptions): Task<void> {
    const { nComponents: k, tol, maxIter, nInit, keepHistory, assignment, fitWeights } = this.options
    const family = this.#family
    const streams = streamsOf(this.options.randomState)
    return planned(X, sampleWeight, (source) => {
      this.#checkShape(source, Math.max(1, k))
      const d = source.cols
      const given = this.#givenStart(k, d)
      return {
        *work(data) {
          const model = new FamilyModel(data, family, k, { hard: assignment === 'hard', fitWeights })
          const meanTrials = Math.round(yield* model.read())
          const oneRun = function* (run: number): Algorithm<EmResult<FamilyParameters>> {
            const start = {
              weights: given.weights ?? new Float64Array(k).fill(1 / k),
              components: given.components ?? (yield* model.randomStart(streams(run))),
            }
            return yield* em(model.restarted(), start, { tol, maxIter, run, keepHistory })
          }
          return { best: yield* bestRun(given.components ? 1 : nInit, oneRun), meanTrials }
        },
        finish: ({ best, meanTrials }) => {
          const shape = family.shape(k, d)
          this.fitted = {
            weights: Array.from(best.parameters.weights),
            parameters: reshape(best.parameters.components, shape),
            converged: best.converged,
            nIter: best.nIter,
            lowerBound: best.lowerBound,
            lowerBounds: best.lowerBounds,
            history: best.history.map((p) => ({ weights: Array.from(p.weights), [family.parameter]: reshape(p.components, shape) })),
            nFeaturesIn: d,
            fitWeights,
            meanTrials,
          }
          if (given.components && nInit > 1) this.warn('single-init', sameRuns(`${family.parameter}Init`, nInit))
          if (best.fall) this.warn('likelihood-decreased', fallMessage(family.name, best.fall))
          if (!best.converged && !best.stopped && maxIter > 0) this.warn('not-converged', unconverged(family.name, { maxIter, tol }))
        },
      }
    })
  }

  /** Draws n rows (n×D) and the components they come from (n), component after component.
   *  @param options randomState: the seed; without it the estimator's own, or a fresh one. trials (binomial only): trials of each row;
   *  without it the rounded mean of the rows the estimator was fitted to.
   *  @throws NotFittedError before `fit`; TypeError, RangeError for n that is no whole number ≥ 1 */
  sample(n = 1, options?: { randomState?: number; trials?: number }): MixtureSample {
    const { weights, nFeaturesIn: d, meanTrials } = this.state
    positive(n, 'n')
    const schema: Schema = this.#family.columns === 2 ? { randomState: seed, trials: whole } : { randomState: seed }
    const { randomState, trials } = checkOptions<{ randomState?: number; trials?: number }>('sample', options, schema, {})
    const random = new Random(seedOf(randomState ?? this.options.randomState), 2)
    const labels = categories(random, weights, n)
    const X = Matrix.zeros(n, d)
    const components = weights.map((_, c) => this.#component(c))
    labels.forEach((c, i) => X.row(i).set(this.#family.draw(components[c], random, d, trials ?? meanTrials)))
    return { X, labels }
  }

  /** With `keepHistory`, the parameters after each iteration of the best run. */
  get history(): HistoryEntry<Name, Shape>[] {
    return this.state.history as HistoryEntry<Name, Shape>[]
  }
  /** Free parameters: those of the components, and K − 1 weights if they are fitted. */
  get nParameters(): number {
    const { weights, nFeaturesIn: d, fitWeights } = this.state
    const size = this.#family.shape(weights.length, d).reduce((a, b) => a * b, 1)
    return size + (fitWeights ? weights.length - 1 : 0)
  }

  /** @internal θ as nested arrays. */
  protected get componentParameters(): Shape {
    return this.state.parameters as Shape
  }

  /** @internal */
  protected restore(json: EstimatorJSON): this {
    const { name, shape, accepts, columns, parameter } = this.#family
    const parameters = (v: unknown, { weights, nFeaturesIn: d }: Fitted) => {
      const whole = shape(weights.length, d)
      return isShaped(v, whole) && flatten(v, whole, '').every((p) => accepts(p) === undefined)
    }
    const { fitted } = openJSON<Fitted>(json, name, {
      weights: isMixing,
      nFeaturesIn: (v) => isWhole(1)(v) && (columns === undefined || v === columns),
      parameters,
      converged: isBoolean,
      nIter: isWhole(0),
      lowerBound: (v) => typeof v === 'number',
      lowerBounds: (v) => isNumbers(v, () => true),
      history: (v, state) =>
        Array.isArray(v) && v.every((entry) => isShaped(entry?.weights, [state.weights.length]) && parameters(entry[parameter], state)),
      fitWeights: isBoolean,
      meanTrials: isWhole(0),
    })
    this.fitted = fitted
    return this
  }

  #component(c: number): Float64Array {
    const { parameters, weights, nFeaturesIn: d } = this.state
    const all = flatten(parameters, this.#family.shape(weights.length, d), 'parameters')
    const size = all.length / weights.length
    return all.subarray(c * size, (c + 1) * size)
  }

  /** @internal */
  protected evaluating(X: MatrixLike, want: Wanted): Task<Evaluation> {
    const { weights, parameters, nFeaturesIn: d } = this.state
    const k = weights.length
    const family = this.#family
    const source = sourceOf(X)
    this.#checkShape(source, 0, d)
    const n = source.rows
    const components = flatten(parameters, family.shape(k, d), 'parameters')
    const result = roomFor(n, k, want)
    const windows = withWindows(source, function* (data, first) {
      const model = new FamilyModel(data, family, k, {})
      yield* model.read(first)
      yield* model.expectation({ weights: Float64Array.from(weights), components }, ({ begin, responsibilities: r, logNorm }) => {
        const at = first + begin
        if (want.labels) logNorm.forEach((_, i) => (result.labels[at + i] = indexOfLargest(r, i * k, k)))
        if (want.responsibilities) result.responsibilities.data.set(r, at * k)
        if (want.logNorm) result.logNorm.set(logNorm, at)
      })
    })
    return afterwards(windows, () => result)
  }

  #checkShape(shape: Pick<Source, 'rows' | 'cols'>, minRows: number, cols?: number): void {
    const { name, columns } = this.#family
    checkShape(shape, minRows, name, cols)
    if (columns !== undefined && shape.cols !== columns) throw new RangeError(`X: ${name} expected ${columns} columns, got ${shape.cols}.`)
  }

  #givenStart(k: number, d: number): { weights?: Float64Array; components?: Float64Array } {
    const option = `${this.#family.parameter}Init`
    const { weightsInit } = this.options
    const start = this.options[option]
    const weights = weightsInit ? checkMixingWeights(weightsInit, k) : undefined
    const components = start ? flatten(start, this.#family.shape(k, d), option) : undefined
    if (components) requireAll(components, this.#family.accepts, option)
    return { weights, components }
  }
}

function requireAll(parameters: Float64Array, accepts: Family['accepts'], name: string): void {
  parameters.forEach((p, i) => {
    const expected = accepts(p)
    if (expected) throw wrongValue(name, expected, `${p} at ${i}`)
  })
}

/** Place among k entries from `begin` of the largest, the first on ties. */
function indexOfLargest(values: Float64Array, begin: number, k: number): number {
  let best = 0
  for (let c = 1; c < k; c++) if (values[begin + c] > values[begin + best]) best = c
  return best
}
