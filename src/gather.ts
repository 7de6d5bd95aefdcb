// Subsets of rows: they are data like any other, and every pass runs over them.
import type { Source } from './matrix.ts'
import type { Arena } from './memory.ts'
import { type Algorithm, inPieces } from './passes.ts'
import { type Resident, SELECTED, passBy, rowsOf } from './resident.ts'
import { Windows } from './stream.ts'

/** The rows named by `rows`, in that order, side by side in memory taken from the same arena: give it back by `release`. Bytes: 8·D a row, with
 *  weights 8 more. Without `weighted` every row counts once. */
export function* gather(data: Resident, rows: Int32Array, weighted: boolean): Algorithm<Resident> {
  const { arena, d, largest } = data
  const n = rows.length
  const x = arena.takeF64(n * d)
  const to = arena.f64(x, n * d)
  if (passBy(data)) to.set(yield* rowsOf(data, rows))
  else {
    const from = arena.f64(data.x, data.n * d)
    yield* inPieces(n, (begin, end) => {
      // plain loops: a call per row costs more than copying a short one
      for (let i = begin, at = begin * d; i < end; i++) for (let j = rows[i] * d, last = j + d; j < last; j++) to[at++] = from[j]
    })
  }
  return { arena, x, n, d, largest, ...(weighted ? yield* weightsOf(data, rows) : { w: 0, totalWeight: n }) }
}

/** The rows named by `rows`, in ascending order, with their weights. Of rows that pass by, those that are selected pass by: until the next selection. */
export function* select(data: Resident, rows: Int32Array): Algorithm<Resident> {
  if (!passBy(data)) return yield* gather(data, rows, true)
  const { arena, d, largest } = data
  const weights = yield* weightsOf(data, rows)
  yield { select: (arena, whole) => new Selection(arena, whole, rows, d) }
  return { arena, x: SELECTED, n: rows.length, d, largest, ...weights }
}

function* weightsOf(data: Resident, rows: Int32Array): Algorithm<Pick<Resident, 'w' | 'totalWeight'>> {
  const { arena } = data
  const n = rows.length
  if (!data.w) return { w: 0, totalWeight: n }
  const w = arena.takeF64(n)
  const [from, to] = [arena.f64(data.w, data.n), arena.f64(w, n)]
  let totalWeight = 0
  yield* inPieces(n, (begin, end) => {
    for (let i = begin; i < end; i++) totalWeight += to[i] = from[rows[i]]
  })
  return { w, totalWeight }
}

/** Some of the rows that are read, as rows of their own. Bytes: a window. */
class Selection extends Windows {
  readonly #whole: Windows
  readonly #rows: Int32Array

  /** @param rows their numbers among the whole, in ascending order */
  constructor(arena: Arena, whole: Windows, rows: Int32Array, d: number) {
    super(arena)
    this.#whole = whole
    this.#rows = rows
    this.layOut(d)
  }

  // Those that are in one window of the whole
  protected *next(first: number, most: number): Algorithm<Source | undefined> {
    const { arena, d } = this
    const rows = this.#rows
    if (first === rows.length) return undefined
    const x = yield* this.#whole.at(rows[first])
    let next = first
    while (next < rows.length && next < first + most && rows[next] < this.#whole.end) next++
    return {
      rows: next - first,
      cols: d,
      copyTo(target, begin, end) {
        for (let i = begin, at = 0; i < end; i++, at += d) target.set(arena.f64(x + rows[first + i] * d * 8, d), at)
      },
    }
  }
}
