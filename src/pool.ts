// The pool: workers that are started once, when a task has shown to be long enough, serve every task of this thread, and are let go when there has
// been nothing to do for a while. How they are spoken to is in control.ts, what they do in worker.ts.
import { sum } from './lists.ts'
import {
  type Answer,
  BELL,
  CLOSED,
  CLOSING,
  CONTROL_BYTES,
  GIVEN_UP,
  LEFT,
  MOST_JOBS,
  MOST_WORKERS,
  type Mail,
  OPEN,
  at,
  fault,
  limit,
  mail,
  next,
  pulse,
  state,
  writePass,
} from './control.ts'
import { workerText } from './generated/worker-text.ts'
import { compile, core, type KernelModule } from './kernel-modules.ts'
import type { Arena, Space } from './memory.ts'
import { type Pass, kernelOf } from './passes.ts'
import { type SharedPass, SLOT_ROWS, ownBytes, rowsPerCall, runAt, share } from './slots.ts'
import { turn } from './turns.ts'

/** What a worker is made from: the address of the package's file `mixtura/worker.js` as the page serves it, or a function that starts a worker on
 *  it: a `Worker` of the page, or in Node one of node:worker_threads. */
export type WorkerSource = string | URL | (() => object)

let source: WorkerSource | undefined

/** Says where workers come from. Only needed where a content security policy forbids workers from blobs: then serve the package's file
 *  `mixtura/worker.js` yourself and name its address here, or give a function that starts a worker on it. Takes effect for workers
 *  that are started from then on. `undefined` restores the default. */
export function setWorkerSource(value: WorkerSource | undefined): void {
  if (value !== undefined && typeof value !== 'string' && typeof value !== 'function' && !(value instanceof URL))
    throw new TypeError(`setWorkerSource: expected an address, a function that returns a Worker, or undefined, got ${typeof value}.`)
  source = value
  pool?.dismiss()
}

// ------------------------------------------------------------------------------------------------------------- starting workers

interface Listener {
  answer(answer: Answer): void
  /** It will not work any more. */
  ended(reason: string): void
}

/** What the workers of pages and those of node:worker_threads have in common, and what they have not. */
interface AnyWorker {
  postMessage(message: Mail): void
  terminate(): unknown
  // in Node
  on?(event: string, listener: (value: never) => void): void
  unref?(): void
  // in a page
  onmessage?: ((event: MessageEvent) => void) | null
  onmessageerror?: (() => void) | null
  onerror?: ((event: ErrorEvent) => void) | null
}

const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } }
const nodeWorkers = process?.getBuiltinModule?.('node:worker_threads') as
  | { Worker: new (source: string | URL, options: object) => AnyWorker }
  | undefined

/** Why there can be no workers here, or undefined. */
function obstacle(): string | undefined {
  if (!nodeWorkers && typeof Worker === 'undefined') return 'this engine has none here'
  if (!nodeWorkers && globalThis.crossOriginIsolated !== true)
    return 'this page is not cross-origin isolated (it needs the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)'
  return typeof SharedArrayBuffer === 'undefined' ? 'this engine has no shared memory' : undefined
}

/** Starts a worker; throws where the platform refuses at once. */
function start({ answer, ended }: Listener): AnyWorker {
  const worker = (typeof source === 'function' ? source() : startOn(source)) as AnyWorker
  if (worker.on) {
    worker.on('message', answer)
    worker.on('error', (error: unknown) => ended(String(error)))
    worker.on('exit', (code: number) => ended(`it exited with code ${code}`))
    worker.unref?.() // the turns of the owner keep the process alive as long as there is work
  } else {
    worker.onmessage = ({ data }) => answer(data)
    worker.onmessageerror = () => ended('a message could not be read')
    worker.onerror = (event) => {
      event.preventDefault?.()
      ended(event.message || 'its file could not be loaded; a content security policy may forbid it (see setWorkerSource)')
    }
  }
  return worker
}

let blob: string | undefined // its address

function startOn(source: string | URL | undefined): AnyWorker {
  const name = 'mixtura'
  // without the flags of this process: loaders and the like are nothing to it
  if (nodeWorkers) return new nodeWorkers.Worker(source ?? workerText, { name, execArgv: [], eval: !source })
  if (!source) blob ??= URL.createObjectURL(new Blob([workerText], { type: 'text/javascript' }))
  return new Worker(source ?? (blob as string), { name, type: source ? 'module' : 'classic' }) as AnyWorker
}

