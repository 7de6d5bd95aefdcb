// The JavaScript packages people use today. Each runs in a worker of its own: it keeps its arrays of arrays and its warm code there, and a run
// that takes over a minute can be ended.
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import { cpuSince, median } from './harness.mjs'

export const PEERS = ['ml-kmeans', 'skmeans']

const BOX_MS = 60_000

/** Starts a peer on a workload; its `run` is a contender's, and answers `{ late: true }` once a task has taken over a minute. */
export async function startPeer(name, { matrix, n, d, centers }) {
  let worker = new Worker(new URL(import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: 8192 } })
  const ask = (message) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        stop()
        resolve({ ms: Number.POSITIVE_INFINITY, late: true })
      }, BOX_MS)
      worker.once('message', (answer) => {
        clearTimeout(timer)
        worker.removeAllListeners('error')
        resolve(answer)
      })
      worker.once('error', (error) => {
        clearTimeout(timer)
        reject(new Error(`${name}: ${error.message}`))
      })
      worker.postMessage(message)
    })
  const stop = () => {
    worker?.terminate()
    worker = undefined
  }
  await ask({ name, data: matrix.data, n, d, centers })
  return { name, run: async (repeat) => (worker ? ask({ repeat }) : { ms: Number.POSITIVE_INFINITY, late: true }), stop }
}

if (!isMainThread) {
  const fits = {
    'ml-kmeans': async () => {
      const { kmeans } = await import('ml-kmeans')
      return (X, centers) => kmeans(X, centers.length, { initialization: centers, maxIterations: 20, tolerance: 0 })
    },
    skmeans: async () => {
      const { default: skmeans } = await import('skmeans')
      return (X, centers) => skmeans(X, centers.length, centers, 20)
    },
  }
  let fit
  let X
  let start
  parentPort.on('message', async ({ name, data, n, d, centers, repeat }) => {
    if (name) {
      fit = await fits[name]()
      X = Array.from({ length: n }, (_, i) => Array.from(data.subarray(i * d, (i + 1) * d)))
      start = centers
      parentPort.postMessage({})
      return
    }
    const times = []
    let result
    let cpu = 0
    for (let i = 0; i < repeat; i++) {
      const own = start.map((row) => row.slice()) // one of them writes to its start
      const spent = process.cpuUsage()
      const begin = performance.now()
      result = fit(X, own)
      times.push(performance.now() - begin)
      cpu += cpuSince(spent) / repeat
    }
    parentPort.postMessage({ ms: median(times), cpu, centers: result.centroids, nIter: result.iterations ?? result.it })
  })
}
