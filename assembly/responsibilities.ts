// From Mahalanobis squares to log-densities and responsibilities: Bayes' rule over the components, quad by quad.
import { COLUMN } from "./gaussian-diagonal";
import { exponentials, STEP } from "./exponential";
import { log, logNormal } from "./logarithm";

const MOST_NEGATIVE: f64 = -1.7976931348623157e308;

/** So many components may have the sums of their exponentials, 64 of a block of 256 rows in each lane, multiplied before the logarithm is taken. */
const MOST_TOGETHER: i32 = 32768;

/** From Mahalanobis squares to what they say of every sample, with a_c = constant_c − scale_c · square_c and m = max a, logarithms in steps of ln 2/64:
 *  `r` ([quads][k][4], out, may be `squares`): e^(a_c − m), to be multiplied by `shares` (4 a quad, out): weight / Σ e^(a − m);
 *  `logNorm` (4 a quad, out): m + ln Σ e^(a − m), the log-density, no longer in steps. Where nobody reads it, `alike` says so and that all weights are
 *  the same but in padding: then one logarithm of the product of the Σ is taken for all samples;
 *  `labels` (i32, 4 a quad, out; 0 for none): index of the largest a, first on ties. With `labelsOnly` nothing else is worked out.
 *  `squares` ([quads][k][4], in). `components` ([k][4], in): constant (log weight plus log normaliser), scale (½, or ½ over what the squares are
 *  to be divided by), floor (e^(a − m) counts as 0 where a − m is below it), log weight; all in steps. `weights` (4 a quad, in; 0 in padding).
 *  `room`: 32·k bytes. Returns Σ weight·logNorm.
 *  A sample so far from every component that all squares overflow has logNorm −∞ and equal responsibilities. One with a value that is not finite
 *  has none, or an infinite one: where there is either, `broken` (i32, out; 0 for none) becomes 1.
 *  Each loop goes over all quads before the next one begins, so that no quad waits for the end of its own chain of operations. */
export function softmax(
  squares: usize, quads: i32, k: i32, components: usize, weights: usize, r: usize, shares: usize, logNorm: usize, labels: usize, labelsOnly: bool, alike: bool, room: usize, broken: usize,
): f64 {
  const bytes = <usize>k << 5;
  const last = r + <usize>quads * bytes;
  const lowest = f64x2.splat(MOST_NEGATIVE); // in place of −∞: −∞ less −∞ is NaN
  const infinity = f64x2.splat(Infinity);
  let least = infinity, most = lowest;
  for (let p = r, m = logNorm; p < last; m += 32) {
    const end = p + bytes, first = p;
    let m0 = lowest, m1 = lowest;
    for (let component = components; p < end; p += 32, component += 32, squares += 32) {
      const b = v128.load64_splat(component), scale = v128.load64_splat(component, 8);
      const a0 = f64x2.pmax(lowest, f64x2.sub(b, f64x2.mul(scale, v128.load(squares))));
      const a1 = f64x2.pmax(lowest, f64x2.sub(b, f64x2.mul(scale, v128.load(squares, 16))));
      v128.store(p, a0);
      v128.store(p, a1, 16);
      m0 = f64x2.pmax(m0, a0);
      m1 = f64x2.pmax(m1, a1);
    }
    if (labels != 0) {
      storeLabels(first, k, m0, m1, labels);
      labels += 16;
    }
    v128.store(m, m0);
    v128.store(m, m1, 16);
    least = f64x2.pmin(least, f64x2.pmin(m0, m1));
    most = f64x2.pmax(most, f64x2.pmax(m0, m1));
  }
  if (broken != 0 && v128.any_true(v128.or(f64x2.eq(least, lowest), f64x2.eq(most, infinity)))) store<i32>(broken, 1);
  if (labelsOnly) return 0;
  for (let p = r, m = logNorm, s = shares; p < last; p += bytes, m += 32, s += 32) exponentials(p, k, m, components + 16, s, room);
  const zero = f64x2.splat(0), one = f64x2.splat(1);
  const together = alike && k <= MOST_TOGETHER;
  const end = logNorm + (<usize>quads << 5), first = load<f64>(weights);
  let total = zero, other = zero, product = one, others = one;
  for (let m = logNorm; m < end; m += 16, weights += 16, shares += 16) {
    const s = v128.load(shares), n = v128.load(m);
    const twice = f64x2.add(n, n); // −∞ in place of what stands for it
    const w = v128.load(weights);
    v128.store(shares, f64x2.div(w, s));
    const counts = f64x2.gt(w, zero); // a row of weight zero is absent: −∞ · 0 must not become NaN
    if (together) {
      const before = total, factor = product; // two of each in turn
      total = other; product = others;
      other = f64x2.add(before, v128.and(twice, counts));
      others = f64x2.mul(factor, v128.bitselect(s, one, counts));
    } else {
      const density = f64x2.add(f64x2.mul(twice, f64x2.splat(0.5 * STEP)), logNormal(s));
      v128.store(m, density);
      total = f64x2.add(total, v128.and(f64x2.mul(w, density), counts));
    }
  }
  if (together) {
    total = f64x2.mul(f64x2.splat(first), f64x2.add(f64x2.mul(f64x2.add(total, other), f64x2.splat(0.5 * STEP)), f64x2.add(logNormal(product), logNormal(others))));
  }
  return f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1);
}

