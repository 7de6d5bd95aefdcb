// Nearest centers, screened in 16-bit integers and decided exactly.
//
// A block of rows, shifted and scaled, is kept in 16-bit integers, eight rows by two features to 32 bytes, so that one instruction
// (i32x4.dot_i16x8_s) does eight multiplications and four additions. That gives every row its best and second best center by an
// approximate score, with a bound on the approximation. Where the two differ by more than the bound the best is the nearest center; the
// few rows where they do not are decided by the canonical distances (distances.ts). Labels are therefore those of the exact rule, ties
// to the lowest index, whatever path found them.
//
// The bound. Let t = x − m and b = c − m with a fixed shift m, t = σ(q + e) and b = τ(p + f) with integers q, p, residuals e, f and scales
// σ, τ. Since ‖x − c‖² = ‖t‖² − 2(t·b − ‖b‖²/2), the nearest center has the largest  g = (t·b − ‖b‖²/2)/(στ), and
//   t·b/(στ) = (q + e)·(p + f) = q·p + q·f + e·(p + f),   so   |t·b/(στ) − q·p| ≤ ‖q‖‖f‖ + ‖e‖‖b‖/τ   (Cauchy–Schwarz).
// With h the integer nearest to ‖b‖²/(2στ), the score q·p − h is within  E = ‖q‖‖f‖ + ‖e‖‖b‖/τ + ½ + 1 + (d + 8)·2^−52·(2·LIMIT)²·σ/τ  of g. The last
// term is the rounding of the canonical distances, of at most (2·LIMIT·σ)² and relative (d + 2)·2^−53 each: nothing, until a row is a million million
// times farther than the centers are from each other, and its distances round to ties. The 1 covers every other floating-point step here (norms are
// at most LIMIT = 23170 in units of the scales, so each errs by less than (d + 8)·2^−53·2^31, below ½ for d < 10⁶). Norms are maxima over the block and
// over the centers.
// Two scores differ from their exact values by what the centers do not have in common: by ‖q‖‖f_a − f_c‖ + ‖e‖‖b_a − b_c‖/τ, at most ρ times the first two
// terms of E, where ρ is the largest of ‖f_a − f_c‖/max‖f‖ and ‖b_a − b_c‖/max‖b‖, at most 2, near √2 for centers that lie around the shift. So with
//   T = ρ(‖q‖‖f‖ + ‖e‖‖b‖/τ) + 2(the other terms) ≤ 2E:
// the low `bits` of a score are replaced by the center's index, which moves it by less than 2^bits; if best − second > T + 2·2^bits, the best is the
// nearest, and no other center ties with it.
// Bounds across passes. A row keeps in one byte a lower bound γ, in units of U, of how much farther the second nearest center is than its own. When
// the centers move by δ_c, its own comes at most δ_own farther and any other at most max δ_other nearer, so the row keeps its label as long as γ
// stays above δ_own + max δ_other (Hamerly 2010). Only the other rows are screened: gathered into fresh tiles, which is when γ is made anew:
//   d₂ − d₁ = (d₂² − d₁²)/(d₂ + d₁),   d₂² − d₁² ≥ 2στ(best − second − T),   d₁² = ‖t‖² − 2στ·g ≤ σ²(‖q‖ + ‖e‖)² − 2στ(best − E),
// in single precision with a margin of 2^−17 on every term, rounded down; d₂ + d₁ is taken as at most 2√((d₂² + d₁²)/2). U is at least 2^−30 of what the scales reach, far above the rounding of
// canonical distances ((d + 2)·2^−53 of each), so a bound of one unit decides their order as well.
// Overflow: |q·p| ≤ LIMIT² < 2^29 and h ≤ LIMIT²/2, because σ is at least max‖b‖/LIMIT (else the block is quantised again).
import { listBits, sumsScratch, takeLabels, touchRows } from "./cluster-sums";
import { squaredDistance } from "./distances";
import { nearestCenters } from "./kmeans";
import { blockRows, pack } from "./tile";

/** Largest norm of a quantised vector: ⌊2^14.5⌋. */
export const LIMIT: f64 = 23170;
/** Added to a double below 2^51 it leaves the nearest integer in the low bits. */
export const SHIFTER: f64 = 6755399441055744.0;
/** Rows of a block of integer tiles. */
export const SCREEN_ROWS: i32 = 256;
/** Doubles kept per block: σ (0: not quantised yet), max ‖q‖, max ‖e‖, rows undecided when last screened. */
export const BLOCK_DOUBLES: i32 = 4;
/** More undecided rows than this in a block, a quarter, and it is assigned densely from then on. Deciding one costs what 1.3 to 3.8 dense rows do
 *  and screening one about a third of a dense row (measured, d·k from 32 to 2048), so the two are even at a quarter to a half. */
const DENSE_AFTER: f64 = 64;

/** Fewer rows than this in a block keep their labels by bounds, a quarter, and all of them are screened in place: gathering the others would cost
 *  what it saves. */
