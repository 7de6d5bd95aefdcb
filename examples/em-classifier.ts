// The first EM classifier: two overlapping 3-d Gaussians by EM of our own, next to GaussianMixture.
import { clusterAccuracy, expectationMaximization, GaussianMixture, type LatentVariableModel, maximumLikelihood } from 'mixtura'
import { drawGroups, named } from './data.ts'
import { ellipse, groupDots, groupKeys, writeFigure } from './figure.ts'
import { printTable } from './table.ts'

const first = {
  n: 300,
  mean: [0, 0, 0],
  factor: [
    [1.2, 0, 0],
    [0.6, 0.9, 0],
    [-0.3, 0.2, 1],
  ],
}
const second = {
  n: 300,
  mean: [2, 2, 1],
  factor: [
    [0.8, 0, 0],
    [-0.5, 1, 0],
    [0.4, 0.3, 0.7],
  ],
}
const { X, labels } = drawGroups([first, second], 28)

type Parameters = { weights: number[]; means: number[][]; covariances: number[][][] }
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0)

// ln N(x; μ, Σ) by the Cholesky factor of Σ = L·Lᵀ: with L·z = x − μ it is −½(d·ln 2π + |z|²) − Σ ln L_jj
function gaussian(mean: number[], covariance: number[][]): (x: number[]) => number {
  const L = covariance.map((row) => row.map(() => 0))
  covariance.forEach((row, i) => {
    for (let j = 0; j <= i; j++) {
      const rest = row[j] - sum(L[i].slice(0, j).map((l, m) => l * L[j][m]))
      L[i][j] = i === j ? Math.sqrt(rest) : rest / L[j][j]
    }
  })
  const constant = -0.5 * mean.length * Math.log(2 * Math.PI) - sum(L.map((row, j) => Math.log(row[j])))
  return (x) => {
    const z: number[] = []
    L.forEach((row, i) => z.push((x[i] - mean[i] - sum(z.map((v, j) => row[j] * v))) / row[i]))
    return constant - 0.5 * sum(z.map((v) => v * v))
  }
}

const model: LatentVariableModel<Parameters> = {
  // E: who is responsible for each row? r_ik = π_k N(x_i; μ_k, Σ_k) / p(x_i), with logarithms so that nothing underflows
  eStep({ weights, means, covariances }) {
    const densities = means.map((mean, k) => gaussian(mean, covariances[k]))
    const joint = X.map((x) => densities.map((density, k) => Math.log(weights[k]) + density(x)))
    const rows = joint.map((row) => Math.max(...row) + Math.log(sum(row.map((v) => Math.exp(v - Math.max(...row))))))
    return { responsibilities: joint.map((row, i) => row.map((v) => Math.exp(v - rows[i]))), logLikelihood: sum(rows) }
  },
  // M: maximum likelihood, every row counting as much as the component is responsible for it
  mStep(responsibilities) {
    const shares = [0, 1].map((k) => Array.from(responsibilities, (row) => row[k]))
    const groups = shares.map((sampleWeight) => maximumLikelihood.gaussian(X, { sampleWeight }))
    return { weights: shares.map((r) => sum(r) / X.length), means: groups.map((g) => g.mean), covariances: groups.map((g) => g.covariance) }
  },
}

// Both start from the same parameters: equal weights, two rows of the data as means, unit covariances.
const identity = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
]
const start = { weights: [0.5, 0.5], means: [X[1], X[0]], covariances: [identity, identity] }
const stopping = { tol: 1e-7, maxIter: 500 }
const own = expectationMaximization(model, start, stopping)
const mixture = new GaussianMixture({
  nComponents: 2,
  weightsInit: start.weights,
  meansInit: start.means,
  precisionsInit: start.covariances,
  regCovar: 0,
  ...stopping,
}).fit(X)

const responsibilities = model.eStep(own.parameters).responsibilities as number[][]
const predicted = Int32Array.from(responsibilities, (r) => Number(r[1] > r[0]))
const { weights, means, covariances } = own.parameters
const fixed = (values: number[]) => values.map((v) => v.toFixed(4)).join(' ')
printTable(
  ['', 'own EM', 'GaussianMixture'],
  [
    ...[0, 1].flatMap((k) => [
      [`weight ${k + 1}`, weights[k].toFixed(4), mixture.weights[k].toFixed(4)],
      [`mean ${k + 1}`, fixed(means[k]), fixed(mixture.means[k])],
      [`variances ${k + 1}`, fixed(covariances[k].map((row, j) => row[j])), fixed(mixture.covariances[k].map((row, j) => row[j]))],
    ]),
    ['iterations', own.nIter, mixture.nIter],
    ['log-likelihood', own.logLikelihood.toFixed(6), (mixture.score(X) * X.length).toFixed(6)],
    ['accuracy', clusterAccuracy(labels, predicted).toFixed(3), clusterAccuracy(labels, mixture.predict(X)).toFixed(3)],
  ],
  'Two Gaussians in three dimensions, 600 rows, labels never seen',
)
const difference = Math.max(
  ...[weights, means, covariances].flat(3).map((v, i) => Math.abs(v - [mixture.weights, mixture.means, mixture.covariances].flat(3)[i])),
)
console.log(`\n  Largest difference of any parameter: ${difference.toExponential(1)}`)

const projection = (a: number, b: number) => {
  const part = (k: number) => [a, b].map((i) => [a, b].map((j) => covariances[k][i][j])) // the marginal of two features is their part of Σ
  const ellipses = means.map((mean, k) => ellipse([mean[a], mean[b]], part(k)))
  return {
    heading: `x${a + 1} and x${b + 1}`,
    x: { label: `x${a + 1}`, inset: 6 },
    y: { label: `x${b + 1}`, inset: 6 },
    marks: [...groupDots(X, labels, named(labels, predicted), [a, b]), ...ellipses],
  }
}
writeFigure('em-classifier', {
  title: 'Two overlapping 3-d Gaussians, found by EM',
  subtitle: `Accuracy ${clusterAccuracy(labels, predicted).toFixed(3)} without a label; ellipses: 2σ of the fitted components`,
  legend: groupKeys(['drawn from group 1', 'drawn from group 2']),
  panels: [projection(0, 1), projection(0, 2)],
})
