// The kernels that transform, seeding and factorisations run on, called directly and compared with test/oracle.ts at sizes around every
// block edge. Sums that the kernels promise to make row by row are compared bit for bit.
import { describe, expect, it } from 'vitest'
import { packTriangular } from '../src/gaussian.ts'
import { Reduction, SLOT_ROWS } from '../src/passes.ts'
import { DS, KS, NS, alongCuts, arena, cuttings, draw, fenced, kernels, sizes } from './fenced.ts'
import { EPS, distanceRounding, expectBits, expectClose, flat, rowsOf, uniforms } from './near.ts'
import { naiveCholesky, naiveSquaredDistances } from './oracle.ts'

describe('transform', () => {
  const transform = (x: ArrayLike<number>, C: number[][], origin: number[], cuts: number[]) => {
    const [d, k, n] = [C[0].length, C.length, x.length / C[0].length]
    return fenced((memory) => {
      const rows = memory.f64(x)
      const panels = memory.bytes(Math.ceil(k / 4) * 4 * d * 8)
      const centers = memory.f64(flat(C))
      kernels.packPanels(centers, k, d, panels)
      const [at, out, broken] = [memory.f64(origin), memory.bytes(n * k * 8), memory.i32([0])]
      const scratch = memory.bytes(kernels.transformScratch(d, k))
      alongCuts(cuts, (start, end) => kernels.transform(rows, d, k, centers, panels, at, out, broken, start, end, 0, scratch))
      return { distances: Array.from(arena.f64(out, n * k)), broken: arena.i32(broken, 1)[0] }
    })
  }
  const mean = (C: number[][]) => C[0].map((_, j) => C.reduce((sum, c) => sum + c[j], 0) / C.length)

  it.each(DS)('is the root of the naive squared distances, to the stated bound, and the same wherever it is cut: d = %i', (d) => {
    for (const { n, k, seed } of sizes(d)) {
      const { X, x, C } = draw(seed, n, d, k)
      const expected = flat(naiveSquaredDistances(X, C)).map(Math.sqrt)
      const [first, ...rest] = cuttings(n).map((cuts) => transform(x, C, mean(C), cuts))
      expect(first.broken).toBe(0)
      if (d <= 3) expectBits(first.distances, expected, `n ${n}, k ${k}`)
      else expectClose(first.distances, expected, distanceRounding(d), `n ${n}, k ${k}`)
      for (const { distances } of rest) expectBits(distances, first.distances, `n ${n}, k ${k}`)
    }
  })

  it('keeps its bound where the expanded form cancels: rows near or at centers, far from everything, large and small numbers', () => {
    const n = 261
    let [near, all] = [0, 0]
    for (const d of [4, 5, 16, 33])
      for (const [scale, spread, offset] of [
        [1, 1e-1, 0], // clusters far apart for their size
        [1, 1e-4, 0],
        [1, 1e-9, 1e6],
        [1, 1, 1e12],
        [1e-12, 1e-13, 1],
        [1e150, 1e150, 0], // squares of a few overflow
        [1e158, 1e150, 0], // of all
        [1e-150, 1e-151, 0],
        [1e-160, 1e-160, 0], // squares are denormal
        [5e-324 * 2 ** 8, 5e-324 * 2 ** 4, 0],
      ]) {
        const k = 6
        const u = uniforms(d)
        const C = rowsOf(k, d, () => offset + scale * (u() - 0.5))
        // every third row is a center, every seventh far away
        const X = Array.from({ length: n }, (_, i) =>
          C[i % k].map((v) => v + (i % 3 === 0 ? 0 : spread * (u() - 0.5)) + (i % 7 === 0 ? 1e6 * scale : 0)),
        )
        const squares = flat(naiveSquaredDistances(X, C))
        const where = `d ${d}, scale ${scale}, spread ${spread}, offset ${offset}`
        for (const origin of [mean(C), X[7]]) {
          const { distances, broken } = transform(flat(X), C, origin, [0, n])
          expectClose(distances, squares.map(Math.sqrt), distanceRounding(d), where)
          expect(broken === 1 || squares.every(Number.isFinite), where).toBe(true)
          X.forEach((row, i) =>
            C.forEach((c, j) => {
              if (row.every((v, f) => v === c[f])) expect(distances[i * k + j], where).toBe(0)
            }),
          )
          // what is far nearer than the origin is to both, or underflows: the very distances of the definition
          const lengths = (rows: number[][]) => flat(naiveSquaredDistances(rows, [origin]))
          const [ofRows, ofCenters] = [lengths(X), lengths(C)]
          squares.forEach((square, at) => {
            const N = ofRows[Math.floor(at / k)] + ofCenters[at % k]
            if (square >= 0.12 * N && N >= 1e-280) return
            near++
            expect(distances[at], where).toBe(Math.sqrt(square))
          })
          all += squares.length
        }
      }
    expect(near / all).toBeGreaterThan(0.15)
    expect(near / all).toBeLessThan(0.85)
  })

  it('says where a square is not finite', () => {
    for (const d of [1, 2, 5, 33])
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e200])
        for (const at of [0, 3 * d - 1, 9 * d - 1]) {
          const x = new Float64Array(9 * d).fill(0.5)
          x[at] = value
          expect(transform(x, [new Array(d).fill(1)], new Array(d).fill(1), [0, 9]).broken).toBe(1)
        }
  })
})