const GATHER_BELOW: i32 = 160;

/** Doubles that `quantizeCenters` fills: 1/τ (0: not screened), max ‖b‖, max ‖f‖, ρ, ‖b‖²/2 of each center, and the integers. */
export function centerDoubles(k: i32, d: i32): i32 {
  return 4 + k + ((k + 3) >> 2) * ((d + 1) >> 1) * 2;
}

/** Bytes of the integer tiles of n rows: a double, as it may pass 2³¹. */
export function tileBytes(n: i32, d: i32): f64 {
  return <f64>((n + SCREEN_ROWS - 1) / SCREEN_ROWS) * <f64>SCREEN_ROWS * <f64>((d + 1) >> 1) * 4;
}

/** Doubles of the records of the blocks of n rows. */
export function blockRecords(n: i32): i32 {
  return ((n + SCREEN_ROWS - 1) / SCREEN_ROWS) * BLOCK_DOUBLES;
}

/** Bytes of scratch for `assignScreened`. */
export function screeningScratch(d: i32, k: i32): usize {
  const groups = <usize>((k + 3) >> 2);
  const tile = <usize>SCREEN_ROWS * <usize>((d + 1) >> 1) << 2;
  // integer tile · h of each center · best, second and norm of each row · rows to screen · their labels · labels · scores of one row · one dense
  // tile with its best distances · room for `takeLabels`
  return tile + (groups << 5) + (<usize>SCREEN_ROWS * 24) + (<usize>SCREEN_ROWS * (<usize>d + 1) << 3) + sumsScratch(SCREEN_ROWS, k);
}

/** Quantises k centers (k×d, row-major, in) shifted by `shift` (d, in). `info` (`centerDoubles(k, d)` doubles, out): scalars, then
 *  the integers as panels of four: [⌈k/4⌉][⌈d/2⌉][4][2] i16 (out).
 *  `radius`: a norm that the scale must be fit for, where several sets of centers are to have the same one; 0 for their own. `pairwise`: whether pairs of
 *  centers are looked at for ρ, or it is 2. */
export function quantizeCenters(centers: usize, k: i32, d: i32, shift: usize, radius: f64, pairwise: i32, info: usize): void {
  const halves = info + 32;
  const panels = halves + (<usize>k << 3);
  const largest = max(largestNorm(centers, d, k, shift, halves), radius);
  // too small or too large to be scaled: everything is decided by the canonical distances
  const inverse = inverseScale(largest);
  const residual = quantize(centers, k, d, shift, inverse, 2, panels);
  store<f64>(info, inverse);
  store<f64>(info, largest, 8);
  store<f64>(info, residual, 16);
  store<f64>(info, pairwise && inverse != 0 ? pairRatio(centers, k, d, inverse, panels, largest * inverse, residual) : 2, 24);
}

/** ρ of k quantised centers (see the top); `inverse`: 1/τ, `radius`: max ‖b‖/τ, `residual`: max ‖f‖. */
function pairRatio(centers: usize, k: i32, d: i32, inverse: f64, panels: usize, radius: f64, residual: f64): f64 {
  const rowBytes = <usize>d << 3;
  const panelBytes = <usize>((d + 1) >> 1) << 4;
  const scale = f64x2.splat(inverse);
  let apart: f64 = 0, errors: f64 = 0;
  for (let a = 1; a < k; a++) {
    const x = centers + <usize>a * rowBytes;
    for (let c = 0; c < a; c++) {
      const y = centers + <usize>c * rowBytes;
      let p = panels + <usize>(a >> 2) * panelBytes + (<usize>(a & 3) << 2), q = panels + <usize>(c >> 2) * panelBytes + (<usize>(c & 3) << 2);
      let b = f64x2.splat(0), f = b;
      for (let j: usize = 0; j < rowBytes; j += 16, p += 16, q += 16) {
        const t = f64x2.mul(j + 16 <= rowBytes ? f64x2.sub(v128.load(x + j), v128.load(y + j)) : f64x2.sub(v128.load64_zero(x + j), v128.load64_zero(y + j)), scale);
        const whole = i32x4.sub(i32x4.extend_low_i16x8_s(v128.load32_zero(p)), i32x4.extend_low_i16x8_s(v128.load32_zero(q)));
        const e = f64x2.sub(t, f64x2.convert_low_i32x4_s(whole));
        b = f64x2.add(b, f64x2.mul(t, t));
        f = f64x2.add(f, f64x2.mul(e, e));
      }
      apart = max(apart, f64x2.extract_lane(b, 0) + f64x2.extract_lane(b, 1));
      errors = max(errors, f64x2.extract_lane(f, 0) + f64x2.extract_lane(f, 1));
    }
  }
  return min<f64>(2, max(Math.sqrt(apart) / radius, residual > 0 ? Math.sqrt(errors) / residual : 0) * (1 + 1e-9));
}

