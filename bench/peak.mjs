// What this machine's WebAssembly can do, measured by peak.ts: multiply-adds a millisecond, and bytes read a millisecond.
import { readFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'
import { contender, digits } from './harness.mjs'

const BYTES = 2 ** 28 // beyond every cache
let measured

/** The faster of its two tiles and the reading speed, by their best calls: noise only slows. `contender` measures the tile again, in turn with others. */
export async function measuredPeak() {
  return (measured ??= await measure())
}

/** What was measured, in a sentence. */
export const peakLine = () =>
  measured
    ? `peak kernel: ${measured.shape} register tile, depth 256, f64 multiply and add, ${digits(measured.rate / 1e6)} GFLOP/s · reading memory in order: ${digits(measured.bandwidth / 1e6)} GB/s`
    : ''

async function measure() {
  const files = { 'peak.ts': readFileSync(new URL('peak.ts', import.meta.url), 'utf8') }
  const { error, stderr } = await asc.main(
    [
      'peak.ts',
      '--outFile',
      'peak.wasm',
      '--runtime',
      'stub',
      '--optimizeLevel',
      '3',
      '--noAssert',
      '--use',
      'abort=',
      '--enable',
      'simd',
      '--initialMemory',
      '1',
    ],
    {
      readFile: (name) => files[name] ?? null,
      writeFile: (name, bytes) => void (files[name] = bytes),
      listFiles: () => [],
    },
  )
  if (error) throw new Error(`peak.ts: ${error.message}\n${stderr}`)
  const { tile4, tile6, flops, read, heapBase, memory } = new WebAssembly.Instance(new WebAssembly.Module(files['peak.wasm'])).exports
  const DEPTH = 256
  const REPEAT = 2000 // about a millisecond a call
  const base = Math.ceil(heapBase() / 64) * 64
  const [a, b, c] = [base, base + DEPTH * 48, base + DEPTH * 80]
  new Float64Array(memory.buffer, base, DEPTH * 10).forEach((_, i, panel) => (panel[i] = i & 1 ? 1e-3 : -1e-3))
  const shapes = [
    ['4 × 4', tile4, 4],
    ['6 × 4', tile6, 6],
  ].map(([shape, tile, rows]) => {
    const call = () => tile(a, b, c, DEPTH, REPEAT)
    for (let i = 0; i < 100; i++) call()
    const times = Array.from({ length: 60 }, () => {
      const begin = performance.now()
      call()
      return performance.now() - begin
    })
    const work = flops(rows, DEPTH) * REPEAT
    return { shape, flops: work, rate: work / Math.min(...times), contender: { ...contender('peak', call), warm: true } }
  })
  memory.grow((BYTES >> 16) + 1)
  const far = base + DEPTH * 80 + 4096 // behind the panels, which the contender multiplies again
  new Uint8Array(memory.buffer, far, BYTES).fill(1) // pages that nobody wrote to are all the same one
  const reading = Array.from({ length: 8 }, () => {
    const begin = performance.now()
    read(far, BYTES)
    return performance.now() - begin
  })
  const best = shapes.reduce((one, other) => (other.rate > one.rate ? other : one))
  return { ...best, bandwidth: BYTES / Math.min(...reading) }
}