/** Least sum of densities e^(a − reference) that a sample may have: what is lost below e^−708 is then less than e^−258 of it. */
const LEAST_SUM: f64 = 3.6e-196; // e^−450

/** From the sums s of `count` samples' densities (4 a quad, in) to shares weight / s, 0 in padding (out). Returns Σ weight·ln s, of one logarithm, or NaN
 *  where a sum is below LEAST_SUM: then shares are none. */
export function sharesOf(s: usize, count: i32, weight: f64): f64 {
  const one = f64x2.splat(1), w = f64x2.splat(weight);
  const last = s + (<usize>count << 3), end = s + (<usize>((count + 3) & ~3) << 3);
  for (let p = last; p < end; p += 8) store<f64>(p, 1);
  let least = one, product = one, exponents = i64x2.splat(0);
  for (let p = s; p < end; p += 16) {
    const sum = v128.load(p);
    least = f64x2.pmin(least, sum);
    exponents = i64x2.add(exponents, i64x2.shr_u(sum, 52));
    product = f64x2.mul(product, v128.bitselect(one, sum, i64x2.splat(0x7FF0000000000000))); // of what is from 1 to 2: below 2^128
    v128.store(p, f64x2.div(w, sum));
  }
  for (let p = last; p < end; p += 8) store<f64>(p, 0);
  if (!i64x2.all_true(f64x2.ge(least, f64x2.splat(LEAST_SUM)))) return NaN;
  const whole = i64x2.extract_lane(exponents, 0) + i64x2.extract_lane(exponents, 1) - <i64>((end - s) >> 3) * 1023;
  return weight * (<f64>whole * 0.6931471805599453 + log(f64x2.extract_lane(product, 0) * f64x2.extract_lane(product, 1)));
}

/** Multiplies what `softmax` leaves ([quads][k][4], in) by the shares (4 a quad, in): responsibilities times weights, to r (those of a component one after
 *  the other, COLUMN bytes before the next component's, out). To masses ([k][2], inout) it adds Σ r of each component, even and odd rows apart, and,
 *  where squares ([quads][k][4], in) is not 0, behind them Σ r·square likewise. */
export function share(e: usize, quads: i32, k: i32, shares: usize, r: usize, masses: usize, squares: usize): void {
  const bytes = <usize>k << 5;
  const finite = f64x2.splat(f64.MAX_VALUE); // 0 · ∞ must not become NaN
  for (const last = e + <usize>quads * bytes; e < last; shares += 32, r += 32) {
    const f0 = v128.load(shares), f1 = v128.load(shares, 16);
    let n = masses, to = r;
    for (const end = e + bytes; e < end; e += 32, n += 16, to += COLUMN) {
      const r0 = f64x2.mul(v128.load(e), f0), r1 = f64x2.mul(v128.load(e, 16), f1);
      v128.store(to, r0);
      v128.store(to, r1, 16);
      v128.store(n, f64x2.add(v128.load(n), f64x2.add(r0, r1)));
      if (squares != 0) {
        const s = n + (bytes >> 1);
        v128.store(s, f64x2.add(v128.load(s), f64x2.add(f64x2.mul(r0, f64x2.pmin(v128.load(squares), finite)), f64x2.mul(r1, f64x2.pmin(v128.load(squares, 16), finite)))));
        squares += 32;
      }
    }
  }
}

/** Index of the first of k values ([k][4], in) that is the largest of its sample, m0 and m1 (i32, 4, out). */
function storeLabels(a: usize, k: i32, m0: v128, m1: v128, labels: usize): void {
  let i0 = f64x2.splat(0), i1 = i0;
  for (let c = k - 1, p = a + (<usize>c << 5); c >= 0; c--, p -= 32) {
    const index = f64x2.splat(<f64>c);
    i0 = v128.bitselect(index, i0, f64x2.eq(v128.load(p), m0));
    i1 = v128.bitselect(index, i1, f64x2.eq(v128.load(p, 16), m1));
  }
  v128.store(labels, v128.shuffle<i64>(i32x4.trunc_sat_f64x2_s_zero(i0), i32x4.trunc_sat_f64x2_s_zero(i1), 0, 2));
}
