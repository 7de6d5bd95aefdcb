import { describe, expect, it } from 'vitest'
import { loadIris, makeBlobs } from '../src/datasets.ts'
import golden from './golden/metrics.json'

describe('loadIris', () => {
  it('is the data of scikit-learn, to the last bit', () => {
    const { data, target, featureNames, targetNames } = loadIris()
    expect(data.toArray()).toEqual(golden.data.iris)
    expect(data.shape).toEqual([150, 4])
    expect(Array.from(target)).toEqual(golden.internal.find((c) => c.name === 'iris target')?.labels)
    expect(featureNames).toHaveLength(4)
    expect(targetNames).toEqual(['setosa', 'versicolor', 'virginica'])
  })

  it('returns fresh arrays', () => {
    const first = loadIris()
    first.data.data.fill(0)
    first.target.fill(9)
    first.featureNames.length = 0
    expect(loadIris().data.get(0, 0)).toBe(5.1)
    expect(loadIris().target[149]).toBe(2)
    expect(loadIris().featureNames[3]).toBe('petal width (cm)')
  })
})

describe('makeBlobs', () => {
  const counts = (labels: Int32Array, k: number) => Array.from({ length: k }, (_, c) => labels.filter((l) => l === c).length)

  it('has the defaults of scikit-learn', () => {
    const { X, labels, centers } = makeBlobs({ randomState: 1 })
    expect(X.shape).toEqual([100, 2])
    expect(centers).toHaveLength(3)
    expect(counts(labels, 3)).toEqual([34, 33, 33])
    for (const center of centers) for (const v of center) expect(Math.abs(v)).toBeLessThanOrEqual(10)
    expect(makeBlobs().X.shape).toEqual([100, 2])
  })

  it('same seed, same bits; other seed, other data', () => {
    const options = { nSamples: 300, nFeatures: 3, centers: 4, randomState: 42 }
    expect(makeBlobs(options)).toEqual(makeBlobs(options))
    expect(makeBlobs({ ...options, randomState: 43 }).X).not.toEqual(makeBlobs(options).X)
  })

  it('gives these very numbers in every engine', () => {
    // recorded in Node 20: Random, the kernels' log and √ leave an engine no choice
    const { X, labels } = makeBlobs({ nSamples: 3, randomState: 2024 })
    expect([X.toArray(), Array.from(labels)]).toEqual(RECORDED)
  })

  it('shuffle changes the order and nothing else', () => {
    const options = { nSamples: [5, 0, 20, 7], nFeatures: 2, randomState: 3 }
    const sorted = makeBlobs({ ...options, shuffle: false })
    const mixed = makeBlobs(options)
    expect(Array.from(sorted.labels)).toEqual([5, 0, 20, 7].flatMap((size, c) => new Array(size).fill(c)))
    expect(mixed.labels).not.toEqual(sorted.labels)
    const keys = ({ X, labels }: typeof mixed) =>
      X.toArray()
        .map((row, i) => [labels[i], ...row].join())
        .sort()
    expect(keys(mixed)).toEqual(keys(sorted))
    expect(mixed.centers).toEqual(sorted.centers)
  })

  it('takes sizes, centers and deviations', () => {
    const centers = [
      [0, 0, 0],
      [100, -100, 50],
    ]
    const still = makeBlobs({ nSamples: 7, centers, clusterStd: 0, shuffle: false, nFeatures: 9, randomState: 1 })
    expect(still.X.toArray()).toEqual([0, 0, 0, 0, 1, 1, 1].map((c) => centers[c]))
    expect(still.centers).toEqual(centers)
    expect(still.centers[0]).not.toBe(centers[0])
    expect(makeBlobs({ nSamples: [2, 3], randomState: 1 }).centers).toHaveLength(2)
    expect(
      makeBlobs({ nSamples: new Int32Array([2, 3]), centers: { data: [1, 2, 3, 4], shape: [2, 2] }, clusterStd: [0, 0], randomState: 1 })
        .centers,
    ).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(makeBlobs({ nSamples: 2, centers: 5, randomState: 1 }).labels).toHaveLength(2)
    const boxed = makeBlobs({ centers: 50, centerBox: [3, 4], randomState: 1 }).centers.flat()
    expect(Math.min(...boxed)).toBeGreaterThanOrEqual(3)
    expect(Math.max(...boxed)).toBeLessThanOrEqual(4)
  })

  it('draws normal numbers: moments, tails and independence', () => {
    const n = 100000
    const { X } = makeBlobs({ nSamples: n, centers: [[0, 0]], randomState: 11 })
    // five standard errors of each mean: Var z = 1, z² 2, z³ 15, z⁴ 96, z₀z₁ 1
    const mean = (f: (a: number, b: number) => number) => {
      let sum = 0
      for (let i = 0; i < n; i++) sum += f(X.get(i, 0), X.get(i, 1))
      return sum / n
    }
    const within = (value: number, expected: number, variance: number) =>
      expect(Math.abs(value - expected)).toBeLessThan(5 * Math.sqrt(variance / n))
    for (const pick of [(a: number) => a, (_: number, b: number) => b]) {
      within(
        mean((a, b) => pick(a, b)),
        0,
        1,
      )
      within(
        mean((a, b) => pick(a, b) ** 2),
        1,
        2,
      )
      within(
        mean((a, b) => pick(a, b) ** 3),
        0,
        15,
      )
      within(
        mean((a, b) => pick(a, b) ** 4),
        3,
        96,
      )
      // P(z < −1), P(z < 0), P(z > 2)
      for (const [inside, p] of [
        [(v: number) => v < -1, 0.15865525393145707],
        [(v: number) => v < 0, 0.5],
        [(v: number) => v > 2, 0.022750131948179195],
      ] as const)
        within(
          mean((a, b) => (inside(pick(a, b)) ? 1 : 0)),
          p,
          p * (1 - p),
        )
    }
    within(
      mean((a, b) => a * b),
      0,
      1,
    )
    const spread = makeBlobs({ nSamples: [n, n], centers: [[5], [-5]], clusterStd: [0.5, 3], shuffle: false, randomState: 12 }).X.data
    for (const [c, center, std] of [
      [0, 5, 0.5],
      [1, -5, 3],
    ]) {
      const part = spread.subarray(c * n, (c + 1) * n)
      within(part.reduce((s, v) => s + v, 0) / n, center, std ** 2)
      within(part.reduce((s, v) => s + (v - center) ** 2, 0) / n, std ** 2, 2 * std ** 4)
    }
  })

  it('refuses what does not fit', () => {
    expect(() => makeBlobs({ nsamples: 3 } as never)).toThrow(/unknown option 'nsamples'. Did you mean 'nSamples'/)
    expect(() => makeBlobs({ n_samples: 3 } as never)).toThrow(/Did you mean 'nSamples'/)
    expect(() => makeBlobs({ nSamples: 0 })).toThrow(RangeError)
    expect(() => makeBlobs({ nSamples: [3, -1] })).toThrow(/nSamples\[1\]: expected an integer of at least 0, got -1/)
    expect(() => makeBlobs({ nSamples: [] })).toThrow(RangeError)
    expect(() => makeBlobs({ nSamples: '9' as never })).toThrow(TypeError)
    expect(() => makeBlobs({ nSamples: [3, 4], centers: 2 })).toThrow(/Leave centers out/)
    expect(() => makeBlobs({ nSamples: [3, 4], centers: [[1]] })).toThrow(/nSamples: expected 1 numbers, one per center, got 2/)
    expect(() => makeBlobs({ clusterStd: [1, 2] })).toThrow(/clusterStd: expected 3 numbers, one per center, got 2/)
    expect(() => makeBlobs({ clusterStd: -1 })).toThrow(/clusterStd: expected a standard deviation of at least 0, got -1/)
    expect(() => makeBlobs({ clusterStd: [1, Number.NaN, 1] })).toThrow(/clusterStd\[1\]: expected a finite number, got NaN/)
    expect(() => makeBlobs({ centers: 0 })).toThrow(RangeError)
    expect(() => makeBlobs({ centers: [1, 2] as never })).toThrow(/centers: expected a 2-d array/)
    expect(() => makeBlobs({ centers: [[1, Infinity]] })).toThrow(/centers\[0\]\[1\]: expected a finite number/)
    expect(() => makeBlobs({ centers: [] })).toThrow(RangeError)
    expect(() => makeBlobs({ centerBox: [1] })).toThrow(/centerBox: expected two numbers/)
    expect(() => makeBlobs({ centerBox: [2, 1] })).toThrow(/expected low ≤ high, got \[2, 1\]/)
    expect(() => makeBlobs({ shuffle: 'yes' as never })).toThrow(TypeError)
    expect(() => makeBlobs({ randomState: -1 })).toThrow(RangeError)
  })
})

const RECORDED = [
  [
    [-7.631684856894957, 0.64219690046843],
    [-10.46392905081956, -6.232718699680864],
    [0.6859999214728157, 9.117286910108163],
  ],
  [2, 0, 1],
]
