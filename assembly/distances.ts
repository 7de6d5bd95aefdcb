// Squared Euclidean distances in the difference form Σ_j (x_j − c_j)², j ascending: the canonical distance of the project.
// It does not cancel (relative error ≤ (d + 2)·2^−53), so data need no centring, and two code paths that follow this order
// of operations agree to the last bit.
import { blockRows, pack, unpackRows } from "./tile";

/** Squared distances of `quads` quads of a tile ([quads][d][4], in) to k centers (panels [⌈k/4⌉][d][4], in).
 *  `out` ([quads][k][4], out). */
export function squaredDistances(tile: usize, quads: i32, d: i32, panels: usize, k: i32, out: usize): void {
  const quadBytes = <usize>d << 5;
  for (let q = 0; q < quads; q++) {
    const t = tile + <usize>q * quadBytes;
    const tEnd = t + quadBytes;
    let p = panels;
    let o = out + (<usize>q * <usize>k << 5);
    for (let c = 0; c < k; c += 4) {
      const left = k - c;
      if (left > 2) {
        let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
        for (let x = t; x < tEnd; x += 32) {
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
        v128.store(o, a0); v128.store(o, a1, 16);
        v128.store(o, b0, 32); v128.store(o, b1, 48);
        v128.store(o, c0, 64); v128.store(o, c1, 80);
        if (left > 3) { v128.store(o, d0, 96); v128.store(o, d1, 112); }
        o += 128;
      } else {
        let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0;
        for (let x = t; x < tEnd; x += 32) {
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
        v128.store(o, a0); v128.store(o, a1, 16);
        if (left > 1) { v128.store(o, b0, 32); v128.store(o, b1, 48); }
      }
    }
  }
}

/** ‖row − center‖² with even features in one lane and odd ones in the other: the distance of seeding, and the length of a row from a point. Not the
 *  canonical one: it sums in another order. */
// @ts-ignore: decorator
@inline
export function squaredDistance(row: usize, center: usize, rowBytes: usize): f64 {
  const evenBytes = rowBytes & ~15;
  let sum = f64x2.splat(0);
  for (let j: usize = 0; j < evenBytes; j += 16) {
    const t = f64x2.sub(v128.load(row + j), v128.load(center + j));
    sum = f64x2.add(sum, f64x2.mul(t, t));
  }
  let square = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  if (evenBytes < rowBytes) {
    const t = load<f64>(row + evenBytes) - load<f64>(center + evenBytes);
    square += t * t;
  }
  return square;
}

/** Bytes of scratch that `transform` needs. */
export function transformScratch(d: i32, k: i32): usize {
  return <usize>blockRows(d) * <usize>(d + k) << 3;
}

/** Pass: Euclidean distances of rows [start, end) of x (n×d, in) to k centers (`panels`, in), written to `out` (n×k, row-major, out). */
export function transform(x: usize, d: i32, k: i32, panels: usize, out: usize, start: i32, end: i32, stats: usize, scratch: usize): void {
  const rows = blockRows(d);
  const tile = scratch;
  const distances = tile + (<usize>rows * <usize>d << 3);
  for (let b = start; b < end; b += rows) {
    const count = min(rows, end - b);
    pack(x, d, b, count, tile);
    squaredDistances(tile, (count + 3) >> 2, d, panels, k, distances);
    const last = distances + (<usize>((count + 3) >> 2) * <usize>k << 5);
    for (let at = distances; at < last; at += 16) v128.store(at, f64x2.sqrt(v128.load(at)));
    unpackRows(distances, count, k, out + (<usize>b * <usize>k << 3));
  }
}
