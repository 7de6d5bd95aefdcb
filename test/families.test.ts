// BinomialMixture, BernoulliMixture and PoissonMixture: against EM written out naively, scoring, sampling, weights, edges, JSON, refusals.
import fc from 'fast-check'
import { Matrix as MlMatrix } from 'ml-matrix'
import { describe, expect, it, vi } from 'vitest'
import {
  BernoulliMixture,
  BinomialMixture,
  type EstimatorJSON,
  Matrix,
  type MatrixLike,
  type MixtureFitOptions,
  type MixtureOptions,
  NotFittedError,
  PoissonMixture,
  type Warning,
} from '../src/index.ts'
import { EPS, expectBits, flat, relativeError, rowsOf, thrown, uniforms } from './near.ts'

// ---------------------------------------------------------------------------------------------------------------- the families, naively

type Theta = number[] // of one component
/** What the three classes share. */
interface Model {
  fit(X: MatrixLike, options?: MixtureFitOptions): Model
  fitPredict(X: MatrixLike, options?: MixtureFitOptions): Int32Array
  predict(X: MatrixLike): Int32Array
  predictProba(X: MatrixLike): Matrix
  scoreSamples(X: MatrixLike): Float64Array
  score(X: MatrixLike): number
  aic(X: MatrixLike): number
  bic(X: MatrixLike): number
  icl(X: MatrixLike): number
  sample(n?: number, options?: { randomState?: number; trials?: number }): { X: Matrix; labels: Int32Array }
  setParams(params: object): Model
  getParams(): object
  toJSON(): EstimatorJSON
  readonly weights: number[]
  readonly converged: boolean
  readonly nIter: number
  readonly lowerBound: number
  readonly lowerBounds: number[]
  readonly nFeaturesIn: number
  readonly nParameters: number
}
interface Case {
  name: string
  make(options?: MixtureOptions & Record<string, unknown>): Model
  fromJSON(json: EstimatorJSON): Model
  /** The option that gives a start, and K components as it wants them. */
  start: string
  shaped(thetas: Theta[]): unknown
  /** Fitted parameters, a list of numbers per component. */
  thetas(model: Model): Theta[]
  /** ln p(row | θ), straight from the formula. */
  logDensity(row: number[], theta: Theta): number
  /** The θ that maximises Σ w·ln p. */
  maximise(rows: number[][], w: number[]): Theta
  /** n rows of 2 columns (Poisson, Bernoulli: 4), and K starts. */
  data(seed: number, n: number): number[][]
  starts(seed: number, k: number): Theta[]
  /** Free parameters of one component. */
  free: number
}

const xLogY = (x: number, y: number) => (x === 0 ? 0 : x * Math.log(y))
const sum = (values: number[]) => values.reduce((s, v) => s + v, 0)
/** ln x! by adding up. */
const naiveLogFactorial = (x: number) => sum(Array.from({ length: x }, (_, i) => Math.log(i + 1)))
const columnMeans = (rows: number[][], w: number[]) => rows[0].map((_, j) => sum(rows.map((row, i) => w[i] * row[j])) / sum(w))

const binomial: Case = {
  name: 'BinomialMixture',
  make: (options) => new BinomialMixture(options),
  fromJSON: (json) => BinomialMixture.fromJSON(json),
  start: 'probabilitiesInit',
  shaped: (thetas) => thetas.map(([p]) => p),
  thetas: (model) => (model as BinomialMixture).probabilities.map((p) => [p]),
  logDensity: ([s, n], [p]) => xLogY(s, p) + xLogY(n - s, 1 - p),
  maximise: (rows, w) => [sum(rows.map(([s], i) => w[i] * s)) / sum(rows.map(([, n], i) => w[i] * n))],
  data(seed, n) {
    const u = uniforms(seed)
    return Array.from({ length: n }, (_, i) => {
      const trials = 5 + Math.floor(10 * u())
      const p = [0.15, 0.5, 0.85][i % 3]
      return [Array.from({ length: trials }, u).filter((v) => v < p).length, trials]
    })
  },
  starts: (seed, k) => rowsOf(k, 1, uniforms(seed + 99)),
  free: 1,
}
const bernoulli: Case = {
  name: 'BernoulliMixture',
  make: (options) => new BernoulliMixture(options),
  fromJSON: (json) => BernoulliMixture.fromJSON(json),
  start: 'probabilitiesInit',
  shaped: (thetas) => thetas,
  thetas: (model) => (model as BernoulliMixture).probabilities,
  logDensity: (row, p) => sum(row.map((x, j) => Math.log(x === 1 ? p[j] : 1 - p[j]))),
  maximise: columnMeans,
  data(seed, n) {
    const u = uniforms(seed)
    const classes = [
      [0.9, 0.8, 0.1, 0.5],
      [0.1, 0.3, 0.9, 0.5],
      [0.5, 0.05, 0.4, 0.95],
    ]
    return Array.from({ length: n }, (_, i) => classes[i % 3].map((p) => Number(u() < p)))
  },
  starts: (seed, k) => rowsOf(k, 4, uniforms(seed + 99)),
  free: 4,
}
const poisson: Case = {
  name: 'PoissonMixture',
  make: (options) => new PoissonMixture(options),
  fromJSON: (json) => PoissonMixture.fromJSON(json),
  start: 'ratesInit',
  shaped: (thetas) => thetas,
  thetas: (model) => (model as PoissonMixture).rates,
  logDensity: (row, rates) => sum(row.map((x, j) => xLogY(x, rates[j]) - rates[j] - naiveLogFactorial(x))),
  maximise: columnMeans,
  data(seed, n) {
    const u = uniforms(seed)
    const rates = [
      [2, 9, 1, 0.5],
      [7, 3, 1, 20],
      [14, 1, 6, 3],
    ]
    // Knuth's product of uniforms
    const count = (rate: number) => {
      let [k, product] = [0, u()]
      for (const floor = Math.exp(-rate); product > floor; k++) product *= u()
      return k
    }
    return Array.from({ length: n }, (_, i) => rates[i % 3].map(count))
  },
  starts: (seed, k) => {
    const u = uniforms(seed + 99)
    return rowsOf(k, 4, () => 15 * u() + 0.1)
  },
  free: 4,
}
const families: [string, Case][] = [binomial, bernoulli, poisson].map((family) => [family.name, family])
const silent = { onWarning: () => {} }
/** K starts, spelled out. */
const startOf = (family: Case, thetas: Theta[], weightsInit?: number[]) => ({
  nComponents: thetas.length,
  [family.start]: family.shaped(thetas),
  weightsInit,
})

interface NaiveParameters {
  weights: number[]
  thetas: Theta[]
}

/** ln π_k + ln p(x_i | θ_k) (N×K). */
const naiveJoint = (family: Case, X: number[][], { weights, thetas }: NaiveParameters) =>
  X.map((row) => thetas.map((theta, k) => Math.log(weights[k]) + family.logDensity(row, theta)))
const logSumExp = (a: number[]) => {
  const top = Math.max(...a)
  return top === Number.NEGATIVE_INFINITY ? top : top + Math.log(sum(a.map((v) => Math.exp(v - top))))
}