describe('moments', () => {
  it.each(DS)('sums about the shift row by row, wherever it is cut: d = %i', (d) => {
    NS.forEach((n, i) => {
      const { X, x: data, C, weights } = draw(7 * d + i, n, d, 1)
      const own = i % 3 === 0 ? undefined : weights
      const shift = C[0]
      const expected = new Array<number>(1 + 2 * d).fill(0)
      X.forEach((row, r) => {
        const w = own ? own[r] : 1
        expected[0] += w
        row.forEach((v, j) => {
          expected[1 + j] += w * (v - shift[j])
          expected[1 + d + j] += w * (v - shift[j]) * (v - shift[j])
        })
      })
      for (const cuts of [
        [0, n],
        [0, Math.floor(n / 3), Math.floor(n / 2), n],
      ]) {
        const got = fenced((memory) => {
          const [x, w, at, stats] = [memory.f64(data), own ? memory.f64(own) : 0, memory.f64(shift), memory.zeros(1 + 2 * d)]
          alongCuts(cuts, (start, end) => kernels.moments(x, w, d, at, start, end, stats, 0))
          return [...arena.f64(stats, 1 + 2 * d)]
        })
        expectBits(got, expected, `n ${n}, cuts ${cuts}`)
      }
    })
  })
})

describe('scan', () => {
  const scan = (X: number[][], from = 0, to = X.length, weights?: number[]) =>
    fenced((memory) => {
      const d = X[0].length
      const largest = memory.zeros(d)
      const bad = kernels.scan(memory.f64(flat(X)), weights ? memory.f64(weights) : 0, d, largest, from, to)
      return { bad, largest: [...arena.f64(largest, d)] }
    })

  it.each(DS)('finds the first number that is not finite: d = %i', (d) => {
    const u = uniforms(d)
    for (const n of NS) {
      const X = rowsOf(n, d, () => 10 * (u() - 0.5))
      expect(scan(X)).toEqual({
        bad: -1,
        largest: Array.from({ length: d }, (_, j) => X.reduce((max, row) => Math.max(max, Math.abs(row[j])), 0)),
      })
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const [i, j] = [Math.floor(u() * n), Math.floor(u() * d)]
        const spoilt = X.map((row) => row.slice())
        spoilt[n - 1][d - 1] = Number.NaN
        spoilt[i][j] = value
        expect(scan(spoilt).bad).toBe(i * d + j)
        expect(scan(spoilt, 0, i).bad).toBe(-1) // rows outside the range do not count
        if (i + 1 < n) expect(scan(spoilt, i + 1).bad).toBe((n - 1) * d + d - 1)
      }
    }
  })

  it.each(DS)('looks for the largest among rows of positive weight, but at all of them: d = %i', (d) => {
    const u = uniforms(d)
    const X = rowsOf(60, d, () => 10 * (u() - 0.5))
    const weights = X.map(() => Math.max(0, u() - 0.5))
    const present = X.filter((_, i) => weights[i] > 0)
    expect(scan(X, 0, 60, weights)).toEqual({ bad: -1, largest: scan(present).largest })
    const absent = weights.indexOf(0)
    X[absent][d - 1] = Number.NaN
    expect(scan(X, 0, 60, weights).bad).toBe(absent * d + d - 1)
  })

  it('takes the largest and the smallest doubles for what they are', () => {
    const extremes = [[Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, -0, -Number.MIN_VALUE]]
    expect(scan(extremes)).toEqual({ bad: -1, largest: [Number.MAX_VALUE, Number.MAX_VALUE, Number.MIN_VALUE, 0, Number.MIN_VALUE] })
  })
})

