// exp and log for two doubles at a time, without FMA. Every operation is an IEEE-754 basic operation, so results carry the
// same bits in every engine; the host's Math.exp and Math.log are implementation-approximated and are never used.

const LOG2_E: f64 = 1.4426950408889634; // 0x3FF71547652B82FE
const LN2_HI: f64 = 6.93147180369123816490e-1; // 0x3FE62E42FEE00000: 32 trailing zeros, n·LN2_HI is exact for |n| < 2^20
const LN2_LO: f64 = 1.90821492927058770002e-10; // 0x3DEA39EF35793C76
const SHIFTER: f64 = 6755399441055744.0; // 1.5·2^52: adding it rounds to the nearest integer, left in the low mantissa bits
const EXP_FLOOR: f64 = -708.0; // below: e^x < 3.4e-308 is returned as 0, so no subnormal is ever produced

/** e^x of two lanes for x ≤ 0 (or −∞).
 *  Error: < 1.1 ULP on [−708, 0]; exactly 1 at ±0; 0 below −708 (true value < 3.4e−308). NaN in, NaN or 0 out: callers reject it.
 *  Method: x = n·ln 2 + r, |r| ≤ ln 2 / 2; Taylor polynomial of degree 12 in r (truncation < 2^−57); 2^n by adding to the exponent. */
// @ts-ignore: decorator
@inline
export function expNonPositive(x: v128): v128 {
  const shifted = f64x2.add(f64x2.mul(x, f64x2.splat(LOG2_E)), f64x2.splat(SHIFTER));
  const n = f64x2.sub(shifted, f64x2.splat(SHIFTER));
  const r = f64x2.sub(f64x2.sub(x, f64x2.mul(n, f64x2.splat(LN2_HI))), f64x2.mul(n, f64x2.splat(LN2_LO)));
  let p = f64x2.splat(2.08767569878681e-9); // 1/12!
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(2.505210838544172e-8)); // 1/11!
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(2.755731922398589e-7)); // 1/10!
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(2.7557319223985893e-6)); // 1/9!
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(2.48015873015873e-5)); // 1/8!
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.984126984126984e-4)); // 1/7!
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.388888888888889e-3)); // 1/6!
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(8.333333333333333e-3)); // 1/5!
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(4.1666666666666664e-2)); // 1/4!
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.6666666666666666e-1)); // 1/3!
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.5));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0));
  const scaled = i64x2.add(p, i64x2.shl(shifted, 52));
  return v128.and(scaled, f64x2.ge(x, f64x2.splat(EXP_FLOOR)));
}

/** ln x of two lanes for normal positive x (subnormals and zero are not handled: callers pass sums ≥ 1 or scale first).
 *  Error: < 1 ULP. Method: fdlibm's e_log.c (Sun Microsystems, 1993), branch-free: x = 2^k·m with m in [√½, √2), f = m − 1,
 *  s = f/(2+f), ln x = k·ln2 + f − (f²/2 − s·(f²/2 + R(s²))). */
// @ts-ignore: decorator
@inline
export function logNormal(x: v128): v128 {
  // adding (1 − √½)'s bits before cutting the exponent moves the split from 1 to √2
  const OFFSET: i64 = 0x3FE6A09E667F3BCD;
  const tmp = i64x2.sub(x, i64x2.splat(OFFSET));
  const exponent = i64x2.shr_s(tmp, 52);
  const m = i64x2.sub(x, i64x2.shl(exponent, 52));
  const k = f64x2.sub(i64x2.add(exponent, i64x2.splat(0x4338000000000000)), f64x2.splat(SHIFTER));
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

/** e^x for any finite x or ±∞: the scalar the TypeScript side uses. Error < 1.1 ULP where the result is normal. */
export function exp(x: f64): f64 {
  if (x <= 0) return f64x2.extract_lane(expNonPositive(f64x2.splat(x)), 0);
  if (x > 709.782712893384) return Infinity;
  // halve once above zero so that the exponent never overflows in the bit trick: e^x = 1 / e^−x loses half an ULP more
  return 1 / f64x2.extract_lane(expNonPositive(f64x2.splat(-x)), 0);
}

/** ln x for x ≥ 0: −∞ at 0, subnormals scaled up first. Error < 1 ULP. NaN for negative x. */
export function log(x: f64): f64 {
  if (!(x > 0)) return x == 0 ? -Infinity : NaN;
  if (x == Infinity) return x;
  if (x < 2.2250738585072014e-308) return f64x2.extract_lane(logNormal(f64x2.splat(x * 18014398509481984.0)), 0) - 54 * 0.6931471805599453;
  return f64x2.extract_lane(logNormal(f64x2.splat(x)), 0);
}
