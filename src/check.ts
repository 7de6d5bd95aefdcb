// Option checks. A schema maps every option name to a check that returns the accepted value or throws; names that are not in
// the schema are refused with the nearest known one. `undefined` always means "the default".
import { describe } from './errors.ts'

export type Check<T = unknown> = (value: unknown, name: string) => T
export type Schema = Record<string, Check>

const must = (name: string, what: string, value: unknown) => `${name}: expected ${what}, got ${describe(value)}.`

/** A whole number of at least `min`. */
/* @__NO_SIDE_EFFECTS__ */
export function integer(min: number): Check<number> {
  return (value, name) => {
    if (typeof value !== 'number') throw new TypeError(must(name, `an integer of at least ${min}`, value))
    if (!Number.isInteger(value) || value < min) throw new RangeError(must(name, `an integer of at least ${min}`, value))
    return value
  }
}

/** A finite number of at least `min` (more than `min` if `open`). */
/* @__NO_SIDE_EFFECTS__ */
export function real(min: number, open = false): Check<number> {
  return (value, name) => {
    const what = `a finite number ${open ? 'greater than' : 'of at least'} ${min}`
    if (typeof value !== 'number') throw new TypeError(must(name, what, value))
    if (!Number.isFinite(value) || value < min || (open && value === min)) throw new RangeError(must(name, what, value))
    return value
  }
}

/** A finite number. */
export const finite: Check<number> = (value, name) => {
  if (typeof value !== 'number') throw new TypeError(`${name}: expected a finite number, got ${describe(value)}.`)
  if (!Number.isFinite(value)) throw new RangeError(`${name}: expected a finite number, got ${value}.`)
  return value
}

/** Whether a value is a list: anything with a length and numbered items. */
export const isList = (value: unknown): value is ArrayLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as ArrayLike<unknown>).length === 'number'

/** One of the given strings. */
/* @__NO_SIDE_EFFECTS__ */
export function oneOf<T extends string>(...choices: T[]): Check<T> {
  return (value, name) => {
    if (choices.includes(value as T)) return value as T
    const what = `one of ${choices.map((c) => `'${c}'`).join(', ')}`
    if (typeof value !== 'string') throw new TypeError(must(name, what, value))
    throw new RangeError(`${must(name, what, value)}${suggestion(value, choices)}`)
  }
}

export const boolean: Check<boolean> = (value, name) => {
  if (typeof value !== 'boolean') throw new TypeError(must(name, 'true or false', value))
  return value
}

export const callable: Check<(...args: never[]) => unknown> = (value, name) => {
  if (typeof value !== 'function') throw new TypeError(must(name, 'a function', value))
  return value as (...args: never[]) => unknown
}

/** A seed: a whole number from 0 to 2^53 − 1. */
export const seed: Check<number> = (value, name) => {
  if (typeof value !== 'number') throw new TypeError(must(name, 'a whole number (the seed)', value))
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(must(name, 'a whole number from 0 to 2^53 − 1', value))
  return value
}

/** Any object: arrays whose shape can only be checked against the data. */
export const arrayLike: Check<object> = (value, name) => {
  if (typeof value !== 'object' || value === null) throw new TypeError(must(name, 'an array', value))
  return value
}

/** `null` or what `check` accepts. */
/* @__NO_SIDE_EFFECTS__ */
export function orNull<T>(check: Check<T>): Check<T | null> {
  return (value, name) => (value === null ? null : check(value, name))
}

/** Checks `given` against `schema`: returns a new object with the defaults filled in, or throws before anything else happens. */
export function checkOptions<T extends object>(where: string, given: unknown, schema: Schema, defaults: T): T {
  if (given === undefined) return { ...defaults }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TypeError(`${where}: expected an options object such as { ${Object.keys(schema)[0]}: … }, got ${describe(given)}.`)
  const result = { ...defaults } as Record<string, unknown>
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(schema, name) ? schema[name] : undefined
    if (!check) throw new TypeError(`${where}: unknown option '${name}'.${suggestion(name, Object.keys(schema))}`)
    if (value !== undefined) result[name] = check(value, name)
  }
  return result as T
}

function suggestion(name: string, known: readonly string[]): string {
  const best = known.map((k) => ({ k, cost: editDistance(name.toLowerCase(), k.toLowerCase()) })).sort((a, b) => a.cost - b.cost)[0]
  const begun = name.length > 2 && best?.k.toLowerCase().startsWith(name.toLowerCase()) // onIter
  const near = best && (begun || best.cost <= Math.max(2, name.length / 2))
  return near ? ` Did you mean '${best.k}'?` : ` Known: ${known.join(', ')}.`
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
