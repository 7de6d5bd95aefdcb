// The passes of the scores that judge a clustering by the data alone: silhouettes (Rousseeuw 1987) and the spread within clusters that
// the scores of Caliński & Harabasz (1974) and Davies & Bouldin (1979) are made of.
import { squaredDistances } from "./distances";
import { blockRows, pack, QUAD } from "./tile";

const OTHERS: i32 = 64; // rows a block meets at a time, and
const NEAR_QUADS: i32 = 4; // quads that meet them at a time: their 8 kB of distances stay in a first-level cache

/** Bytes of scratch that `silhouette` needs for d features: whatever the number of clusters. */
export function silhouetteScratch(d: i32): usize {
  const rows = <usize>blockRows(d);
  return (rows * <usize>d + <usize>(OTHERS * d) + <usize>(NEAR_QUADS * OTHERS * QUAD) + 3 * rows) << 3;
}

/** Pass: silhouettes (b − a) / max(a, b) of rows [start, end) of x (n×d, in), where a is the mean distance to the other rows of the row's own
 *  cluster and b the smallest mean distance to the rows of another; 0 for a row alone in its cluster, and where a = b = 0.
 *  Clusters are 0 … k − 1, each with a row at least: `labels` (n, i32, in), `order` (n, i32, in: row indices, cluster after cluster),
 *  `offsets` (k + 1, i32, in: where in `order` each cluster begins).
 *  out (n, out; 0 for none) gets the silhouettes; stats (inout): [0] their sum. */
export function silhouette(
  x: usize, d: i32, k: i32, labels: usize, order: usize, offsets: usize, out: usize, start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const rows = blockRows(d);
  const rowBytes = <usize>d << 3;
  const quadBytes = <usize>d << 5;
  const tile = scratch;
  const panels = tile + <usize>rows * rowBytes;
  const distances = panels + <usize>OTHERS * rowBytes;
  const sums = distances + (<usize>(NEAR_QUADS * OTHERS * QUAD) << 3);
  const own = sums + (<usize>rows << 3);
  const nearest = own + (<usize>rows << 3);
  let total = load<f64>(stats);
  for (let b = start; b < end; b += rows) {
    const count = min(rows, end - b);
    const quads = (count + 3) >> 2;
    pack(x, d, b, count, tile);
    for (let i = 0; i < count; i++) store<f64>(nearest + (<usize>i << 3), Infinity);
    for (let c = 0; c < k; c++) {
      // distances to all rows of cluster c, summed chunk by chunk
      const first = load<i32>(offsets + (<usize>c << 2));
      const last = load<i32>(offsets + (<usize>c << 2), 4);
      memory.fill(sums, 0, <usize>quads << 5);
      for (let o = first; o < last; o += OTHERS) {
        const others = min(OTHERS, last - o);
        packRows(x, d, order + (<usize>o << 2), others, panels);
        for (let q = 0; q < quads; q += NEAR_QUADS) {
          const near = min(NEAR_QUADS, quads - q);
          squaredDistances(tile + <usize>q * quadBytes, near, d, panels, others, distances);
          addRoots(distances, near, others, sums + (<usize>q << 5));
        }
      }
      const size = <f64>(last - first);
      for (let i = 0; i < count; i++) {
        const sum = load<f64>(sums + (<usize>i << 3));
        const to = nearest + (<usize>i << 3);
        if (load<i32>(labels + (<usize>(b + i) << 2)) == c) store<f64>(own + (<usize>i << 3), size > 1 ? sum / (size - 1) : -1);
        else store<f64>(to, min(load<f64>(to), sum / size));
      }
    }
    for (let i = 0; i < count; i++) {
      const a = load<f64>(own + (<usize>i << 3)); // −1: alone
      const other = load<f64>(nearest + (<usize>i << 3));
      const larger = max(a, other);
      const s = a < 0 || larger == 0 ? 0 : (other - a) / larger;
      total += s;
      if (out != 0) store<f64>(out + (<usize>(b + i) << 3), s);
    }
  }
  store<f64>(stats, total);
}

/** Packs `count` rows of x (n×d, in), named by `indices` (i32, in), into panels of four as `packPanels` does (out). */
function packRows(x: usize, d: i32, indices: usize, count: i32, panels: usize): void {
  const rowBytes = <usize>d << 3;
  for (let c = 0; c < (count + 3 & ~3); c++) {
    // the last panel is filled up with its last row: never read back, and no number the data do not have
    const row = x + <usize>load<i32>(indices + (<usize>min(c, count - 1) << 2)) * rowBytes;
    const out = panels + <usize>(c >> 2) * (rowBytes << 2) + (<usize>(c & 3) << 3);
    for (let j: usize = 0; j < rowBytes; j += 8) store<f64>(out + (j << 2), load<f64>(row + j));
  }
}

/** sums ([quads][4], inout) += Σ over `count` rows of √distances ([quads][count][4], in). Chunks are summed by themselves first, so that the
 *  error grows with the number of chunks and not of rows. */
function addRoots(distances: usize, quads: i32, count: i32, sums: usize): void {
  for (let q = 0; q < quads; q++, sums += 32) {
    let s0 = f64x2.splat(0), s1 = s0;
    for (const end = distances + (<usize>count << 5); distances < end; distances += 32) {
      s0 = f64x2.add(s0, f64x2.sqrt(v128.load(distances)));
      s1 = f64x2.add(s1, f64x2.sqrt(v128.load(distances, 16)));
    }
    v128.store(sums, f64x2.add(v128.load(sums), s0));
    v128.store(sums, f64x2.add(v128.load(sums, 16), s1), 16);
  }
}

/** Pass: how rows [start, end) of x (n×d, in) spread about the means of their clusters (`labels`, n, i32, in). A mean comes in two parts, a
 *  row of the cluster (`anchors`, k×d, in) and the rest (`rests`, k×d, in): t = (x − anchor) − rest, so no offset costs digits.
 *  stats (inout), cluster after cluster, 2 + d each: Σ ‖t‖ · Σ ‖t‖² · d sums Σ t. */
export function spread(
  x: usize, d: i32, labels: usize, anchors: usize, rests: usize, start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const rowBytes = <usize>d << 3;
  for (let i = start; i < end; i++) {
    const row = x + <usize>i * rowBytes;
    const c = <usize>load<i32>(labels + (<usize>i << 2));
    const anchor = anchors + c * rowBytes;
    const rest = rests + c * rowBytes;
    const out = stats + c * (rowBytes + 16);
    let square: f64 = 0;
    for (let j: usize = 0; j < rowBytes; j += 8) {
      const t = (load<f64>(row + j) - load<f64>(anchor + j)) - load<f64>(rest + j);
      square += t * t;
      store<f64>(out + j, load<f64>(out + j, 16) + t, 16);
    }
    store<f64>(out, load<f64>(out) + Math.sqrt(square));
    store<f64>(out, load<f64>(out, 8) + square, 8);
  }
}
