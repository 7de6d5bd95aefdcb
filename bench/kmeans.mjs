// k-means through the public API, against scikit-learn, ml-kmeans and skmeans: same first centers, 20 iterations at tol 0, and what comes out
// must agree.
import { KMeans, kmeansPlusPlus } from '../dist/index.js'
import { contender, difference, fingerprint, race, ratioOf } from './harness.mjs'
import { PEERS, startPeer } from './peers.mjs'
import { inertiaOf } from './workloads.mjs'

const silent = () => {}

/** Rows of the table for one workload. */
export async function* benchKMeans(workload, { sklearn, seconds, all, quick }) {
  const { id, n, d, k, matrix, centers } = workload
  const peers = all || ['W1', 'W2', 'W3', 'W4'].includes(id) ? PEERS : []
  // bounds need many distances to save: elsewhere elkan was 1.6 to 3.4 times slower than lloyd
  const algorithms = all || d * k >= 2000 ? ['lloyd', 'elkan'] : ['lloyd']
  const theirs = (name, task, parameters) => (sklearn ? [{ name, run: (repeat) => sklearn.ask(task, { ...parameters, repeat }) }] : [])
  const fitted = ({ inertia, nIter, labels }) => ({ inertia, nIter, labels: fingerprint(labels) })
  let model

  const fit =
    (maxIter, tol, X = matrix) =>
    () =>
      (model = new KMeans({ nClusters: k, init: centers, maxIter, tol, onWarning: silent }).fit(X))
  const lloyds = (maxIter, tol) => algorithms.flatMap((algorithm) => theirs(algorithm, 'kmeans', { algorithm, max_iter: maxIter, tol }))
  const rivals = await Promise.all(peers.map((name) => startPeer(name, workload)))

  {
    const contenders = [contender('mixtura', fit(20, 0), fitted), ...lloyds(20, 0), ...rivals]
    const turns = await race(contenders, seconds)
    for (const rival of rivals) rival.stop()
    for (const [c, { name }] of contenders.entries())
      if (PEERS.includes(name) && !turns[c][0].late) turns[c][0].inertia = inertiaOf(workload, turns[c][0].centers)
    yield row(workload, '20 iterations', contenders, turns)
  }
  {
    const turns = await race(
      [
        contender(
          'mixtura',
          () => model.predict(matrix),
          (labels) => ({ labels: fingerprint(labels) }),
        ),
        ...theirs('predict', 'predict'),
      ],
      seconds / 2,
    )
    yield row(
      workload,
      'predict',
      ['mixtura', 'predict'].map((name) => ({ name })),
      turns,
    )
  }
  if (id === 'W4') {
    const nested = matrix.toArray()
    const contenders = [contender('mixtura', fit(20, 0, nested), fitted), ...lloyds(20, 0)]
    yield row(workload, '20 iterations, X as number[][]', contenders, await race(contenders, seconds / 2))
  }
  if (all || !['W6', 'W7'].includes(id)) {
    const contenders = [contender('mixtura', fit(300, 1e-4), fitted), ...lloyds(300, 1e-4)]
    yield row(workload, 'to convergence', contenders, await race(contenders, seconds))
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
    yield row(workload, 'k-means++', contenders, turns, seeds)
  }
}

// What the table says of a race: the first contender is ours. `seeds`: how many random answers were averaged, 0 where
// answers must agree
function row({ id: workload, n, d, k }, task, contenders, [ours, ...others], seeds = 0) {
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
    if (first.labels) result.labelsAgree = (result.labelsAgree ?? true) && first.labels === ours[0].labels
  }
  result.difference = worst
  result.seeds = seeds
  return result
}