/** Largest ‖x − point‖ of `count` rows (count×d, in); NaN or infinite where some value is not finite. `halves` (count, out; 0: not asked for): half of each square. */
export function largestNorm(row: usize, d: i32, count: i32, point: usize, halves: usize): f64 {
  const rowBytes = <usize>d << 3;
  let largest: f64 = 0;
  for (let i = 0; i < count; i++, row += rowBytes) {
    const square = squaredDistance(row, point, rowBytes);
    largest = max(largest, square);
    if (halves != 0) {
      store<f64>(halves, 0.5 * square);
      halves += 8;
    }
  }
  return Math.sqrt(largest);
}

/** 1/scale for vectors up to `reach` long; 0 where they are too small or too large to be scaled safely. */
// @ts-ignore: decorator
@inline
export function inverseScale(reach: f64): f64 {
  return reach > 1e-140 && reach < 1e140 ? LIMIT / reach : 0;
}

/** Quantises `count` rows (count×d, in) into a tile ([⌈count/8⌉][⌈d/2⌉][8][2] i16, out) with a scale fit for them and for centers of norm up to `radius`; `block`
 *  gets 1/σ, max ‖q‖ and max ‖e‖. */
function quantizeRows(rows: usize, d: i32, count: i32, shift: usize, radius: f64, tile: usize, block: usize): void {
  const largest = largestNorm(rows, d, count, shift, 0);
  const inverse = inverseScale(max(largest, radius));
  const residual = quantize(rows, count, d, shift, inverse, 3, tile);
  store<f64>(block, inverse);
  store<f64>(block, largest * inverse + residual, 8);
  store<f64>(block, residual, 16);
}

/** The integers nearest to (row − shift)·inverse of `count` rows (count×d, in), 2^`lanes` rows side by side, those past the end zeros:
 *  [⌈count/2^lanes⌉][⌈d/2⌉][2^lanes][2] i16 (out; lanes 2 or 3). Returns the largest norm of what rounding left of a row. */
export function quantize(row: usize, count: i32, d: i32, shift: usize, inverse: f64, lanes: i32, out: usize): f64 {
  const rowBytes = <usize>d << 3;
  const stride = <usize>4 << lanes;
  const groupBytes = <usize>((d + 1) >> 1) * stride;
  const scale = f64x2.splat(inverse), shifter = f64x2.splat(SHIFTER);
  let worst = f64x2.splat(0);
  for (let i = 0; i & ((1 << lanes) - 1) || i < count; i += 4, row += rowBytes << 2) {
    let r0 = i < count ? row : shift, r1 = i + 1 < count ? row + rowBytes : shift;
    let r2 = i + 2 < count ? row + 2 * rowBytes : shift, r3 = i + 3 < count ? row + 3 * rowBytes : shift;
    let at = out + <usize>(i >> lanes) * groupBytes + (<usize>(i & 4 & ((1 << lanes) - 1)) << 2);
    let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0;
    for (let j: usize = 0; j < rowBytes; j += 16, at += stride) {
      let m: v128, t0: v128, t1: v128, t2: v128, t3: v128;
      if (j + 16 <= rowBytes) {
        m = v128.load(shift + j); t0 = v128.load(r0 + j); t1 = v128.load(r1 + j); t2 = v128.load(r2 + j); t3 = v128.load(r3 + j);
      } else {
        m = v128.load64_zero(shift + j);
        t0 = v128.load64_zero(r0 + j); t1 = v128.load64_zero(r1 + j); t2 = v128.load64_zero(r2 + j); t3 = v128.load64_zero(r3 + j);
      }
      t0 = f64x2.mul(f64x2.sub(t0, m), scale); t1 = f64x2.mul(f64x2.sub(t1, m), scale);
      t2 = f64x2.mul(f64x2.sub(t2, m), scale); t3 = f64x2.mul(f64x2.sub(t3, m), scale);
      const z0 = f64x2.add(t0, shifter), z1 = f64x2.add(t1, shifter), z2 = f64x2.add(t2, shifter), z3 = f64x2.add(t3, shifter);
      v128.store(at, narrowed(z0, z1, z2, z3));
      t0 = f64x2.sub(t0, f64x2.sub(z0, shifter)); t1 = f64x2.sub(t1, f64x2.sub(z1, shifter));
      t2 = f64x2.sub(t2, f64x2.sub(z2, shifter)); t3 = f64x2.sub(t3, f64x2.sub(z3, shifter));
      s0 = f64x2.add(s0, f64x2.mul(t0, t0)); s1 = f64x2.add(s1, f64x2.mul(t1, t1));
      s2 = f64x2.add(s2, f64x2.mul(t2, t2)); s3 = f64x2.add(s3, f64x2.mul(t3, t3));
    }
    s0 = f64x2.add(v128.shuffle<f64>(s0, s1, 0, 2), v128.shuffle<f64>(s0, s1, 1, 3));
    s2 = f64x2.add(v128.shuffle<f64>(s2, s3, 0, 2), v128.shuffle<f64>(s2, s3, 1, 3));
    worst = f64x2.pmax(worst, f64x2.pmax(s0, s2));
  }
  return Math.sqrt(max(f64x2.extract_lane(worst, 0), f64x2.extract_lane(worst, 1)));
}

