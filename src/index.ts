// Everything public, nothing else.
export { Matrix, type MatrixLike } from './matrix.ts'
export { KMeans, type KMeansFitOptions, type KMeansInit, type KMeansOptions, kmeansPlusPlus, type KMeansPlusPlusOptions } from './kmeans.ts'
export { type CovarianceType, type CovariancesOf, GaussianMixture, type GaussianMixtureFitOptions, type GaussianMixtureOptions } from './gaussian-mixture.ts'
export { DegenerateCovarianceError, NotFittedError, type Warning } from './errors.ts'