describe('packPanels', () => {
  it('lays four centers side by side, feature after feature, zeros where there is none', () => {
    for (const d of DS)
      for (const k of KS) {
        const C = rowsOf(k, d, uniforms(d + k))
        const length = Math.ceil(k / 4) * 4 * d
        const panels = fenced((memory) => {
          const at = memory.bytes(length * 8)
          kernels.packPanels(memory.f64(flat(C)), k, d, at)
          return [...arena.f64(at, length)]
        })
        expect(panels).toEqual(Array.from({ length }, (_, i) => C[Math.floor(i / (4 * d)) * 4 + (i % 4)]?.[Math.floor(i / 4) % d] ?? 0))
      }
  })
})

describe('Reduction', () => {
  /** The tree in words: the largest power of two of slots that leaves some for the right side, against the rest. */
  const tree = (slots: number[][]): number[] => {
    if (slots.length === 1) return slots[0]
    const left = 2 ** Math.ceil(Math.log2(slots.length) - 1)
    const [a, b] = [tree(slots.slice(0, left)), tree(slots.slice(left))]
    return a.map((v, i) => v + b[i])
  }

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 31, 33, 64, 65])('merges %i slots in one fixed tree', (count) => {
    for (const length of [1, 2, 3, 8, 17]) {
      const slots = rowsOf(count, length, uniforms(count * length))
      const mark = arena.mark()
      const reduction = new Reduction(arena, length, count * SLOT_ROWS)
      for (let round = 0; round < 2; round++) {
        reduction.reset()
        for (const values of slots) {
          const address = reduction.open()
          expect([...arena.f64(address, length)]).toEqual(new Array(length).fill(0)) // cleared, also in the second round
          arena.f64(address, length).set(values)
          reduction.close()
        }
        expect([...reduction.total()]).toEqual(tree(slots))
      }
      arena.release(mark)
    }
  })

  it('clear and merge touch exactly their doubles', () => {
    for (const count of [0, 1, 2, 3, 7, 8]) {
      const values = Array.from({ length: count }, (_, i) => i + 0.5)
      fenced((memory) => {
        const [a, b] = [memory.f64(values), memory.f64(values)]
        kernels.merge(a, b, count)
        expect([...arena.f64(a, count)]).toEqual(values.map((v) => v + v))
        expect([...arena.f64(b, count)]).toEqual(values)
        kernels.clear(a, count)
        expect([...arena.f64(a, count)]).toEqual(values.map(() => 0))
      })
    }
  })
})

