// A family of distributions, and mixtures of it as EM sees them. A family says what a row must look like, the log-density of a component, how a
// component is fitted to weighted rows, and how to draw from it; everything else about it is here, once.
import type { EmModel } from './em.ts'
import { mixtures } from './kernel-modules.ts'
import { log } from './logarithm.ts'
import { CompensatedSum } from './mixture.ts'
import { type Algorithm, Reduction, SLOT_ROWS } from './passes.ts'
import type { Random } from './random.ts'
import { type Resident, overSlots } from './resident.ts'

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
  logDensity(parameters: Float64Array): (row: Float64Array) => number
  /** The part of every log-density that depends on the row alone. */
  logBase?(row: Float64Array): number
  /** The parameters of one component that maximise Σ weight·ln p over rows, from Σ weight and Σ weight·row. */
  fit(weight: number, sum: Float64Array): ArrayLike<number>
  /** Draws a row of d numbers. `trials`: how many, where the family needs to be told. */
  draw(parameters: Float64Array, random: Random, d: number, trials: number): ArrayLike<number>
}

/** Parameters of a mixture of a family. */
export interface FamilyParameters {
  weights: Float64Array
  /** K×P */
  components: Float64Array
}

/** What the E-step finds for the rows of a slot: views, valid until the next. */
interface Slot {
  begin: number
  /** Rows, row after row. */
  x: Float64Array
  /** Responsibilities times sample weights, K a row. */
  responsibilities: Float64Array
  logNorm: Float64Array
}

/** A family over one data set. Bytes: 8·N, with hard assignment 12·N, + 8·1024·(K + 1) + 8·(log₂(N/1024) + 2). */
export class FamilyModel implements EmModel<FamilyParameters> {
  readonly #data: Resident
  readonly #family: Family
  readonly #k: number
  readonly #hard: boolean
  readonly #fitWeights: boolean
  readonly #logBase: number // per row
  readonly #assigned: number // per row: its component (hard), −1 for an absent row
  readonly #joint: number //   per row of a slot: log joint densities, then responsibilities
  readonly #logNorm: number // per row of a slot: log-density
  readonly #sums: Reduction
  #magnitude = 0

  constructor(data: Resident, family: Family, k: number, { hard = false, fitWeights = false }) {
    const { arena, n } = data
    this.#data = data
    this.#family = family
    this.#k = k
    this.#hard = hard
    this.#fitWeights = fitWeights
    this.#logBase = arena.takeF64(n)
    this.#assigned = hard ? arena.take(n * 4) : 0
    this.#joint = arena.takeF64(SLOT_ROWS * k)
    this.#logNorm = arena.takeF64(SLOT_ROWS)
    this.#sums = new Reduction(arena, 1, n)
  }

  /** Reads the data for the first time: refuses a row that the family does not accept. Returns the mean of the last column.
   *  @param first number of the first row, for the error */
  *read(first = 0): Algorithm<number> {
    const { arena, n, d } = this.#data
    const { name, expects, logBase } = this.#family
    const base = arena.f64(this.#logBase, n)
    const [last, magnitude] = [new CompensatedSum(), new CompensatedSum()]
    const row = new Float64Array(d)
    yield* overSlots(this.#data, (x, begin, end) => {
      for (let i = begin, at = 0; i < end; i++, at += d) {
        row.set(x.subarray(at, at + d))
        const expected = expects(row)
        if (expected)
          throw new RangeError(
            `X: ${name} expected ${expected}, got [${Array.from(row.subarray(0, 6)).join(', ')}${d > 6 ? ', …' : ''}] in row ${first + i}.`,
          )
        base[i] = logBase?.(row) ?? 0
        magnitude.add(Math.abs(base[i]))
        last.add(row[d - 1])
      }
    })
    this.#magnitude = magnitude.value / n
    return last.value / n
  }

