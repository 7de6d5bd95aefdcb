import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Matrix } from '../src/matrix.ts'
import {
  type Labels,
  adjustedRandScore,
  calinskiHarabaszScore,
  clusterAccuracy,
  contingencyMatrix,
  daviesBouldinScore,
  normalizedMutualInfoScore,
  silhouetteScore,
} from '../src/metrics.ts'
import { metrics } from '../src/kernel-modules.ts'
import { sharedArena, within } from '../src/memory.ts'
import { Random } from '../src/random.ts'
import golden from './golden/metrics.json'

const EPS = Number.EPSILON
const data = golden.data as Record<string, number[][]>
const near = (actual: number, expected: number, tolerance: number, what = '') => {
  // a tolerance that lets anything pass would hide NaN
  if (!(Math.abs(actual - expected) <= tolerance))
    expect.fail(`${what} expected ${expected} ± ${tolerance}, got ${actual} (off by ${Math.abs(actual - expected)})`)
}

/** n×d multiples of 2^−10 in [−8, 8), three loose groups: shifted by 10⁸ they are still doubles. */
function rows(n: number, d: number, seed: number): number[][] {
  const random = new Random(seed)
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: d }, () => Math.floor((random.uniform() * 8 + 4 * (i % 3) - 8) * 1024) / 1024),
  )
}

/** n labels 0 … k − 1, each at least once. */
function labelsOf(n: number, k: number, seed: number): number[] {
  const random = new Random(seed)
  return Array.from({ length: n }, (_, i) => (i < k ? i : random.below(k)))
}

const shuffled = <T>(list: ArrayLike<T>, seed: number): T[] => {
  const random = new Random(seed)
  const keys = Array.from(list, () => random.uniform())
  return Array.from(list, (_, i) => i)
    .sort((a, b) => keys[a] - keys[b])
    .map((i) => list[i])
}

