// Nearest centers by canonical distances, and the inertia of an assignment (Lloyd 1982).

/** Nearest of k centers for each sample of `quads` quads of a tile ([quads][d][4], in); centers as panels ([⌈k/4⌉][d][4], in).
 *  `best` (squared distance, f64 per sample, out), `nearest` (index, i32 per sample, out). Ties go to the lowest index.
 *  The distances are those of `squaredDistances` to the last bit, but never leave the registers: storing and reading them back cost
 *  a sixth of the pass at d = 2 (measured, k = 16). */
export function nearestCenters(tile: usize, quads: i32, d: i32, panels: usize, k: i32, best: usize, nearest: usize): void {
  const quadBytes = <usize>d << 5;
  const one = f64x2.splat(1);
  for (let q = 0; q < quads; q++) {
    const tEnd = tile + quadBytes;
    let m0 = f64x2.splat(Infinity), m1 = m0;
    let i0 = f64x2.splat(0), i1 = i0;
    let index = f64x2.splat(0);
    let p = panels;
    for (let c = 0; c < k; c += 4) {
      const left = k - c;
      let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
      if (left > 2) {
        for (let x = tile; x < tEnd; x += 32) {
          const x0 = v128.load(x), x1 = v128.load(x, 16);
          let m = v128.load64_splat(p);
          let u = f64x2.sub(x0, m), v = f64x2.sub(x1, m);
          a0 = f64x2.add(a0, f64x2.mul(u, u));
          a1 = f64x2.add(a1, f64x2.mul(v, v));
          m = v128.load64_splat(p, 8);
          u = f64x2.sub(x0, m); v = f64x2.sub(x1, m);
          b0 = f64x2.add(b0, f64x2.mul(u, u));
          b1 = f64x2.add(b1, f64x2.mul(v, v));
          m = v128.load64_splat(p, 16);
          u = f64x2.sub(x0, m); v = f64x2.sub(x1, m);
          c0 = f64x2.add(c0, f64x2.mul(u, u));
          c1 = f64x2.add(c1, f64x2.mul(v, v));
          m = v128.load64_splat(p, 24);
          u = f64x2.sub(x0, m); v = f64x2.sub(x1, m);
          d0 = f64x2.add(d0, f64x2.mul(u, u));
          d1 = f64x2.add(d1, f64x2.mul(v, v));
          p += 32;
        }
      } else {
        for (let x = tile; x < tEnd; x += 32) {
          const x0 = v128.load(x), x1 = v128.load(x, 16);
          let m = v128.load64_splat(p);
          let u = f64x2.sub(x0, m), v = f64x2.sub(x1, m);
          a0 = f64x2.add(a0, f64x2.mul(u, u));
          a1 = f64x2.add(a1, f64x2.mul(v, v));
          m = v128.load64_splat(p, 8);
          u = f64x2.sub(x0, m); v = f64x2.sub(x1, m);
          b0 = f64x2.add(b0, f64x2.mul(u, u));
          b1 = f64x2.add(b1, f64x2.mul(v, v));
          p += 32;
        }
      }
      // pmin(b, a) is `a < b ? a : b` in one instruction where a bitselect is three
      i0 = v128.bitselect(index, i0, f64x2.lt(a0, m0)); m0 = f64x2.pmin(m0, a0);
      i1 = v128.bitselect(index, i1, f64x2.lt(a1, m1)); m1 = f64x2.pmin(m1, a1);
      index = f64x2.add(index, one);
      if (left > 1) {
        i0 = v128.bitselect(index, i0, f64x2.lt(b0, m0)); m0 = f64x2.pmin(m0, b0);
        i1 = v128.bitselect(index, i1, f64x2.lt(b1, m1)); m1 = f64x2.pmin(m1, b1);
        index = f64x2.add(index, one);
      }
      if (left > 2) {
        i0 = v128.bitselect(index, i0, f64x2.lt(c0, m0)); m0 = f64x2.pmin(m0, c0);
        i1 = v128.bitselect(index, i1, f64x2.lt(c1, m1)); m1 = f64x2.pmin(m1, c1);
        index = f64x2.add(index, one);
      }
      if (left > 3) {
        i0 = v128.bitselect(index, i0, f64x2.lt(d0, m0)); m0 = f64x2.pmin(m0, d0);
        i1 = v128.bitselect(index, i1, f64x2.lt(d1, m1)); m1 = f64x2.pmin(m1, d1);
        index = f64x2.add(index, one);
      }
    }
    v128.store(best, m0); v128.store(best, m1, 16);
    v128.store(nearest, v128.shuffle<i64>(i32x4.trunc_sat_f64x2_s_zero(i0), i32x4.trunc_sat_f64x2_s_zero(i1), 0, 2));
    best += 32;
    nearest += 16;
    tile = tEnd;
  }
}

