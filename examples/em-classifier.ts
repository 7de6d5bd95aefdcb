// The first EM classifier: two overlapping 3-d Gaussians by EM of our own, next to GaussianMixture.
import { clusterAccuracy, expectationMaximization, GaussianMixture } from 'mixtura'
import { drawGroups, named, OVERLAPPING } from './data.ts'
import { gaussianEm } from './gaussian-em.ts'
import { ellipse, groupDots, groupKeys, writeFigure } from './figure.ts'
import { printTable } from './table.ts'

const { X, labels } = drawGroups(OVERLAPPING, 28)
const model = gaussianEm(X)

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
