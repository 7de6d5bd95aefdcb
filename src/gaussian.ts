// The Gaussian components of a mixture: their parameters, the M-step from sufficient statistics, and the pass that computes them.
// Notation: n_k = Σ w·r, a_k the anchor that component k's moments are taken about (its mean at the E-step), t = x − a_k,
// S1 = Σ w·r·t, S2 = Σ w·r·t·tᵀ.
import { sum } from './lists.ts'
import { extrapolate } from './acceleration.ts'
import { DegenerateCovarianceError, wrongValue } from './errors.ts'
import type { EmModel } from './em.ts'
import { type MixtureKernels, mixtures } from './kernel-modules.ts'
import { log } from './logarithm.ts'
import { type Arena, sharedArena, within } from './memory.ts'
import { type Origin, originOf, weightedMean } from './origin.ts'
import { type Algorithm, type Pass, Reduction, SLOT_ROWS } from './passes.ts'
import { type Resident, columnMoments, rowsOf } from './resident.ts'

/** How the covariances of a mixture are restricted: each component its own ('full'), one for all ('tied'), no correlations ('diag'), one variance for
 *  each component ('spherical'). */
export type CovarianceType = 'full' | 'tied' | 'diag' | 'spherical'
/** All covariance types, in the order of the kernel's numbers. */
export const COVARIANCE_TYPES: readonly CovarianceType[] = ['full', 'tied', 'diag', 'spherical']

/** Parameters of a mixture of K Gaussians in D dimensions; covariances and precision factors by type: full K×D×D, tied D×D, diag K×D,
 *  spherical K. */
export interface GaussianParameters {
  weights: Float64Array
  means: Float64Array
  /** Those of an M-step; where they are not there, the factors say what they are. */
  covariances?: Float64Array
  /** Upper triangular U with Σ⁻¹ = U·Uᵀ (full, tied), 1/σ (diag, spherical). */
  precisionsCholesky: Float64Array
}

/** Whether covariances are matrices, rather than variances. */
export const isDense = (type: CovarianceType) => type === 'full' || type === 'tied'

const codeOf = (type: CovarianceType) => COVARIANCE_TYPES.indexOf(type)
const EPS = 2 ** -52
const LOG_2PI = 1.8378770664093453
// The kernel's exp goes no lower
const LOWEST_FLOOR = -700

/** Shape of the covariances of a type, and the free parameters they have. */
export const covarianceShape = (type: CovarianceType, k: number, d: number) =>
  ({
    full: { shape: [k, d, d], length: k * d * d, free: (k * d * (d + 1)) / 2 },
    tied: { shape: [d, d], length: d * d, free: (d * (d + 1)) / 2 },
    diag: { shape: [k, d], length: k * d, free: k * d },
    spherical: { shape: [k], length: k, free: k },
  })[type]

// ---------------------------------------------------------------------------------------------------------------- the M-step

/** What is left of a component's moments once they are finished. */
interface Maximised {
  /** n_k + guard, never 0: scikit-learn's, which pulls the mean of a dead component to the origin of the coordinates of X. */
  counts: Float64Array
  means: Float64Array
  covariances: Float64Array
  /** S1/n_k (K×D): the weighted mean less its anchor, neither rounded to the grid at the anchor nor pulled. */
  offsets: Float64Array
  /** Root mean square of t (K×D; tied: D; spherical: K), the size of what was squared and summed: rounding leaves a share of this on a covariance. */
  spread: Float64Array
}

/** What an E-step finds of each component: Σ w·r (K), means (K×D), covariances about them without regCovar, in the type's shape, and `spread`. */
export type GaussianMoments = Pick<Maximised, 'counts' | 'means' | 'covariances' | 'spread'>

/** Total scatter of the data: Σ w (x − x̄)(x − x̄)ᵀ (D×D), and x̄ = anchor + offset, the offset being what rounding left off the anchor. */
export interface TotalScatter {
  scatter: Float64Array
  anchor: Float64Array
  offset: Float64Array
}

/** Weights, means, covariances from sufficient statistics: μ = a + S1/n, Σ = (S2 − S1·δᵀ)/n + regCovar·I with δ = S1/n, which does not cancel as
 *  E[xxᵀ] − μμᵀ does.
 *  @param sums the statistics of the kernel `mixture`: [0] log-likelihood, then per component
 *  @param guard added to every n_k in the denominators; covariances are taken about the mean without it, which differs from
 *  scikit-learn's by (guard·μ/n_k)²: nothing until a component is all but dead */
