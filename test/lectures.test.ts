// The course, row by row of its list: every number it prints, to the digits it prints.
import { describe, expect, it } from 'vitest'
import {
  BinomialMixture,
  type CovarianceType,
  GaussianMixture,
  KMeans,
  type LatentVariableModel,
  Matrix,
  type Warning,
  adjustedRandScore,
  clusterAccuracy,
  expectationMaximization,
  loadIris,
  logLikelihood,
  makeBlobs,
  maximumAPosteriori,
  maximumLikelihood,
  posterior,
  selectGaussianMixture,
} from '../src/index.ts'
import { EPS, flat } from './near.ts'
import { naiveEmStep, naiveLogDensities, naiveLogSumExp } from './oracle.ts'

/** Numbers as printed: `expected` has `digits` decimals. */
function printed(actual: ArrayLike<number>, expected: number[], digits: number): void {
  expect(actual).toHaveLength(expected.length)
  expected.forEach((v, i) => expect(actual[i], `entry ${i}`).toBeCloseTo(v, digits))
}

/** A trace that never falls by more than the rounding of a mean of n log-densities. */
function expectMonotone(trace: number[]): void {
  for (let t = 1; t < trace.length; t++)
    expect(trace[t], `iteration ${t + 1}`).toBeGreaterThanOrEqual(trace[t - 1] - 1e-12 * Math.abs(trace[t - 1]))
}

const TYPES: CovarianceType[] = ['full', 'tied', 'diag', 'spherical']
const silent = () => {}

describe('1 Maximum likelihood', () => {
  it('from counts: white balls of 10 drawn', () => {
    for (const [successes, p] of [
      [0, 0],
      [3, 0.3],
      [5, 0.5],
      [7, 0.7],
      [10, 1],
    ])
      expect(maximumLikelihood.bernoulli({ successes, trials: 10 }).p).toBe(p)
    expect(maximumLikelihood.bernoulli({ successes: 0, trials: 10 }).logLikelihood).toBe(0)
  })

  it('the curve 3·ln p + 7·ln(1 − p) peaks at 0.3', () => {
    const grid = Array.from({ length: 101 }, (_, i) => i / 100)
    const curve = logLikelihood({ successes: 3, trials: 10 }, grid)
    expect(curve.indexOf(Math.max(...curve))).toBe(30)
    curve.forEach((v, i) => expect(v).toBeCloseTo(3 * Math.log(grid[i]) + 7 * Math.log(1 - grid[i]), 12))
    expect(logLikelihood({ successes: 3, trials: 10 }, 0.3)).toBe(maximumLikelihood.bernoulli({ successes: 3, trials: 10 }).logLikelihood)
  })

  it('from a sample: mean and population covariance', () => {
    const { mean, covariance, logLikelihood } = maximumLikelihood.gaussian([[1], [2], [3], [6]])
    expect(mean).toEqual([3])
    expect(covariance).toEqual([[3.5]])
    expect(logLikelihood).toBeCloseTo(-2 * (Math.log(2 * Math.PI * 3.5) + 1), 12)
  })
})

describe('2 Bayes over hypotheses', () => {
  const boxes = [0, 0.3, 0.5, 0.7, 1]
  const twoWhites = logLikelihood({ successes: 2, trials: 2 }, boxes).map(Math.exp)

  it('uniform prior: box 5', () => {
    const { probabilities, evidence, best } = posterior(
      boxes.map(() => 0.2),
      twoWhites,
    )
    expect(evidence).toBeCloseTo(0.366, 12)
    printed(probabilities, [0, 0.049, 0.137, 0.268, 0.546], 3)
    expect(best + 1).toBe(5)
  })

  it('prior .1 .2 .2 .4 .1: box 4, although the likelihood alone says box 5', () => {
    const { probabilities, evidence, best } = posterior([0.1, 0.2, 0.2, 0.4, 0.1], twoWhites)
    expect(evidence).toBeCloseTo(0.364, 12)
    printed(probabilities, [0, 0.049, 0.137, 0.538, 0.275], 3)
    expect(best + 1).toBe(4)
    expect(twoWhites.indexOf(Math.max(...twoWhites)) + 1).toBe(5)
  })
})

