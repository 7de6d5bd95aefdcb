// The passes of k-means++ over integer tiles: whatever the screening skips, distances, sums and choices are those of the exact rule.
import { describe, expect, it } from 'vitest'
import { KMeans, Matrix, kmeansPlusPlus } from '../src/index.ts'
import { withRows } from '../src/resident.ts'
import { sourceOf } from '../src/matrix.ts'
import { SLOT_ROWS } from '../src/passes.ts'
import { run } from '../src/task.ts'
import { Random } from '../src/random.ts'
import { plusPlus, randomRows } from '../src/seeding.ts'
import { integerTiles } from '../src/tiles.ts'
import { DS, type Fenced, alongCuts, arena, cuttings, draw, fenced, kernels, sizes } from './fenced.ts'
import { EPS, expectBits, flat, relativeError, rowsOf, uniforms } from './near.ts'

/** ‖x − z‖² as seeding sums it: even features, odd features, then the last of an odd number. */
function pairedSquare(x: ArrayLike<number>, z: ArrayLike<number>): number {
  const sum = [0, 0]
  const even = x.length & ~1
  for (let j = 0; j < even; j++) sum[j % 2] += (x[j] - z[j]) ** 2
  const both = sum[0] + sum[1]
  return even < x.length ? both + (x[even] - z[even]) ** 2 : both
}

/** Rows in memory, quantised, with the passes as functions. */
function seeder(memory: Fenced, X: number[][], weights?: number[]) {
  const [n, d] = [X.length, X[0].length]
  const slots = Math.ceil(n / SLOT_ROWS)
  const x = memory.f64(flat(X))
  const w = weights ? memory.f64(weights) : 0
  const shift = memory.f64(X[0])
  const tiles = memory.bytes(kernels.tileBytes(n, d))
  const blocks = memory.zeros(kernels.blockRecords(n))
  const radius = Math.max(...X.map((row) => Math.sqrt(pairedSquare(row, X[0]))))
  const closest = memory.bytes(n * 8)
  const thresholds = memory.bytes(n * 4)
  const quantized = (rows: number[][]) => {
    const info = memory.bytes(kernels.centerDoubles(rows.length, d) * 8)
    const candidates = memory.f64(flat(rows))
    kernels.quantizeCenters(candidates, rows.length, d, shift, radius, 0, info)
    return { info, candidates }
  }
  return {
    /** Takes a row in, the rows it may bring nearer being those that a trial finds, or any; returns the distances and the potentials by slot. */
    update(row: number[], first: boolean, tried = true, rowsPerCall = 1024) {
      const trials = [X[0], row, X[n - 1]]
      const { info, candidates } = quantized(trials)
      const stride = Math.ceil(n / 8)
      const near = !first && tried ? memory.bytes(3 * stride) : 0
      if (near) kernels.seedTrials(d, 3, info, tiles, blocks, thresholds, near, stride, memory.zeros(6 * slots), SLOT_ROWS, 0, n, 0, 0)
      const potentials = memory.bytes(Math.ceil(n / SLOT_ROWS) * 8)
      const scratch = memory.bytes(kernels.seedScratch())
      const args = [
        x,
        w,
        d,
        shift,
        candidates + d * 8,
        info,
        tiles,
        blocks,
        radius,
        near && near + stride,
        Number(first),
        closest,
        thresholds,
        potentials,
        SLOT_ROWS,
      ] as const
      for (let slot = 0; slot < n; slot += SLOT_ROWS) {
        const slotEnd = Math.min(slot + SLOT_ROWS, n)
        for (let start = slot; start < slotEnd; start += rowsPerCall)
          kernels.seedUpdate(...args, start, Math.min(start + rowsPerCall, slotEnd), 0, scratch)
      }
      return { closest: arena.f64(closest, n).slice(), potentials: arena.f64(potentials, Math.ceil(n / SLOT_ROWS)).slice() }
    },
    /** Brackets of gains, then the exact ones: of the rows that the former name, and of all. */
    trials(rows: number[][], cuts = [0, n]) {
      const m = rows.length
      const { info, candidates } = quantized(rows)
      const stride = Math.ceil(n / 8)
      const near = memory.bytes(m * stride)
      const brackets = memory.bytes(2 * m * slots * 8)
      const gains = [near, 0].map((named) => [named, memory.zeros(m)])
      alongCuts(cuts, (start, end) =>
        kernels.seedTrials(d, m, info, tiles, blocks, thresholds, near, stride, brackets, SLOT_ROWS, start, end, 0, 0),
      )
      for (const [named, stats] of gains)
        alongCuts(cuts, (start, end) => kernels.seedGains(x, w, d, m, candidates, closest, named, stride, start, end, stats, 0))
      const bySlot = arena.f64(brackets, 2 * m * slots)
      const sums = Array.from({ length: 2 * m }, (_, l) => bySlot.reduce((sum, v, i) => (i % (2 * m) === l ? sum + v : sum), 0))
      return [sums, ...gains.map(([, stats]) => [...arena.f64(stats, m)])]
    },
  }
}

