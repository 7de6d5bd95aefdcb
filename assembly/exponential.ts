// exp for two doubles at a time, without FMA. Every operation is an IEEE-754 basic operation, so results carry the same bits in every engine; the
// host's Math.exp is implementation-approximated and is never used.

const SHIFTER: f64 = 6755399441055744.0; // 1.5·2^52: adding it rounds to the nearest integer, left in the low mantissa bits
const EXP_CEILING: f64 = 709.782712893384; // 1024·ln 2: the largest double whose e^x is finite
const EXP_FLOOR: f64 = -708.0; // below: e^x < 3.4e-308 is returned as 0, so no subnormal is ever produced

// What exp needs, in memory: V8 puts literals together anew, three instructions each, every time round a loop (half the time of exp)
const EXP_CONSTANTS: usize = memory.data<f64>([
  184.6649652337873, // 128/ln 2
  SHIFTER,
  0.005415212347998022, // ln 2/128 without its last 19 bits: n·this is exact for |n| ≤ 2^19
  1.2655086083325438e-13, // and the rest
  0.5, 0.16666666666666666, 0.041666666666666664, 0.008333333333333333, // 1/2!, 1/3!, 1/4!, 1/5!
]);
/** 2^(j/128) for j < 128, rounded, as bits less j·2^45: the bits of n = 128·m + j, shifted left by 45, turn them into 2^(n/128). */
const POWERS: usize = memory.data<i64>([
  0x3FF0000000000000, 0x3FEFF63DA9FB3335, 0x3FEFEC9A3E778061, 0x3FEFE315E86E7F85, 0x3FEFD9B0D3158574, 0x3FEFD06B29DDF6DE, 0x3FEFC74518759BC8, 0x3FEFBE3ECAC6F383,
  0x3FEFB5586CF9890F, 0x3FEFAC922B7247F7, 0x3FEFA3EC32D3D1A2, 0x3FEF9B66AFFED31B, 0x3FEF9301D0125B51, 0x3FEF8ABDC06C31CC, 0x3FEF829AAEA92DE0, 0x3FEF7A98C8A58E51,
  0x3FEF72B83C7D517B, 0x3FEF6AF9388C8DEA, 0x3FEF635BEB6FCB75, 0x3FEF5BE084045CD4, 0x3FEF54873168B9AA, 0x3FEF4D5022FCD91D, 0x3FEF463B88628CD6, 0x3FEF3F49917DDC96,
  0x3FEF387A6E756238, 0x3FEF31CE4FB2A63F, 0x3FEF2B4565E27CDD, 0x3FEF24DFE1F56381, 0x3FEF1E9DF51FDEE1, 0x3FEF187FD0DAD990, 0x3FEF1285A6E4030B, 0x3FEF0CAFA93E2F56,
  0x3FEF06FE0A31B715, 0x3FEF0170FC4CD831, 0x3FEEFC08B26416FF, 0x3FEEF6C55F929FF1, 0x3FEEF1A7373AA9CB, 0x3FEEECAE6D05D866, 0x3FEEE7DB34E59FF7, 0x3FEEE32DC313A8E5,
  0x3FEEDEA64C123422, 0x3FEEDA4504AC801C, 0x3FEED60A21F72E2A, 0x3FEED1F5D950A897, 0x3FEECE086061892D, 0x3FEECA41ED1D0057, 0x3FEEC6A2B5C13CD0, 0x3FEEC32AF0D7D3DE,
  0x3FEEBFDAD5362A27, 0x3FEEBCB299FDDD0D, 0x3FEEB9B2769D2CA7, 0x3FEEB6DAA2CF6642, 0x3FEEB42B569D4F82, 0x3FEEB1A4CA5D920F, 0x3FEEAF4736B527DA, 0x3FEEAD12D497C7FD,
  0x3FEEAB07DD485429, 0x3FEEA9268A5946B7, 0x3FEEA76F15AD2148, 0x3FEEA5E1B976DC09, 0x3FEEA47EB03A5585, 0x3FEEA34634CCC320, 0x3FEEA23882552225, 0x3FEEA155D44CA973,
  0x3FEEA09E667F3BCD, 0x3FEEA012750BDABF, 0x3FEE9FB23C651A2F, 0x3FEE9F7DF9519484, 0x3FEE9F75E8EC5F74, 0x3FEE9F9A48A58174, 0x3FEE9FEB564267C9, 0x3FEEA0694FDE5D3F,
  0x3FEEA11473EB0187, 0x3FEEA1ED0130C132, 0x3FEEA2F336CF4E62, 0x3FEEA427543E1A12, 0x3FEEA589994CCE13, 0x3FEEA71A4623C7AD, 0x3FEEA8D99B4492ED, 0x3FEEAAC7D98A6699,
  0x3FEEACE5422AA0DB, 0x3FEEAF3216B5448C, 0x3FEEB1AE99157736, 0x3FEEB45B0B91FFC6, 0x3FEEB737B0CDC5E5, 0x3FEEBA44CBC8520F, 0x3FEEBD829FDE4E50, 0x3FEEC0F170CA07BA,
  0x3FEEC49182A3F090, 0x3FEEC86319E32323, 0x3FEECC667B5DE565, 0x3FEED09BEC4A2D33, 0x3FEED503B23E255D, 0x3FEED99E1330B358, 0x3FEEDE6B5579FDBF, 0x3FEEE36BBFD3F37A,
  0x3FEEE89F995AD3AD, 0x3FEEEE07298DB666, 0x3FEEF3A2B84F15FB, 0x3FEEF9728DE5593A, 0x3FEEFF76F2FB5E47, 0x3FEF05B030A1064A, 0x3FEF0C1E904BC1D2, 0x3FEF12C25BD71E09,
  0x3FEF199BDD85529C, 0x3FEF20AB5FFFD07A, 0x3FEF27F12E57D14B, 0x3FEF2F6D9406E7B5, 0x3FEF3720DCEF9069, 0x3FEF3F0B555DC3FA, 0x3FEF472D4A07897C, 0x3FEF4F87080D89F2,
  0x3FEF5818DCFBA487, 0x3FEF60E316C98398, 0x3FEF69E603DB3285, 0x3FEF7321F301B460, 0x3FEF7C97337B9B5F, 0x3FEF864614F5A129, 0x3FEF902EE78B3FF6, 0x3FEF9A51FBC74C83,
  0x3FEFA4AFA2A490DA, 0x3FEFAF482D8E67F1, 0x3FEFBA1BEE615A27, 0x3FEFC52B376BBA97, 0x3FEFD0765B6E4540, 0x3FEFDBFDAD9CBE14, 0x3FEFE7C1819E90D8, 0x3FEFF3C22B8F71F1,
]);