/** The integers in the low words of two features of four rows (SHIFTER was added), as tiles have them. */
// @ts-ignore: decorator
@inline
export function narrowed(z0: v128, z1: v128, z2: v128, z3: v128): v128 {
  return v128.shuffle<i16>(i16x8.narrow_i32x4_s(z0, z1), i16x8.narrow_i32x4_s(z2, z3), 0, 2, 4, 6, 8, 10, 12, 14);
}

/** Bits that number 4·groups centers. */
// @ts-ignore: decorator
@inline
export function indexBits(groups: i32): i32 {
  return 32 - clz((groups << 2) - 1);
}

/** Best and second best score of each row of a tile. `h` (i32, ⌈k/4⌉·4, in): −h of each center. `keep`: mask of the bits that stay; the
 *  others take the center's number, counted down from 4⌈k/4⌉ − 1. best, second (i32 per row, out). */
export function screen(tile: usize, octs: i32, pairs: i32, k: i32, panels: usize, h: usize, keep: i32, best: usize, second: usize): void {
  const octBytes = <usize>pairs << 5;
  const groups = (k + 3) >> 2;
  const kept = i32x4.splat(keep);
  const one = i32x4.splat(1);
  for (let o = 0; o < octs; o++) {
    const end = tile + octBytes;
    let best0 = i32x4.splat(-0x60000000), best1 = best0, second0 = best0, second1 = best0;
    let index = i32x4.splat((groups << 2) - 1);
    let p = panels, hp = h;
    for (let g = 0; g < groups; g++) {
      let a0 = v128.load32_splat(hp), a1 = a0;
      let b0 = v128.load32_splat(hp, 4), b1 = b0;
      let c0 = v128.load32_splat(hp, 8), c1 = c0;
      let d0 = v128.load32_splat(hp, 12), d1 = d0;
      const two = k - (g << 2) <= 2; // the last panel holds one or two centers: the other lanes would be computed for nothing
      if (two) {
        for (let x = tile; x < end; x += 32, p += 16) {
          const x0 = v128.load(x), x1 = v128.load(x, 16);
          const m = v128.load32_splat(p), n = v128.load32_splat(p, 4);
          a0 = i32x4.add(a0, i32x4.dot_i16x8_s(x0, m)); a1 = i32x4.add(a1, i32x4.dot_i16x8_s(x1, m));
          b0 = i32x4.add(b0, i32x4.dot_i16x8_s(x0, n)); b1 = i32x4.add(b1, i32x4.dot_i16x8_s(x1, n));
        }
      } else {
        for (let x = tile; x < end; x += 32) {
          const x0 = v128.load(x), x1 = v128.load(x, 16);
          let m = v128.load32_splat(p);
          a0 = i32x4.add(a0, i32x4.dot_i16x8_s(x0, m)); a1 = i32x4.add(a1, i32x4.dot_i16x8_s(x1, m));
          m = v128.load32_splat(p, 4);
          b0 = i32x4.add(b0, i32x4.dot_i16x8_s(x0, m)); b1 = i32x4.add(b1, i32x4.dot_i16x8_s(x1, m));
          m = v128.load32_splat(p, 8);
          c0 = i32x4.add(c0, i32x4.dot_i16x8_s(x0, m)); c1 = i32x4.add(c1, i32x4.dot_i16x8_s(x1, m));
          m = v128.load32_splat(p, 12);
          d0 = i32x4.add(d0, i32x4.dot_i16x8_s(x0, m)); d1 = i32x4.add(d1, i32x4.dot_i16x8_s(x1, m));
          p += 16;
        }
      }
      hp += 16;
      a0 = v128.or(v128.and(a0, kept), index); a1 = v128.or(v128.and(a1, kept), index);
      second0 = i32x4.max_s(second0, i32x4.min_s(best0, a0)); best0 = i32x4.max_s(best0, a0);
      second1 = i32x4.max_s(second1, i32x4.min_s(best1, a1)); best1 = i32x4.max_s(best1, a1);
      index = i32x4.sub(index, one);
      b0 = v128.or(v128.and(b0, kept), index); b1 = v128.or(v128.and(b1, kept), index);
      second0 = i32x4.max_s(second0, i32x4.min_s(best0, b0)); best0 = i32x4.max_s(best0, b0);
      second1 = i32x4.max_s(second1, i32x4.min_s(best1, b1)); best1 = i32x4.max_s(best1, b1);
      if (two) break;
      index = i32x4.sub(index, one);
      c0 = v128.or(v128.and(c0, kept), index); c1 = v128.or(v128.and(c1, kept), index);
      second0 = i32x4.max_s(second0, i32x4.min_s(best0, c0)); best0 = i32x4.max_s(best0, c0);
      second1 = i32x4.max_s(second1, i32x4.min_s(best1, c1)); best1 = i32x4.max_s(best1, c1);
      index = i32x4.sub(index, one);
      d0 = v128.or(v128.and(d0, kept), index); d1 = v128.or(v128.and(d1, kept), index);
      second0 = i32x4.max_s(second0, i32x4.min_s(best0, d0)); best0 = i32x4.max_s(best0, d0);
      second1 = i32x4.max_s(second1, i32x4.min_s(best1, d1)); best1 = i32x4.max_s(best1, d1);
      index = i32x4.sub(index, one);
    }
    v128.store(best, best0); v128.store(best, best1, 16);
    v128.store(second, second0); v128.store(second, second1, 16);
    best += 32; second += 32;
    tile = end;
  }
}