describe('factorisation', () => {
  const FACTORED = [...DS, 31, 32, 34, 36, 63, 66, 99] // bands of 32 rows, blocks of four, pairs
  /** A symmetric positive definite matrix A·Aᵀ/d + I/10, its condition number a few hundred at most. */
  function positiveDefinite(seed: number, d: number): number[][] {
    const u = uniforms(seed)
    const A = rowsOf(d, d, () => 2 * u() - 1)
    return A.map((a, i) => A.map((b, j) => a.reduce((sum, v, m) => sum + v * b[m], 0) / d + (i === j ? 0.1 : 0)))
  }
  const cholesky = (S: number[][]) =>
    fenced((memory) => {
      const d = S.length
      const chol = memory.bytes(d * d * 8)
      const lowerOnly = S.map((row, i) => row.map((v, j) => (j <= i ? v : Number.NaN)))
      const bad = kernels.cholesky(memory.f64(flat(lowerOnly)), d, chol)
      return { bad, L: Array.from({ length: d }, (_, i) => [...arena.f64(chol + i * d * 8, d)]) }
    })
  const times = (A: number[][], B: number[][]) => A.map((a) => B[0].map((_, j) => a.reduce((sum, v, m) => sum + v * B[m][j], 0)))
  const transposed = (A: number[][]) => A[0].map((_, j) => A.map((row) => row[j]))
  const absolute = (A: number[][]) => A.map((row) => row.map(Math.abs))

  it.each(FACTORED)('cholesky: L·Lᵀ = Σ, upper part zero, only the lower one read: d = %i', (d) => {
    const S = positiveDefinite(d, d)
    const { bad, L } = cholesky(S)
    expect(bad).toBe(-1)
    expect(L.every((row, i) => row.every((v, j) => j <= i || Object.is(v, 0)))).toBe(true)
    const [product, bound] = [times(L, transposed(L)), times(absolute(L), transposed(absolute(L)))]
    // backward error of Cholesky (Higham 2002, th. 10.3) and of the product: (d + 1 + d)·EPS/2·|L|·|Lᵀ|
    product.forEach((row, i) => row.forEach((v, j) => expect(Math.abs(v - S[i][j])).toBeLessThanOrEqual((d + 1) * EPS * bound[i][j])))
  })

  it.each(FACTORED)('inverseTransposed: Uᵀ·L = I, lower part zero: d = %i', (d) => {
    const L = naiveCholesky(positiveDefinite(d, d))
    const U = fenced((memory) => {
      const prec = memory.bytes(d * d * 8)
      kernels.inverseTransposed(memory.f64(flat(L)), d, prec)
      return Array.from({ length: d }, (_, i) => [...arena.f64(prec + i * d * 8, d)])
    })
    U.forEach((row, i) => row.forEach((v, j) => expect(j < i ? Object.is(v, 0) : v !== 0).toBe(true)))
    // each column of L⁻¹ solves L·y = e with residual ≤ d·EPS/2·|L|·|y|; the product adds as much
    const [product, bound] = [times(L, transposed(U)), times(absolute(L), transposed(absolute(U)))]
    product.forEach((row, i) => row.forEach((v, j) => expect(Math.abs(v - Number(i === j))).toBeLessThanOrEqual(d * EPS * bound[i][j])))
  })

  it('names the first pivot that is not positive', () => {
    expect(
      cholesky([
        [1, 0],
        [0, -1],
      ]).bad,
    ).toBe(1)
    expect(cholesky([[0]]).bad).toBe(0)
    expect(cholesky([[Number.NaN]]).bad).toBe(0)
    expect(
      cholesky([
        [4, 2, 2],
        [2, 1, 1],
        [2, 1, 5],
      ]).bad,
    ).toBe(1) // second row is half the first
    expect(
      cholesky([
        [4, 0],
        [0, 1e-20],
      ]).bad,
    ).toBe(-1)
  })

  it.each(
    FACTORED.flatMap((d) => [
      [d, false],
      [d, true],
    ]),
  )('timesTransposed: A·Aᵀ, symmetric to the bit: d = %i, upper triangular: %s', (d, upper) => {
    const A = rowsOf(d, d, uniforms(500 + d)).map((row, i) => row.map((v, j) => (upper && j < i ? 0 : v)))
    const product = fenced((memory) => {
      const out = memory.bytes(d * d * 8)
      kernels.timesTransposed(memory.f64(flat(A)), d, upper, out)
      return Array.from({ length: d }, (_, i) => [...arena.f64(out + i * d * 8, d)])
    })
    const [expected, bound] = [times(A, transposed(A)), times(absolute(A), transposed(absolute(A)))]
    product.forEach((row, i) =>
      row.forEach((v, j) => {
        expect(v).toBe(product[j][i])
        expect(Math.abs(v - expected[i][j])).toBeLessThanOrEqual(d * EPS * bound[i][j]) // d products, ours and the oracle's
      }),
    )
  })

  it.each(FACTORED)('drift: ‖U′ᵀ(x − μ′)‖ ≥ ρ·(‖Uᵀ(x − μ)‖ − δ) for any x; nothing of what stays: d = %i', (d) => {
    const u = uniforms(700 + d)
    const draw = () => rowsOf(d, d, u).map((row, i) => row.map((v, j) => (j < i ? (v - 0.5) / Math.sqrt(d) : j === i ? 0.6 + v : 0)))
    const [L, other] = [draw(), draw()]
    const [mean, far] = rowsOf(2, d, () => 3 * u())
    const inverse = (lower: number[][]) =>
      fenced((memory) => {
        const out = memory.bytes(d * d * 8)
        kernels.inverseTransposed(memory.f64(flat(lower)), d, out)
        return Array.from({ length: d }, (_, i) => [...arena.f64(out + i * d * 8, d)])
      })
    const U = inverse(L)
    const norm = (upper: number[][], x: number[], about: number[]) =>
      Math.sqrt(x.reduce((s, _, j) => s + upper.reduce((y, row, i) => y + row[j] * (x[i] - about[i]), 0) ** 2, 0))
    for (const share of [0, 1e-9, 0.01, 0.5]) {
      const L2 = L.map((row, i) => row.map((v, j) => (1 - share) * v + share * other[i][j]))
      const mean2 = mean.map((v, j) => (1 - share) * v + share * far[j])
      const [rho, delta] = fenced((memory) => {
        const [out, scratch] = [memory.bytes(16), memory.bytes(4 * (d + 2) * 8)]
        kernels.drift(memory.f64(flat(U)), memory.f64(mean), memory.f64(flat(L2)), memory.f64(mean2), d, out, scratch)
        return [...arena.f64(out, 2)]
      })
      const moved = times(transposed(U), L2).flatMap((row, i) => row.map((v, j) => (v - Number(i === j)) ** 2))
      expect(Math.abs(1 / rho - 1 - Math.sqrt(moved.reduce((a, b) => a + b)))).toBeLessThan(1e-12 * d)
      expect(Math.abs(delta - norm(U, mean2, mean))).toBeLessThan(1e-12 * d)
      const U2 = inverse(L2)
      for (let i = 0; i < 20; i++) {
        const x = mean.map((m) => m + 4 * (u() - 0.5))
        expect(norm(U2, x, mean2)).toBeGreaterThanOrEqual(rho * (norm(U, x, mean) - delta) - 1e-12 * d)
      }
    }
  })

  it('a pivot that is not positive is named at any place, and the rows before it are finished', () => {
    for (const d of [6, 33, 37]) {
      const u = uniforms(d)
      const L = rowsOf(d, d, u).map((row, i) => row.map((v, j) => (j < i ? v - 0.5 : j === i ? 1 + v : 0)))
      const S = L.map((a) => L.map((b) => a.reduce((s, v, m) => s + v * b[m], 0)))
      for (let bad = 0; bad < d; bad++) {
        const spoilt = S.map((row, i) => row.map((v, j) => (i === bad && j === bad ? -1 : v)))
        const got = fenced((memory) => {
          const chol = memory.bytes(d * d * 8)
          const first = kernels.cholesky(memory.f64(flat(spoilt)), d, chol)
          return { first, rows: Array.from(arena.f64(chol, bad * d)) }
        })
        expect(got.first).toBe(bad)
        const size = Math.max(...flat(S))
        got.rows.forEach((v, at) => expect(Math.abs(v - L[Math.floor(at / d)][at % d])).toBeLessThan(1e4 * d * EPS * size))
      }
    }
  })

  it('packTriangular: pairs of columns and a last one alone, as long as it says', () => {
    for (let d = 1; d <= 40; d++) {
      const U = rowsOf(d, d, uniforms(d))
      const expected: number[] = []
      for (let j = 0; j < d; ) {
        const width = Math.min(2, d - j)
        for (let i = 0; i < j + width; i++) for (let c = j; c < j + width; c++) expected.push(i <= c ? U[i][c] : 0)
        j += width
      }
      expect(kernels.triangularPanelLength(d)).toBe(expected.length)
      const panel = new Float64Array(expected.length + 2)
      expect(packTriangular(Float64Array.from([0, ...flat(U)]), 1, d, panel, 1)).toBe(expected.length + 1)
      expect([...panel]).toEqual([0, ...expected, 0])
    }
  })
})
