// Nearest centers of rows that are looked at once: predict, score, the batches of mini-batch k-means.
//
// The same screening as in screening.ts, for rows that do not stay: each is read from memory once, quantised into a few kilobytes that stay in the
// first-level cache, compared, and decided. A call chooses its own scale by the lengths of a few of its rows, so a pass needs to know nothing of them
// beforehand; the labels are exact, so they do not depend on it.
//
// With the scale s and whole numbers M (d) near shift·s, t = x·s − M and q are the integers nearest to t. Rows of ‖t‖ > LIMIT are decided exactly; that
// catches NaN and infinities as well, so the check for finite data costs no reading of its own.
//
// The bound. Everything in units of 1/s: t = q + e with |e_j| ≤ ½ + δ, where δ = (max|M| + 2^16)·2^−52 covers the rounding of t, and of b = c·s − M.
// Let v = LIMIT/max‖b‖, and b·v = p + f with integers p. The nearest center has the largest  g = (t·b − ‖b‖²/2)·v, and
//   t·b·v = q·p + e·p + t·f,   so   |t·b·v − q·p| ≤ √d·(½ + δ)·(LIMIT + max‖f‖) + LIMIT·max‖f‖   (Cauchy–Schwarz).
// With h the integer nearest to ‖b‖²·v/2, the score q·p − h is within
//   E = √d·(½ + δ)·(LIMIT + max‖f‖) + LIMIT·max‖f‖ + ½ + 2·√d·δ·LIMIT·v + (d + 8)·2^−52·(2·LIMIT)²·v + 1
// of g: the fourth term is the rounding of b, the fifth that of the canonical distances (relative (d + 2)·2^−53 each, of at most (2·LIMIT + √d)²/v), 1
// that of these bounds themselves. From there it goes on as in screening.ts: if best − second > 2E + 2·2^bits, the best is the nearest, and no other ties
// with it. Where it is not, only centers whose score is within 2E of the best can be the nearest: their canonical distances decide.
// Overflow: |q·p| ≤ (LIMIT + √d/2)² and h ≤ LIMIT·(LIMIT + √d)/2, below 2^30 together for d ≤ 10^6, as s is at most LIMIT over max‖c − shift‖.
import { sumsScratch, takeLabels } from "./cluster-sums";
import { inertia, nearestCenters } from "./kmeans";
import { LIMIT, SHIFTER, indexBits, inverseScale, largestNorm, narrowed, nearestAmong, quantize, rowScores, screen } from "./screening";
import { blockRows, pack } from "./tile";

/** Twice the relative rounding of a double. */
const EPSILON: f64 = 2.220446049250313e-16;
/** Rows whose lengths are looked at to choose a scale. */
const SAMPLE: i32 = 16;
/** Bytes of integer tile: a tile is short, so that what the processor fetches ahead while rows are compared is a good part of the next one. Against 16 KB: 0.8 of the time
 *  at d = 24 and 128, 0.9 at 16 and 64, 0.95 at 8. */
const TILE_BYTES: i32 = 1024;
/** From so many features on, rows are quantised one by one, as memory likes them to be read, and transposed in cache: measured, with X in memory, 0.40 to 0.6 ns
 *  a feature at d = 40 to 784, where four at a time take 0.5 to 1.7; below, four at a time take 0.38 and one by one 0.46 to 0.56. */
const FLAT_FROM: i32 = 38;
/** No two −h of centers are so far apart (see the top), and lanes without a center are farther. */
const ANY: i32 = 0x20000000;
/** Most rows of a tile. */
const MOST_ROWS: i32 = 256;
/** Most rows whose labels wait. */
const MOST_WAITING: i32 = 1024;
/** Bytes of rows, in the second-level cache, after which labels are taken and distances summed: doing so after each tile costs an eighth of score at d = 64. */
const BATCH_BYTES: i32 = 65536;

/** Rows of a block: a multiple of 8. */
function onceRows(d: i32): i32 {
  return max(8, min(MOST_ROWS, (TILE_BYTES / (((d + 1) >> 1) << 5)) << 3));
}

/** Bytes of the quantised centers: M of each feature (even number), −h of each center (i32, ⌈k/4⌉·4), the integers p as panels of four:
 *  [⌈k/4⌉][⌈d/2⌉][4][2] i16. */
