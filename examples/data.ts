// Data and bookkeeping that several examples share.
import { contingencyMatrix, makeBlobs } from 'mixtura'

/** Draws groups of correlated Gaussians: a row is mean + factor · z with z standard normal, so its covariance is factor · factorᵀ. */
export function drawGroups(
  groups: { n: number; mean: number[]; factor: number[][] }[],
  randomState: number,
): { X: number[][]; labels: Int32Array } {
  const origin = groups.map(({ mean }) => mean.map(() => 0))
  const { X, labels } = makeBlobs({ nSamples: groups.map(({ n }) => n), centers: origin, clusterStd: 1, randomState })
  const place = (z: Float64Array, { mean, factor }: (typeof groups)[0]) =>
    mean.map((m, i) => factor[i].reduce((sum, f, j) => sum + f * z[j], m))
  return { X: Array.from(X, (z, i) => place(z, groups[labels[i]])), labels }
}

/** Names every cluster after the group that most of its members belong to: clusters come in no order of their own. */
export function named(groups: Int32Array, clusters: Int32Array): Int32Array {
  const counts = contingencyMatrix(groups, clusters) // a row per group, a column per cluster, both ascending
  const kinds = [...new Set(clusters)].sort((a, b) => a - b)
  const names = new Map(
    kinds.map((kind, column) => [kind, counts.reduce((best, row, group) => (row[column] > counts[best][column] ? group : best), 0)]),
  )
  return clusters.map((cluster) => names.get(cluster) as number)
}
