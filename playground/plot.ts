// Pictures on a canvas: frames with axes, dots, curves and ellipses in data coordinates.
import { covarianceEllipse } from 'mixtura'

/** Okabe & Ito (2008): told apart under every common form of colour blindness. */
export const PALETTE = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#8C6BB1', '#999933']

export interface Rect {
  x: number
  y: number
  width: number
  height: number
}
export interface Axes {
  x: [number, number]
  y: [number, number]
  title?: string
  xLabel?: string
  yLabel?: string
  /** The same unit on both axes. */
  square?: boolean
}

/** A color of the page's theme. */
export const theme = (name: 'ink' | 'soft' | 'line' | 'grid' | 'card' | 'accent') =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()

const channels = (hex: string) => [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16))
/** Colors mixed in the given shares. */
export const blend = (shares: ArrayLike<number>, colors = PALETTE): string => {
  const sum = [0, 0, 0]
  for (let k = 0; k < shares.length; k++) {
    const own = channels(colors[k % colors.length])
    for (const c of [0, 1, 2]) sum[c] += shares[k] * own[c]
  }
  return `rgb(${sum.map(Math.round).join(' ')})`
}

/** Clears a canvas and sizes it for the screen. @returns its context, and its size in CSS pixels */
export function prepare(canvas: HTMLCanvasElement): { context: CanvasRenderingContext2D; rect: Rect } {
  const { clientWidth: width, clientHeight: height } = canvas
  const scale = window.devicePixelRatio || 1
  canvas.width = Math.round(width * scale)
  canvas.height = Math.round(height * scale)
  const context = canvas.getContext('2d') as CanvasRenderingContext2D
  context.scale(scale, scale)
  return { context, rect: { x: 0, y: 0, width, height } }
}

/** A rectangle cut into columns × rows; cell i of them. */
export const cell = (rect: Rect, columns: number, rows: number, i: number): Rect => ({
  x: rect.x + ((i % columns) * rect.width) / columns,
  y: rect.y + (Math.floor(i / columns) * rect.height) / rows,
  width: rect.width / columns,
  height: rect.height / rows,
})

/** Least and largest of some numbers, with a margin. */
export function extent(values: Iterable<number>, margin = 0.06): [number, number] {
  let [low, high] = [Infinity, -Infinity]
  for (const v of values) {
    if (v < low) low = v
    if (v > high) high = v
  }
  if (!(high > low)) return [low - 1, low + 1]
  const more = (high - low) * margin
  return [low - more, high + more]
}

function ticks([low, high]: [number, number], count: number): number[] {
  const raw = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= raw) ?? 10)
  const first = Math.ceil(low / step)
  return Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, i) => (first + i) * step)
}
const label = (v: number) => (Math.abs(v) < 1e-12 ? '0' : String(Number(v.toPrecision(6))).replace('-', '−'))

/** A frame with axes; everything is placed by data coordinates and clipped to it. */
export class Frame {
  readonly axes: Axes
  readonly inner: Rect
  readonly context: CanvasRenderingContext2D

  constructor(context: CanvasRenderingContext2D, rect: Rect, axes: Axes) {
    this.context = context
    const [top, left] = [axes.title ? 34 : 16, axes.yLabel ? 66 : 54]
    const bottom = axes.xLabel ? 44 : 28
    this.inner = { x: rect.x + left, y: rect.y + top, width: rect.width - left - 16, height: rect.height - top - bottom }
    this.axes = axes.square ? squared(axes, this.inner) : axes
    this.#drawAxes()
  }

  px = (x: number) => this.inner.x + ((x - this.axes.x[0]) / (this.axes.x[1] - this.axes.x[0])) * this.inner.width
  py = (y: number) => this.inner.y + this.inner.height - ((y - this.axes.y[0]) / (this.axes.y[1] - this.axes.y[0])) * this.inner.height
  /** Data coordinates of a point in pixels, if it lies inside. */
  at(x: number, y: number): [number, number] | undefined {
    const [u, v] = [(x - this.inner.x) / this.inner.width, (this.inner.y + this.inner.height - y) / this.inner.height]
    const { x: dx, y: dy } = this.axes
    return u >= 0 && u <= 1 && v >= 0 && v <= 1 ? [dx[0] + u * (dx[1] - dx[0]), dy[0] + v * (dy[1] - dy[0])] : undefined
  }

