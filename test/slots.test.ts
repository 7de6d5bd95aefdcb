// How a pass is cut and its sums are merged: in the same order whoever runs which slots. Kernels that write down what they add, in place of sums.
import { expect, it } from 'vitest'
import { SLOT_ROWS, type SharedPass, Sums, runAt, share, slots } from '../src/slots.ts'
import { uniforms } from './near.ts'

const memory = new Map<number, string>()
const read = (address: number) => memory.get(address) as string
const kernels = {
  clear: (address: number) => void memory.set(address, ''),
  merge: (into: number, from: number) => void memory.set(into, `(${read(into)}|${read(from)})`),
  mergePairs: () => {},
}
const kernel = (start: number, end: number, stats: number) => {
  memory.set(stats, `${read(stats)} ${start}-${end}`)
}

class Total extends Sums {
  constructor(leaf: number) {
    super(
      kernels,
      Array.from({ length: 12 }, (_, i) => i),
      1,
      0,
      leaf,
    )
  }

  adopt(address: number, slots: number): void {
    memory.set(this.open(), read(address))
    this.close(slots)
  }
}

it('sums are merged in the same order by one thread and in runs of any size, whatever is left at the end', () => {
  const random = uniforms(1)
  for (const leaf of [1, 2, 4])
    for (let count = 1; count <= 150; count++) {
      const rows = count * SLOT_ROWS - 7 * (count % 2)
      const work = { kernel, args: [], rows, callRows: 512 }
      const alone = new Total(leaf)
      for (const _ of slots(work, 0, count, alone, 0));
      const expected = read(alone.finish())
      expect(read(alone.finish())).toBe(expected)
      const cuts = (expected.match(/\d+/g) as string[]).map(Number)
      expect(cuts.filter((cut, i) => cut !== (i % 2 ? (cuts[i + 1] ?? rows) : (cuts[i - 1] ?? 0)))).toEqual([])
      for (let run = leaf; run <= 64; run *= 2) {
        const pass: SharedPass = { ...work, first: 0, end: count, run, partials: 1000, stride: 1, length: 1, paired: 0, leaf, scratch: 0 }
        const runs = Math.ceil(count / run)
        const order = Array.from({ length: runs }, (_, n) => [random(), n]).sort(([a], [b]) => a - b)
        for (const [, n] of order) for (const _ of share(pass, kernels, n, 5000));
        const together = new Total(leaf)
        for (let n = 0; n < runs; n++) together.adopt(1000 + n, runAt(pass, n)[1])
        expect(runAt(pass, runs)[1]).toBe(0)
        expect(read(together.finish())).toBe(expected)
      }
    }
})