describe('external scores', () => {
  it.each(golden.pairs)(
    'agree with scikit-learn: $name',
    ({ a, b, adjustedRandScore: ari, normalizedMutualInfoScore: nmi, contingency }) => {
      expect(contingencyMatrix(a, b)).toEqual(contingency)
      expect(adjustedRandScore(a, b)).toBe(ari) // both divide the same two whole numbers
      // both sides sum terms (c/n)·ln of total size ≤ ln n with a few roundings each, over entropies of 1 at least where not 0
      near(normalizedMutualInfoScore(a, b), nmi, 8 * EPS * Math.log(a.length + 1))
    },
  )

  const pair = fc.integer({ min: 1, max: 40 }).chain((n) => {
    const list = (k: number) => fc.array(fc.integer({ min: 0, max: k }), { minLength: n, maxLength: n })
    return fc.tuple(list(3), list(5))
  })

  it('are symmetric and blind to names and order', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const names = ['pear', 'apple', 'fig', 'quince', 'plum', 'cherry']
        const named = b.map((l) => names[l])
        const [a2, b2] = [shuffled(a, 7), shuffled(b, 7)]
        expect(adjustedRandScore(b, a)).toBe(adjustedRandScore(a, b))
        expect(adjustedRandScore(a, named)).toBe(adjustedRandScore(a, b))
        expect(adjustedRandScore(a2, b2)).toBe(adjustedRandScore(a, b))
        expect(clusterAccuracy(b, a)).toBe(clusterAccuracy(a, b))
        expect(clusterAccuracy(a, named)).toBe(clusterAccuracy(a, b))
        expect(normalizedMutualInfoScore(a2, b2)).toBe(normalizedMutualInfoScore(a, b))
        // sums of at most 24 terms in another order
        near(normalizedMutualInfoScore(b, a), normalizedMutualInfoScore(a, b), 48 * EPS)
        near(normalizedMutualInfoScore(a, named), normalizedMutualInfoScore(a, b), 48 * EPS)
        expect(normalizedMutualInfoScore(a, b)).toBeGreaterThanOrEqual(0)
        expect(normalizedMutualInfoScore(a, b)).toBeLessThanOrEqual(1)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  it('are exactly 1 for the same partition under other names', () => {
    fc.assert(
      fc.property(pair, ([, b]) => {
        const renamed = b.map((l) => ['x', -3, 1e300, 'y', 0.5, 'z'][l])
        for (const score of [adjustedRandScore, normalizedMutualInfoScore, clusterAccuracy]) expect(score(b, renamed)).toBe(1)
      }),
      { seed: 2, numRuns: 200 },
    )
  })

  it('adjusted Rand equals the count over all pairs', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        let [both, onlyA, onlyB, all] = [0, 0, 0, 0]
        for (let i = 0; i < a.length; i++)
          for (let j = 0; j < i; j++) {
            all++
            if (a[i] === a[j] && b[i] === b[j]) both++
            if (a[i] === a[j]) onlyA++
            if (b[i] === b[j]) onlyB++
          }
        const expectedIndex = (onlyA * onlyB) / all
        const ratio = (both - expectedIndex) / ((onlyA + onlyB) / 2 - expectedIndex)
        // 0/0 is the same trivial partition on both sides; the oracle's differences cancel: counts ≤ 780, a few roundings
        near(adjustedRandScore(a, b), Number.isNaN(ratio) ? 1 : ratio, 780 * 4 * EPS)
      }),
      { seed: 3, numRuns: 300 },
    )
  })

  it('adjusted Rand counts pairs exactly at ten million samples', () => {
    const n = 1e7
    const a = new Int32Array(n)
    const b = new Int32Array(n)
    for (let i = 0; i < n; i++) {
      a[i] = i & 1
      b[i] = i === 3 ? 1 - (i & 1) : i & 1 // one sample in the other cluster
    }
    const square = (...counts: number[]) => counts.reduce((s, c) => s + BigInt(c) ** 2n, 0n)
    const half = n / 2
    const together = square(half, half - 1, 1)
    const [tp, fn, fp] = [together - BigInt(n), square(half, half) - together, square(half + 1, half - 1) - together]
    const tn = BigInt(n) ** 2n - together - fn - fp
    const score = adjustedRandScore(a, b)
    expect(score).toBe(Number(2n * (tp * tn - fn * fp)) / Number((tp + fn) * (fn + tn) + (tp + fp) * (fp + tn)))
    expect(score).toBeLessThan(1)
  }, 20000)

  it('need no table where both sides have as many labels as samples', () => {
    const a = Int32Array.from({ length: 200000 }, (_, i) => i) // a dense table would be 320 GB
    expect(adjustedRandScore(a, a.slice().reverse())).toBe(1)
    expect(normalizedMutualInfoScore(a, a.slice().reverse())).toBe(1)
  })

  it('accuracy equals the best of all renamings for up to five clusters', () => {
    const permutations = (list: number[]): number[][] =>
      list.length === 0 ? [[]] : list.flatMap((v, i) => permutations(list.filter((_, j) => j !== i)).map((rest) => [v, ...rest]))
    const renamings = permutations([0, 1, 2, 3, 4])
    const list = (n: number, k: number) => fc.array(fc.integer({ min: 0, max: k - 1 }), { minLength: n, maxLength: n })
    const labellings = fc
      .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
      .chain(([n, k, m]) => fc.tuple(list(n, k), list(n, m)))
    fc.assert(
      fc.property(labellings, ([a, b]) => {
        const right = Math.max(...renamings.map((name) => b.filter((l, i) => name[l] === a[i]).length))
        expect(clusterAccuracy(a, b)).toBe(right / a.length)
      }),
      { seed: 4, numRuns: 400 },
    )
  })

  it('accuracy is exact where the greedy choice is not, and for many clusters', () => {
    // the largest count, 5, belongs to the worse matching: 5 + 0 < 4 + 4
    const counts = [
      [5, 4],
      [4, 0],
    ]
    const a: number[] = []
    const b: number[] = []
    counts.forEach((row, i) =>
      row.forEach((count, j) => {
        for (let s = 0; s < count; s++) {
          a.push(i)
          b.push(j)
        }
      }),
    )
    expect(clusterAccuracy(a, b)).toBe(8 / 13)
    // a known matching of 300 clusters holds 60 %, no other pair of labels more than the noise
    const random = new Random(5)
    const truth = Array.from({ length: 30000 }, (_, i) => i % 300)
    const name = shuffled(
      Array.from({ length: 300 }, (_, i) => i),
      6,
    )
    const found = truth.map((l, i) => (Math.floor(i / 300) % 5 < 3 ? name[l] : random.below(300)))
    const kept = truth.filter((l, i) => found[i] === name[l]).length
    expect(clusterAccuracy(truth, found)).toBe(kept / truth.length)
  })

  it('sort rows and columns: numbers first and by value, then strings', () => {
    expect(contingencyMatrix([10, 9, -1, 'b', 'a', 9], ['z', 'z', 'z', 'y', 'y', 2])).toEqual([
      [0, 0, 1], // −1
      [1, 0, 1], // 9
      [0, 0, 1], // 10
      [0, 1, 0], // 'a'
      [0, 1, 0], // 'b'
    ])
    expect(contingencyMatrix([0, -0, 1], [1, 1, 1])).toEqual([[2], [1]]) // −0 is 0
    expect(contingencyMatrix([1, '1'], [0, 0])).toEqual([[1], [1]]) // a number is not a string
  })

  const scores = { adjustedRandScore, normalizedMutualInfoScore, clusterAccuracy, contingencyMatrix }
  it.each(Object.entries(scores))('%s refuses labels that do not fit', (_, score: (a: Labels, b: Labels) => unknown) => {
    expect(() => score([0, 1, 2], [0, 1])).toThrow(
      new RangeError('labelsPred: expected 3 labels, as many as labelsTrue has, got 2. Both must label the same samples.'),
    )
    expect(() => score([], [])).toThrow(new RangeError('labelsTrue: expected at least 1 label, got none.'))
    expect(() => score([0, Number.NaN], [0, 1])).toThrow(/labelsTrue: expected a label at 1, got NaN/)
    expect(() => score([0, 1], [0, true as never])).toThrow(
      new TypeError('labelsPred: expected a number or a string at 1, got true. Map labels to numbers or strings first.'),
    )
    expect(() => score('aab', [0, 0, 1])).toThrow(TypeError)
    expect(() => score(undefined as never, [0])).toThrow(TypeError)
    expect(() => score([0], null as never)).toThrow(TypeError)
  })
})

