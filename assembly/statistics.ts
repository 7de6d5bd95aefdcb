// What every fit needs around its passes: the check for finite input, column moments, and the merging of partial sums.

/** Index (row·d + column) of the first value of rows [start, end) of x (n×d, in) that is NaN or infinite, −1 when all are finite.
 *  `largest` (d, inout): running maximum of |x| per column, over rows of positive weight w (n, in; 0 for none). */
export function scan(x: usize, w: usize, d: i32, largest: usize, start: i32, end: i32): f64 {
  const evenBytes = <usize>(d & ~1) << 3;
  const rowBytes = <usize>d << 3;
  for (let i = start; i < end; i++) {
    const row = x + <usize>i * rowBytes;
    const counts = w == 0 || load<f64>(w + (<usize>i << 3)) > 0;
    const mask = i64x2.splat(counts ? -1 : 0);
    let bad = f64x2.splat(0);
    for (let j: usize = 0; j < evenBytes; j += 16) {
      const v = f64x2.abs(v128.load(row + j));
      bad = v128.or(bad, f64x2.sub(v, v)); // 0 for finite values, NaN (some bit set) for the others
      v128.store(largest + j, f64x2.pmax(v128.load(largest + j), v128.and(v, mask)));
    }
    let finite = !v128.any_true(bad);
    if (evenBytes < rowBytes) {
      const v = Math.abs(load<f64>(row + evenBytes));
      if (!(v < Infinity)) finite = false;
      if (counts && v > load<f64>(largest + evenBytes)) store<f64>(largest + evenBytes, v);
    }
    if (!finite) {
      for (let j = 0; j < d; j++) {
        if (!(Math.abs(load<f64>(row + (<usize>j << 3))) < Infinity)) return <f64>i * <f64>d + <f64>j;
      }
    }
  }
  return -1;
}

/** A number that tells `count` doubles (in) from others or the same in another order, but for one case in 2³²: each step takes 128 bits in by
 *  an exclusive or, a product and a rotation, none of which loses a difference. Four lines of steps hide the latency of the product. */
export function fingerprint(x: usize, count: i32): i32 {
  let a = i32x4.splat(MIX), b = a, c = a, e = a;
  let left = count;
  for (; left >= 8; left -= 8, x += 64) {
    a = taken(a, v128.load(x));
    b = taken(b, v128.load(x, 16));
    c = taken(c, v128.load(x, 32));
    e = taken(e, v128.load(x, 48));
  }
  for (; left > 0; left--, x += 8) a = taken(a, v128.load64_zero(x));
  a = taken(taken(taken(a, b), c), e);
  let print = i32x4.extract_lane(a, 0);
  print = (print ^ i32x4.extract_lane(a, 1)) * MIX;
  print = (rotl(print, 13) ^ i32x4.extract_lane(a, 2)) * MIX;
  return (rotl(print, 13) ^ i32x4.extract_lane(a, 3)) * MIX;
}

const MIX: i32 = <i32>0x9e3779b1;

// @ts-ignore: decorator
@inline
function taken(state: v128, v: v128): v128 {
  const product = i32x4.mul(v128.xor(state, v), i32x4.splat(MIX));
  return v128.or(i32x4.shl(product, 13), i32x4.shr_u(product, 19));
}

/** Pass: column moments of rows [start, end) of x (n×d, in) about `shift` (d, in), with weights w (n, in; 0 for none).
 *  stats (inout): [0] Σ w · then d sums Σ w·(x − shift) · then d sums Σ w·(x − shift)². */
export function moments(x: usize, w: usize, d: i32, shift: usize, start: i32, end: i32, stats: usize, scratch: usize): void {
  const rowBytes = <usize>d << 3;
  const evenBytes = rowBytes & ~15;
  const first = stats + 8;
  const second = first + rowBytes;
  let total = load<f64>(stats);
  for (let i = start; i < end; i++) {
    const row = x + <usize>i * rowBytes;
    const weight = w != 0 ? load<f64>(w + (<usize>i << 3)) : 1;
    total += weight;
    const wide = f64x2.splat(weight);
    for (let j: usize = 0; j < evenBytes; j += 16) {
      const t = f64x2.sub(v128.load(row + j), v128.load(shift + j));
      const wt = f64x2.mul(wide, t);
      v128.store(first + j, f64x2.add(v128.load(first + j), wt));
      v128.store(second + j, f64x2.add(v128.load(second + j), f64x2.mul(wt, t)));
    }
    if (evenBytes < rowBytes) {
      const t = load<f64>(row + evenBytes) - load<f64>(shift + evenBytes);
      const wt = weight * t;
      store<f64>(first + evenBytes, load<f64>(first + evenBytes) + wt);
      store<f64>(second + evenBytes, load<f64>(second + evenBytes) + wt * t);
    }
  }
  store<f64>(stats, total);
}

/** Merges one subtree of slots into its left neighbour: into[i] += from[i], i < count (doubles). */
export function merge(into: usize, from: usize, count: i32): void {
  const end = from + (<usize>(count & ~1) << 3);
  for (; from < end; from += 16, into += 16) v128.store(into, f64x2.add(v128.load(into), v128.load(from)));
  if (count & 1) store<f64>(into, load<f64>(into) + load<f64>(from));
}

/** Merges pairs of doubles (`count` high parts, then as many low ones): two-sum (Knuth 1969), so nothing above 2^−100 is lost. */
export function mergePairs(into: usize, from: usize, count: i32): void {
  const low = <usize>count << 3;
  const end = from + low;
  for (; from < end; from += 8, into += 8) {
    const a = load<f64>(into), b = load<f64>(from);
    const sum = a + b;
    const back = sum - a;
    store<f64>(into, sum);
    store<f64>(into + low, (load<f64>(into + low) + load<f64>(from + low)) + ((a - (sum - back)) + (b - back)));
  }
}

/** Sets `count` doubles to zero. */
export function clear(address: usize, count: i32): void {
  memory.fill(address, 0, <usize>count << 3);
}

/** First address TypeScript may hand out. */
export function heapBase(): usize {
  return __heap_base;
}

/** Adds both lanes of v to a double. */
// @ts-ignore: decorator
@inline
export function addSum(address: usize, v: v128): void {
  store<f64>(address, load<f64>(address) + (f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1)));
}
