// The passes of greedy k-means++ (Arthur & Vassilvitskii 2007), over the integer tiles of screening.ts.
//
// A candidate z brings a row nearer iff ‖x − z‖² < D, with D the row's squared distance to the chosen so far. In the notation of screening.ts
// that is  g = (t·b − ‖b‖²/2)/(στ) > T = (‖t‖² − D)/(2στ).  Each row keeps ⌊T⌋ in 32 bits, so a candidate is compared with it in integers: where
// the score plus its bound E does not reach ⌊T⌋, the row keeps its D. The scale τ is that of the farthest row, the same for all candidates.
//
// What a candidate gains, Σ w·max(0, D − ‖x − z‖²), is bracketed in integers as well: a row's share of it, in units of 2στ, is 0 where
// s = score + E − ⌊T⌋ ≤ 0, and else between s − 2E − 1 and s + 1. Brackets that do not overlap decide which candidate gains most without
// one exact distance; the caller asks for exact gains otherwise. Either way the choice is that of the exact gains.
import { BLOCK_DOUBLES, SCREEN_ROWS } from "./screening";

/** ‖x − z‖² with even features in one lane and odd ones in the other: the distance of seeding. */
// @ts-ignore: decorator
@inline
function squaredDistance(row: usize, center: usize, rowBytes: usize): f64 {
  const evenBytes = rowBytes & ~15;
  let sum = f64x2.splat(0);
  for (let j: usize = 0; j < evenBytes; j += 16) {
    const t = f64x2.sub(v128.load(row + j), v128.load(center + j));
    sum = f64x2.add(sum, f64x2.mul(t, t));
  }
  let square = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  if (evenBytes < rowBytes) {
    const t = load<f64>(row + evenBytes) - load<f64>(center + evenBytes);
    square += t * t;
  }
  return square;
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

/** Pass: takes one chosen center into the rows [start, end) of x (n×d, in). `center` (d, in), `info`: the same quantised with k = 1.
 *  `tiles`, `blocks` (in; 0 where no tiles are kept: then every row is compared exactly and `thresholds` are not used), `closest` (n, inout: min with the squared distance), `thresholds` (n, i32, inout: ⌊T⌋), w (n, in; 0 for none).
 *  stats[0] += Σ w·closest; `potentials` (one double per slot of `slotRows` rows, out) gets the same sum per slot, for sampling. */
export function seedUpdate(
  x: usize, w: usize, d: i32, shift: usize, center: usize, info: usize, tiles: usize, blocks: usize, closest: usize, thresholds: usize,
  potentials: usize, slotRows: i32, start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const rowBytes = <usize>d << 3;
  const pairs = (d + 1) >> 1;
  const octBytes = <usize>pairs << 5;
  const panel = info + 40;
  const inverse = load<f64>(info), half = load<f64>(info, 32);
  let potential = load<f64>(stats);
  for (let b = start; b < end; b += SCREEN_ROWS) {
    const count = min(SCREEN_ROWS, end - b);
    const number = <usize>(b / SCREEN_ROWS);
    const block = blocks + (number * BLOCK_DOUBLES << 3);
    const unit = blocks != 0 ? load<f64>(block) * inverse : 0;
    const first = i32x4.splat(unit != 0 ? <i32>(scoreBound(block, info) - nearest(half * unit)) : 0);
    let tile = tiles + number * (<usize>SCREEN_ROWS * <usize>pairs << 2);
    for (let i = 0; i < count; i += 8, tile += octBytes) {
      let near = 0xff;
      if (unit != 0) {
        let a = first, c = first;
        let p = panel;
        for (let t = tile; t < tile + octBytes; t += 32, p += 16) {
          const m = v128.load32_splat(p);
          a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load(t), m));
          c = i32x4.add(c, i32x4.dot_i16x8_s(v128.load(t, 16), m));
        }
        const at = thresholds + (<usize>(b + i) << 2);
        near = i32x4.bitmask(i32x4.gt_s(a, v128.load(at))) | (i32x4.bitmask(i32x4.gt_s(c, v128.load(at, 16))) << 4);
      }
      if (count - i < 8) near &= (1 << (count - i)) - 1;
      while (near != 0) {
        const lane = ctz(near);
        near &= near - 1;
        const r = <usize>(b + i + lane);
        const row = x + r * rowBytes;
        const square = squaredDistance(row, center, rowBytes);
        const before = load<f64>(closest + (r << 3));
        if (square < before) {
          store<f64>(closest + (r << 3), square);
          if (unit != 0) {
            // T grows with what D loses: no second look at the row. Rounding down each time keeps the threshold on the safe side.
            const T = before == Infinity ? 0.5 * (squaredDistance(row, shift, rowBytes) - square) * unit : <f64>load<i32>(thresholds + (r << 2)) + 0.5 * (before - square) * unit;
            store<i32>(thresholds + (r << 2), <i32>Math.floor(T));
          }
        }
      }
    }
    potential += w != 0 ? weightedSum(closest + (<usize>b << 3), w + (<usize>b << 3), count) : plainSum(closest + (<usize>b << 3), count);
  }
  store<f64>(potentials + (<usize>(start / slotRows) << 3), potential);
  store<f64>(stats, potential);
}

