// The text that carries the kernels, and modules over one memory.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encode, frequentSymbols, letters } from '../scripts/encode.mjs'
import { core, decode, metrics, mixtures } from '../src/kernel-modules.ts'
import { Arena } from '../src/memory.ts'

it('every byte comes back from its text, alone and among others', () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i)
  for (const frequent of [[], [0x20, 511, 0, 300], frequentSymbols([all, all])]) {
    const there = (bytes: Uint8Array) => decode(encode(bytes, frequent), letters(frequent))
    expect(there(all)).toEqual(all)
    for (const byte of all) expect(there(Uint8Array.of(byte))).toEqual(Uint8Array.of(byte))
    const any = fc.uint8Array({ maxLength: 500 })
    const mostlyLocals = fc.uint8Array({ maxLength: 500, min: 30, max: 36 })
    const simd = fc.constantFrom(
      [0xfd],
      [0xfd, 1],
      [0xfd, 0x80],
      [0xfd, 0x80, 1],
      [0xfd, 0xff, 1],
      [0xfd, 0xfd, 1],
      [0xfd, 0x7f],
      [0x20],
      [0x20, 7],
      [0x41],
      [3],
      [4],
    )
    const mostlySimd = fc.array(simd).map((parts) => Uint8Array.from(parts.flat()))
    fc.assert(fc.property(fc.oneof(any, mostlyLocals, mostlySimd), (bytes) => void expect(there(bytes)).toEqual(bytes)))
  }
})

it('the text needs no escapes, in single or double quotes or in a template', () => {
  for (const { text } of [core, mixtures, metrics]) expect(text().join('')).toMatch(/^[ !#-&(-[\]-_a-~]+$/)
})

it('modules share the memory of an arena: what one writes another reads', () => {
  const arena = new Arena()
  const d = 2
  const [a, l] = [arena.takeF64(d * d), arena.takeF64(d * d)]
  arena.f64(a, d * d).set([4, 2, 2, 10])
  expect(arena.use(mixtures).cholesky(a, d, l)).toBe(-1)
  expect(Array.from(arena.f64(l, d * d))).toEqual([2, 0, 1, 3])
  arena.kernels.clear(l, d * d)
  expect(Array.from(arena.f64(l, d * d))).toEqual([0, 0, 0, 0])
  expect(arena.use(mixtures)).toBe(arena.use(mixtures))
  expect(arena.use(core)).toBe(arena.kernels)
})

it('a module that comes later writes its tables where nothing was handed out', () => {
  const arena = new Arena()
  const address = arena.take(65_536)
  const bytes = new Uint8Array(arena.memory.buffer, address, 65_536).fill(0xa5)
  const { exp } = arena.use(mixtures)
  arena.use(metrics)
  expect(exp(0)).toBe(1)
  expect(bytes.every((byte) => byte === 0xa5)).toBe(true)
})
