// The Gaussian components of a mixture: their parameters, the M-step from sufficient statistics, and the pass that computes them.
// Notation: n_k = Σ w·r, a_k the anchor that component k's moments are taken about (its mean at the E-step), t = x − a_k,
// S1 = Σ w·r·t, S2 = Σ w·r·t·tᵀ.
import { listOf, sum, upTo } from './lists.ts'
import { extrapolate } from './acceleration.ts'
import { DegenerateCovarianceError, wrongValue } from './errors.ts'
import type { EmModel } from './em.ts'
import { type MixtureKernels, mixtures } from './kernel-modules.ts'
import { fillLabelTable } from './labels.ts'
import { log } from './logarithm.ts'
import { type Arena, sharedArena, within } from './memory.ts'
import { FEW, fullOriginOf, NEAR, type Origin, originOf, weightedMean } from './origin.ts'
import { type Algorithm, type Pass, Reduction, SLOT_ROWS } from './passes.ts'
import { type Resident, columnMoments, passBy, rowsOf } from './resident.ts'

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

/** What has an entry for each covariance. */
interface Tables {
  /** In the shape of the type. */
  covariances: Float64Array
  /** Root mean square of t (K×D; tied: D; spherical: K), the size of what was squared and summed: rounding leaves a share of this on a covariance. */
  spread: Float64Array
}

/** What is left of the components' moments once they are finished. */
interface Maximised extends Tables {
  /** n_k + guard, never 0: scikit-learn's, which pulls the mean of a dead component to the origin of the coordinates of X. */
  counts: Float64Array
  means: Float64Array
  /** S1/n_k (K×D): the weighted mean less its anchor, neither rounded to the grid at the anchor nor pulled. */
  offsets: Float64Array
}

/** Parameters, and what else an M-step finds on its way to them. */
type Point = Maximised & Required<GaussianParameters>

const spreadLength = (type: CovarianceType, k: number, d: number) => ({ full: k * d, tied: d, diag: k * d, spherical: k })[type]

const tables = (type: CovarianceType, k: number, d: number): Tables => ({
  covariances: new Float64Array(covarianceShape(type, k, d).length),
  spread: new Float64Array(spreadLength(type, k, d)),
})

/** What an E-step finds of each component: Σ w·r (K), means (K×D), covariances about them without regCovar, in the type's shape, and `spread`. */
export type GaussianMoments = Pick<Maximised, 'counts' | 'means' | 'covariances' | 'spread'>

/** Total scatter of the data: Σ w (x − x̄)(x − x̄)ᵀ (D×D), and x̄ = anchor + offset, the offset being what rounding left off the anchor. */
export interface TotalScatter {
  scatter: Float64Array
  anchor: Float64Array
  offset: Float64Array
}

/** Counts, means, covariances (but tied ones), offsets and spread from sufficient statistics: μ = a + S1/n, Σ = (S2 − S1·δᵀ)/n + regCovar·I with
 *  δ = S1/n, which does not cancel as E[xxᵀ] − μμᵀ does.
 *  @param sums the statistics of the kernel `mixture`: [0] log-likelihood, then per component
 *  @param components those to do; of the others `out` stays as it is
 *  @param guard added to every n_k in the denominators; covariances are taken about the mean without it, which differs from
 *  scikit-learn's by (guard·μ/n_k)²: nothing until a component is all but dead
 *  @param centres spherical: what squares were taken about, the means of the E-step (K×D) */
function maximise(
  type: CovarianceType,
  sums: Float64Array,
  anchors: Float64Array,
  components: number[],
  d: number,
  regCovar: number,
  guard: number,
  { counts, means, covariances, offsets, spread }: Maximised,
  centres = anchors,
): void {
  const each = (sums.length - 1) / counts.length
  for (const c of components) {
    // full: packed lower triangle of the moments of [t, 1]; the others: n, S1, and Σ r·t² or its sum over features
    const own = 1 + c * each
    const s1 = type === 'full' ? own + (d * (d + 1)) / 2 : own + 1
    const s2 = type === 'full' ? own : s1 + d
    const n = sums[type === 'full' ? s1 + d : own]
    const count = n + guard
    const row = c * d
    counts[c] = count
    for (let j = 0; j < d; j++) {
      const anchor = anchors[row + j]
      offsets[row + j] = n > 0 ? sums[s1 + j] / n : 0
      means[row + j] = anchor + (sums[s1 + j] - guard * anchor) / count
    }
    if (type === 'full') {
      for (let i = 0, at = s2; i < d; i++)
        for (let j = 0; j <= i; j++, at++) {
          const v = (sums[at] - sums[s1 + i] * offsets[row + j]) / count + (i === j ? regCovar : 0)
          covariances[(row + i) * d + j] = covariances[(row + j) * d + i] = v
          if (i === j) spread[row + j] = Math.sqrt(sums[at] / count)
        }
    } else if (type === 'diag') {
      for (let j = 0; j < d; j++) {
        covariances[row + j] = Math.max(0, (sums[s2 + j] - sums[s1 + j] * offsets[row + j]) / count) + regCovar
        spread[row + j] = Math.sqrt(sums[s2 + j] / count)
      }
    } else if (type === 'spherical') {
      let shift = 0
      for (let j = 0; j < d; j++) shift += (offsets[row + j] + (anchors[row + j] - centres[row + j])) ** 2
      covariances[c] = Math.max(0, sums[s2] - n * shift) / count / d + regCovar
      spread[c] = Math.sqrt(sums[s2] / count / d)
    }
  }
}

/** Makes what all components share from the total scatter T: Σ = (T − Σ_k n_k·δ_k·δ_kᵀ)/Σ n_k + regCovar·I, δ_k the mean of component k less x̄.
 *  `partial`: the responsibilities do not sum to the weights (scikit-learn's random_from_data and k-means++ starts put mass on K rows only);
 *  then the general form (XᵀX − Σ n μμᵀ)/Σ n, with scikit-learn's inflated result. */