/** From so many features on, the rows that are read side by side are brought into the cache at once: as four streams in step they wait for memory.
 *  Measured: at d = 64 the pass takes half the time, at 784 the same, at 8 a few percent more. */
const TOUCH_FROM: i32 = 32;

/** Pass: distances of rows [start, end) of x (n×d, in) to the centers (k×d, in) that `labels` (n, i32, in) name.
 *  stats (inout): [0] += Σ w·distance², [1] += Σ w·distance if `absolute`. `distances` (n, out): squared distances, 0 for none. */
export function inertia(x: usize, w: usize, d: i32, centers: usize, labels: usize, distances: usize, absolute: i32, start: i32, end: i32, stats: usize, scratch: usize): void {
  const rowBytes = <usize>d << 3;
  const evenBytes = rowBytes & ~15;
  // running totals continue from memory, so the result does not depend on where a slot is cut into calls
  let squares = load<f64>(stats), lengths = load<f64>(stats, 8);
  const last = end - 1;
  for (let i = start; i < end; i += 4) {
    // four rows at a time, the last one again where there are fewer: the sum of a row is one chain of additions, and four go side by side
    const i1 = min(i + 1, last), i2 = min(i + 2, last), i3 = min(i + 3, last);
    let r0 = x + <usize>i * rowBytes, r1 = x + <usize>i1 * rowBytes, r2 = x + <usize>i2 * rowBytes, r3 = x + <usize>i3 * rowBytes;
    let c0 = centerOf(centers, rowBytes, labels, i), c1 = centerOf(centers, rowBytes, labels, i1);
    let c2 = centerOf(centers, rowBytes, labels, i2), c3 = centerOf(centers, rowBytes, labels, i3);
    let a = f64x2.splat(0), b = a;
    if (d >= TOUCH_FROM) {
      let all = a;
      for (let p = r0; p < r3 + rowBytes; p += 64) all = v128.or(all, v128.load64_zero(p));
      v128.store(stats, all); // keeps the loads
    }
    const stop = r0 + evenBytes;
    while (r0 < stop) {
      let t = f64x2.sub(v128.load(r0), v128.load(c0)), u = f64x2.sub(v128.load(r1), v128.load(c1));
      t = f64x2.mul(t, t); u = f64x2.mul(u, u);
      a = f64x2.add(f64x2.add(a, v128.shuffle<f64>(t, u, 0, 2)), v128.shuffle<f64>(t, u, 1, 3));
      t = f64x2.sub(v128.load(r2), v128.load(c2)); u = f64x2.sub(v128.load(r3), v128.load(c3));
      t = f64x2.mul(t, t); u = f64x2.mul(u, u);
      b = f64x2.add(f64x2.add(b, v128.shuffle<f64>(t, u, 0, 2)), v128.shuffle<f64>(t, u, 1, 3));
      r0 += 16; r1 += 16; r2 += 16; r3 += 16;
      c0 += 16; c1 += 16; c2 += 16; c3 += 16;
    }
    if (evenBytes < rowBytes) {
      const t = f64x2.sub(twoOf(r0, r1), twoOf(c0, c1)), u = f64x2.sub(twoOf(r2, r3), twoOf(c2, c3));
      a = f64x2.add(a, f64x2.mul(t, t));
      b = f64x2.add(b, f64x2.mul(u, u));
    }
    for (let r = i; r < min(i + 4, end); r++) {
      const square = f64x2.extract_lane(a, 0);
      a = v128.shuffle<f64>(a, b, 1, 2);
      b = v128.shuffle<f64>(b, b, 1, 1);
      const weight = w != 0 ? load<f64>(w + (<usize>r << 3)) : 1;
      squares += weight * square;
      if (absolute) lengths += weight * Math.sqrt(square);
      if (distances != 0) store<f64>(distances + (<usize>r << 3), square);
    }
  }
  store<f64>(stats, squares);
  store<f64>(stats, lengths, 8);
}

// @ts-ignore: decorator
@inline
function centerOf(centers: usize, rowBytes: usize, labels: usize, i: i32): usize {
  return centers + <usize>load<i32>(labels + (<usize>i << 2)) * rowBytes;
}

/** Two doubles from different places. */
// @ts-ignore: decorator
@inline
function twoOf(p: usize, q: usize): v128 {
  return v128.load64_lane(q, v128.load64_zero(p), 1);
}
