// The topics of the playground: each is a fit that goes on by steps and draws itself.
import {
  adjustedRandScore,
  BinomialMixture,
  clusterAccuracy,
  type CovarianceType,
  expectationMaximization,
  GaussianMixture,
  KMeans,
  kmeansPlusPlus,
  loadIris,
  makeBlobs,
  Matrix,
} from 'mixtura'
import { drawGroups, LONG_GROUPS, named, OVERLAPPING, WOMEN_AND_MEN } from '../examples/data.ts'
import { type GaussianParameters, gaussianEm } from '../examples/gaussian-em.ts'
import { blend, cell, extent, Frame, PALETTE, type Rect, theme } from './plot.ts'

export type Control =
  | { kind: 'choice'; id: string; label: string; choices: string[]; value: string }
  | { kind: 'number'; id: string; label: string; min: number; max: number; step?: number; value: number; lazy?: boolean }
export type Values = Record<string, string> & { seed: string }

/** A fit under way. */
export interface Fit {
  /** Goes on by one step. @returns whether there is more to do */
  step(): boolean | Promise<boolean>
  draw(context: CanvasRenderingContext2D, rect: Rect): void
  readout(): [name: string, value: string][]
  /** What must never fall (or rise), by iteration. */
  trace?: { label: string; values: number[] }
  table?(): { head: string[]; rows: (string | number)[][] }
  /** Adds rows where the pointer is, in pixels. */
  paint?(x: number, y: number): void
  /** Ends a step that is under way. */
  abort?(): void
}

export interface Topic {
  id: string
  name: string
  hint: string
  title: string
  text: string
  controls: Control[]
  /** What the button for another seed says; '' for none. Default 'New data'. */
  renew?: string
  start(values: Values): Fit
}

const quiet = { onWarning() {} }
const TYPES: CovarianceType[] = ['full', 'tied', 'diag', 'spherical']
const color = (k: number) => PALETTE[k % PALETTE.length]
const places = (value: number, digits = 4) => (Number.isFinite(value) ? value.toFixed(digits) : '–')
const range = (n: number) => Array.from({ length: n }, (_, i) => i)
const choice = (id: string, label: string, choices: string[], value = choices[0]): Control => ({
  kind: 'choice',
  id,
  label,
  choices,
  value,
})
const number = (id: string, label: string, min: number, max: number, value: number, step = 1): Control & { kind: 'number' } => ({
  ...{ kind: 'number', id, label, min, max, value, step },
})

/** Plane data by name. */
function dataOf(name: string, n: number, seed: number): number[][] {
  const rows = ({ X }: { X: Matrix }) => X.toArray()
  // the plane's golden ratio: points that neither clump nor line up
  if (name === 'uniform')
    return range(n).map((i) => [((seed * 0.37 + i * 0.754877666) % 1) * 10, ((seed * 0.61 + i * 0.569840291) % 1) * 10])
  if (name === 'long groups')
    return drawGroups(
      LONG_GROUPS.map((group) => ({ ...group, n: Math.max(1, Math.round(n / 3)) })),
      seed,
    ).X
  if (name === 'two rings')
    return rows(makeBlobs({ nSamples: n, centers: [[0, 0]], clusterStd: 0.35, randomState: seed })).map(([u, v], i) => {
      const [radius, turn] = [i % 2 ? 5 : 2, i * 2.399963]
      return [radius * Math.cos(turn) + u, radius * Math.sin(turn) + v]
    })
  return rows(makeBlobs({ nSamples: n, centers: 5, centerBox: [-7, 7], clusterStd: 1.1, randomState: seed }))
}
const DATA = ['blobs', 'long groups', 'two rings', 'uniform']

/** Rows to begin with, and those that are painted in. */
class Plane {
  readonly X: number[][]
  readonly #axes: { x: [number, number]; y: [number, number] }
  frame?: Frame

