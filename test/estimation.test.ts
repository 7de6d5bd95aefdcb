// Maximum likelihood, maximum a posteriori and Bayes' rule beyond the course's numbers: edges, conventions, accuracy, refusals.
import fc from 'fast-check'
import { Matrix as MlMatrix } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import {
  DegenerateCovarianceError,
  Matrix,
  type MatrixLike,
  loadIris,
  logLikelihood,
  maximumAPosteriori,
  maximumLikelihood,
  posterior,
} from '../src/index.ts'
import { blobs, EPS, expectBits, flat, relativeError, thrown, uniforms } from './near.ts'
import { naiveCholesky, naiveInverse, naiveLogDensities } from './oracle.ts'

const sum = (values: number[]) => values.reduce((s, v) => s + v, 0)
type Kind = typeof TypeError | typeof RangeError | typeof DegenerateCovarianceError
function expectRefusals(cases: [() => unknown, Kind, RegExp][]): void {
  for (const [action, kind, message] of cases) {
    const error = thrown(action)
    expect(error.message).toMatch(message)
    expect(error).toBeInstanceOf(kind)
  }
}

describe('logLikelihood', () => {
  it('has the shape of p', () => {
    const counts = { successes: 3, trials: 10 }
    const one = logLikelihood(counts, 0.25)
    expect(one).toBeCloseTo(3 * Math.log(0.25) + 7 * Math.log(0.75), 13)
    expect(logLikelihood(counts, [0.25, 0.5])).toEqual([one, logLikelihood(counts, 0.5)])
    expect(logLikelihood(counts, Float64Array.of(0.25))).toEqual([one])
    expect(logLikelihood(counts, [])).toEqual([])
  })

  it('0·ln 0 = 0, and −∞ for what cannot be', () => {
    expect(logLikelihood({ successes: 0, trials: 4 }, [0, 1])).toEqual([0, Number.NEGATIVE_INFINITY])
    expect(logLikelihood({ successes: 4, trials: 4 }, [0, 1])).toEqual([Number.NEGATIVE_INFINITY, 0])
    expect(logLikelihood({ successes: 1, trials: 4 }, [0, 1])).toEqual([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY])
    expect(logLikelihood({ successes: 0, trials: 0 }, [0, 0.3, 1])).toEqual([0, 0, 0])
  })

  it('does not underflow where the likelihood does', () => {
    expect(logLikelihood({ successes: 5000, trials: 10_000 }, 0.5)).toBeCloseTo(-10_000 * Math.LN2, 9)
    expect(Number.isFinite(logLikelihood({ successes: 3, trials: 5 }, 1e-300))).toBe(true)
  })

  it('refuses what is no probability', () => {
    const counts = { successes: 1, trials: 2 }
    expectRefusals([
      [() => logLikelihood(counts, 1.5), RangeError, /^p: expected a number from 0 to 1, got 1.5/],
      [() => logLikelihood(counts, [0.5, -0.1]), RangeError, /^p\[1\]: .*got -0.1/],
      [() => logLikelihood(counts, [0.5, Number.NaN]), RangeError, /^p\[1\]: .*got NaN/],
      [() => logLikelihood(counts, '0.5' as never), TypeError, /^p: expected a number from 0 to 1, got '0.5'/],
      [() => logLikelihood(counts, ['0.5'] as never), TypeError, /^p\[0\]: .*got '0.5'/],
      [() => logLikelihood(counts, undefined as never), TypeError, /^p: .*got undefined/],
      [() => logLikelihood(counts, null as never), TypeError, /^p: .*got null/],
    ])
  })
})

describe('counts', () => {
  const uses: Record<string, (counts: never) => unknown> = {
    logLikelihood: (counts) => logLikelihood(counts, 0.5),
    'maximumLikelihood.bernoulli': (counts) => maximumLikelihood.bernoulli(counts),
    'maximumAPosteriori.bernoulli': (counts) =>
      maximumAPosteriori.bernoulli({ ...(counts as { successes: number; trials: number }), prior: { alpha: 2, beta: 2 } }),
  }
  it.each(Object.entries(uses))('%s refuses what are none', (name, use) => {
    const bad: [unknown, Kind, RegExp][] = [
      [{ successes: 3, trials: 2 }, RangeError, /successes: expected at most trials = 2, got 3/],
      [{ successes: -1, trials: 2 }, RangeError, /successes: .*at least 0, got -1/],
      [{ successes: Number.NaN, trials: 2 }, RangeError, /successes: .*got NaN/],
      [{ successes: 1, trials: Number.POSITIVE_INFINITY }, RangeError, /trials: .*got Infinity/],
      [{ successes: '1', trials: 2 }, TypeError, /successes: .*got '1'/],
      [{ successes: 1 }, TypeError, /expected \{ successes, trials.* \}, got nothing for trials/],
      [{ succeses: 1, trials: 2 }, TypeError, /unknown option 'succeses'. Did you mean 'successes'/],
      ...(name.startsWith('maximumA')
        ? []
        : ([
            [undefined, TypeError, /got nothing for successes/],
            [null, TypeError, /options object/],
            [[1, 2], TypeError, /options object/],
            [3, TypeError, /options object/],
          ] as [unknown, Kind, RegExp][])),
    ]
    expectRefusals(bad.map(([counts, kind, message]) => [() => use(counts as never), kind, message]))
  })
})

