// Matrix and the forms data come in: every form holds the same numbers, views are views, and what is not a matrix is refused with the
// place and the remedy.
import { Matrix as MlMatrix } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { KMeans, Matrix, type MatrixLike, kmeansPlusPlus } from '../src/index.ts'
import { sourceOf } from '../src/matrix.ts'
import { blobs, expectBits, flat, thrown, uniforms } from './near.ts'

const ROWS = [
  [1, 2, 3],
  [4, 5, 6],
  [7, 8, 9.5],
  [-0, 1e-300, -1e300],
]
const FLAT = ROWS.flat()
const COLUMNS = [0, 1, 2].flatMap((j) => ROWS.map((row) => row[j]))
const arrow = (columns: (ArrayLike<unknown> | null)[], numRows = 4, nullCount?: number) =>
  ({ numRows, numCols: columns.length, getChildAt: (j: number) => columns[j] && { toArray: () => columns[j], nullCount } }) as MatrixLike
/** A matrix from 1 MiB on lies in WebAssembly memory, which is shared. */
const inWebAssembly = ({ data }: Matrix) => Object.prototype.toString.call(data.buffer) === '[object SharedArrayBuffer]'

describe('forms', () => {
  const forms: Record<string, MatrixLike> = {
    'nested arrays': ROWS,
    'rows of Float64Array': ROWS.map((row) => Float64Array.from(row)),
    'rows of different kinds': [
      Float64Array.from(ROWS[0]),
      ROWS[1],
      Float32Array.from(ROWS[2]),
      { length: 3, 0: -0, 1: 1e-300, 2: -1e300 },
    ],
    'array-like rows': { ...ROWS, length: 4 },
    flat: { data: Float64Array.from(FLAT), shape: [4, 3] },
    'flat, plain array': { data: FLAT, shape: [4, 3] },
    'flat, longer than needed': { data: [...FLAT, Number.NaN], shape: [4, 3] },
    'flat, shape as typed array': { data: FLAT, shape: Int32Array.of(4, 3) },
    'stdlib: strides and offset': { data: [99, ...FLAT], shape: [4, 3], strides: [3, 1], offset: 1 },
    'scijs: stride, column-major': { data: COLUMNS, shape: [4, 3], stride: [1, 4], offset: 0 },
    'column-major typed array': { data: Float64Array.from(COLUMNS), shape: [4, 3], strides: [1, 4] },
    'negative strides': { data: FLAT.slice().reverse(), shape: [4, 3], strides: [-3, -1], offset: 11 },
    'every other element': { data: FLAT.flatMap((v) => [v, 77]), shape: [4, 3], strides: [6, 2] },
    'ml-matrix': new MlMatrix(ROWS),
    'ml-matrix view': new MlMatrix(COLUMNS.map((_, i) => COLUMNS.slice(4 * i, 4 * i + 4)).slice(0, 3)).transpose(),
    'Arrow, typed columns': arrow([0, 1, 2].map((j) => Float64Array.from(COLUMNS.slice(4 * j, 4 * j + 4)))),
    'Arrow, mixed columns': arrow([COLUMNS.slice(0, 4), Float64Array.from(COLUMNS.slice(4, 8)), COLUMNS.slice(8)]),
    Matrix: Matrix.from(ROWS),
  }

  it.each(Object.entries(forms))('%s', (_, form) => {
    const matrix = Matrix.from(form)
    expect(matrix).toBeInstanceOf(Matrix)
    expect(matrix.shape).toEqual([4, 3])
    expect([matrix.rows, matrix.cols]).toEqual([4, 3])
    expectBits(matrix.data, FLAT)
    if (form instanceof Matrix) expect(matrix.data).not.toBe(form.data)
  })

  it('numbers of every width arrive as doubles', () => {
    for (const Type of [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
    ]) {
      const values = Type.from([1, 2, 100, 4])
      expect(Matrix.from({ data: values, shape: [2, 2] }).toArray()).toEqual([
        [1, 2],
        [100, 4],
      ])
      expect(Matrix.from([values, values]).toArray()).toEqual([
        [1, 2, 100, 4],
        [1, 2, 100, 4],
      ])
      expect(Matrix.from(arrow([values])).toArray()).toEqual([[1], [2], [100], [4]])
    }
    expect(Matrix.from([Float32Array.of(0.1)]).get(0, 0)).toBe(Math.fround(0.1))
  })

  it('64-bit integers arrive as the doubles they are', () => {
    const big = BigInt64Array.of(1n, -(2n ** 53n), 2n ** 60n, 0n)
    const expected = [1, -(2 ** 53), 2 ** 60, 0]
    expectBits(Matrix.from({ data: big, shape: [2, 2] } as never).data, expected)
    expectBits(Matrix.from({ data: big, shape: [2, 2], strides: [1, 2] } as never).data, [1, 2 ** 60, -(2 ** 53), 0])
    expectBits(Matrix.from([big, [...big]] as never).data, [...expected, ...expected])
    expectBits(Matrix.from(arrow([big, BigUint64Array.of(7n, 8n, 9n, 2n ** 63n)])).data, [1, 7, expected[1], 8, 2 ** 60, 9, 0, 2 ** 63])
  })

  it.each([1, 2, 3, 4, 5, 7, 8, 9, 33])('%i columns, typed or not, over several blocks of the transpose', (d) => {
    const n = 3 + Math.ceil((2.5 * 2 ** 16) / d)
    const u = uniforms(d)
    const columns = Array.from({ length: d }, () => Float64Array.from({ length: n }, u))
    const expected = new Float64Array(n * d)
    for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) expected[i * d + j] = columns[j][i]
    const data = new Float64Array(5 + n * d)
    columns.forEach((column, j) => {
      data.set(column, 5 + j * n)
    })
    const mixed = columns.map((column, j) => (j % 5 === 1 ? Array.from(column) : column))
    const forms = [
      { data, shape: [n, d], strides: [1, n], offset: 5 },
      { data: Array.from(data), shape: [n, d], strides: [1, n], offset: 5 },
      arrow(columns, n),
      arrow(mixed, n),
    ]
    for (const form of forms) expectBits(Matrix.from(form).data, expected)
    // also a window at a time
    const fitted = new KMeans({ nClusters: 2, init: [new Float64Array(d), new Float64Array(d).fill(1)], maxIter: 1, onWarning() {} }).fit(
      forms[0],
    )
    for (const form of forms) expectBits(fitted.predict(form), fitted.labels)
  })

  it('parts of any form, one below the other', () => {
    const parts = [
      Matrix.from(ROWS.slice(0, 1)),
      { data: ROWS.slice(1, 3).flat(), shape: [2, 3] },
      arrow([[], [], []], 0),
      new MlMatrix(ROWS.slice(3)),
    ] as Matrix[]
    expectBits(Matrix.from(parts).data, FLAT)
    expect(() => Matrix.from([...parts, new MlMatrix([[1, 2]])] as never)).toThrow(
      /every part to have 3 columns like part 0, got 2 in part 4/,
    )
    expect(() => Matrix.from([...parts, [1, 2, 3]] as never)).toThrow(/X?.*\[4\] to be a matrix/)
    const many = Array.from({ length: 300 }, (_, p) => Matrix.from(Array.from({ length: 1 + (p % 7) }, (_, i) => [p, i])))
    const whole = Matrix.from(many)
    expect(whole.rows).toBe(many.reduce((n, part) => n + part.rows, 0))
    expectBits(
      whole.data,
      many.flatMap((part) => Array.from(part.data)),
    )
  })

  it('one row, one column, none', () => {
    expect(Matrix.from([[5]]).toArray()).toEqual([[5]])
    expect(Matrix.from([]).shape).toEqual([0, 0])
    expect(Matrix.from({ data: [], shape: [0, 3] }).shape).toEqual([0, 3])
    expect(Matrix.zeros(0, 2).toArray()).toEqual([])
    expect([...Matrix.zeros(2, 0)]).toEqual([new Float64Array(0), new Float64Array(0)])
  })
})

