// The kernel `mixture` and what src/gaussian.ts makes of its sums, against the plain loops of test/oracle.ts at sizes around every block,
// slot and panel edge, for the four covariance types.
import { describe, expect, it } from 'vitest'
import { type CovarianceType, GaussianModel, type GaussianParameters, GaussianPass } from '../src/gaussian.ts'
import { sourceOf } from '../src/matrix.ts'
import type { Algorithm } from '../src/passes.ts'
import { run } from '../src/task.ts'
import { type Resident, withRows } from '../src/resident.ts'
import { arena, fenced, kernels } from './fenced.ts'
import { EPS, expectBits, flat, relativeError, rowsOf, uniforms } from './near.ts'
import { naiveCholesky, naiveCovariance, naiveEmStep, naiveForward, naiveLogDensities, naiveLogSumExp, naiveMStep } from './oracle.ts'

const TYPES = ['full', 'tied', 'diag', 'spherical'] as const
const CODE = { full: 0, tied: 1, diag: 2, spherical: 3 }
const NS = [2, 3, 4, 5, 31, 33, 127, 129, 255, 257, 1023, 1024, 1025, 2049]
const DS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33]
const KS = [1, 2, 3, 4, 5, 6, 7, 8, 9]

// ------------------------------------------------------------------------------------------------------------- data for a case

const range = (n: number) => Array.from({ length: n }, (_, i) => i)

/** Σ = L·Lᵀ with a diagonal of 0.7 … 1.4 and small entries below: condition numbers stay below about 50 at any d. */
function randomCovariance(u: () => number, d: number): number[][] {
  const L = range(d).map((i) => range(d).map((j) => (j < i ? (u() - 0.5) / Math.sqrt(d) : j === i ? 0.7 + 0.7 * u() : 0)))
  return range(d).map((i) => range(d).map((j) => L[i].reduce((s, v, m) => s + v * L[j][m], 0)))
}

interface Model {
  type: CovarianceType
  weights: number[]
  means: number[][]
  // biome-ignore lint/suspicious/noExplicitAny: four shapes, told apart by `type`
  covariances: any
}

function randomModel(u: () => number, type: CovarianceType, k: number, d: number, spread = 2, offset = 0): Model {
  const raw = range(k).map(() => 0.3 + u())
  const sum = raw.reduce((s, v) => s + v, 0)
  const variance = () => 0.5 + 1.5 * u()
  return {
    type,
    weights: raw.map((v) => v / sum),
    means: rowsOf(k, d, () => offset + spread * (2 * u() - 1)),
    covariances:
      type === 'full'
        ? range(k).map(() => randomCovariance(u, d))
        : type === 'tied'
          ? randomCovariance(u, d)
          : type === 'diag'
            ? rowsOf(k, d, variance)
            : range(k).map(variance),
  }
}

/** What the package works on: the same with factors U, Σ⁻¹ = U·Uᵀ. Row c of U is column c of L⁻¹. */
function packed({ type, weights, means, covariances }: Model): GaussianParameters {
  const d = means[0].length
  const upper = (S: number[][]) =>
    range(d).map((c) =>
      naiveForward(
        naiveCholesky(S),
        range(d).map((i) => Number(i === c)),
      ),
    )
  const factors =
    type === 'full' ? covariances.map(upper) : type === 'tied' ? upper(covariances) : flat(covariances).map((v) => 1 / Math.sqrt(v))
  const doubles = (nested: Parameters<typeof flat>[0]) => Float64Array.from(flat(nested))
  return { weights: doubles(weights), means: doubles(means), covariances: doubles(covariances), precisionsCholesky: doubles(factors) }
}

/** Rows around the means of a model. */
const rowsNear = (u: () => number, n: number, { means }: Model) =>
  range(n).map((i) => means[i % means.length].map((m) => m + 2 * (u() + u() + u() - 1.5)))

/** Weights among which are zeros. */
const someWeights = (u: () => number, n: number) => range(n).map((i) => (i % 5 === 3 ? 0 : 0.1 + 2 * u()))

// ------------------------------------------------------------------------------------------------------ calling the kernel itself

/** What lies behind the statistics: adding even 0 to it would show. */
const BEYOND = new Array<number>(40).fill(-0)

interface Call {
  X: number[][]
  model: Model
  w?: number[]
  given?: number[][]
  anchors?: number[][]
  moments?: CovarianceType
  /** Row numbers at which the pass is cut into calls. */
  cuts?: number[]
  /** Shares below which a component's counts as 0, as logarithms; none by default. */
  floors?: number[]
  /** What stands in the scratch before: so many blocks are not asked which squares matter. */
  unasked?: number
  /** Whether moments are taken about the anchors that the pass chooses, not about `anchors`. */
  chosen?: boolean
}

function callKernel({
  X,
  model,
  w,
  given,
  anchors = model.means,
  moments = model.type,
  cuts = [],
  floors,
  chosen = false,
  unasked = 0,
}: Call) {
  return fenced((memory) => {
    const [n, d, k] = [X.length, X[0].length, model.means.length]
    const begin = arena.mark()
    const pass = new GaussianPass(arena, model.type, k, d)
    const own = pass.load(packed(model))
    if (floors) pass.floors((_, c) => floors[c])
    if (!chosen) pass.anchor(Float64Array.from(flat(anchors)))
    const parameters = () => new Uint8Array(arena.memory.buffer, begin, end - begin)
    const end = arena.mark()
    const before = parameters().slice()
    const length = 1 + k * kernels.mixtureStatistics(CODE[moments], d)
    const [x, weights, responsibilities] = [memory.f64(flat(X)), w ? memory.f64(w) : 0, given ? memory.f64(flat(given)) : 0]
    const [logNorm, resp, labels, stats] = [
      memory.bytes(n * 8),
      memory.bytes(n * k * 8),
      memory.bytes(n * 4),
      memory.f64([...new Float64Array(length), ...BEYOND]),
    ]
    const scratch = memory.bytes(kernels.mixtureScratch(d, k))
    arena.i32(scratch, 1)[0] = unasked
    const data: Resident = { arena, x, w: weights, n, d, totalWeight: n, largest: new Float64Array(d) }
    const { args } = pass.over(data, { given: responsibilities, logNorm, responsibilities: resp, labels, moments })
    const edges = [0, ...cuts.filter((c) => c > 0 && c < n), n]
    for (let e = 1; e < edges.length; e++) (kernels.mixture as (...all: number[]) => void)(...args, edges[e - 1], edges[e], stats, scratch)
    expect(Array.from(arena.f64(stats + length * 8, BEYOND.length)), 'something was added beyond the statistics').toEqual(BEYOND)
    expect(
      parameters().every((byte, i) => byte === before[i]),
      'the kernel wrote to its parameters',
    ).toBe(true)
    return {
      logNorm: arena.f64(logNorm, n).slice(),
      responsibilities: arena.f64(resp, n * k).slice(),
      labels: arena.i32(labels, n).slice(),
      stats: arena.f64(stats, length).slice(),
      /** The anchors that the pass chooses. */
      anchors: range(k).map((c) => Array.from(own.subarray(c * d, (c + 1) * d))),
    }
  })
}

// ----------------------------------------------------------------------------------------------------------------- the oracle

/** Sums of a component in the kernel's order, squared distances from its mean, each with the sum of magnitudes that bounds its rounding. */
function naiveStatistics(
  X: number[][],
  r: number[],
  anchor: number[],
  mean: number[],
  moments: CovarianceType,
): { sum: number; size: number }[] {
  const d = anchor.length
  const sums: { sum: number; size: number }[] = []
  const add = (term: (t: number[]) => number, about = anchor) => {
    let [sum, size] = [0, 0]
    X.forEach((row, i) => {
      if (r[i] === 0) return
      const v = r[i] * term(row.map((value, j) => value - about[j]))
      sum += v
      size += Math.abs(v)
    })
    sums.push({ sum, size })
  }
  if (moments === 'full') {
    for (let i = 0; i <= d; i++) for (let j = 0; j <= i; j++) add((t) => (t[i] ?? 1) * (t[j] ?? 1))
    return sums
  }
  add(() => 1)
  for (let j = 0; j < d; j++) add((t) => t[j])
  if (moments === 'diag') for (let j = 0; j < d; j++) add((t) => t[j] ** 2)
  if (moments === 'spherical') add((t) => t.reduce((s, v) => s + v * v, 0), mean)
  return sums
}

/** Error bound of a row's log-densities. A triangular product of d terms is off by d·2⁻⁵³ of them, in the kernel and in the oracle, a square by
 *  twice that; exp, log and the constants add a few units. (With conditions up to 50 and terms of either sign this holds with room: the
 *  largest error met is an eighth of it.) */
const logBound = (d: number, a: ArrayLike<number>) =>
  (d + 8) * EPS * (4 + Math.max(...Array.from(a, (v) => (Number.isFinite(v) ? Math.abs(v) : 0))))

