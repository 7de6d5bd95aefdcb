// Data as other packages hold them: each form made by the real package, read by shape, equal to the plain rows bit for bit. danfojs alone is
// tested by the shape that its documentation states (and 1.2.0 was seen to have): it needs a package that is in no registry, and 377 MB.
import NdArray from '@stdlib/ndarray-base-ctor'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { DuckDBInstance } from '@duckdb/node-api'
import * as arrow from 'apache-arrow'
import * as aq from 'arquero'
import MlMatrix from 'ml-matrix'
import ndarray from 'ndarray'
import { describe, expect, it } from 'vitest'
import { GaussianMixture, KMeans, Matrix, type MatrixLike } from '../src/index.ts'
import { blobs, expectBits, thrown } from './near.ts'

const [N, D] = [400, 3]
const ROWS = blobs(7, N, D, 3)
const FLAT = Float64Array.from(ROWS.flat())
const COLUMNS = Array.from({ length: D }, (_, j) => Float64Array.from(ROWS, (row) => row[j]))
const COLUMN_MAJOR = Float64Array.from(COLUMNS.flatMap((column) => Array.from(column)))
const quiet = { onWarning() {} }
const KMEANS = new KMeans({ nClusters: 3, randomState: 1, ...quiet }).fit(ROWS)
const MIXTURE = new GaussianMixture({ nComponents: 3, randomState: 1, ...quiet }).fit(ROWS)

/** The same numbers: as a matrix, in fits, and in windows. */
function same(X: MatrixLike, rows = FLAT) {
  const matrix = Matrix.from(X)
  expectBits(matrix.data, rows)
  if (rows !== FLAT) return
  expect(matrix.shape).toEqual([N, D])
  expect(new KMeans({ nClusters: 3, randomState: 1, ...quiet }).fit(X).clusterCenters).toEqual(KMEANS.clusterCenters)
  expectBits(KMEANS.predict(X), KMEANS.labels)
  expect(new GaussianMixture({ nComponents: 3, randomState: 1, ...quiet }).fit(X).means).toEqual(MIXTURE.means)
  expectBits(MIXTURE.scoreSamples(X), MIXTURE.scoreSamples(ROWS))
}
const refused = (X: unknown, Kind: ErrorConstructor, message: RegExp) => {
  const error = thrown(() => Matrix.from(X as MatrixLike))
  expect(error).toBeInstanceOf(Kind)
  expect(error.message).toMatch(message)
}

describe('scijs ndarray', () => {
  it('row-major, column-major, and views', () => {
    same(ndarray(FLAT, [N, D]))
    same(ndarray(Array.from(FLAT), [N, D]))
    same(ndarray(COLUMN_MAJOR, [D, N]).transpose(1, 0))
    const reversed = ndarray(FLAT.slice().reverse(), [N, D]).step(-1, -1)
    same(reversed)
    const wide = ndarray(new Float64Array((N + 2) * (D + 2)), [N + 2, D + 2])
    ROWS.forEach((row, i) => {
      row.forEach((v, j) => {
        wide.set(i + 1, j + 1, v)
      })
    })
    same(wide.lo(1, 1).hi(N, D))
  })
  it('a pick of one column is 1-d: refused with the remedy', () => {
    refused(ndarray(FLAT, [N, D]).pick(null, 0), RangeError, /shape of two numbers.*For one feature per sample use shape \[400, 1\]/)
  })
  it('64-bit integers', () => {
    same(ndarray(BigInt64Array.of(1n, 2n, 3n, 4n), [2, 2]) as never, Float64Array.of(1, 2, 3, 4))
  })
})

it('stdlib ndarray: both orders, offset, and a type that is not real', () => {
  same(NdArray('float64', FLAT, [N, D], [D, 1], 0, 'row-major'))
  same(NdArray('float64', COLUMN_MAJOR, [N, D], [1, N], 0, 'column-major'))
  same(NdArray('float64', Float64Array.from([9, 9, ...FLAT]), [N, D], [D, 1], 2, 'row-major'))
  same(NdArray('generic', Array.from(FLAT), [N, D], [D, 1], 0, 'row-major'))
  same(NdArray('int32', Int32Array.of(1, 2, 3, 4), [2, 2], [2, 1], 0, 'row-major'), Float64Array.of(1, 2, 3, 4))
  same(NdArray('float32', Float32Array.of(0.1, 2, 3, 4), [2, 2], [1, 2], 0, 'column-major'), Float64Array.of(Math.fround(0.1), 3, 2, 4))
  refused(
    NdArray('generic', [{ re: 1, im: 0 }, 2, 3], [1, D], [D, 1], 0, 'row-major'),
    TypeError,
    /expected a number at row 0, column 0, got an object/,
  )
})

it('ml-matrix: matrices, transposed and selected views', () => {
  const matrix = new MlMatrix(ROWS)
  same(matrix)
  same(matrix.transpose().transpose())
  const selection = matrix.selection([5, 2], [2, 0])
  same(selection, Float64Array.of(ROWS[5][2], ROWS[5][0], ROWS[2][2], ROWS[2][0]))
})

