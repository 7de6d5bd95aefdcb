// Mini-batch k-means (Sculley 2010, Web-Scale K-Means Clustering) with scikit-learn's first centers, reassignment and early stopping.
//
// A step assigns a batch of rows and moves every center to the mean of all rows it ever got: rate 1/W of its own. Batches, and the rows
// that forsaken centers go to, come from streams named by the number of the step, so whoever has the seed can draw those of any step.
import { largestOf, upTo } from './lists.ts'
import { gather } from './gather.ts'
import { PairSums, exactProduct, firstCenters, nearest, varianceTolerance } from './lloyd.ts'
import type { Algorithm, Reduction } from './passes.ts'
import { Random } from './random.ts'
import { type Resident, passBy, rowsOf } from './resident.ts'
import { randomRows } from './seeding.ts'
import { COUNTS, CenterPanels } from './tiles.ts'

/** Where an online fit stands: all that the next step needs. */
export interface MiniBatchState {
  /** k×d */
  centers: Float64Array
  /** Σ w of the rows each center is the mean of (K). */
  counts: Float64Array
  /** Rows seen since the last reassignment. */
  sinceReassignment: number
  /** Rows a step counts as, whatever it gets. */
  batchSize: number
  nSteps: number
  seed: number
}

export interface MiniBatchSeeding {
  k: number
  /** A function is asked with the rows it may look at. */
  init: 'k-means++' | 'random' | Float64Array | ((sample: Resident) => (k: number, random: () => number) => Float64Array)
  /** Rows that first centers are chosen among: `initRows`. */
  initRows: number
  batchSize: number
  seed: number
}

export interface MiniBatchOptions extends MiniBatchSeeding {
  nInit: number
  maxIter: number
  /** Σ‖change of a center‖² ≤ tol · mean feature variance ends it; 0: nothing does. */
  tol: number
  maxNoImprovement: number | null
  reassignmentRatio: number
}

export interface MiniBatchResult extends MiniBatchState {
  labels: Int32Array
  inertia: number
  nIter: number
  /** Whether one of the rules of early stopping ended it. */
  converged: boolean
  /** Whether `onIteration` asked to stop. */
  stopped: boolean
}

// What a stream of random numbers is for
const SEEDING = 0
const VALIDATION = 1
const BATCH = 2
const REASSIGNMENT = 3

/** Rows to choose k first centers among, of n: three batches, or 3·k when `initSize` is too small for k. */
export function initRows(initSize: number | null, batchSize: number, k: number, n: number): number {
  const asked = initSize ?? 3 * batchSize
  return Math.min(asked < k ? 3 * k : asked, n)
}

/** Values of rows that are drawn ahead from a stream: 4 MB. */
const AHEAD_VALUES = 2 ** 19

/** Clusters the rows, `batchSize` of them at a time. */
export function* miniBatchKMeans(data: Resident, options: MiniBatchOptions): Algorithm<MiniBatchResult> {
  const { arena, n, d, totalWeight } = data
  const { k, batchSize, seed, maxIter, reassignmentRatio } = options
  const mark = arena.mark()
  const threshold = yield* varianceTolerance(data, options.tol)
  const draw = new Draw(data)
  const state = fresh(yield* bestStart(data, options, draw), options)
  const step = new Step(data, k, batchSize)
  const early = new EarlyStop(Math.min(1, (2 * batchSize) / (n + 1)), threshold, options.maxNoImprovement)
  const mostSteps = Math.floor((maxIter * n) / batchSize)
  let converged = false
  let stopped = false
  // reading a stream for every batch would take longer than the batches: rows of as many as fit are had at once, which streams by number allow
  const ahead = passBy(data) ? Math.max(1, Math.floor(AHEAD_VALUES / (batchSize * d))) : 1
  while (state.nSteps < mostSteps && !converged && !stopped) {
    const own = arena.mark()
    const drawn = new Int32Array(Math.min(ahead, mostSteps - state.nSteps) * batchSize)
    for (let at = 0; at < drawn.length; at += batchSize)
      drawn.set(draw.byWeight(batchSize, new Random(seed, BATCH, state.nSteps + at / batchSize)), at)
    // weights decide which rows come, so those that do count alike
    const batches = yield* gather(data, drawn, false)
    for (let at = 0; at < drawn.length && !converged && !stopped; at += batchSize) {
      const batch = { ...batches, x: batches.x + at * d * 8, n: batchSize, totalWeight: batchSize }
      const { inertia, squaredShift } = yield* step.take(batch, state, reassignmentRatio)
      converged = early.heard(state.nSteps, inertia / batchSize, squaredShift)
      stopped = !(yield {
        report: { run: 0, iteration: state.nSteps, inertia: (inertia / batchSize) * totalWeight, shift: Math.sqrt(squaredShift) },
      })
    }
    arena.release(own)
  }
  const { labels, inertia } = yield* nearest(data, state.centers, k, true)
  arena.release(mark)
  return { ...state, labels, inertia, nIter: Math.ceil((state.nSteps * batchSize) / n), converged, stopped }
}

