// Convergence: EM's log-likelihood never falls, k-means' J never rises, every start climbs its own hill.
import * as Plot from '@observablehq/plot'
import { GaussianMixture, KMeans, makeBlobs } from 'mixtura'
import { palette, writeFigure } from './figure.ts'
import { printTable } from './table.ts'

const { X } = makeBlobs({ nSamples: 600, centers: 6, centerBox: [-7, 7], clusterStd: 1.1, randomState: 28 })

// nInit: 8 starts from random rows each; onIteration hears every iteration of every one. A component that starts as one row has no width, so
// the first log-likelihoods are far below the picture.
interface Point {
  run: number
  iteration: number
  value: number
}
const em: Point[] = []
const mixture = new GaussianMixture({ nComponents: 6, initParams: 'random_from_data', nInit: 8, tol: 1e-5, maxIter: 1000, randomState: 28 })
mixture.fit(X, { onIteration: ({ run, iteration, lowerBound }) => void em.push({ run, iteration, value: lowerBound }) })
const lloyd: Point[] = []
const kmeans = new KMeans({ nClusters: 6, init: 'random', nInit: 8, tol: 0, randomState: 28 })
kmeans.fit(X, { onIteration: ({ run, iteration, inertia }) => void lloyd.push({ run, iteration, value: inertia / X.rows }) })

const runs = [...new Set(em.map(({ run }) => run))]
const of = (points: Point[], run: number) => points.filter((p) => p.run === run)
const end = (points: Point[], run: number) => of(points, run).at(-1) as Point
const bestEm = runs.reduce((a, b) => (end(em, b).value > end(em, a).value ? b : a))
const bestLloyd = runs.reduce((a, b) => (end(lloyd, b).value < end(lloyd, a).value ? b : a))
printTable(
  ['run', 'EM iterations', 'log-likelihood', 'k-means iterations', 'J'],
  runs.map((run) => [
    run + 1,
    end(em, run).iteration,
    `${end(em, run).value.toFixed(6)}${run === bestEm ? '*' : ' '}`,
    end(lloyd, run).iteration,
    `${end(lloyd, run).value.toFixed(6)}${run === bestLloyd ? '*' : ' '}`,
  ]),
  'Eight starts each, six components or clusters; log-likelihood is the mean per row, * the best run, which is kept',
)

// The proof, in numbers: no step of any run goes the wrong way. The best run's trace is also the model's own: lowerBounds.
const steps = (points: Point[]) =>
  runs.flatMap((run) =>
    of(points, run)
      .slice(1)
      .map((p, t) => p.value - of(points, run)[t].value),
  )
console.log(
  `\n  Smallest step of the log-likelihood: ${Math.min(...steps(em)).toExponential(1)}; largest of J: ${Math.max(...steps(lloyd)).toExponential(1)}`,
)
console.log(
  `  lowerBounds of the model is the trace of run ${bestEm + 1}: ${mixture.lowerBounds.every((value, t) => value === of(em, bestEm)[t].value)}`,
)

const panel = (heading: string, label: string, domain: number[], points: Point[], best: number) => ({
  heading,
  x: { label: 'iteration (log scale)', type: 'log', ticks: 4, tickFormat: 'd' } as const,
  y: { label, domain },
  marks: [
    Plot.lineY(
      points.filter(({ run }) => run !== best),
      { x: 'iteration', y: 'value', z: 'run', stroke: palette[0], strokeWidth: 1.5, strokeOpacity: 0.6, clip: true },
    ),
    Plot.lineY(of(points, best), { x: 'iteration', y: 'value', stroke: palette[1], strokeWidth: 3, clip: true }),
  ],
})
writeFigure('convergence', {
  title: 'Eight starts, eight climbs',
  subtitle: 'EM raises the log-likelihood, k-means lowers J, neither ever turns; where they end depends on the start',
  legend: [
    { label: 'best run', color: palette[1], dash: '' },
    { label: 'other runs', color: palette[0], dash: '' },
  ],
  panels: [
    panel('EM for a Gaussian mixture', 'mean log-likelihood per row', [-5, -4.25], em, bestEm),
    panel('k-means', 'J, mean squared distance', [1, 8], lloyd, bestLloyd),
  ],
})
