// Components whose covariance is a whole matrix, one each or one for all: Mahalanobis squares and whitening by triangular factors, and the
// scatter of a block.
import { addSum } from "./statistics";

/** t = x − shift for a tile of `quads` quads with d features (in); `out` has `stride` ≥ d features a quad, those past d untouched. */
export function shiftTile(tile: usize, quads: i32, d: i32, shift: usize, stride: i32, out: usize): void {
  const gap = <usize>(stride - d) << 5;
  const end = shift + (<usize>d << 3);
  for (let q = 0; q < quads; q++) {
    for (let s = shift; s < end; s += 8) {
      const m = v128.load64_splat(s);
      v128.store(out, f64x2.sub(v128.load(tile), m));
      v128.store(out, f64x2.sub(v128.load(tile, 16), m), 16);
      tile += 32;
      out += 32;
    }
    out += gap;
  }
}

/** Mahalanobis squares ‖Uᵀt‖² of a centred tile ([quads][d][4], in) with U as triangular panels (cholesky.ts, in).
 *  out (one quad of 4 every `stride` bytes, out). */
export function triangularSquares(t: usize, quads: i32, d: i32, panel: usize, out: usize, stride: usize): void {
  const quadBytes = <usize>d << 5;
  for (let q = 0; q < quads; q++) {
    let s0 = f64x2.splat(0), s1 = s0;
    let p = panel;
    let j = 4;
    for (; j <= d; j += 4) {
      let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
      const end = t + (<usize>j << 5);
      for (let x = t; x < end; x += 32) {
        const x0 = v128.load(x), x1 = v128.load(x, 16);
        let u = v128.load64_splat(p);
        a0 = f64x2.add(a0, f64x2.mul(x0, u)); a1 = f64x2.add(a1, f64x2.mul(x1, u));
        u = v128.load64_splat(p, 8);
        b0 = f64x2.add(b0, f64x2.mul(x0, u)); b1 = f64x2.add(b1, f64x2.mul(x1, u));
        u = v128.load64_splat(p, 16);
        c0 = f64x2.add(c0, f64x2.mul(x0, u)); c1 = f64x2.add(c1, f64x2.mul(x1, u));
        u = v128.load64_splat(p, 24);
        d0 = f64x2.add(d0, f64x2.mul(x0, u)); d1 = f64x2.add(d1, f64x2.mul(x1, u));
        p += 32;
      }
      s0 = f64x2.add(s0, f64x2.add(f64x2.add(f64x2.mul(a0, a0), f64x2.mul(b0, b0)), f64x2.add(f64x2.mul(c0, c0), f64x2.mul(d0, d0))));
      s1 = f64x2.add(s1, f64x2.add(f64x2.add(f64x2.mul(a1, a1), f64x2.mul(b1, b1)), f64x2.add(f64x2.mul(c1, c1), f64x2.mul(d1, d1))));
    }
    j -= 4; // columns done
    if (j + 2 <= d) {
      let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0;
      const end = t + (<usize>(j + 2) << 5);
      for (let x = t; x < end; x += 32) {
        const x0 = v128.load(x), x1 = v128.load(x, 16);
        let u = v128.load64_splat(p);
        a0 = f64x2.add(a0, f64x2.mul(x0, u)); a1 = f64x2.add(a1, f64x2.mul(x1, u));
        u = v128.load64_splat(p, 8);
        b0 = f64x2.add(b0, f64x2.mul(x0, u)); b1 = f64x2.add(b1, f64x2.mul(x1, u));
        p += 16;
      }
      s0 = f64x2.add(s0, f64x2.add(f64x2.mul(a0, a0), f64x2.mul(b0, b0)));
      s1 = f64x2.add(s1, f64x2.add(f64x2.mul(a1, a1), f64x2.mul(b1, b1)));
      j += 2;
    }
    if (j < d) {
      let a0 = f64x2.splat(0), a1 = a0;
      const end = t + quadBytes;
      for (let x = t; x < end; x += 32) {
        const u = v128.load64_splat(p);
        a0 = f64x2.add(a0, f64x2.mul(v128.load(x), u)); a1 = f64x2.add(a1, f64x2.mul(v128.load(x, 16), u));
        p += 8;
      }
      s0 = f64x2.add(s0, f64x2.mul(a0, a0));
      s1 = f64x2.add(s1, f64x2.mul(a1, a1));
    }
    v128.store(out, s0);
    v128.store(out, s1, 16);
    out += stride;
    t += quadBytes;
  }
}

