// Scores of a clustering: against another labelling of the same samples (external), or against the data alone (internal).
// Counts are exact integers, logarithms our own, so scores carry the same bits in every engine.
import { isList } from './check.ts'
import { sum } from './lists.ts'
import { wrongKind, wrongValue } from './errors.ts'
import { type MatrixLike, type Source, sourceOf } from './matrix.ts'
import { metrics } from './kernel-modules.ts'
import { log } from './logarithm.ts'
import { type Algorithm, Reduction } from './passes.ts'
import { type Resident, checkShape, withRows } from './resident.ts'
import { run } from './task.ts'

/** One label per sample: numbers, strings, or both. Equal values mean the same cluster; the values themselves mean nothing. */
export type Labels = ArrayLike<number | string>

/** Adjusted Rand index (Hubert & Arabie 1985) of two labellings of the same samples: 1 for the same partition, about 0 for unrelated ones,
 *  as low as −0.5. Symmetric; names of labels do not matter. Pair counts are exact up to 9·10⁷ samples.
 *  @throws TypeError, RangeError unless both hold the same number, at least one, of labels. */
export function adjustedRandScore(labelsTrue: Labels, labelsPred: Labels): number {
  const { n, cells, rowSums, columnSums } = contingency(labelsTrue, labelsPred)
  // pairs in the same cluster of both, of one, of none (each counted twice), as scikit-learn's pair confusion matrix has them
  const together = sumOfSquares(cells.counts)
  const both = together - n
  const onlyTrue = sumOfSquares(rowSums) - together
  const onlyPred = sumOfSquares(columnSums) - together
  if (onlyTrue === 0 && onlyPred === 0) return 1
  const neither = n * n - together - onlyTrue - onlyPred
  // the products exceed 2^53 and cancel
  const [tp, tn, fn, fp] = [both, neither, onlyTrue, onlyPred].map(BigInt)
  return Number(2n * (tp * tn - fn * fp)) / Number((tp + fn) * (fn + tn) + (tp + fp) * (fp + tn))
}

/** Mutual information of two labellings of the same samples over the arithmetic mean of their entropies (scikit-learn's default): from 0 for
 *  independent ones to exactly 1 for the same partition, one cluster included. Symmetric up to rounding; not adjusted for chance.
 *  @throws TypeError, RangeError unless both hold the same number, at least one, of labels. */
export function normalizedMutualInfoScore(labelsTrue: Labels, labelsPred: Labels): number {
  const { n, cells, rowSums, columnSums } = contingency(labelsTrue, labelsPred)
  if (cells.counts.length === rowSums.length && cells.counts.length === columnSums.length) return 1 // a cell per row and column: the same partition
  let information = 0
  // the ratio is 1 to the last bit where row and column are independent
  cells.counts.forEach(
    (count, i) => (information += (count / n) * log((count * n) / (rowSums[cells.rows[i]] * columnSums[cells.columns[i]]))),
  )
  const entropy = (sums: Float64Array) => sums.reduce((h, count) => h + (count / n) * log(n / count), 0)
  return Math.min(1, Math.max(0, information / ((entropy(rowSums) + entropy(columnSums)) / 2)))
}

/** Share of samples whose labels agree after the best one-to-one renaming of the predicted labels, from 1/K to 1. Exact, by the Hungarian
 *  algorithm (Kuhn 1955, Munkres 1957) in the O(K³) form of shortest augmenting paths; labels beyond the other side's number match nothing.
 *  Takes room for a table of distinct true × distinct predicted labels.
 *  @throws TypeError, RangeError unless both hold the same number, at least one, of labels. */
export function clusterAccuracy(labelsTrue: Labels, labelsPred: Labels): number {
  const table = contingencyMatrix(labelsTrue, labelsPred)
  // rows must not outnumber columns
  const counts = table.length <= table[0].length ? table : table[0].map((_, j) => table.map((row) => row[j]))
  const matched = bestAssignment(counts).reduce((sum, column, row) => sum + counts[row][column], 0)
  return matched / labelsTrue.length
}

/** How many samples have each pair of labels: one row per distinct true label, one column per distinct predicted label, both ascending
 *  (numbers before strings).
 *  @throws TypeError, RangeError unless both hold the same number, at least one, of labels. */
