// Data larger than memory: fitAsync over chunks leaves what fit leaves, whatever the chunks; a source that does not keep its promise is told so.
import { describe, expect, it } from 'vitest'
import { BisectingKMeans, GaussianMixture, KMeans, Matrix, type MatrixLike, type MatrixStream, MiniBatchKMeans } from '../src/index.ts'
import { BREAK_EVEN, currentPool } from '../src/pool.ts'
import { ESTIMATORS, type Fit, blobs, onWarning } from './every-estimator.ts'

/** X in chunks of so many rows, in turn as async and as plain iterables, and in a buffer that every chunk uses again. */
function chunksOf(X: Matrix, rows: number): MatrixStream {
  const d = X.cols
  const buffer = new Float64Array(rows * d)
  function* chunks() {
    for (let begin = 0; begin < X.rows; begin += rows) {
      const part = X.data.subarray(begin * d, Math.min(begin + rows, X.rows) * d)
      buffer.set(part)
      yield { data: buffer, shape: [part.length / d, d] }
    }
    buffer.fill(Number.NaN)
  }
  let readings = 0
  return () =>
    readings++ % 2 === 1
      ? chunks()
      : (async function* () {
          yield* chunks()
        })()
}

type Options = { sampleWeight?: ArrayLike<number>; onIteration?: (event: object) => unknown }
async function expectSame(make: () => Fit, X: Matrix, stream: MatrixStream, name: string, options: Options = {}) {
  const events: object[][] = [[], []]
  const hears = (to: object[]) => ({
    ...options,
    onIteration(event: { elapsedMs?: number }) {
      const { elapsedMs: _, ...rest } = event
      to.push(rest)
      return options.onIteration?.(event)
    },
  })
  const now = make()
  now.fit(X, hears(events[0]))
  const later = make()
  expect(await later.fitAsync(stream as never, hears(events[1]))).toBe(later)
  expect(JSON.stringify(later.toJSON()), name).toBe(JSON.stringify(now.toJSON()))
  expect(events[1], name).toEqual(events[0])
}

// With so many columns a window is one slot of 1024 rows, so that data of moderate size are read again for every pass
const WIDE = 257
const wide = (n: number) => blobs(n, WIDE)

