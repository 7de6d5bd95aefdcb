// log for two doubles at a time, without FMA, in the same bits in every engine: see exponential.ts. It has no table, so the core can carry it.

const LN2_HI: f64 = 6.93147180369123816490e-1; // 0x3FE62E42FEE00000: 21 trailing zeros, n·LN2_HI is exact for |n| ≤ 2^21
const LN2_LO: f64 = 1.90821492927058770002e-10; // 0x3DEA39EF35793C76
const BIASED: f64 = 6755399441055744.0; // 1.5·2^52: as bits with an integer added, the double 1.5·2^52 + that integer

/** ln x of two lanes for normal positive x (subnormals and zero are not handled: callers pass sums ≥ 1 or scale first).
 *  Error: < 0.9 ULP (measured: 0.857 over 6·10⁷ arguments); ln 1 = 0 and ln 2^k is correctly rounded.
 *  Method: fdlibm's e_log.c (Sun Microsystems, 1993), branch-free: x = 2^k·m with m in [√½, √2), f = m − 1,
 *  s = f/(2+f), ln x = k·ln2 + f − (f²/2 − s·(f²/2 + R(s²))). */
// @ts-ignore: decorator
@inline
export function logNormal(x: v128): v128 {
  // subtracting √½'s bits before cutting the exponent moves the split from 1 to √2
  const OFFSET: i64 = 0x3FE6A09E667F3BCD;
  const tmp = i64x2.sub(x, i64x2.splat(OFFSET));
  const exponent = i64x2.shr_s(tmp, 52);
  const m = i64x2.sub(x, i64x2.shl(exponent, 52));
  const k = f64x2.sub(i64x2.add(exponent, i64x2.splat(0x4338000000000000)), f64x2.splat(BIASED));
  const f = f64x2.sub(m, f64x2.splat(1.0));
  const s = f64x2.div(f, f64x2.add(f, f64x2.splat(2.0)));
  const z = f64x2.mul(s, s);
  let R = f64x2.splat(1.479819860511658591e-1);
  R = f64x2.add(f64x2.mul(R, z), f64x2.splat(1.531383769920937332e-1));
  R = f64x2.add(f64x2.mul(R, z), f64x2.splat(1.818357216161805012e-1));
  R = f64x2.add(f64x2.mul(R, z), f64x2.splat(2.222219843214978396e-1));
  R = f64x2.add(f64x2.mul(R, z), f64x2.splat(2.857142874366239149e-1));
  R = f64x2.add(f64x2.mul(R, z), f64x2.splat(3.999999999940941908e-1));
  R = f64x2.add(f64x2.mul(R, z), f64x2.splat(6.666666666666735130e-1));
  R = f64x2.mul(R, z);
  const half = f64x2.mul(f64x2.mul(f, f), f64x2.splat(0.5));
  const tail = f64x2.add(f64x2.mul(s, f64x2.add(half, R)), f64x2.mul(k, f64x2.splat(LN2_LO)));
  return f64x2.add(f64x2.mul(k, f64x2.splat(LN2_HI)), f64x2.sub(f, f64x2.sub(half, tail)));
}

/** ln x for x ≥ 0: −∞ at 0, subnormals scaled up first. Error < 0.9 ULP. NaN for negative x and NaN. */
export function log(x: f64): f64 {
  if (!(x > 0)) return x == 0 ? -Infinity : NaN;
  if (x == Infinity) return x;
  if (x < 2.2250738585072014e-308) return f64x2.extract_lane(logNormal(f64x2.splat(x * 18014398509481984.0)), 0) - 54 * 0.6931471805599453;
  return f64x2.extract_lane(logNormal(f64x2.splat(x)), 0);
}
