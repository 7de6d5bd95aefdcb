// exp for two doubles at a time, without FMA. Every operation is an IEEE-754 basic operation, so results carry the same bits in every engine; the
// host's Math.exp is implementation-approximated and is never used.

/** Steps of ln 2/64 in 1: what exponents are counted in where many of them are taken. */
export const STEPS: f64 = 92.33248261689366;
/** One of them. */
export const STEP: f64 = 0.010830424696249145;
const SHIFTER: f64 = 6755399441055744.0; // 1.5·2^52: adding it rounds to the nearest integer, left in the low mantissa bits
const EXP_CEILING: f64 = 709.782712893384; // 1024·ln 2: the largest double whose e^x is finite
const EXP_FLOOR: f64 = -708.0; // below: e^x < 3.4e-308 is returned as 0, so no subnormal is ever produced
const STEP_HIGH: f64 = 0.010830424695996044; // ln 2/64 without its last 19 bits: n·this is exact for |n| ≤ 2^19
const STEP_LOW: f64 = 2.5310172166650877e-13; // and the rest

// What exp needs, in memory: V8 puts literals together anew, three instructions each, every time round a loop (half the time of exp)
const EXP_CONSTANTS: usize = memory.data<f64>([
  SHIFTER,
  STEP, 5.8649049550572325e-05, 2.1173137178100938e-07, 5.732856796177118e-10, 1.2408815581546273e-12, // P: about (ln 2/64)^i/i!
  -65472, // −1023·64: the bits of 2^(n/64) are those of 0 there
]);
/** 2^(j/64) for j < 64, rounded, as bits less j·2^46: the bits of n = 64·m + j, shifted left by 46, turn them into 2^(n/64). */
const POWERS: usize = memory.data<i64>([
  0x3FF0000000000000, 0x3FEFEC9A3E778061, 0x3FEFD9B0D3158574, 0x3FEFC74518759BC8, 0x3FEFB5586CF9890F, 0x3FEFA3EC32D3D1A2, 0x3FEF9301D0125B51, 0x3FEF829AAEA92DE0,
  0x3FEF72B83C7D517B, 0x3FEF635BEB6FCB75, 0x3FEF54873168B9AA, 0x3FEF463B88628CD6, 0x3FEF387A6E756238, 0x3FEF2B4565E27CDD, 0x3FEF1E9DF51FDEE1, 0x3FEF1285A6E4030B,
  0x3FEF06FE0A31B715, 0x3FEEFC08B26416FF, 0x3FEEF1A7373AA9CB, 0x3FEEE7DB34E59FF7, 0x3FEEDEA64C123422, 0x3FEED60A21F72E2A, 0x3FEECE086061892D, 0x3FEEC6A2B5C13CD0,
  0x3FEEBFDAD5362A27, 0x3FEEB9B2769D2CA7, 0x3FEEB42B569D4F82, 0x3FEEAF4736B527DA, 0x3FEEAB07DD485429, 0x3FEEA76F15AD2148, 0x3FEEA47EB03A5585, 0x3FEEA23882552225,
  0x3FEEA09E667F3BCD, 0x3FEE9FB23C651A2F, 0x3FEE9F75E8EC5F74, 0x3FEE9FEB564267C9, 0x3FEEA11473EB0187, 0x3FEEA2F336CF4E62, 0x3FEEA589994CCE13, 0x3FEEA8D99B4492ED,
  0x3FEEACE5422AA0DB, 0x3FEEB1AE99157736, 0x3FEEB737B0CDC5E5, 0x3FEEBD829FDE4E50, 0x3FEEC49182A3F090, 0x3FEECC667B5DE565, 0x3FEED503B23E255D, 0x3FEEDE6B5579FDBF,
  0x3FEEE89F995AD3AD, 0x3FEEF3A2B84F15FB, 0x3FEEFF76F2FB5E47, 0x3FEF0C1E904BC1D2, 0x3FEF199BDD85529C, 0x3FEF27F12E57D14B, 0x3FEF3720DCEF9069, 0x3FEF472D4A07897C,
  0x3FEF5818DCFBA487, 0x3FEF69E603DB3285, 0x3FEF7C97337B9B5F, 0x3FEF902EE78B3FF6, 0x3FEFA4AFA2A490DA, 0x3FEFBA1BEE615A27, 0x3FEFD0765B6E4540, 0x3FEFE7C1819E90D8,
]);

// 2^(t/64) = s + s·f·P(f): t = n + f, |f| ≤ ½; s = 2^(n/64) from the table (Tang 1989), P of degree 4 (Remez's exchange, truncation 2^−56). Twice as
// fast as a polynomial of degree 11 without a table: not for its fewer operations, but because the chain of them is shorter, and more chains fit into
// what a processor looks ahead.
// @ts-ignore: decorator
@inline
function constant(i: usize): v128 {
  return v128.load64_splat(EXP_CONSTANTS + (i << 3));
}

/** s, of the bits of n + SHIFTER. */
// @ts-ignore: decorator
@inline
function powerOf(n: v128): v128 {
  const j0 = <usize>((i32x4.extract_lane(n, 0) & 63) << 3), j1 = <usize>((i32x4.extract_lane(n, 2) & 63) << 3);
  return i64x2.add(v128.load64_lane(j1, v128.load64_zero(j0, POWERS), 1, POWERS), i64x2.shl(n, 46));
}
// @ts-ignore: decorator
@inline
function scaled(s: v128, f: v128, c1: v128, c2: v128, c3: v128, c4: v128, c5: v128): v128 {
  const f2 = f64x2.mul(f, f);
  const low = f64x2.add(c1, f64x2.mul(c2, f)), high = f64x2.add(f64x2.add(c3, f64x2.mul(c4, f)), f64x2.mul(c5, f2));
  return f64x2.add(s, f64x2.mul(f64x2.mul(s, f), f64x2.add(low, f64x2.mul(f2, high))));
}

