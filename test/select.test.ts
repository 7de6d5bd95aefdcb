// selectGaussianMixture: the grid, what is kept, what is left out, what is refused.
import { describe, expect, it } from 'vitest'
import {
  type CovarianceType,
  type Criterion,
  DegenerateCovarianceError,
  GaussianMixture,
  Matrix,
  type MatrixLike,
  type SelectGaussianMixtureOptions,
  type SelectionResult,
  loadIris,
  makeBlobs,
  selectGaussianMixture,
} from '../src/index.ts'
import { expectBits } from './near.ts'

const { X } = makeBlobs({
  nSamples: 300,
  centers: [
    [0, 0],
    [6, 1],
    [2, 7],
  ],
  clusterStd: [1, 0.5, 1.5],
  randomState: 28,
})
const TYPES: CovarianceType[] = ['full', 'tied', 'diag', 'spherical']
const CRITERIA: Criterion[] = ['bic', 'aic', 'icl']
const quiet: SelectGaussianMixtureOptions = { randomState: 28, onWarning: () => {} }

describe('selectGaussianMixture', () => {
  it('fits every combination once, types in order, components within, and keeps every fit', () => {
    const { results } = selectGaussianMixture(X, { ...quiet, nComponents: [3, 1, 2], covarianceType: ['diag', 'full'] })
    expect(results.map((r) => [r.covarianceType, r.nComponents])).toEqual([
      ['diag', 3],
      ['diag', 1],
      ['diag', 2],
      ['full', 3],
      ['full', 1],
      ['full', 2],
    ])
    for (const { model, nComponents, covarianceType, converged, nIter } of results) {
      expect(model).toBeInstanceOf(GaussianMixture)
      expect(model.getParams()).toMatchObject({ nComponents, covarianceType, randomState: 28 })
      expect([model.converged, model.nIter, model.means.length]).toEqual([converged, nIter, nComponents])
    }
    expect(new Set(results.map((r) => r.model)).size).toBe(6)
    expect(Object.keys(results[0]).sort()).toEqual([
      'aic',
      'bic',
      'converged',
      'covarianceType',
      'icl',
      'logLikelihood',
      'model',
      'nComponents',
      'nIter',
    ])
  })

  it('without options: one to six components of the four types by BIC', () => {
    const { best, results } = selectGaussianMixture(X, quiet)
    expect(results.map((r) => r.nComponents)).toEqual(TYPES.flatMap(() => [1, 2, 3, 4, 5, 6]))
    expect([...new Set(results.map((r) => r.covarianceType))]).toEqual(TYPES)
    // three round blobs
    expect(best.getParams()).toMatchObject({ nComponents: 3, covarianceType: 'spherical' })
    expect(selectGaussianMixture(X).results).toHaveLength(24)
  })

  it('results are those of fitting each alone, to the last bit', () => {
    const options = { randomState: 5, nInit: 2, tol: 1e-5, regCovar: 1e-4, maxIter: 300, initParams: 'random_from_data' } as const
    for (const { model, nComponents, covarianceType, ...result } of selectGaussianMixture(X, { ...options, nComponents: [1, 2, 4] })
      .results) {
      const alone = new GaussianMixture({ ...options, nComponents, covarianceType }).fit(X)
      expect(model.toJSON()).toEqual(alone.toJSON())
      expectBits([result.bic, result.aic, result.icl], [alone.bic(X), alone.aic(X), alone.icl(X)])
      expect([result.converged, result.nIter]).toEqual([alone.converged, alone.nIter])
      // the total, not the mean
      expect(Math.abs(result.logLikelihood - 300 * alone.score(X))).toBeLessThan(1e-12 * Math.abs(result.logLikelihood))
      expect(result.aic).toBe(-2 * result.logLikelihood + 2 * alone.nParameters)
    }
  })

  it.each(CRITERIA)('best is the lowest %s', (criterion) => {
    const { best, results } = selectGaussianMixture(loadIris().data, { ...quiet, criterion, nComponents: [1, 2, 3, 4] })
    const lowest = results.reduce((a, b) => (b[criterion] < a[criterion] ? b : a))
    expect(best).toBe(lowest.model)
    for (const { bic, icl } of results) expect(icl).toBeGreaterThanOrEqual(bic)
  })

  it('the criteria may disagree, each standing by its own', () => {
    // overlapping groups: ICL, which pays for overlap, takes no more components than BIC, AIC no fewer
    const { X: close } = makeBlobs({
      nSamples: 400,
      centers: [
        [0, 0],
        [2.2, 0],
        [0, 2.2],
      ],
      randomState: 4,
    })
    const pick = (criterion: Criterion) =>
      selectGaussianMixture(close, { ...quiet, criterion, covarianceType: ['spherical'], nComponents: [1, 2, 3, 4, 5], nInit: 3 }).best
        .weights.length
    expect(pick('icl')).toBeLessThanOrEqual(pick('bic'))
    expect(pick('bic')).toBeLessThanOrEqual(pick('aic'))
  })

  it('the first of equals', () => {
    // one component in one dimension is the same Gaussian for every type
    const line = X.toArray().map((row) => [row[0]])
    const { best, results } = selectGaussianMixture(line, { ...quiet, nComponents: [1, 1], covarianceType: ['diag', 'spherical'] })
    expect(new Set(results.map((r) => r.bic)).size).toBe(1)
    expect(best).toBe(results[0].model)
  })

  it('onFit hears every fit, and false stops with the best so far', () => {
    const heard: SelectionResult[] = []
    const all = selectGaussianMixture(X, { ...quiet, nComponents: [1, 2, 3], onFit: (r) => void heard.push(r) })
    expect(heard).toHaveLength(12)
    heard.forEach((r, i) => expect(r).toBe(all.results[i]))
    const some = selectGaussianMixture(X, { ...quiet, nComponents: [1, 2, 3], onFit: ({ nComponents }) => nComponents < 2 })
    expect(some.results.map((r) => r.nComponents)).toEqual([1, 2])
    expect(some.best).toBe(some.results[1].model)
    const mine = new Error('mine')
    expect(() =>
      selectGaussianMixture(X, {
        ...quiet,
        onFit: () => {
          throw mine
        },
      }),
    ).toThrow(mine)
  })

  it('sampleWeight goes into every fit', () => {
    const sampleWeight = Float64Array.from({ length: 300 }, (_, i) => 1 + (i % 3))
    for (const { model, nComponents, covarianceType } of selectGaussianMixture(X, { ...quiet, sampleWeight, nComponents: [1, 3] }).results)
      expect(model.toJSON()).toEqual(
        new GaussianMixture({ randomState: 28, nComponents, covarianceType }).fit(X, { sampleWeight }).toJSON(),
      )
  })

  it('warnings of every fit are heard', () => {
    const codes: string[] = []
    selectGaussianMixture(X, {
      randomState: 1,
      maxIter: 1,
      nComponents: [3, 4],
      covarianceType: ['full', 'diag'],
      onWarning: (w) => codes.push(w.code),
    })
    expect(codes).toEqual(new Array(4).fill('not-converged'))
  })
})

