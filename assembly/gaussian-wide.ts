// Components of many features with diagonal or spherical covariances. Rows are worked on where they lie, with SIMD across their features: nothing is
// packed, and a square costs the same wherever its row is, so that only those are taken that can matter. Which these are is decided in single precision.
//
// The bound. Rows and means are moved to a point o near the data and, like scales, rounded to single precision, u = 2⁻²⁴. A term v = s·(x − μ) is then
// off by 2u·s·|μ − o| + 4u·|v| to first order, so the root of their sum of squares by 2u·G + 4u·√q with G = ‖s·(μ − o)‖, and what is summed by ⌈d/4⌉ + 4
// roundings more. Where a number is subnormal, that costs less than 2⁻²⁰ of a term. With (a + b)² ≤ (1 + 2⁻¹³)·a² + (1 + 2¹³)·b² and its like,
//   |q̃ − q| ≤ η·q̃ + κ,   η = 2⁻¹³ + (⌈d/4⌉ + 20)·2⁻²⁴,   κ = 2⁻²⁶·(G² + d),
// of which 2¹³·(2u)² = 2⁻³³ times G² and 2¹³·2⁻⁴⁰ times d are needed; the rest is more than all rounding in double precision. Squared distances of
// spherical components are scaled afterwards: κ has s²·d·2⁻¹⁴⁸ more for those that underflow. What single precision cannot hold leaves q̃ infinite or
// NaN: such a square can always matter.
//
// Bounds across passes (Elkan 2003, for mixtures). Of rows that stay in memory, l ≤ √q of every component is kept in single precision. Where parameters
// moved, s' ≥ ρ·s in every feature and τ = ‖s'·(μ' − μ)‖ give √q' = ‖s'·(x − μ')‖ ≥ ‖s'·(x − μ)‖ − τ ≥ ρ·l − τ, without a look at the row; spherical, in
// distances, ρ = 1 and τ = ‖μ' − μ‖. Roundings are 2⁻²⁴ at most, and every l and ρ is made smaller by 2⁻²⁰ of itself. Then the component that
// promises most is taken exactly, and of the others those that may come near it. What is left out would have come to exactly 0: bits stay the same.

/** From so many features on components with diagonal or spherical covariances are worked on here (measured, six iterations: with 128 features 2 to 30 % slower
 *  than in tiles, with 256 between 25 % faster and 7 % slower, as components are apart or not, with 784 13 to 27 % faster). */
export const WIDE_FROM: i32 = 256;
/** Rows of a block: their doubles and singles stay in the second-level cache for all components (measured at d = 784). */
export const WIDE_ROWS: i32 = 64;

/** Single-precision features of a row: those past d are zeros. */
// @ts-ignore: decorator
@inline
function singles(d: i32): i32 {
  return (d + 3) & ~3;
}

/** Doubles of what is needed here: o (d), κ/2 (k), then, in single precision, means and scales of two components at a time, four features each: [⌈k/2⌉][⌈d/4⌉][mean, scale, mean, scale][4]; spherical: without scales. 0 where `type` and d
 *  are not worked on here. */
export function wideDoubles(diagonal: bool, d: i32, k: i32): i32 {
  return diagonal && d >= WIDE_FROM ? d + k + ((k + 1) >> 1) * 2 * singles(d) : 0;
}

/** Moves bounds of a block ([quads][k][4] singles, inout) on to these parameters: by `moves`, ρ and τ of each component (in). squares ([quads][k][4], out): 0 in
 *  the place of the component that promises most, ∞ in the others. */