/** 2^((a − m)/64) of k numbers for each of four samples, 0 where a − m < floor: a ([k][4], inout), m (4, in) ≥ a, floors (one every 32 bytes, in)
 *  ≥ −700·STEPS. Sums to `sums` (4, out). Error: < 1.1 ULP; exactly 1 at ±0. NaN in, 0 out. `room`: k·32 bytes.
 *  In two loops, as chains of operations half as long wait half as long for each other: what a processor looks ahead is one time round. */
export function exponentials(a: usize, k: i32, m: usize, floors: usize, sums: usize, room: usize): void {
  const end = a + (<usize>k << 5);
  const shifter = constant(0);
  const m0 = v128.load(m), m1 = v128.load(m, 16);
  for (let p = a, power = room; p < end; p += 32, power += 32, floors += 32) {
    const t0 = f64x2.sub(v128.load(p), m0), t1 = f64x2.sub(v128.load(p, 16), m1);
    const n0 = f64x2.add(t0, shifter), n1 = f64x2.add(t1, shifter);
    v128.store(p, f64x2.sub(t0, f64x2.sub(n0, shifter)));
    v128.store(p, f64x2.sub(t1, f64x2.sub(n1, shifter)), 16);
    const floor = v128.load64_splat(floors);
    v128.store(power, v128.and(powerOf(n0), f64x2.ge(t0, floor)));
    v128.store(power, v128.and(powerOf(n1), f64x2.ge(t1, floor)), 16);
  }
  const c1 = constant(1), c2 = constant(2), c3 = constant(3), c4 = constant(4), c5 = constant(5);
  let s0 = f64x2.splat(0), s1 = s0;
  for (let p = a, power = room; p < end; p += 32, power += 32) {
    const e0 = scaled(v128.load(power), v128.load(p), c1, c2, c3, c4, c5), e1 = scaled(v128.load(power, 16), v128.load(p, 16), c1, c2, c3, c4, c5);
    v128.store(p, e0);
    v128.store(p, e1, 16);
    s0 = f64x2.add(s0, e0);
    s1 = f64x2.add(s1, e1);
  }
  v128.store(sums, s0);
  v128.store(sums, s1, 16);
}

/** 2^(t/64) of a component for a block of rows, first half: t (4 a quad, in) as n + f, f in its place (out) and 2^(n/64) to power (4 a quad, out); 0 where
 *  t < −1023·64 or NaN. Exponents are below 1024·64. In two functions, as what a processor looks ahead are about a hundred operations on doubles: in one
 *  loop the chain of them from t to density takes 1.3 times as long. */
export function splitColumn(f: usize, quads: i32, power: usize): void {
  const shifter = constant(0), lowest = constant(6);
  for (const end = f + (<usize>quads << 5); f < end; f += 32, power += 32) {
    const t0 = f64x2.pmax(lowest, v128.load(f)), t1 = f64x2.pmax(lowest, v128.load(f, 16));
    const n0 = f64x2.add(t0, shifter), n1 = f64x2.add(t1, shifter);
    v128.store(f, f64x2.sub(t0, f64x2.sub(n0, shifter)));
    v128.store(f, f64x2.sub(t1, f64x2.sub(n1, shifter)), 16);
    v128.store(power, powerOf(n0));
    v128.store(power, powerOf(n1), 16);
  }
}

/** Second half, for two components: f (4 a quad, in) of one, `next` bytes behind of the other become what they are the exponents of (out), which are also
 *  added to sums (4 a quad, inout); power, and `next` bytes behind, as `splitColumn` leaves them. */
export function finishColumns(f: usize, power: usize, next: usize, quads: i32, sums: usize): void {
  const c1 = constant(1), c2 = constant(2), c3 = constant(3), c4 = constant(4), c5 = constant(5);
  for (const end = f + (<usize>quads << 5); f < end; f += 16, power += 16, sums += 16) {
    const e0 = scaled(v128.load(power), v128.load(f), c1, c2, c3, c4, c5);
    v128.store(f, e0);
    const e1 = scaled(v128.load(power + next), v128.load(f + next), c1, c2, c3, c4, c5);
    v128.store(f + next, e1);
    v128.store(sums, f64x2.add(v128.load(sums), f64x2.add(e0, e1)));
  }
}

/** e^x: the scalar the TypeScript side uses. Error < 1.1 ULP on [−708, 709.78]; exactly 1 at ±0; 0 below −708 (true value < 3.4e−308), ∞ above
 *  709.78…, where the true value exceeds the largest double. NaN in, NaN out. */
export function exp(x: f64): f64 {
  if (!(x >= EXP_FLOOR)) return x < EXP_FLOOR ? 0 : x;
  if (x > EXP_CEILING) return Infinity;
  // 2^(n/64) itself may be 2^1024, and its product with what is near 0 may be subnormal
  const down = x > 0;
  const n = x * STEPS + SHIFTER, whole = n - SHIFTER;
  const f = (x - whole * STEP_HIGH - whole * STEP_LOW) * STEPS;
  const power = i64x2.add(powerOf(f64x2.splat(n)), i64x2.splat(down ? -1 << 52 : 64 << 52));
  return f64x2.extract_lane(scaled(power, f64x2.splat(f), constant(1), constant(2), constant(3), constant(4), constant(5)), 0) * (down ? 2 : 5.421010862427522e-20);
}