/** One more step, over all rows of `batch` with their weights. `state` is replaced in place. */
export function* onlineStep(
  batch: Resident,
  state: MiniBatchState,
  reassignmentRatio: number,
): Algorithm<{ labels: Int32Array; inertia: number }> {
  const { arena, n } = batch
  const k = state.counts.length
  const mark = arena.mark()
  yield* new Step(batch, k, n).take(batch, state, reassignmentRatio)
  const result = yield* nearest(batch, state.centers, k, true)
  arena.release(mark)
  return result
}

/** The state before the first step of an online fit. */
export function* onlineStart(data: Resident, seeding: MiniBatchSeeding): Algorithm<MiniBatchState> {
  return fresh(yield* start(data, seeding, new Draw(data), 0), seeding)
}

const fresh = (centers: Float64Array, { k, batchSize, seed }: MiniBatchSeeding): MiniBatchState => ({
  centers,
  counts: new Float64Array(k),
  sinceReassignment: 0,
  batchSize,
  nSteps: 0,
  seed,
})

// First centers among a sample of the rows
function* start(data: Resident, { k, init, initRows, seed }: MiniBatchSeeding, draw: Draw, run: number): Algorithm<Float64Array> {
  const { arena, n } = data
  const mark = arena.mark()
  const random = new Random(seed, SEEDING, run)
  let sample = data
  if (initRows < n) sample = yield* gather(data, draw.present(initRows, random), true)
  else if (passBy(data)) sample = yield* gather(data, upTo(n), true)
  const centers = yield* firstCenters(sample, { k, init: typeof init === 'function' ? init(sample) : init }, random)
  arena.release(mark)
  return centers
}

// Of several first centers those that suit a validation sample best
function* bestStart(data: Resident, options: MiniBatchOptions, draw: Draw): Algorithm<Float64Array> {
  const { arena } = data
  const { k, nInit, initRows, seed } = options
  if (nInit === 1) return yield* start(data, options, draw, 0)
  const mark = arena.mark()
  const validation = yield* gather(data, draw.present(initRows, new Random(seed, VALIDATION)), true)
  let best: Float64Array | undefined
  let least = NaN
  for (let run = 0; run < nInit; run++) {
    const centers = yield* start(data, options, draw, run)
    const { inertia } = yield* nearest(validation, centers, k, true)
    if (best && !(inertia < least)) continue
    best = centers
    least = inertia
  }
  arena.release(mark)
  return best as Float64Array
}

/** Draws rows with replacement. Bytes outside the arena: 12·N with weights. */
class Draw {
  readonly #n: number
  readonly #present: Int32Array | undefined // rows of positive weight
  readonly #cumulated: Float64Array | undefined // Σ w of the present rows up to each

  constructor({ arena, w, n }: Resident) {
    this.#n = n
    if (!w) return
    const weights = arena.f64(w, n)
    const present = new Int32Array(n)
    const cumulated = new Float64Array(n)
    let count = 0
    let total = 0
    for (let i = 0; i < n; i++) {
      if (weights[i] === 0) continue
      present[count] = i
      cumulated[count++] = total += weights[i]
    }
    this.#present = present.subarray(0, count)
    this.#cumulated = cumulated.subarray(0, count)
  }

