// Matrix, and every form in which data come in. A form is recognised by shape, not by class, and copied at most once.
import { describe } from './errors.ts'
import { Arena } from './memory.ts'

/** Anything with a length and numbered items. */
type Rows = ArrayLike<ArrayLike<number>>
/** Flat numbers with a shape: scijs and stdlib ndarrays fit. `stride`/`strides` and `offset` count elements. */
export interface NdArrayLike {
  data: ArrayLike<number>
  shape: ArrayLike<number>
  stride?: ArrayLike<number>
  strides?: ArrayLike<number>
  offset?: number
}
/** ml-matrix and its like. */
export interface GetMatrixLike {
  rows: number
  columns: number
  get(i: number, j: number): number
}
/** Arrow tables and their like: column-wise. */
export interface TableLike {
  numRows: number
  numCols: number
  getChildAt(j: number): { toArray(): ArrayLike<number>; nullCount?: number } | null
}
/** Every form `X` may have: N rows of D numbers. */
export type MatrixLike = Rows | NdArrayLike | GetMatrixLike | TableLike | Matrix

/** A matrix of at least this many bytes owns its WebAssembly memory: making one costs about 30 µs in Node and 160 µs in a page, which a
 *  megabyte's copy outweighs; pages hold at most 124 such memories, so small matrices are ordinary arrays. */
const RESIDENT_BYTES = 2 ** 20

/** Where the data of a matrix lie, if in WebAssembly memory of its own. */
interface Home {
  arena: Arena
  address: number
}
const homes = new WeakMap<Matrix, Home>()

/** N×D numbers, row-major. Made by `Matrix.from` or `Matrix.zeros`, a large one lies in WebAssembly memory, so that fitting many
 *  models to it copies nothing. Nothing to free: it is collected like any object. */
export class Matrix {
  /** N, the number of samples. */
  readonly rows: number
  /** D, the number of features. */
  readonly cols: number
  /** The numbers, row-major: element (i, j) is `data[i * cols + j]`. May be written in place. */
  readonly data: Float64Array

  /** Wraps numbers that are there already, without copying: `data` holds rows·cols of them, row-major. */
  constructor(rows: number, cols: number, data: Float64Array) {
    this.rows = rows
    this.cols = cols
    this.data = data
  }

  /** Copies `x`, in any of the accepted forms, once. Throws TypeError or RangeError, naming the place, for what is not a matrix. */
  static from(x: MatrixLike): Matrix {
    const source = sourceOf(x, 'Matrix.from')
    const matrix = Matrix.zeros(source.rows, source.cols)
    source.copyTo(matrix.data, 0, source.rows)
    return matrix
  }

  /** N×D zeros, to be filled through `data`. */
  static zeros(rows: number, cols: number): Matrix {
    whole(rows, 'rows', 'Matrix.zeros')
    whole(cols, 'cols', 'Matrix.zeros')
    const bytes = rows * cols * 8
    if (bytes >= RESIDENT_BYTES) {
      try {
        const arena = new Arena(bytes)
        const address = arena.take(bytes)
        const matrix = new Matrix(rows, cols, arena.f64(address, rows * cols))
        homes.set(matrix, { arena, address })
        return matrix
      } catch {
        // too many live memories or too large for one: an ordinary array serves, at the price of a copy per fit
      }
    }
    try {
      return new Matrix(rows, cols, new Float64Array(rows * cols))
    } catch {
      throw new RangeError(
        `Matrix.zeros: ${rows}×${cols} numbers take ${(bytes / 2 ** 30).toFixed(1)} GiB, more than this engine gives. Use fewer rows at a time.`,
      )
    }
  }

  /** [N, D]. */
  get shape(): [number, number] {
    return [this.rows, this.cols]
  }

  get(i: number, j: number): number {
    return this.data[i * this.cols + j]
  }

  /** Row i as a view: writing to it writes to the matrix. */
  row(i: number): Float64Array {
    return this.data.subarray(i * this.cols, (i + 1) * this.cols)
  }

  /** A copy as nested arrays. */
  toArray(): number[][] {
    return Array.from({ length: this.rows }, (_, i) => Array.from(this.row(i)))
  }

  /** Nested arrays, for JSON.stringify. */
  toJSON(): number[][] {
    return this.toArray()
  }

  *[Symbol.iterator](): IterableIterator<Float64Array> {
    for (let i = 0; i < this.rows; i++) yield this.row(i)
  }
}

/** Data of any form, ready to be copied row range by row range. @internal */
export interface Source {
  rows: number
  cols: number
  /** Writes rows [begin, end), row-major, to the start of `target`. Throws for entries that are not numbers. */
  copyTo(target: Float64Array, begin: number, end: number): void
  /** Where the rows lie already, if in WebAssembly memory. */
  home?: Home
}

/** Recognises the form of `x`. @internal */
export function sourceOf(x: unknown, name = 'X'): Source {
  if (x instanceof Matrix)
    return { rows: x.rows, cols: x.cols, copyTo: (t, b, e) => t.set(x.data.subarray(b * x.cols, e * x.cols)), home: homes.get(x) }
  if (typeof x !== 'object' || x === null)
    throw new TypeError(`${name}: expected a matrix (rows of numbers, { data, shape }, or a Matrix), got ${describe(x)}.`)
  if ('data' in x && 'shape' in x) return flat(x as NdArrayLike, name)
  if ('rows' in x && 'columns' in x && typeof (x as GetMatrixLike).get === 'function') return getter(x as GetMatrixLike, name)
  if ('numRows' in x && 'numCols' in x && typeof (x as TableLike).getChildAt === 'function') return table(x as TableLike, name)
  if ('length' in x) return nested(x as Rows, name)
  throw new TypeError(
    `${name}: expected a matrix (rows of numbers, { data, shape }, ml-matrix, an Arrow table, or a Matrix), got ${describe(x)}.`,
  )
}