describe('3 MAP', () => {
  it('Beta(α, β) on a Bernoulli: (s + α − 1)/(n + α + β − 2)', () => {
    for (const [successes, trials, alpha, beta] of [
      [3, 10, 2, 2],
      [0, 10, 2, 5],
      [7, 10, 1.5, 30],
      [10, 10, 3, 1.25],
      [0, 0, 4, 2],
    ])
      expect(maximumAPosteriori.bernoulli({ successes, trials, prior: { alpha, beta } }).p).toBeCloseTo(
        (successes + alpha - 1) / (trials + alpha + beta - 2),
        14,
      )
  })

  it('uniform prior = maximum likelihood', () => {
    for (let successes = 0; successes <= 10; successes++) {
      const { p, logLikelihood } = maximumLikelihood.bernoulli({ successes, trials: 10 })
      expect(maximumAPosteriori.bernoulli({ successes, trials: 10, prior: { alpha: 1, beta: 1 } })).toEqual({
        p,
        logPosterior: logLikelihood,
      })
    }
    const { data } = loadIris()
    const { mean, covariance, logLikelihood } = maximumLikelihood.gaussian(data)
    const flatPrior = {
      mean: [0, 0, 0, 0],
      meanPrecision: 0,
      degreesOfFreedom: -6,
      scale: [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ],
    }
    expect(maximumAPosteriori.gaussian(data, { prior: flatPrior })).toEqual({ mean, covariance, logPosterior: logLikelihood })
  })

  it('mixture weights, means and covariances under conjugate priors: EM climbs likelihood × prior', () => {
    const { X } = makeBlobs({
      nSamples: [30, 20],
      centers: [
        [0, 0],
        [3, 1],
      ],
      randomState: 3,
    })
    const weightPrior = { alpha: 4, beta: 4 }
    const prior = {
      mean: [1, 1],
      meanPrecision: 2,
      degreesOfFreedom: 5,
      scale: [
        [2, 0.5],
        [0.5, 2],
      ],
    }
    interface P {
      weights: number[]
      means: number[][]
      covariances: number[][][]
      logPrior: number
    }
    const model: LatentVariableModel<P> = {
      eStep({ weights, means, covariances, logPrior }) {
        const joint = naiveLogDensities(X.toArray(), { weights, means, covariances }, 'full')
        const logNorm = joint.map(naiveLogSumExp)
        return {
          responsibilities: joint.map((row, i) => row.map((l) => Math.exp(l - logNorm[i]))),
          logLikelihood: logPrior + logNorm.reduce((a, b) => a + b),
        }
      },
      mStep(r) {
        const share = [0, 1].map((c) => Array.from(r, (row) => row[c]))
        const counts = { successes: share[0].reduce((a, b) => a + b), trials: X.rows }
        const weight = maximumAPosteriori.bernoulli({ ...counts, prior: weightPrior })
        const fits = share.map((sampleWeight) => maximumAPosteriori.gaussian(X, { prior, sampleWeight }))
        // what a mode says less the expected log-likelihood at it is the log prior at it
        const logPriors = fits.map(({ mean, covariance, logPosterior }, c) => {
          const logDensities = naiveLogDensities(X.toArray(), { weights: [1], means: [mean], covariances: [covariance] }, 'full')
          return logPosterior - logDensities.reduce((s, [l], i) => s + share[c][i] * l, 0)
        })
        const logPrior = weight.logPosterior - logLikelihood(counts, weight.p) + logPriors[0] + logPriors[1]
        return { weights: [weight.p, 1 - weight.p], means: fits.map((f) => f.mean), covariances: fits.map((f) => f.covariance), logPrior }
      },
    }
    const identity = [
      [1, 0],
      [0, 1],
    ]
    const warnings: Warning[] = []
    const start = model.mStep(
      Matrix.from(
        model.eStep({
          weights: [0.5, 0.5],
          means: [
            [-1, 0],
            [4, 0],
          ],
          covariances: [identity, identity],
          logPrior: 0,
        }).responsibilities,
      ),
    )
    const { parameters, history, converged } = expectationMaximization(model, start, { tol: 1e-10, onWarning: (w) => warnings.push(w) })
    expect(converged).toBe(true)
    expect(warnings).toEqual([])
    expectMonotone(history)
    // and a fixed point of the closed forms: mixture weight (N₁ + α − 1)/(N + α + β − 2), mean (κ₀μ₀ + N₁x̄₁)/(κ₀ + N₁)
    const r = Matrix.from(model.eStep(parameters).responsibilities)
    const n1 = Array.from(r, (row) => row[0]).reduce((a, b) => a + b)
    expect(parameters.weights[0]).toBeCloseTo((n1 + 3) / (X.rows + 6), 4)
    for (const j of [0, 1]) {
      const sum = Array.from(r, (row, i) => row[0] * X.get(i, j)).reduce((a, b) => a + b)
      expect(parameters.means[0][j]).toBeCloseTo((2 * prior.mean[j] + sum) / (2 + n1), 4)
    }
  })
})

