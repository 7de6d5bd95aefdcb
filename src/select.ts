// Model selection: every combination of components and covariance type, by an information criterion.
import { type Schema, callable, checkOptions, oneOf } from './check.ts'
import { describe } from './errors.ts'
import { type CovarianceType, GaussianMixture, type GaussianMixtureFitOptions, type GaussianMixtureOptions } from './gaussian-mixture.ts'
import { Matrix, type MatrixLike } from './matrix.ts'

/** What is compared: Bayesian (Schwarz 1978), Akaike's (1974), or integrated completed likelihood (Biernacki, Celeux & Govaert 2000). */
export type Criterion = 'bic' | 'aic' | 'icl'

export interface SelectGaussianMixtureOptions extends Omit<GaussianMixtureOptions, 'nComponents' | 'covarianceType' | 'precisionsInit' | 'meansInit' | 'weightsInit'> {
  /** Numbers of components to try. Default [1, 2, 3, 4, 5, 6]. */
  nComponents?: ArrayLike<number>
  /** Covariance types to try. Default all four. */
  covarianceType?: CovarianceType[]
  /** What the best is best by; lower is better. Default 'bic'. */
  criterion?: Criterion
  /** N weights ≥ 0 for every fit. The criteria are of the rows as they are. */
  sampleWeight?: GaussianMixtureFitOptions['sampleWeight']
  /** Called after every fit; returning false stops with the best so far. */
  onFit?: (result: SelectionResult) => unknown
}

export interface SelectionResult {
  nComponents: number
  covarianceType: CovarianceType
  bic: number
  aic: number
  icl: number
  /** Total over the rows. */
  logLikelihood: number
  converged: boolean
  nIter: number
  model: GaussianMixture<CovarianceType>
}

/** Fits a Gaussian mixture for every combination and keeps them all; X is put in memory once. A combination whose covariances degenerate is
 *  left out of `results`; if all do, the last DegenerateCovarianceError is thrown.
 *  @param options besides the grid, any option of GaussianMixture
 *  @returns best: the fit with the lowest criterion (the first on ties); results: all fits, types in order, components within */
export function selectGaussianMixture(X: MatrixLike, options?: SelectGaussianMixtureOptions): { best: GaussianMixture<CovarianceType>; results: SelectionResult[] } {
  const { nComponents = [1, 2, 3, 4, 5, 6], covarianceType = ['full', 'tied', 'diag', 'spherical'], criterion, onFit, sampleWeight, ...shared } = options ?? {}
  const schema: Schema = { criterion: oneOf('bic', 'aic', 'icl'), onFit: callable }
  const { criterion: by } = checkOptions('selectGaussianMixture', { criterion, onFit }, schema, { criterion: 'bic' as Criterion })
  const types = listOf(covarianceType, 'covarianceType')
  const counts = listOf(nComponents, 'nComponents')
  // every model is made, so every option checked, before any is fitted
  const models = types.flatMap((type) => counts.map((k) => new GaussianMixture<CovarianceType>({ ...shared, nComponents: k, covarianceType: type })))
  const data = X instanceof Matrix ? X : Matrix.from(X)
  const most = Math.max(...counts)
  if (data.rows < most) throw new RangeError(`X: expected at least as many rows as the most components, ${most}, got ${data.rows}.`)

  const results: SelectionResult[] = []
  let failure: unknown
  for (const model of models) {
    try {
      model.fit(data, sampleWeight ? { sampleWeight } : {})
    } catch (error) {
      if ((error as Error).name !== 'DegenerateCovarianceError') throw error
      failure = error
      continue
    }
    const { nComponents: k, covarianceType: type } = model.getParams()
    const { bic, aic, icl, logLikelihood } = model.criteria(data)
    results.push({ nComponents: k, covarianceType: type, bic, aic, icl, logLikelihood, converged: model.converged, nIter: model.nIter, model })
    if (onFit?.(results[results.length - 1]) === false) break
  }
  if (!results.length) throw failure
  return { best: results.reduce((a, b) => (b[by] < a[by] ? b : a)).model, results }
}

function listOf<T>(value: ArrayLike<T>, name: string): T[] {
  if (typeof value !== 'object' || value === null || typeof value.length !== 'number') throw new TypeError(`${name}: expected an array of values to try, got ${describe(value)}.`)
  if (value.length === 0) throw new RangeError(`${name}: expected at least one value to try, got none.`)
  return Array.from(value)
}
