// Mixtures of other families than Gaussians. A family says what a row must look like, the log-density of a component, how a component is
// fitted to weighted rows, and how to draw from it; everything else is here, once. EM is em.ts.
import { type Schema, arrayLike, boolean, checkOptions, integer, oneOf, orNull, real, seed } from './check.ts'
import { type EmModel, type EmResult, bestRun, copyOf, em, fallMessage } from './em.ts'
import { type EstimatorJSON, FIT_SCHEMA, openJSON, type WarningListener } from './estimator.ts'
import { Matrix, type MatrixLike, sourceOf } from './matrix.ts'
import { mixtures } from './kernel-modules.ts'
import { type Arena, sharedArena, withArena } from './memory.ts'
import { Mixture, type MixtureFitOptions, type MixtureState, checkMixingWeights, mean } from './mixture.ts'
import { type Algorithm, Reduction, drive, single } from './passes.ts'
import { Random, seedOf } from './random.ts'
import { checkShape, checkWeights } from './resident.ts'
import { flatten, reshape } from './shapes.ts'

/** A family of distributions of a row of D numbers; parameters of a component are P numbers. */
export interface Family {
  /** The estimator's name. */
  name: string
  /** What its parameters are called, as an attribute: the option is that plus 'Init'. */
  parameter: 'probabilities' | 'rates'
  /** Shape of the parameters of K components over D columns. Its product is K·P. */
  shape(k: number, d: number): number[]
  /** Columns that X must have, if not any number. */
  columns?: number
  /** What an entry must be, as said in an error, or undefined when the row is fine. */
  expects(row: Float64Array): string | undefined
  /** Range of a parameter, for the starts that users give. */
  accepts(parameter: number): string | undefined
  /** ln p(row | parameters of one component), as a function of the row so that what depends on the parameters alone is computed once. The row's
   *  array is reused for the next. */
  logDensity(parameters: Float64Array, log: (x: number) => number): (row: Float64Array) => number
  /** The part of every log-density that depends on the row alone. */
  logBase?(row: Float64Array, log: (x: number) => number): number
  /** The parameters of one component that maximise Σ weight·ln p over rows, from Σ weight and Σ weight·row. */
  fit(weight: number, sum: Float64Array): ArrayLike<number>
  /** Draws a row of d numbers. `trials`: how many, where the family needs to be told. */
  draw(parameters: Float64Array, random: Random, d: number, trials: number, log: (x: number) => number): ArrayLike<number>
}

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

type Params = Required<Omit<MixtureOptions, 'randomState' | 'onWarning'>> & { randomState: number | undefined; [start: string]: unknown }

interface Parameters {
  weights: Float64Array
  /** K×P */
  components: Float64Array
}

/** Parameters after an iteration, as `history` shows them. */
export type HistoryEntry<Name extends string, Shape> = { weights: number[] } & { [name in Name]: Shape }

interface Fitted extends MixtureState {
  parameters: unknown
  history: HistoryEntry<string, unknown>[]
  /** Whether the weights were learned, so count as parameters. */
  fitWeights: boolean
  /** Mean of the last column, rounded: the trials of a binomial. */
  meanTrials: number
}

