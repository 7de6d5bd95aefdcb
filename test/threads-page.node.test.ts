// Pages as servers send them: isolated from others or not, under a content security policy or none. The built package, in Chromium.
import { readFileSync } from 'node:fs'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium as driver } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromium } from './browsers.ts'

const dist = new URL('../dist/', import.meta.url)
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
const STRICT = { 'Content-Security-Policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" }
/** Folders whose files are served with these headers. */
const HEADERS: Record<string, Record<string, string>> = {
  plain: {},
  isolated: ISOLATED,
  strict: { ...ISOLATED, ...STRICT },
}

// In the page: fits, and what it noticed meanwhile
const PAGE = `
import { GaussianMixture, KMeans, makeBlobs, setWorkerSource } from './index.js'
const { X } = makeBlobs({ nSamples: 150_000, nFeatures: 6, centers: 8, clusterStd: 3, randomState: 1 })
window.run = async ({ source, threads = 3 } = {}) => {
  if (source) setWorkerSource(source)
  const warnings = []
  let late = 0
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    late = Math.max(late, now - last - 10)
    last = now
  }, 10)
  const onWarning = ({ code, message }) => code === 'threads-unavailable' && warnings.push(message)
  const kmeans = () => new KMeans({ nClusters: 12, nInit: 3, maxIter: 20, tol: 0, randomState: 1, onWarning })
  const mixture = () => new GaussianMixture({ nComponents: 5, maxIter: 5, tol: 0, randomState: 1, onWarning })
  const later = [await kmeans().fitAsync(X, { threads }), await mixture().fitAsync(X, { threads })].map((model) => JSON.stringify(model))
  clearInterval(timer)
  const now = [kmeans().fit(X), mixture().fit(X)].map((model) => JSON.stringify(model))
  return { same: later.join() === now.join(), warnings, late, isolated: crossOriginIsolated, inertia: JSON.parse(now[0]).fitted.inertia }
}
window.inWorker = () => new Promise((resolve, reject) => {
  const worker = new Worker('./inside.js', { type: 'module' })
  worker.onmessage = ({ data }) => resolve(data)
  worker.onerror = (event) => reject(new Error(event.message))
})
window.ready = true`
const INSIDE = `
import { KMeans, makeBlobs } from './index.js'
const { X } = makeBlobs({ nSamples: 150_000, nFeatures: 6, centers: 8, clusterStd: 3, randomState: 1 })
const warnings = []
const model = () => new KMeans({ nClusters: 12, nInit: 3, maxIter: 20, tol: 0, randomState: 1, onWarning: (w) => w.code === 'threads-unavailable' && warnings.push(w.message) })
const later = await model().fitAsync(X, { threads: 3 })
postMessage({ same: JSON.stringify(later) === JSON.stringify(model().fit(X)), warnings })`

let server: Server
let browser: Browser
let origin = ''

describe.skipIf(!chromium)('a page', () => {
  beforeAll(async () => {
    server = createServer(({ url = '' }, response) => {
      const [, folder, file] = url.split('/')
      const type = file === '' ? 'text/html' : 'text/javascript'
      const own: Record<string, string> = {
        '': '<!doctype html><script type="module" src="page.js"></script>',
        'page.js': PAGE,
        'inside.js': INSIDE,
      }
      try {
        const body = own[file] ?? readFileSync(new URL(file, dist))
        response.writeHead(200, { 'Content-Type': type, ...HEADERS[folder] }).end(body)
      } catch {
        response.writeHead(404).end()
      }
    }).listen(0)
    origin = `http://localhost:${(server.address() as AddressInfo).port}`
    browser = await driver.launch({ executablePath: chromium, args: ['--no-sandbox'] })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  type Outcome = { same: boolean; warnings: string[]; late: number; isolated: boolean; inertia: number }
  const inPage = async <T>(folder: string, use: (page: Awaited<ReturnType<Browser['newPage']>>) => Promise<T>) => {
    const page = await browser.newPage()
    try {
      await page.goto(`${origin}/${folder}/`)
      await page.waitForFunction('window.ready')
      return await use(page)
    } finally {
      await page.close()
    }
  }

  it('that is isolated shares its memory with workers, which end with it', { timeout: 120_000 }, async () => {
    const { outcome, workers } = await inPage('isolated', async (page) => {
      const outcome = (await page.evaluate('run()')) as Outcome
      return { outcome, workers: page.workers().length }
    })
    expect(outcome).toMatchObject({ same: true, warnings: [], isolated: true })
    expect(workers).toBe(2)
    expect(browser.contexts().flatMap((context) => context.pages())).toEqual([])
  })

  it('that is not isolated does the work itself, says so once a fit, and lives', { timeout: 120_000 }, async () => {
    const late: number[] = []
    for (let attempt = 0; attempt < 4 && !(Math.min(...late) < 50); attempt++) {
      const { outcome, workers } = await inPage('plain', async (page) => {
        const outcome = (await page.evaluate('run()')) as Outcome
        return { outcome, workers: page.workers().length }
      })
      expect(outcome).toMatchObject({ same: true, isolated: false })
      expect(outcome.warnings).toHaveLength(2)
      expect(outcome.warnings[0]).toMatch(/not cross-origin isolated.*Cross-Origin-Opener-Policy.*results are the same/)
      expect(workers).toBe(0)
      late.push(outcome.late)
    }
    expect(Math.min(...late), late.join(', ')).toBeLessThan(50)
  })

  it('whose policy forbids workers from blobs works without, and with a source that it names', { timeout: 120_000 }, async () => {
    const without = (await inPage('strict', (page) => page.evaluate('run()'))) as Outcome
    expect(without).toMatchObject({ same: true, isolated: true })
    expect(without.warnings.length).toBeGreaterThan(0)
    expect(without.warnings[0]).toContain('setWorkerSource')
    for (const source of ["'/strict/worker.js'", "() => new Worker('/strict/worker.js')", "new URL('/strict/worker.js', location.href)"]) {
      const { outcome, workers } = await inPage('strict', async (page) => {
        const outcome = (await page.evaluate(`run({ source: ${source} })`)) as Outcome
        return { outcome, workers: page.workers().length }
      })
      expect(outcome, source).toMatchObject({ same: true, warnings: [] })
      expect(workers, source).toBe(2)
    }
  })

  it('gets the bits that Node gets', { timeout: 120_000 }, async () => {
    const { KMeans, makeBlobs } = (await import(new URL('index.js', dist).href)) as typeof import('../src/index.ts')
    const { X } = makeBlobs({ nSamples: 150_000, nFeatures: 6, centers: 8, clusterStd: 3, randomState: 1 })
    const model = new KMeans({ nClusters: 12, nInit: 3, maxIter: 20, tol: 0, randomState: 1, onWarning() {} })
    const { inertia } = (await inPage('isolated', (page) => page.evaluate('run({ threads: 2 })'))) as Outcome
    expect(inertia).toBe((await model.fitAsync(X, { threads: 3 })).inertia)
  })

  it('may fit inside a worker of its own', { timeout: 120_000 }, async () => {
    expect(await inPage('isolated', (page) => page.evaluate('inWorker()'))).toEqual({ same: true, warnings: [] })
  })
})