/** One iteration of EM, or of classification EM: what the parameters are worth, their responsibilities, and the next parameters. */
function naiveStep(family: Case, X: number[][], parameters: NaiveParameters, { w = X.map(() => 1), hard = false, fitWeights = true } = {}) {
  const joint = naiveJoint(family, X, parameters)
  const worth = joint.map((a) => (hard ? Math.max(...a) : logSumExp(a)))
  const responsibilities = joint.map((a, i) => a.map((v, k) => (hard ? Number(k === a.indexOf(worth[i])) : Math.exp(v - worth[i]))))
  const share = parameters.thetas.map((_, k) => responsibilities.map((r, i) => w[i] * r[k]))
  return {
    lowerBound: sum(worth.map((v, i) => w[i] * v)) / sum(w),
    responsibilities,
    weights: fitWeights ? share.map((s) => sum(s) / sum(w)) : parameters.weights,
    thetas: share.map((s) => family.maximise(X, sum(s) > 0 ? s : w)),
  }
}

// ------------------------------------------------------------------------------------------------------------------------- against them

describe.each(families)('%s against naive EM', (_, family) => {
  it.each([1, 2, 3, 50, 1023, 1025, 2500])('N = %d: every iteration, soft and hard, weights learned and held', (n) => {
    const X = family.data(n, n)
    const k = Math.min(n, 3)
    const thetas = family.starts(n, k)
    const weightsInit = [[1], [0.25, 0.75], [0.5, 0.2, 0.3]][k - 1]
    const maxIter = n > 1000 ? 4 : 12
    for (const hard of [false, true])
      for (const fitWeights of [true, false]) {
        let naive: NaiveParameters = { weights: weightsInit, thetas }
        const trace: number[] = []
        const model = family
          .make({ ...startOf(family, thetas, weightsInit), assignment: hard ? 'hard' : 'soft', fitWeights, tol: 0, maxIter, ...silent })
          .fit(X)
        for (let t = 0; t < model.nIter; t++) {
          const { lowerBound, ...next } = naiveStep(family, X, naive, { hard, fitWeights })
          trace.push(lowerBound)
          naive = next
        }
        // sums of n·d terms in another order, through up to 12 iterations
        const room = 1e-10
        expect(relativeError(model.lowerBounds, trace)).toBeLessThan(room)
        expect(model.lowerBound).toBe(model.lowerBounds[model.nIter - 1])
        expect(relativeError(family.thetas(model), naive.thetas)).toBeLessThan(room)
        expect(relativeError(model.weights, naive.weights)).toBeLessThan(room)
        if (!hard) expect(model.nIter).toBe(maxIter)
      }
  })

  it('sample weights, of any size', () => {
    const X = family.data(4, 60)
    const u = uniforms(4)
    const thetas = family.starts(4, 3)
    for (const scale of [1, 1e-9, 1e9]) {
      const w = X.map((_, i) => (i % 7 === 0 ? 0 : u() * scale))
      let naive: NaiveParameters = { weights: [1 / 3, 1 / 3, 1 / 3], thetas }
      for (let t = 0; t < 6; t++) naive = naiveStep(family, X, naive, { w })
      const model = family.make({ ...startOf(family, thetas), tol: 0, maxIter: 6, ...silent }).fit(X, { sampleWeight: w })
      expect(relativeError(family.thetas(model), naive.thetas)).toBeLessThan(1e-11)
      expect(relativeError(model.weights, naive.weights)).toBeLessThan(1e-11)
    }
  })

  it('scores: log-density, mean, criteria, responsibilities, labels', () => {
    const X = family.data(5, 200)
    const other = family.data(6, 77)
    const model = family.make({ ...startOf(family, family.starts(5, 3)), maxIter: 5, tol: 0, ...silent }).fit(X)
    const parameters = { weights: model.weights, thetas: family.thetas(model) }
    const joint = naiveJoint(family, other, parameters)
    const logNorm = joint.map(logSumExp)
    const proba = joint.map((a, i) => a.map((v) => Math.exp(v - logNorm[i])))
    expect(relativeError(model.scoreSamples(other), logNorm)).toBeLessThan(1e-13)
    expect(relativeError(model.predictProba(other), proba)).toBeLessThan(1e-12)
    expect(model.predictProba(other).shape).toEqual([77, 3])
    for (const row of model.predictProba(other)) expect(Math.abs(sum(Array.from(row)) - 1)).toBeLessThan(4 * EPS)
    expectBits(
      model.predict(other),
      proba.map((r) => r.indexOf(Math.max(...r))),
    )
    expect(model.predict(other)).toBeInstanceOf(Int32Array)
    const total = sum(logNorm)
    const certain = sum(proba.map((r) => Math.log(Math.max(...r))))
    const free = 3 * family.free + 2
    expect(model.nParameters).toBe(free)
    const near = (actual: number, expected: number) => expect(Math.abs(actual - expected)).toBeLessThan(1e-12 * Math.abs(total))
    near(model.score(other), total / 77)
    near(model.aic(other), -2 * total + 2 * free)
    near(model.bic(other), -2 * total + free * Math.log(77))
    near(model.icl(other), -2 * total + free * Math.log(77) - 2 * certain)
    expect(model.icl(other)).toBeGreaterThanOrEqual(model.bic(other))
    expectBits(family.make({ ...startOf(family, family.starts(5, 3)), maxIter: 5, tol: 0, ...silent }).fitPredict(X), model.predict(X))
  })

  it('held weights are no parameters, whatever the options say later', () => {
    const X = family.data(7, 60)
    const options = startOf(family, family.starts(7, 3), [0.2, 0.3, 0.5])
    const held = family.make({ ...options, fitWeights: false, ...silent }).fit(X)
    expect(held.weights).toEqual([0.2, 0.3, 0.5])
    expect(held.nParameters).toBe(3 * family.free)
    const bic = held.bic(X)
    held.setParams({ fitWeights: true })
    expect([held.nParameters, held.bic(X)]).toEqual([3 * family.free, bic])
    expect(held.fit(X).nParameters).toBe(3 * family.free + 2)
    expect(family.make({ nComponents: 4, fitWeights: false, randomState: 1, ...silent }).fit(X).weights).toEqual([0.25, 0.25, 0.25, 0.25])
  })
})