  constructor({ data, n, seed }: Values) {
    this.X = dataOf(data, Number(n), Number(seed))
    this.#axes = { x: extent(this.X.map(([x]) => x)), y: extent(this.X.map(([, y]) => y)) }
  }
  open(context: CanvasRenderingContext2D, rect: Rect, title: string): Frame {
    this.frame = new Frame(context, rect, { ...this.#axes, square: true, title })
    return this.frame
  }
  paint(px: number, py: number): void {
    for (let i = 0; i < 5; i++) {
      const turn = (this.X.length + i) * 2.399963
      const place = this.frame?.at(px + 11 * Math.sqrt(i) * Math.cos(turn), py + 11 * Math.sqrt(i) * Math.sin(turn))
      if (place) this.X.push(place)
    }
  }
}

const kmeans: Topic = {
  id: 'k-means',
  name: 'k-means',
  hint: 'assign, average, repeat',
  title: 'k-means, step by step',
  text: 'Every point takes the color of its nearest center (◆); every center moves to the mean of its points. <b>J</b>, the mean squared distance to the nearest center, never rises, and where it ends depends on the start. <b>Click or drag in the picture to add points.</b>',
  controls: [
    choice('data', 'data', DATA),
    number('n', 'points', 20, 2000, 500, 20),
    number('k', 'clusters K', 1, 8, 5),
    choice('start', 'first centers', ['random', 'k-means++', 'in one corner']),
  ],
  start(values) {
    const plane = new Plane(values)
    const k = Number(values.k)
    const seed = Number(values.seed)
    const { X } = plane
    const first = (): number[][] => {
      if (values.start === 'k-means++') return kmeansPlusPlus(X, k, { randomState: seed }).centers
      if (values.start === 'random')
        return new KMeans({ nClusters: k, init: 'random', nInit: 1, maxIter: 1, tol: 0, randomState: seed, ...quiet }).fit(X).clusterCenters
      const [x, y] = [Math.min(...X.map((r) => r[0])), Math.min(...X.map((r) => r[1]))]
      return range(k).map((c) => [x + 0.5 * (c % 3), y + 0.5 * Math.floor(c / 3)])
    }
    const evaluate = (centers: number[][]) => new KMeans({ nClusters: k, init: centers, ...quiet }).fit(centers)
    let model = evaluate(first())
    const paths = [model.clusterCenters]
    const trace = { label: 'J', values: [-model.score(X) / X.length] }
    let moved = Number.NaN
    return {
      trace,
      paint: (x, y) => plane.paint(x, y),
      step() {
        const before = model.clusterCenters
        model = new KMeans({ nClusters: k, init: before, maxIter: 1, tol: 0, ...quiet }).fit(X)
        moved = Math.hypot(...model.clusterCenters.flat().map((v, i) => v - before.flat()[i]))
        paths.push(model.clusterCenters)
        trace.values.push(-model.score(X) / X.length)
        return moved > 0
      },
      draw(context, rect) {
        const frame = plane.open(context, rect, '')
        const [columns, rows] = [Math.round(frame.inner.width / 5), Math.round(frame.inner.height / 5)]
        const nearest = model.predict(frame.grid(columns, rows))
        frame.ground(columns, rows, (i) => [color(nearest[i]), 0.13])
        const labels = model.predict(X)
        frame.dots(X, (i) => color(labels[i]))
        for (const c of range(k)) {
          frame.line(
            paths.map((centers) => centers[c]),
            theme('ink'),
            { width: 1.2, dash: [3, 3] },
          )
          frame.diamond(model.clusterCenters[c][0], model.clusterCenters[c][1], color(c))
        }
      },
      readout: () => [
        ['iteration', String(trace.values.length - 1)],
        ['J', places(trace.values.at(-1) as number)],
        ['centers moved by', places(moved)],
      ],
    }
  },
}

const mixture: Topic = {
  id: 'mixture',
  name: 'Gaussian mixture',
  hint: 'EM with ellipses',
  title: 'A Gaussian mixture by EM',
  text: 'E-step: every point is shared among the components, by how probable each makes it; its color is that mixture. M-step: weights, means and covariances are averages under those shares. Ellipses at one and two standard deviations. The <b>log-likelihood</b> never falls. <b>Click or drag to add points.</b>',
  controls: [
    choice('data', 'data', DATA, 'long groups'),
    number('n', 'points', 20, 2000, 400, 20),
    number('k', 'components', 1, 8, 3),
    choice('type', 'covariances', TYPES),
    choice('start', 'start', ['k-means++', 'random_from_data', 'kmeans', 'random']),
  ],
  start(values) {
    const plane = new Plane(values)
    const { X } = plane
    const k = Number(values.k)
    const model = new GaussianMixture<CovarianceType>({
      nComponents: k,
      covarianceType: values.type as CovarianceType,
      initParams: values.start as 'kmeans',
      maxIter: 0,
      regCovar: 1e-4,
      randomState: Number(values.seed),
      ...quiet,
    }).fit(X)
    model.setParams({ warmStart: true, maxIter: 1, tol: 0 })
    const trace = { label: 'mean log-likelihood', values: [model.score(X)] }
    return {
      trace,
      paint: (x, y) => plane.paint(x, y),
      step() {
        trace.values.push(model.fit(X).score(X))
        return Math.abs((trace.values.at(-1) as number) - (trace.values.at(-2) as number)) > 1e-7
      },
      draw(context, rect) {
        const frame = plane.open(context, rect, '')
        const shares = model.predictProba(X)
        frame.dots(X, (i) => blend(shares.row(i)))
        drawComponents(frame, model)
      },
      readout: () => [
        ['iteration', String(trace.values.length - 1)],
        ['log-likelihood per point', places(trace.values.at(-1) as number)],
        ['BIC', places(model.bic(X), 1)],
        ['free parameters', String(model.nParameters)],
        ['weights', model.weights.map((w) => w.toFixed(2)).join('  ')],
      ],
    }
  },
}

/** Covariance of component k whatever the type. */
const covarianceOf = (model: GaussianMixture<CovarianceType>, k: number) =>
  model.getParams().covarianceType === 'tied' ? (model.covariances as number[][]) : model.covariances[k]

function drawComponents(frame: Frame, model: GaussianMixture<CovarianceType>, colors = model.means.map((_, k) => color(k))): void {
  model.means.forEach((mean, k) => {
    frame.gaussian(mean, covarianceOf(model, k), colors[k])
    frame.diamond(mean[0], mean[1], colors[k], 7)
  })
}

const LOG_2PI = Math.log(2 * Math.PI)
const bound: Topic = {
  id: 'bound',
  name: 'Why EM climbs',
  hint: 'the bound of Jensen',
  title: 'The bound that EM climbs by',
  text: 'Two Gaussians of width 1, half the points each; one sits at 0, where the other sits, <b>θ</b>, is unknown. With the shares of the E-step, Jensen’s inequality gives a curve (orange) that lies <b>below the log-likelihood everywhere and touches it at the current θ</b>. The M-step goes to its top, so the log-likelihood is at least as high there.',
  controls: [number('theta', 'first θ', -6, 8, -1.5, 0.1), number('true', 'drawn at', 1, 5, 3.5, 0.1)],
  start(values) {
    const seed = Number(values.seed)
    const centers = [[0], [Number(values.true)]]
    const x = Array.from(makeBlobs({ nSamples: 80, centers, clusterStd: 1, randomState: seed }).X, (row) => row[0])
    const joint = (v: number, theta: number) => [0, theta].map((mean) => Math.log(0.5) - 0.5 * (LOG_2PI + (v - mean) ** 2))
    const logSum = ([a, b]: number[]) => Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)))
    const logLikelihood = (theta: number) => x.reduce((sum, v) => sum + logSum(joint(v, theta)), 0)
    const shareOf = (theta: number) => x.map((v) => Math.exp(joint(v, theta)[1] - logSum(joint(v, theta))))
    const entropy = (r: number) => (r > 0 && r < 1 ? -r * Math.log(r) - (1 - r) * Math.log(1 - r) : 0)
    const boundOf = (shares: number[]) => (theta: number) =>
      x.reduce((sum, v, i) => {
        const [a, b] = joint(v, theta)
        return sum + (1 - shares[i]) * a + shares[i] * b + entropy(shares[i])
      }, 0)
    const model = {
      eStep: (theta: number) => {
        const shares = shareOf(theta)
        return { responsibilities: shares.map((r) => [1 - r, r]), logLikelihood: logLikelihood(theta) }
      },
      mStep: (responsibilities: Matrix) => {
        const shares = Array.from(responsibilities, (row) => row[1])
        return shares.reduce((sum, r, i) => sum + r * x[i], 0) / shares.reduce((a, b) => a + b)
      },
    }
    const thetas = [Number(values.theta)]
    const trace = { label: 'log-likelihood', values: [logLikelihood(thetas[0])] }
    const domain: [number, number] = [-6, 8]
    const curve = (f: (theta: number) => number) => range(240).map((i) => [-6 + (14 * i) / 239, f(-6 + (14 * i) / 239)])
    return {
      trace,
      step() {
        const { parameters } = expectationMaximization(model, thetas.at(-1) as number, { maxIter: 1, ...quiet })
        thetas.push(parameters)
        trace.values.push(logLikelihood(parameters))
        return Math.abs(parameters - (thetas.at(-2) as number)) > 1e-6
      },
      draw(context, rect) {
        const theta = thetas.at(-1) as number
        const upper = curve(logLikelihood)
        const y = extent(
          upper.map(([, v]) => v),
          0.12,
        )
        const top = new Frame(
          context,
          { ...rect, height: rect.height * 0.66 },
          { x: domain, y, title: 'log-likelihood of θ, and its bound with the present shares', xLabel: 'θ' },
        )
        top.line(upper, PALETTE[0], { width: 3 })
        top.line(curve(boundOf(shareOf(theta))), PALETTE[1], { width: 2.5, dash: [7, 4] })
        for (const [i, t] of thetas.entries())
          top.dots([[t, trace.values[i]]], () => PALETTE[0], {
            radius: i === thetas.length - 1 ? 7 : 4,
            alpha: i === thetas.length - 1 ? 1 : 0.45,
          })
        top.text('touches here', theta, trace.values.at(-1) as number, { dx: 11, dy: -10, bold: true })
        const density = (v: number) => Math.exp(logSum(joint(v, theta)))
        const bottom = new Frame(
          context,
          { ...rect, y: rect.y + rect.height * 0.66, height: rect.height * 0.34 },
          { x: domain, y: [0, 0.36], title: 'the points, and the mixture with this θ' },
        )
        bottom.line(curve(density), theme('ink'))
        const shares = shareOf(theta)
        bottom.dots(
          x.map((v, i) => [v, 0.012 + 0.016 * (i % 3)]),
          (i) => blend([1 - shares[i], shares[i]], [PALETTE[2], PALETTE[3]]),
          { radius: 4 },
        )
      },
      readout: () => [
        ['iteration', String(thetas.length - 1)],
        ['θ', places(thetas.at(-1) as number)],
        ['log-likelihood', places(trace.values.at(-1) as number)],
        ['bound at θ', places(boundOf(shareOf(thetas.at(-1) as number))(thetas.at(-1) as number))],
      ],
    }
  },
}

