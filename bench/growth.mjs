// How time and memory grow with N, D and K: node bench/growth.mjs [kmeans mixture] [--json FILE] [--figure FILE]. Every point is a process of its own, so
// that its peak of resident memory is its own; time is the least of a few fits of ten iterations, as noise only slows.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { GaussianMixture, KMeans, Matrix, makeBlobs } from '../dist/index.js'

const ITERATIONS = 10
const silent = () => {}
const shared = { maxIter: ITERATIONS, tol: 0, randomState: 0, onWarning: silent }
const mixture = (covarianceType) => (X, centers) =>
  new GaussianMixture({ ...shared, nComponents: centers.length, covarianceType, meansInit: centers, initParams: 'random_from_data' }).fit(X)
const FITS = {
  kmeans: { 'k-means': (X, centers) => new KMeans({ ...shared, nClusters: centers.length, init: centers }).fit(X) },
  mixture: { full: mixture('full'), tied: mixture('tied'), diag: mixture('diag'), spherical: mixture('spherical') },
}
const BASE = { N: 20_000, D: 8, K: 8 }
const GROWTH = { N: [1e3, 4e3, 16e3, 64e3, 256e3, 1e6], D: [2, 4, 8, 16, 32, 64, 128], K: [2, 4, 8, 16, 32, 64] }

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    figure: { type: 'string', default: fileURLToPath(new URL('../build/bench/growth.svg', import.meta.url)) },
    point: { type: 'string' },
  },
})
if (flags.point) console.log(JSON.stringify(point(JSON.parse(flags.point))))
else await curves(positionals.length > 0 ? positionals : Object.keys(FITS))

/** Milliseconds an iteration, and the megabytes that the process grew by over X in a first fit: after that the garbage of many fits is in it. */
function point({ section, name, N, D, K }) {
  const fit = FITS[section][name]
  const { X } = makeBlobs({ nSamples: N, nFeatures: D, centers: K, clusterStd: 3, randomState: 1 })
  const data = Matrix.from(X)
  const centers = Array.from({ length: K }, (_, c) => Array.from(data.row(Math.floor((c * N) / K))))
  const few = Matrix.from(Array.from({ length: 2 * K + 2 }, (_, i) => Array.from(data.row(i % N)))) // what any fit needs, whatever its data
  fit(few, centers)
  globalThis.gc() // otherwise the fit takes the pages of what made the data
  const before = process.memoryUsage().rss
  fit(data, centers)
  const megabytes = Math.max(0, process.resourceUsage().maxRSS * 1024 - before) / 2 ** 20
  let ms = Number.POSITIVE_INFINITY
  for (const began = performance.now(), times = []; times.length < 3 || (times.length < 200 && performance.now() - began < 300); ) {
    const begin = performance.now()
    fit(data, centers)
    times.push(performance.now() - begin)
    ms = Math.min(ms, times.at(-1) / ITERATIONS)
  }
  return { ms, megabytes, x: (N * D * 8) / 2 ** 20 }
}

async function curves(sections) {
  const rows = []
  for (const section of sections)
    for (const name of Object.keys(FITS[section] ?? {}))
      for (const [axis, values] of Object.entries(GROWTH))
        for (const value of values) {
          const task = { section, name, ...BASE, [axis]: value }
          const answer = execFileSync(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), '--point', JSON.stringify(task)], {
            encoding: 'utf8',
          })
          rows.push({ axis, ...task, ...JSON.parse(answer) })
          process.stderr.write(
            `${name} ${axis} = ${value}: ${rows.at(-1).ms.toPrecision(3)} ms an iteration, ${rows.at(-1).megabytes.toFixed(1)} MiB\n`,
          )
        }
  if (flags.json) writeFileSync(flags.json, JSON.stringify(rows, null, 1))
  mkdirSync(dirname(flags.figure), { recursive: true })
  writeFileSync(flags.figure, await figure(rows))
  console.log(flags.figure)
}

/** Time above, memory below, one column for each of N, D, K. Both axes of time are logarithmic, so a straight line is a power and its slope the exponent;
 *  memory is not: a few megabytes come and go with any process. */
async function figure(rows) {
  const Plot = await import('@observablehq/plot')
  const { parseHTML } = await import('linkedom')
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const [width, height] = [310, 230]
  const names = [...new Set(rows.map((row) => row.name))]
  const colors = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00'] // Okabe & Ito (2008)
  const panels = ['ms', 'megabytes'].flatMap((measure, y) =>
    Object.keys(GROWTH).map((axis, x) => {
      const others = Object.entries(BASE).filter(([name]) => name !== axis)
      const plot = Plot.plot({
        document,
        width,
        height,
        style: { background: 'white', fontSize: '11px', overflow: 'visible' },
        marginLeft: 48,
        x: {
          type: 'log',
          label: `${axis} (${others.map(([name, value]) => `${name} ${value.toLocaleString('en')}`).join(', ')})`,
          ticks: 4,
        },
        y:
          measure === 'ms'
            ? { type: 'log', label: 'ms an iteration', grid: true, ticks: 4, tickFormat: '~g' }
            : { domain: [0, Math.max(10, ...rows.map((row) => row.megabytes))], label: 'MiB beside X', grid: true, ticks: 4 },
        color: { domain: names, range: colors },
        marks: [
          Plot.lineY(
            rows.filter((row) => row.axis === axis),
            { x: axis, y: measure, stroke: 'name', marker: 'dot' },
          ),
        ],
      })
      plot.setAttribute('x', x * width)
      plot.setAttribute('y', 24 + y * height)
      return plot.outerHTML
    }),
  )
  const legend = names.map((name, i) => `<text x="${48 + 90 * i}" y="16" fill="${colors[i]}">● ${name}</text>`).join('')
  const [w, h] = [3 * width, 24 + 2 * height]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" font-family="system-ui, sans-serif" font-size="12"><rect width="${w}" height="${h}" fill="white"/>${legend}${panels.join('')}</svg>\n`
}
