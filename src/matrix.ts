// Matrix, and every form in which data come in. A form is recognised by shape, not by class, and copied at most once.
import { isList, isObject, isWhole, number } from './check.ts'
import { describe, wrongKind, wrongValue } from './errors.ts'
import { Arena } from './memory.ts'

/** Rows of numbers: anything with a length and numbered items.
 *  @inline */
type Rows = ArrayLike<ArrayLike<number>>
/** Flat numbers with a shape: scijs and stdlib ndarrays fit. `stride`/`strides` and `offset` count elements. */
export interface NdArrayLike {
  /** The numbers, of any type of array. */
  data: ArrayLike<number>
  /** [N, D]. */
  shape: ArrayLike<number>
  /** Elements from one row, and from one column, to the next (scijs). Default: row-major without gaps, [D, 1]. */
  stride?: ArrayLike<number>
  /** The same (stdlib). */
  strides?: ArrayLike<number>
  /** Place of element (0, 0) in `data`. Default 0. */
  offset?: number
}
/** ml-matrix and its like. */
export interface GetMatrixLike {
  /** N. */
  rows: number
  /** D. */
  columns: number
  /** Element (i, j). */
  get(i: number, j: number): number
}
/** Arrow tables, record batches and their like: column-wise. */
export interface TableLike {
  /** N. */
  numRows: number
  /** D. */
  numCols: number
  /** Column j. */
  getChildAt(j: number): ColumnLike | null
  /** The parts the rows came in, if they are several. */
  batches?: readonly TableLike[]
}
/** A column of an Arrow table. */
export interface ColumnLike {
  /** The values (N). */
  toArray(): unknown
  /** Value i, or null. */
  get?(i: number): unknown
  /** How many values are null. */
  nullCount?: number
  /** Arrow's type of the values. */
  type?: {
    /** Arrow's number of the type. */
    typeId?: number
  } | null
}
/** Arquero tables and their like: columns by name; filters and orders apply. */
export interface FrameLike {
  /** N. */
  numRows(): number
  /** Names of the D columns, in order. */
  columnNames(): readonly string[]
  /** The values of a column (N). */
  array(name: string): ArrayLike<unknown>
}
/** Chunks and readers of DuckDB results: all columns at once. */
export interface ColumnsLike {
  /** The columns (D×N). */
  getColumns(): ArrayLike<ArrayLike<unknown>>
}
/** TensorFlow.js tensors of rank 2 and their like: numbers to be had at once. */
export interface TensorLike {
  /** [N, D]. */
  shape: ArrayLike<number>
  /** The numbers, row-major. */
  dataSync(): ArrayLike<unknown>
  /** The same later: what the Async methods ask, so that none waits for a GPU. */
  data?(): Promise<ArrayLike<unknown>>
}
/** Danfo data frames and their like: rows under `values`, beside the names of columns. */
export interface ValuesLike {
  /** The rows (N×D). */
  values: ArrayLike<unknown>
  /** Names of the columns (D). */
  columns: ArrayLike<unknown>
}
/** Every form that is a matrix by itself, not a list of rows.
 *  @inline */
type Whole = NdArrayLike | GetMatrixLike | TableLike | FrameLike | ColumnsLike | TensorLike | ValuesLike | Matrix
/** Every form `X` may have: N rows of D numbers, or a list of such parts, one below the other. */
export type MatrixLike = Rows | Whole | ArrayLike<Whole>

/** A matrix of at least this many bytes owns its WebAssembly memory: making one costs about 30 µs in Node and 160 µs in a page, which a
 *  megabyte's copy outweighs; pages hold at most 124 such memories, so small matrices are ordinary arrays. */
const RESIDENT_BYTES = 2 ** 20