describe('Arrow', () => {
  const table = arrow.tableFromArrays({ a: COLUMNS[0], b: COLUMNS[1], c: COLUMNS[2] })

  it('tables, slices, record batches, several batches', () => {
    same(table)
    same(table.batches[0])
    const [top, bottom] = [table.slice(0, 150), table.slice(150)]
    const both = top.concat(bottom)
    expect(both.batches.length).toBe(2)
    same(both)
    same(both.batches)
    same([top, bottom])
    same(arrow.tableFromIPC(arrow.tableToIPC(both)))
    same(both.select(['c', 'a']).slice(149, 151), Float64Array.of(ROWS[149][2], ROWS[149][0], ROWS[150][2], ROWS[150][0]))
  })

  it('numbers of every type, by value', () => {
    const values = [1, 2, 100]
    const types = [
      new arrow.Int8(),
      new arrow.Uint8(),
      new arrow.Int16(),
      new arrow.Uint32(),
      new arrow.Int64(),
      new arrow.Uint64(),
      new arrow.Float16(),
      new arrow.Float32(),
      new arrow.Float64(),
    ]
    for (const type of types) {
      const wide = type instanceof arrow.Int64 || type instanceof arrow.Uint64
      const vector = arrow.vectorFromArray(wide ? values.map(BigInt) : values, type)
      same(new arrow.Table({ x: vector, y: arrow.vectorFromArray(values, new arrow.Float64()) }), Float64Array.of(1, 1, 2, 2, 100, 100))
    }
    same(new arrow.Table({ x: arrow.vectorFromArray([1.5, 2.25], new arrow.Float16()) }), Float64Array.of(1.5, 2.25))
    const dictionary = arrow.vectorFromArray([5.5, 7, 5.5], new arrow.Dictionary(new arrow.Float64(), new arrow.Int32()))
    same(new arrow.Table({ x: dictionary }), Float64Array.of(5.5, 7, 5.5))
  })

  it('nulls are refused with their position, in any batch', () => {
    const b = arrow.vectorFromArray([1, null, 3, null], new arrow.Float64())
    const holed = new arrow.Table({ a: arrow.vectorFromArray([1, 2, 3, 4], new arrow.Float64()), b })
    refused(holed, RangeError, /got 2 nulls in column 1 \(the first at row 1\)\. Drop or fill/)
    refused(holed.slice(0, 1).concat(holed.slice(2)), RangeError, /1 nulls in column 1 \(the first at row 2\)/)
  })

  it('what is not numbers is refused by column and type', () => {
    const x = arrow.vectorFromArray([1, 2], new arrow.Float64())
    const refusedColumn = (column: arrow.Vector, message: RegExp) =>
      refused(new arrow.Table({ x, y: column } as Record<string, arrow.Vector>), TypeError, message)
    const decimals = [150, 250].map((v) => Uint32Array.of(v, 0, 0, 0))
    refusedColumn(arrow.vectorFromArray(decimals, new arrow.Decimal(2, 10)), /column 1 is of type Decimal.*cast it to doubles/)
    refusedColumn(arrow.vectorFromArray([new Date(0), new Date(1)], new arrow.TimestampMillisecond()), /column 1 is of type Timestamp/)
    refusedColumn(arrow.vectorFromArray([new Date(0), new Date(1)], new arrow.DateDay()), /column 1 is of type Date/)
    refusedColumn(arrow.vectorFromArray(['a', 'b'], new arrow.Utf8()), /row 0, column 1.*'a'/)
    refusedColumn(arrow.vectorFromArray([true, false], new arrow.Bool()), /row 0, column 1.*true/)
    const large = arrow.vectorFromArray([1n, 2n ** 53n + 1n], new arrow.Int64())
    refused(new arrow.Table({ x, y: large }), RangeError, /row 1, column 1, got the integer 9007199254740993/)
  })
})

