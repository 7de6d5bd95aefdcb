// The general driver: what it computes, when it stops, what it reports, and what it refuses.
import { describe, expect, it, vi } from 'vitest'
import {
  BinomialMixture,
  type ExpectationMaximizationEvent,
  type ExpectationMaximizationOptions,
  GaussianMixture,
  type LatentVariableModel,
  Matrix,
  PoissonMixture,
  type Warning,
  expectationMaximization,
  makeBlobs,
} from '../src/index.ts'
import { blobs, EPS, flat, relativeError, rowsOf, thrown, uniforms } from './near.ts'
import { type CovarianceType, naiveLogDensities, naiveLogSumExp, naiveMStep } from './oracle.ts'

// ------------------------------------------------------------------------- a mixture of exponentials, as a reader of the README writes it

interface Exponentials {
  weights: number[]
  rates: number[]
}

interface CompleteModel extends LatentVariableModel<Exponentials> {
  logJoint(parameters: Exponentials): number[][]
}

/** Mixture of exponentials, p(y) = Σ π_k λ_k e^(−λ_k y): a complete model. */
function exponentials(y: number[]): CompleteModel {
  return {
    // ln π_k + ln λ_k − λ_k·y_i
    logJoint({ weights, rates }) {
      return y.map((t) => rates.map((rate, k) => Math.log(weights[k] * rate) - rate * t))
    },
    // responsibilities: each row of joint densities divided by its sum, the density of y_i
    eStep(parameters) {
      let logLikelihood = 0
      const responsibilities = this.logJoint(parameters).map((row) => {
        const top = Math.max(...row)
        const sum = row.reduce((s, l) => s + Math.exp(l - top), 0)
        logLikelihood += top + Math.log(sum)
        return row.map((l) => Math.exp(l - top) / sum)
      })
      return { responsibilities, logLikelihood }
    },
    // π_k = N_k / N, λ_k = N_k / Σ r·y
    mStep(r) {
      const counts = new Array<number>(r.cols).fill(0)
      const sums = new Array<number>(r.cols).fill(0)
      for (let i = 0; i < r.rows; i++)
        for (let k = 0; k < r.cols; k++) {
          counts[k] += r.get(i, k)
          sums[k] += r.get(i, k) * y[i]
        }
      return { weights: counts.map((n) => n / y.length), rates: counts.map((n, k) => n / sums[k]) }
    },
  }
}

/** n waiting times, a share of them at each rate. */
function waits(seed: number, n: number, { weights, rates }: Exponentials): number[] {
  const u = uniforms(seed)
  return Array.from({ length: n }, () => {
    let k = 0
    for (let left = u(); k < rates.length - 1 && left >= weights[k]; k++) left -= weights[k]
    return -Math.log(1 - u()) / rates[k]
  })
}

const truth: Exponentials = { weights: [0.3, 0.7], rates: [0.2, 4] }
const y = waits(1, 300, truth)
const start: Exponentials = { weights: [0.5, 0.5], rates: [0.5, 1] }
const silent = { onWarning: () => {} }

/** A run with its warnings and events. */
function listen<P>(model: LatentVariableModel<P>, initial: P | ((run: number) => P), options: ExpectationMaximizationOptions<P> = {}) {
  const warnings: Warning[] = []
  const events: ExpectationMaximizationEvent<P>[] = []
  const result = expectationMaximization(model, initial, {
    ...options,
    onWarning: (w) => warnings.push(w),
    onIteration: (event) => {
      events.push(event)
      return options.onIteration?.(event)
    },
  })
  return { ...result, warnings, codes: warnings.map((w) => w.code), events }
}

