// Every estimator, and data it takes: for tests of who runs a fit, which must not matter.
import {
  BernoulliMixture,
  BinomialMixture,
  BisectingKMeans,
  type CovarianceType,
  GaussianMixture,
  KMeans,
  Matrix,
  MiniBatchKMeans,
  PoissonMixture,
  makeBlobs,
} from '../src/index.ts'
import { Random } from '../src/random.ts'

export const onWarning = () => {}
export const blobs = (n: number, d = 5) => makeBlobs({ nSamples: n, nFeatures: d, centers: 6, clusterStd: 2.5, randomState: n }).X
export const whole = (n: number, d: number, of: (u: number) => number) => {
  const random = new Random(n, d)
  const X = Matrix.zeros(n, d)
  for (let i = 0; i < X.data.length; i++) X.data[i] = of(random.uniform())
  return X
}

export type Fit = { toJSON(): object; fit(X: Matrix, o?: object): unknown; fitAsync(X: Matrix, o?: object): Promise<unknown> }
const mixture = (covarianceType: CovarianceType, initParams: 'kmeans' | 'random' | 'k-means++' = 'kmeans') => ({
  make: (): Fit => new GaussianMixture({ nComponents: 5, covarianceType, initParams, maxIter: 4, randomState: 3, onWarning }),
  data: blobs,
})
/** Every estimator, and data it takes. */
export const ESTIMATORS: Record<string, { make(): Fit; data(n: number): Matrix }> = {
  KMeans: { make: () => new KMeans({ nClusters: 7, nInit: 2, maxIter: 6, randomState: 3, onWarning }), data: blobs },
  'KMeans, mae': {
    make: () => new KMeans({ nClusters: 12, init: 'random', convergence: 'mae', nInit: 2, maxIter: 6, randomState: 3, onWarning }),
    data: blobs,
  },
  MiniBatchKMeans: { make: () => new MiniBatchKMeans({ nClusters: 7, nInit: 2, maxIter: 3, randomState: 3, onWarning }), data: blobs },
  BisectingKMeans: { make: () => new BisectingKMeans({ nClusters: 5, maxIter: 6, randomState: 3, onWarning }), data: blobs },
  'GaussianMixture full': mixture('full'),
  'GaussianMixture full, of many features': { ...mixture('full'), data: (n) => blobs(n, 64) },
  'GaussianMixture tied': mixture('tied', 'random'),
  'GaussianMixture diag': mixture('diag', 'k-means++'),
  'GaussianMixture spherical': mixture('spherical'),
  BinomialMixture: {
    make: () => new BinomialMixture({ nComponents: 3, maxIter: 4, randomState: 3, onWarning }),
    data(n) {
      const X = whole(n, 2, (u) => Math.floor(8 * u))
      for (let i = 0; i < n; i++) X.data[2 * i + 1] += X.data[2 * i]
      return X
    },
  },
  BernoulliMixture: {
    make: () => new BernoulliMixture({ nComponents: 3, maxIter: 4, randomState: 3, onWarning }),
    data: (n) => whole(n, 6, (u) => Number(u < 0.4)),
  },
  PoissonMixture: {
    make: () => new PoissonMixture({ nComponents: 3, maxIter: 4, assignment: 'hard', randomState: 3, onWarning }),
    data: (n) => whole(n, 3, (u) => Math.floor(9 * u * u)),
  },
}
