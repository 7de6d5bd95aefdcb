// The most probable component of rows: what `predict` asks for. It is found in single precision, which proves for most rows that no other component can be it: of
// tied, spherical and diag components by a product of matrices, as log-densities, but for what all have in common, are linear in features of the row; of
// full ones by products with triangles. The few rows for which that proves nothing are worked on by `mixture`, in double precision.
//
// The bounds. With u = 2⁻²⁴, y_j = (x_j − o_j)·g_j, o near the data and g about 1 over their spread, δ = μ − o and t = x − o, a component has
// a = C + Σ w_f·f over features f: y_j (tied); y_j and Σ y² (spherical); y_j and y_j² (diag). In single precision, features are off by at most (d + 3)·u of
// themselves, weights by u, and the sum of n products and C by (n + 2)·u of |C| + Σ |w|·|f|: together by less than E = γ·(|C| + Σ |w|·|f|),
// γ = (n + d + 16)·u. Tied: E ≤ γ·(|C| + ‖w‖·‖y‖). Spherical and diag, with s of the component: s²·δ·t ≤ ½·s²·t² + ½·s²·δ² makes of it
// E ≤ γ·(|C₀| + Σ s²·δ² + Σ s²·t²), where a = C₀ − ½·Σ s²·(t − δ)²: linear in the same features; and, as t² ≤ 2·(t − δ)² + 2·δ²,
// E ≤ γ·(|C₀| + 4·C₀ + 3·Σ s²·δ²) − 4·γ·a. Full: a = C − ½·‖z‖², z = Vᵀy + v with V = U/g and v = −Uᵀδ, which is off by ε ≤ (d + 6)·u·(‖V‖·‖y‖ + ‖v‖);
// 2·ε·‖z‖ ≤ 2⁻¹²·‖z‖² + 2¹²·ε² makes E ≤ η·½·‖z‖² + 6·u·|C| + 4097·(d + 6)²·u²·(‖V‖²·‖y‖² + ‖v‖²), η = 2⁻¹² + (2·d + 16)·u, where ½·‖z‖² = C − a.
// All of these are far above what double precision leaves of a.
// Upper bounds a + E are what is worked out. Where the largest is above the second by more than twice the E of its component, that is the largest. A value
// that is not finite leaves no bound above −∞, and nothing is decided; what overflows among finite ones, as ‖y‖ may not exceed 2²⁰ (tied, full) nor the rest
// 2⁶⁰, is below −2¹⁰⁰, where nothing is either.
import { DIAG, FULL, SPHERICAL, TIED, mixture, mixtureScratch } from "./mixture";

/** Rows that are compared at a time: four vectors by two components fill the registers. */
const TOGETHER: i32 = 16;
/** Rows that are collected before `mixture` works on them. */
const COLLECTED: i32 = 32;
/** After so many rows of which a quarter was not decided, MORE_ROWS are not asked. */
const SOME_ROWS: i32 = 256;
const MORE_ROWS: i32 = 31 * SOME_ROWS;
/** Largest ‖y‖². */
const LIMIT: f32 = 1099511627776;
/** Lowest upper bound of what is decided. */
const LOWEST: f32 = -1.2676506002282294e30;
/** From so many features on, rows that are read side by side are brought into the cache at once. */
const TOUCH_FROM: i32 = 32;

// @ts-ignore: decorator
@inline
function even(d: i32): i32 {
  return (d + 1) & ~1;
}

/** Features of a row: y, one more where there are an odd number, which is 0; then, tied, ‖y‖, spherical, ‖y‖², diag, the square of each y. */
function featuresOf(type: i32, d: i32): i32 {
  return type == DIAG ? 2 * even(d) : even(d) + 1;
}

/** Doubles of what the table has of a component, or, not full, of two of them. */
function panelDoubles(type: i32, d: i32): i32 {
  return type == FULL ? (even(d) * (even(d) + 4)) >> 2 : featuresOf(type, d) + 1;
}

/** Doubles of the panels of the table. */
function panelsDoubles(type: i32, d: i32, k: i32): i32 {
  return panelDoubles(type, d) * (type == FULL ? k : (k + 1) >> 1);
}