function centersBytes(k: i32, d: i32): usize {
  const groups = <usize>((k + 3) >> 2), pairs = <usize>((d + 1) >> 1);
  return (pairs + groups + groups * pairs) << 4;
}

/** Bytes of scratch for `assignOnce`. */
export function onceScratch(d: i32, k: i32): usize {
  const rows = <usize>onceRows(d);
  // scale and threshold · centers · integer tile, which `quantizeFlat` overruns by up to three pairs · best and second of each row · labels · masks · one dense tile
  // with its best distances · eight rows of integers · scores of a row · rows that change
  return 16 + centersBytes(k, d) + rows * <usize>((d + 1) >> 1) * 4 + 96 + rows * 9 + (<usize>MOST_WAITING << 2) + (<usize>blockRows(d) * (<usize>d + 1) << 3) + (<usize>(d + 7) & ~7) * 16 + (<usize>((k + 3) >> 2) << 4) + sumsScratch(MOST_WAITING, k);
}

/** Quantises k centers (k×d, row-major, in) about `shift` (d, in), with a scale fit for rows [start, end) of x by the lengths of a few of them. `info` (out):
 *  s, 0 where nothing can be screened, and the threshold 2E + 2·2^bits; then what `centersBytes` says. `point` (d, out): M/s. */
function prepare(x: usize, d: i32, start: i32, end: i32, shift: usize, centers: usize, k: i32, info: usize, point: usize): void {
  const rowBytes = <usize>d << 3;
  const pairs = (d + 1) >> 1, groups = (k + 3) >> 2;
  const wholes = info + 16;
  const halves = wholes + (<usize>pairs << 4);
  const panels = halves + (<usize>groups << 4);
  let longest: f64 = 0, total: f64 = 0;
  const step = (end - start + SAMPLE - 1) / SAMPLE;
  let count = 0;
  for (let i = start; i < end; i += step) {
    const length = largestNorm(x + <usize>i * rowBytes, d, 1, shift, 0);
    if (!(length < Infinity)) continue; // the pass comes upon it
    longest = max(longest, length);
    total += length;
    count++;
  }
  // as far above the longest of the sample as that is above its mean: few of the others are longer, whatever the number of features
  const scale = inverseScale(max(largestNorm(centers, d, k, shift, 0), 2 * longest - total / <f64>max(1, count)));
  let largest: f64 = 0;
  if (d & 1) store<f64>(wholes + rowBytes, 0);
  for (let j: usize = 0; j < rowBytes; j += 8) {
    const m = nearest(load<f64>(shift + j) * scale);
    largest = max(largest, Math.abs(m));
    store<f64>(wholes + j, m);
    store<f64>(point + j, m / scale);
  }
  store<f64>(info, 0);
  store<f64>(info, 0, 8);
  if (scale == 0 || !(largest < 1099511627776.0)) return; // 2^40

  const reach = largestNorm(centers, d, k, point, halves) * scale; // for now doubles, into the room of the panels
  const v = reach > 0 ? LIMIT / reach : 0;
  for (let c: usize = 0; c < <usize>(groups << 2); c++) {
    const half = c < <usize>k ? load<f64>(halves + (c << 3)) * scale * scale * v : 0x5fff0000;
    store<i32>(halves + (c << 2), -<i32>nearest(half));
  }
  const f = quantize(centers, k, d, point, scale * v, 2, panels);
  const root = Math.sqrt(<f64>d);
  const delta = (largest + 65536) * EPSILON;
  const bound = root * (0.5 + delta) * (LIMIT + f) + LIMIT * f + 2 * root * delta * LIMIT * v + <f64>(d + 8) * EPSILON * 4 * LIMIT * LIMIT * v + 1.5;
  const threshold = Math.ceil(2 * bound) + <f64>(2 << indexBits(groups));
  if (!(threshold < 536870912.0)) return; // 2^29
  store<f64>(info, scale);
  store<f64>(info, threshold, 8);
}

