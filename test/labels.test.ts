// The most probable component, told in single precision where that is proved to be right: the labels are those of double precision, whatever the data.
import { describe, expect, it } from 'vitest'
import { type CovarianceType, type GaussianParameters, GaussianPass } from '../src/gaussian.ts'
import { GaussianMixture } from '../src/index.ts'
import type { Resident } from '../src/resident.ts'
import { arena, fenced, kernels } from './fenced.ts'
import { expectBits, flat, thrown, uniforms } from './near.ts'
import { naiveResponsibilities } from './oracle.ts'

const TYPES = ['full', 'tied', 'diag', 'spherical'] as const
const range = (n: number) => Array.from({ length: n }, (_, i) => i)
const MANY = 1000 // rows that a table is made for, whatever the number of them

interface Case {
  X: number[][]
  type: CovarianceType
  parameters: GaussianParameters
  cuts?: number[]
}

type Kernel = (...args: number[]) => void

/** Labels by the pass for labels alone, and by the pass for everything; what each says of broken rows; and how many rows single precision left open. */
function both({ X, type, parameters, cuts = [] }: Case) {
  return fenced((memory) => {
    const [n, d, k] = [X.length, X[0].length, parameters.weights.length]
    const pass = new GaussianPass(arena, type, k, d)
    pass.load(parameters)
    const data: Resident = { arena, x: memory.f64(flat(X)), w: 0, n, d, totalWeight: n, largest: new Float64Array(d) }
    const answer = () => {
      const [labels, broken] = [memory.i32(new Array(n).fill(-1)), memory.i32([0])]
      const { kernel, args, scratch } = pass.over(data, { labels, broken })
      const own = memory.bytes(scratch)
      const edges = [0, ...cuts, n]
      for (let e = 1; e < edges.length; e++) (kernels as unknown as Record<string, Kernel>)[kernel](...args, edges[e - 1], edges[e], 0, own)
      return { kernel, labels: arena.i32(labels, n).slice(), broken: arena.i32(broken, 1)[0] }
    }
    pass.floors(() => 0)
    const exact = answer()
    pass.labelsOnly(parameters, MANY)
    return { exact, screened: answer() }
  })
}

/** Precision factors of a type: 1/σ, or a triangle with 1/σ on its diagonal and small entries above. */
function factorsOf(type: CovarianceType, k: number, d: number, u: () => number, inverseSigma: (c: number, j: number) => number) {
  const triangle = (c: number) =>
    range(d).map((i) => range(d).map((j) => (i === j ? inverseSigma(c, j) : i < j ? ((u() - 0.5) / Math.sqrt(d)) * inverseSigma(c, i) : 0)))
  return Float64Array.from(
    flat(
      type === 'full'
        ? range(k).map(triangle)
        : type === 'tied'
          ? triangle(0)
          : type === 'diag'
            ? range(k).map((c) => range(d).map((j) => inverseSigma(c, j)))
            : range(k).map((c) => inverseSigma(c, 0)),
    ),
  )
}

interface Kind {
  /** Of means, in standard deviations. */
  spread: number
  unit?: (j: number) => number
  offset?: number
  sigma?: (c: number) => number
  /** Whether rows lie half way between two means, to the last digits. */
  ties?: boolean
  dead?: boolean
}

function drawn(seed: number, type: CovarianceType, n: number, d: number, k: number, kind: Kind): Case {
  const u = uniforms(seed)
  const { spread, unit = () => 1, offset = 0, sigma = () => 1, ties = false, dead = false } = kind
  const means = range(k).map(() => range(d).map((j) => unit(j) * (offset + spread * (2 * u() - 1))))
  const raw = range(k).map((c) => (dead && c % 3 === 1 ? 0 : ties ? 1 : 0.2 + u()))
  const mass = raw.reduce((a, b) => a + b)
  const factors = factorsOf(type, k, d, u, (c, j) => 1 / (unit(type === 'spherical' ? 0 : j) * sigma(type === 'tied' ? 0 : c)))
  const X = range(n).map((i) => {
    const [a, b] = [means[i % k], means[(i * 7 + 1) % k]]
    if (ties && i % 2 === 0) return a.map((v, j) => (v + b[j]) / 2)
    return a.map((m, j) => m + unit(j) * sigma(i % k) * 2 * (u() + u() + u() - 1.5))
  })
  const parameters = {
    weights: Float64Array.from(raw.map((v) => v / mass)),
    means: Float64Array.from(flat(means)),
    precisionsCholesky: factors,
  }
  return { X, type, parameters }
}