/** Scores of one row of a tile with every center (`scores`, i32, ⌈k/4⌉·4, out); `row`: its first pair of features, the next 32 bytes on. */
export function rowScores(row: usize, pairs: i32, groups: i32, panels: usize, h: usize, scores: usize): void {
  const end = row + (<usize>pairs << 5);
  const panelBytes = <usize>pairs << 4;
  for (let g = 0; g < groups; g += 2) {
    // an odd last panel is done twice
    const next = g + 1 < groups ? panelBytes : 0;
    let a = v128.load(h), b = v128.load(h + (next != 0 ? 16 : 0));
    let p = panels;
    for (let x = row; x < end; x += 32, p += 16) {
      const m = v128.load32_splat(x);
      a = i32x4.add(a, i32x4.dot_i16x8_s(m, v128.load(p)));
      b = i32x4.add(b, i32x4.dot_i16x8_s(m, v128.load(p + next)));
    }
    v128.store(scores, a);
    if (next != 0) v128.store(scores, b, 16);
    panels = p + next;
    h += 32;
    scores += 32;
  }
}

/** The nearest center, by canonical distances, among those whose scores are within `threshold` of the best. */
export function nearestAmong(row: usize, d: i32, panels: usize, scores: usize, groups: i32, threshold: i32): i32 {
  let top = v128.load(scores);
  for (let g = 1; g < groups; g++) top = i32x4.max_s(top, v128.load(scores + (<usize>g << 4)));
  top = i32x4.max_s(top, v128.shuffle<i32>(top, top, 2, 3, 0, 1));
  const limit = i32x4.splat(max(i32x4.extract_lane(top, 0), i32x4.extract_lane(top, 1)) - threshold);
  let nearest = -1, waiting = -1;
  let best = Infinity;
  for (let g = 0; g < groups; g++) {
    let near = i32x4.bitmask(i32x4.ge_s(v128.load(scores + (<usize>g << 4)), limit));
    while (near != 0) {
      const c = (g << 2) + ctz(near);
      near &= near - 1;
      if (waiting < 0) waiting = c;
      else {
        const squares = distances(row, d, panels, waiting, c);
        const a = f64x2.extract_lane(squares, 0), b = f64x2.extract_lane(squares, 1);
        if (a < best || nearest < 0) { best = a; nearest = waiting; }
        if (b < best) { best = b; nearest = c; }
        waiting = -1;
      }
    }
  }
  if (waiting >= 0 && (nearest < 0 || f64x2.extract_lane(distances(row, d, panels, waiting, waiting), 0) < best)) nearest = waiting;
  return nearest;
}

/** Canonical squared distances of a row to two centers of `panels`, one a lane. */
// @ts-ignore: decorator
@inline
function distances(row: usize, d: i32, panels: usize, one: i32, other: i32): v128 {
  const end = row + (<usize>d << 3);
  let p = panels + (<usize>(one >> 2) * <usize>d << 5) + (<usize>(one & 3) << 3);
  let q = panels + (<usize>(other >> 2) * <usize>d << 5) + (<usize>(other & 3) << 3);
  let sum = f64x2.splat(0);
  for (let x = row; x < end; x += 8, p += 32, q += 32) {
    const t = f64x2.sub(v128.load64_splat(x), v128.load64_lane(q, v128.load64_zero(p), 1));
    sum = f64x2.add(sum, f64x2.mul(t, t));
  }
  return sum;
}

/** ‖q‖² of each row of a tile (i32 per row, out). */
function tileNorms(tile: usize, octs: i32, pairs: i32, norms: usize): void {
  for (let o = 0; o < octs; o++, norms += 32) {
    let a = i32x4.splat(0), b = a;
    for (const end = tile + (<usize>pairs << 5); tile < end; tile += 32) {
      const x = v128.load(tile), y = v128.load(tile, 16);
      a = i32x4.add(a, i32x4.dot_i16x8_s(x, x));
      b = i32x4.add(b, i32x4.dot_i16x8_s(y, y));
    }
    v128.store(norms, a); v128.store(norms, b, 16);
  }
}

/** Lists the rows of a block that may have changed label: each `gaps` (count bytes, inout) falls by what `drift` (a byte a center, in) says of its
 *  label's center, after `doublings` doublings for a unit that many times halved. Returns how many. */