  /** The model, forgetting the assignments of a former run. */
  restarted(): this {
    if (this.#hard) this.#data.arena.i32(this.#assigned, this.#data.n).fill(-2)
    return this
  }

  /** Components fitted to random responsibilities, uniform on the simplex. */
  *randomStart(random: Random): Algorithm<Float64Array> {
    const { arena, w, n } = this.#data
    const k = this.#k
    const weights = w ? arena.f64(w, n) : undefined
    const r = arena.f64(this.#joint, SLOT_ROWS * k)
    const sums = new FamilySums(k, this.#data.d)
    yield* overSlots(this.#data, (x, begin, end) => {
      for (let i = begin, at = 0; i < end; i++, at += k) {
        let sum = 0
        for (let c = 0; c < k; c++) sum += r[at + c] = -log(1 - random.uniform())
        for (let c = 0; c < k; c++) r[at + c] *= (weights?.[i] ?? 1) / sum
      }
      sums.add(x, r, end - begin)
    })
    return this.#maximisation(sums).components
  }

  *step(parameters: FamilyParameters): ReturnType<EmModel<FamilyParameters>['step']> {
    const { arena, n, d, totalWeight } = this.#data
    const k = this.#k
    const assigned = this.#hard ? arena.i32(this.#assigned, n) : undefined
    const sums = new FamilySums(k, d)
    let changed = false
    yield* this.expectation(parameters, ({ begin, x, responsibilities: r, logNorm }) => {
      sums.add(x, r, logNorm.length)
      if (!assigned) return
      for (let i = begin, at = 0; at < r.length; i++, at += k) {
        const c = r.subarray(at, at + k).findIndex((v) => v > 0)
        changed ||= assigned[i] !== c
        assigned[i] = c
      }
    })
    const next = this.#maximisation(sums)
    return {
      logLikelihood: this.#sums.total()[0] / totalWeight,
      parameters: this.#fitWeights ? next : { ...next, weights: parameters.weights },
      fixed: this.#hard && !changed,
      magnitude: this.#magnitude,
    }
  }

  /** The E-step, slot by slot. */
  *expectation({ weights, components }: FamilyParameters, take: (slot: Slot) => void): Algorithm<void> {
    const { arena, w, n, d } = this.#data
    const { posterior } = arena.use(mixtures)
    const k = this.#k
    const size = components.length / k
    const joint = arena.f64(this.#joint, SLOT_ROWS * k)
    const base = arena.f64(this.#logBase, n)
    const logWeights = weights.map(log)
    const densities = Array.from({ length: k }, (_, c) => this.#family.logDensity(components.subarray(c * size, (c + 1) * size)))
    const row = new Float64Array(d) // a view of every row would cost more than its densities
    this.#sums.reset()
    yield* overSlots(this.#data, (x, begin, end) => {
      for (let i = begin, at = 0, from = 0; i < end; i++) {
        for (let j = 0; j < d; j++) row[j] = x[from++]
        for (let c = 0; c < k; c++) joint[at++] = logWeights[c] + base[i] + densities[c](row)
      }
      const rows = end - begin
      posterior(this.#joint, w && w + begin * 8, k, this.#logNorm, Number(this.#hard), 0, rows, this.#sums.open(), 0)
      this.#sums.close()
      take({ begin, x, responsibilities: joint.subarray(0, rows * k), logNorm: arena.f64(this.#logNorm, rows) })
    })
  }

  #maximisation({ counts, sums }: FamilySums): FamilyParameters {
    const { totalWeight } = this.#data
    // a component without weight takes the parameters of all rows
    const whole = sums.reduce((total, sum) => total.map((v, j) => v + sum[j]))
    const components = Array.from(counts, (count, c) =>
      Array.from(count > 0 ? this.#family.fit(count, sums[c]) : this.#family.fit(totalWeight, whole)),
    )
    return { weights: counts.map((count) => count / totalWeight), components: Float64Array.from(components.flat()) }
  }
}

/** Σ r and Σ r·row of each component. */
class FamilySums {
  readonly counts: Float64Array
  readonly sums: Float64Array[]

  constructor(k: number, d: number) {
    this.counts = new Float64Array(k)
    this.sums = Array.from({ length: k }, () => new Float64Array(d))
  }

  /** Adds rows, row after row, with their responsibilities (K a row). */
  add(x: Float64Array, r: Float64Array, rows: number): void {
    const { counts, sums } = this
    const d = x.length / rows
    for (let i = 0, at = 0; i < rows; i++)
      for (let c = 0; c < counts.length; c++, at++) {
        const share = r[at]
        const sum = sums[c]
        counts[c] += share
        for (let j = 0; j < d; j++) sum[j] += share * x[i * d + j]
      }
  }
}
