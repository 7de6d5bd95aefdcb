// What the tables show of the rows that kernels.mjs, kmeans.mjs and mixture.mjs yield.
import { digits, summary, table, times } from './harness.mjs'
import { PEERS } from './peers.mjs'

const percent = (share) => (share === undefined ? '–' : `${Math.round(100 * share)} %`)
const range = (other) => (other?.ratio ? `${times(other.low)} – ${times(other.high)}` : '–')
function apart({ difference, seeds }) {
  if (difference === undefined) return '–'
  if (seeds) return `${difference >= 0 ? '+' : '−'}${(100 * Math.abs(difference)).toFixed(1)} % (${seeds})`
  return difference === 0 ? '0' : difference.toExponential(0).replace('-', '−')
}
// the kernel itself, others from 3 % on, and what is no kernel's
function callShares({ kernel, shares }) {
  const others = Object.entries(shares).filter(([name, share]) => name !== kernel && share >= 0.03)
  const outside = 1 - Object.values(shares).reduce((a, b) => a + b)
  return [
    `itself ${percent(shares[kernel])}`,
    ...others.sort((a, b) => b[1] - a[1]).map(([name, share]) => `${name} ${percent(share)}`),
    `outside ${percent(Math.max(0, outside))}`,
  ].join(', ')
}
const iterations = ({ nIter }) => (nIter === undefined ? '–' : String(nIter))

/** The faster of scikit-learn's algorithms in a row. */
function best({ others }) {
  return Object.entries(others)
    .filter(([name]) => !PEERS.includes(name) && name !== 'mclust')
    .map(([name, other]) => ({ name, ...other }))
    .sort((a, b) => a.ms - b.ms)[0]
}
const peer = (name) => [name, ({ others }) => (others[name]?.late ? '> 60 s' : times(others[name]?.ratio))]
const against = [
  ['mixtura ms', (row) => digits(row.ms)],
  ['scikit-learn ms', (row) => digits(best(row)?.ms)],
  ['ratio', (row) => times(best(row)?.ratio)],
  ['lowest – highest', (row) => range(best(row)), 'detail'],
  ['of best', (row) => times(best(row)?.best), 'detail'],
  ['by CPU', (row) => times(best(row)?.cpu), 'detail'],
]

/** Columns by section: title and what it shows of a row; details are left out of Markdown. */
export const COLUMNS = {
  kernels: [
    ['', (row) => row.workload],
    ['pass', (row) => row.task],
    ['rows', (row) => digits(row.rows)],
    ['ns/row', (row) => digits(row.nsPerRow)],
    ['GFLOP/s', (row) => digits(row.gflops)],
    ['of peak', (row) => percent(row.ofPeak)],
    ['plain loop', (row) => times(row.overPlain)],
    ['where its call goes', callShares, 'detail'],
  ],
  kmeans: [
    ['', (row) => row.workload],
    ['task', (row) => row.task],
    ...against,
    ['by', (row) => best(row)?.name ?? '–', 'detail'],
    ['ms/iteration', (row) => (row.nIter ? digits(row.ms / row.nIter) : '–')],
    ...['lloyd', 'elkan', ...PEERS].map(peer),
    ['of peak', (row) => percent(row.ofPeak)],
    ['of reading', (row) => percent(row.ofBandwidth)],
    ['inertia', (row) => (row.quality === undefined ? '–' : digits(row.quality, 8))],
    ['differs', apart],
    ['labels', (row) => (row.labelsAgree === undefined ? '–' : row.labelsAgree ? 'same' : 'DIFFER'), 'detail'],
    ['iterations', iterations],
    ['rounds', (row) => String(row.rounds), 'detail'],
  ],
  threads: [
    ['', (row) => row.workload],
    ['task', (row) => row.task],
    ['ms per iteration, one', (row) => digits(row.one.ms)],
    ['two', (row) => digits(row.two.ms)],
    ['ratio', (row) => times(row.one.ratio)],
    ['lowest – highest', (row) => range(row.one), 'detail'],
    ['of best', (row) => times(row.one.best)],
    ['whole fit', (row) => times(row.whole.ratio)],
    ['scikit-learn', (row) => times(row.theirs?.ratio)],
    ['rounds', (row) => String(row.rounds), 'detail'],
  ],
  mixture: [
    ['', (row) => row.workload],
    ['type', (row) => row.type],
    ['task', (row) => row.task],
    ...against,
    ['of peak', (row) => percent(row.ofPeak)],
    ['mclust', (row) => times(row.others.mclust?.ratio)],
    ['quality', (row) => digits(row.quality, 8)],
    ['differs', apart],
    ['iterations', iterations],
    ['rounds', (row) => String(row.rounds), 'detail'],
  ],
}

const TITLES = {
  threads:
    'Two threads beside one: ratio = time of one thread over that of two; scikit-learn’s whole fit, with --threads threads, over ours with two',
  kernels: 'Kernels: share of the multiply-add peak measured in the same round',
  kmeans:
    'k-means: ratio = their time over ours; inertia beside it (k-means++: mean potential of theirs against ours, over as many seeds). Of peak: 2·D operations a distance asked for, skipped or not, over the multiply-add peak; of reading: X once a pass over the speed of reading memory',
  mixture:
    'Gaussian mixtures: ratio = their time over ours; mean log-likelihood per sample beside it (predictProba: mean largest probability)',
}

/** One section's table and its summary. */
export function sectionReport(section, rows, markdown) {
  const columns = COLUMNS[section].filter(([, , detail]) => !(markdown && detail))
  const lines = [
    `${markdown ? '### ' : ''}${TITLES[section]}`,
    '',
    table(
      columns.map(([title]) => title),
      rows.map((row) => columns.map(([, show]) => show(row))),
      markdown,
    ),
    '',
  ]
  if (section === 'kernels')
    lines.push(`Peak: median ${digits(rows.map((r) => r.peak).sort((a, b) => a - b)[rows.length >> 1])} GFLOP/s over all rounds.`)
  else {
    const groups = new Map()
    const note = (label, other) => other?.ratio && groups.set(label, [...(groups.get(label) ?? []), other])
    for (const row of rows) {
      note(`scikit-learn, ${row.type ? `${row.type}, ` : ''}${row.task}`, best(row))
      for (const name of PEERS) if (row.work >= 1e6) note(`${name}, N·D·K ≥ 10⁶`, row.others[name])
    }
    const shown = [...groups].map(([label, others]) => {
      const wall = summary(others.map((o) => o.ratio))
      const best = summary(others.map((o) => o.best))
      const cpu = summary(others.map((o) => o.cpu))
      return [
        label,
        times(wall.worst),
        times(wall.mean),
        ...(markdown ? [] : [best, cpu].flatMap((s) => [times(s.worst), times(s.mean)])),
        String(others.length),
      ]
    })
    if (shown.length > 0)
      lines.push(
        table(
          ['against', 'worst', 'geometric mean', ...(markdown ? [] : ['worst of best', 'mean', 'worst by CPU', 'mean']), 'workloads'],
          shown,
          markdown,
        ),
      )
  }
  return lines.join('\n')
}

/** The workloads of a run. */
export function workloadReport(workloads, markdown) {
  const rows = workloads.map(({ id, n, d, k, about, sha256 }) => [id, n.toLocaleString('en-US'), String(d), String(k), about, sha256])
  return table(['', 'N', 'D', 'K', 'data', 'sha-256'], rows, markdown)
}