function tie(
  { counts, offsets, covariances, spread }: Maximised,
  anchors: Float64Array,
  total: TotalScatter,
  totalWeight: number,
  d: number,
  regCovar: number,
  partial: boolean,
): void {
  const shift = new Float64Array(d) // Σ n_k·δ_k
  const delta = new Float64Array(d)
  const mass = sum(counts)
  covariances.set(total.scatter)
  for (let c = 0; c < counts.length; c++)
    for (let i = 0; i < d; i++) {
      // differences of anchors and offsets, not of means: at a far origin those are rounded to its grid
      delta[i] = anchors[c * d + i] - total.anchor[i] + (offsets[c * d + i] - total.offset[i])
      shift[i] += counts[c] * delta[i]
      for (let j = 0; j <= i; j++) covariances[i * d + j] -= counts[c] * delta[i] * delta[j]
    }
  const absent = partial ? totalWeight - mass : 0
  for (let i = 0; i < d; i++) {
    const [mi, si] = [total.anchor[i] + total.offset[i], shift[i]]
    spread[i] = Math.sqrt((total.scatter[i * d + i] + Math.abs(absent) * mi * mi) / mass)
    for (let j = 0; j <= i; j++) {
      const [mj, sj] = [total.anchor[j] + total.offset[j], shift[j]]
      const outside = partial ? absent * mi * mj - mi * sj - si * mj : 0
      covariances[i * d + j] = covariances[j * d + i] = (covariances[i * d + j] + outside) / mass + (i === j ? regCovar : 0)
    }
  }
}

/** The same from covariances of every component (full): exact where T − Σ n·δ·δᵀ would cancel. */
function pool(each: Tables, { counts, covariances, spread }: Maximised, d: number, regCovar: number): void {
  const mass = sum(counts)
  covariances.fill(0)
  spread.fill(0)
  for (let c = 0; c < counts.length; c++) {
    const share = counts[c] / mass
    for (let i = 0; i < d * d; i++) covariances[i] += share * each.covariances[c * d * d + i]
    for (let j = 0; j < d; j++) spread[j] += share * each.spread[c * d + j] ** 2
  }
  for (let j = 0; j < d; j++) {
    covariances[j * d + j] += regCovar
    spread[j] = Math.sqrt(spread[j])
  }
}

/** Spherical components from diagonal ones: one variance, the mean over features. */
function level(each: Tables, { covariances, spread }: Tables, components: number[], d: number): void {
  for (const c of components) {
    covariances[c] = meanOfFeatures(each.covariances, c, d)
    spread[c] = Math.sqrt(meanSquare(each.spread, c, d))
  }
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
  rounding: Rounding,
): Float64Array | DegenerateCovarianceError {
  const factors = new Float64Array(covariances.length)
  if (!isDense(type)) return scales(type, { covariances, spread }, d, rounding, factors) ?? factors
  return within(sharedArena(), (arena) => {
    const [own, upper] = [arena.takeDoubles(d * d), arena.takeDoubles(d * d)]
    const lower = arena.takeF64(d * d)
    for (let start = 0, c = 0; start < covariances.length; start += d * d, c++) {
      own.set(covariances.subarray(start, start + d * d))
      const error = triangle(arena, own.byteOffset, upper, 0, d, spread, c, rounding, lower)
      if (error) return error
      factors.set(upper, start)
    }
    return factors
  })
}

/** 1/σ of variances, to `factors`. */
function scales(type: CovarianceType, { covariances, spread }: Tables, d: number, rounding: Rounding, factors: Float64Array) {
  const units = type === 'diag' ? rounding.data : [Math.sqrt(meanSquare(rounding.data, 0, d))] // spread is K×D and K
  for (let i = 0; i < factors.length; i++) {
    const f = 1 / Math.sqrt(covariances[i])
    factors[i] = f
    if (covariances[i] > 0 && !isLost((f * spread[i]) ** 2, f * units[i % units.length], rounding)) continue
    const variance = `(variance ${covariances[i]})`
    return type === 'diag'
      ? new DegenerateCovarianceError(Math.floor(i / d), `feature ${i % d} has no spread in it ${variance}`)
      : new DegenerateCovarianceError(i, `its rows do not differ ${variance}`)
  }
  return undefined
}

/** U of component c's covariance (d×d at an address) to `factors`, of the same memory, from `start` on. Leaves U⁻ᵀ at `lower` (d×d). */
function triangle(
  arena: Arena,
  covariance: number,
  factors: Float64Array,
  start: number,
  d: number,
  spread: Float64Array,
  c: number,
  rounding: Rounding,
  lower: number,
) {
  const { cholesky, inverseTransposed } = arena.use(mixtures)
  const bad = cholesky(covariance, d, lower)
  inverseTransposed(lower, d, factors.byteOffset + start * 8)
  let lost = bad
  for (let j = 0; j < (bad < 0 ? d : bad) && lost === bad; j++) {
    let squares = 0
    let u = 0
    for (let i = 0; i <= j; i++) {
      const v = factors[start + i * d + j]
      squares += (v * spread[c * d + i]) ** 2
      u += Math.abs(v) * rounding.data[i]
    }
    if (isLost(squares, u, rounding)) lost = j
  }
  if (lost < 0) return undefined
  const what = lost > 0 ? 'the earlier features determine' : 'rounding leaves'
  return new DegenerateCovarianceError(c, `feature ${lost} has no spread in it beyond what ${what}`)
}

const isLost = (squares: number, u: number, { sums }: Rounding) => !(sums * squares < 1 && u < 1)

// Means over the features of row c of a table, of its values and of their squares
function meanOfFeatures(table: Float64Array, c: number, d: number): number {
  let total = 0
  for (let i = c * d; i < (c + 1) * d; i++) total += table[i]
  return total / d
}
function meanSquare(table: Float64Array, c: number, d: number): number {
  let total = 0
  for (let i = c * d; i < (c + 1) * d; i++) total += table[i] * table[i]
  return total / d
}

/** Turns given precisions Λ into factors U with U·Uᵀ = Λ, in their place, or returns the index of a matrix that is not positive definite.
 *  With J the reversal of coordinates, J·Λ·J = L·Lᵀ gives U = J·L·J. */