describe('a mixture of exponentials', () => {
  it('converges to the truth', () => {
    const { parameters, converged, codes } = listen(exponentials(waits(2, 20_000, truth)), start, { tol: 1e-9 })
    expect(converged).toBe(true)
    expect(codes).toEqual([])
    // 20 000 rows: a few standard errors of about 1 %
    for (const name of ['weights', 'rates'] as const) expect(relativeError(parameters[name], truth[name])).toBeLessThan(0.04)
  })

  it('the result is a fixed point of E and M', () => {
    const model = exponentials(y)
    const { parameters } = listen(model, start, { tol: 1e-15 })
    const again = model.mStep(Matrix.from(model.eStep(parameters).responsibilities))
    // a change of the log-likelihood of 1e-15 is one of its square root in the parameters
    expect(relativeError(again.rates, parameters.rates)).toBeLessThan(1e-6)
  })

  it('is what plain iteration gives, to the last bit', () => {
    const model = exponentials(y)
    const { parameters, history, logLikelihood, nIter } = listen(model, start, { tol: 0, maxIter: 25 })
    let plain = start
    const trace: number[] = []
    for (let t = 0; t < 25; t++) {
      const e = model.eStep(plain)
      trace.push(e.logLikelihood)
      plain = model.mStep(Matrix.from(e.responsibilities))
    }
    expect(parameters).toEqual(plain)
    expect(history).toEqual(trace)
    expect(logLikelihood).toBe(model.eStep(plain).logLikelihood)
    expect(nIter).toBe(25)
  })
})

describe('what it reports', () => {
  it('history holds totals of the parameters each iteration began with, logLikelihood that of the last', () => {
    const model = exponentials(y)
    const { parameters, history, logLikelihood, events, nIter } = listen(model, start, { tol: 1e-6 })
    expect(history).toHaveLength(nIter)
    expect(history[0]).toBe(model.eStep(start).logLikelihood)
    for (let t = 1; t < nIter; t++) expect(history[t]).toBe(model.eStep(events[t - 1].parameters).logLikelihood)
    expect(logLikelihood).toBe(model.eStep(parameters).logLikelihood)
    expect(logLikelihood).toBeGreaterThan(history[nIter - 1])
    expect(events.map((e) => e.logLikelihood)).toEqual(history)
    expect(events.map((e) => e.iteration)).toEqual(history.map((_, t) => t + 1))
    expect(events[nIter - 1].parameters).toBe(parameters)
    for (const [t, { run, elapsedMs }] of events.entries()) {
      expect(run).toBe(0)
      expect(elapsedMs).toBeGreaterThanOrEqual(t > 0 ? events[t - 1].elapsedMs : 0)
    }
  })

  it("Jensen's bound touches before the M-step, rises through it, and stays below", () => {
    const { events, history, logLikelihood } = listen(exponentials(y), start, { tol: 0, maxIter: 30 })
    const trace = [...history, logLikelihood]
    const room = y.length * 8 * EPS * Math.abs(history[0]) // sums of 2·N terms, and their exp and ln
    events.forEach(({ bound, boundAfterMStep }, t) => {
      expect(Math.abs((bound as number) - trace[t])).toBeLessThan(room)
      expect(boundAfterMStep).toBeGreaterThanOrEqual((bound as number) - room)
      expect(trace[t + 1]).toBeGreaterThanOrEqual((boundAfterMStep as number) - room)
    })
  })

  it('the bound is that of the responsibilities in use: others than the posterior lie below', () => {
    const model = exponentials(y)
    const equal = y.map(() => [0.5, 0.5])
    const { events } = listen<Exponentials>(
      { ...model, logJoint: (p) => model.logJoint(p), eStep: (p) => ({ ...model.eStep(p), responsibilities: equal }) },
      start,
      { maxIter: 1 },
    )
    const bound = model
      .logJoint(start)
      .flat()
      .reduce((s, l) => s + 0.5 * (l - Math.log(0.5)), 0)
    expect(events[0].bound).toBeCloseTo(bound, 9)
    expect(events[0].bound).toBeLessThan(events[0].logLikelihood - 1)
    // hard assignment: the joint densities of what was assigned
    const hard = listen(model, start, { assignment: 'hard', maxIter: 1 }).events[0]
    expect(hard.bound).toBeCloseTo(
      model.logJoint(start).reduce((s, row) => s + Math.max(...row), 0),
      9,
    )
  })

  it('without logJoint there is no bound', () => {
    const full = exponentials(y)
    const { events } = listen<Exponentials>({ eStep: (p) => full.eStep(p), mStep: (r) => full.mStep(r) }, start)
    expect(Object.keys(events[0]).sort()).toEqual(['elapsedMs', 'iteration', 'logLikelihood', 'parameters', 'run'])
  })

  it('any form of matrix serves for responsibilities', () => {
    const model = exponentials(y)
    const expected = listen(model, start)
    const forms: ((r: number[][]) => never)[] = [
      (r) => Matrix.from(r) as never,
      (r) => r.map((row) => Float64Array.from(row)) as never,
      (r) => ({ data: Float64Array.from(r.flat()), shape: [r.length, r[0].length] }) as never,
    ]
    for (const form of forms) {
      const { parameters } = listen<Exponentials>(
        {
          mStep: (r) => model.mStep(r),
          eStep: (p) => {
            const e = model.eStep(p)
            return { ...e, responsibilities: form(e.responsibilities as number[][]) }
          },
        },
        start,
      )
      expect(parameters).toEqual(expected.parameters)
    }
  })

  it('the matrix a model returned stays as it was, also with hard assignment', () => {
    const model = exponentials(y)
    const returned: Matrix[] = []
    const copies: number[][][] = []
    listen<Exponentials>(
      {
        mStep: (r) => model.mStep(r),
        eStep: (p) => {
          const e = model.eStep(p)
          returned.push(Matrix.from(e.responsibilities))
          copies.push(e.responsibilities as number[][])
          return { ...e, responsibilities: returned[returned.length - 1] }
        },
      },
      start,
      { assignment: 'hard' },
    )
    returned.forEach((m, i) => expect(m.toArray()).toEqual(copies[i]))
  })

  it('parameters may be anything: a number, an instance with a prototype, null', () => {
    const one: LatentVariableModel<number> = {
      eStep: (m) => ({ responsibilities: [[1], [1]], logLikelihood: -1 - Math.abs(m - 3) }),
      mStep: () => 3,
    }
    expect(expectationMaximization(one, 0)).toMatchObject({ parameters: 3, logLikelihood: -1, converged: true })
    class Theta {
      constructor(readonly value: number) {}
    }
    const boxed: LatentVariableModel<Theta | null> = {
      eStep: (t) => ({ responsibilities: [[1]], logLikelihood: -((t?.value ?? 9) ** 2) }),
      mStep: () => new Theta(0),
    }
    expect(expectationMaximization(boxed, null).parameters).toBeInstanceOf(Theta)
  })
})

