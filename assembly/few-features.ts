// Kernels for one to three features, all covariance types: components outside, samples inside, everything a component has in registers. In the
// general kernels loops over so few features are mostly their own beginnings and ends.

/** Features up to which these kernels are used. */
export const FEW: i32 = 3;

// @ts-ignore: decorator
@inline
function square(x: usize, mean: v128, scale: v128): v128 {
  const z = f64x2.mul(f64x2.sub(v128.load(x), mean), scale);
  return f64x2.mul(z, z);
}

/** Root of a component's scale in both lanes times a factor: what rows less the mean are multiplied by. */
// @ts-ignore: decorator
@inline
function factor(component: usize, factors: usize): v128 {
  const root = f64x2.sqrt(v128.load64_splat(component, 8));
  return factors != 0 ? f64x2.mul(root, v128.load64_splat(factors)) : root;
}

/** Log-densities most − scale·Σ_j ((x_j − μ_j)·s_j)² of a tile ([quads][d][4], in) for one component (most, scale; in), whose means and s lie 32 bytes
 *  apart (a lane of a panel, in; scales 0: all 1). out (one quad every `stride` bytes, out). */
export function fewScaled(tile: usize, quads: i32, d: i32, means: usize, scales: usize, component: usize, out: usize, stride: usize): void {
  const most = v128.load64_splat(component);
  const m0 = v128.load64_splat(means), s0 = factor(component, scales);
  if (d == 1) {
    for (let q = 0; q < quads; q++, tile += 32, out += stride) {
      v128.store(out, f64x2.sub(most, square(tile, m0, s0)));
      v128.store(out, f64x2.sub(most, square(tile + 16, m0, s0)), 16);
    }
    return;
  }
  const m1 = v128.load64_splat(means, 32), s1 = factor(component, scales != 0 ? scales + 32 : 0);
  if (d == 2) {
    for (let q = 0; q < quads; q++, tile += 64, out += stride) {
      v128.store(out, f64x2.sub(f64x2.sub(most, square(tile, m0, s0)), square(tile + 32, m1, s1)));
      v128.store(out, f64x2.sub(f64x2.sub(most, square(tile + 16, m0, s0)), square(tile + 48, m1, s1)), 16);
    }
    return;
  }
  const m2 = v128.load64_splat(means, 64), s2 = factor(component, scales != 0 ? scales + 64 : 0);
  for (let q = 0; q < quads; q++, tile += 96, out += stride) {
    v128.store(out, f64x2.sub(f64x2.sub(f64x2.sub(most, square(tile, m0, s0)), square(tile + 32, m1, s1)), square(tile + 64, m2, s2)));
    v128.store(out, f64x2.sub(f64x2.sub(f64x2.sub(most, square(tile + 16, m0, s0)), square(tile + 48, m1, s1)), square(tile + 80, m2, s2)), 16);
  }
}

/** Log-densities most − scale·‖Uᵀ(x − μ)‖² of a tile ([quads][d][4], in) for one component (most, scale; in): mean (d, in), U as panels (cholesky.ts, in).
 *  out (one quad every `stride` bytes, out). */
export function fewTriangular(tile: usize, quads: i32, d: i32, mean: usize, panel: usize, component: usize, out: usize, stride: usize): void {
  if (d == 1) {
    fewScaled(tile, quads, d, mean, panel, component, out, stride);
    return;
  }
  const most = v128.load64_splat(component);
  const m0 = v128.load64_splat(mean), u00 = factor(component, panel);
  const m1 = v128.load64_splat(mean, 8), u01 = factor(component, panel + 8), u11 = factor(component, panel + 24);
  const feature: usize = 32;
  if (d == 2) {
    for (let q = 0; q < quads; q++, tile += 64, out += stride) {
      for (let half: usize = 0; half < 32; half += 16) {
        const t0 = f64x2.sub(v128.load(tile + half), m0), t1 = f64x2.sub(v128.load(tile + half + feature), m1);
        const y0 = f64x2.mul(t0, u00), y1 = f64x2.add(f64x2.mul(t0, u01), f64x2.mul(t1, u11));
        v128.store(out + half, f64x2.sub(f64x2.sub(most, f64x2.mul(y0, y0)), f64x2.mul(y1, y1)));
      }
    }
    return;
  }
  const m2 = v128.load64_splat(mean, 16), u02 = factor(component, panel + 32), u12 = factor(component, panel + 40), u22 = factor(component, panel + 48);
  for (let q = 0; q < quads; q++, tile += 96, out += stride) {
    for (let half: usize = 0; half < 32; half += 16) {
      const x = tile + half;
      const t0 = f64x2.sub(v128.load(x), m0), t1 = f64x2.sub(v128.load(x, 32), m1), t2 = f64x2.sub(v128.load(x, 64), m2);
      const y0 = f64x2.mul(t0, u00), y1 = f64x2.add(f64x2.mul(t0, u01), f64x2.mul(t1, u11));
      const y2 = f64x2.add(f64x2.add(f64x2.mul(t0, u02), f64x2.mul(t1, u12)), f64x2.mul(t2, u22));
      v128.store(out + half, f64x2.sub(f64x2.sub(most, f64x2.mul(y0, y0)), f64x2.add(f64x2.mul(y1, y1), f64x2.mul(y2, y2))));
    }
  }
}