const KINDS: Record<string, Kind> = {
  overlapping: { spread: 0.5 },
  apart: { spread: 20 },
  'far from 0': { spread: 3, offset: 1e9 },
  'ties to the last digits': { spread: 2, ties: true },
  'of units from 1e-120 to 1e120': { spread: 2, unit: (j) => 10 ** (120 * Math.sin(j + 1)) },
  'of widths from 1e-4 to 1e4': { spread: 3, sigma: (c) => 10 ** (4 * Math.sin(2 * c + 1)) },
  'with dead components': { spread: 1, dead: true },
  'all the same': { spread: 0, ties: true },
}

describe.each(TYPES)('labels of %s components', (type) => {
  it.each(Object.entries(KINDS))('%s: as in double precision, at every size', (name, kind) => {
    // one unit for all features, where there is one variance
    const fits = type === 'spherical' && kind.unit ? { ...kind, unit: () => 1e-120 } : kind
    let seed = 1
    for (const d of [1, 2, 3, 4, 7, 16, 33])
      for (const k of [1, 2, 3, 5, 16, 17])
        for (const n of [1, 15, 16, 17, 67]) {
          const { exact, screened } = both(drawn(seed++, type, n, d, k, fits))
          expect(exact.kernel).toBe('mixture')
          expect(screened.kernel, `${name} ${n}×${d}, K=${k}`).toBe('mostProbable')
          expectBits(screened.labels, exact.labels, `${name} ${n}×${d}, K=${k}`)
          expect([exact.broken, screened.broken]).toEqual([0, 0])
        }
  })

  it('many rows, most of them open, some, or none; of many features; cut anywhere', () => {
    for (const [kind, n, d, k] of [
      ['all the same', 3000, 3, 4],
      ['ties to the last digits', 3000, 5, 6],
      ['overlapping', 3000, 9, 7],
      ['apart', 1000, 300, 4],
    ] as const) {
      const drawing = drawn(n + d, type, n, d, k, KINDS[kind])
      const { exact, screened } = both(drawing)
      expectBits(screened.labels, exact.labels, kind)
      expectBits(both({ ...drawing, cuts: [1, 16, 500, 777] }).screened.labels, exact.labels, kind)
    }
  })

  it('the first of components that are equal', () => {
    const { X, parameters } = drawn(3, type, 64, 4, 3, { spread: 2 })
    const twice = (v: Float64Array) => Float64Array.from([...v, ...v])
    const { weights, means, precisionsCholesky } = parameters
    const doubled = {
      weights: twice(weights).map((v) => v / 2),
      means: twice(means),
      precisionsCholesky: type === 'tied' ? precisionsCholesky : twice(precisionsCholesky),
    }
    const { labels } = both({ X, type, parameters: doubled }).screened
    expectBits(labels, both({ X, type, parameters }).exact.labels)
  })

  it.each([1, 2, 3, 5, 16, 257])(
    'rows with numbers that are not finite, or beyond what single precision holds, are seen by both: %d features',
    (d) => {
      const drawing = drawn(5, type, 40, d, 4, { spread: 2 })
      for (const value of [NaN, Infinity, -Infinity, 1e200, -1e200])
        for (const j of [0, d >> 1, d - 1]) {
          const X = drawing.X.map((row) => row.slice())
          X[21][j] = value
          const { exact, screened } = both({ ...drawing, X })
          expect([value, j, exact.broken, screened.broken]).toEqual([value, j, 1, 1])
          expectBits(screened.labels, exact.labels)
        }
      for (const value of [1e20, -1e30, 1e100]) {
        const X = drawing.X.map((row, i) => (i % 9 === 4 ? row.map((v, j) => (j === i % d ? value : v)) : row))
        const { exact, screened } = both({ ...drawing, X })
        expectBits(screened.labels, exact.labels)
        expect([value, exact.broken, screened.broken]).toEqual([value, 0, 0])
      }
    },
  )

  it('parameters that single precision does not hold: no table', () => {
    const drawing = drawn(7, type, 40, 3, 4, { spread: 2 })
    const means = drawing.parameters.means.slice()
    means[4] = 1e30
    const { exact, screened } = both({ ...drawing, parameters: { ...drawing.parameters, means } })
    expect(screened.kernel).toBe('mixture')
    expectBits(screened.labels, exact.labels)
  })
})