  #drawAxes(): void {
    const { context: c, inner, axes } = this
    c.save()
    c.font = '12px system-ui, sans-serif'
    c.lineWidth = 1
    c.textAlign = 'center'
    for (const t of ticks(axes.x, Math.max(3, inner.width / 80))) {
      this.#rule(this.px(t), inner.y, this.px(t), inner.y + inner.height)
      c.fillStyle = theme('soft')
      c.fillText(label(t), this.px(t), inner.y + inner.height + 16)
    }
    c.textAlign = 'right'
    for (const t of ticks(axes.y, Math.max(3, inner.height / 48))) {
      this.#rule(inner.x, this.py(t), inner.x + inner.width, this.py(t))
      c.fillStyle = theme('soft')
      c.fillText(label(t), inner.x - 7, this.py(t) + 4)
    }
    c.fillStyle = theme('soft')
    c.textAlign = 'center'
    if (axes.xLabel) c.fillText(axes.xLabel, inner.x + inner.width / 2, inner.y + inner.height + 35)
    if (axes.yLabel) {
      c.translate(inner.x - 50, inner.y + inner.height / 2)
      c.rotate(-Math.PI / 2)
      c.fillText(axes.yLabel, 0, 0)
      c.rotate(Math.PI / 2)
      c.translate(-(inner.x - 50), -(inner.y + inner.height / 2))
    }
    if (axes.title) {
      c.textAlign = 'left'
      c.font = '600 13.5px system-ui, sans-serif'
      c.fillStyle = theme('ink')
      c.fillText(axes.title, inner.x, inner.y - 11, inner.width)
    }
    c.restore()
  }

  #rule(x1: number, y1: number, x2: number, y2: number): void {
    this.context.strokeStyle = theme('grid')
    this.context.beginPath()
    this.context.moveTo(x1, y1)
    this.context.lineTo(x2, y2)
    this.context.stroke()
  }

  #clipped(work: (c: CanvasRenderingContext2D) => void): void {
    const { context: c, inner } = this
    c.save()
    c.beginPath()
    c.rect(inner.x, inner.y, inner.width, inner.height)
    c.clip()
    work(c)
    c.restore()
  }

  /** Rows as dots, each of its own color. */
  dots(rows: ArrayLike<ArrayLike<number>>, color: (i: number) => string, { radius = 3, alpha = 0.8, features = [0, 1] } = {}): void {
    this.#clipped((c) => {
      c.globalAlpha = alpha
      for (let i = 0; i < rows.length; i++) {
        c.fillStyle = color(i)
        c.beginPath()
        c.arc(this.px(rows[i][features[0]]), this.py(rows[i][features[1]]), radius, 0, 2 * Math.PI)
        c.fill()
      }
    })
  }

  line(points: ArrayLike<ArrayLike<number>>, color: string, { width = 2, dash = [] as number[], closed = false, fill = '' } = {}): void {
    this.#clipped((c) => {
      c.beginPath()
      for (let i = 0; i < points.length; i++) c.lineTo(this.px(points[i][0]), this.py(points[i][1]))
      if (closed) c.closePath()
      if (fill) {
        c.globalAlpha = 0.1
        c.fillStyle = fill
        c.fill()
        c.globalAlpha = 1
      }
      c.strokeStyle = color
      c.lineWidth = width
      c.lineJoin = 'round'
      c.setLineDash(dash)
      c.stroke()
    })
  }

  /** A Gaussian: contours at one and two standard deviations. */
  gaussian(mean: ArrayLike<number>, covariance: Parameters<typeof covarianceEllipse>[1], color: string, dash: number[] = []): void {
    for (const sigmas of [1, 2]) {
      const contour = covarianceEllipse(mean, covariance, { sigmas }).points(72)
      this.line(contour, color, { width: sigmas === 1 ? 1.5 : 2.5, closed: true, dash, fill: dash.length ? '' : color })
    }
  }

  /** A diamond, with a rim that shows on any ground. */
  diamond(x: number, y: number, color: string, radius = 9): void {
    this.#clipped((c) => {
      const [cx, cy] = [this.px(x), this.py(y)]
      c.beginPath()
      for (const [dx, dy] of [
        [0, -1],
        [1, 0],
        [0, 1],
        [-1, 0],
      ])
        c.lineTo(cx + dx * radius, cy + dy * radius)
      c.closePath()
      c.fillStyle = color
      c.strokeStyle = theme('card')
      c.lineWidth = 5
      c.stroke()
      c.fill()
      c.strokeStyle = theme('ink')
      c.lineWidth = 1.8
      c.stroke()
    })
  }

  /** Colors of a grid of columns × rows cells, from the lower left, as a soft ground. */
  ground(columns: number, rows: number, color: (i: number) => [rgb: string, alpha: number]): void {
    const image = document.createElement('canvas')
    image.width = columns
    image.height = rows
    const c = image.getContext('2d') as CanvasRenderingContext2D
    for (let i = 0; i < columns * rows; i++) {
      const [rgb, alpha] = color(i)
      c.globalAlpha = alpha
      c.fillStyle = rgb
      c.fillRect(i % columns, rows - 1 - Math.floor(i / columns), 1, 1)
    }
    const { x, y, width, height } = this.inner
    this.context.imageSmoothingEnabled = true
    this.context.drawImage(image, x, y, width, height)
  }

  /** Centers of the cells of such a grid. */
  grid(columns: number, rows: number): number[][] {
    const { x, y } = this.axes
    return Array.from({ length: columns * rows }, (_, i) => [
      x[0] + (((i % columns) + 0.5) / columns) * (x[1] - x[0]),
      y[0] + ((Math.floor(i / columns) + 0.5) / rows) * (y[1] - y[0]),
    ])
  }

  text(
    text: string,
    x: number,
    y: number,
    { align = 'left' as CanvasTextAlign, color = theme('ink'), dx = 0, dy = 0, bold = false } = {},
  ): void {
    const c = this.context
    c.save()
    c.font = `${bold ? '600 ' : ''}12.5px system-ui, sans-serif`
    c.textAlign = align
    c.fillStyle = color
    c.fillText(text, this.px(x) + dx, this.py(y) + dy)
    c.restore()
  }
}

function squared(axes: Axes, { width, height }: Rect): Axes {
  const [w, h] = [axes.x[1] - axes.x[0], axes.y[1] - axes.y[0]]
  const unit = Math.max(w / width, h / height)
  const stretched = ([low, high]: [number, number], size: number): [number, number] => {
    const middle = (low + high) / 2
    return [middle - (unit * size) / 2, middle + (unit * size) / 2]
  }
  return { ...axes, x: stretched(axes.x, width), y: stretched(axes.y, height) }
}
