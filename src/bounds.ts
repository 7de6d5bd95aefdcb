// Bounds across the passes of one fit (Hamerly 2010): what the centers have moved says which rows cannot have changed cluster. The kernel keeps
// and tests them (assembly/screening.ts); here is when they are worth keeping, decided by counts alone, and in what unit.
import { largestOf } from './lists.ts'
import type { Arena } from './memory.ts'
import type { IntegerTiles } from './tiles.ts'

/** Bounds are kept once at most this share of the rows has changed in a pass: where more do, drift passes nearly every bound (measured on eight
 *  workloads: from a change of 1/8 on, 87 to 100 % of the rows; at 1/20 half of them). */
const KEEP_FROM = 1 / 50

// The largest drift in units: 32 waste 3 % by rounding up, and bounds of 255 last for eight passes at that pace
const DRIFT_UNITS = 32
const MOST_UNITS = 128

/** What the assignment kernel is told of bounds: addresses of γ (a byte a row) and drift (a byte a center), halvings of the unit, and the unit. */
export type BoundArguments = [gaps: number, drift: number, doublings: number, unit: number]

const NONE: BoundArguments = [0, 0, 0, 1]

/** The bounds of n rows. Bytes: N + K. */
export class Bounds {
  readonly #arena: Arena
  readonly #tiles: IntegerTiles
  readonly #n: number
  readonly #k: number
  readonly #gaps: number
  readonly #drift: number
  #unit = 0 // 0: no bounds are kept
  #least = 0 // no unit below this
  #last: Float64Array | undefined
  readonly #far: Float64Array

  constructor(arena: Arena, n: number, k: number, tiles: IntegerTiles) {
    this.#arena = arena
    this.#tiles = tiles
    this.#n = n
    this.#k = k
    this.#gaps = arena.take(Math.ceil(n / 4) * 4)
    this.#drift = arena.take(k)
    this.#far = new Float64Array(k)
  }

  /** Arguments for a pass with `centers`, where `changed` of the rows changed cluster in the last one. */
  next(centers: Float64Array, changed: number): BoundArguments {
    const last = this.#last
    this.#last = centers
    if (!last) return NONE
    const far = this.#fall(last, centers)
    const most = largestOf(far)
    if (this.#unit === 0) {
      if (!(changed <= KEEP_FROM * this.#n)) return NONE
      this.#least = 2 ** -30 * this.#reach(centers)
    }
    if (this.#unit === 0 || most > MOST_UNITS * this.#unit) {
      // a unit fit for what comes; every row is screened and its bound made
      this.#unit = Math.max(2 ** Math.ceil(Math.log2(most / DRIFT_UNITS)), this.#least)
      return this.#unit > 0 && this.#unit < Number.POSITIVE_INFINITY ? [this.#gaps, 0, 0, this.#unit] : this.#off()
    }
    let doublings = 0
    while (doublings < 8 && most > 0 && most <= (DRIFT_UNITS / 2) * this.#unit && this.#unit / 2 >= this.#least) {
      this.#unit /= 2
      doublings++
    }
    const units = new Uint8Array(this.#arena.memory.buffer, this.#drift, this.#k)
    for (let c = 0; c < this.#k; c++) units[c] = Math.min(255, Math.ceil(far[c] / this.#unit))
    return [this.#gaps, this.#drift, doublings, this.#unit]
  }

  #off(): BoundArguments {
    this.#unit = 0
    return NONE
  }

  // By how much the gap of a row may have closed, for each label: how far its center has moved and the farthest other one, rounded up
  #fall(last: Float64Array, centers: Float64Array): Float64Array {
    const k = this.#k
    const d = centers.length / k
    const far = this.#far
    let first = 0
    let second = 0
    for (let c = 0, i = 0; c < k; c++) {
      let square = 0
      for (const end = i + d; i < end; i++) square += (centers[i] - last[i]) ** 2
      const moved = Math.sqrt(square) * (1 + 1e-9)
      far[c] = moved
      if (moved > first) {
        second = first
        first = moved
      } else if (moved > second) second = moved
    }
    // of two that moved as far, each is the other's farthest
    for (let c = 0; c < k; c++) far[c] = (far[c] + (far[c] === first && second < first ? second : first)) * (1 + 1e-15)
    return far
  }

  // Twice the largest norm of a quantised row or a center, about the common shift
  #reach(centers: Float64Array): number {
    const { kernels } = this.#arena
    const record = this.#arena.f64(this.#tiles.blocks, kernels.blockRecords(this.#n))
    let reach = 0
    for (let i = 0; i < record.length; i += 4) if (record[i] > 0) reach = Math.max(reach, record[i + 1] / record[i])
    const d = centers.length / this.#k
    const shift = this.#arena.f64(this.#tiles.shift, d)
    for (let i = 0; i < centers.length; i += d) {
      let square = 0
      for (let j = 0; j < d; j++) square += (centers[i + j] - shift[j]) ** 2
      reach = Math.max(reach, Math.sqrt(square))
    }
    return 2 * reach
  }
}
