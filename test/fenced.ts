// Calling kernels directly: buffers with fences around them, and cases at sizes around every block edge.
import { expect } from 'vitest'
import { metrics, mixtures } from '../src/kernel-modules.ts'
import { Arena } from '../src/memory.ts'
import { flat, rowsOf, uniforms } from './near.ts'

export const NS = [1, 2, 3, 4, 5, 31, 32, 33, 63, 65, 127, 129, 255, 256, 257, 1023, 1024, 1025, 2049]
export const DS = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33]
export const KS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 17]

export const arena = new Arena()
/** The kernels of every module. */
export const kernels = { ...arena.kernels, ...arena.use(mixtures), ...arena.use(metrics) }

/** Buffers with a fence of 0xFF bytes on either side: as doubles these are NaN, so a kernel that reads a fence spoils its result, and one
 *  that writes to it is seen. Every buffer begins as 0xFF too: whatever is not written shows. */
export class Fenced {
  readonly #fences: [address: number, length: number][] = []

  bytes(length: number): number {
    const total = 64 + length + 128
    const start = arena.take(total)
    new Uint8Array(arena.memory.buffer, start, total).fill(0xff)
    this.#fences.push([start, 64], [start + 64 + length, 128])
    return start + 64
  }
  f64(values: ArrayLike<number>): number {
    const address = this.bytes(values.length * 8)
    arena.f64(address, values.length).set(values)
    return address
  }
  i32(values: ArrayLike<number>): number {
    const address = this.bytes(values.length * 4)
    arena.i32(address, values.length).set(values)
    return address
  }
  zeros = (length: number) => this.f64(new Float64Array(length))

  /** Whether no fence was written to. */
  get intact(): boolean {
    return this.#fences.every(([address, length]) => new Uint8Array(arena.memory.buffer, address, length).every((b) => b === 0xff))
  }
}

/** Runs `work` with fenced buffers, and checks the fences. */
export function fenced<T>(work: (memory: Fenced) => T): T {
  const mark = arena.mark()
  const memory = new Fenced()
  const result = work(memory)
  expect(memory.intact, 'a buffer was written beyond its end').toBe(true)
  arena.release(mark)
  return result
}

/** Rows, centers and weights for a case: even seeds draw doubles, odd ones half-integers, which tie all the time; weights include zeros. */
export function draw(seed: number, n: number, d: number, k: number) {
  const u = uniforms(seed)
  const number = seed % 2 === 0 ? () => 10 * (u() - 0.5) : () => Math.floor(4 * u()) / 2
  const X = rowsOf(n, d, number)
  return { X, x: Float64Array.from(flat(X)), C: rowsOf(k, d, number), weights: Array.from({ length: n }, () => (u() < 0.2 ? 0 : 3 * u())) }
}

/** The sizes for d: every n, each with three k, so that all pairs meet over the eleven d. */
export const sizes = (d: number) =>
  NS.flatMap((n, i) => [0, 3, 7].map((step) => ({ n, k: KS[(i + step + DS.indexOf(d)) % KS.length], seed: 1000 * d + n + step })))

/** Ways to cut [0, n) into calls at multiples of 256. */
export function cuttings(n: number): number[][] {
  if (n <= 256) return [[0, n]]
  const all = Array.from({ length: Math.ceil(n / 256) }, (_, i) => i * 256)
  const cuts = [
    [0, n],
    [...all, n],
  ]
  if (n > 512) cuts.push([0, 512, n], [0, 256, n])
  return cuts
}
export const alongCuts = (cuts: number[], call: (start: number, end: number) => void) =>
  cuts.slice(1).forEach((end, i) => call(cuts[i], end))
