// Bounds across passes: a row whose bound outlasts what the centers moved is not looked at, and still has the label of the naive rule. After every
// pass each bound is held against the distances themselves, in data made to break it.
import { describe, expect, it } from 'vitest'
import { boundsOf } from '../src/bounds.ts'
import { CenterPanels, integerTiles, type IntegerTiles } from '../src/tiles.ts'
import { KMeans } from '../src/index.ts'
import { drive, type Pass } from '../src/passes.ts'
import type { Resident } from '../src/resident.ts'
import { arena } from './fenced.ts'
import { blobs, expectBits, flat, rowsOf, uniforms } from './near.ts'
import { exactSum, naiveAssign, naiveMeans, naiveSquaredDistances } from './oracle.ts'

/** What is seen after a pass. `kept`: rows that a bound kept from being looked at. */
interface Seen {
  C: number[][]
  labels: Int32Array
  gaps: Uint8Array | undefined
  unit: number
  kept: number
}

/** Passes over one data set with one set of centers after the other, as a fit makes them; `visit` hears of each. */
function passes(X: number[][], course: number[][][], changed: number, visit: (pass: Seen) => void) {
  const mark = arena.mark()
  const [n, d, k] = [X.length, X[0].length, course[0].length]
  const x = arena.takeF64(n * d)
  arena.f64(x, n * d).set(flat(X))
  const data: Resident = { arena, x, w: 0, n, d, totalWeight: n, largest: new Float64Array(d) }
  const work = function* () {
    const tiles = integerTiles(data, false) as IntegerTiles
    const panels = new CenterPanels(arena, k, d, tiles, true)
    const bounds = boundsOf(arena, n, k, tiles)
    const labels = arena.take(n * 4)
    arena.i32(labels, n).fill(-1)
    const sums = panels.changes(n)
    for (const C of course) {
      const centers = Float64Array.from(flat(C))
      panels.load(centers)
      const [gaps, drift, doublings, unit] = bounds(centers, changed)
      yield panels.assignment(data, labels, sums.reset(), [gaps, drift, doublings, unit]) as Pass
      visit(seen(C, labels, gaps, unit, sums.total()[2]))
    }
  }
  const seen = (C: number[][], labels: number, gaps: number, unit: number, kept: number): Seen => ({
    C,
    labels: arena.i32(labels, n).slice(),
    gaps: gaps ? new Uint8Array(arena.memory.buffer, gaps, n).slice() : undefined,
    unit,
    kept,
  })
  drive(work(), arena)
  arena.release(mark)
}

/** Naive labels, and every bound at most the gap it stands for, up to the rounding of the gap itself. */
function expectSound(X: number[][], { C, labels, gaps, unit }: Seen) {
  expectBits(labels, naiveAssign(X, C).labels)
  if (!gaps || C.length === 1) return
  const broken = naiveSquaredDistances(X, C).flatMap((row, i) => {
    const own = Math.sqrt(row[labels[i]])
    let others = Number.POSITIVE_INFINITY
    for (let c = 0; c < row.length; c++) if (c !== labels[i] && row[c] < others) others = row[c]
    others = Math.sqrt(others)
    return gaps[i] * unit <= (others - own) * (1 + 1e-12) + 1e-13 * others ? [] : [{ row: i, gap: others - own, bound: gaps[i] * unit }]
  })
  expect(broken).toEqual([])
}

/** Centers that wander from rows of X, in steps of the given lengths. */
function wander(seed: number, X: number[][], k: number, steps: number[]): number[][][] {
  const u = uniforms(seed)
  let C = Array.from({ length: k }, (_, c) => X[(7 * c) % X.length].slice())
  return steps.map((step) => {
    C = C.map((row) => row.map((v) => v + step * (u() - 0.5)))
    return C
  })
}

const falling = Array.from({ length: 14 }, (_, t) => 2 ** -t)
const restless = [1, 0.1, 0.01, 0.3, 0.001, 0, 0, 2, 0.02, 0.02, 30, 0.001, 0.001]

