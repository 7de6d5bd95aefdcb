// Lloyd's algorithm (Lloyd 1982) with scikit-learn's stopping rules and relocation of empty clusters.
//
// An iteration costs what changes: labels come from screened assignments (assembly/screening.ts), and the sums of the clusters are updated by
// the rows that changed cluster. The sums are kept in pairs of doubles, exact to about 2⁻¹⁰⁰, so updating never drifts from summing afresh:
// a center is Σ w·x / Σ w rounded once, the same bits whatever path or order led to it: equal rows have themselves for their mean, an
// integer weight is a repeated row and a zero weight an absent one, to the last bit.
import { squaredDistance, sum } from './lists.ts'
import { boundsOf } from './bounds.ts'
import { type Algorithm, type Pass, type Reduction, SLOT_ROWS } from './passes.ts'
import type { Random } from './random.ts'
import { type Resident, columnMoments, refuse, rowsOf } from './resident.ts'
import { defaultTrials, plusPlus, randomRows } from './seeding.ts'
import { sumOfSlots } from './slots.ts'
import { COUNTS, CenterPanels, type IntegerTiles, integerTiles, refuseBroken } from './tiles.ts'

/** One fitted k-means. */
export interface KMeansResult {
  /** k×d */
  centers: Float64Array
  labels: Int32Array
  inertia: number
  nIter: number
  converged: boolean
  /** Whether `onIteration` asked to stop. */
  stopped: boolean
}

export interface LloydOptions {
  k: number
  init: 'k-means++' | 'random' | Float64Array | ((k: number, random: () => number) => Float64Array)
  nInit: number
  maxIter: number
  tol: number
  convergence: 'centers' | 'mse' | 'mae'
  /** Whether `tol` on the centers is a squared length itself, rather than in units of the mean feature variance. */
  absoluteTol?: boolean
  /** Whether somebody hears the reports, which need the inertia of every iteration. */
  reports: boolean
}

/** The best of `nInit` runs by inertia. `random(run)` gives each run a stream of its own. Refuses rows some value of which is not finite. */
export function* kMeans(data: Resident, options: LloydOptions, random: (run: number) => Random): Algorithm<KMeansResult> {
  const { arena } = data
  const mark = arena.mark()
  const absolute = options.convergence !== 'centers' || options.absoluteTol
  const threshold = absolute ? options.tol : yield* varianceTolerance(data, options.tol)
  const tiles = integerTiles(data, options.init === 'k-means++')
  let best: KMeansResult | undefined
  for (let run = 0; run < options.nInit && !best?.stopped; run++) {
    // without a generator where nothing is drawn
    const start = options.init instanceof Float64Array ? options.init : yield* firstCenters(data, options, random(run), tiles)
    const own = arena.mark()
    const result = yield* lloyd(start, options, threshold, new Assignment(data, options.k, tiles), run)
    arena.release(own)
    if (!best || result.inertia < best.inertia) best = result
    else best.stopped ||= result.stopped
  }
  arena.release(mark)
  return best as KMeansResult
}

/** `tol` times the mean variance of the columns. */
export function* varianceTolerance(data: Resident, tol: number): Algorithm<number> {
  if (tol === 0) return 0
  const { variance } = yield* columnMoments(data)
  return (tol * sum(variance)) / data.d
}

/** k×d first centers. */
export function* firstCenters(
  data: Resident,
  { init, k }: Pick<LloydOptions, 'init' | 'k'>,
  random: Random,
  tiles?: IntegerTiles,
): Algorithm<Float64Array> {
  if (init === 'k-means++') return (yield* plusPlus(data, k, random, defaultTrials(k), tiles ?? integerTiles(data, true))).centers
  if (init === 'random') return yield* rowsOf(data, yield* randomRows(data, k, random))
  return typeof init === 'function' ? init(k, random.uniform) : init
}

function* lloyd(
  start: Float64Array,
  options: LloydOptions,
  threshold: number,
  assignment: Assignment,
  run: number,
): Algorithm<KMeansResult> {
  const { convergence, maxIter, reports } = options
  const watchesInertia = reports || convergence !== 'centers'
  let centers = start
  let previous = NaN
  let converged = false
  let stopped = false
  let labelsFit = false // whether the labels belong to `centers`
  let iteration = 0
  while (iteration < maxIter && !converged && !stopped) {
    iteration++
    yield assignment.to(centers)
    if (iteration === 1) assignment.refuseBroken()
    const changed = assignment.takeChanges()
    const { inertia, distance } = watchesInertia ? yield* assignment.inertia(convergence === 'mae') : { inertia: NaN, distance: NaN }
    labelsFit = changed === 0 && iteration > 1 // the partition is the last one's, whose means these centers are
    const next = labelsFit ? centers : (assignment.means() ?? (yield* assignment.relocated()))
    const squaredShift = squaredDistance(next, 0, centers, 0, next.length)
    if (convergence === 'centers') converged = squaredShift <= threshold
    else {
      const watched = convergence === 'mse' ? inertia : distance
      converged = Math.abs(previous - watched) <= threshold * previous
      previous = watched
    }
    converged ||= labelsFit
    centers = next
    stopped = !(yield { report: { run, iteration, inertia, shift: Math.sqrt(squaredShift) } })
  }
  if (!labelsFit) yield assignment.to(centers)
  const { inertia } = yield* assignment.inertia()
  return { centers, labels: assignment.labels.slice(), inertia, nIter: iteration, converged, stopped }
}