function expectRows({ logNorm, responsibilities, labels }: ReturnType<typeof callKernel>, X: number[][], model: Model, w?: number[]) {
  const k = model.means.length
  const d = X[0].length
  let ratio = 0
  naiveLogDensities(X, model, model.type).forEach((a, i) => {
    const bound = logBound(d, a)
    const norm = naiveLogSumExp(a)
    ratio = Math.max(ratio, Math.abs(logNorm[i] - norm) / bound)
    const own = responsibilities.subarray(i * k, (i + 1) * k)
    const weight = w ? w[i] : 1
    let sum = 0
    own.forEach((r, c) => {
      sum += r
      ratio = Math.max(ratio, Math.abs(r - weight * Math.exp(a[c] - norm)) / (weight || 1) / (2 * bound))
    })
    // weight/Σe times e: one rounding each, k terms
    if (Math.abs(sum - weight) > (k + 2) * EPS * weight) throw new Error(`row ${i}: responsibilities sum to ${sum}, not ${weight}`)
    const best = Math.max(...a)
    if (!(labels[i] >= 0 && labels[i] < k) || a[labels[i]] < best - 2 * bound) throw new Error(`row ${i}: label ${labels[i]} of ${a}`)
  })
  expect(ratio, 'error over its bound').toBeLessThan(1)
}

function expectStatistics(
  stats: Float64Array,
  X: number[][],
  r: number[][],
  anchors: number[][],
  moments: CovarianceType,
  slack = 0,
  means = anchors,
) {
  const each = (stats.length - 1) / anchors.length
  let ratio = 0
  anchors.forEach((anchor, c) => {
    const expected = naiveStatistics(
      X,
      r.map((row) => row[c]),
      anchor,
      means[c],
      moments,
    )
    expect(expected.length).toBe(each)
    expected.forEach(({ sum, size }, s) => {
      // n additions and three products, d of them for ‖t‖², ours and the oracle's
      const bound = ((X.length + anchor.length + 4) * EPS + slack) * size
      const error = Math.abs(stats[1 + c * each + s] - sum)
      if (error !== 0) ratio = Math.max(ratio, error / bound) // NaN stays
    })
  })
  expect(ratio, 'error over its bound').toBeLessThan(1)
}

// ------------------------------------------------------------------------------------------------------------------- the tests

/** Every (d, k), with an n that walks through all sizes; the dear ones get a smaller n. And every n at a few (d, k). */
const CASES = [
  ...DS.flatMap((d, a) => KS.map((k, b) => ({ d, k, n: NS[(5 * a + 3 * b) % NS.length] }))).map(({ d, k, n }) => ({
    d,
    k,
    n: n * k * d * d > 6e5 ? NS[(d + k) % 9] : n,
  })),
  ...NS.flatMap((n) => [
    { d: 2, k: 3, n },
    { d: 5, k: 4, n },
  ]),
]

// of diag and spherical components, which are taken row by row from there on
const WIDE_CASES = [
  { d: 256, k: 3, n: 65 },
  { d: 257, k: 4, n: 259 },
  { d: 258, k: 1, n: 33 },
  { d: 259, k: 2, n: 70 },
]

describe.each(TYPES)('kernel mixture, %s', (type) => {
  it('densities, responsibilities, labels and sums are the oracle’s at every size, and any cut at multiples of 256 gives the same bits', () => {
    const cases = type === 'diag' || type === 'spherical' ? [...CASES, ...WIDE_CASES] : CASES
    cases.forEach(({ d, k, n }, index) => {
      const u = uniforms(1000 * index + CODE[type])
      const model = randomModel(u, type, k, d)
      const X = rowsNear(u, n, model)
      const w = index % 2 === 0 ? undefined : someWeights(u, n)
      const whole = callKernel({ X, model, w })
      expectRows(whole, X, model, w)
      const r = range(n).map((i) => Array.from(whole.responsibilities.subarray(i * k, (i + 1) * k)))
      expectStatistics(whole.stats, X, r, model.means, type)
      const total = whole.logNorm.reduce((s, v, i) => s + (w ? w[i] : 1) * v, 0)
      expect(Math.abs(whole.stats[0] - total)).toBeLessThanOrEqual(
        (n + 2) * EPS * whole.logNorm.reduce((s, v, i) => s + (w ? w[i] : 1) * Math.abs(v), 0),
      )
      for (const cuts of [[256], [512, 1024], range(9).map((i) => 256 * i)]) {
        const cut = callKernel({ X, model, w, cuts })
        for (const part of ['logNorm', 'responsibilities', 'labels', 'stats'] as const)
          expectBits(cut[part], whole[part], `${part}, n ${n}, d ${d}, k ${k}, cuts ${cuts}`)
      }
    })
  })

  it('moments from given responsibilities, about any anchors, of any kind', () => {
    for (const [index, { d, k, n }] of CASES.filter((_, i) => i % 5 === 0).entries()) {
      const u = uniforms(77 * index + CODE[type])
      const model = randomModel(u, type, k, d)
      const X = rowsNear(u, n, model)
      const w = index % 2 === 0 ? someWeights(u, n) : undefined
      const given = rowsOf(n, k, () => (u() < 0.3 ? 0 : u()))
      const anchors = rowsOf(k, d, () => 4 * u() - 2)
      for (const moments of [type === 'spherical' ? 'diag' : type, 'full'] as const) {
        const { stats } = callKernel({ X, model, w, given, anchors, moments })
        expect(stats[0]).toBe(0) // no log-likelihood without an E-step
        expectStatistics(
          stats,
          X,
          given.map((row, i) => row.map((r) => r * (w ? w[i] : 1))),
          anchors,
          moments,
        )
        expectBits(callKernel({ X, model, w, given, anchors, moments, cuts: [256, 768, 1024] }).stats, stats, 'cut')
      }
    }
  })

  it('a row’s results do not depend on the rows around it', () => {
    const u = uniforms(5)
    const model = randomModel(u, type, 5, 7)
    const X = rowsNear(u, 700, model)
    const whole = callKernel({ X, model })
    for (const [begin, end] of [
      [1, 2],
      [3, 300],
      [255, 258],
      [256, 700],
    ]) {
      const part = callKernel({ X: X.slice(begin, end), model })
      expectBits(part.logNorm, whole.logNorm.subarray(begin, end), 'logNorm')
      expectBits(part.responsibilities, whole.responsibilities.subarray(begin * 5, end * 5), 'responsibilities')
    }
  })

  it('responsibilities that underflow are 0, and a component no row belongs to has sums 0', () => {
    const model = randomModel(uniforms(3), type, 3, 4)
    model.means = [0, 1000, -1e6].map((m) => [m, m, m, m])
    const X = rowsNear(uniforms(4), 301, { ...model, means: model.means.slice(0, 2) })
    const { responsibilities, logNorm, labels, stats } = callKernel({ X, model })
    range(301).forEach((i) => {
      expect(Array.from(responsibilities.subarray(3 * i, 3 * i + 3))).toEqual(i % 2 === 0 ? [1, 0, 0] : [0, 1, 0])
      expect(labels[i]).toBe(i % 2)
    })
    expect(logNorm.every((v) => v > -100 && v < 0)).toBe(true)
    const each = (stats.length - 1) / 3
    expect(stats.subarray(1 + 2 * each).every((v) => v === 0)).toBe(true)
  })

  it('a component of weight 0 gets nothing', () => {
    const model = randomModel(uniforms(6), type, 3, 3)
    model.weights = [0.5, 0, 0.5]
    const X = rowsNear(uniforms(7), 50, model)
    const { responsibilities, labels } = callKernel({ X, model })
    expect(range(50).every((i) => responsibilities[3 * i + 1] === 0 && labels[i] !== 1)).toBe(true)
  })

  it('equal components share equally; labels go to the first', () => {
    const one = randomModel(uniforms(8), type, 1, 5)
    const model: Model = {
      ...one,
      weights: [0.25, 0.25, 0.25, 0.25],
      means: range(4).map(() => one.means[0]),
      covariances: type === 'tied' ? one.covariances : range(4).map(() => one.covariances[0]),
    }
    const { responsibilities, labels } = callKernel({ X: rowsNear(uniforms(9), 40, one), model })
    expect(responsibilities.every((r) => r === 0.25)).toBe(true)
    expect(labels.every((l) => l === 0)).toBe(true)
  })

  it('a sample 1e200 away: log-density −∞, equal responsibilities, and nothing happens to the others', () => {
    const u = uniforms(10)
    const model = randomModel(u, type, 3, 4)
    const X = rowsNear(u, 260, model)
    const clean = callKernel({ X, model })
    for (const far of [1e200, -1e200]) {
      const spoilt = callKernel({ X: X.map((row, i) => (i === 100 ? row.map(() => far) : row)), model })
      expect(spoilt.logNorm[100]).toBe(Number.NEGATIVE_INFINITY)
      expect(Array.from(spoilt.responsibilities.subarray(300, 303))).toEqual([1 / 3, 1 / 3, 1 / 3])
      expect(spoilt.labels[100]).toBe(0)
      expect(spoilt.stats[0]).toBe(Number.NEGATIVE_INFINITY)
      for (const i of [99, 101, 259]) {
        expect(spoilt.logNorm[i]).toBe(clean.logNorm[i])
        expectBits(spoilt.responsibilities.subarray(3 * i, 3 * i + 3), clean.responsibilities.subarray(3 * i, 3 * i + 3), `row ${i}`)
      }
    }
  })

  // far apart, overlapping, and so that many shares lie about the floor: a wide component among narrow ones
  const NEGLIGIBLE_CASES = [
    { spread: 12, about: 'separated' },
    { spread: 1, about: 'overlapping' },
    { spread: 4, about: 'near the floor' },
  ].flatMap(({ spread, about }) => [
    { spread, about, d: 3, k: 5, n: 300 },
    { spread, about, d: 16, k: 9, n: 300 },
    { spread, about, d: 17, k: 3, n: 257 },
    { spread, about, d: 34, k: 5, n: 141 },
    { spread, about, d: 257, k: 4, n: 141 },
  ])
  it.each(NEGLIGIBLE_CASES.filter(({ d }) => d < 256 || type === 'diag' || type === 'spherical'))(
    'what counts as 0 below a floor leaves all else as it was: $about, d = $d',
    ({ spread, about, d, k, n }) => {
      const u = uniforms(100 * d + k + spread + CODE[type])
      const model = randomModel(u, type, k, d, spread)
      if (about === 'near the floor') {
        if (type === 'full') for (let j = 0; j < d; j++) model.covariances[0][j][j] += 40
        if (type === 'diag') model.covariances[0].fill(40)
        if (type === 'spherical') model.covariances[0] = 40
      }
      const floors = model.weights.map((weight) => Math.log(weight) - 55 * Math.LN2)
      const X = rowsNear(u, n, model)
      const w = someWeights(u, n)
      const all = callKernel({ X, model, w })
      const some = callKernel({ X, model, w, floors })
      expect(Array.from(some.labels)).toEqual(Array.from(all.labels))
      let zeros = 0
      some.responsibilities.forEach((r, at) => {
        const [i, c] = [Math.floor(at / k), at % k]
        const before = all.responsibilities[at]
        const most = Math.max(...all.responsibilities.subarray(i * k, (i + 1) * k))
        // the share relative to the best, on either side of the floor by more than rounding
        const share = Math.log(before / most)
        if (w[i] > 0 && share < floors[c] - 1e-9) {
          zeros++
          if (r !== 0) throw new Error(`row ${i}, component ${c}: ${r}, a share of e^${share} below the floor ${floors[c]}`)
        } else if (!(w[i] > 0) || share > floors[c] + 1e-9) {
          if (Math.abs(r - before) > 4 * EPS * before) throw new Error(`row ${i}, component ${c}: ${r}, not ${before}`)
        }
        if (Math.abs(some.logNorm[i] - all.logNorm[i]) > 2 * EPS * (1 + Math.abs(all.logNorm[i]))) throw new Error(`row ${i}`)
      })
      if (about === 'separated') expect(zeros).toBeGreaterThan((n * k) / 4)
      // sums of components that keep a thousandth of their mass: within 1e-13 of the sizes of what is summed
      const mass = range(k).map((c) => range(n).reduce((sum, i) => sum + some.responsibilities[i * k + c], 0))
      const kept = range(k).filter((c) => mass[c] > (model.weights[c] * w.reduce((sum, v) => sum + v, 0)) / 1024)
      expect(kept.length).toBeGreaterThan(1)
      const each = (some.stats.length - 1) / k
      const stats = Float64Array.of(0, ...kept.flatMap((c) => [...some.stats.subarray(1 + c * each, 1 + (c + 1) * each)]))
      const r = range(n).map((i) => kept.map((c) => all.responsibilities[i * k + c]))
      const anchors = kept.map((c) => model.means[c])
      if (type !== 'spherical') expectStatistics(stats, X, r, anchors, type, 1e-13)
      // and a row gets the same bits whether its neighbours need a component or not
      for (const i of [0, 7, 100, n - 1]) {
        const alone = callKernel({ X: [X[i]], model, w: [w[i]], floors })
        expectBits(alone.logNorm, some.logNorm.subarray(i, i + 1), 'logNorm')
        expectBits(alone.responsibilities, some.responsibilities.subarray(i * k, (i + 1) * k), 'responsibilities')
      }
      const cut = callKernel({ X, model, w, floors, cuts: [256, 512] })
      expectBits(cut.stats, some.stats, 'stats')
      for (const unasked of [1, 31, -1]) {
        const other = callKernel({ X, model, w, floors, unasked })
        for (const part of ['logNorm', 'responsibilities', 'labels', 'stats'] as const)
          expectBits(other[part], some[part], `${part}, ${unasked} unasked`)
      }
    },
  )

  it('with a floor of 0 the labels are those of all densities', () => {
    for (const spread of [0.5, 3, 12]) {
      const model = randomModel(uniforms(spread), type, 7, 20, spread)
      const X = rowsNear(uniforms(12), 300, model)
      const { labels } = callKernel({ X, model, floors: model.weights.map(() => 0) })
      expect(Array.from(labels)).toEqual(Array.from(callKernel({ X, model }).labels))
    }
  })

  it('a row of weight 0 is absent from every sum, even 1e200 away', () => {
    const u = uniforms(11)
    const model = randomModel(u, type, 3, 5)
    const X = rowsNear(u, 300, model)
    const w = range(300).map((i) => (i % 3 === 1 ? 0 : 1 + u()))
    const sums = callKernel({ X, model, w }).stats
    expectBits(callKernel({ X: X.map((row, i) => (w[i] === 0 ? row.map((v) => v * 1e200) : row)), model, w }).stats, sums, 'far')
    const present = callKernel({ X: X.filter((_, i) => w[i] > 0), model, w: w.filter((v) => v > 0) }).stats
    expect(relativeError(present, sums)).toBeLessThan(300 * EPS)
  })
})

