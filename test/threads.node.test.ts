// What can go wrong with workers, and what they may not leave behind. In Node, where workers can be broken on purpose.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { OPEN, at, pulse, state } from '../src/control.ts'
import { workerText } from '../src/generated/worker-text.ts'
import { GaussianMixture, KMeans, Matrix, type Warning, makeBlobs, setWorkerSource } from '../src/index.ts'
import { driveAsync } from '../src/drive-async.ts'
import { Arena } from '../src/memory.ts'
import { Reduction } from '../src/passes.ts'
import { BREAK_EVEN, PATIENCE, currentPool } from '../src/pool.ts'
import { withRows } from '../src/resident.ts'
import { sourceOf } from '../src/matrix.ts'
import { runAsync } from '../src/task.ts'

const breakEven = { ...BREAK_EVEN }
const patience = { ...PATIENCE }
const X = makeBlobs({ nSamples: 60_000, nFeatures: 6, centers: 5, clusterStd: 3, randomState: 1 }).X
const make = (heard: Warning[] = []) =>
  new GaussianMixture({ nComponents: 5, maxIter: 12, tol: 0, randomState: 1, onWarning: (w) => heard.push(w) })
let expected = ''
const fits = async (threads = 3) => expect(JSON.stringify(await make().fitAsync(X, { threads }))).toBe(expected)

beforeAll(() => {
  Object.assign(BREAK_EVEN, { pass: 0, task: 0 })
  expected = JSON.stringify(make().fit(X))
})
afterAll(() => {
  Object.assign(BREAK_EVEN, breakEven)
})
afterEach(async () => {
  setWorkerSource(undefined)
  Object.assign(PATIENCE, patience)
  await fits() // whatever happened, the next call works
  currentPool()?.dismiss()
})

/** Workers from this text; `list` are those started so far. */
function from(text: string, options = {}): Worker[] {
  const list: Worker[] = []
  setWorkerSource(() => {
    const worker = new Worker(text, { eval: true, ...options })
    list.push(worker)
    return worker
  })
  return list
}
/** Text of a worker that gets ready, comes to the first open job and does `fault` there. */
const atJob = (fault: string) => `
  const { parentPort } = require('node:worker_threads')
  let words, index
  parentPort.on('message', (message) => {
    if (message.control) {
      words = new Int32Array(message.control)
      index = message.index
      parentPort.postMessage({ ready: true })
    }
    if (!message.open) return
    while (Atomics.load(words, ${state(0)}) !== ${OPEN});
    Atomics.store(words, ${at(0)} + index * ${at(1) - at(0)}, 1)
    if (Atomics.load(words, ${state(0)}) !== ${OPEN}) throw new Error('came too late')
    ${fault}
  })`