function maximise(
  type: CovarianceType,
  sums: Float64Array,
  anchors: Float64Array,
  k: number,
  d: number,
  regCovar: number,
  guard: number,
): Maximised {
  const counts = new Float64Array(k)
  const means = new Float64Array(k * d)
  const covariances = new Float64Array(covarianceShape(type, k, d).length)
  const offsets = new Float64Array(k * d)
  const spread = new Float64Array(type === 'spherical' ? k : k * d)
  const each = statisticsLength(type, d)
  for (let c = 0; c < k; c++) {
    const own = sums.subarray(1 + c * each, 1 + (c + 1) * each)
    // full: packed lower triangle of the moments of [t, 1]; the others: n, S1, and Σ r·t² or its sum over features
    const lastRow = (d * (d + 1)) / 2
    const n = type === 'full' ? own[lastRow + d] : own[0]
    const s1 = type === 'full' ? own.subarray(lastRow, lastRow + d) : own.subarray(1, 1 + d)
    const count = n + guard
    const offset = offsets.subarray(c * d, (c + 1) * d)
    counts[c] = count
    for (let j = 0; j < d; j++) {
      const anchor = anchors[c * d + j]
      offset[j] = n > 0 ? s1[j] / n : 0
      means[c * d + j] = anchor + (s1[j] - guard * anchor) / count
    }
    const centred = (i: number, j: number, s2: number) => (s2 - s1[i] * offset[j]) / count
    if (type === 'full') {
      for (let i = 0, at = 0; i < d; i++)
        for (let j = 0; j <= i; j++, at++) {
          const v = centred(i, j, own[at]) + (i === j ? regCovar : 0)
          covariances[(c * d + i) * d + j] = covariances[(c * d + j) * d + i] = v
          if (i === j) spread[c * d + j] = Math.sqrt(own[at] / count)
        }
    } else if (type === 'diag') {
      const s2 = own.subarray(1 + d)
      for (let j = 0; j < d; j++) {
        covariances[c * d + j] = Math.max(0, centred(j, j, s2[j])) + regCovar
        spread[c * d + j] = Math.sqrt(s2[j] / count)
      }
    } else if (type === 'spherical') {
      const s2 = own[1 + d]
      const shift = offset.reduce((s, delta, j) => s + s1[j] * delta, 0)
      covariances[c] = Math.max(0, s2 - shift) / count / d + regCovar
      spread[c] = Math.sqrt(s2 / count / d)
    }
  }
  return { counts, means, covariances, offsets, spread }
}

/** Makes what all components share from the total scatter T: Σ = (T − Σ_k n_k·δ_k·δ_kᵀ)/Σ n_k + regCovar·I, δ_k the mean of component k less x̄.
 *  `partial`: the responsibilities do not sum to the weights (scikit-learn's random_from_data and k-means++ starts put mass on K rows only);
 *  then the general form (XᵀX − Σ n μμᵀ)/Σ n, with scikit-learn's inflated result. */
function tie(
  each: Maximised,
  anchors: Float64Array,
  total: TotalScatter,
  totalWeight: number,
  d: number,
  regCovar: number,
  partial: boolean,
): Maximised {
  const { counts, offsets } = each
  const covariances = Float64Array.from(total.scatter)
  const spread = new Float64Array(d)
  const shift = new Float64Array(d) // Σ n_k·δ_k
  const delta = new Float64Array(d)
  let mass = 0
  counts.forEach((count, c) => {
    mass += count
    for (let i = 0; i < d; i++) {
      // differences of anchors and offsets, not of means: at a far origin those are rounded to its grid
      delta[i] = anchors[c * d + i] - total.anchor[i] + (offsets[c * d + i] - total.offset[i])
      shift[i] += count * delta[i]
      for (let j = 0; j <= i; j++) covariances[i * d + j] -= count * delta[i] * delta[j]
    }
  })
  for (let i = 0; i < d; i++) {
    const [mi, si] = [total.anchor[i] + total.offset[i], shift[i]]
    const absent = partial ? totalWeight - mass : 0
    spread[i] = Math.sqrt((total.scatter[i * d + i] + Math.abs(absent) * mi * mi) / mass)
    for (let j = 0; j <= i; j++) {
      const [mj, sj] = [total.anchor[j] + total.offset[j], shift[j]]
      const outside = partial ? absent * mi * mj - mi * sj - si * mj : 0
      covariances[i * d + j] = covariances[j * d + i] = (covariances[i * d + j] + outside) / mass + (i === j ? regCovar : 0)
    }
  }
  return { ...each, covariances, spread }
}

/** The same from full statistics of every component: exact where T − Σ n·δ·δᵀ would cancel. */
function pool(each: Maximised, d: number, regCovar: number): Maximised {
  const covariances = new Float64Array(d * d)
  const squares = new Float64Array(d)
  const mass = sum(each.counts)
  each.counts.forEach((count, c) => {
    for (let i = 0; i < d * d; i++) covariances[i] += (count / mass) * each.covariances[c * d * d + i]
    for (let j = 0; j < d; j++) squares[j] += (count / mass) * each.spread[c * d + j] ** 2
  })
  for (let j = 0; j < d; j++) covariances[j * d + j] += regCovar
  return { ...each, covariances, spread: squares.map(Math.sqrt) }
}

/** The spherical components of diagonal ones: one variance, the mean over features. */
function level(each: Maximised, d: number): Maximised {
  return { ...each, covariances: meanOfFeatures(each.covariances, d), spread: rootMeanSquares(each.spread, d) }
}

const statisticsLength = (type: CovarianceType, d: number) => sharedArena().use(mixtures).mixtureStatistics(codeOf(type), d)

