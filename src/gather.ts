// Subsets of rows: copied side by side, they are data like any other, and every pass runs over them.
import { type Algorithm, inPieces } from './passes.ts'
import { type Resident, STREAMED, rowsOf } from './resident.ts'

/** The rows named by `rows`, in that order, in memory taken from the same arena: give it back by `release`. Bytes: 8·D a row, with
 *  weights 8 more. Without `weighted` every row counts once. */
export function* gather(data: Resident, rows: Int32Array, weighted: boolean): Algorithm<Resident> {
  const { arena, d, largest } = data
  const n = rows.length
  const x = arena.takeF64(n * d)
  const to = arena.f64(x, n * d)
  if (data.x === STREAMED) to.set(yield* rowsOf(data, rows))
  else {
    const from = arena.f64(data.x, data.n * d)
    yield* inPieces(n, (begin, end) => {
      // plain loops: a call per row costs more than copying a short one
      for (let i = begin, at = begin * d; i < end; i++) for (let j = rows[i] * d, last = j + d; j < last; j++) to[at++] = from[j]
    })
  }
  if (!weighted || !data.w) return { arena, x, w: 0, n, d, totalWeight: n, largest }
  const w = arena.takeF64(n)
  const weights = arena.f64(data.w, data.n)
  const own = arena.f64(w, n)
  let totalWeight = 0
  yield* inPieces(n, (begin, end) => {
    for (let i = begin; i < end; i++) totalWeight += own[i] = weights[rows[i]]
  })
  return { arena, x, w, n, d, totalWeight, largest }
}
