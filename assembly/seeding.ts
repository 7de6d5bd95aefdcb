// The passes of greedy k-means++ (Arthur & Vassilvitskii 2007), over the integer tiles of screening.ts.
//
// A candidate z brings a row nearer iff ‖x − z‖² < D, with D the row's squared distance to the chosen so far. In the notation of screening.ts
// that is  g = (t·b − ‖b‖²/2)/(στ) > T = (‖t‖² − D)/(2στ).  Each row keeps ⌊T⌋ in 32 bits, so a candidate is compared with it in integers: where
// the score plus its bound E does not reach ⌊T⌋, the row keeps its D. The scale τ is that of the farthest row, the same for all candidates.
//
// What a candidate gains, Σ w·max(0, D − ‖x − z‖²), is bracketed in integers as well: a row's share of it, in units of 2στ, is 0 where
// s = score + E − ⌊T⌋ ≤ 0, and else between s − 2E − 1 and s + 1. Brackets that do not overlap decide which candidate gains most without
// one exact distance; the caller asks for exact gains otherwise. Either way the choice is that of the exact gains.
import { squaredDistance } from "./distances";
import { listBits, touchRows } from "./cluster-sums";
import { BLOCK_DOUBLES, SCREEN_ROWS, inverseScale, quantize } from "./screening";

/** From so many features on, neighbouring rows are read one after the other, as memory likes long ones to be read: half the time of two at once at d = 64. */
const ONE_BY_ONE_FROM: i32 = 24;

/** From so many features on, rows that are read here and there are brought into the cache together: a seventh of such a pass at d = 8 to 64; with two features it
 *  costs more than it saves. */
const TOUCH_FROM: i32 = 8;

/** Bytes of rows that are quantised and then measured, while they are in the first-level cache. */
const PIECE_BYTES: i32 = 16384;

/** From so many features on, reading half of the rows of a block takes half as long as reading all; with 8 to 64 a third of them does (all read from 5 in 16
 *  on: 2 to 4 % of k-means++, at 784 features 4 % the other way). */
const LONG_FROM: i32 = 256;

/** `squaredDistance` of two rows to a center each, one a lane: the same sums, side by side, so that neither waits for the other. */
// @ts-ignore: decorator
@inline
function twoDistances(one: usize, other: usize, first: usize, second: usize, rowBytes: usize): v128 {
  const evenBytes = rowBytes & ~15;
  let a = f64x2.splat(0), b = a;
  for (let j: usize = 0; j < evenBytes; j += 16) {
    const t = f64x2.sub(v128.load(one + j), v128.load(first + j)), u = f64x2.sub(v128.load(other + j), v128.load(second + j));
    a = f64x2.add(a, f64x2.mul(t, t));
    b = f64x2.add(b, f64x2.mul(u, u));
  }
  let squares = f64x2.add(v128.shuffle<f64>(a, b, 0, 2), v128.shuffle<f64>(a, b, 1, 3));
  if (evenBytes < rowBytes) {
    const rows = v128.load64_lane(other + evenBytes, v128.load64_zero(one + evenBytes), 1);
    const t = f64x2.sub(rows, v128.load64_lane(second + evenBytes, v128.load64_zero(first + evenBytes), 1));
    squares = f64x2.add(squares, f64x2.mul(t, t));
  }
  return squares;
}

/** Σ v over `count` doubles: eight partial sums, then the rest in order. */
function plainSum(v: usize, count: i32): f64 {
  let a = f64x2.splat(0), b = a, c = a, e = a;
  let i = 0;
  for (; i + 8 <= count; i += 8, v += 64) {
    a = f64x2.add(a, v128.load(v));
    b = f64x2.add(b, v128.load(v, 16));
    c = f64x2.add(c, v128.load(v, 32));
    e = f64x2.add(e, v128.load(v, 48));
  }
  const all = f64x2.add(f64x2.add(a, b), f64x2.add(c, e));
  let sum = f64x2.extract_lane(all, 0) + f64x2.extract_lane(all, 1);
  for (; i < count; i++, v += 8) sum += load<f64>(v);
  return sum;
}

/** Σ w·v over `count` doubles, in order. */
function weightedSum(v: usize, w: usize, count: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < count; i++, v += 8, w += 8) sum += load<f64>(w) * load<f64>(v);
  return sum;
}

/** E of a block for centers quantised as in `info`, rounded up. */
// @ts-ignore: decorator
@inline
function scoreBound(block: usize, info: usize): f64 {
  return Math.ceil(load<f64>(block, 8) * load<f64>(info, 16) + load<f64>(block, 16) * (load<f64>(info, 8) * load<f64>(info)) + 1.5);
}

