// Models that travel: scikit-learn's, read from JSON, answer as scikit-learn did; and a stored model that was changed anywhere either loads and
// works or is refused by a TypeError or RangeError that says where.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BernoulliMixture,
  BinomialMixture,
  BisectingKMeans,
  type EstimatorJSON,
  GaussianMixture,
  KMeans,
  type MatrixLike,
  MiniBatchKMeans,
  PoissonMixture,
  StandardScaler,
} from '../src/index.ts'
import { fromScikitLearn, type ScikitLearnJSON } from '../src/scikit-learn.ts'
import golden from './golden/portable.json'
import { blobs, expectBits, relativeError, thrown } from './near.ts'

const quiet = { onWarning() {} }
type Json = Record<string, unknown>
const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value))
const json = (i: number) => copy(golden.cases[i].json) as unknown as ScikitLearnJSON

describe('fromScikitLearn', () => {
  const named = golden.cases.map(({ json: { class: name, ...rest }, answers }, i) => ({
    title: `${i} ${name} ${(rest as Json).covariance_type ?? ''}`,
    i,
    name,
    answers: answers as { predict: number[]; transform?: number[][]; predict_proba?: number[][]; score_samples?: number[]; score: number },
  }))

  it.each(named)('$title: predictions are scikit-learn’s', ({ i, name, answers }) => {
    const model = fromScikitLearn(json(i))
    expect(model.toJSON().mixtura).toBe(name)
    expectBits(model.predict(golden.X), answers.predict)
    expect(relativeError(model.score(golden.X), answers.score)).toBeLessThan(1e-12)
    if (model instanceof GaussianMixture) {
      // largest of each: log-densities are of order 10 to 100, probabilities of order 1
      expect(relativeError(model.predictProba(golden.X), answers.predict_proba as number[][])).toBeLessThan(1e-12)
      expect(relativeError(model.scoreSamples(golden.X), answers.score_samples as number[])).toBeLessThan(1e-12)
    } else expect(relativeError(model.transform(golden.X), answers.transform as number[][])).toBeLessThan(1e-12)
    // and from here on it is a model like any other
    const again = (model.constructor as unknown as { fromJSON(json: EstimatorJSON): typeof model }).fromJSON(copy(model.toJSON()))
    expectBits(again.predict(golden.X), answers.predict)
    expect(() => model.setParams({ onWarning() {}, nInit: 1 }).fit(golden.X)).not.toThrow()
  })

  it('takes options over, leaves those without a counterpart out', () => {
    expect(fromScikitLearn(json(0)).getParams()).toMatchObject({ nClusters: 5, nInit: 3, randomState: 1, init: 'k-means++', maxIter: 300 })
    expect(fromScikitLearn(json(1)).getParams()).toMatchObject({ init: (golden.cases[1].json as Json).init, randomState: undefined })
    const mixture = fromScikitLearn(json(4)) as GaussianMixture
    expect(mixture.getParams()).toMatchObject({ covarianceType: 'full', regCovar: 1e-6, randomState: 4 })
    expect(mixture.weights).toEqual((golden.cases[4].json as Json).weights_)
    expect(fromScikitLearn({ ...json(0), init: '<function f at 0x7f>', n_init: 'warn' }).getParams()).toMatchObject({
      init: 'k-means++',
      nInit: 10,
    })
  })

  it('MiniBatchKMeans goes on with its counts', () => {
    const model = fromScikitLearn(json(2)) as MiniBatchKMeans
    const before = (golden.cases[2].json as Json)._counts as number[]
    const [row] = golden.X
    const k = model.predict([row])[0]
    const old = model.clusterCenters[k].slice()
    model.partialFit([row])
    // Sculley's step, each center the mean of all rows it was given
    row.forEach((v, j) => {
      expect(model.clusterCenters[k][j]).toBeCloseTo((old[j] * before[k] + v) / (before[k] + 1), 12)
    })
  })

  it('refuses what is no fitted model, and says which attribute', () => {
    const without = (i: number, attribute: string) => {
      const it = json(i)
      delete it[attribute]
      return it
    }
    const cases: [unknown, ErrorConstructor, RegExp][] = [
      [undefined, TypeError, /fromScikitLearn: expected the attributes of a fitted KMeans, .*got undefined/],
      [null, TypeError, /got null/],
      ['{}', TypeError, /got '\{\}'/],
      [{}, TypeError, /expected the attributes/],
      [{ class: 'DBSCAN' }, TypeError, /got 'DBSCAN'/],
      [{ class: 'toString' }, TypeError, /got 'toString'/],
      [without(0, 'cluster_centers_'), RangeError, /fitted KMeans with the attribute cluster_centers_, which is missing/],
      [without(2, '_counts'), RangeError, /fitted\.counts/],
      [without(3, '_bisecting_tree'), RangeError, /_bisecting_tree: expected a node/],
      [{ ...json(3), _X_mean: [1] }, RangeError, /_bisecting_tree: expected centers of 4 numbers/],
      [{ ...json(3), _bisecting_tree: { center: [0, 0, 0, 0], left: { center: [1] }, right: null } }, RangeError, /two children or none/],
      [without(4, 'precisions_cholesky_'), RangeError, /precisions_cholesky_/],
      [{ ...json(4), means_: [[1, 2]] }, RangeError, /fitted\.means/],
      [{ ...json(4), covariance_type: 'diag' }, RangeError, /fitted\.covariances/],
      [{ ...json(4), tol: '<' }, TypeError, /tol/],
    ]
    for (const [given, Kind, message] of cases) {
      const error = thrown(() => fromScikitLearn(given as ScikitLearnJSON))
      expect(error).toBeInstanceOf(Kind)
      expect(error.message).toMatch(message)
    }
  })

  it('a chain of a million nodes is no harm', () => {
    const it = json(3)
    let node: Json = { center: [0, 0, 0, 0], left: null, right: null, label: 0 }
    const leaf = node
    for (let i = 0; i < 1e6; i++) node = { center: [0, 0, 0, 0], left: node, right: leaf }
    it._bisecting_tree = node
    expect(() => fromScikitLearn(it)).toThrow(RangeError)
  })
})