export function contingencyMatrix(labelsTrue: Labels, labelsPred: Labels): number[][] {
  const { cells, rowSums, columnSums } = contingency(labelsTrue, labelsPred)
  const table = Array.from(rowSums, () => new Array<number>(columnSums.length).fill(0))
  cells.counts.forEach((count, i) => (table[cells.rows[i]][cells.columns[i]] = count))
  return table
}

/** Mean silhouette (Rousseeuw 1987) of X (N×D) under `labels` (N): (b − a) / max(a, b) with a the mean Euclidean distance to the other samples
 *  of a sample's own cluster and b the smallest mean distance to the samples of another; 0 for a sample alone. From −1 to 1, larger is better.
 *  Takes N²·D operations and room for X and about 16·N bytes.
 *  @throws TypeError, RangeError for data or labels that do not fit, or unless 2 ≤ distinct labels ≤ N − 1. */
export function silhouetteScore(X: MatrixLike, labels: Labels): number {
  const { source, clusters } = internal(X, labels, 'silhouetteScore')
  return run(withRows(source, undefined, (data) => silhouettes(data, clusters))) / source.rows
}

/** Ratio of the spread between clusters to the spread within (Caliński & Harabasz 1974) of X (N×D) under `labels` (N), each over its degrees of
 *  freedom. Larger is better; 1 where no cluster has any spread.
 *  @throws TypeError, RangeError for data or labels that do not fit, or unless 2 ≤ distinct labels ≤ N − 1. */
export function calinskiHarabaszScore(X: MatrixLike, labels: Labels): number {
  const { source, clusters } = internal(X, labels, 'calinskiHarabaszScore')
  const { rows: n, cols: d } = source
  const k = clusters.sizes.length
  const { squares, difference } = run(withRows(source, undefined, (data) => spreads(data, clusters)))
  // the mean of all samples, relative to the mean of cluster 0
  const mean = new Float64Array(d)
  for (let c = 1; c < k; c++) for (let j = 0; j < d; j++) mean[j] += (clusters.sizes[c] / n) * difference(c, 0, j)
  let between = 0
  for (let c = 0; c < k; c++) for (let j = 0; j < d; j++) between += clusters.sizes[c] * (difference(c, 0, j) - mean[j]) ** 2
  const within = sum(squares)
  return within === 0 ? 1 : (between / within) * ((n - k) / (k - 1))
}

/** Mean over clusters of the worst ratio (sᵢ + sⱼ) / dᵢⱼ (Davies & Bouldin 1979) of X (N×D) under `labels` (N), s the mean Euclidean distance of a
 *  cluster's samples to its mean and d the distance of means. At least 0, smaller is better; 0 where no cluster has any spread or all means
 *  coincide; means that coincide with some are not compared with those, as in scikit-learn.
 *  @throws TypeError, RangeError for data or labels that do not fit, or unless 2 ≤ distinct labels ≤ N − 1. */
export function daviesBouldinScore(X: MatrixLike, labels: Labels): number {
  const { source, clusters } = internal(X, labels, 'daviesBouldinScore')
  const k = clusters.sizes.length
  const { distances, difference } = run(withRows(source, undefined, (data) => spreads(data, clusters)))
  let total = 0
  for (let a = 0; a < k; a++) {
    let worst = 0
    for (let b = 0; b < k; b++) {
      if (b === a) continue
      let square = 0
      for (let j = 0; j < source.cols; j++) square += difference(a, b, j) ** 2
      if (square > 0) worst = Math.max(worst, (distances[a] / clusters.sizes[a] + distances[b] / clusters.sizes[b]) / Math.sqrt(square))
    }
    total += worst
  }
  return total / k
}

/** Labels as cluster numbers. */
interface Clusters {
  /** Number of each sample's cluster, 0 … k − 1, in the order of the labels. */
  codes: Int32Array
  /** Samples of each cluster. */
  sizes: Float64Array
}

