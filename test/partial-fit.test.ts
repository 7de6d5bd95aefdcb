// Stepwise EM: what partialFit leaves is what the definition (Cappé & Moulines 2009) leaves, step by step, and it goes on from wherever it is.
import { describe, expect, it } from 'vitest'
import { type CovarianceType, GaussianMixture, type Matrix, MiniBatchKMeans, makeBlobs } from '../src/index.ts'
import { GaussianStatistics } from '../src/gaussian-statistics.ts'
import { Random } from '../src/random.ts'

const TYPES = ['full', 'tied', 'diag', 'spherical'] as const
const onWarning = () => {}
const [K, D] = [3, 4]
const { X } = makeBlobs({ nSamples: 1200, nFeatures: D, centers: K, clusterStd: 1.5, randomState: 5 })
const rows = X.toArray()
/** Batches of different sizes. */
const batches = [0, 100, 101, 400, 650, 1200].slice(1).map((end, i, ends) => rows.slice(ends[i - 1] ?? 0, end))
const mixture = (covarianceType: CovarianceType, options = {}) =>
  new GaussianMixture<CovarianceType>({ nComponents: K, covarianceType, randomState: 3, onWarning, ...options })

type Parameters = { weights: number[]; means: number[][]; covariances: number[][][] }
/** Covariances of every component as D×D, whatever the type. */
function wholeOf(model: GaussianMixture<CovarianceType>): Parameters {
  const { weights, means, covariances, nFeaturesIn: d } = model
  const eye = (of: (j: number) => number) => Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => (i === j ? of(j) : 0)))
  const full = means.map((_, c) => {
    const type = model.getParams().covarianceType
    if (type === 'full') return (covariances as number[][][])[c]
    if (type === 'tied') return covariances as number[][]
    return eye((j) => (type === 'diag' ? (covariances as number[][])[c][j] : (covariances as number[])[c]))
  })
  return { weights, means, covariances: full }
}

/** The definition, on raw moments: s ← (1 − γ)·s + γ·ŝ, and the parameters that s gives. */
class Naive {
  readonly #type: CovarianceType
  readonly #regCovar: number
  #moments: number[][] | undefined // per component: Σ r, Σ r·x, Σ r·x·xᵀ, per unit of weight
  #weight = 0

  constructor(type: CovarianceType, regCovar: number) {
    this.#type = type
    this.#regCovar = regCovar
  }