describe.each(families)('%s, the loop', (_, family) => {
  const X = family.data(8, 150)
  const given = startOf(family, family.starts(8, 3))
  const history = (model: Model) => (model as unknown as { history: Record<string, unknown>[] }).history

  it('tol: strictly less, 0 never', () => {
    for (const tol of [1e-2, 1e-5]) {
      const { lowerBounds, converged, nIter } = family.make({ ...given, tol, maxIter: 5000 }).fit(X)
      expect(converged).toBe(true)
      const changes = lowerBounds.slice(1).map((v, t) => Math.abs(v - lowerBounds[t]))
      expect(changes[nIter - 2]).toBeLessThan(tol)
      for (const change of changes.slice(0, -1)) expect(change).toBeGreaterThanOrEqual(tol)
    }
    expect(family.make({ ...given, tol: 0, maxIter: 700, ...silent }).fit(X).nIter).toBe(700)
  })

  it('maxIter 0 keeps the start', () => {
    const warnings: Warning[] = []
    const model = family.make({ ...given, weightsInit: [0.1, 0.2, 0.7], maxIter: 0, onWarning: (w) => warnings.push(w) }).fit(X)
    expect(family.thetas(model)).toEqual(family.starts(8, 3))
    expect(model.weights).toEqual([0.1, 0.2, 0.7])
    expect([model.nIter, model.converged, model.lowerBound, model.lowerBounds]).toEqual([0, false, Number.NEGATIVE_INFINITY, []])
    expect(warnings).toEqual([])
  })

  it('keepHistory: the parameters after each iteration', () => {
    const model = family.make({ ...given, keepHistory: true, tol: 0, maxIter: 9, ...silent }).fit(X)
    expect(history(model)).toHaveLength(9)
    for (const t of [1, 2, 9]) {
      const shorter = family.make({ ...given, tol: 0, maxIter: t, ...silent }).fit(X)
      const { weights, ...parameters } = history(model)[t - 1]
      expect(weights).toEqual(shorter.weights)
      expect(Object.keys(parameters)).toEqual([family === poisson ? 'rates' : 'probabilities'])
      expect(Object.values(parameters)[0]).toEqual(family.shaped(family.thetas(shorter)))
      expect(history(shorter)).toEqual([])
    }
    // entries are copies
    ;(history(model)[8].weights as number[])[0] = 9
    expect(model.weights[0]).toBeLessThanOrEqual(1)
  })

  it('onIteration hears every iteration, and false stops', () => {
    const events: { run: number; iteration: number; lowerBound: number; shift: number; elapsedMs: number }[] = []
    const warnings: Warning[] = []
    const model = family
      .make({ ...given, tol: 0, onWarning: (w) => warnings.push(w) })
      .fit(X, { onIteration: (e) => (events.push(e), e.iteration < 5) })
    expect(events.map((e) => e.iteration)).toEqual([1, 2, 3, 4, 5])
    expect(events.map((e) => e.lowerBound)).toEqual(model.lowerBounds)
    events.forEach((e, t) => expect(e.shift).toBe(t > 0 ? e.lowerBound - events[t - 1].lowerBound : Number.POSITIVE_INFINITY))
    expect(Object.keys(events[0]).sort()).toEqual(['elapsedMs', 'iteration', 'lowerBound', 'run', 'shift'])
    expect([model.nIter, model.converged, warnings]).toEqual([5, false, []])
    expect(family.thetas(model)).toEqual(family.thetas(family.make({ ...given, tol: 0, maxIter: 5, ...silent }).fit(X)))
  })

  it('nInit keeps the best of seeded runs', () => {
    const last: number[] = []
    const options = { nComponents: 3, randomState: 28, tol: 1e-6, maxIter: 500 }
    const model = family
      .make({ ...options, nInit: 6, ...silent })
      .fit(X, { onIteration: ({ run, lowerBound }) => void (last[run] = lowerBound) })
    expect(last).toHaveLength(6)
    expect(new Set(last).size).toBeGreaterThan(1)
    expect(model.lowerBound).toBe(Math.max(...last))
    const again = family.make({ ...options, nInit: 6, ...silent }).fit(X)
    expect(again.toJSON()).toEqual(model.toJSON())
    // the first run is that of nInit 1
    expect(family.make({ ...options, ...silent }).fit(X).lowerBound).toBe(last[0])
    expect(family.make({ ...options, randomState: 29, ...silent }).fit(X).weights).not.toEqual(
      family.make({ ...options, ...silent }).fit(X).weights,
    )
  })

  it('hard assignments of one run do not end the next', () => {
    const runs: number[] = []
    family.make({ assignment: 'hard', nInit: 3, tol: 0, randomState: 1 }).fit(X, { onIteration: ({ run }) => void runs.push(run) })
    expect(runs).toEqual([0, 0, 1, 1, 2, 2])
  })

  it('a given start makes one run, which is heard of', () => {
    const warnings: Warning[] = []
    const runs = new Set<number>()
    const model = family
      .make({ ...given, nInit: 4, maxIter: 1000, onWarning: (w) => warnings.push(w) })
      .fit(X, { onIteration: ({ run }) => void runs.add(run) })
    expect([...runs]).toEqual([0])
    expect(warnings.map((w) => w.code)).toEqual(['single-init'])
    expect(family.thetas(model)).toEqual(family.thetas(family.make({ ...given, maxIter: 1000 }).fit(X)))
  })

  it('stopping at maxIter is heard of, on the console where nobody listens', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    family.make({ ...given, tol: 0, maxIter: 2 }).fit(X)
    const heard = warn.mock.calls
    warn.mockRestore()
    expect(heard).toEqual([[expect.stringMatching(new RegExp(`^mixtura: ${family.name} stopped after maxIter = 2`))]])
  })

  it('hard assignment ends at a fixed point', () => {
    for (let seed = 0; seed < 10; seed++) {
      const model = family.make({ ...startOf(family, family.starts(seed, 3)), assignment: 'hard', tol: 0, ...silent }).fit(X)
      expect(model.converged).toBe(true)
      const labels = model.predict(X)
      family.thetas(model).forEach((theta, k) => {
        const own = X.filter((_, i) => labels[i] === k)
        if (own.length > 0)
          expect(
            relativeError(
              theta,
              family.maximise(
                own,
                own.map(() => 1),
              ),
            ),
          ).toBeLessThan(1e-13)
        expect(model.weights[k]).toBeCloseTo(own.length / X.length, 13)
      })
      // the same again from where it ended
      const again = family.make({ ...startOf(family, family.thetas(model), model.weights), assignment: 'hard', tol: 0, ...silent }).fit(X)
      expect(family.thetas(again)).toEqual(family.thetas(model))
    }
  })

  it('the likelihood, or with hard assignment the classification likelihood, never falls', () => {
    const size = { minLength: 1, maxLength: 40 }
    const rows = {
      BinomialMixture: fc.array(
        fc.tuple(fc.nat(12), fc.nat(12)).map(([s, f]) => [s, s + f]),
        size,
      ),
      BernoulliMixture: fc.array(fc.array(fc.nat(1), { minLength: 4, maxLength: 4 }), size),
      PoissonMixture: fc.array(fc.array(fc.nat(30), { minLength: 4, maxLength: 4 }), size),
    }[family.name as 'PoissonMixture']
    fc.assert(
      fc.property(
        rows,
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        fc.boolean(),
        fc.nat(1000),
        (data, k, hard, fitWeights, randomState) => {
          fc.pre(data.length >= k)
          const warnings: string[] = []
          const model = family
            .make({
              nComponents: k,
              assignment: hard ? 'hard' : 'soft',
              fitWeights,
              randomState,
              tol: 0,
              maxIter: 25,
              onWarning: (w) => warnings.push(w.code),
            })
            .fit(data)
          const trace = model.lowerBounds
          for (let t = 1; t < trace.length; t++) if (!(trace[t] >= trace[t - 1] - 1e-12 * Math.max(1, Math.abs(trace[t - 1])))) return false
          const finite = [...model.weights, ...family.thetas(model).flat()].every((v) => Number.isFinite(v) && v >= 0)
          return finite && Math.abs(sum(model.weights) - 1) < 1e-12 && !warnings.includes('likelihood-decreased')
        },
      ),
      { seed: 28, numRuns: 150 },
    )
  })
})

