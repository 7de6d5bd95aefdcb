// What every estimator shares: options that are checked when given and readable later, warnings, JSON.
import { sum } from './lists.ts'
import { anything, callable, checkOptions, finite, isObject, type Schema } from './check.ts'
import { NotFittedError, type Warning, describe, wrongKind, wrongValue } from './errors.ts'
import { Matrix, type MatrixLike, atHand } from './matrix.ts'
import type { IterationListener } from './passes.ts'
import type { MatrixStream } from './stream.ts'
import { ASYNC_SCHEMA, type AsyncOptions, type Task, run, runAsync } from './task.ts'

/** Hears of what is worth knowing but no error. */
export type WarningListener = (warning: Warning) => void

/** An estimator with options `Options` and, once fitted, the state `Fitted`, which is replaced as a whole: a fit that fails leaves
 *  the former one untouched. */
export abstract class Estimator<Options extends object, Fitted extends object> {
  readonly #name: string
  readonly #schema: Schema
  #options: Options & { onWarning?: WarningListener }
  #fitted: Fitted | undefined

  /** @internal */
  protected constructor(name: string, given: unknown, schema: Schema, defaults: Options) {
    this.#name = name
    this.#schema = schema
    this.#options = checkOptions(`new ${name}`, given, this.#schema, defaults)
    // What Node's console shows: the options that were set and what was fitted. As a method with a computed name it would keep bundlers from
    // dropping the class where no estimator is used
    Object.defineProperty(this, Symbol.for('nodejs.util.inspect.custom'), {
      value: (_depth: number, _options: unknown, inspect?: (v: unknown, o?: unknown) => string) => {
        const shown = { ...this.getParams(), ...(this.fitted ?? {}) }
        return `${name} ${inspect ? inspect(shown, { depth: 1, maxArrayLength: 6 }) : JSON.stringify(shown)}`
      },
    })
  }

  /** @internal */
  protected get options(): Options & { onWarning?: WarningListener } {
    return this.#options
  }

  /** @internal */
  protected get fitted(): Fitted | undefined {
    return this.#fitted
  }
  protected set fitted(fitted: Fitted | undefined) {
    this.#fitted = fitted
  }

  /** The options in force, defaults included. */
  getParams(): Options {
    const { onWarning: _, ...params } = this.options
    return params as unknown as Options
  }

  /** Changes options; takes effect at the next fit. Throws TypeError or RangeError, changing nothing, if one is not acceptable. */
  setParams(params: Partial<Options> & { onWarning?: WarningListener }): this {
    this.#options = checkOptions(`${this.#name}.setParams`, params, this.#schema, this.#options)
    return this
  }

  /** @internal The estimator's name: constructor.name does not survive bundlers. */
  protected get estimatorName(): string {
    return this.#name
  }

