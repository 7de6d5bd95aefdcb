// What every estimator promises around its algorithm, shown on KMeans: options that are checked when given, errors that say what to do
// and change nothing, plain JSON.
import { Matrix as MlMatrix } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { KMeans, type KMeansOptions, Matrix, NotFittedError, type Warning, kmeansPlusPlus } from '../src/index.ts'
import { sharedArena } from '../src/memory.ts'
import { Random, seedOf } from '../src/random.ts'
import { blobs, expectBits, thrown, uniforms } from './near.ts'

const X = blobs(1, 80, 3, 4, 5)
const DEFAULTS = { nClusters: 8, init: 'k-means++', nInit: 'auto', maxIter: 300, tol: 1e-4, randomState: undefined, convergence: 'centers' }

describe('options', () => {
  const OTHER_KINDS: unknown[] = [null, true, '3', [3], {}, () => 3, 3n, Symbol('3')]
  const wrongKinds: Record<string, unknown[]> = {
    nClusters: OTHER_KINDS,
    maxIter: OTHER_KINDS,
    tol: OTHER_KINDS,
    randomState: OTHER_KINDS,
    nInit: OTHER_KINDS,
    init: [null, true, 3, Number.NaN, 3n, Symbol('random')],
    convergence: [null, true, 3, ['mse'], {}, () => 'mse'],
    onWarning: [null, true, 'warn', 3, {}, []],
  }
  const wrongValues: Record<string, unknown[]> = {
    nClusters: [0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY],
    maxIter: [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY],
    tol: [-1e-9, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    randomState: [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY],
    nInit: [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY],
    init: ['kmeans', 'kmeans++', 'Random', ''],
    convergence: ['center', 'MSE', ''],
  }
  const right: Record<string, unknown[]> = {
    nClusters: [1, 2, 1e6, undefined],
    maxIter: [1, 1e9, undefined],
    tol: [0, 1e-300, 1, 1e300, undefined],
    randomState: [0, 1, 2 ** 32, 2 ** 53 - 1, undefined],
    nInit: ['auto', 1, 100, undefined],
    init: ['k-means++', 'random', [[1]], () => [[1]], Matrix.zeros(2, 2), undefined],
    convergence: ['centers', 'mse', 'mae', undefined],
    onWarning: [() => {}, undefined],
  }
  const enter: Record<string, (given: object) => unknown> = {
    'new KMeans': (given) => new KMeans(given),
    setParams: (given) => new KMeans().setParams(given),
  }

  it.each(Object.keys(enter))('%s: wrong kinds are TypeErrors, wrong values RangeErrors, naming option, expectation and value', (where) => {
    for (const [kinds, error] of [
      [wrongKinds, TypeError],
      [wrongValues, RangeError],
    ] as const)
      for (const [name, values] of Object.entries(kinds))
        for (const value of values) {
          const came = thrown(() => enter[where]({ [name]: value }))
          const what = `${name}: ${typeof value} ${String(value)}`
          expect(came, what).toBeInstanceOf(error)
          expect(came.message, what).toMatch(new RegExp(`^${name}.*: expected .*, got `))
        }
    for (const [name, values] of Object.entries(right))
      for (const value of values) expect(() => enter[where]({ [name]: value })).not.toThrow()
  })

  it('unknown options are refused with the nearest known one', () => {
    const near: Record<string, string> = {
      n_clusters: 'nClusters',
      nclusters: 'nClusters',
      nCluster: 'nClusters',
      clusters: 'nClusters',
      n_init: 'nInit',
      ninit: 'nInit',
      maxIters: 'maxIter',
      max_iter: 'maxIter',
      maxiter: 'maxIter',
      random_state: 'randomState',
      randomstate: 'randomState',
      Tol: 'tol',
      inits: 'init',
      onwarning: 'onWarning',
      convergance: 'convergence',
    }
    for (const call of Object.values(enter))
      for (const [given, known] of Object.entries(near)) {
        const error = thrown(() => call({ nClusters: 3, [given]: 1 }))
        expect(error).toBeInstanceOf(TypeError)
        expect(error.message).toContain(`unknown option '${given}'. Did you mean '${known}'?`)
      }
    // nothing near: the known ones
    expect(thrown(() => new KMeans({ algorithm: 'elkan' } as never)).message).toMatch(
      /unknown option 'algorithm'.*nClusters.*init.*convergence/,
    )
    // names that objects inherit are unknown too
    for (const name of ['toString', 'constructor', 'hasOwnProperty']) expect(() => new KMeans({ [name]: 1 } as never)).toThrow(TypeError)
    // also when undefined
    expect(() => new KMeans({ n_clusters: undefined } as never)).toThrow(TypeError)
  })

  it('the options object itself', () => {
    for (const given of [null, 3, 'k', true, [], [3], () => {}]) {
      const error = thrown(() => new KMeans(given as never))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toMatch(/expected an options object such as \{ nClusters: … \}, got /)
    }
    expect(new KMeans().getParams()).toEqual(DEFAULTS)
    expect(new KMeans({}).getParams()).toEqual(DEFAULTS)
    expect(new KMeans(undefined).getParams()).toEqual(DEFAULTS)
  })

  it('a value that is nearly right is named', () => {
    expect(thrown(() => new KMeans({ init: 'kmeans++' as never })).message).toContain("Did you mean 'k-means++'?")
    expect(thrown(() => new KMeans({ convergence: 'center' as never })).message).toContain("Did you mean 'centers'?")
  })

  it('fit: unknown options, wrong kinds', () => {
    const model = new KMeans({ nClusters: 2 })
    const cases: [unknown, unknown, RegExp][] = [
      [{ sample_weight: [] }, TypeError, /'sample_weight'. Did you mean 'sampleWeight'/],
      [{ sampleWeights: [] }, TypeError, /Did you mean 'sampleWeight'/],
      [{ onIter: () => {} }, TypeError, /Did you mean 'onIteration'/],
      [[1, 2, 3], TypeError, /options object.*sampleWeight/],
      [X.map(() => 1), TypeError, /options object/],
      [null, TypeError, /options object/],
      [3, TypeError, /options object/],
      [{ onIteration: 'log' }, TypeError, /onIteration: expected a function, got 'log'/],
      [{ sampleWeight: 2 }, TypeError, /sampleWeight: expected an array of 80 numbers, got 2/],
      [{ sampleWeight: 'x'.repeat(80) }, TypeError, /sampleWeight: expected an array/],
      [{ sampleWeight: new Map() }, TypeError, /sampleWeight: expected an array/],
      [{ sampleWeight: X.map(() => '1') }, TypeError, /sampleWeight: expected a number at 0, got '1'/],
      [{ sampleWeight: X.map((_, i) => (i === 5 ? null : 1)) }, TypeError, /sampleWeight.*at 5, got null/],
      [{ sampleWeight: X.map(() => [1]) }, TypeError, /sampleWeight.*at 0, got an array of length 1/],
      [{ sampleWeight: [1, 2, 3] }, RangeError, /sampleWeight: expected 80 numbers.*got 3/],
      [{ sampleWeight: new Float64Array(81) }, RangeError, /expected 80 numbers.*got 81/],
      [{ sampleWeight: X.map((_, i) => (i === 7 ? -1 : 1)) }, RangeError, /at least 0, got -1 at 7/],
      [{ sampleWeight: X.map((_, i) => (i === 9 ? Number.NaN : 1)) }, RangeError, /got NaN at 9/],
      [{ sampleWeight: X.map((_, i) => (i === 9 ? Number.POSITIVE_INFINITY : 1)) }, RangeError, /got Infinity at 9/],
      [{ sampleWeight: X.map(() => 0) }, RangeError, /at least one weight above 0/],
    ]
    for (const [options, kind, message] of cases)
      for (const method of ['fit', 'fitPredict', 'fitTransform'] as const) {
        const error = thrown(() => model[method](X, options as never))
        expect(error).toBeInstanceOf(kind)
        expect(error.message).toMatch(message)
      }
    expect(() => model.fit(X, { sampleWeight: undefined, onIteration: undefined })).not.toThrow()
  })

  it('init that does not fit the data', () => {
    const shapes: [number[][], RegExp][] = [
      [[[1, 2, 3]], /expected shape \(2, 3\) \(clusters, columns of X\), got \(1, 3\)/],
      [
        [
          [1, 2],
          [3, 4],
        ],
        /got \(2, 2\)/,
      ],
      [
        [
          [1, 2, 3],
          [4, 5, 6],
          [7, 8, 9],
        ],
        /got \(3, 3\)/,
      ],
      [
        [
          [1, 2, 3],
          [4, 5, Number.NaN],
        ],
        /expected finite numbers, got NaN at row 1, column 2/,
      ],
      [
        [
          [Number.POSITIVE_INFINITY, 2, 3],
          [4, 5, 6],
        ],
        /got Infinity at row 0, column 0/,
      ],
    ]
    for (const [init, message] of shapes) {
      for (const given of [init, () => init]) {
        const error = thrown(() => new KMeans({ nClusters: 2, init: given }).fit(X))
        expect(error).toBeInstanceOf(RangeError)
        expect(error.message).toMatch(message)
        expect(error.message).toMatch(/^init/)
      }
    }
    for (const nothing of [undefined, null, 5, 'random'])
      expect(() => new KMeans({ nClusters: 2, init: () => nothing as never }).fit(X)).toThrow(TypeError)
  })

  it('getParams and setParams', () => {
    const onWarning = () => {}
    const init = [
      [1, 2],
      [3, 4],
    ]
    const options = { nClusters: 2, init, nInit: 3, maxIter: 7, tol: 0.5, randomState: 4, convergence: 'mae', onWarning } as const
    const model = new KMeans(options)
    const { onWarning: _, ...params } = options
    expect(model.getParams()).toEqual(params)
    expect(new KMeans(model.getParams() as KMeansOptions).getParams()).toEqual(params)
    expect(model.setParams({ tol: 0, init: 'random' })).toBe(model)
    expect(model.getParams()).toEqual({ ...params, tol: 0, init: 'random' })
    model.setParams({ tol: undefined }) // undefined leaves it as it is
    expect(model.getParams().tol).toBe(0)
    const given = model.getParams()
    given.nClusters = 99
    expect(model.getParams().nClusters).toBe(2)
    const source: KMeansOptions = { nClusters: 5 }
    const other = new KMeans(source)
    source.nClusters = 6
    expect(other.getParams().nClusters).toBe(5)
  })

  it('setParams is all or nothing, and leaves what is fitted alone', () => {
    const model = new KMeans({ nClusters: 3, randomState: 1 }).fit(X)
    const before = [model.getParams(), structuredClone(model.toJSON())]
    for (const bad of [
      { nClusters: 5, tol: -1 },
      { tol: -1, nClusters: 5 },
      { maxIter: 9, foo: 1 },
      { randomState: 2, init: 'x' },
      { nClusters: 4, onWarning: 3 },
    ])
      expect(() => model.setParams(bad as never)).toThrow()
    expect([model.getParams(), model.toJSON()]).toEqual(before)
    const labels = model.predict(X)
    model.setParams({ nClusters: 5, maxIter: 1, onWarning: () => {} })
    expect(model.clusterCenters).toHaveLength(3)
    expect(model.predict(X)).toEqual(labels)
    expect(model.transform(X).cols).toBe(3)
    expect(model.fit(X).clusterCenters).toHaveLength(5)
    expect(model.nIter).toBe(1)
  })

  it('seeds of any size are different seeds', () => {
    const seeds = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40, 2 ** 53 - 1]
    const fits = seeds.map((randomState) =>
      JSON.stringify(
        new KMeans({ nClusters: 8, init: 'random', nInit: 1, maxIter: 1, randomState, onWarning: () => {} }).fit(X).clusterCenters,
      ),
    )
    expect(new Set(fits).size).toBe(seeds.length)
  })
})

