// Rows and centers as the screening kernels read them (assembly/screening.ts): in 16-bit integers about a point near the data.
import type { Algorithm } from './passes.ts'
import type { Resident } from './resident.ts'

/** The rows in 16-bit integers, kept between passes and between runs. Bytes: N·(2·D + 0.125), D rounded up to even. */
export interface IntegerTiles {
  tiles: number
  blocks: number
  /** Address of a point near the data (D), about which rows and centers are quantised. */
  shift: number
  /** Largest distance of a row from it. */
  radius: number
}

/** Quantises every row, fit for centers among the rows. */
export function* integerTiles(data: Resident): Algorithm<IntegerTiles> {
  const { arena, x, n, d } = data
  const shift = shiftNear(data, x, n)
  const records = arena.kernels.blockRecords(n)
  const blocks = arena.takeF64(records)
  const tiles = arena.take(arena.kernels.tileBytes(n, d))
  arena.kernels.clear(blocks, records)
  yield { kernel: 'blockNorms', args: [x, d, shift, blocks], rows: n, scratch: 0, flopsPerRow: 3 * d }
  let radius = 0
  const record = arena.f64(blocks, records)
  for (let i = 1; i < records; i += 4) radius = Math.max(radius, record[i])
  yield { kernel: 'quantizeBlocks', args: [x, d, shift, radius, tiles, blocks], rows: n, scratch: 0, flopsPerRow: 10 * d }
  return { tiles, blocks, shift, radius }
}

/** Address of the mean of up to a thousand rows spread over the data. */
export function shiftNear({ arena, d }: Pick<Resident, 'arena' | 'd'>, x: number, n: number): number {
  const address = arena.takeF64(d)
  const shift = new Float64Array(d)
  const step = Math.ceil(n / 1000)
  const rows = arena.f64(x, n * d)
  let count = 0
  for (let at = 0; at < n * d; at += step * d, count++) for (let j = 0; j < d; j++) shift[j] += rows[at + j] - rows[j]
  for (let j = 0; j < d; j++) shift[j] = rows[j] + shift[j] / count
  arena.f64(address, d).set(shift)
  return address
}

/** Below this many multiplications a row, dense distances cost less than screening them (measured: k·d = 12 is even, 16 gains). */
const SCREEN_FROM = 12

/** Centers where kernels read them. */
export class CenterPanels {
  /** Row-major (k×d). */
  readonly centers: number
  /** Four by four. */
  readonly panels: number
  /** In 16-bit integers. */
  readonly info: number
  readonly #arena: Resident['arena']
  readonly #k: number
  readonly #d: number
  readonly #shift: number

  /** @param shift address of the point the centers are quantised about; 0: they are not */
  constructor(arena: Resident['arena'], k: number, d: number, shift: number) {
    this.#arena = arena
    this.#k = k
    this.#d = d
    this.#shift = shift
    this.centers = arena.takeF64(k * d)
    this.panels = arena.takeF64(Math.ceil(k / 4) * 4 * d)
    this.info = arena.takeF64(arena.kernels.centerDoubles(k, d))
  }

  load(centers: ArrayLike<number>): void {
    const { kernels } = this.#arena
    const [k, d] = [this.#k, this.#d]
    this.#arena.f64(this.centers, k * d).set(centers)
    kernels.packPanels(this.centers, k, d, this.panels)
    kernels.quantizeCenters(this.centers, k, d, this.#shift, Number(this.#shift !== 0 && k * d > SCREEN_FROM), 0, this.info)
  }
}
