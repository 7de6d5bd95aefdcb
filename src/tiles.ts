// Rows and centers as the screening kernels read them (assembly/screening.ts): in 16-bit integers about a point near the data.
import type { BoundArguments } from './bounds.ts'
import { squaredDistance } from './lists.ts'
import type { Arena } from './memory.ts'
import { type Algorithm, type Pass, Reduction, SLOT_ROWS } from './passes.ts'
import { type Resident, passBy, refuse } from './resident.ts'

/** The rows in 16-bit integers, kept between passes and between runs. Bytes: N·(2·D + 0.125), D rounded up to even. */
export interface IntegerTiles {
  tiles: number
  blocks: number
  rows: number
  /** Address of a point near the data (D), about which rows and centers are quantised. */
  shift: number
  /** How far from it rows may be that k-means++ quantises, and centers among them; NaN where it is not asked. */
  radius: number
}

/** Room for the tiles of all rows, which the first assignment quantises, block by block while they are in cache, or, where they are to be fit for
 *  centers among them, k-means++ with its first center. Rows that are not in memory are not kept in integers either: undefined. */
export function integerTiles(data: Resident, forCenters: boolean): IntegerTiles | undefined {
  const { arena, x, n, d } = data
  if (passBy(data)) return undefined
  // rows spread over the data: a thousand, or as many as make 2¹⁷ numbers, but a hundred
  const step = Math.ceil(n / Math.min(1000, Math.max(100, 2 ** 17 / d)))
  const count = Math.ceil(n / step)
  const all = arena.f64(x, n * d)
  const shift = arena.takeDoubles(d).fill(0) // becomes their mean
  for (let i = 0; i < all.length; i += step * d) for (let j = 0; j < d; j++) shift[j] += all[i + j] - all[j]
  for (let j = 0; j < d; j++) shift[j] = all[j] + shift[j] / count
  let [longest, total] = [forCenters ? 0 : NaN, 0]
  for (let i = 0; forCenters && i < all.length; i += step * d) {
    const length = Math.sqrt(squaredDistance(all, i, shift, 0, d))
    longest = Math.max(longest, length)
    total += length
  }
  const records = arena.kernels.blockRecords(n)
  const blocks = arena.takeF64(records)
  arena.kernels.clear(blocks, records)
  return {
    tiles: arena.take(arena.kernels.tileBytes(n, d)),
    blocks,
    rows: n,
    shift: shift.byteOffset,
    // as far above the longest of the sample as that is above its mean: few of the others are longer, whatever the number of features
    radius: MORE * (count === n ? longest : 2 * longest - total / count),
  }
}

/** Whether some row is farther from the shift than `radius`, once the first center of k-means++ has been taken in: then rows are to be quantised again, which
 *  this prepares. Refuses rows some value of which is not finite. */
export function mustQuantizeAgain(data: Resident, tiles: IntegerTiles): boolean {
  const record = recordsOf(data.arena, tiles)
  let longest = 0
  for (let i = 3; i < record.length; i += 4) {
    longest = Math.max(longest, record[i]) // NaN stays
    record[i] = 0
  }
  if (!(longest < Infinity)) refuse(data, 0)
  if (longest <= tiles.radius) return false
  tiles.radius = MORE * longest
  record.fill(0)
  return true
}

/** Above the rounding of lengths, below what the bounds of scores have room for. */
const MORE = 1 + 1e-9

/** Of each block of rows σ, its largest length and more: see `assignScreened`. */
export const recordsOf = (arena: Arena, { rows, blocks }: IntegerTiles) => arena.f64(blocks, arena.kernels.blockRecords(rows))

/** Refuses rows some value of which is not finite, once their lengths have been taken: those tell, so finite rows are not read for it. */
export function refuseBroken(data: Resident, tiles: IntegerTiles): void {
  const record = recordsOf(data.arena, tiles)
  // zero where the rows of a block are all the same or centers have no scale, infinite where squares overflow: then they are read
  let [least, most] = [Infinity, 0]
  for (let i = 1; i < record.length; i += 4) {
    least = Math.min(least, record[i]) // NaN stays
    most = Math.max(most, record[i])
  }
  if (!(least > 0 && most < Infinity)) refuse(data, 0)
}

// Mean of column j of a k×d table
function meanOf(table: ArrayLike<number>, j: number, k: number, d: number): number {
  let sum = 0
  for (let c = 0; c < k; c++) sum += table[c * d + j]
  return sum / k
}

/** Pairs of centers are looked at where there are so many rows a center: then that is at most a hundredth of a pass. */
const PAIR_ROWS = 900

/** Counts that an assignment begins its statistics with, see `changes`. */
export const COUNTS = 3