describe.each(families)('%s, data', (_, family) => {
  const X = family.data(9, 80)
  const given = { ...startOf(family, family.starts(9, 3)), maxIter: 20, tol: 0, ...silent }

  it('weight 0 is an absent row', () => {
    const w = X.map((_, i) => Number(i % 4 > 0))
    const weighted = family.make(given).fit(X, { sampleWeight: w })
    const absent = family.make(given).fit(X.filter((_, i) => w[i] > 0))
    // adding zeros changes no bit
    expect(family.thetas(weighted)).toEqual(family.thetas(absent))
    expect(weighted.weights).toEqual(absent.weights)
    expect(weighted.lowerBounds).toEqual(absent.lowerBounds)
  })

  it('an integer weight is a repeated row', () => {
    for (const assignment of ['soft', 'hard'] as const) {
      const w = X.map((_, i) => i % 4)
      const weighted = family.make({ ...given, assignment }).fit(X, { sampleWeight: Int32Array.from(w) })
      const repeated = family.make({ ...given, assignment }).fit(X.flatMap((row, i) => new Array<number[]>(w[i]).fill(row)))
      expect(relativeError(family.thetas(weighted), family.thetas(repeated))).toBeLessThan(1e-11)
      expect(relativeError(weighted.lowerBounds, repeated.lowerBounds)).toBeLessThan(1e-12)
    }
  })

  it('any form of matrix, which is left alone', () => {
    const expected = family.make(given).fit(X)
    const forms: MatrixLike[] = [
      Matrix.from(X),
      X.map((row) => Int32Array.from(row)),
      { data: X.flat(), shape: [80, X[0].length] },
      new MlMatrix(X),
    ]
    for (const form of forms) {
      const before = JSON.stringify(form)
      const model = family.make(given).fit(form)
      expect(family.thetas(model)).toEqual(family.thetas(expected))
      expectBits(model.predict(form), expected.predict(X))
      expect(JSON.stringify(form)).toBe(before)
    }
  })

  it('one component is maximum likelihood; more components than kinds of rows do no harm', () => {
    const one = family.make({ randomState: 1 }).fit(X)
    expect(
      relativeError(family.thetas(one), [
        family.maximise(
          X,
          X.map(() => 1),
        ),
      ]),
    ).toBeLessThan(1e-13)
    expect(one.weights).toEqual([1])
    expect(one.nIter).toBe(2)
    // random starts are weighted too: the first is the answer
    const w = X.map((_, i) => i % 5)
    const weighted = family.make({ randomState: 1 }).fit(X, { sampleWeight: w })
    expect(relativeError(family.thetas(weighted), [family.maximise(X, w)])).toBeLessThan(1e-13)
    expect(relativeError(weighted.lowerBounds[0], weighted.lowerBounds[1])).toBeLessThan(1e-13)
    for (const assignment of ['soft', 'hard'] as const) {
      const same = family.make({ nComponents: 4, assignment, randomState: 1, ...silent }).fit([X[0], X[0], X[0], X[0]])
      expect(flat(family.thetas(same)).every(Number.isFinite)).toBe(true)
      expect(same.scoreSamples([X[0]]).every(Number.isFinite)).toBe(true)
      expect(sum(same.weights)).toBeCloseTo(1, 14)
    }
  })

  it('no rows to predict are no error', () => {
    const model = family.make(given).fit(X)
    const none = { data: [], shape: [0, X[0].length] }
    expect(model.predict(none)).toHaveLength(0)
    expect(model.predictProba(none).shape).toEqual([0, 3])
    expect(model.scoreSamples(none)).toHaveLength(0)
  })
})

// The suite runs in Node and in Chromium, so the two agree if both pass
it('the same bits in every engine', () => {
  const numbers = families.map(([, family]) => {
    const model = family.make({ nComponents: 3, randomState: 28, maxIter: 20, ...silent }).fit(family.data(28, 500))
    return [
      model.lowerBound,
      flat(family.thetas(model))[0],
      model.weights[1],
      model.icl(family.data(29, 50)),
      sum(Array.from(model.sample(100).X.data)),
    ]
  })
  expect(numbers).toMatchInlineSnapshot(`
    [
      [
        -5.4818544375355165,
        0.5400403336451807,
        0.35392517459092154,
        554.3015709387543,
        1403,
      ],
      [
        -2.6813699835290996,
        0.5022430905502612,
        0.3333331746909479,
        423.8520198277663,
        203,
      ],
      [
        -8.808753601808139,
        6.922978162735023,
        0.3340003807966022,
        959.6539243724594,
        2201,
      ],
    ]
  `)
})

// --------------------------------------------------------------------------------------------------------------------------- known answers

describe('known answers', () => {
  it('coins of Do & Batzoglou (2008)', () => {
    const X = [5, 9, 8, 4, 7].map((heads) => [heads, 10])
    const model = new BinomialMixture({
      nComponents: 2,
      fitWeights: false,
      probabilitiesInit: [0.6, 0.5],
      maxIter: 10,
      tol: 0,
      keepHistory: true,
      ...silent,
    }).fit(X)
    for (const [t, expected] of [
      [0, [0.713012, 0.581339]],
      [9, [0.796744, 0.519659]],
    ] as const)
      expected.forEach((p, k) => expect(model.history[t].probabilities[k]).toBeCloseTo(p, 6))
    // the first E-step as the paper's figure prints it: responsibilities of coin A, and its 21.3 expected heads
    const r = new BinomialMixture({ nComponents: 2, fitWeights: false, probabilitiesInit: [0.6, 0.5], maxIter: 0 }).fit(X).predictProba(X)
    expect(sum(X.map(([heads], i) => r.get(i, 0) * heads))).toBeCloseTo(21.3, 1)
    expect(Array.from(r, (row) => Math.round(100 * row[0]) / 100)).toEqual([0.45, 0.8, 0.73, 0.35, 0.65])
  })

  it('coins whose labels are known', () => {
    const model = new BinomialMixture({ nComponents: 2, probabilitiesInit: [0.9, 0.1], assignment: 'hard' }).fit([
      [9, 10],
      [8, 10],
      [1, 10],
      [0, 10],
      [10, 10],
    ])
    expect(model.probabilities).toEqual([27 / 30, 1 / 20])
    expect(model.weights).toEqual([0.6, 0.4])
  })

  it('planted parameters are found', () => {
    const options = { nComponents: 3, nInit: 2, randomState: 28, tol: 1e-7, maxIter: 1000 }
    const byFirst = (thetas: Theta[]) => [...thetas].sort((a, b) => a[0] - b[0])
    const found = new BinomialMixture(options).fit(binomial.data(1, 6000))
    expect(relativeError([...found.probabilities].sort(), [0.15, 0.5, 0.85])).toBeLessThan(0.03)
    const classes = new BernoulliMixture(options).fit(bernoulli.data(1, 9000))
    expect(
      relativeError(byFirst(classes.probabilities), [
        [0.1, 0.3, 0.9, 0.5],
        [0.5, 0.05, 0.4, 0.95],
        [0.9, 0.8, 0.1, 0.5],
      ]),
    ).toBeLessThan(0.1)
    const rates = new PoissonMixture(options).fit(poisson.data(1, 6000))
    expect(
      relativeError(byFirst(rates.rates), [
        [2, 9, 1, 0.5],
        [7, 3, 1, 20],
        [14, 1, 6, 3],
      ]),
    ).toBeLessThan(0.03)
    for (const { weights } of [found, classes, rates]) for (const weight of weights) expect(Math.abs(weight - 1 / 3)).toBeLessThan(0.05)
  })
})