/** The nearest of k centers (k×d) for every row, to `labels` (n), and, if asked, Σ w·distance², in all and of each slot. Refuses rows some value of which
 *  is not finite, the first of them row `firstRow` of X: the pass comes upon that. */
export function* nearest(
  data: Resident,
  centers: ArrayLike<number>,
  k: number,
  withInertia: boolean,
  labels = new Int32Array(data.n),
  firstRow = 0,
): Algorithm<{ labels: Int32Array; inertia: number; inertias: Float64Array }> {
  const { arena, n, d } = data
  const mark = arena.mark()
  const panels = new CenterPanels(arena, k, d).load(centers)
  const address = arena.take(n * 4 + 4)
  const flag = arena.i32(address + n * 4, 1)
  flag[0] = 0
  const slots = withInertia ? Math.ceil(n / SLOT_ROWS) : 0
  const sums = slots && arena.takeF64(2 * slots)
  yield panels.once(data, address, address + n * 4, sums)
  labels.set(arena.i32(address, n))
  const inertias = arena.f64(sums, 2 * slots).filter((_, i) => i % 2 === 0)
  if (flag[0]) refuse(data, firstRow)
  arena.release(mark)
  return { labels, inertia: sumOfSlots(inertias), inertias }
}

/** Labels of one run and the sums that go with them. Bytes: 5·N + 16·k·d and a little + partial sums 8·(2 + 3·k + 2·k·d)·(log₂(N/1024) + 2). */
class Assignment {
  readonly #data: Resident
  readonly #k: number
  readonly #centers: CenterPanels
  readonly #labels: number
  readonly #changes: Reduction
  readonly #tiles: IntegerTiles | undefined
  readonly #bounds: ReturnType<typeof boundsOf> | undefined
  #changed = Infinity // in the last pass
  readonly #counts: Float64Array // rows of positive weight: whole numbers, so empty means 0
  readonly #sums: PairSums //        Σ w (K), then Σ w·x (K×D)

  constructor(data: Resident, k: number, tiles?: IntegerTiles) {
    const { arena, n, d } = data
    this.#data = data
    this.#k = k
    this.#centers = new CenterPanels(arena, k, d, tiles)
    this.#labels = arena.take(n * 4)
    this.#changes = this.#centers.changes(n)
    this.#tiles = tiles
    this.#bounds = tiles && boundsOf(arena, n, k, tiles)
    this.#counts = new Float64Array(k)
    this.#sums = new PairSums(k + k * d)
    this.labels.fill(-1)
  }

  get labels(): Int32Array {
    return this.#data.arena.i32(this.#labels, this.#data.n)
  }

