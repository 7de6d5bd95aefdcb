// Passes, and who runs them. An algorithm is a generator that yields passes (a kernel, its arguments, a number of rows), reports and pauses;
// it never calls a kernel over rows itself. `drive` runs passes on the calling thread, drive-async.ts in turns with everything else that
// thread has to do, with workers where they pay. Streams and other machines are other drivers over the same generators: rows are cut
// into slots by their number alone (slots.ts), so whoever runs them gets the same bits.
import { type CoreKernels, core, type KernelModule, type MetricKernels, type MixtureKernels } from './kernel-modules.ts'
import type { Arena } from './memory.ts'
import { sum } from './lists.ts'
import { SLOT_ROWS, Sums, leafOf, rowsPerCall, slots } from './slots.ts'
import type { Windows } from './stream.ts'

export { SLOT_ROWS }

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

/** A selection among rows that are not in memory: from then on it is the data `SELECTED`. */
export interface Select {
  select(arena: Arena, whole: Windows): Windows
}

/** Something an algorithm waits for: the driver answers with what it becomes. Only drivers that do not block can. */
export interface Wait {
  wait: PromiseLike<unknown>
}

/** A place where the thread may do something else: algorithms yield it before and after work of their own that grows with the data. */
export interface Pause {
  pause: true
}
export const PAUSE: Pause = { pause: true }

/** An algorithm: yields passes, reports, pauses and, where its rows are not in memory, requests for them and promises; returns its result. */
export type Algorithm<T> = Generator<Pass | Report | Pause | Seek | Select | Wait, T, unknown>

/** A loop over n rows that is no pass, in pieces of about a millisecond. */
export function* inPieces(n: number, visit: (begin: number, end: number) => void): Algorithm<void> {
  for (let begin = 0; begin < n; begin += PIECE_ROWS) {
    visit(begin, Math.min(begin + PIECE_ROWS, n))
    yield PAUSE
  }
}
const PIECE_ROWS = 2 ** 16

/** An algorithm inside another: its passes run, its reports are heard as `tell` puts them, or not where it returns nothing. */
export function* retold<T>(algorithm: Algorithm<T>, tell: (report: Report['report']) => Report['report'] | undefined): Algorithm<T> {
  let answer: unknown = true
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

/** Runs an algorithm over data in memory on the calling thread, from beginning to end. */
export function drive<T>(algorithm: Algorithm<T>, arena: Arena, onIteration?: IterationListener): T {
  const hear = listening(onIteration)
  let go = true
  for (;;) {
    const step = algorithm.next(go)
    if (step.done) return step.value
    go = true
    if ('kernel' in step.value) {
      const mark = arena.mark()
      for (const _ of calls(step.value, arena));
      arena.release(mark)
    } else if ('report' in step.value) go = hear(step.value)
  }
}

export type IterationListener = (event: never) => unknown

/** What to do with reports: tell the listener, if there is one. Returns whether to go on. */
export function listening(onIteration?: IterationListener): (report: Report) => boolean {
  const began = onIteration ? performance.now() : 0
  return ({ report }) => onIteration?.({ ...report, elapsedMs: performance.now() - began } as never) !== false
}

/** The function a pass calls. */
export function kernelOf({ kernel, module }: Pass, arena: Arena): (...args: number[]) => void {
  return (arena.use<object>(module ?? core) as Record<string, (...args: number[]) => void>)[kernel]
}

/** A pass on the calling thread, one call of its kernel a step. What it takes from the arena is to be released when it is over. */
export function calls(pass: Pass, arena: Arena) {
  const rows = { kernel: kernelOf(pass, arena), args: pass.args, rows: pass.rows, callRows: rowsPerCall(pass.flopsPerRow) }
  return slots(rows, (pass.begin ?? 0) / SLOT_ROWS, Math.ceil(pass.rows / SLOT_ROWS), pass.into, arena.take(pass.scratch))
}

/** Sums over the slots of a pass, in memory from an arena. */
export class Reduction extends Sums {
  readonly #arena: Arena
  #total: Float64Array | undefined

  /** @param length doubles of statistics @param rows rows of the longest pass, which fixes the depth of the tree
   *  @param pairs how many of the statistics are sums in pairs of doubles: the last 2·pairs, high parts first */
  constructor(arena: Arena, length: number, rows: number, pairs = 0) {
    const slotCount = Math.max(1, Math.ceil(rows / SLOT_ROWS))
    const leaf = pairs > 0 ? leafOf(slotCount) : 1
    const depth = Math.ceil(Math.log2(Math.ceil(slotCount / leaf))) + 1
    const buffers: number[] = []
    while (buffers.length < depth) buffers.push(arena.takeF64(length))
    super(arena.kernels, buffers, length, 2 * pairs, leaf)
    this.#arena = arena
  }

  /** Forgets everything summed so far. */
  reset(): this {
    this.sizes.length = 0
    return this
  }

  /** Slots closed since `reset`. */
  get count(): number {
    return sum(this.sizes)
  }

  /** Takes in the sums of `slots` (see `close`), summed elsewhere. */
  adopt(address: number, slots: number): void {
    this.#arena.f64(this.open(), this.length).set(this.#arena.f64(address, this.length))
    this.close(slots)
  }

  /** The sums over all slots closed since `reset`. */
  total(): Float64Array {
    const address = this.finish()
    this.#total ??= this.#arena.f64(address, this.length)
    return this.#total
  }
}
