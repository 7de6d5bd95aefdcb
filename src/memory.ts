// The one owner of memory: hands out addresses in WebAssembly memories and the kernels that work on them. A `Space` is a memory; an `Arena`
// is the part of it that one line of work holds, a stack. Work that nests shares an arena, work that overlaps in time has one each.
// The module is built over shared memory and also runs alone: no cross-origin isolation is needed to make or grow such a memory, only
// to post it to a worker (verified in Chromium 156 and Firefox 153). Growing leaves views made earlier valid.
import { type CoreKernels, compile, core, type KernelModule } from './kernel-modules.ts'

const PAGE = 65536
const MAX_PAGES = 65536 // 4 GiB
const LINE = 64 // bytes of a cache line: nothing handed out shares one

let spaces = 0

/** A WebAssembly memory and the kernels over it. Arenas claim extents of it and give them back. */
export class Space {
  /** What workers know it by. */
  readonly number = spaces++
  readonly memory: WebAssembly.Memory
  readonly #instances = new Map<KernelModule<unknown>, unknown>()
  /** What is free, by address; neighbours are one. */
  unclaimed: Extent[]
  // Engines do not count shared memory when they decide whether to collect: 300 memories of 64 MB, made and dropped, came to 19 GB. Ordinary
  // buffers of the same size, never touched and so without pages of their own, count for it: the same 300 stayed at 0.2 GB (Node 20).
  readonly #ballast: ArrayBuffer[] = []

  /** @param bytes what will surely be needed; more is grown on demand. */
  constructor(bytes = 0) {
    const pages = Math.ceil(bytes / PAGE) + 2
    this.memory = createMemory(pages)
    this.unclaimed = [{ start: align(this.use(core).heapBase()), end: pages * PAGE }]
    this.#weigh(pages)
  }

  /** The kernels of a module, over this memory. */
  use<Exports>(module: KernelModule<Exports>): Exports {
    let exports = this.#instances.get(module)
    if (!exports) {
      // an object of our own: the bench puts its clocks before the kernels
      exports = { ...new WebAssembly.Instance(compile(module), { env: { memory: this.memory } }).exports }
      this.#instances.set(module, exports)
    }
    return exports as Exports
  }

  /** Bytes that are free. */
  claim(bytes: number): Extent {
    let extent = this.unclaimed.find(({ start, end }) => end - start >= bytes)
    if (!extent) {
      this.#grow(bytes)
      extent = this.unclaimed[this.unclaimed.length - 1]
    }
    const { start } = extent
    extent.start += bytes
    return { start, end: extent.start }
  }

  /** Gives back what lies between two addresses. */
  free(start: number, end: number): void {
    let last: Extent | undefined
    this.unclaimed = [...this.unclaimed, { start, end }]
      .sort((a, b) => a.start - b.start)
      .filter((extent) => {
        const follows = last?.end === extent.start
        if (last && follows) last.end = extent.end
        else last = extent
        return !follows
      })
  }

  // Makes the free extent at the end at least `bytes` long
  #grow(bytes: number): void {
    const have = this.memory.buffer.byteLength
    const { start, end } = this.unclaimed[this.unclaimed.length - 1]
    const tail = end === have ? end - start : 0
    const need = Math.ceil((bytes - tail) / PAGE)
    const ample = Math.max(need, Math.min(Math.ceil(have / PAGE / 4), MAX_PAGES - have / PAGE))
    if (!grow(this.memory, ample) && !grow(this.memory, need))
      throw new RangeError(
        `Out of memory: this call needs ${((have - tail + bytes) / 2 ** 20).toFixed(0)} MiB in one WebAssembly memory (of at most 4096), more than this engine gives. Use fewer rows at a time, or fewer components.`,
      )
    const has = this.memory.buffer.byteLength
    this.#weigh((has - have) / PAGE)
    this.free(have, has)
  }

  #weigh(pages: number): void {
    try {
      this.#ballast.push(new ArrayBuffer(pages * PAGE))
    } catch {
      // an engine that gives no more: then nothing is counted
    }
  }
}

interface Extent {
  start: number
  end: number
}

/** Memory for one line of work: a stack over extents of a space. `mark`, `take` …, `release`; calls that nest may share an arena, calls that
 *  overlap in time have one each. */
