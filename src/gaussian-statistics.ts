// Sufficient statistics of a mixture of Gaussians as values of their own: of a batch, of all rows so far, of rows on another machine. They merge,
// give parameters, and are bytes.
import { sum } from './lists.ts'
import { DegenerateCovarianceError } from './errors.ts'
import {
  COVARIANCE_TYPES,
  type CovarianceType,
  type GaussianMoments,
  type GaussianParameters,
  covarianceShape,
  precisionFactors,
  roundingLevel,
  isDense,
} from './gaussian.ts'

const GUARD = 10 * 2 ** -52 // share of a component that has no rows, so that it has a covariance: scikit-learn's, for one row
const FORMAT = 'mxgs' // first bytes
const VERSION = 1
const HEADER = 16 // bytes: format, version, type, two unused, K, D

interface Parts {
  type: CovarianceType
  k: number
  d: number
  /** Σ w */
  weight: number
  /** Σ w·r / Σ w of each component (K). */
  shares: Float64Array
  /** Σ w·r·x / Σ w·r (K×D). */
  means: Float64Array
  /** Σ w·r·(x − mean)(x − mean)ᵀ / Σ w, in the shape of covariances; tied: summed over the components; spherical: mean of the diagonal. */
  scatters: Float64Array
  /** Σ w·r·t² / Σ w (K×D; tied: summed, D; spherical: mean over the features, K), t being what was squared to get the scatter: what rounding leaves
   *  on it is a share of this. */
  squares: Float64Array
  /** Largest |x| of each column (D). */
  largest: Float64Array
}

/** Statistics per unit of weight. Scatter is taken about the means, never E[xxᵀ], so no offset costs digits. */
export class GaussianStatistics {
  readonly #parts: Parts

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Of one E-step over rows of total weight `weight`. */
  static of(moments: GaussianMoments, type: CovarianceType, weight: number, largest: Float64Array): GaussianStatistics {
    const { counts, means, covariances, spread } = moments
    const [k, d] = [counts.length, largest.length]
    const shares = counts.map((n) => n / weight)
    const shareOf = tabulated(type, shares, d)
    return new GaussianStatistics({
      type,
      k,
      d,
      weight,
      shares,
      means,
      scatters: covariances.map((v, i) => v * shareOf.scatter(i)),
      squares: spread.map((v, i) => v * v * shareOf.square(i)),
      largest,
    })
  }

  /** What a mixture stands for that `weight` went into before. */
  static standingFor(
    { weights, means, covariances }: Required<GaussianParameters>,
    type: CovarianceType,
    { weight, regCovar, largest }: { weight: number; regCovar: number; largest: Float64Array },
  ): GaussianStatistics {
    const [k, d] = [weights.length, largest.length]
    const bare = covariances.map((v, i) => (onDiagonal(type, i, d) ? Math.max(0, v - regCovar) : v))
    const spread = Float64Array.from({ length: countSquares(type, k, d) }, (_, i) => Math.sqrt(varianceOf(type, bare, i, d)))
    return GaussianStatistics.of({ counts: weights.map((v) => v * weight), means, covariances: bare, spread }, type, weight, largest)
  }

  /** Σ w of the rows. */
  get weight(): number {
    return this.#parts.weight
  }

  /** (1 − share)·these + share·the others. By default both count as their rows do: the statistics of all rows together. */
  merge(others: GaussianStatistics, share = others.weight / (this.weight + others.weight)): GaussianStatistics {
    const [a, b] = [this.#parts, others.#parts]
    const { type, k, d } = a
    const mixed = (u: Float64Array, v: Float64Array) => u.map((value, i) => (1 - share) * value + share * v[i])
    const shares = mixed(a.shares, b.shares)
    const means = a.means.slice()
    const scatters = mixed(a.scatters, b.scatters)
    const squares = mixed(a.squares, b.squares)
    const delta = new Float64Array(d)
    for (let c = 0; c < k; c++) {
      const [before, after] = [(1 - share) * a.shares[c], share * b.shares[c]]
      if (after === 0) continue
      const moves = after / shares[c]
      const between = before * moves // of the scatter of the two means
      for (let j = 0; j < d; j++) {
        const at = c * d + j
        delta[j] = b.means[at] - a.means[at]
        means[at] = before === 0 ? b.means[at] : a.means[at] + moves * delta[j]
        const square = between * delta[j] * delta[j]
        squares[type === 'tied' ? j : type === 'spherical' ? c : at] += type === 'spherical' ? square / d : square
        if (type === 'diag') scatters[at] += square
        else if (type === 'spherical') scatters[c] += square / d
      }
      if (isDense(type)) {
        const own = type === 'full' ? c * d * d : 0
        for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) scatters[own + i * d + j] += between * delta[i] * delta[j]
      }
    }
    const largest = a.largest.map((v, j) => Math.max(v, b.largest[j]))
    return new GaussianStatistics({ type, k, d, weight: a.weight + b.weight, shares, means, scatters, squares, largest })
  }

