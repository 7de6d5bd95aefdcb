// Fitted models of scikit-learn: the attributes of an estimator, as JSON, become the estimator of the same name here. An entry of its own
// (`mixtura/scikit-learn`), which takes the estimators from the main one.
import { describe } from './errors.ts'
import { BisectingKMeans, type EstimatorJSON, GaussianMixture, KMeans, MiniBatchKMeans } from './index.ts'

/** A fitted estimator of scikit-learn: the name of its class, and its attributes (Python's `vars`) with arrays as lists. */
export interface ScikitLearnJSON {
  /** 'KMeans', 'MiniBatchKMeans', 'BisectingKMeans' or 'GaussianMixture'. */
  class: string
  /** Everything else that `vars` of the estimator holds, by scikit-learn's names. */
  [attribute: string]: unknown
}

type Attributes = Record<string, unknown>

/** What an estimator takes over: options and fitted attributes by their names here (scikit-learn's are the same in snake case, fitted ones with an
 *  underscore behind), and what has no counterpart of that name. */
interface Reading {
  options: string[]
  fitted: string[]
  rest(it: Attributes, fitted: Attributes): Attributes
}

const CENTER_OPTIONS = ['nClusters', 'init', 'nInit', 'maxIter', 'tol', 'randomState']
const CENTERS = ['clusterCenters', 'labels', 'inertia', 'nFeaturesIn']

const readings = (): Record<string, Reading> => ({
  KMeans: {
    options: CENTER_OPTIONS,
    fitted: [...CENTERS, 'nIter'],
    rest: (it) => ({ converged: Number(it.n_iter_) < Number(it.max_iter) }),
  },
  MiniBatchKMeans: {
    options: [...CENTER_OPTIONS, 'batchSize', 'maxNoImprovement', 'initSize', 'reassignmentRatio'],
    fitted: [...CENTERS, 'nIter', 'nSteps'],
    rest: (it) => ({
      converged: Number(it.n_iter_) < Number(it.max_iter),
      counts: it._counts,
      sinceReassignment: it._n_since_last_reassign,
      batchSize: it._batch_size ?? it.batch_size,
      seed: it.random_state ?? 0,
    }),
  },
  BisectingKMeans: {
    options: [...CENTER_OPTIONS, 'bisectingStrategy'],
    fitted: CENTERS,
    rest: (it, { nFeaturesIn }) => ({ splits: splitsOf(it._bisecting_tree, it._X_mean, nFeaturesIn) }),
  },
  GaussianMixture: {
    options: [
      ...[
        'nComponents',
        'covarianceType',
        'tol',
        'regCovar',
        'maxIter',
        'nInit',
        'initParams',
        'weightsInit',
        'meansInit',
        'precisionsInit',
      ],
      ...['randomState', 'warmStart'],
    ],
    fitted: ['weights', 'means', 'covariances', 'precisions', 'precisionsCholesky', 'converged', 'nIter', 'lowerBound', 'nFeaturesIn'],
    rest: (it) => ({ covarianceType: it.covariance_type, lowerBounds: it.lower_bounds_ ?? [it.lower_bound_] }),
  },
})

/** A fitted scikit-learn estimator as the estimator of the same name here: same options, same parameters, so the same predictions but for rounding
 *  (1e-12 in tests, against scikit-learn 1.2.1). Options without a counterpart (`algorithm`, `verbose` …) are left out, as are a `random_state` or an
 *  `init` that is not plain data.
 *
 *  In Python: `json.dumps({"class": type(model).__name__, **vars(model)}, default=plain)` with
 *  `plain = lambda v: v.tolist() if hasattr(v, "tolist") else getattr(v, "__dict__", str(v))`.
 *  @throws TypeError for what is no such model; RangeError, naming the attribute, for one that is not fitted or whose parts do not fit together. */
export function fromScikitLearn(json: ScikitLearnJSON): KMeans | MiniBatchKMeans | BisectingKMeans | GaussianMixture {
  const name = (json as ScikitLearnJSON | null)?.class
  const known = readings()
  if (typeof json !== 'object' || typeof name !== 'string' || !Object.hasOwn(known, name))
    throw new TypeError(
      `fromScikitLearn: expected the attributes of a fitted ${Object.keys(known).join(', ')} with its name as class, got ${describe(name ?? json)}.`,
    )
  const { options, fitted: names, rest } = known[name]
  const params: Attributes = {}
  for (const option of options) {
    const value = json[snake(option)]
    const foreign = (option === 'randomState' && typeof value !== 'number') || (option === 'init' && /^</.test(String(value)))
    if (!foreign) params[option] = value
  }
  if (params.nInit === 'warn') params.nInit = name === 'KMeans' ? 10 : 3 // the default of versions up to 1.3
  const fitted: Attributes = {}
  for (const attribute of names) {
    const theirs = `${snake(attribute)}_`
    if (json[theirs] === undefined)
      throw new RangeError(`fromScikitLearn: expected a fitted ${name} with the attribute ${theirs}, which is missing. Was it fitted?`)
    fitted[attribute] = attribute === 'labels' ? { int32: json[theirs] } : json[theirs]
  }
  const stored: EstimatorJSON = { mixtura: name, version: 1, params, fitted: { ...fitted, ...rest(json, fitted) } }
  if (name === 'KMeans') return KMeans.fromJSON(stored)
  if (name === 'MiniBatchKMeans') return MiniBatchKMeans.fromJSON(stored)
  if (name === 'BisectingKMeans') return BisectingKMeans.fromJSON(stored)
  return GaussianMixture.fromJSON(stored)
}

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** A node of scikit-learn's tree: its center is relative to the mean of the rows that were fitted. */
interface Node {
  center: number[]
  left: Node | null
  right: Node | null
  label?: number
}

// The tree as the list of splits that BisectingKMeans keeps: parents before children
function splitsOf(tree: unknown, mean: unknown, d: unknown): unknown[] {
  const where = 'fromScikitLearn: _bisecting_tree'
  const list = (value: unknown): number[] => {
    if (!Array.isArray(value) || value.length !== d)
      throw new RangeError(`${where}: expected centers of ${d} numbers, got ${describe(value)}.`)
    return value
  }
  const origin = mean === undefined || mean === null ? undefined : list(mean)
  const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null
  if (!isNode(tree)) throw new RangeError(`${where}: expected a node with center, left, right and label, got ${describe(tree)}.`)
  const parents = tree.left || tree.right ? [tree] : []
  const splits: unknown[] = []
  for (const { left, right } of parents) {
    if (!isNode(left) || !isNode(right)) throw new RangeError(`${where}: expected nodes with two children or none, got one.`)
    splits.push({
      centers: [left, right].map(({ center }) => list(center).map((v, j) => (origin ? v + origin[j] : v))),
      to: [left, right].map((child) => (child.left || child.right ? parents.push(child) - 1 : -1 - Number(child.label))),
    })
  }
  return splits
}
