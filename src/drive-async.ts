// The driver that does not block: runs an algorithm in slices (turns.ts), with workers where they pay (pool.ts), and answers an AbortSignal.
import type { Arena } from './memory.ts'
import { type Algorithm, type IterationListener, calls, listening } from './passes.ts'
import { Crew } from './pool.ts'
import { SLICE_MS, turn } from './turns.ts'

export interface AsyncDrive {
  signal?: AbortSignal
  threads?: number | 'auto'
  onIteration?: IterationListener
  /** Hears why there are no workers where there should be. */
  onWorkless?(message: string): void
}

/** Runs an algorithm over data in memory, in turns with the other work of this thread. */
export async function driveAsync<T>(
  algorithm: Algorithm<T>,
  arena: Arena,
  { signal, threads = 'auto', onIteration, onWorkless = () => {} }: AsyncDrive,
): Promise<T> {
  const hear = listening(onIteration)
  const crew = new Crew(threads, arena.space, onWorkless)
  let end = 0
  const breathe = () => (performance.now() < end ? undefined : next())
  const next = async () => {
    await turn()
    signal?.throwIfAborted()
    end = performance.now() + SLICE_MS
  }
  try {
    await next()
    let answer: unknown = true
    for (;;) {
      const step = algorithm.next(answer)
      if (step.done) return step.value
      answer = true
      if ('kernel' in step.value) {
        const helped = crew.run(step.value, arena, breathe)
        if (!helped || !(await helped)) {
          const mark = arena.mark()
          for (const _ of calls(step.value, arena)) {
            const wait = breathe()
            if (wait) await wait
          }
          arena.release(mark)
        }
      } else if ('report' in step.value) answer = hear(step.value)
      else if ('wait' in step.value) answer = await unlessAborted(step.value.wait, signal)
      const wait = breathe()
      if (wait) await wait
    }
  } finally {
    algorithm.return(undefined as T)
    crew.dismiss()
  }
}

/** What the promise becomes, or the reason of an abort that comes first: it need not wait for a source that hangs. */
async function unlessAborted<T>(promise: PromiseLike<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
