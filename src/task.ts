// Tasks: calls whose arguments are checked and whose work remains. A method and its Async twin make the same task and differ in who runs it.
import { autoOrPositive, type Check, isObject, type Schema } from './check.ts'
import { driveAsync } from './drive-async.ts'
import { wrongKind } from './errors.ts'
import { Arena, returnSpace, sharedArena, spaceFor } from './memory.ts'
import { type Algorithm, type IterationListener, drive } from './passes.ts'

/** What is left to do once everything is checked. */
export interface Task<T> {
  /** Bytes it will surely need: decides whether it shares a memory. */
  bytes: number
  /** Where its data lie, if they are in memory already. */
  home?: Arena
  algorithm(arena: Arena): Algorithm<T>
}

/** The task with something done at its end. */
export const afterwards = <T, U>({ bytes, home, algorithm }: Task<T>, finish: (result: T) => U): Task<U> => ({
  bytes,
  home,
  *algorithm(arena) {
    return finish(yield* algorithm(arena))
  },
})

/** Does it now, on this thread. */
export function run<T>({ bytes, home, algorithm }: Task<T>, onIteration?: IterationListener): T {
  const space = home?.space ?? spaceFor(bytes)
  // what runs at once nests in time, so small work shares an arena that keeps its room
  const arena = space === sharedArena().space ? sharedArena() : new Arena(space)
  const mark = arena.mark()
  try {
    return drive(algorithm(arena), arena, onIteration)
  } finally {
    arena.release(mark)
    if (!home) returnSpace(space)
  }
}

/** Options of every call that does not block. */
export interface AsyncOptions {
  /** Ends the call early: it then rejects with the signal's reason, an AbortError by default, and nothing is changed. */
  signal?: AbortSignal
  /** Threads to work with, this one included, ≥ 1; 'auto': as many as the machine has cores. Never changes a result. Default 'auto'. */
  threads?: number | 'auto'
}

/** Does it in turns with everything else this thread has to do. */
export async function runAsync<T>(
  { bytes, home, algorithm }: Task<T>,
  options: AsyncOptions & { onIteration?: IterationListener; onWorkless?(message: string): void },
): Promise<T> {
  options.signal?.throwIfAborted()
  const space = home?.space ?? spaceFor(bytes)
  const arena = new Arena(space)
  try {
    return await driveAsync(algorithm(arena), arena, options)
  } finally {
    arena.release(0)
    if (!home) returnSpace(space)
  }
}

const signal: Check = (value, name) => {
  const it = value as AbortSignal
  if (!isObject(value) || typeof it.aborted !== 'boolean' || typeof it.addEventListener !== 'function')
    throw wrongKind(name, 'an AbortSignal, such as the signal of an AbortController', value)
  return value
}

/** @internal */
export const ASYNC_SCHEMA: Schema = { signal, threads: autoOrPositive }