/** Centers where kernels read them, and the passes that compare rows with them. */
export class CenterPanels {
  /** The centers, row-major (k×d). */
  readonly #centers: Float64Array
  /** The same four by four. */
  readonly #panels: number
  /** The same in 16-bit integers. */
  readonly #info: number
  readonly #arena: Arena
  readonly #k: number
  readonly #d: number
  readonly #shift: number
  readonly #tiles: IntegerTiles | undefined
  readonly #pairwise: boolean

  /** @param tiles the rows, if they are kept quantised @param pairwise whether pairs of centers are looked at to decide more rows by screening */
  constructor(arena: Arena, k: number, d: number, tiles?: IntegerTiles, pairwise = tiles !== undefined && tiles.rows > PAIR_ROWS * k) {
    this.#arena = arena
    this.#k = k
    this.#d = d
    this.#tiles = tiles
    this.#pairwise = pairwise
    this.#shift = tiles?.shift ?? arena.takeF64(d)
    this.#centers = arena.takeDoubles(k * d)
    this.#panels = arena.takeF64(Math.ceil(k / 4) * 4 * d)
    this.#info = tiles ? arena.takeF64(arena.kernels.centerDoubles(k, d)) : 0
  }

  load(centers: ArrayLike<number>): this {
    const { kernels } = this.#arena
    const k = this.#k
    const d = this.#d
    this.#centers.set(centers)
    const address = this.#centers.byteOffset
    kernels.packPanels(address, k, d, this.#panels)
    if (this.#tiles) kernels.quantizeCenters(address, k, d, this.#shift, 0, Number(this.#pairwise), this.#info)
    // rows that are looked at once are quantised about the mean of the centers: near them, and known without reading them
    else {
      const shift = this.#arena.f64(this.#shift, d)
      for (let j = 0; j < d; j++) shift[j] = meanOf(centers, j, k, d)
    }
    return this
  }

  /** The label of every row to `labels` (n, i32), of rows that may have values that are not finite: `broken` (i32) becomes 1 if one has. `inertias`: an
   *  address for Σ w·distance² of each slot, every other double; 0 where nobody asks. Where `broken` is 0, what changes goes to `into`. */
  once({ x, w, n, d }: Resident, labels: number, broken: number, inertias: number, into?: Reduction): Pass {
    const k = this.#k
    const args = [x, w, d, k, this.#shift, this.#centers.byteOffset, this.#panels, labels, broken, inertias, SLOT_ROWS]
    // two of the operations asked for take as long as one of other passes
    return { kernel: 'assignOnce', args, rows: n, scratch: this.#arena.kernels.onceScratch(d, k), flopsPerRow: (k * d) / 2 + 20, into }
  }

  /** The label of every row to `labels` (n, i32) and what changes with them to `into` (`changes`). */
  assignment(data: Resident, labels: number, into: Reduction, bounds: BoundArguments = [0, 0, 0, 1]): Pass {
    if (!this.#tiles) return this.once(data, labels, 0, 0, into)
    const { kernels } = this.#arena
    const { x, w, n, d } = data
    const k = this.#k
    const args = [x, w, d, k, this.#shift, this.#panels, this.#info, this.#tiles.tiles, this.#tiles.blocks, labels, ...bounds]
    return { kernel: 'assignScreened', args, rows: n, scratch: kernels.screeningScratch(d, k), flopsPerRow: k * d + 20, into }
  }

  /** Room for what an assignment changes: rows that did, rows decided exactly, rows kept by bounds, members of each cluster, and in pairs Σ w (K)
   *  and Σ w·x (K×D). */
  changes(rows: number): Reduction {
    const pairs = this.#k * (1 + this.#d)
    return new Reduction(this.#arena, COUNTS + this.#k + 2 * pairs, rows, pairs)
  }

  /** Σ w·distance² and, if `absolute`, Σ w·distance of rows to the centers that `labels` name. `distances`: an address for each row's square. */
  *inertia({ x, w, n, d }: Resident, labels: number, absolute = false, distances = 0): Algorithm<{ inertia: number; distance: number }> {
    const mark = this.#arena.mark()
    const into = new Reduction(this.#arena, 2, n)
    const args = [x, w, d, this.#centers.byteOffset, labels, distances, Number(absolute)]
    yield { kernel: 'inertia', args, rows: n, scratch: 0, flopsPerRow: 3 * d + 10, into }
    const [inertia, distance] = into.total()
    this.#arena.release(mark)
    return { inertia, distance }
  }

  /** Distances of rows to all centers to `out` (n×k); `broken` (i32) becomes 1 if some value may not be finite. */
  transform({ x, n, d }: Resident, out: number, broken: number): Pass {
    const k = this.#k
    return {
      kernel: 'transform',
      args: [x, d, k, this.#centers.byteOffset, this.#panels, this.#shift, out, broken],
      rows: n,
      scratch: this.#arena.kernels.transformScratch(d, k),
      flopsPerRow: 2 * k * (d + 4),
    }
  }
}
