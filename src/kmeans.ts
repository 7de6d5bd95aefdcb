// KMeans: what the options mean and what a fit leaves behind. The algorithm is in lloyd.ts, the first centers in seeding.ts.
import { type Schema, callable, checkOptions, integer, oneOf, orNull, real, seed } from './check.ts'
import { Estimator, type EstimatorJSON, isTable, openJSON, toNested, type WarningListener } from './estimator.ts'
import { type KMeansResult, kMeans } from './lloyd.ts'
import { Matrix, type MatrixLike, sourceOf } from './matrix.ts'
import { type IterationEvent, Reduction, drive, single } from './passes.ts'
import { Random, seedOf } from './random.ts'
import { type Resident, checkShape, checkWeights, withRows, withWindows } from './resident.ts'
import { defaultTrials, gatherRows, plusPlus } from './seeding.ts'
import { CenterPanels, integerTiles, shiftNear } from './tiles.ts'

/** Chooses first centers: gets the data, the number of clusters and a generator of uniform numbers on [0, 1), returns K×D. */
export type KMeansInit = (X: Matrix, k: number, random: () => number) => MatrixLike

export interface KMeansOptions {
  /** K, the number of clusters. Default 8. */
  nClusters?: number
  /** First centers: greedy k-means++ (Arthur & Vassilvitskii 2007), distinct random rows, K×D numbers, or a function asked once per run.
   *  Default 'k-means++'. */
  init?: 'k-means++' | 'random' | MatrixLike | KMeansInit
  /** Runs from different first centers; the lowest inertia is kept. 'auto': 1 for 'k-means++' or given centers, else 10. Default 'auto'. */
  nInit?: 'auto' | number
  /** Most iterations of a run. Default 300. */
  maxIter?: number
  /** When to stop, ≥ 0. For `convergence: 'centers'`: Σ‖change of a center‖² ≤ tol · mean feature variance. Default 1e-4. */
  tol?: number
  /** Seed, a whole number. Same seed, same bits. Without one every fit draws its own. */
  randomState?: number
  /** What `tol` watches: the centers, or the mean squared ('mse') or mean absolute ('mae') distance to the nearest center, the latter two
   *  relative to their previous value. Default 'centers'. */
  convergence?: 'centers' | 'mse' | 'mae'
  /** Hears of what is worth knowing but no error. Default: console.warn. */
  onWarning?: WarningListener
}

export interface KMeansFitOptions {
  /** N weights ≥ 0: weight 0 is an absent row, weight 2 a repeated one. */
  sampleWeight?: ArrayLike<number>
  /** Called after every iteration; returning false stops, keeping the best so far. */
  onIteration?: (event: IterationEvent<{ inertia: number }>) => unknown
}

type Params = Required<Omit<KMeansOptions, 'randomState' | 'onWarning'>> & { randomState: number | undefined }

interface Fitted {
  clusterCenters: number[][]
  labels: Int32Array
  inertia: number
  nIter: number
  converged: boolean
  nFeaturesIn: number
}

const SCHEMA: Schema = {
  nClusters: integer(1),
  init: (value, name) => {
    if (typeof value === 'function' || (typeof value === 'object' && value !== null)) return value
    return oneOf('k-means++', 'random')(value, name)
  },
  nInit: (value, name) => (value === 'auto' ? value : integer(1)(value, `${name} (a number or 'auto')`)),
  maxIter: integer(1),
  tol: real(0),
  randomState: seed,
  convergence: oneOf('centers', 'mse', 'mae'),
}
const DEFAULTS: Params = { nClusters: 8, init: 'k-means++', nInit: 'auto', maxIter: 300, tol: 1e-4, randomState: undefined, convergence: 'centers' }

/** k-means clustering by Lloyd's algorithm (Lloyd 1982), with scikit-learn's names and behaviour. */
export class KMeans extends Estimator<Params, Fitted> {
  constructor(options?: KMeansOptions) {
    super('KMeans', options, SCHEMA, DEFAULTS)
  }