/** Bytes of scratch for `seedUpdate`. */
export function seedScratch(): usize {
  // rows to look at, the last one perhaps twice · what `touchRows` leaves
  return ((<usize>SCREEN_ROWS + 4) << 2) + 16;
}

/** Pass: takes one chosen center into the rows [start, end) of x (n×d, in). `center` (d, in), `info`: it quantised, with others or alone.
 *  `near` (⌈n/8⌉ bytes, in, read by eights): the rows that it may bring nearer, as `seedTrials` left them; 0: any row. `tiles`, `blocks` (inout): the quantised rows and their
 *  records, 0 where none are kept: `thresholds` are not used then. `first`: whether it is the first center, with which blocks are quantised that are not yet,
 *  while they are in cache: about `shift`, fit for rows and centers up to `radius` from it. Their records tell the largest ‖x − shift‖ in the place of the rows
 *  undecided: NaN or infinite where some value is not finite, and beyond `radius` what was quantised is worth nothing.
 *  `closest` (n, inout: min with the squared distance), `thresholds` (n, i32, inout: ⌊T⌋), w (n, in; 0 for none).
 *  `potentials` (one double per slot of `slotRows` rows, inout): Σ w·closest of the slot, for sampling. */
export function seedUpdate(
  x: usize, w: usize, d: i32, shift: usize, center: usize, info: usize, tiles: usize, blocks: usize, radius: f64, near: usize, first: i32, closest: usize, thresholds: usize, potentials: usize, slotRows: i32,
  start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const rowBytes = <usize>d << 3;
  const inverse = load<f64>(info);
  for (let b = start; b < end; b += SCREEN_ROWS) {
    const count = min(SCREEN_ROWS, end - b);
    // bytes of a list beyond which all rows are looked at: of half of them, or of 5 in 16
    const most = d < TOUCH_FROM || d >= LONG_FROM ? 2 * count : count + (count >> 2);
    const sum = potentials + (<usize>(b / slotRows) << 3);
    const base = x + <usize>b * rowBytes;
    const distances = closest + (<usize>b << 3), own = thresholds + (<usize>b << 2);
    const number = <usize>(b / SCREEN_ROWS);
    const block = blocks + (number * BLOCK_DOUBLES << 3);
    let scale: f64 = blocks != 0 ? load<f64>(block) : 0;
    const fresh = first & <i32>(blocks != 0) & <i32>(scale == 0);
    if (fresh) scale = inverseScale(radius);
    const half = scale != 0 ? 0.5 * (scale * inverse) : 0; // no candidates are quantised where no rows are
    if (first) {
      const octBytes = <usize>((d + 1) >> 1) << 5;
      const some = max(8, min(SCREEN_ROWS, (PIECE_BYTES >> 3) / d & ~7));
      let residual: f64 = 0, longest: f64 = 0;
      for (let r = 0; r < count; r += some) {
        const these = min(some, count - r);
        for (let i = <usize>r; i < <usize>(r + these); i++) {
          const row = base + i * rowBytes;
          const squares = twoDistances(row, row, center, shift, rowBytes);
          const square = f64x2.extract_lane(squares, 0), norm = f64x2.extract_lane(squares, 1);
          longest = max(longest, norm);
          store<f64>(distances + (i << 3), square);
          if (half != 0) store<i32>(own + (i << 2), <i32>Math.floor((norm - square) * half));
        }
        if (fresh & <i32>(scale != 0)) {
          const tile = tiles + (number * <usize>(SCREEN_ROWS >> 3) + <usize>(r >> 3)) * octBytes;
          residual = max(residual, quantize(base + <usize>r * rowBytes, these, d, shift, scale, 3, tile));
        }
      }
      if (fresh) {
        longest = Math.sqrt(longest);
        store<f64>(block, scale);
        store<f64>(block, longest * scale + residual, 8);
        store<f64>(block, residual, 16);
        store<f64>(block, longest, 24);
      }
    } else {
      let listEnd = near != 0 ? listNear(near + <usize>(b >> 3), count, scratch) : 0;
      if (near == 0 || <i32>(listEnd - scratch) > count + (count >> 2)) {
        let i: usize = 0;
        for (; i + 1 < <usize>count; i += 2) {
          const row = base + i * rowBytes;
          const squares = d < ONE_BY_ONE_FROM
            ? twoDistances(row, row + rowBytes, center, center, rowBytes)
            : f64x2(squaredDistance(row, center, rowBytes), squaredDistance(row + rowBytes, center, rowBytes));
          nearerTwo(distances + (i << 3), own + (i << 2), squares, half);
        }
        listEnd = scratch;
        if (i < <usize>count) listEnd = listed(<i32>i, listed(<i32>i, listEnd));
      } else if (d >= TOUCH_FROM) touchRows(base, rowBytes, scratch, listEnd, scratch + (<usize>(SCREEN_ROWS + 4) << 2));
      for (let at = scratch; at < listEnd; at += 8) {
        const i = <usize>load<i32>(at), j = <usize>load<i32>(at, 4);
        const squares = twoDistances(base + i * rowBytes, base + j * rowBytes, center, center, rowBytes);
        nearer(distances + (i << 3), own + (i << 2), f64x2.extract_lane(squares, 0), half);
        nearer(distances + (j << 3), own + (j << 2), f64x2.extract_lane(squares, 1), half);
      }
    }
    const potential = w != 0 ? weightedSum(distances, w + (<usize>b << 3), count) : plainSum(distances, count);
    store<f64>(sum, b % slotRows != 0 ? load<f64>(sum) + potential : potential);
  }
}