describe('4 k-means', () => {
  const { X } = makeBlobs({ nSamples: 600, centers: 5, clusterStd: 2, randomState: 28 })
  const start = X.toArray().slice(0, 5)

  it.each(['k-means++', 'random'] as const)('%s centres: the objective never rises, every run is a local optimum', (init) => {
    const J: number[][] = []
    const model = new KMeans({ nClusters: 5, init, nInit: 6, randomState: 1 }).fit(X, {
      onIteration: ({ run, inertia }) => void (J[run] ??= []).push(inertia / X.rows),
    })
    expect(J).toHaveLength(6)
    for (const trace of J) for (let t = 1; t < trace.length; t++) expect(trace[t]).toBeLessThanOrEqual(trace[t - 1] * (1 + X.rows * EPS))
    expect(model.inertia / X.rows).toBeLessThanOrEqual(Math.min(...J.map((trace) => trace[trace.length - 1])) * (1 + X.rows * EPS))
    // assign → mean → assign again changes nothing
    const again = new KMeans({ nClusters: 5, init: model.clusterCenters, tol: 0 }).fit(X)
    expect(again.inertia).toBeLessThanOrEqual(model.inertia * (1 + X.rows * EPS))
    if (init === 'random') expect(new Set(J.map((trace) => trace[trace.length - 1].toFixed(3))).size).toBeGreaterThan(1)
  })

  it('stops by iterations, centre change, mean squared distance, mean absolute distance', () => {
    const fit = (options: object) => new KMeans({ nClusters: 5, init: start, onWarning: silent, ...options }).fit(X)
    const exact = fit({ tol: 0 })
    const byIterations = fit({ maxIter: 3, tol: 0 })
    expect([byIterations.nIter, byIterations.converged]).toEqual([3, false])
    for (const convergence of ['centers', 'mse', 'mae'] as const) {
      const loose = fit({ convergence, tol: 1e-2 })
      expect(loose.converged).toBe(true)
      expect(loose.nIter).toBeLessThan(exact.nIter)
      expect(loose.inertia).toBeGreaterThanOrEqual(exact.inertia)
    }
  })
})

/** Boxes (or coins) with K equal fixed weights, through the general driver: parameters are the probabilities. */
const boxesModel = (X: number[][]): LatentVariableModel<number[]> => {
  const joint = (p: number[]) => X.map(([s, n]) => logLikelihood({ successes: s, trials: n }, p).map((l) => l - Math.log(p.length)))
  return {
    logJoint: joint,
    eStep(p) {
      const rows = joint(p)
      const logNorm = rows.map(naiveLogSumExp)
      return {
        responsibilities: rows.map((row, i) => row.map((l) => Math.exp(l - logNorm[i]))),
        logLikelihood: logNorm.reduce((a, b) => a + b),
      }
    },
    mStep(r) {
      const total = (c: number, column: number) => X.reduce((sum, row, i) => sum + r.get(i, c) * row[column], 0)
      return Array.from({ length: r.cols }, (_, c) => total(c, 0) / total(c, 1))
    },
  }
}