describe('Poisson densities', () => {
  const at = (rate: number, counts: number[]) =>
    new PoissonMixture({ ratesInit: [[rate]], maxIter: 0 }).fit([[1]]).scoreSamples(counts.map((x) => [x]))

  /** ln n of an exact integer: its leading 53 bits and the rest as powers of two. */
  const logOf = (n: bigint) => {
    const shift = Math.max(0, n.toString(2).length - 53)
    return Math.log(Number(n >> BigInt(shift))) + shift * Math.LN2
  }

  it('ln x! at 0, 1, …, 1000 is right to the rounding of its size', () => {
    let factorial = 1n
    const counts = Array.from({ length: 1001 }, (_, x) => x)
    const scores = at(1, counts)
    expect([scores[0], scores[1]]).toEqual([-1, -1])
    for (const x of counts) {
      if (x > 0) factorial *= BigInt(x)
      // (x + ½)·ln x and x are rounded before they are subtracted
      const room = 2 * EPS * (2 + x * Math.log(x + 1))
      expect(Math.abs(scores[x] + 1 + logOf(factorial)), `x = ${x}`).toBeLessThanOrEqual(room)
    }
    // ln 63!, ln 64!, ln 65!, ln 1000! from tables
    for (const [x, value] of [
      [63, 201.00931639928152],
      [64, 205.1681994826412],
      [65, 209.34258675253685],
      [1000, 5912.128178488163],
    ])
      expect(scores[x]).toBeCloseTo(-1 - value, 11)
  })

  it('sum to 1', () => {
    for (const rate of [0.01, 1, 17.3, 120])
      expect(
        sum(
          Array.from(
            at(
              rate,
              Array.from({ length: 400 }, (_, x) => x),
            ),
            Math.exp,
          ),
        ),
      ).toBeCloseTo(1, 12)
  })

  it('huge counts have densities', () => {
    // at x = λ: −½·ln(2πλ) to 1/(12λ), less the cancellation of numbers of size x·ln x
    for (const rate of [1e6, 1e9, 1e12])
      expect(Math.abs(at(rate, [rate])[0] + 0.5 * Math.log(2 * Math.PI * rate))).toBeLessThan(1 / rate + 4 * EPS * rate * Math.log(rate))
  })
})

describe('parameters at the edge', () => {
  it('p = 0 and p = 1: what is impossible has density 0, what is certain 1', () => {
    const coins = new BinomialMixture({ nComponents: 2, probabilitiesInit: [0, 1], maxIter: 0 }).fit([
      [0, 1],
      [1, 1],
    ])
    expect(
      Array.from(
        coins.scoreSamples([
          [0, 9],
          [9, 9],
          [1, 2],
          [0, 0],
        ]),
      ),
    ).toEqual([-Math.LN2, -Math.LN2, Number.NEGATIVE_INFINITY, 0])
    expect(
      coins
        .predictProba([
          [0, 9],
          [9, 9],
          [1, 2],
          [0, 0],
        ])
        .toArray(),
    ).toEqual([
      [1, 0],
      [0, 1],
      [0.5, 0.5],
      [0.5, 0.5],
    ])
    const bits = new BernoulliMixture({
      nComponents: 2,
      probabilitiesInit: [
        [0, 1],
        [1, 1],
      ],
      maxIter: 0,
    }).fit([
      [0, 1],
      [1, 1],
    ])
    expect(
      Array.from(
        bits.scoreSamples([
          [0, 1],
          [1, 1],
          [1, 0],
        ]),
      ),
    ).toEqual([-Math.LN2, -Math.LN2, Number.NEGATIVE_INFINITY])
    expect(
      Array.from(
        bits.predict([
          [0, 1],
          [1, 1],
          [1, 0],
        ]),
      ),
    ).toEqual([0, 1, 0])
    const counts = new PoissonMixture({ nComponents: 2, ratesInit: [[0], [3]], weightsInit: [0.5, 0.5], maxIter: 0 }).fit([[0], [1]])
    expect(counts.predictProba([[1]]).toArray()).toEqual([[0, 1]])
    expect(counts.scoreSamples([[0]])[0]).toBeCloseTo(Math.log(0.5 * (1 + Math.exp(-3))), 15)
    expect(new PoissonMixture({ ratesInit: [[0]], maxIter: 0 }).fit([[0]]).scoreSamples([[0], [2]])).toEqual(
      Float64Array.of(0, Number.NEGATIVE_INFINITY),
    )
  })

  it('are reached by fits, which stay finite', () => {
    const coins = new BinomialMixture({ nComponents: 2, probabilitiesInit: [0.2, 0.7], tol: 0, maxIter: 500, ...silent }).fit([
      [0, 8],
      [0, 9],
      [7, 7],
      [5, 5],
    ])
    expect(coins.probabilities[0]).toBeLessThan(1e-12)
    expect(coins.probabilities[1]).toBeGreaterThan(1 - 1e-12)
    expect(coins.lowerBound).toBeCloseTo(-Math.LN2, 12)
    const zeros = new PoissonMixture({ nComponents: 2, ratesInit: [[0.1], [4]], assignment: 'hard' }).fit([[0], [0], [5], [7]])
    expect(zeros.rates).toEqual([[0], [6]])
    expect(zeros.weights).toEqual([0.5, 0.5])
    const bits = new BernoulliMixture({
      nComponents: 2,
      probabilitiesInit: [
        [0.1, 0.2],
        [0.9, 0.8],
      ],
      assignment: 'hard',
    }).fit([
      [0, 0],
      [1, 1],
      [1, 1],
    ])
    expect(bits.probabilities).toEqual([
      [0, 0],
      [1, 1],
    ])
  })

  it.each(['soft', 'hard'] as const)('a start that explains no row: %s assignment goes on from there', (assignment) => {
    const warnings: string[] = []
    const model = new BinomialMixture({
      nComponents: 2,
      probabilitiesInit: [0, 1],
      assignment,
      onWarning: (w) => warnings.push(w.code),
    }).fit([
      [3, 5],
      [2, 5],
      [1, 5],
    ])
    expect(model.lowerBounds[0]).toBe(Number.NEGATIVE_INFINITY)
    expect(model.lowerBounds.slice(1).every(Number.isFinite)).toBe(true)
    expect(model.probabilities).toEqual([0.4, 0.4])
    expect([model.converged, warnings]).toEqual([true, []])
    // a hard assignment is 1 for one component, the first on ties
    expect(model.weights).toEqual(assignment === 'hard' ? [1, 0] : [0.5, 0.5])
    expect(BinomialMixture.fromJSON(JSON.parse(JSON.stringify(model))).lowerBounds).toEqual(model.lowerBounds)
  })

  it('a weight of 0 stays 0', () => {
    const model = new PoissonMixture({ nComponents: 2, ratesInit: [[1], [9]], weightsInit: [1, 0], tol: 0, maxIter: 10, ...silent }).fit([
      [1],
      [9],
      [8],
    ])
    expect(model.weights).toEqual([1, 0])
    expect(model.rates).toEqual([[6], [6]]) // without weight: the parameters of all rows
    expect(model.predictProba([[100]]).toArray()).toEqual([[1, 0]])
  })

  it('probabilities never exceed 1 by rounding, which would have no logarithm', () => {
    for (let seed = 0; seed < 300; seed++) {
      const u = uniforms(seed)
      const X = Array.from({ length: 7 }, () => [1, Number(u() < 0.5)])
      const starts = rowsOf(3, 2, u)
      // the third component has no weight, so the parameters of all rows, summed up through the responsibilities of the others
      const model = new BernoulliMixture({
        nComponents: 3,
        probabilitiesInit: starts,
        weightsInit: [0.3, 0.7, 0],
        tol: 0,
        maxIter: 5,
        ...silent,
      }).fit(X)
      for (const row of model.probabilities) for (const p of row) expect(p).toBeLessThanOrEqual(1)
      expect(model.lowerBounds.every(Number.isFinite)).toBe(true)
    }
  })

  it('rows without trials', () => {
    expect(
      new BinomialMixture({ nComponents: 1 }).fit([
        [0, 0],
        [0, 0],
      ]).probabilities,
    ).toEqual([0.5])
    const model = new BinomialMixture({ nComponents: 2, probabilitiesInit: [0.2, 0.8] }).fit([
      [0, 0],
      [1, 5],
      [4, 5],
    ])
    expect(model.probabilities.every(Number.isFinite)).toBe(true)
  })
})