describe('tfjs', () => {
  it('tensors of float32, int32 and bool', () => {
    const X = Float64Array.from(FLAT, Math.fround)
    same(tf.tensor2d(ROWS), X)
    same(tf.transpose(tf.tensor2d(COLUMNS.map((c) => Array.from(c)))) as tf.Tensor2D, X)
    same(tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32'), Float64Array.of(1, 2, 3, 4))
    same(tf.tensor2d([true, false], [1, 2], 'bool'), Float64Array.of(1, 0))
    expectBits(KMEANS.predict(tf.tensor(ROWS)), KMEANS.labels)
  })
  it('Async methods ask for numbers later, and never for them at once', async () => {
    const tensor = tf.tensor2d(ROWS)
    const model = new KMeans({ nClusters: 3, randomState: 1 })
    const plain = (await model.fitAsync(tensor)).toJSON()
    expect(plain).toEqual(new KMeans({ nClusters: 3, randomState: 1 }).fit(tensor).toJSON())
    const onGpu = {
      shape: tensor.shape,
      data: () => tensor.data(),
      dataSync: () => {
        throw new Error('not at once')
      },
    }
    expect((await model.fitAsync(onGpu)).toJSON()).toEqual(plain)
    expectBits(await model.predictAsync(onGpu), model.predict(tensor))
    expectBits(await MIXTURE.scoreSamplesAsync(onGpu), MIXTURE.scoreSamples(tensor))
    await expect(model.fitAsync({ ...onGpu, data: () => Promise.reject(new Error('lost device')) })).rejects.toThrow('lost device')
    await expect(model.fitAsync({ ...onGpu, data: async () => [1] })).rejects.toThrow(/1200 real numbers/)
    expect(model.toJSON()).toEqual(plain)
  })
  it('other ranks and types are refused', () => {
    refused(tf.tensor1d([1, 2, 3]), RangeError, /shape of two numbers.*use shape \[3, 1\]/)
    refused(tf.zeros([2, 3, 1]), RangeError, /shape of two numbers/)
    refused(tf.complex([[1, 2, 3]], [[1, 2, 3]]), RangeError, /3 real numbers for shape \[1, 3\], got 6 values/)
    refused(tf.tensor2d([['a', 'b', 'c']]), TypeError, /row 0, column 0.*'a'/)
  })
})

describe('DuckDB', async () => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const read = async (sql: string) => (await connection.run(sql)).fetchAllChunks()

  it('chunks, lists of chunks, readers', async () => {
    const sql = 'select i + 0.5::double as a, (i % 7)::float as b, i::integer as c from range(5000) t(i)'
    const chunks = await read(sql)
    expect(chunks.length).toBeGreaterThan(1)
    const expected = Float64Array.from(
      { length: 15_000 },
      (_, at) => [0.5 + Math.floor(at / 3), Math.floor(at / 3) % 7, Math.floor(at / 3)][at % 3],
    )
    same(chunks, expected)
    same(chunks[0], expected.subarray(0, chunks[0].rowCount * 3))
    same(await connection.runAndReadAll(sql), expected)
  })
  it('a query is a stream of chunks, read again for every pass', async () => {
    const sql = 'select sin(i) as a, cos(i * 0.7) + (i % 3) * 5 as b from range(20000) t(i)'
    async function* rows() {
      const result = await connection.stream(sql)
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) yield chunk
    }
    const options = { nClusters: 3, randomState: 1, ...quiet }
    const streamed = await new KMeans(options).fitAsync(rows)
    expect(streamed.toJSON()).toEqual(new KMeans(options).fit(await read(sql)).toJSON())
  })
  it('64-bit integers by value; nulls, decimals, dates and text are refused', async () => {
    same((await read('select i::bigint as a, i::hugeint as b from range(3) t(i)'))[0], Float64Array.of(0, 0, 1, 1, 2, 2))
    const refusedSql = async (column: string, message: RegExp) =>
      refused(await read(`select 1.5::double as x, 2 as y, ${column} as z from range(3) t(i)`), TypeError, message)
    await refusedSql('case when i = 1 then null else i end', /\[0\]: expected a number at row 1, column 2, got null/)
    await refusedSql('i::decimal(10, 2)', /row 0, column 2, got an object of class DuckDBDecimalValue/)
    await refusedSql("date '2020-01-01'", /row 0, column 2, got an object of class DuckDBDateValue/)
    await refusedSql("'a'", /row 0, column 2, got 'a'/)
  })
})

describe('Arquero', () => {
  const table = aq.table({ a: COLUMNS[0], b: Array.from(COLUMNS[1]), c: COLUMNS[2] })

  it('tables, filtered, ordered and selected', () => {
    same(table)
    same(table.toArrow() as never)
    const some = table
      .filter((row: { a: number }) => row.a > 0)
      .orderby('b')
      .select('c', 'a')
    const expected = ROWS.filter((row) => row[0] > 0)
      .sort((p, q) => p[1] - q[1])
      .flatMap((row) => [row[2], row[0]])
    same(some, Float64Array.from(expected))
  })
  it('nulls and text are refused with their position', () => {
    refused(aq.table({ a: [1, 2], b: [1, 2], c: [1, null] }), TypeError, /row 1, column 2, got null/)
    refused(aq.table({ a: [1, 2], b: ['u', 'v'], c: [1, 2] }), TypeError, /row 0, column 1, got 'u'/)
  })
})

it('Danfo data frames, by their documented shape', () => {
  // DataFrame: values (rows), columns (names), shape [rows, columns]
  const frame = (values: unknown[][]) => ({ values, columns: ['a', 'b', 'c'], shape: [values.length, 3], index: values.map((_, i) => i) })
  same(frame(ROWS) as never)
  refused(frame([[1, 2, 'x']]), TypeError, /row 0, column 2, got 'x'/)
  refused({ values: [1, 2], columns: ['a'], shape: [2, 1] }, TypeError, /1-d array of 2 numbers/)
})