// --------------------------------------------------------------------------------------------- covariances and their factors

/** What rounding leaves of a covariance that has no spread. */
export interface Rounding {
  /** On a covariance: this share of the product of the two features' `spread`. */
  sums: number
  /** On a feature of the data (D): this, in its own units. */
  data: Float64Array
}

/** Rounding level of data whose columns have the given largest magnitudes.
 *  Sums: a kernel adds at most 128 products to a lane, then 2 lanes, up to 8 blocks of a slot and the tree over slots, each time rounding to
 *  half of 2⁻⁵²; with the products themselves (five roundings each) and the d steps of a pivot that is below (160 + d)/2·2⁻⁵². Errors have either
 *  sign: what they come to on dependent columns was at most 13·2⁻⁵² on random data, and 27·2⁻⁵² where equal magnitudes were chosen to round alike.
 *  Data: a number is known to half a unit in the last place, 2⁻⁵³·|x|, and one that was computed from other columns to a few times that. With
 *  regCovar every variance is at least that much, whatever the data. */
export function roundingLevel(largest: Float64Array, regCovar: number): Rounding {
  return { sums: (128 + largest.length) * EPS, data: largest.map((v) => (regCovar > 0 ? 0 : 4 * EPS * v)) }
}

/** Precision factors of covariances, or the error that names the component without spread.
 *
 *  U holds what decides it. A feature's pivot is the variance of x_j − Σ_i<j b_i·x_i, the part that the earlier features do not determine, and column
 *  j of U is (−b, 1)/√pivot. Errors of e·s_i·s_j on the covariances (s: `spread`), independent of each other, change that pivot by about
 *  e·(Σ b_i²·s_i² + s_j²), and errors of u_i on the features themselves give the combination a spread of at most Σ |b_i|·u_i + u_j. A pivot within
 *  either is no evidence of spread: rejected where e·Σ U_ij²·s_i² ≥ 1 or Σ |U_ij|·u_i ≥ 1. Neither depends on the units of any feature. */
export function precisionFactors(
  type: CovarianceType,
  covariances: Float64Array,
  d: number,
  spread: Float64Array,
  { sums, data }: Rounding,
): Float64Array | DegenerateCovarianceError {
  const lost = (squares: number, u: number) => !(sums * squares < 1 && u < 1)
  if (!isDense(type)) {
    const units = type === 'diag' ? data : rootMeanSquares(data, d) // spread is K×D and K
    const factors = covariances.map((v) => 1 / Math.sqrt(v))
    const bad = factors.findIndex((f, i) => !(covariances[i] > 0) || lost((f * spread[i]) ** 2, f * units[i % units.length]))
    if (bad < 0) return factors
    const variance = `(variance ${covariances[bad]})`
    return type === 'diag'
      ? new DegenerateCovarianceError(Math.floor(bad / d), `feature ${bad % d} has no spread in it ${variance}`)
      : new DegenerateCovarianceError(bad, `its rows do not differ ${variance}`)
  }
  const factors = new Float64Array(covariances.length)
  return within(sharedArena(), (arena) => {
    const [cov, chol, prec] = [arena.takeF64(d * d), arena.takeF64(d * d), arena.takeF64(d * d)]
    const firstLost = (c: number) => {
      const bad = arena.use(mixtures).cholesky(cov, d, chol)
      arena.use(mixtures).inverseTransposed(chol, d, prec)
      const upper = arena.f64(prec, d * d)
      for (let j = 0; j < (bad < 0 ? d : bad); j++) {
        let [squares, u] = [0, 0]
        for (let i = 0; i <= j; i++) {
          squares += (upper[i * d + j] * spread[c * d + i]) ** 2
          u += Math.abs(upper[i * d + j]) * data[i]
        }
        if (lost(squares, u)) return j
      }
      return bad
    }
    for (let c = 0; c < covariances.length / (d * d); c++) {
      arena.f64(cov, d * d).set(covariances.subarray(c * d * d, (c + 1) * d * d))
      const bad = firstLost(c)
      if (bad >= 0)
        return new DegenerateCovarianceError(
          c,
          `feature ${bad} has no spread in it beyond what ${bad > 0 ? 'the earlier features determine' : 'rounding leaves'}`,
        )
      factors.set(arena.f64(prec, d * d), c * d * d)
    }
    return factors
  })
}

const meanOfFeatures = (table: Float64Array, d: number) =>
  Float64Array.from({ length: table.length / d }, (_, c) => sum(table.subarray(c * d, (c + 1) * d)) / d)
const rootMeanSquares = (table: Float64Array, d: number) =>
  meanOfFeatures(
    table.map((v) => v * v),
    d,
  ).map(Math.sqrt)

/** Factors U with U·Uᵀ = Λ of given precisions, or the index of a matrix that is not positive definite.
 *  With J the reversal of coordinates, J·Λ·J = L·Lᵀ gives U = J·L·J. */