  /** @internal The fitted state, or NotFittedError. */
  protected get state(): Fitted {
    if (!this.fitted) throw new NotFittedError(this.#name)
    return this.fitted
  }

  /** @internal */
  protected warn(code: Warning['code'], message: string): void {
    if (this.options.onWarning) this.options.onWarning({ code, message })
    else console.warn(`mixtura: ${message}`)
  }

  /** Plain data: options and fitted state, with a format version. `fromJSON` restores it. */
  toJSON(): EstimatorJSON {
    const kept = Object.entries(this.getParams()).filter(([, v]) => typeof v !== 'function' && v !== undefined)
    const params = Object.fromEntries(kept.map(([name, v]) => [name, plain(v)]))
    return { mixtura: this.#name, version: 1, params, fitted: this.fitted ? (encode(this.fitted) as Record<string, unknown>) : null }
  }
}

let told = false

/** What every `fit` by iterations takes. */
interface FitOptions {
  onIteration?: IterationListener
}

/** An estimator that is fitted by iterations, at once or in turns with the other work of the thread. */
export abstract class IterativeEstimator<Options extends object, Fitted extends object, Given extends FitOptions> extends Estimator<
  Options,
  Fitted
> {
  /** @internal The fit that remains once all that can be checked without reading X is. */
  protected abstract fitting(X: MatrixLike | MatrixStream, options: Given): Task<void>

  /** Fits to X (N×D).
   *  @throws TypeError, RangeError for data or options that cannot be used, before any work; the former fit is kept. */
  fit(X: MatrixLike, options?: Given): this {
    const given = checkOptions<Given>('fit', options, FIT_SCHEMA, {} as Given)
    if (typeof X === 'function') throw wrongKind('X', 'a matrix', X, 'Chunks of rows are for fitAsync.')
    run(this.fitting(X, given), given.onIteration)
    return this
  }

  /** `fit` without blocking: the same bits, in turns with the other work of this thread and with worker threads where they pay. X must not
   *  change meanwhile.
   *  @param X the data, or for data larger than memory a function that begins a new reading of them each time it is called: an iterable, or
   *  async iterable, of chunks of rows. Only a few megabytes of it and what a fit keeps for each row are in memory, and the bits are the same.
   *  @param options those of `fit`; `signal`: an AbortSignal that ends the call, which keeps the former fit; `threads`: 1 for this one alone,
   *  default 'auto', one for each core
   *  @returns a promise of the estimator, fitted. It rejects with what `fit` throws, or the signal's reason (an AbortError by default). */
  async fitAsync(X: MatrixLike | MatrixStream, options?: Given & AsyncOptions): Promise<this> {
    const given = checkOptions<Given & AsyncOptions>('fitAsync', options, { ...FIT_SCHEMA, ...ASYNC_SCHEMA }, {} as Given)
    await this.runAsync(X, (rows) => this.fitting(rows, given), given)
    return this
  }

  /** @internal The task over X, its checks at once unless X is a tensor whose numbers come later. */
  protected async runAsync<T, X>(X: X, task: (rows: X) => Task<T>, options: AsyncOptions & FitOptions): Promise<T> {
    const rows = atHand(X)
    return runAsync(task(rows instanceof Promise ? await rows : rows), {
      ...options,
      onWorkless: (message) => {
        // the console hears it once: it is true of the page or process
        if (this.options.onWarning || !told) this.warn('threads-unavailable', message)
        told ||= !this.options.onWarning
      },
    })
  }
}

/** What every `fit` and `partialFit` takes: weights, which are looked at beside the data. @internal */
export const WEIGHT_SCHEMA: Schema = { sampleWeight: anything }

/** Options of every `fit` by iterations. @internal */
export const FIT_SCHEMA: Schema = { sampleWeight: anything, onIteration: callable }

/** A stored estimator. */
export interface EstimatorJSON {
  /** The class's name. */
  mixtura: string
  /** Of the format: 1. */
  version: number
  /** The options that can be stored, by name. */
  params: Record<string, unknown>
  /** The fitted state by name, or null before `fit`. */
  fitted: Record<string, unknown> | null
}

/** Whether the stored value of a field may be taken. Fields are looked at in order, so that one may rely on those before it. @internal */
export type FieldChecks<Fitted> = { [Field in keyof Fitted]-?: (value: unknown, fitted: Fitted) => boolean }

/** Checks a stored estimator and returns its parts: of the fitted state only the given fields, each of which must pass its check. Text is a poor
 *  witness, so nothing here allocates by a number that it names. @internal */
export function openJSON<Fitted extends object>(json: unknown, name: string, checks: FieldChecks<Fitted>) {
  const it = json as EstimatorJSON
  const where = `${name}.fromJSON`
  if (!isObject(json) || it.mixtura !== name)
    throw wrongKind(
      where,
      `what ${name}.toJSON() returned`,
      (it as EstimatorJSON | null)?.mixtura ?? json,
      typeof json === 'string' ? 'JSON.parse it first.' : '',
    )
  if (it.version !== 1) throw wrongValue(where, 'format version 1', describe(it.version), 'A newer mixtura wrote this: update the package.')
  if (it.fitted !== null && typeof it.fitted !== 'object') throw wrongKind(where, 'fitted to be an object or null', it.fitted)
  const params = decode(it.params, `${where}: params`) as Record<string, unknown>
  if (isObject(params))
    for (const [option, value] of Object.entries(params)) if (isObject(value)) requireNumbers(value, `${where}: params.${option}`)
  if (!it.fitted) return { params }
  const given = decode(it.fitted, `${where}: fitted`) as Record<string, unknown>
  for (const [field, valid] of Object.entries<FieldChecks<Fitted>[keyof Fitted]>(checks)) {
    const value = Object.hasOwn(given, field) ? given[field] : undefined
    if (!valid(value, given as Fitted))
      throw new RangeError(`${where}: fitted.${field} is missing or malformed, or does not fit the others, got ${describe(value)}.`)
  }
  return { params, fitted: Object.fromEntries(Object.entries(given).filter(([field]) => Object.hasOwn(checks, field))) as Fitted }
}

// Arrays given as options (first centers, precisions …) as nested arrays, whatever form they had
function plain(value: unknown): unknown {
  if (!isObject(value)) return value
  return 'length' in value ? Array.from(value as ArrayLike<unknown>, plain) : Matrix.from(value as MatrixLike).toArray()
}

// JSON has no ±Infinity and NaN (a lower bound may be −∞) and no typed arrays (labels); statistics say themselves what they are in it
function encode(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (value instanceof Int32Array) return { int32: Array.from(value) }
  if (Array.isArray(value)) return value.map(encode)
  if (!isObject(value)) return value
  const { toJSON } = value as { toJSON?(): unknown }
  return toJSON?.call(value) ?? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, encode(v)]))
}