/** Cores of this machine. */
export function cores(): number {
  const os = process?.getBuiltinModule?.('node:os') as { availableParallelism?(): number } | undefined
  return os?.availableParallelism?.() ?? globalThis.navigator?.hardwareConcurrency ?? 1
}

// --------------------------------------------------------------------------------------------------------------------- the pool

interface Member extends Listener {
  worker: AnyWorker | undefined
  ready: boolean
  /** Numbers of the instances it has. */
  instances: Set<number>
}

/** The number of a module over a memory. */
const instanceOf = (space: Space, { number }: KernelModule<object>) => space.number * MOST_MODULES + number
const MOST_MODULES = 8

/** Memories that workers keep for another task on the same data. */
const KEPT_SPACES = 2
/** Milliseconds; writable, so that tests need not wait. */
export const PATIENCE = {
  /** Without any task, after which workers are let go. */
  idle: 10_000,
  /** Without a sign of life of a worker in a call, which lasts about one, after which it is given up. */
  lost: 15_000,
}
/** Runs a pass is cut into for each thread: few enough to merge in no time, enough for none to wait long for the last. */
const RUNS_PER_THREAD = 8
/** Bytes of sums of runs, above which runs are made longer, and above which a pass is not shared. */
const MUCH = 2 ** 24
const TOO_MUCH = 2 ** 27
/** Looks for the last worker to leave before this thread waits in earnest: some tens of microseconds. */
const SPINS = 2000

class Pool {
  readonly #control = new SharedArrayBuffer(CONTROL_BYTES)
  readonly #words = new Int32Array(this.#control)
  readonly #members: (Member | undefined)[] = []
  readonly #jobs: boolean[] = new Array(MOST_JOBS).fill(false) // whether taken
  readonly #faults = new Map<number, string>() // job → what a worker threw at it, or why it ended there
  readonly #tasks = new Map<number, number>() // number of a memory → tasks on it, the latest memory last; none on a few that are kept
  readonly #blocks = mayBlock()
  #idle: ReturnType<typeof setTimeout> | undefined