/** Lists the rows of a block that its masks name (32 bytes), the last one twice if their number is odd; returns the end of the list. */
function listNear(masks: usize, count: i32, list: usize): usize {
  let end = list;
  for (let i = 0; i < count; i += 64, masks += 8) {
    let mask: u64 = load<u64>(masks);
    if (count - i < 64) mask &= (<u64>1 << (count - i)) - 1; // what follows are masks of another candidate
    end = listBits(mask, i, end);
  }
  return (end - list) & 4 ? listed(load<i32>(end - 4), end) : end;
}

/** Lists one row; returns the end of the list. */
function listed(row: i32, end: usize): usize {
  store<i32>(end, row);
  return end + 4;
}

/** Keeps the smaller distance, and raises the threshold by what it loses: T grows with it, no second look at the row is needed, and rounding down each time
 *  keeps it on the safe side. */
// @ts-ignore: decorator
@inline
function nearer(distance: usize, threshold: usize, square: f64, half: f64): void {
  const before = load<f64>(distance);
  if (square < before) {
    store<f64>(distance, square);
    if (half != 0) store<i32>(threshold, <i32>Math.floor(<f64>load<i32>(threshold) + (before - square) * half));
  }
}

/** `nearer` for two neighbours, without branches: which rows come nearer cannot be predicted where many do (measured: 2.5 times a pass at d = 2). */
// @ts-ignore: decorator
@inline
function nearerTwo(distances: usize, thresholds: usize, squares: v128, half: f64): void {
  const before = v128.load(distances);
  const now = f64x2.pmin(before, squares);
  v128.store(distances, now);
  if (half != 0) {
    const raised = f64x2.add(f64x2.convert_low_i32x4_s(v128.load64_zero(thresholds)), f64x2.mul(f64x2.sub(before, now), f64x2.splat(half)));
    v128.store64_lane(thresholds, i32x4.trunc_sat_f64x2_s_zero(f64x2.floor(raised)), 0);
  }
}

/** Pass: brackets of what each of m candidates would gain over rows [start, end), each of weight 1. `info` (in): the candidates quantised; `tiles`, `blocks`,
 *  `thresholds` (in). `brackets` (2·m doubles per slot of `slotRows` rows, inout): lower bounds of Σ max(0, closest − ‖x − candidate‖²) over the slot, then
 *  upper ones, infinite where rows are not quantised.
 *  `near` (m times `stride` ≥ ⌈n/8⌉ bytes, out): of each eight rows those that a candidate may bring nearer, a bit each. */