describe('answers find values that are not finite by themselves', () => {
  const n = 3000
  const u = uniforms(11)
  const X = range(n).map((i) => range(4).map((j) => (i % 3) * (j - 1) * 4 + u() + u()))
  it.each(TYPES)('and name the first of them: %s', (covarianceType) => {
    const model = new GaussianMixture({ nComponents: 3, covarianceType, randomState: 1, maxIter: 5, onWarning() {} }).fit(X)
    for (const ask of ['predict', 'predictProba', 'scoreSamples', 'criteria'] as const)
      for (const rows of [n, 60])
        for (const value of [NaN, Infinity, -Infinity])
          for (const [i, j] of [
            [0, 0],
            [rows - 1, 3],
            [rows >> 1, 2],
          ]) {
            const broken = X.slice(0, rows).map((row) => row.slice())
            broken[i][j] = value
            if (i > 0) broken[rows - 1][3] = -Infinity // not the first
            const first = i === rows - 1 ? -Infinity : value
            expect(thrown(() => model[ask](broken)).message, `${ask} ${rows} ${value}`).toMatch(
              `X: expected finite numbers, got ${first} at row ${i}, column ${j}.`,
            )
          }
    // squares that overflow are no such values
    expect(model.predict([[1e200, 0, 0, 0], ...X.slice(0, 999)])).toHaveLength(1000)
    expect(model.scoreSamples([[1e200, 0, 0, 0]])[0]).toBe(-Infinity)
  })
})

describe('probabilities of tied components, without what their squares have in common', () => {
  const [n, d, k] = [300, 9, 5]
  it.each([0, 1e6])('are those of the definition, far from the components too, and from 0: %d', (offset) => {
    const u = uniforms(13)
    const centers = range(k).map(() => range(d).map(() => 3 * u()))
    const X = range(n).map((i) => centers[i % k].map((m) => offset + m + (i % 7 === 0 ? 40 : 1) * (u() + u() + u() - 1.5)))
    const options = { nComponents: k, covarianceType: 'tied', meansInit: centers.map((row) => row.map((v) => v + offset)) } as const
    const model = new GaussianMixture({ ...options, randomState: 1, maxIter: 3, tol: 0, onWarning() {} }).fit(X)
    const { weights, means, covariances } = model
    const found = model.predictProba(X)
    // about the offset, where the definition in doubles keeps its digits; coordinates are known to half a unit in their last place there
    const about = (rows: number[][]) => rows.map((row) => row.map((v) => v - offset))
    const expected = naiveResponsibilities(about(X), { weights, means: about(means), covariances }, 'tied')
    const off = Math.max(...expected.flatMap((row, i) => row.map((r, c) => Math.abs(found.get(i, c) - r))))
    // squares are up to 1e5: what rounding leaves of the differences of their halves
    expect(off).toBeLessThan(1e5 * 2 ** -53 + offset * 2 ** -53 * 1000)
    for (const row of found) expect(Math.abs(row.reduce((a, b) => a + b) - 1)).toBeLessThan(k * 2 ** -52)
  })

  it('are numbers where everything overflows', () => {
    const u = uniforms(17)
    const X = range(n).map((i) => range(d).map((j) => ((i + j) % 3) + u()))
    const model = new GaussianMixture({ nComponents: 3, covarianceType: 'tied', randomState: 1, maxIter: 3, onWarning() {} }).fit(X)
    const far = [...X.slice(0, 20), range(d).map((j) => (j === 2 ? -1.7e308 : 1.7e308)), X[20].map((v, j) => (j === 4 ? 1e300 : v))]
    const found = model.predictProba(far)
    for (const row of found) expect(Math.abs(row.reduce((a, b) => a + b) - 1)).toBeLessThan(3 * 2 ** -52)
    const without = model.predictProba(X.slice(0, 20))
    for (let i = 0; i < 20 * 3; i++) expect(Math.abs(found.data[i] - without.data[i])).toBeLessThan(1e-12)
  })
})
