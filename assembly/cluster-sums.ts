// The sums of the clusters, updated by the rows that change cluster.
//
// Sums are unevaluated pairs of doubles. Every addition is a two-sum (Knuth 1969), which loses nothing of the high part, so only what the low
// parts round is lost, about 2^−100 of the sum: whatever order rows come and go in, a sum is the exact one to that.

/** From this many changing rows a cluster on, a block's rows are sorted by cluster, which keeps sums in registers. */
const SORT_FROM: i32 = 2;

/** Bytes of a row that are touched ahead: what follows comes by itself, as it is read in order. */
const TOUCH_BYTES: usize = 1024;

/** Bytes of scratch for `takeLabels` with blocks of `rows` rows. */
export function sumsScratch(rows: i32, k: i32): usize {
  // rows that change · the same by cluster · where each cluster's begin
  return (<usize>rows << 3) + max(<usize>(k + 2) << 2, 16);
}

/** Writes the labels of rows [b, b + count) and adds what changes with them to `stats`.
 *  x (n×d, in), w (n, in; 0 for none), `labels` (n, i32, inout: −1 for none yet), `fresh` (count, i32, in).
 *  stats (inout): see `assignScreened`. */
export function takeLabels(x: usize, w: usize, d: i32, k: i32, labels: usize, fresh: usize, scratch: usize, b: i32, count: i32, stats: usize): void {
  const old = labels + (<usize>b << 2);
  const list = scratch;
  const end = changes(old, fresh, count, list);
  if (end == list) return;
  const rows = x + (<usize>b * <usize>d << 3);
  touchRows(rows, <usize>d << 3, list, end, end);
  if (w != 0 || <i32>((end - list) >> 2) < SORT_FROM * k) moveRows(rows, w != 0 ? w + (<usize>b << 3) : 0, d, k, list, end, old, fresh, stats);
  else {
    const sorted = list + (<usize>count << 2);
    const starts = sorted + (<usize>count << 2);
    add(stats, <f64>((end - list) >> 2));
    sortByLabel(list, end, fresh, k, sorted, starts);
    addClusters(rows, d, k, sorted, starts, 1, stats);
    sortByLabel(list, end, old, k, sorted, starts);
    addClusters(rows, d, k, sorted, starts, -1, stats);
  }
  memory.copy(old, fresh, <usize>count << 2);
}

/** Brings listed rows into the cache. One after the other they would be waited for, as the work on one row fills the processor's window; loads
 *  and nothing else are in flight by the dozen. `sink` (16 bytes, out): keeps the loads from being dropped. */
export function touchRows(rows: usize, rowBytes: usize, list: usize, end: usize, sink: usize): void {
  let all = i64x2.splat(0);
  const bytes = min(rowBytes, TOUCH_BYTES);
  for (; list < end; list += 4) {
    const row = rows + <usize>load<i32>(list) * rowBytes;
    for (let j: usize = 0; j < bytes; j += 64) all = v128.or(all, v128.load64_zero(row + j));
    all = v128.or(all, v128.load64_zero(row + bytes - 8));
  }
  v128.store(sink, all);
}

/** Lists the rows of a mask, bit 0 being row `first`; returns the end of the list. Which of 64 rows are set cannot be predicted: what is mispredicted is one
 *  branch, at the last of them. */
export function listBits(mask: u64, first: i32, list: usize): usize {
  for (; mask != 0; mask &= mask - 1, list += 4) store<i32>(list, first + <i32>ctz(mask));
  return list;
}

/** Lists the numbers of the rows whose labels differ; returns the end of the list. Reads labels by sixteens. */
function changes(old: usize, fresh: usize, count: i32, list: usize): usize {
  for (let first = 0; first < count; first += 64) {
    const some = min(count - first, 64);
    let mask: u64 = 0;
    for (let i = 0; i < some; i += 16, old += 64, fresh += 64) {
      const a = i16x8.narrow_i32x4_s(i32x4.ne(v128.load(old), v128.load(fresh)), i32x4.ne(v128.load(old, 16), v128.load(fresh, 16)));
      const b = i16x8.narrow_i32x4_s(i32x4.ne(v128.load(old, 32), v128.load(fresh, 32)), i32x4.ne(v128.load(old, 48), v128.load(fresh, 48)));
      mask |= <u64>i8x16.bitmask(i8x16.narrow_i16x8_s(a, b)) << i;
    }
    list = listBits(mask & (<u64>-1 >> (64 - some)), first, list);
  }
  return list;
}

/** Counting sort of listed rows by label. `starts` (k + 2 i32, out): cluster c has sorted[starts[c] … starts[c + 1]); rows without a label (−1) are
 *  left out. */