/** Where rows lie, if in WebAssembly memory. */
interface Home {
  arena: Arena
  address: number
}
/** Memories of matrices, by the buffer that their `data` view: whatever views it too lies there. */
const arenas = new WeakMap<ArrayBufferLike, Arena>()

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
    checkCounts({ rows, cols }, 'Matrix.zeros')
    const bytes = rows * cols * 8
    if (bytes >= RESIDENT_BYTES) {
      try {
        const arena = new Arena(bytes)
        const data = arena.takeDoubles(rows * cols)
        arenas.set(data.buffer, arena)
        return new Matrix(rows, cols, data)
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

  /** Element (i, j), 0 ≤ i < rows, 0 ≤ j < cols. Not checked. */
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

  /** The rows in order, as views. */
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
  const whole = wholeOf(x, name)
  if (whole) return whole
  if (!isObject(x) || !('length' in x))
    throw wrongKind(name, 'a matrix (rows of numbers, { data, shape }, a table, a tensor, a data frame or a Matrix)', x)
  const rows = x as ArrayLike<unknown>
  return !isList(rows[0]) && wholeOf(rows[0], `${name}[0]`) ? stacked(rows, name) : nested(rows, name)
}

// Forms that are a matrix by themselves
function wholeOf(x: unknown, name: string): Source | undefined {
  if (!isObject(x)) return undefined
  if (x instanceof Matrix) return rowMajor(x.data, 0, x.rows, x.cols)
  const has = (key: string) => typeof (x as Record<string, unknown>)[key] === 'function'
  if (has('dataSync')) return tensor(x as TensorLike, name)
  if ('data' in x && 'shape' in x) return flat(x as NdArrayLike, name)
  if ('rows' in x && 'columns' in x && has('get')) return getter(x as GetMatrixLike, name)
  if ('numRows' in x && 'numCols' in x && has('getChildAt')) return table(x as TableLike, name)
  if (has('numRows') && has('columnNames') && has('array')) return frame(x as FrameLike, name)
  if (has('getColumns')) {
    const lists = Array.from((x as ColumnsLike).getColumns())
    return columnar(lists, lists.length > 0 ? lists[0].length : 0, name)
  }
  if ('values' in x && 'columns' in x && !has('values')) return nested((x as ValuesLike).values, name)
  return undefined
}

/** Typed arrays of numbers, of whatever realm: those that `set` copies without a look at each. */
type Numbers = Float64Array
const isNumbers = (list: unknown): list is Numbers =>
  ArrayBuffer.isView(list) && !/^(Big|DataView)/.test((list as Float64Array)[Symbol.toStringTag])

// Rows that lie one after the other, in typed numbers: in place, if in the memory of a Matrix
function rowMajor(data: Numbers, offset: number, rows: number, cols: number): Source {
  const arena = data instanceof Float64Array ? arenas.get(data.buffer) : undefined
  return {
    rows,
    cols,
    copyTo: (target, begin, end) => target.set(data.subarray(offset + begin * cols, offset + end * cols)),
    home: arena && { arena, address: data.byteOffset + offset * 8 },
  }
}

// Parts one below the other
function stacked(list: ArrayLike<unknown>, name: string): Source {
  const parts = Array.from(list, (part, p) => {
    const source = wholeOf(part, `${name}[${p}]`)
    if (!source) throw wrongKind(name, `${name}[${p}] to be a matrix like ${name}[0]`, part)
    return source
  })
  return below(parts, name)
}

function below(parts: Source[], name: string): Source {
  const { cols } = parts[0]
  let rows = 0
  const starts = parts.map((part, p) => {
    if (part.cols !== cols) throw wrongValue(name, `every part to have ${cols} columns like part 0`, `${part.cols} in part ${p}`)
    rows += part.rows
    return rows - part.rows
  })
  return {
    rows,
    cols,
    copyTo(target, begin, end) {
      parts.forEach((part, p) => {
        const [from, to] = [Math.max(begin, starts[p]), Math.min(end, starts[p] + part.rows)]
        if (from < to) part.copyTo(target.subarray((from - begin) * cols), from - starts[p], to - starts[p])
      })
    },
  }
}

function nested(x: ArrayLike<unknown>, name: string): Source {
  const rows = x.length
  const first: unknown = x[0]
  if (rows > 0 && (typeof first === 'number' || typeof first === 'bigint'))
    throw new TypeError(
      `${name}: expected a 2-d array, got a 1-d array of ${rows} numbers. For one feature per sample write ${name}.map(v => [v]); for one sample write [${name}].`,
    )
  if (rows > 0 && !isList(first)) throw wrongKind(name, 'row 0 to be an array of numbers', first)
  const cols = isList(first) ? first.length : 0
  return {
    rows,
    cols,
    copyTo(target, begin, end) {
      for (let i = begin, at = 0; i < end; i++, at += cols) {
        const row: unknown = x[i]
        if (!isList(row)) throw wrongKind(name, `row ${i} to be an array of ${cols} numbers`, row)
        if (row.length !== cols) throw wrongValue(name, `every row to have ${cols} columns like row 0`, `${row.length} in row ${i}`)
        if (isNumbers(row)) target.set(row, at)
        else for (let j = 0; j < cols; j++) target[at + j] = numeric(row[j], i, j, name)
      }
    },
  }
}

function flat(x: NdArrayLike, name: string): Source {
  const { data, shape } = x
  if (!isList(data)) throw wrongKind(name, 'data to be an array of numbers', data)
  const [rows, cols] = matrixShape(shape, name)
  const [down, right] = Array.from(x.strides ?? x.stride ?? [cols, 1])
  const offset = x.offset ?? 0
  checkCounts({ offset }, name)
  ;[down, right].forEach((v, axis) => number(v, name, `strides[${axis}] to be a whole number`, Number.isSafeInteger))
  const [below, beside] = [down * (rows - 1), right * (cols - 1)]
  const last = offset + Math.max(0, below) + Math.max(0, beside)
  if (rows > 0 && cols > 0 && !(offset + Math.min(0, below) + Math.min(0, beside) >= 0 && last < data.length))
    throw wrongValue(name, `data for shape [${rows}, ${cols}] (at least ${Math.max(rows * cols, last + 1)} numbers)`, data.length)
  if (isNumbers(data)) {
    if (right === 1 && down === cols) return rowMajor(data, offset, rows, cols)
    if (down === 1) {
      const columns = Array.from({ length: cols }, (_, j) => data.subarray(offset + j * right, offset + j * right + rows))
      return columnar(columns, rows, name)
    }
  }
  return elements(rows, cols, name, (i, j) => data[offset + i * down + j * right])
}

// rows and columns of a shape of two numbers
function matrixShape(shape: unknown, name: string): [number, number] {
  if (!isList(shape)) throw wrongKind(name, 'a shape of two numbers [rows, columns]', shape)
  if (shape.length !== 2) {
    const remedy = shape.length === 1 ? `For one feature per sample use shape [${shape[0]}, 1].` : ''
    throw wrongValue(name, 'a shape of two numbers [rows, columns]', describe(shape), remedy)
  }
  checkCounts({ 'shape[0]': shape[0], 'shape[1]': shape[1] }, name)
  return [shape[0], shape[1]] as [number, number]
}

/** X with its numbers at hand: a promise only where X is a tensor that gives them later. @internal */
export function atHand<X>(X: X): X | Promise<X> {
  const { shape, data } = ((X as unknown) ?? {}) as TensorLike
  if (typeof data !== 'function' || shape === undefined) return X
  return (X as Required<TensorLike>).data().then((numbers) => ({ shape, dataSync: () => numbers }) as X)
}

function tensor(x: TensorLike, name: string): Source {
  const [rows, cols] = matrixShape(x.shape, name)
  const data = x.dataSync()
  if (data.length !== rows * cols)
    throw wrongValue(name, `a tensor of ${rows * cols} real numbers for shape [${rows}, ${cols}]`, `${data.length} values`)
  return flat({ data: data as ArrayLike<number>, shape: [rows, cols] }, name)
}

function getter(x: GetMatrixLike, name: string): Source {
  const { rows, columns } = x
  checkCounts({ rows, columns }, name)
  return elements(rows, columns, name, (i, j) => x.get(i, j))
}

// Numbers that are asked for one by one
function elements(rows: number, cols: number, name: string, at: (i: number, j: number) => unknown): Source {
  return {
    rows,
    cols,
    copyTo(target, begin, end) {
      for (let i = begin, to = 0; i < end; i++) for (let j = 0; j < cols; j++) target[to++] = numeric(at(i, j), i, j, name)
    },
  }
}

function table(x: TableLike, name: string, firstRow = 0): Source {
  const { numRows: rows, numCols: cols, batches } = x
  checkCounts({ numRows: rows, numCols: cols }, name)
  if (batches && batches.length > 1) {
    let row = 0
    const parts = batches.map((batch) => {
      row += batch.numRows
      return table(batch, name, row - batch.numRows)
    })
    return below(parts, name)
  }
  const columns = Array.from({ length: cols }, (_, j) => {
    const column = x.getChildAt(j)
    if (!column) throw new TypeError(`${name}: expected ${cols} columns, column ${j} is missing.`)
    if (column.nullCount) {
      let row = 0
      while (row < rows && column.get?.(row) !== null) row++
      const where = row < rows ? ` (the first at row ${firstRow + row})` : ''
      throw wrongValue(name, 'numbers', `${column.nullCount} nulls in column ${j}${where}`, DROP)
    }
    const values = column.toArray() as ArrayLike<unknown>
    // Arrow's numbers of types: 2 integers, 3 floats, 7 decimals (raw 32-bit words in some libraries), above 7 dates, times and nested ones
    const type = column.type?.typeId ?? 0
    if (type > 7 || values.length > rows)
      throw new TypeError(`${name}: expected numbers, column ${j} is of type ${String(column.type)}. ${CAST}`)
    // half floats come as raw bits
    return type === 3 && values instanceof Uint16Array ? Float64Array.from(column as unknown as Iterable<number>) : values
  })
  return columnar(columns, rows, name, firstRow)
}

function frame(x: FrameLike, name: string): Source {
  const rows = x.numRows()
  checkCounts({ 'numRows()': rows }, name)
  const columns = Array.from(x.columnNames(), (column) => x.array(column))
  return columnar(columns, rows, name)
}

/** Bytes of rows that columns are copied into together: they stay in cache while one group of four columns after the other adds its part. Of
 *  64 KiB to 1 MiB the fastest, or within a tenth of it, for 2 to 784 columns. Against one whole column after the other: 0.75× as fast for
 *  1,000,000 × 2, 2.1× for 1,000,000 × 8, 5.4× for 100,000 × 64, 3.4× for 20,000 × 256, 2.0× for 20,000 × 784. */
const COLUMN_BLOCK_BYTES = 2 ** 19

// Columns one beside the other: a blocked transpose
function columnar(columns: ArrayLike<unknown>[], rows: number, name: string, firstRow = 0): Source {
  const cols = columns.length
  const block = Math.max(8, Math.floor(COLUMN_BLOCK_BYTES / 8 / cols))
  const plain = (column: ArrayLike<unknown>) => isNumbers(column) && column.length >= rows
  const fours = columns.map((_, j) => j % 4 === 0 && columns.slice(j, j + 4).filter(plain).length === 4)
  return {
    rows,
    cols,
    copyTo(target, begin, end) {
      for (let top = begin; top < end; top += block) {
        const bottom = Math.min(top + block, end)
        const start = (top - begin) * cols
        for (let j = 0; j < cols; )
          if (fours[j]) {
            const [a, b, c, d] = columns.slice(j, j + 4) as Numbers[]
            for (let i = top, at = start + j; i < bottom; i++, at += cols) {
              target[at] = a[i]
              target[at + 1] = b[i]
              target[at + 2] = c[i]
              target[at + 3] = d[i]
            }
            j += 4
          } else {
            const values = columns[j]
            for (let i = top, at = start + j; i < bottom; i++, at += cols) target[at] = numeric(values[i], firstRow + i, j, name)
            j++
          }
      }
    },
  }
}

const DROP = 'Drop or fill such rows first.'
const CAST = 'Leave the column out or cast it to doubles first.'

// A number as a double; 64-bit integers are, where doubles hold them exactly
function numeric(value: unknown, i: number, j: number, name: string): number {
  if (typeof value === 'number') return value
  const where = `at row ${i}, column ${j}`
  if (typeof value !== 'bigint') {
    throw wrongKind(name, `a number ${where}`, value, value === null || value === undefined ? DROP : CAST)
  }
  if (BigInt(Number(value)) !== value) throw wrongValue(name, `a number ${where}`, `the integer ${value}, which no double holds`, CAST)
  return Number(value)
}

// Refuses numbers, named as the data name them, that cannot be counts
function checkCounts(counts: Record<string, unknown>, name: string): void {
  for (const [what, count] of Object.entries(counts)) number(count, name, `${what} to be a whole number of at least 0`, isWhole(0))
}
