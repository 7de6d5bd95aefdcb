// Bounds across the passes of one fit (Hamerly 2010): what the centers have moved says which rows cannot have changed cluster. The kernel keeps
// and tests them (assembly/screening.ts); here is when they are worth keeping, decided by counts alone, and in what unit.
import { largestOf, squaredDistance } from './lists.ts'
import type { Arena } from './memory.ts'
import { type IntegerTiles, recordsOf } from './tiles.ts'

/** Bounds are kept once at most this share of the rows has changed in a pass: where more do, drift passes nearly every bound (measured on eight
 *  workloads: from a change of 1/8 on, 87 to 100 % of the rows; at 1/20 half of them). */
const KEEP_FROM = 1 / 50

// The largest drift in units: 32 waste 3 % by rounding up, and bounds of 255 last for eight passes at that pace
const DRIFT_UNITS = 32
const MOST_UNITS = 128

/** What the assignment kernel is told of bounds: addresses of γ (a byte a row) and drift (a byte a center), halvings of the unit, and the unit. */
export type BoundArguments = [gaps: number, drift: number, doublings: number, unit: number]

const NONE: BoundArguments = [0, 0, 0, 1]

/** The bounds of n rows about k centers, whose arguments for a pass with `centers`, where `changed` of the rows changed cluster in the last one, it
 *  returns. Bytes: N + K. */
export function boundsOf(
  arena: Arena,
  n: number,
  k: number,
  tiles: IntegerTiles,
): (centers: Float64Array, changed: number) => BoundArguments {
  const gaps = arena.take(Math.ceil(n / 4) * 4)
  const drift = arena.take(k)
  const far = new Float64Array(k)
  let unit = 0 // 0: no bounds are kept
  let least = 0 // no unit below this
  let last: Float64Array | undefined
  return (centers, changed) => {
    const before = last
    last = centers
    if (!before) return NONE
    fall(before, centers, far)
    const most = largestOf(far)
    if (unit === 0) {
      if (!(changed <= KEEP_FROM * n)) return NONE
      least = 2 ** -30 * reach(arena, tiles, centers, k)
    }
    if (unit === 0 || most > MOST_UNITS * unit) {
      // a unit fit for what comes; every row is screened and its bound made
      unit = Math.max(2 ** Math.ceil(Math.log2(most / DRIFT_UNITS)), least)
      if (unit > 0 && unit < Infinity) return [gaps, 0, 0, unit]
      unit = 0
      return NONE
    }
    let doublings = 0
    for (; doublings < 8 && most > 0 && most <= (DRIFT_UNITS / 2) * unit && unit / 2 >= least; doublings++) unit /= 2
    const units = new Uint8Array(arena.memory.buffer, drift, k)
    for (let c = 0; c < k; c++) units[c] = Math.min(255, Math.ceil(far[c] / unit))
    return [gaps, drift, doublings, unit]
  }
}

// By how much the gap of a row may have closed, for each label, to `far`: how far its center has moved and the farthest other one, rounded up
function fall(last: Float64Array, centers: Float64Array, far: Float64Array): void {
  const k = far.length
  const d = centers.length / k
  let first = 0
  let second = 0
  for (let c = 0; c < k; c++) {
    const moved = Math.sqrt(squaredDistance(centers, c * d, last, c * d, d)) * (1 + 1e-9)
    far[c] = moved
    if (moved > first) {
      second = first
      first = moved
    } else if (moved > second) second = moved
  }
  // of two that moved as far, each is the other's farthest
  for (let c = 0; c < k; c++) far[c] = (far[c] + (far[c] === first && second < first ? second : first)) * (1 + 1e-15)
}

// Twice the largest norm of a quantised row or a center, about the common shift
function reach(arena: Arena, tiles: IntegerTiles, centers: Float64Array, k: number): number {
  const record = recordsOf(arena, tiles)
  let longest = 0
  for (let i = 0; i < record.length; i += 4) if (record[i] > 0) longest = Math.max(longest, record[i + 1] / record[i])
  const d = centers.length / k
  const shift = arena.f64(tiles.shift, d)
  for (let i = 0; i < centers.length; i += d) longest = Math.max(longest, Math.sqrt(squaredDistance(centers, i, shift, 0, d)))
  return 2 * longest
}
