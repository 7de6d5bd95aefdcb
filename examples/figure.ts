// Pictures of the examples: Observable Plot draws every panel; this file gives them one look, lays them out and writes one SVG.
import { mkdirSync, writeFileSync } from 'node:fs'
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { covarianceEllipse, type CovarianceType, type GaussianMixture } from 'mixtura'

/** Okabe & Ito (2008): told apart under every common form of colour blindness. */
export const palette = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9']
export const ink = '#222'

/** A panel: options of Plot.plot, and a heading above its frame. */
export type Panel = Plot.PlotOptions & { heading?: string }

/** An entry of the legend: a dot, a symbol, or a line where `dash` is given ('' is a solid one). */
export interface Key {
  label: string
  color: string
  symbol?: Plot.SymbolType
  dash?: string
}

/** Rows as dots in the color of the group they were drawn from, with crosses on those that were put elsewhere, seen in features a and b. */
export function groupDots(rows: number[][], groups: Int32Array, clusters: Int32Array, [a, b] = [0, 1]): Plot.Dot[] {
  const place = { x: (row: number[]) => row[a], y: (row: number[]) => row[b] }
  return [
    Plot.dot(rows, { ...place, fill: (_: number[], i: number) => palette[groups[i]], r: 2.5, fillOpacity: 0.75 }),
    Plot.dot(
      rows.filter((_, i) => clusters[i] !== groups[i]),
      { ...place, symbol: 'times', stroke: ink, r: 3.5 },
    ),
  ]
}

/** Where a two-dimensional Gaussian has 86 % of its mass: the ellipse at two standard deviations. */
export const ellipse = (mean: number[], covariance: Parameters<typeof covarianceEllipse>[1]): Plot.Line =>
  Plot.line(covarianceEllipse(mean, covariance).points(), { stroke: ink, strokeWidth: 2, curve: 'linear-closed' })

/** The ellipses of a mixture of two features, whatever its covariance type. */
export function ellipses(model: GaussianMixture<CovarianceType>): Plot.Line[] {
  const tied = model.getParams().covarianceType === 'tied' // then all components share one Σ
  return model.means.map((mean, k) => ellipse(mean, tied ? (model.covariances as number[][]) : model.covariances[k]))
}

/** The legend of `groupDots`. */
export const groupKeys = (names: string[]): Key[] => [
  ...names.map((label, k) => ({ label, color: palette[k] })),
  { label: 'misclassified', color: ink, symbol: 'times' },
]

const { document } = parseHTML('<!doctype html><html><body></body></html>')
const WIDTH = 940

const draw = (width: number, height: number, options: Plot.PlotOptions) =>
  // inline sizes, because Plot's own style sheet (height: auto) would stretch an SVG inside an SVG
  Plot.plot({
    ...options,
    document,
    width,
    height,
    style: {
      fontFamily: 'system-ui, sans-serif',
      fontSize: '12px',
      width: `${width}px`,
      height: `${height}px`,
      maxWidth: 'none',
      overflow: 'visible',
    },
  })

function header(title: string, subtitle: string, legend: Key[], height: number) {
  const keys = legend.map((key, i) => ({
    ...key,
    symbol: key.symbol ?? 'circle',
    at: legend.slice(0, i).reduce((x, { label }) => x + 56 + label.length * 6.8, 12),
  }))
  const y = height - 14
  return draw(WIDTH, height, {
    margin: 0,
    axis: null,
    x: { domain: [0, WIDTH] },
    y: { domain: [height, 0] },
    symbol: { type: 'identity' },
    marks: [
      Plot.text([title], { x: 12, y: 20, textAnchor: 'start', fontSize: 18, fontWeight: 600 }),
      Plot.text([subtitle], { x: 12, y: 43, textAnchor: 'start', fontSize: 13, fill: '#444' }),
      Plot.dot(
        keys.filter(({ dash }) => dash === undefined),
        { x: ({ at }) => at + 8, y, fill: 'color', stroke: 'color', symbol: 'symbol', r: 4.5 },
      ),
      ...keys
        .filter(({ dash }) => dash !== undefined)
        .map((key) =>
          Plot.link([key], { x1: key.at, x2: key.at + 18, y1: y, y2: y, stroke: key.color, strokeWidth: 2.5, strokeDasharray: key.dash }),
        ),
      Plot.text(keys, { x: ({ at }) => at + 24, y, text: 'label', textAnchor: 'start', fontSize: 13 }),
    ],
  })
}

/** Writes build/figures/NAME.svg with the panels side by side, `columns` in a row, and prints where. */
export function writeFigure(
  name: string,
  figure: { title: string; subtitle: string; legend?: Key[]; columns?: number; height?: number; panels: Panel[] },
): void {
  const { title, subtitle, legend = [], panels, columns = panels.length, height = 400 } = figure
  const width = Math.floor(WIDTH / columns)
  const top = legend.length ? 90 : 62
  const total = top + Math.ceil(panels.length / columns) * height
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    width: WIDTH,
    height: total,
    viewBox: `0 0 ${WIDTH} ${total}`,
    style: 'background:#fff',
    role: 'img',
    'aria-label': `${title}. ${subtitle}`,
  }
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, String(value))
  svg.append(header(title, subtitle, legend, top))

  panels.forEach(({ heading = '', marks = [], ...options }, i) => {
    const axis = { labelAnchor: 'center', labelArrow: 'none' } as const
    const text = Plot.text([heading], { frameAnchor: 'top-left', dy: -20, fontSize: 14, fontWeight: 600, fill: ink })
    const margins = { marginTop: 30, marginLeft: 64, marginBottom: 46, marginRight: 16 }
    const panel = draw(width, height, {
      ...margins,
      grid: true,
      ...options,
      x: { ...axis, ...options.x },
      y: { ...axis, ...options.y },
      marks: [...marks, text],
    })
    panel.setAttribute('x', String((i % columns) * width))
    panel.setAttribute('y', String(top + Math.floor(i / columns) * height))
    svg.append(panel)
  })

  // a tenth of a pixel is enough for places and paths
  const round = (attribute: string) => attribute.replace(/-?\d+\.\d{2,}/g, (number) => String(Number(Number(number).toFixed(1))))
  const path = `build/figures/${name}.svg`
  mkdirSync('build/figures', { recursive: true })
  writeFileSync(path, svg.outerHTML.replace(/ (d|transform|[cxy][xy12]?|width|height)="[^"]*"/g, round))
  console.log(`\n${path}`)
}