describe('degenerate combinations', () => {
  // two coordinates that are the same: no full or tied covariance, but diagonal ones
  const flat = X.toArray().map(([a]) => [a, a])

  it('are left out', () => {
    const { best, results } = selectGaussianMixture(flat, { ...quiet, regCovar: 0, nComponents: [1, 2] })
    expect(results.map((r) => r.covarianceType)).toEqual(['diag', 'diag', 'spherical', 'spherical'])
    expect(results.map((r) => r.model)).toContain(best)
    // and onFit does not hear of them
    let heard = 0
    selectGaussianMixture(flat, { ...quiet, regCovar: 0, nComponents: [1, 2], onFit: () => void heard++ })
    expect(heard).toBe(4)
  })

  it('when all are, the error is thrown', () => {
    expect(() => selectGaussianMixture(flat, { ...quiet, regCovar: 0, covarianceType: ['full', 'tied'] })).toThrow(
      DegenerateCovarianceError,
    )
    expect(selectGaussianMixture(flat, { ...quiet, covarianceType: ['full', 'tied'] }).results).toHaveLength(12) // regCovar 1e-6
  })
})

describe('data', () => {
  /** Rows that count how often a number is read. */
  const counted = (rows: number, columns: number) => {
    const form = { reads: 0, rows, columns, get: (i: number, j: number) => (form.reads++, X.get(i % 300, j % 2)) }
    return form
  }

  it('are read once, however many models are fitted', () => {
    const form = counted(300, 2)
    const { results } = selectGaussianMixture(form, { ...quiet, nComponents: [1, 2, 3] })
    expect(results).toHaveLength(12)
    expect(form.reads).toBe(600)
  })

  it('large ones lie in WebAssembly memory, where fits find them', () => {
    const form = counted(70_000, 2) // 1.1 MB
    const { best } = selectGaussianMixture(form, { ...quiet, nComponents: [1], covarianceType: ['diag', 'spherical'] })
    expect(form.reads).toBe(140_000)
    expect(best.means).toHaveLength(1)
  })

  it('any form gives the same; a Matrix stays what it was', () => {
    const options = { ...quiet, nComponents: [2], covarianceType: ['full'] as CovarianceType[] }
    const expected = selectGaussianMixture(X, options).best.toJSON()
    const before = X.data.slice()
    const forms: MatrixLike[] = [
      X.toArray(),
      Array.from(X, (row) => Float64Array.from(row)),
      { data: X.data, shape: [300, 2] },
      counted(300, 2),
    ]
    for (const form of forms) expect(selectGaussianMixture(form, options).best.toJSON()).toEqual(expected)
    expectBits(X.data, before)
  })
})

