// What a fit of k-means takes beside X, as the README states it, in a process of its own.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'

const N = 1_000_000
const directory = mkdtempSync(join(tmpdir(), 'mixtura-memory-'))

/** Bytes a row that the resident memory of a process grows by while it fits. */
const script = `
  import { KMeans, Matrix } from './mixtura.mjs'
  const [d, k] = [Number(process.argv[2]), 8]
  const X = Matrix.zeros(${N}, d)
  for (let i = 0, s = 1; i < X.data.length; i++) X.data[i] = (s = (s * 48271) % 2147483647) / 2 ** 31 + (Math.floor(i / d) % k)
  const rows = (count) => Array.from({ length: count }, (_, i) => Array.from(X.row(i)))
  const options = { nClusters: k, maxIter: 5, tol: 0, randomState: 0, onWarning() {} }
  if (process.argv[3] === 'given') options.init = rows(k)
  new KMeans(options).fit(rows(100))
  const before = process.memoryUsage().rss
  new KMeans(options).fit(X)
  console.log((process.resourceUsage().maxRSS * 1024 - before) / ${N})
`

beforeAll(async () => {
  const entryPoints = [resolve(import.meta.dirname, '../src/index.ts')]
  await build({ entryPoints, outfile: join(directory, 'mixtura.mjs'), bundle: true, format: 'esm', platform: 'node', logLevel: 'error' })
  writeFileSync(join(directory, 'fit.mjs'), script)
})

afterAll(() => rmSync(directory, { recursive: true }))

it.each([
  [2, 'k-means++'],
  [3, 'k-means++'],
  [8, 'k-means++'],
  [8, 'given'],
])('a million rows of %i features, first centers %s', { timeout: 60_000 }, (d, init) => {
  const peak = Number(execFileSync(process.execPath, ['fit.mjs', String(d), init], { cwd: directory, encoding: 'utf8' }))
  const stated = 2 * (d + (d % 2)) + (init === 'given' ? 9 : 17)
  console.log(
    `D = ${d}, ${init}: ${peak.toFixed(1)} bytes a row beside X, ${stated} stated, ${(1 + peak / (8 * d)).toFixed(2)} times X in all`,
  )
  expect(peak).toBeLessThan(stated + 8) // and 8 MB of the engine's own
})