function staleRows(gaps: usize, labels: usize, count: i32, drift: usize, doublings: i32, list: usize): i32 {
  let end = list;
  let mask: u64 = 0;
  let i = 0;
  for (; i + 16 <= count; i += 16) {
    const at = labels + (<usize>i << 2);
    let fall = v128.load8_splat(drift + <usize>load<i32>(at));
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 4), fall, 1);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 8), fall, 2);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 12), fall, 3);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 16), fall, 4);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 20), fall, 5);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 24), fall, 6);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 28), fall, 7);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 32), fall, 8);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 36), fall, 9);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 40), fall, 10);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 44), fall, 11);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 48), fall, 12);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 52), fall, 13);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 56), fall, 14);
    fall = v128.load8_lane(drift + <usize>load<i32>(at, 60), fall, 15);
    let gap = v128.load(gaps + <usize>i);
    for (let t = 0; t < doublings; t++) gap = i8x16.add_sat_u(gap, gap);
    gap = i8x16.sub_sat_u(gap, fall);
    v128.store(gaps + <usize>i, gap);
    mask |= <u64>i8x16.bitmask(i8x16.eq(gap, i8x16.splat(0))) << (i & 63);
    if ((i & 63) == 48) {
      end = listBits(mask, i - 48, end);
      mask = 0;
    }
  }
  for (; i < count; i++) {
    let gap = <i32>load<u8>(gaps + <usize>i);
    for (let t = 0; t < doublings; t++) gap = min(2 * gap, 255);
    gap = max(gap - <i32>load<u8>(drift + <usize>load<i32>(labels + (<usize>i << 2))), 0);
    store<u8>(gaps + <usize>i, <u8>gap);
    mask |= <u64>(gap == 0) << (i & 63);
  }
  return <i32>((listBits(mask, (count - 1) & ~63, end) - list) >> 2);
}

/** Copies listed rows of a tile into another, side by side (the last oct is filled up with the last of them), and their ‖q‖² to `norms` (i32, out). */
function gatherRows(tile: usize, pairs: i32, list: usize, count: i32, out: usize, norms: usize): void {
  const octBytes = <usize>pairs << 5;
  for (let i = 0; i < count; i += 8, norms += 32) {
    let p0 = rowAt(tile, octBytes, list, min(i, count - 1)), p1 = rowAt(tile, octBytes, list, min(i + 1, count - 1));
    let p2 = rowAt(tile, octBytes, list, min(i + 2, count - 1)), p3 = rowAt(tile, octBytes, list, min(i + 3, count - 1));
    let p4 = rowAt(tile, octBytes, list, min(i + 4, count - 1)), p5 = rowAt(tile, octBytes, list, min(i + 5, count - 1));
    let p6 = rowAt(tile, octBytes, list, min(i + 6, count - 1)), p7 = rowAt(tile, octBytes, list, min(i + 7, count - 1));
    let a = i32x4.splat(0), b = a;
    for (let j: usize = 0; j < octBytes; j += 32) {
      let v = v128.load32_lane(p1 + j, v128.load32_zero(p0 + j), 1);
      v = v128.load32_lane(p3 + j, v128.load32_lane(p2 + j, v, 2), 3);
      let u = v128.load32_lane(p5 + j, v128.load32_zero(p4 + j), 1);
      u = v128.load32_lane(p7 + j, v128.load32_lane(p6 + j, u, 2), 3);
      v128.store(out + j, v);
      v128.store(out + j, u, 16);
      a = i32x4.add(a, i32x4.dot_i16x8_s(v, v));
      b = i32x4.add(b, i32x4.dot_i16x8_s(u, u));
    }
    v128.store(norms, a); v128.store(norms, b, 16);
    out += octBytes;
  }
}

// @ts-ignore: decorator
@inline
function rowAt(tile: usize, octBytes: usize, list: usize, i: i32): usize {
  const r = load<i32>(list + (<usize>i << 2));
  return tile + <usize>(r >> 3) * octBytes + (<usize>(r & 7) << 2);
}

/** γ of `count` screened rows (a byte a row, out; written by fours), from best, second and ‖q‖². `threshold`, `error`: bounds of the errors of the difference of
 *  two scores, and of one; `residual`: what ‖e‖ adds to ‖q‖² at most;
 *  `square`: σ²/U²; `unit`: 2στ/U². */