const DRAWS = [3, 2, 1, 3, 2]
const boxes: Topic = {
  id: 'two-boxes',
  name: 'Two boxes',
  hint: 'hard and soft EM',
  title: 'Two boxes, hidden labels',
  renew: '',
  text: 'Five times a box was chosen and five balls drawn; which box, nobody wrote down. <b>Soft</b> EM shares every draw between the boxes and finds that one box explains all as well: both go to 11/25 = 0.44. <b>Hard</b> EM gives each draw to the likelier box and stays where it first settles: 1/3 and 3/5.',
  controls: [
    choice('assignment', 'assignment', ['soft', 'hard']),
    number('p1', 'start p₁', 0.01, 0.99, 0.1, 0.01),
    number('p2', 'start p₂', 0.01, 0.99, 0.9, 0.01),
  ],
  start(values) {
    const X = DRAWS.map((white) => [white, 5])
    const start = [Number(values.p1), Number(values.p2)]
    const assignment = values.assignment as 'soft' | 'hard'
    const options = { nComponents: 2, fitWeights: false, probabilitiesInit: start, assignment, tol: 0, keepHistory: true, ...quiet }
    const whole = new BinomialMixture({ ...options, maxIter: 80 }).fit(X)
    const path = [start, ...whole.history.map((h) => h.probabilities)]
    let t = 0
    const now = () => path[Math.min(t, path.length - 1)]
    const at = (p: number[]) => new BinomialMixture({ ...options, probabilitiesInit: p, assignment: 'soft', maxIter: 0 }).fit(X)
    const trace = { label: 'log-likelihood', values: [at(start).score(X) * X.length] }
    const ground = new Map<string, Float64Array>()
    const field = (n: number) => {
      const log = (p: number, s: number) => s * Math.log(p) + (5 - s) * Math.log(1 - p)
      return Float64Array.from({ length: n * n }, (_, i) => {
        const p = [((i % n) + 0.5) / n, (Math.floor(i / n) + 0.5) / n]
        return DRAWS.reduce((sum, s) => sum + Math.log(0.5 * Math.exp(log(p[0], s)) + 0.5 * Math.exp(log(p[1], s))), 0)
      })
    }
    return {
      trace,
      step() {
        t++
        trace.values.push(at(now()).score(X) * X.length)
        const [before, after] = [path[Math.max(0, t - 1)], now()]
        return t < path.length - 1 && Math.hypot(after[0] - before[0], after[1] - before[1]) > 1e-6
      },
      draw(context, rect) {
        const wide = rect.width > 560
        const left = wide ? { ...rect, width: Math.min(rect.height, rect.width * 0.56) } : { ...rect, height: rect.height * 0.6 }
        const right = wide
          ? { ...rect, x: left.width, width: rect.width - left.width }
          : { ...rect, y: left.height, height: rect.height - left.height }
        const n = 90
        const values = ground.get('') ?? field(n)
        ground.set('', values)
        const plane = new Frame(context, left, { x: [0, 1], y: [0, 1], title: 'log-likelihood, and the way', xLabel: 'p₁', yLabel: 'p₂' })
        const best = Math.max(...values)
        plane.ground(n, n, (i) => [PALETTE[0], 0.75 * Math.exp((values[i] - best) / 3)])
        plane.line(
          [
            [0, 0],
            [1, 1],
          ],
          theme('line'),
          { width: 1.5, dash: [4, 4] },
        )
        const way = path.slice(0, t + 1)
        plane.line(way, PALETTE[1], { width: 2.5 })
        plane.dots(way, () => PALETTE[1], { radius: 4, alpha: 1 })
        plane.diamond(now()[0], now()[1], PALETTE[1], 8)
        const lines = new Frame(context, right, { x: [0, Math.max(15, t)], y: [0, 1], title: 'share of white balls', xLabel: 'iteration' })
        lines.line(
          [
            [0, 0.44],
            [1e3, 0.44],
          ],
          theme('soft'),
          { width: 1.2, dash: [3, 4] },
        )
        lines.text('11/25', Math.max(15, t), 0.44, { align: 'right', dy: -7, dx: -4, color: theme('soft') })
        for (const box of [0, 1]) {
          lines.line(
            way.map((p, i) => [i, p[box]]),
            PALETTE[box === 0 ? 2 : 3],
            { width: 2.5 },
          )
          lines.dots(
            way.map((p, i) => [i, p[box]]),
            () => PALETTE[box === 0 ? 2 : 3],
            { radius: 4, alpha: 1 },
          )
          lines.text(`box ${box + 1}`, t, now()[box], {
            dx: -8,
            dy: box ? -10 : 18,
            align: t > 2 ? 'right' : 'left',
            bold: true,
            color: PALETTE[box === 0 ? 2 : 3],
          })
        }
      },
      table() {
        const shares = at(now()).predictProba(X)
        return {
          head: ['draw', 'white', 'box 1', 'box 2'],
          rows: DRAWS.map((white, i) => [
            i + 1,
            white,
            ...[0, 1].map((k) =>
              assignment === 'hard' ? Number(k === (shares.get(i, 0) >= shares.get(i, 1) ? 0 : 1)) : shares.get(i, k).toFixed(4),
            ),
          ]),
        }
      },
      readout: () => [
        ['iteration', String(t)],
        [
          'p₁, p₂',
          now()
            .map((p) => p.toFixed(6))
            .join('  '),
        ],
        ['log-likelihood', places(trace.values.at(-1) as number, 6)],
      ],
    }
  },
}