/** Quantises four rows of d doubles (from `r0` on, the last of them at `last`) into half an oct of a tile ([⌈d/2⌉][8][2] i16, out). Returns a mask of the rows longer than LIMIT or not finite. */
function quantizeQuad(r0: usize, last: usize, d: i32, scale: f64, wholes: usize, tile: usize): i32 {
  const rowBytes = <usize>d << 3;
  let r1 = min(r0 + rowBytes, last), r2 = min(r1 + rowBytes, last), r3 = min(r2 + rowBytes, last);
  const s = f64x2.splat(scale), shifter = f64x2.splat(SHIFTER);
  let n0 = f64x2.splat(0), n1 = n0, n2 = n0, n3 = n0;
  const end = tile + (<usize>(d >> 1) << 5);
  for (; tile < end; tile += 32) {
    const m = v128.load(wholes);
    const t0 = f64x2.sub(f64x2.mul(v128.load(r0), s), m), t1 = f64x2.sub(f64x2.mul(v128.load(r1), s), m);
    const t2 = f64x2.sub(f64x2.mul(v128.load(r2), s), m), t3 = f64x2.sub(f64x2.mul(v128.load(r3), s), m);
    v128.store(tile, narrowed(f64x2.add(t0, shifter), f64x2.add(t1, shifter), f64x2.add(t2, shifter), f64x2.add(t3, shifter)));
    n0 = f64x2.add(n0, f64x2.mul(t0, t0)); n1 = f64x2.add(n1, f64x2.mul(t1, t1));
    n2 = f64x2.add(n2, f64x2.mul(t2, t2)); n3 = f64x2.add(n3, f64x2.mul(t3, t3));
    r0 += 16; r1 += 16; r2 += 16; r3 += 16;
    wholes += 16;
  }
  if (d & 1) {
    const m = v128.load64_zero(wholes);
    const t0 = f64x2.sub(f64x2.mul(v128.load64_zero(r0), s), m), t1 = f64x2.sub(f64x2.mul(v128.load64_zero(r1), s), m);
    const t2 = f64x2.sub(f64x2.mul(v128.load64_zero(r2), s), m), t3 = f64x2.sub(f64x2.mul(v128.load64_zero(r3), s), m);
    v128.store(tile, narrowed(f64x2.add(t0, shifter), f64x2.add(t1, shifter), f64x2.add(t2, shifter), f64x2.add(t3, shifter)));
    n0 = f64x2.add(n0, f64x2.mul(t0, t0)); n1 = f64x2.add(n1, f64x2.mul(t1, t1));
    n2 = f64x2.add(n2, f64x2.mul(t2, t2)); n3 = f64x2.add(n3, f64x2.mul(t3, t3));
  }
  const longest = f64x2.splat(LIMIT * LIMIT);
  n0 = f64x2.add(v128.shuffle<f64>(n0, n1, 0, 2), v128.shuffle<f64>(n0, n1, 1, 3));
  n2 = f64x2.add(v128.shuffle<f64>(n2, n3, 0, 2), v128.shuffle<f64>(n2, n3, 1, 3));
  return 15 ^ (i64x2.bitmask(f64x2.le(n0, longest)) | (i64x2.bitmask(f64x2.le(n2, longest)) << 2));
}

/** As `quantizeQuad`, for eight rows (from `row` on, the last of them at `last`) one after the other, as memory likes long ones to be read: a whole oct.
 *  `flat` (8·(d + 7 & ~7) i16): room. */