describe('5 EM in general', () => {
  it("Jensen's bound touches the log-likelihood after each E-step, and the trace never falls", () => {
    const X = [
      [3, 5],
      [2, 5],
      [1, 5],
      [3, 5],
      [2, 5],
      [9, 10],
      [4, 10],
    ]
    const before: number[] = []
    const after: number[] = []
    const warnings: Warning[] = []
    const result = expectationMaximization(boxesModel(X), [0.1, 0.9], {
      tol: 0,
      maxIter: 40,
      onWarning: (w) => warnings.push(w),
      onIteration: ({ logLikelihood, bound, boundAfterMStep }) => {
        // sums of 14 terms
        expect(Math.abs((bound as number) - logLikelihood)).toBeLessThan(14 * 4 * EPS * Math.abs(logLikelihood))
        before.push(bound as number)
        after.push(boundAfterMStep as number)
      },
    })
    const trace = [...result.history, result.logLikelihood]
    expectMonotone(trace)
    // the M-step lifts the bound, and the log-likelihood lies above it
    for (let t = 0; t < 40; t++) {
      expect(after[t]).toBeGreaterThanOrEqual(before[t] - 1e-12 * Math.abs(before[t]))
      expect(trace[t + 1]).toBeGreaterThanOrEqual(after[t] - 1e-12 * Math.abs(after[t]))
    }
    expect(after[0] - before[0]).toBeGreaterThan(1)
    expect(warnings.map((w) => w.code)).toEqual(['not-converged'])
  })
})

// draws (white, black) 3-2, 2-3, 1-4, 3-2, 2-3, as (successes, trials)
const draws = [
  [3, 5],
  [2, 5],
  [1, 5],
  [3, 5],
  [2, 5],
]
const box = (p: number) => draws.map(([successes, trials]) => Math.exp(logLikelihood({ successes, trials }, p)))
const twoBoxes = (options: object) =>
  new BinomialMixture({
    nComponents: 2,
    fitWeights: false,
    probabilitiesInit: [0.1, 0.9],
    keepHistory: true,
    tol: 0,
    onWarning: silent,
    ...options,
  })

describe('6 Two boxes, known labels', () => {
  it('maximum likelihood of each box', () => {
    const boxes = [1, 2, 1, 2, 1]
    const p = [1, 2].map((b) => {
      const own = draws.filter((_, i) => boxes[i] === b)
      return maximumLikelihood.bernoulli({ successes: own.reduce((s, [w]) => s + w, 0), trials: own.reduce((s, [, n]) => s + n, 0) }).p
    })
    // 3-2 and 1-4 and 2-3 make 6 of 15; 2-3 and 3-2 make 5 of 10
    expect(p).toEqual([6 / 15, 5 / 10])
    expect(p).toEqual([0.4, 0.5])
  })
})

describe('7 Two boxes, hidden labels, hard EM', () => {
  it('the likelihoods of round 0 and of round 1', () => {
    printed(box(0.1), [0.00081, 0.00729, 0.06561, 0.00081, 0.00729], 8)
    printed(box(0.9), [0.00729, 0.00081, 0.00009, 0.00729, 0.00081], 8)
    // the course prints .01565 for the first; at p₁ = 1/3 it is 4/243
    expect(box(1 / 3)[0]).toBeCloseTo(4 / 243, 14)
    expect(box(1 / 3)[0]).toBeCloseTo(0.016461, 6)
    expect(box(0.6)[0]).toBeCloseTo(0.03456, 12)
  })

  it('labels 2 1 1 2 1 and p = (1/3, 0.6), a fixed point', () => {
    const model = twoBoxes({ assignment: 'hard' }).fit(draws)
    expect(Array.from(model.predict(draws), (c) => c + 1)).toEqual([2, 1, 1, 2, 1])
    expect(model.history[0].probabilities).toEqual([1 / 3, 0.6])
    expect(model.probabilities).toEqual([1 / 3, 0.6])
    expect(model.weights).toEqual([0.5, 0.5])
    expect(model.converged).toBe(true)
    expect(model.nIter).toBe(2)
    expect(twoBoxes({ assignment: 'hard', probabilitiesInit: [1 / 3, 0.6] }).fit(draws).probabilities).toEqual([1 / 3, 0.6])
  })

  it('the general driver says the same', () => {
    const { parameters, converged, nIter } = expectationMaximization(boxesModel(draws), [0.1, 0.9], { assignment: 'hard' })
    expect([parameters, converged, nIter]).toEqual([[1 / 3, 0.6], true, 2])
  })
})