describe('when it stops', () => {
  const changes = (history: number[]) => history.slice(1).map((v, t) => Math.abs(v - history[t]) / y.length)

  it('at the first change of the mean log-likelihood below tol', () => {
    for (const tol of [1e-2, 1e-4, 1e-8]) {
      const { history, converged, codes } = listen(exponentials(y), start, { tol })
      const small = changes(history)
      expect(converged).toBe(true)
      expect(codes).toEqual([])
      expect(small[small.length - 1]).toBeLessThan(tol)
      for (const change of small.slice(0, -1)) expect(change).toBeGreaterThanOrEqual(tol)
    }
  })

  it('strictly below: a change of exactly tol goes on, 0 never stops', () => {
    // log-likelihoods 0, 1, 2, …, 6, 6, 6 over one row
    const steps: LatentVariableModel<number> = {
      eStep: (t) => ({ responsibilities: [[1]], logLikelihood: Math.min(t, 6) }),
      mStep: () => 0,
    }
    const counter = () => {
      let t = 0
      return { ...steps, mStep: () => ++t }
    }
    expect(listen(counter(), 0, { tol: 1, maxIter: 20 })).toMatchObject({ nIter: 8, converged: true })
    expect(listen(counter(), 0, { tol: 1.01, maxIter: 20 })).toMatchObject({ nIter: 2, converged: true })
    const forever = listen(counter(), 0, { tol: 0, maxIter: 20 })
    expect(forever).toMatchObject({ nIter: 20, converged: false, codes: ['not-converged'] })
    expect(forever.history.slice(6)).toEqual(new Array(14).fill(6))
  })

  it('at maxIter, which is heard of', () => {
    const { nIter, converged, warnings } = listen(exponentials(y), start, { maxIter: 3 })
    expect([nIter, converged]).toEqual([3, false])
    expect(warnings).toHaveLength(1)
    expect(warnings[0].code).toBe('not-converged')
    expect(warnings[0].message).toMatch(/maxIter = 3 .* tol = 0.000001/)
  })

  it('maxIter 0 keeps the start and says what it is worth', () => {
    const model = exponentials(y)
    const result = listen(model, start, { maxIter: 0 })
    expect(result.parameters).toBe(start)
    expect(result).toMatchObject({ nIter: 0, converged: false, history: [], codes: [], events: [] })
    expect(result.logLikelihood).toBe(model.eStep(start).logLikelihood)
  })

  it('onIteration returning false stops and keeps; other falsy values do not', () => {
    const stopped = listen(exponentials(y), start, { onIteration: ({ iteration }) => iteration < 4 })
    expect(stopped).toMatchObject({ nIter: 4, converged: false, codes: [] })
    expect(stopped.parameters).toEqual(listen(exponentials(y), start, { maxIter: 4 }).parameters)
    for (const value of [undefined, null, 0, '', Number.NaN])
      expect(listen(exponentials(y), start, { onIteration: () => value }).nIter).toBeGreaterThan(4)
  })

  it('a log-likelihood of −∞ at the start is no end', () => {
    const model = exponentials(y)
    let first = true
    const { history, converged, codes } = listen<Exponentials>(
      {
        mStep: (r) => model.mStep(r),
        eStep: (p) => {
          const e = model.eStep(p)
          if (!first) return e
          first = false
          return { ...e, logLikelihood: Number.NEGATIVE_INFINITY }
        },
      },
      start,
    )
    expect(history[0]).toBe(Number.NEGATIVE_INFINITY)
    expect([converged, codes]).toEqual([true, []])
  })
})

