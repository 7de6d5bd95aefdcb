// What a fit needs to know of its data before it begins, whether they lie in memory or pass by in chunks.
import { isObject } from './check.ts'
import { wrongKind } from './errors.ts'
import { type MatrixLike, type Source, sourceOf } from './matrix.ts'
import type { Algorithm } from './passes.ts'
import { type Resident, STREAMED, checkWeights, loadWeights, withRows } from './resident.ts'
import { type MatrixStream, Reader, streamed } from './stream.ts'
import { type Task, afterwards } from './task.ts'

/** A fit whose data are known to suit it. */
export interface Plan<T> {
  work(data: Resident): Algorithm<T>
  finish(result: T): void
  /** Whether `work` finds out by itself that some value in memory is not finite: see `withRows`. */
  checks?: boolean
}

// What a stream leaves in memory for each of its rows is not known beforehand: enough for a space of its own, which grows
const STREAM_BYTES = 2 ** 26

/** The task of a fit to X. `plan` makes all checks that depend on the shape and the weights: at once, or after the first reading of a stream. */
export function planned<T>(
  X: MatrixLike | MatrixStream,
  sampleWeight: unknown,
  plan: (shape: Pick<Source, 'rows' | 'cols'>, weights: Float64Array | undefined) => Plan<T>,
): Task<void> {
  if (typeof X !== 'function') {
    const source = matrixIn(X)
    const weights = checkWeights(sampleWeight, source.rows)
    const { work, finish, checks } = plan(source, weights)
    return afterwards(withRows(source, weights, work, checks), finish)
  }
  const weights = checkWeights(sampleWeight)
  return {
    bytes: STREAM_BYTES,
    *algorithm(arena) {
      const reader = new Reader(arena, X)
      const overall = function* (): Algorithm<void> {
        const count = weights?.length ?? 0
        const { w, totalWeight } = yield* loadWeights(arena, count, weights)
        const { n, d, largest } = yield* reader.survey(w, count)
        const { work, finish } = plan({ rows: n, cols: d }, weights)
        finish(yield* work({ arena, x: STREAMED, w, n, d, totalWeight: totalWeight || n, largest }))
      }
      yield* streamed(overall(), reader, arena)
    },
  }
}

/** Refuses a function that would have to be asked with rows that are never in memory together. */
export function refuseAsking(X: MatrixLike | MatrixStream, init: unknown): void {
  if (typeof X === 'function' && typeof init === 'function')
    throw wrongKind('init', "'k-means++', 'random' or centers for a stream, whose rows are never in memory together", init)
}

function matrixIn(X: MatrixLike): Source {
  try {
    return sourceOf(X)
  } catch (error) {
    const it = X as Partial<AsyncIterable<unknown> & Iterator<unknown>> | null
    if (!isObject(it) || (typeof it.next !== 'function' && it[Symbol.asyncIterator] === undefined)) throw error
    throw new TypeError(
      'X: expected a matrix, or for fitAsync a function that begins a new reading of chunks each time it is called, got an iterator, which can be read only once. Give () => chunks().',
    )
  }
}