const adversaries: [string, (X: number[][]) => number[][]][] = [
  ['ordinary data', (X) => X],
  ['duplicates', (X) => X.map((_, i) => X[i % 5])],
  ['one point', (X) => X.map(() => X[0])],
  ['an outlier a million times farther', (X) => X.map((row, i) => (i === 7 ? row.map((v) => 1e6 * v + 1e6) : row))],
  ['a far offset', (X) => X.map((row) => row.map((v) => v + 1e9))],
  ['squares near the smallest doubles', (X) => X.map((row) => row.map((v) => v * 1e-150))],
  ['squares near the largest doubles', (X) => X.map((row) => row.map((v) => v * 1e150))],
]

describe('seedUpdate', () => {
  it.each(DS)('keeps the smaller distance, exactly, over many centers and wherever it is cut: d = %i', (d) => {
    for (const { n, seed } of sizes(d)) {
      const { X, weights } = draw(seed, n, d, 1)
      const own = seed % 3 === 0 ? undefined : weights
      for (const [rowsPerCall, tried] of [
        [256, true],
        [1024, true],
        [1024, false],
      ] as const)
        fenced((memory) => {
          const passes = seeder(memory, X, own)
          let kept = new Array<number>(n).fill(Number.POSITIVE_INFINITY)
          for (const row of [0, n >> 1, n - 1]) {
            kept = kept.map((v, i) => Math.min(v, pairedSquare(X[i], X[row])))
            const got = passes.update(X[row], row === 0, tried, rowsPerCall)
            expectBits(got.closest, kept, `n ${n}`)
            got.potentials.forEach((potential, s) => {
              const sum = kept.slice(s * SLOT_ROWS, (s + 1) * SLOT_ROWS).reduce((t, v, i) => t + (own?.[s * SLOT_ROWS + i] ?? 1) * v, 0)
              expect(Math.abs(potential - sum)).toBeLessThanOrEqual(SLOT_ROWS * EPS * sum)
            })
          }
        })
    }
  })

  it.each(adversaries)('is exact on %s', (_, change) => {
    for (const d of [1, 3, 8]) {
      const X = change(draw(d, 600, d, 1).X)
      fenced((memory) => {
        const passes = seeder(memory, X)
        let kept = new Array<number>(X.length).fill(Number.POSITIVE_INFINITY)
        for (const row of [3, 7, 20, 300, 599]) {
          kept = kept.map((v, i) => Math.min(v, pairedSquare(X[i], X[row])))
          expectBits(passes.update(X[row], row === 3).closest, kept)
        }
      })
    }
  })
})

