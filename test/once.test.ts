// Nearest centers of rows that are looked at once. Whatever the data, the labels are those of the naive rule; that a value is not finite is
// noticed.
import { describe, expect, it } from 'vitest'
import { KMeans } from '../src/index.ts'
import { DS, alongCuts, arena, cuttings, draw, fenced, kernels, sizes } from './fenced.ts'
import { SLOT_ROWS } from '../src/passes.ts'
import { EPS, expectBits, flat, relativeError, rowsOf, uniforms } from './near.ts'
import { exactSum, naiveAssign, naiveMeans } from './oracle.ts'

/** One pass: labels, and what it counts or sums. */
function once(
  X: number[][],
  C: number[][],
  { cuts = [0, X.length], shift = C[0], changes = false, weights = undefined as number[] | undefined } = {},
) {
  const [n, d, k] = [X.length, X[0].length, C.length]
  return fenced((memory) => {
    const [x, centers, m] = [memory.f64(flat(X)), memory.f64(flat(C)), memory.f64(shift)]
    const w = weights ? memory.f64(weights) : 0
    const panels = memory.bytes(Math.ceil(k / 4) * 4 * d * 8)
    kernels.packPanels(centers, k, d, panels)
    const labels = memory.i32(new Array(n).fill(-1))
    const length = 3 + k + 2 * (k + k * d)
    const stats = changes ? memory.zeros(length) : 0
    const flag = changes ? 0 : memory.i32([0])
    const slots = Math.ceil(n / SLOT_ROWS)
    const inertias = changes ? 0 : memory.bytes(16 * slots)
    const scratch = memory.bytes(kernels.onceScratch(d, k))
    alongCuts(cuts, (start, end) =>
      kernels.assignOnce(x, w, d, k, m, centers, panels, labels, flag, inertias, SLOT_ROWS, start, end, stats, scratch),
    )
    return {
      labels: Array.from(arena.i32(labels, n)),
      stats: changes ? Array.from(arena.f64(stats, length)) : [],
      broken: flag && arena.i32(flag, 1)[0],
      inertia: changes ? [] : Array.from({ length: slots }, (_, s) => arena.f64(inertias + 16 * s, 1)[0]),
    }
  })
}

/** A model with these centers. */
const withCenters = (centers: number[][]) =>
  KMeans.fromJSON({
    ...new KMeans({ nClusters: centers.length }).toJSON(),
    fitted: { ...new KMeans({ nClusters: 1 }).fit([[0]]).toJSON().fitted, clusterCenters: centers, nFeaturesIn: centers[0].length },
  })

