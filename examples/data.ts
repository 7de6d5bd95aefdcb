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

/** Height in cm, weight in kg; taller people weigh more, in either group. */
export const WOMEN_AND_MEN = [
  {
    n: 400,
    mean: [165, 62],
    factor: [
      [6, 0],
      [4, 7],
    ],
  },
  {
    n: 400,
    mean: [180, 84],
    factor: [
      [7, 0],
      [5, 10],
    ],
  },
]

/** Three groups, long and tilted in their own ways. */
export const LONG_GROUPS = [
  {
    n: 80,
    mean: [0, 0],
    factor: [
      [2, 0],
      [1.4, 0.4],
    ],
  },
  {
    n: 80,
    mean: [1, 4],
    factor: [
      [2, 0],
      [-1, 0.4],
    ],
  },
  {
    n: 80,
    mean: [6.5, 2],
    factor: [
      [0.5, 0],
      [0, 1.8],
    ],
  },
]

/** Two groups in three dimensions that overlap. */
export const OVERLAPPING = [
  {
    n: 300,
    mean: [0, 0, 0],
    factor: [
      [1.2, 0, 0],
      [0.6, 0.9, 0],
      [-0.3, 0.2, 1],
    ],
  },
  {
    n: 300,
    mean: [2, 2, 1],
    factor: [
      [0.8, 0, 0],
      [-0.5, 1, 0],
      [0.4, 0.3, 0.7],
    ],
  },
]