describe('maximumLikelihood.bernoulli', () => {
  it('is the top of the curve', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), (successes, failures) => {
        fc.pre(successes + failures > 0)
        const counts = { successes, trials: successes + failures }
        const { p, logLikelihood: top } = maximumLikelihood.bernoulli(counts)
        expect(p).toBe(successes / counts.trials)
        expect(top).toBe(logLikelihood(counts, p))
        return logLikelihood(counts, [0, 1, p * 0.999, 1 - (1 - p) * 0.999]).every((v) => v <= top)
      }),
      { seed: 28 },
    )
  })

  it('takes fractions, as an E-step gives them', () => {
    expect(maximumLikelihood.bernoulli({ successes: 0.75, trials: 1.5 }).p).toBe(0.5)
  })

  it('needs a trial', () => {
    expectRefusals([
      [
        () => maximumLikelihood.bernoulli({ successes: 0, trials: 0 }),
        RangeError,
        /expected trials greater than 0, got 0.*maximumAPosteriori/,
      ],
    ])
  })
})

describe('maximumAPosteriori.bernoulli', () => {
  const at = (successes: number, trials: number, alpha: number, beta: number) =>
    maximumAPosteriori.bernoulli({ successes, trials, prior: { alpha, beta } })

  it('is the top of likelihood × prior', () => {
    const u = uniforms(3)
    for (let i = 0; i < 200; i++) {
      const [successes, failures, alpha, beta] = [Math.floor(20 * u()), Math.floor(20 * u()), 1 + 5 * u(), 1 + 5 * u()]
      const { p } = at(successes, successes + failures, alpha, beta)
      const height = (q: number) => (successes + alpha - 1) * Math.log(q) + (failures + beta - 1) * Math.log(1 - q)
      for (const q of [0.001, 0.3, 0.7, 0.999, p * 0.99, 1 - (1 - p) * 0.99]) expect(height(q)).toBeLessThanOrEqual(height(p) + 1e-12)
      // successes and failures of a prior count like those of the data
      expect(p).toBeCloseTo(at(0, 0, successes + alpha, failures + beta).p, 14)
    }
  })

  it('logPosterior: the log-likelihood and the log of the normalised prior', () => {
    const gamma: Record<number, number> = {
      0.5: Math.sqrt(Math.PI),
      1: 1,
      1.5: Math.sqrt(Math.PI) / 2,
      2: 1,
      2.5: (3 * Math.sqrt(Math.PI)) / 4,
      3: 2,
      3.5: (15 * Math.sqrt(Math.PI)) / 8,
      4: 6,
      5: 24,
      6: 120,
      7: 720,
    }
    for (const alpha of [1, 1.5, 2, 2.5, 3])
      for (const beta of [1.5, 2, 2.5, 3.5, 4]) {
        if (!(alpha + beta in gamma)) continue
        const { p, logPosterior } = at(3, 10, alpha, beta)
        const prior =
          Math.log(gamma[alpha + beta] / (gamma[alpha] * gamma[beta])) + (alpha - 1) * Math.log(p) + (beta - 1) * Math.log(1 - p)
        expect(logPosterior).toBeCloseTo(logLikelihood({ successes: 3, trials: 10 }, p) + prior, 12)
      }
    expect(at(0, 0, 2, 2)).toEqual({ p: 0.5, logPosterior: expect.closeTo(Math.log(1.5), 14) })
    // any prior integrates to 1: midpoints
    for (const [alpha, beta] of [
      [2.3, 3.7],
      [1.01, 9],
      [60.5, 40.25],
      [300, 700],
    ]) {
      const { p, logPosterior } = at(0, 0, alpha, beta)
      const height = (q: number) => (alpha - 1) * Math.log(q) + (beta - 1) * Math.log(1 - q)
      let mass = 0
      for (let i = 0; i < 1e5; i++) mass += Math.exp(logPosterior + height((i + 0.5) / 1e5) - height(p)) / 1e5
      expect(mass).toBeCloseTo(1, 5)
    }
  })

  it('with a posterior parameter of at most 1 the mode is at that edge', () => {
    expect(at(0, 5, 1, 1)).toEqual({ p: 0, logPosterior: 0 })
    expect(at(5, 5, 1, 1)).toEqual({ p: 1, logPosterior: 0 })
    expect(at(0, 0, 1, 3)).toEqual({ p: 0, logPosterior: expect.closeTo(Math.log(3), 14) })
    expect(at(0, 0, 3, 1)).toEqual({ p: 1, logPosterior: expect.closeTo(Math.log(3), 14) })
    // a pole
    expect(at(0, 5, 0.5, 0.5)).toEqual({ p: 0, logPosterior: Number.POSITIVE_INFINITY })
    expect(at(5, 5, 0.5, 0.5)).toEqual({ p: 1, logPosterior: Number.POSITIVE_INFINITY })
    expect(at(0, 0, 0.5, 1)).toEqual({ p: 0, logPosterior: Number.POSITIVE_INFINITY })
    expect(at(0, 0, 1, 0.5)).toEqual({ p: 1, logPosterior: Number.POSITIVE_INFINITY })
    // one success and one failure outweigh any prior below 1
    expect(at(1, 2, 0.5, 0.5)).toEqual({ p: 0.5, logPosterior: expect.any(Number) })
    expect(Number.isFinite(at(1, 2, 0.5, 0.5).logPosterior)).toBe(true)
  })

  it('the uniform prior is maximum likelihood, at once', () => {
    for (const [successes, trials] of [
      [0, 3],
      [1, 3],
      [3, 3],
      [17, 29],
    ]) {
      const { p, logLikelihood: l } = maximumLikelihood.bernoulli({ successes, trials })
      expect(at(successes, trials, 1, 1)).toEqual({ p, logPosterior: l })
    }
  })

  it('refuses where no p is best, and what is no prior', () => {
    const counts = { successes: 1, trials: 2 }
    const map = (prior: unknown) => () => maximumAPosteriori.bernoulli({ ...counts, prior } as never)
    expectRefusals([
      [() => at(0, 0, 0.5, 0.5), RangeError, /Beta\(0.5, 0.5\), which has two modes, 0 and 1\. Give trials, or/],
      [() => at(0, 0, 1, 1), RangeError, /Beta\(1, 1\), which is flat: every p is a mode/],
      [map({ alpha: 0, beta: 1 }), RangeError, /alpha: expected a finite number greater than 0, got 0/],
      [map({ alpha: 1, beta: -1 }), RangeError, /beta: .*got -1/],
      [map({ alpha: 1, beta: Number.NaN }), RangeError, /beta: .*got NaN/],
      [map({ alpha: '1', beta: 1 }), TypeError, /alpha: .*got '1'/],
      [map({ alpha: 1 }), TypeError, /prior: expected \{ alpha, beta \}, got nothing for beta/],
      [map({ a: 1, b: 1 }), TypeError, /maximumAPosteriori.bernoulli: prior: unknown option 'a'/],
      [map(undefined), TypeError, /got nothing for prior/],
      [map(null), TypeError, /prior: expected an options object such as \{ alpha: … \}, got null/],
      [map([1, 1]), TypeError, /prior: expected an options object/],
    ])
  })
})