describe('8 Two boxes, soft EM', () => {
  it('responsibilities of box 1 in round 0', () => {
    const start = twoBoxes({ maxIter: 0 }).fit(draws)
    printed(
      Array.from(start.predictProba(draws), (row) => row[0]),
      [0.1, 0.9, 0.9986, 0.1, 0.9],
      4,
    )
  })

  it('p after each iteration, and both to 11/25', () => {
    const model = twoBoxes({ maxIter: 1000 }).fit(draws)
    printed(model.history[0].probabilities, [0.346734, 0.57974], 6)
    printed(model.history[1].probabilities, [0.392644, 0.491529], 6)
    printed(model.history[2].probabilities, [0.417809, 0.462249], 6)
    expect(model.history).toHaveLength(1000)
    printed(model.probabilities, [0.44, 0.44], 6)
    expectMonotone(model.lowerBounds)
  })

  it('the general driver takes the same steps', () => {
    const model = twoBoxes({ maxIter: 10 }).fit(draws)
    const path: number[][] = []
    expectationMaximization(boxesModel(draws), [0.1, 0.9], {
      maxIter: 10,
      tol: 0,
      onWarning: silent,
      onIteration: ({ parameters }) => void path.push(parameters),
    })
    path.forEach((p, t) => printed(p, model.history[t].probabilities, 13))
  })
})

describe('9 Coins of Do & Batzoglou', () => {
  it('p after 1 and after 10 iterations', () => {
    const X = [5, 9, 8, 4, 7].map((heads) => [heads, 10])
    const model = new BinomialMixture({
      nComponents: 2,
      fitWeights: false,
      probabilitiesInit: [0.6, 0.5],
      maxIter: 10,
      tol: 0,
      keepHistory: true,
      onWarning: silent,
    }).fit(X)
    printed(model.history[0].probabilities, [0.713012, 0.581339], 6)
    printed(model.history[9].probabilities, [0.796744, 0.519659], 6)
    expect(model.probabilities).toEqual(model.history[9].probabilities)
  })
})

describe('10 Heights', () => {
  const truth = [
    { mean: 162, sigma: 6 },
    { mean: 178, sigma: 7 },
  ]
  const { X, labels } = makeBlobs({
    nSamples: [500, 500],
    centers: truth.map((t) => [t.mean]),
    clusterStd: truth.map((t) => t.sigma),
    randomState: 28,
  })

  it('labels known: maximum likelihood of each group', () => {
    truth.forEach(({ mean, sigma }, group) => {
      const own = maximumLikelihood.gaussian(X.toArray().filter((_, i) => labels[i] === group))
      // four standard errors
      expect(Math.abs(own.mean[0] - mean)).toBeLessThan((4 * sigma) / Math.sqrt(500))
      expect(Math.abs(Math.sqrt(own.covariance[0][0]) - sigma)).toBeLessThan((4 * sigma) / Math.sqrt(1000))
    })
  })

  it('labels hidden: EM finds the same two groups', () => {
    const model = new GaussianMixture({ nComponents: 2, tol: 1e-7, maxIter: 2000, randomState: 28 }).fit(X)
    expect(model.converged).toBe(true)
    const order = model.means[0][0] < model.means[1][0] ? [0, 1] : [1, 0]
    truth.forEach(({ mean, sigma }, group) => {
      // hidden labels cost precision
      expect(Math.abs(model.means[order[group]][0] - mean)).toBeLessThan(2)
      expect(Math.abs(Math.sqrt(model.covariances[order[group]][0][0]) - sigma)).toBeLessThan(1.5)
    })
    expect(Math.abs(model.weights[0] - 0.5)).toBeLessThan(0.1)
    expect(clusterAccuracy(labels, model.predict(X))).toBeGreaterThan(0.85)
  })
})

describe('11 GMM by EM', () => {
  it('π = N_k/N, μ = Σ r·x/N_k, Σ = Σ r·(x − μ)(x − μ)ᵀ/N_k against the naive oracle', () => {
    const { X } = makeBlobs({ nSamples: 200, nFeatures: 3, centers: 3, clusterStd: 4, randomState: 11 })
    const rows = X.toArray()
    const { covariances, precisions: precisionsInit } = new GaussianMixture({
      nComponents: 3,
      maxIter: 0,
      regCovar: 0,
      randomState: 0,
    }).fit(X)
    let naive = { weights: [0.2, 0.3, 0.5], means: rows.slice(0, 3), covariances }
    const start = { weightsInit: naive.weights, meansInit: naive.means, precisionsInit }
    const model = new GaussianMixture({ nComponents: 3, ...start, regCovar: 0, tol: 0, maxIter: 5, onWarning: silent }).fit(X)
    for (let t = 0; t < 5; t++) {
      const { logLikelihood, ...next } = naiveEmStep(rows, naive, 'full', { regCovar: 0 })
      expect(model.lowerBounds[t]).toBeCloseTo(logLikelihood, 10)
      naive = next as typeof naive
    }
    printed(model.weights, naive.weights, 10)
    printed(flat(model.means), flat(naive.means), 8)
    printed(flat(model.covariances), flat(naive.covariances), 8)
  })
})