export function factorsFromPrecisions(type: CovarianceType, precisions: Float64Array, d: number): Float64Array | number {
  if (!isDense(type)) {
    const bad = precisions.findIndex((v) => !(v > 0))
    return bad >= 0 ? bad : precisions.map(Math.sqrt)
  }
  const factors = new Float64Array(precisions.length)
  return within(sharedArena(), (arena) => {
    const [cov, chol] = [arena.takeF64(d * d), arena.takeF64(d * d)]
    for (let c = 0; c < precisions.length / (d * d); c++) {
      const own = precisions.subarray(c * d * d, (c + 1) * d * d)
      arena.f64(cov, d * d).set(Float64Array.from(own).reverse())
      if (arena.use(mixtures).cholesky(cov, d, chol) >= 0) return c
      factors.set(
        arena
          .f64(chol, d * d)
          .slice()
          .reverse(),
        c * d * d,
      )
    }
    return factors
  })
}

/** Λ = U·Uᵀ (full, tied) or p² (diag, spherical). */
export function precisionsFromFactors(type: CovarianceType, factors: Float64Array, d: number): Float64Array {
  if (!isDense(type)) return factors.map((p) => p * p)
  return gram(factors, d)
}

/** Σ = U⁻ᵀ·U⁻¹ (full, tied) or 1/p². */
export function covariancesFromFactors(type: CovarianceType, factors: Float64Array, d: number): Float64Array {
  if (!isDense(type)) return factors.map((p) => 1 / (p * p))
  const inverses = eachMatrix(transposed(factors, d), d, ({ inverseTransposed }, lower, inverse) => inverseTransposed(lower, d, inverse))
  return gram(transposed(inverses, d), d)
}

/** A·Aᵀ of every matrix. */
const gram = (matrices: Float64Array, d: number) => eachMatrix(matrices, d, ({ timesTransposed }, a, out) => timesTransposed(a, d, out))

/** What a kernel makes of every d×d matrix of a list. */
function eachMatrix(matrices: Float64Array, d: number, kernel: (kernels: MixtureKernels, a: number, out: number) => void): Float64Array {
  const results = new Float64Array(matrices.length)
  within(sharedArena(), (arena) => {
    const [a, out] = [arena.takeF64(d * d), arena.takeF64(d * d)]
    for (let start = 0; start < matrices.length; start += d * d) {
      arena.f64(a, d * d).set(matrices.subarray(start, start + d * d))
      kernel(arena.use(mixtures), a, out)
      results.set(arena.f64(out, d * d), start)
    }
  })
  return results
}

function transposed(matrices: Float64Array, d: number): Float64Array {
  const results = new Float64Array(matrices.length)
  for (let start = 0; start < matrices.length; start += d * d)
    for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) results[start + j * d + i] = matrices[start + i * d + j]
  return results
}

// ------------------------------------------------------------------------------------------------------------------ the pass

/** What a run of the pass reads and writes besides the parameters; addresses, 0 for none. */
interface PassTargets {
  given?: number
  logNorm?: number
  responsibilities?: number
  labels?: number
  into?: Reduction
  /** Statistics to take, where they are not the model's own. */
  moments?: CovarianceType
}

/** The kernel `mixture` with its parameters in memory. Bytes: 8·(2·k·d + 4·k + factors), factors: full k·d·(d + 2)/2, tied d·(d + 2)/2 + k·d,
 *  diag and spherical k·d + d + 3·k, each rounded up to panels of four. */
export class GaussianPass {
  readonly type: CovarianceType
  readonly k: number
  readonly #arena: Arena
  readonly #d: number
  readonly #components: number
  readonly #means: number
  readonly #factors: number
  readonly #anchors: number
  readonly #upper: number
  readonly #origin: number
  // Whether there are components near the origin
  #central = false

  constructor(arena: Arena, type: CovarianceType, k: number, d: number) {
    const panels = Math.ceil(k / 4) * 4 * d
    const triangle = arena.use(mixtures).triangularPanelLength(d)
    this.type = type
    this.k = k
    this.#arena = arena
    this.#d = d
    this.#components = arena.takeF64(4 * k) // of each: log weight + log normaliser, scale, floor, log weight
    this.#means = arena.takeF64(panels) // by type: see the kernel
    this.#factors = arena.takeF64({ full: k * triangle, tied: triangle + panels, diag: panels, spherical: panels }[type])
    this.#anchors = arena.takeF64(k * d) // what moments are taken about; before that, room to lay out panels
    this.#origin = arena.takeF64(d + 3 * k + 1) // and what is near it
    this.#upper = isDense(type) ? arena.takeF64(d * d) : 0 // one U on its way into panels
  }