// ------------------------------------------------------------------------------------------------------------------------------ sampling

describe('sampling', () => {
  const fitted = (family: Case, thetas: Theta[], weightsInit: number[], X: number[][]) =>
    family.make({ ...startOf(family, thetas, weightsInit), maxIter: 0, randomState: 5 }).fit(X)

  it.each([
    [
      'BinomialMixture',
      binomial,
      [[0.2], [0.9]],
      (theta: Theta) => [12 * theta[0], 12],
      (theta: Theta) => [12 * theta[0] * (1 - theta[0]), 0],
    ],
    [
      'BernoulliMixture',
      bernoulli,
      [
        [0.1, 0.5, 1],
        [0.9, 0, 0.3],
      ],
      (theta: Theta) => theta,
      (theta: Theta) => theta.map((p) => p * (1 - p)),
    ],
    [
      'PoissonMixture',
      poisson,
      [
        [0.3, 40, 0],
        [7, 2, 2000],
      ],
      (theta: Theta) => theta,
      (theta: Theta) => theta,
    ],
  ] as const)('%s: moments of every component', (_, family, thetas, mean, variance) => {
    const n = 6000
    const row = family === binomial ? [5, 12] : [1, 0, 1]
    const model = fitted(
      family,
      thetas.map((t) => [...t]),
      [0.3, 0.7],
      [row, row],
    )
    const { X, labels } = model.sample(n, { randomState: 1 })
    expect(X.shape).toEqual([n, row.length])
    expect(labels).toBeInstanceOf(Int32Array)
    expectBits(labels, [...labels].sort())
    expect(Math.abs(labels.filter((c) => c === 0).length / n - 0.3)).toBeLessThan(5 * Math.sqrt(0.21 / n))
    thetas.forEach((theta, c) => {
      const own = X.toArray().filter((_, i) => labels[i] === c)
      for (let j = 0; j < row.length; j++) {
        const [m, v] = [mean([...theta])[j], variance([...theta])[j]]
        const got = sum(own.map((r) => r[j])) / own.length
        expect(Math.abs(got - m)).toBeLessThanOrEqual(5 * Math.sqrt(v / own.length))
        const spread = sum(own.map((r) => (r[j] - m) ** 2)) / own.length
        // fourth moments of these are at most 3v² + v
        expect(Math.abs(spread - v)).toBeLessThanOrEqual(5 * Math.sqrt((3 * v * v + v) / own.length))
      }
    })
    // what is drawn can be fitted
    expect(() => family.make({ nComponents: 2, randomState: 0, ...silent }).fit(X)).not.toThrow()
  })

  it.each(families)('%s: seeds', (_, family) => {
    const model = family.make({ nComponents: 2, randomState: 3, ...silent }).fit(family.data(3, 50))
    const drawn = (options?: object) => model.sample(20, options).X.toArray()
    expect(drawn()).toEqual(drawn())
    expect(drawn()).toEqual(drawn({ randomState: 3 }))
    expect(drawn({ randomState: 4 })).not.toEqual(drawn())
    expect(drawn({ randomState: 4 })).toEqual(drawn({ randomState: 4 }))
    const unseeded = family.make({ nComponents: 2, ...silent }).fit(family.data(3, 50))
    expect(unseeded.sample(50).X.toArray()).not.toEqual(unseeded.sample(50).X.toArray())
    expect(model.sample().X.rows).toBe(1)
    for (const n of [0, -1, 2.5, Number.NaN]) expect(() => model.sample(n)).toThrow(RangeError)
    expect(() => model.sample('3' as never)).toThrow(TypeError)
    expect(() => model.sample(3, { seed: 4 } as never)).toThrow(/unknown option 'seed'/)
    if (family !== binomial) expect(() => model.sample(3, { trials: 4 })).toThrow(/unknown option 'trials'/)
  })

  it('trials of a binomial: asked for, or the mean of what it was fitted to', () => {
    const model = new BinomialMixture({ nComponents: 1 }).fit([
      [1, 4],
      [3, 9],
      [5, 10],
    ])
    expect(new Set(Array.from(model.sample(10).X, (row) => row[1]))).toEqual(new Set([8]))
    expect(new Set(Array.from(model.sample(10, { trials: 3 }).X, (row) => row[1]))).toEqual(new Set([3]))
    expect(Array.from(model.sample(1, { trials: 0 }).X.row(0))).toEqual([0, 0])
    for (const trials of [-1, 1.5]) expect(() => model.sample(1, { trials })).toThrow(/trials/)
  })
})

// ---------------------------------------------------------------------------------------------------------------------------------- JSON

