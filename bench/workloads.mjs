// The workloads W1 … W8: shapes and structures between which the answers differ (few features, many features, overlap, no clusters at
// all). Made here from seeds, by a generator of the bench's own, so that no change to the package changes what is measured.
import { createHash } from 'node:crypto'
import * as mixtura from '../dist/index.js'

/** id → shape and recipe. Blobs are anisotropic, of unequal weight and scale; `separation` is the standard deviation of their centers. */
export const WORKLOADS = {
  W1: { n: 150, d: 4, k: 3, about: 'iris', fill: iris, seed: 2 }, // a start that takes 11 iterations to the best known inertia
  W2: { n: 10_000, d: 2, k: 8, about: 'blobs, separation 2', fill: blobs(2) },
  W3: { n: 100_000, d: 2, k: 16, about: 'blobs, separation 3', fill: blobs(3) },
  W4: { n: 100_000, d: 16, k: 10, about: 'blobs, separation 0.7', fill: blobs(0.7) },
  W5: { n: 100_000, d: 64, k: 32, about: 'blobs, separation 0.35', fill: blobs(0.35) },
  W6: { n: 1_000_000, d: 8, k: 16, about: 'blobs, separation 1', fill: blobs(1) },
  W7: { n: 60_000, d: 784, k: 10, about: 'blobs of rank 32, plus noise', fill: lowRank(32, 0.6, 0.3) },
  W8: {
    n: 100_000,
    d: 16,
    k: 64,
    about: 'uniform on [0, 1)',
    fill: (random, { data }) => data.forEach((_, i) => (data[i] = random.uniform())),
  },
}

/** Makes a workload: its data as a Matrix, K distinct rows as first centers (`rows`, `centers`), and the variance of each column, of which every
 *  mixture starts (weights 1/K, means = centers, precisions = 1/variance). */
export function makeWorkload(id) {
  const { n, d, k, about, fill, seed = 20260 + Number(id.slice(1)) } = WORKLOADS[id]
  const random = new Generator(seed)
  const matrix = mixtura.Matrix.zeros(n, d)
  const note = fill(random, { data: matrix.data, n, d, k })
  const rows = distinct(random, n, k)
  const bytes = Buffer.from(matrix.data.buffer, matrix.data.byteOffset, matrix.data.byteLength)
  return {
    id,
    n,
    d,
    k,
    matrix,
    rows,
    about: note ?? about,
    sha256: createHash('sha256').update(bytes).digest('hex').slice(0, 12),
    bytes,
    centers: rows.map((row) => Array.from(matrix.row(row))),
    variance: columnVariance(matrix.data, n, d),
  }
}

/** Σ over rows of the squared distance to the nearest center, by a plain loop: the judge of every contender's centers. */
export function inertiaOf({ matrix: { data }, n, d }, centers) {
  const flat = Float64Array.from(centers.flat())
  let total = 0
  for (let i = 0; i < n; i++) {
    let nearest = Infinity
    for (let c = 0; c < flat.length; c += d) {
      let square = 0
      for (let j = 0, at = i * d; j < d; j++, at++) square += (data[at] - flat[c + j]) ** 2
      if (square < nearest) nearest = square
    }
    total += nearest
  }
  return total
}

// Fisher's iris where the package has it; until then three normal classes of fifty with iris's means and deviations
function iris(random, { data }) {
  if (mixtura.loadIris) return void data.set(mixtura.loadIris().data.data)
  const classes = [
    [
      [5.01, 3.43, 1.46, 0.25],
      [0.35, 0.38, 0.17, 0.11],
    ],
    [
      [5.94, 2.77, 4.26, 1.33],
      [0.52, 0.31, 0.47, 0.2],
    ],
    [
      [6.59, 2.97, 5.55, 2.03],
      [0.64, 0.32, 0.55, 0.27],
    ],
  ]
  classes.forEach(([mean, deviation], c) => {
    for (let i = 0; i < 200; i++) data[c * 200 + i] = Math.round(10 * (mean[i % 4] + deviation[i % 4] * random.normal())) / 10
  })
  return "three classes of iris's shape"
}