function nested(x: Rows, name: string): Source {
  const rows = x.length
  const first: unknown = x[0]
  if (rows > 0 && (typeof first === 'number' || typeof first === 'bigint'))
    throw new TypeError(
      `${name}: expected a 2-d array, got a 1-d array of ${rows} numbers. For one feature per sample write ${name}.map(v => [v]); for one sample write [${name}].`,
    )
  const isRow = (r: unknown): r is ArrayLike<number> =>
    typeof r === 'object' && r !== null && typeof (r as ArrayLike<number>).length === 'number'
  if (rows > 0 && !isRow(first)) throw new TypeError(`${name}: expected row 0 to be an array of numbers, got ${describe(first)}.`)
  const cols = isRow(first) ? first.length : 0
  return {
    rows,
    cols,
    copyTo(target, begin, end) {
      for (let i = begin, at = 0; i < end; i++, at += cols) {
        const row: unknown = x[i]
        if (!isRow(row)) throw new TypeError(`${name}: expected row ${i} to be an array of ${cols} numbers, got ${describe(row)}.`)
        if (row.length !== cols)
          throw new RangeError(`${name}: expected every row to have ${cols} columns like row 0, got ${row.length} in row ${i}.`)
        if (row instanceof Float64Array || row instanceof Float32Array) target.set(row, at)
        else for (let j = 0; j < cols; j++) target[at + j] = numeric(row[j], i, j, name)
      }
    },
  }
}

function flat(x: NdArrayLike, name: string): Source {
  const { data, shape } = x
  if (typeof data !== 'object' || data === null || typeof data.length !== 'number')
    throw new TypeError(`${name}: expected data to be an array of numbers, got ${describe(data)}.`)
  if (typeof shape !== 'object' || shape === null)
    throw new TypeError(`${name}: expected a shape of two numbers [rows, columns], got ${describe(shape)}.`)
  if (shape.length !== 2) {
    const remedy = shape.length === 1 ? ` For one feature per sample use shape [${shape[0]}, 1].` : ''
    throw new RangeError(`${name}: expected a shape of two numbers [rows, columns], got ${describe(shape)}.${remedy}`)
  }
  const [rows, cols] = [shape[0], shape[1]]
  whole(rows, 'shape[0]', name)
  whole(cols, 'shape[1]', name)
  const strides = x.strides ?? x.stride ?? [cols, 1]
  const offset = x.offset ?? 0
  whole(offset, 'offset', name)
  for (const axis of [0, 1]) whole(strides[axis], `strides[${axis}]`, name, true)
  const corner = (i: number, j: number) => offset + i * strides[0] + j * strides[1]
  if (rows > 0 && cols > 0)
    for (const [i, j] of [
      [0, 0],
      [rows - 1, 0],
      [0, cols - 1],
      [rows - 1, cols - 1],
    ])
      if (!(corner(i, j) >= 0 && corner(i, j) < data.length))
        throw new RangeError(
          `${name}: expected data for shape [${rows}, ${cols}] (at least ${Math.max(rows * cols, corner(i, j) + 1)} numbers), got ${data.length}.`,
        )
  const rowMajor = strides[1] === 1 && strides[0] === cols
  const typed = data instanceof Float64Array || data instanceof Float32Array
  return {
    rows,
    cols,
    copyTo(target, begin, end) {
      if (rowMajor && typed) return target.set(data.subarray(offset + begin * cols, offset + end * cols))
      const [down, right] = [strides[0], strides[1]]
      for (let i = begin, at = 0; i < end; i++)
        for (let j = 0, from = offset + i * down; j < cols; j++, from += right) target[at++] = numeric(data[from], i, j, name)
    },
  }
}

function getter(x: GetMatrixLike, name: string): Source {
  const { rows, columns: cols } = x
  whole(rows, 'rows', name)
  whole(cols, 'columns', name)
  return {
    rows,
    cols,
    copyTo(target, begin, end) {
      for (let i = begin, at = 0; i < end; i++) for (let j = 0; j < cols; j++) target[at++] = numeric(x.get(i, j), i, j, name)
    },
  }
}

function table(x: TableLike, name: string): Source {
  const { numRows: rows, numCols: cols } = x
  whole(rows, 'numRows', name)
  whole(cols, 'numCols', name)
  const columns = Array.from({ length: cols }, (_, j) => {
    const column = x.getChildAt(j)
    if (!column) throw new TypeError(`${name}: expected ${cols} columns, column ${j} is missing.`)
    if (column.nullCount)
      throw new RangeError(`${name}: expected numbers, column ${j} has ${column.nullCount} nulls. Drop or fill the rows they are in.`)
    return column.toArray()
  })
  return {
    rows,
    cols,
    copyTo(target, begin, end) {
      for (let j = 0; j < cols; j++) {
        const values = columns[j]
        for (let i = begin, at = j; i < end; i++, at += cols) target[at] = numeric(values[i], i, j, name)
      }
    },
  }
}

function numeric(value: unknown, i: number, j: number, name: string): number {
  if (typeof value !== 'number') throw new TypeError(`${name}: expected a number at row ${i}, column ${j}, got ${describe(value)}.`)
  return value
}

// A count, or with `signed` a step between elements
function whole(value: unknown, what: string, name: string, signed = false): void {
  const message = () => `${name}: expected ${what} to be a whole number${signed ? '' : ' of at least 0'}, got ${describe(value)}.`
  if (typeof value !== 'number') throw new TypeError(message())
  if (!Number.isSafeInteger(value) || (!signed && value < 0)) throw new RangeError(message())
}