/** Pass: what each of m candidates would gain over rows [start, end). `candidates` (m×d, in), `info`: the same quantised.
 *  `exact`: stats[ℓ] += Σ w·max(0, closest − ‖x − candidate_ℓ‖²). Otherwise, without weights, brackets of the same: stats[ℓ] += a lower
 *  bound and stats[m + ℓ] += an upper bound. */
export function seedTrials(
  x: usize, w: usize, d: i32, m: i32, candidates: usize, info: usize, tiles: usize, blocks: usize, closest: usize, thresholds: usize,
  exact: i32, start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const rowBytes = <usize>d << 3;
  const pairs = (d + 1) >> 1;
  const octBytes = <usize>pairs << 5;
  const panels = info + 32 + (<usize>m << 3);
  const inverse = load<f64>(info);
  const zero = i32x4.splat(0);
  for (let b = start; b < end; b += SCREEN_ROWS) {
    const count = min(SCREEN_ROWS, end - b);
    const number = <usize>(b / SCREEN_ROWS);
    const block = blocks + (number * BLOCK_DOUBLES << 3);
    const unit = blocks != 0 ? load<f64>(block) * inverse : 0;
    if (exact && unit == 0) { // not quantised
      for (let i = 0; i < count; i += 8) {
        const rest = count - i < 8 ? (1 << (count - i)) - 1 : 0xff;
        for (let l = 0; l < m; l++) gainExactly(x, w, rowBytes, candidates, l, m, b + i, rest, closest, stats);
      }
      continue;
    }
    const bound = unit != 0 ? scoreBound(block, info) : 0;
    const ownTile = tiles + number * (<usize>SCREEN_ROWS * <usize>pairs << 2);
    for (let g = 0; g < m; g += 4) {
      const panel = panels + (<usize>(g >> 2) * <usize>pairs << 4);
      const h0 = firstScore(info, g, m, unit, bound), h1 = firstScore(info, g + 1, m, unit, bound);
      const h2 = firstScore(info, g + 2, m, unit, bound), h3 = firstScore(info, g + 3, m, unit, bound);
      let s0 = zero, s1 = zero, s2 = zero, s3 = zero; // Σ ⌊s/256⌋ of the rows that gain
      let n0 = zero, n1 = zero, n2 = zero, n3 = zero; // − how many they are
      let tile = ownTile;
      for (let i = 0; i < count; i += 8, tile += octBytes) {
        let a0 = h0, a1 = h0, b0 = h1, b1 = h1, c0 = h2, c1 = h2, d0 = h3, d1 = h3;
        let p = panel;
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
        const at = thresholds + (<usize>(b + i) << 2);
        let t0 = v128.load(at), t1 = v128.load(at, 16);
        if (count - i < 8) { // rows past the end never gain
          const rest = count - i;
          t0 = v128.bitselect(i32x4.splat(0x7fffffff), t0, i32x4.gt_s(i32x4(0, 1, 2, 3), i32x4.splat(rest - 1)));
          t1 = v128.bitselect(i32x4.splat(0x7fffffff), t1, i32x4.gt_s(i32x4(4, 5, 6, 7), i32x4.splat(rest - 1)));
        }
        if (exact) {
          gainExactly(x, w, rowBytes, candidates, g, m, b + i, above(a0, a1, t0, t1), closest, stats);
          gainExactly(x, w, rowBytes, candidates, g + 1, m, b + i, above(b0, b1, t0, t1), closest, stats);
          gainExactly(x, w, rowBytes, candidates, g + 2, m, b + i, above(c0, c1, t0, t1), closest, stats);
          gainExactly(x, w, rowBytes, candidates, g + 3, m, b + i, above(d0, d1, t0, t1), closest, stats);
          continue;
        }
        // scores and thresholds lie within ±1.4·2^30 of each other where it matters; a row past the end is cut off by its own sign
        a0 = gain(a0, t0); a1 = gain(a1, t1);
        s0 = i32x4.add(s0, i32x4.add(i32x4.shr_u(a0, 8), i32x4.shr_u(a1, 8)));
        n0 = i32x4.add(n0, i32x4.add(i32x4.gt_s(a0, zero), i32x4.gt_s(a1, zero)));
        b0 = gain(b0, t0); b1 = gain(b1, t1);
        s1 = i32x4.add(s1, i32x4.add(i32x4.shr_u(b0, 8), i32x4.shr_u(b1, 8)));
        n1 = i32x4.add(n1, i32x4.add(i32x4.gt_s(b0, zero), i32x4.gt_s(b1, zero)));
        c0 = gain(c0, t0); c1 = gain(c1, t1);
        s2 = i32x4.add(s2, i32x4.add(i32x4.shr_u(c0, 8), i32x4.shr_u(c1, 8)));
        n2 = i32x4.add(n2, i32x4.add(i32x4.gt_s(c0, zero), i32x4.gt_s(c1, zero)));
        d0 = gain(d0, t0); d1 = gain(d1, t1);
        s3 = i32x4.add(s3, i32x4.add(i32x4.shr_u(d0, 8), i32x4.shr_u(d1, 8)));
        n3 = i32x4.add(n3, i32x4.add(i32x4.gt_s(d0, zero), i32x4.gt_s(d1, zero)));
      }
      if (!exact) {
        bracket(s0, n0, g, m, unit, bound, stats);
        bracket(s1, n1, g + 1, m, unit, bound, stats);
        bracket(s2, n2, g + 2, m, unit, bound, stats);
        bracket(s3, n3, g + 3, m, unit, bound, stats);
      }
    }
  }
}