const IDENTITY = [0, 1, 2].map((i) => [0, 1, 2].map((j) => Number(i === j)))
const classifier: Topic = {
  id: 'case-1',
  name: 'Case 1',
  hint: 'an EM classifier of one’s own',
  title: 'Case 1: the first EM classifier',
  text: 'Two overlapping Gaussians in three dimensions. EM written out in 30 lines on the package’s general driver (filled) and <code>GaussianMixture</code> (dashed) from the same start: they stay together to the last digits. Colors are shares of responsibility.',
  controls: [],
  start({ seed }) {
    const { X, labels } = drawGroups(OVERLAPPING, Number(seed))
    const model = gaussianEm(X)
    let own: GaussianParameters = { weights: [0.5, 0.5], means: [X[1], X[0]], covariances: [IDENTITY, IDENTITY] }
    const theirs = new GaussianMixture({
      nComponents: 2,
      weightsInit: own.weights,
      meansInit: own.means,
      precisionsInit: own.covariances,
      regCovar: 0,
      maxIter: 0,
      ...quiet,
    }).fit(X)
    theirs.setParams({ warmStart: true, maxIter: 1, tol: 0 })
    const trace = { label: 'log-likelihood', values: [model.eStep(own).logLikelihood] }
    const shares = () => Array.from(model.eStep(own).responsibilities as number[][], (r) => Array.from(r))
    return {
      trace,
      step() {
        own = expectationMaximization(model, own, { maxIter: 1, ...quiet }).parameters
        theirs.fit(X)
        trace.values.push(model.eStep(own).logLikelihood)
        return (trace.values.at(-1) as number) - (trace.values.at(-2) as number) > 1e-4
      },
      draw(context, rect) {
        const r = shares()
        const columns = rect.width > 700 ? 2 : 1
        for (const [i, [a, b]] of [
          [0, 1],
          [0, 2],
        ].entries()) {
          const axes = {
            x: extent(X.map((x) => x[a])),
            y: extent(X.map((x) => x[b])),
            title: `features ${a + 1} and ${b + 1}`,
            xLabel: `x${a + 1}`,
            yLabel: `x${b + 1}`,
          }
          const frame = new Frame(context, cell(rect, columns, 2 / columns, i), axes)
          frame.dots(X, (row) => blend(r[row]), { features: [a, b] })
          const part = (covariance: number[][]) => [a, b].map((p) => [a, b].map((q) => covariance[p][q]))
          for (const k of [0, 1]) {
            frame.gaussian([own.means[k][a], own.means[k][b]], part(own.covariances[k]), color(k))
            frame.gaussian([theirs.means[k][a], theirs.means[k][b]], part(theirs.covariances[k]), theme('ink'), [5, 5])
          }
        }
      },
      readout() {
        const [p, q] = [own, theirs].map((m) => [m.weights, m.means, m.covariances].flat(3))
        const predicted = Int32Array.from(shares(), (r) => Number(r[1] > r[0]))
        return [
          ['iteration', String(trace.values.length - 1)],
          ['log-likelihood', places(trace.values.at(-1) as number)],
          ['largest difference', Math.max(...p.map((v, i) => Math.abs(v - q[i]))).toExponential(1)],
          ['accuracy without labels', places(clusterAccuracy(labels, predicted), 3)],
        ]
      },
    }
  },
}

