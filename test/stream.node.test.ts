// Data larger than memory where they come from: a file of raw doubles, read by a process that is allowed less, and a Parquet file that DuckDB reads.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { build } from 'esbuild'
import { afterAll, describe, expect, it } from 'vitest'
import { GaussianMixture, KMeans, Matrix, type MatrixLike } from '../src/index.ts'
import { Random } from '../src/random.ts'

const directory = mkdtempSync(join(tmpdir(), 'mixtura-stream-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const onWarning = () => {}
const MiB = 2 ** 20

describe('a file of 300 MiB', () => {
  const [D, BLOCK, BLOCKS] = [16, 8192, 300] // 1 MiB a block
  const file = join(directory, 'rows.f64')
  const script = `
    import { open } from 'node:fs/promises'
    import { GaussianMixture, KMeans } from './mixtura.mjs'

    const [D, BLOCK] = [${D}, ${BLOCK}]
    async function* chunks() {
      const file = await open(${JSON.stringify(file)})
      const chunk = new Float64Array(BLOCK * D)
      try {
        for (;;) {
          const { bytesRead } = await file.read(new Uint8Array(chunk.buffer))
          if (bytesRead === 0) return
          yield { data: chunk, shape: [bytesRead / 8 / D, D] }
        }
      } finally {
        await file.close()
      }
    }
    const onWarning = () => {}
    const kmeans = await new KMeans({ nClusters: 5, init: 'random', nInit: 1, maxIter: 3, randomState: 1, onWarning }).fitAsync(chunks)
    const mixture = await new GaussianMixture({ nComponents: 3, covarianceType: 'diag', initParams: 'random_from_data', maxIter: 2, randomState: 1, onWarning }).fitAsync(chunks)
    const { clusterCenters, inertia } = kmeans
    console.log(JSON.stringify({ peak: process.resourceUsage().maxRSS * 1024, kmeans: { clusterCenters, inertia }, mixture: mixture.toJSON().fitted }))
  `

  it('is fitted by a process that is allowed half of it, and takes less; the bits are those of all in memory', {
    timeout: 180_000,
  }, async () => {
    const random = new Random(1)
    const block = Float64Array.from({ length: BLOCK * D }, (_, i) => 5 * ((i * 2654435761) % 7) + random.uniform())
    const out = openSync(file, 'w')
    for (let b = 0; b < BLOCKS; b++) {
      for (let i = b % D; i < block.length; i += D) block[i] += 0.01
      writeSync(out, new Uint8Array(block.buffer))
    }
    closeSync(out)
    await build({
      entryPoints: [resolve(import.meta.dirname, '../src/index.ts')],
      outfile: join(directory, 'mixtura.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'error',
    })
    writeFileSync(join(directory, 'fit.mjs'), script)
    const output = execFileSync(process.execPath, ['--max-old-space-size=100', '--max-semi-space-size=2', 'fit.mjs'], {
      cwd: directory,
      encoding: 'utf8',
    })
    const { peak, kmeans, mixture } = JSON.parse(output)
    console.log(`peak of the process: ${(peak / MiB).toFixed(0)} MiB for a file of ${BLOCKS} MiB`)
    expect(peak).toBeLessThan((BLOCKS / 2) * MiB)

    const X = Matrix.zeros(BLOCK * BLOCKS, D)
    const input = openSync(file, 'r')
    for (let b = 0; b < BLOCKS; b++) readSync(input, block), X.data.set(block, b * block.length)
    closeSync(input)
    const { clusterCenters, inertia } = new KMeans({ nClusters: 5, init: 'random', nInit: 1, maxIter: 3, randomState: 1, onWarning }).fit(X)
    expect(kmeans).toEqual({ clusterCenters, inertia })
    const options = {
      nComponents: 3,
      covarianceType: 'diag',
      initParams: 'random_from_data',
      maxIter: 2,
      randomState: 1,
      onWarning,
    } as const
    expect(mixture).toEqual(new GaussianMixture<'diag'>(options).fit(X).toJSON().fitted)
  })
})

describe('DuckDB', async () => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const parquet = join(directory, 'rows.parquet')
  const columns = Array.from({ length: 8 }, (_, j) => `(i * ${7919 + 2 * j} % 1000) / 100.0::double + (i % ${j + 2}) as x${j}`)
  const sql = `select * from '${parquet}'`

  async function* chunks(): AsyncGenerator<MatrixLike> {
    const result = await connection.stream(sql)
    for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) yield chunk
  }

  it('streams a Parquet file', async () => {
    await connection.run(`copy (select ${columns} from range(100000) t(i)) to '${parquet}' (format parquet)`)
    const X = Matrix.from((await connection.runAndReadAll(sql)) as MatrixLike)
    expect(X.shape).toEqual([100_000, 8])
    const options = { nClusters: 4, maxIter: 3, randomState: 1, onWarning }
    const streamed = await new KMeans(options).fitAsync(chunks)
    expect(streamed.toJSON()).toEqual(new KMeans(options).fit(X).toJSON())

    const online = new GaussianMixture({ nComponents: 2, covarianceType: 'diag', randomState: 1, onWarning })
    for await (const chunk of chunks()) online.partialFit(chunk)
    expect(online.score(X)).toBeGreaterThan(new GaussianMixture({ covarianceType: 'diag', onWarning }).fit(X).score(X))
  })

  it('an order that changes from reading to reading is told', async () => {
    let readings = 0
    async function* shuffled() {
      readings++
      const result = await connection.stream(`${sql} order by hash(x0 + ${readings})`)
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) yield chunk as MatrixLike
    }
    await expect(new KMeans({ nClusters: 4, randomState: 1, onWarning }).fitAsync(shuffled)).rejects.toThrow(
      /other numbers in rows 0 to \d+\. .*ORDER BY/,
    )
  })
})

it('memory comes back from streams that fail', { timeout: 120_000 }, async () => {
  const rows = Array.from({ length: 2000 }, (_, i) => Float64Array.from({ length: 257 }, (_, j) => (i * j) % 17))
  const fail = async () => {
    let readings = 0
    const stream = function* () {
      const last = ++readings === 3
      yield rows.slice(0, 1500)
      if (last) throw new Error('gone')
      yield rows.slice(1500)
    }
    await expect(new KMeans({ nClusters: 3, randomState: 1, onWarning }).fitAsync(stream)).rejects.toThrow('gone')
  }
  for (let i = 0; i < 20; i++) await fail()
  const before = process.memoryUsage.rss()
  for (let i = 0; i < 200; i++) await fail()
  expect(process.memoryUsage.rss() - before).toBeLessThan(150 * MiB) // one fit takes about 10 MiB
})