describe('seedTrials', () => {
  it.each(adversaries)('gains are exact, and lie in their brackets, on %s', (name, change) => {
    for (const d of [1, 2, 3, 8, 17])
      for (const n of [5, 255, 257, 1500]) {
        const X = change(draw(d + 2 * n, n, d, 1).X)
        const m = 1 + (d % 7)
        const rows = Array.from({ length: m }, (_, l) => X[(7 * l + 3) % n])
        const results = cuttings(n).map((cuts) =>
          fenced((memory) => {
            const passes = seeder(memory, X)
            const { closest } = passes.update(X[0], true)
            const exact = rows.map((row) => X.reduce((sum, x, i) => sum + Math.max(0, closest[i] - pairedSquare(x, row)), 0))
            const [brackets, got, ofAll] = passes.trials(rows, cuts)
            expectBits(got, ofAll)
            expect(relativeError([...got, 1e-300], [...exact, 1e-300])).toBeLessThanOrEqual(n * EPS)
            if (brackets.every(Number.isFinite))
              exact.forEach((gain, l) => {
                // the exact sum itself rounds
                expect(brackets[l]).toBeLessThanOrEqual(gain * (1 + n * EPS))
                expect(brackets[m + l]).toBeGreaterThanOrEqual(gain * (1 - n * EPS))
              })
            else expect(name).toMatch(/one point|smallest|largest/) // not screenable: the caller asks for exact gains
            return [got, brackets]
          }),
        )
        for (const other of results) expect(other).toEqual(results[0])
      }
  })

  it('brackets are narrow enough to decide on ordinary data', () => {
    const { X } = draw(4, 2000, 6, 1)
    fenced((memory) => {
      const passes = seeder(memory, X)
      passes.update(X[0], true)
      const [[lower, upper]] = passes.trials([X[1000]])
      expect(upper - lower).toBeLessThan(0.02 * upper)
    })
  })
})

/** Greedy k-means++ by the definition, from the same draws. */
function naivePlusPlus(X: number[][], k: number, seed: number, trials: number, weights?: number[]) {
  const random = new Random(seed)
  const weight = (i: number) => weights?.[i] ?? 1
  const pick = (mass: number[], target: number) => {
    let sum = 0
    let last = 0
    for (let i = 0; i < mass.length; i++) {
      if (!(mass[i] > 0)) continue
      last = i
      sum += mass[i]
      if (sum > target) return i
    }
    return last
  }
  const chosen = [weights ? pick(weights, weights.reduce((a, b) => a + b) * random.uniform()) : random.below(X.length)]
  let closest = X.map((x) => pairedSquare(x, X[chosen[0]]))
  while (chosen.length < k) {
    const mass = closest.map((v, i) => v * weight(i))
    const total = mass.reduce((a, b) => a + b)
    const tried = Array.from({ length: trials }, () => pick(mass, total * random.uniform()))
    const gains = tried.map((row) => X.reduce((sum, x, i) => sum + weight(i) * Math.max(0, closest[i] - pairedSquare(x, X[row])), 0))
    const best = tried[gains.indexOf(Math.max(...gains))]
    chosen.push(best)
    closest = closest.map((v, i) => Math.min(v, pairedSquare(X[i], X[best])))
  }
  return chosen
}

describe('random rows', () => {
  it('with weights are those of the definition, without replacement, however many slots there are', () => {
    for (const [seed, n, k] of [
      [0, 5, 1],
      [1, SLOT_ROWS, 40],
      [2, SLOT_ROWS + 1, 300],
      [3, 3 * SLOT_ROWS + 7, 500],
      [4, 70 * SLOT_ROWS + 100, 60],
    ]) {
      const u = uniforms(seed)
      // whole numbers, so that sums are exact in any order; a slot of zeros among them
      const weights = Float64Array.from({ length: n }, (_, i) => (i >= SLOT_ROWS && i < 2 * SLOT_ROWS ? 0 : Math.floor(4 * u())))
      const count = Math.min(k, weights.filter((w) => w > 0).length)
      const chosen = run(withRows(sourceOf(Matrix.zeros(n, 1)), weights, (data) => randomRows(data, count, new Random(seed))))
      const random = new Random(seed)
      const left = weights.slice()
      const expected = Array.from({ length: count }, () => {
        let target = left.reduce((a, b) => a + b) * random.uniform()
        const row = left.findIndex((w) => w > target || ((target -= w), false))
        left[row] = 0
        return row
      })
      expect([...chosen], `seed ${seed}`).toEqual(expected)
      expect(new Set(chosen).size).toBe(count)
    }
  })
})