describe('fitAsync over chunks leaves what fit leaves, to the bit', () => {
  it.each(Object.entries(ESTIMATORS))('%s, in one window', async (name, { make, data }) => {
    for (const n of [255, 257, 1023, 1024, 1025, 4097]) {
      const X = data(n)
      const sampleWeight = Float64Array.from({ length: n }, (_, i) => (i * 7) % 5)
      for (const rows of [1, 1000, 4097, n])
        for (const options of [{}, { sampleWeight }]) await expectSame(make, X, chunksOf(X, rows), `${name}, ${n} in ${rows}s`, options)
    }
  })

  const many: Record<string, () => Fit> = {
    'KMeans k-means++': () => new KMeans({ nClusters: 5, nInit: 2, maxIter: 4, randomState: 1, onWarning }),
    'KMeans random': () =>
      new KMeans({ nClusters: 12, init: 'random', nInit: 2, maxIter: 4, convergence: 'mse', randomState: 1, onWarning }),
    'MiniBatchKMeans k-means++': () =>
      new MiniBatchKMeans({ nClusters: 5, batchSize: 500, maxIter: 3, tol: 1e-6, randomState: 1, onWarning }),
    'MiniBatchKMeans random': () =>
      new MiniBatchKMeans({ nClusters: 5, init: 'random', batchSize: 100, initSize: 1e4, maxIter: 1, randomState: 1, onWarning }),
  }
  for (const bisectingStrategy of ['biggest_inertia', 'largest_cluster'] as const)
    many[`BisectingKMeans ${bisectingStrategy}`] = () =>
      new BisectingKMeans({
        nClusters: 5,
        init: bisectingStrategy === 'largest_cluster' ? 'k-means++' : 'random',
        bisectingStrategy,
        maxIter: 3,
        randomState: 1,
        onWarning,
      })
  for (const covarianceType of ['full', 'tied', 'diag', 'spherical'] as const)
    for (const initParams of ['kmeans', 'k-means++', 'random', 'random_from_data'] as const)
      many[`GaussianMixture ${covarianceType} ${initParams}`] = () =>
        new GaussianMixture({ nComponents: 2, covarianceType, initParams, maxIter: 2, randomState: 1, onWarning }) as Fit

  // of so many features, fits in memory keep bounds from pass to pass, and streams do not
  for (const covarianceType of ['diag', 'spherical'] as const)
    many[`GaussianMixture ${covarianceType}, many passes`] = () =>
      new GaussianMixture({
        nComponents: 6,
        covarianceType,
        initParams: 'random_from_data',
        maxIter: 9,
        tol: 0,
        randomState: 1,
        onWarning,
      }) as Fit

  it.each(Object.entries(many))('%s, in windows that are read again and again', async (name, make) => {
    const full = name.includes('full') || name.includes('tied')
    for (const n of full ? [2049] : [1024, 1025, 2048, 3073]) {
      const X = wide(n)
      const sampleWeight = Float64Array.from({ length: n }, (_, i) => (i * 7) % 5)
      await expectSame(make, X, chunksOf(X, 1000), `${name}, ${n} in 1000s`)
      await expectSame(make, X, chunksOf(X, n), `${name}, ${n} at once, weighted`, { sampleWeight })
    }
  })

  it('chunks of 1, 1000, 1024, 4097 and all rows', async () => {
    const X = wide(4100)
    for (const rows of [1, 1000, 1024, 4097, 4100])
      for (const name of ['KMeans k-means++', 'GaussianMixture diag random'])
        await expectSame(many[name], X, chunksOf(X, rows), `${name} in ${rows}s`)
  })

  it('chunks of any form and size, none among them', async () => {
    const X = wide(2500)
    const [some, rest] = [X.toArray().slice(0, 700), X.toArray().slice(700)]
    const stream = () => [[], some, { data: [], shape: [0, 3] }, Matrix.from(rest.slice(0, 1500)), rest.slice(1500)] as MatrixLike[]
    await expectSame(many['KMeans random'], X, stream, 'mixed')
    await expectSame(many['KMeans random'], X, async () => stream(), 'an async function')
  })

  it('with any number of threads', async () => {
    const before = { ...BREAK_EVEN }
    Object.assign(BREAK_EVEN, { pass: 0, task: 0 })
    try {
      const three = blobs(40_000, 16) // three windows of up to sixteen slots
      for (const [name, X] of [
        ['KMeans k-means++', three],
        ['GaussianMixture full random', three],
        ['BisectingKMeans largest_cluster', three],
        ['GaussianMixture diag, many passes', wide(5000)],
        ['GaussianMixture spherical, many passes', wide(5000)],
      ] as const) {
        const now = many[name]()
        now.fit(X)
        for (const threads of [1, 2, 3, 7]) {
          const later = many[name]()
          await later.fitAsync(chunksOf(X, 3000) as never, { threads })
          expect(JSON.stringify(later.toJSON()), `${name}, ${threads} threads`).toBe(JSON.stringify(now.toJSON()))
          const here = many[name]()
          await here.fitAsync(X, { threads })
          expect(JSON.stringify(here.toJSON()), `${name} in memory, ${threads} threads`).toBe(JSON.stringify(now.toJSON()))
        }
      }
    } finally {
      Object.assign(BREAK_EVEN, before)
      currentPool()?.dismiss()
    }
  })

  it('two fits at once, one of them given up', async () => {
    const X = wide(3000)
    const [first, second] = [many['KMeans random'](), many['GaussianMixture diag random']()]
    const abort = new AbortController()
    const third = many['KMeans random']().fitAsync(chunksOf(X, 200) as never, {
      signal: abort.signal,
      onIteration: () => abort.abort(),
    })
    const settled = await Promise.allSettled([first.fitAsync(chunksOf(X, 700) as never), third, second.fitAsync(chunksOf(X, 500) as never)])
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const [one, two] = [many['KMeans random'](), many['GaussianMixture diag random']()]
    one.fit(X)
    two.fit(X)
    expect(first.toJSON()).toEqual(one.toJSON())
    expect(second.toJSON()).toEqual(two.toJSON())
  })

  it('empty clusters take far rows, given centers and starts are used, a listener may stop', async () => {
    const X = wide(2100)
    const centers = Matrix.zeros(6, WIDE) // five of them the same: their clusters are empty
    centers.row(0).fill(1)
    await expectSame(() => new KMeans({ nClusters: 6, init: centers, maxIter: 5, onWarning }), X, chunksOf(X, 300), 'empty')
    const meansInit = X.toArray().slice(0, 3)
    const mixture = () => new GaussianMixture({ nComponents: 3, covarianceType: 'diag', meansInit, maxIter: 3, randomState: 1, onWarning })
    await expectSame(mixture as () => Fit, X, chunksOf(X, 300), 'means')
    const onIteration = (e: object) => (e as { iteration: number }).iteration < 2
    await expectSame(many['KMeans random'], X, chunksOf(X, 300), 'stopped', { onIteration })
  })

  it('MiniBatchKMeans asks a function with its sample; warm starts go on', async () => {
    const X = wide(2100)
    const init = (sample: Matrix, k: number) => sample.toArray().slice(0, k)
    for (const initSize of [50, 5000])
      await expectSame(
        () => new MiniBatchKMeans({ nClusters: 3, init, initSize, maxIter: 1, randomState: 1, onWarning }),
        X,
        chunksOf(X, 300),
        'init',
      )
    const make = () =>
      new GaussianMixture({ nComponents: 2, covarianceType: 'diag', warmStart: true, maxIter: 2, randomState: 1, onWarning })
    const [now, later] = [make(), make()]
    for (let i = 0; i < 2; i++) {
      now.fit(X)
      await later.fitAsync(chunksOf(X, 300))
    }
    expect(later.toJSON()).toEqual(now.toJSON())
  })
})

