// The passes alone: how near each comes to what this machine's WebAssembly can do (peak.ts), and what it gains over a plain loop over typed arrays.
// The package is bundled once more from src/, and its own calls are run while a meter sits on the kernel in question: so a kernel is measured as
// fits call it, whatever its arguments are.
import { mkdirSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, stop } from 'esbuild'
import { contender, median, race } from './harness.mjs'
import { measuredPeak } from './peak.mjs'

const silent = () => {}
const FLOPS = 1.5e9 // per run: a tenth of a second at the peak
const VALUES = 2 ** 24 // of a run's data: 128 MiB
const root = fileURLToPath(new URL('..', import.meta.url))
let tools

/** Rows of the table for one workload. */
export async function* benchKernels(workload, { seconds, all, quick }) {
  tools ??= { mixtura: await internals(), peak: await measuredPeak() }
  const { mixtura, peak } = tools
  for (const task of tasksOf(workload, mixtura)) {
    if (quick ? !task.quick : task.minor && !all) continue
    const rows = Math.min(workload.n, Math.floor(VALUES / workload.d), Math.max(1024, Math.round(FLOPS / task.flops / 1024) * 1024))
    const X = mixtura.Matrix.zeros(rows, workload.d)
    X.data.set(workload.matrix.data.subarray(0, rows * workload.d))
    const arena = mixtura.sourceOf(X).home?.arena ?? mixtura.sharedArena()
    const modules = [mixtura.core, mixtura.mixtures, mixtura.metrics].map((module) => arena.use(module))
    const kernels = Object.assign({}, ...modules)
    const kernel = Object.keys(kernels).find((name) => name.startsWith(task.kernel))
    if (!kernel)
      throw new Error(
        `bench/kernels.mjs: the package has no kernel whose name begins with ${task.kernel}, it has ${Object.keys(kernels).join(', ')}`,
      )
    const meter = meterOn(modules, kernel, task.counts)
    const call = () => {
      meter.reset()
      const begin = performance.now()
      task.call(X)
      const whole = performance.now() - begin
      return {
        nanoseconds: meter.nanosecondsPerRow(),
        shares: Object.fromEntries([...meter.spent()].map(([name, ms]) => [name, ms / whole])),
      }
    }
    for (const begin = performance.now(); performance.now() - begin < 50; ) call()
    const contenders = [peak.contender, { ...contender('mixtura', call, (r) => r), warm: true }]
    if (task.plain) {
      const few = Math.max(64, Math.min(rows, Math.round(2e6 / task.flops))) // about a millisecond too
      contenders.push(
        contender(
          'plain',
          () => task.plain(X.data, few),
          () => ({ rows: few }),
        ),
      )
    }
    const [peaks, ours, plain] = await race(contenders, seconds / 4)
    meter.remove()
    const rate = (turn) => task.flops / turn.nanoseconds
    yield {
      section: 'kernels',
      workload: workload.id,
      task: task.name,
      kernel,
      rows,
      rounds: ours.length,
      flopsPerRow: task.flops,
      nsPerRow: median(ours.map((t) => t.nanoseconds)),
      gflops: median(ours.map(rate)),
      peak: median(peaks.map((t) => peak.flops / t.ms / 1e6)),
      ofPeak: median(ours.map((t, i) => rate(t) / (peak.flops / peaks[i].ms / 1e6))),
      overPlain: plain && median(ours.map((t, i) => (plain[i].ms * 1e6) / plain[i].rows / t.nanoseconds)),
      shares: ours.at(-1).shares,
      faults: [],
    }
  }
}

/** Operations per row of an E-step and of an M-step, as the mathematics needs them at least. */
export function mixtureFlops(type, d, k) {
  const triangle = d * (d + 1)
  return {
    full: [k * (triangle + 2 * d), k * (d + 1) * (d + 2)],
    tied: [triangle + 2 * k * d, 2 * k * d],
    diag: [4 * k * d, 4 * k * d],
    spherical: [2 * k * d, 2 * k * d],
  }[type]
}

