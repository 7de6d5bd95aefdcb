// From Mahalanobis squares to log-densities and responsibilities: Bayes' rule over the components, quad by quad.
import { expNonPositive } from "./exponential";
import { logNormal } from "./logarithm";

const MOST_NEGATIVE: f64 = -1.7976931348623157e308;

/** From Mahalanobis squares to what they say of every sample, with a_c = constant_c − scale_c · square_c and m = max a:
 *  `logNorm` (4 a quad, out): m + ln Σ e^(a − m), the log-density; `r` ([quads][k][4], out, may be `squares`): weight · e^(a_c − m) / Σ e^(a − m);
 *  `labels` (i32, 4 a quad, out; 0 for none): index of the largest a, first on ties. With `labelsOnly` nothing else is worked out.
 *  `squares` ([quads][k][4], in). `components` ([k][4], in): constant (log weight plus log normaliser), scale (½, or ½ over what the squares are
 *  to be divided by), floor (e^(a − m) counts as 0 where a − m is below it), log weight. `weights` (4 a quad, in; 0 in padding).
 *  Returns Σ weight·logNorm.
 *  A sample so far from every component that all squares overflow has logNorm −∞ and equal responsibilities. */
export function softmax(
  squares: usize, quads: i32, k: i32, components: usize, weights: usize, r: usize, logNorm: usize, labels: usize, labelsOnly: bool,
): f64 {
  const bytes = <usize>k << 5;
  const zero = f64x2.splat(0);
  let total = f64x2.splat(0);
  for (let q = 0; q < quads; q++) {
    const end = r + bytes;
    let m0 = f64x2.splat(-Infinity), m1 = m0;
    let component = components;
    for (let p = r; p < end; p += 32) {
      const b = v128.load64_splat(component), scale = v128.load64_splat(component, 8);
      const a0 = f64x2.sub(b, f64x2.mul(scale, v128.load(squares))), a1 = f64x2.sub(b, f64x2.mul(scale, v128.load(squares, 16)));
      v128.store(p, a0);
      v128.store(p, a1, 16);
      m0 = f64x2.pmax(m0, a0);
      m1 = f64x2.pmax(m1, a1);
      component += 32; squares += 32;
    }
    if (labels != 0) {
      storeLabels(r, k, m0, m1, labels);
      labels += 16;
      if (labelsOnly) {
        r = end;
        continue;
      }
    }
    m0 = f64x2.pmax(m0, f64x2.splat(MOST_NEGATIVE));
    m1 = f64x2.pmax(m1, f64x2.splat(MOST_NEGATIVE));
    let s0 = f64x2.splat(0), s1 = s0;
    component = components;
    for (let p = r; p < end; p += 32) {
      const floor = v128.load64_splat(component, 16);
      const e0 = expNonPositive(f64x2.sub(v128.load(p), m0), floor), e1 = expNonPositive(f64x2.sub(v128.load(p, 16), m1), floor);
      v128.store(p, e0);
      v128.store(p, e1, 16);
      s0 = f64x2.add(s0, e0);
      s1 = f64x2.add(s1, e1);
      component += 32;
    }
    const lost0 = f64x2.eq(s0, zero), lost1 = f64x2.eq(s1, zero);
    let n0 = f64x2.add(m0, logNormal(s0)), n1 = f64x2.add(m1, logNormal(s1));
    if (v128.any_true(v128.or(lost0, lost1))) {
      const one = f64x2.splat(1);
      for (let p = r; p < end; p += 32) {
        v128.store(p, v128.bitselect(one, v128.load(p), lost0));
        v128.store(p, v128.bitselect(one, v128.load(p, 16), lost1), 16);
      }
      s0 = v128.bitselect(f64x2.splat(<f64>k), s0, lost0); n0 = v128.bitselect(f64x2.splat(-Infinity), n0, lost0);
      s1 = v128.bitselect(f64x2.splat(<f64>k), s1, lost1); n1 = v128.bitselect(f64x2.splat(-Infinity), n1, lost1);
    }
    const w0 = v128.load(weights), w1 = v128.load(weights, 16);
    // through memory: V8 moves divisions whose only use is in a loop into it
    v128.store(logNorm, f64x2.div(w0, s0));
    v128.store(logNorm, f64x2.div(w1, s1), 16);
    const f0 = v128.load(logNorm), f1 = v128.load(logNorm, 16);
    for (; r < end; r += 32) {
      v128.store(r, f64x2.mul(v128.load(r), f0));
      v128.store(r, f64x2.mul(v128.load(r, 16), f1), 16);
    }
    v128.store(logNorm, n0);
    v128.store(logNorm, n1, 16);
    // a row of weight zero is absent: −∞ · 0 must not become NaN
    total = f64x2.add(total, v128.and(f64x2.mul(w0, n0), f64x2.gt(w0, zero)));
    total = f64x2.add(total, v128.and(f64x2.mul(w1, n1), f64x2.gt(w1, zero)));
    weights += 32; logNorm += 32;
  }
  return f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1);
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