describe('assignOnce', () => {
  it.each(DS)('gives the naive labels, and the inertia of each slot, wherever it is cut: d = %i', (d) => {
    for (const { n, k, seed } of sizes(d)) {
      const { X, C } = draw(seed, n, d, k)
      const { labels, best } = naiveAssign(X, C)
      const inertias = Array.from({ length: Math.ceil(n / SLOT_ROWS) }, (_, s) => exactSum(best.slice(s * SLOT_ROWS, (s + 1) * SLOT_ROWS)))
      for (const cuts of cuttings(n)) {
        const got = once(X, C, { cuts })
        expectBits(got.labels, labels, `n ${n}, k ${k}, cuts ${cuts}`)
        expect(relativeError(got.inertia, inertias)).toBeLessThanOrEqual((SLOT_ROWS + d + 2) * EPS)
      }
    }
  })

  it.each([22, 23, 24, 25, 36, 37, 38, 39, 40, 130])(
    'gives the naive labels around the number of features from which rows are read one by one: d = %i',
    (d) => {
      for (const [n, k] of [
        [1, 3],
        [7, 2],
        [300, 11],
        [1030, 33],
      ]) {
        const { X, C } = draw(2 * d, n, d, k)
        expectBits(once(X, C).labels, naiveAssign(X, C).labels)
      }
    },
  )

  it.each([1, 2, 3, 8, 17, 40])('is exact for near-ties of every size: d = %i', (d) => {
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
      for (const far of [1, 1e3, 1e9]) {
        // rows far out along the bisectors, where the centers look like one
        const away = rowsOf(1, d, () => far * (u() - 0.5))[0]
        const all = far === 1 ? X : [...X, ...X.map((row) => row.map((v, j) => v + away[j]))]
        expectBits(once(all, C, { shift }).labels, naiveAssign(all, C).labels, `far ${far}`)
      }
  })

  it('is exact where canonical distances round by more than the centers differ', () => {
    for (const d of [2, 16])
      for (let e = 0; e <= 16; e++) {
        const u = uniforms(7 * d + e)
        const C = rowsOf(5, d, () => u() - 0.5)
        const X = rowsOf(400, d, () => 10 ** e * (u() - 0.5))
        expectBits(once(X, C).labels, naiveAssign(X, C).labels, `d ${d}, rows 1e${e} times as far`)
      }
  })

  // Lattices, duplicates, collinear rows, scales over twelve orders, offsets, clusters of outliers, centers that nearly coincide
  it('labels 10 000 random small problems as the naive rule does', () => {
    const u = uniforms(4)
    const normal = () => Math.sqrt(-2 * Math.log(1 - u())) * Math.cos(2 * Math.PI * u())
    for (let t = 0; t < 10_000; t++) {
      const [n, d, k] = [1 + Math.floor(60 * u()), 1 + Math.floor(30 * u() * u()), 1 + Math.floor(30 * u() * u())]
      const scale = 10 ** Math.round(300 * (u() - 0.5))
      const offset = 10 ** (14 * u())
      const kinds: (() => number)[] = [
        () => Math.floor(3 * u()),
        normal,
        () => 0.1 * Math.floor(2 * u()),
        () => normal() * 10 ** (12 * u() - 6),
        () => normal() * scale,
        () => offset + normal(),
        () => (u() < 0.02 ? 1e6 * normal() : normal()),
      ]
      let X = rowsOf(n, d, kinds[t % kinds.length])
      let C = rowsOf(k, d, kinds[t % kinds.length])
      if (t % 11 === 0) [X, C] = [X, C].map((rows) => rows.map((row) => row.map((_, j) => Math.floor(row[0]) * (j + 1)))) // collinear
      if (t % 13 === 0) C = C.map((row) => row.map((v, j) => C[0][j] + 1e-9 * v)) // nearly one
      if (t % 17 === 0) X = X.map((_, i) => [...C[i % k]]) // on the centers, which may be duplicates
      expectBits(withCenters(C).predict(X), naiveAssign(X, C).labels, `problem ${t}: ${n}×${d}, k = ${k}`)
    }
  })

  it.each([3, 30])('notices a value that is not finite, wherever it stands: d = %i', (d) => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      for (const C of [draw(2, 1, d, 9).C, rowsOf(9, d, () => 1e200)]) {
        const { X } = draw(4, 300, d, 1)
        const { labels } = once(X, C)
        expect(once(X, C).broken).toBe(0)
        for (const [i, j] of [
          [0, 0],
          [255, d - 1],
          [256, 1],
          [299, d - 1],
        ]) {
          const broken = X.map((row, r) => (r === i ? row.map((v, c) => (c === j ? bad : v)) : row))
          const got = once(broken, C)
          expect(got.broken).toBe(1)
          expectBits(
            got.labels.filter((_, r) => r !== i),
            labels.filter((_, r) => r !== i),
          )
        }
      }
  })

  it('predict and score refuse values that are not finite, naming the first', () => {
    const { X, C } = draw(6, 3000, 2, 4)
    const model = withCenters(C)
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const broken = X.map((row, i) => (i === 2100 ? [row[0], bad] : i > 2500 ? [bad, bad] : row))
      for (const call of [() => model.predict(broken), () => model.score(broken)])
        expect(call).toThrow(`X: expected finite numbers, got ${bad} at row 2100, column 1.`)
    }
    expect(model.predict([[1e308, -1e308]]).length).toBe(1) // finite, though its square is not
  })

  it.each([2, 33])('sums what changes with the labels: d = %i', (d) => {
    const [n, k] = [900, 5]
    const { X, C, weights } = draw(2 * d, n, d, k)
    for (const own of [undefined, weights])
      for (const cuts of cuttings(n)) {
        const { stats } = once(X, C, { cuts, changes: true, weights: own })
        const { labels } = naiveAssign(X, C)
        const { weight } = naiveMeans(X, k, labels, own)
        expect(stats[0]).toBe(labels.filter((_, i) => (own?.[i] ?? 1) > 0).length)
        expect(stats.slice(3, 3 + k)).toEqual(weight.map((_, c) => labels.filter((l, i) => l === c && (own?.[i] ?? 1) > 0).length))
        const low = 3 + k + k + k * d
        expectBits(
          weight.map((_, c) => exactSum([stats[3 + k + c], stats[low + c]])),
          weight,
        )
      }
  })

  it('touches no row but its own', () => {
    const { X, C } = draw(6, 700, 3, 5)
    const { labels } = naiveAssign(X, C)
    expect(once(X, C, { cuts: [256, 512] }).labels).toEqual(labels.map((label, i) => (i >= 256 && i < 512 ? label : -1)))
  })
})
