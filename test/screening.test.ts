// The assignment of k-means: screened in integers, decided exactly. Whatever the data, the labels are those of the naive rule, and adding up
// the changes of the sums over passes gives the exact sums.
import { describe, expect, it } from 'vitest'
import { DS, type Fenced, alongCuts, arena, cuttings, draw, fenced, kernels, sizes } from './fenced.ts'
import { expectBits, flat, rowsOf, uniforms } from './near.ts'
import { exactProduct, exactSum, naiveAssign, naiveMeans, naiveSquaredDistances } from './oracle.ts'

interface Setup {
  X: number[][]
  weights?: number[]
  shift?: number[]
  pairwise?: boolean
}

/** A data set in memory; each call of the result is one pass with other centers. */
function assigner(memory: Fenced, { X, weights, shift = X[0], pairwise = true }: Setup) {
  const [n, d] = [X.length, X[0].length]
  const x = memory.f64(flat(X))
  const w = weights ? memory.f64(weights) : 0
  const m = memory.f64(shift)
  const labels = memory.i32(new Array(n).fill(-1))
  const tiles = memory.bytes(kernels.tileBytes(n, d))
  const blocks = memory.zeros(kernels.blockRecords(n))
  return (C: number[][], cuts = [0, n]) => {
    const k = C.length
    const centers = memory.f64(flat(C))
    const panels = memory.bytes(Math.ceil(k / 4) * 4 * d * 8)
    const info = memory.bytes(kernels.centerDoubles(k, d) * 8)
    kernels.packPanels(centers, k, d, panels)
    kernels.quantizeCenters(centers, k, d, m, 0, Number(pairwise), info)
    const pairs = k + k * d
    const stats = memory.zeros(3 + k + 2 * pairs)
    const scratch = memory.bytes(kernels.screeningScratch(d, k))
    alongCuts(cuts, (start, end) =>
      kernels.assignScreened(x, w, d, k, m, panels, info, tiles, blocks, labels, 0, 0, 0, 1, start, end, stats, scratch),
    )
    const [changed, decided, , ...rest] = arena.f64(stats, 3 + k + 2 * pairs)
    const sums = Array.from({ length: pairs }, (_, i): [number, number] => [rest[k + i], rest[k + pairs + i]])
    return {
      labels: Array.from(arena.i32(labels, n)),
      changed,
      decided,
      counts: rest.slice(0, k),
      weights: sums.slice(0, k),
      sums: sums.slice(k),
    }
  }
}

/** One pass over fresh labels. */
const once = (setup: Setup, C: number[][], cuts?: number[]) => fenced((memory) => assigner(memory, setup)(C, cuts))

