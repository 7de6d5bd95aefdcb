// Kernels for one to three features, all covariance types: components outside, samples inside, everything a component has in registers. In the
// general kernels loops over so few features are mostly their own beginnings and ends.
import { addSum } from "./statistics";

/** Features up to which these kernels are used. */
export const FEW: i32 = 3;

// @ts-ignore: decorator
@inline
function scaled(x: usize, mean: v128, scale: v128): v128 {
  const z = f64x2.mul(f64x2.sub(v128.load(x), mean), scale);
  return f64x2.mul(z, z);
}

/** Scaled squares Σ_j ((x_j − μ_j)·s_j)² of a tile ([quads][d][4], in) for one component, whose means and scales lie 32 bytes apart (a lane of a
 *  panel, in; scales 0: all 1). out (one quad every `stride` bytes, out). */
export function fewScaledSquares(tile: usize, quads: i32, d: i32, means: usize, scales: usize, out: usize, stride: usize): void {
  const one = f64x2.splat(1);
  const m0 = v128.load64_splat(means), s0 = scales != 0 ? v128.load64_splat(scales) : one;
  if (d == 1) {
    for (let q = 0; q < quads; q++, tile += 32, out += stride) {
      v128.store(out, scaled(tile, m0, s0));
      v128.store(out, scaled(tile + 16, m0, s0), 16);
    }
    return;
  }
  const m1 = v128.load64_splat(means, 32), s1 = scales != 0 ? v128.load64_splat(scales, 32) : one;
  if (d == 2) {
    for (let q = 0; q < quads; q++, tile += 64, out += stride) {
      v128.store(out, f64x2.add(scaled(tile, m0, s0), scaled(tile + 32, m1, s1)));
      v128.store(out, f64x2.add(scaled(tile + 16, m0, s0), scaled(tile + 48, m1, s1)), 16);
    }
    return;
  }
  const m2 = v128.load64_splat(means, 64), s2 = scales != 0 ? v128.load64_splat(scales, 64) : one;
  for (let q = 0; q < quads; q++, tile += 96, out += stride) {
    v128.store(out, f64x2.add(f64x2.add(scaled(tile, m0, s0), scaled(tile + 32, m1, s1)), scaled(tile + 64, m2, s2)));
    v128.store(out, f64x2.add(f64x2.add(scaled(tile + 16, m0, s0), scaled(tile + 48, m1, s1)), scaled(tile + 80, m2, s2)), 16);
  }
}

/** Mahalanobis squares ‖Uᵀ(x − μ)‖² of a tile ([quads][d][4], in) for one component: mean (d, in), U as panels (cholesky.ts, in). out (one quad every
 *  `stride` bytes, out). */
export function fewTriangularSquares(tile: usize, quads: i32, d: i32, mean: usize, panel: usize, out: usize, stride: usize): void {
  const m0 = v128.load64_splat(mean), u00 = v128.load64_splat(panel);
  if (d == 1) {
    for (let q = 0; q < quads; q++, tile += 32, out += stride) {
      v128.store(out, scaled(tile, m0, u00));
      v128.store(out, scaled(tile + 16, m0, u00), 16);
    }
    return;
  }
  const m1 = v128.load64_splat(mean, 8), u01 = v128.load64_splat(panel, 8), u11 = v128.load64_splat(panel, 24);
  const feature: usize = 32;
  if (d == 2) {
    for (let q = 0; q < quads; q++, tile += 64, out += stride) {
      for (let half: usize = 0; half < 32; half += 16) {
        const t0 = f64x2.sub(v128.load(tile + half), m0), t1 = f64x2.sub(v128.load(tile + half + feature), m1);
        const y0 = f64x2.mul(t0, u00), y1 = f64x2.add(f64x2.mul(t0, u01), f64x2.mul(t1, u11));
        v128.store(out + half, f64x2.add(f64x2.mul(y0, y0), f64x2.mul(y1, y1)));
      }
    }
    return;
  }
  const m2 = v128.load64_splat(mean, 16), u02 = v128.load64_splat(panel, 32), u12 = v128.load64_splat(panel, 40), u22 = v128.load64_splat(panel, 48);
  for (let q = 0; q < quads; q++, tile += 96, out += stride) {
    for (let half: usize = 0; half < 32; half += 16) {
      const x = tile + half;
      const t0 = f64x2.sub(v128.load(x), m0), t1 = f64x2.sub(v128.load(x, 32), m1), t2 = f64x2.sub(v128.load(x, 64), m2);
      const y0 = f64x2.mul(t0, u00), y1 = f64x2.add(f64x2.mul(t0, u01), f64x2.mul(t1, u11));
      const y2 = f64x2.add(f64x2.add(f64x2.mul(t0, u02), f64x2.mul(t1, u12)), f64x2.mul(t2, u22));
      v128.store(out + half, f64x2.add(f64x2.add(f64x2.mul(y0, y0), f64x2.mul(y1, y1)), f64x2.mul(y2, y2)));
    }
  }
}