  /** A task on this memory begins. */
  enter({ number }: Space): void {
    clearTimeout(this.#idle)
    const tasks = (this.#tasks.get(number) ?? 0) + 1
    this.#tasks.delete(number)
    this.#tasks.set(number, tasks)
    for (const [old, tasks] of this.#tasks) if (tasks === 0 && this.#tasks.size > KEPT_SPACES) this.#tasks.delete(old)
  }

  /** A task on this memory has ended. */
  leave({ number }: Space): void {
    this.#tasks.set(number, (this.#tasks.get(number) as number) - 1)
    if (sum([...this.#tasks.values()]) > 0) return
    this.#idle = setTimeout(() => this.dismiss(), PATIENCE.idle)
    ;(this.#idle as { unref?(): void }).unref?.()
  }

  /** Lets all workers go that are not at a job. */
  dismiss(): void {
    clearTimeout(this.#idle)
    this.#members.forEach((member, w) => {
      if (member && Atomics.load(this.#words, at(w)) === 0) member.ended('it was let go')
    })
  }

  /** Workers that are ready. */
  get ready(): number {
    return this.#members.filter((member) => member?.ready).length
  }

  /** Calls of kernels that workers have made. */
  get calls(): number {
    return sum(this.#members.map((_, w) => Atomics.load(this.#words, pulse(w))))
  }

  /** Starts those of the first `count` workers that are missing. `failed` hears why one cannot be. */
  staff(count: number, failed: (reason: string) => void): void {
    for (let w = 0; w < Math.min(count, MOST_WORKERS); w++) if (!this.#members[w]) this.#hire(w, failed)
  }

  #hire(w: number, failed: (reason: string) => void): void {
    const member: Member = {
      worker: undefined,
      ready: false,
      instances: new Set(),
      answer: ({ ready, fault, job }) => {
        if (ready) member.ready = true
        if (fault !== undefined) this.#faults.set(job as number, fault)
      },
      ended: (reason) => {
        if (this.#members[w] !== member) return
        this.#members[w] = undefined
        const job = Atomics.exchange(this.#words, at(w), 0) - 1
        if (job >= 0) {
          this.#faults.set(job, reason)
          Atomics.store(this.#words, fault(job), 1)
        }
        if (!member.ready) failed(reason)
        member.worker?.terminate()
      },
    }
    this.#members[w] = member
    Atomics.store(this.#words, mail(w), 0)
    Atomics.store(this.#words, at(w), 0)
    try {
      member.worker = start(member)
      this.#post(w, { index: w, control: this.#control })
    } catch (error) {
      member.ended(String(error))
    }
  }

  #post(w: number, message: Mail): void {
    Atomics.add(this.#words, mail(w), 1)
    this.#members[w]?.worker?.postMessage(message)
    this.#ring()
  }

  #ring(): void {
    Atomics.add(this.#words, BELL, 1)
    Atomics.notify(this.#words, BELL)
  }

  // Posts to the workers below `count` what they need for passes of a module over a memory. Returns how many they are.
  #equip(count: number, space: Space, kernels: KernelModule<object>): number {
    let ready = 0
    for (const [w, member] of this.#members.slice(0, count).entries()) {
      if (!member?.ready) continue
      ready++
      for (const module of [core, kernels]) {
        const instance = instanceOf(space, module)
        if (member.instances.has(instance)) continue
        member.instances.add(instance)
        const { memory } = space
        const ballast = module === core ? memory.buffer.byteLength : 0
        this.#post(w, { open: { instance, compiled: compile(module), memory, ballast } })
      }
      for (const old of member.instances) {
        if (this.#tasks.has(Math.floor(old / MOST_MODULES))) continue
        member.instances.delete(old)
        this.#post(w, { close: old })
      }
    }
    return ready
  }

  /** Runs a pass together with the workers below `count`. `breathe`: a promise of this thread's next turn, where its slice is over; it rejects when
   *  the call is given up. False, with nothing done, where nobody can help. */
  async run(pass: Pass, arena: Arena, count: number, breathe: () => Promise<void> | undefined): Promise<boolean> {
    const kernels: KernelModule<object> = pass.module ?? core
    const job = this.#jobs.indexOf(false)
    const plan = planned(pass, arena, count + 1)
    if (job < 0 || !plan || this.#equip(count, arena.space, kernels) === 0) return false

    const mark = arena.mark()
    const runs = Math.ceil((plan.end - plan.first) / plan.run)
    if (pass.into) plan.partials = arena.take(runs * plan.stride)
    const own = arena.take(ownBytes(plan) * (count + 1))
    const kernel = Object.keys(arena.use<object>(kernels)).indexOf(pass.kernel)
    writePass(this.#control, job, { ...plan, own, core: instanceOf(arena.space, core), instance: instanceOf(arena.space, kernels), kernel })
    this.#jobs[job] = true
    const words = this.#words
    Atomics.store(words, fault(job), 0)
    Atomics.store(words, next(job), 0)
    Atomics.store(words, limit(job), count)
    Atomics.store(words, state(job), OPEN)
    this.#ring()
    const failures: unknown[] = []
    const giveUp = (error: unknown) => {
      failures.push(error)
      Atomics.store(words, state(job), GIVEN_UP)
    }
    try {
      for (let n = Atomics.add(words, next(job), 1); n < runs; n = Atomics.add(words, next(job), 1))
        for (const _ of share(plan, arena.kernels, n, own)) {
          const turn = breathe()
          if (turn) await turn
        }
      Atomics.store(words, state(job), CLOSING)
    } catch (error) {
      giveUp(error)
    }
    await this.#empty(job, () => breathe()?.catch(giveUp)) // the call may be given up while the last ones finish
    Atomics.store(words, state(job), CLOSED)
    this.#jobs[job] = false
    if (failures.length > 0) throw failures[0]
    if (Atomics.load(words, fault(job))) throw await this.#fault(job)
    if (pass.into) for (let n = 0; n < runs; n++) pass.into.adopt(plan.partials + n * plan.stride, runAt(plan, n)[1])
    arena.release(mark)
    return true
  }

  // Waits until no worker is at a job
  async #empty(job: number, breathe: () => Promise<void> | undefined): Promise<void> {
    const words = this.#words
    let sign = { at: performance.now(), calls: this.calls }
    for (let spins = 0; ; spins++) {
      const left = Atomics.load(words, LEFT)
      const there = this.#members.filter((_, w) => Atomics.load(words, at(w)) === job + 1)
      if (there.length === 0) return
      if (spins < SPINS) continue
      if (this.#blocks) Atomics.wait(words, LEFT, left, 1)
      await (breathe() ?? (this.#blocks ? undefined : turn()))
      const now = { at: performance.now(), calls: this.calls }
      if (now.calls !== sign.calls) sign = now
      else if (now.at - sign.at > PATIENCE.lost)
        for (const member of there) member?.ended(`it gave no sign of life for ${PATIENCE.lost / 1000} s`)
    }
  }

  // What went wrong at a job; what a worker threw, its message tells
  async #fault(job: number): Promise<Error> {
    for (let turns = 0; turns < 1000 && !this.#faults.has(job); turns++) await turn()
    const reason = this.#faults.get(job) ?? 'unknown'
    this.#faults.delete(job)
    return new Error(`A worker thread failed: ${reason}. Nothing was changed: call again, if need be with threads: 1.`)
  }
}

// How a pass is shared, without memory yet; undefined where it would take too much
function planned(pass: Pass, arena: Arena, threads: number): SharedPass | undefined {
  const { args, rows, scratch, into } = pass
  const first = (pass.begin ?? 0) / SLOT_ROWS
  const end = Math.ceil(rows / SLOT_ROWS)
  const slots = end - first
  const [length, paired, leaf] = [into?.length ?? 0, into?.paired ?? 0, into?.leaf ?? 1]
  const stride = Math.ceil(length / 8) * 64
  let run = Math.max(leaf, 2 ** Math.floor(Math.log2(slots / (threads * RUNS_PER_THREAD))))
  while ((slots / run) * stride > MUCH && 2 * run * threads <= slots) run *= 2
  // over a window of a stream, whole runs: others follow
  while (into && pass.begin !== undefined && (into.count % run > 0 || slots % run > 0)) run /= 2
  if (run < leaf) return undefined
  if ((slots / run) * stride > TOO_MUCH) return undefined
  return {
    kernel: kernelOf(pass, arena),
    args,
    rows,
    callRows: rowsPerCall(pass.flopsPerRow),
    first,
    end,
    run,
    partials: 0,
    stride,
    length,
    paired,
    leaf,
    scratch,
  }
}

// Whether this thread may wait: not where it has a page
function mayBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0)
    return true
  } catch {
    return false
  }
}

let pool: Pool | undefined

// -------------------------------------------------------------------------------------------------------------- one task's helpers

/** From what on help pays; writable, so that tests can have it earlier. */
export const BREAK_EVEN = {
  /** Operations of a pass, as `flopsPerRow` counts them. With every pass of 0.7 million shared, k-means iterations of 8192 × 8 took 1.3 times as
   *  long, with 1.4 million (16 384 rows) the same, with 2.8 million 0.7 times (two threads, Node 20). */
  pass: 1.5e6,
  /** Operations of a task before workers are started for it. */
  task: 5e7,
}

/** The helpers of one task. */
export class Crew {
  readonly #workers: number
  readonly #space: Space
  readonly #warn: (message: string) => void
  #done = 0 // operations, about
  #pool: Pool | undefined | null // null: there is none

  /** @param warn hears, once, why there is no help although it would pay */
  constructor(threads: number | 'auto', space: Space, warn: (message: string) => void) {
    this.#workers = Math.min(MOST_WORKERS, (threads === 'auto' ? cores() : threads) - 1)
    this.#space = space
    this.#warn = warn
  }

  /** Runs a pass with help; false, with nothing done, where it is better run alone. */
  run(pass: Pass, arena: Arena, breathe: () => Promise<void> | undefined): Promise<boolean> | false {
    const rows = pass.rows - (pass.begin ?? 0)
    const operations = rows * pass.flopsPerRow
    this.#done += operations
    if (this.#workers < 1 || operations < BREAK_EVEN.pass || rows <= SLOT_ROWS) return false
    if (this.#pool === undefined && (this.#done > BREAK_EVEN.task || pool?.ready)) this.#pool = this.#call()
    return this.#pool ? this.#pool.run(pass, arena, this.#workers, breathe) : false
  }

  #call(): Pool | null {
    let told = false
    const failed = (reason: string) => {
      if (!told) this.#warn(`No worker threads: ${reason}. This thread does the work alone; results are the same.`)
      told = true
    }
    const why = obstacle()
    if (why) {
      failed(why)
      return null
    }
    pool ??= new Pool()
    pool.enter(this.#space)
    pool.staff(this.#workers, failed)
    return pool
  }

  /** The task has ended. */
  dismiss(): void {
    this.#pool?.leave(this.#space)
  }
}

/** For tests: the pool of this thread. */
export const currentPool = () => pool
