// Gaussian mixtures through the public API, against scikit-learn and, where R has it, mclust: weights 1/K, means = K rows of X, covariances = the
// columns' variances; 10 iterations at tol 0 and to convergence, and the mean log-likelihood that comes out must agree; then what a fitted mixture
// answers. No package of JavaScript's fits these in time that could be waited for.
import { GaussianMixture } from '../dist/index.js'
import { contender, difference, race, ratioOf } from './harness.mjs'
import { mixtureFlops } from './kernels.mjs'
import { measuredPeak } from './peak.mjs'

const silent = () => {}
export const TYPES = ['full', 'tied', 'diag', 'spherical']
const FEATURES_OF_FULL = 256 // K·D² numbers and N·K·D² operations: beyond, only diag and spherical

// Where 10 iterations of scikit-learn's took 6 to 43 seconds (measured, one thread): 2 iterations, unless all is asked for. Fewer rows would
// flatter scikit-learn, whose N×D temporaries would stay in cache: on a tenth of W5's it took about half the time per row.
const SLOW = { W5: ['full', 'tied'], W6: ['full', 'tied', 'spherical'], W7: ['spherical'], W8: ['full', 'tied'] }
// Up to 100 iterations: where scikit-learn takes a second or two at most, unless all is asked for
const CONVERGING = ['W1', 'W2', 'W3', 'W4']

/** Rows of the table for one workload. */
export async function* benchMixture(workload, { sklearn, mclust, seconds, all, quick, types = TYPES }) {
  const { id, n, d, k, matrix, centers, variance } = workload
  const peak = (await measuredPeak()).rate / 1e6 // GFLOP/s

  for (const type of types) {
    if ((type === 'full' || type === 'tied') && d > FEATURES_OF_FULL) continue
    const slow = !all && SLOW[id]?.includes(type)
    const theirs = (task, parameters = () => ({})) =>
      sklearn
        ? [{ name: 'scikit-learn', run: (repeat, turn) => sklearn.ask(task, { covariance_type: type, ...parameters(turn), repeat }) }]
        : []
    const [e, m] = mixtureFlops(type, d, k)
    const row = (task, [ours, other, third], isFit, flops) => ({
      ...rowOf({ workload: id, type, task }, [ours, other, third], isFit),
      ofPeak: (n * flops(ours[0])) / (ratioOf(ours, ours).ms * 1e6) / peak,
    })
    let model
    const start = { weightsInit: centers.map(() => 1 / k), meansInit: centers, precisionsInit: precisionsOf(type, variance, k) }
    const fit = (maxIter, tol) => () =>
      (model = new GaussianMixture({ nComponents: k, covarianceType: type, ...start, maxIter, tol, onWarning: silent }).fit(matrix))
    // scoring costs another E-step, so once per race
    const fits = (maxIter, tol) => {
      let known
      return [
        contender('mixtura', fit(maxIter, tol), (fitted) => ({
          nIter: fitted.nIter,
          lowerBound: fitted.lowerBound,
          quality: (known ??= fitted.score(matrix)),
        })),
        ...theirs('mixture', (turn) => ({ max_iter: maxIter, tol, score: turn === 0 })),
        ...(mclust && tol === 0 && type !== 'tied' && !slow ? [mclust.contender(type, maxIter)] : []),
      ]
    }
    const each = type === 'full' || type === 'diag' ? seconds : seconds / 2
    const iterations = ({ nIter }) => nIter * (e + m)

    if (slow) {
      yield row('2 iterations', await race(fits(2, 0), each, 3), true, iterations)
      continue
    }
    yield row('10 iterations', await race(fits(10, 0), each), true, iterations)
    if (!quick) {
      const answers = {
        scoreSamples: [() => model.scoreSamples(matrix), (v) => v.reduce((a, b) => a + b) / n, 'score_samples'],
        predictProba: [() => model.predictProba(matrix), meanLargest, 'predict_proba'],
        predict: [() => model.predict(matrix), (labels) => labels.reduce((a, b) => a + b) / n, 'predict_mixture'],
      }
      for (const [task, [call, quality, name]] of Object.entries(answers))
        yield row(
          task,
          await race([contender('mixtura', call, (v) => ({ quality: quality(v) })), ...theirs(name)], seconds / 3),
          false,
          () => e,
        )
    }
    if (all || (quick ? ['W1', 'W2'] : CONVERGING).includes(id))
      yield row('to convergence', await race(fits(100, 1e-3), each), true, iterations)
  }
}

// diag(1/variance) in the shape of the type; spherical: 1 over the mean variance
export function precisionsOf(type, variance, k) {
  const matrix = () => variance.map((v, i) => variance.map((_, j) => (i === j ? 1 / v : 0)))
  const mean = variance.reduce((a, b) => a + b) / variance.length
  return {
    full: () => Array.from({ length: k }, matrix),
    tied: matrix,
    diag: () => Array.from({ length: k }, () => variance.map((v) => 1 / v)),
    spherical: () => new Array(k).fill(1 / mean),
  }[type]()
}

function meanLargest({ rows, cols, data }) {
  let sum = 0
  for (let i = 0; i < rows * cols; i += cols) {
    let most = 0
    for (let c = 0; c < cols; c++) most = Math.max(most, data[i + c])
    sum += most
  }
  return sum / rows
}

function rowOf({ workload, type, task }, [ours, theirs, third], isFit) {
  const result = {
    section: 'mixture',
    workload,
    type,
    task,
    ms: ratioOf(ours, ours).ms,
    rounds: ours.length,
    quality: ours[0].quality,
    nIter: ours[0].nIter,
    others: {},
    faults: [],
  }
  if (third) result.others.mclust = { ...ratioOf(third, ours), quality: third[0].quality }
  if (!theirs) return result
  const [a, b] = [ours[0], theirs.find((turn) => (turn.score ?? turn.quality) !== undefined) ?? {}]
  const other = (result.others['scikit-learn'] = { ...ratioOf(theirs, ours), nIter: b.nIter, quality: b.score ?? b.quality })
  result.difference = other.difference = difference(a.quality, other.quality)
  const name = { predictProba: 'mean largest probability', predict: 'mean label' }[task] ?? 'mean log-likelihood'
  if (!(result.difference <= 1e-9))
    result.faults.push(
      `${workload}, ${type}, ${task}: ${name} ${a.quality}, scikit-learn has ${other.quality} (relative difference ${result.difference})`,
    )
  if (isFit && a.nIter !== b.nIter) result.faults.push(`${workload}, ${type}, ${task}: ${a.nIter} iterations, scikit-learn took ${b.nIter}`)
  return result
}