/** z = Uᵀt for a centred tile ([quads][d][4], in), U as triangular panels (in); z ([quads][d][4], out) may not overlap t. */
export function whiten(t: usize, quads: i32, d: i32, panel: usize, z: usize): void {
  const quadBytes = <usize>d << 5;
  for (let q = 0; q < quads; q++) {
    let p = panel;
    for (let j = 0; j < d; ) {
      const width = d - j >= 4 ? 4 : d - j >= 2 ? 2 : 1;
      const end = t + (<usize>(j + width) << 5);
      let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
      if (width == 4) {
        for (let x = t; x < end; x += 32) {
          const x0 = v128.load(x), x1 = v128.load(x, 16);
          let u = v128.load64_splat(p);
          a0 = f64x2.add(a0, f64x2.mul(x0, u)); a1 = f64x2.add(a1, f64x2.mul(x1, u));
          u = v128.load64_splat(p, 8);
          b0 = f64x2.add(b0, f64x2.mul(x0, u)); b1 = f64x2.add(b1, f64x2.mul(x1, u));
          u = v128.load64_splat(p, 16);
          c0 = f64x2.add(c0, f64x2.mul(x0, u)); c1 = f64x2.add(c1, f64x2.mul(x1, u));
          u = v128.load64_splat(p, 24);
          d0 = f64x2.add(d0, f64x2.mul(x0, u)); d1 = f64x2.add(d1, f64x2.mul(x1, u));
          p += 32;
        }
        v128.store(z, a0); v128.store(z, a1, 16); v128.store(z, b0, 32); v128.store(z, b1, 48);
        v128.store(z, c0, 64); v128.store(z, c1, 80); v128.store(z, d0, 96); v128.store(z, d1, 112);
      } else {
        for (let x = t; x < end; x += 32) {
          const x0 = v128.load(x), x1 = v128.load(x, 16);
          let u = v128.load64_splat(p);
          a0 = f64x2.add(a0, f64x2.mul(x0, u)); a1 = f64x2.add(a1, f64x2.mul(x1, u));
          if (width == 2) {
            u = v128.load64_splat(p, 8);
            b0 = f64x2.add(b0, f64x2.mul(x0, u)); b1 = f64x2.add(b1, f64x2.mul(x1, u));
          }
          p += <usize>width << 3;
        }
        v128.store(z, a0); v128.store(z, a1, 16);
        if (width == 2) { v128.store(z, b0, 32); v128.store(z, b1, 48); }
      }
      z += <usize>width << 5;
      j += width;
    }
    t += quadBytes;
  }
}

/** Writes the constant features of an augmented tile ([quads][p][4]): 1 at index d, 0 after it. */
export function setAugmentation(t: usize, quads: i32, d: i32, p: i32): void {
  for (let q = 0; q < quads; q++) {
    for (let j = d; j < p; j++) {
      const at = t + ((<usize>q * <usize>p + <usize>j) << 5);
      const v = f64x2.splat(j == d ? 1 : 0);
      v128.store(at, v);
      v128.store(at, v, 16);
    }
  }
}

/** rt = r·t for an augmented tile; r one quad every `stride` bytes. */
export function weighTile(t: usize, quads: i32, p: i32, r: usize, stride: usize, rt: usize): void {
  for (let q = 0; q < quads; q++, r += stride) {
    const r0 = v128.load(r), r1 = v128.load(r, 16);
    for (let j = 0; j < p; j++, t += 32, rt += 32) {
      v128.store(rt, f64x2.mul(r0, v128.load(t)));
      v128.store(rt, f64x2.mul(r1, v128.load(t, 16)), 16);
    }
  }
}

