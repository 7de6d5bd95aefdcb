// The contour of a two-dimensional Gaussian, for drawing.
import { aboveZero, checkOptions, finite, isList, positive } from './check.ts'
import { describe, wrongKind, wrongValue } from './errors.ts'

/** An ellipse. */
export interface CovarianceEllipse {
  /** [x, y]. */
  center: [number, number]
  /** Semi-axes, major first, in units of the data. */
  radii: [number, number]
  /** Direction of the major axis, counterclockwise from the x axis in radians, in (−π/2, π/2]; 0 for a circle. */
  angle: number
  /** `n` (default 64) points of the contour, counterclockwise from the end of the major axis, evenly spaced before stretching; the first is
   *  not repeated at the end. */
  points(n?: number): [number, number][]
}

/** Options of `covarianceEllipse`. */
export interface CovarianceEllipseOptions {
  /** Mahalanobis distance of the contour from the mean, > 0. Default 2, which encloses 1 − e^−2 ≈ 86 % of the mass. */
  sigmas?: number
}

// By how much, relative to √(Σ₀₀·Σ₁₁), Σ₀₁ may differ from Σ₁₀ or exceed that root: the rounding of sums over millions of samples, wherever
// the matrix was computed, and far less than a picture shows
const ROUNDING = 1e-9

/** The contour of a two-dimensional Gaussian at `sigmas` standard deviations. Exact for diagonal covariances; a singular covariance gives an
 *  ellipse of minor radius 0.
 *  @param mean [x, y]
 *  @param covariance Σ as 2×2 (full, tied), as [variance of x, variance of y] (diag), or as one variance for both (spherical)
 *  @throws TypeError, RangeError for other shapes (with more features, pick two and their rows and columns of Σ), and for matrices that are not
 *  symmetric or not positive semidefinite. */
export function covarianceEllipse(
  mean: ArrayLike<number>,
  covariance: number | ArrayLike<number> | ArrayLike<ArrayLike<number>>,
  options?: CovarianceEllipseOptions,
): CovarianceEllipse {
  const { sigmas } = checkOptions('covarianceEllipse', options, { sigmas: aboveZero }, { sigmas: 2 })
  const [x, y] = pair(mean, 'mean')
  const [a, b, c] = entries(covariance)
  const { large, small, axis, angle } = principal(a, b, c)
  const radii: [number, number] = [sigmas * Math.sqrt(large), sigmas * Math.sqrt(small)]
  return {
    center: [x, y],
    radii,
    angle,
    points(n = 64) {
      positive(n, 'n')
      return Array.from({ length: n }, (_, i): [number, number] => {
        const turn = (2 * Math.PI * i) / n
        const [u, v] = [radii[0] * Math.cos(turn), radii[1] * Math.sin(turn)]
        return [x + u * axis[0] - v * axis[1], y + u * axis[1] + v * axis[0]]
      })
    },
  }
}

// Eigenvalues and major axis of [[a, b], [b, c]]
function principal(a: number, b: number, c: number): { large: number; small: number; axis: [number, number]; angle: number } {
  if (b === 0) return a >= c ? { large: a, small: c, axis: [1, 0], angle: 0 } : { large: c, small: a, axis: [0, 1], angle: Math.PI / 2 }
  // entries near 1, so that no square leaves the range of doubles
  const unit = Math.max(a, c)
  const [p, q, r] = [a / unit, b / unit, c / unit]
  const large = (p + r) / 2 + Math.sqrt(((p - r) / 2) ** 2 + q * q)
  const small = Math.max(0, p * r - q * q) / large // the difference of the eigenvalues' halves would cancel
  const half = Math.atan2(2 * q, p - r) / 2
  const angle = half <= -Math.PI / 2 ? Math.PI / 2 : half
  return { large: large * unit, small: small * unit, axis: [Math.cos(angle), Math.sin(angle)], angle }
}

// Σ₀₀, Σ₀₁, Σ₁₁ of any of the three forms
function entries(covariance: unknown): [number, number, number] {
  const name = 'covariance'
  if (typeof covariance === 'number') return [variance(covariance, name), 0, covariance]
  const list = covariance as ArrayLike<unknown>
  if (!isList(covariance)) throw wrongKind(name, 'a 2×2 matrix, two variances or one', covariance)
  if (list.length !== 2) throw wrongValue(name, 'a 2×2 matrix, two variances or one', describe(covariance), 'Pick two features first.')
  if (!isList(list[0])) {
    const [first, second] = pair(covariance, name)
    return [variance(first, `${name}[0]`), 0, variance(second, `${name}[1]`)]
  }
  const [[a, b], [other, c]] = [pair(list[0], `${name}[0]`), pair(list[1], `${name}[1]`)]
  variance(a, `${name}[0][0]`)
  variance(c, `${name}[1][1]`)
  // products of square roots stay in range where those of variances do not
  const limit = Math.sqrt(a) * Math.sqrt(c)
  if (Math.abs(b - other) > ROUNDING * Math.max(limit, Math.abs(b)))
    throw wrongValue(name, 'a symmetric matrix', `${b} at [0][1] and ${other} at [1][0]`)
  if (Math.abs(b) > limit * (1 + ROUNDING))
    throw wrongValue(
      name,
      'a positive semidefinite matrix',
      `|Σ₀₁| = ${Math.abs(b)} above √(Σ₀₀·Σ₁₁) = ${limit}`,
      'No Gaussian has such a covariance.',
    )
  return [a, b + (other - b) / 2, c]
}

function pair(value: unknown, name: string): [number, number] {
  if (!isList(value)) throw wrongKind(name, 'two numbers', value)
  if (value.length !== 2) throw wrongValue(name, 'two numbers', describe(value), 'Pick two features first.')
  return [finite(value[0], `${name}[0]`), finite(value[1], `${name}[1]`)]
}

function variance(value: number, name: string): number {
  if (finite(value, name) < 0) throw wrongValue(name, 'a variance of at least 0', value, 'A covariance must be positive semidefinite.')
  return value
}