describe('before fit', () => {
  it.each(['predict', 'transform', 'score'] as const)('%s is a NotFittedError', (method) => {
    for (const model of [new KMeans(), KMeans.fromJSON(new KMeans().toJSON())]) {
      const error = thrown(() => model[method](X))
      expect(error).toBeInstanceOf(NotFittedError)
      expect(error).toBeInstanceOf(Error)
      expect(error.name).toBe('NotFittedError')
      expect(error.message).toMatch(/KMeans is not fitted yet.*fit\(X\)/)
      expect(() => model[method](undefined as never)).toThrow(NotFittedError) // nothing else matters then
    }
  })

  it.each(['clusterCenters', 'labels', 'inertia', 'nIter', 'converged', 'nFeaturesIn'] as const)('%s is a NotFittedError', (name) => {
    expect(() => new KMeans()[name]).toThrow(NotFittedError)
  })

  it('a failed first fit leaves it unfitted', () => {
    const model = new KMeans({ nClusters: 2 })
    expect(() => model.fit([[1], [Number.NaN]])).toThrow(RangeError)
    expect(() => model.predict([[1]])).toThrow(NotFittedError)
    expect(model.toJSON().fitted).toBeNull()
    expect(model.fit([[1], [2]]).predict([[1]])).toHaveLength(1)
  })

  it('options, JSON and printing work all the same', () => {
    const model = new KMeans({ nClusters: 3 })
    expect(model.getParams().nClusters).toBe(3)
    expect(JSON.parse(JSON.stringify(model))).toMatchObject({ mixtura: 'KMeans', fitted: null })
    expect(
      String(
        (model as never as Record<symbol, (depth: number, options: object) => string>)[Symbol.for('nodejs.util.inspect.custom')](2, {}),
      ),
    ).toMatch(/^KMeans .*nClusters/)
    expect(Object.keys(model)).toEqual([])
  })
})

