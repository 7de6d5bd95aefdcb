// Height and weight by sex: type and number of components chosen by BIC, decision regions of the best.
import * as Plot from '@observablehq/plot'
import { clusterAccuracy, selectGaussianMixture } from 'mixtura'
import { drawGroups, named, WOMEN_AND_MEN } from './data.ts'
import { ellipses, groupDots, groupKeys, ink, palette, writeFigure } from './figure.ts'
import { printTable } from './table.ts'

const { X, labels } = drawGroups(WOMEN_AND_MEN, 28)

// Every combination is fitted from five starts and kept. BIC takes the log-likelihood and charges ln N for every free parameter.
const counts = [1, 2, 3, 4, 5, 6]
const { best, results } = selectGaussianMixture(X, {
  nComponents: counts,
  covarianceType: ['full', 'tied', 'diag', 'spherical'],
  criterion: 'bic',
  nInit: 5,
  tol: 1e-5,
  maxIter: 1000,
  randomState: 28,
})
const types = [...new Set(results.map((r) => r.covarianceType))]
const of = (type: string, k: number) => results.find((r) => r.covarianceType === type && r.nComponents === k)
const chosen = results.find((r) => r.model === best) as (typeof results)[0]
printTable(
  ['covariance', ...counts.map((k) => `${k} comp. `)],
  types.map((type) => [type, ...counts.map((k) => `${of(type, k)?.bic.toFixed(1) ?? '–'}${of(type, k) === chosen ? '*' : ' '}`)]),
  'BIC (lower is better, * the best)',
)
printTable(
  ['two components', 'accuracy', 'free parameters', 'BIC'],
  types.map((type) => [
    type,
    clusterAccuracy(labels, of(type, 2)?.model.predict(X) ?? []).toFixed(3),
    of(type, 2)?.model.nParameters ?? '',
    of(type, 2)?.bic.toFixed(1) ?? '',
  ]),
  'Sex, told from height and weight by mixtures that never saw it',
)
const accuracy = clusterAccuracy(labels, best.predict(X))
console.log(`\n  Best by BIC: ${chosen.covarianceType}, ${chosen.nComponents} components, accuracy ${accuracy.toFixed(3)}`)

// Decision regions: the mixture is asked about every point of a grid, and p(component of the men) is drawn in bands, dark line where it is ½.
const [columns, rows] = [70, 70]
const area = { x1: 140, x2: 210, y1: 30, y2: 130 } // a little more than is shown, so that no outline runs along the frame
const grid = Array.from({ length: rows * columns }, (_, i) => [
  area.x1 + (((i % columns) + 0.5) / columns) * (area.x2 - area.x1),
  area.y1 + ((Math.floor(i / columns) + 0.5) / rows) * (area.y2 - area.y1),
])
const men = best.predict([[180, 84]])[0]
const probability = Array.from(best.predictProba(grid), (row) => row[men])
const field = { ...area, width: columns, height: rows, clip: true } as const
writeFigure('height-weight', {
  title: 'Sex by height and weight, without labels',
  subtitle: `Left: BIC of every mixture. Right: the best one, ${chosen.covarianceType} with ${chosen.nComponents} components; accuracy ${accuracy.toFixed(3)}; ellipses: 2σ`,
  legend: groupKeys(['women', 'men']),
  height: 430,
  panels: [
    {
      heading: 'Choice by BIC (lower is better)',
      marginRight: 74,
      x: { label: 'number of components', ticks: counts, tickFormat: 'd', inset: 16 },
      y: { label: 'BIC', tickFormat: 'd', domain: [chosen.bic - 20, chosen.bic + 240] },
      marks: [
        ...types.map((type, i) =>
          Plot.lineY(
            results.filter((r) => r.covarianceType === type),
            { x: 'nComponents', y: 'bic', stroke: palette[2 + i], strokeWidth: 2, marker: 'dot', clip: true },
          ),
        ),
        Plot.text(
          results.filter((r) => r.nComponents === 6),
          { x: 'nComponents', y: 'bic', text: 'covarianceType', dx: 10, textAnchor: 'start', fontSize: 13 },
        ),
        Plot.dot([chosen], { x: 'nComponents', y: 'bic', r: 9, stroke: ink, strokeWidth: 2 }),
        Plot.text([chosen], {
          x: 'nComponents',
          y: 'bic',
          text: ['best'],
          dx: -14,
          dy: 6,
          textAnchor: 'end',
          fontSize: 13,
          fontWeight: 600,
        }),
      ],
    },
    {
      heading: 'Decision regions: p(man), ½ on the dashed line',
      x: { label: 'height (cm)', domain: [145, 205] },
      y: { label: 'weight (kg)', domain: [35, 120] },
      color: { type: 'linear', domain: [0, 0.4, 0.95], range: ['#a9d0ea', '#ffffff', '#f5c49d'] },
      marks: [
        Plot.contour(probability, { ...field, fill: Plot.identity, thresholds: [0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95] }),
        Plot.contour(probability, { ...field, stroke: ink, strokeWidth: 1.5, strokeDasharray: '5,4', thresholds: [0.5] }),
        ...groupDots(X, labels, named(labels, best.predict(X))),
        ...ellipses(best),
      ],
    },
  ],
})
