// EM for a mixture of two Gaussians, written out: what a reader of the course writes first.
import { type LatentVariableModel, maximumLikelihood } from 'mixtura'

/** What such a mixture is made of. */
export type GaussianParameters = { weights: number[]; means: number[][]; covariances: number[][][] }
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0)

// ln N(x; μ, Σ) by the Cholesky factor of Σ = L·Lᵀ: with L·z = x − μ it is −½(d·ln 2π + |z|²) − Σ ln L_jj
function gaussian(mean: number[], covariance: number[][]): (x: number[]) => number {
  const L = covariance.map((row) => row.map(() => 0))
  covariance.forEach((row, i) => {
    for (let j = 0; j <= i; j++) {
      const rest = row[j] - sum(L[i].slice(0, j).map((l, m) => l * L[j][m]))
      L[i][j] = i === j ? Math.sqrt(rest) : rest / L[j][j]
    }
  })
  const constant = -0.5 * mean.length * Math.log(2 * Math.PI) - sum(L.map((row, j) => Math.log(row[j])))
  return (x) => {
    const z: number[] = []
    L.forEach((row, i) => z.push((x[i] - mean[i] - sum(z.map((v, j) => row[j] * v))) / row[i]))
    return constant - 0.5 * sum(z.map((v) => v * v))
  }
}

/** A mixture of two Gaussians over the rows X, as `expectationMaximization` wants it. */
export const gaussianEm = (X: number[][]): LatentVariableModel<GaussianParameters> => ({
  // E: who is responsible for each row? r_ik = π_k N(x_i; μ_k, Σ_k) / p(x_i), with logarithms so that nothing underflows
  eStep({ weights, means, covariances }) {
    const densities = means.map((mean, k) => gaussian(mean, covariances[k]))
    const joint = X.map((x) => densities.map((density, k) => Math.log(weights[k]) + density(x)))
    const rows = joint.map((row) => Math.max(...row) + Math.log(sum(row.map((v) => Math.exp(v - Math.max(...row))))))
    return { responsibilities: joint.map((row, i) => row.map((v) => Math.exp(v - rows[i]))), logLikelihood: sum(rows) }
  },
  // M: maximum likelihood, every row counting as much as the component is responsible for it
  mStep(responsibilities) {
    const shares = [0, 1].map((k) => Array.from(responsibilities, (row) => row[k]))
    const groups = shares.map((sampleWeight) => maximumLikelihood.gaussian(X, { sampleWeight }))
    return { weights: shares.map((r) => sum(r) / X.length), means: groups.map((g) => g.mean), covariances: groups.map((g) => g.covariance) }
  },
})
