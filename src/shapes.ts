// Nested arrays of a known shape, to doubles and back.
import { finite, isList } from './check.ts'
import { wrongKind, wrongValue } from './errors.ts'

/** Nested arrays of the given shape as doubles, row-major. Throws, naming what does not fit. @internal */
export function flatten(value: unknown, shape: number[], name: string): Float64Array {
  const expected = `shape (${shape.join(', ')})`
  const values: number[] = []
  const visit = (item: unknown, depth: number, path: string) => {
    if (depth === shape.length) {
      values.push(finite(item, name + path))
      return
    }
    if (!isList(item)) throw wrongKind(name, expected + (path && `, with a list at ${path}`), item)
    if (item.length !== shape[depth]) throw wrongValue(name, expected, `length ${item.length}${path && ` at ${path}`}`)
    for (let i = 0; i < item.length; i++) visit(item[i], depth + 1, `${path}[${i}]`)
  }
  visit(value, 0, '')
  return Float64Array.from(values)
}

/** Doubles as nested arrays of the given shape. @internal */
export function reshape(values: Float64Array, shape: number[]): unknown {
  if (shape.length === 1) return Array.from(values)
  const size = values.length / shape[0]
  return Array.from({ length: shape[0] }, (_, i) => reshape(values.subarray(i * size, (i + 1) * size), shape.slice(1)))
}
