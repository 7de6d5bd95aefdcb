// From user data to rows in WebAssembly memory: copied once, checked once.
import { isList } from './check.ts'
import { wrongKind, wrongValue } from './errors.ts'
import type { Arena } from './memory.ts'
import type { Source } from './matrix.ts'
import { type Algorithm, PAUSE, Reduction, SLOT_ROWS, inPieces } from './passes.ts'
import type { Task } from './task.ts'

/** Rows in an arena, ready for passes. */
export interface Resident {
  arena: Arena
  /** Address of n×d doubles, row-major; `STREAMED` where the rows are not in memory: a pass over them names it as their address, and the
   *  driver puts the address of the rows at hand in its place. */
  x: number
  /** Address of n sample weights, or 0. */
  w: number
  n: number
  d: number
  /** Σ w, or n without weights. */
  totalWeight: number
  /** Largest |x| of each column over the rows that count: those of positive weight. */
  largest: Float64Array
}

/** In the place of an address: rows that pass by in chunks. A view of memory there throws. */
export const STREAMED = -(2 ** 40) - 1
/** The same for those of them that were selected last. */
export const SELECTED = STREAMED - 2
/** Whether rows are not in memory. */
export const passBy = ({ x }: Resident): boolean => x < 0

// `x` of data, good for the slot of a row
function* at(data: Resident, row: number): Algorithm<number> {
  return passBy(data) ? ((yield { seek: row, of: data.x }) as number) : data.x
}

/** The values of single rows, row after row. */
export function* rowsOf(data: Resident, rows: Int32Array): Algorithm<Float64Array> {
  const { arena, x, n, d } = data
  const values = new Float64Array(rows.length * d)
  if (passBy(data)) {
    const order = [...rows.keys()].sort((a, b) => rows[a] - rows[b])
    for (const i of order) values.set(arena.f64((yield* at(data, rows[i])) + rows[i] * d * 8, d), i * d)
    return values
  }
  // one view and plain loops: a view for each of 150 rows was a seventh of a fit of iris
  const all = arena.f64(x, n * d)
  for (let i = 0, to = 0; i < rows.length; i++) for (let from = rows[i] * d, end = from + d; from < end; from++) values[to++] = all[from]
  return values
}

/** Work over rows that is no kernel: `visit` is called for one slot after another, in order, with its values, row after row. */
export function* overSlots(data: Resident, visit: (x: Float64Array, begin: number, end: number) => void): Algorithm<void> {
  const { arena, n, d } = data
  for (let begin = 0; begin < n; begin += SLOT_ROWS) {
    const end = Math.min(begin + SLOT_ROWS, n)
    visit(arena.f64((yield* at(data, begin)) + begin * d * 8, (end - begin) * d), begin, end)
    yield PAUSE
  }
}

/** Refuses data with too few rows or no columns, before any work. */
export function checkShape(source: Pick<Source, 'rows' | 'cols'>, minRows: number, estimator: string, cols?: number): void {
  if (source.cols === 0 && source.rows > 0) throw wrongValue('X', 'at least 1 column', `shape [${source.rows}, 0]`)
  if (source.rows < minRows)
    throw new RangeError(
      `X: ${estimator} expected at least ${minRows} row${minRows > 1 ? 's' : ''}, got shape [${source.rows}, ${source.cols}].`,
    )
  if (cols !== undefined && source.cols !== cols) throw wrongValue('X', `${cols} columns, as ${estimator} was fitted with`, source.cols)
}

/** Refuses fewer rows than an option asks for. */
export function requireRows(n: number, option: string, k: number): void {
  if (n < k) throw wrongValue('X', `at least ${option} = ${k} rows`, n, `Use more data or a smaller ${option}.`)
}

/** Sample weights as doubles: n finite numbers ≥ 0, not all zero. `undefined` stays undefined. Without n any number of them. */
export function checkWeights(weights: unknown, rows?: number): Float64Array | undefined {
  if (weights === undefined || weights === null) return undefined
  const list = weights as ArrayLike<number>
  if (!isList(weights)) throw wrongKind('sampleWeight', `an array of ${rows === undefined ? '' : `${rows} `}numbers`, weights)
  const n = rows ?? list.length
  if (list.length !== n) throw wrongValue('sampleWeight', `${n} numbers, one per row of X`, list.length)
  const result = new Float64Array(n)
  let total = 0
  for (let i = 0; i < n; i++) {
    const v: unknown = list[i]
    if (typeof v !== 'number') throw wrongKind('sampleWeight', `a number at ${i}`, v)
    if (!(v >= 0 && v < Infinity)) throw wrongValue('sampleWeight', 'finite numbers of at least 0', `${v} at ${i}`)
    total += result[i] = v
  }
  if (!(total > 0)) throw wrongValue('sampleWeight', 'at least one weight above 0', 'none')
  if (total === Infinity) throw wrongValue('sampleWeight', 'weights with a finite sum', total, 'Divide them all by a large number.')
  return result
}

/** The task of an algorithm over the rows of `source` in memory: in place where they lie there already, otherwise copied once.
 *  @param checks whether `work` finds out by itself that some value is not finite, and calls `refuse`, and needs no `largest` */