export function carryBounds(bounds: usize, quads: i32, k: i32, components: usize, moves: usize, squares: usize): void {
  const row = <usize>k << 5;
  for (const end = squares + <usize>quads * row; squares < end; squares += row, bounds += row >> 1) {
    for (let half: usize = 0; half < 16; half += 8) {
      const first = squares + 2 * half;
      let most = f64x2.splat(-Infinity);
      for (let c: usize = 0; c < row; c += 32) {
        const component = components + c, move = moves + (c >> 1), own = bounds + (c >> 1) + half;
        const moved = f64x2.sub(f64x2.mul(v128.load64_splat(move), f64x2.promote_low_f32x4(v128.load64_zero(own))), v128.load64_splat(move, 8));
        const l = f64x2.max(moved, f64x2.splat(0));
        v128.store64_lane(own, f32x4.demote_f64x2_zero(l), 0);
        const a = f64x2.sub(v128.load64_splat(component), f64x2.mul(v128.load64_splat(component, 8), f64x2.mul(l, l)));
        v128.store(first + c, a);
        most = f64x2.pmax(most, a);
      }
      for (let c: usize = 0; c < row; c += 32) v128.store(first + c, v128.andnot(f64x2.splat(Infinity), f64x2.eq(v128.load(first + c), most)));
    }
  }
}

/** Puts 0 in the place of squares that can matter by their bounds (in), next to the one of each row that is there ([quads][k][4], inout; ∞ the others).
 *  Returns how many. */
export function markNear(bounds: usize, quads: i32, k: i32, components: usize, squares: usize): i32 {
  const row = <usize>k << 5;
  const tiny = f64x2.splat(9.313225746154785e-10); // 2⁻³⁰ of a logarithm: more than what rounding makes of it
  let size: f64 = 1;
  for (let c: usize = 0; c < row; c += 32) size += Math.abs(load<f64>(components + c));
  let near = f64x2.splat(0);
  for (const end = squares + <usize>quads * row; squares < end; squares += row, bounds += row >> 1) {
    for (let half: usize = 0; half < 16; half += 8) {
      const first = squares + 2 * half;
      let most = f64x2.splat(-Infinity);
      for (let c: usize = 0; c < row; c += 32) {
        most = f64x2.pmax(most, f64x2.sub(v128.load64_splat(components + c), f64x2.mul(v128.load64_splat(components + c, 8), v128.load(first + c))));
      }
      most = f64x2.sub(most, f64x2.mul(tiny, f64x2.add(f64x2.splat(size), f64x2.abs(most))));
      for (let c: usize = 0; c < row; c += 32) {
        const component = components + c;
        const l = f64x2.promote_low_f32x4(v128.load64_zero(bounds + (c >> 1) + half)), square = v128.load(first + c);
        const a = f64x2.sub(v128.load64_splat(component), f64x2.mul(v128.load64_splat(component, 8), f64x2.mul(l, l)));
        const far = f64x2.lt(a, f64x2.add(most, v128.load64_splat(component, 16)));
        near = i64x2.sub(near, v128.not(far));
        v128.store(first + c, v128.andnot(square, v128.andnot(f64x2.eq(square, f64x2.splat(Infinity)), far)));
      }
    }
  }
  return <i32>(i64x2.extract_lane(near, 0) + i64x2.extract_lane(near, 1));
}

/** Raises bounds of a block ([quads][k][4] singles, inout) to what its squares ([quads][k][4], in) say: exact ones or, with κ/2 (k, in; else 0), those in single
 *  precision. Nothing is said by what is 0, infinite, or so small that single precision cannot hold its root. */
export function raiseBounds(bounds: usize, quads: i32, d: i32, k: i32, components: usize, kappa: usize, squares: usize): void {
  const row = <usize>k << 5;
  const less = f64x2.splat(kappa != 0 ? 1 - etaOf(d) : 1);
  for (const end = squares + <usize>quads * row; squares < end; squares += row) {
    for (let c: usize = 0; c < row; c += 32, bounds += 16) {
      const off = f64x2.splat(kappa != 0 ? load<f64>(kappa + (c >> 2)) / load<f64>(components + c, 8) : 0);
      for (let half: usize = 0; half < 16; half += 8) {
        const square = f64x2.sub(f64x2.mul(less, v128.load(squares + c + 2 * half)), off);
        const known = v128.and(f64x2.gt(square, f64x2.splat(1e-60)), f64x2.lt(square, f64x2.splat(Infinity)));
        const l = f64x2.mul(f64x2.pmin(f64x2.sqrt(square), f64x2.splat(1e18)), f64x2.splat(0.9999990463256836)); // 1 − 2⁻²⁰
        const own = bounds + half;
        v128.store64_lane(own, f32x4.max(v128.load64_zero(own), f32x4.demote_f64x2_zero(v128.and(known, l))), 0);
      }
    }
  }
}

