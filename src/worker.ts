// What runs in a worker: it waits for the bell, claims runs of open jobs and runs them. The protocol is in control.ts. This file is bundled into
// a text of its own (scripts/build.mjs), which pool.ts starts as a worker; dist/worker.js is the same as a file.
import {
  type Answer,
  BELL,
  GIVEN_UP,
  LEFT,
  MOST_JOBS,
  type Mail,
  OPEN,
  at,
  fault,
  limit,
  mail,
  next,
  pulse,
  readPass,
  state,
} from './control.ts'
import { ownBytes, runAt, share } from './slots.ts'

type Exports = Record<string, (...args: number[]) => number>

interface Port {
  postMessage(message: Answer): void
  on?(event: 'message', listener: (message: Mail) => void): void
  onmessage?: (event: { data: Mail }) => void
}
const { process } = globalThis as { process?: { getBuiltinModule?(name: string): { parentPort: Port | null } | undefined } }
const port = process?.getBuiltinModule?.('node:worker_threads')?.parentPort ?? (globalThis as unknown as Port)

let control: SharedArrayBuffer
let words: Int32Array
let index = 0
let read = 0 // messages
const instances = new Map<number, { kernels: Exports; ballast: ArrayBuffer }>()

/** Spins before waiting while a fit is under way: the next pass comes within a tenth of a millisecond, and waking up takes half of that. */
const SPINS = 4000

function receive(message: Mail): void {
  read++
  if (message.control) {
    control = message.control
    words = new Int32Array(control)
    index = message.index as number
    port.postMessage({ ready: true })
  }
  if (message.open) {
    const { instance, compiled, memory, ballast } = message.open
    const kernels = new WebAssembly.Instance(compiled, { env: { memory } }).exports as Exports
    // A memory that grows while V8 hands it over keeps its former size here for good, and memory.fill fails beyond that: 42 of 4000 memories that grew within
    // 0.3 ms (Node 20). Growing by nothing looks at the size again, and from here on growth is told
    memory.grow(0)
    instances.set(instance, { kernels, ballast: new ArrayBuffer(ballast) })
  }
  if (message.close !== undefined) instances.delete(message.close)
  lookForJobs()
}

// Until a message waits
function lookForJobs(): void {
  let spins = 0
  for (;;) {
    const bell = Atomics.load(words, BELL)
    if (Atomics.load(words, mail(index)) !== read) return
    let worked = false
    for (let job = 0; job < MOST_JOBS; job++)
      if (Atomics.load(words, state(job)) === OPEN && index < Atomics.load(words, limit(job)) && join(job)) worked = true
    if (worked) spins = SPINS
    else if (spins > 0) spins--
    else Atomics.wait(words, BELL, bell)
  }
}

// Whether there was something to do
function join(job: number): boolean {
  let worked = false
  Atomics.store(words, at(index), job + 1)
  try {
    if (Atomics.load(words, state(job)) === OPEN) worked = work(job)
  } catch (error) {
    port.postMessage({ fault: String(error), job })
    Atomics.store(words, fault(job), 1)
  }
  Atomics.store(words, at(index), 0)
  Atomics.add(words, LEFT, 1)
  Atomics.notify(words, LEFT)
  return worked
}

function work(job: number): boolean {
  const posted = readPass(control, job)
  const core = instances.get(posted.core)
  const own = instances.get(posted.instance)
  if (!core || !own) return false
  const pass = { ...posted, kernel: Object.values(own.kernels)[posted.kernel] }
  const memory = pass.own + (index + 1) * ownBytes(pass)
  for (let n = Atomics.add(words, next(job), 1); runAt(pass, n)[1] > 0; n = Atomics.add(words, next(job), 1))
    for (const _ of share(pass, core.kernels as never, n, memory)) {
      Atomics.add(words, pulse(index), 1)
      if (Atomics.load(words, state(job)) === GIVEN_UP) return true
    }
  return true
}

if (port.on) port.on('message', receive)
else port.onmessage = ({ data }) => receive(data)