describe('workers that fail', () => {
  it('to start: one warning, and this thread does the work', async () => {
    for (const text of ['throw new Error("no such luck")', 'process.exit(3)']) {
      from(text)
      const heard: Warning[] = []
      const model = make(heard)
      // until the failure is known
      for (let i = 0; i < 50 && heard.every(({ code }) => code !== 'threads-unavailable'); i++) await model.fitAsync(X, { threads: 3 })
      expect(JSON.stringify(model)).toBe(expected)
      expect(heard.filter(({ code }) => code === 'threads-unavailable')).toHaveLength(1)
      expect(heard.find(({ code }) => code === 'threads-unavailable')?.message).toMatch(/no such luck|code 3/)
    }
  })

  it('to be made at all', async () => {
    setWorkerSource(() => {
      throw new Error('forbidden')
    })
    const heard: Warning[] = []
    expect(JSON.stringify(await make(heard).fitAsync(X, { threads: 3 }))).toBe(expected)
    expect(heard.map(({ code }) => code)).toContain('threads-unavailable')
    expect(heard[0].message).toContain('forbidden')
  })

  it('to say that they are ready: nobody waits for them', async () => {
    from('setInterval(() => {}, 1000)')
    await fits()
  })

  const failsWith = async (text: string, message: RegExp, options = {}) => {
    from(text, options)
    const model = make()
    let outcome: unknown
    for (let i = 0; i < 50 && !outcome; i++)
      outcome = await model.fitAsync(X, { threads: 2 }).then(
        () => undefined,
        (error) => error,
      )
    expect(outcome).toBeInstanceOf(Error)
    expect(String(outcome)).toMatch(/A worker thread failed/)
    expect(String(outcome)).toMatch(message)
  }

  it('in the middle of a pass: by an exception', () => failsWith(atJob('throw new Error("cosmic ray")'), /cosmic ray/))
  it('in the middle of a pass: by exiting', () => failsWith(atJob('process.exit(7)'), /code 7/))
  it('in the middle of a pass: out of memory', { timeout: 60_000 }, () =>
    failsWith(atJob('const hoard = []; for (;;) hoard.push(new Array(1e5).fill({}))'), /memory/i, {
      resourceLimits: { maxOldGenerationSizeMb: 16 },
    }),
  )
  it('in the middle of a pass: by standing still', async () => {
    PATIENCE.lost = 300
    await failsWith(atJob('for (;;);'), /no sign of life/)
  })

  it('in a kernel: what it throws is the error of the call', async () => {
    await fits()
    const task = withRows(sourceOf(X), undefined, function* ({ x, n, d }) {
      // rows beyond the end of memory
      yield { kernel: 'moments', args: [x, 0, d, x], rows: n + 2 ** 28, scratch: 0, flopsPerRow: 1, into: undefined }
    })
    await expect(runAsync(task, { threads: 3 })).rejects.toThrow(/memory access out of bounds|failed/)
  })

  it('memory that grows while workers receive it is theirs to its end', { timeout: 60_000 }, async () => {
    await fits()
    const n = 2 ** 16
    for (let i = 0; i < 1000; i++) {
      const arena = new Arena()
      const into = new Reduction(arena, 3, n)
      const x = arena.takeF64(n)
      arena.f64(x, n).fill(1)
      function* sums() {
        // for the scratch, memory grows right after it was posted
        yield { kernel: 'moments' as const, args: [x, 0, 1, x], rows: n, scratch: 2 ** 22, flopsPerRow: 1, into: into.reset() }
      }
      await driveAsync(sums(), arena, { threads: 3 })
      expect([...into.total()]).toEqual([n, 0, 0])
    }
  })

  it('terminated from outside at any time: an error or the right answer, never silence', { timeout: 120_000 }, async () => {
    const workers = from(workerText)
    let failed = 0
    for (let i = 0; i < 25; i++) {
      const before = workers.length
      const fit = make().fitAsync(X, { threads: 3 })
      const terminated = new Promise((done) =>
        setTimeout(() => done(Promise.all(workers.slice(-2).map((worker) => worker.terminate()))), 3 * i),
      )
      await fit.then(
        (model) => expect(JSON.stringify(model)).toBe(expected),
        (error) => {
          expect(String(error)).toMatch(/A worker thread failed/)
          failed++
        },
      )
      await terminated // on a quick machine it comes after the fit, and must not hit the next one
      await fits()
      expect(workers.length, 'those that are gone are replaced').toBeGreaterThan(before - 1)
    }
    expect(workers.length).toBeGreaterThan(4)
    console.log(`${failed} of 25 calls lost a worker that was at work`)
  })

  it('in one of two calls: the other is not disturbed', async () => {
    from(atJob('throw new Error("cosmic ray")'))
    const outcomes = await Promise.allSettled([make().fitAsync(X, { threads: 2 }), make().fitAsync(X, { threads: 1 })])
    expect(outcomes[1].status === 'fulfilled' && JSON.stringify(outcomes[1].value)).toBe(expected)
  })
})

it('setWorkerSource takes an address, as of the file in the package', async () => {
  const file = new URL('../dist/worker.js', import.meta.url)
  for (const source of [file, file.pathname]) {
    setWorkerSource(source)
    while (currentPool()?.ready !== 2) await fits()
    const before = currentPool()?.calls as number
    await fits()
    expect(currentPool()?.calls).toBeGreaterThan(before)
  }
  expect(() => setWorkerSource(5 as never)).toThrow(TypeError)
})