function quantizeFlat(row: usize, last: usize, d: i32, scale: f64, wholes: usize, tile: usize, flat: usize): i32 {
  const s = f64x2.splat(scale), shifter = f64x2.splat(SHIFTER);
  const rowBytes = <usize>d << 3, flatBytes = <usize>((d + 7) & ~7) << 1;
  let mask = 0;
  for (let r = 0; r < 8; r++, row = min(row + rowBytes, last)) {
    let m = wholes, out = flat + <usize>r * flatBytes, p = row;
    let n0 = f64x2.splat(0), n1 = n0;
    for (const end = row + (rowBytes & ~63); p < end; p += 64, m += 64, out += 16) {
      const t0 = f64x2.sub(f64x2.mul(v128.load(p), s), v128.load(m)), t1 = f64x2.sub(f64x2.mul(v128.load(p, 16), s), v128.load(m, 16));
      const t2 = f64x2.sub(f64x2.mul(v128.load(p, 32), s), v128.load(m, 32)), t3 = f64x2.sub(f64x2.mul(v128.load(p, 48), s), v128.load(m, 48));
      v128.store(out, narrowed(f64x2.add(t0, shifter), f64x2.add(t1, shifter), f64x2.add(t2, shifter), f64x2.add(t3, shifter)));
      n0 = f64x2.add(n0, f64x2.add(f64x2.mul(t0, t0), f64x2.mul(t1, t1)));
      n1 = f64x2.add(n1, f64x2.add(f64x2.mul(t2, t2), f64x2.mul(t3, t3)));
    }
    n0 = f64x2.add(n0, n1);
    let norm = f64x2.extract_lane(n0, 0) + f64x2.extract_lane(n0, 1);
    for (const end = row + rowBytes; p < end; p += 8, m += 8, out += 2) {
      const t = load<f64>(p) * scale - load<f64>(m);
      store<i16>(out, i32x4.extract_lane(i16x8.narrow_i32x4_s(f64x2.splat(t + SHIFTER), shifter), 0));
      norm += t * t;
    }
    if (!(norm <= LIMIT * LIMIT)) mask |= 1 << r;
  }
  for (const end = flat + flatBytes; flat < end; flat += 16, tile += 96) {
    for (let from = flat, half = 0; half < 2; half++, from += flatBytes << 2, tile += 16) {
      const a = v128.load(from), b = v128.load(from + flatBytes), c = v128.load(from + 2 * flatBytes), e = v128.load(from + 3 * flatBytes);
      const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5), ce = v128.shuffle<i32>(c, e, 0, 4, 1, 5);
      v128.store(tile, v128.shuffle<i64>(ab, ce, 0, 2));
      v128.store(tile, v128.shuffle<i64>(ab, ce, 1, 3), 32);
      const AB = v128.shuffle<i32>(a, b, 2, 6, 3, 7), CE = v128.shuffle<i32>(c, e, 2, 6, 3, 7);
      v128.store(tile, v128.shuffle<i64>(AB, CE, 0, 2), 64);
      v128.store(tile, v128.shuffle<i64>(AB, CE, 1, 3), 96);
    }
  }
  return mask;
}

/** Whether some of the d doubles of a row are not finite. */
function isBroken(row: usize, d: i32): i32 {
  const end = row + (<usize>d << 3);
  for (; row < end; row += 8) if (!(Math.abs(load<f64>(row)) < Infinity)) return 1;
  return 0;
}

/** Assignment pass over rows [start, end): the label of each row of x (n×d, in) to `labels` (i32, inout). `shift` (d, in): a point near centers and rows.
 *  Centers come row-major (k×d, in) and as panels ([⌈k/4⌉][d][4], in).
 *  `broken` (i32, out; 0: all rows are finite): set to 1 where a row has a value that is not, whose label means nothing.
 *  `inertias` (two doubles per slot of `slotRows` rows, inout; 0: not asked for), where `broken` is not 0: Σ w·distance² of the slot, and one unused.
 *  stats (inout), where `broken` is 0: as in `assignScreened`, without its second and third count. */