const selection: Topic = {
  id: 'case-2',
  name: 'Case 2',
  hint: 'height, weight, and BIC',
  title: 'Case 2: how many, of what kind?',
  text: 'Height and weight of 800 people. Every step fits one more mixture; <b>BIC</b> takes the log-likelihood and charges ln N for every free parameter, so that the lowest wins. Right: the best so far, with its regions of decision; women blue, men orange, a speck on those it mistakes. It never saw a label.',
  controls: [],
  start({ seed }) {
    const { X, labels } = drawGroups(WOMEN_AND_MEN, Number(seed))
    const matrix = Matrix.from(X)
    const plan = TYPES.flatMap((covarianceType) => range(6).map((i) => ({ covarianceType, nComponents: i + 1 })))
    const fits: { covarianceType: CovarianceType; nComponents: number; bic: number; model: GaussianMixture<CovarianceType> }[] = []
    const next = () => {
      const options = plan[fits.length]
      const model = new GaussianMixture<CovarianceType>({ ...options, nInit: 4, tol: 1e-5, maxIter: 1000, randomState: 28, ...quiet }).fit(
        matrix,
      )
      fits.push({ ...options, bic: model.bic(matrix), model })
    }
    next()
    const best = () => fits.reduce((a, b) => (b.bic < a.bic ? b : a))
    return {
      step() {
        next()
        return fits.length < plan.length
      },
      draw(context, rect) {
        const wide = rect.width > 700
        const { model, bic } = best()
        const y: [number, number] = [bic - 25, bic + 260]
        const left = new Frame(context, cell(rect, wide ? 2 : 1, wide ? 1 : 2, 0), {
          x: [0.6, 6.9],
          y,
          title: 'BIC, lower is better',
          xLabel: 'components',
        })
        TYPES.forEach((type, i) => {
          const own = fits.filter((f) => f.covarianceType === type).map((f) => [f.nComponents, f.bic])
          if (own.length === 0) return
          left.line(own, PALETTE[i + 2], { width: 2.5 })
          left.dots(own, () => PALETTE[i + 2], { radius: 4, alpha: 1 })
          const [x, v] = own.at(-1) as number[]
          if (v < y[1]) left.text(type, x, v, { dx: 8, dy: 4, color: PALETTE[i + 2], bold: true })
        })
        left.diamond(best().nComponents, bic, theme('accent'), 9)
        const right = new Frame(context, cell(rect, wide ? 2 : 1, wide ? 1 : 2, 1), {
          x: [142, 206],
          y: [32, 124],
          title: `best so far: ${best().covarianceType}, ${best().nComponents}`,
          xLabel: 'height (cm)',
          yLabel: 'weight (kg)',
        })
        const [columns, rows] = [90, 90]
        const predicted = model.predict(X)
        const colors = groupColors(labels, predicted, model.means.length)
        const shares = model.predictProba(right.grid(columns, rows))
        right.ground(columns, rows, (i) => [blend(shares.row(i), colors), 0.2])
        const names = named(labels, predicted)
        right.dots(X, (i) => color(labels[i]), { alpha: 0.6 })
        right.dots(
          X.filter((_, i) => names[i] !== labels[i]),
          () => theme('ink'),
          { radius: 1.4, alpha: 1 },
        )
        drawComponents(right, model, colors)
      },
      readout: () => [
        ['mixtures fitted', `${fits.length} of ${plan.length}`],
        ['best', `${best().covarianceType}, ${best().nComponents} components`],
        ['BIC', places(best().bic, 1)],
        ['accuracy without labels', places(clusterAccuracy(labels, best().model.predict(X)), 3)],
      ],
    }
  },
}

