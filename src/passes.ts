// Passes, and who runs them. An algorithm is a generator that yields passes (a kernel, its arguments, a number of rows) and reports;
// it never calls a kernel over rows itself. The driver below runs passes on the calling thread. Workers, streams and other machines
// are other drivers over the same generators: rows are cut into slots by their number alone, every slot has its own partial sums, and
// the slots are merged in one fixed tree, so whoever runs them gets the same bits.
import { type CoreKernels, core, type KernelModule, type MetricKernels, type MixtureKernels } from './kernel-modules.ts'
import type { Arena } from './memory.ts'

/** Rows of a slot: the unit with partial sums of its own. A thousand rows amortise the merging of even the largest statistics
 *  (merging costs 1/4096 of a full-covariance pass) and give 10 000 rows ten slots to share among threads. */
export const SLOT_ROWS = 1024

// A call of a kernel lasts about a millisecond: engines do not replace code under a running call, and progress needs the gaps.
// Calls are cut at multiples of 256 rows, a multiple of every block size, so cuts do not change sums.
const CALL_ROWS = 256
const CALL_FLOPS = 8e6

/** A kernel by name: of the core, or of the module that is named with it. */
type KernelName =
  | { kernel: keyof CoreKernels; module?: undefined }
  | { kernel: keyof MixtureKernels; module: KernelModule<MixtureKernels> }
  | { kernel: keyof MetricKernels; module: KernelModule<MetricKernels> }

/** One kernel over rows [begin, rows): `kernel(...args, start, end, stats, scratch)`. Plain data: it can be posted to a worker. */
export type Pass = KernelName & {
  args: number[]
  /** One past the last row. */
  rows: number
  /** First row, a slot edge. Default 0. */
  begin?: number
  /** Bytes of memory of its own that a running call needs. */
  scratch: number
  /** Floating-point operations a row costs, roughly: decides how many rows a call gets, never a result. */
  flopsPerRow: number
  /** Where partial sums go; without it the pass only writes per-row results. */
  into?: Reduction
}

/** What `onIteration` hears. @typeParam Objective `{ inertia }` for k-means, `{ lowerBound }` for mixtures. */
export type IterationEvent<Objective> = Objective & {
  /** Index of the initialisation, 0 ≤ run < nInit. */
  run: number
  /** Number of the iteration, from 1. */
  iteration: number
  /** k-means: Frobenius norm of the change of the centers. Mixtures: change of the lower bound. */
  shift: number
  /** Milliseconds since the fit began. */
  elapsedMs: number
}

/** A report between passes. The driver answers `false` when the caller wants to stop. */
export interface Report {
  report: { run: number; iteration: number; shift: number; inertia?: number; lowerBound?: number; [detail: string]: unknown }
}

/** A request for the rows of a slot where the data are not in memory. The driver answers with their `x`: the address that row 0 has, or would
 *  have, as long as the slot stays, that is until the next pass over the data or request. */
export interface Seek {
  /** A row of the slot. */
  seek: number
  /** `x` of the data. */
  of: number
}

/** An algorithm: yields passes, reports and requests for rows, returns its result. */
export type Algorithm<T> = Generator<Pass | Report | Seek, T, boolean | number>

/** The algorithm of one pass. */
export function* single(pass: Pass): Algorithm<void> {
  yield pass
}

/** An algorithm inside another: its passes run, its reports are heard as `tell` puts them, or not where it returns nothing. */
export function* retold<T>(algorithm: Algorithm<T>, tell: (report: Report['report']) => Report['report'] | undefined): Algorithm<T> {
  let answer: boolean | number = true
  for (;;) {
    const step = algorithm.next(answer)
    if (step.done) return step.value
    answer = true
    if (!('report' in step.value)) answer = yield step.value
    else {
      const report = tell(step.value.report)
      if (report) answer = yield { report }
    }
  }
}

/** Runs an algorithm over data in memory on the calling thread. */
export function drive<T>(algorithm: Algorithm<T>, arena: Arena, onIteration?: (event: never) => unknown): T {
  const began = performance.now()
  let go = true
  for (;;) {
    const step = algorithm.next(go)
    if (step.done) return step.value
    go = true
    if ('kernel' in step.value) runPass(step.value, arena)
    else if ('report' in step.value && onIteration)
      go = onIteration({ ...step.value.report, elapsedMs: performance.now() - began } as never) !== false
  }
}

function runPass(pass: Pass, arena: Arena): void {
  const mark = arena.mark()
  const scratch = arena.take(pass.scratch)
  const kernels = arena.use<object>(pass.module ?? core) as Record<string, (...args: number[]) => void>
  const kernel = kernels[pass.kernel]
  const rowsPerCall = Math.max(CALL_ROWS, Math.floor(CALL_FLOPS / pass.flopsPerRow / CALL_ROWS) * CALL_ROWS)
  for (let slot = pass.begin ?? 0; slot < pass.rows; slot += SLOT_ROWS) {
    const slotEnd = Math.min(slot + SLOT_ROWS, pass.rows)
    const stats = pass.into ? pass.into.open() : 0
    for (let start = slot; start < slotEnd; start += rowsPerCall)
      kernel(...pass.args, start, Math.min(start + rowsPerCall, slotEnd), stats, scratch)
    pass.into?.close()
  }
  arena.release(mark)
}

/** Sums over slots, merged in a fixed binary tree: complete neighbours merge as soon as both are there, so a pass holds
 *  ⌈log₂ slots⌉ + 1 partial sums at most, and the order depends on the slots' numbers alone. */
export class Reduction {
  readonly #arena: Arena
  readonly #length: number
  readonly #plain: number
  readonly #buffers: number[]
  #count = 0 // slots closed
  #depth = 0 // partial sums held

  /** @param length doubles of statistics @param rows rows of the longest pass, which fixes the depth of the tree
   *  @param pairs how many of the statistics are sums in pairs of doubles: the last 2·pairs, high parts first */
  constructor(arena: Arena, length: number, rows: number, pairs = 0) {
    this.#arena = arena
    this.#length = length
    this.#plain = length - 2 * pairs
    const slots = Math.max(1, Math.ceil(rows / SLOT_ROWS))
    this.#buffers = Array.from({ length: Math.ceil(Math.log2(slots)) + 1 }, () => arena.takeF64(length))
  }

  /** Forgets everything summed so far. */
  reset(): this {
    this.#count = this.#depth = 0
    return this
  }

  /** Address of zeroed partial sums for the next slot. */
  open(): number {
    const address = this.#buffers[this.#depth]
    this.#arena.kernels.clear(address, this.#length)
    return address
  }

  /** Takes the opened slot in: as many merges as its number has trailing ones, as when a binary counter carries. */
  close(): void {
    this.#depth++
    for (let carry = this.#count++; carry & 1; carry >>>= 1) this.#mergeLast()
  }

  /** The sums over all slots closed since `reset`. */
  total(): Float64Array {
    while (this.#depth > 1) this.#mergeLast()
    return this.#arena.f64(this.#buffers[0], this.#length)
  }

  #mergeLast(): void {
    this.#depth--
    const { kernels } = this.#arena
    const [into, from] = [this.#buffers[this.#depth - 1], this.#buffers[this.#depth]]
    kernels.merge(into, from, this.#plain)
    if (this.#plain < this.#length) kernels.mergePairs(into + this.#plain * 8, from + this.#plain * 8, (this.#length - this.#plain) / 2)
  }
}
