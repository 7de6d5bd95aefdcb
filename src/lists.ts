// What is asked of lists of numbers everywhere.

/** Σ v, from the first to the last. */
export function sum(values: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]
  return total
}

/** Σ (a − b)² over `count` numbers, from place i of a and j of b on. */
export function squaredDistance(a: Float64Array, i: number, b: Float64Array, j: number, count: number): number {
  let total = 0
  for (const end = i + count; i < end; i++, j++) total += (a[i] - b[j]) ** 2
  return total
}

/** The largest; −∞ of none. */
export function largestOf(values: ArrayLike<number>): number {
  let largest = -Infinity
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, values[i])
  return largest
}

/** What `f` makes of each of a list of numbers, in an array: by default a copy. Array.from takes five times as long over a few. */
export function listOf(values: ArrayLike<number>, f = (v: number): number => v): number[] {
  const list: number[] = []
  for (let i = 0; i < values.length; i++) list.push(f(values[i]))
  return list
}

/** 0, 1, … n − 1. */
export function upTo(n: number): Int32Array<ArrayBuffer> {
  const list = new Int32Array(n)
  for (let i = 0; i < n; i++) list[i] = i
  return list
}