describe('a fit that fails', () => {
  const weights = X.map((_, i) => Number(i < 2))
  const failures: Record<string, (model: KMeans) => unknown> = {
    'NaN in X': (m) => m.fit([...X, [1, Number.NaN, 3]]),
    'a string in X': (m) => m.fit([...X, [1, '2' as never, 3]]),
    'ragged X': (m) => m.fit([...X, [1, 2]]),
    '1-d X': (m) => m.fit([1, 2, 3] as never),
    'no X': (m) => m.fit(undefined as never),
    'too few rows': (m) => m.fit(X.slice(0, 2)),
    'unknown option': (m) => m.fit(X, { foo: 1 } as never),
    'bad weights': (m) => m.fit(X, { sampleWeight: X.map(() => -1) }),
    'too few weights above 0 for random rows': (m) => m.setParams({ init: 'random' }).fit(X, { sampleWeight: weights }),
    'init of another shape': (m) => m.setParams({ init: [[1, 2, 3]] }).fit(X),
    'init with NaN': (m) => m.setParams({ init: () => X.slice(0, 3).map((row) => row.map(() => Number.NaN)) }).fit(X),
    'init that throws': (m) =>
      m
        .setParams({
          init: () => {
            throw new RangeError('mine')
          },
        })
        .fit(X),
    'init that throws in a later run': (m) => {
      let run = 0
      m.setParams({
        nInit: 3,
        init: () => {
          if (run++ === 2) throw new RangeError('mine')
          return X.slice(0, 3)
        },
      }).fit(X)
    },
    'onIteration that throws': (m) =>
      m.fit(X, {
        onIteration: () => {
          throw new RangeError('mine')
        },
      }),
    'onIteration that throws later': (m) =>
      m.setParams({ tol: 0 }).fit(X, {
        onIteration: ({ iteration }) => {
          if (iteration === 2) throw new RangeError('mine')
        },
      }),
    'fitPredict of NaN': (m) =>
      m.fitPredict([
        [Number.NaN, 1, 2],
        [1, 2, 3],
        [4, 5, 6],
      ]),
    'fitTransform of Infinity': (m) =>
      m.fitTransform([
        [1, Number.POSITIVE_INFINITY, 2],
        [1, 2, 3],
        [4, 5, 6],
      ]),
  }

  it.each(Object.entries(failures))('%s: the former fit stays, bit for bit', (_, fail) => {
    const warnings: Warning[] = []
    const model = new KMeans({ nClusters: 3, randomState: 2, onWarning: (w) => warnings.push(w) }).fit(X)
    const state = [model.clusterCenters, model.labels, model.inertia, model.nIter, model.converged, model.nFeaturesIn]
    const before = structuredClone(state)
    const [labels, distances, score] = [model.predict(X), model.transform(X), model.score(X)]
    expect(thrown(() => fail(model))).toSatisfy((e) => e instanceof TypeError || e instanceof RangeError)
    expect([model.clusterCenters, model.labels, model.inertia, model.nIter, model.converged, model.nFeaturesIn]).toEqual(before)
    expect(model.clusterCenters).toBe(state[0])
    expectBits(model.predict(X), labels)
    expectBits(model.transform(X).data, distances.data)
    expect(model.score(X)).toBe(score)
    expect(warnings).toEqual([])
    // and the next fit is as good as a first one
    const fresh = new KMeans({ nClusters: 3, randomState: 2 }).fit(X)
    expect(model.setParams({ init: 'k-means++', nInit: 'auto', tol: 1e-4 }).fit(X).toJSON()).toEqual(fresh.toJSON())
  })

  it('is found out before any work: no function of the caller is asked', () => {
    let asked = 0
    const options = { nClusters: 3, init: () => (asked++, X.slice(0, 3)) }
    const onIteration = () => void asked++
    const bad: [unknown, object][] = [
      [[...X, [1, 2, Number.NaN]], {}],
      [[...X, [1, 2]], {}],
      [[...X, [1, 2, '3']], {}],
      [X.slice(0, 2), {}],
      [X, { sampleWeight: [1] }],
      [X, { sampleWeight: X.map((_, i) => (i === 79 ? -1 : 1)) }],
      [X, { sampleWeight: X.map(() => 0) }],
      [X, { foo: 1 }],
    ]
    for (const [x, extra] of bad) expect(() => new KMeans(options).fit(x as number[][], { onIteration, ...extra })).toThrow()
    expect(asked).toBe(0)
    new KMeans(options).fit(X, { onIteration })
    expect(asked).toBeGreaterThan(10)
  })

  it('what calls take in memory comes back, whether they fail or not', () => {
    const arena = sharedArena()
    const large = blobs(3, 5000, 4, 3)
    const work = () => {
      const model = new KMeans({ nClusters: 3, randomState: 0 }).fit(large)
      model.predict(large)
      model.transform(large)
      kmeansPlusPlus(large, 9, { randomState: 1 })
      expect(() =>
        new KMeans({ nClusters: 3 }).fit(large, {
          onIteration: () => {
            throw new Error('mine')
          },
        }),
      ).toThrow('mine')
      expect(() =>
        new KMeans({
          nClusters: 3,
          init: () => {
            throw new Error('mine')
          },
        }).fit(large),
      ).toThrow('mine')
      expect(() => model.predict([...large, [1, 2, Number.NaN, 4]])).toThrow(RangeError)
      expect(() => kmeansPlusPlus([...large, [1, 2, Number.NaN, 4]], 3)).toThrow(RangeError)
    }
    work()
    new KMeans({ nClusters: 3, init: 'random', nInit: 2, maxIter: 1, randomState: 0, onWarning: () => {} }).fit(large)
    const [mark, bytes] = [arena.mark(), arena.memory.buffer.byteLength]
    for (let i = 0; i < 30; i++) work()
    new KMeans({ nClusters: 3, init: 'random', nInit: 100, maxIter: 1, randomState: 0, onWarning: () => {} }).fit(large) // runs share their memory
    expect(arena.mark()).toBe(mark)
    expect(arena.memory.buffer.byteLength).toBe(bytes)
  })
})

