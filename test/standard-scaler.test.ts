import { describe, expect, it } from 'vitest'
import { NotFittedError } from '../src/errors.ts'
import { Matrix } from '../src/matrix.ts'
import { Random } from '../src/random.ts'
import { StandardScaler } from '../src/standard-scaler.ts'
import golden from './golden/metrics.json'

const EPS = Number.EPSILON
const near = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: (j: number) => number) => {
  expect(actual.length).toBe(expected.length)
  for (let j = 0; j < expected.length; j++)
    if (!(Math.abs(actual[j] - expected[j]) <= tolerance(j)))
      expect.fail(`at ${j}: expected ${expected[j]} ± ${tolerance(j)}, got ${actual[j]}`)
}

function rows(n: number, d: number, seed: number): number[][] {
  const random = new Random(seed)
  return Array.from({ length: n }, () => Array.from({ length: d }, (_, j) => (random.uniform() - 0.3) * (j + 1)))
}

describe('StandardScaler', () => {
  it.each(golden.scaler)('agrees with scikit-learn: $name', ({ X, mean, var: variance, scale, transform }) => {
    const scaler = new StandardScaler().fit(X)
    const n = X.length
    const largest = mean.map((_, j) => Math.max(...X.map((row) => Math.abs(row[j]))))
    // sums of n terms on their side; ours are about the mean already
    near(scaler.mean as number[], mean, (j) => n * EPS * largest[j])
    // an error e in their mean costs e² and is what they correct for
    near(scaler.variance as number[], variance, (j) => n * EPS * variance[j])
    near(scaler.scale as number[], scale, (j) => n * EPS * scale[j])
    const got = scaler.transform(X)
    // the error of their mean, in standard deviations
    const flat = transform.flat()
    near(got.data, flat, (i) => (2 * n * EPS * largest[i % mean.length]) / scale[i % mean.length] + 4 * EPS * Math.abs(flat[i]))
    expect(scaler.nFeaturesIn).toBe(mean.length)
  })

  it('makes columns of mean 0 and variance 1, whatever their offset and scale', () => {
    const base = rows(2000, 3, 1)
    for (const [offset, scale] of [
      [0, 1],
      [1e12, 1],
      [0, 1e150],
      [0, 1e-150],
      [-1e160, 1e150],
      [3, 1e-9],
    ]) {
      const X = base.map((row) => row.map((v) => v * scale + offset))
      const Z = new StandardScaler().fitTransform(X)
      for (let j = 0; j < 3; j++) {
        const column = Array.from({ length: 2000 }, (_, i) => Z.get(i, j))
        const mean = column.reduce((s, v) => s + v, 0) / 2000
        const variance = column.reduce((s, v) => s + v * v, 0) / 2000
        // the mean is a double near the offset: it misses by half an ulp of it, here in standard deviations (0.28·(j + 1)·scale)
        const missed = (EPS * Math.abs(offset)) / (0.28 * (j + 1) * scale)
        expect(Math.abs(mean)).toBeLessThanOrEqual(missed + 2000 * EPS)
        expect(Math.abs(variance - 1)).toBeLessThanOrEqual(missed * missed + 2000 * EPS)
      }
    }
  })

  it('only centres constant columns, exactly', () => {
    for (const value of [0, 0.1, -1 / 3, 1e12 + 0.1, 5e-324, 1e300]) {
      const scaler = new StandardScaler().fit([[value], [value], [value]])
      expect([scaler.mean, scaler.variance, scaler.scale]).toEqual([[value], [0], [1]])
      expect(scaler.transform([[value], [value + 1]]).toArray()).toEqual([[0], [value + 1 - value]])
    }
    // also where rows of weight 0, which do not count, come first
    const random = new Random(3)
    for (let round = 0; round < 100; round++) {
      const value = random.uniform() * 10 ** (random.below(20) - 10)
      const X = Array.from({ length: 2 + random.below(2000) }, (_, i) => [i < 2 && i < round ? 1e9 * random.uniform() : value])
      X[X.length - 1] = [value]
      const scaler = new StandardScaler().fit(X, { sampleWeight: X.map((row) => (row[0] === value ? 0.1 + random.uniform() : 0)) })
      expect([scaler.mean, scaler.variance, scaler.scale]).toEqual([[value], [0], [1]])
    }
    // columns with two values are not constant, however near those are: 1 and the double after it
    expect(new StandardScaler().fit([[1], [1 + EPS]]).scale).toEqual([EPS / 2])
  })

  it('one row, one column', () => {
    expect(new StandardScaler().fitTransform([[7, -2]]).toArray()).toEqual([[0, 0]])
    expect(new StandardScaler().fitTransform([[1], [3]]).toArray()).toEqual([[-1], [1]])
  })

  it('a weight counts its row so many times, none leaves it out', () => {
    const X = rows(40, 3, 2)
    const sampleWeight = X.map((_, i) => i % 4)
    const repeated = X.flatMap((row, i) => Array.from({ length: i % 4 }, () => row))
    const weighted = new StandardScaler().fit(X, { sampleWeight })
    const plain = new StandardScaler().fit(repeated)
    // sums of 60 terms in another order
    near(weighted.mean as number[], plain.mean as number[], (j) => 60 * EPS * (j + 1))
    near(weighted.variance as number[], plain.variance as number[], (j) => 60 * EPS * (j + 1) ** 2)
    const ones = new StandardScaler().fit(X, { sampleWeight: new Float32Array(40).fill(1) })
    expect(ones.toJSON()).toEqual(new StandardScaler().fit(X).toJSON())
  })

  it('inverseTransform undoes transform', () => {
    const X = rows(300, 4, 5).map((row) => row.map((v, j) => v * 10 ** (j * 3) + j * 100))
    const scaler = new StandardScaler().fit(X)
    const back = scaler.inverseTransform(scaler.transform(X))
    // a difference, a quotient, a product and a sum are rounded, the first and last in units of |x| + |mean|
    const flat = X.flat()
    near(back.data, flat, (i) => 3 * EPS * (Math.abs(flat[i]) + Math.abs((scaler.mean as number[])[i % 4])))
  })

  it('withMean and withStd choose what is done', () => {
    const X = [
      [1, 10],
      [3, 30],
    ]
    const centred = new StandardScaler({ withStd: false }).fit(X)
    expect([centred.mean, centred.variance, centred.scale]).toEqual([[2, 20], null, null])
    expect(centred.transform(X).toArray()).toEqual([
      [-1, -10],
      [1, 10],
    ])
    expect(centred.inverseTransform([[-1, -10]]).toArray()).toEqual([[1, 10]])
    const scaled = new StandardScaler({ withMean: false }).fit(X)
    expect([scaled.mean, scaled.variance, scaled.scale]).toEqual([
      [2, 20],
      [1, 100],
      [1, 10],
    ])
    expect(scaled.transform(X).toArray()).toEqual([
      [1, 1],
      [3, 3],
    ])
    expect(scaled.inverseTransform([[1, 1]]).toArray()).toEqual([[1, 10]])
    const neither = new StandardScaler({ withMean: false, withStd: false }).fit(X)
    expect([neither.mean, neither.variance, neither.scale]).toEqual([null, null, null])
    expect(neither.transform(X).toArray()).toEqual(X)
    expect(neither.inverseTransform(X).toArray()).toEqual(X)
  })

  it('every form of X gives the same bits and none is changed', () => {
    const X = rows(50000, 3, 7) // more than a megabyte: as a Matrix it lies in WebAssembly memory
    const matrix = Matrix.from(X)
    const before = matrix.data.slice()
    const expected = new StandardScaler().fitTransform(X)
    const exactly = () => 0
    near(new StandardScaler().fitTransform(matrix).data, expected.data, exactly)
    near(new StandardScaler().fitTransform({ data: X.flat(), shape: [50000, 3] }).data, expected.data, exactly)
    near(matrix.data, before, exactly)
    expect(new StandardScaler().fit(X).transform(Matrix.zeros(0, 3)).shape).toEqual([0, 3])
  })

  it('getParams, setParams, JSON', () => {
    const scaler = new StandardScaler({ withMean: false })
    expect(scaler.getParams()).toEqual({ withMean: false, withStd: true })
    expect(scaler.setParams({ withMean: true })).toBe(scaler)
    const X = rows(10, 2, 8)
    const restored = StandardScaler.fromJSON(JSON.parse(JSON.stringify(scaler.fit(X))))
    expect(restored.transform(X)).toEqual(scaler.transform(X))
    expect(restored.toJSON()).toEqual(scaler.toJSON())
    expect(StandardScaler.fromJSON(structuredClone(new StandardScaler({ withStd: false }).fit(X).toJSON())).scale).toBeNull()
    expect(() => StandardScaler.fromJSON(JSON.parse(JSON.stringify(new StandardScaler()))).mean).toThrow(NotFittedError)
    expect(() => StandardScaler.fromJSON({ ...scaler.toJSON(), fitted: { nFeaturesIn: 1, mean: ['x'] } })).toThrow(
      /fitted.mean is missing or malformed/,
    )
    expect(() => StandardScaler.fromJSON({ mixtura: 'KMeans', version: 1, params: {}, fitted: null })).toThrow(TypeError)
  })

  it('refuses, and keeps the former fit', () => {
    expect(() => new StandardScaler({ with_mean: true } as never)).toThrow(/unknown option 'with_mean'. Did you mean 'withMean'/)
    expect(() => new StandardScaler({ withStd: 1 as never })).toThrow(TypeError)
    expect(() => new StandardScaler().transform([[1]])).toThrow(NotFittedError)
    expect(() => new StandardScaler().inverseTransform([[1]])).toThrow(NotFittedError)
    const scaler = new StandardScaler().fit([
      [1, 2],
      [3, 5],
    ])
    const before = scaler.toJSON()
    expect(() => scaler.fit([])).toThrow(/expected at least 1 row/)
    expect(() =>
      scaler.fit([
        [1, 2],
        [Number.NaN, 3],
      ]),
    ).toThrow(/got NaN at row 1, column 0/)
    expect(() => scaler.fit([[1, 2]], { sampleWeight: [0] })).toThrow(/at least one weight above 0/)
    expect(() => scaler.fit([[1, 2]], { sampleweight: [1] } as never)).toThrow(/Did you mean 'sampleWeight'/)
    expect(() =>
      scaler.fit([
        [0, 1e200],
        [0, -1e200],
      ]),
    ).toThrow(/variance up to 1.8e308, got more in column 1/)
    expect(() => scaler.transform([[1], [2]])).toThrow(/expected 2 columns, as StandardScaler was fitted with, got 1/)
    expect(() => scaler.transform([[1, Infinity]])).toThrow(/got Infinity at row 0, column 1/)
    expect(() => scaler.inverseTransform([[1, Number.NaN]])).toThrow(RangeError)
    expect(scaler.toJSON()).toEqual(before)
    expect(new StandardScaler({ withStd: false }).fit([[1e200], [-1e200]]).mean).toEqual([0])
  })
})