function encode(labels: unknown, name: string): Clusters {
  if (!isList(labels)) throw wrongKind(name, 'an array of labels, one per sample', labels)
  const list = labels as Labels
  const n = list.length
  if (n === 0) throw wrongValue(name, 'at least 1 label', 'none')
  const codes = new Int32Array(n)
  const seen = new Map<number | string, number>() // label → number in order of appearance
  for (let i = 0; i < n; i++) {
    const label: unknown = list[i]
    if (typeof label !== 'number' && typeof label !== 'string')
      throw wrongKind(name, `a number or a string at ${i}`, label, 'Map labels to numbers or strings first.')
    if (Number.isNaN(label)) throw wrongValue(name, `a label at ${i}`, 'NaN', 'Drop such samples or give them a label of their own.')
    let code = seen.get(label)
    if (code === undefined) {
      code = seen.size
      seen.set(label, code)
    }
    codes[i] = code
  }
  const sorted = [...seen].sort(([a], [b]) => byValue(a, b))
  const rank = new Int32Array(seen.size)
  sorted.forEach(([, code], r) => (rank[code] = r))
  const sizes = new Float64Array(seen.size)
  for (let i = 0; i < n; i++) {
    codes[i] = rank[codes[i]]
    sizes[codes[i]]++
  }
  return { codes, sizes }
}

// numbers ascending, then strings by code units, which no locale changes
function byValue(a: number | string, b: number | string): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

// The cells of the contingency table that are not zero, row after row: the table itself may be far larger than the data
function contingency(labelsTrue: Labels, labelsPred: Labels) {
  const rows = encode(labelsTrue, 'labelsTrue')
  const columns = encode(labelsPred, 'labelsPred')
  const n = rows.codes.length
  if (columns.codes.length !== n)
    throw wrongValue('labelsPred', `${n} labels, as many as labelsTrue has`, columns.codes.length, 'Both must label the same samples.')
  const { order, offsets } = grouped(rows)
  const cells = { rows: [] as number[], columns: [] as number[], counts: [] as number[] }
  const tally = new Int32Array(columns.sizes.length)
  for (let r = 0; r < rows.sizes.length; r++) {
    const touched: number[] = []
    for (let o = offsets[r]; o < offsets[r + 1]; o++) if (tally[columns.codes[order[o]]]++ === 0) touched.push(columns.codes[order[o]])
    // ascending, so that no sum depends on the order of the samples
    for (const c of touched.sort((a, b) => a - b)) {
      cells.rows.push(r)
      cells.columns.push(c)
      cells.counts.push(tally[c])
      tally[c] = 0
    }
  }
  return { n, cells, rowSums: rows.sizes, columnSums: columns.sizes }
}

// Sample indices, cluster after cluster (counting sort), and where each cluster begins
function grouped({ codes, sizes }: Clusters): { order: Int32Array; offsets: Int32Array } {
  const offsets = new Int32Array(sizes.length + 1)
  sizes.forEach((size, c) => (offsets[c + 1] = offsets[c] + size))
  const next = offsets.slice()
  const order = new Int32Array(codes.length)
  for (let i = 0; i < codes.length; i++) order[next[codes[i]]++] = i
  return { order, offsets }
}

function sumOfSquares(counts: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < counts.length; i++) sum += counts[i] * counts[i]
  return sum
}

// For each row the column that maximises the sum over rows, columns used once at most; rows ≤ columns. Rows enter one at a time, each by a
// shortest augmenting path over reduced costs (Jonker & Volgenant 1987, as arranged by Crouse 2016). Costs are −count, whole numbers
// throughout, so the answer is exact.
function bestAssignment(counts: number[][]): Int32Array {
  const [rows, columns] = [counts.length, counts[0].length]
  const cost = Float64Array.from(counts.flat(), (count) => -count)
  const rowPotential = new Float64Array(rows)
  const columnPotential = new Float64Array(columns)
  const columnOf = new Int32Array(rows).fill(-1)
  const rowOf = new Int32Array(columns).fill(-1)
  const length = new Float64Array(columns) // of the shortest path to each column
  const previous = new Int32Array(columns) // row before it on that path
  const open = new Int32Array(columns) // columns not reached yet come first, then those reached, latest first
  for (let row = 0; row < rows; row++) {
    length.fill(Infinity)
    for (let j = 0; j < columns; j++) open[j] = j
    let left = columns
    let at = row
    let reached = 0
    let sink = -1
    while (sink < 0) {
      let nearest = Infinity
      let which = -1
      for (let o = 0; o < left; o++) {
        const j = open[o]
        const through = reached + cost[at * columns + j] - rowPotential[at] - columnPotential[j]
        if (through < length[j]) {
          length[j] = through
          previous[j] = at
        }
        // of equally near columns a free one ends the search: counts tie often
        if (length[j] < nearest || (length[j] === nearest && rowOf[j] < 0)) {
          nearest = length[j]
          which = o
        }
      }
      const column = open[which]
      open[which] = open[--left]
      open[left] = column
      reached = nearest
      if (rowOf[column] < 0) sink = column
      else at = rowOf[column]
    }
    rowPotential[row] += reached
    for (let o = left; o < columns; o++) {
      const j = open[o]
      if (rowOf[j] >= 0) rowPotential[rowOf[j]] += reached - length[j]
      columnPotential[j] -= reached - length[j]
    }
    for (let column = sink; column >= 0; ) {
      const from = previous[column]
      const next = columnOf[from]
      rowOf[column] = from
      columnOf[from] = column
      column = from === row ? -1 : next
    }
  }
  return columnOf
}