/** Silhouettes by the definition. */
function naiveSilhouettes(X: number[][], labels: ArrayLike<number>): number[] {
  const distance = (a: number[], b: number[]) => Math.sqrt(a.reduce((s, v, j) => s + (v - b[j]) ** 2, 0))
  const clusters = [...new Set(Array.from(labels))]
  return X.map((row, i) => {
    const mean = (c: number) => {
      let [sum, count] = [0, 0]
      for (let j = 0; j < X.length; j++) if (labels[j] === c && j !== i) [sum, count] = [sum + distance(row, X[j]), count + 1]
      return count === 0 ? Number.NaN : sum / count
    }
    const a = mean(labels[i])
    if (Number.isNaN(a)) return 0
    const b = Math.min(...clusters.filter((c) => c !== labels[i]).map(mean))
    return a === b ? 0 : (b - a) / Math.max(a, b)
  })
}

/** The kernel's silhouettes and their sum, run in pieces that end at `cuts`. */
function kernelSilhouettes(X: number[][], codes: number[], cuts: number[]): { each: number[]; sum: number } {
  const arena = sharedArena()
  const kernels = arena.use(metrics)
  const [n, d, k] = [X.length, X[0].length, Math.max(...codes) + 1]
  return within(arena, () => {
    const x = arena.takeF64(n * d)
    X.forEach((row, i) => arena.f64(x + i * d * 8, d).set(row))
    const put = (list: number[]) => {
      const address = arena.take(list.length * 4)
      arena.i32(address, list.length).set(list)
      return address
    }
    const order = codes.map((_, i) => i).sort((a, b) => codes[a] - codes[b])
    const offsets = Array.from({ length: k + 1 }, (_, c) => codes.filter((l) => l < c).length)
    const args = [put(codes), put(order), put(offsets)] as const
    const [out, stats, scratch] = [arena.takeF64(n), arena.takeF64(1), arena.take(kernels.silhouetteScratch(d))]
    arena.f64(stats, 1)[0] = 0
    arena.f64(scratch, kernels.silhouetteScratch(d) / 8).fill(Number.NaN) // whatever was there
    let start = 0
    for (const end of [...cuts, n]) {
      kernels.silhouette(x, d, k, ...args, out, start, end, stats, scratch)
      start = end
    }
    return { each: Array.from(arena.f64(out, n)), sum: arena.f64(stats, 1)[0] }
  })
}