describe('JSON', () => {
  const sampleWeight = X.map((_, i) => (i % 3) / 7)
  const options: KMeansOptions = { nClusters: 4, randomState: 3, tol: 1e-7, maxIter: 50, convergence: 'mse', nInit: 2 }
  const fitted = () => new KMeans({ ...options, onWarning: () => {} }).fit(X, { sampleWeight })

  const ways: Record<string, (model: KMeans) => KMeans> = {
    'through text': (model) => KMeans.fromJSON(JSON.parse(JSON.stringify(model))),
    'through structuredClone': (model) => KMeans.fromJSON(structuredClone(model.toJSON())),
    directly: (model) => KMeans.fromJSON(model.toJSON()),
    twice: (model) => KMeans.fromJSON(JSON.parse(JSON.stringify(KMeans.fromJSON(JSON.parse(JSON.stringify(model)))))),
  }

  it.each(Object.entries(ways))('%s: the same model to the last bit', (_, way) => {
    const model = fitted()
    const again = way(model)
    expect(again).toBeInstanceOf(KMeans)
    expect(again.getParams()).toEqual(model.getParams())
    expect(again.clusterCenters).toEqual(model.clusterCenters)
    expect(again.labels).toBeInstanceOf(Int32Array)
    expectBits(again.labels, model.labels)
    expect([again.inertia, again.nIter, again.converged, again.nFeaturesIn]).toEqual([
      model.inertia,
      model.nIter,
      model.converged,
      model.nFeaturesIn,
    ])
    const u = uniforms(5)
    const other = X.map((row) => row.map((v) => v + u()))
    expectBits(again.predict(other), model.predict(other))
    expectBits(again.transform(other).data, model.transform(other).data)
    expect(again.score(other)).toBe(model.score(other))
    expect(again.toJSON()).toEqual(model.toJSON())
    // the options came along: a further fit is the same fit
    expect(again.fit(X, { sampleWeight }).toJSON()).toEqual(fitted().toJSON())
  })

  it('stores nothing shared with the model', () => {
    const model = fitted()
    const json = model.toJSON()
    const again = KMeans.fromJSON(json)
    ;(json.fitted as { clusterCenters: number[][] }).clusterCenters[0][0] = 1e9
    again.clusterCenters[1][1] = 1e9
    again.labels[0] = 99
    expect(model.toJSON()).toEqual(fitted().toJSON())
    expect(again.clusterCenters[0][0]).not.toBe(1e9)
  })

  it('functions are left out, given centers become plain arrays, whatever their form', () => {
    const init = [
      [1, 2, 3],
      [4, 5, 6],
    ]
    const forms = [
      init,
      init.map((row) => Float64Array.from(row)),
      Matrix.from(init),
      { data: Float64Array.from(init.flat()), shape: [2, 3] },
      new MlMatrix(init),
    ]
    for (const form of forms)
      for (const model of [new KMeans({ nClusters: 2, init: form }), new KMeans({ nClusters: 2, init: form }).fit(X)]) {
        const json = JSON.parse(JSON.stringify(model))
        expect(json).toEqual(structuredClone(model.toJSON()))
        expect(json.params.init).toEqual(init)
        expect(KMeans.fromJSON(json).fit(X).clusterCenters).toEqual(model.fit(X).clusterCenters)
      }
    const called = new KMeans({ nClusters: 2, init: () => init, onWarning: () => {} }).fit(X)
    const json = structuredClone(called.toJSON())
    expect(json.params).toEqual({ nClusters: 2, nInit: 'auto', maxIter: 300, tol: 1e-4, convergence: 'centers' })
    expect(KMeans.fromJSON(json).getParams().init).toBe('k-means++')
    expectBits(KMeans.fromJSON(json).predict(X), called.labels)
  })

  it('anything else is refused', () => {
    const good = () => JSON.parse(JSON.stringify(fitted()))
    const changed = (change: (json: ReturnType<typeof good>) => void) => {
      const json = good()
      change(json)
      return json
    }
    expect(() => KMeans.fromJSON(good())).not.toThrow()
    const cases: Record<string, [unknown, typeof TypeError | typeof RangeError, RegExp]> = {
      undefined: [undefined, TypeError, /KMeans\.fromJSON: expected what KMeans\.toJSON\(\) returned/],
      null: [null, TypeError, /got null/],
      text: [JSON.stringify(good()), TypeError, /expected what KMeans\.toJSON\(\) returned/],
      'a number': [5, TypeError, /got 5/],
      'an array': [[], TypeError, /expected what/],
      'an empty object': [{}, TypeError, /expected what/],
      'another estimator': [changed((j) => (j.mixtura = 'GaussianMixture')), TypeError, /got 'GaussianMixture'/],
      'no version': [changed((j) => delete j.version), RangeError, /version 1, got undefined/],
      'a later version': [changed((j) => (j.version = 2)), RangeError, /version 1, got 2.*update/],
      'params null': [changed((j) => (j.params = null)), TypeError, /options/],
      'unknown option': [changed((j) => (j.params.n_clusters = 3)), TypeError, /n_clusters.*nClusters/],
      'bad option': [changed((j) => (j.params.nClusters = -3)), RangeError, /nClusters.*-3/],
      'fitted missing': [changed((j) => delete j.fitted), TypeError, /fitted/],
      'fitted a number': [changed((j) => (j.fitted = 3)), TypeError, /fitted.*3/],
      'no centers': [changed((j) => delete j.fitted.clusterCenters), RangeError, /fitted\.clusterCenters/],
      'empty centers': [changed((j) => (j.fitted.clusterCenters = [])), RangeError, /fitted\.clusterCenters/],
      'ragged centers': [changed((j) => j.fitted.clusterCenters[1].pop()), RangeError, /fitted\.clusterCenters/],
      'null in centers': [changed((j) => (j.fitted.clusterCenters[1][0] = null)), RangeError, /fitted\.clusterCenters/],
      'infinite centers': [changed((j) => (j.fitted.clusterCenters[1][0] = 'Infinity')), RangeError, /fitted\.clusterCenters/],
      'centers of other columns': [changed((j) => (j.fitted.nFeaturesIn = 2)), RangeError, /fitted\.clusterCenters/],
      'no columns': [changed((j) => (j.fitted.nFeaturesIn = 0)), RangeError, /fitted\.nFeaturesIn/],
      'fractional columns': [changed((j) => (j.fitted.nFeaturesIn = 2.5)), RangeError, /fitted\.nFeaturesIn/],
      'plain labels': [changed((j) => (j.fitted.labels = [0, 1])), RangeError, /fitted\.labels/],
      'labels of strings': [changed((j) => (j.fitted.labels.int32[0] = 'a')), RangeError, /fitted\.labels/],
      'labels of objects': [changed((j) => (j.fitted.labels.int32[0] = { toString: 1 })), RangeError, /fitted\.labels/],
      'labels beyond the clusters': [changed((j) => (j.fitted.labels.int32[0] = 4)), RangeError, /fitted\.labels/],
      'negative labels': [changed((j) => (j.fitted.labels.int32[0] = -1)), RangeError, /fitted\.labels/],
      'no inertia': [changed((j) => delete j.fitted.inertia), RangeError, /fitted\.inertia/],
      'nIter a string': [changed((j) => (j.fitted.nIter = 'x')), RangeError, /fitted\.nIter/],
      'nIter NaN': [changed((j) => (j.fitted.nIter = 'NaN')), RangeError, /fitted\.nIter/],
      'converged a number': [changed((j) => (j.fitted.converged = 1)), RangeError, /fitted\.converged/],
    }
    for (const [name, [json, kind, message]] of Object.entries(cases)) {
      const error = thrown(() => KMeans.fromJSON(json as never))
      expect(error, name).toBeInstanceOf(kind)
      expect(error.message, name).toMatch(message)
    }
  })

  it('is small and readable', () => {
    const json = JSON.parse(JSON.stringify(new KMeans({ nClusters: 2, init: [[0], [10]] }).fit([[0], [1], [9], [10]])))
    expect(json).toEqual({
      mixtura: 'KMeans',
      version: 1,
      params: { nClusters: 2, init: [[0], [10]], nInit: 'auto', maxIter: 300, tol: 1e-4, convergence: 'centers' },
      fitted: { clusterCenters: [[0.5], [9.5]], labels: { int32: [0, 0, 1, 1] }, inertia: 1, nIter: 2, converged: true, nFeaturesIn: 1 },
    })
  })
})

