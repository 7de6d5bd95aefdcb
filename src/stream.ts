// Rows that pass by: data larger than memory, in chunks from a source that is read again for every pass. An algorithm over such rows is the one
// over rows in memory: its passes are run over one window of rows after another, and what it keeps for each row stays in memory. Windows are
// cut at edges of slots, whatever the chunks are, so the sums, and the bits, are those of rows in memory.
import { isObject } from './check.ts'
import { wrongKind, wrongValue } from './errors.ts'
import { type MatrixLike, type Source, sourceOf } from './matrix.ts'
import type { Arena } from './memory.ts'
import { type Algorithm, PAUSE, type Pass, SLOT_ROWS } from './passes.ts'
import { type Resident, SELECTED, STREAMED, scan } from './resident.ts'
import { MOST_LEAF } from './slots.ts'

/** A source of rows that need not fit into memory: each call begins a new reading, which gives the same rows in the same order, in chunks of any
 *  of the accepted forms and of any size. A chunk is copied before the next is asked for, so its memory may be used again. */
export type MatrixStream = () =>
  | Iterable<MatrixLike>
  | AsyncIterable<MatrixLike>
  | PromiseLike<Iterable<MatrixLike> | AsyncIterable<MatrixLike>>

/** Values of a window: 2 MB. At least one slot, however wide. */
const WINDOW_VALUES = 2 ** 18
/** Values that are copied between two turns of the thread: some milliseconds of numbers in nested arrays. */
const STEP_VALUES = 2 ** 16

/** Rows that are read from the first to the last, again and again, of which one window is in memory. */
export abstract class Windows {
  protected readonly arena: Arena
  protected d = 0
  protected windowRows = 0
  protected window = 0 // its address
  // what it holds: rows [begin, end)
  protected begin = 0
  end = 0
  #chunk: Source | undefined
  #taken = 0 // rows of the chunk that are in the window or have been

  protected constructor(arena: Arena) {
    this.arena = arena
  }

  /** The next rows, after `row` of them: from the beginning where that is 0. At most so many, if that matters to them. Nothing at the end. */
  protected abstract next(row: number, most: number): Algorithm<Source | undefined>
  /** Begins a new reading. */
  protected *restart(): Algorithm<void> {}
  /** Looks at the rows that have come into the window. */
  protected *check(_rows: number): Algorithm<void> {}

  /** Has the slot of a row in memory; returns where row 0 is or would be. */
  *at(row: number): Algorithm<number> {
    if (row < this.begin) {
      yield* this.restart()
      this.#chunk = undefined
      this.begin = this.end = 0
    }
    while (row >= this.end) yield* this.advance()
    return this.window - this.begin * this.d * 8
  }

  /** A pass over these rows, which it knows as `x`, window by window. */
  *run(pass: Pass, x: number): Algorithm<void> {
    for (let begin = pass.begin ?? 0; begin < pass.rows; begin = this.end) {
      const here = yield* this.at(begin)
      const args = pass.args.map((v) => (v === x ? here : v))
      yield { ...pass, args, begin, rows: Math.min(this.end, pass.rows) }
    }
  }

  /** Room for a window of d columns. */
  protected layOut(d: number): void {
    this.d = d
    const slots = Math.max(1, Math.floor(WINDOW_VALUES / d / SLOT_ROWS))
    this.windowRows = (slots < MOST_LEAF ? slots : slots - (slots % MOST_LEAF)) * SLOT_ROWS // threads share whole leaves of sums
    this.window = this.arena.takeF64(this.windowRows * d)
  }

