// How threads share passes. One block of shared memory, the control block, belongs to a pool; the memory that passes work on is another matter.
//
//   A JOB is a place in the control block for one pass at a time. Its owner, the thread that drives the algorithm, writes the pass there
//   as numbers, sets STATE to OPEN and rings the BELL. Runs of slots (slots.ts) are claimed from NEXT, by workers and by the owner
//   itself, until none is left. Each run leaves its sums at a place of its own, so it does not matter who ran it, or when. Then the owner sets
//   CLOSING, waits until no worker is at the job, and merges the sums of the runs in the order of their numbers.
//
//   A WORKER says at which job it is (AT) before it looks whether that is OPEN, and reads the pass only then; the owner closes a job before it
//   looks who is there. Both operations are sequentially consistent, so either the worker sees the job closed or the owner sees the worker:
//   nobody reads a pass while the next one is written. When a worker leaves, it clears AT and increments LEFT, on which owners wait.
//   An owner that gives up (its call was aborted) sets GIVEN_UP, and workers leave between two calls of the kernel, that is within milliseconds.
//
//   MESSAGES carry what numbers cannot: compiled modules and memories, posted before a job first needs them. A worker that waits for the bell
//   hears no messages, so the sender counts MAIL up and rings; a worker that has read less returns to its event loop. A job whose memory
//   or module a worker does not have is not for it.
//
//   FAULTS. What a kernel throws in a worker is posted, and FAULT of the job is set: the owner throws. A worker that dies is known by its event;
//   AT tells which job it was at, and that job's owner throws: the results of half a call cannot be told from those of none. PULSE counts calls,
//   and a worker whose pulse stands still for long is given up like a dead one.
//
// Workers wait by Atomics.wait, spinning a little first while a fit is under way. Owners take part in the work in slices and wait in turns with
// their event loop (turns.ts): no page may block, and no timer is late.
import type { SharedPass } from './slots.ts'

export const MOST_WORKERS = 63
export const MOST_JOBS = 16

// 32-bit words; what different threads write lies in different cache lines (16 words)
export const BELL = 0
export const LEFT = 16
export const at = (worker: number) => 32 + worker * 32
export const mail = (worker: number) => at(worker) + 1
export const pulse = (worker: number) => at(worker) + 16
export const state = (job: number) => at(MOST_WORKERS) + job * 64
export const fault = (job: number) => state(job) + 1
/** Workers below this number may join: the owner's limit of threads. */
export const limit = (job: number) => state(job) + 2
export const next = (job: number) => state(job) + 16
const WORDS = state(MOST_JOBS)

// States of a job
export const CLOSED = 0
export const OPEN = 1
export const CLOSING = 2
export const GIVEN_UP = 3

// Doubles after the words: a pass as numbers
const MOST_ARGS = 40
const PASS_DOUBLES = 16 + MOST_ARGS
export const CONTROL_BYTES = WORDS * 4 + MOST_JOBS * PASS_DOUBLES * 8

/** What a job names by number: the core over its memory, the module with its kernel over the same, and the kernel among what that exports. */
export interface Names {
  core: number
  instance: number
  kernel: number
}

/** Numbers of a pass: everything but the function itself, and `own`, the address of the owner's own memory; that of worker w lies (w + 1)·ownBytes
 *  behind it. */
export type PostedPass = Omit<SharedPass, 'kernel'> & Names & { own: number }

const FIELDS = [
  'core',
  'instance',
  'kernel',
  'own',
  'rows',
  'callRows',
  'first',
  'end',
  'run',
  'partials',
  'stride',
  'length',
  'paired',
  'leaf',
  'scratch',
] as const satisfies (keyof PostedPass)[]

const doublesOf = (control: SharedArrayBuffer, job: number) => new Float64Array(control, WORDS * 4 + job * PASS_DOUBLES * 8, PASS_DOUBLES)

export function writePass(control: SharedArrayBuffer, job: number, pass: PostedPass): void {
  const doubles = doublesOf(control, job)
  FIELDS.forEach((field, i) => {
    doubles[i] = pass[field]
  })
  doubles[15] = pass.args.length
  doubles.set(pass.args, 16)
}

export function readPass(control: SharedArrayBuffer, job: number): PostedPass {
  const doubles = doublesOf(control, job)
  const pass = Object.fromEntries(FIELDS.map((field, i) => [field, doubles[i]])) as unknown as PostedPass
  pass.args = Array.from(doubles.subarray(16, 16 + doubles[15]))
  return pass
}

/** What a pool posts to a worker. `index`, `control` come first, once. */
export interface Mail {
  index?: number
  control?: SharedArrayBuffer
  /** Kernels to instantiate over a memory, and their number. `ballast`: bytes the garbage collector is to know of (see memory.ts). */
  open?: { instance: number; compiled: WebAssembly.Module; memory: WebAssembly.Memory; ballast: number }
  /** The number of an instance that is not needed any more. */
  close?: number
}

/** What a worker posts. */
export interface Answer {
  /** It has the control block and looks for jobs. */
  ready?: true
  /** What was thrown, in words, and the job. */
  fault?: string
  job?: number
}