// ------------------------------------------------------------------------------------------------------------------------------ Gaussian

/** Weighted mean and population covariance, naively. */
function naiveMoments(X: number[][], w: number[] = X.map(() => 1)) {
  const n = sum(w)
  const mean = X[0].map((_, j) => sum(X.map((row, i) => w[i] * row[j])) / n)
  const covariance = mean.map((_, a) => mean.map((_, b) => sum(X.map((row, i) => w[i] * (row[a] - mean[a]) * (row[b] - mean[b]))) / n))
  return { mean, covariance }
}
/** A mean and covariance near the given ones: the latter's factor is what is changed, so it stays positive definite. */
function perturbed(u: () => number, mean: number[], covariance: number[][]): [number[], number[][]] {
  const size = 10 ** (-3 * u())
  const L = naiveCholesky(covariance)
  const factor = L.map((row) => row.map((v) => v * (1 + size * (u() - 0.5))))
  return [mean.map((v, j) => v + size * L[j][j] * (u() - 0.5)), factor.map((a) => factor.map((b) => sum(a.map((v, m) => v * b[m]))))]
}
const naiveLogLikelihood = (X: number[][], mean: number[], covariance: number[][], w: number[] = X.map(() => 1)) =>
  sum(naiveLogDensities(X, { weights: [1], means: [mean], covariances: [covariance] }, 'full').map(([l], i) => w[i] * l))