// No stored state nests deeper than full covariances in a history
const DEEPEST = 8

function decode(value: unknown, where: string, depth = 0): unknown {
  if (value === 'Infinity' || value === '-Infinity' || value === 'NaN') return Number(value)
  if (!isObject(value)) return value
  if (depth > DEEPEST) throw wrongValue(where, `at most ${DEEPEST} levels of nesting`, 'more')
  if (Array.isArray(value)) return value.map((item) => decode(item, where, depth + 1))
  if ('int32' in value && Array.isArray(value.int32) && value.int32.every((v) => typeof v === 'number' && v === (v | 0)))
    return Int32Array.from(value.int32)
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, decode(v, where, depth + 1)]))
}

// Arrays, nested or not, of finite numbers: what `plain` made
function requireNumbers(value: unknown, where: string): void {
  if (Array.isArray(value)) value.forEach((item, i) => requireNumbers(item, `${where}[${i}]`))
  else finite(value, where)
}

/** Whether a value is an array of numbers that are finite, or pass `valid`. @internal */
export const isNumbers = (value: unknown, valid: (v: number) => boolean = Number.isFinite): value is number[] =>
  Array.isArray(value) && value.every((v) => typeof v === 'number' && valid(v))

/** @internal */
export const isBoolean = (value: unknown): boolean => typeof value === 'boolean'

/** Whether a value is K mixing weights: at least 0, with a sum above 0 and, but for rounding, at most 1. @internal */
export const isMixing = (value: unknown): boolean => {
  if (!isNumbers(value, (w) => w >= 0)) return false
  const mass = sum(value)
  return mass > 0 && mass <= 1 + 1e-6
}

/** Whether a value is arrays nested to the given shape, of finite numbers. @internal */
export const isShaped = (value: unknown, [length, ...rest]: number[]): value is unknown[] =>
  Array.isArray(value) && value.length === length && (rest.length > 0 ? value.every((v) => isShaped(v, rest)) : isNumbers(value))
