import { boolean, callable, checkOptions, type Schema, isWhole } from './check.ts'
import { wrongValue } from './errors.ts'
import { Estimator, WEIGHT_SCHEMA, type EstimatorJSON, type WarningListener, isNumbers, openJSON } from './estimator.ts'
import { Matrix, type MatrixLike, sourceOf } from './matrix.ts'
import { PAUSE } from './passes.ts'
import { checkShape, checkWeights, columnMoments, withRows, withWindows } from './resident.ts'
import { run } from './task.ts'

/** Options of `new StandardScaler`. */
export interface StandardScalerOptions {
  /** Subtract the mean of each column. Default true. */
  withMean?: boolean
  /** Divide each column by its standard deviation. Default true. */
  withStd?: boolean
  /** Hears of what is worth knowing but no error. Default: console.warn. */
  onWarning?: WarningListener
}

/** Options of `fit` of `StandardScaler`. */
export interface StandardScalerFitOptions {
  /** N weights ≥ 0: weight 0 is an absent row, weight 2 a repeated one. */
  sampleWeight?: ArrayLike<number>
}

/** The options in force.
 *  @inline */
type Params = Required<Omit<StandardScalerOptions, 'onWarning'>>

interface Fitted {
  mean: number[] | null
  variance: number[] | null
  scale: number[] | null
  nFeaturesIn: number
}

const SCHEMA: Schema = { withMean: boolean, withStd: boolean, onWarning: callable }
const DEFAULTS: Params = { withMean: true, withStd: true }

/** Standardises columns: (x − mean) / standard deviation, population variance (divided by N, not N − 1). Columns without any variance are
 *  only centred. */
export class StandardScaler extends Estimator<Params, Fitted> {
  /** @throws TypeError, RangeError for an option that does not exist or a value it does not take. */
  constructor(options?: StandardScalerOptions) {
    super('StandardScaler', options, SCHEMA, DEFAULTS)
  }

  /** Takes means and variances of the columns of X (N×D).
   *  @throws TypeError, RangeError for data or options that cannot be used; the former fit is kept. */
  fit(X: MatrixLike, options?: StandardScalerFitOptions): this {
    const { sampleWeight } = checkOptions<StandardScalerFitOptions>('fit', options, WEIGHT_SCHEMA, {})
    const { withMean, withStd } = this.options
    const source = sourceOf(X)
    checkShape(source, 1, 'StandardScaler')
    const { rows: n, cols: d } = source
    const weights = checkWeights(sampleWeight, n)
    // moments are taken about the first row: one that counts, so that a constant column has exactly its constant as mean and no variance
    const skip = weights ? weights.findIndex((weight) => weight > 0) : 0
    const moments = withRows(source, weights, (data) =>
      columnMoments({ ...data, x: data.x + skip * d * 8, w: data.w + skip * 8, n: n - skip }),
    )
    const { mean, variance } = run(moments)
    const beyond = mean.findIndex((m, j) => !Number.isFinite(m) || (withStd && !Number.isFinite(variance[j])))
    if (beyond >= 0)
      throw wrongValue(
        'X',
        `columns of ${withStd ? 'variance' : 'range'} up to 1.8e308`,
        `more in column ${beyond}`,
        'Divide it by a large number.',
      )
    this.fitted = {
      mean: withMean || withStd ? Array.from(mean) : null,
      variance: withStd ? Array.from(variance) : null,
      scale: withStd ? Array.from(variance, (v) => (v > 0 ? Math.sqrt(v) : 1)) : null,
      nFeaturesIn: d,
    }
    return this
  }

  /** (x − mean) / scale for every column of X (N×D → N×D). X is not changed. */
  transform(X: MatrixLike): Matrix {
    const { mean, scale } = this.#inForce()
    return this.#map(X, (v, j) => (v - mean[j]) / scale[j])
  }

  /** `fit(X, options)`, then `transform(X)`. */
  fitTransform(X: MatrixLike, options?: StandardScalerFitOptions): Matrix {
    return this.fit(X, options).transform(X)
  }

  /** x·scale + mean for every column of X (N×D → N×D): what `transform` made of the result, up to rounding. X is not changed. */
  inverseTransform(X: MatrixLike): Matrix {
    const { mean, scale } = this.#inForce()
    return this.#map(X, (v, j) => v * scale[j] + mean[j])
  }

  // mean and scale as the options want them now, as scikit-learn does it
  #inForce(): { mean: ArrayLike<number>; scale: ArrayLike<number> } {
    const { mean, scale, nFeaturesIn: d } = this.state
    const { withMean, withStd } = this.options
    return { mean: (withMean && mean) || new Float64Array(d), scale: (withStd && scale) || new Float64Array(d).fill(1) }
  }

  #map(X: MatrixLike, f: (value: number, column: number) => number): Matrix {
    const { nFeaturesIn: d } = this.state
    const source = sourceOf(X)
    checkShape(source, 0, 'StandardScaler', d)
    const { data } = new Matrix(source.rows, d, new Float64Array(source.rows * d))
    const windows = withWindows(source, function* ({ arena, x, n }, begin) {
      const values = arena.f64(x, n * d)
      for (let i = 0, at = begin * d; i < values.length; ) for (let j = 0; j < d; j++) data[at++] = f(values[i++], j)
      yield PAUSE
    })
    run(windows)
    return new Matrix(source.rows, d, data)
  }

  /** Mean of each column (D); null if `withMean` and `withStd` are both false. */
  get mean(): number[] | null {
    return this.state.mean
  }
  /** Population variance of each column (D), in squared units of the data; null if `withStd` is false. scikit-learn's `var_`. */
  get variance(): number[] | null {
    return this.state.variance
  }
  /** What each column is divided by (D): √variance, 1 for a constant column; null if `withStd` is false. */
  get scale(): number[] | null {
    return this.state.scale
  }
  /** D. */
  get nFeaturesIn(): number {
    return this.state.nFeaturesIn
  }

  /** Restores what `toJSON` returned.
   *  @throws TypeError, RangeError for anything else, malformed or truncated, naming the field. */
  static fromJSON(json: EstimatorJSON): StandardScaler {
    const columns =
      (valid: (v: number) => boolean) =>
      (v: unknown, { nFeaturesIn: d }: Fitted) =>
        v === null || (isNumbers(v, (x) => Number.isFinite(x) && valid(x)) && v.length === d)
    const { params, fitted } = openJSON<Fitted>(json, 'StandardScaler', {
      nFeaturesIn: isWhole(1),
      mean: columns(() => true),
      variance: columns((v) => v >= 0),
      scale: columns((v) => v > 0),
    })
    const scaler = new StandardScaler(params)
    scaler.fitted = fitted
    return scaler
  }
}