export function seedTrials(
  d: i32, m: i32, info: usize, tiles: usize, blocks: usize, thresholds: usize, near: usize, stride: i32, brackets: usize, slotRows: i32,
  start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const pairs = (d + 1) >> 1;
  const octBytes = <usize>pairs << 5;
  const panels = info + 32 + (<usize>m << 3);
  const inverse = load<f64>(info);
  const zero = i32x4.splat(0);
  for (let b = start; b < end; b += SCREEN_ROWS) {
    const count = min(SCREEN_ROWS, end - b);
    const number = <usize>(b / SCREEN_ROWS);
    const block = blocks + (number * BLOCK_DOUBLES << 3);
    const unit = load<f64>(block) * inverse;
    const masks = near + <usize>(b >> 3);
    const own = brackets + <usize>(b / slotRows) * (<usize>m << 4);
    if (b % slotRows == 0) memory.fill(own, 0, <usize>m << 4);
    if (unit == 0) { // not quantised
      for (let l = 0; l < m; l++) {
        memory.fill(masks + <usize>l * <usize>stride, 0xff, <usize>(count + 7) >> 3);
        store<f64>(own + (<usize>(m + l) << 3), Infinity);
      }
      continue;
    }
    const bound = scoreBound(block, info);
    const ownTile = tiles + number * (<usize>SCREEN_ROWS * <usize>pairs << 2);
    for (let g = 0; g < m; g += 4) {
      const some = m - g;
      const panel = panels + (<usize>(g >> 2) * <usize>pairs << 4);
      const h0 = firstScore(info, g, m, unit, bound), h1 = firstScore(info, g + 1, m, unit, bound);
      const h2 = firstScore(info, g + 2, m, unit, bound), h3 = firstScore(info, g + 3, m, unit, bound);
      let s0 = zero, s1 = zero, s2 = zero, s3 = zero; // Σ ⌊s/256⌋ of the rows that gain
      let n0 = zero, n1 = zero, n2 = zero, n3 = zero; // − how many they are
      let tile = ownTile;
      let mask = masks + <usize>g * <usize>stride;
      for (let i = 0; i < count; i += 8, tile += octBytes, mask++) {
        let a0 = h0, a1 = h0, b0 = h1, b1 = h1, c0 = h2, c1 = h2, d0 = h3, d1 = h3;
        let p = panel;
        if (some > 2) {
          for (let t = tile; t < tile + octBytes; t += 32, p += 16) {
            const x0 = v128.load(t), x1 = v128.load(t, 16);
            let v = v128.load32_splat(p);
            a0 = i32x4.add(a0, i32x4.dot_i16x8_s(x0, v)); a1 = i32x4.add(a1, i32x4.dot_i16x8_s(x1, v));
            v = v128.load32_splat(p, 4);
            b0 = i32x4.add(b0, i32x4.dot_i16x8_s(x0, v)); b1 = i32x4.add(b1, i32x4.dot_i16x8_s(x1, v));
            v = v128.load32_splat(p, 8);
            c0 = i32x4.add(c0, i32x4.dot_i16x8_s(x0, v)); c1 = i32x4.add(c1, i32x4.dot_i16x8_s(x1, v));
            v = v128.load32_splat(p, 12);
            d0 = i32x4.add(d0, i32x4.dot_i16x8_s(x0, v)); d1 = i32x4.add(d1, i32x4.dot_i16x8_s(x1, v));
          }
        } else {
          for (let t = tile; t < tile + octBytes; t += 32, p += 16) {
            const x0 = v128.load(t), x1 = v128.load(t, 16);
            let v = v128.load32_splat(p);
            a0 = i32x4.add(a0, i32x4.dot_i16x8_s(x0, v)); a1 = i32x4.add(a1, i32x4.dot_i16x8_s(x1, v));
            v = v128.load32_splat(p, 4);
            b0 = i32x4.add(b0, i32x4.dot_i16x8_s(x0, v)); b1 = i32x4.add(b1, i32x4.dot_i16x8_s(x1, v));
          }
        }
        const at = thresholds + (<usize>(b + i) << 2);
        let t0 = v128.load(at), t1 = v128.load(at, 16);
        if (count - i < 8) { // rows past the end never gain
          const rest = count - i;
          t0 = v128.bitselect(i32x4.splat(0x7fffffff), t0, i32x4.gt_s(i32x4(0, 1, 2, 3), i32x4.splat(rest - 1)));
          t1 = v128.bitselect(i32x4.splat(0x7fffffff), t1, i32x4.gt_s(i32x4(4, 5, 6, 7), i32x4.splat(rest - 1)));
        }
        // s of a row, 0 where it does not gain: scores and thresholds lie within ±1.4·2^30 of each other where it matters
        let u = i32x4.gt_s(a0, t0), v = i32x4.gt_s(a1, t1);
        store<u8>(mask, above(u, v));
        n0 = i32x4.add(n0, i32x4.add(u, v));
        s0 = i32x4.add(s0, gained(a0, t0, u, a1, t1, v));
        if (some == 1) continue;
        u = i32x4.gt_s(b0, t0); v = i32x4.gt_s(b1, t1);
        store<u8>(mask + <usize>stride, above(u, v));
        n1 = i32x4.add(n1, i32x4.add(u, v));
        s1 = i32x4.add(s1, gained(b0, t0, u, b1, t1, v));
        if (some == 2) continue;
        u = i32x4.gt_s(c0, t0); v = i32x4.gt_s(c1, t1);
        store<u8>(mask + 2 * <usize>stride, above(u, v));
        n2 = i32x4.add(n2, i32x4.add(u, v));
        s2 = i32x4.add(s2, gained(c0, t0, u, c1, t1, v));
        if (some == 3) continue;
        u = i32x4.gt_s(d0, t0); v = i32x4.gt_s(d1, t1);
        store<u8>(mask + 3 * <usize>stride, above(u, v));
        n3 = i32x4.add(n3, i32x4.add(u, v));
        s3 = i32x4.add(s3, gained(d0, t0, u, d1, t1, v));
      }
      bracket(s0, n0, g, m, unit, bound, own);
      bracket(s1, n1, g + 1, m, unit, bound, own);
      bracket(s2, n2, g + 2, m, unit, bound, own);
      bracket(s3, n3, g + 3, m, unit, bound, own);
    }
  }
}

