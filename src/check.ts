// Option checks. A schema maps every option name to a check that returns the accepted value or throws; names that are not in
// the schema are refused with the nearest known one. `undefined` always means "the default". Checks are values, not calls that make them: what an
// unused estimator takes must not keep bundlers from dropping it.
import { describe, wrongKind, wrongValue } from './errors.ts'

export type Check<T = unknown> = (value: unknown, name: string) => T
/** A check of each option, or the strings it may be. */
export type Schema = Record<string, Check | readonly string[]>

/** A number that passes `valid`; `what` says which do. */
export function number(value: unknown, name: string, what: string, valid: (value: number) => boolean): number {
  if (typeof value !== 'number') throw wrongKind(name, what, value)
  if (!valid(value)) throw wrongValue(name, what, describe(value))
  return value
}

/** Whether a value is a whole number of at least `min` that a double tells from its neighbours. */
export const isWhole =
  (min: number) =>
  (value: unknown): boolean =>
    Number.isSafeInteger(value) && (value as number) >= min

const integer = (value: unknown, name: string, min: number, other = '') =>
  number(value, name, `${other}an integer of at least ${min}`, (v) => Number.isInteger(v) && v >= min)

/** A whole number of at least 0. */
export const whole: Check<number> = (value, name) => integer(value, name, 0)

/** A whole number of at least 1. */
export const positive: Check<number> = (value, name) => integer(value, name, 1)

/** 'auto', or a whole number of at least 1. */
export const autoOrPositive: Check<'auto' | number> = (value, name) => (value === 'auto' ? value : integer(value, name, 1, "'auto' or "))

/** A finite number of at least 0. */
export const nonNegative: Check<number> = (value, name) =>
  number(value, name, 'a finite number of at least 0', (v) => v >= 0 && v < Infinity)

/** A finite number greater than 0. */
export const aboveZero: Check<number> = (value, name) => number(value, name, 'a finite number greater than 0', (v) => v > 0 && v < Infinity)

/** A finite number. */
export const finite: Check<number> = (value, name) => number(value, name, 'a finite number', Number.isFinite)

/** Whether a value has properties to look at. */
export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Whether a value is a list: anything with a length and numbered items. */
export const isList = (value: unknown): value is ArrayLike<unknown> =>
  isObject(value) && 'length' in value && typeof value.length === 'number'

/** One of the given strings. */
export function oneOf(choices: readonly string[], value: unknown, name: string): string {
  const what = `one of ${choices.map((c) => `'${c}'`).join(', ')}`
  if (typeof value !== 'string') throw wrongKind(name, what, value)
  if (!choices.includes(value)) throw wrongValue(name, what, describe(value), suggestion(value, choices))
  return value
}

export const boolean: Check<boolean> = (value, name) => {
  if (typeof value !== 'boolean') throw wrongKind(name, 'true or false', value)
  return value
}

export const callable: Check<(...args: never[]) => unknown> = (value, name) => {
  if (typeof value !== 'function') throw wrongKind(name, 'a function', value)
  return value as (...args: never[]) => unknown
}

/** A seed: a whole number from 0 to 2^53 − 1. */
export const seed: Check<number> = (value, name) => number(value, name, 'a seed, a whole number from 0 to 2^53 − 1', isWhole(0))

/** Anything: looked at where more is known. */
export const anything: Check = (value) => value

/** Any object: arrays whose shape can only be checked against the data. */
export const arrayLike: Check<object> = (value, name) => {
  if (!isObject(value)) throw wrongKind(name, 'an array', value)
  return value
}

/** `null`, or what a check accepts. */
export const arrayOrNull: Check<object | null> = (value, name) => (value === null ? null : arrayLike(value, name))
export const wholeOrNull: Check<number | null> = (value, name) => (value === null ? null : whole(value, name))
export const positiveOrNull: Check<number | null> = (value, name) => (value === null ? null : positive(value, name))

/** Checks `given` against `schema`: returns a new object with the defaults filled in, or throws before anything else happens. */
export function checkOptions<T extends object>(where: string, given: unknown, schema: Schema, defaults: T): T {
  if (given === undefined) return { ...defaults }
  if (!isObject(given) || Array.isArray(given)) throw wrongKind(where, `an options object such as { ${Object.keys(schema)[0]}: … }`, given)
  const result = { ...defaults } as Record<string, unknown>
  for (const name of Object.keys(given)) {
    const value = (given as Record<string, unknown>)[name]
    const check = Object.hasOwn(schema, name) ? schema[name] : undefined
    if (!check) throw new TypeError(`${where}: unknown option '${name}'. ${suggestion(name, Object.keys(schema))}`)
    if (value !== undefined) result[name] = typeof check === 'function' ? check(value, name) : oneOf(check, value, name)
  }
  return result as T
}

function suggestion(name: string, known: readonly string[]): string {
  const best = known.map((k) => ({ k, cost: editDistance(name.toLowerCase(), k.toLowerCase()) })).sort((a, b) => a.cost - b.cost)[0]
  const begun = name.length > 2 && best?.k.toLowerCase().startsWith(name.toLowerCase()) // onIter
  const near = best && (begun || best.cost <= Math.max(2, name.length / 2))
  return near ? `Did you mean '${best.k}'?` : `Known: ${known.join(', ')}.`
}

// Levenshtein (1966), one row at a time; names with underscores count as their camelCase twin
function editDistance(a: string, b: string): number {
  a = a.replaceAll('_', '')
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return row[b.length]
}