describe('a source that cannot be used', () => {
  const X = wide(3000)
  const rows = X.toArray()
  const model = () => new KMeans({ nClusters: 4, randomState: 1, onWarning })
  /** The error of a fit over it, which must leave a former fit as it was. */
  async function failure(stream: unknown, options: object = {}, make: () => Fit = model): Promise<Error> {
    const fitted = make()
    await fitted.fitAsync(chunksOf(X, 500) as never)
    const before = JSON.stringify(fitted.toJSON())
    try {
      await fitted.fitAsync(stream as never, options)
    } catch (error) {
      expect(JSON.stringify(fitted.toJSON())).toBe(before)
      return error as Error
    }
    throw new Error('expected an error')
  }
  const parts =
    (...parts: unknown[]) =>
    () =>
      parts

  it('is refused with what was expected, what came, where, and what to do', async () => {
    const first = X.toArray().slice(0, 5)
    const spoilt = X.toArray()
    spoilt[2345][17] = Number.NaN
    const cases: [unknown, string, object?][] = [
      [42, 'X: expected a matrix'],
      [chunksOf(X, 500)(), 'which can be read only once. Give () => chunks().'],
      [() => 42, 'X: expected the function to return an iterable, or async iterable, of chunks of rows, got 42.'],
      [parts(), 'X: KMeans expected at least 1 row, got shape [0, 0].'],
      [parts([]), 'X: KMeans expected at least 1 row, got shape [0, 0].'],
      [parts([[1], [2], [3]]), 'X: expected at least nClusters = 4 rows, got 3.'],
      [parts(first, 'abc'), 'X, chunk from row 5: expected a matrix'],
      [parts(first, [[1, 2]]), `X: expected ${WIDE} columns in every chunk, as in the first, got 2 in the chunk from row 5.`],
      [parts(first, [first[0], [1]]), 'X, chunk from row 5: expected every row to have 257 columns like row 0, got 1 in row 1.'],
      [parts({ data: [], shape: [4, 0] }), 'X: expected at least 1 column, got a chunk with none.'],
      [chunksOf(Matrix.from(spoilt), 300), 'X: expected finite numbers, got NaN at row 2345, column 17.'],
      [
        chunksOf(X, 300),
        'sampleWeight: expected 3000 numbers, one per row of X, got 3001.',
        { sampleWeight: new Float64Array(3001).fill(1) },
      ],
      [
        chunksOf(X, 300),
        'sampleWeight: expected a number per row of X, got 10 for at least',
        { sampleWeight: new Float64Array(10).fill(1) },
      ],
      [chunksOf(X, 300), 'sampleWeight: expected an array of numbers, got 3.', { sampleWeight: 3 }],
    ]
    for (const [stream, message, options] of cases) {
      const error = await failure(stream, options)
      expect(error.message).toContain(message)
      expect(error).toBeInstanceOf(Error)
    }
  })

  it('gives other rows on a later reading', async () => {
    /** A source whose second reading is `second`. */
    const changing = (second: () => unknown) => {
      let readings = 0
      return () => (++readings === 2 ? second() : chunksOf(X, 700)())
    }
    const other = (change: (rows: number[][]) => number[][]) => () => chunksOf(Matrix.from(change(X.toArray())), 700)()
    const expected = 'X: expected the 3000 rows of the first reading, in that order, got '
    expect((await failure(changing(() => []))).message).toContain(`${expected}0 rows.`)
    expect((await failure(changing(other((rows) => rows.slice(0, 1024))))).message).toContain(`${expected}1024 rows.`)
    expect((await failure(changing(other((rows) => rows.slice(0, 2999))))).message).toContain(`${expected}2999 rows.`)
    expect((await failure(changing(other((rows) => [...rows, rows[0]])))).message).toContain(`${expected}more.`)
    expect((await failure(changing(other((rows) => [...rows, ...rows])))).message).toContain(`${expected}more.`)
    const swapped = other((rows) => [...rows.slice(0, 1500), rows[1501], rows[1500], ...rows.slice(1502)])
    expect((await failure(changing(swapped))).message).toContain(`${expected}other numbers in rows 1024 to 2047.`)
    const narrow = other((rows) => rows.map((row) => row.slice(1)))
    expect((await failure(changing(narrow))).message).toContain('X: expected 257 columns in every chunk, as in the first, got 256')
  })

  it('gives the same iterator again', async () => {
    const once = chunksOf(X, 700)()
    const error = await failure(() => once)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain('got the same iterator again, which can be read only once. Give () => chunks().')
  })

  it('needs all of X at once', async () => {
    const asked = new KMeans({ nClusters: 2, init: (M) => M.toArray().slice(0, 2) })
    await expect(asked.fitAsync(chunksOf(X, 700))).rejects.toThrow('whose rows are never in memory together, got a function')
    const halving = new BisectingKMeans({ nClusters: 2, init: (M) => M.toArray().slice(0, 2) })
    await expect(halving.fitAsync(chunksOf(X, 700))).rejects.toThrow('whose rows are never in memory together, got a function')
    expect(() => model().fit(chunksOf(X, 700) as never)).toThrow('X: expected a matrix, got a function. Chunks of rows are for fitAsync.')
  })

  it.each([0, 1, 2, 5])('throws in reading %i: the error passes through, and what was opened is closed', async (bad) => {
    let readings = -1
    let open = 0
    const stream = () => {
      const own = ++readings
      async function* chunks() {
        open++
        try {
          for (let begin = 0; begin < 3000; begin += 250) {
            if (own === bad && begin === 1500) throw new Error('the disk is gone')
            yield rows.slice(begin, begin + 250)
          }
        } finally {
          open--
        }
      }
      return chunks()
    }
    const fitted = model()
    await expect(fitted.fitAsync(stream)).rejects.toThrow('the disk is gone')
    expect(readings).toBe(bad)
    expect(open).toBe(0)
    readings = 10
    await fitted.fitAsync(stream)
    expect(open).toBe(0)
    expect(fitted.toJSON()).toEqual(model().fit(X).toJSON())
  })

  it('is closed when the fit fails or is aborted, even while it hangs', async () => {
    for (const when of ['listener', 'signal', 'hanging'] as const) {
      let [open, readings] = [0, 0]
      const abort = new AbortController()
      const stream = () => {
        let begin = 0
        open++
        readings++
        const end = { done: true as const, value: undefined }
        return {
          [Symbol.asyncIterator]: () => ({
            async next() {
              if (when === 'hanging' && readings === 3 && begin === 500) {
                setTimeout(() => abort.abort(), 20)
                await new Promise<never>(() => {})
              }
              if (begin >= 3000) {
                open--
                return end
              }
              begin += 250
              return { done: false as const, value: rows.slice(begin - 250, begin) }
            },
            async return() {
              open--
              return end
            },
          }),
        }
      }
      const fitting = model().fitAsync(stream, {
        signal: abort.signal,
        onIteration() {
          if (when === 'listener') throw new Error('the listener is gone')
          if (when === 'signal') abort.abort()
        },
      })
      await expect(fitting).rejects.toThrow(when === 'listener' ? 'the listener is gone' : /abort/i)
      expect(open, when).toBe(0)
    }
  })
})