  /** Puts the next rows into the window; whether there are any. */
  protected *advance(): Algorithm<boolean> {
    const begin = this.end
    let rows = 0
    while (this.windowRows === 0 || rows < this.windowRows) {
      const chunk = yield* this.more(begin + rows, this.windowRows - rows)
      if (!chunk) break
      const d = this.d
      const some = Math.min(this.windowRows - rows, chunk.rows - this.#taken, Math.ceil(STEP_VALUES / d))
      chunk.copyTo(this.arena.f64(this.window + rows * d * 8, some * d), this.#taken, this.#taken + some)
      rows += some
      this.#taken += some
      if (this.#taken === chunk.rows) this.#chunk = undefined
      yield PAUSE
    }
    if (rows > 0) {
      this.begin = begin
      this.end = begin + rows
    }
    yield* this.check(rows)
    return rows > 0
  }

  /** The chunk with the rows after `row` of them, if there are any. */
  protected *more(row: number, most: number): Algorithm<Source | undefined> {
    if (!this.#chunk) {
      this.#chunk = yield* this.next(row, most)
      this.#taken = 0
    }
    return this.#chunk
  }
}

type Chunks = Iterator<MatrixLike> | AsyncIterator<MatrixLike>

/** Readings of a source. Bytes: a window, 8·max(2¹⁸, 1024·D), and a chunk of the source. */
export class Reader extends Windows {
  readonly #read: MatrixStream
  /** Fingerprint of each window. */
  readonly #prints: number[] = []
  #n: number | undefined // once it has been read to the end
  #chunks: Chunks | undefined
  #ended = true // whether this reading is over

  constructor(arena: Arena, read: MatrixStream) {
    super(arena)
    this.#read = read
  }

  /** The first reading: how many rows there are, whether they are finite, what is largest.
   *  @param w address of `weights` sample weights, one for each row; 0 for none */
  *survey(w: number, weights: number): Algorithm<Pick<Resident, 'n' | 'd' | 'largest'>> {
    const { kernels } = this.arena
    let largest = 0
    yield* this.restart()
    while (yield* this.advance()) {
      const { begin, end, d } = this
      if (w && end > weights) throw wrongValue('sampleWeight', 'a number per row of X', `${weights} for at least ${end} rows`)
      if (begin === 0) {
        largest = this.arena.takeF64(d)
        kernels.clear(largest, d)
      }
      scan(this.arena, this.window - begin * d * 8, w, d, largest, begin, end, 0)
      this.#prints.push(this.#fingerprint())
    }
    const n = this.end
    this.#n = n
    if (w && n !== weights) throw wrongValue('sampleWeight', `${n} numbers, one per row of X`, weights)
    return { n, d: this.d, largest: largest ? this.arena.f64(largest, this.d).slice() : new Float64Array() }
  }

  /** Ends the reading there is, if it is not over, and waits for its end. */
  *close(): Algorithm<void> {
    if (this.#ended) return
    this.#ended = true
    yield* settled(this.#chunks?.return?.())
  }

  /** The same, without waiting: for when the call has failed, and nobody is there to hear how this ends. */
  async abandon(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    try {
      await this.#chunks?.return?.()
    } catch {
      // the call's own error is the one to tell
    }
  }

  protected override *restart(): Algorithm<void> {
    yield* this.close()
    const chunks = iteratorOf(yield* settled(this.#read()))
    if (chunks === this.#chunks)
      throw new TypeError(
        'X: expected a function that begins a new reading of chunks each time it is called, got the same iterator again, which can be read only once. Give () => chunks().',
      )
    this.#chunks = chunks
    this.#ended = false
  }

  // That this reading is the first one again, as far as it has come
  protected override *check(rows: number): Algorithm<void> {
    const n = this.#n
    if (n === undefined) return
    const { begin, end } = this
    const remedy = 'Each reading must give the same rows in the same order: a query needs ORDER BY.'
    const differs = (found: string) => wrongValue('X', `the ${n} rows of the first reading, in that order`, found, remedy)
    if (rows < this.windowRows && end < n) throw differs(`${end} rows`)
    if (end > n || (end === n && (yield* this.more(n, 1)))) throw differs('more')
    if (this.#fingerprint() !== this.#prints[begin / this.windowRows]) throw differs(`other numbers in rows ${begin} to ${end - 1}`)
  }

  #fingerprint(): number {
    return this.arena.kernels.fingerprint(this.window, (this.end - this.begin) * this.d)
  }

  // The next chunk that has rows
  protected *next(row: number): Algorithm<Source | undefined> {
    while (!this.#ended) {
      const { done, value } = yield* settled((this.#chunks as Chunks).next())
      if (done) {
        this.#ended = true
        break
      }
      const chunk = sourceOf(value, `X, chunk from row ${row}`)
      if (chunk.rows === 0) continue
      if (chunk.cols === 0) throw wrongValue('X', 'at least 1 column', 'a chunk with none')
      if (this.windowRows === 0) this.layOut(chunk.cols)
      if (chunk.cols !== this.d)
        throw wrongValue('X', `${this.d} columns in every chunk, as in the first`, `${chunk.cols} in the chunk from row ${row}`)
      return chunk
    }
    return undefined
  }
}

/** An algorithm over rows that `reader` reads. */
export function* streamed<T>(algorithm: Algorithm<T>, reader: Reader, arena: Arena): Algorithm<T> {
  const windows = new Map<number, Windows>([[STREAMED, reader]])
  let answer: unknown = true
  try {
    for (;;) {
      const step = algorithm.next(answer)
      if (step.done) {
        yield* reader.close()
        return step.value
      }
      answer = true
      const it = step.value
      const x = 'kernel' in it ? it.args.find((v) => windows.has(v)) : undefined
      if ('seek' in it) answer = yield* (windows.get(it.of) as Windows).at(it.seek)
      else if ('select' in it) windows.set(SELECTED, it.select(arena, reader))
      else if ('kernel' in it && x !== undefined) yield* (windows.get(x) as Windows).run(it, x)
      else answer = yield it
    }
  } finally {
    reader.abandon()
    algorithm.return(undefined as T)
  }
}

/** The value, waited for where it is a promise. */
function* settled<T>(value: T | PromiseLike<T>): Algorithm<T> {
  const later = typeof (value as PromiseLike<T> | undefined)?.then === 'function'
  return later ? ((yield { wait: value as PromiseLike<T> }) as T) : (value as T)
}

function iteratorOf(chunks: unknown): Chunks {
  const it = chunks as Partial<AsyncIterable<MatrixLike> & Iterable<MatrixLike>> | null | undefined
  const iterator = isObject(it) ? (it[Symbol.asyncIterator]?.() ?? it[Symbol.iterator]?.()) : undefined
  if (!iterator) throw wrongKind('X', 'the function to return an iterable, or async iterable, of chunks of rows', chunks)
  return iterator
}
