// Data to try things on: Fisher's irises and Gaussian blobs.
import { sum, upTo } from './lists.ts'
import { boolean, type Check, checkOptions, finite, isList, isObject, positive, seed, whole } from './check.ts'
import { describe, wrongKind, wrongValue } from './errors.ts'
import { irisTenths } from './iris-data.ts'
import { numbersOf } from './letters.ts'
import { Matrix, type MatrixLike, sourceOf } from './matrix.ts'
import { standardNormal } from './normal.ts'
import { Random, seedOf } from './random.ts'

/** Fisher's irises. */
export interface Iris {
  /** 150×4, in centimetres. */
  data: Matrix
  /** Species of each row, an index into `targetNames` (150). */
  target: Int32Array
  /** Names of the columns. */
  featureNames: string[]
  /** Names of the species. */
  targetNames: string[]
}

/** The iris data (Fisher 1936): 150 plants of 3 species, 4 measurements each, in scikit-learn's order. Every call returns fresh arrays. */
export function loadIris(): Iris {
  const data = Float64Array.from(numbersOf(irisTenths), (tenths) => tenths / 10)
  return {
    data: new Matrix(150, 4, data),
    target: Int32Array.from({ length: 150 }, (_, i) => Math.floor(i / 50)),
    featureNames: ['sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)'],
    targetNames: ['setosa', 'versicolor', 'virginica'],
  }
}

/** Options of `makeBlobs`. */
export interface MakeBlobsOptions {
  /** Samples in all, shared out evenly with the rest going to the first blobs, or the number of each blob. Default 100. */
  nSamples?: number | ArrayLike<number>
  /** D; taken from `centers` where these are given. Default 2. */
  nFeatures?: number
  /** K, the number of blobs with centers drawn from `centerBox`, or the centers (K×D). Default 3, or as many as `nSamples` lists. */
  centers?: number | MatrixLike
  /** Standard deviation of every blob, or of each (K), in units of the data. Default 1. */
  clusterStd?: number | ArrayLike<number>
  /** Range of every coordinate of drawn centers. Default [-10, 10]. */
  centerBox?: ArrayLike<number>
  /** Whether to mix the blobs; otherwise they come one after the other. Default true. */
  shuffle?: boolean
  /** Seed, a whole number. Same seed, same bits. Without one every call draws its own. */
  randomState?: number
}

type Blobs = Required<Omit<MakeBlobsOptions, 'randomState' | 'centers'>> & Pick<MakeBlobsOptions, 'randomState' | 'centers'>

const DEFAULTS: Blobs = {
  nSamples: 100,
  nFeatures: 2,
  centers: undefined,
  clusterStd: 1,
  centerBox: [-10, 10],
  shuffle: true,
  randomState: undefined,
}

/** Rows of known blobs. */
export interface LabelledBlobs {
  /** N×D. */
  X: Matrix
  /** The blob of each row (N). */
  labels: Int32Array
  /** The centers of the blobs (K×D). */
  centers: number[][]
}

/** Isotropic Gaussian blobs, with the meaning of scikit-learn's make_blobs (its random numbers are others).
 *  @returns X (N×D), the blob of each row (N), and the centers (K×D).
 *  @throws TypeError, RangeError for options that do not fit each other. */
