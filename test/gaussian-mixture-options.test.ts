// What GaussianMixture promises around its algorithm: options checked when given, starts checked against the data, errors that say what to
// do and change nothing, warnings, plain JSON.
import { describe, expect, it, vi } from 'vitest'
import {
  type CovarianceType,
  DegenerateCovarianceError,
  GaussianMixture,
  type GaussianMixtureOptions,
  KMeans,
  Matrix,
  NotFittedError,
  type Warning,
} from '../src/index.ts'
import { sharedArena } from '../src/memory.ts'
import { blobs, expectBits, flat, type Nested, thrown } from './near.ts'

const TYPES = ['full', 'tied', 'diag', 'spherical'] as const
type Options = GaussianMixtureOptions<CovarianceType>
type Fitted = GaussianMixture<CovarianceType>

const X = blobs(1, 80, 2, 3, 6)
const mixture = (options: Options = {}): Fitted => new GaussianMixture<CovarianceType>({ randomState: 1, onWarning() {}, ...options })
const DEFAULTS = {
  nComponents: 1,
  covarianceType: 'full',
  tol: 1e-3,
  regCovar: 1e-6,
  maxIter: 100,
  nInit: 1,
  initParams: 'kmeans',
  weightsInit: null,
  meansInit: null,
  precisionsInit: null,
  randomState: undefined,
  acceleration: 'none',
  warmStart: false,
  learningDecay: 0.7,
}
/** Good starts for K = 2, D = 2, by type. */
const precisionsFor = {
  full: [
    [
      [2, 0.5],
      [0.5, 1],
    ],
    [
      [1, 0],
      [0, 3],
    ],
  ],
  tied: [
    [2, 0.5],
    [0.5, 1],
  ],
  diag: [
    [1, 2],
    [3, 4],
  ],
  spherical: [1, 2],
} as Record<CovarianceType, never>
const bitsOf = (m: Fitted) =>
  flat([
    m.weights,
    m.means,
    m.covariances as Nested,
    m.precisions as Nested,
    m.precisionsCholesky as Nested,
    m.lowerBounds,
    m.lowerBound,
    m.nIter,
    Number(m.converged),
    m.nFeaturesIn,
    m.nParameters,
  ])

// ---------------------------------------------------------------------------------------------------------------------- options