describe('maximumLikelihood.gaussian', () => {
  it.each([
    [2, 1],
    [3, 2],
    [10, 3],
    [50, 5],
    [200, 9],
    [1500, 4],
    [3000, 2],
  ])('N = %d, D = %d: mean, population covariance, total log-likelihood', (n, d) => {
    const X = blobs(n, n, d, 1)
    const fit = maximumLikelihood.gaussian(X)
    const naive = naiveMoments(X)
    const room = 4 * (n + d) * EPS // sums of n terms
    expect(relativeError(fit.mean, naive.mean)).toBeLessThan(room)
    expect(relativeError(fit.covariance, naive.covariance)).toBeLessThan(room)
    for (let a = 0; a < d; a++) for (let b = 0; b < a; b++) expect(fit.covariance[a][b]).toBe(fit.covariance[b][a])
    if (n > d + 1) expect(relativeError(fit.logLikelihood, naiveLogLikelihood(X, fit.mean, fit.covariance))).toBeLessThan(1e-11)
    expect(Array.isArray(fit.mean) && Array.isArray(fit.covariance) && Array.isArray(fit.covariance[0])).toBe(true)
  })

  it('is exact where the numbers are', () => {
    expect(maximumLikelihood.gaussian([[0], [2]])).toEqual({
      mean: [1],
      covariance: [[1]],
      logLikelihood: expect.closeTo(-Math.log(2 * Math.PI) - 1, 14),
    })
    expect(
      maximumLikelihood.gaussian([
        [0, 0],
        [2, 0],
        [0, 2],
        [2, 2],
      ]),
    ).toMatchObject({
      mean: [1, 1],
      covariance: [
        [1, 0],
        [0, 1],
      ],
    })
    expect(maximumLikelihood.gaussian([[1e6 + 1], [1e6 - 1]])).toMatchObject({ mean: [1e6], covariance: [[1]] })
  })

  it.each([1e3, 1e6, -1e6, 1e9, 1e12])('an offset of %d costs no digits', (offset) => {
    // whole numbers, which the offset does not round
    const u = uniforms(7)
    const X = blobs(7, 300, 3, 2).map((row) => row.map((v) => Math.round(v + 4 * u())))
    const near = maximumLikelihood.gaussian(X)
    const far = maximumLikelihood.gaussian(X.map((row) => row.map((v) => v + offset)))
    expect(relativeError(far.covariance, near.covariance)).toBeLessThan(300 * EPS)
    expect(relativeError(far.logLikelihood, near.logLikelihood)).toBeLessThan(300 * EPS)
    // the nearest double: half a unit in the last place of numbers of that size
    const half = 2 ** (Math.floor(Math.log2(Math.abs(offset) + 20)) - 53)
    far.mean.forEach((v, j) => expect(Math.abs(v - offset - near.mean[j])).toBeLessThanOrEqual(half * (1 + 1e-3)))
  })

  it.each([1e-150, 1e-9, 1e9, 1e150])('a scale of %d', (scale) => {
    const X = blobs(8, 100, 2, 2)
    const [plain, scaled] = [maximumLikelihood.gaussian(X), maximumLikelihood.gaussian(X.map((row) => row.map((v) => v * scale)))]
    expect(
      relativeError(
        scaled.mean,
        plain.mean.map((v) => v * scale),
      ),
    ).toBeLessThan(1e-13)
    expect(
      relativeError(
        scaled.covariance,
        plain.covariance.map((row) => row.map((v) => v * scale * scale)),
      ),
    ).toBeLessThan(1e-12)
    expect(relativeError(scaled.logLikelihood, plain.logLikelihood - 200 * Math.log(scale))).toBeLessThan(1e-12)
  })

  it('any other parameters are less likely', () => {
    const X = blobs(9, 80, 2, 2)
    const { mean, covariance, logLikelihood: top } = maximumLikelihood.gaussian(X)
    const u = uniforms(9)
    for (let i = 0; i < 100; i++) expect(naiveLogLikelihood(X, ...perturbed(u, mean, covariance))).toBeLessThan(top)
  })

  it('sampleWeight: absent, repeated, fractions', () => {
    const X = blobs(10, 60, 2, 2)
    const w = X.map((_, i) => i % 3)
    const weighted = maximumLikelihood.gaussian(X, { sampleWeight: w })
    const repeated = maximumLikelihood.gaussian(X.flatMap((row, i) => new Array<number[]>(w[i]).fill(row)))
    for (const name of ['mean', 'covariance', 'logLikelihood'] as const)
      expect(relativeError(weighted[name], repeated[name])).toBeLessThan(1e-13)
    const u = uniforms(10)
    const shares = X.map(() => u() * 1e-6)
    const soft = maximumLikelihood.gaussian(X, { sampleWeight: shares })
    const naive = naiveMoments(X, shares)
    expect(relativeError(soft.mean, naive.mean)).toBeLessThan(1e-13)
    expect(relativeError(soft.covariance, naive.covariance)).toBeLessThan(1e-13)
    expect(relativeError(soft.logLikelihood, naiveLogLikelihood(X, naive.mean, naive.covariance, shares))).toBeLessThan(1e-12)
    // a row that is absent may be anywhere
    const far = maximumLikelihood.gaussian([...X, [1e18, -1e18]], { sampleWeight: [...w, 0] })
    expect(relativeError(far.covariance, weighted.covariance)).toBeLessThan(1e-13)
  })

  it('any form of matrix', () => {
    const { data } = loadIris()
    const expected = maximumLikelihood.gaussian(data)
    const before = data.data.slice()
    const forms: MatrixLike[] = [
      data.toArray(),
      Array.from(data, (row) => Float64Array.from(row)),
      { data: data.data, shape: [150, 4] },
      new MlMatrix(data.toArray()),
    ]
    for (const form of forms) expect(maximumLikelihood.gaussian(form)).toEqual(expected)
    expectBits(data.data, before)
    const large = Matrix.zeros(140_000, 1) // lies in WebAssembly memory
    large.data.forEach((_, i) => void (large.data[i] = i % 2))
    expect(maximumLikelihood.gaussian(large)).toMatchObject({ mean: [0.5], covariance: [[0.25]] })
  })

  it('without spread in some direction there is no maximum', () => {
    const degenerate: number[][][] = [
      [[3]],
      [[1, 2]],
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
      [
        [0.1, 1],
        [0.1, 2],
        [0.1, 4],
      ],
      [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 10],
      ], // three rows in three dimensions
      blobs(11, 50, 2, 1).map(([a, b]) => [a, b, a / 3 - b / 7]),
      blobs(11, 50, 1, 1).map(([a]) => [a, 1e12]),
    ]
    for (const X of degenerate)
      for (const offset of [0, 1e6]) {
        const error = thrown(() => maximumLikelihood.gaussian(X.map((row) => row.map((v) => v + offset))))
        expect(error).toBeInstanceOf(DegenerateCovarianceError)
        expect((error as DegenerateCovarianceError).component).toBe(0)
        expect(error.message).toMatch(/feature \d has no spread/)
      }
    // nearly is not quite
    expect(
      maximumLikelihood.gaussian([
        [1, 1],
        [2, 2],
        [3, 3 + 1e-6],
      ]).covariance[0][0],
    ).toBeCloseTo(2 / 3, 14)
  })

  it('refusals', () => {
    expectRefusals([
      [() => maximumLikelihood.gaussian([]), RangeError, /X: maximumLikelihood.gaussian expected at least 1 row/],
      [() => maximumLikelihood.gaussian([[]]), RangeError, /X: expected at least 1 column/],
      [() => maximumLikelihood.gaussian([[1], [Number.NaN]]), RangeError, /X: expected finite numbers, got NaN at row 1, column 0/],
      [() => maximumLikelihood.gaussian([[1, 2], [3]]), RangeError, /X: expected every row to have 2 columns/],
      [() => maximumLikelihood.gaussian([[1], ['2']] as never), TypeError, /X: expected a number at row 1/],
      [() => maximumLikelihood.gaussian([1, 2, 3] as never), TypeError, /X: expected a 2-d array/],
      [() => maximumLikelihood.gaussian(undefined as never), TypeError, /X: expected a matrix/],
      [() => maximumLikelihood.gaussian([[1], [2]], { sampleWeight: [1] }), RangeError, /sampleWeight: expected 2 numbers/],
      [() => maximumLikelihood.gaussian([[1], [2]], { sampleWeight: [1, -1] }), RangeError, /sampleWeight: .*got -1 at 1/],
      [
        () => maximumLikelihood.gaussian([[1], [2]], { weights: [1, 1] } as never),
        TypeError,
        /maximumLikelihood.gaussian: unknown option 'weights'/,
      ],
    ])
  })
})