/** E − h of a candidate, or what never reaches a threshold where there is none. */
function firstScore(info: usize, l: i32, m: i32, unit: f64, bound: f64): v128 {
  if (l >= m) return i32x4.splat(-0x3fff0000);
  return i32x4.splat(<i32>(bound - nearest(load<f64>(info + 32 + (<usize>l << 3)) * unit)));
}

/** max(0, score − threshold): where the score is not above, 0, so that nothing overflows. */
// @ts-ignore: decorator
@inline
function gain(score: v128, threshold: v128): v128 {
  return v128.and(i32x4.sub(score, threshold), i32x4.gt_s(score, threshold));
}

// @ts-ignore: decorator
@inline
function above(a0: v128, a1: v128, t0: v128, t1: v128): i32 {
  return i32x4.bitmask(i32x4.gt_s(a0, t0)) | (i32x4.bitmask(i32x4.gt_s(a1, t1)) << 4);
}

/** Adds a block's bracket of the gain of candidate l. */
function bracket(sums: v128, counts: v128, l: i32, m: i32, unit: f64, bound: f64, stats: usize): void {
  if (l >= m) return;
  const rows = -<f64>(i32x4.extract_lane(counts, 0) + i32x4.extract_lane(counts, 1) + i32x4.extract_lane(counts, 2) + i32x4.extract_lane(counts, 3));
  const whole = 256 * (<f64>i32x4.extract_lane(sums, 0) + <f64>i32x4.extract_lane(sums, 1) + <f64>i32x4.extract_lane(sums, 2) + <f64>i32x4.extract_lane(sums, 3));
  const lower = stats + (<usize>l << 3), upper = stats + (<usize>(m + l) << 3);
  store<f64>(lower, load<f64>(lower) + 2 * max(0, whole - rows * (2 * bound + 1)) / unit);
  store<f64>(upper, load<f64>(upper) + 2 * (whole + 257 * rows) / unit);
}

/** Adds the exact gains of candidate l over the rows of an oct that `near` names. */
function gainExactly(x: usize, w: usize, rowBytes: usize, candidates: usize, l: i32, m: i32, first: i32, near: i32, closest: usize, stats: usize): void {
  if (l >= m) return;
  const out = stats + (<usize>l << 3);
  while (near != 0) {
    const r = <usize>(first + ctz(near));
    near &= near - 1;
    const left = load<f64>(closest + (r << 3)) - squaredDistance(x + r * rowBytes, candidates + <usize>l * rowBytes, rowBytes);
    if (left > 0) store<f64>(out, load<f64>(out) + (w != 0 ? left * load<f64>(w + (r << 3)) : left));
  }
}