describe('restarts', () => {
  const initial = (run: number): Exponentials => ({
    weights: [0.5, 0.5],
    rates: [
      [1, 1],
      [0.5, 3],
      [2, 2],
    ][run],
  }) // equal rates never part
  it('initial as a function of the run: the best is kept', () => {
    const alone = [0, 1, 2].map((run) => listen(exponentials(y), initial(run)))
    const asked: number[] = []
    const all = listen(exponentials(y), (run) => (asked.push(run), initial(run)), { nInit: 3 })
    expect(asked).toEqual([0, 1, 2])
    expect(all.parameters).toEqual(alone[1].parameters)
    expect(all.history).toEqual(alone[1].history)
    expect(all).toMatchObject({ logLikelihood: alone[1].logLikelihood, nIter: alone[1].nIter, converged: true })
    expect(alone[1].logLikelihood).toBeGreaterThan(alone[0].logLikelihood + 1)
    expect(all.events.map((e) => e.run)).toEqual([0, 1, 2].flatMap((run) => new Array(alone[run].nIter).fill(run)))
  })

  it('a function of the run serves for one run too', () => {
    expect(listen(exponentials(y), () => start).parameters).toEqual(listen(exponentials(y), start).parameters)
  })

  it('the same start again and again is one run, and heard of', () => {
    const { events, warnings, parameters } = listen(exponentials(y), start, { nInit: 5 })
    expect(new Set(events.map((e) => e.run))).toEqual(new Set([0]))
    expect(warnings.map((w) => w.code)).toEqual(['single-init'])
    expect(warnings[0].message).toContain('nInit = 5')
    expect(parameters).toEqual(listen(exponentials(y), start).parameters)
  })

  it('stopping in a later run keeps the best so far, and starts no further run', () => {
    const { parameters, events } = listen(exponentials(y), (run) => initial([1, 0, 2][run]), {
      nInit: 3,
      onIteration: ({ run }) => run < 1,
    })
    expect(events.filter((e) => e.run === 1)).toHaveLength(1)
    expect(events.filter((e) => e.run === 2)).toHaveLength(0)
    expect(parameters).toEqual(listen(exponentials(y), initial(1)).parameters)
  })

  it('hard assignments of one run do not end the next', () => {
    const alone = listen(exponentials(y), initial(1), { assignment: 'hard' })
    const twice = listen(exponentials(y), () => initial(1), { assignment: 'hard', nInit: 2 })
    expect(twice.events.filter((e) => e.run === 1)).toHaveLength(alone.nIter)
  })
})

