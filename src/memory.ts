// The one owner of memory: hands out addresses in a WebAssembly memory and the kernels that work on it.
// The module is built over shared memory and also runs alone: no cross-origin isolation is needed to make or grow such a memory, only
// to post it to a worker (verified in Chromium 156 and Firefox 153). Growing leaves views made earlier valid.
import { instantiateSync } from '@assemblyscript/loader'
import { type CoreKernels, compile, core, type KernelModule } from './kernel-modules.ts'

const PAGE = 65536
const MAX_PAGES = 65536 // 4 GiB
const LINE = 64 // bytes of a cache line: nothing handed out shares one

/** A WebAssembly memory, the kernels over it, and a cursor. Allocation is a stack: `mark`, `take` …, `release`. */
export class Arena {
  /** The kernels of the core. */
  readonly kernels: CoreKernels
  readonly memory: WebAssembly.Memory
  #top: number
  readonly #instances = new Map<KernelModule<unknown>, unknown>()

  /** @param bytes what will surely be needed; more is grown on demand. */
  constructor(bytes = 0) {
    this.memory = createMemory(Math.ceil(bytes / PAGE) + 2)
    this.kernels = this.use(core)
    this.#top = align(this.kernels.heapBase())
  }

  /** The kernels of a module, over this memory. */
  use<Exports>(module: KernelModule<Exports>): Exports {
    let exports = this.#instances.get(module)
    if (!exports) {
      exports = instantiateSync<Record<string, unknown>>(compile(module), { env: { memory: this.memory } }).exports
      this.#instances.set(module, exports)
    }
    return exports as Exports
  }

  /** Address of `bytes` fresh bytes, aligned to a cache line. Contents are whatever was there. */
  take(bytes: number): number {
    const address = this.#top
    const top = align(address + bytes)
    const have = this.memory.buffer.byteLength
    if (top > have) {
      const need = Math.ceil((top - have) / PAGE)
      const ample = Math.max(need, Math.min(Math.ceil(have / PAGE / 4), MAX_PAGES - have / PAGE))
      if (!grow(this.memory, ample) && !grow(this.memory, need))
        throw new RangeError(
          `Out of memory: this call needs ${(top / 2 ** 20).toFixed(0)} MiB in one WebAssembly memory, the engine allows fewer (at most 4096). Use fewer rows at a time, or fewer components.`,
        )
    }
    this.#top = top
    return address
  }

  /** Address of `length` doubles. */
  takeF64(length: number): number {
    return this.take(length * 8)
  }

  /** Where the cursor stands, for `release`. */
  mark(): number {
    return this.#top
  }

  /** Gives back everything taken since `mark`. */
  release(mark: number): void {
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
  for (let maximum = MAX_PAGES; ; maximum = Math.max(initial, maximum >> 1)) {
    try {
      return new WebAssembly.Memory({ initial, maximum, shared: true })
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

// Small and passing work shares one arena for the life of the program. Work on large data gets an arena of its own, which the garbage
// collector takes back whole: the shared one would keep its largest size for ever. Pages hold few live memories (Chromium 124): a
// refusal falls back to sharing.
const PASSING_LIMIT = 32 * 2 ** 20
let shared: Arena | undefined

/** Runs `work` in an arena fit for about `bytes` bytes and gives back all it took, however it ends. */
export function withArena<T>(bytes: number, work: (arena: Arena) => T): T {
  let arena: Arena | undefined
  if (bytes > PASSING_LIMIT) {
    try {
      arena = new Arena(bytes)
    } catch {
      arena = undefined
    }
  }
  arena ??= shared ??= new Arena()
  return within(arena, work)
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

/** Kernels for scalar work (`exp`, `log`) and small factorisations. */
export function sharedArena(): Arena {
  shared ??= new Arena()
  return shared
}
