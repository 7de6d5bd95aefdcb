// k-means through the public API, against scikit-learn, ml-kmeans and skmeans: same first centers, 20 iterations at tol 0, and what comes out
// must agree. Beside the ratios: what share of the machine's measured peak a call reaches.
import { KMeans, kmeansPlusPlus } from '../dist/index.js'
import { contender, difference, fingerprint, race, ratioOf } from './harness.mjs'
import { measuredPeak } from './peak.mjs'
import { PEERS, startPeer } from './peers.mjs'
import { inertiaOf } from './workloads.mjs'

const silent = () => {}

/** Rows of the table for one workload. */
export async function* benchKMeans(workload, { sklearn, seconds, all, quick }) {
  const { id, n, d, k, matrix, centers } = workload
  const peak = await measuredPeak()
  // arrays of arrays of 47 million numbers, and minutes of them
  const peers = all || (!quick && id !== 'W7') || ['W1', 'W2', 'W4'].includes(id) ? PEERS : []
  const algorithms = quick ? ['lloyd'] : ['lloyd', 'elkan']
  // a pass over all rows: the distances it asks for, and X read once
  const passes = (count) => ({ flops: 2 * n * d * k * count, bytes: 8 * n * d * count })
  const row = (task, contenders, turns, work, seeds) => rowOf(workload, task, contenders, turns, work(turns[0][0]), peak, seeds)
  const theirs = (name, task, parameters) => (sklearn ? [{ name, run: (repeat) => sklearn.ask(task, { ...parameters, repeat }) }] : [])
  const fitted = ({ inertia, nIter, labels }) => ({ inertia, nIter, labels: fingerprint(labels) })
  let model

  const fit =
    (maxIter, tol, X = matrix) =>
    () =>
      (model = new KMeans({ nClusters: k, init: centers, maxIter, tol, onWarning: silent }).fit(X))
  const lloyds = (maxIter, tol) => algorithms.flatMap((algorithm) => theirs(algorithm, 'kmeans', { algorithm, max_iter: maxIter, tol }))
  const iterations = ({ nIter }) => passes(nIter + 1) // and the labels of the last centers
  const rivals = await Promise.all(peers.map((name) => startPeer(name, workload)))

  {
    const contenders = [contender('mixtura', fit(20, 0), fitted), ...lloyds(20, 0), ...rivals]
    const turns = await race(contenders, seconds)
    for (const rival of rivals) rival.stop()
    for (const [c, { name }] of contenders.entries())
      if (PEERS.includes(name) && !turns[c][0].late) turns[c][0].inertia = inertiaOf(workload, turns[c][0].centers)
    yield row('20 iterations', contenders, turns, iterations)
  }
  const single = [
    ['predict', () => model.predict(matrix), (labels) => ({ labels: fingerprint(labels) })],
    ['score', () => model.score(matrix), (value) => ({ inertia: -value })],
    ['transform', () => model.transform(matrix), ({ data }) => ({ total: data.reduce((a, b) => a + b) })],
  ]
  for (const [task, work, outcome] of single) {
    const contenders = [contender('mixtura', work, outcome), ...theirs(task, task)]
    yield row(task, contenders, await race(contenders, seconds / 2), () => passes(1))
  }
  if (id === 'W4') {
    const nested = matrix.toArray()
    const contenders = [contender('mixtura', fit(20, 0, nested), fitted), ...lloyds(20, 0)]
    yield row('20 iterations, X as number[][]', contenders, await race(contenders, seconds / 2), iterations)
  }
  if (all || !['W6', 'W7'].includes(id)) {
    const contenders = [contender('mixtura', fit(300, 1e-4), fitted), ...lloyds(300, 1e-4)]
    yield row('to convergence', contenders, await race(contenders, seconds), iterations)
  }
  if (!quick || n * d < 1e6) {
    // their draws differ from ours, so the same work is not the same answer: potentials are compared on average, and nothing is required of them
    const ours = (turn) => kmeansPlusPlus(matrix, k, { randomState: turn })
    const contenders = [
      contender('mixtura', ours),
      ...(sklearn ? [{ name: 'kmeans_plusplus', run: (repeat, turn) => sklearn.ask('seed', { k, random_state: turn, repeat }) }] : []),
    ]
    const turns = await race(contenders, seconds / 2)
    const seeds = Math.max(2, Math.min(40, Math.floor(6e7 / (n * d * k))))
    const potential = (rows) =>
      inertiaOf(
        workload,
        Array.from(rows, (r) => Array.from(matrix.row(r))),
      ) / seeds
    for (const side of turns) side[0].inertia = 0
    for (let seed = 0; seed < seeds; seed++) {
      turns[0][0].inertia += potential(ours(seed).indices)
      if (sklearn) turns[1][0].inertia += potential((await sklearn.ask('seed', { k, random_state: seed, repeat: 1 })).rows)
    }
    const tried = 1 + (k - 1) * (2 + Math.floor(Math.log(k))) // distances of every row
    yield row('k-means++', contenders, turns, () => ({ flops: 2 * n * d * tried, bytes: 8 * n * d }), seeds)
  }
}

// What the table says of a race: the first contender is ours. `work`: operations asked for and bytes of X to be read, of which the share of what
// the machine can do is told. `seeds`: how many random answers were averaged, 0 where answers must agree
function rowOf({ id: workload, n, d, k }, task, contenders, [ours, ...others], work, peak, seeds = 0) {
  const result = {
    section: 'kmeans',
    workload,
    work: n * d * k,
    task,
    ms: ratioOf(ours, ours).ms,
    rounds: ours.length,
    others: {},
    faults: [],
  }
  result.ofPeak = work.flops / result.ms / peak.rate
  result.ofBandwidth = work.bytes / result.ms / peak.bandwidth
  result.quality = ours[0].inertia
  result.nIter = ours[0].nIter
  let worst
  for (const [i, turns] of others.entries()) {
    const { name } = contenders[i + 1]
    const [first] = turns
    if (first.late) {
      result.others[name] = { late: true }
      continue
    }
    result.others[name] = { ...ratioOf(turns, ours), nIter: first.nIter }
    if (first.inertia !== undefined) {
      const apart = seeds ? first.inertia / ours[0].inertia - 1 : difference(first.inertia, ours[0].inertia)
      result.others[name].difference = apart
      if (name === 'lloyd' && first.nIter !== ours[0].nIter)
        result.faults.push(`${workload}, ${task}: ${ours[0].nIter} iterations, ${name} took ${first.nIter}`)
      if (!seeds && !(apart <= 1e-9))
        result.faults.push(`${workload}, ${task}: inertia ${ours[0].inertia}, ${name} has ${first.inertia} (relative difference ${apart})`)
      worst = worst === undefined || Math.abs(apart) > Math.abs(worst) ? apart : worst
    }
    if (first.total !== undefined && !(difference(first.total, ours[0].total) <= 1e-9))
      result.faults.push(`${workload}, ${task}: distances sum to ${ours[0].total}, ${name}'s to ${first.total}`)
    if (first.labels) result.labelsAgree = (result.labelsAgree ?? true) && first.labels === ours[0].labels
  }
  result.difference = worst
  result.seeds = seeds
  return result
}