  /** Every row of positive weight alike. */
  present(count: number, random: Random): Int32Array {
    const present = this.#present
    const rows = new Int32Array(count)
    for (let i = 0; i < count; i++) rows[i] = present ? present[random.below(present.length)] : random.below(this.#n)
    return rows
  }

  /** With probability ∝ w. */
  byWeight(count: number, random: Random): Int32Array {
    const [present, cumulated] = [this.#present, this.#cumulated]
    if (!present || !cumulated) return this.present(count, random)
    const total = cumulated[cumulated.length - 1]
    const rows = new Int32Array(count)
    for (let i = 0; i < count; i++) {
      const target = total * random.uniform()
      let low = 0 // the first whose sum exceeds the target
      let high = present.length - 1
      while (low < high) {
        const middle = (low + high) >>> 1
        if (cumulated[middle] > target) high = middle
        else low = middle + 1
      }
      rows[i] = present[low]
    }
    return rows
  }
}

/** One step and its workspace. Bytes: 4·rows + 20·k·d and a little + partial sums 8·(2 + 3·k + 2·k·d)·(log₂(rows/1024) + 2). */
class Step {
  readonly #panels: CenterPanels
  readonly #labels: number
  readonly #changes: Reduction

  constructor({ arena, d }: Resident, k: number, rows: number) {
    this.#panels = new CenterPanels(arena, k, d)
    this.#labels = arena.take(rows * 4)
    this.#changes = this.#panels.changes(rows)
  }

  /** Moves the centers of `state` by `batch`. Returns the batch's inertia before that, and Σ‖change of a center‖². */
  *take(batch: Resident, state: MiniBatchState, reassignmentRatio: number): Algorithm<{ inertia: number; squaredShift: number }> {
    const { arena, n, d } = batch
    const { centers } = state
    const reassigning = due(state) // by what was known before the step

    this.#panels.load(centers)
    arena.i32(this.#labels, n).fill(-1) // so that every row is a change, and the changes are the sums
    yield this.#panels.assignment(batch, this.#labels, this.#changes.reset())
    const { inertia } = yield* this.#panels.inertia(batch, this.#labels)

    state.centers = moved(state, this.#changes.total(), d)
    if (reassigning && reassignmentRatio > 0) yield* reassign(batch, state, reassignmentRatio)
    state.nSteps++
    let squaredShift = 0
    for (let i = 0; i < centers.length; i++) squaredShift += (state.centers[i] - centers[i]) ** 2
    return { inertia, squaredShift }
  }
}

// c ← (W·c + Σ w·x) / (W + Σ w), rounded once so that equal rows have themselves for their mean; W ← W + Σ w
function moved({ centers, counts }: MiniBatchState, changes: Float64Array, d: number): Float64Array {
  const k = counts.length
  const next = centers.slice()
  const sums = new PairSums(k + k * d)
  sums.add(changes, COUNTS + k)
  for (let c = 0; c < k; c++) {
    if (changes[COUNTS + c] === 0) continue // rows of positive weight
    const count = counts[c]
    sums.addOne(c, count)
    if (count > 0)
      for (let j = c * d; j < (c + 1) * d; j++) {
        const [product, lost] = exactProduct(count, centers[j])
        sums.addOne(k + j, product)
        if (Number.isFinite(lost)) sums.addOne(k + j, lost)
      }
    sums.quotients(k + c * d, c, next, c * d, d)
    counts[c] = sums.value(c)
  }
  return next
}

// Whether forsaken centers are looked for in this step: when some center has no rows, and every 10·k rows
function due(state: MiniBatchState): boolean {
  state.sinceReassignment += state.batchSize
  if (state.sinceReassignment < 10 * state.counts.length && !state.counts.includes(0)) return false
  state.sinceReassignment = 0
  return true
}

// Centers that got less than `ratio` of what the most popular one did go to rows of the batch, different ones, all of them alike; to
// at most half as many as there are. They count as much as the least of the others, so as not to be taken again at once.
function* reassign(batch: Resident, { centers, counts, seed, nSteps }: MiniBatchState, ratio: number): Algorithm<void> {
  const { arena, w, n, d } = batch
  const limit = ratio * largestOf(counts)
  const byCount = [...counts.keys()].sort((a, b) => counts[a] - counts[b] || a - b)
  let few = 0
  while (few < byCount.length && counts[byCount[few]] < limit) few++
  if (few === 0) return
  const weights = w ? arena.f64(w, n) : undefined
  const rows: number[] = [] // those that count
  for (let i = 0; i < n; i++) if (!weights || weights[i] > 0) rows.push(i)
  if (few > rows.length / 2) few = Math.floor(rows.length / 2)
  const drawn = yield* randomRows({ ...batch, w: 0, n: rows.length }, few, new Random(seed, REASSIGNMENT, nSteps))
  const least = few < byCount.length ? counts[byCount[few]] : NaN // of the others
  const values = yield* rowsOf(
    batch,
    drawn.map((row) => rows[row]),
  )
  drawn.forEach((_, i) => {
    const c = byCount[i]
    centers.set(values.subarray(i * d, (i + 1) * d), c * d)
    if (few < byCount.length) counts[c] = least
  })
}

/** When to stop: centers hardly move, or the batches' mean inertia, smoothed, has not been lower for a while. */
class EarlyStop {
  readonly #alpha: number
  readonly #threshold: number
  readonly #patience: number
  #average = NaN
  #least = Infinity
  #idle = 0 // steps without a new least

  constructor(alpha: number, threshold: number, maxNoImprovement: number | null) {
    this.#alpha = alpha
    this.#threshold = threshold
    this.#patience = maxNoImprovement ?? Infinity
  }

  heard(step: number, inertia: number, squaredShift: number): boolean {
    if (step === 1) return false // what the first centers left
    this.#average = step === 2 ? inertia : this.#average * (1 - this.#alpha) + inertia * this.#alpha
    if (this.#threshold > 0 && squaredShift <= this.#threshold) return true
    if (this.#average < this.#least) {
      this.#least = this.#average
      this.#idle = 0
    } else this.#idle++
    return this.#idle >= this.#patience
  }
}
