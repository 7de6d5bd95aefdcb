// From Mahalanobis squares to log-densities and responsibilities: Bayes' rule over the components, quad by quad.
import { expNonPositive, logNormal } from "./elementary";

const MOST_NEGATIVE: f64 = -1.7976931348623157e308;

/** From squares to responsibilities, in place. On entry `a` ([quads][k][4], inout) holds Mahalanobis squares; with
 *  a_c = constant_c − ½ square_c it leaves r_c = weight · e^(a_c − m) / Σ e^(a − m), m = max a. `constants` (k, in): log weight plus
 *  log normaliser. `weights` (4 a quad, in; 0 in padding). `logNorm` (4 a quad, out): m + ln Σ e^(a − m), the log-density of the sample.
 *  `labels` (i32, 4 a quad, out): index of the largest a, first on ties. Returns Σ weight·logNorm.
 *  A sample so far from every component that all squares overflow has logNorm −∞ and equal responsibilities. */
export function softmax(a: usize, quads: i32, k: i32, constants: usize, weights: usize, logNorm: usize, labels: usize): f64 {
  const bytes = <usize>k << 5;
  const half = f64x2.splat(0.5);
  let total = f64x2.splat(0);
  for (let q = 0; q < quads; q++) {
    const end = a + bytes;
    let m0 = f64x2.splat(-Infinity), m1 = m0;
    let i0 = f64x2.splat(0), i1 = i0;
    let index = f64x2.splat(0);
    let constant = constants;
    for (let p = a; p < end; p += 32) {
      const b = v128.load64_splat(constant);
      const a0 = f64x2.sub(b, f64x2.mul(half, v128.load(p))), a1 = f64x2.sub(b, f64x2.mul(half, v128.load(p, 16)));
      v128.store(p, a0);
      v128.store(p, a1, 16);
      const g0 = f64x2.gt(a0, m0), g1 = f64x2.gt(a1, m1);
      m0 = v128.bitselect(a0, m0, g0); i0 = v128.bitselect(index, i0, g0);
      m1 = v128.bitselect(a1, m1, g1); i1 = v128.bitselect(index, i1, g1);
      index = f64x2.add(index, f64x2.splat(1));
      constant += 8;
    }
    m0 = f64x2.pmax(m0, f64x2.splat(MOST_NEGATIVE));
    m1 = f64x2.pmax(m1, f64x2.splat(MOST_NEGATIVE));
    let s0 = f64x2.splat(0), s1 = s0;
    for (let p = a; p < end; p += 32) {
      const e0 = expNonPositive(f64x2.sub(v128.load(p), m0)), e1 = expNonPositive(f64x2.sub(v128.load(p, 16), m1));
      v128.store(p, e0);
      v128.store(p, e1, 16);
      s0 = f64x2.add(s0, e0);
      s1 = f64x2.add(s1, e1);
    }
    const zero = f64x2.splat(0);
    const lost0 = f64x2.eq(s0, zero), lost1 = f64x2.eq(s1, zero);
    let n0 = f64x2.add(m0, logNormal(s0)), n1 = f64x2.add(m1, logNormal(s1));
    if (v128.any_true(v128.or(lost0, lost1))) {
      const one = f64x2.splat(1);
      for (let p = a; p < end; p += 32) {
        v128.store(p, v128.bitselect(one, v128.load(p), lost0));
        v128.store(p, v128.bitselect(one, v128.load(p, 16), lost1), 16);
      }
      s0 = v128.bitselect(f64x2.splat(<f64>k), s0, lost0); n0 = v128.bitselect(f64x2.splat(-Infinity), n0, lost0);
      s1 = v128.bitselect(f64x2.splat(<f64>k), s1, lost1); n1 = v128.bitselect(f64x2.splat(-Infinity), n1, lost1);
    }
    const w0 = v128.load(weights), w1 = v128.load(weights, 16);
    const r0 = f64x2.div(w0, s0), r1 = f64x2.div(w1, s1);
    for (let p = a; p < end; p += 32) {
      v128.store(p, f64x2.mul(v128.load(p), r0));
      v128.store(p, f64x2.mul(v128.load(p, 16), r1), 16);
    }
    v128.store(logNorm, n0);
    v128.store(logNorm, n1, 16);
    v128.store(labels, v128.shuffle<i64>(i32x4.trunc_sat_f64x2_s_zero(i0), i32x4.trunc_sat_f64x2_s_zero(i1), 0, 2));
    // a row of weight zero is absent: −∞ · 0 must not become NaN
    total = f64x2.add(total, v128.and(f64x2.mul(w0, n0), f64x2.gt(w0, zero)));
    total = f64x2.add(total, v128.and(f64x2.mul(w1, n1), f64x2.gt(w1, zero)));
    a = end;
    weights += 32; logNorm += 32; labels += 16;
  }
  return f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1);
}

/** Whether any sample of the block belongs to the component at all. */
export function anyResponsibility(r: usize, quads: i32, stride: usize): bool {
  let any = f64x2.splat(0);
  for (let q = 0; q < quads; q++, r += stride) any = v128.or(any, v128.or(v128.load(r), v128.load(r, 16)));
  return v128.any_true(any);
}