  /** Statistics that stand for parameters which rows of this weight have led to. */
  goOnFrom({ weights, means, covariances }: Parameters, weight: number): this {
    this.#weight = weight
    this.#moments = weights.map((p, c) => [
      p,
      ...means[c].map((m) => p * m),
      ...means[c].flatMap((m, i) => means[c].map((o, j) => p * (m * o + covariances[c][i][j] - (i === j ? this.#regCovar : 0)))),
    ])
    return this
  }

  step(X: number[][], w: number[], responsibilities: Matrix, decay: number): Parameters {
    const weight = w.reduce((a, b) => a + b)
    const own = Array.from({ length: K }, () => new Array(1 + D + D * D).fill(0))
    X.forEach((x, i) => {
      own.forEach((s, c) => {
        const r = (w[i] * responsibilities.get(i, c)) / weight
        s[0] += r
        x.forEach((v, j) => {
          s[1 + j] += r * v
          x.forEach((o, l) => (s[1 + D + j * D + l] += r * v * o))
        })
      })
    })
    this.#weight += weight
    const share = (weight / this.#weight) ** decay
    this.#moments = this.#moments?.map((s, c) => s.map((v, i) => (1 - share) * v + share * own[c][i])) ?? own
    const each = this.#moments.map((s) => ({
      weight: s[0],
      mean: s.slice(1, 1 + D).map((v) => v / s[0]),
      second: s.slice(1 + D).map((v) => v / s[0]),
    }))
    const scatter = each.map(({ mean, second }) => mean.map((m, i) => mean.map((o, j) => second[i * D + j] - m * o)))
    const pooled = scatter[0].map((row, i) => row.map((_, j) => each.reduce((sum, { weight }, c) => sum + weight * scatter[c][i][j], 0)))
    const shaped = scatter.map((own) => {
      const trace = own.reduce((sum, row, i) => sum + row[i], 0) / D
      const of = { full: own, tied: pooled, diag: own, spherical: own }[this.#type]
      return of.map((row, i) =>
        row.map((v, j) => {
          if (i !== j) return this.#type === 'full' || this.#type === 'tied' ? v : 0
          return (this.#type === 'spherical' ? trace : v) + this.#regCovar
        }),
      )
    })
    return { weights: each.map((s) => s.weight), means: each.map((s) => s.mean), covariances: shaped }
  }
}

function expectNear(got: unknown, expected: unknown, tolerance: number, scale = 10): void {
  const [a, b] = [[got].flat(4) as number[], [expected].flat(4) as number[]]
  expect(a.length).toBe(b.length)
  a.forEach((v, i) =>
    expect(Math.abs(v - b[i]), `${v} and ${b[i]} at ${i}`).toBeLessThanOrEqual(tolerance * Math.max(scale, Math.abs(b[i]))),
  )
}

describe.each(TYPES)('%s', (type) => {
  it.each([0.6, 1])('is the definition, step by step, for batches of any size and weights: learningDecay %f', (learningDecay) => {
    const random = new Random(1)
    const model = mixture(type, { learningDecay, meansInit: rows.slice(0, K) })
    const naive = new Naive(type, model.getParams().regCovar)
    let responsibilities: Matrix | undefined
    for (const batch of batches) {
      const sampleWeight = batch.map(() => Math.max(0, random.uniform() - 0.2))
      if (batch.length === 1) sampleWeight[0] = 0.7
      // the start is not seen from outside: the first step is taken for it
      if (responsibilities) responsibilities = model.predictProba(batch)
      const fresh = responsibilities === undefined
      model.partialFit(batch, { sampleWeight })
      if (fresh) {
        naive.goOnFrom(
          wholeOf(model),
          sampleWeight.reduce((a, b) => a + b),
        )
        responsibilities = model.predictProba(batch)
        continue
      }
      const expected = naive.step(batch, sampleWeight, responsibilities as Matrix, learningDecay)
      // raw moments of numbers up to 15, squared and subtracted, lose two digits of sixteen
      const got = wholeOf(model)
      expectNear(got.weights, expected.weights, 1e-13, 1)
      expectNear(got.means, expected.means, 1e-12)
      expectNear(got.covariances, expected.covariances, 1e-12)
    }
  })

  it('the first step is one iteration of fit', () => {
    for (const initParams of ['kmeans', 'random', 'k-means++'] as const) {
      const [part, whole] = [mixture(type, { initParams, regCovar: 1e-3 }), mixture(type, { initParams, regCovar: 1e-3, maxIter: 1 })]
      part.partialFit(X)
      whole.fit(X)
      expect(part.lowerBound).toBe(whole.lowerBound)
      for (const name of ['weights', 'means', 'covariances', 'precisions'] as const) expectNear(part[name], whole[name], 1e-12, 1)
    }
  })

  it('goes on from a fit, whose rows all count', () => {
    const model = mixture(type, { maxIter: 3, tol: 0 }).fit(rows.slice(0, 700))
    const naive = new Naive(type, model.getParams().regCovar).goOnFrom(wholeOf(model), 700)
    const batch = rows.slice(700)
    const responsibilities = model.predictProba(batch)
    model.partialFit(batch)
    const expected = naive.step(
      batch,
      batch.map(() => 1),
      responsibilities,
      0.7,
    )
    const got = wholeOf(model)
    expectNear(got.weights, expected.weights, 1e-13, 1)
    expectNear(got.means, expected.means, 1e-12)
    expectNear(got.covariances, expected.covariances, 1e-12)
    expect([model.nIter, model.converged, model.lowerBounds.length]).toEqual([3, false, 1])
  })

  it('restored from JSON goes on where it stopped, bit for bit', () => {
    for (const begin of [
      (m: GaussianMixture<CovarianceType>) => m.partialFit(batches[0]),
      (m: GaussianMixture<CovarianceType>) => m.fit(X),
    ]) {
      const straight = mixture(type, { maxIter: 2 })
      begin(straight)
      let restored = straight
      for (const batch of batches) {
        restored = GaussianMixture.fromJSON(JSON.parse(JSON.stringify(restored.toJSON())))
        restored.partialFit(batch)
        straight.partialFit(batch)
        expect(restored.toJSON()).toEqual(straight.toJSON())
      }
    }
  })

  it('comes to where EM on all rows comes', () => {
    const { X: many } = makeBlobs({ nSamples: 40_000, nFeatures: D, centers: K, clusterStd: 2, randomState: 9 })
    const online = mixture(type)
    for (let i = 0; i < many.rows; i += 200) online.partialFit({ data: many.data.subarray(i * D, (i + 200) * D), shape: [200, D] })
    const whole = mixture(type, { tol: 1e-6 }).fit(many)
    // per row; parameters estimated from the last hundred batches or so cost about (their number)/(2·20 000)
    expect(whole.score(many) - online.score(many)).toBeLessThan(whole.nParameters / 20_000)
  })

  it('keeps its digits far from the origin', () => {
    const far = (batch: number[][]) => batch.map((x) => x.map((v) => Math.round(v * 1024) / 1024 + 2 ** 24))
    const near = (batch: number[][]) => batch.map((x) => x.map((v) => Math.round(v * 1024) / 1024))
    const [there, here] = [mixture(type), mixture(type)]
    for (const batch of batches) {
      there.partialFit(far(batch))
      here.partialFit(near(batch))
    }
    expectNear(there.covariances, here.covariances, 1e-7, 1) // means are known to 2⁻²⁸ there, and the responsibilities follow them
  })
})

describe('failure', () => {
  it('changes nothing', () => {
    const model = mixture('full').partialFit(batches[0])
    const before = JSON.stringify(model.toJSON())
    const spoilt = rows.slice(0, 10).map((x) => x.slice())
    spoilt[3][1] = Number.NaN
    expect(() => model.partialFit(spoilt)).toThrow('got NaN at row 3, column 1')
    expect(() => model.partialFit([[1, 2]])).toThrow('X: expected 4 columns, as GaussianMixture was fitted with, got 2.')
    expect(() => model.partialFit([])).toThrow('expected at least 1 row')
    expect(() => model.partialFit(rows, { sampleWeight: [1] })).toThrow('sampleWeight: expected 1200 numbers')
    expect(() => model.partialFit(rows, { onIteration() {} } as object)).toThrow("unknown option 'onIteration'")
    expect(() => model.setParams({ nComponents: 2 }).partialFit(rows)).toThrow(
      'partialFit: expected to go on from a fit with covarianceType, nComponents and columns (full, 3, 4), got (full, 2, 4). Use a new estimator.',
    )
    model.setParams({ nComponents: 3 })
    expect(JSON.stringify(model.toJSON())).toBe(before)
    expect(() => mixture('full').partialFit(rows.slice(0, 2))).toThrow('X: expected at least nComponents = 3 rows, got 2.')
    // four components on rows of two kinds
    const flat = new GaussianMixture({ nComponents: 2, regCovar: 0, randomState: 1, onWarning })
    const line = rows.slice(0, 50).map(([a, b]) => [a, b, a + b])
    expect(() => flat.partialFit(line)).toThrow('feature 2 has no spread')
  })
})

describe('statistics', () => {
  const of = (type: CovarianceType, X: number[][]) => {
    const { fitted } = mixture(type, { meansInit: rows.slice(0, K), regCovar: 1e-3 })
      .partialFit(X)
      .toJSON()
    const { base64 } = (fitted as { statistics: { base64: string } }).statistics
    return GaussianStatistics.fromBytes(
      Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)),
      'test',
    )
  }

  it.each(TYPES)('merge to the same whatever the order, and pass through bytes: %s', (type) => {
    const parts = batches.filter((batch) => batch.length > 10).map((batch) => of(type, batch))
    const [left, right] = [parts.reduce((a, b) => a.merge(b)), parts.reduceRight((a, b) => a.merge(b))]
    expect(left.weight).toBe(right.weight)
    for (const name of ['weights', 'means', 'covariances'] as const)
      expectNear(Array.from(left.maximise(1e-6)[name]), Array.from(right.maximise(1e-6)[name]), 1e-13)
    const bytes = left.toBytes()
    expect(GaussianStatistics.fromBytes(bytes, 'test').toBytes()).toEqual(bytes)
    expect(GaussianStatistics.fromBytes(bytes, 'test').maximise(0)).toEqual(left.maximise(0))
    expect(left.kind).toEqual([type, K, D])
  })

  it('are refused where they are malformed', () => {
    const bytes = of('diag', rows).toBytes()
    const changed = (at: number, ...values: number[]) => {
      const copy = bytes.slice()
      copy.set(values, at)
      return copy
    }
    const cases: [Uint8Array, string][] = [
      [new Uint8Array(3), 'got other bytes'],
      [changed(0, 0), 'got other bytes'],
      [changed(4, 2), 'format version 1, got 2. A newer mixtura wrote this: update the package.'],
      [changed(5, 9), 'got a header that names no mixture'],
      [changed(8, 0), 'got a header that names no mixture'],
      [changed(8, 4), 'bytes of them, got'],
      [bytes.slice(0, -8), `${bytes.length} bytes of them, got ${bytes.length - 8}`],
      [changed(22, 0xf8, 0x7f), 'finite numbers, got NaN at byte 16'],
    ]
    for (const [copy, message] of cases) {
      expect(() => GaussianStatistics.fromBytes(copy, 'name')).toThrow(`name: expected statistics of a Gaussian mixture, `)
      expect(() => GaussianStatistics.fromBytes(copy, 'name')).toThrow(message)
    }
    const json = mixture('diag').partialFit(rows).toJSON()
    const other = mixture('full').partialFit(rows).toJSON()
    json.fitted = { ...json.fitted, statistics: other.fitted?.statistics }
    expect(() => GaussianMixture.fromJSON(json)).toThrow('fitted.statistics is missing or malformed, or does not fit the others')
  })
})

it('MiniBatchKMeans restored from JSON goes on where it stopped, bit for bit', () => {
  const straight = new MiniBatchKMeans({ nClusters: 3, randomState: 1, onWarning }).partialFit(batches[0])
  let restored = straight
  for (const batch of batches) {
    restored = MiniBatchKMeans.fromJSON(JSON.parse(JSON.stringify(restored.toJSON())))
    restored.partialFit(batch)
    straight.partialFit(batch)
    expect(restored.toJSON()).toEqual(straight.toJSON())
  }
})
