// SQUAREM: fewer iterations to the same maximum on overlapping data, never a falling likelihood, and the same path every time.
import { describe, expect, it } from 'vitest'
import { type CovarianceType, DegenerateCovarianceError, GaussianMixture, Matrix, makeBlobs } from '../src/index.ts'
import { uniforms } from './near.ts'

const TYPES = ['full', 'tied', 'diag', 'spherical'] as const
const { X } = makeBlobs({ nSamples: 1500, nFeatures: 3, centers: 4, clusterStd: 3.5, randomState: 5 }) // components overlap

const fitted = (covarianceType: CovarianceType, acceleration: 'none' | 'squarem', options: object = {}) =>
  new GaussianMixture({
    nComponents: 4,
    covarianceType,
    acceleration,
    tol: 1e-8,
    maxIter: 20_000,
    randomState: 3,
    onWarning() {},
    ...options,
  }).fit(X)

describe.each(TYPES)('acceleration squarem, %s', (type) => {
  const plain = fitted(type, 'none')
  const fast = fitted(type, 'squarem')

  it('takes about half the iterations of plain EM on average over data sets whose components overlap, to maxima as good', () => {
    let [ratios, gained] = [0, 0]
    for (let seed = 1; seed <= 8; seed++) {
      const { X } = makeBlobs({ nSamples: 1500, nFeatures: 3, centers: 4, clusterStd: 3.5, randomState: seed })
      const [slow, quick] = (['none', 'squarem'] as const).map((acceleration) =>
        new GaussianMixture({ ...plain.getParams(), covarianceType: type, acceleration, onWarning() {} }).fit(X),
      )
      expect(slow.converged && quick.converged).toBe(true)
      ratios += Math.log(slow.nIter / quick.nIter) / 8
      gained += (quick.lowerBound - slow.lowerBound) / 8
    }
    expect(Math.exp(ratios)).toBeGreaterThan(1.8) // measured 2.1 to 4.5
    expect(gained).toBeGreaterThan(-1e-3)
  })

  it('never lowers the log-likelihood, and reports every accepted iteration', () => {
    const bounds: number[] = []
    const model = new GaussianMixture({ ...fast.getParams(), onWarning() {} }).fit(X, {
      onIteration: (e) => void bounds.push(e.lowerBound),
    })
    expect(bounds).toEqual(model.lowerBounds)
    for (let t = 1; t < bounds.length; t++) expect(bounds[t]).toBeGreaterThanOrEqual(bounds[t - 1] - 1e-12)
    expect(model.nIter).toBeGreaterThanOrEqual(bounds.length)
  })

  it('gives the same bits again, and the first two iterations of plain EM', () => {
    expect(fitted(type, 'squarem').toJSON()).toEqual(fast.toJSON())
    expect(fast.lowerBounds.slice(0, 2)).toEqual(plain.lowerBounds.slice(0, 2))
  })

  it('does not depend on the units of the features', () => {
    const scale = [1024, 2 ** -20, 8] // powers of two: nothing rounds differently but the covariances' sum of a spherical component
    if (type === 'spherical') scale.fill(1024)
    const scaled = Matrix.from(Array.from(X, (row) => Array.from(row, (v, j) => v * scale[j])))
    const start = { initParams: 'k-means++' as const, regCovar: 0 }
    const rows = [0, 1, 2, 3].map((i) => Array.from(X.row(200 * i)))
    const a = fitted(type, 'squarem', { ...start, ...startAt(type, rows, [1, 1, 1]), maxIter: 25 })
    const b = new GaussianMixture({ ...a.getParams(), ...startAt(type, rows, scale), onWarning() {} }).fit(scaled)
    expect(b.nIter).toBe(a.nIter)
    const shift = scale.reduce((s, v) => s + Math.log(v), 0)
    a.lowerBounds.forEach((bound, t) => expect(Math.abs(b.lowerBounds[t] + shift - bound)).toBeLessThan(1e-9))
  })

  it('keeps to maxIter, tries in vain included', () => {
    for (let maxIter = 1; maxIter < 12; maxIter++) expect(fitted(type, 'squarem', { maxIter, tol: 0 }).nIter).toBeLessThanOrEqual(maxIter)
  })
})

// the same start in other units
function startAt(type: CovarianceType, rows: number[][], scale: number[]) {
  const matrix = scale.map((s, i) => scale.map((_, j) => (i === j ? 1 / (16 * s * s) : 0)))
  const precisionsInit = {
    full: () => rows.map(() => matrix),
    tied: () => matrix,
    diag: () => rows.map(() => scale.map((s) => 1 / (16 * s * s))),
    spherical: () => rows.map(() => 1 / (16 * scale[0] * scale[0])),
  }[type]()
  return { weightsInit: rows.map(() => 0.25), meansInit: rows.map((row) => row.map((v, j) => v * scale[j])), precisionsInit }
}

it('a point that leads to a component without spread is tried in vain, unless plain EM goes there too', () => {
  const u = uniforms(4)
  for (let round = 0; round < 40; round++) {
    const few = Array.from({ length: 12 }, () => [Math.round(4 * u()), Math.round(4 * u())])
    const fit = (acceleration: 'none' | 'squarem') =>
      new GaussianMixture({
        nComponents: 3,
        acceleration,
        regCovar: 0,
        tol: 0,
        maxIter: 60,
        randomState: round,
        initParams: 'random',
        onWarning() {},
      })
    try {
      const { lowerBounds } = fit('squarem').fit(few)
      for (let t = 1; t < lowerBounds.length; t++) expect(lowerBounds[t]).toBeGreaterThanOrEqual(lowerBounds[t - 1] - 1e-9)
    } catch (error) {
      expect(error).toBeInstanceOf(DegenerateCovarianceError)
    }
  }
})

it('refuses other names', () => {
  expect(() => new GaussianMixture({ acceleration: 'anderson' as 'squarem' })).toThrow(
    "acceleration: expected one of 'none', 'squarem', got 'anderson'",
  )
})