describe('access', () => {
  it('get, row, toArray, iteration, JSON', () => {
    const matrix = Matrix.from(ROWS)
    expect(matrix.get(2, 2)).toBe(9.5)
    expect(matrix.row(1)).toEqual(Float64Array.of(4, 5, 6))
    expect(matrix.toArray()).toEqual(ROWS)
    expect([...matrix]).toEqual(ROWS.map((row) => Float64Array.from(row)))
    expect(Array.from(matrix, (row) => row[0])).toEqual([1, 4, 7, -0])
    expect(JSON.parse(JSON.stringify({ matrix }))).toEqual({
      matrix: [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9.5],
        [0, 1e-300, -1e300],
      ],
    })
    expect(Matrix.from(JSON.parse(JSON.stringify(matrix))).shape).toEqual([4, 3])
  })

  it('rows are views, toArray is a copy', () => {
    for (const matrix of [Matrix.zeros(3, 2), Matrix.zeros(100_000, 2)]) {
      matrix.row(1)[0] = 8
      expect(matrix.get(1, 0)).toBe(8)
      matrix.data[2] = 9
      expect(matrix.row(1)[0]).toBe(9)
      for (const row of matrix) row[1] = 4
      expect(matrix.row(2)).toEqual(Float64Array.of(0, 4))
      const copy = matrix.toArray()
      copy[0][0] = 77
      expect(matrix.get(0, 0)).toBe(0)
    }
  })
})