export function withRows<T>(
  source: Source,
  weights: Float64Array | undefined,
  work: (data: Resident) => Algorithm<T>,
  checks = false,
): Task<T> {
  const { rows, cols, home } = source
  return {
    bytes: rows * cols * 8,
    home: home?.arena,
    *algorithm(arena) {
      return yield* work(yield* load(arena, source, 0, rows, checks, weights))
    },
  }
}

/** The task of a per-row algorithm over windows of `source`: rows that are not in memory pass through it a few megabytes at a time, and
 *  results never need more room than a window. Window edges are slot edges.
 *  @param checks whether `work` finds out by itself that some value is not finite, and calls `refuse`: then rows are not read for that before
 *  @param width numbers that `work` needs room for, a row: rows in memory already make windows as long as that allows */
export function withWindows(
  source: Source,
  work: (window: Resident, begin: number) => Algorithm<void>,
  checks = false,
  width = source.cols,
): Task<void> {
  const { rows: n, cols: d, home } = source
  const windowRows = Math.max(1, Math.floor(WINDOW_BYTES / (8 * Math.max(home ? 0 : d, width)) / SLOT_ROWS)) * SLOT_ROWS
  return {
    bytes: Math.min(n, windowRows) * d * 8,
    home: home?.arena,
    *algorithm(arena) {
      for (let begin = 0; begin < n; begin += windowRows) {
        const mark = arena.mark()
        yield* work(yield* load(arena, source, begin, Math.min(begin + windowRows, n), checks), begin)
        arena.release(mark)
      }
    },
  }
}
const WINDOW_BYTES = 4 * 2 ** 20

// Values copied and checked between two pauses: about a millisecond of numbers in nested arrays
const STEP_VALUES = 2 ** 18

// Rows [begin, end) in memory; all of them finite, and their `largest` known, unless somebody else `checks` that
function* load(arena: Arena, source: Source, begin: number, end: number, checks: boolean, weights?: Float64Array): Algorithm<Resident> {
  const { cols: d, home } = source
  const n = end - begin
  const weighted = yield* loadWeights(arena, n, weights)
  const x = home ? home.address + begin * d * 8 : arena.takeF64(n * d)
  const largest = arena.takeF64(d)
  if (!checks) arena.kernels.clear(largest, d)
  const step = Math.max(1, Math.floor(STEP_VALUES / d))
  for (let from = 0; from < n; from += step) {
    const to = Math.min(from + step, n)
    if (!home) source.copyTo(arena.f64(x + from * d * 8, (to - from) * d), begin + from, begin + to)
    if (!checks) scan(arena, x, weighted.w, d, largest, from, to, begin)
    if (!checks || !home) yield PAUSE
  }
  return { arena, x, n, d, largest: checks ? new Float64Array(0) : arena.f64(largest, d).slice(), ...weighted }
}

/** Weights of n rows, if there are some, in memory. */
export function* loadWeights(arena: Arena, n: number, weights?: Float64Array): Algorithm<Pick<Resident, 'w' | 'totalWeight'>> {
  if (!weights) return { w: 0, totalWeight: n }
  const w = arena.takeF64(n)
  let totalWeight = 0
  yield* inPieces(n, (begin, end) => {
    const piece = weights.subarray(begin, end)
    arena.f64(w + begin * 8, piece.length).set(piece)
    for (const weight of piece) totalWeight += weight
  })
  return { w, totalWeight }
}

/** Refuses values that are not finite in rows [start, end), of which row 0 is row `firstRow` of X; `largest`: see the kernel. */
export function scan(arena: Arena, x: number, w: number, d: number, largest: number, start: number, end: number, firstRow: number): void {
  const bad = arena.kernels.scan(x, w, d, largest, start, end)
  if (bad < 0) return
  const value = arena.f64(x + bad * 8, 1)[0]
  throw wrongValue(
    'X',
    'finite numbers',
    `${value} at row ${firstRow + Math.floor(bad / d)}, column ${bad % d}`,
    'Drop or fill such rows first.',
  )
}

/** Refuses rows that hold a value that is not finite, the first of them row `firstRow` of X. */
export function refuse({ arena, x, n, d }: Resident, firstRow: number): void {
  scan(arena, x, 0, d, arena.takeF64(d), 0, n, firstRow)
}

/** Weighted column means and population variances, in two passes so that no offset costs digits. */
export function* columnMoments(data: Resident): Algorithm<{ mean: Float64Array; variance: Float64Array }> {
  const { arena, x, w, n, d, totalWeight } = data
  // the first row that counts: near the data, whatever their offset
  const first = w ? arena.f64(w, n).findIndex((v) => v > 0) : 0
  const mean = yield* rowsOf(data, Int32Array.of(first))
  const mark = arena.mark()
  const shift = arena.takeF64(d)
  const into = new Reduction(arena, 1 + 2 * d, n)
  const variance = new Float64Array(d)
  for (let round = 0; round < 2; round++) {
    arena.f64(shift, d).set(mean)
    yield { kernel: 'moments', args: [x, w, d, shift], rows: n, scratch: 0, flopsPerRow: 6 * d, into: into.reset() }
    const sums = into.total()
    for (let j = 0; j < d; j++) {
      const correction = sums[1 + j] / totalWeight
      mean[j] += correction
      variance[j] = Math.max(0, sums[1 + d + j] / totalWeight - correction * correction)
    }
  }
  arena.release(mark)
  return { mean, variance }
}