/** Doubles of the table that `mostProbable` reads: o and g (d each, and a 0 where d is odd); the rest is in single precision. Of two components at a time [⌈k/2⌉]:
 *  constants (2) and weights ([features][2]) of a + E; full, of each component, of two columns m and m + 1 at a time: v (2), V ([m + 2][2]). Then, of all
 *  components, e and e', where 2·E ≤ e + e'·f + slope·(a + E), f being ‖y‖ (tied), ‖y‖² (full), else 0; the slope; full: the constants, and (1 − η)/2. A
 *  component that there is not has constant −∞ and weights 0. */
export function labelDoubles(type: i32, d: i32, k: i32): i32 {
  return 2 * even(d) + panelsDoubles(type, d, k) + k + ((k + 1) >> 1) + 1;
}

/** Bytes of scratch that `mostProbable` needs. */
export function labelScratch(type: i32, d: i32, k: i32): usize {
  return (<usize>(featuresOf(type, d) + 2 + k) << 6) + <usize>COLLECTED * ((<usize>d << 3) + 8) + 64 + mixtureScratch(d, k);
}

/** Pass over rows [start, end) of x (n×d, row-major, in): index of the largest log-density with the component's weight, first on ties, to labels (n, i32,
 *  out). `table` (in): see `labelDoubles`. The others: as for `mixture`. */
export function mostProbable(
  table: usize, type: i32, x: usize, d: i32, k: i32, components: usize, means: usize, factors: usize, origin: usize, labels: usize, broken: usize,
  start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const rowBytes = <usize>d << 3;
  const features = featuresOf(type, d);
  const norms = scratch + (<usize>features << 6);
  const sums = norms + 64;
  const rows = sums + (<usize>k + 1 << 6);
  const places = rows + <usize>COLLECTED * rowBytes;
  const found = places + (COLLECTED << 2);
  const own = found + (COLLECTED << 2);
  const panels = table + (<usize>even(d) << 4), errors = panels + (<usize>panelsDoubles(type, d, k) << 3);
  let collected = 0, undecided = 0, asked = 0;
  for (let b = start; b < end;) {
    const count = min(TOGETHER, end - b);
    const first = x + <usize>b * rowBytes;
    takeFeatures(first, count, d, type, table, scratch, norms);
    if (type == FULL) addUpSquares(scratch, d, panels, k, norms, errors, sums);
    else for (let c: usize = 0; c < <usize>k; c += 2) addUp(scratch, norms, panels + c * (<usize>(features + 1) << 2), sums + (c << 6), false);
    asked += count;
    for (let q = 0; q < count; q += 4) {
      let bits = choose(sums + (<usize>q << 2), k, norms + (<usize>q << 2), errors, found);
      const here = labels + (<usize>(b + q) << 2);
      if (q + 4 <= count) v128.store(here, v128.load(found));
      else {
        memory.copy(here, found, <usize>(count - q) << 2);
        bits &= (1 << (count - q)) - 1;
      }
      for (; bits != 0; bits &= bits - 1) {
        const i = q + ctz(bits);
        memory.copy(rows + <usize>collected * rowBytes, first + <usize>i * rowBytes, rowBytes);
        store<i32>(places + (<usize>collected << 2), b + i);
        undecided++;
        if (++collected == COLLECTED) {
          decide(type, rows, collected, d, k, components, means, factors, origin, places, labels, broken, found, own);
          collected = 0;
        }
      }
    }
    b += count;
    if (asked < SOME_ROWS) continue;
    if (4 * undecided > asked) {
      const next = min(b + MORE_ROWS, end);
      mixture(type, type, x, 0, d, k, components, means, factors, 0, origin, 0, 0, 0, 0, labels, broken, b, next, 0, own);
      b = next;
    }
    asked = undecided = 0;
  }
  if (collected > 0) decide(type, rows, collected, d, k, components, means, factors, origin, places, labels, broken, found, own);
}

/** Labels of collected rows, to their places. */
function decide(
  type: i32, rows: usize, count: i32, d: i32, k: i32, components: usize, means: usize, factors: usize, origin: usize, places: usize, labels: usize, broken: usize,
  found: usize, scratch: usize,
): void {
  mixture(type, type, rows, 0, d, k, components, means, factors, 0, origin, 0, 0, 0, 0, found, broken, 0, count, 0, scratch);
  for (let i: usize = 0; i < <usize>count << 2; i += 4) store<i32>(labels + (<usize>load<i32>(places + i) << 2), load<i32>(found + i));
}

