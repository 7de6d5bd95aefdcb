// The README's table from a run's figures: node bench/run.mjs --json FILE && node bench/overview.mjs FILE
import { readFileSync } from 'node:fs'

const { notes, workloads, rows } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const js = ['ml-kmeans', 'skmeans']

/** The ratio to the faster of scikit-learn's algorithms, or of the packages in JavaScript. */
function ratio(found, rivals) {
  if (!found) return '–'
  const own = Object.entries(found.others)
    .filter(([name]) => (rivals === js ? js.includes(name) : !js.includes(name) && name !== 'mclust'))
    .map(([, other]) => other.ratio)
  return own.length ? `${Math.min(...own).toPrecision(own[0] < 1 ? 2 : own[0] < 10 ? 2 : 3)}×` : '–'
}
const kmeans = (workload, task) => rows.find((r) => r.section === 'kmeans' && r.workload === workload && r.task === task)
const mixture = (workload, type) =>
  ['10 iterations', '2 iterations']
    .map((task) => rows.find((r) => r.section === 'mixture' && r.workload === workload && r.type === type && r.task === task))
    .find(Boolean)

const head = ['', 'N × D, K', 'k-means', 'to convergence', 'k-means++', 'predict', 'best JS package', 'full', 'tied', 'diag', 'spherical']
const table = workloads.map(({ id, n, d, k, about }) => [
  about,
  `${n.toLocaleString('en')} × ${d}, ${k}`,
  ratio(kmeans(id, '20 iterations')),
  ratio(kmeans(id, 'to convergence')),
  ratio(kmeans(id, 'k-means++')),
  ratio(kmeans(id, 'predict')),
  ratio(kmeans(id, '20 iterations'), js),
  ...['full', 'tied', 'diag', 'spherical'].map((type) => ratio(mixture(id, type))),
])
console.log(
  `| ${head.join(' | ')} |\n|${head.map((_, j) => (j < 2 ? '---' : '---:')).join('|')}|\n${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n\n${notes.join(' · ')}`,
)