describe('maximumAPosteriori.gaussian', () => {
  const X = blobs(12, 40, 2, 2)
  const prior = {
    mean: [1, -2],
    meanPrecision: 3,
    degreesOfFreedom: 7,
    scale: [
      [5, 1],
      [1, 4],
    ],
  }

  /** ln Γ at half of a whole number, from Γ(1/2) = √π and Γ(1) = 1. */
  const logGammaOfHalf = (twice: number): number =>
    twice === 1 ? 0.5 * Math.log(Math.PI) : twice === 2 ? 0 : Math.log((twice - 2) / 2) + logGammaOfHalf(twice - 2)
  const logDet = (S: number[][]) => 2 * sum(naiveCholesky(S).map((row, j) => Math.log(row[j])))

  /** Log of likelihood × prior density, term by term; ν₀ whole. */
  function logJoint(rows: number[][], p: typeof prior, mean: number[], covariance: number[][]) {
    const d = mean.length
    const { degreesOfFreedom: nu, meanPrecision: kappa } = p
    const inverse = naiveInverse(covariance)
    const trace = sum(p.scale.flatMap((row, a) => row.map((v, b) => v * inverse[b][a])))
    let logMultiGamma = ((d * (d - 1)) / 4) * Math.log(Math.PI)
    for (let j = 1; j <= d; j++) logMultiGamma += logGammaOfHalf(nu + 1 - j)
    const inverseWishart =
      0.5 * nu * logDet(p.scale) - 0.5 * nu * d * Math.LN2 - logMultiGamma - 0.5 * (nu + d + 1) * logDet(covariance) - 0.5 * trace
    return (
      naiveLogLikelihood(rows, mean, covariance) +
      naiveLogLikelihood(
        [mean],
        p.mean,
        covariance.map((row) => row.map((v) => v / kappa)),
      ) +
      inverseWishart
    )
  }

  it('the mode is that of the contract', () => {
    const { mean: centre, covariance } = naiveMoments(X)
    const [n, d] = [40, 2]
    const { mean: mu0, meanPrecision: kappa, degreesOfFreedom: nu, scale } = prior
    const fit = maximumAPosteriori.gaussian(X, { prior })
    expect(
      relativeError(
        fit.mean,
        centre.map((v, j) => (kappa * mu0[j] + n * v) / (kappa + n)),
      ),
    ).toBeLessThan(1e-13)
    const expected = scale.map((row, a) =>
      row.map(
        (v, b) => (v + n * covariance[a][b] + ((kappa * n) / (kappa + n)) * (centre[a] - mu0[a]) * (centre[b] - mu0[b])) / (nu + n + d + 2),
      ),
    )
    expect(relativeError(fit.covariance, expected)).toBeLessThan(1e-13)
  })

  it.each([
    [1, 1],
    [1, 2],
    [2, 3],
    [40, 2],
    [30, 5],
  ])('logPosterior is likelihood × normalised prior there, N = %d, D = %d', (n, d) => {
    const rows = blobs(n, n, d, 1)
    const scale = rows[0].map((_, a) => rows[0].map((_, b) => (a === b ? 2 + a : 0.3)))
    for (const degreesOfFreedom of [d, d + 1, d + 6]) {
      const own = { mean: rows[0].map((_, j) => j - 0.5), meanPrecision: 0.7, degreesOfFreedom, scale }
      const fit = maximumAPosteriori.gaussian(rows, { prior: own })
      const expected = logJoint(rows, own, fit.mean, fit.covariance)
      expect(Math.abs(fit.logPosterior - expected)).toBeLessThan(1e-11 * (1 + Math.abs(expected)))
    }
  })

  it('perturbations of mean and covariance lower it', () => {
    for (const rows of [X, X.slice(0, 3), X.slice(0, 1)]) {
      const { mean, covariance, logPosterior } = maximumAPosteriori.gaussian(rows, { prior })
      const u = uniforms(13)
      for (let i = 0; i < 150; i++) expect(logJoint(rows, prior, ...perturbed(u, mean, covariance))).toBeLessThan(logPosterior)
    }
  })

  it('the derivative vanishes there', () => {
    const { mean, covariance } = maximumAPosteriori.gaussian(X, { prior })
    const h = 1e-4
    const slope = (f: (t: number) => number) => (f(h) - f(-h)) / (2 * h)
    for (const j of [0, 1])
      expect(
        Math.abs(
          slope((t) =>
            logJoint(
              X,
              prior,
              mean.map((v, i) => v + (i === j ? t : 0)),
              covariance,
            ),
          ),
        ),
      ).toBeLessThan(1e-4)
    for (const [a, b] of [
      [0, 0],
      [0, 1],
      [1, 1],
    ])
      expect(
        Math.abs(
          slope((t) =>
            logJoint(
              X,
              prior,
              mean,
              covariance.map((row, i) => row.map((v, j) => v + ((i === a && j === b) || (i === b && j === a) ? t : 0))),
            ),
          ),
        ),
      ).toBeLessThan(1e-4)
  })

  it('a flat prior is maximum likelihood; a heavy one is itself; much data outweigh any', () => {
    const none = {
      mean: [9, 9],
      meanPrecision: 0,
      degreesOfFreedom: -4,
      scale: [
        [0, 0],
        [0, 0],
      ],
    }
    const { mean, covariance, logLikelihood: l } = maximumLikelihood.gaussian(X)
    expect(maximumAPosteriori.gaussian(X, { prior: none })).toEqual({ mean, covariance, logPosterior: l })
    const heavy = {
      mean: [9, -9],
      meanPrecision: 1e12,
      degreesOfFreedom: 1e12,
      scale: [
        [2e12, 0],
        [0, 3e12],
      ],
    }
    const fixed = maximumAPosteriori.gaussian(X, { prior: heavy })
    expect(relativeError(fixed.mean, [9, -9])).toBeLessThan(1e-9)
    expect(
      relativeError(fixed.covariance, [
        [2, 0],
        [0, 3],
      ]),
    ).toBeLessThan(1e-6) // N·(x̄ − μ₀)² against 1e12
    const many = X.flatMap((row) => new Array<number[]>(2000).fill(row))
    expect(relativeError(maximumAPosteriori.gaussian(many, { prior }).covariance, covariance)).toBeLessThan(1e-3)
  })

  it('priors without a density: their kernel counts', () => {
    const { mean, covariance, logPosterior } = maximumAPosteriori.gaussian(X, { prior: { ...prior, meanPrecision: 0 } })
    const inverse = naiveInverse(covariance)
    const trace = sum(prior.scale.flatMap((row, a) => row.map((v, b) => v * inverse[b][a])))
    expect(logPosterior).toBeCloseTo(naiveLogLikelihood(X, mean, covariance) - 0.5 * (7 + 4) * logDet(covariance) - 0.5 * trace, 9)
    expect(relativeError(mean, naiveMoments(X).mean)).toBeLessThan(1e-13)
  })

  it('gives data without spread some', () => {
    const fit = maximumAPosteriori.gaussian([[3, 3]], {
      prior: {
        mean: [3, 3],
        meanPrecision: 1,
        degreesOfFreedom: 3,
        scale: [
          [8, 0],
          [0, 8],
        ],
      },
    })
    expect(fit).toMatchObject({
      mean: [3, 3],
      covariance: [
        [1, 0],
        [0, 1],
      ],
    }) // ν₀ + N + D + 2 = 8
    expect(Number.isFinite(fit.logPosterior)).toBe(true)
    const line = maximumAPosteriori.gaussian(
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
      { prior },
    )
    expect(naiveCholesky(line.covariance)).toHaveLength(2)
    expect(() =>
      maximumAPosteriori.gaussian(
        [
          [1, 1],
          [2, 2],
          [3, 3],
        ],
        {
          prior: {
            ...prior,
            scale: [
              [0, 0],
              [0, 0],
            ],
            meanPrecision: 0,
          },
        },
      ),
    ).toThrow(DegenerateCovarianceError)
    // so little that rounding hides it
    expect(() =>
      maximumAPosteriori.gaussian(
        [
          [1, 1],
          [2, 2],
          [3, 3],
        ],
        {
          prior: {
            ...prior,
            meanPrecision: 0,
            scale: [
              [1e-18, 0],
              [0, 1e-18],
            ],
          },
        },
      ),
    ).toThrow(DegenerateCovarianceError)
  })

  it.each([1e6, 1e9])('an offset of %d costs no digits', (offset) => {
    const whole = X.map((row) => row.map(Math.round))
    const far = { ...prior, mean: prior.mean.map((v) => v + offset) }
    const [near, moved] = [
      maximumAPosteriori.gaussian(whole, { prior }),
      maximumAPosteriori.gaussian(
        whole.map((row) => row.map((v) => v + offset)),
        { prior: far },
      ),
    ]
    expect(relativeError(moved.covariance, near.covariance)).toBeLessThan(100 * EPS)
    expect(relativeError(moved.logPosterior, near.logPosterior)).toBeLessThan(100 * EPS)
    moved.mean.forEach((v, j) => expect(Math.abs(v - offset - near.mean[j])).toBeLessThanOrEqual(EPS * offset))
  })

  it('sampleWeight counts as rows do', () => {
    const w = X.map((_, i) => i % 3)
    const [weighted, repeated] = [
      maximumAPosteriori.gaussian(X, { prior, sampleWeight: w }),
      maximumAPosteriori.gaussian(
        X.flatMap((row, i) => new Array<number[]>(w[i]).fill(row)),
        { prior },
      ),
    ]
    for (const name of ['mean', 'covariance', 'logPosterior'] as const)
      expect(relativeError(weighted[name], repeated[name])).toBeLessThan(1e-13)
  })

  it('refusals', () => {
    const map =
      (change: object, more: object = {}) =>
      () =>
        maximumAPosteriori.gaussian(X, { prior: { ...prior, ...change }, ...more } as never)
    expectRefusals([
      [map({ mean: [1] }), RangeError, /prior.mean: expected shape \(2\), got length 1/],
      [map({ mean: [1, Number.NaN] }), RangeError, /prior.mean\[1\]: expected a finite number, got NaN/],
      [map({ mean: 0 }), TypeError, /mean: expected an array, got 0/],
      [map({ meanPrecision: -1 }), RangeError, /meanPrecision: .*at least 0, got -1/],
      [map({ meanPrecision: [1, 1] }), TypeError, /meanPrecision: /],
      [map({ degreesOfFreedom: Number.POSITIVE_INFINITY }), RangeError, /degreesOfFreedom: expected a finite number, got Infinity/],
      [map({ degreesOfFreedom: '3' }), TypeError, /degreesOfFreedom: expected a finite number, got '3'/],
      [map({ degreesOfFreedom: -44 }), RangeError, /prior.degreesOfFreedom: expected more than −\(N \+ D \+ 2\) = -44, got -44/],
      [map({ scale: [[1]] }), RangeError, /prior.scale: expected shape \(2, 2\)/],
      [
        map({
          scale: [
            [1, 0.5],
            [0.4, 1],
          ],
        }),
        RangeError,
        /prior.scale: expected a symmetric matrix, got 0.4 at \[1\]\[0\] but 0.5 at \[0\]\[1\]/,
      ],
      [
        map({
          scale: [
            [1, 2],
            [2, 1],
          ],
        }),
        RangeError,
        /prior.scale: expected a positive definite matrix/,
      ],
      [
        map({
          scale: [
            [-1, 0],
            [0, 1],
          ],
        }),
        RangeError,
        /positive definite/,
      ],
      [
        map({
          scale: [
            [1, 0],
            [0, 0],
          ],
        }),
        RangeError,
        /positive definite matrix, or all 0/,
      ],
      [map({ scale: undefined }), TypeError, /prior: expected \{ mean, meanPrecision, degreesOfFreedom, scale \}, got nothing for scale/],
      [map({ kappa: 1 }), TypeError, /prior: unknown option 'kappa'/],
      [map({}, { weight: [] }), TypeError, /maximumAPosteriori.gaussian: unknown option 'weight'/],
      [() => maximumAPosteriori.gaussian(X, undefined as never), TypeError, /got nothing for prior/],
      [() => maximumAPosteriori.gaussian([], { prior }), RangeError, /expected at least 1 row/],
      [() => maximumAPosteriori.gaussian([[1, Number.NaN]], { prior }), RangeError, /got NaN at row 0, column 1/],
    ])
  })
})