/** η of the bound. */
function etaOf(d: i32): f64 {
  return 0.0001220703125 + <f64>((d >> 2) + 21) * 5.960464477539063e-8;
}

/** Squares of a block (x: count×d, row-major, in) as they are in single precision, to out ([⌈count/4⌉][k][4], out; the last rows repeated), `scaled` or,
 *  spherical, as squared distances. `table`: see `wideDoubles`; `singleRows`: room for the rows in single precision. */
export function approximateSquares(x: usize, count: i32, d: i32, k: i32, scaled: bool, table: usize, out: usize, singleRows: usize): void {
  const bytes = <usize>d << 3, wide = <usize>singles(d) << 2;
  const even = bytes & ~31;
  for (let i = 0, to = singleRows; i < count; i++, x += bytes, to += wide) {
    let j: usize = 0;
    for (; j < even; j += 32) {
      const a = f64x2.sub(v128.load(x + j), v128.load(table + j)), b = f64x2.sub(v128.load(x + j, 16), v128.load(table + j, 16));
      v128.store(to + (j >> 1), v128.shuffle<i64>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2));
    }
    if (j < bytes) {
      v128.store(to + (j >> 1), f64x2.splat(0));
      for (; j < bytes; j += 8) store<f32>(to + (j >> 1), <f32>(load<f64>(x + j) - load<f64>(table + j)));
    }
  }
  const panels = table + bytes + (<usize>k << 3);
  const last = singleRows + <usize>(count - 1) * wide;
  for (let i = 0, row = singleRows; i < count; i += 4, row += 4 * wide) {
    for (let c = 0, p = panels; c < k; c += 2) {
      let r0 = row, r1 = min(r0 + wide, last), r2 = min(r1 + wide, last), r3 = min(r2 + wide, last);
      let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
      if (scaled) for (const end = r0 + wide; r0 < end; r0 += 16, r1 += 16, r2 += 16, r3 += 16, p += 64) {
        const m = v128.load(p), s = v128.load(p, 16), n = v128.load(p, 32), t = v128.load(p, 48);
        let v = v128.load(r0);
        let u = f32x4.mul(f32x4.sub(v, m), s); a0 = f32x4.add(a0, f32x4.mul(u, u));
        u = f32x4.mul(f32x4.sub(v, n), t); b0 = f32x4.add(b0, f32x4.mul(u, u));
        v = v128.load(r1);
        u = f32x4.mul(f32x4.sub(v, m), s); a1 = f32x4.add(a1, f32x4.mul(u, u));
        u = f32x4.mul(f32x4.sub(v, n), t); b1 = f32x4.add(b1, f32x4.mul(u, u));
        v = v128.load(r2);
        u = f32x4.mul(f32x4.sub(v, m), s); a2 = f32x4.add(a2, f32x4.mul(u, u));
        u = f32x4.mul(f32x4.sub(v, n), t); b2 = f32x4.add(b2, f32x4.mul(u, u));
        v = v128.load(r3);
        u = f32x4.mul(f32x4.sub(v, m), s); a3 = f32x4.add(a3, f32x4.mul(u, u));
        u = f32x4.mul(f32x4.sub(v, n), t); b3 = f32x4.add(b3, f32x4.mul(u, u));
      }
      else for (const end = r0 + wide; r0 < end; r0 += 16, r1 += 16, r2 += 16, r3 += 16, p += 32) {
        const m = v128.load(p), n = v128.load(p, 16);
        let v = v128.load(r0);
        let u = f32x4.sub(v, m); a0 = f32x4.add(a0, f32x4.mul(u, u));
        u = f32x4.sub(v, n); b0 = f32x4.add(b0, f32x4.mul(u, u));
        v = v128.load(r1);
        u = f32x4.sub(v, m); a1 = f32x4.add(a1, f32x4.mul(u, u));
        u = f32x4.sub(v, n); b1 = f32x4.add(b1, f32x4.mul(u, u));
        v = v128.load(r2);
        u = f32x4.sub(v, m); a2 = f32x4.add(a2, f32x4.mul(u, u));
        u = f32x4.sub(v, n); b2 = f32x4.add(b2, f32x4.mul(u, u));
        v = v128.load(r3);
        u = f32x4.sub(v, m); a3 = f32x4.add(a3, f32x4.mul(u, u));
        u = f32x4.sub(v, n); b3 = f32x4.add(b3, f32x4.mul(u, u));
      }
      storeSums(out, a0, a1, a2, a3);
      out += 32;
      if (c + 1 < k) {
        storeSums(out, b0, b1, b2, b3);
        out += 32;
      }
    }
  }
}