export function makeBlobs(options?: MakeBlobsOptions): LabelledBlobs {
  const {
    nSamples,
    nFeatures,
    centers: asked,
    clusterStd,
    centerBox,
    shuffle,
    randomState,
  } = checkOptions<Blobs>('makeBlobs', options, SCHEMA, DEFAULTS)
  if (typeof asked === 'number' && typeof nSamples !== 'number')
    throw new TypeError(
      `centers: expected coordinates or nothing where nSamples lists the sizes of blobs, got ${asked}. Leave centers out.`,
    )
  const given = typeof asked === 'object' ? finiteRows(asked) : undefined
  const k = given?.length ?? (asked as number | undefined) ?? (typeof nSamples === 'number' ? 3 : nSamples.length)
  const sizes =
    typeof nSamples === 'number'
      ? Array.from({ length: k }, (_, c) => Math.floor(nSamples / k) + (c < nSamples % k ? 1 : 0))
      : Array.from(nSamples)
  if (sizes.length !== k) throw wrongValue('nSamples', `${k} numbers, one per center`, sizes.length)
  const stds = typeof clusterStd === 'number' ? new Array<number>(k).fill(clusterStd) : Array.from(clusterStd)
  if (stds.length !== k) throw wrongValue('clusterStd', `${k} numbers, one per center`, stds.length)

  // streams: 0 the centers, 1 the order, 2 + c the samples of blob c
  const seedUsed = seedOf(randomState)
  const box = new Random(seedUsed, 0)
  const [low, high] = [centerBox[0], centerBox[1]]
  const centers = given ?? Array.from({ length: k }, () => Array.from({ length: nFeatures }, () => low + (high - low) * box.uniform()))
  const d = centers[0].length
  const n = sum(sizes)
  const order = upTo(n)
  if (shuffle) permute(order, new Random(seedUsed, 1))

  const X = Matrix.zeros(n, d)
  const labels = new Int32Array(n)
  let i = 0
  for (let c = 0; c < k; c++) {
    const normal = standardNormal(new Random(seedUsed, 2 + c))
    for (const last = i + sizes[c]; i < last; i++) {
      const row = order[i]
      labels[row] = c
      for (let j = 0; j < d; j++) X.data[row * d + j] = centers[c][j] + stds[c] * normal()
    }
  }
  return { X, labels, centers }
}

// Fisher–Yates
function permute(list: Int32Array, random: Random): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const value = list[i]
    list[i] = list[j]
    list[j] = value
  }
}

// A number that `check` accepts, or a list of such
function oneOrEach(check: Check<number>, value: unknown, name: string): number | number[] {
  if (!isList(value)) return check(value, name)
  if (value.length === 0) throw wrongValue(name, 'at least 1 number', 'an empty list')
  return Array.from(value, (v, c) => check(v, `${name}[${c}]`))
}

const deviation: Check<number> = (value, name) => {
  if (finite(value, name) < 0) throw wrongValue(name, 'a standard deviation of at least 0', describe(value))
  return value as number
}

const SCHEMA = {
  nSamples: (value: unknown, name: string) => oneOrEach(isList(value) ? whole : positive, value, name),
  nFeatures: positive,
  centers: (value: unknown, name: string) =>
    isObject(value) ? value : positive(value, `${name} (a number of blobs, or their K×D centers)`),
  clusterStd: (value: unknown, name: string) => oneOrEach(deviation, value, name),
  centerBox: (value: unknown, name: string) => {
    if (!isList(value) || value.length !== 2) throw wrongKind(name, 'two numbers [low, high]', value)
    const [low, high] = Array.from(value, (v, i) => finite(v, `${name}[${i}]`))
    if (low > high) throw wrongValue(name, 'low ≤ high', `[${low}, ${high}]`)
    return [low, high]
  },
  shuffle: boolean,
  randomState: seed,
}

function finiteRows(centers: MatrixLike): number[][] {
  const source = sourceOf(centers, 'centers')
  if (source.rows === 0 || source.cols === 0)
    throw wrongValue('centers', 'at least 1 center with at least 1 coordinate', `shape (${source.rows}, ${source.cols})`)
  const flat = new Float64Array(source.rows * source.cols)
  source.copyTo(flat, 0, source.rows)
  flat.forEach((v, i) => finite(v, `centers[${Math.floor(i / source.cols)}][${i % source.cols}]`))
  return Array.from({ length: source.rows }, (_, c) => Array.from(flat.subarray(c * source.cols, (c + 1) * source.cols)))
}
