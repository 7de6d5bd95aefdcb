// Everything public, nothing else.
export { Matrix, type GetMatrixLike, type MatrixLike, type NdArrayLike, type TableLike } from './matrix.ts'
export { KMeans, type KMeansFitOptions, type KMeansInit, type KMeansOptions, kmeansPlusPlus, type KMeansPlusPlusOptions } from './kmeans.ts'
export {
  type CovarianceType,
  type CovariancesOf,
  GaussianMixture,
  type GaussianMixtureFitOptions,
  type GaussianMixtureOptions,
} from './gaussian-mixture.ts'
export type { EstimatorJSON, WarningListener } from './estimator.ts'
export type { IterationEvent } from './passes.ts'
export { DegenerateCovarianceError, NotFittedError, type Warning } from './errors.ts'
export {
  adjustedRandScore,
  calinskiHarabaszScore,
  clusterAccuracy,
  contingencyMatrix,
  daviesBouldinScore,
  normalizedMutualInfoScore,
  silhouetteScore,
} from './metrics.ts'
export { StandardScaler, type StandardScalerOptions } from './standard-scaler.ts'
export { loadIris, makeBlobs, type MakeBlobsOptions } from './datasets.ts'
export { covarianceEllipse } from './covariance-ellipse.ts'