describe('options', () => {
  const NOT_NUMBERS: unknown[] = [null, true, '3', [3], {}, () => 3, 3n, Symbol('3')]
  const NOT_STRINGS: unknown[] = [null, true, 3, ['full'], {}, () => 'full']
  const NOT_ARRAYS: unknown[] = [true, 3, 'kmeans', () => [1], 1n, Symbol('1')]
  const wrongKinds: Record<string, unknown[]> = {
    nComponents: NOT_NUMBERS,
    tol: NOT_NUMBERS,
    regCovar: NOT_NUMBERS,
    maxIter: NOT_NUMBERS,
    nInit: NOT_NUMBERS,
    randomState: NOT_NUMBERS,
    covarianceType: NOT_STRINGS,
    initParams: NOT_STRINGS,
    weightsInit: NOT_ARRAYS,
    meansInit: NOT_ARRAYS,
    precisionsInit: NOT_ARRAYS,
    acceleration: NOT_STRINGS,
    warmStart: [null, 0, 1, 'true', {}],
    learningDecay: NOT_NUMBERS,
    onWarning: [null, true, 'warn', 3, {}],
  }
  const wrongValues: Record<string, unknown[]> = {
    nComponents: [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY],
    tol: [-1e-9, Number.NaN, Number.POSITIVE_INFINITY],
    regCovar: [-1e-9, Number.NaN, Number.POSITIVE_INFINITY],
    maxIter: [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY],
    nInit: [0, -1, 1.5, Number.NaN],
    randomState: [-1, 0.5, 2 ** 53, Number.NaN],
    learningDecay: [0.5, 0, -1, 1.0000001, Number.NaN, Number.POSITIVE_INFINITY],
    covarianceType: ['Full', 'diagonal', '', 'toString', '__proto__'],
    acceleration: ['anderson', 'None', ''],
    initParams: ['k-means', 'kmeans++', 'randomFromData', '', 'constructor'],
  }
  const right: Record<string, unknown[]> = {
    nComponents: [1, 1000, undefined],
    tol: [0, 1e-300, 10, undefined],
    regCovar: [0, 1e-300, 1e10, undefined],
    maxIter: [0, 1, 1e9, undefined],
    nInit: [1, 100, undefined],
    randomState: [0, 2 ** 32, 2 ** 53 - 1, undefined],
    covarianceType: [...TYPES, undefined],
    initParams: ['kmeans', 'k-means++', 'random', 'random_from_data', undefined],
    weightsInit: [null, [1], Float32Array.of(1), undefined],
    meansInit: [null, [[1]], Matrix.zeros(1, 1), undefined],
    precisionsInit: [null, [[[1]]], [1], undefined],
    acceleration: ['none', 'squarem', undefined],
    warmStart: [true, false, undefined],
    learningDecay: [0.5000001, 0.7, 1, undefined],
    onWarning: [() => {}, undefined],
  }
  const enter: Record<string, (given: object) => unknown> = {
    'new GaussianMixture': (given) => new GaussianMixture(given),
    setParams: (given) => mixture().setParams(given),
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
          expect(came.message, what).toMatch(new RegExp(`^${name}: expected .*, got `))
        }
    for (const [name, values] of Object.entries(right))
      for (const value of values) expect(() => enter[where]({ [name]: value }), name).not.toThrow()
  })

  it('every option of the contract is known, and no other: the nearest is named', () => {
    expect(Object.keys(right).sort()).toEqual([...Object.keys(DEFAULTS), 'onWarning'].sort())
    const near: Record<string, string> = {
      n_components: 'nComponents',
      components: 'nComponents',
      covariance_type: 'covarianceType',
      covariancetype: 'covarianceType',
      reg_covar: 'regCovar',
      regCov: 'regCovar',
      max_iter: 'maxIter',
      maxIterations: 'maxIter',
      n_init: 'nInit',
      init_params: 'initParams',
      initParam: 'initParams',
      weights_init: 'weightsInit',
      means_init: 'meansInit',
      precisions_init: 'precisionsInit',
      precisionInit: 'precisionsInit',
      random_state: 'randomState',
      warm_start: 'warmStart',
      learning_decay: 'learningDecay',
      toll: 'tol',
      onwarning: 'onWarning',
    }
    for (const call of Object.values(enter))
      for (const [given, known] of Object.entries(near)) {
        const error = thrown(() => call({ nComponents: 3, [given]: 1 }))
        expect(error).toBeInstanceOf(TypeError)
        expect(error.message).toContain(`unknown option '${given}'. Did you mean '${known}'?`)
      }
    for (const name of ['__proto__', 'constructor', 'toString', 'verbose'])
      expect(
        thrown(() => new GaussianMixture(JSON.parse(`{"${name}": 1}`))),
        name,
      ).toBeInstanceOf(TypeError)
    for (const options of [null, 3, 'full', [3], () => ({})]) expect(() => new GaussianMixture(options as never)).toThrow(TypeError)
  })

  it('a value that is nearly right is named', () => {
    expect(() => new GaussianMixture({ covarianceType: 'sphericle' as never })).toThrow(
      "covarianceType: expected one of 'full', 'tied', 'diag', 'spherical', got 'sphericle'. Did you mean 'spherical'?",
    )
    expect(() => new GaussianMixture({ initParams: 'kmeans++' as never })).toThrow("Did you mean 'k-means++'?")
  })

  it('defaults; getParams and setParams', () => {
    expect(new GaussianMixture().getParams()).toEqual(DEFAULTS)
    expect(new GaussianMixture({}).getParams()).toEqual(DEFAULTS)
    const m = mixture()
    expect(m.setParams({ nComponents: 2, tol: 0 })).toBe(m)
    expect(m.getParams()).toEqual({ ...DEFAULTS, randomState: 1, nComponents: 2, tol: 0 })
    const params = m.getParams()
    params.nComponents = 7
    expect(m.getParams().nComponents).toBe(2)
    // all or nothing
    expect(() => m.setParams({ nComponents: 5, tol: -1 })).toThrow(RangeError)
    expect(() => m.setParams({ nComponents: 5, n_init: 1 } as never)).toThrow(TypeError)
    expect(m.getParams().nComponents).toBe(2)
    // what is fitted stays as it is until the next fit
    m.fit(X)
    const bits = bitsOf(m)
    m.setParams({ nComponents: 4, covarianceType: 'diag' })
    expectBits(bitsOf(m), bits)
    expect(m.predictProba(X).cols).toBe(2)
    expect(m.sample(3).X.cols).toBe(2)
    expect(m.fit(X).covariances).toHaveLength(4)
    expect(new GaussianMixture(m.getParams()).getParams()).toEqual(m.getParams())
  })

  it('shapes of what a fit leaves, by type', () => {
    const shape = (value: unknown): number[] => (Array.isArray(value) ? [value.length, ...shape(value[0])] : [])
    const expected = { full: [3, 2, 2], tied: [2, 2], diag: [3, 2], spherical: [3] }
    for (const covarianceType of TYPES) {
      const m = mixture({ nComponents: 3, covarianceType }).fit(X)
      for (const name of ['covariances', 'precisions', 'precisionsCholesky'] as const)
        expect(shape(m[name])).toEqual(expected[covarianceType])
      expect([shape(m.weights), shape(m.means), m.nFeaturesIn]).toEqual([[3], [3, 2], 2])
      expect(m.lowerBounds).toHaveLength(m.nIter)
      expect(m.lowerBounds[m.nIter - 1]).toBe(m.lowerBound)
    }
    // the type parameter follows the option
    const tied: number[][] = new GaussianMixture({ covarianceType: 'tied' }).fit(X).covariances
    const spherical: number[] = new GaussianMixture({ covarianceType: 'spherical' }).fit(X).precisions
    const full: number[][][] = new GaussianMixture().fit(X).precisionsCholesky
    expect([tied.length, spherical.length, full.length]).toEqual([2, 1, 1])
  })
})