export function factorsFromPrecisions(type: CovarianceType, precisions: Float64Array, d: number): Float64Array | number {
  if (!isDense(type)) {
    for (let i = 0; i < precisions.length; i++) if (!(precisions[i] > 0)) return i
    for (let i = 0; i < precisions.length; i++) precisions[i] = Math.sqrt(precisions[i])
    return precisions
  }
  return within(sharedArena(), (arena) => {
    const { cholesky } = arena.use(mixtures)
    const [own, lower] = [arena.takeDoubles(d * d), arena.takeDoubles(d * d)]
    const last = d * d - 1
    for (let c = 0, start = 0; start < precisions.length; c++, start += d * d) {
      for (let i = 0; i <= last; i++) own[i] = precisions[start + last - i]
      if (cholesky(own.byteOffset, d, lower.byteOffset) >= 0) return c
      for (let i = 0; i <= last; i++) precisions[start + i] = lower[last - i]
    }
    return precisions
  })
}

/** Λ = U·Uᵀ (full, tied) or p² (diag, spherical). */
export function precisionsFromFactors(type: CovarianceType, factors: Float64Array, d: number): Float64Array {
  if (!isDense(type)) return factors.map((p) => p * p)
  return eachMatrix(factors, d, ({ timesTransposed }, upper, out) => timesTransposed(upper.byteOffset, d, true, out.byteOffset))
}

/** Σ = U⁻ᵀ·U⁻¹ (full, tied) or 1/p². */
export function covariancesFromFactors(type: CovarianceType, factors: Float64Array, d: number): Float64Array {
  if (!isDense(type)) return factors.map((p) => 1 / (p * p))
  return eachMatrix(factors, d, ({ inverseTransposed, timesTransposed }, a, b) => {
    transpose(a, b, d)
    inverseTransposed(b.byteOffset, d, a.byteOffset)
    transpose(a, b, d)
    timesTransposed(b.byteOffset, d, false, a.byteOffset)
    b.set(a)
  })
}

/** What `work` makes of every d×d matrix of a list: it finds it in `a` and leaves the result in `b`, in memory. */
function eachMatrix(
  matrices: Float64Array,
  d: number,
  work: (kernels: MixtureKernels, a: Float64Array, b: Float64Array) => void,
): Float64Array {
  const results = new Float64Array(matrices.length)
  within(sharedArena(), (arena) => {
    const [a, b] = [arena.takeDoubles(d * d), arena.takeDoubles(d * d)]
    for (let start = 0; start < matrices.length; start += d * d) {
      a.set(matrices.subarray(start, start + d * d))
      work(arena.use(mixtures), a, b)
      results.set(b, start)
    }
  })
  return results
}

function transpose(a: Float64Array, out: Float64Array, d: number): void {
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) out[j * d + i] = a[i * d + j]
}

// ------------------------------------------------------------------------------------------------------------------ the pass

/** What a run of the pass reads and writes besides the parameters; addresses, 0 for none. */
interface PassTargets {
  given?: number
  logNorm?: number
  responsibilities?: number
  labels?: number
  /** Where 1 is put if a row has no density: some value may not be finite. */
  broken?: number
  into?: Reduction
  /** Statistics to take, where they are not the model's own. */
  moments?: CovarianceType
}

/** The kernel `mixture` with its parameters in memory. Bytes: 8·(2·k·d + 4·k + factors), factors: full k·d·(d + 4)/2, tied d·(d + 4)/2 + k·d,
 *  diag and spherical k·d + d + 3·k, each rounded up to panels of four; of many features 2·k·d + d + k. */
export class GaussianPass {
  readonly type: CovarianceType
  readonly k: number
  /** By how much the log-likelihood that the pass finds is too large: see `expand`. */
  excess = 0
  readonly #arena: Arena
  readonly #kernels: MixtureKernels
  readonly #d: number
  readonly #components: Float64Array
  readonly #means: Float64Array
  readonly #factors: Float64Array
  readonly #anchors: Float64Array
  readonly #origin: Float64Array
  // Whether components have so many features that rows are screened
  readonly #screened: boolean
  // Whether there are components near the origin
  #central = false
  // Address of the table of `labelsOnly`
  #labelTable = 0
  // See `bound`
  #bounds: Float64Array | undefined
  #leaves = true // bounds

  constructor(arena: Arena, type: CovarianceType, k: number, d: number) {
    const panels = Math.ceil(k / 4) * 4 * d
    this.type = type
    this.k = k
    this.#arena = arena
    this.#kernels = arena.use(mixtures)
    this.#d = d
    const triangle = this.#kernels.triangularPanelLength(d)
    const tables = this.#kernels.screeningDoubles(codeOf(type), d, k)
    this.#screened = tables > 0
    this.#components = arena.takeDoubles(4 * k) // of each: log weight + log normaliser, scale, floor, log weight
    this.#means = arena.takeDoubles(type === 'diag' ? 2 * panels : panels).fill(0) // by type: see the kernel
    this.#factors = arena
      .takeDoubles(
        { full: k * (triangle + d), tied: triangle + panels + d, diag: d > FEW && !tables ? 0 : panels, spherical: panels }[type],
      )
      .fill(0)
    this.#anchors = arena.takeDoubles(k * d) // what moments are taken about; before that, room to lay out panels
    this.#origin = arena.takeDoubles(tables || d + 3 * k + 9) // and what is near it, or the tables for screening
  }