// @ts-ignore: decorator
@inline
function constant(i: usize): v128 {
  return v128.load64_splat(EXP_CONSTANTS + (i << 3));
}

// exp, for |x| ≤ 709.78: x = n·ln 2/128 + r, |r| ≤ ln 2/256; e^x = s + s·(e^r − 1), s = 2^(n/128) from the table (Tang 1989), e^r − 1 by Taylor's
// polynomial of degree 5 (truncation < 2^−60). Twice as fast as a polynomial of degree 11 over |r| ≤ ln 2/2: not for its fewer operations, but
// because the chain of them is shorter, and more chains fit into what a processor looks ahead.
// @ts-ignore: decorator
@inline
function expSteps(x: v128): v128 {
  return f64x2.add(f64x2.mul(x, constant(0)), constant(1));
}
// @ts-ignore: decorator
@inline
function expPower(steps: v128): v128 {
  const j0 = <usize>((i32x4.extract_lane(steps, 0) & 127) << 3), j1 = <usize>((i32x4.extract_lane(steps, 2) & 127) << 3);
  return i64x2.add(v128.load64_lane(POWERS + j1, v128.load64_zero(POWERS + j0), 1), i64x2.shl(steps, 45));
}
// @ts-ignore: decorator
@inline
function expRest(x: v128, steps: v128): v128 {
  const n = f64x2.sub(steps, constant(1));
  const r = f64x2.sub(f64x2.sub(x, f64x2.mul(n, constant(2))), f64x2.mul(n, constant(3)));
  const r2 = f64x2.mul(r, r);
  const low = f64x2.add(constant(4), f64x2.mul(constant(5), r));
  const high = f64x2.add(constant(6), f64x2.mul(constant(7), r));
  return f64x2.add(r, f64x2.mul(r2, f64x2.add(low, f64x2.mul(high, r2))));
}

/** e^x of two lanes where x ≥ floor, 0 elsewhere; x ≤ 0 (or −∞), floor ≥ −700.
 *  Error: < 1.1 ULP (measured: 1.001 over 2·10⁷ arguments); exactly 1 at ±0. NaN in, NaN or 0 out: callers reject it. */
// @ts-ignore: decorator
@inline
export function expNonPositive(x: v128, floor: v128): v128 {
  const steps = expSteps(x);
  const power = expPower(steps);
  return v128.and(f64x2.add(power, f64x2.mul(power, expRest(x, steps))), f64x2.ge(x, floor));
}

/** e^x: the scalar the TypeScript side uses. Error < 1.1 ULP on [−708, 709.78]; exactly 1 at ±0; 0 below −708 (true value < 3.4e−308), ∞ above
 *  709.78…, where the true value exceeds the largest double. NaN in, NaN out. */
export function exp(x: f64): f64 {
  if (!(x >= EXP_FLOOR)) return x < EXP_FLOOR ? 0 : x;
  if (x > EXP_CEILING) return Infinity;
  // 2^(n/128) itself may be 2^1024, and its product with what is near 0 may be subnormal
  const down = x > 0;
  const v = f64x2.splat(x);
  const steps = expSteps(v);
  const power = i64x2.add(expPower(steps), i64x2.splat(down ? -1 << 52 : 64 << 52));
  return f64x2.extract_lane(f64x2.add(power, f64x2.mul(power, expRest(v, steps))), 0) * (down ? 2 : 5.421010862427522e-20);
}
