// Heights of 1000 people: labels known, maximum likelihood per group; labels hidden, EM. Side by side.
import * as Plot from '@observablehq/plot'
import { clusterAccuracy, GaussianMixture, makeBlobs, maximumLikelihood } from 'mixtura'
import { ink, palette, writeFigure } from './figure.ts'
import { printTable } from './table.ts'

const truth = [
  { group: 'women', share: 0.5, mean: 165, sd: 6 },
  { group: 'men', share: 0.5, mean: 181, sd: 7 },
]
type Group = (typeof truth)[0]
const draw = (randomState: number) =>
  makeBlobs({ nSamples: [500, 500], centers: truth.map((t) => [t.mean]), clusterStd: truth.map((t) => t.sd), randomState })

// Labels known: two separate problems, each with a closed answer (share, mean and variance of the group).
function withLabels({ X, labels }: ReturnType<typeof draw>): Group[] {
  return truth.map(({ group }, k) => {
    const own = X.toArray().filter((_, i) => labels[i] === k)
    const { mean, covariance } = maximumLikelihood.gaussian(own)
    return { group, share: own.length / X.rows, mean: mean[0], sd: Math.sqrt(covariance[0][0]) }
  })
}

// Labels hidden: one problem, two unknown groups. They overlap, so EM creeps towards its end: a tight tol lets it arrive.
const mixture = new GaussianMixture({ nComponents: 2, tol: 1e-8, maxIter: 5000, randomState: 28 })
function withoutLabels({ X }: ReturnType<typeof draw>): Group[] {
  const { weights, means, covariances } = mixture.fit(X)
  const order = means[0][0] < means[1][0] ? [0, 1] : [1, 0] // components have no names; the shorter group is the women's
  return order.map((c, k) => ({ group: truth[k].group, share: weights[c], mean: means[c][0], sd: Math.sqrt(covariances[c][0][0]) }))
}

// How far off may an answer be? As far as answers typically are: the root mean square error over 50 other samples of 1000 people.
const quantities = ['share', 'mean', 'sd'] as const
const others = Array.from({ length: 50 }, (_, i) => draw(1000 + i)).map((sample) => [withLabels(sample), withoutLabels(sample)])
const error = (way: number, k: number, q: (typeof quantities)[number]) =>
  Math.sqrt(others.reduce((sum, o) => sum + (o[way][k][q] - truth[k][q]) ** 2, 0) / others.length)

const sample = draw(28)
const { X, labels } = sample
const [known, hidden] = [withLabels(sample), withoutLabels(sample)]
const accuracy = clusterAccuracy(labels, mixture.predict(X))
printTable(
  ['group', 'quantity', 'true', 'labels known', '±', 'labels hidden', '±'],
  truth.flatMap((t, k) =>
    quantities.map((q) => [
      t.group,
      q,
      ...[t[q], known[k][q], error(0, k, q), hidden[k][q], error(1, k, q)].map((v) => v.toFixed(q === 'share' ? 3 : 2)),
    ]),
  ),
  'Heights in cm: maximum likelihood per group, and EM that never saw a label (±: typical error, from 50 other samples)',
)
console.log(`\n  EM: ${mixture.nIter} iterations; it tells women from men with accuracy ${accuracy.toFixed(3)} by height alone.`)

const density = (g: Group, x: number) => (g.share / (g.sd * Math.sqrt(2 * Math.PI))) * Math.exp(-0.5 * ((x - g.mean) / g.sd) ** 2)
const grid = Array.from({ length: 241 }, (_, i) => 145 + i * 0.25)
const curves = (groups: Group[], dash: string) =>
  groups.map((g, k) =>
    Plot.line(grid, { x: (x) => x, y: (x) => density(g, x), stroke: palette[k], strokeWidth: 2.5, strokeDasharray: dash }),
  )
const bin = 2
writeFigure('heights', {
  title: 'Heights of 1000 people',
  subtitle: `Labels known: mean and spread of each group. Labels hidden: EM on the gray histogram alone, ${mixture.nIter} iterations.`,
  legend: [
    ...truth.map(({ group }, k) => ({ label: `${group}, labels hidden`, color: palette[k], dash: '' })),
    ...truth.map(({ group }, k) => ({ label: `${group}, labels known`, color: palette[k], dash: '3,5' })),
    { label: 'sum (hidden)', color: ink, dash: '' },
  ],
  height: 440,
  panels: [
    {
      x: { label: 'height (cm)' },
      y: { label: 'density (1/cm)', nice: true },
      marks: [
        Plot.rectY(
          X.data,
          Plot.binX<Plot.RectYOptions>(
            { y: (values: number[]) => values.length / X.rows / bin },
            { x: (h: number) => h, interval: bin, fill: '#ddd' },
          ),
        ),
        Plot.line(grid, { x: (x) => x, y: (x) => hidden.reduce((sum, g) => sum + density(g, x), 0), stroke: ink, strokeWidth: 1.5 }),
        ...curves(hidden, ''),
        ...curves(known, '3,5'),
        Plot.ruleY([0]),
      ],
    },
  ],
})