const SCHEMA: Schema = {
  nComponents: integer(1),
  weightsInit: orNull(arrayLike),
  fitWeights: boolean,
  assignment: oneOf('soft', 'hard'),
  tol: real(0),
  maxIter: integer(0),
  nInit: integer(1),
  keepHistory: boolean,
  randomState: seed,
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
    super(family.name, options, { ...SCHEMA, [start]: orNull(arrayLike) }, { ...DEFAULTS, [start]: null })
    this.#family = family
  }

  /** Fits the mixture to X (N×D).
   *  @throws TypeError, RangeError for data or options that cannot be used, before any work; the former fit is kept. */
  fit(X: MatrixLike, options?: MixtureFitOptions): this {
    const { sampleWeight, onIteration } = checkOptions<MixtureFitOptions>('fit', options, FIT_SCHEMA, {})
    const { nComponents: k, tol, maxIter, nInit, keepHistory, assignment, fitWeights } = this.options
    const family = this.#family
    const data = this.#rows(X, k)
    const [n, d] = data.shape
    const weights = checkWeights(sampleWeight, n)
    const given = this.#givenStart(k, d)
    const seedUsed = seedOf(this.options.randomState)
    const best = withArena(n * (k + 2) * 8, (arena) => {
      const model = new FamilyModel(arena, family, data, weights, k, assignment === 'hard', fitWeights)
      const oneRun = function* (run: number): Algorithm<EmResult<Parameters>> {
        const start = {
          weights: given.weights ?? new Float64Array(k).fill(1 / k),
          components: given.components ?? model.randomStart(new Random(seedUsed, run)),
        }
        return yield* em(model.restarted(), start, { tol, maxIter, run, keepHistory })
      }
      return drive(bestRun(given.components ? 1 : nInit, oneRun), arena, onIteration)
    })
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
      meanTrials: Math.round(mean(Float64Array.from(data, (row) => row[d - 1]))),
    }
    if (given.components && nInit > 1)
      this.warn('single-init', `given ${family.parameter}Init make every run the same: doing 1 instead of nInit = ${nInit}.`)
    if (best.fall) this.warn('likelihood-decreased', fallMessage(family.name, best.fall))
    if (!best.converged && !best.stopped && maxIter > 0)
      this.warn(
        'not-converged',
        `${family.name} stopped after maxIter = ${maxIter} iterations before the lower bound changed by less than tol = ${tol}. Increase maxIter or tol.`,
      )
    return this
  }

  /** The most probable component of each row of X (N×D → N). Ties go to the lowest index. */
  predict(X: MatrixLike): Int32Array {
    return Int32Array.from(this.predictProba(X), (row) => row.indexOf(row.reduce((a, b) => Math.max(a, b))))
  }

  /** Probability of each component given each row of X (N×D → N×K): rows sum to 1. */
  predictProba(X: MatrixLike): Matrix {
    return this.evaluate(X).responsibilities
  }

  /** Log-density of each row of X, natural logarithm (N×D → N). */
  scoreSamples(X: MatrixLike): Float64Array {
    return this.evaluate(X).logNorm
  }

  /** Draws n rows (n×D) and the components they come from (n), component after component.
   *  @param options randomState: the seed; without it the estimator's own, or a fresh one. trials (binomial only): trials of each row;
   *  without it the rounded mean of the rows the estimator was fitted to. */
  sample(n = 1, options?: { randomState?: number; trials?: number }): { X: Matrix; labels: Int32Array } {
    const { weights, nFeaturesIn: d, meanTrials } = this.state
    integer(1)(n, 'n')
    const schema: Schema = this.#family.columns === 2 ? { randomState: seed, trials: integer(0) } : { randomState: seed }
    const { randomState, trials } = checkOptions<{ randomState?: number; trials?: number }>('sample', options, schema, {})
    const random = new Random(seedOf(randomState ?? this.options.randomState), 2)
    const labels = random.categories(weights, n)
    const X = Matrix.zeros(n, d)
    const components = weights.map((_, c) => this.#component(c))
    const { log } = sharedArena().kernels
    labels.forEach((c, i) => X.row(i).set(this.#family.draw(components[c], random, d, trials ?? meanTrials, log)))
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
    const { name, shape, accepts } = this.#family
    const { fitted } = openJSON(json, name, {
      weights: (v) => Array.isArray(v) && v.length > 0 && v.every((w) => w >= 0 && w <= 1),
      converged: (v) => typeof v === 'boolean',
      nIter: (v) => typeof v === 'number',
      lowerBound: (v) => typeof v === 'number',
      lowerBounds: Array.isArray,
      history: Array.isArray,
      nFeaturesIn: (v) => Number.isInteger(v) && (v as number) > 0,
      fitWeights: (v) => typeof v === 'boolean',
      meanTrials: Number.isInteger,
    })
    if (fitted) {
      const state = fitted as unknown as Fitted
      const where = `${name}.fromJSON: fitted.parameters`
      requireAll(flatten(state.parameters, shape(state.weights.length, state.nFeaturesIn), where), accepts, where)
      this.fitted = state
    }
    return this
  }

  #component(c: number): Float64Array {
    const { parameters, weights, nFeaturesIn: d } = this.state
    const all = flatten(parameters, this.#family.shape(weights.length, d), 'parameters')
    const size = all.length / weights.length
    return all.subarray(c * size, (c + 1) * size)
  }

  /** @internal */
  protected evaluate(X: MatrixLike): { responsibilities: Matrix; logNorm: Float64Array } {
    const { weights, parameters, nFeaturesIn: d } = this.state
    const k = weights.length
    const data = this.#rows(X, 0, d)
    const n = data.rows
    return withArena(n * (k + 1) * 8, (arena) => {
      const model = new FamilyModel(arena, this.#family, data, undefined, k, false, false)
      const components = flatten(parameters, this.#family.shape(k, d), 'parameters')
      drive(model.expectation({ weights: Float64Array.from(weights), components }), arena)
      return { responsibilities: new Matrix(n, k, model.responsibilities.slice()), logNorm: model.logNorm.slice() }
    })
  }

  // X as a matrix whose rows the family accepts
  #rows(X: MatrixLike, minRows: number, cols?: number): Matrix {
    const { name, columns, expects } = this.#family
    const source = sourceOf(X)
    checkShape(source, cols === undefined ? Math.max(1, minRows) : 0, name, cols)
    if (columns !== undefined && source.cols !== columns)
      throw new RangeError(`X: ${name} expected ${columns} columns, got ${source.cols}.`)
    const data = X instanceof Matrix ? X : copyOf(X, 'X')
    for (let i = 0; i < data.rows; i++) {
      const row = data.row(i)
      const bad = row.findIndex((v) => !Number.isFinite(v))
      if (bad >= 0)
        throw new RangeError(
          `X: expected finite numbers, got ${row[bad]} at row ${i}, column ${bad}. Drop such rows or fill in the values first.`,
        )
      const expected = expects(row)
      if (expected)
        throw new RangeError(
          `X: ${name} expected ${expected}, got [${Array.from(row.subarray(0, 6)).join(', ')}${row.length > 6 ? ', …' : ''}] in row ${i}.`,
        )
    }
    return data
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
    if (expected) throw new RangeError(`${name}: expected ${expected}, got ${p} at ${i}.`)
  })
}

/** A family over one data set, as EM sees it. */
class FamilyModel implements EmModel<Parameters> {
  readonly #arena: Arena
  readonly #family: Family
  readonly #data: Matrix
  readonly #k: number
  readonly #hard: boolean
  readonly #fitWeights: boolean
  readonly #weights: Float64Array | undefined
  readonly #totalWeight: number
  readonly #joint: number
  readonly #w: number
  readonly #logNorm: number
  readonly #sums: Reduction
  readonly #logBase: Float64Array
  readonly #magnitude: number
  #assigned: Float64Array | undefined

  constructor(
    arena: Arena,
    family: Family,
    data: Matrix,
    weights: Float64Array | undefined,
    k: number,
    hard: boolean,
    fitWeights: boolean,
  ) {
    const n = data.rows
    this.#arena = arena
    this.#family = family
    this.#data = data
    this.#k = k
    this.#hard = hard
    this.#fitWeights = fitWeights
    this.#weights = weights
    this.#totalWeight = weights ? weights.reduce((s, v) => s + v, 0) : n
    this.#joint = arena.takeF64(n * k) // log joint densities, then responsibilities
    this.#logNorm = arena.takeF64(n) //   log-density of each row
    this.#w = weights ? arena.takeF64(n) : 0
    this.#sums = new Reduction(arena, 1, n)
    this.#logBase = Float64Array.from(data, (row) => family.logBase?.(row, arena.kernels.log) ?? 0)
    this.#magnitude = mean(this.#logBase.map(Math.abs))
    if (weights) arena.f64(this.#w, n).set(weights)
  }

  get responsibilities(): Float64Array {
    return this.#arena.f64(this.#joint, this.#data.rows * this.#k)
  }

  get logNorm(): Float64Array {
    return this.#arena.f64(this.#logNorm, this.#data.rows)
  }

  /** The model, forgetting the assignments of a former run. */
  restarted(): this {
    this.#assigned = undefined
    return this
  }

  /** Components fitted to random responsibilities, uniform on the simplex. */
  randomStart(random: Random): Float64Array {
    const { log } = this.#arena.kernels
    const k = this.#k
    const r = this.responsibilities
    for (let at = 0; at < r.length; at += k) {
      let sum = 0
      for (let c = 0; c < k; c++) sum += r[at + c] = -log(1 - random.uniform())
      for (let c = 0; c < k; c++) r[at + c] *= (this.#weights?.[at / k] ?? 1) / sum
    }
    return this.#maximisation().components
  }

  *step(parameters: Parameters): ReturnType<EmModel<Parameters>['step']> {
    yield* this.expectation(parameters)
    const logLikelihood = this.#sums.total()[0] / this.#totalWeight
    const r = this.responsibilities
    const fixed = this.#hard && (this.#assigned?.every((v, i) => v === r[i]) ?? false)
    if (this.#hard) this.#assigned = r.slice()
    const next = this.#maximisation()
    return {
      logLikelihood,
      parameters: this.#fitWeights ? next : { ...next, weights: parameters.weights },
      fixed,
      magnitude: this.#magnitude,
    }
  }

  *expectation({ weights, components }: Parameters): Algorithm<void> {
    const { log } = this.#arena.kernels
    const { data: x, rows: n, cols: d } = this.#data
    const k = this.#k
    const size = components.length / k
    const joint = this.responsibilities
    const logWeights = weights.map((w) => log(w))
    const densities = Array.from({ length: k }, (_, c) => this.#family.logDensity(components.subarray(c * size, (c + 1) * size), log))
    const row = new Float64Array(d) // a view of every row would cost more than its densities
    for (let i = 0, at = 0; i < n; i++) {
      for (let j = 0; j < d; j++) row[j] = x[i * d + j]
      for (let c = 0; c < k; c++) joint[at++] = logWeights[c] + this.#logBase[i] + densities[c](row)
    }
    const args = [this.#joint, this.#w, k, this.#logNorm, Number(this.#hard)]
    yield* single({ kernel: 'posterior', module: mixtures, args, rows: n, scratch: 0, flopsPerRow: 40 * k, into: this.#sums.reset() })
  }

  #maximisation(): Parameters {
    const { data: x, rows: n, cols: d } = this.#data
    const k = this.#k
    const r = this.responsibilities
    const counts = new Float64Array(k)
    const sums = Array.from({ length: k }, () => new Float64Array(d))
    for (let i = 0, at = 0; i < n; i++)
      for (let c = 0; c < k; c++, at++) {
        const share = r[at]
        const sum = sums[c]
        counts[c] += share
        for (let j = 0; j < d; j++) sum[j] += share * x[i * d + j]
      }
    // a component without weight takes the parameters of all rows
    const whole = sums.reduce((total, sum) => total.map((v, j) => v + sum[j]))
    const components = Array.from(counts, (count, c) =>
      Array.from(count > 0 ? this.#family.fit(count, sums[c]) : this.#family.fit(this.#totalWeight, whole)),
    )
    return { weights: counts.map((count) => count / this.#totalWeight), components: Float64Array.from(components.flat()) }
  }
}
