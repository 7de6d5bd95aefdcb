// SQUAREM for Gaussian mixtures (Varadhan & Roland 2008): where EM creeps, three of its points say where it is heading.
import { largestOf, sum } from './lists.ts'
import { type CovarianceType, type GaussianParameters, isDense } from './gaussian.ts'
import { log } from './logarithm.ts'

/** The point that three successive points of EM head for: θ₀ − 2αr + α²v with r = θ₁ − θ₀, v = θ₂ − θ₁ − r, α = −‖r‖/‖v‖ (their scheme S3), or
 *  nothing where that is no farther than θ₂. Coordinates are those in which every point is a mixture: ln π, μ, and the factors U with the
 *  logarithms of their diagonals. ‖·‖ measures lengths in each component's standard deviations, so units do not matter. */
export function extrapolate(
  type: CovarianceType,
  d: number,
  exp: (x: number) => number,
  ...points: [GaussianParameters, GaussianParameters, GaussianParameters]
): GaussianParameters | undefined {
  const [start] = points
  const k = start.weights.length
  if (points.some(({ weights }) => weights.some((weight) => !(weight > 0)))) return undefined
  const own = type === 'tied' || type === 'full' ? d * d : type === 'diag' ? d : 1
  // entry (i, j) of a factor: whether it is on the diagonal, and where the diagonal entry of its row i is
  const square = isDense(type)
  const onDiagonal = (at: number) => !square || at % (d + 1) === 0
  const diagonal = (c: number, j: number) =>
    start.precisionsCholesky[type === 'tied' ? j * (d + 1) : type === 'full' ? c * own + j * (d + 1) : type === 'diag' ? c * d + j : c]

  const coordinates = ({ weights, means, precisionsCholesky }: GaussianParameters) => ({
    weights: weights.map(log),
    means,
    factors: precisionsCholesky.map((u, i) => (onDiagonal(i % own) ? log(u) : u)),
  })
  const [a, b, c] = points.map(coordinates)
  const scales = {
    weights: () => 1,
    means: (i: number) => diagonal(Math.floor(i / d), i % d),
    factors: (i: number) => (onDiagonal(i % own) ? 1 : 1 / diagonal(Math.floor(i / own), Math.floor((i % own) / d))),
  }
  const parts = ['weights', 'means', 'factors'] as const
  let [first, second] = [0, 0]
  for (const part of parts)
    for (let i = 0; i < a[part].length; i++) {
      const scale = scales[part](i)
      const r = b[part][i] - a[part][i]
      first += (scale * r) ** 2
      second += (scale * (c[part][i] - b[part][i] - r)) ** 2
    }
  const alpha = -Math.sqrt(first / second)
  if (!(alpha < -1 && alpha > -Infinity)) return undefined
  const [weights, means, factors] = parts.map((part) =>
    a[part].map((x, i) => {
      const r = b[part][i] - x
      return x - 2 * alpha * r + alpha * alpha * (c[part][i] - b[part][i] - r)
    }),
  )
  const largest = largestOf(weights)
  const shares = weights.map((v) => exp(v - largest))
  const mass = sum(shares)
  const precisionsCholesky = factors.map((u, i) => (onDiagonal(i % own) ? exp(u) : u))
  if (k * d > 0 && ![...means, ...precisionsCholesky].every(Number.isFinite)) return undefined
  return { weights: shares.map((v) => v / mass), means, precisionsCholesky }
}
