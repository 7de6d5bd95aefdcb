// exp and log for two doubles at a time, without FMA. Every operation is an IEEE-754 basic operation, so results carry the
// same bits in every engine; the host's Math.exp and Math.log are implementation-approximated and are never used.

const LOG2_E: f64 = 1.4426950408889634; // 0x3FF71547652B82FE
const LN2_HI: f64 = 6.93147180369123816490e-1; // 0x3FE62E42FEE00000: 21 trailing zeros, n·LN2_HI is exact for |n| ≤ 2^21
const LN2_LO: f64 = 1.90821492927058770002e-10; // 0x3DEA39EF35793C76
const SHIFTER: f64 = 6755399441055744.0; // 1.5·2^52: adding it rounds to the nearest integer, left in the low mantissa bits
const EXP_CEILING: f64 = 709.782712893384; // 1024·ln 2: the largest double whose e^x is finite
const EXP_FLOOR: f64 = -708.0; // below: e^x < 3.4e-308 is returned as 0, so no subnormal is ever produced

/** e^x of two lanes for |x| ≤ 708 (and up to 709.78, as long as n = 1024 meets a polynomial below 1). No special cases.
 *  Method: x = n·ln 2 + r, |r| ≤ ln 2 / 2; e^r = 1 + (r + r²·q(r)) with q of degree 9, minimax for the relative error given 1 + r
 *  (Remez, each coefficient rounded in turn and the others refitted; truncation and rounding of coefficients < 2^−57.9), in Estrin's
 *  order, 5 % faster than Horner's; 2^n by adding to the exponent. Carrying the rounding error of r along would give 0.87 ULP at 12 % more time. */
// @ts-ignore: decorator
@inline
function expReduced(x: v128): v128 {
  const shifted = f64x2.add(f64x2.mul(x, f64x2.splat(LOG2_E)), f64x2.splat(SHIFTER));
  const n = f64x2.sub(shifted, f64x2.splat(SHIFTER));
  const r = f64x2.sub(f64x2.sub(x, f64x2.mul(n, f64x2.splat(LN2_HI))), f64x2.mul(n, f64x2.splat(LN2_LO)));
  const r2 = f64x2.mul(r, r);
  const r4 = f64x2.mul(r2, r2);
  const q01 = f64x2.add(f64x2.splat(5.000000000000011e-1), f64x2.mul(f64x2.splat(1.6666666666666466e-1), r)); // 0x3FE000000000000A, 0x3FC555555555550D
  const q23 = f64x2.add(f64x2.splat(4.166666666652881e-2), f64x2.mul(f64x2.splat(8.333333333470184e-3), r)); // 0x3FA55555555507BA, 0x3F8111111112453A
  const q45 = f64x2.add(f64x2.splat(1.388888894369694e-3), f64x2.mul(f64x2.splat(1.9841269546311762e-4), r)); // 0x3F56C16C1843197F, 0x3F2A01A0138528B6
  const q67 = f64x2.add(f64x2.splat(2.480149317512646e-5), f64x2.mul(f64x2.splat(2.7557558423853666e-6), r)); // 0x3EFA0199A21DBB3F, 0x3EC71DF0CBC7205E
  const q89 = f64x2.add(f64x2.splat(2.763019319862587e-7), f64x2.mul(f64x2.splat(2.5007232452599027e-8), r)); // 0x3E928AD4BF7BD812, 0x3E5AD9EF8B0536EE
  const low = f64x2.add(q01, f64x2.mul(q23, r2));
  const high = f64x2.add(f64x2.add(q45, f64x2.mul(q67, r2)), f64x2.mul(q89, r4));
  const q = f64x2.add(low, f64x2.mul(high, r4));
  const p = f64x2.add(f64x2.splat(1.0), f64x2.add(r, f64x2.mul(r2, q)));
  return i64x2.add(p, i64x2.shl(shifted, 52));
}

/** e^x of two lanes for x ≤ 0 (or −∞).
 *  Error: < 1.1 ULP on [−708, 0] (measured: 0.992 over 6·10⁷ arguments); exactly 1 at ±0; 0 below −708 (true value < 3.4e−308). NaN in, NaN or
 *  0 out: callers reject it. */
// @ts-ignore: decorator
@inline
export function expNonPositive(x: v128): v128 {
  return v128.and(expReduced(x), f64x2.ge(x, f64x2.splat(EXP_FLOOR)));
}

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

/** e^x: the scalar the TypeScript side uses. Error < 1.1 ULP on [−708, 709.78]; exactly 1 at ±0; 0 below −708 (true value < 3.4e−308), ∞ above
 *  709.78…, where the true value exceeds the largest double. NaN in, NaN out. */
export function exp(x: f64): f64 {
  if (!(x >= EXP_FLOOR)) return x < EXP_FLOOR ? 0 : x;
  if (x > EXP_CEILING) return Infinity;
  return f64x2.extract_lane(expReduced(f64x2.splat(x)), 0);
}

/** ln x for x ≥ 0: −∞ at 0, subnormals scaled up first. Error < 0.9 ULP. NaN for negative x and NaN. */
export function log(x: f64): f64 {
  if (!(x > 0)) return x == 0 ? -Infinity : NaN;
  if (x == Infinity) return x;
  if (x < 2.2250738585072014e-308) return f64x2.extract_lane(logNormal(f64x2.splat(x * 18014398509481984.0)), 0) - 54 * 0.6931471805599453;
  return f64x2.extract_lane(logNormal(f64x2.splat(x)), 0);
}