// --------------------------------------------------------------------------------------------------------- starts against the data

describe('starts that do not fit', () => {
  const refuses = (options: Options, error: ErrorConstructor, message: string | RegExp) => {
    const came = thrown(() => mixture({ nComponents: 2, ...options }).fit(X))
    expect(came, String(came)).toBeInstanceOf(error)
    expect(came.message).toMatch(message)
  }

  it('weightsInit: K numbers from 0 to 1 that sum to 1', () => {
    for (const weightsInit of [[1], [0.2, 0.3, 0.5], []])
      refuses({ weightsInit }, RangeError, /^weightsInit: expected shape \(2\), got length/)
    refuses({ weightsInit: [[0.5], [0.5]] as never }, TypeError, /^weightsInit\[0\]: expected a finite number, got an array of length 1/)
    refuses({ weightsInit: ['0.5', '0.5'] as never }, TypeError, /^weightsInit\[0\]: expected a finite number, got '0.5'/)
    refuses({ weightsInit: {} as never }, TypeError, /^weightsInit: expected shape \(2\), got/)
    refuses({ weightsInit: [1.5, -0.5] }, RangeError, /^weightsInit: expected numbers from 0 to 1, got 1.5 at 0/)
    refuses({ weightsInit: [-1e-9, 1] }, RangeError, /^weightsInit: expected numbers from 0 to 1, got -1e-9 at 0/)
    refuses({ weightsInit: [0.2, 0.4] }, RangeError, /^weightsInit: expected weights that sum to 1, got a sum of 0.6/)
    refuses({ weightsInit: [0.5, 0.5 + 2e-8] }, RangeError, /sum to 1/)
    refuses({ weightsInit: [Number.NaN, 1] }, RangeError, /^weightsInit\[0\]: expected a finite number, got NaN/)
    for (const weightsInit of [[0.5, 0.5], [0.5, 0.5 + 5e-9], [1, 0], Float64Array.of(0.25, 0.75)])
      expect(() => mixture({ nComponents: 2, weightsInit }).fit(X)).not.toThrow()
  })

  it('meansInit: K×D finite numbers in any form of data', () => {
    for (const meansInit of [
      [[1, 2]],
      [[1], [2]],
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      Matrix.zeros(3, 2),
    ])
      refuses({ meansInit }, RangeError, /^meansInit: expected shape \(2, 2\).*, got \(/)
    refuses({ meansInit: [1, 2] as never }, TypeError, /^meansInit: expected a 2-d array, got a 1-d array/)
    refuses({ meansInit: [[1, 2], [3]] }, RangeError, /^meansInit: .*row 1/)
    refuses(
      {
        meansInit: [
          [1, 2],
          [3, Number.POSITIVE_INFINITY],
        ],
      },
      RangeError,
      /^meansInit: expected finite numbers, got Infinity at row 1, column 1/,
    )
    refuses(
      {
        meansInit: [
          [1, 2],
          [3, '4'],
        ] as never,
      },
      TypeError,
      /^meansInit: expected a number at row 1, column 1, got '4'/,
    )
    refuses({ meansInit: {} as never }, TypeError, /^meansInit: /)
    for (const meansInit of [
      [
        [1, 2],
        [3, 4],
      ],
      { data: [1, 2, 3, 4], shape: [2, 2] },
      Matrix.from([
        [1, 2],
        [3, 4],
      ]),
      { rows: 2, columns: 2, get: (i: number, j: number) => 2 * i + j + 1 },
    ])
      expect(mixture({ nComponents: 2, meansInit, maxIter: 0 }).fit(X).means).toEqual([
        [1, 2],
        [3, 4],
      ])
  })

  it.each(TYPES)('precisionsInit: the shape of the type, symmetric, positive definite: %s', (covarianceType) => {
    const good = precisionsFor[covarianceType] as Nested
    for (const other of TYPES.filter((t) => t !== covarianceType)) {
      // 2×2 numbers are good for tied and diag alike, if symmetric
      if ((covarianceType === 'tied' && other === 'diag') || (covarianceType === 'diag' && other === 'tied')) continue
      const came = thrown(() => mixture({ nComponents: 2, covarianceType, precisionsInit: precisionsFor[other] }).fit(X))
      expect(came, `${covarianceType} given ${other}`).toBeInstanceOf(TypeError)
      expect(came.message).toMatch(/^precisionsInit(\[0\])*: expected /)
    }
    const put = (value: number, at = 0): never => {
      let i = 0
      const visit = (v: unknown): unknown => (typeof v === 'number' ? (i++ === at ? value : v) : (v as unknown[]).map(visit))
      return visit(good) as never
    }
    refuses({ covarianceType, precisionsInit: put(Number.NaN) }, RangeError, /^precisionsInit(\[0\])+: expected a finite number, got NaN/)
    const square = covarianceType === 'full' || covarianceType === 'tied'
    for (const bad of [0, -1])
      refuses(
        { covarianceType, precisionsInit: put(bad) },
        RangeError,
        square
          ? `positive definite ${covarianceType} precisions, matrix 0 is not`
          : `positive ${covarianceType} precisions, got ${bad} at 0`,
      )
    if (square) {
      refuses(
        { covarianceType, precisionsInit: put(0.6, 1) },
        RangeError,
        /^precisionsInit: expected symmetric matrices, got 0.5 at \[0\]\[1\]\[0\] but 0.6 at \[0\]\[1\]|^precisionsInit: expected symmetric matrices/,
      )
      expect(() => mixture({ nComponents: 2, covarianceType, precisionsInit: put(0.5 * (1 + 1e-7), 1) }).fit(X)).not.toThrow() // rounding is forgiven
    }
    if (covarianceType === 'full') refuses({ covarianceType, precisionsInit: put(-3, 7) }, RangeError, /matrix 1 is not/)
    refuses(
      { covarianceType, precisionsInit: (good as unknown[]).slice(1) as never },
      RangeError,
      /^precisionsInit: expected shape \(.*\), got length 1/,
    )
    const typed = JSON.parse(JSON.stringify(good), (_, v) => (Array.isArray(v) && typeof v[0] === 'number' ? Float64Array.from(v) : v))
    expectBits(
      bitsOf(mixture({ nComponents: 2, covarianceType, precisionsInit: typed }).fit(X)),
      bitsOf(mixture({ nComponents: 2, covarianceType, precisionsInit: good as never }).fit(X)),
    )
  })
})

// ------------------------------------------------------------------------------------------------------------------ data and calls

const badCalls: Record<string, [kind: ErrorConstructor, message: RegExp, call: (m: Fitted) => unknown]> = {
  'NaN in X': [
    RangeError,
    /^X: expected finite numbers, got NaN at row 80, column 1\. Drop or fill such rows/,
    (m) => m.fit([...X, [1, Number.NaN]]),
  ],
  'Infinity in X': [RangeError, /got -Infinity at row 0, column 0/, (m) => m.fit([[Number.NEGATIVE_INFINITY, 1], ...X])],
  'a string in X': [TypeError, /row 80, column 0, got '2'/, (m) => m.fit([...X, ['2' as never, 1]])],
  'ragged X': [RangeError, /row 80/, (m) => m.fit([...X, [1]])],
  '1-d X': [TypeError, /expected a 2-d array, got a 1-d array of 3 numbers.*X\.map\(v => \[v\]\)/, (m) => m.fit([1, 2, 3] as never)],
  'no X': [TypeError, /^X: expected a matrix .* got undefined/, (m) => m.fit(undefined as never)],
  'one row': [RangeError, /^X: GaussianMixture expected at least 2 rows, got shape \[1, 2\]/, (m) => m.fit([[1, 2]])],
  'no rows': [RangeError, /^X: GaussianMixture expected at least 2 rows/, (m) => m.fit([])],
  'no columns': [RangeError, /^X: expected at least 1 column, got shape \[2, 0\]/, (m) => m.fit([[], []])],
  'fewer rows than components': [
    RangeError,
    /^X: expected at least nComponents = 3 rows, got 2/,
    (m) => m.setParams({ nComponents: 3 }).fit(X.slice(0, 2)),
  ],
  'values whose squares overflow': [
    RangeError,
    /^X: expected values whose squares can be summed .* got magnitudes up to 1e\+200 in column 0/,
    (m) => m.fit([...X, [1e200, 1]]),
  ],
  'unknown fit option': [
    TypeError,
    /^fit: unknown option 'sample_weight'\. Did you mean 'sampleWeight'\?/,
    (m) => m.fit(X, { sample_weight: [] } as never),
  ],
  'an array for fit options': [TypeError, /^fit: expected an options object/, (m) => m.fit(X, X.map(() => 1) as never)],
  'weights: one number': [
    TypeError,
    /^sampleWeight: expected an array of 80 numbers, got 2/,
    (m) => m.fit(X, { sampleWeight: 2 as never }),
  ],
  'weights: too few': [
    RangeError,
    /^sampleWeight: expected 80 numbers, one per row of X, got 3/,
    (m) => m.fit(X, { sampleWeight: [1, 1, 1] }),
  ],
  'weights: negative': [
    RangeError,
    /^sampleWeight: expected finite numbers of at least 0, got -1 at 7/,
    (m) => m.fit(X, { sampleWeight: X.map((_, i) => (i === 7 ? -1 : 1)) }),
  ],
  'weights: NaN': [RangeError, /^sampleWeight: .*NaN at 0/, (m) => m.fit(X, { sampleWeight: X.map(() => Number.NaN) })],
  'weights: strings': [
    TypeError,
    /^sampleWeight: expected a number at 0, got '1'/,
    (m) => m.fit(X, { sampleWeight: X.map(() => '1') as never }),
  ],
  'weights: all 0': [RangeError, /^sampleWeight: expected at least one weight above 0/, (m) => m.fit(X, { sampleWeight: X.map(() => 0) })],
  'weights: fewer above 0 than components': [
    RangeError,
    /^sampleWeight: expected at least 2 weights above 0 \(rows of weight 0 are absent\), got 1/,
    (m) => m.fit(X, { sampleWeight: X.map((_, i) => Number(i === 3)) }),
  ],
  'onIteration that is no function': [
    TypeError,
    /^onIteration: expected a function, got true/,
    (m) => m.fit(X, { onIteration: true as never }),
  ],
  'a start of another shape': [
    RangeError,
    /^meansInit: /,
    (m) =>
      m
        .setParams({
          meansInit: [
            [1, 2, 3],
            [4, 5, 6],
          ],
        })
        .fit(X),
  ],
}

describe('a call that fails', () => {
  const failures: Record<string, (m: Fitted) => unknown> = {
    ...Object.fromEntries(Object.entries(badCalls).map(([name, [, , call]]) => [name, call])),
    'degenerate data': (m) => m.setParams({ regCovar: 0 }).fit(X.map(([a]) => [a, 3 * a + 1])),
    'degenerate after some iterations': (m) =>
      m
        .setParams({
          regCovar: 0,
          nComponents: 2,
          meansInit: [X[0], [400, 400]],
          weightsInit: [0.5, 0.5],
          precisionsInit: [
            [
              [1, 0],
              [0, 1],
            ],
            [
              [1, 0],
              [0, 1],
            ],
          ],
          covarianceType: 'full',
        })
        .fit([...X, [400, 400]]),
    'onIteration that throws': (m) =>
      m.fit(X, {
        onIteration: () => {
          throw new Error('mine')
        },
      }),
    'onIteration that throws later': (m) =>
      m.setParams({ tol: 0 }).fit(X, {
        onIteration: ({ iteration }) => {
          if (iteration === 3) throw new Error('mine')
        },
      }),
    'predict with other columns': (m) => m.predict([[1, 2, 3]]),
    'predict with NaN': (m) => m.predict([[1, Number.NaN]]),
    'sample of nothing': (m) => m.sample(0),
  }
  it.each(Object.entries(failures))('%s: the former fit stays, bit for bit, and no warning is heard', (_, fail) => {
    const warnings: Warning[] = []
    const m = mixture({ nComponents: 2, onWarning: (w) => warnings.push(w) }).fit(X)
    const before = bitsOf(m)
    const proba = m.predictProba(X).data
    const top = sharedArena().mark()
    expect(() => fail(m)).toThrow()
    expectBits(bitsOf(m), before)
    expectBits(m.predictProba(X).data, proba)
    expect(warnings).toEqual([])
    expect(sharedArena().mark(), 'memory taken and not given back').toBe(top)
  })

  it.each(Object.entries(badCalls))('%s: the documented error, before any work', (_, [kind, message, call]) => {
    let worked = false
    const m = mixture({ nComponents: 2 })
    const fit = m.fit.bind(m)
    m.fit = (x, options) =>
      fit(
        x,
        typeof options === 'object' && !Array.isArray(options) && !('onIteration' in options)
          ? {
              ...options,
              onIteration: () => {
                worked = true
              },
            }
          : (options ?? {
              onIteration: () => {
                worked = true
              },
            }),
      )
    const error = thrown(() => call(m))
    expect(error).toBeInstanceOf(kind)
    expect(error.message).toMatch(message)
    expect(worked).toBe(false)
    expect(() => m.means).toThrow(NotFittedError)
  })

  it('new data: other columns, NaN with its row, wrong kinds, by every method', () => {
    const m = mixture({ nComponents: 2 }).fit(X)
    for (const method of ['predict', 'predictProba', 'scoreSamples', 'score', 'aic', 'bic', 'icl', 'criteria'] as const) {
      expect(() => m[method]([[1, 2, 3]])).toThrow(new RangeError('X: expected 2 columns, as GaussianMixture was fitted with, got 3.'))
      expect(() => m[method]([...X, [1, Number.NaN]])).toThrow(/^X: expected finite numbers, got NaN at row 80, column 1/)
      expect(() => m[method]([1, 2] as never)).toThrow(TypeError)
      expect(() => m[method](undefined as never)).toThrow(TypeError)
    }
    // far beyond the first window of rows
    const many = Matrix.zeros(300_000, 2)
    many.data[2 * 299_999 + 1] = Number.POSITIVE_INFINITY
    expect(() => m.predict(many)).toThrow('got Infinity at row 299999, column 1')
    expect(() => m.predict({ data: many.data, shape: [300_000, 2] })).toThrow('got Infinity at row 299999, column 1')
  })

  it('a DegenerateCovarianceError says which component, why, and what to do', () => {
    const error = thrown(() =>
      mixture({ nComponents: 2, regCovar: 0, covarianceType: 'diag' }).fit(X.map(([a]) => [a, 7])),
    ) as DegenerateCovarianceError
    expect(error).toBeInstanceOf(DegenerateCovarianceError)
    expect(error.name).toBe('DegenerateCovarianceError')
    expect([0, 1]).toContain(error.component)
    expect(error.message).toMatch(
      /^The covariance of component [01] is degenerate: feature 1 has no spread in it .*Increase regCovar, use fewer components, choose a simpler covarianceType, or remove duplicated or constant features\.$/,
    )
    const tied = thrown(() =>
      mixture({ nComponents: 2, regCovar: 0, covarianceType: 'tied' }).fit(X.map(([a]) => [a, 2 * a])),
    ) as DegenerateCovarianceError
    expect(tied.component).toBe(0)
    expect(tied.message).toContain('feature 1 has no spread in it beyond what the earlier features determine')
  })

  it('what fits take in memory comes back, in the arena of a large Matrix too', () => {
    const large = Matrix.from(blobs(2, 70_000, 2, 3))
    const before = sharedArena().mark()
    const m = mixture({ nComponents: 3, maxIter: 2 })
    const once = bitsOf(m.fit(large))
    for (const covarianceType of TYPES)
      for (const initParams of ['kmeans', 'k-means++', 'random', 'random_from_data'] as const)
        mixture({ nComponents: 3, covarianceType, initParams, maxIter: 2 }).fit(large).predict(large)
    expect(() =>
      mixture({ nComponents: 3 }).fit(large, {
        onIteration: () => {
          throw new Error('mine')
        },
      }),
    ).toThrow('mine')
    expectBits(bitsOf(m.fit(large)), once)
    expect(sharedArena().mark()).toBe(before)
  })

  it('fits inside a callback do not disturb the fit they interrupt', () => {
    const plain = bitsOf(mixture({ nComponents: 3, tol: 0, maxIter: 6 }).fit(X))
    const m = mixture({ nComponents: 3, tol: 0, maxIter: 6 }).fit(X, {
      onIteration: () => {
        mixture({ nComponents: 2, covarianceType: 'tied' }).fit(X).predict(X)
        new KMeans({ nClusters: 4, randomState: 0 }).fit(X)
      },
    })
    expectBits(bitsOf(m), plain)
  })
})

describe('before fit', () => {
  const message = 'This GaussianMixture is not fitted yet: call fit(X) before using it.'
  it.each(['predict', 'predictProba', 'scoreSamples', 'score', 'aic', 'bic', 'icl', 'criteria'] as const)(
    '%s is a NotFittedError',
    (method) => {
      for (const m of [mixture(), GaussianMixture.fromJSON(mixture().toJSON())]) {
        expect(() => m[method](X)).toThrow(NotFittedError)
        expect(() => m[method](X)).toThrow(message)
      }
    },
  )
  it.each([
    'weights',
    'means',
    'covariances',
    'precisions',
    'precisionsCholesky',
    'converged',
    'nIter',
    'lowerBound',
    'lowerBounds',
    'nFeaturesIn',
    'nParameters',
  ] as const)('%s is a NotFittedError', (name) => {
    expect(() => mixture()[name]).toThrow(NotFittedError)
    expect(thrown(() => mixture()[name]).name).toBe('NotFittedError')
  })
  it('sample too; a fit that failed leaves it so, and a later one works', () => {
    const m = mixture({ nComponents: 2, regCovar: 0 })
    expect(() => m.sample()).toThrow(NotFittedError)
    expect(() => m.fit(X.map(() => [1, 1]))).toThrow(DegenerateCovarianceError)
    expect(() => m.means).toThrow(NotFittedError)
    expect(m.fit(X).means).toHaveLength(2)
  })
})

// ---------------------------------------------------------------------------------------------------------------------- warnings

describe('warnings', () => {
  it('not converging: once per fit, by code, to onWarning or the console', () => {
    const heard: Warning[] = []
    const m = mixture({ nComponents: 3, nInit: 4, maxIter: 1, onWarning: (w) => heard.push(w) }).fit(X)
    expect(heard).toEqual([
      {
        code: 'not-converged',
        message: expect.stringMatching(
          /^GaussianMixture stopped after maxIter = 1 iterations before tol = 0\.001 was met\. Increase maxIter or tol/,
        ),
      },
    ])
    expect(m.converged).toBe(false)
    const console_ = vi.spyOn(console, 'warn').mockImplementation(() => {})
    try {
      new GaussianMixture({ nComponents: 3, maxIter: 1, randomState: 0 }).fit(X).predict(X)
      expect(console_.mock.calls).toEqual([[expect.stringMatching(/^mixtura: GaussianMixture stopped after maxIter = 1/)]])
      console_.mockClear()
      new GaussianMixture({ nComponents: 3, maxIter: 300, randomState: 0 }).fit(X) // converges
      new GaussianMixture({ nComponents: 3, maxIter: 0, randomState: 0 }).fit(X) // was not asked to
      new GaussianMixture({ nComponents: 3, maxIter: 9, tol: 0, randomState: 0 }).fit(X, { onIteration: () => false }) // was stopped
      new GaussianMixture({ nComponents: 3, initParams: 'kmeans', randomState: 0 }).fit(X.map(() => [1, 1])) // k-means inside finds one cluster only
      expect(console_).not.toHaveBeenCalled()
    } finally {
      console_.mockRestore()
    }
  })

  it('come after the fit is in place; setParams can change who hears', () => {
    let seen: number[][] = []
    const m = mixture({ nComponents: 2, maxIter: 1 })
    m.setParams({
      onWarning: () => {
        seen = m.means
      },
    }).fit(X)
    expect(seen).toBe(m.means)
    expect(m.getParams()).not.toHaveProperty('onWarning')
  })

  it('no false alarm: exact steps never lower the likelihood, far from the origin and at any scale', () => {
    const heard: Warning[] = []
    const data = blobs(3, 400, 2, 3, 4)
    for (const covarianceType of TYPES)
      for (const [scale, offset] of [
        [1, 0],
        [1, 1e6],
        [1, 1e12],
        [1e100, 0],
        [1e-100, 0],
      ])
        mixture({
          nComponents: 3,
          covarianceType,
          initParams: 'random',
          regCovar: 0,
          tol: 0,
          maxIter: 150,
          onWarning: (w) => heard.push(w),
        }).fit(data.map((row) => row.map((v) => v * scale + offset)))
    expect(heard.filter((w) => w.code !== 'not-converged')).toEqual([])
  })
})

// -------------------------------------------------------------------------------------------------------------------------- JSON

describe('JSON', () => {
  const ways: Record<string, (m: Fitted) => Fitted> = {
    'JSON.stringify(model)': (m) => GaussianMixture.fromJSON(JSON.parse(JSON.stringify(m))),
    'toJSON()': (m) => GaussianMixture.fromJSON(m.toJSON()),
    'structuredClone(toJSON())': (m) => GaussianMixture.fromJSON(structuredClone(m.toJSON())),
  }
  describe.each(Object.entries(ways))('%s', (_, way) => {
    it.each(TYPES)('the same model to the last bit: %s', (covarianceType) => {
      for (const scale of [1, 1e150, 1e-150]) {
        const data = X.map((row) => row.map((v) => v * scale))
        const m = mixture({ nComponents: 3, covarianceType, regCovar: 0, randomState: 5 }).fit(data)
        const again = way(m)
        expect(again).toBeInstanceOf(GaussianMixture)
        expectBits(bitsOf(again), bitsOf(m))
        expectBits(again.predict(data), m.predict(data))
        expectBits(again.predictProba(data).data, m.predictProba(data).data)
        expectBits(again.scoreSamples(data), m.scoreSamples(data))
        expectBits(again.sample(20).X.data, m.sample(20).X.data)
        expect(again.getParams()).toEqual(m.getParams())
        expectBits(bitsOf(again.fit(data)), bitsOf(m))
      }
    })

    it('a bound of −∞ survives', () => {
      const again = way(mixture({ nComponents: 3, maxIter: 0 }).fit(X))
      expect([again.lowerBound, again.lowerBounds, again.nIter]).toEqual([Number.NEGATIVE_INFINITY, [], 0])
      expect(again.setParams({ warmStart: true, maxIter: 2 }).fit(X).nIter).toBe(2)
    })

    it('a warm start goes on where the stored one stopped', () => {
      const options: Options = { nComponents: 3, initParams: 'random', maxIter: 3, tol: 0, warmStart: true }
      const once = mixture(options).fit(X)
      expectBits(
        bitsOf(
          way(once)
            .setParams({ onWarning() {} })
            .fit(X),
        ),
        bitsOf(once.fit(X)),
      )
    })

    it('starts in any form come back as plain arrays that mean the same', () => {
      const forms: Options[] = [
        {
          weightsInit: Float64Array.of(0.25, 0.75),
          meansInit: Matrix.from([
            [1, 2],
            [3, 4],
          ]),
          precisionsInit: [Float64Array.of(1, 2), Float64Array.of(3, 4)] as never,
          covarianceType: 'diag',
        },
        {
          weightsInit: { length: 2, 0: 0.25, 1: 0.75 },
          meansInit: { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] },
          precisionsInit: Float32Array.of(1, 2) as never,
          covarianceType: 'spherical',
        },
        { meansInit: { rows: 2, columns: 2, get: (i, j) => 2 * i + j + 1 } },
      ]
      for (const form of forms)
        for (const m of [mixture({ nComponents: 2, ...form }), mixture({ nComponents: 2, ...form }).fit(X)]) {
          const json = JSON.parse(JSON.stringify(m))
          expect(json.params.meansInit).toEqual([
            [1, 2],
            [3, 4],
          ])
          if (form.weightsInit) expect(json.params.weightsInit).toEqual([0.25, 0.75])
          expectBits(
            bitsOf(
              way(m)
                .setParams({ onWarning() {} })
                .fit(X),
            ),
            bitsOf(m.fit(X)),
          )
        }
    })
  })

  it('is plain data that shares nothing with the model', () => {
    const m = mixture({ nComponents: 2 }).fit(X)
    const json = m.toJSON()
    expect(json).toMatchObject({
      mixtura: 'GaussianMixture',
      version: 1,
      params: { nComponents: 2 },
      fitted: { covarianceType: 'full', nFeaturesIn: 2 },
    })
    expect(JSON.parse(JSON.stringify(json))).toEqual(json)
    const bits = bitsOf(m)
    for (const row of (json.fitted as { means: number[][] }).means) row.fill(7)
    expectBits(bitsOf(m), bits)
    expect(JSON.stringify(m.toJSON()).length).toBeLessThan(2500)
  })

  // biome-ignore lint/suspicious/noExplicitAny: taken apart on purpose
  const stored = (covarianceType: CovarianceType = 'full'): any =>
    JSON.parse(JSON.stringify(mixture({ nComponents: 2, covarianceType }).fit(X)))

  it('what is no GaussianMixture is refused', () => {
    for (const json of [
      undefined,
      null,
      3,
      'GaussianMixture',
      [],
      {},
      { mixtura: 'GaussianMixture' },
      new KMeans({ nClusters: 2, randomState: 0 }).fit(X).toJSON(),
    ]) {
      const error = thrown(() => GaussianMixture.fromJSON(json as never))
      expect(error instanceof TypeError || error instanceof RangeError, String(error)).toBe(true)
      expect(error.message).toMatch(/GaussianMixture/)
    }
    expect(() => GaussianMixture.fromJSON({ ...stored(), version: 2 })).toThrow(
      'GaussianMixture.fromJSON: expected format version 1, got 2. A newer mixtura wrote this: update the package.',
    )
    expect(() => GaussianMixture.fromJSON({ ...stored(), fitted: 'yes' })).toThrow(TypeError)
    expect(() => GaussianMixture.fromJSON({ ...stored(), params: { nComponents: 0 } })).toThrow(RangeError)
    expect(() => GaussianMixture.fromJSON({ ...stored(), params: { n_components: 2 } })).toThrow(TypeError)
    expect(() => GaussianMixture.fromJSON({ ...stored(), params: JSON.parse('{"__proto__": {"nComponents": 5}}') })).toThrow(TypeError)
  })

  it.each([
    ['covarianceType', [undefined, null, 'Full', 'toString', '__proto__', 3]],
    ['weights', [undefined, null, [], [1], [0.5, '0.5'], [0.5, null], [0.5, -0.5], [0.2, 0.3, 0.5], { length: 2 }, 'NaN']],
    [
      'means',
      [
        undefined,
        [],
        [[1, 2]],
        [[1], [2]],
        [[1, 2], [3]],
        [
          [1, 2],
          [3, null],
        ],
        [
          [1, 2],
          [3, 'Infinity'],
        ],
        [1, 2, 3, 4],
      ],
    ],
    [
      'covariances',
      [
        undefined,
        null,
        [],
        [
          [1, 0],
          [0, 1],
        ],
        [
          [
            [1, 0],
            [0, 1],
          ],
        ],
        [
          [
            [1, 0],
            [0, 1],
          ],
          [
            [1, 0],
            [0, 'NaN'],
          ],
        ],
        [
          [
            [1, 0],
            [0, 1],
          ],
          [
            [-1, 0],
            [0, 1],
          ],
        ],
        [
          [
            [1, 0],
            [0, 1],
          ],
          [
            [1, 0],
            [0, 0],
          ],
        ],
      ],
    ],
    [
      'precisions',
      [
        undefined,
        5,
        [
          [
            [1, 0],
            [0, 1],
          ],
          [
            [1, 0],
            ['0', 1],
          ],
        ],
      ],
    ],
    [
      'precisionsCholesky',
      [
        undefined,
        {},
        [
          [
            [1, 0],
            [0, 1],
          ],
          [
            [1, 0],
            [0, -1],
          ],
        ],
        [
          [
            [1, 0],
            [0, 1],
          ],
          [
            [1, 0],
            [0, 'Infinity'],
          ],
        ],
      ],
    ],
    ['converged', [undefined, 1, 'true']],
    ['nIter', [undefined, -1, 1.5, '3', 'NaN']],
    ['lowerBound', [undefined, null, '3', {}]],
    ['lowerBounds', [undefined, null, {}, [1, '2'], [null]]],
    ['nFeaturesIn', [undefined, 0, -2, 2.5, 3, 1e9, 1e300, '2', 'Infinity']],
  ] as [string, unknown[]][])('a malformed %s is refused, saying so', (field, values) => {
    for (const value of values) {
      const json = stored()
      json.fitted[field] = value
      const error = thrown(() => GaussianMixture.fromJSON(json))
      expect(error instanceof TypeError || error instanceof RangeError, `${JSON.stringify(value)}: ${error}`).toBe(true)
      expect(error.message, JSON.stringify(value)).toMatch(/fromJSON: fitted\./)
    }
  })

  it('fields nobody knows are dropped', () => {
    const json = stored()
    json.fitted.extra = 'x'.repeat(100)
    json.extra = 1
    expect(JSON.stringify(GaussianMixture.fromJSON(json))).toBe(JSON.stringify(stored()))
  })

  it('covariances of a type do for no other', () => {
    for (const [from, to] of [
      ['full', 'diag'],
      ['spherical', 'tied'],
      ['diag', 'spherical'],
      ['tied', 'full'],
    ] as const) {
      const json = stored(from)
      json.fitted.covarianceType = to
      expect(() => GaussianMixture.fromJSON(json)).toThrow(/fromJSON: fitted\.covariances/)
    }
  })
})

it('the console shows options and parameters, not internals', () => {
  const shown = (mixture({ nComponents: 2 }).fit(X) as never as Record<symbol, (depth: number, options: unknown) => string>)[
    Symbol.for('nodejs.util.inspect.custom')
  ](1, {})
  expect(shown).toMatch(/^GaussianMixture .*"nComponents":2.*"means":/)
  expect(Object.keys(mixture())).toEqual([])
})