// From 256 features on, single precision decides which squares are taken. Whatever it can hold and whatever not, nothing may depend on it
describe.each(['diag', 'spherical'] as const)('kernel mixture of many features, %s', (type) => {
  const screened = (d: number, k: number, spread: number, change: (v: number, j: number) => number, scale: (j: number) => number) => {
    const u = uniforms(d * k + 1000 * spread + CODE[type])
    const model = randomModel(u, type, k, d, spread)
    const X = rowsNear(u, 70, model)
    const moved = { ...model, means: model.means.map((row) => row.map(change)) }
    moved.covariances =
      type === 'diag'
        ? model.covariances.map((row: number[]) => row.map((v, j) => v * scale(j) ** 2))
        : model.covariances.map((v: number) => v * scale(0) ** 2)
    return { X: X.map((row) => row.map(change)), model: moved }
  }
  const expectSame = ({ X, model }: { X: number[][]; model: Model }, what: string) => {
    for (const floors of [model.weights.map((weight) => Math.log(weight) - 55 * Math.LN2), model.weights.map(() => 0), undefined]) {
      const some = callKernel({ X, model, floors })
      const all = callKernel({ X, model, floors, unasked: -1 })
      for (const part of ['logNorm', 'responsibilities', 'labels', 'stats'] as const)
        expectBits(some[part], all[part], `${part}, ${what}, floors ${floors}`)
    }
  }

  it('units of any size: the bits of taking all squares', () => {
    for (const [d, k] of [
      [256, 6],
      [259, 5],
    ])
      for (const spread of [0.5, 4])
        for (const unit of [1e-150, 1e-44, 1e-39, 1e-30, 1e-22, 1e-19, 1, 1e15, 1e18, 1e19, 1e30, 1e38, 1e44, 1e150])
          expectSame(
            screened(
              d,
              k,
              spread,
              (v) => v * unit,
              () => unit,
            ),
            `${unit}`,
          )
  })

  it('far from 0, and features of many units: the same', () => {
    for (const spread of [0.5, 3, 30]) {
      expectSame(
        screened(
          258,
          5,
          spread,
          (v) => v + 2 ** 40,
          () => 1,
        ),
        'far',
      )
      if (type === 'diag') {
        const unit = (j: number) => 10 ** ((j % 21) * 4 - 40)
        expectSame(
          screened(258, 5, spread, (v, j) => v * unit(j), unit),
          'mixed',
        )
      }
    }
  })

  it('squares whose differences single precision does not see: the same', () => {
    const { X, model } = screened(
      256,
      6,
      2,
      (v) => v,
      () => 1,
    )
    const alike = <T>(list: T[]) => list.map((own, c) => (c < 3 ? list[0] : own))
    for (const step of [1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-12]) {
      const means = alike(model.means).map((row, c) => (c < 3 ? row.map((v) => v + c * step) : row))
      expectSame({ X, model: { ...model, weights: alike(model.weights), means, covariances: alike(model.covariances) } }, `${step} apart`)
    }
  })

  it('rows that overflow, and components as narrow as numbers allow: the same', () => {
    const { X, model } = screened(
      257,
      4,
      3,
      (v) => v,
      () => 1,
    )
    for (const far of [1e19, 1e39, 1e160, 1e300])
      expectSame({ X: X.map((row, i) => (i % 9 === 0 ? row.map(() => far) : row)), model }, `${far}`)
    for (const variance of [1e-90, 1e-40, 1e40, 1e90]) {
      const covariances = model.covariances.map((own: number[] | number, c: number) =>
        c === 1 ? (type === 'diag' ? (own as number[]).map((v, j) => (j % 3 === 0 ? variance : v)) : variance) : own,
      )
      expectSame({ X, model: { ...model, covariances } }, `variance ${variance}`)
    }
  })

  // Components that move a little and much, widen and narrow, change places; as many passes as parameters, every third twice
  it('bounds kept from pass to pass: the bits of taking all squares, and never above the root of one', () => {
    const [n, d, k] = [70, 257, 6]
    for (const [spread, unit, share] of [
      [0.1, 1, 0.1],
      [1, 1, 0.1],
      [4, 1e-15, 0.95],
      [4, 1e-44, type === 'diag' ? 0.95 : 0], // distances are too small for single precision
      [12, 1e25, type === 'diag' ? 0.95 : 0], // too large
    ]) {
      const u = uniforms(spread * 10)
      const start = randomModel(u, type, k, d, spread)
      const X = rowsNear(u, n, start).map((row, i) => row.map((v) => (i === 5 ? start.means[2][0] * 1e3 : v) * unit))
      const models = [1, 0, 1e-3, 0.03, 3, 1e-6, 0.3, 1e-4, 0.01, 1e9, 1e-3, 1e-5].map((step, t) => {
        const swap = t === 6 ? [1, 0, 2, 4, 3, 5] : range(k)
        const means = swap.map((c) => start.means[c].map((v) => (v + step * (u() - 0.5)) * unit))
        const wider = swap.map(() => Math.exp(Math.min(step, 3) * (u() - 0.5)))
        const own = (v: number, c: number) => v * wider[c] * (t === 7 && c === 1 ? 1e-9 : 1) * unit ** 2
        const covariances = swap.map((from, c) =>
          type === 'diag'
            ? start.covariances[from].map((v: number) => own(v, c) * Math.exp(Math.min(step, 1) * (u() - 0.5)))
            : own(start.covariances[from], c),
        )
        return { ...start, means, covariances }
      })
      fenced((memory) => {
        const begin = arena.mark()
        const [bounded, plain] = [new GaussianPass(arena, type, k, d), new GaussianPass(arena, type, k, d)]
        bounded.bound(n)
        const data: Resident = { arena, x: memory.f64(flat(X)), w: 0, n, d, totalWeight: n, largest: new Float64Array(d) }
        const length = 1 + k * kernels.mixtureStatistics(CODE[type], d)
        const scratch = memory.bytes(kernels.mixtureScratch(d, k))
        let known = 0
        models.forEach((model, t) => {
          for (const pass of [bounded, plain]) pass.load(packed(model))
          for (let again = 0; again <= Number(t % 3 === 2); again++) {
            const [some, all] = [bounded, plain].map((pass) => {
              pass.floors((logWeight) => (again ? -100 : logWeight - 55 * Math.LN2))
              const results = [memory.bytes(n * 8), memory.bytes(n * k * 8), memory.bytes(n * 4), memory.f64([...new Float64Array(length)])]
              const { args } = pass.over(data, { logNorm: results[0], responsibilities: results[1], labels: results[2] })
              arena.i32(scratch, 2).fill(0) // every block asks its bounds
              ;(kernels.mixture as (...all: number[]) => void)(...args, 0, n, results[3], scratch)
              return { bounds: args[11], results: [n, n * k, n / 2, length].map((many, i) => arena.f64(results[i], many).slice()) }
            })
            expect(some.bounds).toBeGreaterThan(0)
            expect(all.bounds).toBe(0)
            some.results.forEach((values, i) => expectBits(values, all.results[i], `result ${i}, parameters ${t}, spread ${spread}`))
            const bounds = new Float32Array(arena.memory.buffer, some.bounds + 8 * (1 + 2 * k), Math.ceil(n / 4) * 4 * k)
            X.forEach((row, i) =>
              range(k).forEach((c) => {
                const own = model.covariances[c]
                const terms = row.map((v, j) => (type === 'diag' ? (v - model.means[c][j]) / Math.sqrt(own[j]) : v - model.means[c][j]))
                const l = bounds[(i >> 2) * 4 * k + 4 * c + (i & 3)]
                const root = Math.hypot(...terms)
                if (!(l <= root)) expect.fail(`bound ${l} of a root ${root}: row ${i}, component ${c}, parameters ${t}, spread ${spread}`)
                if (t === 2 && again === 1 && l > 0.3 * root) known++
              }),
            )
          }
        })
        expect(known / (n * k)).toBeGreaterThanOrEqual(share)
        arena.release(begin)
      })
    }
  })

  it('of components far apart it takes few squares, of overlapping ones all', () => {
    for (const [spread, most] of [
      [0.1, 1],
      [12, 0.3],
    ]) {
      const { X, model } = screened(
        256,
        6,
        spread,
        (v) => v,
        () => 1,
      )
      const finite = fenced((memory) => {
        const [n, d, k] = [64, 256, 6]
        const pass = new GaussianPass(arena, type, k, d)
        pass.load(packed(model))
        pass.floors(() => -40)
        const { args } = pass.over({ arena, x: memory.f64(flat(X)), w: 0, n, d, totalWeight: n, largest: new Float64Array(d) }, {})
        const [squares, room] = [memory.bytes(n * k * 8), memory.bytes(n * d * 8)]
        kernels.approximateSquares(args[2], n, d, k, type === 'diag', args[10], squares, room)
        const before = arena.f64(squares, n * k).slice()
        kernels.markFar(squares, n / 4, d, k, args[6], args[10] + d * 8)
        const marked = arena.f64(squares, n * k)
        expect(before.every((v) => v > 0)).toBe(true)
        return marked.filter((v) => v === 0).length / (n * k)
      })
      expect(finite).toBeLessThanOrEqual(most)
      if (most === 1) expect(finite).toBeGreaterThan(0.9)
    }
  })
})

