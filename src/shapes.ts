// Nested arrays of a known shape, to doubles and back.
import { describe, wrongKind, wrongValue } from './errors.ts'

/** Nested arrays of the given shape as doubles, row-major. Throws, naming what does not fit. @internal */
export function flatten(value: unknown, shape: number[], name: string): Float64Array {
  const expected = `expected shape (${shape.join(', ')})`
  const visit = (item: unknown, depth: number, path: string) => {
    if (depth === shape.length) {
      if (typeof item !== 'number') throw wrongKind(name, `a number${path && ` at ${path}`}`, item)
      if (!Number.isFinite(item)) throw wrongValue(name, 'finite numbers', `${item}${path && ` at ${path}`}`)
      return
    }
    const list = item as ArrayLike<unknown> | null
    if (typeof item !== 'object' || list === null || typeof list.length !== 'number')
      throw new TypeError(`${name}: ${expected}, got ${describe(item)}${path && ` at ${path}`}.`)
    if (list.length !== shape[depth]) throw new RangeError(`${name}: ${expected}, got length ${list.length} in dimension ${depth}.`)
    for (let i = 0; i < list.length; i++) visit(list[i], depth + 1, `${path}[${i}]`)
  }
  visit(value, 0, '')
  // every number was seen, so they are as many as the shape says: a stored model cannot ask for more memory than it fills
  const result = new Float64Array(shape.reduce((a, b) => a * b, 1))
  let at = 0
  const fill = (list: ArrayLike<unknown>, depth: number) => {
    for (let i = 0; i < list.length; i++)
      if (depth === 1) result[at++] = list[i] as number
      else fill(list[i] as ArrayLike<unknown>, depth - 1)
  }
  fill(value as ArrayLike<unknown>, shape.length)
  return result
}

/** Doubles as nested arrays of the given shape. @internal */
export function reshape(values: Float64Array, shape: number[]): unknown {
  if (shape.length === 1) return Array.from(values)
  const size = values.length / shape[0]
  return Array.from({ length: shape[0] }, (_, i) => reshape(values.subarray(i * size, (i + 1) * size), shape.slice(1)))
}