export class Arena {
  readonly space: Space
  /** The kernels of the core. */
  readonly kernels: CoreKernels
  readonly memory: WebAssembly.Memory
  readonly #extents: Extent[] = []
  #top = 0

  /** @param space where to lie, or how many bytes a space of its own will surely need */
  constructor(space: Space | number = 0) {
    this.space = typeof space === 'number' ? new Space(space) : space
    this.kernels = this.space.use(core)
    this.memory = this.space.memory
  }

  /** The kernels of a module, over this memory. */
  use<Exports>(module: KernelModule<Exports>): Exports {
    return this.space.use(module)
  }

  /** Address of `bytes` fresh bytes, aligned to a cache line. Contents are whatever was there. */
  take(bytes: number): number {
    const length = align(bytes)
    const last = this.#extents[this.#extents.length - 1]
    if (!last || this.#top + length > last.end) {
      const extent = this.space.claim(Math.max(length, PAGE))
      this.#extents.push(extent)
      this.#top = extent.start
    }
    const address = this.#top
    this.#top += length
    return address
  }

  /** Address of `length` doubles. */
  takeF64(length: number): number {
    return this.take(length * 8)
  }

  /** `length` fresh doubles as a view, whose `byteOffset` is their address. Valid until its bytes are released. */
  takeDoubles(length: number): Float64Array<SharedArrayBuffer> {
    return this.f64(this.takeF64(length), length)
  }

  /** Where the cursor stands, for `release`. */
  mark(): number {
    return this.#top
  }

  /** Gives back everything taken since `mark`. */
  release(mark: number): void {
    for (;;) {
      const last = this.#extents[this.#extents.length - 1]
      if (!last || (last.start <= mark && mark <= last.end)) break
      this.space.free(last.start, last.end)
      this.#extents.pop()
    }
    this.#top = mark
  }

  /** View of doubles at an address. Valid until its bytes are released. */
  f64(address: number, length: number): Float64Array<SharedArrayBuffer> {
    return new Float64Array(this.memory.buffer as unknown as SharedArrayBuffer, address, length)
  }

  /** View of 32-bit integers at an address. */
  i32(address: number, length: number): Int32Array<SharedArrayBuffer> {
    return new Int32Array(this.memory.buffer as unknown as SharedArrayBuffer, address, length)
  }
}

const align = (address: number) => Math.ceil(address / LINE) * LINE

// A shared memory must name its maximum. Engines reserve address space, not memory, for it; phones refuse large ones, so ask for less.
function createMemory(initial: number): WebAssembly.Memory {
  for (let maximum = MAX_PAGES; ; maximum >>= 1) {
    try {
      return new WebAssembly.Memory({ initial, maximum: Math.max(initial, maximum), shared: true })
    } catch (error) {
      if (maximum <= initial) throw error
    }
  }
}

function grow(memory: WebAssembly.Memory, pages: number): boolean {
  try {
    memory.grow(pages)
    return true
  } catch {
    return false
  }
}

// Small and passing work shares one space for the life of the program. Work on large data gets a space of its own: the shared one would keep
// its largest size for ever. The last one that was given back is taken again if the garbage collector has not come for it yet, which spares
// the engine the making of its pages. Pages hold few live memories (Chromium 124): a refusal falls back to sharing.
const PASSING_LIMIT = 32 * 2 ** 20
let shared: Arena | undefined
let spare: WeakRef<Space> | undefined

/** A space fit for about `bytes` bytes. Give it back by `returnSpace`. */
export function spaceFor(bytes: number): Space {
  if (bytes > PASSING_LIMIT) {
    const last = spare?.deref()
    spare = undefined
    if (last) return last
    try {
      return new Space(bytes)
    } catch {
      // shared
    }
  }
  return sharedArena().space
}

/** Takes back a space from `spaceFor`. */
export function returnSpace(space: Space): void {
  if (space !== shared?.space) spare = new WeakRef(space)
}

/** Runs `work` in `arena` and gives back all it took, however it ends. */
export function within<T>(arena: Arena, work: (arena: Arena) => T): T {
  const mark = arena.mark()
  try {
    return work(arena)
  } finally {
    arena.release(mark)
  }
}

/** The arena of small work that is done at once, and kernels for scalar work (`exp`). */
export function sharedArena(): Arena {
  if (!shared) {
    shared = new Arena()
    shared.release(shared.take(2 ** 20)) // room that is not given up: `release` comes back to its beginning
  }
  return shared
}