describe('zeros', () => {
  const fill = (n: number, d: number) => {
    const u = uniforms(n)
    const matrix = Matrix.zeros(n, d)
    expect(matrix.shape).toEqual([n, d])
    expect(matrix.data.length).toBe(n * d)
    expect(matrix.data.every((v) => v === 0)).toBe(true)
    for (let i = 0; i < n * d; i++) matrix.data[i] = u() + 3 * (Math.floor(i / d) % 3)
    return matrix
  }

  it.each([
    [50, 3, false],
    [16_383, 8, false],
    [16_384, 8, true],
    [70_000, 3, true],
  ])('%i × %i, filled in place (in WebAssembly memory: %s)', (n, d, resident) => {
    const matrix = fill(n, d)
    expect(inWebAssembly(matrix)).toBe(resident)
    const before = matrix.data.slice()
    const options = { nClusters: 3, randomState: 0 }
    const model = new KMeans(options).fit(matrix)
    const copied = new KMeans(options).fit({ data: Float64Array.from(matrix.data), shape: [n, d] })
    expectBits(model.labels, copied.labels)
    expect(model.clusterCenters).toEqual(copied.clusterCenters)
    expectBits(matrix.data, before, 'fitting only reads')
    // the memory grows during a fit: views made before stay valid
    matrix.data[0] += 1
    expect(matrix.get(0, 0)).toBe(before[0] + 1)
    expect(Matrix.from(matrix).data[0]).toBe(before[0] + 1)
  })

  it.each([40, 70_000])('%i rows, modified after a fit: the next call sees it, the fitted model does not', (n) => {
    const matrix = fill(n, 3)
    const model = new KMeans({ nClusters: 3, randomState: 0 }).fit(matrix)
    const centers = structuredClone(model.clusterCenters)
    const [labels, score] = [model.labels.slice(), model.score(matrix)]
    for (let i = 0; i < matrix.data.length; i++) matrix.data[i] = 100 - 2 * matrix.data[i]
    expect(model.clusterCenters).toEqual(centers)
    expect(model.labels).toEqual(labels)
    expect(model.score(matrix)).toBeLessThan(score)
    expectBits(
      new KMeans({ nClusters: 3, randomState: 0 }).fit(matrix).predict(matrix),
      new KMeans({ nClusters: 3, randomState: 0 }).fit({ data: Float64Array.from(matrix.data), shape: [n, 3] }).labels,
    )
    // results are ordinary arrays: nothing that a later fit does changes them
    const distances = model.transform(matrix)
    const kept = distances.data.slice()
    new KMeans({ nClusters: 5, randomState: 1 }).fit(matrix)
    new KMeans({ nClusters: 2, randomState: 1 }).fit(blobs(1, 500, 7, 2))
    expectBits(distances.data, kept)
    expect(inWebAssembly(distances)).toBe(false)
  })

  it('whatever views the memory of a matrix is used in place, too', () => {
    const [n, d] = [40_000, 4]
    const matrix = fill(n, d)
    expect(inWebAssembly(matrix)).toBe(true)
    const part = { data: matrix.data, shape: [n - 10, d], offset: 5 * d }
    const view = new Matrix(n - 10, d, matrix.data.subarray(5 * d, (n - 5) * d))
    const copy = Matrix.from(part)
    expectBits(copy.data, view.data)
    // the memory an init function sees is that of the data in place
    const seen: ArrayBufferLike[] = []
    const model = (x: MatrixLike) =>
      new KMeans({
        nClusters: 2,
        init: (rows) => {
          seen.push(rows.data.buffer)
          rows.data[1] += 0 // may be read
          return [rows.row(0).slice(), rows.row(7).slice()]
        },
      }).fit(x)
    const fits = [part, view, copy].map((x) => model(x))
    for (const fit of fits) {
      expect(fit.clusterCenters).toEqual(fits[2].clusterCenters)
      expectBits(fit.labels, fits[2].labels)
      expectBits(fit.predict(part), fits[2].labels)
    }
    expect(seen[1]).toBe(matrix.data.buffer)
    expect(sourceOf(part).home?.address).toBe(matrix.data.byteOffset + 5 * d * 8)
    expect(sourceOf(view).home?.address).toBe(matrix.data.byteOffset + 5 * d * 8)
    expect(sourceOf({ ...part, shape: [n - 10, d - 1], strides: [d, 1] }).home).toBeUndefined()
    expect(sourceOf({ data: matrix.data.slice(), shape: [n, d] }).home).toBeUndefined()
  })

  it('many large matrices come and go', () => {
    // 200 × 2 MiB; pages hold at most 124 live WebAssembly memories, and 400 MiB would show if they were kept
    for (let i = 0; i < 200; i++) {
      const matrix = Matrix.zeros(2 ** 15, 8)
      matrix.data[7] = i
      expect(matrix.get(0, 7)).toBe(i)
    }
  })

  it('many large matrices at once, fitted one after the other', () => {
    const matrices = Array.from({ length: 130 }, (_, i) => {
      const matrix = Matrix.zeros(2 ** 16, 2)
      matrix.data[5] = i + 1
      return matrix
    })
    for (const [i, matrix] of matrices.entries()) expect(matrix.data[5]).toBe(i + 1)
    for (const i of [0, 60, 129])
      expect(
        new KMeans({ nClusters: 2, randomState: 0 })
          .fit(matrices[i])
          .clusterCenters.map((c) => c[1])
          .sort(),
      ).toEqual([0, i + 1])
  })

  it('refuses what is no size', () => {
    expect(() => Matrix.zeros(-1, 2)).toThrow(RangeError)
    expect(() => Matrix.zeros(2, 1.5)).toThrow(RangeError)
    expect(() => Matrix.zeros(Number.NaN, 1)).toThrow(RangeError)
    expect(() => Matrix.zeros('3' as never, 1)).toThrow(TypeError)
    expect(() => (Matrix.zeros as (n: number) => Matrix)(3)).toThrow(/cols/)
    expect(() => Matrix.zeros(2 ** 31, 2 ** 20)).toThrow(/GiB/)
  })
})