  /** Finds K clusters in X (N×D).
   *  @throws TypeError, RangeError for data or options that cannot be used, before any work; the former fit is kept. */
  fit(X: MatrixLike, options?: KMeansFitOptions): this {
    const { sampleWeight, onIteration } = checkOptions<KMeansFitOptions>('fit', options, FIT_SCHEMA, {})
    const { nClusters: k, nInit, maxIter, tol, convergence } = this.options
    const source = sourceOf(X)
    checkShape(source, 1, 'KMeans')
    const { rows: n, cols: d } = source
    if (n < k) throw new RangeError(`X: expected at least nClusters = ${k} rows, got ${n}. Use fewer clusters or more data.`)
    const weights = checkWeights(sampleWeight, n)
    const init = typeof this.options.init === 'object' ? centersFrom(this.options.init, k, d, 'init') : this.options.init
    const runs = typeof init === 'object' ? 1 : nInit === 'auto' ? (init === 'k-means++' ? 1 : 10) : nInit
    const notes: string[] = []
    if (typeof init === 'object' && typeof nInit === 'number' && nInit > 1) notes.push(`given first centers make every run the same: doing 1 instead of nInit = ${nInit}.`)

    const seedUsed = seedOf(this.options.randomState)
    const asked = (data: Resident) => {
      const matrix = X instanceof Matrix ? X : new Matrix(n, d, data.arena.f64(data.x, n * d))
      return (count: number, random: () => number) => centersFrom((init as KMeansInit)(matrix, count, random), k, d, 'init (as returned by the function)')
    }
    const result = withRows(source, weights, (data) =>
      drive(
        kMeans(data, { k, init: typeof init === 'function' ? asked(data) : init, nInit: runs, maxIter, tol, convergence, reports: onIteration !== undefined }, (run) => new Random(seedUsed, run)),
        data.arena,
        onIteration,
      ),
    )
    if (!Number.isFinite(result.inertia)) throw new RangeError('X: squared distances exceed the largest double (1.8e308). Divide X, or sampleWeight, by a large number.')
    this.fitted = fittedFrom(result, k, d)

    for (const note of notes) this.warn('single-init', note)
    const distinct = countDistinct(result.labels, k)
    if (distinct < k) this.warn('fewer-clusters', `found ${distinct} distinct clusters, fewer than nClusters = ${k}: X may hold fewer distinct rows.`)
    if (!result.converged && !result.stopped) this.warn('not-converged', `KMeans stopped after maxIter = ${maxIter} iterations before tol = ${tol} was met. Increase maxIter or tol.`)
    return this
  }

  /** `fit(X, options)`, then the labels of X (N). */
  fitPredict(X: MatrixLike, options?: KMeansFitOptions): Int32Array {
    return this.fit(X, options).labels
  }

  /** `fit(X, options)`, then `transform(X)`. */
  fitTransform(X: MatrixLike, options?: KMeansFitOptions): Matrix {
    return this.fit(X, options).transform(X)
  }

  /** Index of the nearest center for each row of X (N×D → N). Ties go to the lowest index. */
  predict(X: MatrixLike): Int32Array {
    return this.#assign(X, false).labels
  }

  /** Euclidean distance of each row of X to each center (N×D → N×K). */
  transform(X: MatrixLike): Matrix {
    const { clusterCenters, nFeaturesIn: d } = this.state
    const k = clusterCenters.length
    const source = sourceOf(X)
    checkShape(source, 0, 'KMeans', d)
    const result = new Matrix(source.rows, k, new Float64Array(source.rows * k))
    withWindows(source, (data, begin) => {
      const { arena, x, n } = data
      const { panels } = this.#centers(data)
      const out = arena.takeF64(n * k)
      drive(single({ kernel: 'transform', args: [x, d, k, panels, out], rows: n, scratch: arena.kernels.transformScratch(d, k), flopsPerRow: 3 * k * d }), arena)
      result.data.set(arena.f64(out, n * k), begin * k)
    })
    return result
  }

  /** −Σ‖x − nearest center‖² over X: larger is better. */
  score(X: MatrixLike): number {
    return -this.#assign(X, true).inertia
  }