/** Sums of the lanes of four vectors, as doubles. */
function storeSums(out: usize, a: v128, b: v128, c: v128, e: v128): void {
  // a0 b0 a2 b2 + a1 b1 a3 b3, and so on
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 2, 6), v128.shuffle<f32>(a, b, 1, 5, 3, 7));
  const ce = f32x4.add(v128.shuffle<f32>(c, e, 0, 4, 2, 6), v128.shuffle<f32>(c, e, 1, 5, 3, 7));
  const sums = f32x4.add(v128.shuffle<f32>(ab, ce, 0, 1, 4, 5), v128.shuffle<f32>(ab, ce, 2, 3, 6, 7));
  v128.store(out, f64x2.promote_low_f32x4(sums));
  v128.store(out, f64x2.promote_low_f32x4(v128.shuffle<i64>(sums, sums, 1, 1)), 16);
}

/** Puts ∞ in the place of squares that cannot matter, 0 in that of the others: q̃ in `squares` ([quads][k][4], inout), half of κ (k, in), `components`
 *  as for softmax (in). A component cannot matter where its a = constant − scale·q is below the best by more than its floor allows,
 *  whatever the error of either. */
export function markFar(squares: usize, quads: i32, d: i32, k: i32, components: usize, kappa: usize): void {
  const eta = etaOf(d);
  const more = f64x2.splat(1 + eta), less = f64x2.splat(1 - eta);
  const infinity = f64x2.splat(Infinity);
  for (let q = 0; q < quads; q++, squares += <usize>k << 5) {
    let best0 = f64x2.splat(-Infinity), best1 = best0;
    for (let c = 0, at = squares; c < k; c++, at += 32) {
      const component = components + (<usize>c << 5);
      const level = f64x2.sub(v128.load64_splat(component), v128.load64_splat(kappa + (<usize>c << 3))), scale = f64x2.mul(v128.load64_splat(component, 8), more);
      best0 = f64x2.pmax(best0, f64x2.sub(level, f64x2.mul(scale, v128.load(at))));
      best1 = f64x2.pmax(best1, f64x2.sub(level, f64x2.mul(scale, v128.load(at, 16))));
    }
    for (let c = 0, at = squares, component = components; c < k; c++, at += 32, component += 32) {
      // below the best it is far, unless it is infinite
      const level = f64x2.sub(f64x2.add(v128.load64_splat(component), v128.load64_splat(kappa + (<usize>c << 3))), v128.load64_splat(component, 16));
      const scale = f64x2.mul(v128.load64_splat(component, 8), less);
      const q0 = v128.load(at), q1 = v128.load(at, 16);
      const a0 = f64x2.sub(level, f64x2.mul(scale, q0)), a1 = f64x2.sub(level, f64x2.mul(scale, q1));
      v128.store(at, v128.and(infinity, v128.and(f64x2.lt(a0, best0), f64x2.lt(q0, infinity))));
      v128.store(at, v128.and(infinity, v128.and(f64x2.lt(a1, best1), f64x2.lt(q1, infinity))), 16);
    }
  }
}