// ---------------------------------------------------------------------------------------------------------------------------- hypotheses

describe('posterior', () => {
  it('is prior × likelihood over its sum', () => {
    const u = uniforms(14)
    for (let i = 0; i < 100; i++) {
      const k = 1 + Math.floor(6 * u())
      const raw = Array.from({ length: k }, u)
      const prior = raw.map((v) => v / sum(raw))
      const likelihoods = Array.from({ length: k }, () => u() * 10 ** (4 * u()))
      const joint = prior.map((v, c) => v * likelihoods[c])
      const { probabilities, evidence, best } = posterior(prior, likelihoods)
      expect(
        relativeError(
          probabilities,
          joint.map((v) => v / sum(joint)),
        ),
      ).toBeLessThan(8 * EPS)
      expect(relativeError(evidence, sum(joint))).toBeLessThan(8 * EPS)
      expect(best).toBe(joint.indexOf(Math.max(...joint)))
      expect(Math.abs(sum(probabilities) - 1)).toBeLessThan(k * EPS)
    }
  })

  it('typed arrays, one hypothesis, ties', () => {
    expect(posterior(Float64Array.of(0.5, 0.5), Float32Array.of(1, 3))).toEqual({ probabilities: [0.25, 0.75], evidence: 2, best: 1 })
    expect(posterior([1], [0.25])).toEqual({ probabilities: [1], evidence: 0.25, best: 0 })
    expect(posterior([0.25, 0.5, 0.25], [2, 1, 2]).best).toBe(0)
  })

  it('does not underflow or overflow needlessly', () => {
    expect(posterior([0.5, 0.5], [1e-300, 3e-300])).toEqual({ probabilities: [0.25, 0.75], evidence: expect.closeTo(2e-300, 310), best: 1 })
    expect(posterior([0.5, 0.5], [1e-300, 3e-300]).evidence / 2e-300).toBeCloseTo(1, 14)
    expect(posterior([1e-20, 1 - 1e-20], [1e-310, 0]).probabilities).toEqual([1, 0])
    expect(relativeError(posterior([1e-200, 1e-200, 1], [1e-200, 3e-200, 0]).probabilities, [0.25, 0.75, 0])).toBeLessThan(4 * EPS)
    expect(posterior([0.5, 0.5], [1e308, 1e308]).probabilities).toEqual([0.5, 0.5])
    expect(posterior([0.5, 0.5], [5e-324, 5e-324]).probabilities).toEqual([0.5, 0.5])
  })

  it('a prior of 0 stays 0, whatever the likelihood', () => {
    expect(posterior([0, 1], [1e300, 1e-300])).toEqual({ probabilities: [0, 1], evidence: expect.any(Number), best: 1 })
    expect(posterior([0, 1], [1e300, 1e-300]).evidence).toBe(1e-300)
  })

  it('goes on from a posterior as the next prior', () => {
    const first = posterior([0.2, 0.3, 0.5], [0.1, 0.9, 0.4])
    const both = posterior([0.2, 0.3, 0.5], [0.1 * 0.7, 0.9 * 0.2, 0.4 * 0.6])
    const second = posterior(first.probabilities, [0.7, 0.2, 0.6])
    expect(relativeError(second.probabilities, both.probabilities)).toBeLessThan(8 * EPS)
    expect(first.evidence * second.evidence).toBeCloseTo(both.evidence, 15)
  })

  it('refusals', () => {
    expectRefusals([
      [() => posterior([0.5, 0.5], [0, 0]), RangeError, /evidence is 0\. .*exp\(logLikelihood - max logLikelihood\)/],
      [() => posterior([1, 0], [0, 3]), RangeError, /evidence is 0/],
      [() => posterior([0.5, 0.5], [1, 2, 3]), RangeError, /likelihoods: expected shape \(2\), got length 3/],
      [() => posterior([0.5, 0.6], [1, 1]), RangeError, /prior: .*sum to 1, got a sum of 1.1\. Divide each by it/],
      [() => posterior([0.5, 0.4], [1, 1]), RangeError, /prior: .*sum to 1, got a sum of 0.9/],
      [() => posterior([1.5, -0.5], [1, 1]), RangeError, /prior\[0\]: expected a number from 0 to 1, got 1.5/],
      [() => posterior([0.5, Number.NaN], [1, 1]), RangeError, /prior\[1\]: expected a finite number, got NaN/],
      [() => posterior([], []), RangeError, /prior: .*sum of 0/],
      [() => posterior([0.5, 0.5], [1, -1]), RangeError, /likelihoods: expected numbers of at least 0, got -1 at \[1\]/],
      [() => posterior([0.5, 0.5], [1, Number.POSITIVE_INFINITY]), RangeError, /likelihoods\[1\]: expected a finite number, got Infinity/],
      [() => posterior([0.5, 0.5], ['1', 1] as never), TypeError, /likelihoods\[0\]: expected a finite number, got '1'/],
      [() => posterior([0.5, 0.5], undefined as never), TypeError, /likelihoods: expected shape \(2\), got undefined/],
      [() => posterior(undefined as never, [1]), TypeError, /prior: expected an array, got undefined/],
      [() => posterior(1 as never, [1]), TypeError, /prior: expected an array, got 1/],
      [() => posterior({} as never, [1]), TypeError, /prior: /],
    ])
  })
})