const covariances: Topic = {
  id: 'case-3',
  name: 'Case 3',
  hint: 'four covariance types',
  title: 'Case 3: the four covariance types',
  text: '<b>full</b>: every component its own shape. <b>tied</b>: one shape for all. <b>diag</b>: no tilt. <b>spherical</b>: circles. The same points, the same first means; each bends as far as it can. Dots have the color of the group they were drawn from, those with a speck are put elsewhere.',
  controls: [],
  start({ seed }) {
    const { X, labels } = drawGroups(LONG_GROUPS, Number(seed))
    const means = kmeansPlusPlus(X, 3, { randomState: Number(seed) }).centers
    const models = TYPES.map((covarianceType) => {
      const start = new GaussianMixture<CovarianceType>({
        nComponents: 3,
        covarianceType,
        meansInit: means,
        maxIter: 0,
        randomState: 28,
        ...quiet,
      }).fit(X)
      return start.setParams({ warmStart: true, maxIter: 1, tol: 0 })
    })
    let t = 0
    let scores = models.map((model) => model.score(X))
    const trace = { label: 'log-likelihood, full', values: [scores[0]] }
    return {
      trace,
      step() {
        t++
        const before = scores
        scores = models.map((model) => model.fit(X).score(X))
        trace.values.push(scores[0])
        return scores.some((s, i) => Math.abs(s - before[i]) > 1e-6)
      },
      draw(context, rect) {
        models.forEach((model, i) => {
          const predicted = model.predict(X)
          const names = named(labels, predicted)
          const accuracy = clusterAccuracy(labels, predicted).toFixed(3)
          const axes = {
            x: [-6.5, 9.5] as [number, number],
            y: [-5, 8.5] as [number, number],
            title: `${TYPES[i]}: accuracy ${accuracy}`,
            square: true,
          }
          const frame = new Frame(context, cell(rect, 2, 2, i), axes)
          frame.dots(X, (row) => color(labels[row]), { alpha: 0.7 })
          frame.dots(
            X.filter((_, row) => names[row] !== labels[row]),
            () => theme('ink'),
            { radius: 1.5, alpha: 1 },
          )
          drawComponents(frame, model, groupColors(labels, predicted, 3))
        })
      },
      table: () => ({
        head: ['type', 'parameters', 'log-lik.', 'BIC'],
        rows: models.map((model, i) => [TYPES[i], model.nParameters, scores[i].toFixed(4), model.bic(X).toFixed(1)]),
      }),
      readout: () => [['iteration', String(t)]],
    }
  },
}