describe('internal scores', () => {
  it.each(golden.internal)('agree with scikit-learn: $name', (c) => {
    const X = data[c.data]
    // scikit-learn takes distances from ‖x‖² − 2x·y + ‖y‖², which cancels: an error of 4·ε·max‖x‖² in the square of a distance that is 0.1
    // or more, averaged over the samples of a cluster
    const largest = Math.max(...X.map((row) => row.reduce((s, v) => s + v * v, 0)))
    near(silhouetteScore(X, c.labels), c.silhouetteScore, (4 * EPS * largest) / 0.1)
    const codes = c.labels.map((l) => [...new Set(c.labels)].sort((a, b) => a - b).indexOf(l))
    const { each } = kernelSilhouettes(X, codes, [])
    c.silhouetteSamples.forEach((s, i) => near(each[i], s, (16 * EPS * largest) / 0.1, `sample ${i}`))
    // sums over n samples on both sides
    near(calinskiHarabaszScore(X, c.labels), c.calinskiHarabaszScore, X.length * EPS * c.calinskiHarabaszScore * 4)
    near(daviesBouldinScore(X, c.labels), c.daviesBouldinScore, X.length * EPS * c.daviesBouldinScore * 4)
  })

  // around the edges of blocks (32, 64, 128, 256 rows by d), of chunks of 64 others and of slots of 1024 rows
  const sizes = [3, 4, 5, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257]
  it.each(sizes)('silhouette equals its definition for n = %i', (n) => {
    for (const d of [1, 2, 3, 9, 17, 33])
      for (const k of new Set([2, Math.min(3, n - 1), Math.min(7, n - 1), n - 1])) {
        if (n > 128 && k === n - 1 && d > 3) continue // the oracle takes n²·k
        const X = rows(n, d, n + d)
        const labels = labelsOf(n, k, n * d)
        const expected = naiveSilhouettes(X, labels)
        // two means of at most n distances, each summed with an error of n·ε; (b − a)/max doubles it
        const tolerance = (2 * n + d + 8) * EPS
        const { each, sum } = kernelSilhouettes(X, labels, [])
        each.forEach((s, i) => near(s, expected[i], tolerance, `n ${n} d ${d} k ${k} sample ${i}:`))
        near(silhouetteScore(X, labels), expected.reduce((s, v) => s + v, 0) / n, tolerance)
        near(silhouetteScore(X, labels), sum / n, EPS)
      }
  })

  it.each([1023, 1024, 1025, 2100])('silhouette equals its definition across slots: n = %i', (n) => {
    const X = rows(n, 2, n)
    const labels = labelsOf(n, 4, n)
    near(silhouetteScore(X, labels), naiveSilhouettes(X, labels).reduce((s, v) => s + v, 0) / n, (2 * n + 10) * EPS) // as above
  })

  it('silhouette sums do not depend on where a slot is cut into calls', () => {
    const X = rows(1024, 5, 1)
    const labels = labelsOf(1024, 6, 2)
    const whole = kernelSilhouettes(X, labels, [])
    for (const cuts of [[256], [512], [256, 768], [256, 512, 768]]) expect(kernelSilhouettes(X, labels, cuts)).toEqual(whole)
  })

  it('calinskiHarabasz and daviesBouldin equal their definitions', () => {
    for (const [n, d, k] of [
      [3, 1, 2],
      [9, 2, 3],
      [257, 3, 5],
      [1025, 9, 4],
      [2500, 2, 2],
    ]) {
      const X = rows(n, d, n)
      const labels = labelsOf(n, k, d)
      const groups = Array.from({ length: k }, (_, c) => X.filter((_, i) => labels[i] === c))
      const mean = (list: number[][]) => Array.from({ length: d }, (_, j) => list.reduce((s, row) => s + row[j], 0) / list.length)
      const square = (a: number[], b: number[]) => a.reduce((s, v, j) => s + (v - b[j]) ** 2, 0)
      const sum = (list: number[]) => list.reduce((s, v) => s + v, 0)
      const means = groups.map(mean)
      const between = sum(groups.map((g, c) => g.length * square(means[c], mean(X))))
      const within_ = sum(groups.flatMap((g, c) => g.map((row) => square(row, means[c]))))
      const spreads = groups.map((g, c) => sum(g.map((row) => Math.sqrt(square(row, means[c])))) / g.length)
      const db =
        sum(means.map((m, c) => Math.max(...means.map((o, e) => (e === c ? 0 : (spreads[c] + spreads[e]) / Math.sqrt(square(m, o))))))) / k
      const ch = ((between / (k - 1)) * (n - k)) / within_
      // sums of n·d terms; means of random groups lie some 8/√n apart, which costs the oracle √n of relative accuracy more
      near(calinskiHarabaszScore(X, labels), ch, ch * n * Math.sqrt(n) * EPS, `CH ${n}`)
      near(daviesBouldinScore(X, labels), db, db * n * Math.sqrt(n) * EPS, `DB ${n}`)
    }
  })

  const X = rows(300, 4, 9)
  const labels = X.map((_, i) => i % 3)
  const scores = { silhouetteScore, calinskiHarabaszScore, daviesBouldinScore }

  it.each(Object.entries(scores))('%s: an offset of 1e8 changes no bit', (_, score) => {
    // multiples of 2^−10 below 8 and their sums with 10⁸ are doubles, so differences are exact either way
    const moved = X.map((row) => row.map((v) => v + 1e8))
    expect(score(moved, labels)).toBe(score(X, labels))
  })

  it.each(Object.entries(scores))('%s: scales of 2^±480 (3e±144) change nothing but rounding', (_, score) => {
    for (const scale of [2 ** 480, 2 ** -480]) {
      const scaled = X.map((row) => row.map((v) => v * scale))
      near(score(scaled, labels), score(X, labels), 4 * EPS * Math.abs(score(X, labels))) // only residues of 1e−16 underflow
    }
  })

  it.each(Object.entries(scores))('%s: names of labels and order of samples do not matter', (_, score) => {
    const value = score(X, labels)
    expect(
      score(
        X,
        labels.map((l) => ['a', 'b', 'c'][l]),
      ),
    ).toBe(value)
    expect(score(X, Int32Array.from(labels))).toBe(value)
    // other names and orders permute sums over n = 300 samples
    near(
      score(
        X,
        labels.map((l) => 2 - l),
      ),
      value,
      300 * EPS * Math.abs(value) * 4,
    )
    near(score(shuffled(X, 3), shuffled(labels, 3)), value, 300 * EPS * Math.max(1, Math.abs(value)) * 4)
  })

  it.each(Object.entries(scores))('%s: every form of X gives the same bits', (_, score) => {
    const value = score(X, labels)
    expect(score(Matrix.from(X), labels)).toBe(value)
    expect(score({ data: X.flat(), shape: [300, 4] }, labels)).toBe(value)
    const large = rows(66000, 2, 4) // more than a megabyte: lies in a WebAssembly memory of its own
    if (score !== silhouetteScore)
      expect(
        score(
          Matrix.from(large),
          large.map((_, i) => i % 5),
        ),
      ).toBe(
        score(
          large,
          large.map((_, i) => i % 5),
        ),
      )
  })

  it('degenerate data have the values of scikit-learn', () => {
    const same = [
      [0.1, 0.7],
      [0.1, 0.7],
      [0.1, 0.7],
      [0.1, 0.7],
    ]
    expect(silhouetteScore(same, [0, 0, 1, 1])).toBe(0)
    expect(calinskiHarabaszScore(same, [0, 0, 1, 1])).toBe(1)
    expect(daviesBouldinScore(same, [0, 0, 1, 1])).toBe(0)
    // no spread within clusters of which two coincide; 1/3 has no short binary form
    const points = [[1 / 3], [1 / 3], [5 / 3], [5 / 3], [1 / 3], [1 / 3]]
    expect(silhouetteScore(points, [0, 0, 1, 1, 2, 2])).toBe(2 / 6) // cluster 1 scores 1, in the others a = b = 0
    expect(calinskiHarabaszScore(points, [0, 0, 1, 1, 2, 2])).toBe(1)
    expect(daviesBouldinScore(points, [0, 0, 1, 1, 2, 2])).toBe(0)
    // means of 0 and 1 coincide: they are compared with cluster 2 only
    const crossed = [[-1], [1], [-2], [2], [9], [11]]
    near(daviesBouldinScore(crossed, [0, 0, 1, 1, 2, 2]), (2 / 10 + 3 / 10 + 3 / 10) / 3, 4 * EPS)
    expect(silhouetteScore([[0], [1], [10]], ['a', 'a', 'b'])).toBe((0.9 + 8 / 9) / 3) // the sample alone scores 0
  })

  it.each(Object.entries(scores))('%s refuses what does not fit', (name, score) => {
    expect(() => score(X, labels.slice(1))).toThrow(new RangeError(`labels: ${name} expected 300 labels, one per row of X, got 299.`))
    expect(() =>
      score(
        X,
        labels.map(() => 4),
      ),
    ).toThrow(/labels: \w+ expected from 2 to 299 distinct labels for 300 rows, got 1\./)
    expect(() =>
      score(
        X,
        labels.map((_, i) => i),
      ),
    ).toThrow(/expected from 2 to 299 distinct labels for 300 rows, got 300\./)
    expect(() => score([[1], [2]], [0, 1])).toThrow(new RangeError(`X: ${name} expected at least 3 rows, got shape [2, 1].`))
    expect(() => score([[1]], [0])).toThrow(RangeError)
    expect(() => score([], [])).toThrow(RangeError)
    expect(() => score([1, 2, 3] as never, [0, 0, 1])).toThrow(/expected a 2-d array/)
    expect(() => score([[1], [Number.NaN], [2]], [0, 0, 1])).toThrow(/got NaN at row 1, column 0/)
    expect(() => score([[1], [2], [3]], [0, undefined, 1] as never)).toThrow(/labels: expected a number or a string at 1, got undefined/)
    expect(() => score([[1], [2], [3]], 7 as never)).toThrow(TypeError)
  })
})