  /** Puts parameters where the kernel reads them. Floors become as low as they go. Returns the anchors (K×D): the means or, of components near it, an
   *  origin that all have in common (`originOf`). */
  load(parameters: GaussianParameters): Float64Array {
    const { weights, means, precisionsCholesky: factors } = parameters
    const { type, k } = this
    const d = this.#d
    const components = this.#components
    const common = type === 'tied' ? logDeterminant(type, factors, 0, d) : 0
    for (let c = 0; c < k; c++) {
      const logWeight = log(weights[c])
      components[4 * c] = logWeight + (type === 'tied' ? common : logDeterminant(type, factors, c, d)) - 0.5 * d * LOG_2PI
      components[4 * c + 1] = type === 'spherical' ? 0.5 * factors[c] * factors[c] : 0.5
      components[4 * c + 2] = LOWEST_FLOOR
      components[4 * c + 3] = logWeight
    }
    if (type === 'full') {
      this.#means.set(means)
      let at = 0
      for (let c = 0; c < k; c++) at = packTriangular(factors, c * d * d, d, this.#factors, at)
      const origin = fullOriginOf(parameters, d)
      this.#central = origin !== undefined
      if (origin) {
        this.#origin.set(origin.point)
        this.#origin.set(origin.near, d + k)
        this.#factors.set(origin.offsets, at)
        const anchors = means.slice()
        origin.near.forEach((is, c) => is && anchors.set(origin.point, c * d))
        this.anchor(anchors)
        this.#origin.set(origin.near, d)
        return anchors
      }
      this.#factors.fill(0, at)
    } else if (type === 'tied') {
      // z = Uᵀ(x − origin), compared with Uᵀ(mean − origin)
      this.#central = false
      this.excess = 0
      const origin = weightedMean(parameters, d)
      this.#means.set(origin)
      const panels = packTriangular(factors, 0, d, this.#factors, 0)
      const whitened = this.#anchors.fill(0)
      for (let c = 0; c < k; c++)
        for (let j = 0; j < d; j++) for (let i = 0; i <= j; i++) whitened[c * d + j] += factors[i * d + j] * (means[c * d + i] - origin[i])
      this.#packPanels(this.#factors.byteOffset + panels * 8)
    } else if (this.#screened) {
      this.#loadForScreening(parameters)
    } else {
      const origin = originOf(parameters, d, type === 'spherical')
      this.#central = origin !== undefined
      const together = type === 'diag' && d > FEW
      if (together) this.#packTogether(means, factors)
      else if (type === 'diag') {
        this.#anchors.set(factors)
        this.#packPanels(this.#factors.byteOffset)
      }
      if (!together && (type === 'diag' || !origin)) {
        this.#anchors.set(means)
        this.#packPanels(this.#means.byteOffset)
      }
      if (origin) return this.#loadAbout(origin, means)
    }
    this.anchor(means)
    return means
  }

  // Lays out in panels of four components what stands in the room of the anchors
  #packPanels(to: number): void {
    this.#arena.kernels.packPanels(this.#anchors.byteOffset, this.k, this.#d, to)
  }

  // Means and scales of three components, feature by feature, or of two: as the kernel takes them
  #packTogether(means: Float64Array, scales: Float64Array): void {
    const { k } = this
    const d = this.#d
    const table = this.#means
    for (let c = 0, at = 0; c < k; ) {
      const left = k - c
      const some = left > 4 || left === 3 ? 3 : 2
      for (let j = 0; j < d; j++, at += 2 * some)
        for (let i = 0; i < some && i < left; i++) {
          table[at + i] = means[(c + i) * d + j]
          table[at + some + i] = scales[(c + i) * d + j]
        }
      c += some
    }
  }

  // Returns the anchors, which for the kernel are 0 where components are near
  #loadAbout({ point, near, limit }: Origin, means: Float64Array): Float64Array {
    const { k } = this
    const d = this.#d
    this.#origin.set(point)
    this.#origin.set(near, d)
    if (this.type === 'spherical') {
      this.#means.set(means)
      const centred = this.#factors
      const table = this.#origin.subarray(d + k)
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
    this.#anchors.set(anchors)
    near.forEach((is, c) => is && anchors.set(point, c * d))
    return anchors
  }

