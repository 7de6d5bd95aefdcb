// Nested arrays of a known shape, to doubles and back.
import { finite, isList } from './check.ts'
import { wrongKind, wrongValue } from './errors.ts'

/** Nested arrays of the given shape as doubles, row-major, in fresh ones or what `room` gives. Throws, naming what does not fit. @internal */
export function flatten(value: unknown, shape: number[], name: string, room = doubles): Float64Array {
  const values = room(shape.reduce((product, length) => product * length))
  collect(value, shape, [], 0, values, 0, name)
  return values
}

// Writes the numbers of what stands at the first `depth` of some indices, from `at` on; returns where they end
function collect(item: unknown, shape: number[], indices: number[], depth: number, values: Float64Array, at: number, name: string): number {
  if (!isList(item)) throw wrongKind(name, expected(shape) + (depth > 0 ? `, with a list at ${path(indices, depth)}` : ''), item)
  const { length } = item
  if (length !== shape[depth]) throw wrongValue(name, expected(shape), `length ${length}${depth > 0 ? ` at ${path(indices, depth)}` : ''}`)
  const last = depth + 1 === shape.length
  for (let i = 0; i < length; i++) {
    const v = item[i]
    indices[depth] = i
    if (!last) at = collect(v, shape, indices, depth + 1, values, at, name)
    else values[at++] = Number.isFinite(v) ? (v as number) : finite(v, name + path(indices, depth + 1))
  }
  return at
}

const doubles = (length: number): Float64Array => new Float64Array(length)
const expected = (shape: number[]) => `shape (${shape.join(', ')})`
const path = (indices: number[], depth: number) =>
  indices
    .slice(0, depth)
    .map((i) => `[${i}]`)
    .join('')

/** k×d doubles as nested arrays. @internal */
export function toNested(values: ArrayLike<number>, k: number, d: number): number[][] {
  const rows: number[][] = []
  for (let from = 0; from < k * d; from += d) {
    const row = new Array<number>(d)
    for (let i = 0; i < d; i++) row[i] = values[from + i]
    rows.push(row)
  }
  return rows
}

/** The inverse: what Array.prototype.flat does in a tenth of the time. @internal */
export function fromNested(rows: number[][]): number[] {
  const values: number[] = []
  for (const row of rows) for (const v of row) values.push(v)
  return values
}

/** Doubles as nested arrays of the given shape. @internal */
export function reshape(values: ArrayLike<number>, shape: number[]): unknown {
  const last = shape.length - 1
  let lists: unknown[] = toNested(values, values.length / shape[last], shape[last])
  for (let depth = last - 1; depth >= 0; depth--) {
    const flat = lists
    lists = []
    for (let from = 0; from < flat.length; from += shape[depth]) lists.push(flat.slice(from, from + shape[depth]))
  }
  return lists[0]
}