describe('assignScreened', () => {
  it.each(DS)('gives the naive labels, wherever it is cut: d = %i', (d) => {
    for (const { n, k, seed } of sizes(d)) {
      const { X, C } = draw(seed, n, d, k)
      const { labels } = naiveAssign(X, C)
      for (const cuts of cuttings(n))
        for (const pairwise of [true, false]) expectBits(once({ X, pairwise }, C, cuts).labels, labels, `n ${n}, k ${k}, cuts ${cuts}`)
    }
  })

  it.each(DS)('adds up to the sums over passes with other centers, the same bits wherever it is cut: d = %i', (d) => {
    const [n, k] = [1300, 7]
    const { X, weights } = draw(2 * d, n, d, k)
    for (const own of [undefined, weights]) {
      const u = uniforms(d)
      const passes = Array.from({ length: 4 }, () => rowsOf(k, d, () => 10 * (u() - 0.5)))
      const runs = cuttings(n).map((cuts) =>
        fenced((memory) => {
          const assign = assigner(memory, { X, weights: own })
          return passes.map((C) => assign(C, cuts))
        }),
      )
      for (const other of runs) expect(other).toEqual(runs[0])
      const parts = { weights: Array.from({ length: k }, (): number[] => []), sums: Array.from({ length: k * d }, (): number[] => []) }
      const counts = new Array(k).fill(0)
      let before = new Array(n).fill(-1)
      runs[0].forEach((got, t) => {
        const { labels } = naiveAssign(X, passes[t])
        expectBits(got.labels, labels)
        expect(got.changed).toBe(labels.filter((c, i) => c !== before[i] && (own?.[i] ?? 1) > 0).length)
        before = labels
        got.counts.forEach((v, c) => (counts[c] += v))
        got.weights.forEach((pair, c) => parts.weights[c].push(...pair))
        got.sums.forEach((pair, i) => parts.sums[i].push(...pair))
        const { weight } = naiveMeans(X, k, labels, own)
        expect(counts).toEqual(weight.map((_, c) => labels.filter((label, i) => label === c && (own?.[i] ?? 1) > 0).length))
        // exact sums, rounded once: the very bits
        expectBits(parts.weights.map(exactSum), weight)
        for (let c = 0; c < k; c++) {
          const members = X.flatMap((row, i) => (labels[i] === c && (own?.[i] ?? 1) > 0 ? [{ row, weight: own?.[i] ?? 1 }] : []))
          for (let j = 0; j < d; j++)
            expect(exactSum(parts.sums[c * d + j])).toBe(exactSum(members.flatMap((m) => exactProduct(m.weight, m.row[j]))))
        }
      })
    }
  })

  it('decides few rows of ordinary data by canonical distances, all of them where centers tie', () => {
    const { X, C } = draw(10, 2000, 16, 8)
    expect(once({ X }, C).decided).toBeLessThan(200)
    const tie = once({ X }, [...C, C[0]])
    expectBits(tie.labels, naiveAssign(X, C).labels) // the copy never wins
    expect(tie.decided).toBeGreaterThan(0)
  })

  it('gives ties to the lowest index, in every place of a panel', () => {
    for (let k = 1; k <= 9; k++)
      for (let low = 0; low < k; low++) {
        const C = Array.from({ length: k }, (_, c) => [c < low ? 100 + c : c % 2 === 0 ? 1 : -1])
        expect(once({ X: [[0], [0], [0], [0], [0]] }, C).labels).toEqual(new Array(5).fill(low))
      }
  })

  // Adversaries of the bound: rows whose two nearest centers differ by less and less, down to the last bit
  it.each([1, 2, 3, 8, 17])('is exact for near-ties of every size: d = %i', (d) => {
    const u = uniforms(100 + d)
    const C = rowsOf(6, d, () => 20 * (u() - 0.5))
    const X: number[][] = []
    for (let e = 0; e <= 52; e++)
      for (const sign of [-1, 0, 1]) {
        // on the bisector of two centers, moved towards one of them by a fraction of 2^-e
        const [a, b] = [C[e % 6], C[(e + 1 + (e % 4)) % 6]]
        X.push(a.map((v, j) => (v + b[j]) / 2 + sign * 2 ** -e * (b[j] - v)))
      }
    for (const shift of [X[0], new Array(d).fill(0), new Array(d).fill(1e3)])
      expectBits(once({ X, shift }, C).labels, naiveAssign(X, C).labels)
  })

  it.each([
    [
      'an outlier a million times farther than the rest',
      (X: number[][]) => X.map((row, i) => (i === 7 ? row.map((v) => 1e6 * v + 1e6) : row)),
    ],
    ['a far offset', (X: number[][]) => X.map((row) => row.map((v) => v + 1e9))],
    ['a far offset in one feature', (X: number[][]) => X.map((row) => row.map((v, j) => (j === 0 ? v + 1e12 : v)))],
    ['features of very different scale', (X: number[][]) => X.map((row) => row.map((v, j) => v * 10 ** (3 * (j - 1))))],
    ['duplicates', (X: number[][]) => X.map((_, i) => X[i % 5])],
    ['one point', (X: number[][]) => X.map(() => X[0])],
    ['squares near the smallest doubles', (X: number[][]) => X.map((row) => row.map((v) => v * 1e-150))],
    ['squares that are subnormal', (X: number[][]) => X.map((row) => row.map((v) => v * 1e-160))],
    ['squares near the largest doubles', (X: number[][]) => X.map((row) => row.map((v) => v * 1e150))],
    ['zeros', (X: number[][]) => X.map((row) => row.map(() => 0))],
  ])('is exact on %s', (_, change) => {
    for (const d of [1, 3, 8]) {
      const { X: plain } = draw(d, 600, d, 5)
      const X = change(plain)
      const near = [X[0], X[3], X[7], X[20], X[21]]
      const far = near.map((row) => row.map((v) => 3 * v + 1))
      for (const C of [near, far, [...near, ...far]])
        for (const shift of [X[0], new Array(d).fill(0)]) expectBits(once({ X, shift }, C).labels, naiveAssign(X, C).labels)
    }
  })

  it.each([1, 2, 5])('gives rows so far away that their distances round to ties to the lowest index: d = %i', (d) => {
    const u = uniforms(d)
    const C = [3, 1, 2, 0].map((v) => new Array(d).fill(v))
    for (let e = 8; e <= 20; e++) {
      const X = rowsOf(300, d, () => (u() - 0.5) * 10 ** e)
      expectBits(once({ X, shift: new Array(d).fill(0) }, C).labels, naiveAssign(X, C).labels, `1e${e}`)
    }
  })

  it('quantises a block again when the centers have moved beyond its scale', () => {
    const { X } = draw(8, 700, 4, 3)
    fenced((memory) => {
      const assign = assigner(memory, { X })
      for (const reach of [1, 1e-3, 1e3, 1e6, 1]) {
        const C = [X[0], X[1].map((v) => v * reach), X[2].map((v) => -v * reach)]
        expectBits(assign(C).labels, naiveAssign(X, C).labels)
      }
    })
  })

  it('touches no row but its own', () => {
    const { X, C } = draw(6, 700, 3, 5)
    const { labels } = naiveAssign(X, C)
    expect(once({ X }, C, [256, 512]).labels).toEqual(labels.map((label, i) => (i >= 256 && i < 512 ? label : -1)))
  })

  it('has as many places for the number of a center as it needs', () => {
    const u = uniforms(5)
    const X = rowsOf(500, 2, () => 100 * u())
    for (const k of [3, 4, 5, 63, 64, 65, 400]) {
      const C = X.slice(0, k)
      expectBits(once({ X }, C).labels, naiveAssign(X, C).labels)
    }
  })
})

describe('inertia', () => {
  it.each(DS)('sums the naive squares bit for bit, wherever it is cut: d = %i', (d) => {
    for (const { n, k, seed } of sizes(d)) {
      const { X, x: data, C, weights } = draw(seed, n, d, k)
      const own = seed % 3 === 0 ? undefined : weights
      const labels = X.map((_, i) => (7 * i) % k)
      const squares = naiveSquaredDistances(X, C).map((row, i) => row[labels[i]])
      const expected = [0, 0]
      squares.forEach((square, i) => {
        expected[0] += (own?.[i] ?? 1) * square
        expected[1] += (own?.[i] ?? 1) * Math.sqrt(square)
      })
      for (const cuts of cuttings(n))
        fenced((memory) => {
          const [x, w, centers] = [memory.f64(data), own ? memory.f64(own) : 0, memory.f64(flat(C))]
          const [named, out, stats] = [memory.i32(labels), memory.bytes(n * 8), memory.zeros(2)]
          alongCuts(cuts, (start, end) => kernels.inertia(x, w, d, centers, named, out, 1, start, end, stats, 0))
          expectBits(arena.f64(out, n), squares)
          expectBits(arena.f64(stats, 2), expected)
        })
    }
  })
})