function sortByLabel(list: usize, end: usize, labels: usize, k: i32, sorted: usize, starts: usize): void {
  memory.fill(starts, 0, <usize>(k + 2) << 2);
  const counts = starts + 8; // of cluster c two places on, so that filling moves each start to its place
  for (let at = list; at < end; at += 4) {
    const c = load<i32>(labels + (<usize>load<i32>(at) << 2));
    if (c >= 0) store<i32>(counts + (<usize>c << 2), load<i32>(counts + (<usize>c << 2)) + 1);
  }
  let sum = 0;
  for (let p = starts + 4; p < starts + (<usize>(k + 2) << 2); p += 4) {
    sum += load<i32>(p);
    store<i32>(p, sum);
  }
  const places = starts + 4;
  for (let at = list; at < end; at += 4) {
    const r = load<i32>(at);
    const c = load<i32>(labels + (<usize>r << 2));
    if (c < 0) continue;
    const place = load<i32>(places + (<usize>c << 2));
    store<i32>(places + (<usize>c << 2), place + 1);
    store<i32>(sorted + (<usize>place << 2), r);
  }
}

/** Adds (sign 1) or takes out (−1) sorted rows of weight 1. Rows of one cluster come one after the other, so its sums stay in registers. */
function addClusters(rows: usize, d: i32, k: i32, sorted: usize, starts: usize, sign: f64, stats: usize): void {
  const rowBytes = <usize>d << 3;
  const counts = stats + 24;
  const weights = counts + (<usize>k << 3);
  const sums = weights + (<usize>k << 3);
  const low = <usize>k * (rowBytes + 8); // from a high part to its low part
  const wideBytes = rowBytes & ~63, evenBytes = rowBytes & ~15;
  const flip = f64x2.splat(sign < 0 ? -0.0 : 0);
  let from = load<i32>(starts);
  for (let c = 0; c < k; c++) {
    const to = load<i32>(starts + (<usize>(c + 1) << 2));
    if (to == from) continue;
    const first = sorted + (<usize>from << 2), last = sorted + (<usize>to << 2);
    const members = sign * <f64>(to - from);
    from = to;
    add(counts + (<usize>c << 3), members);
    add(weights + (<usize>c << 3), members); // whole numbers: no low parts
    const sum = sums + <usize>c * rowBytes;
    let j: usize = 0;
    for (; j < wideBytes; j += 64) addEight(rows + j, rowBytes, first, last, flip, sum + j, low);
    for (; j < evenBytes; j += 16) addTwo(rows + j, rowBytes, first, last, flip, sum + j, low);
    if (j < rowBytes) for (let at = first; at < last; at += 4) addPair(sum + j, low, sign * load<f64>(rows + <usize>load<i32>(at) * rowBytes + j));
  }
}

/** Two-sums of eight columns of the listed rows, signs flipped by `flip`. */
function addEight(column: usize, rowBytes: usize, list: usize, end: usize, flip: v128, sum: usize, low: usize): void {
  let a = v128.load(sum), b = v128.load(sum, 16), c = v128.load(sum, 32), e = v128.load(sum, 48);
  const lows = sum + low;
  let al = v128.load(lows), bl = v128.load(lows, 16), cl = v128.load(lows, 32), el = v128.load(lows, 48);
  for (; list < end; list += 4) {
    const row = column + <usize>load<i32>(list) * rowBytes;
    let v = v128.xor(v128.load(row), flip);
    let s = f64x2.add(a, v), back = f64x2.sub(s, a);
    al = f64x2.add(al, f64x2.add(f64x2.sub(a, f64x2.sub(s, back)), f64x2.sub(v, back)));
    a = s;
    v = v128.xor(v128.load(row, 16), flip);
    s = f64x2.add(b, v); back = f64x2.sub(s, b);
    bl = f64x2.add(bl, f64x2.add(f64x2.sub(b, f64x2.sub(s, back)), f64x2.sub(v, back)));
    b = s;
    v = v128.xor(v128.load(row, 32), flip);
    s = f64x2.add(c, v); back = f64x2.sub(s, c);
    cl = f64x2.add(cl, f64x2.add(f64x2.sub(c, f64x2.sub(s, back)), f64x2.sub(v, back)));
    c = s;
    v = v128.xor(v128.load(row, 48), flip);
    s = f64x2.add(e, v); back = f64x2.sub(s, e);
    el = f64x2.add(el, f64x2.add(f64x2.sub(e, f64x2.sub(s, back)), f64x2.sub(v, back)));
    e = s;
  }
  v128.store(sum, a); v128.store(sum, b, 16); v128.store(sum, c, 32); v128.store(sum, e, 48);
  v128.store(lows, al); v128.store(lows, bl, 16); v128.store(lows, cl, 32); v128.store(lows, el, 48);
}

/** `addEight` for two columns. */
function addTwo(column: usize, rowBytes: usize, list: usize, end: usize, flip: v128, sum: usize, low: usize): void {
  let a = v128.load(sum), al = v128.load(sum + low);
  for (; list < end; list += 4) {
    const v = v128.xor(v128.load(column + <usize>load<i32>(list) * rowBytes), flip);
    const s = f64x2.add(a, v), back = f64x2.sub(s, a);
    al = f64x2.add(al, f64x2.add(f64x2.sub(a, f64x2.sub(s, back)), f64x2.sub(v, back)));
    a = s;
  }
  v128.store(sum, a);
  v128.store(sum + low, al);
}

