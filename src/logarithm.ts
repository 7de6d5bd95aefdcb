// The natural logarithm in the same bits in every engine: the host's Math.log is implementation-approximated and is never used.

// A double as its bits
const bits = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(8))

const LN2_HI = 0.6931471803691238 // 21 trailing zeros: k·LN2_HI is exact
const LN2_LO = 1.9082149292705877e-10

/** ln x for x ≥ 0: −∞ at 0, subnormals scaled up first. Error < 0.9 ULP. NaN for negative x and NaN.
 *  Method: fdlibm's e_log.c (Sun Microsystems, 1993), step by step what assembly/logarithm.ts does for two doubles at a time: x = 2^k·m with m in
 *  [√½, √2), f = m − 1, s = f/(2+f), ln x = k·ln2 + f − (f²/2 − s·(f²/2 + R(s²))). */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN
  if (x === Infinity) return x
  if (x < 2 ** -1022) return log(x * 2 ** 54) - 54 * Math.LN2
  bits.setFloat64(0, x)
  const high = bits.getInt32(0)
  // subtracting √½'s bits before cutting the exponent moves the split from 1 to √2
  const k = (high - 0x3fe6a09e - Number(bits.getUint32(4) < 0x667f3bcd)) >> 20
  bits.setInt32(0, high - (k << 20))
  const f = bits.getFloat64(0) - 1
  const s = f / (f + 2)
  const z = s * s
  let R = 0.14798198605116586
  R = R * z + 0.15313837699209373
  R = R * z + 0.1818357216161805
  R = R * z + 0.22222198432149784
  R = R * z + 0.2857142874366239
  R = R * z + 0.3999999999940942
  R = R * z + 0.6666666666666735
  R *= z
  const half = f * f * 0.5
  return k * LN2_HI + (f - (half - (s * (half + R) + k * LN2_LO)))
}