describe('bounds of squares, kept from pass to pass', () => {
  /** Passes of mixtures one after the other over the same rows: what each leaves, and its bounds (n×k), with bounds from the one before or without. */
  function passes(X: number[][], mixtures: GaussianParameters[], kept: boolean, w?: number[], cuts: number[] = []) {
    const [n, d, k] = [X.length, X[0].length, mixtures[0].weights.length]
    return fenced((memory) => {
      const pass = new GaussianPass(arena, 'full', k, d)
      const x = memory.f64(flat(X))
      const data: Resident = { arena, x, w: w ? memory.f64(w) : 0, n, d, totalWeight: n, largest: new Float64Array(d) }
      const table = arena.takeDoubles(0).byteOffset
      if (kept) pass.bound(n)
      const scratch = memory.bytes(kernels.mixtureScratch(d, k))
      arena.i32(scratch, 1)[0] = 0
      let before: GaussianParameters | undefined
      return mixtures.map((parameters) => {
        pass.load(parameters)
        pass.floors((logWeight) => logWeight - 55 * Math.LN2)
        pass.drifted(true, before && drift(before, parameters, k, d))
        before = parameters
        const length = 1 + k * kernels.mixtureStatistics(CODE.full, d)
        const [logNorm, labels, stats] = [memory.bytes(n * 8), memory.bytes(n * 4), memory.zeros(length)]
        const { args } = pass.over(data, { logNorm, labels })
        const edges = [0, ...cuts, n]
        for (let e = 1; e < edges.length; e++)
          (kernels.mixture as (...all: number[]) => void)(...args, edges[e - 1], edges[e], stats, scratch)
        const bounds = kept ? new Uint16Array(arena.memory.buffer, table + 8 * (1 + 2 * k), n * k).slice() : undefined
        return {
          logNorm: arena.f64(logNorm, n).slice(),
          labels: arena.i32(labels, n).slice(),
          stats: arena.f64(stats, length).slice(),
          bounds,
        }
      })
    })
  }

  /** What the components drift from one step's parameters to the next ones (K×2). */
  function drift(from: GaussianParameters, to: GaussianParameters, k: number, d: number): Float64Array {
    return fenced((memory) => {
      const [lower, scratch] = [memory.bytes(d * d * 8), memory.bytes(4 * (d + 2) * 8)]
      const out = memory.zeros(2 * k)
      for (let c = 0; c < k; c++) {
        const part = (of: Float64Array, length: number) => memory.f64(of.subarray(c * length, (c + 1) * length))
        kernels.cholesky(part(to.covariances as Float64Array, d * d), d, lower)
        kernels.drift(part(from.precisionsCholesky, d * d), part(from.means, d), lower, part(to.means, d), d, out + 16 * c, scratch)
      }
      return arena.f64(out, 2 * k).slice()
    })
  }

  const value = (bound: number) => new Float32Array(Uint32Array.of(bound << 16).buffer)[0]

  it.each(
    [
      { about: 'separated', spread: 9 },
      { about: 'overlapping', spread: 0.3 },
      { about: 'near the floor', spread: 1.6 },
    ].flatMap((one) => [
      { ...one, d: 16, k: 5, n: 300 },
      { ...one, d: 17, k: 3, n: 257 },
      { ...one, d: 66, k: 4, n: 141 },
      { ...one, d: 101, k: 3, n: 37 },
      { ...one, d: 32, k: 2, n: 1 },
    ]),
  )(
    'leave every bit as it was, and are below the squares, however the components move: $about, d = $d, n = $n',
    ({ spread, d, k, n, about }) => {
      const u = uniforms(d + k + n)
      const model = randomModel(u, 'full', k, d, spread)
      const X = rowsNear(u, n, model)
      if (n > 200) X[7] = X[7].map(() => 1e200) // all its squares overflow
      const moved = (share: number, scale = 1): Model => ({
        ...model,
        means: model.means.map((mean) => mean.map((v) => v + share * (u() - 0.5))),
        covariances: model.covariances.map((S: number[][]) => S.map((row) => row.map((v) => scale * v))),
      })
      const models = [
        model,
        model, // nothing moves
        moved(1e-3),
        moved(0.1, 1.02),
        moved(0.1, 0.97),
        { ...model, means: [...model.means.slice(1), model.means[0]] }, // all change places: what was far is near
        moved(5, 1e-3),
        moved(5, 1e3),
        model,
      ]
      const w = someWeights(u, n)
      const mixtures = models.map(packed)
      const [plain, bounded] = [passes(X, mixtures, false, w), passes(X, mixtures, true, w)]
      let out = 0
      mixtures.forEach(({ means, precisionsCholesky: factors }, i) => {
        for (const part of ['logNorm', 'labels', 'stats'] as const) expectBits(bounded[i][part], plain[i][part], `${part} of pass ${i}`)
        bounded[i].bounds?.forEach((bound, at) => {
          if (bound === 0 || Number.isNaN(value(bound)) || at % 7 > 0) return // of squares that overflow nothing is known
          const [row, c] = [Math.floor(at / k), at % k]
          let square = 0
          for (let j = 0; j < d; j++) {
            let y = 0
            for (let m = 0; m <= j; m++) y += factors[(c * d + m) * d + j] * (X[row][m] - means[c * d + m])
            square += y * y
          }
          if (!(value(bound) <= square)) throw new Error(`pass ${i}, row ${row}, component ${c}: bound ${value(bound)}, square ${square}`)
          out++
        })
      })
      if (about === 'separated' && n > 1) expect(out).toBeGreaterThan((models.length * n * (k - 1)) / 14)
      const cut = passes(X, mixtures, true, w, n > 256 ? [256] : [])
      models.forEach((_, i) => expectBits(cut[i].stats, bounded[i].stats, `stats of pass ${i}, cut`))
    },
  )

  it('where nothing moves, rows of components that are out are not looked at', () => {
    const u = uniforms(3)
    const model = randomModel(u, 'full', 4, 64, 9)
    const X = rowsNear(u, 256, model)
    const [first, second] = passes(X, [model, model].map(packed), true)
    const out = (bounds?: Uint16Array) => bounds?.filter((b) => b > 0).length
    expect(out(first.bounds)).toBe(3 * 256)
    // a square that was computed again would give back the bound of before; one that is only moved loses its last digits
    const lower = second.bounds?.filter((b, at) => b < (first.bounds as Uint16Array)[at]).length
    expect(lower).toBe(3 * 256)
  })

  // five steps that each use the bounds of the one before, against an oracle that leaves nothing out
  it.each([
    ['overlapping', 0.4],
    ['shares at the floor', 2],
    ['separated by 12 deviations', 12],
  ])('steps in a row are the oracle’s to 1e-13: components %s', (_, spread) => {
    const [d, k, n] = [66, 3, 600]
    const u = uniforms(n + spread)
    const model = randomModel(u, 'full', k, d, spread)
    const X = rowsNear(u, n, model)
    run(
      withRows(sourceOf(X), undefined, function* (data): Algorithm<void> {
        const em = new GaussianModel(data, 'full', k, 1e-6)
        let parameters = packed(model)
        for (let i = 0; i < 5; i++) {
          const [weights, means] = [[...parameters.weights], range(k).map((c) => [...parameters.means.subarray(c * d, (c + 1) * d)])]
          const S = parameters.covariances as Float64Array
          const covariances = range(k).map((c) => range(d).map((a) => [...S.subarray((c * d + a) * d, (c * d + a + 1) * d)]))
          const expected = naiveEmStep(X, { weights, means, covariances }, 'full', { regCovar: 1e-6 })
          const step = yield* em.step(parameters)
          parameters = step.parameters
          const bound = Math.max(1e-13, logBound(d, [10 + 3 * d]) + 8 * Math.sqrt(n) * EPS)
          expect(Math.abs(step.logLikelihood - expected.logLikelihood) / Math.abs(expected.logLikelihood)).toBeLessThan(bound)
          expect(relativeError(parameters.weights, expected.weights)).toBeLessThan(bound)
          expect(relativeError(parameters.means, expected.means)).toBeLessThan(bound)
          expect(covarianceError(parameters.covariances as Float64Array, expected.covariances, 'full', k, d)).toBeLessThan(
            (4 + spread * spread) * bound,
          )
        }
      }),
    )
  })
})