function storeGaps(best: usize, second: usize, norms: usize, count: i32, threshold: i32, error: i32, residual: f32, square: f32, unit: f32, gaps: usize): void {
  const limit = i32x4.splat(threshold);
  const less = f32x4.splat(<f32>0.5 - <f32>7.62939453125e-6), more = f32x4.splat(<f32>7.62939453125e-6); // 2^-17
  const zero = f32x4.splat(0), half = f32x4.splat(0.5), wide = f32x4.splat(residual), scale = f32x4.splat(square), scale2 = f32x4.splat(unit);
  const most = f32x4.splat(255);
  for (let i = 0; i < count; i += 4) {
    const at = <usize>i << 2;
    const top = v128.load(best + at);
    const norm = f32x4.mul(f32x4.add(f32x4.convert_i32x4_s(v128.load(norms + at)), wide), scale);
    const score = f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(top, i32x4.splat(error))), scale2);
    // d₁², and (d₂² − d₁²)/2: as √a + √b ≤ 2√((a + b)/2), the gap is at least the latter over √(d₁² + the latter)
    const near = f32x4.pmax(zero, f32x4.add(f32x4.sub(norm, score), f32x4.mul(f32x4.add(norm, f32x4.abs(score)), more)));
    const gap = f32x4.mul(f32x4.convert_i32x4_s(i32x4.max_s(i32x4.sub(i32x4.sub(top, v128.load(second + at)), limit), i32x4.splat(0))), f32x4.mul(scale2, less));
    const bound = f32x4.div(gap, f32x4.sqrt(f32x4.add(near, f32x4.add(gap, f32x4.mul(gap, more)))));
    // in the low bits of 2^23 + v, v < 2^23, stands v; rounded to nearest, so half less. A NaN (0/0) is not greater than 0
    const whole = f32x4.add(f32x4.pmax(zero, f32x4.sub(f32x4.pmin(most, bound), half)), f32x4.splat(8388608));
    let bytes = i32x4.sub(whole, i32x4.splat(0x4b000000));
    bytes = i16x8.narrow_i32x4_s(bytes, bytes);
    v128.store32_lane(gaps + <usize>i, i8x16.narrow_i16x8_u(bytes, bytes), 0);
  }
}

/** Assignment pass over rows [start, end), a multiple of SCREEN_ROWS from the start: the label of each row of x (n×d, in) to `labels` (i32,
 *  inout), and what changes with them to `stats`.
 *  Centers come as panels of doubles ([⌈k/4⌉][d][4], in) and quantised (`quantizeCenters`, in) about the same `shift` (d, in).
 *  `tiles` (integer tiles of all rows, inout) and `blocks` (BLOCK_DOUBLES a block, inout, zeros before the first pass) keep the
 *  quantised rows between passes.
 *  w (n, in): sample weights, 0 for none.
 *  `gaps` (a byte a row, inout; 0: no bounds) and `drift` (a byte a center, in: δ_own + max δ_other in units of `gapUnit`, rounded up; 0: screen
 *  every row), after `doublings` halvings of the unit: see the top.
 *  stats (inout): [0] rows of positive weight whose label changed · [1] rows decided by canonical distances · [2] rows that kept
 *  their label by a bound · k changes of the
 *  number of rows of positive weight · then, as pairs of doubles (first all high parts, then all low ones), k changes of Σ w and k×d
 *  changes of Σ w·x, exact to about 2^−100. A former label of −1 counts as none. */