// Operations are those the mathematics asks for at least, a multiply and an add each counting one: a distance costs 2·D however it is computed,
// a triangular product D·(D+1), a symmetric update (D+1)·(D+2); exp, log, comparisons and packing count nothing.
function tasksOf({ d, k, centers, variance }, { KMeans, GaussianMixture, kmeansPlusPlus }) {
  const flat = Float64Array.from(centers.flat())
  const trials = 2 + Math.floor(Math.log(k))
  const kmeans = { nClusters: k, init: centers, tol: 0, onWarning: silent }
  let fitted
  const model = (X) => (fitted ??= new KMeans({ ...kmeans, maxIter: 1 }).fit(X))
  const seeds = (X) => kmeansPlusPlus(X, k, { randomState: 0 })
  const tasks = [
    {
      name: 'assign, in a fit',
      quick: true,
      kernel: 'assignScreened',
      flops: 2 * k * d,
      call: (X) => new KMeans({ ...kmeans, maxIter: 4 }).fit(X),
      plain: (x, n) => plainAssign(x, n, d, k, flat),
    },
    { name: 'assign, labels only', kernel: 'assignOnce', flops: 2 * k * d, call: (X) => model(X).predict(X) },
    { name: 'inertia', minor: true, kernel: 'inertia', flops: 2 * d, call: (X) => new KMeans({ ...kmeans, maxIter: 1 }).fit(X) },
    { name: 'transform', kernel: 'transform', flops: 2 * k * d, call: (X) => model(X).transform(X) },
    { name: 'seeding, trials', kernel: 'seedTrials', flops: 2 * trials * d, call: seeds },
    { name: 'seeding, update', kernel: 'seedUpdate', flops: 2 * d, call: seeds },
  ]
  for (const [code, type] of ['full', 'tied', 'diag', 'spherical'].entries()) {
    if (code < 2 && d > 256) continue
    const matrix = (scale) => variance.map((v, i) => variance.map((_, j) => (i === j ? scale / v : 0)))
    const precisionsInit = [
      () => centers.map(() => matrix(1)),
      () => matrix(1),
      () => centers.map(() => variance.map((v) => 1 / v)),
      () => centers.map(() => d / variance.reduce((a, b) => a + b)),
    ][code]()
    const options = {
      nComponents: k,
      covarianceType: type,
      weightsInit: centers.map(() => 1 / k),
      meansInit: centers,
      precisionsInit,
      tol: 0,
      onWarning: silent,
    }
    const counts = (args) => args[0] === code // tied fits take the total scatter with the same kernel, once
    let start
    const plain = type === 'full' ? (x, n) => plainDensities(x, n, d, k, flat, variance) : undefined
    tasks.push({
      name: `${type}, E and M`,
      quick: code === 0 || code === 2,
      kernel: 'mixture',
      counts,
      flops: mixtureFlops(type, d, k).reduce((e, m) => e + m),
      call: (X) => new GaussianMixture({ ...options, maxIter: 1 }).fit(X),
    })
    tasks.push({
      name: `${type}, E only`,
      quick: code === 0,
      minor: code !== 0 && code !== 2,
      kernel: 'mixture',
      counts,
      flops: mixtureFlops(type, d, k)[0],
      call: (X) => (start ??= new GaussianMixture({ ...options, maxIter: 0 }).fit(X)).scoreSamples(X),
      plain,
    })
  }
  return tasks
}

// ------------------------------------------------------------------------------------------------- plain loops, for comparison

function plainAssign(x, n, d, k, centers) {
  const labels = new Int32Array(n)
  const sums = new Float64Array(k * d)
  const counts = new Float64Array(k)
  let inertia = 0
  for (let i = 0; i < n; i++) {
    let nearest = 0
    let best = Infinity
    for (let c = 0; c < k; c++) {
      let square = 0
      for (let j = 0; j < d; j++) {
        const t = x[i * d + j] - centers[c * d + j]
        square += t * t
      }
      if (square < best) {
        best = square
        nearest = c
      }
    }
    labels[i] = nearest
    inertia += best
    counts[nearest]++
    for (let j = 0; j < d; j++) sums[nearest * d + j] += x[i * d + j]
  }
  return { labels, sums, counts, inertia }
}

// Full covariances, upper triangular factors of the precisions
function plainDensities(x, n, d, k, means, variance) {
  const factors = new Float64Array(k * d * d)
  for (let c = 0; c < k; c++) for (let j = 0; j < d; j++) factors[(c * d + j) * d + j] = 1 / Math.sqrt(variance[j])
  const logs = new Float64Array(k)
  const t = new Float64Array(d)
  const out = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    let most = -Infinity
    for (let c = 0; c < k; c++) {
      for (let j = 0; j < d; j++) t[j] = x[i * d + j] - means[c * d + j]
      let square = 0
      for (let j = 0; j < d; j++) {
        let z = 0
        for (let m = 0, at = c * d * d + j; m <= j; m++, at += d) z += t[m] * factors[at]
        square += z * z
      }
      logs[c] = -0.5 * square
      if (logs[c] > most) most = logs[c]
    }
    let sum = 0
    for (let c = 0; c < k; c++) sum += Math.exp(logs[c] - most)
    out[i] = most + Math.log(sum)
  }
  return out
}

// ------------------------------------------------------------------------------------------------------------- the instruments

async function internals() {
  const outfile = `${root}build/bench/internals.mjs`
  mkdirSync(`${root}build/bench`, { recursive: true })
  await build({
    stdin: {
      contents:
        "export * from './src/index.ts'\nexport { sourceOf } from './src/matrix.ts'\nexport { sharedArena } from './src/memory.ts'\nexport * from './src/kernel-modules.ts'",
      resolveDir: root,
      loader: 'ts',
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    outfile,
    logLevel: 'warning',
  })
  stop()
  return import(pathToFileURL(outfile).href)
}

// Stands before all kernels and adds up their time; of the one in question it takes the time and rows of every call: a pass ends in (start, end,
// stats, scratch). Rates are the median of calls of about a millisecond, as the peak's are, so that both lose equally little when the machine
// looks elsewhere.
function meterOn(modules, name, counts = () => true) {
  const originals = modules.flatMap((kernels) =>
    Object.entries(kernels)
      .filter(([own, f]) => typeof f === 'function' && own !== 'exp' && own !== 'log')
      .map(([own, kernel]) => [kernels, own, kernel]),
  )
  let perRow = []
  let spent = new Map()
  for (const [kernels, own, kernel] of originals)
    kernels[own] = (...args) => {
      const begin = performance.now()
      const result = kernel(...args)
      const ms = performance.now() - begin
      const counted = own === name && counts(args)
      const label = own !== name || counted ? own : `other ${own}`
      spent.set(label, (spent.get(label) ?? 0) + ms)
      if (counted) perRow.push((ms * 1e6) / (args.at(-3) - args.at(-4)))
      return result
    }
  return {
    reset() {
      perRow = []
      spent = new Map()
    },
    nanosecondsPerRow() {
      if (perRow.length === 0) throw new Error(`bench/kernels.mjs: ${name} was not called where it was looked for`)
      return median(perRow)
    },
    spent: () => spent,
    remove() {
      for (const [kernels, own, kernel] of originals) kernels[own] = kernel
    },
  }
}