it('a fit inside a worker has workers of its own', { timeout: 60_000 }, async () => {
  const dist = pathToFileURL(new URL('../dist/index.js', import.meta.url).pathname).href
  const text = `
    import { parentPort } from 'node:worker_threads'
    const { KMeans, makeBlobs } = await import(${JSON.stringify(dist)})
    const { X } = makeBlobs({ nSamples: 200_000, nFeatures: 8, centers: 9, randomState: 1 })
    const models = [1, 3].map((threads) => new KMeans({ nClusters: 20, maxIter: 10, tol: 0, randomState: 1, onWarning() {} }).fitAsync(X, { threads }))
    parentPort.postMessage((await Promise.all(models)).map((model) => JSON.stringify(model.clusterCenters)))`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(text)}`))
  const [one, three] = await new Promise<string[]>((resolve, reject) => worker.once('message', resolve).once('error', reject))
  expect(three).toBe(one)
  await worker.terminate()
})

describe('a process', () => {
  const program = (body: string) => {
    const file = new URL('../build/threads-program.mjs', import.meta.url)
    writeFileSync(
      file,
      `import { GaussianMixture, KMeans, Matrix, makeBlobs } from '../dist/index.js'\nconst quiet = { onWarning() {} }\n${body}`,
    )
    const begin = performance.now()
    const output = execFileSync(process.execPath, [file.pathname], { encoding: 'utf8', timeout: 240_000 })
    return { output: output.trim(), ms: performance.now() - begin }
  }
  const FIT = `
    const { X } = makeBlobs({ nSamples: 200_000, nFeatures: 8, centers: 9, randomState: 1 })
    const fit = (signal) => new KMeans({ nClusters: 20, nInit: 4, maxIter: 15, tol: 0, randomState: 1, ...quiet }).fitAsync(X, { threads: 3, signal })`

  it('ends when its work does: no worker keeps it', { timeout: 60_000 }, () => {
    const { output } = program(`${FIT}
      await fit()
      const done = performance.now()
      process.on('exit', () => console.log(performance.now() - done))`)
    expect(Number(output)).toBeLessThan(2000)
  })

  it('ends after an aborted fit, and lives as long as one is under way, awaited or not', { timeout: 60_000 }, () => {
    const { output } = program(`${FIT}
      const controller = new AbortController()
      setTimeout(() => controller.abort(), 200)
      await fit(controller.signal).catch((error) => console.log(error.name))
      fit().then(() => console.log('fitted'))`)
    expect(output).toBe('AbortError\nfitted')
  })

  it('does not grow over 2000 fits with workers, nor over large ones with memories of their own', { timeout: 240_000 }, () => {
    const { output } = program(`
      const small = makeBlobs({ nSamples: 8_000, nFeatures: 8, centers: 5, randomState: 1 }).X.toArray()
      const large = { data: new Float64Array(6_000_000).map((_, i) => i % 7), shape: [750_000, 8] }
      const kmeans = (X, maxIter) => new KMeans({ nClusters: 30, init: 'random', nInit: 1, maxIter, tol: 0, randomState: 1, ...quiet }).fitAsync(X, { threads: 2 })
      const grown = async (rounds, once) => {
        for (let i = 0; i < rounds / 10; i++) await once()
        const before = process.memoryUsage.rss()
        for (let i = 0; i < rounds; i++) await once()
        return (process.memoryUsage.rss() - before) / 2 ** 20
      }
      await kmeans(large, 20) // workers there
      console.log(await grown(2000, () => kmeans(small, 1)))
      console.log(await grown(40, () => kmeans(large, 1)))
      console.log(await grown(40, () => kmeans(Matrix.from(large), 1)))`)
    const [small, large, matrices] = output.split('\n').map(Number)
    expect(small, 'MB, small').toBeLessThan(60)
    expect(large, 'MB: forty fits of 48 MB each').toBeLessThan(200)
    expect(matrices, 'MB: forty matrices of 48 MB each').toBeLessThan(400)
    console.log(`grown by ${small.toFixed(0)}, ${large.toFixed(0)} and ${matrices.toFixed(0)} MB`)
  })
})

it('the pulse of workers tells that they work', async () => {
  while (currentPool()?.ready !== 2) await fits()
  expect(pulse(1) - pulse(0)).toBe(at(1) - at(0))
  const before = currentPool()?.calls as number
  await new KMeans({ nClusters: 3, randomState: 1 }).fitAsync(Matrix.from(X), { threads: 3 })
  expect(currentPool()?.calls).toBeGreaterThan(before)
})