describe('hard assignment', () => {
  it('gives the M-step ones and zeros, ties to the first, and stops when nothing changes', () => {
    const model = exponentials(y)
    const seen: number[][][] = []
    const { converged, nIter, parameters, codes } = listen<Exponentials>(
      { ...model, mStep: (r) => (seen.push(r.toArray()), model.mStep(r)) },
      start,
      { assignment: 'hard', tol: 0 },
    )
    expect([converged, codes]).toEqual([true, []])
    expect(seen[nIter - 1]).toEqual(seen[nIter - 2])
    for (const r of seen) for (const row of r) expect([...row].sort()).toEqual([0, 1])
    const soft = model.eStep(parameters).responsibilities as number[][]
    expect(seen[nIter - 1]).toEqual(soft.map((row) => row.map((_, k) => Number(k === row.indexOf(Math.max(...row))))))
    // ties
    const tied: LatentVariableModel<number[][]> = {
      eStep: () => ({
        responsibilities: [
          [0.5, 0.5, 0],
          [0.2, 0.4, 0.4],
          [0.25, 0.25, 0.5],
        ],
        logLikelihood: 0,
      }),
      mStep: (r) => r.toArray(),
    }
    expect(expectationMaximization(tied, [], { assignment: 'hard' }).parameters).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ])
  })

  it('the classification likelihood, its bound, never falls', () => {
    for (let seed = 0; seed < 30; seed++) {
      const u = uniforms(seed)
      const { events, codes } = listen(
        exponentials(waits(seed, 40, truth)),
        { weights: [0.5, 0.5], rates: [u() + 0.1, 3 * u() + 0.1] },
        { assignment: 'hard', tol: 0, maxIter: 50 },
      )
      for (let t = 1; t < events.length; t++) expect(events[t].bound).toBeGreaterThanOrEqual((events[t - 1].bound as number) - 1e-10)
      expect(codes).not.toContain('likelihood-decreased')
    }
  })

  it('without logJoint its falls of the log-likelihood, which are no error, are not reported', () => {
    // hard EM lowers the log-likelihood where it leaves its maximum
    const model = exponentials(y)
    const best = listen(model, start, { tol: 1e-12 }).parameters
    const { history, codes } = listen<Exponentials>({ eStep: (p) => model.eStep(p), mStep: (r) => model.mStep(r) }, best, {
      assignment: 'hard',
    })
    expect(history[1]).toBeLessThan(history[0])
    expect(codes).toEqual([])
  })
})