/** Features of up to 16 rows (row-major, the last one in the place of those that there are not, in) to tile ([features][16], out), and f to norms (16, out). */
function takeFeatures(x: usize, count: i32, d: i32, type: i32, table: usize, tile: usize, norms: usize): void {
  const rowBytes = <usize>d << 3;
  const last = x + <usize>(count - 1) * rowBytes;
  const scales = table + (<usize>even(d) << 3), squares = <usize>even(d) << 6;
  if (d >= TOUCH_FROM) {
    let all = f64x2.splat(0);
    for (let p = x; p < last + rowBytes; p += 64) all = v128.or(all, v128.load64_zero(p));
    v128.store(norms, all); // keeps the loads
  }
  for (let q: usize = 0; q < 64; q += 16) {
    const r0 = min(x, last), r1 = min(r0 + rowBytes, last), r2 = min(r1 + rowBytes, last), r3 = min(r2 + rowBytes, last);
    x += 4 * rowBytes;
    let to = tile + q;
    let n = f32x4.splat(0);
    for (let j: usize = 0; j < rowBytes; j += 16, to += 128) {
      const o = v128.load(table + j), g = v128.load(scales + j);
      let a: v128, b: v128, c: v128, e: v128;
      if (j + 8 < rowBytes) {
        a = v128.load(r0 + j); b = v128.load(r1 + j); c = v128.load(r2 + j); e = v128.load(r3 + j);
      } else {
        a = v128.load64_zero(r0 + j); b = v128.load64_zero(r1 + j); c = v128.load64_zero(r2 + j); e = v128.load64_zero(r3 + j);
      }
      a = v128.shuffle<i64>(single(a, o, g), single(b, o, g), 0, 2);
      c = v128.shuffle<i64>(single(c, o, g), single(e, o, g), 0, 2);
      b = v128.shuffle<f32>(a, c, 0, 2, 4, 6);
      e = v128.shuffle<f32>(a, c, 1, 3, 5, 7);
      v128.store(to, b);
      v128.store(to, e, 64);
      b = f32x4.mul(b, b);
      e = f32x4.mul(e, e);
      if (type == DIAG) {
        v128.store(to + squares, b);
        v128.store(to + squares, e, 64);
      } else n = f32x4.add(n, f32x4.add(b, e));
    }
    if (type <= TIED) {
      // NaN where it is too large
      n = v128.or(n, v128.not(f32x4.lt(n, f32x4.splat(LIMIT))));
      if (type == TIED) n = f32x4.sqrt(n);
    }
    if (type != DIAG) v128.store(to, n);
    v128.store(norms + q, type <= TIED ? n : f32x4.splat(0));
  }
}

// @ts-ignore: decorator
@inline
function single(x: v128, o: v128, g: v128): v128 {
  return f32x4.demote_f64x2_zero(f64x2.mul(f64x2.sub(x, o), g));
}

/** Two constants and, behind them, weights of features ([features][2], panel, in), multiplied by features of 16 rows (tile: [features][16], in, up to `end`), to
 *  sums ([2][16], out); or the squares of both added to sums ([16], inout). Exported, so not inlined: the loop needs all registers. */