describe.each(families)('%s, JSON', (_, family) => {
  const X = family.data(11, 60)
  const options = {
    nComponents: 3,
    randomState: 2,
    keepHistory: true,
    nInit: 2,
    fitWeights: false,
    weightsInit: Float64Array.of(0.2, 0.3, 0.5),
    tol: 1e-4,
  }
  const fitted = () => family.make({ ...options, ...silent }).fit(X)

  it('round trip, to the last bit', () => {
    const model = fitted()
    for (const json of [model.toJSON(), structuredClone(model.toJSON()), JSON.parse(JSON.stringify(model))]) {
      const again = family.fromJSON(json)
      expect(again.toJSON()).toEqual(model.toJSON())
      expect(family.thetas(again)).toEqual(family.thetas(model))
      for (const name of ['weights', 'converged', 'nIter', 'lowerBound', 'lowerBounds', 'nFeaturesIn', 'nParameters', 'history'] as const)
        expect(again[name as 'weights']).toEqual(model[name as 'weights'])
      expectBits(again.scoreSamples(X), model.scoreSamples(X))
      expect(again.sample(9).X.toArray()).toEqual(model.sample(9).X.toArray())
      expect(again.fit(X).toJSON()).toEqual(fitted().toJSON())
    }
    const fresh = family.make(options)
    expect(family.fromJSON(JSON.parse(JSON.stringify(fresh))).toJSON()).toEqual(fresh.toJSON())
    expect(fresh.toJSON().fitted).toBeNull()
  })

  it('what is no such JSON is refused', () => {
    const changed = (change: (fitted: Record<string, unknown>) => void) => {
      const json = JSON.parse(JSON.stringify(fitted()))
      change(json.fitted)
      return json
    }
    const name = family.name
    const bad: [unknown, RegExp][] = [
      [undefined, /fromJSON: expected what/],
      [{ ...fitted().toJSON(), mixtura: 'KMeans' }, /got 'KMeans'/],
      [{ ...fitted().toJSON(), version: 9 }, /version 1, got 9/],
      [changed((f) => delete f.weights), /fitted\.weights/],
      [changed((f) => (f.weights = [])), /fitted\.weights/],
      [changed((f) => (f.weights = [2, -1])), /fitted\.weights/],
      [changed((f) => delete f.parameters), /fitted\.parameters/],
      [changed((f) => (f.parameters as unknown[]).pop()), /fitted\.parameters is missing or malformed, or does not fit the others/],
      [
        changed((f) => (f.parameters = JSON.parse(JSON.stringify(f.parameters).replace(/[\d.]+/, '-1')))),
        /fitted\.parameters is missing or malformed/,
      ],
      [changed((f) => (f.nFeaturesIn = 1.5)), /fitted\.nFeaturesIn/],
      [changed((f) => delete f.fitWeights), /fitted\.fitWeights/],
      [changed((f) => delete f.meanTrials), /fitted\.meanTrials/],
      [changed((f) => (f.converged = 'yes')), /fitted\.converged/],
    ]
    for (const [json, message] of bad) {
      expect(() => family.fromJSON(json as never)).toThrow(message)
      expect(() => family.fromJSON(json as never)).toThrow(name)
    }
  })
})

// ------------------------------------------------------------------------------------------------------------------------------ refusals