describe('the watch over the log-likelihood', () => {
  const wrongs: Record<string, (model: LatentVariableModel<Exponentials>) => LatentVariableModel<Exponentials>> = {
    'rates too large by a tenth': (m) => ({
      ...m,
      mStep: (r) => {
        const p = m.mStep(r)
        return { ...p, rates: p.rates.map((v) => 1.1 * v) }
      },
    }),
    'weights of the wrong components': (m) => ({
      ...m,
      mStep: (r) => {
        const p = m.mStep(r)
        return { ...p, weights: [...p.weights].reverse() }
      },
    }),
    'the mean where the rate belongs': (m) => ({
      ...m,
      mStep: (r) => {
        const p = m.mStep(r)
        return { ...p, rates: p.rates.map((v) => 1 / v) }
      },
    }),
    'responsibilities squared': (m) => ({
      ...m,
      eStep: (p) => {
        const e = m.eStep(p)
        return {
          ...e,
          responsibilities: (e.responsibilities as number[][]).map((row) => row.map((r) => (r * r) / row.reduce((a, b) => a + b * b, 0))),
        }
      },
    }),
    'weights held where they were not asked to be': (m) => ({ ...m, mStep: (r) => ({ ...m.mStep(r), weights: [0.9, 0.1] }) }),
  }

  // a step that is wrong may still rise on its way, but at the maximum it must fall
  const best = expectationMaximization(exponentials(y), start, { tol: 1e-13, ...silent }).parameters

  it.each(Object.entries(wrongs))('catches a wrong step: %s', (_, wrong) => {
    for (const maxIter of [1, 2, 30]) {
      const { codes, warnings, history, logLikelihood, events } = listen(wrong(exponentials(y)), best, { tol: 0, maxIter })
      expect(codes).toEqual(['likelihood-decreased', 'not-converged'])
      // names the worst M-step, and by how much
      const trace = [...history, logLikelihood]
      const falls = trace.slice(1).map((v, t) => trace[t] - v)
      const worst = Math.max(...falls)
      const message = `the M-step of iteration ${falls.indexOf(worst) + 1} lowered the mean log-likelihood by ${(worst / y.length).toExponential(2)}, `
      expect(warnings[0].message).toContain(message)
      expect(warnings[0].message).toMatch(/check mStep and eStep/)
      expect(events).toHaveLength(maxIter)
    }
  })

  it('catches a wrong step on its way', () => {
    expect(listen(wrongs['the mean where the rate belongs'](exponentials(y)), start).codes).toContain('likelihood-decreased')
  })

  it('catches a wrong M-step under hard assignment through the bound', () => {
    const model = exponentials(y)
    const wrong: LatentVariableModel<Exponentials> = { ...model, mStep: (r) => ({ ...model.mStep(r), weights: [0.05, 0.95] }) }
    expect(listen(wrong, { weights: [0.5, 0.5], rates: [0.2, 5] }, { assignment: 'hard', tol: 0, maxIter: 30 }).codes).toContain(
      'likelihood-decreased',
    )
  })

  it('says it once, on the console where nobody listens', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    expectationMaximization(wrongs['the mean where the rate belongs'](exponentials(y)), best, { tol: 1e-9, maxIter: 1 })
    expectationMaximization(exponentials(y), best)
    const heard = warn.mock.calls.map(([message]) => String(message))
    warn.mockRestore()
    expect(heard).toHaveLength(2)
    expect(heard[0]).toMatch(/^mixtura: expectationMaximization: the M-step of iteration 1 /)
    expect(heard[1]).toMatch(/^mixtura: expectationMaximization stopped after maxIter = 1 /)
  })

  it('never suspects a right model: mixtures of exponentials', () => {
    for (let seed = 0; seed < 150; seed++) {
      const u = uniforms(seed)
      const k = 1 + Math.floor(4 * u())
      const rates = Array.from({ length: k }, () => 10 ** (6 * u() - 3))
      const weights = rates.map(() => 1 / k)
      const initial = { weights, rates: rates.map((r) => r * 4 ** (2 * u() - 1)) }
      expect(
        listen(exponentials(waits(seed, 10 + Math.floor(60 * u()), { weights, rates })), initial, { tol: 0, maxIter: 60 }).codes,
        `seed ${seed}`,
      ).toEqual(['not-converged'])
    }
  })

  it.each(['full', 'tied', 'diag', 'spherical'] as CovarianceType[])(
    'never suspects a right model: Gaussians, %s, near and far',
    (type) => {
      for (let seed = 0; seed < 12; seed++) {
        const offset = [0, 1e3, 1e6, -1e8][seed % 4]
        const rows = blobs(seed, 60, 2, 3, 4).map((row) => row.map((v) => v + offset))
        const joint = (p: Parameters<typeof naiveLogDensities>[1]) => naiveLogDensities(rows, p, type)
        const model: LatentVariableModel<Parameters<typeof naiveLogDensities>[1]> = {
          eStep(p) {
            const logs = joint(p)
            const norms = logs.map(naiveLogSumExp)
            return {
              responsibilities: logs.map((row, i) => row.map((l) => Math.exp(l - norms[i]))),
              logLikelihood: norms.reduce((a, b) => a + b),
            }
          },
          mStep: (r) => naiveMStep(rows, r.toArray(), type, { regCovar: 0 }),
        }
        const u = uniforms(seed)
        const random = rowsOf(60, 3, u).map((row) => row.map((v) => v / row.reduce((a, b) => a + b)))
        expect(listen(model, model.mStep(Matrix.from(random)), { tol: 0, maxIter: 30 }).codes, `seed ${seed}`).toEqual(['not-converged'])
        const warnings: string[] = []
        new GaussianMixture({
          nComponents: 3,
          covarianceType: type,
          regCovar: 0,
          tol: 0,
          maxIter: 60,
          initParams: 'random',
          randomState: seed,
          onWarning: (w) => warnings.push(w.code),
        }).fit(rows)
        expect(warnings).toEqual(['not-converged'])
      }
    },
  )

  it('never suspects a right model: counts of any size', () => {
    for (let seed = 0; seed < 24; seed++) {
      const u = uniforms(seed)
      const size = 10 ** (seed % 12)
      const warnings: string[] = []
      const options = { nComponents: 2, tol: 0, maxIter: 80, randomState: seed, onWarning: (w: Warning) => void warnings.push(w.code) }
      new PoissonMixture(options).fit(rowsOf(40, 2, () => Math.round(size * (1 + u()))))
      new PoissonMixture(options).fit(rowsOf(40, 1, () => Math.round(size + Math.sqrt(size) * 4 * u())))
      new BinomialMixture(options).fit(Array.from({ length: 40 }, () => [Math.floor(size * u()), size]))
      expect(warnings, `seed ${seed}`).toEqual(['not-converged', 'not-converged', 'not-converged'])
    }
  })

  it('data that change between warm starts are no fall', () => {
    const warnings: string[] = []
    const near = makeBlobs({ nSamples: 100, centers: 2, clusterStd: 0.1, randomState: 1 }).X
    const wide = makeBlobs({ nSamples: 100, centers: 2, clusterStd: 3, randomState: 2 }).X
    new GaussianMixture({ nComponents: 2, warmStart: true, regCovar: 0, randomState: 1, onWarning: (w) => warnings.push(w.code) })
      .fit(near)
      .fit(wide)
    expect(warnings).not.toContain('likelihood-decreased')
  })
})