export function addUp(tile: usize, end: usize, panel: usize, sums: usize, squared: bool): void {
  let u = v128.load32_splat(panel);
  let a0 = u, a1 = u, a2 = u, a3 = u;
  u = v128.load32_splat(panel, 4);
  let b0 = u, b1 = u, b2 = u, b3 = u;
  for (; tile < end; tile += 64) {
    const x0 = v128.load(tile), x1 = v128.load(tile, 16), x2 = v128.load(tile, 32), x3 = v128.load(tile, 48);
    panel += 8;
    u = v128.load32_splat(panel);
    a0 = f32x4.add(a0, f32x4.mul(x0, u)); a1 = f32x4.add(a1, f32x4.mul(x1, u));
    a2 = f32x4.add(a2, f32x4.mul(x2, u)); a3 = f32x4.add(a3, f32x4.mul(x3, u));
    u = v128.load32_splat(panel, 4);
    b0 = f32x4.add(b0, f32x4.mul(x0, u)); b1 = f32x4.add(b1, f32x4.mul(x1, u));
    b2 = f32x4.add(b2, f32x4.mul(x2, u)); b3 = f32x4.add(b3, f32x4.mul(x3, u));
  }
  if (squared) {
    a0 = addSquares(sums, a0, b0); a1 = addSquares(sums + 16, a1, b1); a2 = addSquares(sums + 32, a2, b2); a3 = addSquares(sums + 48, a3, b3);
  } else {
    v128.store(sums, b0, 64); v128.store(sums, b1, 80); v128.store(sums, b2, 96); v128.store(sums, b3, 112);
  }
  v128.store(sums, a0); v128.store(sums, a1, 16); v128.store(sums, a2, 32); v128.store(sums, a3, 48);
}

// @ts-ignore: decorator
@inline
function addSquares(sum: usize, a: v128, b: v128): v128 {
  return f32x4.add(v128.load(sum), f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b)));
}

/** a + E of 16 rows for k full components, to sums ([k][16], out). */
function addUpSquares(tile: usize, d: i32, panels: usize, k: i32, norms: usize, errors: usize, sums: usize): void {
  const afterLast = tile + (<usize>even(d) << 6);
  const bytes = <usize>k << 2;
  const constants = errors + 2 * bytes + 4;
  const half = v128.load32_splat(constants + bytes);
  for (let c: usize = 0; c < bytes; c += 4, sums += 64) {
    memory.fill(sums, 0, 64);
    for (let end = tile + 128; end <= afterLast; end += 128) {
      addUp(tile, end, panels, sums, true);
      panels += ((end - tile) >> 3) + 8;
    }
    const constant = v128.load32_splat(constants + c);
    const e = f32x4.mul(v128.load32_splat(errors + bytes + c), f32x4.splat(1 / 2.25));
    for (let q: usize = 0; q < 64; q += 16) {
      const level = f32x4.add(constant, f32x4.mul(e, v128.load(norms + q)));
      v128.store(sums + q, f32x4.sub(level, f32x4.mul(half, v128.load(sums + q))));
    }
  }
}

/** The component with the largest a + E for each of four rows (sums: [k][16], in) to `found` (i32, 4, out). Returns a bit for each row for which its a may not
 *  be the largest: f (norms, 4, in), e, e' and the slope (errors, 2·k + 1, in) as in the table. */
function choose(sums: usize, k: i32, norms: usize, errors: usize, found: usize): i32 {
  let best = f32x4.splat(-Infinity), second = best, index = i32x4.splat(0), c = index;
  const one = i32x4.splat(1);
  for (const end = sums + (<usize>k << 6); sums < end; sums += 64) {
    const a = v128.load(sums);
    index = i32x4.max_s(index, v128.and(f32x4.gt(a, best), c));
    second = f32x4.pmax(second, f32x4.pmin(a, best));
    best = f32x4.pmax(best, a);
    c = i32x4.add(c, one);
  }
  v128.store(found, index);
  const bytes = <usize>k << 2;
  const i0 = errors + (<usize>load<i32>(found) << 2), i1 = errors + (<usize>load<i32>(found, 4) << 2);
  const i2 = errors + (<usize>load<i32>(found, 8) << 2), i3 = errors + (<usize>load<i32>(found, 12) << 2);
  let e = v128.load32_lane(i3, v128.load32_lane(i2, v128.load32_lane(i1, v128.load32_zero(i0), 1), 2), 3);
  const more = v128.load32_lane(i3 + bytes, v128.load32_lane(i2 + bytes, v128.load32_lane(i1 + bytes, v128.load32_zero(i0 + bytes), 1), 2), 3);
  e = f32x4.add(f32x4.add(e, f32x4.mul(more, v128.load(norms))), f32x4.mul(v128.load32_splat(errors + 2 * bytes), best));
  const decided = v128.and(f32x4.gt(f32x4.sub(best, second), e), f32x4.gt(best, f32x4.splat(LOWEST)));
  return i32x4.bitmask(v128.not(decided));
}
