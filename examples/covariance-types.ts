// The four covariance types on the same data: what each can bend to, and how well it separates three groups.
import { clusterAccuracy, GaussianMixture } from 'mixtura'
import { drawGroups, LONG_GROUPS, named } from './data.ts'
import { ellipses, groupDots, groupKeys, writeFigure } from './figure.ts'
import { printTable } from './table.ts'

const { X, labels } = drawGroups(LONG_GROUPS, 28)
const fits = (['full', 'tied', 'diag', 'spherical'] as const).map((covarianceType) => {
  const model = new GaussianMixture({ nComponents: 3, covarianceType, nInit: 10, maxIter: 500, randomState: 28 }).fit(X)
  const predicted = model.predict(X)
  return { covarianceType, model, predicted, accuracy: clusterAccuracy(labels, predicted) }
})
printTable(
  ['covariance', 'free parameters', 'mean log-likelihood', 'BIC', 'accuracy'],
  fits.map(({ covarianceType, model, accuracy }) => [
    covarianceType,
    model.nParameters,
    model.score(X).toFixed(4),
    model.bic(X).toFixed(1),
    accuracy.toFixed(3),
  ]),
  'Three groups of 80 rows each, three components, ten starts',
)

writeFigure('covariance-types', {
  title: 'Four covariance types, the same data',
  subtitle: 'Gaussian mixtures of three components fitted without labels; ellipses: 2σ of each component',
  legend: groupKeys([1, 2, 3].map((k) => `drawn from group ${k}`)),
  columns: 2,
  height: 330,
  panels: fits.map(({ covarianceType, model, predicted, accuracy }) => ({
    heading: `${covarianceType}: accuracy ${accuracy.toFixed(3)}`,
    x: { label: 'x1', domain: [-6.5, 9.5] },
    y: { label: 'x2', domain: [-5, 8.5] },
    marks: [...groupDots(X, labels, named(labels, predicted)), ...ellipses(model)],
  })),
})