/** Color of the group that most rows of each of k clusters were drawn from. */
function groupColors(groups: Int32Array, clusters: Int32Array, k: number): string[] {
  const names = named(groups, clusters)
  return range(k).map((c) => color(names[clusters.indexOf(c)] ?? c))
}

const iris: Topic = {
  id: 'case-4',
  name: 'Case 4',
  hint: 'iris without labels',
  title: 'Case 4: iris, without labels',
  renew: 'New start',
  text: 'Fisher’s 150 flowers: three Gaussians on all four measures, seen by pairs of them. Ellipses are the shadows of the four-dimensional ones; colors are the species, which the fit never sees. With full covariances it ends at an <b>adjusted Rand index of 0.904</b>: five flowers of 150 are put elsewhere.',
  controls: [choice('type', 'covariances', TYPES), choice('start', 'start', ['kmeans', 'k-means++', 'random_from_data'])],
  start(values) {
    const { data, target, featureNames, targetNames } = loadIris()
    const X = data.toArray()
    const type = values.type as CovarianceType
    const model = new GaussianMixture<CovarianceType>({
      nComponents: 3,
      covarianceType: type,
      initParams: values.start as 'kmeans',
      maxIter: 0,
      randomState: Number(values.seed),
      ...quiet,
    }).fit(X)
    model.setParams({ warmStart: true, maxIter: 1, tol: 0 })
    const trace = { label: 'mean log-likelihood', values: [model.score(X)] }
    const pairs = [
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 2],
      [1, 3],
      [2, 3],
    ]
    return {
      trace,
      step() {
        trace.values.push(model.fit(X).score(X))
        return Math.abs((trace.values.at(-1) as number) - (trace.values.at(-2) as number)) > 1e-6
      },
      draw(context, rect) {
        const predicted = model.predict(X)
        const names = named(target, predicted)
        const colors = groupColors(target, predicted, 3)
        pairs.forEach(([a, b], i) => {
          const short = (name: string) => name.replace(' (cm)', '')
          const axes = {
            x: extent(X.map((x) => x[a])),
            y: extent(X.map((x) => x[b])),
            xLabel: short(featureNames[a]),
            yLabel: short(featureNames[b]),
          }
          const columns = rect.width > 560 ? 3 : 2
          const frame = new Frame(context, cell(rect, columns, 6 / columns, i), axes)
          frame.dots(X, (row) => color(target[row]), { features: [a, b], alpha: 0.7 })
          frame.dots(
            X.filter((_, row) => names[row] !== target[row]),
            () => theme('ink'),
            { radius: 1.6, alpha: 1, features: [a, b] },
          )
          model.means.forEach((mean, k) => {
            const own = covarianceOf(model, k)
            const part =
              typeof own === 'number'
                ? own
                : type === 'diag'
                  ? [a, b].map((p) => own[p] as number)
                  : [a, b].map((p) => [a, b].map((q) => (own as number[][])[p][q]))
            frame.gaussian([mean[a], mean[b]], part, colors[k])
          })
        })
      },
      table() {
        const predicted = model.predict(X)
        const kinds = [0, 1, 2]
        return {
          head: ['species', ...kinds.map((k) => `comp. ${k + 1}`)],
          rows: kinds.map((s) => [targetNames[s], ...kinds.map((k) => X.filter((_, i) => target[i] === s && predicted[i] === k).length)]),
        }
      },
      readout: () => [
        ['iteration', String(trace.values.length - 1)],
        ['log-likelihood per flower', places(trace.values.at(-1) as number)],
        ['adjusted Rand index', places(adjustedRandScore(target, model.predict(X)), 3)],
      ],
    }
  },
}

