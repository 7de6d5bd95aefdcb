// Everything public, nothing else.
export { type KernelModules, provideKernels } from './kernel-modules.ts'
export {
  type ColumnLike,
  type ColumnsLike,
  type FrameLike,
  Matrix,
  type GetMatrixLike,
  type MatrixLike,
  type NdArrayLike,
  type TableLike,
  type TensorLike,
  type ValuesLike,
} from './matrix.ts'
export {
  KMeans,
  type KMeansFitOptions,
  type KMeansInit,
  type KMeansOptions,
  kmeansPlusPlus,
  type KMeansPlusPlusOptions,
  type KMeansPlusPlusResult,
} from './kmeans.ts'
export { MiniBatchKMeans, type MiniBatchKMeansOptions } from './mini-batch-kmeans.ts'
export { BisectingKMeans, type BisectingKMeansFitOptions, type BisectingKMeansOptions } from './bisecting-kmeans.ts'
export {
  type CovarianceType,
  type CovariancesOf,
  GaussianMixture,
  type GaussianMixtureFitOptions,
  type GaussianMixtureOptions,
} from './gaussian-mixture.ts'
export { BinomialMixture, type BinomialMixtureOptions } from './binomial-mixture.ts'
export { BernoulliMixture, type BernoulliMixtureOptions } from './bernoulli-mixture.ts'
export { PoissonMixture, type PoissonMixtureOptions } from './poisson-mixture.ts'
export type { HistoryEntry, MixtureOptions } from './mixture-family.ts'
export type { Criteria, MixtureFitOptions, MixtureSample } from './mixture.ts'
export {
  type Expectation,
  expectationMaximization,
  expectationMaximizationAsync,
  type ExpectationMaximizationEvent,
  type ExpectationMaximizationOptions,
  type ExpectationMaximizationResult,
  type LatentVariableModel,
} from './em.ts'
export {
  type BernoulliEstimate,
  type BernoulliMode,
  type BetaPrior,
  type Counts,
  type GaussianEstimate,
  type GaussianEstimationOptions,
  type GaussianMode,
  logLikelihood,
  maximumAPosteriori,
  maximumLikelihood,
  type NormalInverseWishartPrior,
  type Posterior,
  posterior,
} from './estimation.ts'
export {
  type Criterion,
  selectGaussianMixture,
  selectGaussianMixtureAsync,
  type SelectGaussianMixtureAsyncOptions,
  type SelectGaussianMixtureOptions,
  type Selection,
  type SelectionResult,
} from './select.ts'
export type { EstimatorJSON, WarningListener } from './estimator.ts'
export type { IterationEvent } from './passes.ts'
export { setWorkerSource, type WorkerSource } from './pool.ts'
export type { AsyncOptions } from './task.ts'
export type { MatrixStream } from './stream.ts'
export { DegenerateCovarianceError, NotFittedError, type Warning } from './errors.ts'
export {
  adjustedRandScore,
  calinskiHarabaszScore,
  clusterAccuracy,
  contingencyMatrix,
  daviesBouldinScore,
  type Labels,
  normalizedMutualInfoScore,
  silhouetteScore,
} from './metrics.ts'
export { StandardScaler, type StandardScalerFitOptions, type StandardScalerOptions } from './standard-scaler.ts'
export { type Iris, type LabelledBlobs, loadIris, makeBlobs, type MakeBlobsOptions } from './datasets.ts'
export { type CovarianceEllipse, type CovarianceEllipseOptions, covarianceEllipse } from './covariance-ellipse.ts'