/** Means that are the vertices of a simplex about `offset`, each `reach` from it in every feature (d = k = 4, or 4·m features). */
const HADAMARD = [
  [1, 1, 1, 1],
  [1, -1, 1, -1],
  [1, 1, -1, -1],
  [-1, 1, 1, -1],
]
const crossed = (reach: number, d: number, offset = 0) =>
  [...HADAMARD, ...HADAMARD.map((row) => row.map((v) => -v))].map((row) => range(d).map((j) => offset + reach * row[j % 4]))

it('kernel mixture about an origin, full: components near it and beyond, far from 0: rows are the oracle’s, moments about the anchors chosen', () => {
  for (const d of [8, 15, 16, 17]) {
    const u = uniforms(d)
    const model = randomModel(u, 'full', 6, d, 0, 1e6)
    // variances of 0.5 to 2: two components some deviations from the others, on either side of what is near, and one far beyond
    for (const [c, by] of [2, 5, 12].entries()) model.means[c] = model.means[c].map((m, j) => m + (j === c ? by : 0))
    const X = rowsNear(u, 300, model)
    const whole = callKernel({ X, model, chosen: true })
    // of those near it the mean of the mixture, of the one far beyond its own
    const origin = range(d).map((j) => model.means.reduce((sum, mean, c) => sum + model.weights[c] * mean[j], 0))
    const others = whole.anchors.filter((anchor, c) => anchor.some((v, j) => v !== model.means[c][j]))
    expect(others.length).toBeGreaterThanOrEqual(2)
    for (const anchor of others) expect(relativeError(anchor, origin)).toBeLessThan(1e-14)
    expect(whole.anchors[2]).toEqual(model.means[2])
    expectRows(whole, X, model)
    const r = range(300).map((i) => Array.from(whole.responsibilities.subarray(i * 6, (i + 1) * 6)))
    expectStatistics(whole.stats, X, r, whole.anchors, 'full')
    // rows of which many, a sixth or none have no share in a component: gathered or scaled
    const bare = callKernel({ X, model, chosen: true, floors: model.weights.map((_, c) => -4 * c) })
    const shares = range(300).map((i) => Array.from(bare.responsibilities.subarray(i * 6, (i + 1) * 6)))
    expectStatistics(bare.stats, X, shares, bare.anchors, 'full')
    const cut = callKernel({ X, model, chosen: true, cuts: [256] })
    for (const part of ['logNorm', 'responsibilities', 'stats'] as const) expectBits(cut[part], whole[part], part)
  }
})