describe('refusals', () => {
  const entrances: Record<string, (x: never) => unknown> = {
    'Matrix.from': (x) => Matrix.from(x),
    fit: (x) => new KMeans({ nClusters: 1 }).fit(x),
    fitPredict: (x) => new KMeans({ nClusters: 1 }).fitPredict(x),
    fitTransform: (x) => new KMeans({ nClusters: 1 }).fitTransform(x),
    kmeansPlusPlus: (x) => kmeansPlusPlus(x, 1),
    predict: (x) => fitted.predict(x),
    transform: (x) => fitted.transform(x),
    score: (x) => fitted.score(x),
    init: (x) =>
      new KMeans({ nClusters: 2, init: x }).fit([
        [1, 2],
        [3, 4],
      ]),
    'init, returned': (x) =>
      new KMeans({ nClusters: 2, init: () => x }).fit([
        [1, 2],
        [3, 4],
      ]),
  }
  const fitted = new KMeans({ nClusters: 1 }).fit([
    [1, 2],
    [3, 4],
  ])

  // wrong kind: TypeError everywhere
  const wrongKinds: [string, unknown, RegExp][] = [
    ['undefined', undefined, /expected a matrix.*undefined/],
    ['null', null, /expected a matrix.*null/],
    ['a number', 5, /expected a matrix.*5/],
    ['a string', 'abc', /expected a matrix.*'abc'/],
    ['true', true, /expected a matrix.*true/],
    ['a function', () => [[1]], /expected a matrix|a function/],
    ['an object', {}, /expected a matrix/],
    ['a Map', new Map(), /expected a matrix.*Map/],
    ['1-d numbers', [1, 2, 3], /1-d array of 3 numbers.*map\(v => \[v\]\).*one sample write \[/],
    ['1-d typed array', Float64Array.of(1, 2), /1-d array of 2 numbers.*map\(v => \[v\]\)/],
    ['1-d BigInts', [1n, 2n], /1-d array/],
    ['strings for rows', ['ab', 'cd'], /row 0.*'ab'/],
    ['null for the first row', [null, [1, 2]], /row 0.*null/],
    ['null for the second row', [[1, 2], null], /row 1.*null/],
    ['holes for rows', { length: 2 }, /row 0.*undefined/],
    ['dates for rows', [new Date(0), new Date(0)], /row 0.*Date/],
    [
      'a string',
      [
        [1, 2],
        ['3', 4],
      ],
      /row 1, column 0.*'3'/,
    ],
    [
      'null',
      [
        [1, null],
        [3, 4],
      ],
      /row 0, column 1.*null/,
    ],
    [
      'undefined',
      [
        [1, 2],
        [undefined, 4],
      ],
      /row 1, column 0.*undefined/,
    ],
    ['a hole', [[1, 2], new Array(2)], /row 1, column 0.*undefined/],
    [
      'a symbol',
      [
        [1, 2],
        [3, Symbol('four')],
      ],
      /row 1, column 1.*symbol/,
    ],
    [
      '3-d',
      [
        [[1], [2]],
        [[3], [4]],
      ],
      /row 0, column 0.*array of length 1/,
    ],
    [
      'a Date',
      [
        [new Date(0), 2],
        [3, 4],
      ],
      /row 0, column 0.*Date/,
    ],
    [
      'a boolean',
      [
        [1, 2],
        [true, 4],
      ],
      /row 1, column 0.*true/,
    ],
    ['data null', { data: null, shape: [2, 2] }, /data.*null/],
    ['data a string', { data: '1234', shape: [2, 2] }, /data.*'1234'/],
    ['data with strings', { data: [1, 2, '3', 4], shape: [2, 2] }, /row 1, column 0.*'3'/],
    ['shape undefined', { data: [1, 2, 3, 4], shape: undefined }, /shape.*undefined/],
    ['shape a number', { data: [1, 2, 3, 4], shape: 4 }, /shape.*4/],
    ['shape of strings', { data: [1, 2, 3, 4], shape: ['2', 2] }, /shape\[0\].*'2'/],
    ['strides of strings', { data: [1, 2, 3, 4], shape: [2, 2], strides: ['2', 1] }, /strides\[0\].*'2'/],
    ['strides too few', { data: [1, 2, 3, 4], shape: [2, 2], strides: [2] }, /strides\[1\].*undefined/],
    ['ml-matrix of strings', { rows: 2, columns: 2, get: () => '1' }, /row 0, column 0.*'1'/],
    ['ml-matrix without rows', { rows: undefined, columns: 2, get: () => 1 }, /rows.*undefined/],
    ['Arrow column missing', arrow([[1, 2], null], 2), /column 1 is missing/],
    ['Arrow column too short', arrow([[1, 2], [3]], 2), /row 1, column 1.*undefined/],
    [
      'Arrow column of strings',
      arrow(
        [
          [1, 2],
          ['a', 'b'],
        ],
        2,
      ),
      /row 0, column 1.*'a'/,
    ],
  ]
  it.each(wrongKinds)('TypeError: %s', (_, x, message) => {
    for (const [name, enter] of Object.entries(entrances)) {
      if (name === 'init' && (typeof x !== 'object' || x === null)) continue // other kinds of init have a meaning: estimator.test.ts
      const error = thrown(() => enter(x as never))
      expect(error, name).toBeInstanceOf(TypeError)
      expect(error.message, name).toMatch(message)
    }
  })

  // wrong value: RangeError everywhere
  const wrongValues: [string, unknown, RegExp][] = [
    ['a short row', [[1, 2], [3]], /row.*2 columns.*1 in row 1/],
    [
      'a long row',
      [
        [1, 2],
        [3, 4, 5],
      ],
      /row.*2 columns.*3 in row 1/,
    ],
    [
      'an integer that no double holds',
      [
        [1, 2],
        [3, 2n ** 53n + 1n],
      ],
      /row 1, column 1.*9007199254740993.*no double holds.*cast/,
    ],
    ['Arrow column of such integers', arrow([[1, 2], BigInt64Array.of(1n, -(2n ** 63n) + 1n)], 2), /row 1, column 1.*-9223372036854775807/],
    ['short data', { data: [1, 2, 3], shape: [2, 2] }, /at least 4 numbers.*3/],
    ['short data for strides', { data: new Float64Array(5), shape: [2, 2], strides: [4, 1] }, /at least 6 numbers.*5/],
    ['short data for offset', { data: new Float64Array(4), shape: [2, 2], offset: 1 }, /at least 5 numbers.*4/],
    ['strides that lead below 0', { data: new Float64Array(4), shape: [2, 2], strides: [-2, 1] }, /data for shape/],
    ['shape of one number', { data: [1, 2], shape: [2] }, /shape of two numbers.*\[2, 1\]/],
    ['shape of three numbers', { data: [1, 2, 3, 4], shape: [2, 2, 1] }, /shape of two numbers/],
    ['fractional shape', { data: [1, 2, 3, 4], shape: [2.5, 2] }, /shape\[0\].*2\.5/],
    ['negative shape', { data: [1, 2, 3, 4], shape: [2, -2] }, /shape\[1\].*-2/],
    ['fractional offset', { data: [1, 2, 3, 4, 5], shape: [2, 2], offset: 0.5 }, /offset.*0\.5/],
    ['NaN offset', { data: [1, 2, 3, 4], shape: [2, 2], offset: Number.NaN }, /offset.*NaN/],
    ['fractional strides', { data: [1, 2, 3, 4], shape: [2, 2], strides: [2, 0.5] }, /strides\[1\].*0\.5/],
    ['ml-matrix with NaN rows', { rows: Number.NaN, columns: 2, get: () => 1 }, /rows.*NaN/],
    ['ml-matrix with 2.5 columns', { rows: 2, columns: 2.5, get: () => 1 }, /columns.*2\.5/],
    ['Arrow with -1 rows', arrow([[1], [2]], -1), /numRows.*-1/],
    [
      'Arrow with nulls',
      arrow(
        [
          [1, 2],
          [3, 4],
        ],
        2,
        1,
      ),
      /1 nulls in column 0/,
    ],
  ]
  it.each(wrongValues)('RangeError: %s', (_, x, message) => {
    for (const [name, enter] of Object.entries(entrances)) {
      const error = thrown(() => enter(x as never))
      expect(error, name).toBeInstanceOf(RangeError)
      expect(error.message, name).toMatch(message)
    }
  })

  it('too few rows, no columns, another number of columns', () => {
    for (const x of [[], { data: [], shape: [0, 2] }, Matrix.zeros(0, 2)] as MatrixLike[])
      expect(() => new KMeans({ nClusters: 1 }).fit(x)).toThrow(/at least 1 row/)
    for (const x of [[[], []], { data: [], shape: [2, 0] }, Matrix.zeros(2, 0)] as MatrixLike[])
      expect(() => new KMeans({ nClusters: 1 }).fit(x)).toThrow(/at least 1 column/)
    for (const x of [[[1]], [[1, 2, 3]], { data: [1, 2, 3], shape: [1, 3] }])
      for (const method of ['predict', 'transform', 'score'] as const) {
        const error = thrown(() => fitted[method](x))
        expect(error).toBeInstanceOf(RangeError)
        expect(error.message).toMatch(/expected 2 columns, as KMeans was fitted with, got [13]/)
      }
    expect(() => new KMeans({ nClusters: 3 }).fit([[1], [2]])).toThrow(/at least nClusters = 3 rows, got 2/)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    '%f with its position, in every form and also when written later',
    (value) => {
      const spoilt = [
        [1, 2],
        [3, 4],
        [5, value],
      ]
      const columns = [
        [1, 3, 5],
        [2, 4, value],
      ]
      const forms: MatrixLike[] = [
        spoilt,
        { data: Float64Array.from(flat(spoilt)), shape: [3, 2] },
        { data: columns.flat(), shape: [3, 2], strides: [1, 3] },
        new MlMatrix(spoilt),
        arrow(columns, 3),
        Matrix.from(spoilt),
      ]
      const refused = (work: () => unknown, row: number, column: number) => {
        const error = thrown(work)
        expect(error).toBeInstanceOf(RangeError)
        expect(error.message).toContain(`got ${value} at row ${row}, column ${column}`)
      }
      for (const form of forms) {
        refused(() => new KMeans({ nClusters: 1 }).fit(form), 2, 1)
        refused(() => kmeansPlusPlus(form, 1), 2, 1)
        for (const method of ['predict', 'transform', 'score'] as const) refused(() => fitted[method](form), 2, 1)
        refused(
          () =>
            new KMeans({ nClusters: 3, init: form }).fit([
              [1, 2],
              [3, 4],
              [5, 6],
            ]),
          2,
          1,
        )
        refused(
          () =>
            new KMeans({ nClusters: 3, init: () => form }).fit([
              [1, 2],
              [3, 4],
              [5, 6],
            ]),
          2,
          1,
        )
      }
      for (const n of [60, 400_000]) {
        // small; and large: lying in WebAssembly memory, and several windows of prediction long
        const matrix = Matrix.zeros(n, 2)
        matrix.data.forEach((_, i) => (matrix.data[i] = i % 7))
        const model = new KMeans({ nClusters: 1 }).fit(matrix)
        matrix.data[2 * (n - 3)] = value
        refused(() => new KMeans({ nClusters: 1 }).fit(matrix), n - 3, 0)
        refused(() => model.predict(matrix), n - 3, 0)
        matrix.data[3] = value // the first one counts
        refused(() => model.transform(matrix), 1, 1)
        matrix.data[3] = matrix.data[2 * (n - 3)] = 0
        expect(model.predict(matrix)).toHaveLength(n)
      }
    },
  )

  it('a refusal leaves nothing behind: the same call works a thousand times', () => {
    const X = blobs(2, 2000, 8, 3)
    const spoilt = [...X.slice(0, 1999), new Array<number>(8).fill(Number.NaN)]
    const expected = new KMeans({ nClusters: 3, randomState: 0 }).fit(X)
    for (let i = 0; i < 1000; i++) expect(() => new KMeans({ nClusters: 3 }).fit(spoilt.slice(-50))).toThrow(RangeError)
    for (let i = 0; i < 20; i++) expect(() => new KMeans({ nClusters: 3 }).fit(spoilt)).toThrow(RangeError)
    expect(new KMeans({ nClusters: 3, randomState: 0 }).fit(X).toJSON()).toEqual(expected.toJSON())
  })
})