  // Means and factors row-major, and the tables of assembly/gaussian-wide.ts
  #loadForScreening(parameters: GaussianParameters): void {
    const { k, type } = this
    const d = this.#d
    const { means, precisionsCholesky: factors } = parameters
    this.#move(parameters)
    this.#means.set(means)
    if (type === 'diag') this.#factors.set(factors)
    const point = weightedMean(parameters, d)
    this.#origin.set(point)
    const margins = this.#origin.subarray(d, d + k)
    const panels = new Float32Array(2 * (this.#origin.length - d - k))
    const parts = type === 'diag' ? 2 : 1 // of four features of a component: means, scales
    for (let c = 0; c < k; c++) {
      let square = d
      let own = factors[c]
      let at = ((c >> 1) * Math.ceil(d / 4) * 2 + (c & 1)) * parts * 4
      for (let j = 0; j < d; j++) {
        const t = means[c * d + j] - point[j]
        if (type === 'diag') own = factors[c * d + j]
        panels[at] = t
        if (type === 'diag') panels[at + 4] = own
        square += t * own * (t * own)
        at += (j & 3) === 3 ? parts * 8 - 3 : 1
      }
      margins[c] = 2 ** -27 * square + (type === 'spherical' ? d * own * own * 2 ** -149 : 0)
    }
    new Float32Array(margins.buffer, margins.byteOffset + k * 8, panels.length).set(panels)
  }

  // How far these parameters are from those before: ρ and τ of assembly/gaussian-wide.ts. Bounds that no pass has moved on to the ones before say nothing
  #move({ means, precisionsCholesky: factors }: GaussianParameters): void {
    const { k, type } = this
    const d = this.#d
    const bounds = this.#bounds
    if (!bounds) return
    for (let c = 0; c < k; c++) {
      let square = 0
      let least = type === 'diag' ? Infinity : 1
      for (let i = c * d; i < (c + 1) * d; i++) {
        const scale = type === 'diag' ? factors[i] : 1
        square += (scale * (means[i] - this.#means[i])) ** 2
        if (type === 'diag') least = Math.min(least, scale / this.#factors[i])
      }
      const [ratio, distance] = [least * (1 - SLACK), Math.sqrt(square) * (1 + SLACK)]
      bounds.set(bounds[0] && ratio < Infinity && distance < Infinity ? [ratio, distance] : [0, 0], 1 + 2 * c)
    }
    bounds[0] = 0
  }

  /** Tied components, loaded before, from now on by what their squares do not have in common: in place of z = Uᵀ(x − origin), D² operations a row, and
   *  ‖z − ν‖², it takes ‖z − ν‖² − ‖z‖² = ‖ν‖² − 2·(x − origin)·Uν, 2·D operations a component, and moments about the origin. `excess` becomes
   *  Σ w·½‖z‖² over the data, where `total` is given: what is not needed for responsibilities. All stays as it was where there are few features, or numbers so large cancel that more than NEAR·2⁻⁵³ would be lost for
   *  each rounding. Returns the anchors (K×D). */
  expand({ means, precisionsCholesky }: GaussianParameters, total?: TotalScatter, totalWeight = 0): Float64Array {
    const { k } = this
    const d = this.#d
    if (d < EXPANDED_FROM) return means
    const origin = this.#means.slice(0, d)
    const precisions = precisionsFromFactors('tied', precisionsCholesky, d)
    let [squares, excess] = [0, 0]
    if (total) {
      const delta = origin.map((o, i) => total.anchor[i] + total.offset[i] - o)
      for (let i = 0; i < d; i++)
        for (let j = 0; j < d; j++) {
          const term = precisions[i * d + j] * (total.scatter[i * d + j] / totalWeight + delta[i] * delta[j])
          excess += term
          if (i === j) squares += term
        }
    }
    const table = this.#origin
    for (let c = 0; c < k; c++) {
      const at = d + k + 1 + 2 * c
      table[at] = table[at + 1] = 0
      for (let i = 0; i < d; i++) {
        let v = 0
        for (let j = 0; j < d; j++) v += precisions[i * d + j] * (means[c * d + j] - origin[j])
        this.#anchors[c * d + i] = -2 * v
        table[at] += v * (means[c * d + i] - origin[i])
      }
      squares = Math.max(squares, table[at])
    }
    const anchors = means.slice()
    this.#central = squares <= NEAR * d
    if (this.#central) {
      this.#packPanels(this.#factors.byteOffset + this.#kernels.triangularPanelLength(d) * 8)
      table.set(origin)
      table[d + k] = Number.POSITIVE_INFINITY
      for (let c = 0; c < k; c++) anchors.set(origin, c * d)
      this.excess = (excess * totalWeight) / 2
    }
    this.anchor(means)
    if (this.#central) {
      this.#anchors.fill(0)
      table.fill(1, d, d + k)
    }
    return anchors
  }

  /** Whether `expand` changed what the pass takes. */
  get expanded(): boolean {
    return this.type === 'tied' && this.#central
  }

  /** The logarithm below which e^(a − m), a component's share in a row before it is normalised, counts as 0: what `floorOf` makes of the logarithm of
   *  its weight. */
  floors(floorOf: (logWeight: number, c: number) => number): void {
    const components = this.#components
    for (let c = 0; c < this.k; c++) components[4 * c + 2] = floorOf(components[4 * c + 3], c)
  }

  /** Takes moments about other points (K×D) than the means: those of `components` where they are given. Of the others, if there is an origin, only
   *  masses are taken then. */
  anchor(anchors: Float64Array, components?: number[]): void {
    this.#anchors.set(anchors)
    if (this.#screened) return
    const about = this.#origin
    const d = this.#d
    about.fill(components ? -1 : 0, d, d + this.k)
    for (const c of components ?? []) about[d + c] = 0
  }

  /** From now on lower bounds of squares are kept from pass to pass over n rows, so that a pair that cannot matter costs nothing as long as it surely
   *  still does not. Bytes: 2·n·k; 4·n·k with many features, of diag and spherical components. */
  bound(n: number): void {
    this.#bounds = this.#arena.takeDoubles(1 + 2 * this.k + this.#boundBytes * this.k * Math.ceil(n / 8)).fill(0)
  }

  /** Whether bounds pay, and take at most an eighth of what the rows do. */
  get boundable(): boolean {
    const pays = this.#screened || (this.type === 'full' && this.#d >= BOUNDED_FROM)
    return pays && this.k > 1 && this.#boundBytes * this.k <= this.#d
  }

  get #boundBytes() {
    return this.#screened ? 4 : 2
  }

  /** Full: whether the next pass leaves bounds, and what the components have drifted since the last one (K×2, see `drift` in assembly/cholesky.ts), if anybody
   *  knows. */
  drifted(leaves: boolean, drift: ArrayLike<number> | undefined): void {
    if (!this.#bounds || this.#screened) return
    this.#leaves = leaves
    this.#bounds[0] = Number(drift !== undefined)
    if (drift) this.#bounds.set(drift, 1)
  }

  /** The pass over `data`. */
  over(
    { x, w, n, d }: Resident,
    { given = 0, logNorm = 0, responsibilities = 0, labels = 0, broken = 0, into, moments = this.type }: PassTargets,
  ): Pass {
    const { type, k } = this
    if (this.#screened && this.#bounds && !given) {
      if (this.#bounds[0]) for (let c = 0; c < k; c++) this.#bounds.set([1, 0], 1 + 2 * c)
      this.#bounds[0] = 1
    }
    const args = [
      codeOf(type),
      codeOf(moments),
      x,
      w,
      d,
      k,
      this.#components.byteOffset,
      this.#means.byteOffset,
      this.#factors.byteOffset,
      this.#anchors.byteOffset,
      this.#central || this.#screened ? this.#origin.byteOffset : 0,
      this.#bounds && this.#leaves ? this.#bounds.byteOffset : 0,
      given,
      logNorm,
      responsibilities,
      labels,
      broken,
    ]
    const table = this.#labelTable
    if (table) {
      const [, , , , , , components, means, factors, , origin] = args
      return {
        kernel: 'mostProbable',
        module: mixtures,
        args: [table, codeOf(type), x, d, k, components, means, factors, origin, labels, broken],
        rows: n,
        scratch: this.#kernels.labelScratch(codeOf(type), d, k),
        flopsPerRow: k * (d + 10 + (type === 'full' ? (d * d) / 4 : 0)) + d,
      }
    }
    const perComponent = (type === 'full' ? d * d : 4 * d) + (into ? (moments === 'full' ? d * d : 5 * d) : 0) + 40
    const flopsPerRow = k * perComponent + (type === 'tied' ? d * d : 0)
    const scratch = this.#kernels.mixtureScratch(d, k)
    return { kernel: 'mixture', module: mixtures, args, rows: n, scratch, flopsPerRow, into }
  }

  /** From now on nothing but labels is asked for, of n rows in all: of many rows, the most probable component is told in single precision. `parameters` are
   *  those that are loaded. */
  labelsOnly(parameters: GaussianParameters, n: number): void {
    this.floors(() => 0)
    if (n < SCREENED_ROWS) return
    const table = this.#arena.takeDoubles(this.#kernels.labelDoubles(codeOf(this.type), this.#d, this.k)).fill(0)
    if (fillLabelTable(this.type, parameters, this.#d, this.#components, table)) this.#labelTable = table.byteOffset
  }
}

/** For fewer rows the table takes as long as it saves: by type and features from 256 to 512 rows (measured, D = 2, 16, 64). */
const SCREENED_ROWS = 512

/** Features from which on bounds are kept of full components. */
const BOUNDED_FROM = 64
/** What makes a bound smaller than any rounding would. */
const SLACK = 2 ** -20

/** Features from which on tied components are expanded. */
const EXPANDED_FROM = 8

/** ln|U| of component c, of products of its diagonal: as exact as a sum of logarithms (half of 2⁻⁵² a factor), each of which takes as long as 50
 *  products. */
function logDeterminant(type: CovarianceType, factors: Float64Array, c: number, d: number): number {
  if (type === 'spherical') return d * log(factors[c])
  const start = type === 'diag' ? c * d : type === 'full' ? c * d * d : 0
  const step = type === 'diag' ? 1 : d + 1
  let s = 0
  let product = 1
  for (let j = 0; j < d; j++) {
    product *= factors[start + j * step]
    if (product > 2 ** -500 && product < 2 ** 500) continue // a factor is from 1e-154 to 1e154
    s += log(product)
    product = 1
  }
  return s + log(product)
}

/** Packs the upper triangle of U (d×d, row-major, from `start` on) into pairs of columns, from `at` on: see `triangularPanelLength` in
 *  assembly/cholesky.ts. Returns where the panel ends. @internal */
export function packTriangular(upper: Float64Array, start: number, d: number, panel: Float64Array, at: number): number {
  for (let j = 0; j < d; j += 2) {
    const pair = j + 1 < d
    for (let i = 0, from = start + j; i <= j + Number(pair); i++, from += d) {
      panel[at++] = i > j ? 0 : upper[from]
      if (pair) panel[at++] = upper[from + 1]
    }
  }
  return at
}

// ----------------------------------------------------------------------------------------------------------------- the model

/** Writes the responsibilities of rows [begin, end) (row-major, K a row) to `out`, which is zeros. Must give the same each time. */
export type FillResponsibilities = (begin: number, end: number, out: Float64Array) => void

/** Passes that take moments. */
interface Passes {
  /** What the moments of each component are about (K×D). */
  anchors: Float64Array
  /** What squared distances are from, where the passes know any (K×D). */
  centres?: Float64Array
  /** Those of the E-step, where there is one. */
  parameters?: GaussianParameters
  /** The pass that comes after i others, of those that leave the statistics of a kind in `into`; none after the last. */
  next(into: Reduction, moments: CovarianceType, i: number): Pass | undefined
}

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
  readonly #all: number[] // 0 … K − 1
  readonly #rooms: [Point, Point] // for the parameters of two steps, turn about
  readonly #drift: Float64Array | undefined // from the parameters of the last step to those it led to (K×2); none where no bounds are kept
  #total: TotalScatter | undefined
  #own: Point | undefined // what the last step left
  #last: Point | undefined // the same if no other pass came after it

  constructor(data: Resident, type: CovarianceType, k: number, regCovar: number) {
    const { arena, d, n, totalWeight, largest } = data
    this.#data = data
    this.#type = type
    this.#k = k
    this.#regCovar = regCovar
    for (let j = 0; j < d; j++)
      // moments are sums of (x − anchor)²
      if (!(4 * largest[j] * largest[j] * totalWeight < Number.MAX_VALUE))
        throw wrongValue(
          'X',
          'values whose squares can be summed (up to about 1e150)',
          `magnitudes up to ${largest[j]} in column ${j}`,
          'Scale the column first, say with StandardScaler.',
        )
    this.#rounding = roundingLevel(largest, regCovar)
    this.#guard = 10 * EPS * (totalWeight / n) // scikit-learn's 10·2⁻⁵², in units of a weight: weights may be of any size
    this.#pass = new GaussianPass(arena, type, k, d)
    if (this.#pass.boundable && !passBy(data)) {
      this.#pass.bound(n)
      if (type === 'full') this.#drift = new Float64Array(2 * k)
    }
    this.#sums = new Reduction(arena, 1 + k * statisticsLength(type, d), n)
    this.#all = listOf(upTo(k))
    const room = (length: number) => arena.takeDoubles(length)
    const { length } = covarianceShape(type, k, d)
    const [counts, offsets, spread] = [room(k), room(k * d), room(spreadLength(type, k, d))]
    const point = () => ({
      weights: room(k),
      means: room(k * d),
      covariances: room(length),
      precisionsCholesky: room(length),
      counts,
      offsets,
      spread,
    })
    this.#rooms = [point(), point()]
  }

  /** One E-step and the M-step it leads to, whose parameters are good until the step after the next. Shares too small to matter are left out: see
   *  `shareFloor`. */
  step(parameters: GaussianParameters): Algorithm<{ logLikelihood: number; parameters: GaussianParameters }> {
    const a = this.#rooms[0]
    const b = this.#rooms[1]
    // not where the step starts, nor, where it starts from no step's parameters, where the last one led
    const point = (parameters === a || parameters === b ? parameters : this.#own) === a ? b : a
    return this.#moments(point, this.#expectation(parameters), this.#type, (logSum) => {
      weigh(point, sum(point.counts))
      this.#own = this.#last = point
      return { logLikelihood: logSum / this.#data.totalWeight, parameters: point }
    })
  }

  /** A copy that no step writes to. */
  keep({ weights, means, covariances, precisionsCholesky }: GaussianParameters): GaussianParameters {
    return {
      weights: weights.slice(),
      means: means.slice(),
      covariances: covariances?.slice(),
      precisionsCholesky: precisionsCholesky.slice(),
    }
  }

  /** One E-step, and what it finds of each component. */
  moments(parameters: GaussianParameters): Algorithm<GaussianMoments & { logLikelihood: number }> {
    const [point] = this.#rooms
    const found = (logSum: number, centre: Float64Array) => ({
      logLikelihood: logSum / this.#data.totalWeight,
      counts: point.counts.map((n) => n - this.#guard),
      means: centre.map((v, i) => v + point.offsets[i]),
      covariances: point.covariances.slice(),
      spread: point.spread.slice(),
    })
    return this.#moments(point, this.#expectation(parameters), this.#type, found, false, 0)
  }

  // The pass under parameters, and a second one where a component starves. Weights of a start say nothing of masses: there components lose nearly all
  // of theirs so often that leaving out less, at 3 % of a pass, is cheaper.
  #expectation(parameters: GaussianParameters): Passes {
    const pass = this.#pass
    const data = this.#data
    const led = parameters === this.#own // there by a step
    const bits = led ? SHARE_BITS : SHARE_BITS + 10
    const anchors = pass.load(parameters)
    pass.floors(shareFloor(bits))
    let drift = parameters === this.#last ? this.#drift : undefined
    this.#last = undefined
    const next: Passes['next'] = (into, moments, i) => {
      if (i === 0 && moments === 'tied') passes.anchors = pass.expand(parameters, this.#total as TotalScatter, data.totalWeight)
      if (i === 2 || (i === 1 && !starved(parameters.weights, into.total(), moments, data.totalWeight, bits))) return undefined
      if (i === 1) pass.floors(() => STARVED_FLOOR)
      // a start moves so far that its bounds would only cost (100 000×64, K = 32: 2 iterations 1.09 of the time)
      pass.drifted(led, drift)
      drift = this.#drift?.map((_, at) => 1 - (at & 1)) // none for further passes
      return pass.over(data, { into: into.reset(), moments })
    }
    const passes: Passes = { anchors, centres: parameters.means, next, parameters }
    return passes
  }

  extrapolate(...points: [GaussianParameters, GaussianParameters, GaussianParameters]): GaussianParameters | undefined {
    const { arena, d } = this.#data
    return extrapolate(this.#type, d, arena.use(mixtures).exp, ...points)
  }

  /** The M-step from responsibilities; weights are n_k/Σw, as scikit-learn leaves them before the first iteration.
   *  @param factors precision factors to use in place of those of the covariances, which then may be degenerate */
  *fromResponsibilities(fill: FillResponsibilities, factors?: Float64Array): Algorithm<Required<GaussianParameters>> {
    const { arena, n, d } = this.#data
    const { mean } = yield* columnMoments(this.#data)
    const k = this.#k
    const mark = arena.mark()
    const given = arena.takeF64(Math.min(n, SLOT_ROWS) * k + 2) + 16 // so that no row 0 before it is at address 0, which stands for none
    const data = this.#data
    const pass = this.#pass
    const next: Passes['next'] = (into, moments, i) => {
      const begin = i * SLOT_ROWS
      if (begin >= n) return undefined
      const end = Math.min(begin + SLOT_ROWS, n)
      const out = arena.f64(given, (end - begin) * k)
      out.fill(0)
      fill(begin, end, out)
      // `given` holds these rows alone: row 0 would stand so much before it
      return { ...pass.over(data, { given: given - begin * k * 8, into: i === 0 ? into.reset() : into, moments }), begin, rows: end }
    }
    const anchors = new Float64Array(k * d)
    for (let c = 0; c < k; c++) anchors.set(mean, c * d)
    pass.anchor(anchors)
    const [point] = this.#rooms
    const started = () => this.#started(point, factors)
    const start = yield* this.#moments(point, { anchors, next }, again(this.#type), started, !factors)
    arena.release(mark)
    return start
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
    const [point] = this.#rooms
    maximise(type, sums, anchors, this.#all, d, regCovar, this.#guard, point)
    if (type === 'tied') {
      const total = yield* this.#totalScatter()
      tie(point, anchors, total, totalWeight, d, regCovar, true)
      // so far from the origin that XᵀX has no inverse in doubles: about the mean instead
      if (this.#factorise(point)) tie(point, anchors, total, totalWeight, d, regCovar, false)
    }
    if (!factors) orThrow(this.#factorise(point))
    return this.#started(point, factors)
  }

  #started(point: Point, factors = point.precisionsCholesky): Required<GaussianParameters> {
    weigh(point, this.#data.totalWeight)
    return this.keep({ ...point, precisionsCholesky: factors }) as Required<GaussianParameters>
  }

  // The factors of a point's covariances, or why there are none. Notes the drift from other parameters
  #factorise(point: Point, from?: GaussianParameters): DegenerateCovarianceError | undefined {
    const { arena, d } = this.#data
    const { covariances, precisionsCholesky: factors, spread } = point
    if (!isDense(this.#type)) return scales(this.#type, point, d, this.#rounding, factors)
    return within(arena, () => {
      const lower = arena.takeF64(d * d)
      const before = this.#drift && from ? arena.takeDoubles(d * d + 2 * d + 2) : undefined
      const scratch = before ? arena.takeF64(4 * d + 8) : 0
      for (let start = 0, c = 0; start < covariances.length; start += d * d, c++) {
        const error = triangle(arena, covariances.byteOffset + start * 8, factors, start, d, spread, c, this.#rounding, lower)
        if (error) return error
        if (!before || !from) continue
        const [upper, mean] = [before.byteOffset, before.byteOffset + d * d * 8]
        before.set(from.precisionsCholesky.subarray(start, start + d * d))
        before.set(from.means.subarray(c * d, (c + 1) * d), d * d)
        before.set(point.means.subarray(c * d, (c + 1) * d), d * d + d)
        arena.use(mixtures).drift(upper, mean, lower, mean + d * 8, d, mean + 2 * d * 8, scratch)
        this.#drift?.set(before.subarray(d * d + 2 * d), 2 * c)
      }
      return undefined
    })
  }

  /** Runs `passes` for statistics about `anchors` and finishes them, to `point`, but for the weights. Where a mean has moved by many standard deviations, taking
   *  moments about the old one costs digits (error ≈ 2⁻⁵²·(δ/σ)²): they are taken once more about the new one (diag and spherical: of that component
   *  alone), which brings δ down by sixteen digits, so that a second time is for data that span more than that. Where clusters lie so far apart
   *  that the tied covariance is a small difference of large numbers, it is pooled from full statistics instead. The same where a covariance
   *  looks degenerate: whether it is, is decided on the more exact moments.
   *  @param moments the kind of statistics to begin with: those of the type if the anchors are the means, otherwise `again(type)`
   *  @param found makes the result, of Σ w·log p(x) and what the last statistics were taken about
   *  @param factored whether covariances are factored, and refused if degenerate */
  *#moments<T>(
    point: Point,
    passes: Passes,
    moments: CovarianceType,
    found: (logSum: number, centre: Float64Array) => T,
    factored = true,
    regCovar = this.#regCovar,
  ): Algorithm<T> {
    const { arena, d } = this.#data
    const mark = arena.mark()
    const sums = this.#sumsOf(moments)
    const tied = this.#type === 'tied'
    if (tied) this.#total ??= yield* totalScatter(this.#data)
    for (let i = 0, pass = passes.next(sums, moments, i); pass; pass = passes.next(sums, moments, ++i)) yield pass
    const logSum = sums.total()[0] - this.#pass.excess
    this.#finish(point, moments, sums.total(), passes.anchors, this.#all, regCovar, passes.centres)
    if (tied) tie(point, passes.anchors, this.#total as TotalScatter, this.#data.totalWeight, d, regCovar, false)
    let lost = cancelling(this.#type, point, d)
    let centre = passes.anchors
    if (lost.length > 0 || (factored && this.#factorise(point, passes.parameters))) {
      if (lost.length === 0) lost = this.#all
      const kind = again(this.#type)
      centre = yield* this.#retake(point, passes, lost, kind, kind === moments ? sums : this.#sumsOf(kind), regCovar)
      if (factored) orThrow(this.#factorise(point, passes.parameters))
    }
    arena.release(mark)
    return found(logSum, centre)
  }

  // Moments once more, of components of a point, about the means it has so far. Returns what the last ones were taken about.
  *#retake(
    point: Point,
    passes: Passes,
    components: number[],
    kind: CovarianceType,
    sums: Reduction,
    regCovar: number,
  ): Algorithm<Float64Array> {
    const { d } = this.#data
    const centre = passes.anchors.slice()
    for (let round = 0, lost = components; round < MOST_ROUNDS && lost.length > 0; round++) {
      for (const c of lost) for (let i = c * d; i < (c + 1) * d; i++) centre[i] += point.offsets[i] // the means before the guard pulls them
      this.#pass.anchor(centre, lost)
      for (let i = 0, pass = passes.next(sums, kind, i); pass; pass = passes.next(sums, kind, ++i)) yield pass
      this.#finish(point, kind, sums.total(), centre, lost, regCovar)
      lost = cancelling(this.#type, point, d)
    }
    return centre
  }

  // Room for the sums of a kind, until the next release where it is not that of the type
  #sumsOf(kind: CovarianceType): Reduction {
    const { arena, d, n } = this.#data
    return kind === this.#type ? this.#sums : new Reduction(arena, 1 + this.#k * statisticsLength(kind, d), n)
  }

  // The components of the type from statistics of some kind
  #finish(
    point: Point,
    kind: CovarianceType,
    sums: Float64Array,
    centre: Float64Array,
    components: number[],
    regCovar: number,
    centres?: Float64Array,
  ): void {
    const { d } = this.#data
    const type = this.#type
    const each = kind === type ? point : { ...point, ...tables(kind, this.#k, d) }
    maximise(kind, sums, centre, components, d, type === 'tied' ? 0 : regCovar, this.#guard, each, centres)
    if (kind === type) return
    if (type === 'tied') pool(each, point, d, regCovar)
    else level(each, point, components, d)
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
  whole.load({ weights: Float64Array.of(1), means: anchor, precisionsCholesky: identity })
  yield whole.over(data, { into })
  const one = { counts: new Float64Array(1), means: new Float64Array(d), offsets: new Float64Array(d), ...tables('full', 1, d) }
  maximise('full', into.total(), anchor, [0], d, 0, 0, one)
  arena.release(mark)
  return { scatter: one.covariances.map((v) => v * one.counts[0]), anchor, offset: one.offsets }
}

/** Weights from counts. */
function weigh({ weights, counts }: Point, mass: number): void {
  for (let c = 0; c < counts.length; c++) weights[c] = counts[c] / mass
}

function orThrow(error: DegenerateCovarianceError | undefined): void {
  if (error) throw error
}

/** Statistics that give the components of a type about any anchors: the spherical ones take their squares from the E-step, whose anchors are the
 *  means, and tied covariances can also be pooled from full ones. */
const again = (type: CovarianceType): CovarianceType => (type === 'tied' ? 'full' : type === 'spherical' ? 'diag' : type)

/** Logarithm of the share in a row, relative to the best component's, below which a component's counts as 0: with e^floor = 2^−bits·π_c the density
 *  of a row changes by less than 2^−bits and, over N rows, the mass n_c by less than 2^−bits·N·π_c: nothing, unless the component loses nearly
 *  all of its mass in this very step (`starved`). */
export const shareFloor =
  (bits = SHARE_BITS) =>
  (logWeight: number): number =>
    Math.max(STARVED_FLOOR, logWeight - bits * Math.LN2)
const SHARE_BITS = 55

/** With this floor what is left out is less than rounding of scikit-learn's guard of 10·2⁻⁵² on n_c, for any number of rows. */
const STARVED_FLOOR = -100

/** Whether a component kept so little of its mass that what was left out may exceed 2⁻⁴⁵ of it: with 55 bits, less than a thousandth. */
function starved(weights: Float64Array, sums: Float64Array, moments: CovarianceType, totalWeight: number, bits: number): boolean {
  const each = (sums.length - 1) / weights.length
  const first = moments === 'full' ? each : 1 // the place of n_0
  for (let c = 0; c < weights.length; c++) if (sums[first + c * each] < weights[c] * totalWeight * 2 ** (45 - bits)) return true
  return false
}

// From 1e150 to 1 in steps of sixteen digits
const MOST_ROUNDS = 10

// Components with a variance so much smaller than the squares it was made from (30²: a mean that moved by 30σ, clusters 30σ from x̄) that their error
// of about 2⁻⁵² each leaves fewer than 13 digits of it; full and tied, all where one is
function cancelling(type: CovarianceType, { counts, covariances, spread }: Maximised, d: number): number[] {
  const k = counts.length
  const dense = isDense(type)
  const lost: number[] = []
  for (let i = 0; i < spread.length; i++) {
    if (spread[i] * spread[i] <= 900 * covariances[dense ? i * d + (i % d) : i]) continue
    if (dense) return listOf(upTo(k))
    const c = Math.floor((i * k) / spread.length)
    if (lost.at(-1) !== c) lost.push(c)
  }
  return lost
}