describe('refusals, before any fit', () => {
  const cases: [unknown, unknown, typeof TypeError | typeof RangeError, RegExp][] = [
    [X, { criterion: 'BIC' }, RangeError, /criterion: expected one of 'bic', 'aic', 'icl', got 'BIC'. Did you mean 'bic'/],
    [X, { criterion: 3 }, TypeError, /criterion/],
    [X, { nComponents: 3 }, TypeError, /nComponents: expected an array of values to try, got 3/],
    [X, { nComponents: [] }, RangeError, /nComponents: expected at least one value/],
    [X, { nComponents: [2, 2.5] }, RangeError, /nComponents: .*got 2.5/],
    [X, { nComponents: [1, 0] }, RangeError, /nComponents: .*got 0/],
    [X, { nComponents: ['2'] }, TypeError, /nComponents: .*got '2'/],
    [X, { covarianceType: 'full' }, TypeError, /covarianceType: expected an array of values to try, got 'full'/],
    [X, { covarianceType: ['full', 'Diag'] }, RangeError, /covarianceType: .*got 'Diag'. Did you mean 'diag'/],
    [X, { covarianceType: [] }, RangeError, /covarianceType: expected at least one/],
    [X, { covarianceTypes: ['full'] }, TypeError, /selectGaussianMixture: unknown option 'covarianceTypes'. Did you mean 'covarianceType'/],
    [X, { critrion: 'bic' }, TypeError, /Did you mean 'criterion'/],
    [X, { n_init: 3 }, TypeError, /Did you mean 'nInit'/],
    [X, { meansInit: [[0, 0]] }, TypeError, /unknown option 'meansInit'/],
    [X, { onFit: 'log' }, TypeError, /onFit: expected a function/],
    [X, { onWarning: 'log' }, TypeError, /onWarning: expected a function/],
    [X, { tol: -1 }, RangeError, /tol: /],
    [X, { maxIter: 1.5 }, RangeError, /maxIter: /],
    [X, { sampleWeight: [1] }, RangeError, /sampleWeight: expected 300 numbers/],
    [X, { sampleWeight: X.toArray().map(() => -1) }, RangeError, /sampleWeight: .*got -1 at 0/],
    [X, null, TypeError, /options object/],
    [X, 3, TypeError, /options object/],
    [X, [], TypeError, /options object/],
    [undefined, {}, TypeError, /X: expected a matrix/],
    [[1, 2, 3], {}, TypeError, /X: expected a 2-d array/],
    [[[1], [2], [3]], {}, RangeError, /X: selectGaussianMixture expected at least 6 rows, got shape \[3, 1\]/],
    [[[1]], { nComponents: [1] }, RangeError, /at least 2 rows/],
    [[[1], ['2']], { nComponents: [1] }, TypeError, /X: expected a number at row 1, column 0, got '2'/],
    [[[1], [2, 3]], { nComponents: [1] }, RangeError, /X: expected every row to have 1 columns/],
    [[[1], [Number.NaN]], { nComponents: [1] }, RangeError, /X: expected finite numbers, got NaN at row 1, column 0/],
    [[[], []], { nComponents: [1] }, RangeError, /X: expected at least 1 column/],
  ]
  it.each(cases)('case %#', (data, options, kind, message) => {
    let fits = 0
    const withCount =
      typeof options === 'object' && options !== null && !Array.isArray(options) && !('onFit' in options)
        ? { onFit: () => void fits++, ...options }
        : options
    let error: unknown
    try {
      selectGaussianMixture(data as never, withCount as never)
    } catch (e) {
      error = e
    }
    expect(error).toBeInstanceOf(kind)
    expect((error as Error).message).toMatch(message)
    expect(fits).toBe(0)
  })

  it('undefined means the default', () => {
    const { results } = selectGaussianMixture(Matrix.from(X), {
      ...quiet,
      nComponents: undefined,
      covarianceType: undefined,
      criterion: undefined,
      sampleWeight: undefined,
      onFit: undefined,
      tol: undefined,
    })
    expect(results).toHaveLength(24)
  })
})