describe('a stored model, changed', () => {
  interface Model {
    toJSON(): EstimatorJSON
  }
  const X = blobs(3, 40, 3, 3)
  const counts = X.map((row) => row.map((v) => Math.abs(Math.round(v))))
  const bits = X.map((row) => row.map((v) => Number(v > 0)))
  const trials = counts.map(([a, b]) => [Math.min(a, b), Math.max(a, b)])
  const work = (model: GaussianMixture | PoissonMixture | BinomialMixture | BernoulliMixture, rows: MatrixLike) => [
    ...model.predict(rows),
    ...model.predictProba(rows).data,
    ...model.scoreSamples(rows),
    model.nParameters,
    model.bic(rows),
  ]
  const centers = (model: KMeans | MiniBatchKMeans | BisectingKMeans) => [...model.predict(X), ...model.transform(X).data, model.score(X)]
  const mixture = (covarianceType: 'full' | 'tied' | 'diag' | 'spherical') => ({
    stored: new GaussianMixture({ nComponents: 3, covarianceType, meansInit: X.slice(0, 3), randomState: 0, ...quiet }).fit(X).toJSON(),
    load: (it: EstimatorJSON) => GaussianMixture.fromJSON(it),
    use: (model: Model) => [...work(model as GaussianMixture, X), ...(model as GaussianMixture).sample(5, { randomState: 1 }).X.data],
  })
  const family = (Class: typeof PoissonMixture | typeof BernoulliMixture | typeof BinomialMixture, rows: number[][]) => ({
    stored: new Class({ nComponents: 2, keepHistory: true, randomState: 1, maxIter: 4, ...quiet }).fit(rows).toJSON(),
    load: (it: EstimatorJSON) => Class.fromJSON(it),
    use: (model: Model) => work(model as PoissonMixture, rows),
  })
  const kinds: Record<string, { stored: EstimatorJSON; load(it: EstimatorJSON): Model; use(model: Model): number[] }> = {
    KMeans: {
      stored: new KMeans({ nClusters: 3, init: X.slice(0, 3), randomState: 0 }).fit(X).toJSON(),
      load: (it) => KMeans.fromJSON(it),
      use: (model) => centers(model as KMeans),
    },
    MiniBatchKMeans: {
      stored: new MiniBatchKMeans({ nClusters: 3, batchSize: 20, randomState: 0, ...quiet }).fit(X).toJSON(),
      load: (it) => MiniBatchKMeans.fromJSON(it),
      use: (model) => centers((model as MiniBatchKMeans).partialFit(X)),
    },
    BisectingKMeans: {
      stored: new BisectingKMeans({ nClusters: 4, randomState: 0 }).fit(X).toJSON(),
      load: (it) => BisectingKMeans.fromJSON(it),
      use: (model) => centers(model as BisectingKMeans),
    },
    'GaussianMixture, full': mixture('full'),
    'GaussianMixture, tied': mixture('tied'),
    'GaussianMixture, diag': mixture('diag'),
    'GaussianMixture, spherical': mixture('spherical'),
    PoissonMixture: family(PoissonMixture, counts),
    BernoulliMixture: family(BernoulliMixture, bits),
    BinomialMixture: family(BinomialMixture, trials),
    StandardScaler: {
      stored: new StandardScaler().fit(X).toJSON(),
      load: (it) => StandardScaler.fromJSON(it),
      use: (model) => [...(model as StandardScaler).transform(X).data],
    },
  }

  /** Loads, or is refused as it should be; what loads works, and survives another round trip. */
  function loadsOrRefuses({ load, use }: (typeof kinds)[string], it: unknown): 'loaded' | 'refused' {
    let model: Model
    try {
      model = load(it as EstimatorJSON)
    } catch (error) {
      expect(error instanceof TypeError || error instanceof RangeError, String(error)).toBe(true)
      expect((error as Error).message).toMatch(/: expected |fitted\.|unknown option/)
      expect((error as Error).message.length).toBeLessThan(400)
      return 'refused'
    }
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
    expect(({} as Json).polluted).toBeUndefined()
    const text = JSON.stringify(model)
    expect(JSON.stringify(load(JSON.parse(text)))).toBe(text)
    if (JSON.parse(text).fitted === null) return 'loaded'
    let answers: number[]
    try {
      answers = use(model)
    } catch (error) {
      // numbers that no data gave: an overflow of squares, or another number of columns than X has
      expect((error as Error).message).toMatch(/exceed|columns|degenerate/)
      return 'loaded'
    }
    expect(answers.every((v) => typeof v === 'number')).toBe(true)
    return 'loaded'
  }

  const anything = fc.oneof(
    fc.constantFrom(
      ...[null, true, false, 0, -1, 1, 2, 3, 0.5, -0.5, 1e9, 2 ** 31, 2 ** 53, 1e308, -1e308, 5e-324],
      ...['', 'NaN', 'Infinity', '-Infinity', '1', 'full', 'diag', 'hard', '__proto__', [], {}, [0], [[0]], [[]], [null], { length: 1e9 }],
      ...[{ int32: [] }, { int32: [1e9, 2 ** 40] }, { int32: 'x' }, { length: 3, 0: 1, 1: 2, 2: 3 }, [1, 2, 3], { toString: 1 }],
      JSON.parse('{"__proto__": {"polluted": true}}'),
      JSON.parse('{"constructor": {"prototype": {"polluted": true}}}'),
    ),
    fc.jsonValue({ maxDepth: 3 }),
  )

  // one change somewhere: a value replaced, a key or item taken out, doubled or added
  function change(root: Json, path: number[], kind: number, value: unknown): unknown {
    let holder: Json | unknown[] = { root }
    let key: string | number = 'root'
    for (const step of path) {
      const inner: unknown = (holder as Json)[key]
      if (typeof inner !== 'object' || inner === null || Object.keys(inner).length === 0) break
      const keys: string[] = Object.keys(inner)
      holder = inner as Json
      key = keys[step % keys.length]
    }
    if (kind === 1 && Array.isArray(holder)) holder.splice(Number(key), 1)
    else if (kind === 1) delete (holder as Json)[key]
    else if (kind === 2 && Array.isArray(holder)) holder.push(holder[Number(key)])
    else if (kind === 3 && Array.isArray(holder)) holder.length = Number(key)
    else if (kind === 4 && !Array.isArray(holder))
      Object.defineProperty(holder, '__proto__', { value, enumerable: true, writable: true, configurable: true })
    else if (kind === 5 && !Array.isArray(holder)) holder[`${key}X`] = value
    else (holder as Json)[key] = value
    return holder !== root && 'root' in holder ? (holder as Json).root : root
  }

  it.each(Object.keys(kinds))('%s: any change is refused or harmless', (name) => {
    const kind = kinds[name]
    expect(loadsOrRefuses(kind, copy(kind.stored))).toBe('loaded')
    const seen = { loaded: 0, refused: 0 }
    const steps = fc.array(fc.nat(200), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(fc.array(fc.tuple(steps, fc.nat(6), anything), { minLength: 1, maxLength: 2 }), (changes) => {
        let it: unknown = copy(kind.stored)
        for (const [path, how, value] of changes)
          it = typeof it === 'object' && it !== null ? change(it as Json, path, how, copy(value)) : it
        seen[loadsOrRefuses(kind, it)]++
      }),
      { numRuns: 600, seed: 7 },
    )
    expect(seen.refused).toBeGreaterThan(100) // both happen, often
    expect(seen.loaded).toBeGreaterThan(20)
  })

  it.each(Object.keys(kinds))('%s: text cut anywhere', (name) => {
    const kind = kinds[name]
    const text = JSON.stringify(kind.stored)
    for (let end = 0; end < text.length; end += 1 + Math.floor(text.length / 150)) {
      const it = thrown(() => JSON.parse(text.slice(0, end)))
      expect(it).toBeInstanceOf(SyntaxError)
    }
    const error = thrown(() => kind.load(text as never))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toMatch(/JSON\.parse it first/)
  })

  it('a small text cannot ask for a large array, or for a deep stack', () => {
    const lies = { length: 30_000, 29999: 0 }
    const d = 30_000
    const it = {
      mixtura: 'GaussianMixture',
      version: 1,
      params: {},
      fitted: {
        ...{ covarianceType: 'full', weights: [1], means: [new Array(d).fill(0)], covariances: [new Array(d).fill(lies)] },
        ...{ precisions: [], precisionsCholesky: [], converged: true, nIter: 1, lowerBound: 0, lowerBounds: [0], nFeaturesIn: d },
      },
    }
    const before = Date.now()
    expect(() => GaussianMixture.fromJSON(it)).toThrow(/GaussianMixture\.fromJSON: fitted\.covariances is missing or malformed/)
    expect(Date.now() - before).toBeLessThan(2000) // 7 GB would take longer
    let deep: unknown = 0
    for (let i = 0; i < 1e5; i++) deep = [deep]
    const { stored } = kinds.KMeans
    for (const bad of [
      { ...stored, params: { init: deep } },
      { ...stored, fitted: { ...stored.fitted, clusterCenters: deep } },
    ])
      expect(() => KMeans.fromJSON(bad)).toThrow(/KMeans\.fromJSON: (params|fitted): expected at most 8 levels of nesting/)
  })

  it('fields that are not the format’s are left behind', () => {
    const { stored } = kinds.KMeans
    const model = KMeans.fromJSON({ ...copy(stored), fitted: { ...copy(stored.fitted), extra: 1, toString: 2 } as never })
    expect(Object.keys(model.toJSON().fitted as object)).toEqual(Object.keys(stored.fitted as object))
  })
})