const large: Topic = {
  id: 'large',
  name: 'Large data',
  hint: 'fitAsync, in the background',
  title: 'A million rows, and the page stays alive',
  text: '<code>fitAsync</code> shares the time of the page, or uses threads where the page is isolated (the playground’s own server sends the headers), with the same bits either way. It reports every iteration and can be stopped. One run is a whole fit, from nothing to convergence.',
  controls: [
    { ...number('n', 'rows', 50_000, 1_000_000, 1_000_000, 50_000), lazy: true },
    number('k', 'components', 2, 8, 5),
    choice('model', 'model', ['Gaussian mixture', 'k-means']),
  ],
  start(values) {
    const [n, k, seed] = [Number(values.n), Number(values.k), Number(values.seed)]
    const { X } = makeBlobs({ nSamples: n, centers: k, centerBox: [-8, 8], clusterStd: 1.3, randomState: seed })
    const stride = Math.ceil(n / 6000)
    const shown = range(Math.floor(n / stride)).map((i) => Array.from(X.row(i * stride)))
    const controller = new AbortController()
    const options = { signal: controller.signal }
    const gaussian = values.model === 'Gaussian mixture'
    const trace = { label: gaussian ? 'mean log-likelihood' : 'J', values: [] as number[] }
    let done: GaussianMixture | KMeans | undefined
    let took = Number.NaN
    return {
      trace,
      abort: () => controller.abort(),
      async step() {
        const began = performance.now()
        if (gaussian)
          done = await new GaussianMixture({
            nComponents: k,
            initParams: 'k-means++',
            tol: 1e-5,
            maxIter: 300,
            randomState: seed,
            ...quiet,
          }).fitAsync(X, { ...options, onIteration: ({ lowerBound }) => void trace.values.push(lowerBound) })
        else
          done = await new KMeans({ nClusters: k, init: 'random', nInit: 1, tol: 0, randomState: seed, ...quiet }).fitAsync(X, {
            ...options,
            onIteration: ({ inertia }) => void trace.values.push(inertia / n),
          })
        took = performance.now() - began
        return false
      },
      draw(context, rect) {
        const axes = {
          x: extent(shown.map((r) => r[0])),
          y: extent(shown.map((r) => r[1])),
          square: true,
          title: `${shown.length.toLocaleString('en')} of ${n.toLocaleString('en')} rows`,
        }
        const frame = new Frame(context, rect, axes)
        const labels = done?.predict(shown)
        frame.dots(shown, (i) => (labels ? color(labels[i]) : theme('soft')), { radius: 1.6, alpha: 0.55 })
        if (done instanceof GaussianMixture) drawComponents(frame, done)
        else for (const [c, [x, y]] of (done?.clusterCenters ?? []).entries()) frame.diamond(x, y, color(c))
      },
      readout: () => [
        ['iterations', String(trace.values.length)],
        [trace.label, places(trace.values.at(-1) ?? Number.NaN, 5)],
        ['whole fit', Number.isNaN(took) ? '–' : `${Math.round(took).toLocaleString('en')} ms`],
        ['page isolated (threads)', globalThis.crossOriginIsolated ? 'yes' : 'no'],
      ],
    }
  },
}

export const topics: Topic[] = [kmeans, mixture, bound, boxes, classifier, selection, covariances, iris, large]