export function assignOnce(
  x: usize, w: usize, d: i32, k: i32, shift: usize, centers: usize, panels: usize, labels: usize, broken: usize, inertias: usize, slotRows: i32,
  start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const rowBytes = <usize>d << 3;
  const pairs = (d + 1) >> 1, groups = (k + 3) >> 2;
  const octBytes = <usize>pairs << 5;
  const rows = onceRows(d);
  const info = scratch;
  const tile = info + 16 + centersBytes(k, d);
  const best = tile + <usize>(rows >> 3) * octBytes + 96;
  const second = best + (<usize>rows << 2);
  const fresh = second + (<usize>rows << 2);
  const masks = fresh + (<usize>MOST_WAITING << 2);
  const dense = masks + <usize>rows;
  const denseBest = dense + (<usize>blockRows(d) * rowBytes);
  const flat = denseBest + (<usize>blockRows(d) << 3);
  const scores = flat + (<usize>(d + 7) & ~7) * 16;
  const sorted = scores + (<usize>groups << 4);
  prepare(x, d, start, end, shift, centers, k, info, dense);
  const scale = load<f64>(info), threshold = load<f64>(info, 8);
  const wholes = info + 16;
  const halves = wholes + (<usize>pairs << 4);
  const quantized = halves + (<usize>groups << 4);
  const low = (1 << indexBits(groups)) - 1;
  const limit = i32x4.splat(<i32>threshold);
  const last = i32x4.splat((groups << 2) - 1), lows = i32x4.splat(low);
  let bad = 0;
  let open = 0; // rows decided exactly
  let taken = start; // the labels of the rows from here on wait in `fresh`
  const batch = BATCH_BYTES / <i32>rowBytes;
  for (let b = start, count = 0; b < end; b += count) {
    count = min(min(rows, end - b), slotRows - b % slotRows);
    const base = x + <usize>b * rowBytes;
    const own = fresh + (<usize>(b - taken) << 2); // labels of the tile
    const final = base + <usize>(count - 1) * rowBytes;
    // not screened, or screening has decided less than three quarters of the call so far
    if (scale == 0 || open > 64 + ((b - start) >> 2)) {
      const some = blockRows(d);
      for (let r = 0; r < count; r += some) {
        const these = min(some, count - r);
        pack(x, d, b + r, these, dense);
        nearestCenters(dense, (these + 3) >> 2, d, panels, k, denseBest, own + (<usize>r << 2));
        for (let i = 0; i < these; i++) {
          if (!(load<f64>(denseBest + (<usize>i << 3)) < Infinity)) bad |= isBroken(base + <usize>(r + i) * rowBytes, d);
        }
      }
    } else {
      const octs = (count + 7) >> 3;
      let row = base, out = tile;
      for (let o: usize = 0; o < <usize>octs; o++, out += octBytes) {
        let mask: i32;
        if (d < FLAT_FROM) {
          mask = quantizeQuad(row, final, d, scale, wholes, out);
          mask |= quantizeQuad(min(row + 4 * rowBytes, final), final, d, scale, wholes, out + 16) << 4;
        } else mask = quantizeFlat(row, final, d, scale, wholes, out, flat);
        store<u8>(masks + o, <u8>mask);
        row = min(row + 8 * rowBytes, final);
      }
      screen(tile, octs, pairs, k, quantized, halves, ~low, best, second);
      for (let i = 0; i < count; i += 4) {
        const at = <usize>i << 2;
        const top = v128.load(best + at);
        v128.store(own + at, i32x4.sub(last, v128.and(top, lows)));
        const long = (<i32>load<u8>(masks + <usize>(i >> 3)) >> (i & 4)) & 15;
        let close = long | i32x4.bitmask(i32x4.le_s(i32x4.sub(top, v128.load(second + at)), limit));
        if (count - i < 4) close &= (1 << (count - i)) - 1;
        while (close != 0) {
          const r = <usize>(i + ctz(close));
          close &= close - 1;
          open++;
          const row = base + r * rowBytes;
          let among = halves, within = ANY; // a row that has no scores is compared with all centers
          if (long & (1 << (<i32>r & 3))) bad |= isBroken(row, d);
          else {
            rowScores(tile + (r >> 3) * octBytes + ((r & 7) << 2), pairs, groups, quantized, halves, scores);
            among = scores;
            within = <i32>threshold;
          }
          store<i32>(own + (r << 2), nearestAmong(row, d, panels, among, groups, within));
        }
      }
    }
    const done = b + count, waiting = done - taken;
    if (done < end && done % slotRows != 0 && waiting < batch && waiting + rows <= MOST_WAITING) continue;
    if (broken == 0) takeLabels(x, w, d, k, labels, fresh, sorted, taken, waiting, stats);
    else {
      memory.copy(labels + (<usize>taken << 2), fresh, <usize>waiting << 2);
      if (inertias != 0) {
        const sum = inertias + (<usize>(taken / slotRows) << 4);
        if (taken % slotRows == 0) memory.fill(sum, 0, 16);
        inertia(x, w, d, centers, labels, 0, 0, taken, done, sum, 0);
      }
    }
    taken = done;
  }
  if (bad & <i32>(broken != 0)) store<i32>(broken, 1);
}
