// Lloyd's algorithm (Lloyd 1982) with scikit-learn's stopping rules and relocation of empty clusters.
import { type Algorithm, type Pass, Reduction } from './passes.ts'
import type { Random } from './random.ts'
import { type Resident, columnMoments } from './resident.ts'
import { defaultTrials, gatherRows, plusPlus, randomRows } from './seeding.ts'

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
}

/** Every buffer of a k-means fit besides the data. Bytes: 8·(2·k·d + d·min(k, 3)) + 4·n + partial sums 8·(3 + k + k·d)·(log₂(n/1024) + 2). */
function workspace(data: Resident, k: number) {
  const { arena, n, d } = data
  return {
    centers: arena.takeF64(k * d), //                       row-major
    panels: arena.takeF64(Math.ceil(k / 4) * 4 * d), //     the same, four by four, as kernels read them
    labels: arena.take(n * 4), //                           nearest center of each row
    sums: new Reduction(arena, 3 + k + k * d, n), //        inertia, Σ distance, changed labels, weights, centred sums
    scratch: arena.kernels.kmeansScratch(d, k),
  }
}

/** The best of `nInit` runs by inertia. `random(run)` gives each run a stream of its own. */
export function* kMeans(data: Resident, options: LloydOptions, random: (run: number) => Random): Algorithm<KMeansResult> {
  const { arena, d } = data
  const mark = arena.mark()
  let threshold = options.tol
  if (options.convergence === 'centers' && options.tol > 0) {
    const { variance } = yield* columnMoments(data)
    threshold = (options.tol * variance.reduce((s, v) => s + v, 0)) / d
  }
  const ws = workspace(data, options.k)
  let best: KMeansResult | undefined
  for (let run = 0; run < options.nInit && !best?.stopped; run++) {
    const start = yield* firstCenters(data, options, random(run))
    const result = yield* lloyd(data, start, options, threshold, ws, run)
    if (!best || result.inertia < best.inertia) best = result
    else best.stopped ||= result.stopped
  }
  arena.release(mark)
  return best as KMeansResult
}

function* firstCenters(data: Resident, { init, k }: LloydOptions, random: Random): Algorithm<Float64Array> {
  if (init === 'k-means++') return gatherRows(data, yield* plusPlus(data, k, random, defaultTrials(k)))
  if (init === 'random') return gatherRows(data, randomRows(data, k, random))
  return typeof init === 'function' ? init(k, random.uniform) : init
}

function* lloyd(data: Resident, start: Float64Array, options: LloydOptions, threshold: number, ws: ReturnType<typeof workspace>, run: number): Algorithm<KMeansResult> {
  const { arena, x, w, n, d } = data
  const { k, convergence, maxIter } = options
  const assignment: Assignment = (centers, accumulate, distances = 0) => {
    arena.f64(ws.centers, k * d).set(centers)
    arena.kernels.packPanels(ws.centers, k, d, ws.panels)
    const absolute = accumulate && convergence === 'mae'
    const args = [x, w, d, k, ws.centers, ws.panels, ws.labels, distances, Number(accumulate), Number(absolute)]
    return { kernel: 'assign', args, rows: n, scratch: ws.scratch, flopsPerRow: 3 * k * d + 20, into: ws.sums.reset() }
  }
  arena.i32(ws.labels, n).fill(-1)

  let centers = start
  let inertia = Number.NaN
  let previous = Number.NaN
  let converged = false
  let stopped = false
  let labelsFit = false // whether labels and inertia belong to `centers`
  let iteration = 0
  while (iteration < maxIter && !converged && !stopped) {
    iteration++
    yield assignment(centers, true)
    const sums = ws.sums.total().slice() // a relocation reuses the buffer
    inertia = sums[0]
    const changed = sums[2]
    if (changed === 0 && iteration > 1) {
      // the partition is the last one's, whose means these centers are
      converged = labelsFit = true
      stopped = !(yield { report: { run, iteration, inertia, shift: 0 } })
      break
    }
    const next = yield* updatedCenters(data, centers, sums, k, ws, assignment)
    let squaredShift = 0
    for (let i = 0; i < k * d; i++) squaredShift += (next[i] - centers[i]) ** 2
    if (convergence === 'centers') converged = squaredShift <= threshold
    else {
      const watched = convergence === 'mse' ? inertia : sums[1]
      converged = Math.abs(previous - watched) <= threshold * previous
      previous = watched
    }
    centers = next
    stopped = !(yield { report: { run, iteration, inertia, shift: Math.sqrt(squaredShift) } })
  }
  if (!labelsFit) {
    yield assignment(centers, false)
    inertia = ws.sums.total()[0]
  }
  return { centers, labels: arena.i32(ws.labels, n).slice(), inertia, nIter: iteration, converged, stopped }
}

type Assignment = (centers: Float64Array, accumulate: boolean, distances?: number) => Pass

// New centers from the sums of an assignment: center + Σ w·(x − center) / Σ w. Each empty cluster takes the row farthest from its center
// (ties: lowest row), as scikit-learn does; the row leaves its old cluster. A cluster that is still empty takes the center of the heaviest
// one.
function* updatedCenters(data: Resident, centers: Float64Array, sums: Float64Array, k: number, ws: ReturnType<typeof workspace>, assignment: Assignment): Algorithm<Float64Array> {
  const { arena, x, w, n, d } = data
  const weight = sums.subarray(3, 3 + k)
  const sum = sums.subarray(3 + k)
  const moved = new Map<number, number>() // empty cluster → row
  const empty = [...weight.keys()].filter((c) => weight[c] === 0)
  if (empty.length > 0) {
    const mark = arena.mark()
    const distances = arena.takeF64(n)
    yield assignment(centers, false, distances)
    const rowWeights = w ? arena.f64(w, n) : undefined
    const far = farthest(arena.f64(distances, n), rowWeights, empty.length)
    arena.release(mark)
    const labels = arena.i32(ws.labels, n)
    far.forEach((row, e) => {
      weight[empty[e]] = rowWeights?.[row] ?? 1
      moved.set(empty[e], row)
    })
    // What the old clusters keep is summed afresh: a subtraction leaves rounding, and nothing else where all or nearly all weight left
    const gone = new Set(far)
    const donors = new Set(far.map((row) => labels[row]))
    for (const c of donors) {
      weight[c] = 0
      sum.fill(0, c * d, (c + 1) * d)
    }
    const values = arena.f64(x, n * d)
    for (let i = 0; i < n; i++) {
      const c = labels[i]
      if (!donors.has(c) || gone.has(i)) continue
      const rowWeight = rowWeights?.[i] ?? 1
      weight[c] += rowWeight
      for (let j = 0; j < d; j++) sum[c * d + j] += rowWeight * (values[i * d + j] - centers[c * d + j])
    }
  }
  const next = new Float64Array(k * d)
  let heaviest = 0
  for (let c = 0; c < k; c++) {
    if (weight[c] > weight[heaviest]) heaviest = c
    const row = moved.get(c)
    if (row !== undefined) next.set(arena.f64(x + row * d * 8, d), c * d)
    else if (weight[c] > 0) for (let j = 0; j < d; j++) next[c * d + j] = centers[c * d + j] + sum[c * d + j] / weight[c]
  }
  for (let c = 0; c < k; c++) if (!(weight[c] > 0)) next.copyWithin(c * d, heaviest * d, (heaviest + 1) * d)
  return next
}

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