/** Adds to one entry of a packed lower triangle with last row d; entries outside it are the padding of the register tiles. */
// @ts-ignore: decorator
@inline
function addEntry(out: usize, row: i32, column: i32, d: i32, v: v128): void {
  if (column <= row && row <= d) addSum(out + (<usize>(((row * (row + 1)) >> 1) + column) << 3), v);
}

/** Adds one component's moments of a block. t ([quads][p][4], in), p even: d shifted features, then 1, then 0 if needed to make p
 *  even; rt (same shape, in): r·t. out (lower triangle of (d+1)×(d+1), row after row, inout) += Σ r·[t,1][t,1]ᵀ.
 *  Register tiles of four rows by two columns, summed over the whole block before memory is touched. */
export function addScatter(t: usize, rt: usize, quads: i32, d: i32, p: i32, out: usize): void {
  const quadBytes = <usize>p << 5;
  const size = <usize>quads * quadBytes;
  for (let i = 0; i < p; i += 4) {
    const four = i + 2 < p;
    const columns = four ? i + 4 : i + 2;
    for (let j = 0; j < columns; j += 2) {
      let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
      let x = rt + (<usize>i << 5), y = t + (<usize>j << 5);
      const end = y + size;
      if (four) {
        for (; y < end; y += quadBytes, x += quadBytes) {
          let y0 = v128.load(y), y1 = v128.load(y, 32);
          let r = v128.load(x);
          a0 = f64x2.add(a0, f64x2.mul(r, y0)); a1 = f64x2.add(a1, f64x2.mul(r, y1));
          r = v128.load(x, 32);
          b0 = f64x2.add(b0, f64x2.mul(r, y0)); b1 = f64x2.add(b1, f64x2.mul(r, y1));
          r = v128.load(x, 64);
          c0 = f64x2.add(c0, f64x2.mul(r, y0)); c1 = f64x2.add(c1, f64x2.mul(r, y1));
          r = v128.load(x, 96);
          d0 = f64x2.add(d0, f64x2.mul(r, y0)); d1 = f64x2.add(d1, f64x2.mul(r, y1));
          y0 = v128.load(y, 16); y1 = v128.load(y, 48);
          r = v128.load(x, 16);
          a0 = f64x2.add(a0, f64x2.mul(r, y0)); a1 = f64x2.add(a1, f64x2.mul(r, y1));
          r = v128.load(x, 48);
          b0 = f64x2.add(b0, f64x2.mul(r, y0)); b1 = f64x2.add(b1, f64x2.mul(r, y1));
          r = v128.load(x, 80);
          c0 = f64x2.add(c0, f64x2.mul(r, y0)); c1 = f64x2.add(c1, f64x2.mul(r, y1));
          r = v128.load(x, 112);
          d0 = f64x2.add(d0, f64x2.mul(r, y0)); d1 = f64x2.add(d1, f64x2.mul(r, y1));
        }
      } else {
        for (; y < end; y += quadBytes, x += quadBytes) {
          let y0 = v128.load(y), y1 = v128.load(y, 32);
          let r = v128.load(x);
          a0 = f64x2.add(a0, f64x2.mul(r, y0)); a1 = f64x2.add(a1, f64x2.mul(r, y1));
          r = v128.load(x, 32);
          b0 = f64x2.add(b0, f64x2.mul(r, y0)); b1 = f64x2.add(b1, f64x2.mul(r, y1));
          y0 = v128.load(y, 16); y1 = v128.load(y, 48);
          r = v128.load(x, 16);
          a0 = f64x2.add(a0, f64x2.mul(r, y0)); a1 = f64x2.add(a1, f64x2.mul(r, y1));
          r = v128.load(x, 48);
          b0 = f64x2.add(b0, f64x2.mul(r, y0)); b1 = f64x2.add(b1, f64x2.mul(r, y1));
        }
      }
      addEntry(out, i, j, d, a0); addEntry(out, i, j + 1, d, a1);
      addEntry(out, i + 1, j, d, b0); addEntry(out, i + 1, j + 1, d, b1);
      if (four) {
        addEntry(out, i + 2, j, d, c0); addEntry(out, i + 2, j + 1, d, c1);
        addEntry(out, i + 3, j, d, d0); addEntry(out, i + 3, j + 1, d, d1);
      }
    }
  }
}