describe('bounds', () => {
  it.each([1, 2, 3, 4, 8, 9, 16, 33])('keep most rows of clustered data, and every label: d = %i', (d) => {
    for (const [n, k] of [
      [257, 3],
      [1500, 7],
      [600, 20],
    ]) {
      const X = blobs(d, n, d, k, 6)
      for (const steps of [falling, restless]) {
        let kept = 0
        passes(X, wander(d, X, k, steps), 0, (pass) => {
          expectSound(X, pass)
          kept += pass.kept
        })
        expect(kept).toBeGreaterThan(0.25 * n * steps.length)
      }
    }
  })

  const shapes: [string, (X: number[][]) => number[][], number][] = [
    ['an outlier a million times farther than the rest', (X) => X.map((row, i) => (i === 7 ? row.map((v) => 1e6 * v + 1e6) : row)), 1],
    ['a far offset', (X) => X.map((row) => row.map((v) => v + 1e9)), 1],
    ['features of very different scale', (X) => X.map((row) => row.map((v, j) => v * 10 ** (3 * (j - 1)))), 1e-3],
    ['duplicates', (X) => X.map((_, i) => X[i % 5]), 1],
    ['one point', (X) => X.map(() => X[0]), 1],
    ['a lattice', (X) => X.map((row) => row.map((v) => Math.round(v / 4))), 1],
    ['rows on a line', (X) => X.map((row) => row.map((_, j) => row[0] * (j + 1))), 1],
    ['squares near the smallest doubles', (X) => X.map((row) => row.map((v) => v * 1e-150)), 1e-150],
    ['squares that are subnormal', (X) => X.map((row) => row.map((v) => v * 1e-160)), 1e-160],
    ['squares near the largest doubles', (X) => X.map((row) => row.map((v) => v * 1e150)), 1e150],
    ['a scale of 1e30', (X) => X.map((row) => row.map((v) => v * 1e30)), 1e30],
    ['zeros', (X) => X.map((row) => row.map(() => 0)), 1],
  ]
  it.each(shapes)('are sound on %s', (_, change, scale) => {
    for (const d of [1, 3, 8])
      for (const steps of [falling, restless]) {
        const X = change(blobs(d, 600, d, 5, 8))
        for (const size of [scale, 1e-6 * scale])
          passes(
            X,
            wander(
              d,
              X,
              5,
              steps.map((step) => step * size),
            ),
            0,
            (pass) => expectSound(X, pass),
          )
      }
  })

  it('are sound for rows on the bisector of two centers, moved off it by less and less, when the bisector moves over them', () => {
    for (const d of [1, 2, 5, 17]) {
      const u = uniforms(d)
      const [a, b] = rowsOf(2, d, () => 10 * (u() - 0.5))
      const X: number[][] = []
      for (let e = 0; e <= 52; e++) for (const sign of [-1, 0, 1]) X.push(a.map((v, j) => (v + b[j]) / 2 + sign * 2 ** -e * (b[j] - v)))
      // steps that reach exactly as far as the rows stand off, and half and twice that
      for (const way of [1, 0.5, 2]) {
        const course = Array.from({ length: 40 }, (_, t) => {
          const step = (t % 2 ? 1 : -1) * way * 2 ** -t
          return [a, b].map((row) => row.map((v, j) => v + step * (b[j] - a[j])))
        })
        passes(X, course, 0, (pass) => expectSound(X, pass))
      }
    }
  })

  it('keep every row when no center moves, and are not kept while many rows change', () => {
    const X = blobs(3, 1000, 4, 4, 20)
    const C = [X[0], X[1], X[2], X[3]].map((row) => row.map((v) => v + 0.5))
    const kept: number[] = []
    const later = C.map((row) => row.map((v) => v + 0.01))
    passes(X, [C, later, later, later], 0, (pass) => kept.push(pass.kept))
    expect(kept.slice(0, 2)).toEqual([0, 0]) // no bounds, then bounds made
    expect(kept[2]).toBeGreaterThan(900)
    expect(kept[3]).toBe(kept[2])
    passes(X, [C, later, later, later], 21, (pass) => expect(pass).toMatchObject({ kept: 0, gaps: undefined }))
  })
})

describe('a fit of hundreds of iterations', () => {
  it.each([
    [1, 12, 4000, 1],
    [2, 30, 3000, 1e6],
  ])('ends on the exact means of its labels: d = %i, k = %i', (d, k, n, offset) => {
    const u = uniforms(d)
    // values over nine orders of magnitude, so that sums that drift would show
    const X = rowsOf(n, d, () => offset + 10 ** (9 * u() - 6))
    const model = new KMeans({ nClusters: k, init: X.slice(0, k), tol: 0, maxIter: 1000 }).fit(X)
    expect(model.nIter).toBeGreaterThan(100)
    expectBits(model.labels, naiveAssign(X, model.clusterCenters).labels)
    expectBits(flat(model.clusterCenters), flat(naiveMeans(X, k, model.labels).means))
    const squares = naiveSquaredDistances(X, model.clusterCenters).map((row, i) => row[model.labels[i]])
    expect(Math.abs(model.inertia / exactSum(squares) - 1)).toBeLessThan(1e-12)
  })
})