function internal(X: MatrixLike, labels: Labels, where: string): { source: Source; clusters: Clusters } {
  const source = sourceOf(X)
  checkShape(source, 3, where)
  const clusters = encode(labels, 'labels')
  const { rows: n } = source
  if (clusters.codes.length !== n)
    throw new RangeError(`labels: ${where} expected ${n} labels, one per row of X, got ${clusters.codes.length}.`)
  const k = clusters.sizes.length
  if (k < 2 || k >= n)
    throw new RangeError(
      `labels: ${where} expected from 2 to ${n - 1} distinct labels for ${n} rows, got ${k}. The score compares clusters and needs one of two rows at least.`,
    )
  return { source, clusters }
}

// Σ of silhouettes
function* silhouettes(data: Resident, clusters: Clusters): Algorithm<number> {
  const { arena, x, n, d } = data
  const mark = arena.mark()
  const { order, offsets } = grouped(clusters)
  const args = [x, d, clusters.sizes.length, ...[clusters.codes, order, offsets].map((list) => put(data, list)), 0]
  const into = new Reduction(arena, 1, n)
  yield {
    kernel: 'silhouette',
    module: metrics,
    args,
    rows: n,
    scratch: arena.use(metrics).silhouetteScratch(d),
    flopsPerRow: n * (3 * d + 12),
    into,
  }
  const total = into.total()[0]
  arena.release(mark)
  return total
}

interface Spreads {
  /** Σ ‖x − mean‖ of each cluster. */
  distances: Float64Array
  /** Σ ‖x − mean‖² of each cluster. */
  squares: Float64Array
  /** Component j of mean a − mean b. */
  difference: (a: number, b: number, j: number) => number
}

// How samples spread about the means of their clusters. A mean is kept in two parts, a sample and the rest, so that no offset costs digits
function* spreads(data: Resident, { codes, sizes }: Clusters): Algorithm<Spreads> {
  const { arena, x, n, d } = data
  const k = sizes.length
  const mark = arena.mark()
  const anchors = arena.takeF64(k * d)
  const rests = arena.takeF64(k * d)
  const into = new Reduction(arena, k * (2 + d), n)
  const first = new Int32Array(k)
  for (let i = n - 1; i >= 0; i--) first[codes[i]] = i
  first.forEach((row, c) => arena.f64(anchors + c * d * 8, d).set(arena.f64(x + row * d * 8, d)))
  const rest = new Float64Array(k * d)
  const args = [x, d, put(data, codes), anchors, rests]
  const distances = new Float64Array(k)
  const squares = new Float64Array(k)
  // the second round sees the means but for the rounding of the first
  for (let round = 0; round < 2; round++) {
    arena.f64(rests, k * d).set(rest)
    yield { kernel: 'spread', module: metrics, args, rows: n, scratch: 0, flopsPerRow: 6 * d, into: into.reset() }
    const sums = into.total()
    for (let c = 0; c < k; c++) {
      const at = c * (2 + d)
      distances[c] = sums[at]
      squares[c] = sums[at + 1]
      for (let j = 0; j < d; j++) rest[c * d + j] += sums[at + 2 + j] / sizes[c]
    }
  }
  const anchor = arena.f64(anchors, k * d).slice()
  arena.release(mark)
  return { distances, squares, difference: (a, b, j) => anchor[a * d + j] - anchor[b * d + j] + (rest[a * d + j] - rest[b * d + j]) }
}

function put({ arena }: Resident, list: Int32Array): number {
  const address = arena.take(list.length * 4)
  arena.i32(address, list.length).set(list)
  return address
}