describe.each(['diag', 'spherical'] as const)('kernel mixture about an origin, %s', (type) => {
  const model8 = (means: number[][], variance: (c: number) => number): Model => ({
    type,
    weights: means.map(() => 1 / means.length),
    means,
    covariances: means.map((row, c) => (type === 'diag' ? row.map(() => variance(c)) : variance(c))),
  })
  const isMean = ({ anchors }: ReturnType<typeof callKernel>, { means }: Model) =>
    anchors.map((anchor, c) => anchor.every((v, j) => v === means[c][j]))

  it('rows, labels and sums are the oracle’s about whatever anchors it chooses; any cut gives the same bits', () => {
    CASES.filter(({ d }) => d > 3).forEach(({ d, k, n }, index) => {
      const u = uniforms(500 * index + CODE[type])
      const model = randomModel(u, type, k, d, 1, index % 3 === 0 ? 1e6 : 0)
      // every third case: one component far narrower, or far away
      if (index % 3 === 1) model.covariances[k - 1] = type === 'diag' ? range(d).map(() => 1e-4) : 1e-4
      if (index % 3 === 2 && k > 4) model.means[1] = model.means[1].map((m) => m + 30)
      const X = rowsNear(u, n, model)
      if (n > 5) X[3] = X[3].map((v) => v + 100) // a row no component is near
      const w = index % 2 === 0 ? undefined : someWeights(u, n)
      const whole = callKernel({ X, model, w, chosen: true })
      expectRows(whole, X, model, w)
      const r = range(n).map((i) => Array.from(whole.responsibilities.subarray(i * k, (i + 1) * k)))
      expectStatistics(whole.stats, X, r, whole.anchors, type, 64 * d * EPS, model.means)
      const cut = callKernel({ X, model, w, chosen: true, cuts: [256, 512, 1024] })
      for (const part of ['logNorm', 'responsibilities', 'labels', 'stats'] as const)
        expectBits(cut[part], whole[part], `${part}, n ${n}, d ${d}, k ${k}`)
    })
  })

  it('takes moments about the mean of the mixture where that is within 8 standard deviations (4 in the mean, spherical), else about the means', () => {
    for (const [reach, variance, near] of type === 'diag'
      ? ([
          [8, 1, true],
          [8.001, 1, false],
          [8e-150, 1e-300, true],
          [8.001e150, 1e300, false],
        ] as const)
      : ([
          [1.7, 1, true], // rows lie √(1.7² + 1) from the origin, and 4 is twice that at √3
          [1.74, 1, false],
          [1.7e-140, 1e-280, true],
          [1.74e140, 1e280, false],
        ] as const)) {
      const model = model8(crossed(reach, 8), () => variance)
      const X = rowsNear(uniforms(40), 40, model)
      expect(isMean(callKernel({ X, model, chosen: true }), model)).toEqual(range(8).map(() => !near))
    }
    // one component that is narrow is about its own mean, the others are not
    const model = model8(crossed(1, 8), (c) => (c === 2 ? 0.001 : 1))
    expect(isMean(callKernel({ X: rowsNear(uniforms(41), 40, model), model, chosen: true }), model)).toEqual(range(8).map((c) => c === 2))
  })

  it('many components far from each other and the origin, narrow and wide: a step is the oracle’s to 1e-13', () => {
    for (const [spread, variance] of [
      [1e3, 1],
      [1, 1e-8],
      [10, 1e-2],
    ]) {
      const u = uniforms(60)
      const [k, d] = [24, 6]
      const model = randomModel(u, type, k, d, spread)
      model.covariances = model8(model.means, () => variance).covariances
      const grid = 2 ** 34 / spread
      const X = range(2000).map((i) =>
        model.means[i % k].map((m) => Math.round((m + 2 * Math.sqrt(variance) * (u() + u() + u() - 1.5)) * grid) / grid),
      )
      const { logLikelihood, parameters } = emStep(X, model, { regCovar: 0 })
      const expected = naiveEmStep(X, model, type, { regCovar: 0 })
      expect(Math.abs(logLikelihood - expected.logLikelihood)).toBeLessThan(1e-13 * Math.max(1, Math.abs(expected.logLikelihood)))
      expect(relativeError(parameters.weights, expected.weights)).toBeLessThan(1e-13)
      expect(covarianceError(parameters.covariances, expected.covariances, type, k, d)).toBeLessThan(1e-13)
    }
  })

  // what the guard promises, at its edge: moments and distances keep 13 digits, also far from 0
  it.each([
    ['inside', type === 'diag' ? 7.99 : 1.7, 0],
    ['outside', type === 'diag' ? 8.01 : 1.8, 0],
    ['inside, at an offset of a million', type === 'diag' ? 7.99 : 1.7, 2 ** 20],
    ['outside, at an offset of a million', type === 'diag' ? 8.01 : 1.8, 2 ** 20],
  ])('a step just %s the guard is the oracle’s to 1e-13', (_, reach, offset) => {
    for (const d of [4, 8, 16, 20]) {
      const model = model8(crossed(reach, d), () => 1)
      const grid = 2 ** 12 // rows and means that an offset of 2²⁰ does not round
      const rounded = (table: number[][]) => table.map((row) => row.map((v) => Math.round(v * grid) / grid))
      model.means = rounded(model.means)
      const X = rounded(rowsNear(uniforms(d), 3000, model))
      const away = (table: number[][]) => table.map((row) => row.map((v) => v + offset))
      const { logLikelihood, parameters } = emStep(away(X), { ...model, means: away(model.means) })
      const expected = naiveEmStep(X, model, type, { regCovar: 1e-6 })
      expect(Math.abs(logLikelihood - expected.logLikelihood)).toBeLessThan(1e-13 * Math.abs(expected.logLikelihood))
      expect(relativeError(parameters.weights, expected.weights)).toBeLessThan(1e-13)
      expect(covarianceError(parameters.covariances, expected.covariances, type, 8, d)).toBeLessThan(1e-13)
    }
  })
})

// ------------------------------------------------------------------------------------------------------ the M-step of src/gaussian.ts

interface StepOptions {
  weights?: number[]
  regCovar?: number
}

/** Runs one algorithm of GaussianModel over X. */
function onModel(
  X: number[][],
  type: CovarianceType,
  k: number,
  { weights, regCovar = 1e-6 }: StepOptions,
  algorithm: (model: GaussianModel) => Algorithm<unknown>,
) {
  return run(withRows(sourceOf(X), weights && Float64Array.from(weights), (data) => algorithm(new GaussianModel(data, type, k, regCovar))))
}
type Step = { logLikelihood: number; parameters: Required<GaussianParameters> }
const emStep = (X: number[][], model: Model, options: StepOptions = {}) =>
  onModel(X, model.type, model.means.length, options, function* (m) {
    return kept(m, yield* m.step(packed(model)))
  }) as Step
const kept = (m: GaussianModel, { logLikelihood, parameters }: Omit<Step, 'parameters'> & { parameters: GaussianParameters }) => ({
  logLikelihood,
  parameters: m.keep(parameters),
})
/** A step, how many passes of the model it takes, and whether these are about an origin. */
function counted(X: number[][], model: Model, options: StepOptions = {}): Step & { passes: number; central: boolean } {
  let passes = 0
  let central = false
  const step = onModel(X, model.type, model.means.length, options, function* (m) {
    const steps = m.step(packed(model))
    for (let next = steps.next(); ; next = steps.next(yield next.value)) {
      if (next.done) return kept(m, next.value)
      if (!('kernel' in next.value) || next.value.args[0] !== CODE[model.type]) continue
      passes++
      central = next.value.args[10] !== 0
    }
  }) as Step
  return { ...step, passes, central }
}

const fromGiven = (X: number[][], R: number[][], type: CovarianceType, options: StepOptions = {}) =>
  onModel(X, type, R[0].length, options, (m) =>
    m.fromResponsibilities((begin, end, out) => {
      for (let i = begin; i < end; i++) out.set(R[i], (i - begin) * R[0].length)
    }),
  ) as Required<GaussianParameters>

/** Largest error of covariances over the standard deviations of the features concerned. */
function covarianceError(actual: ArrayLike<number>, expected: Model['covariances'], type: CovarianceType, k: number, d: number): number {
  const naive = flat(expected)
  let error = 0
  const tables = type === 'full' ? k : type === 'tied' ? 1 : 0
  for (let c = 0; c < tables; c++) {
    const S = naiveCovariance(expected, type, c, d)
    for (let i = 0; i < d; i++)
      for (let j = 0; j < d; j++) error = Math.max(error, Math.abs(actual[(c * d + i) * d + j] - S[i][j]) / Math.sqrt(S[i][i] * S[j][j]))
  }
  if (tables === 0)
    naive.forEach((v, i) => {
      error = Math.max(error, Math.abs(actual[i] - v) / v)
    })
  expect(actual.length).toBe(naive.length)
  return error
}

describe('tied components by what their squares do not have in common', () => {
  const near = (X: number[][], model: Model, weights?: number[]) => {
    const d = X[0].length
    const { logLikelihood, parameters, passes, central } = counted(X, model, { weights })
    const expected = naiveEmStep(X, model, 'tied', { weights, regCovar: 1e-6 })
    expect(passes).toBe(1)
    // as with z, but for sums in which squares up to 64 times as large cancel
    const bound = logBound(d, [10 + 3 * d]) + 64 * EPS * Math.sqrt(d) + 8 * Math.sqrt(X.length) * EPS
    expect(Math.abs(logLikelihood - expected.logLikelihood) / Math.max(1, Math.abs(logLikelihood))).toBeLessThan(bound)
    expect(relativeError(parameters.weights, expected.weights)).toBeLessThan(bound)
    expect(relativeError(parameters.means, expected.means)).toBeLessThan(bound)
    expect(covarianceError(parameters.covariances, expected.covariances, 'tied', model.means.length, d)).toBeLessThan(4 * bound)
    return central
  }

  it('one pass, the oracle’s step, from 8 features on', () => {
    for (const d of [7, 8, 9, 17, 40])
      for (const k of [1, 2, 3, 4, 5, 9])
        for (const spread of [0.5, 3]) {
          const u = uniforms(100 * d + k)
          const model = randomModel(u, 'tied', k, d, spread)
          const X = rowsNear(u, 260, model)
          expect(near(X, model, k % 2 === 0 ? someWeights(u, 260) : undefined)).toBe(d >= 8)
        }
  })

  it('where large numbers would cancel z is taken: components far apart, features that nearly depend on each other', () => {
    for (const [apart, alike, expands] of [
      [1, 0, true],
      [40, 0, false],
      [1, 0.9, true],
      [1, 0.9999, false],
    ] as const) {
      const u = uniforms(7)
      const [d, k] = [12, 3]
      const model = randomModel(u, 'tied', k, d, apart)
      for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) model.covariances[i][j] = i === j ? 1 : alike
      const X = range(400).map((i) => {
        const common = Math.sqrt(3 * alike) * (u() + u() + u() + u() - 2)
        return model.means[i % k].map((m) => m + common + Math.sqrt(3 * (1 - alike)) * (u() + u() + u() + u() - 2))
      })
      expect(counted(X, model).central).toBe(expands)
      if (expands) near(X, model)
    }
  })
})