describe('k-means++', () => {
  it('makes the choices of the definition from the same draws, with kept tiles and without', () => {
    for (let seed = 0; seed < 40; seed++) {
      const u = uniforms(seed)
      const [n, d, k] = [20 + Math.floor(900 * u()), 1 + (seed % 9), 2 + (seed % 11)]
      const X = rowsOf(n, d, () => 10 * u() ** 2)
      const weights = seed % 3 === 0 ? X.map(() => (u() < 0.2 ? 0 : u())) : undefined
      for (const [trials, kept] of [1, 2, 4, 6].flatMap((t) => [true, false].map((kept) => [t, kept] as const))) {
        const seeding = withRows(sourceOf(Matrix.from(X)), weights && Float64Array.from(weights), function* (data) {
          const tiles = kept ? integerTiles(data, true) : undefined
          return (yield* plusPlus(data, k, new Random(seed), trials, tiles)).indices
        })
        expect([...run(seeding)], `seed ${seed}, trials ${trials}, tiles ${kept}`).toEqual(naivePlusPlus(X, k, seed, trials, weights))
      }
    }
  })

  // the scale of the integers comes from a sample, so what others are like must not matter
  it.each<[name: string, row: (i: number, u: () => number) => number[]]>([
    ['a few rows far away', (i, u) => [0, 0, 0].map(() => u() + (i % 1000 === 501 ? 1e3 * u() : 0))],
    ['half of the rows twice as far as the sampled ones', (i, u) => [0, 0, 0].map(() => (u() - 0.5) * (i % 5 === 1 ? 3 : 1))],
    ['sampled rows that are all the same', (i, u) => [0, 0, 0].map(() => (i % 5 === 0 ? 7 : 7 + u()))],
    ['rows that are all the same', () => [1, 2, 3]],
    ['rows far from zero', (_, u) => [0, 0, 0].map(() => 1e9 + u())],
    ['small numbers', (i, u) => [0, 0, 0].map(() => 1e-150 * u() * (i % 7 === 3 ? 1e20 : 1))],
    ['large numbers', (i, u) => [0, 0, 0].map(() => 1e120 * u() * (i % 7 === 3 ? 1e30 : 1))],
  ])('rows that a sample does not show are quantised with a scale of their own: %s', (_, row) => {
    const [n, k] = [4500, 12]
    for (let seed = 0; seed < 3; seed++) {
      const u = uniforms(seed)
      const X = Array.from({ length: n }, (_, i) => row(i, u))
      const seeding = (kept: boolean) =>
        run(
          withRows(sourceOf(Matrix.from(X)), undefined, function* (data) {
            const tiles = kept ? integerTiles(data, true) : undefined
            const { indices } = yield* plusPlus(data, k, new Random(seed), 4, tiles)
            if (tiles) {
              const records = data.arena.f64(tiles.blocks, kernels.blockRecords(n))
              for (let b = 0; b < records.length; b += 4) {
                const [inverse, longest, , undecided] = records.subarray(b, b + 4)
                expect(longest).toBeLessThan(23171 + 2)
                expect(undecided).toBe(0)
                if (inverse > 0) expect(inverse * tiles.radius).toBeCloseTo(23170, 6)
              }
              const far = Math.max(...X.map((x) => Math.sqrt(pairedSquare(x, [...data.arena.f64(tiles.shift, 3)]))))
              expect(far).toBeLessThanOrEqual(tiles.radius)
            }
            return [...indices]
          }),
        )
      expect(seeding(true), `seed ${seed}`).toEqual(seeding(false))
    }
  })

  it('refuses what is not finite, wherever it is, before anything is chosen', () => {
    for (const d of [1, 2, 9])
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
        for (const at of [0, 1, 2998, 2999]) {
          const u = uniforms(d)
          const X = rowsOf(3000, d, u)
          X[at][d - 1] = value
          const message = `got ${value} at row ${at}, column ${d - 1}`
          for (const k of [1, 4]) {
            expect(() => kmeansPlusPlus(X, k, { randomState: 0 })).toThrow(message)
            expect(() => new KMeans({ nClusters: k, randomState: 0 }).fit(X)).toThrow(message)
          }
        }
    // squares that overflow are no reason
    expect(kmeansPlusPlus([[1e200], [0], [-1e200]], 1, { randomState: 0 }).centers).toHaveLength(1)
  })
})