describe('Random', () => {
  it('is xoshiro128**: the first numbers of the reference implementation from state 1, 2, 3, 4', () => {
    const random = new Random(0)
    Object.assign(random, { a: 1, b: 2, c: 3, d: 4 })
    const expected = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804]
    expect(expected.map(() => random.bits())).toEqual(expected)
  })

  it('a stream is named by seed and numbers, and nothing else', () => {
    const first = (seed: number, ...stream: number[]) => {
      const random = new Random(seed, ...stream)
      return [random.bits(), random.bits(), random.bits(), random.bits()].join()
    }
    const names = [
      [0],
      [1],
      [2 ** 32],
      [2 ** 53 - 1],
      [0, 0],
      [0, 1],
      [1, 0],
      [0, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
      [0, 2 ** 31],
      [5, 3, 1024],
      [5, 3, 2048],
    ]
    const streams = names.map(([seed, ...stream]) => first(seed, ...stream))
    expect(new Set(streams).size).toBe(names.length)
    expect(names.map(([seed, ...stream]) => first(seed, ...stream))).toEqual(streams)
  })

  it('uniform: 53 bits on [0, 1), evenly; below: every number equally likely', () => {
    const random = new Random(12, 34)
    const n = 20_000
    const tenths = new Array<number>(10).fill(0)
    const faces = new Array<number>(7).fill(0)
    let fine = 0
    for (let i = 0; i < n; i++) {
      const u = random.uniform()
      expect(u >= 0 && u < 1).toBe(true)
      tenths[Math.floor(10 * u)]++
      if (!Number.isInteger(u * 2 ** 32)) fine++
      faces[random.below(7)]++
    }
    for (const [counts, p] of [
      [tenths, 1 / 10],
      [faces, 1 / 7],
    ] as const)
      for (const count of counts) expect(Math.abs(count - n * p)).toBeLessThan(4.5 * Math.sqrt(n * p * (1 - p)))
    expect(fine).toBeGreaterThan(0.99 * n) // the low 21 bits are there
    expect(random.below(1)).toBe(0)
  })

  it('without a seed there is a fresh one, itself a seed', () => {
    const seeds = [1, 2, 3, 4, 5].map(() => seedOf(undefined))
    expect(new Set(seeds).size).toBe(5)
    expect(seeds.every((s) => Number.isSafeInteger(s) && s >= 0)).toBe(true)
    expect([0, 7].map(seedOf)).toEqual([0, 7])
  })
})
