// How tests compare numbers. A bound is derived where it is used: reordered sums of n terms differ by about n·EPS of the largest
// partial sum, and so on.
import { expect } from 'vitest'

/** Distance from 1 to the next double. */
export const EPS = 2 ** -52

/** A number, or anything iterable of such: nested arrays, typed arrays, a Matrix. */
export type Nested = number | Iterable<Nested>

/** All numbers of a nested structure, in order. */
export function flat(nested: Nested): number[] {
  const numbers: number[] = []
  const visit = (value: Nested) => {
    if (typeof value === 'number') numbers.push(value)
    else for (const item of value) visit(item)
  }
  visit(nested)
  return numbers
}

/** max |a − b| / max |b| over all entries: the error relative to the largest magnitude expected. 0 when all are equal, NaN when any
 *  difference is, Infinity when zeros were expected and something else came. Throws when the numbers of entries differ. */
export function relativeError(actual: Nested, expected: Nested): number {
  const a = flat(actual)
  const b = flat(expected)
  if (a.length !== b.length) throw new RangeError(`expected ${b.length} numbers, got ${a.length}`)
  let difference = 0
  let scale = 0
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) difference = Math.max(difference, Math.abs(a[i] - b[i]))
    scale = Math.max(scale, Math.abs(b[i]))
  }
  return difference === 0 ? 0 : difference / scale
}

/** How far distances of `transform` and roots of the naive squares may be apart, relative to each: (24·d + 64)·2⁻⁵³ for the squares of one, as
 *  assembly/distances.ts derives it, (d + 2)·2⁻⁵³ for those of the other; half of that for the roots, and 2⁻⁵³ more each. */
export const distanceRounding = (d: number) => ((25 * d + 66) / 2 + 2) * 2 ** -53

/** Expects every entry to be within a relative bound of the expected one: 0 where that is 0, infinite where that is. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, bound: number, where = ''): void {
  expect(actual.length, `${where}: length`).toBe(expected.length)
  for (let i = 0; i < expected.length; i++)
    if (actual[i] !== expected[i] && !(Math.abs(actual[i] - expected[i]) <= bound * Math.abs(expected[i])))
      expect(actual[i], `${where}: entry ${i} of ${expected.length}`).toBe(expected[i])
}

const float = new Float64Array(1)
const bits = new BigInt64Array(float.buffer)

/** How many doubles lie between a and b: 0 when they are the same number (−0 and 0 are), 1 when they are neighbours. */
export function ulps(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b) ? 0 : Number.POSITIVE_INFINITY
  const order = (value: number) => {
    float[0] = value
    return bits[0] < 0n ? -(bits[0] & 0x7fffffffffffffffn) : bits[0]
  }
  const distance = order(a) - order(b)
  return Number(distance < 0n ? -distance : distance)
}

/** Largest distance in ulps between corresponding entries. */
export function maxUlps(actual: Nested, expected: Nested): number {
  const b = flat(expected)
  return flat(actual).reduce((worst, v, i) => Math.max(worst, ulps(v, b[i])), 0)
}

/** Expects the same numbers to the last bit, −0 apart from 0. Much faster than `toEqual` on long lists; shows where the first one differs. */
export function expectBits(actual: ArrayLike<number>, expected: ArrayLike<number>, where = ''): void {
  if (actual.length !== expected.length) expect(actual.length, `${where}: length`).toBe(expected.length)
  for (let i = 0; i < expected.length; i++)
    if (!Object.is(actual[i], expected[i])) expect(actual[i], `${where}: entry ${i} of ${expected.length}`).toBe(expected[i])
}

/** Seeded uniform numbers on [0, 1): mulberry32 (T. Ettinger, public domain). Test data only, so that tests do not rest on src/random.ts. */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** n×d numbers drawn by `draw`, as rows. */
export const rowsOf = (n: number, d: number, draw: () => number): number[][] =>
  Array.from({ length: n }, () => Array.from({ length: d }, draw))

/** n rows around k points drawn from [−spread, spread]^d, each coordinate off by a sum of uniforms of unit variance. */
export function blobs(seed: number, n: number, d: number, k: number, spread = 8): number[][] {
  const u = uniforms(seed)
  const centers = rowsOf(k, d, () => (2 * u() - 1) * spread)
  return Array.from({ length: n }, (_, i) => centers[i % k].map((c) => c + 2 * (u() + u() + u() - 1.5)))
}

/** What `work` throws; an error of its own if it does not. */
export function thrown(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