  /** The M-step. Throws DegenerateCovarianceError for a component without spread. */
  maximise(regCovar: number): Required<GaussianParameters> {
    const { type, d, shares, means, scatters, squares, largest } = this.#parts
    const guarded = shares.map((v) => v + GUARD)
    const mass = sum(guarded)
    const shareOf = tabulated(type, guarded, d)
    const covariances = scatters.map((v, i) => v / shareOf.scatter(i) + (onDiagonal(type, i, d) ? regCovar : 0))
    const spread = squares.map((v, i) => Math.sqrt(v / shareOf.square(i)))
    const factors = precisionFactors(type, covariances, d, spread, roundingLevel(largest, regCovar))
    if (factors instanceof DegenerateCovarianceError) throw factors
    return { weights: guarded.map((v) => v / mass), means: means.slice(), covariances, precisionsCholesky: factors }
  }

  /** As bytes, little-endian: a header with the version of the format, then all numbers. */
  toBytes(): Uint8Array {
    const { type, k, d, weight, shares, means, scatters, squares, largest } = this.#parts
    const numbers = [weight, ...shares, ...means, ...scatters, ...squares, ...largest]
    const bytes = new DataView(new ArrayBuffer(HEADER + 8 * numbers.length))
    Array.from(FORMAT).forEach((letter, i) => bytes.setUint8(i, letter.charCodeAt(0)))
    bytes.setUint8(4, VERSION)
    bytes.setUint8(5, COVARIANCE_TYPES.indexOf(type))
    bytes.setUint32(8, k, true)
    bytes.setUint32(12, d, true)
    numbers.forEach((v, i) => bytes.setFloat64(HEADER + 8 * i, v, true))
    return new Uint8Array(bytes.buffer)
  }

  /** Restores what `toBytes` returned. Throws RangeError for anything else. */
  static fromBytes(bytes: Uint8Array, name: string): GaussianStatistics {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const malformed = (what: string) => new RangeError(`${name}: expected statistics of a Gaussian mixture, ${what}.`)
    if (bytes.length < HEADER || String.fromCharCode(...bytes.subarray(0, 4)) !== FORMAT) throw malformed('got other bytes')
    if (bytes[4] !== VERSION) throw malformed(`format version ${VERSION}, got ${bytes[4]}. A newer mixtura wrote this: update the package`)
    const type = COVARIANCE_TYPES[bytes[5]]
    const [k, d] = [view.getUint32(8, true), view.getUint32(12, true)]
    if (!type || k === 0 || d === 0) throw malformed('got a header that names no mixture')
    const lengths = [1, k, k * d, covarianceShape(type, k, d).length, countSquares(type, k, d), d]
    const expected = HEADER + 8 * sum(lengths)
    if (bytes.length !== expected) throw malformed(`${expected} bytes of them, got ${bytes.length}`)
    let at = HEADER
    const [[weight], shares, means, scatters, squares, largest] = lengths.map((length) =>
      Float64Array.from({ length }, () => {
        const v = view.getFloat64(at, true)
        if (!Number.isFinite(v)) throw malformed(`finite numbers, got ${v} at byte ${at}`)
        at += 8
        return v
      }),
    )
    return new GaussianStatistics({ type, k, d, weight, shares, means, scatters, squares, largest })
  }

  /** For JSON.stringify: the bytes, in base64. */
  toJSON(): { base64: string } {
    return { base64: btoa(Array.from(this.toBytes(), (byte) => String.fromCharCode(byte)).join('')) }
  }

  /** Restores what `toJSON` returned; undefined where it is no such thing. Throws RangeError for other bytes. */
  static fromJSON(json: unknown, name: string): GaussianStatistics | undefined {
    const { base64 } = Object(json) as { base64?: unknown }
    if (typeof base64 !== 'string' || !/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) return undefined
    return GaussianStatistics.fromBytes(
      Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)),
      name,
    )
  }

  /** Covariance type, K and D. */
  get kind(): [CovarianceType, number, number] {
    const { type, k, d } = this.#parts
    return [type, k, d]
  }
}

// Which share an entry of the scatters or of the squares is to be measured by: that of its component, or of all
function tabulated(type: CovarianceType, shares: Float64Array, d: number): { scatter(i: number): number; square(i: number): number } {
  if (type === 'tied') {
    const all = sum(shares)
    return { scatter: () => all, square: () => all }
  }
  const each = type === 'full' ? d * d : type === 'diag' ? d : 1
  return { scatter: (i) => shares[Math.floor(i / each)], square: (i) => shares[type === 'spherical' ? i : Math.floor(i / d)] }
}

const onDiagonal = (type: CovarianceType, i: number, d: number) => !isDense(type) || (i % (d * d)) % (d + 1) === 0

const countSquares = (type: CovarianceType, k: number, d: number) => (type === 'tied' ? d : type === 'spherical' ? k : k * d)

// The variance that belongs to entry i of the squares
const varianceOf = (type: CovarianceType, covariances: Float64Array, i: number, d: number) =>
  covariances[isDense(type) ? i * d + (i % d) : i]