/** Squares Σ_j ((x_j − μ_j)·s_j)² of rows of x (count×d, row-major, in) for k components in the places of `squares` ([quads][k][4], inout) that are 0; means
 *  and, unless 0, scales (k×d, row-major, in). Even features are summed in one lane and odd ones in the other, ascending: whichever rows are asked for
 *  together, each gets the same. `list`: room for 8 bytes a row and 24 more. Returns how many squares were taken. */
export function exactSquares(x: usize, count: i32, d: i32, k: i32, means: usize, scales: usize, squares: usize, list: usize): i32 {
  const bytes = <usize>d << 3, stride = <usize>k << 5;
  let taken = 0;
  for (let c = 0; c < k; c++, squares += 32, means += bytes, scales += scales != 0 ? bytes : 0) {
    let end = list;
    for (let i = 0, at = squares, row = x; i < count; i += 4, at += stride) {
      for (let p = at, last = at + (<usize>min(4, count - i) << 3); p < last; p += 8, row += bytes) {
        store<u32>(end, <u32>row);
        store<u32>(end, <u32>p, 4);
        end += <usize>(load<f64>(p) == 0) << 3;
      }
    }
    const some = <i32>((end - list) >> 3);
    taken += some;
    if (some == 0) continue;
    // the last one again where fewer than four are left
    const spare = load<u64>(end - 8);
    store<u64>(end, spare); store<u64>(end, spare, 8); store<u64>(end, spare, 16);
    for (let at = list; at < end; at += 32) fourSquares(at, d, means, scales);
  }
  return taken;
}

function fourSquares(list: usize, d: i32, mean: usize, scale: usize): void {
  let r0 = <usize>load<u32>(list), r1 = <usize>load<u32>(list, 8), r2 = <usize>load<u32>(list, 16), r3 = <usize>load<u32>(list, 24);
  let a0 = f64x2.splat(0), a1 = a0, a2 = a0, a3 = a0;
  const end = mean + (<usize>(d & ~1) << 3);
  if (scale != 0) {
    for (; mean < end; mean += 16, scale += 16, r0 += 16, r1 += 16, r2 += 16, r3 += 16) {
      const m = v128.load(mean), s = v128.load(scale);
      let u = f64x2.mul(f64x2.sub(v128.load(r0), m), s); a0 = f64x2.add(a0, f64x2.mul(u, u));
      u = f64x2.mul(f64x2.sub(v128.load(r1), m), s); a1 = f64x2.add(a1, f64x2.mul(u, u));
      u = f64x2.mul(f64x2.sub(v128.load(r2), m), s); a2 = f64x2.add(a2, f64x2.mul(u, u));
      u = f64x2.mul(f64x2.sub(v128.load(r3), m), s); a3 = f64x2.add(a3, f64x2.mul(u, u));
    }
  } else {
    for (; mean < end; mean += 16, r0 += 16, r1 += 16, r2 += 16, r3 += 16) {
      const m = v128.load(mean);
      let u = f64x2.sub(v128.load(r0), m); a0 = f64x2.add(a0, f64x2.mul(u, u));
      u = f64x2.sub(v128.load(r1), m); a1 = f64x2.add(a1, f64x2.mul(u, u));
      u = f64x2.sub(v128.load(r2), m); a2 = f64x2.add(a2, f64x2.mul(u, u));
      u = f64x2.sub(v128.load(r3), m); a3 = f64x2.add(a3, f64x2.mul(u, u));
    }
  }
  const odd = (d & 1) != 0;
  putSquare(list, a0, r0, mean, scale, odd);
  putSquare(list + 8, a1, r1, mean, scale, odd);
  putSquare(list + 16, a2, r2, mean, scale, odd);
  putSquare(list + 24, a3, r3, mean, scale, odd);
}

/** Both lanes and the square of a last feature without a partner. */
function putSquare(entry: usize, sum: v128, x: usize, mean: usize, scale: usize, odd: bool): void {
  let square = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  if (odd) {
    const u = (load<f64>(x) - load<f64>(mean)) * (scale != 0 ? load<f64>(scale) : 1);
    square += u * u;
  }
  store<f64>(load<u32>(entry, 4), square);
}
