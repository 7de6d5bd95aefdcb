// Nested arrays of a known shape, to doubles and back.
import { finite, isList } from './check.ts'
import { wrongKind, wrongValue } from './errors.ts'

/** Nested arrays of the given shape as doubles, row-major. Throws, naming what does not fit. @internal */
export function flatten(value: unknown, shape: number[], name: string): Float64Array {
  const values: number[] = []
  const indices: number[] = [] // of the item that is looked at
  const path = () => indices.map((i) => `[${i}]`).join('')
  const visit = (item: unknown, depth: number) => {
    if (depth === shape.length) {
      values.push(Number.isFinite(item) ? (item as number) : finite(item, name + path()))
      return
    }
    const expected = () => `shape (${shape.join(', ')})`
    if (!isList(item)) throw wrongKind(name, expected() + (depth > 0 ? `, with a list at ${path()}` : ''), item)
    if (item.length !== shape[depth]) throw wrongValue(name, expected(), `length ${item.length}${depth > 0 ? ` at ${path()}` : ''}`)
    for (let i = 0; i < item.length; i++) {
      indices[depth] = i
      visit(item[i], depth + 1)
    }
    indices.length = depth
  }
  visit(value, 0)
  return new Float64Array(values)
}

/** k×d doubles as nested arrays. @internal */
export function toNested(values: ArrayLike<number>, k: number, d: number): number[][] {
  const rows: number[][] = []
  for (let from = 0; from < k * d; from += d) {
    const row: number[] = []
    for (let i = from; i < from + d; i++) row.push(values[i])
    rows.push(row)
  }
  return rows
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