describe('refusals', () => {
  const rows: [Case, unknown, typeof TypeError | typeof RangeError, RegExp][] = [
    [binomial, [[6, 5]], RangeError, /X: BinomialMixture expected rows \(successes, trials\).*got \[6, 5\] in row 0/],
    [
      binomial,
      [
        [1, 5],
        [-1, 5],
      ],
      RangeError,
      /got \[-1, 5\] in row 1/,
    ],
    [
      binomial,
      [
        [1, 5],
        [1.5, 5],
      ],
      RangeError,
      /whole numbers.*got \[1.5, 5\] in row 1/,
    ],
    [binomial, [[1, 2, 3]], RangeError, /X: BinomialMixture expected 2 columns, got 3/],
    [binomial, [[1]], RangeError, /expected 2 columns, got 1/],
    [
      bernoulli,
      [
        [0, 1],
        [0, 2],
      ],
      RangeError,
      /X: BernoulliMixture expected rows of 0 and 1, got \[0, 2\] in row 1/,
    ],
    [bernoulli, [[0.5, 1]], RangeError, /got \[0.5, 1\] in row 0/],
    [bernoulli, [[0, 0, 0, 0, 0, 0, 0, 3]], RangeError, /got \[0, 0, 0, 0, 0, 0, …\] in row 0/],
    [bernoulli, [[true, false]], TypeError, /X: expected a number at row 0, column 0, got true/],
    [poisson, [[1], [-1]], RangeError, /X: PoissonMixture expected rows of counts.*got \[-1\] in row 1/],
    [poisson, [[0.5]], RangeError, /rows of counts.*got \[0.5\]/],
    ...[binomial, bernoulli, poisson].flatMap((family): [Case, unknown, typeof TypeError | typeof RangeError, RegExp][] => [
      [
        family,
        [
          [1, 1],
          [1, Number.NaN],
        ],
        RangeError,
        /X: expected finite numbers, got NaN at row 1, column 1/,
      ],
      [family, [[Number.POSITIVE_INFINITY, 1]], RangeError, /got Infinity at row 0, column 0/],
      [family, [[1, 1], [1]], RangeError, /X: expected every row to have 2 columns.*got 1 in row 1/],
      [family, [['1', 1]], TypeError, /X: expected a number at row 0, column 0, got '1'/],
      [family, [1, 0, 1], TypeError, /X: expected a 2-d array.*X\.map/],
      [family, undefined, TypeError, /X: expected a matrix/],
      [family, [], RangeError, /X: .*expected at least 1 row/],
      [family, [[]], RangeError, /X: expected at least 1 column/],
    ]),
  ]
  it.each(rows.map(([family, X, kind, message]) => [family.name, JSON.stringify(X), family, X, kind, message] as const))(
    '%s: rows %s',
    (_, __, family, X, kind, message) => {
      const error = thrown(() => family.make().fit(X as never))
      expect(error).toBeInstanceOf(kind)
      expect(error.message).toMatch(message)
    },
  )

  it('predicting with other columns, or rows the family cannot have drawn', () => {
    for (const [, family] of families) {
      const model = family.make({ randomState: 0, ...silent }).fit(family.data(1, 20))
      const d = model.nFeaturesIn
      for (const method of ['predict', 'predictProba', 'scoreSamples', 'score', 'aic', 'bic', 'icl'] as const) {
        expect(thrown(() => model[method]([new Array(d + 1).fill(1)])).message).toMatch(
          new RegExp(`X: expected ${d} columns, as ${family.name} was fitted with, got ${d + 1}`),
        )
        expect(() => model[method]([new Array(d).fill(-1)])).toThrow(RangeError)
        expect(() => model[method]([new Array(d).fill(Number.NaN)])).toThrow(/got NaN at row 0, column 0/)
      }
    }
  })

  it('more components than rows', () => {
    for (const [, family] of families)
      expect(thrown(() => family.make({ nComponents: 3 }).fit(family.data(1, 2))).message).toMatch(
        /expected at least 3 rows, got shape \[2, /,
      )
  })

  it('starts that do not fit', () => {
    const X = {
      BinomialMixture: [
        [1, 2],
        [0, 3],
      ],
      BernoulliMixture: [
        [0, 1],
        [1, 0],
      ],
      PoissonMixture: [
        [3, 1],
        [0, 2],
      ],
    }
    const bad: [Case, object, typeof TypeError | typeof RangeError, RegExp][] = [
      [binomial, { probabilitiesInit: [0.5] }, RangeError, /probabilitiesInit: expected shape \(2\), got length 1/],
      [binomial, { probabilitiesInit: [0.5, 1.5] }, RangeError, /probabilitiesInit: expected probabilities from 0 to 1, got 1.5 at 1/],
      [binomial, { probabilitiesInit: [0.5, Number.NaN] }, RangeError, /probabilitiesInit\[1\]: expected a finite number, got NaN/],
      [binomial, { probabilitiesInit: [[0.5], [0.5]] }, TypeError, /probabilitiesInit\[0\]: expected a finite number/],
      [binomial, { probabilitiesInit: 0.5 }, TypeError, /probabilitiesInit: expected an array, got 0.5/],
      [
        bernoulli,
        { probabilitiesInit: [0.5, 0.5] },
        TypeError,
        /probabilitiesInit: expected shape \(2, 2\), with a list at \[0\], got 0.5/,
      ],
      [
        bernoulli,
        {
          probabilitiesInit: [
            [0.5, -0.1],
            [0, 1],
          ],
        },
        RangeError,
        /got -0.1 at 1/,
      ],
      [
        poisson,
        {
          ratesInit: [
            [1, 2],
            [3, -4],
          ],
        },
        RangeError,
        /ratesInit: expected rates of at least 0, got -4 at 3/,
      ],
      [
        poisson,
        {
          ratesInit: [
            [1, 2, 3],
            [1, 2, 3],
          ],
        },
        RangeError,
        /ratesInit: expected shape \(2, 2\), got length 3 at \[0\]/,
      ],
      ...[binomial, bernoulli, poisson].flatMap((family): [Case, object, typeof TypeError | typeof RangeError, RegExp][] => [
        [family, { weightsInit: [0.5, 0.6] }, RangeError, /weightsInit: expected weights that sum to 1, got a sum of 1.1/],
        [family, { weightsInit: [1.5, -0.5] }, RangeError, /weightsInit: expected numbers from 0 to 1, got 1.5 at 0/],
        [family, { weightsInit: [1] }, RangeError, /weightsInit: expected shape \(2\), got length 1/],
        [family, { weightsInit: 1 }, TypeError, /weightsInit: expected an array, got 1/],
      ]),
    ]
    for (const [family, options, kind, message] of bad) {
      const error = thrown(() => family.make({ nComponents: 2, ...options }).fit(X[family.name as 'PoissonMixture']))
      expect(error).toBeInstanceOf(kind)
      expect(error.message).toMatch(message)
    }
  })

  it('options', () => {
    const bad: [object, typeof TypeError | typeof RangeError, RegExp][] = [
      [{ n_components: 2 }, TypeError, /unknown option 'n_components'. Did you mean 'nComponents'/],
      [{ nComponents: 0 }, RangeError, /nComponents/],
      [{ nComponents: '2' }, TypeError, /nComponents/],
      [{ assignment: 'fuzzy' }, RangeError, /assignment: expected one of 'soft', 'hard', got 'fuzzy'/],
      [{ fitWeights: 1 }, TypeError, /fitWeights: expected true or false/],
      [{ keepHistory: 'yes' }, TypeError, /keepHistory/],
      [{ tol: -1 }, RangeError, /tol/],
      [{ maxIter: 1.5 }, RangeError, /maxIter/],
      [{ nInit: 0 }, RangeError, /nInit/],
      [{ randomState: -1 }, RangeError, /randomState/],
      [{ onWarning: 1 }, TypeError, /onWarning/],
      [{ regCovar: 1 }, TypeError, /unknown option 'regCovar'/],
    ]
    for (const [, family] of families) {
      for (const [options, kind, message] of bad) {
        const error = thrown(() => family.make(options as never))
        expect(error).toBeInstanceOf(kind)
        expect(error.message).toMatch(message)
      }
      const other = family === poisson ? 'probabilitiesInit' : 'ratesInit'
      expect(thrown(() => family.make({ [other]: [1] })).message).toContain(`unknown option '${other}'`)
      expect(thrown(() => family.make().fit(family.data(1, 5), { sampleWeights: [1] } as never)).message).toMatch(
        /Did you mean 'sampleWeight'/,
      )
      expect(thrown(() => family.make().fit(family.data(1, 5), { sampleWeight: [1] })).message).toMatch(/sampleWeight: expected 5 numbers/)
      expect(thrown(() => family.make().fit(family.data(1, 2), { sampleWeight: [0, 0] })).message).toMatch(/at least one weight above 0/)
      expect(family.make({ weightsInit: null, [family.start]: null }).getParams()).toMatchObject({
        weightsInit: null,
        [family.start]: null,
        nComponents: 1,
        tol: 1e-3,
        maxIter: 100,
        nInit: 1,
        fitWeights: true,
        assignment: 'soft',
        keepHistory: false,
      })
    }
  })

  it.each(families)('%s before fit', (_, family) => {
    const model = family.make() as unknown as Record<string, unknown>
    const X = family.data(1, 5)
    for (const method of ['predict', 'predictProba', 'scoreSamples', 'score', 'aic', 'bic', 'icl', 'sample']) {
      const error = thrown(() => (model[method] as (x: unknown) => unknown).call(model, method === 'sample' ? 3 : X))
      expect(error).toBeInstanceOf(NotFittedError)
      expect(error.message).toContain(`This ${family.name} is not fitted yet`)
    }
    for (const name of [
      'weights',
      family === poisson ? 'rates' : 'probabilities',
      'converged',
      'nIter',
      'lowerBound',
      'lowerBounds',
      'history',
      'nFeaturesIn',
      'nParameters',
    ])
      expect(() => model[name]).toThrow(NotFittedError)
  })

  it.each(families)('%s: a fit that fails leaves the former one', (_, family) => {
    const X = family.data(1, 30)
    const model = family.make({ nComponents: 2, randomState: 1, ...silent }).fit(X)
    const before = structuredClone(model.toJSON().fitted)
    const failures: (() => unknown)[] = [
      () => model.fit([[-1, -1]]),
      () => model.fit(X, { sampleWeight: [] }),
      () =>
        model.fit(X, {
          onIteration: () => {
            throw new RangeError('mine')
          },
        }),
      () => model.setParams({ [family.start]: [0.1, 0.2, 0.3] }).fit(X),
      () => model.setParams({ nComponents: 99 }).fit(X),
    ]
    for (const fail of failures) {
      expect(fail).toThrow()
      expect(model.toJSON().fitted).toEqual(before)
    }
  })
})