describe('12 Case 1: first EM classifier', () => {
  // two overlapping Gaussians in three dimensions
  const { X, labels } = makeBlobs({
    nSamples: [300, 200],
    centers: [
      [0, 0, 0],
      [2, 1.5, 1],
    ],
    clusterStd: [1, 1.3],
    randomState: 12,
  })
  const rows = X.toArray()
  interface P {
    weights: number[]
    means: number[][]
    covariances: number[][][]
  }
  const joint = (p: P) => naiveLogDensities(rows, p, 'full')
  const model: LatentVariableModel<P> = {
    eStep(p) {
      const logs = joint(p)
      const logNorm = logs.map(naiveLogSumExp)
      return {
        responsibilities: logs.map((row, i) => row.map((l) => Math.exp(l - logNorm[i]))),
        logLikelihood: logNorm.reduce((a, b) => a + b),
      }
    },
    mStep(r) {
      const fits = [0, 1].map((c) => maximumLikelihood.gaussian(X, { sampleWeight: Array.from(r, (row) => row[c]) }))
      return {
        weights: [0, 1].map((c) => Array.from(r, (row) => row[c]).reduce((a, b) => a + b) / X.rows),
        means: fits.map((f) => f.mean),
        covariances: fits.map((f) => f.covariance),
      }
    },
  }
  const identity = [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]
  const start: P = {
    weights: [0.5, 0.5],
    means: [
      [-1, 0, 0],
      [2, 2, 2],
    ],
    covariances: [identity, identity],
  }

  it('EM written with the general driver gives the parameters of GaussianMixture to 1e-8', () => {
    const nIter = 60
    const general = expectationMaximization(model, start, { tol: 0, maxIter: nIter, onWarning: silent })
    const mixture = new GaussianMixture({
      nComponents: 2,
      weightsInit: start.weights,
      meansInit: start.means,
      precisionsInit: [identity, identity],
      regCovar: 0,
      tol: 0,
      maxIter: nIter,
      onWarning: silent,
    }).fit(X)
    const { weights, means, covariances } = general.parameters
    const pairs: [number[], number[]][] = [
      [weights, mixture.weights],
      [flat(means), flat(mixture.means)],
      [flat(covariances), flat(mixture.covariances)],
    ]
    for (const [a, b] of pairs) a.forEach((v, i) => expect(Math.abs(v - b[i])).toBeLessThan(1e-8))
    general.history.forEach((total, t) => expect(Math.abs(total / X.rows - mixture.lowerBounds[t])).toBeLessThan(1e-8))
    expect(general.logLikelihood / X.rows).toBeCloseTo(mixture.score(X), 8)
    // both classify alike, and well: the best classifier of these two errs for about one in eight
    const r = Matrix.from(model.eStep(general.parameters).responsibilities)
    const predicted = Array.from(r, (row) => Number(row[1] > row[0]))
    expect(predicted).toEqual(Array.from(mixture.predict(X)))
    expect(clusterAccuracy(labels, predicted)).toBeGreaterThan(0.85)
  })
})

/** Height and weight by sex: correlated within a sex. */
function people() {
  const { X, labels } = makeBlobs({
    nSamples: [400, 400],
    centers: [
      [0, 0],
      [0, 0],
    ],
    randomState: 13,
  })
  const sexes = [
    { height: 163, weight: 58, tall: 6, heavy: 5 },
    { height: 178, weight: 78, tall: 6.5, heavy: 7 },
  ]
  const rows = Array.from(X, ([a, b], i) => {
    const { height, weight, tall, heavy } = sexes[labels[i]]
    return [height + tall * a, weight + heavy * (0.6 * a + 0.8 * b)]
  })
  return { X: Matrix.from(rows), labels }
}