function blobs(separation) {
  return (random, { data, n, d, k }) => {
    const weights = Array.from(
      { length: k },
      () => -Math.log(Array.from({ length: 5 }, () => 1 - random.uniform()).reduce((a, b) => a * b)),
    ) // Γ(5): a Dirichlet draw
    const mass = weights.reduce((a, b) => a + b)
    const centers = Array.from({ length: k }, () => Float64Array.from({ length: d }, () => separation * random.normal()))
    const shapes = centers.map(() => {
      const scale = 0.6 + 0.8 * random.uniform()
      return Float64Array.from({ length: d * d }, (_, i) => scale * ((i % (d + 1) === 0 ? 1 : 0) + (0.3 * random.normal()) / Math.sqrt(d)))
    })
    const z = new Float64Array(d)
    for (let i = 0; i < n; i++) {
      let c = 0
      for (let u = mass * random.uniform(); c < k - 1 && u >= weights[c]; c++) u -= weights[c]
      for (let j = 0; j < d; j++) z[j] = random.normal()
      product(z, shapes[c], data, i * d, d)
      for (let j = 0; j < d; j++) data[i * d + j] += centers[c][j]
    }
  }
}

function lowRank(rank, separation, noise) {
  return (random, { data, n, d, k }) => {
    const hidden = new Float64Array(n * rank)
    blobs(separation)(random, { data: hidden, n, d: rank, k })
    const map = Float64Array.from({ length: rank * d }, () => random.normal() / Math.sqrt(rank))
    for (let i = 0; i < n; i++) {
      product(hidden.subarray(i * rank, (i + 1) * rank), map, data, i * d, d)
      for (let j = 0; j < d; j++) data[i * d + j] += noise * random.normal()
    }
  }
}

// out[at …] = z·table, table row-major with d columns
function product(z, table, out, at, d) {
  for (let j = 0; j < d; j++) out[at + j] = 0
  for (let r = 0; r < z.length; r++) {
    const v = z[r]
    for (let j = 0, from = r * d; j < d; j++, from++) out[at + j] += v * table[from]
  }
}

function distinct(random, n, k) {
  const rows = new Set()
  while (rows.size < k) rows.add(Math.floor(random.uniform() * n))
  return [...rows]
}

function columnVariance(data, n, d) {
  const mean = new Float64Array(d)
  const variance = new Float64Array(d)
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) mean[j] += data[i * d + j] / n
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) variance[j] += (data[i * d + j] - mean[j]) ** 2 / n
  return Array.from(variance)
}

/** sfc32 (Doty-Humphrey's small fast counting generator), with normal numbers by Marsaglia's polar method. */
class Generator {
  #s
  #spare = Number.NaN

  constructor(seed) {
    this.#s = Int32Array.of(0x9e3779b9, 0x243f6a88, seed, 1)
    for (let i = 0; i < 16; i++) this.#bits()
  }

  #bits() {
    const s = this.#s
    const t = (s[0] + s[1] + s[3]++) | 0
    s[0] = s[1] ^ (s[1] >>> 9)
    s[1] = (s[2] + (s[2] << 3)) | 0
    s[2] = ((s[2] << 21) | (s[2] >>> 11)) + t
    return t >>> 0
  }

  /** On [0, 1), 53 bits. */
  uniform() {
    return ((this.#bits() >>> 5) * 2 ** 26 + (this.#bits() >>> 6)) / 2 ** 53
  }

  normal() {
    const spare = this.#spare
    if (!Number.isNaN(spare)) {
      this.#spare = Number.NaN
      return spare
    }
    for (;;) {
      const u = 2 * this.uniform() - 1
      const v = 2 * this.uniform() - 1
      const s = u * u + v * v
      if (s >= 1 || s === 0) continue
      const scale = Math.sqrt((-2 * Math.log(s)) / s)
      this.#spare = v * scale
      return u * scale
    }
  }
}
