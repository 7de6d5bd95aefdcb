// npm run bench [-- kernels kmeans mixture threads] [--workloads W3,W4] [--quick | --all] [--types diag,spherical] [--threads 1] [--python PATH] [--markdown] [--json FILE]
// One run, one table: how near the kernels come to the machine's multiply-add peak, and whole fits beside scikit-learn, ml-kmeans and skmeans on the
// same data from the same start. See README.md of this folder.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { load, machineLine } from './harness.mjs'
import { benchKernels } from './kernels.mjs'
import { benchKMeans } from './kmeans.mjs'
import { hasMclust, startMclust } from './mclust.mjs'
import { TYPES, benchMixture } from './mixture.mjs'
import { peakLine } from './peak.mjs'
import { COLUMNS, sectionReport, workloadReport } from './report.mjs'
import { startSklearn } from './sklearn.mjs'
import { benchThreads } from './threads.mjs'
import { WORKLOADS, makeWorkload } from './workloads.mjs'

const SECTIONS = { kernels: benchKernels, kmeans: benchKMeans, mixture: benchMixture, threads: benchThreads }
const ALONE = ['kernels', 'kmeans', 'mixture'] // what runs where nothing is named

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    workloads: { type: 'string' },
    types: { type: 'string' },
    quick: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    threads: { type: 'string', default: '1' },
    python: { type: 'string' },
    markdown: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const known = (names, of, what) => {
  for (const name of names) if (!(name in of)) throw new Error(`${what}: expected some of ${Object.keys(of).join(', ')}, got ${name}`)
  return names
}
const sections = positionals.length > 0 ? known(positionals, SECTIONS, 'sections') : ALONE
const workloads = known(
  flags.workloads?.split(',') ?? (flags.quick ? ['W1', 'W2', 'W4'] : Object.keys(WORKLOADS)),
  WORKLOADS,
  '--workloads',
)
const types = known(flags.types?.split(',') ?? TYPES, Object.fromEntries(TYPES.map((type) => [type, true])), '--types')
const seconds = flags.quick ? 0.6 : flags.all ? 12 : 1.2

const began = performance.now()
const loadBefore = load()
const sklearn = sections.some((s) => s !== 'kernels') ? await startSklearn(flags) : undefined
const withMclust = sections.includes('mixture') && !flags.quick && (await hasMclust())
const rows = []
const made = []
const folder = fileURLToPath(new URL('../build/bench/', import.meta.url))
mkdirSync(folder, { recursive: true })
try {
  for (const id of workloads) {
    const workload = makeWorkload(id)
    made.push(workload)
    if (sklearn) {
      const path = `${folder}${id}.f64`
      writeFileSync(path, workload.bytes)
      await sklearn.ask('load', { path, n: workload.n, d: workload.d, centers: workload.centers, variance: workload.variance })
      rmSync(path)
    }
    const mclust = withMclust ? await startMclust(workload, `${folder}${id}-mclust.f64`) : undefined
    for (const section of sections)
      for await (const row of SECTIONS[section](workload, { sklearn, mclust, types, seconds, all: flags.all, quick: flags.quick })) {
        rows.push(row)
        process.stderr.write(
          `${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${COLUMNS[section].map(([, show]) => show(row)).join('  ')}\n`,
        )
      }
    mclust?.stop()
    workload.matrix = workload.bytes = undefined // hundreds of megabytes
  }
} finally {
  sklearn?.stop()
}

const faults = rows.flatMap((row) => row.faults)
const notes = [
  machineLine(`load ${loadBefore} before, ${load()} after`),
  sections.some((s) => s !== 'kernels')
    ? (sklearn?.versions ?? 'no Python with scikit-learn was found (--python PATH names one): its columns are empty')
    : '',
  sections.includes('mixture') ? (withMclust ? 'mclust in R' : 'no R with mclust was found (or --quick): its column is empty') : '',
  peakLine(),
  `${new Date().toISOString().slice(0, 10)}, ${((performance.now() - began) / 1000).toFixed(0)} s`,
].filter(Boolean)
const report = [notes.join('\n'), workloadReport(made, flags.markdown)]
for (const section of sections)
  report.push(
    sectionReport(
      section,
      rows.filter((row) => row.section === section),
      flags.markdown,
    ),
  )
console.log(`\n${report.join('\n\n')}`)
if (flags.json)
  writeFileSync(
    flags.json,
    JSON.stringify({ notes, workloads: made.map(({ id, n, d, k, about, sha256 }) => ({ id, n, d, k, about, sha256 })), rows }, null, 1),
  )
if (faults.length > 0) {
  console.error(`\nNOT THE SAME WORK:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
  process.exitCode = 1
}