describe('13 Case 2: GMM classification and choice of parameters', () => {
  it('covariance type × components by BIC: two correlated groups', () => {
    const { X, labels } = people()
    const { best, results } = selectGaussianMixture(X, {
      nComponents: [1, 2, 3, 4],
      criterion: 'bic',
      nInit: 2,
      maxIter: 500,
      randomState: 28,
    })
    expect(results).toHaveLength(16)
    const lowest = results.reduce((a, b) => (b.bic < a.bic ? b : a))
    expect(lowest.model).toBe(best)
    expect(lowest.nComponents).toBe(2)
    expect(['full', 'tied']).toContain(lowest.covarianceType)
    expect(clusterAccuracy(labels, best.predict(X))).toBeGreaterThan(0.9)
  })
})

describe('14 Case 3: the four covariance types', () => {
  it('each with its shape, its free parameters and its accuracy; more freedom never fits worse', () => {
    const { X, labels } = people()
    const models = TYPES.map((covarianceType) =>
      new GaussianMixture<CovarianceType>({ nComponents: 2, covarianceType, tol: 1e-8, maxIter: 2000, randomState: 28 }).fit(X),
    )
    const [full, tied, diag, spherical] = models
    expect([full, tied, diag, spherical].map((m) => m.nParameters)).toEqual([11, 8, 9, 7])
    expect(
      [
        flat(full.covariances as number[][][]),
        flat(tied.covariances as number[][]),
        flat(diag.covariances as number[][]),
        flat(spherical.covariances as number[]),
      ].map((v) => v.length),
    ).toEqual([8, 4, 4, 2])
    for (const model of models) expect(clusterAccuracy(labels, model.predict(X))).toBeGreaterThan(0.8)
    for (const simpler of [tied, diag]) expect(full.score(X)).toBeGreaterThanOrEqual(simpler.score(X))
    expect(diag.score(X)).toBeGreaterThanOrEqual(spherical.score(X))
  })
})

describe('15 Case 4: iris without labels', () => {
  const { data, target } = loadIris()

  it('adjusted Rand ≥ 0.90 on all four features with full covariance', () => {
    const model = new GaussianMixture({ nComponents: 3, covarianceType: 'full', randomState: 28 }).fit(data)
    expect(adjustedRandScore(target, model.predict(data))).toBeGreaterThanOrEqual(0.9)
  })

  it('by feature pair: petals alone tell more than sepals', () => {
    const ari = (...features: number[]) => {
      const X = data.toArray().map((row) => features.map((j) => row[j]))
      return adjustedRandScore(target, new GaussianMixture({ nComponents: 3, nInit: 5, randomState: 28 }).fitPredict(X))
    }
    expect(ari(2, 3)).toBeGreaterThan(0.8)
    expect(ari(0, 1)).toBeLessThan(ari(2, 3))
  })

  it("the course's own line", () => {
    const model = new GaussianMixture({ nComponents: 2, covarianceType: 'full', randomState: 28 }).fit(data)
    expect(model.predict(data)).toHaveLength(150)
    expect(model.means).toHaveLength(2)
  })
})

describe('16 Convergence proof', () => {
  const { X } = makeBlobs({ nSamples: 500, centers: 3, clusterStd: 3, randomState: 16 })

  it.each(TYPES)('GaussianMixture, %s: lowerBounds never fall, and onIteration heard them', (covarianceType) => {
    const heard: number[] = []
    const warnings: Warning[] = []
    const model = new GaussianMixture({
      nComponents: 3,
      covarianceType,
      regCovar: 0,
      tol: 0,
      maxIter: 60,
      initParams: 'random',
      randomState: 28,
      onWarning: (w) => warnings.push(w),
    })
    model.fit(X, { onIteration: ({ lowerBound, iteration }) => expect(heard.push(lowerBound)).toBe(iteration) })
    expect(model.lowerBounds).toEqual(heard)
    expect(model.lowerBounds).toHaveLength(60)
    expect(model.lowerBound).toBe(heard[59])
    expectMonotone([...heard, model.score(X)])
    expect(warnings.map((w) => w.code)).toEqual(['not-converged'])
  })

  it('BinomialMixture and the general driver: lowerBounds and history', () => {
    const model = twoBoxes({ maxIter: 30 }).fit(draws)
    expectMonotone(model.lowerBounds)
    const { history } = expectationMaximization(boxesModel(draws), [0.1, 0.9], { tol: 0, maxIter: 30, onWarning: silent })
    expectMonotone(history)
    printed(
      history.map((total) => total / 5),
      model.lowerBounds,
      12,
    )
  })
})