  /** Puts parameters where the kernel reads them. Floors become as low as they go. Returns the anchors (K×D): the means or, of components near it, an
   *  origin that all have in common (`originOf`). */
  load(parameters: GaussianParameters): Float64Array {
    const { weights, means, precisionsCholesky: factors } = parameters
    const { kernels } = this.#arena
    const { packTriangular, triangularPanelLength } = this.#arena.use(mixtures)
    const { type, k } = this
    const d = this.#d
    const triangleBytes = triangularPanelLength(d) * 8
    const components = this.#arena.f64(this.#components, 4 * k)
    logConstants(type, weights, factors, d).forEach((constant, c) => {
      const scale = type === 'spherical' ? 0.5 * factors[c] * factors[c] : 0.5
      components.set([constant, scale, LOWEST_FLOOR, log(weights[c])], 4 * c)
    })
    const putTriangle = (u: Float64Array, to: number) => {
      this.#arena.f64(this.#upper, d * d).set(u)
      packTriangular(this.#upper, d, to)
    }
    const putPanels = (table: ArrayLike<number>, to: number) => {
      this.#arena.f64(this.#anchors, k * d).set(table)
      kernels.packPanels(this.#anchors, k, d, to)
    }
    if (type === 'full') {
      this.#arena.f64(this.#means, k * d).set(means)
      for (let c = 0; c < k; c++) putTriangle(factors.subarray(c * d * d, (c + 1) * d * d), this.#factors + c * triangleBytes)
    } else if (type === 'tied') {
      // z = Uᵀ(x − origin), compared with Uᵀ(mean − origin)
      const origin = weightedMean(parameters, d)
      this.#arena.f64(this.#means, d).set(origin)
      putTriangle(factors, this.#factors)
      const whitened = new Float64Array(k * d)
      for (let c = 0; c < k; c++)
        for (let j = 0; j < d; j++) for (let i = 0; i <= j; i++) whitened[c * d + j] += factors[i * d + j] * (means[c * d + i] - origin[i])
      putPanels(whitened, this.#factors + triangleBytes)
    } else {
      const origin = originOf(parameters, d, type === 'spherical')
      this.#central = origin !== undefined
      if (type === 'diag') putPanels(factors, this.#factors)
      if (type === 'diag' || !origin) putPanels(means, this.#means)
      if (origin) return this.#loadAbout(origin, means)
    }
    this.anchor(means)
    return means
  }

  // Returns the anchors, which for the kernel are 0 where components are near
  #loadAbout({ point, near, limit }: Origin, means: Float64Array): Float64Array {
    const { k } = this
    const d = this.#d
    const f64 = (address: number, length: number) => this.#arena.f64(address, length)
    f64(this.#origin, d).set(point)
    f64(this.#origin + d * 8, k).set(near)
    if (this.type === 'spherical') {
      f64(this.#means, k * d).set(means)
      const centred = f64(this.#factors, Math.ceil(k / 4) * 4 * d)
      const table = f64(this.#origin + (d + k) * 8, 1 + 2 * k)
      table[0] = limit
      for (let c = 0; c < k; c++) {
        let square = 0
        for (let j = 0; j < d; j++) {
          const t = means[c * d + j] - point[j]
          square += t * t
          centred[(c >> 2) * 4 * d + 4 * j + (c & 3)] = -2 * t
        }
        table.set([square, 1 - near[c]], 1 + 2 * c)
      }
    }
    const anchors = means.slice()
    near.forEach((is, c) => is && anchors.fill(0, c * d, (c + 1) * d))
    f64(this.#anchors, k * d).set(anchors)
    near.forEach((is, c) => is && anchors.set(point, c * d))
    return anchors
  }

  /** The logarithm below which e^(a − m), a component's share in a row before it is normalised, counts as 0 (K). */
  floors(floors: ArrayLike<number>): void {
    const components = this.#arena.f64(this.#components, 4 * this.k)
    for (let c = 0; c < this.k; c++) components[4 * c + 2] = floors[c]
  }

  /** Takes moments about other points (K×D) than the means: those of `components` where they are given. Of the others, if there is an origin, only
   *  masses are taken then. */
  anchor(anchors: Float64Array, components?: number[]): void {
    this.#arena.f64(this.#anchors, this.k * this.#d).set(anchors)
    const about = this.#arena.f64(this.#origin + this.#d * 8, this.k)
    about.fill(components ? -1 : 0)
    for (const c of components ?? []) about[c] = 0
  }

  /** The pass over `data`. */
  over(
    { x, w, n, d }: Resident,
    { given = 0, logNorm = 0, responsibilities = 0, labels = 0, into, moments = this.type }: PassTargets,
  ): Pass {
    const { type, k } = this
    const args = [
      codeOf(type),
      codeOf(moments),
      x,
      w,
      d,
      k,
      this.#components,
      this.#means,
      this.#factors,
      this.#anchors,
      this.#central ? this.#origin : 0,
      given,
      logNorm,
      responsibilities,
      labels,
    ]
    const perComponent = (type === 'full' ? d * d : 4 * d) + (into ? (moments === 'full' ? d * d : 5 * d) : 0) + 40
    const flopsPerRow = k * perComponent + (type === 'tied' ? d * d : 0)
    const scratch = this.#arena.use(mixtures).mixtureScratch(d, k)
    return { kernel: 'mixture', module: mixtures, args, rows: n, scratch, flopsPerRow, into }
  }
}

/** ln π_k + ln|U_k| − ½·d·ln 2π. */
function logConstants(type: CovarianceType, weights: Float64Array, factors: Float64Array, d: number): Float64Array {
  const logDeterminant = (c: number) => {
    if (type === 'spherical') return d * log(factors[c])
    let s = 0
    for (let j = 0; j < d; j++) s += log(type === 'diag' ? factors[c * d + j] : factors[(type === 'full' ? c * d * d : 0) + j * d + j])
    return s
  }
  const tied = type === 'tied' ? logDeterminant(0) : 0
  return weights.map((weight, c) => log(weight) + (type === 'tied' ? tied : logDeterminant(c)) - 0.5 * d * LOG_2PI)
}

// ----------------------------------------------------------------------------------------------------------------- the model

/** Writes the responsibilities of rows [begin, end) (row-major, K a row) to `out`, which is zeros. Must give the same each time. */
export type FillResponsibilities = (begin: number, end: number, out: Float64Array) => void

/** The mixture as EM sees it, over one data set in memory. */
export class GaussianModel implements EmModel<GaussianParameters> {
  readonly #data: Resident
  readonly #type: CovarianceType
  readonly #k: number
  readonly #regCovar: number
  readonly #rounding: Rounding
  readonly #guard: number
  readonly #pass: GaussianPass
  readonly #sums: Reduction
  #total: TotalScatter | undefined
  #own: GaussianParameters | undefined // what the last step left

  constructor(data: Resident, type: CovarianceType, k: number, regCovar: number) {
    const { arena, d, n, totalWeight, largest } = data
    this.#data = data
    this.#type = type
    this.#k = k
    this.#regCovar = regCovar
    largest.forEach((v, j) => {
      // moments are sums of (x − anchor)²
      if (!(4 * v * v * totalWeight < Number.MAX_VALUE))
        throw wrongValue(
          'X',
          'values whose squares can be summed (up to about 1e150)',
          `magnitudes up to ${v} in column ${j}`,
          'Scale the column first, say with StandardScaler.',
        )
    })
    this.#rounding = roundingLevel(largest, regCovar)
    this.#guard = 10 * EPS * (totalWeight / n) // scikit-learn's 10·2⁻⁵², in units of a weight: weights may be of any size
    this.#pass = new GaussianPass(arena, type, k, d)
    this.#sums = new Reduction(arena, 1 + k * statisticsLength(type, d), n)
  }

  /** One E-step and the M-step it leads to. Shares too small to matter are left out: see `shareFloors`. */
  *step(parameters: GaussianParameters): Algorithm<{ logLikelihood: number; parameters: GaussianParameters }> {
    const { anchors, passes } = this.#expectation(parameters)
    const { next, factors, logSum } = yield* this.#moments(anchors, passes, this.#type)
    const mass = sum(next.counts)
    this.#own = parametersFrom(next, mass, factors)
    return { logLikelihood: logSum / this.#data.totalWeight, parameters: this.#own }
  }

  /** One E-step, and what it finds of each component. */
  *moments(parameters: GaussianParameters): Algorithm<GaussianMoments & { logLikelihood: number }> {
    const unused = new Float64Array()
    const { anchors, passes } = this.#expectation(parameters)
    const { next, centre, logSum } = yield* this.#moments(anchors, passes, this.#type, unused, 0)
    return {
      logLikelihood: logSum / this.#data.totalWeight,
      counts: next.counts.map((n) => n - this.#guard),
      means: centre.map((v, i) => v + next.offsets[i]),
      covariances: next.covariances,
      spread: next.spread,
    }
  }

  // The pass under parameters, and a second one where a component starves. Weights of a start say nothing of masses: there components lose nearly all
  // of theirs so often that leaving out less, at 3 % of a pass, is cheaper.
  #expectation(parameters: GaussianParameters) {
    const [pass, data, k] = [this.#pass, this.#data, this.#k]
    const bits = parameters === this.#own ? SHARE_BITS : SHARE_BITS + 10
    const anchors = pass.load(parameters)
    pass.floors(shareFloors(parameters.weights, bits))
    const passes = function* (into: Reduction, moments: CovarianceType): Generator<Pass> {
      yield pass.over(data, { into: into.reset(), moments })
      if (!starved(parameters.weights, masses(moments, into.total(), k, data.d), data.totalWeight, bits)) return
      pass.floors(new Float64Array(k).fill(STARVED_FLOOR))
      yield pass.over(data, { into: into.reset(), moments })
    }
    return { anchors, passes }
  }

  extrapolate(...points: [GaussianParameters, GaussianParameters, GaussianParameters]): GaussianParameters | undefined {
    const { arena, d } = this.#data
    return extrapolate(this.#type, d, arena.use(mixtures).exp, ...points)
  }

  /** The M-step from responsibilities; weights are n_k/Σw, as scikit-learn leaves them before the first iteration.
   *  @param factors precision factors to use in place of those of the covariances, which then may be degenerate */
  *fromResponsibilities(fill: FillResponsibilities, factors?: Float64Array): Algorithm<Required<GaussianParameters>> {
    const { arena, n, d, totalWeight } = this.#data
    const { mean } = yield* columnMoments(this.#data)
    const k = this.#k
    const mark = arena.mark()
    const given = arena.takeF64(Math.min(n, SLOT_ROWS) * k + 2) + 16 // so that no row 0 before it is at address 0, which stands for none
    const data = this.#data
    const pass = this.#pass
    const slots = function* (into: Reduction, moments: CovarianceType): Generator<Pass> {
      into.reset()
      for (let begin = 0; begin < n; begin += SLOT_ROWS) {
        const end = Math.min(begin + SLOT_ROWS, n)
        const out = arena.f64(given, (end - begin) * k)
        out.fill(0)
        fill(begin, end, out)
        // `given` holds these rows alone: row 0 would stand so much before it
        yield { ...pass.over(data, { given: given - begin * k * 8, into, moments }), begin, rows: end }
      }
    }
    const anchors = new Float64Array(k * d)
    for (let c = 0; c < k; c++) anchors.set(mean, c * d)
    this.#pass.anchor(anchors)
    const start = yield* this.#moments(anchors, slots, again(this.#type), factors)
    arena.release(mark)
    return parametersFrom(start.next, totalWeight, start.factors)
  }

  /** The M-step from responsibilities that are 1 for one row per component and 0 elsewhere: means are these rows, full, diag and spherical
   *  covariances are regCovar alone, the tied one is inflated about N/K times, all as in scikit-learn.
   *  @param factors as above */
  *fromRows(rows: Int32Array, factors?: Float64Array): Algorithm<Required<GaussianParameters>> {
    const { arena, w, d, totalWeight } = this.#data
    const [type, k, regCovar] = [this.#type, this.#k, this.#regCovar]
    const each = statisticsLength(type, d)
    const anchors = yield* rowsOf(this.#data, rows)
    const sums = new Float64Array(1 + k * each)
    rows.forEach((row, c) => {
      sums[1 + c * each + (type === 'full' ? each - 1 : 0)] = w ? arena.f64(w + row * 8, 1)[0] : 1
    })
    let next = maximise(type, sums, anchors, k, d, regCovar, this.#guard)
    if (type === 'tied') {
      const own = next
      const total = yield* this.#totalScatter()
      next = tie(own, anchors, total, totalWeight, d, regCovar, true)
      // so far from the origin that XᵀX has no inverse in doubles: about the mean instead
      if (!(this.#factors(next) instanceof Float64Array)) next = tie(own, anchors, total, totalWeight, d, regCovar, false)
    }
    return parametersFrom(next, totalWeight, factors ?? orThrow(this.#factors(next)))
  }

  #factors({ covariances, spread }: Maximised): Float64Array | DegenerateCovarianceError {
    return precisionFactors(this.#type, covariances, this.#data.d, spread, this.#rounding)
  }

  /** Runs `passes` for statistics about `anchors` and finishes them. Where a mean has moved by many standard deviations, taking moments
   *  about the old one costs digits (error ≈ 2⁻⁵²·(δ/σ)²): they are taken once more about the new one (diag and spherical: of that component
   *  alone), which brings δ down by sixteen digits, so that a second time is for data that span more than that. Where clusters lie so far apart
   *  that the tied covariance is a small difference of large numbers, it is pooled from full statistics instead. The same where a covariance
   *  looks degenerate: whether it is, is decided on the more exact moments.
   *  @param moments the kind of statistics to begin with: those of the type if the anchors are the means, otherwise `again(type)`
   *  @returns centre: what the last ones were taken about */
  *#moments(
    anchors: Float64Array,
    passes: (into: Reduction, moments: CovarianceType) => Iterable<Pass>,
    moments: CovarianceType,
    given?: Float64Array,
    regCovar = this.#regCovar,
  ): Algorithm<{ next: Maximised; centre: Float64Array; factors: Float64Array; logSum: number }> {
    const { arena, d, n, totalWeight } = this.#data
    const [type, k, guard] = [this.#type, this.#k, this.#guard]
    const mark = arena.mark()
    const sums = (kind: CovarianceType) => (kind === type ? this.#sums : new Reduction(arena, 1 + k * statisticsLength(kind, d), n))
    const finish = (kind: CovarianceType, into: Reduction, centre: Float64Array) => {
      const each = maximise(kind, into.total(), centre, k, d, type === 'tied' && kind === 'full' ? 0 : regCovar, guard)
      return kind === type ? each : type === 'tied' ? pool(each, d, regCovar) : level(each, d)
    }
    let into = sums(moments)
    yield* passes(into, moments) as Algorithm<void>
    const logSum = into.total()[0]
    let next = finish(moments, into, anchors)
    if (type === 'tied') next = tie(next, anchors, yield* this.#totalScatter(), totalWeight, d, regCovar, false)
    let lost = cancelling(type, next, d)
    let factors = lost.length > 0 ? undefined : (given ?? this.#factors(next))
    let centre = anchors
    if (!(factors instanceof Float64Array)) {
      const kind = again(type)
      if (kind !== moments) into = sums(kind)
      if (lost.length === 0) lost = all(k)
      centre = anchors.slice()
      let rounds = 0
      do {
        for (const c of lost) for (let i = c * d; i < (c + 1) * d; i++) centre[i] += next.offsets[i] // the means before the guard pulls them
        this.#pass.anchor(centre, lost)
        yield* passes(into, kind) as Algorithm<void>
        next = replaced(next, finish(kind, into, centre), lost)
        lost = cancelling(type, next, d)
      } while (++rounds < MOST_ROUNDS && lost.length > 0)
      factors = given ?? orThrow(this.#factors(next))
    }
    arena.release(mark)
    return { next, centre, factors, logSum }
  }

  /** Computed once per fit. */
  *#totalScatter(): Algorithm<TotalScatter> {
    this.#total ??= yield* totalScatter(this.#data)
    return this.#total
  }
}

/** Mean and scatter of all rows, in two passes: those of one component with responsibility 1 for every row. */
export function* totalScatter(data: Resident): Algorithm<TotalScatter> {
  const { arena, d, n } = data
  const { mean: anchor } = yield* columnMoments(data)
  const mark = arena.mark()
  const whole = new GaussianPass(arena, 'full', 1, d)
  const into = new Reduction(arena, 1 + statisticsLength('full', d), n)
  const identity = Float64Array.from({ length: d * d }, (_, i) => Number(i % (d + 1) === 0))
  whole.load({ weights: Float64Array.of(1), means: anchor, covariances: identity, precisionsCholesky: identity })
  yield whole.over(data, { into })
  const one = maximise('full', into.total(), anchor, 1, d, 0, 0)
  arena.release(mark)
  return { scatter: one.covariances.map((v) => v * one.counts[0]), anchor, offset: one.offsets }
}

function parametersFrom(
  { counts, means, covariances }: Maximised,
  mass: number,
  precisionsCholesky: Float64Array,
): Required<GaussianParameters> {
  return { weights: counts.map((n) => n / mass), means, covariances, precisionsCholesky }
}

function orThrow(value: Float64Array | DegenerateCovarianceError): Float64Array {
  if (value instanceof Error) throw value
  return value
}

/** Statistics that give the components of a type about any anchors: the spherical ones take their squares from the E-step, whose anchors are the
 *  means, and tied covariances can also be pooled from full ones. */
const again = (type: CovarianceType): CovarianceType => (type === 'tied' ? 'full' : type === 'spherical' ? 'diag' : type)

/** Logarithm of the share in a row, relative to the best component's, below which a component's counts as 0: with e^floor = 2^−bits·π_c the density
 *  of a row changes by less than 2^−bits and, over N rows, the mass n_c by less than 2^−bits·N·π_c: nothing, unless the component loses nearly
 *  all of its mass in this very step (`starved`). */
export function shareFloors(weights: Float64Array, bits = SHARE_BITS): Float64Array {
  return weights.map((weight) => Math.max(STARVED_FLOOR, log(weight) - bits * Math.LN2))
}
const SHARE_BITS = 55

/** With this floor what is left out is less than rounding of scikit-learn's guard of 10·2⁻⁵² on n_c, for any number of rows. */
const STARVED_FLOOR = -100

/** Whether a component kept so little of its mass that what was left out may exceed 2⁻⁴⁵ of it: with 55 bits, less than a thousandth. */
function starved(weights: Float64Array, masses: Float64Array, totalWeight: number, bits: number): boolean {
  return masses.some((mass, c) => mass < weights[c] * totalWeight * 2 ** (45 - bits))
}

/** The n_c in the statistics of the kernel. */
function masses(moments: CovarianceType, sums: Float64Array, k: number, d: number): Float64Array {
  const each = statisticsLength(moments, d)
  return Float64Array.from({ length: k }, (_, c) => sums[1 + c * each + (moments === 'full' ? each - 1 : 0)])
}

// From 1e150 to 1 in steps of sixteen digits
const MOST_ROUNDS = 10

/** What was found of some components in place of what it was, of the others what it was. */
function replaced(before: Maximised, found: Maximised, components: number[]): Maximised {
  const k = before.counts.length
  if (components.length === k) return found // full and tied, always
  const table = (name: keyof Maximised) => {
    const result = before[name].slice()
    const each = result.length / k
    for (const c of components) result.set(found[name].subarray(c * each, (c + 1) * each), c * each)
    return result
  }
  return {
    counts: table('counts'),
    offsets: table('offsets'),
    means: table('means'),
    covariances: table('covariances'),
    spread: table('spread'),
  }
}

// Components with a variance so much smaller than the squares it was made from (30²: a mean that moved by 30σ, clusters 30σ from x̄) that their error
// of about 2⁻⁵² each leaves fewer than 13 digits of it; full and tied, all where one is
function cancelling(type: CovarianceType, { counts, covariances, spread }: Maximised, d: number): number[] {
  const k = counts.length
  const dense = isDense(type)
  const lost: number[] = []
  spread.forEach((s, i) => {
    const c = Math.floor((i * k) / spread.length)
    if (!(s * s <= 900 * covariances[dense ? i * d + (i % d) : i]) && lost.at(-1) !== c) lost.push(c)
  })
  return dense && lost.length > 0 ? all(k) : lost
}

const all = (k: number) => Array.from({ length: k }, (_, c) => c)
