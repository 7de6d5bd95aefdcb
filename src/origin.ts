// A point near the data that components have in common: about it, moments of diag and spherical components and the distances of spherical ones take
// fewer operations than about each component's own mean.
import { sum } from './lists.ts'
import type { GaussianParameters } from './gaussian.ts'

/** (μ − origin)² and, spherical, (‖x − origin‖ + ‖μ − origin‖)²/d may be this many times the variance: what is then a difference of numbers that
 *  large keeps all but NEAR·2⁻⁵³ of itself for each rounding, less than 1e-14. Beyond, nothing may cancel. */
export const NEAR = 64

/** Components of up to this many features have kernels of their own (assembly/few-features.ts), to which an origin is of no use. */
export const FEW = 3

/** Components up to which moving rows to the origin costs what it saves (d = 16: 2 spherical ones 24 % slower, 3 8 %, 4 the same, 4 diag 4 % faster). */
const FEW_COMPONENTS = 3

/** The origin of a mixture, and what is near it. */
export interface Origin {
  /** The mean of the mixture (D). */
  point: Float64Array
  /** Of each component, whether it is near (K, 0 or 1). */
  near: Float64Array
  /** Spherical: largest squared distance of a row that is near. */
  limit: number
}

/** Σ π·μ/Σ π (D): near the data; weights of a start may sum to less than 1. */
export function weightedMean({ weights, means }: Pick<GaussianParameters, 'weights' | 'means'>, d: number): Float64Array {
  const mean = new Float64Array(d)
  const mass = sum(weights)
  weights.forEach((weight, c) => {
    for (let j = 0; j < d; j++) mean[j] += (weight / mass) * means[c * d + j]
  })
  return mean
}

/** The origin of diag or spherical components; undefined where nothing is gained by one. */
export function originOf(parameters: GaussianParameters, d: number, spherical: boolean): Origin | undefined {
  const { weights, means, precisionsCholesky: factors } = parameters
  if (d <= FEW || weights.length <= FEW_COMPONENTS) return undefined
  const point = weightedMean(parameters, d)
  if (!spherical) {
    const near = weights.map((_, c) => Number(point.every((o, j) => ((means[c * d + j] - o) * factors[c * d + j]) ** 2 <= NEAR)))
    return near.includes(1) ? { point, near, limit: Infinity } : undefined
  }
  const squares = weights.map((_, c) => point.reduce((s, o, j) => s + (means[c * d + j] - o) ** 2, 0))
  const mass = sum(weights)
  // of rows, in the mean; components for which rows twice as far would not be near are not
  const usual = weights.reduce((s, weight, c) => s + (weight / mass) * (squares[c] + d / factors[c] ** 2), 0)
  const reach = factors.map((f) => ((NEAR / 4) * d) / f ** 2)
  const near = weights.map((_, c) => Number(Math.max(squares[c], 4 * usual) <= reach[c]))
  // distances to own components that are far are computed twice, the second time at five times the cost: more than is gained with few components
  const far = weights.reduce((s, weight, c) => s + (near[c] ? 0 : weight / mass), 0)
  return weights.length >= 20 * far ? { point, near, limit: Math.min(...reach.filter((_, c) => near[c])) } : undefined
}

/** From so many features on the origin pays for full components: each one's x − μ need not be laid out (d = 16, K = 10: a step takes 0.96 of the time). */
const FULL_FROM = 8

/** For full components: (μ_j − origin_j)² may be this many times the variance that feature j has where the others are known. Uᵀ(x − μ), taken as
 *  Uᵀ(x − origin) + Uᵀ(origin − μ), then keeps all but 4·2⁻⁵² for each product of a feature with a factor. */
const FULL_NEAR = 16

/** The origin of full components. */
export interface FullOrigin extends Pick<Origin, 'point' | 'near'> {
  /** Uᵀ(origin − μ) of each that is near, 0 of the others (K×D). */
  offsets: Float64Array
}

/** The origin of full components; undefined where nothing is gained by one. */
export function fullOriginOf(parameters: GaussianParameters, d: number): FullOrigin | undefined {
  const { weights, means, precisionsCholesky: factors } = parameters
  const k = weights.length
  if (d < FULL_FROM || k <= FEW_COMPONENTS) return undefined
  const point = weightedMean(parameters, d)
  const near = new Float64Array(k)
  const offsets = new Float64Array(k * d)
  for (let c = 0; c < k; c++) {
    const own = offsets.subarray(c * d, (c + 1) * d)
    let far = false
    for (let i = 0; i < d && !far; i++) {
      const t = point[i] - means[c * d + i]
      let precision = 0
      for (let j = i, at = (c * d + i) * d + i; j < d; j++, at++) {
        precision += factors[at] * factors[at]
        own[j] += factors[at] * t
      }
      far = !(t * t * precision <= FULL_NEAR)
    }
    if (far) own.fill(0)
    else near[c] = 1
  }
  return near.includes(1) ? { point, near, offsets } : undefined
}
