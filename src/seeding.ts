// First centers: greedy k-means++ (Arthur & Vassilvitskii 2007, with 2 + ⌊ln k⌋ trials a step as in their section on practice) and
// distinct random rows. Rows of weight zero are never chosen.
import { wrongValue } from './errors.ts'
import { type Algorithm, inPieces, type Pass, Reduction, SLOT_ROWS } from './passes.ts'
import type { Random } from './random.ts'
import { type Resident, rowsOf } from './resident.ts'
import { type IntegerTiles, mustQuantizeAgain } from './tiles.ts'

/** Rows chosen as first centers. */
export interface Seeds {
  indices: Int32Array
  /** k×d */
  centers: Float64Array
}

/** k rows (k×d) and their indices, chosen by greedy k-means++: each next one is, of `trials` rows drawn with probability ∝ w·distance² to the chosen,
 *  the one that leaves the smallest Σ w·distance². May repeat a row when fewer than k rows differ.
 *  @param tiles the quantised rows, if they are kept: they spare exact distances, and change nothing else */
export function* plusPlus(data: Resident, k: number, random: Random, trials: number, tiles?: IntegerTiles): Algorithm<Seeds> {
  const { arena, x, w, n, d } = data
  const { kernels } = arena
  const mark = arena.mark()
  const slots = Math.ceil(n / SLOT_ROWS)
  const closest = arena.takeF64(n) //             squared distance of each row to the chosen
  const thresholds = tiles ? arena.take(n * 4) : 0 // the same as a score, in integers
  const stride = Math.ceil(n / 8)
  const near = tiles ? arena.take(stride * trials + 8) : 0 // rows that each candidate of a step may bring nearer, a bit each
  const potentials = arena.takeF64(slots) //      Σ w·closest per slot
  const brackets = arena.takeF64(2 * trials * slots) // what each candidate of a step gains: at least, then at most, per slot
  const candidates = arena.takeF64(trials * d) // rows tried in a step
  const info = arena.takeF64(kernels.centerDoubles(trials, d))
  const into = new Reduction(arena, trials, n)
  const load = (rows: Float64Array) => {
    arena.f64(candidates, rows.length).set(rows)
    if (tiles) kernels.quantizeCenters(candidates, rows.length / d, d, tiles.shift, tiles.radius, 0, info)
  }
  const { shift, tiles: integers, blocks } = tiles ?? { shift: 0, tiles: 0, blocks: 0 }
  // rows that candidates may bring nearer, and brackets of what each gains
  const trial = (): Pass => ({
    kernel: 'seedTrials',
    args: [d, trials, info, integers, blocks, thresholds, near, stride, brackets, SLOT_ROWS],
    rows: n,
    scratch: 0,
    flopsPerRow: (d * trials) / 2 + 8,
  })
  // what each gains, exactly
  const gains = (): Pass => ({
    kernel: 'seedGains',
    args: [x, w, d, trials, candidates, closest, near, stride],
    rows: n,
    scratch: 0,
    flopsPerRow: 2 * d * trials + 8,
    into: into.reset(),
  })
  // takes in candidate l of the step, or the first center
  const update = (l: number, first: boolean): Pass => {
    const mine = first || !tiles ? 0 : near + l * stride
    return {
      kernel: 'seedUpdate',
      args: [
        x,
        w,
        d,
        shift,
        candidates + l * d * 8,
        info,
        integers,
        blocks,
        tiles?.radius ?? 0,
        mine,
        Number(first),
        closest,
        thresholds,
        potentials,
        SLOT_ROWS,
      ],
      rows: n,
      scratch: kernels.seedScratch(),
      flopsPerRow: first ? 12 * d + 8 : d + 8,
    }
  }

  const indices = new Int32Array(k)
  const centers = new Float64Array(k * d)
  const choose = (c: number, index: number, row: Float64Array) => {
    indices[c] = index
    centers.set(row, c * d)
  }
  const [first] = yield* randomRows(data, 1, random) // with probability ∝ w
  choose(0, first, yield* rowsOf(data, Int32Array.of(first)))
  load(centers.subarray(0, d))
  const fresh = tiles && arena.f64(blocks, 1)[0] === 0 // not quantised by an earlier run
  if (k > 1 || fresh) yield update(0, true)
  if (fresh && mustQuantizeAgain(data, tiles)) {
    load(centers.subarray(0, d))
    yield update(0, true)
    mustQuantizeAgain(data, tiles)
  }
  for (let c = 1; c < k; c++) {
    const tried = Int32Array.from({ length: trials }, () => drawFar(data, closest, potentials, random))
    const rows = yield* rowsOf(data, tried)
    load(rows)
    let best = trials === 1 ? 0 : -1
    if (tiles) {
      yield trial()
      // brackets are of sums without weights
      if (best < 0 && !w) best = surelyLargest(arena.f64(brackets, 2 * trials * slots), trials)
    }
    if (best < 0) {
      yield gains()
      const exact = into.total()
      best = 0
      for (let l = 1; l < trials; l++) if (exact[l] > exact[best]) best = l
    }
    choose(c, tried[best], rows.subarray(best * d, (best + 1) * d))
    if (c + 1 < k) yield update(best, false)
  }
  arena.release(mark)
  return { indices, centers }
}