describe.each(TYPES)('GaussianModel, %s', (type) => {
  it('a step is the oracle’s: weights, means, covariances, mean log-likelihood', () => {
    for (const [index, { d, k, n }] of [
      { d: 1, k: 1, n: 5 },
      { d: 1, k: 3, n: 1025 },
      { d: 2, k: 2, n: 2049 },
      { d: 3, k: 4, n: 1023 },
      { d: 4, k: 9, n: 1024 },
      { d: 5, k: 5, n: 257 },
      { d: 8, k: 3, n: 1025 },
      { d: 9, k: 2, n: 255 },
      { d: 16, k: 3, n: 513 },
      { d: 17, k: 2, n: 300 },
      { d: 33, k: 2, n: 200 },
    ].entries()) {
      const u = uniforms(31 * index + CODE[type])
      const model = randomModel(u, type, k, d)
      const X = rowsNear(u, n, model)
      const weights = index % 2 === 0 ? undefined : someWeights(u, n)
      const { logLikelihood, parameters } = emStep(X, model, { weights })
      const expected = naiveEmStep(X, model, type, { weights, regCovar: 1e-6 })
      // responsibilities are good to the bound of the log-densities, sums over n rows to n·2⁻⁵² at most, √n·2⁻⁵² as a rule
      const bound = logBound(d, [10 + 3 * d]) + 8 * Math.sqrt(n) * EPS
      expect(Math.abs(logLikelihood - expected.logLikelihood)).toBeLessThan(bound)
      expect(relativeError(parameters.weights, expected.weights)).toBeLessThan(bound)
      expect(relativeError(parameters.means, expected.means)).toBeLessThan(bound)
      expect(covarianceError(parameters.covariances, expected.covariances, type, k, d)).toBeLessThan(4 * bound)
    }
  })

  // the log-likelihood of a block whose rows weigh the same is the logarithm of a product
  it('rows that weigh the same: the bits of rows without weights, and the log-likelihood of its rows one by one', () => {
    for (const { d, k, n } of [
      { d: 2, k: 3, n: 700 },
      { d: 9, k: 4, n: 1290 },
    ]) {
      const u = uniforms(d + k + CODE[type])
      const model = randomModel(u, type, k, d)
      const X = rowsNear(u, n, model)
      const free = emStep(X, model)
      const same = emStep(X, model, { weights: X.map(() => 1) })
      expectBits([same.logLikelihood], [free.logLikelihood], 'log-likelihood')
      expectBits(same.parameters.means, free.parameters.means, 'means')
      const { logNorm } = callKernel({ X, model })
      const each = (weights: number[]) => logNorm.reduce((s, v, i) => s + weights[i] * v, 0) / weights.reduce((s, v) => s + v, 0)
      for (const weights of [X.map(() => 3), X.map((_, i) => Number(i % 3 === 0)), X.map((_, i) => Number(i < 513) + 1)])
        expect(relativeError([emStep(X, model, { weights }).logLikelihood], [each(weights)])).toBeLessThan(8 * Math.sqrt(n) * EPS)
    }
  })

  // what lies more than 55 ln 2 − ln π below the best component is left out of E and M: the oracle leaves nothing out
  it.each([
    ['overlapping', 0.5, undefined],
    ['separated by 12 deviations, shares at the floor', 12, undefined],
    ['separated by 60', 60, undefined],
    ['with a component that loses all but 1e-20 of its mass', 3, 9],
    ['with a component that no row is near any more', 3, 40],
  ] as const)('shares too small to matter change nothing to 1e-13: components %s', (_, spread, lost) => {
    for (const { d, k, n } of [
      { d: 1, k: 3, n: 1025 },
      { d: 2, k: 5, n: 800 },
      { d: 5, k: 3, n: 300 },
      { d: 16, k: 6, n: 1500 },
      { d: 130, k: 4, n: 400 },
      { d: 200, k: 4, n: 200 },
      { d: 260, k: 4, n: 300 },
    ]) {
      if ((type === 'full' && d > 16) || (type === 'tied' && d > 200)) continue // fewer rows than a covariance needs
      const u = uniforms(d * k + n)
      const model = randomModel(u, type, k, d, spread)
      const X = rowsNear(u, n, model)
      // still the weight it had, but nothing near it
      if (lost !== undefined) model.means[1] = model.means[1].map((m) => m + lost)
      const { logLikelihood, parameters } = emStep(X, model)
      const expected = naiveEmStep(X, model, type, { regCovar: 1e-6 })
      const bound = Math.max(1e-13, logBound(d, [10 + 3 * d]) + 8 * Math.sqrt(n) * EPS)
      expect(Math.abs(logLikelihood - expected.logLikelihood) / Math.max(1, Math.abs(logLikelihood))).toBeLessThan(bound)
      expect(relativeError(parameters.weights, expected.weights)).toBeLessThan(bound)
      // the component that lost its mass: rounding of its few squares, hundreds large, is e^rounding on its shares
      const slack = lost === undefined ? 1 : 1 + lost * lost * d
      expect(relativeError(parameters.means, expected.means)).toBeLessThan(slack * bound)
      if (lost === undefined || type === 'tied')
        expect(covarianceError(parameters.covariances, expected.covariances, type, k, d)).toBeLessThan((4 + spread * spread) * bound)
    }
  })

  it.each([25, 30, 33, 37, 38, 60, 1e5])('blocks with rows %d deviations from every component, beside blocks without', (away) => {
    for (const { d, k } of [
      { d: 1, k: 3 },
      { d: 2, k: 2 },
      { d: 3, k: 5 },
      { d: 4, k: 4 },
      { d: 8, k: 5 },
      { d: 17, k: 4 },
    ]) {
      const n = 900
      const u = uniforms(d * k + away)
      const model = randomModel(u, type, k, d, 3)
      const X = rowsNear(u, n, model)
      for (let i = 300; i < 640; i += 97) X[i][0] += 2 * away // variances are below 4
      const { logLikelihood, parameters } = emStep(X, model)
      const expected = naiveEmStep(X, model, type, { regCovar: 1e-6 })
      // rounding of their squares is e^rounding on their shares
      const bound = Math.max(1e-13, logBound(d, [10 + 3 * d]) + 8 * Math.sqrt(n) * EPS)
      const slack = 1 + (away > 1e4 ? 0 : 16 * away * away)
      expect(Math.abs(logLikelihood - expected.logLikelihood)).toBeLessThan(bound * Math.abs(expected.logLikelihood))
      if (away > 1e4) continue // whose they are, rounding decides
      expect(relativeError(parameters.weights, expected.weights)).toBeLessThan(slack * bound)
      expect(relativeError(parameters.means, expected.means)).toBeLessThan(slack * bound)
      expect(covarianceError(parameters.covariances, expected.covariances, type, k, d)).toBeLessThan(slack * bound)
    }
  })

  it('the M-step from responsibilities, also where they cross slots, and from labels', () => {
    for (const n of [60, 1024, 1025, 2500]) {
      const u = uniforms(n)
      const model = randomModel(u, type, 3, 4)
      const X = rowsNear(u, n, model)
      const soft = rowsOf(n, 3, u).map((row) => row.map((v) => v / (row[0] + row[1] + row[2])))
      const hard = range(n).map((i) => range(3).map((c) => Number(i % 3 === c)))
      for (const [R, weights] of [
        [soft, undefined],
        [hard, undefined],
        [soft, someWeights(u, n)],
      ] as const) {
        const actual = fromGiven(X, R, type, { weights, regCovar: 0.01 })
        const expected = naiveMStep(X, R, type, { weights, regCovar: 0.01 })
        const bound = 16 * Math.sqrt(n) * EPS
        const total = weights ? weights.reduce((s, v) => s + v, 0) : n
        expect(
          relativeError(
            actual.weights,
            expected.counts.map((c) => c / total),
          ),
        ).toBeLessThan(bound)
        expect(relativeError(actual.means, expected.means)).toBeLessThan(bound)
        // moments are taken about the mean of all rows, up to 5σ from a component's: 1 + 5² times the variance is summed
        expect(covarianceError(actual.covariances, expected.covariances, type, 3, 4)).toBeLessThan(26 * bound)
      }
    }
  })

  it('from rows: means are the rows, weights 1/N each, covariances regCovar; tied (XᵀX − Σ μμᵀ)/K', () => {
    const model = randomModel(uniforms(20), type, 3, 3)
    const X = rowsNear(uniforms(21), 50, model)
    const rows = [7, 0, 44]
    const start = onModel(X, type, 3, { regCovar: 0.25 }, (m) => m.fromRows(Int32Array.from(rows))) as Required<GaussianParameters>
    expect(
      relativeError(
        start.means,
        rows.map((r) => X[r]),
      ),
    ).toBeLessThan(12 * EPS) // the guard on n_k = 1 pulls by 10·2⁻⁵²
    expect(relativeError(start.weights, [1 / 50, 1 / 50, 1 / 50])).toBeLessThan(12 * EPS)
    if (type !== 'tied') {
      const expected =
        type === 'full'
          ? range(3).map(() => range(3).map((i) => range(3).map((j) => (i === j ? 0.25 : 0))))
          : type === 'diag'
            ? rowsOf(3, 3, () => 0.25)
            : [0.25, 0.25, 0.25]
      expect(Array.from(start.covariances)).toEqual(flat(expected))
    } else {
      const gram = (table: number[][], i: number, j: number) => table.reduce((s, row) => s + row[i] * row[j], 0)
      const expected = range(3).map((i) =>
        range(3).map(
          (j) =>
            (gram(X, i, j) -
              gram(
                rows.map((r) => X[r]),
                i,
                j,
              )) /
              3 +
            (i === j ? 0.25 : 0),
        ),
      )
      expect(relativeError(start.covariances, expected)).toBeLessThan(64 * EPS)
    }
  })

  it('a component that starves in one step gets all of its mass, however small its shares', () => {
    const u = uniforms(24)
    for (const d of [2, 16]) {
      const model = randomModel(u, type, 3, d, 0)
      // the third is 80 to 90 nats below the others for every row: its mass is about e^−80
      model.means[2] = model.means[2].map((m, j) => m + (j === 0 ? 12 : 0))
      if (type !== 'tied') model.covariances[2] = model.covariances[0]
      const X = rowsNear(u, 600, { ...model, means: model.means.slice(0, 2) })
      const { parameters } = emStep(X, model, { regCovar: 1e-3 })
      const expected = naiveEmStep(X, model, type, { regCovar: 1e-3 })
      expect(parameters.weights[2]).toBeGreaterThan(0)
      expect(parameters.weights[2]).toBeLessThan(1e-9)
      // log-densities of about 100 are good to d·2⁻⁵² of that
      const bound = 4 * logBound(d, [300])
      expect(relativeError(parameters.weights, expected.weights)).toBeLessThan(bound)
      expect(relativeError(parameters.means, expected.means)).toBeLessThan(bound)
    }
  })

  it('a component of a start that keeps one row in two thousand costs no second pass', () => {
    const model = randomModel(uniforms(25), type, 2, 2, 0)
    model.weights = [0.5, 0.5]
    model.means[1] = model.means[0].map((m) => m + 12)
    const X = rowsNear(uniforms(26), 4000, { ...model, means: model.means.slice(0, 1) })
    X[7] = model.means[1]
    const { parameters, passes } = counted(X, model, { regCovar: 0.25 })
    expect(passes).toBe(1)
    const expected = naiveEmStep(X, model, type, { regCovar: 0.25 }).weights
    expect(relativeError(parameters.weights, expected)).toBeLessThan(1e-13)
  })

  // a mean that moves by hundreds of its new deviations: moments are taken once more, diag and spherical of that component alone
  it.each([[[4]], [[0, 3]], [[0, 1, 2, 5]]])('components %j keep one row of a mixture with an origin: all keep 13 digits', (lonely) => {
    const [d, k] = [6, 6]
    const u = uniforms(27)
    const model = randomModel(u, type, k, d, 0.5)
    const others = range(k).filter((c) => !lonely.includes(c))
    const X = rowsNear(u, 1500, { ...model, means: others.map((c) => model.means[c]) })
    for (const c of lonely) {
      model.means[c] = range(d).map((j) => (j === c ? 14 : 0))
      model.weights[c] = 1e-3
      X[100 * c] = model.means[c].map((m) => m + 0.6)
    }
    const { parameters, passes } = counted(X, model)
    const expected = naiveEmStep(X, model, type, { regCovar: 1e-6 })
    expect(passes).toBe(type === 'tied' ? 1 : 2)
    expect(relativeError(parameters.weights, expected.weights)).toBeLessThan(1e-12)
    expect(relativeError(parameters.means, expected.means)).toBeLessThan(1e-12)
    expect(covarianceError(parameters.covariances, expected.covariances, type, k, d)).toBeLessThan(1e-12)
  })

  // moments are taken once more where means move by hundreds of deviations; covariances are no small differences of large numbers; nothing is lost to
  // the grid that means lie on far from the origin
  const onGrid = (X: number[][]) => X.map((row) => row.map((v) => Math.round(v * 4096) / 4096)) // so that 1e6 away they are the same rows
  const apart = (means: number[][], n: number) => (u: () => number) => {
    const model = { ...randomModel(u, type, means.length, 3), means }
    return { model, X: onGrid(rowsNear(u, n, model)) }
  }
  const FAR = [
    [0, 0, 0],
    [1e5, -1e5, 1e5],
    [-2e5, 2e5, 2e5],
  ]
  const NEAR = [
    [0, 20, -3],
    [20, 0, 3],
  ]
  // tied: rows are whitened once, about one origin for all components, so coordinates of 2·10⁵ round, in each of 3 terms, before they are squared
  const farLikelihood = type === 'tied' ? 3 * 2e5 * EPS * 3 : 64 * EPS
  it.each([
    { about: 'means that move by a thousand deviations', offset: 0, make: moving, covariances: 1e-12, likelihood: undefined },
    { about: 'clusters 1e5 deviations apart', offset: 0, make: apart(FAR, 600), covariances: 1e-12, likelihood: farLikelihood },
    { about: 'the same at 1e6', offset: 1e6, make: apart(FAR, 600), covariances: 1e-12, likelihood: farLikelihood },
    // tied: T is (20σ)²/4 + σ², so the difference keeps all but 100 of its 2⁻⁵²·√n
    { about: '20 deviations apart at 1e6', offset: 1e6, make: apart(NEAR, 500), covariances: 100 * 16 * EPS, likelihood: 1e-13 },
  ])('a step keeps its digits: $about', ({ offset, make, covariances, likelihood }) => {
    const { model, X } = make(uniforms(22))
    const away = (table: number[][]) => table.map((row) => row.map((v) => v + offset))
    const { parameters, logLikelihood } = emStep(away(X), { ...model, means: away(model.means) }, { regCovar: 0 })
    const expected = naiveEmStep(X, model, type, { regCovar: 0 })
    expect(covarianceError(parameters.covariances, expected.covariances, type, model.means.length, 3)).toBeLessThan(covariances)
    if (likelihood !== undefined) expect(Math.abs(logLikelihood - expected.logLikelihood)).toBeLessThan(likelihood)
    // the sums of both, half of the grid that means far away lie on, and what the guard pulls them by: 10·2⁻⁵²·mean/n_k
    const size = Math.max(...flat(away(model.means)).map(Math.abs))
    const grid = offset > 0 ? (2 ** Math.floor(Math.log2(size)) * EPS) / 2 + (10 * EPS * size) / 160 : 0
    const bound = 16 * EPS * (size - offset) + grid
    expect(Math.max(...flat(parameters.means).map((m, i) => Math.abs(m - offset - flat(expected.means)[i])))).toBeLessThan(bound)
  })

  function moving(u: () => number) {
    const truth = [0, 1].map((c) => range(3).map((j) => 10 * c + j))
    const X = range(400).map((i) => truth[i % 2].map((m) => m + 0.001 * (u() + u() + u() - 1.5)))
    // means one unit off with standard deviation 1: every row is sure of its component, and S2 is 10⁶ times the variance
    const identity = range(3).map((i) => range(3).map((j) => Number(i === j)))
    const wide = { full: [identity, identity], tied: identity, diag: rowsOf(2, 3, () => 1), spherical: [1, 1] }
    const model: Model = { type, weights: [0.5, 0.5], means: truth.map((row) => row.map((m) => m + 1)), covariances: wide[type] }
    return { model, X }
  }

  it('weights of any size: the same bits for weights 2⁻⁶⁰ and 2⁶⁰ times as large', () => {
    const u = uniforms(25)
    const model = randomModel(u, type, 3, 4)
    const X = rowsNear(u, 1100, model)
    const weights = someWeights(u, 1100)
    const once = emStep(X, model, { weights })
    for (const scale of [2 ** -60, 2 ** 60]) {
      const scaled = emStep(X, model, { weights: weights.map((w) => w * scale) })
      expect(scaled.logLikelihood).toBe(once.logLikelihood)
      for (const part of ['weights', 'means', 'covariances', 'precisionsCholesky'] as const)
        expectBits(scaled.parameters[part], once.parameters[part], part)
    }
  })

  it('far from the origin a start whose weights do not sum to 1 loses no digits', () => {
    // scikit-learn's k-means++ start leaves weights of 1/N
    const u = uniforms(26)
    const model = randomModel(u, type, 2, 3)
    const X = onGrid(rowsNear(u, 300, model))
    const scaled = { ...model, weights: [1 / 300, 1 / 300], means: onGrid(model.means) }
    const there = { ...scaled, means: scaled.means.map((row) => row.map((v) => v + 2 ** 30)) }
    const near = emStep(X, scaled)
    const far = emStep(
      X.map((row) => row.map((v) => v + 2 ** 30)),
      there,
    )
    expect(Math.abs(far.logLikelihood - near.logLikelihood)).toBeLessThan(64 * EPS * Math.abs(near.logLikelihood))
    expect(relativeError(far.parameters.covariances, near.parameters.covariances)).toBeLessThan(1e-13)
  })
})
