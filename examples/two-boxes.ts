// Two boxes, hidden labels: hard and soft EM on five draws, iteration by iteration.
import * as Plot from '@observablehq/plot'
import { BinomialMixture } from 'mixtura'
import { palette, writeFigure } from './figure.ts'
import { printTable } from './table.ts'

// Five times a box was chosen and five balls drawn from it: so many of them white. Which box it was, nobody wrote down.
const X = [3, 2, 1, 3, 2].map((white) => [white, 5])

// Both boxes are chosen equally often, and that is known, so the weights are not fitted. tol: 0 goes on to the last iteration.
const options = { nComponents: 2, fitWeights: false, probabilitiesInit: [0.1, 0.9], tol: 0, maxIter: 60, keepHistory: true, onWarning() {} }
const soft = new BinomialMixture({ ...options, assignment: 'soft' }).fit(X)
const hard = new BinomialMixture({ ...options, assignment: 'hard' }).fit(X)

// maxIter: 0 keeps the start, so that its responsibilities can be read
const start = new BinomialMixture({ ...options, maxIter: 0 }).fit(X)
const first = start.predictProba(X)
printTable(
  ['draw', 'white', 'p(box 1)', 'p(box 2)', 'soft: box 1', 'hard: box'],
  X.map(([white], i) => {
    const likelihood = options.probabilitiesInit.map((p) => p ** white * (1 - p) ** (5 - white))
    return [i + 1, white, ...likelihood.map((l) => l.toFixed(5)), first.get(i, 0).toFixed(4), start.predict(X)[i] + 1]
  }),
  'The first E-step, from p = (0.1, 0.9): likelihood of each draw, and who is held responsible',
)

const paths = {
  soft: [options.probabilitiesInit, ...soft.history.map((h) => h.probabilities)],
  hard: [options.probabilitiesInit, ...hard.history.map((h) => h.probabilities)],
}
const shown = [0, 1, 2, 3, 4, 5, 10, 20, 60]
printTable(
  ['iteration', 'soft p1', 'soft p2', 'hard p1', 'hard p2'],
  // hard EM stops when no draw changes its box; from there on nothing would
  shown.map((t) => [t, ...[paths.soft[t], paths.hard[Math.min(t, hard.nIter)]].flatMap((p) => p.map((v) => v.toFixed(6)))]),
  `Share of white balls, after each iteration (hard EM: fixed after ${hard.nIter})`,
)
console.log(
  '\n  Soft EM finds that one box explains the draws as well as two: both go to 11/25 = 0.44. Hard EM stays where it first settled.',
)

const last = 15
const points = (['soft', 'hard'] as const).flatMap((kind) =>
  Array.from({ length: last + 1 }, (_, t) =>
    (paths[kind][t] ?? (paths[kind].at(-1) as number[])).map((p, box) => ({ kind, box: `box ${box + 1}`, t, p })),
  ).flat(),
)
const panel = (kind: string) => ({
  heading: kind === 'soft' ? 'Soft: shares of responsibility' : 'Hard: each draw to one box',
  x: { label: 'iteration', ticks: 5 },
  y: { label: 'probability of white', domain: [0, 1] },
  marks: [
    Plot.ruleY([0.44], { strokeDasharray: '2,4' }),
    Plot.text(['all draws from one box: 11/25'], { x: last, y: 0.44, dy: -10, textAnchor: 'end' }),
    Plot.lineY(
      points.filter((q) => q.kind === kind),
      { x: 't', y: 'p', stroke: ({ box }) => palette[box === 'box 1' ? 0 : 1], strokeWidth: 2, marker: 'dot' },
    ),
  ],
})
writeFigure('two-boxes', {
  title: 'Two boxes, hidden labels',
  subtitle: 'EM from p = (0.1, 0.9) on the draws 3-2, 2-3, 1-4, 3-2, 2-3 (white-black)',
  legend: ['box 1', 'box 2'].map((label, i) => ({ label, color: palette[i] })),
  panels: [panel('soft'), panel('hard')],
})
