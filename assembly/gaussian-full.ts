// Components whose covariance is a whole matrix, one each or one for all: Mahalanobis squares ‖Uᵀ(x − μ)‖² and whitening z = Uᵀ(x − μ), eight rows
// at a time. U comes as pairs of columns (packTriangular), so that a register tile is eight rows by two columns.

/** Bytes of scratch that eight rows need. */
export function octScratch(d: i32): usize {
  return <usize>d << 6;
}

/** Columns [from, to) of y = Uᵀ(x − μ) for two quads (a, b: [d][4], in); `from` is even, `to` even or d. `t` ([d][8], inout): x − μ, features
 *  below `from` being there already. Writes y to outA, outB ([d][4]) if `whole`, otherwise adds Σ y² to them ([4]; from 0: sets).
 *  Every row is worked on alone, columns ascending: what it gets does not depend on where the work is cut or who its neighbours are. */
// @ts-ignore: decorator
@inline
function columns(a: usize, b: usize, from: i32, to: i32, mean: usize, panel: usize, t: usize, outA: usize, outB: usize, whole: bool): void {
  let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0;
  if (!whole && from > 0) { s0 = v128.load(outA); s1 = v128.load(outA, 16); s2 = v128.load(outB); s3 = v128.load(outB, 16); }
  panel += <usize>(from * (from + 2)) << 2;
  let end = t + (<usize>from << 6);
  for (let j = from; j < to; j += 2) {
    const at = <usize>j << 5;
    let m = v128.load64_splat(mean + (<usize>j << 3));
    v128.store(end, f64x2.sub(v128.load(a + at), m));
    v128.store(end, f64x2.sub(v128.load(a + at, 16), m), 16);
    v128.store(end, f64x2.sub(v128.load(b + at), m), 32);
    v128.store(end, f64x2.sub(v128.load(b + at, 16), m), 48);
    end += 64;
    if (j + 1 < to) {
      m = v128.load64_splat(mean + (<usize>j << 3), 8);
      v128.store(end, f64x2.sub(v128.load(a + at, 32), m));
      v128.store(end, f64x2.sub(v128.load(a + at, 48), m), 16);
      v128.store(end, f64x2.sub(v128.load(b + at, 32), m), 32);
      v128.store(end, f64x2.sub(v128.load(b + at, 48), m), 48);
      end += 64;
      let a0 = f64x2.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
      for (let x = t; x < end; x += 64) {
        const x0 = v128.load(x), x1 = v128.load(x, 16), x2 = v128.load(x, 32), x3 = v128.load(x, 48);
        let u = v128.load64_splat(panel);
        a0 = f64x2.add(a0, f64x2.mul(x0, u)); a1 = f64x2.add(a1, f64x2.mul(x1, u));
        a2 = f64x2.add(a2, f64x2.mul(x2, u)); a3 = f64x2.add(a3, f64x2.mul(x3, u));
        u = v128.load64_splat(panel, 8);
        b0 = f64x2.add(b0, f64x2.mul(x0, u)); b1 = f64x2.add(b1, f64x2.mul(x1, u));
        b2 = f64x2.add(b2, f64x2.mul(x2, u)); b3 = f64x2.add(b3, f64x2.mul(x3, u));
        panel += 16;
      }
      if (whole) {
        v128.store(outA + at, a0); v128.store(outA + at, a1, 16); v128.store(outA + at, b0, 32); v128.store(outA + at, b1, 48);
        v128.store(outB + at, a2); v128.store(outB + at, a3, 16); v128.store(outB + at, b2, 32); v128.store(outB + at, b3, 48);
      } else {
        s0 = f64x2.add(s0, f64x2.add(f64x2.mul(a0, a0), f64x2.mul(b0, b0)));
        s1 = f64x2.add(s1, f64x2.add(f64x2.mul(a1, a1), f64x2.mul(b1, b1)));
        s2 = f64x2.add(s2, f64x2.add(f64x2.mul(a2, a2), f64x2.mul(b2, b2)));
        s3 = f64x2.add(s3, f64x2.add(f64x2.mul(a3, a3), f64x2.mul(b3, b3)));
      }
    } else {
      let a0 = f64x2.splat(0), a1 = a0, a2 = a0, a3 = a0;
      for (let x = t; x < end; x += 64, panel += 8) {
        const u = v128.load64_splat(panel);
        a0 = f64x2.add(a0, f64x2.mul(v128.load(x), u)); a1 = f64x2.add(a1, f64x2.mul(v128.load(x, 16), u));
        a2 = f64x2.add(a2, f64x2.mul(v128.load(x, 32), u)); a3 = f64x2.add(a3, f64x2.mul(v128.load(x, 48), u));
      }
      if (whole) {
        v128.store(outA + at, a0); v128.store(outA + at, a1, 16);
        v128.store(outB + at, a2); v128.store(outB + at, a3, 16);
      } else {
        s0 = f64x2.add(s0, f64x2.mul(a0, a0)); s1 = f64x2.add(s1, f64x2.mul(a1, a1));
        s2 = f64x2.add(s2, f64x2.mul(a2, a2)); s3 = f64x2.add(s3, f64x2.mul(a3, a3));
      }
    }
  }
  if (!whole) { v128.store(outA, s0); v128.store(outA, s1, 16); v128.store(outB, s2); v128.store(outB, s3, 16); }
}

/** z = Uᵀ(x − mean) of a tile ([quads][d][4], in), U as panels (in); z ([quads][d][4], out) may not overlap it. */
export function whiten(tile: usize, quads: i32, d: i32, mean: usize, panel: usize, z: usize, t: usize): void {
  const quadBytes = <usize>d << 5;
  for (let q = 0; q < quads; q += 2, tile += 2 * quadBytes, z += 2 * quadBytes) {
    const other = q + 1 < quads ? quadBytes : 0; // an odd quad at the end is its own partner
    columns(tile, tile + other, 0, d, mean, panel, t, z, z + other, true);
  }
}

/** Mahalanobis squares of a tile ([quads][d][4], in) for one component, U as panels (in). out (one quad every `stride` bytes, out). */
export function triangularSquares(tile: usize, quads: i32, d: i32, mean: usize, panel: usize, out: usize, stride: usize, t: usize): void {
  const quadBytes = <usize>d << 5;
  for (let q = 0; q < quads; q += 2, tile += 2 * quadBytes, out += 2 * stride) {
    const more = q + 1 < quads;
    columns(tile, tile + (more ? quadBytes : 0), 0, d, mean, panel, t, out, out + (more ? stride : 0), false);
  }
}