  #centers({ arena, d }: Resident, shift = 0): CenterPanels {
    const { clusterCenters } = this.state
    const panels = new CenterPanels(arena, clusterCenters.length, d, shift)
    panels.load(clusterCenters.flat())
    return panels
  }

  #assign(X: MatrixLike, withInertia: boolean): { labels: Int32Array; inertia: number } {
    const { clusterCenters, nFeaturesIn: d } = this.state
    const k = clusterCenters.length
    const source = sourceOf(X)
    checkShape(source, 0, 'KMeans', d)
    const labels = new Int32Array(source.rows)
    let inertia = 0
    withWindows(source, (data, begin) => {
      const { arena, x, n } = data
      const shift = shiftNear(data, x, n)
      const { centers, panels, info } = this.#centers(data, shift)
      const out = arena.take(n * 4)
      const args = [x, 0, d, k, shift, panels, info, 0, 0, out]
      drive(single({ kernel: 'assignScreened', args, rows: n, scratch: arena.kernels.screeningScratch(d, k), flopsPerRow: k * d + 20 }), arena)
      labels.set(arena.i32(out, n), begin)
      if (!withInertia) return
      const into = new Reduction(arena, 2, n)
      drive(single({ kernel: 'inertia', args: [x, 0, d, centers, out, 0, 0], rows: n, scratch: 0, flopsPerRow: 3 * d + 10, into }), arena)
      inertia += into.total()[0]
    })
    return { labels, inertia }
  }

  /** K×D. */
  get clusterCenters(): number[][] {
    return this.state.clusterCenters
  }
  /** Index of the nearest center for each row the estimator was fitted to (N). Equal to `predict` of the same rows. */
  get labels(): Int32Array {
    return this.state.labels
  }
  /** Σ w·‖x − center‖², not divided by N. */
  get inertia(): number {
    return this.state.inertia
  }
  /** Iterations of the best run. */
  get nIter(): number {
    return this.state.nIter
  }
  /** Whether the best run met `tol`, or its labels stopped changing, within `maxIter`. */
  get converged(): boolean {
    return this.state.converged
  }
  /** D. */
  get nFeaturesIn(): number {
    return this.state.nFeaturesIn
  }

  /** Restores what `toJSON` returned. A function given as `init` is not stored. */
  static fromJSON(json: EstimatorJSON): KMeans {
    const { params, fitted } = openJSON(json, 'KMeans', {
      clusterCenters: (v) => isTable(v),
      labels: (v) => v instanceof Int32Array,
      inertia: (v) => typeof v === 'number',
      nIter: (v) => Number.isInteger(v),
      converged: (v) => typeof v === 'boolean',
      nFeaturesIn: (v) => Number.isInteger(v) && (v as number) > 0,
    })
    const model = new KMeans(params)
    if (fitted) {
      const state = fitted as unknown as Fitted
      const { clusterCenters, labels, nFeaturesIn: d } = state
      if (clusterCenters[0].length !== d) throw new RangeError(`KMeans.fromJSON: expected fitted.clusterCenters with nFeaturesIn = ${d} columns, got ${clusterCenters[0].length}.`)
      const bad = labels.find((label) => !(label >= 0 && label < clusterCenters.length))
      if (bad !== undefined) throw new RangeError(`KMeans.fromJSON: expected fitted.labels from 0 to ${clusterCenters.length - 1}, got ${bad}.`)
      model.fitted = state
    }
    return model
  }
}

const FIT_SCHEMA: Schema = { sampleWeight: orNull((v) => v), onIteration: callable }

function countDistinct(labels: Int32Array, k: number): number {
  const seen = new Uint8Array(k)
  for (const label of labels) seen[label] = 1
  return seen.reduce((count, s) => count + s, 0)
}

function fittedFrom(result: KMeansResult, k: number, d: number): Fitted {
  const { centers, labels, inertia, nIter, converged } = result
  return { clusterCenters: toNested(centers, k, d), labels, inertia, nIter, converged, nFeaturesIn: d }
}

/** Given centers as k×d doubles, checked. @internal */
export function centersFrom(value: MatrixLike, k: number, d: number, name: string): Float64Array {
  const source = sourceOf(value, name)
  if (source.rows !== k || source.cols !== d) throw new RangeError(`${name}: expected shape (${k}, ${d}) (clusters, columns of X), got (${source.rows}, ${source.cols}).`)
  const centers = new Float64Array(k * d)
  source.copyTo(centers, 0, k)
  const bad = centers.findIndex((v) => !Number.isFinite(v))
  if (bad >= 0) throw new RangeError(`${name}: expected finite numbers, got ${centers[bad]} at row ${Math.floor(bad / d)}, column ${bad % d}.`)
  return centers
}

export interface KMeansPlusPlusOptions {
  /** Seed. */
  randomState?: number
  /** Rows tried at each step, the best kept. Default 2 + ⌊ln k⌋; 1 is plain k-means++. */
  nLocalTrials?: number | null
  /** N weights ≥ 0. */
  sampleWeight?: ArrayLike<number>
}

/** Chooses k rows of X as first centers by greedy k-means++ (Arthur & Vassilvitskii 2007).
 *  @returns centers (k×D) and the indices of the rows they are.
 *  @throws RangeError if X has fewer than k rows. */
export function kmeansPlusPlus(X: MatrixLike, k: number, options?: KMeansPlusPlusOptions): { centers: number[][]; indices: Int32Array } {
  const schema = { randomState: seed, nLocalTrials: orNull(integer(1)), sampleWeight: orNull((v) => v) }
  const { randomState, nLocalTrials, sampleWeight } = checkOptions<KMeansPlusPlusOptions>('kmeansPlusPlus', options, schema, {})
  integer(1)(k, 'k')
  const source = sourceOf(X)
  checkShape(source, 1, 'kmeansPlusPlus')
  if (source.rows < k) throw new RangeError(`X: expected at least k = ${k} rows, got ${source.rows}.`)
  const weights = checkWeights(sampleWeight, source.rows)
  return withRows(source, weights, (data) => {
    const seeding = function* () {
      return yield* plusPlus(data, k, new Random(seedOf(randomState), 0), nLocalTrials ?? defaultTrials(k), yield* integerTiles(data))
    }
    const indices = drive(seeding(), data.arena)
    return { centers: toNested(gatherRows(data, indices), k, source.cols), indices }
  })
}