// Which of m gains is above all others, by brackets of each slot (m lower bounds, then m upper bounds); −1 if none is for sure. Sums of exact gains round by
// far less than the brackets are wide.
function surelyLargest(brackets: Float64Array, m: number): number {
  const sums = new Float64Array(2 * m)
  for (let i = 0; i < brackets.length; ) for (let l = 0; l < 2 * m; l++) sums[l] += brackets[i++]
  let best = 0
  for (let l = 1; l < m; l++) if (sums[l] > sums[best]) best = l
  for (let l = 0; l < m; l++) if (l !== best && sums[m + l] >= sums[best]) return -1
  return best
}

/** Default number of trials for k centers. */
export const defaultTrials = (k: number) => 2 + Math.floor(Math.log(k))

// Row drawn with probability ∝ w·closest
function drawFar({ arena, w, n }: Resident, closest: number, potentials: number, random: Random): number {
  const row = drawBySlot(arena.f64(potentials, Math.ceil(n / SLOT_ROWS)), n, random, (begin, length) => {
    const distances = arena.f64(closest + begin * 8, length)
    if (!w) return distances
    const weights = arena.f64(w + begin * 8, length)
    return distances.map((v, i) => v * weights[i])
  })
  if (row >= 0) return row
  return w ? arena.f64(w, n).findIndex((v) => v > 0) : 0 // every row coincides with a chosen one: any row that counts
}

// Row drawn with probability ∝ its mass, given the sums of slots and a look at the masses in one; −1 if all are 0. First the slot, then the row in it:
// sums of slots run in order, so a draw needs one pass over slots and one slot, whoever computed them.
function drawBySlot(sums: Float64Array, n: number, random: Random, massesOf: (begin: number, length: number) => Float64Array): number {
  let total = 0
  for (const sum of sums) total += sum
  let target = total * random.uniform()
  if (!(total > 0)) return -1
  let slot = 0
  while (slot < sums.length - 1 && target >= sums[slot]) target -= sums[slot++]
  while (sums[slot] === 0) slot-- // rounding may run past the last slot that has anything
  const begin = slot * SLOT_ROWS
  const masses = massesOf(begin, Math.min(SLOT_ROWS, n - begin))
  let sum = 0
  let last = 0 // of those that have a mass: rounding may run past it, too
  for (let i = 0; i < masses.length && sum <= target; i++) {
    if (!(masses[i] > 0)) continue
    last = i
    sum += masses[i]
  }
  return begin + last
}

/** Indices of k distinct rows, drawn with probability ∝ w without replacement. Throws RangeError if fewer than k rows have a weight. */
export function* randomRows({ arena, w, n }: Resident, k: number, random: Random): Algorithm<Int32Array> {
  const indices = new Int32Array(k)
  if (!w) {
    const moved = new Map<number, number>() // Fisher–Yates from the top, keeping only what moved
    for (let c = 0, top = n; c < k; c++) {
      const r = random.below(top--)
      indices[c] = moved.get(r) ?? r
      moved.set(r, moved.get(top) ?? top)
    }
    return indices
  }
  // weights of a slot without the rows that are drawn already
  const left = (begin: number, length: number) => {
    const weights = arena.f64(w + begin * 8, length).slice()
    for (const row of drawn) if (row >= begin && row < begin + length) weights[row - begin] = 0
    return weights
  }
  const sumOf = (slot: number) => left(slot * SLOT_ROWS, Math.min(SLOT_ROWS, n - slot * SLOT_ROWS)).reduce((sum, weight) => sum + weight, 0)
  const drawn = new Set<number>()
  const sums = new Float64Array(Math.ceil(n / SLOT_ROWS))
  let positive = 0
  yield* inPieces(n, (begin, end) => {
    for (let slot = begin / SLOT_ROWS; slot * SLOT_ROWS < end; slot++) sums[slot] = sumOf(slot)
    for (const weight of arena.f64(w + begin * 8, end - begin)) positive += Number(weight > 0)
  })
  if (positive < k) throw wrongValue('sampleWeight', `at least ${k} positive weights to choose ${k} different rows`, positive)
  for (let c = 0; c < k; c++) {
    const row = drawBySlot(sums, n, random, left)
    drawn.add(row)
    indices[c] = row
    const slot = Math.floor(row / SLOT_ROWS)
    sums[slot] = sumOf(slot) // anew: a difference would leave a residue
  }
  return indices
}
