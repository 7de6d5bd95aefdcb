// Slots: how rows are cut, and how what is summed over them is merged. Rows are cut into slots by their number alone, every slot, or
// every few, have their own partial sums, and the sums are merged in one fixed tree, so that whoever runs which slots, in whatever order, the bits are the same.
// This file is also part of the workers: it knows kernels and addresses, nothing else.
import type { CoreKernels } from './kernel-modules.ts'

/** Rows of a slot: the unit with partial sums of its own. A thousand rows amortise the merging of even the largest statistics
 *  (merging costs 1/4096 of a full-covariance pass) and give 10 000 rows ten slots to share among threads. */
export const SLOT_ROWS = 1024

// A call of a kernel lasts about a millisecond: engines do not replace code under a running call, and progress needs the gaps.
// Calls are cut at multiples of 256 rows, a multiple of every block size, so cuts do not change sums.
const CALL_ROWS = 256
const CALL_FLOPS = 8e6

/** Rows that one call gets. */
export const rowsPerCall = (flopsPerRow: number) => Math.max(CALL_ROWS, Math.floor(CALL_FLOPS / flopsPerRow / CALL_ROWS) * CALL_ROWS)

/** A kernel and the rows it goes over, in calls of `callRows`. */
export interface Rows {
  kernel: (...args: number[]) => void
  args: number[]
  rows: number
  callRows: number
}

/** Runs slots [first, end), one call a step; where `sums` are given, each slot's go into them: without them, calls know no slots. */
export function* slots({ kernel, args, rows, callRows }: Rows, first: number, end: number, sums: Sums | undefined, scratch: number) {
  const step = sums ? 1 : end - first
  const given = args.length
  const all = [...args, 0, 0, 0, scratch] // one list for all calls: V8 takes half as long as where each makes its own
  for (let slot = first; slot < end; slot += step) {
    const slotEnd = Math.min((slot + step) * SLOT_ROWS, rows)
    const stats = sums ? sums.open() : 0
    for (let start = slot * SLOT_ROWS; start < slotEnd; start += callRows) {
      all[given] = start
      all[given + 1] = Math.min(start + callRows, slotEnd)
      all[given + 2] = stats
      kernel(...all)
      yield
    }
    sums?.close()
  }
}

type MergingKernels = Pick<CoreKernels, 'clear' | 'merge' | 'mergePairs'>

/** Slots whose sums in pairs go to one partial sum, of `slots`. Merging those of each slot is an eighth of a pass of k-means, as both grow with K·D, so
 *  they are merged less often where enough are left to share. */
export const leafOf = (slots: number) => (slots < 32 ? 1 : slots < 64 ? 2 : MOST_LEAF)
export const MOST_LEAF = 4

/** Sums over slots, `leaf` of which, from a multiple of it on, are summed in order; these are merged in a fixed binary tree: complete neighbours merge
 *  as soon as both are there, so that log₂ slots + 1 partial sums are held at most, and the order depends on the slots' numbers alone. */
export class Sums {
  readonly #kernels: MergingKernels
  readonly #buffers: number[]
  /** Slots of each partial sum that is held: complete subtrees, but for the last. */
  protected readonly sizes: number[] = []

  /** Doubles of statistics. */
  readonly length: number
  /** How many of them, the last, are sums in pairs of doubles, high parts first. */
  readonly paired: number
  /** Slots of a partial sum, a power of two. */
  readonly leaf: number

  /** @param buffers addresses of `length` doubles each, ⌈log₂ leaves⌉ + 1 of them */
  constructor(kernels: MergingKernels, buffers: number[], length: number, paired: number, leaf: number) {
    this.#kernels = kernels
    this.#buffers = buffers
    this.length = length
    this.paired = paired
    this.leaf = leaf
  }

  /** Address of the partial sums that the next slot adds to. */
  open(): number {
    const { sizes } = this
    const { length } = sizes
    if (length > 0 && sizes[length - 1] % this.leaf > 0) return this.#buffers[length - 1]
    sizes.push(0)
    this.#kernels.clear(this.#buffers[length], this.length)
    return this.#buffers[length]
  }

  /** Takes in what was opened, the sums of one slot or of `slots`: a complete subtree, or all that are left. Subtrees of one size are neighbours, unless
   *  more slots come to a leaf. */
  close(slots = 1): void {
    const { sizes } = this
    let last = sizes.length - 1
    sizes[last] += slots
    for (; last > 0 && sizes[last] === sizes[last - 1] && sizes[last] % this.leaf === 0; last--) this.#mergeLast()
  }

  /** Address of the sums over all slots closed since `reset`: the first buffer. */
  finish(): number {
    while (this.sizes.length > 1) this.#mergeLast()
    return this.#buffers[0]
  }

  #mergeLast(): void {
    const { sizes, length, paired } = this
    const last = sizes.pop() as number
    const at = sizes.length - 1
    sizes[at] += last
    const [into, from] = this.#buffers.slice(at)
    const plain = length - paired
    this.#kernels.merge(into, from, plain)
    this.#kernels.mergePairs(into + plain * 8, from + plain * 8, paired / 2)
  }
}

/** The sum of a number of each slot from `first` on, in the order of `Sums`. */
export function sumOfSlots(numbers: ArrayLike<number>, first = 0, end = numbers.length): number {
  const count = end - first
  if (count < 2) return count && numbers[first]
  const middle = first + 2 ** (31 - Math.clz32(count - 1)) // the largest complete subtree that leaves something
  return sumOfSlots(numbers, first, middle) + sumOfSlots(numbers, middle, end)
}

// ------------------------------------------------------------------------------------------------------------------ shared passes

/** A pass that several threads share: slots are claimed in runs, each a complete subtree of the sums but for the last, whose sum stands at a place of
 *  its own. */
export interface SharedPass extends Rows {
  /** Slots [first, end). */
  first: number
  end: number
  /** Slots of a run, a power of two; the last one has what is left. */
  run: number
  /** Address of the sums of the first run; those of the others follow at `stride` bytes. 0: the pass has none. */
  partials: number
  stride: number
  /** Doubles of statistics, and how many of them are in pairs: as in `Sums`. */
  length: number
  paired: number
  leaf: number
  /** Bytes that a call of the kernel needs. */
  scratch: number
}

/** The slots of run n: none where there are fewer runs. */
export function runAt({ first, end, run }: Pick<SharedPass, 'first' | 'end' | 'run'>, n: number): [first: number, slots: number] {
  const begin = first + n * run
  return [begin, Math.max(0, Math.min(run, end - begin))]
}

/** Bytes of memory of its own that a thread needs for a shared pass: scratch of the kernel, and the sums below that of a run. */
export const ownBytes = ({ scratch, run, stride }: Pick<SharedPass, 'scratch' | 'run' | 'stride'>) =>
  Math.ceil(scratch / 64) * 64 + Math.log2(run) * stride

/** Runs run n in memory of the thread's own at `own`, one call of the kernel a step. */
export function* share(pass: SharedPass, kernels: MergingKernels, n: number, own: number) {
  const [first, count] = runAt(pass, n)
  const { partials, stride, length, paired, leaf, run } = pass
  const below = own + Math.ceil(pass.scratch / 64) * 64
  const buffers = Array.from({ length: Math.log2(run) + 1 }, (_, level) =>
    level === 0 ? partials + n * stride : below + (level - 1) * stride,
  )
  const sums = partials ? new Sums(kernels, buffers, length, paired, leaf) : undefined
  yield* slots(pass, first, first + count, sums, own)
  sums?.finish() // the last run may have fewer slots
}