describe('what it refuses', () => {
  const good = exponentials([1, 2, 3])
  const responsibilities = [
    [0.5, 0.5],
    [0.5, 0.5],
    [0.5, 0.5],
  ]
  const returning = (e: unknown): LatentVariableModel<Exponentials> => ({ ...good, eStep: () => e as never })

  const cases: Record<string, [unknown, typeof TypeError | typeof RangeError, RegExp]> = {
    'no model': [undefined, TypeError, /model: expected an object with functions eStep and mStep, got undefined/],
    null: [null, TypeError, /model: expected .* got null/],
    'a function for a model': [() => {}, TypeError, /model: expected .* for eStep/],
    'no eStep': [{ mStep: good.mStep }, TypeError, /model: .*for eStep/],
    'no mStep': [{ eStep: good.eStep }, TypeError, /model: .*for mStep/],
    'eStep a number': [{ ...good, eStep: 3 }, TypeError, /model: .*got 3 for eStep/],
    'logJoint a matrix': [
      { ...good, logJoint: responsibilities },
      TypeError,
      /logJoint to be a function or nothing, got an array of length 3/,
    ],
    'eStep returns nothing': [returning(undefined), TypeError, /eStep: expected \{ responsibilities, logLikelihood \}, got undefined/],
    'eStep returns a number': [returning(-3), TypeError, /eStep: expected .* got -3/],
    'no logLikelihood': [returning({ responsibilities }), TypeError, /eStep: expected logLikelihood to be a number, got undefined/],
    'logLikelihood a list': [returning({ responsibilities, logLikelihood: [1] }), TypeError, /logLikelihood.*got an array of length 1/],
    'logLikelihood NaN': [
      returning({ responsibilities, logLikelihood: Number.NaN }),
      RangeError,
      /logLikelihood.*below Infinity, got NaN\. A component may have collapsed/,
    ],
    'logLikelihood ∞': [returning({ responsibilities, logLikelihood: Number.POSITIVE_INFINITY }), RangeError, /got Infinity/],
    'no responsibilities': [returning({ logLikelihood: 0 }), TypeError, /eStep: responsibilities: expected a matrix .*got undefined/],
    'responsibilities a number': [returning({ responsibilities: 1, logLikelihood: 0 }), TypeError, /eStep: responsibilities: .*got 1/],
    'responsibilities in one dimension': [
      returning({ responsibilities: [0.5, 0.5], logLikelihood: 0 }),
      TypeError,
      /eStep: responsibilities: expected a 2-d array/,
    ],
    ragged: [
      returning({ responsibilities: [[0.5, 0.5], [1]], logLikelihood: 0 }),
      RangeError,
      /eStep: responsibilities: .*2 columns.*got 1 in row 1/,
    ],
    strings: [returning({ responsibilities: [['1']], logLikelihood: 0 }), TypeError, /eStep: responsibilities: .*row 0, column 0, got '1'/],
    'none at all': [returning({ responsibilities: [], logLikelihood: 0 }), RangeError, /at least one row and column, got shape \[0, 0\]/],
    'rows that do not sum to 1': [
      returning({
        responsibilities: [
          [0.5, 0.5],
          [0.5, 0.4],
        ],
        logLikelihood: 0,
      }),
      RangeError,
      /sum to 1, got 0.9 in row 1\. Divide each by their sum/,
    ],
    'joint densities left undivided': [
      returning({ responsibilities: [[0.01, 0.02]], logLikelihood: 0 }),
      RangeError,
      /sum to 1, got 0.03 in row 0/,
    ],
    negative: [returning({ responsibilities: [[1.5, -0.5]], logLikelihood: 0 }), RangeError, /from 0 to 1, got 1.5 in row 0/],
    NaN: [
      returning({
        responsibilities: [
          [0.5, 0.5],
          [Number.NaN, 1],
        ],
        logLikelihood: 0,
      }),
      RangeError,
      /from 0 to 1, got NaN in row 1/,
    ],
    'logJoint of another shape': [
      { ...good, logJoint: () => [[0, 0]] },
      RangeError,
      /logJoint: expected shape \[3, 2\] like the responsibilities, got \[1, 2\]/,
    ],
    'logJoint NaN': [
      {
        ...good,
        logJoint: () => [
          [0, 0],
          [0, Number.NaN],
          [0, 0],
        ],
      },
      RangeError,
      /logJoint: expected numbers below Infinity, got NaN at row 1, column 1/,
    ],
    'mStep returns nothing': [{ ...good, mStep: () => {} }, TypeError, /mStep: expected it to return the new parameters, got undefined/],
  }

  it.each(Object.entries(cases))('%s', (name, [model, kind, message]) => {
    const self = model as { eStep?: unknown }
    // eStep of the good model asks logJoint: bound to it here
    const bound =
      typeof self?.eStep === 'function' && self.eStep === good.eStep ? { ...self, eStep: (p: Exponentials) => good.eStep(p) } : model
    const error = thrown(() => expectationMaximization(bound as never, start, silent))
    expect(error, name).toBeInstanceOf(kind)
    expect(error.message, name).toMatch(message)
  })

  it('no start', () => {
    expect(thrown(() => (expectationMaximization as (m: unknown) => unknown)(good)).message).toMatch(/^initial: expected parameters/)
  })

  it('errors of the model itself pass through', () => {
    const mine = new RangeError('mine')
    expect(
      thrown(() =>
        expectationMaximization(
          {
            ...good,
            mStep: () => {
              throw mine
            },
          },
          start,
        ),
      ),
    ).toBe(mine)
    expect(
      thrown(() =>
        expectationMaximization(good, () => {
          throw mine
        }),
      ),
    ).toBe(mine)
    expect(
      thrown(() =>
        expectationMaximization(good, start, {
          onIteration: () => {
            throw mine
          },
        }),
      ),
    ).toBe(mine)
  })

  it('options', () => {
    const bad: [unknown, typeof TypeError | typeof RangeError, RegExp][] = [
      [{ maxIters: 3 }, TypeError, /expectationMaximization: unknown option 'maxIters'. Did you mean 'maxIter'/],
      [{ n_init: 3 }, TypeError, /Did you mean 'nInit'/],
      [{ nComponents: 3 }, TypeError, /unknown option 'nComponents'/],
      [{ tol: -1 }, RangeError, /tol: .*got -1/],
      [{ tol: Number.NaN }, RangeError, /tol: .*got NaN/],
      [{ tol: '1' }, TypeError, /tol: .*got '1'/],
      [{ maxIter: 2.5 }, RangeError, /maxIter: .*got 2.5/],
      [{ maxIter: -1 }, RangeError, /maxIter/],
      [{ nInit: 0 }, RangeError, /nInit/],
      [{ assignment: 'Hard' }, RangeError, /assignment: .*'soft', 'hard', got 'Hard'. Did you mean 'hard'/],
      [{ onIteration: true }, TypeError, /onIteration: expected a function/],
      [{ onWarning: 'log' }, TypeError, /onWarning: expected a function/],
      [null, TypeError, /options object/],
      [5, TypeError, /options object/],
      [[], TypeError, /options object/],
    ]
    let asked = 0
    for (const [options, kind, message] of bad) {
      const error = thrown(() => expectationMaximization({ ...good, eStep: (p) => (asked++, good.eStep(p)) }, start, options as never))
      expect(error).toBeInstanceOf(kind)
      expect(error.message).toMatch(message)
    }
    expect(asked).toBe(0)
    expect(() => expectationMaximization(good, start, { tol: undefined, ...silent })).not.toThrow()
    expect(flat(expectationMaximization(good, start, undefined).parameters.weights)).toHaveLength(2)
  })
})