/** Moments of a block about an anchor (d, in): Σ r, Σ r·t, and the lower triangle of Σ r·t·tᵀ row after row; t = x − anchor, tile ([quads][d][4],
 *  in), r = e·share, e (4 a quad, in), shares (4 a quad, in). sums (1 + d + d·(d + 1)/2, out). Of two features the
 *  product of both is 0 unless `crossed`. */
export function fewMoments(tile: usize, quads: i32, d: i32, e: usize, shares: usize, anchor: usize, crossed: bool, sums: usize): void {
  const a = v128.load64_splat(anchor);
  const end = e + (<usize>quads << 5);
  let n = f64x2.splat(0), s0 = n, s1 = n, s2 = n, q00 = n, q10 = n, q11 = n, q20 = n, q21 = n, q22 = n;
  if (d == 1) {
    for (let x = tile, f = shares; e < end; e += 16, x += 16, f += 16) {
      const v = f64x2.mul(v128.load(e), v128.load(f)), t = f64x2.sub(v128.load(x), a), r = f64x2.mul(v, t);
      n = f64x2.add(n, v); s0 = f64x2.add(s0, r); q00 = f64x2.add(q00, f64x2.mul(r, t));
    }
  } else if (d == 2) {
    // two loops: the cross product is 5 % of fits that have no use for it
    if (crossed) twoMoments(tile, e, end, shares, anchor, true, sums);
    else twoMoments(tile, e, end, shares, anchor, false, sums);
    return;
  } else {
    const b = v128.load64_splat(anchor, 8), c = v128.load64_splat(anchor, 16);
    for (let x = tile, f = shares; e < end; e += 16, x += (e & 16) != 0 ? 16 : 80, f += 16) {
      const v = f64x2.mul(v128.load(e), v128.load(f));
      const t0 = f64x2.sub(v128.load(x), a), t1 = f64x2.sub(v128.load(x, 32), b), t2 = f64x2.sub(v128.load(x, 64), c);
      const r0 = f64x2.mul(v, t0), r1 = f64x2.mul(v, t1), r2 = f64x2.mul(v, t2);
      n = f64x2.add(n, v);
      s0 = f64x2.add(s0, r0); s1 = f64x2.add(s1, r1); s2 = f64x2.add(s2, r2);
      q00 = f64x2.add(q00, f64x2.mul(r0, t0)); q10 = f64x2.add(q10, f64x2.mul(r1, t0)); q11 = f64x2.add(q11, f64x2.mul(r1, t1));
      q20 = f64x2.add(q20, f64x2.mul(r2, t0)); q21 = f64x2.add(q21, f64x2.mul(r2, t1)); q22 = f64x2.add(q22, f64x2.mul(r2, t2));
    }
  }
  setSum(sums, n);
  setSum(sums + 8, s0);
  if (d > 1) { setSum(sums + 16, s1); setSum(sums + 24, s2); }
  sums += <usize>(1 + d) << 3;
  setSum(sums, q00);
  if (d > 1) { setSum(sums + 8, q10); setSum(sums + 16, q11); setSum(sums + 24, q20); setSum(sums + 32, q21); setSum(sums + 40, q22); }
}

/** The moments of two features, up to `end` of e. Four rows a time round: sums of two of them, so that no chain of additions is twice as long. */
// @ts-ignore: decorator
@inline
function twoMoments(x: usize, e: usize, end: usize, f: usize, anchor: usize, crossed: bool, sums: usize): void {
  const a = v128.load64_splat(anchor), b = v128.load64_splat(anchor, 8);
  let n = f64x2.splat(0), s0 = n, s1 = n, q00 = n, q10 = n, q11 = n;
  for (; e < end; e += 32, x += 64, f += 32) {
    const v = f64x2.mul(v128.load(e), v128.load(f)), w = f64x2.mul(v128.load(e, 16), v128.load(f, 16));
    n = f64x2.add(n, f64x2.add(v, w));
    const t = f64x2.sub(v128.load(x), a), u = f64x2.sub(v128.load(x, 16), a), rt = f64x2.mul(v, t), ru = f64x2.mul(w, u);
    s0 = f64x2.add(s0, f64x2.add(rt, ru));
    q00 = f64x2.add(q00, f64x2.add(f64x2.mul(rt, t), f64x2.mul(ru, u)));
    const y = f64x2.sub(v128.load(x, 32), b), z = f64x2.sub(v128.load(x, 48), b), ry = f64x2.mul(v, y), rz = f64x2.mul(w, z);
    s1 = f64x2.add(s1, f64x2.add(ry, rz));
    if (crossed) q10 = f64x2.add(q10, f64x2.add(f64x2.mul(ry, t), f64x2.mul(rz, u)));
    q11 = f64x2.add(q11, f64x2.add(f64x2.mul(ry, y), f64x2.mul(rz, z)));
  }
  setSum(sums, n); setSum(sums + 8, s0); setSum(sums + 16, s1);
  setSum(sums + 24, q00); setSum(sums + 32, q10); setSum(sums + 40, q11);
}

/** Both lanes of v as a double. */
// @ts-ignore: decorator
@inline
function setSum(address: usize, v: v128): void {
  store<f64>(address, f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1));
}