/** Moments of a block about an anchor (d, in): Σ r, Σ r·t, and the lower triangle of Σ r·t·tᵀ row after row; t = x − anchor, tile ([quads][d][4],
 *  in), r = e·share, e (one quad every `stride` bytes, in), shares (4 a quad, in). sums (1 + d + d·(d + 1)/2, out). Lanes 0 and 1 of all quads, then
 *  2 and 3, so that the sums stay in registers. */
export function fewMoments(tile: usize, quads: i32, d: i32, e: usize, stride: usize, shares: usize, anchor: usize, sums: usize): void {
  const length = 1 + d + ((d * (d + 1)) >> 1);
  memory.fill(sums, 0, <usize>length << 3);
  const a = v128.load64_splat(anchor);
  const b = d > 1 ? v128.load64_splat(anchor, 8) : a, c = d > 2 ? v128.load64_splat(anchor, 16) : a;
  for (let half: usize = 0; half < 32; half += 16) {
    let x = tile + half, p = e + half, f = shares + half;
    let n = f64x2.splat(0), s0 = n, s1 = n, s2 = n, q00 = n, q10 = n, q11 = n, q20 = n, q21 = n, q22 = n;
    if (d == 1) {
      for (let q = 0; q < quads; q++, x += 32, p += stride, f += 32) {
        const v = f64x2.mul(v128.load(p), v128.load(f)), t0 = f64x2.sub(v128.load(x), a), r0 = f64x2.mul(v, t0);
        n = f64x2.add(n, v);
        s0 = f64x2.add(s0, r0);
        q00 = f64x2.add(q00, f64x2.mul(r0, t0));
      }
    } else if (d == 2) {
      for (let q = 0; q < quads; q++, x += 64, p += stride, f += 32) {
        const v = f64x2.mul(v128.load(p), v128.load(f)), t0 = f64x2.sub(v128.load(x), a), t1 = f64x2.sub(v128.load(x, 32), b);
        const r0 = f64x2.mul(v, t0), r1 = f64x2.mul(v, t1);
        n = f64x2.add(n, v);
        s0 = f64x2.add(s0, r0); s1 = f64x2.add(s1, r1);
        q00 = f64x2.add(q00, f64x2.mul(r0, t0)); q10 = f64x2.add(q10, f64x2.mul(r1, t0)); q11 = f64x2.add(q11, f64x2.mul(r1, t1));
      }
    } else {
      for (let q = 0; q < quads; q++, x += 96, p += stride, f += 32) {
        const v = f64x2.mul(v128.load(p), v128.load(f));
        const t0 = f64x2.sub(v128.load(x), a), t1 = f64x2.sub(v128.load(x, 32), b), t2 = f64x2.sub(v128.load(x, 64), c);
        const r0 = f64x2.mul(v, t0), r1 = f64x2.mul(v, t1), r2 = f64x2.mul(v, t2);
        n = f64x2.add(n, v);
        s0 = f64x2.add(s0, r0); s1 = f64x2.add(s1, r1); s2 = f64x2.add(s2, r2);
        q00 = f64x2.add(q00, f64x2.mul(r0, t0)); q10 = f64x2.add(q10, f64x2.mul(r1, t0)); q11 = f64x2.add(q11, f64x2.mul(r1, t1));
        q20 = f64x2.add(q20, f64x2.mul(r2, t0)); q21 = f64x2.add(q21, f64x2.mul(r2, t1)); q22 = f64x2.add(q22, f64x2.mul(r2, t2));
      }
    }
    addSum(sums, n);
    addSum(sums + 8, s0);
    const second = sums + (<usize>(1 + d) << 3);
    addSum(second, q00);
    if (d > 1) { addSum(sums + 16, s1); addSum(second + 8, q10); addSum(second + 16, q11); }
    if (d > 2) { addSum(sums + 24, s2); addSum(second + 24, q20); addSum(second + 32, q21); addSum(second + 40, q22); }
  }
}
