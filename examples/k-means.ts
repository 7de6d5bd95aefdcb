// k-means step by step: rows to the nearest center, centers to the mean of their rows, until nothing moves.
import * as Plot from '@observablehq/plot'
import { KMeans, makeBlobs } from 'mixtura'
import { ink, palette, writeFigure } from './figure.ts'
import { printTable } from './table.ts'

const { X } = makeBlobs({
  nSamples: 400,
  centers: [
    [0, 0],
    [5, 1],
    [1.5, 5],
    [6.5, 6],
  ],
  clusterStd: 1.2,
  randomState: 28,
})
// A start that makes it work: all four centers in one corner.
const start = [
  [-1, -1],
  [0, -1],
  [-1, 0],
  [0, 0],
]
const options = { nClusters: 4, init: start, tol: 0, onWarning() {} }

// J, the mean squared distance to the nearest center, falls with every iteration.
const trace: { iteration: number; J: number; shift: number }[] = []
const last = new KMeans(options).fit(X, {
  onIteration: ({ iteration, inertia, shift }) => void trace.push({ iteration, J: inertia / X.rows, shift }),
})
printTable(
  ['iteration', 'J', 'centers moved by'],
  trace.map(({ iteration, J, shift }) => [iteration, J.toFixed(6), shift.toFixed(6)]),
  'From a bad start, until nothing changes',
)

// The four ways to stop. Looser rules stop earlier and leave a slightly larger J.
const rules = [
  ['five iterations', { ...options, maxIter: 5 }],
  ['change of the centers', { ...options, convergence: 'centers', tol: 1e-2 }],
  ['change of the mean squared distance', { ...options, convergence: 'mse', tol: 1e-2 }],
  ['change of the mean absolute distance', { ...options, convergence: 'mae', tol: 1e-2 }],
  ['nothing changes', options],
] as const
printTable(
  ['stopped by', 'iterations', 'J'],
  rules.map(([name, rule]) => {
    const model = new KMeans(rule).fit(X)
    return [name, model.nIter, (model.inertia / X.rows).toFixed(6)]
  }),
  'The same start under the stopping rules',
)

// The same start is the same way: a fit of t iterations is the first t steps of a longer one. The start itself is k-means of the centers alone.
const state = (t: number) => new KMeans(t ? { ...options, maxIter: t } : options).fit(t ? X : start)
const steps = [0, 1, 2, 3, 4, last.nIter]
writeFigure('k-means', {
  title: 'k-means step by step',
  subtitle: `Rows take the color of the nearest center (◆); J is the mean squared distance to it; done after ${last.nIter} iterations`,
  columns: 3,
  height: 300,
  panels: steps.map((t) => {
    const model = state(t)
    const labels = model.predict(X)
    return {
      heading: `${t ? `iteration ${t}` : 'start'}: J = ${(-model.score(X) / X.rows).toFixed(3)}`,
      x: { label: 'x1', inset: 4 },
      y: { label: 'x2', inset: 4 },
      marks: [
        Plot.dot(X, { fill: (_, i) => palette[labels[i]], r: 2, fillOpacity: 0.8 }),
        Plot.voronoiMesh(model.clusterCenters, { stroke: ink, strokeOpacity: 1 }),
        Plot.dot(model.clusterCenters, { symbol: 'diamond', r: 7, fill: (_, k) => palette[k], stroke: ink, strokeWidth: 2 }),
      ],
    }
  }),
})