export function assignScreened(
  x: usize, w: usize, d: i32, k: i32, shift: usize, panels: usize, info: usize, tiles: usize, blocks: usize, labels: usize,
  gaps: usize, drift: usize, doublings: i32, gapUnit: f64, start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const pairs = (d + 1) >> 1;
  const groups = (k + 3) >> 2;
  const blockBytes = <usize>SCREEN_ROWS * <usize>pairs << 2;
  const rowInts = <usize>SCREEN_ROWS << 2;
  const ownTile = scratch;
  const h = ownTile + blockBytes;
  const best = h + (<usize>groups << 4);
  const second = best + rowInts;
  const norms = second + rowInts;
  const list = norms + rowInts;
  const named = list + rowInts;
  const fresh = named + rowInts;
  const scores = fresh + rowInts;
  const dense = scores + (<usize>groups << 4);
  const sorted = dense + (<usize>SCREEN_ROWS * (<usize>d + 1) << 3);
  const centerInverse = load<f64>(info), radius = load<f64>(info, 8), centerResidual = load<f64>(info, 16), ratio = load<f64>(info, 24);
  const halves = info + 32;
  const quantized = halves + (<usize>k << 3);
  const bits = indexBits(groups);
  const low = (1 << bits) - 1;
  let undecided: f64 = 0, kept: f64 = 0;
  for (let b = start; b < end; b += SCREEN_ROWS) {
    const count = min(SCREEN_ROWS, end - b);
    const old = labels + (<usize>b << 2);
    // rows to screen: those listed, or all where −1
    let some = -1;
    if (drift != 0) {
      some = staleRows(gaps + <usize>b, old, count, drift, doublings, list);
      if (some == 0) {
        kept += <f64>count;
        continue;
      }
    }
    const number = <usize>(b / SCREEN_ROWS);
    const block = blocks + (number * BLOCK_DOUBLES << 3);
    const tile = tiles + number * blockBytes;
    let inverse = load<f64>(block);
    if (centerInverse != 0 && (inverse == 0 || radius * inverse > LIMIT)) {
      quantizeRows(x + (<usize>b * <usize>d << 3), d, count, shift, radius, tile, block);
      inverse = load<f64>(block);
    }
    // in units of στ; the sums are far below 2^53, so ceil leaves a bound
    const canonical = <f64>(d + 8) * (4 * LIMIT * LIMIT * 2.220446049250313e-16) * (centerInverse / inverse);
    const products = load<f64>(block, 8) * centerResidual + load<f64>(block, 16) * (radius * centerInverse), rest = 1.5 + canonical;
    const threshold = Math.ceil(ratio * products + 2 * rest) + <f64>(2 << bits);
    let open: f64 = 0;
    if (inverse == 0 || centerInverse == 0 || threshold > <f64>0x20000000 || load<f64>(block, 24) > DENSE_AFTER) {
      const rows = blockRows(d);
      for (let r = 0; r < count; r += rows) {
        const part = min(rows, count - r);
        pack(x, d, b + r, part, dense);
        nearestCenters(dense, (part + 3) >> 2, d, panels, k, dense + (<usize>SCREEN_ROWS * <usize>d << 3), fresh + (<usize>r << 2));
      }
      if (gaps != 0) memory.fill(gaps + <usize>b, 0, <usize>count);
    } else {
      const unit = inverse * centerInverse;
      for (let c = 0; c < groups << 2; c++) {
        store<i32>(h + (<usize>c << 2), c < k ? -<i32>nearest(load<f64>(halves + (<usize>c << 3)) * unit) : -0x5fff0000);
      }
      const listed = some >= 0 && some < GATHER_BELOW;
      const screened = listed ? some : count;
      const octs = (screened + 7) >> 3;
      const from = listed ? ownTile : tile;
      const to = listed ? named : fresh;
      if (listed) gatherRows(tile, pairs, list, some, ownTile, norms);
      else if (gaps != 0) tileNorms(tile, octs, pairs, norms);
      screen(from, octs, pairs, k, quantized, h, ~low, best, second);
      if (gaps != 0) {
        // (‖q‖ + ‖e‖)² ≤ ‖q‖² + ‖e‖(2·max ‖q‖ + ‖e‖)
        const residual = load<f64>(block, 16) * (2 * load<f64>(block, 8) + load<f64>(block, 16));
        const square = 1 / (inverse * inverse * gapUnit * gapUnit);
        storeGaps(best, second, norms, screened, <i32>threshold, <i32>Math.ceil(products + rest) + (1 << bits), <f32>residual, <f32>square, <f32>(2 / (unit * gapUnit * gapUnit)), listed ? norms : gaps + <usize>b);
      }
      const opened = sorted; // room that is free until the labels are taken
      let openEnd = opened;
      const limit = i32x4.splat(<i32>threshold);
      const last = i32x4.splat((groups << 2) - 1), lows = i32x4.splat(low);
      for (let i = 0; i < screened; i += 4) {
        const at = <usize>i << 2;
        const top = v128.load(best + at);
        v128.store(to + at, i32x4.sub(last, v128.and(top, lows)));
        let close = i32x4.bitmask(i32x4.le_s(i32x4.sub(top, v128.load(second + at)), limit));
        if (screened - i < 4) close &= (1 << (screened - i)) - 1;
        openEnd = listBits(close, i, openEnd);
      }
      // `second` has been read: in its place, the undecided rows themselves
      for (let at = opened; at < openEnd; at += 4) {
        const i = load<i32>(at);
        store<i32>(second + (at - opened), listed ? load<i32>(list + (<usize>i << 2)) : i);
      }
      touchRows(x + (<usize>b * <usize>d << 3), <usize>d << 3, second, second + (openEnd - opened), scores);
      for (let at = opened; at < openEnd; at += 4) {
        const r = load<i32>(second + (at - opened));
        rowScores(tile + (<usize>(r >> 3) * <usize>pairs << 5) + (<usize>(r & 7) << 2), pairs, groups, quantized, h, scores);
        const label = nearestAmong(x + <usize>(b + r) * (<usize>d << 3), d, panels, scores, groups, <i32>threshold);
        store<i32>(to + (<usize>load<i32>(at) << 2), label);
      }
      open = <f64>((openEnd - opened) >> 2);
      if (listed) {
        memory.copy(fresh, old, <usize>count << 2);
        for (let i: usize = 0; i < <usize>some; i++) {
          const r = <usize>load<i32>(list + (i << 2));
          store<i32>(fresh + (r << 2), load<i32>(named + (i << 2)));
          store<u8>(gaps + <usize>b + r, load<u8>(norms + i));
        }
        kept += <f64>(count - some);
      } else store<f64>(block, open, 24);
    }
    undecided += open;
    takeLabels(x, w, d, k, labels, fresh, sorted, b, count, stats);
  }
  store<f64>(stats, load<f64>(stats, 8) + undecided, 8);
  store<f64>(stats, load<f64>(stats, 16) + kept, 16);
}
