// The driver that does not block: runs an algorithm in slices (turns.ts), answers an AbortSignal between them.
import type { Arena } from './memory.ts'
import { type Algorithm, type IterationListener, calls, listening } from './passes.ts'
import { SLICE_MS, turn } from './turns.ts'

/** Runs an algorithm in turns with the other work of this thread. */
export async function driveAsync<T>(
  algorithm: Algorithm<T>,
  arena: Arena,
  { signal, onIteration }: { signal?: AbortSignal; onIteration?: IterationListener },
): Promise<T> {
  const hear = listening(onIteration)
  let end = 0
  const breathe = async () => {
    await turn()
    signal?.throwIfAborted()
    end = performance.now() + SLICE_MS
  }
  await breathe()
  try {
    let go = true
    for (;;) {
      const step = algorithm.next(go)
      if (step.done) return step.value
      go = true
      if ('kernel' in step.value) for (const _ of calls(step.value, arena)) if (performance.now() >= end) await breathe()
      if ('report' in step.value) go = hear(step.value)
      if (performance.now() >= end) await breathe()
    }
  } finally {
    algorithm.return(undefined as T)
  }
}