// The suite runs in Node and in Chromium, so the two agree if both pass
it('the same bits in every engine', () => {
  const X = blobs(28, 70, 3, 2)
  const prior = {
    mean: [1, 2, 3],
    meanPrecision: 0.3,
    degreesOfFreedom: 5.7,
    scale: [
      [2, 0.1, 0],
      [0.1, 3, 0],
      [0, 0, 1],
    ],
  }
  const { mean, covariance, logPosterior } = maximumAPosteriori.gaussian(X, { prior })
  const coin = maximumAPosteriori.bernoulli({ successes: 3, trials: 10, prior: { alpha: 1.7, beta: 2.9 } })
  expect([
    mean[0],
    covariance[1][0],
    logPosterior,
    maximumLikelihood.gaussian(X).logLikelihood,
    coin.p,
    coin.logPosterior,
  ]).toMatchInlineSnapshot(`
    [
      1.2518437575260084,
      -7.952218437971036,
      -427.96414062561905,
      -401.9303354451135,
      0.2936507936507936,
      -5.541096818992702,
    ]
  `)
})

it('all of it is plain data', () => {
  for (const value of [
    maximumLikelihood.gaussian([[1], [2]]),
    posterior([0.5, 0.5], [1, 2]),
    maximumLikelihood.bernoulli({ successes: 1, trials: 3 }),
  ])
    expect(JSON.parse(JSON.stringify(value))).toEqual(value)
  expect(
    flat(
      maximumLikelihood.gaussian([
        [1, 2],
        [2, 4],
        [5, 5],
      ]).covariance,
    ),
  ).toHaveLength(4)
})