/** Listed rows one after the other, with weights of their own (`w`, one a row of the block) or, where it is 0, of weight 1. */
function moveRows(rows: usize, w: usize, d: i32, k: i32, list: usize, end: usize, old: usize, fresh: usize, stats: usize): void {
  const rowBytes = <usize>d << 3;
  const counts = stats + 24;
  const weights = counts + (<usize>k << 3);
  const sums = weights + (<usize>k << 3);
  const low = <usize>k * (rowBytes + 8);
  const zero = f64x2.splat(0);
  let changed: f64 = 0;
  for (let at = list; at < end; at += 4) {
    const i = load<i32>(at);
    const to = load<i32>(fresh + (<usize>i << 2)), from = load<i32>(old + (<usize>i << 2));
    const weight = w != 0 ? load<f64>(w + (<usize>i << 3)) : 1;
    if (weight == 0) continue;
    changed += 1;
    const row = rows + <usize>i * rowBytes;
    const into = sums + <usize>to * rowBytes;
    add(counts + (<usize>to << 3), 1);
    addPair(weights + (<usize>to << 3), low, weight);
    if (from < 0) {
      addRow(row, rowBytes, weight, into, low);
      continue;
    }
    const out = sums + <usize>from * rowBytes;
    add(counts + (<usize>from << 3), -1);
    addPair(weights + (<usize>from << 3), low, -weight);
    if (w != 0) {
      addRow(row, rowBytes, weight, into, low);
      addRow(row, rowBytes, -weight, out, low);
      continue;
    }
    // both at once: 1 to 2.5 % of a fit
    let j: usize = 0;
    for (; j + 16 <= rowBytes; j += 16) {
      const v = v128.load(row + j);
      addPairs(into + j, low, v, zero);
      addPairs(out + j, low, f64x2.neg(v), zero);
    }
    if (j < rowBytes) {
      const v = load<f64>(row + j);
      addPair(into + j, low, v);
      addPair(out + j, low, -v);
    }
  }
  add(stats, changed);
}

// @ts-ignore: decorator
@inline
function add(address: usize, v: f64): void {
  store<f64>(address, load<f64>(address) + v);
}

/** Adds v to the pair (high at `address`, low `low` bytes on): two-sum (Knuth 1969). */
// @ts-ignore: decorator
@inline
function addPair(address: usize, low: usize, v: f64): void {
  const a = load<f64>(address);
  const sum = a + v;
  const back = sum - a;
  store<f64>(address, sum);
  store<f64>(address + low, load<f64>(address + low) + ((a - (sum - back)) + (v - back)));
}

/** Adds weight·row to pairs. The product is split exactly without FMA (Dekker 1971). */
function addRow(row: usize, rowBytes: usize, weight: f64, sum: usize, low: usize): void {
  const evenBytes = rowBytes & ~15;
  const wide = f64x2.splat(weight);
  if (Math.abs(weight) == 1) {
    for (let j: usize = 0; j < evenBytes; j += 16) addPairs(sum + j, low, f64x2.mul(v128.load(row + j), wide), f64x2.splat(0));
    if (evenBytes < rowBytes) addPair(sum + evenBytes, low, load<f64>(row + evenBytes) * weight);
    return;
  }
  const SPLIT = f64x2.splat(134217729.0); // 2^27 + 1
  const wc = f64x2.mul(wide, SPLIT);
  const wHigh = f64x2.sub(wc, f64x2.sub(wc, wide));
  const wLow = f64x2.sub(wide, wHigh);
  for (let j: usize = 0; j < rowBytes; j += 16) {
    const v = j < evenBytes ? v128.load(row + j) : v128.load64_zero(row + j);
    const vc = f64x2.mul(v, SPLIT);
    const vHigh = f64x2.sub(vc, f64x2.sub(vc, v));
    const vLow = f64x2.sub(v, vHigh);
    const product = f64x2.mul(v, wide);
    let error = f64x2.sub(f64x2.mul(vHigh, wHigh), product);
    error = f64x2.add(f64x2.add(f64x2.add(error, f64x2.mul(vHigh, wLow)), f64x2.mul(vLow, wHigh)), f64x2.mul(vLow, wLow));
    if (j < evenBytes) addPairs(sum + j, low, product, error);
    else {
      addPair(sum + j, low, f64x2.extract_lane(product, 0));
      add(sum + j + low, f64x2.extract_lane(error, 0));
    }
  }
}

/** `addPair` for two neighbours, with something more for the low parts. */
// @ts-ignore: decorator
@inline
function addPairs(address: usize, low: usize, v: v128, more: v128): void {
  const a = v128.load(address);
  const sum = f64x2.add(a, v);
  const back = f64x2.sub(sum, a);
  const error = f64x2.add(f64x2.sub(a, f64x2.sub(sum, back)), f64x2.sub(v, back));
  v128.store(address, sum);
  v128.store(address + low, f64x2.add(v128.load(address + low), f64x2.add(error, more)));
}
