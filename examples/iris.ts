// Iris without labels: three components on every pair of features and on all four, against the species.
import { adjustedRandScore, clusterAccuracy, GaussianMixture, loadIris } from 'mixtura'
import { named } from './data.ts'
import { ellipses, groupDots, groupKeys, writeFigure } from './figure.ts'
import { printTable } from './table.ts'

const { data, target, featureNames, targetNames } = loadIris()
const pairs = [
  [0, 1],
  [0, 2],
  [0, 3],
  [1, 2],
  [1, 3],
  [2, 3],
]
const fit = (X: Parameters<GaussianMixture['fit']>[0]) => {
  const model = new GaussianMixture({ nComponents: 3, nInit: 10, randomState: 28 }).fit(X)
  const predicted = model.predict(X)
  return { model, predicted, rand: adjustedRandScore(target, predicted), accuracy: clusterAccuracy(target, predicted) }
}

// Two columns of the flat numbers are a matrix of their own: rows 4 apart, columns b − a apart, the first at a.
const fits = pairs.map(([a, b]) => ({ a, b, ...fit({ data: data.data, shape: [data.rows, 2], strides: [data.cols, b - a], offset: a }) }))
const all = fit(data)
printTable(
  ['features', 'adjusted Rand', 'accuracy', 'iterations'],
  [...fits, { ...all, a: -1, b: -1 }].map(({ a, b, rand, accuracy, model }) => [
    a < 0 ? 'all four' : `${featureNames[a]}, ${featureNames[b]}`,
    rand.toFixed(3),
    accuracy.toFixed(3),
    model.nIter,
  ]),
  'Three Gaussian components, full covariance, against the three species',
)

const rows = data.toArray()
writeFigure('iris', {
  title: 'Iris, clustered without labels',
  subtitle: `Three Gaussians fitted to each pair of features; on all four: adjusted Rand index ${all.rand.toFixed(3)}. Ellipses: 2σ`,
  legend: groupKeys(targetNames),
  columns: 3,
  height: 300,
  panels: fits.map(({ a, b, model, predicted, rand }) => ({
    heading: `adjusted Rand ${rand.toFixed(3)}`,
    x: { label: featureNames[a], inset: 6 },
    y: { label: featureNames[b], inset: 6 },
    marks: [...groupDots(rows, target, named(target, predicted), [a, b]), ...ellipses(model)],
  })),
})