  /** Refuses rows some value of which is not finite, as the first assignment found them. */
  refuseBroken(): void {
    if (this.#tiles) refuseBroken(this.#data, this.#tiles)
  }

  /** The assignment of every row to the nearest of `centers` (k×d). */
  to(centers: Float64Array): Pass {
    this.#centers.load(centers)
    return this.#centers.assignment(this.#data, this.#labels, this.#changes.reset(), this.#bounds?.(centers, this.#changed))
  }

  /** Takes the changes of the pass into the sums; returns how many rows changed cluster. */
  takeChanges(): number {
    const changes = this.#changes.total()
    for (let c = 0; c < this.#k; c++) this.#counts[c] += changes[COUNTS + c]
    this.#sums.add(changes, COUNTS + this.#k)
    this.#changed = changes[0]
    return this.#changed
  }

  /** Σ w·distance² and, if asked, Σ w·distance of the rows to the centers they are assigned to. `distances`: an address for each row's square. */
  inertia(absolute = false, distances = 0): Algorithm<{ inertia: number; distance: number }> {
    return this.#centers.inertia(this.#data, this.#labels, absolute, distances)
  }

  /** Means of the clusters (K×D); undefined where a cluster is empty. */
  means(): Float64Array | undefined {
    return this.#counts.includes(0) ? undefined : this.#quotients(this.#counts, this.#sums)
  }

  /** The same where clusters are empty. Each takes the row farthest from its center (ties: lowest row), as in scikit-learn; the row leaves
   *  its cluster's mean. A cluster that is still empty takes the center of the heaviest one. */
  *relocated(): Algorithm<Float64Array> {
    const k = this.#k
    const empty: number[] = []
    for (let c = 0; c < k; c++) if (this.#counts[c] === 0) empty.push(c)
    const { arena, w, n, d } = this.#data
    const counts = this.#counts.slice()
    const sums = this.#sums.copy() // a row that fills an empty cluster leaves its own for this mean only
    const mark = arena.mark()
    const distances = arena.takeF64(n)
    yield* this.inertia(false, distances)
    const far = farthest(arena.f64(distances, n), w ? arena.f64(w, n) : undefined, empty.length)
    arena.release(mark)
    const values = yield* rowsOf(this.#data, Int32Array.from(far))
    far.forEach((row, e) => {
      const from = this.labels[row]
      const rowWeight = w ? arena.f64(w, n)[row] : 1
      counts[from]--
      sums.addOne(from, -rowWeight)
      for (let j = 0; j < d; j++) for (const part of exactProduct(-rowWeight, values[e * d + j])) sums.addOne(k + from * d + j, part)
      counts[empty[e]] = 1
      sums.addOne(empty[e], rowWeight)
    })
    const next = this.#quotients(counts, sums)
    far.forEach((_, e) => next.set(values.subarray(e * d, (e + 1) * d), empty[e] * d))
    let heaviest = 0
    const weight = (c: number) => (counts[c] > 0 ? sums.value(c) : 0)
    for (let c = 0; c < k; c++) if (weight(c) > weight(heaviest)) heaviest = c
    for (let c = 0; c < k; c++) if (counts[c] === 0) next.copyWithin(c * d, heaviest * d, (heaviest + 1) * d)
    return next
  }

  // Sums over weights of the clusters that have rows
  #quotients(counts: Float64Array, sums: PairSums): Float64Array {
    const k = this.#k
    const { d } = this.#data
    const means = new Float64Array(k * d)
    for (let c = 0; c < k; c++) if (counts[c] > 0) sums.quotients(k + c * d, c, means, c * d, d)
    return means
  }
}

/** Running sums as unevaluated pairs of doubles. */
export class PairSums {
  readonly #high: Float64Array
  readonly #low: Float64Array

  constructor(length: number) {
    this.#high = new Float64Array(length)
    this.#low = new Float64Array(length)
  }

  /** Adds pairs: all high parts, then all low ones, of which the first stands at `from`. */
  add(pairs: Float64Array, from: number): void {
    const { length } = this.#high
    for (let i = 0; i < length; i++) {
      this.addOne(i, pairs[from + i])
      this.#low[i] += pairs[from + length + i]
    }
  }

  /** Adds to one sum: two-sum (Knuth 1969). */
  addOne(i: number, v: number): void {
    const a = this.#high[i]
    const sum = a + v
    const back = sum - a
    this.#high[i] = sum
    this.#low[i] += a - (sum - back) + (v - back)
  }

  value(i: number): number {
    return this.#high[i] + this.#low[i]
  }

  /** `count` sums from `over` on over one sum, rounded once: what a first quotient leaves is exact (Dekker 1971), and divided again. To `out`,
   *  from `at` on. */
  quotients(over: number, under: number, out: Float64Array, at: number, count: number): void {
    const [high, low] = [this.#high, this.#low]
    const denominator = high[under] + low[under]
    const denominatorLow = low[under] - (denominator - high[under])
    for (let i = 0; i < count; i++) {
      const numerator = high[over + i] + low[over + i]
      const numeratorLow = low[over + i] - (numerator - high[over + i])
      const first = numerator / denominator
      const product = first * denominator
      const quotient =
        first + (numerator - product - lostIn(product, first, denominator) + (numeratorLow - first * denominatorLow)) / denominator
      out[at + i] = Number.isFinite(quotient) ? quotient : first // the exact product of numbers near the largest double overflows
    }
  }

  copy(): PairSums {
    const twin = new PairSums(this.#high.length)
    twin.#high.set(this.#high)
    twin.#low.set(this.#low)
    return twin
  }
}

// The upper half of the bits of a double
const upperHalf = (v: number) => 134217729 * v - (134217729 * v - v)

// What rounding lost of the product of a and b (Dekker 1971)
function lostIn(product: number, a: number, b: number): number {
  const [ah, bh] = [upperHalf(a), upperHalf(b)]
  return ah * bh - product + ah * (b - bh) + (a - ah) * bh + (a - ah) * (b - bh)
}

/** a·b as a rounded product and what rounding lost. */
export const exactProduct = (a: number, b: number): [number, number] => [a * b, lostIn(a * b, a, b)]

// Up to `count` rows of positive weight and distance, farthest first, ties to the lowest row; none when every row sits on its center
function farthest(distances: Float64Array, weights: Float64Array | undefined, count: number): number[] {
  const rows: number[] = []
  for (let i = 0; i < distances.length; i++) {
    if (!(distances[i] > 0) || (weights && weights[i] === 0)) continue
    if (rows.length === count && distances[i] <= distances[rows[count - 1]]) continue
    let at = rows.length
    while (at > 0 && distances[rows[at - 1]] < distances[i]) at--
    rows.splice(at, 0, i)
    if (rows.length > count) rows.pop()
  }
  return rows
}