/** E − h of a candidate, or what never reaches a threshold where there is none. */
function firstScore(info: usize, l: i32, m: i32, unit: f64, bound: f64): v128 {
  if (l >= m) return i32x4.splat(-0x3fff0000);
  return i32x4.splat(<i32>(bound - nearest(load<f64>(info + 32 + (<usize>l << 3)) * unit)));
}

/** Σ ⌊s/256⌋ of two rows a lane, where they gain: scores, thresholds and which is above. */
// @ts-ignore: decorator
@inline
function gained(a: v128, t: v128, u: v128, b: v128, s: v128, v: v128): v128 {
  return i32x4.add(i32x4.shr_u(v128.and(i32x4.sub(a, t), u), 8), i32x4.shr_u(v128.and(i32x4.sub(b, s), v), 8));
}

/** Two masks of four lanes as eight bits. */
// @ts-ignore: decorator
@inline
function above(u: v128, v: v128): i32 {
  return i32x4.bitmask(u) | (i32x4.bitmask(v) << 4);
}

/** Adds a block's bracket of the gain of candidate l. */
function bracket(sums: v128, counts: v128, l: i32, m: i32, unit: f64, bound: f64, brackets: usize): void {
  if (l >= m) return;
  const rows = -<f64>(i32x4.extract_lane(counts, 0) + i32x4.extract_lane(counts, 1) + i32x4.extract_lane(counts, 2) + i32x4.extract_lane(counts, 3));
  const whole = 256 * (<f64>i32x4.extract_lane(sums, 0) + <f64>i32x4.extract_lane(sums, 1) + <f64>i32x4.extract_lane(sums, 2) + <f64>i32x4.extract_lane(sums, 3));
  const lower = brackets + (<usize>l << 3), upper = brackets + (<usize>(m + l) << 3);
  store<f64>(lower, load<f64>(lower) + 2 * max(0, whole - rows * (2 * bound + 1)) / unit);
  store<f64>(upper, load<f64>(upper) + 2 * (whole + 257 * rows) / unit);
}

/** Pass: stats[ℓ] += Σ w·max(0, closest − ‖x − candidate_ℓ‖²) over rows [start, end), exactly. x (n×d, in), w (n, in; 0 for none), `candidates` (m×d, in).
 *  `near` (in): the rows to look at, as `seedTrials` left them; 0: all. */
export function seedGains(
  x: usize, w: usize, d: i32, m: i32, candidates: usize, closest: usize, near: usize, stride: i32, start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const rowBytes = <usize>d << 3;
  for (let i = start; i < end; i += 8) {
    const all = end - i < 8 ? (1 << (end - i)) - 1 : 0xff;
    for (let l: usize = 0; l < <usize>m; l++) {
      let mask = near != 0 ? all & load<u8>(near + l * <usize>stride + <usize>(i >> 3)) : all;
      let gain = load<f64>(stats + (l << 3));
      for (; mask != 0; mask &= mask - 1) {
        const r = <usize>(i + ctz(mask));
        const left = load<f64>(closest + (r << 3)) - squaredDistance(x + r * rowBytes, candidates + l * rowBytes, rowBytes);
        if (left > 0) gain += w != 0 ? left * load<f64>(w + (r << 3)) : left;
      }
      store<f64>(stats + (l << 3), gain);
    }
  }
}
