// Two threads beside one: the same fit through fitAsync, per iteration and whole, with the same bits. An iteration's time is what lies between two
// calls of onIteration, so that putting data in place and starting workers are not in it; for k-means it includes the inertia that is reported.
import { GaussianMixture, KMeans } from '../dist/index.js'
import { median, race, ratioOf } from './harness.mjs'
import { precisionsOf } from './mixture.mjs'

const silent = () => {}

/** Rows of the table for one workload. */
export async function* benchThreads(workload, { sklearn, seconds }) {
  const { id, d, k, matrix, centers, variance } = workload
  const start = { weightsInit: centers.map(() => 1 / k), meansInit: centers, onWarning: silent }
  const tasks = {
    'k-means': () => new KMeans({ nClusters: k, init: centers, maxIter: 20, tol: 0, onWarning: silent }),
    diag: () =>
      new GaussianMixture({
        nComponents: k,
        covarianceType: 'diag',
        ...start,
        precisionsInit: precisionsOf('diag', variance, k),
        maxIter: 5,
        tol: 0,
      }),
    full: () => new GaussianMixture({ nComponents: k, ...start, precisionsInit: precisionsOf('full', variance, k), maxIter: 5, tol: 0 }),
  }
  for (const [task, make] of Object.entries(tasks)) {
    if (task === 'full' && d > 256) continue
    const contenders = [1, 2].map((threads) => ({
      name: `${threads}`,
      async run(repeat) {
        const whole = []
        const each = []
        let state
        for (let i = 0; i < repeat; i++) {
          const marks = []
          const begin = performance.now()
          const model = await make().fitAsync(matrix, { threads, onIteration: ({ elapsedMs }) => void marks.push(elapsedMs) })
          whole.push(performance.now() - begin)
          each.push((marks[marks.length - 1] - marks[0]) / (marks.length - 1))
          state = JSON.stringify(model)
        }
        return { ms: median(each), whole: median(whole), state }
      },
    }))
    if (task === 'k-means' && sklearn)
      contenders.push({
        name: 'scikit-learn',
        run: async (repeat) => {
          const turn = await sklearn.ask('kmeans', { algorithm: 'lloyd', max_iter: 20, tol: 0, repeat })
          return { ...turn, whole: turn.ms, ms: turn.ms / turn.nIter }
        },
      })
    const [one, two, theirs] = await race(contenders, 2 * seconds)
    const wholes = (turns) => turns.map((turn) => ({ ms: turn.whole, cpu: 0 }))
    yield {
      section: 'threads',
      workload: id,
      task,
      one: ratioOf(one, two),
      two: ratioOf(two, two),
      whole: ratioOf(wholes(one), wholes(two)),
      theirs: theirs && ratioOf(wholes(theirs), wholes(two)),
      rounds: two.length,
      others: {},
      faults: one[0].state === two[0].state ? [] : [`${id} ${task}: two threads leave other bits than one`],
    }
  }
}
