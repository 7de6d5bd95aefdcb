// The pass of expectation-maximisation for Gaussian mixtures (Dempster, Laird & Rubin 1977): log-densities, responsibilities and
// sufficient statistics of a block of rows are finished while the block is in cache, so no n×k array exists in a fit.
// Inside a block everything is in quads (tile.ts): densities and responsibilities are [quad][component][4].
import { triangularPanelLength } from "./cholesky";
import { squaredDistances } from "./distances";
import { expNonPositive, logNormal } from "./elementary";
import { blockRows, pack } from "./tile";

/** Covariance types, in the order the TypeScript side numbers them. */
export const FULL: i32 = 0;
export const TIED: i32 = 1;
export const DIAG: i32 = 2;

const MOST_NEGATIVE: f64 = -1.7976931348623157e308;

/** Bytes of scratch that `mixture` needs. */
export function mixtureScratch(d: i32, k: i32): usize {
  const rows = <usize>blockRows(d);
  const augmented = <usize>((d + 2) & ~1);
  return rows * (<usize>d + 2 * augmented + <usize>k + 2) << 3;
}

/** Doubles of sufficient statistics of one component: full — the lower triangle of Σ r·[t,1][t,1]ᵀ, row after row, so Σ r·t is
 *  its last row and Σ r its last entry; tied — Σ r, Σ r·t; diag and spherical — Σ r, Σ r·t, Σ r·t². (t = x − anchor.) */
export function mixtureStatistics(type: i32, d: i32): i32 {
  return type == FULL ? ((d + 1) * (d + 2)) >> 1 : type == TIED ? 1 + d : 1 + 2 * d;
}

/** t = x − shift for a tile of `quads` quads with d features (in); `out` has `stride` ≥ d features a quad, those past d untouched. */
function shiftTile(tile: usize, quads: i32, d: i32, shift: usize, stride: i32, out: usize): void {
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
function triangularSquares(t: usize, quads: i32, d: i32, panel: usize, out: usize, stride: usize): void {
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
function whiten(t: usize, quads: i32, d: i32, panel: usize, z: usize): void {
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

/** Scaled squares Σ_j ((x_j − μ_j)·s_j)² of a tile ([quads][d][4], in) for k components; means and scales as panels
 *  ([⌈k/4⌉][d][4], in). out ([quads][k][4], out). The difference form: no cancellation at any offset. */
function scaledSquares(tile: usize, quads: i32, d: i32, means: usize, scales: usize, k: i32, out: usize): void {
  const quadBytes = <usize>d << 5;
  for (let q = 0; q < quads; q++) {
    const end = tile + quadBytes;
    let p = means, f = scales;
    for (let c = 0; c < k; c += 4) {
      let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
      for (let x = tile; x < end; x += 32) {
        const x0 = v128.load(x), x1 = v128.load(x, 16);
        let m = v128.load64_splat(p), s = v128.load64_splat(f);
        let u = f64x2.mul(f64x2.sub(x0, m), s), v = f64x2.mul(f64x2.sub(x1, m), s);
        a0 = f64x2.add(a0, f64x2.mul(u, u)); a1 = f64x2.add(a1, f64x2.mul(v, v));
        m = v128.load64_splat(p, 8); s = v128.load64_splat(f, 8);
        u = f64x2.mul(f64x2.sub(x0, m), s); v = f64x2.mul(f64x2.sub(x1, m), s);
        b0 = f64x2.add(b0, f64x2.mul(u, u)); b1 = f64x2.add(b1, f64x2.mul(v, v));
        m = v128.load64_splat(p, 16); s = v128.load64_splat(f, 16);
        u = f64x2.mul(f64x2.sub(x0, m), s); v = f64x2.mul(f64x2.sub(x1, m), s);
        c0 = f64x2.add(c0, f64x2.mul(u, u)); c1 = f64x2.add(c1, f64x2.mul(v, v));
        m = v128.load64_splat(p, 24); s = v128.load64_splat(f, 24);
        u = f64x2.mul(f64x2.sub(x0, m), s); v = f64x2.mul(f64x2.sub(x1, m), s);
        d0 = f64x2.add(d0, f64x2.mul(u, u)); d1 = f64x2.add(d1, f64x2.mul(v, v));
        p += 32; f += 32;
      }
      const left = k - c;
      v128.store(out, a0); v128.store(out, a1, 16);
      if (left > 1) { v128.store(out, b0, 32); v128.store(out, b1, 48); }
      if (left > 2) { v128.store(out, c0, 64); v128.store(out, c1, 80); }
      if (left > 3) { v128.store(out, d0, 96); v128.store(out, d1, 112); }
      out += <usize>min(left, 4) << 5;
    }
    tile = end;
  }
}

/** From squares to responsibilities, in place. On entry `a` ([quads][k][4], inout) holds Mahalanobis squares; with
 *  a_c = constant_c − ½ square_c it leaves r_c = weight · e^(a_c − m) / Σ e^(a − m), m = max a. `constants` (k, in): log weight plus
 *  log normaliser. `weights` (4 a quad, in; 0 in padding). `logNorm` (4 a quad, out): m + ln Σ e^(a − m), the log-density of the sample.
 *  `labels` (i32, 4 a quad, out): index of the largest a, first on ties. Returns Σ weight·logNorm.
 *  A sample so far from every component that all squares overflow has logNorm −∞ and equal responsibilities. */
function softmax(a: usize, quads: i32, k: i32, constants: usize, weights: usize, logNorm: usize, labels: usize): f64 {
  const bytes = <usize>k << 5;
  const half = f64x2.splat(0.5);
  let total = f64x2.splat(0);
  for (let q = 0; q < quads; q++) {
    const end = a + bytes;
    let m0 = f64x2.splat(-Infinity), m1 = m0;
    let i0 = f64x2.splat(0), i1 = i0;
    let index = f64x2.splat(0);
    let constant = constants;
    for (let p = a; p < end; p += 32) {
      const b = v128.load64_splat(constant);
      const a0 = f64x2.sub(b, f64x2.mul(half, v128.load(p))), a1 = f64x2.sub(b, f64x2.mul(half, v128.load(p, 16)));
      v128.store(p, a0);
      v128.store(p, a1, 16);
      const g0 = f64x2.gt(a0, m0), g1 = f64x2.gt(a1, m1);
      m0 = v128.bitselect(a0, m0, g0); i0 = v128.bitselect(index, i0, g0);
      m1 = v128.bitselect(a1, m1, g1); i1 = v128.bitselect(index, i1, g1);
      index = f64x2.add(index, f64x2.splat(1));
      constant += 8;
    }
    m0 = f64x2.pmax(m0, f64x2.splat(MOST_NEGATIVE));
    m1 = f64x2.pmax(m1, f64x2.splat(MOST_NEGATIVE));
    let s0 = f64x2.splat(0), s1 = s0;
    for (let p = a; p < end; p += 32) {
      const e0 = expNonPositive(f64x2.sub(v128.load(p), m0)), e1 = expNonPositive(f64x2.sub(v128.load(p, 16), m1));
      v128.store(p, e0);
      v128.store(p, e1, 16);
      s0 = f64x2.add(s0, e0);
      s1 = f64x2.add(s1, e1);
    }
    const zero = f64x2.splat(0);
    const lost0 = f64x2.eq(s0, zero), lost1 = f64x2.eq(s1, zero);
    let n0 = f64x2.add(m0, logNormal(s0)), n1 = f64x2.add(m1, logNormal(s1));
    if (v128.any_true(v128.or(lost0, lost1))) {
      const one = f64x2.splat(1);
      for (let p = a; p < end; p += 32) {
        v128.store(p, v128.bitselect(one, v128.load(p), lost0));
        v128.store(p, v128.bitselect(one, v128.load(p, 16), lost1), 16);
      }
      s0 = v128.bitselect(f64x2.splat(<f64>k), s0, lost0); n0 = v128.bitselect(f64x2.splat(-Infinity), n0, lost0);
      s1 = v128.bitselect(f64x2.splat(<f64>k), s1, lost1); n1 = v128.bitselect(f64x2.splat(-Infinity), n1, lost1);
    }
    const w0 = v128.load(weights), w1 = v128.load(weights, 16);
    const r0 = f64x2.div(w0, s0), r1 = f64x2.div(w1, s1);
    for (let p = a; p < end; p += 32) {
      v128.store(p, f64x2.mul(v128.load(p), r0));
      v128.store(p, f64x2.mul(v128.load(p, 16), r1), 16);
    }
    v128.store(logNorm, n0);
    v128.store(logNorm, n1, 16);
    v128.store(labels, v128.shuffle<i64>(i32x4.trunc_sat_f64x2_s_zero(i0), i32x4.trunc_sat_f64x2_s_zero(i1), 0, 2));
    // a row of weight zero is absent: −∞ · 0 must not become NaN
    total = f64x2.add(total, v128.and(f64x2.mul(w0, n0), f64x2.gt(w0, zero)));
    total = f64x2.add(total, v128.and(f64x2.mul(w1, n1), f64x2.gt(w1, zero)));
    a = end;
    weights += 32; logNorm += 32; labels += 16;
  }
  return f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1);
}

// @ts-ignore: decorator
@inline
function addSum(address: usize, v: v128): void {
  store<f64>(address, load<f64>(address) + (f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1)));
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
function addScatter(t: usize, rt: usize, quads: i32, d: i32, p: i32, out: usize): void {
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

/** Adds one component's diagonal moments of a block: Σ r, Σ r·t and, if `squares`, Σ r·t², t = x − anchor.
 *  tile ([quads][d][4], in), r (one quad every `stride` bytes, in), anchor (d, in), out (1 + d or 1 + 2d, inout). */
function addMoments(tile: usize, quads: i32, d: i32, r: usize, stride: usize, anchor: usize, squares: bool, out: usize): void {
  const quadBytes = <usize>d << 5;
  const first = out + 8, second = first + (<usize>d << 3);
  for (let j = 0; j < d; j += 2) {
    const pair = j + 1 < d;
    const m = v128.load64_splat(anchor + (<usize>j << 3));
    const n = v128.load64_splat(anchor + (<usize>(pair ? j + 1 : j) << 3));
    let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
    let x = tile + (<usize>j << 5), y = pair ? x + 32 : x, w = r;
    for (let q = 0; q < quads; q++) {
      const w0 = v128.load(w), w1 = v128.load(w, 16);
      let t = f64x2.sub(v128.load(x), m), wt = f64x2.mul(w0, t);
      a0 = f64x2.add(a0, wt); b0 = f64x2.add(b0, f64x2.mul(wt, t));
      t = f64x2.sub(v128.load(x, 16), m); wt = f64x2.mul(w1, t);
      a1 = f64x2.add(a1, wt); b1 = f64x2.add(b1, f64x2.mul(wt, t));
      t = f64x2.sub(v128.load(y), n); wt = f64x2.mul(w0, t);
      c0 = f64x2.add(c0, wt); d0 = f64x2.add(d0, f64x2.mul(wt, t));
      t = f64x2.sub(v128.load(y, 16), n); wt = f64x2.mul(w1, t);
      c1 = f64x2.add(c1, wt); d1 = f64x2.add(d1, f64x2.mul(wt, t));
      x += quadBytes; y += quadBytes; w += stride;
    }
    const o = <usize>j << 3;
    addSum(first + o, f64x2.add(a0, a1));
    if (pair) addSum(first + o + 8, f64x2.add(c0, c1));
    if (squares) {
      addSum(second + o, f64x2.add(b0, b1));
      if (pair) addSum(second + o + 8, f64x2.add(d0, d1));
    }
  }
  let total = f64x2.splat(0);
  for (let q = 0; q < quads; q++, r += stride) total = f64x2.add(total, f64x2.add(v128.load(r), v128.load(r, 16)));
  addSum(out, total);
}

/** Pass over rows [start, end) of x (n×d, row-major, in) with weights w (n, in; 0 for none).
 *
 *  E: responsibilities come from `given` (n×k, row-major, in) where it is not 0, otherwise from the parameters —
 *    constants (k): log weight + log normaliser;
 *    full: means (k×d), factors (k triangular panels of U); tied: means (d: the origin of z), factors (one triangular panel of U,
 *    then panels of Uᵀ(mean − origin)); diag: means and factors as panels ([⌈k/4⌉][d][4]), factors 1/σ; spherical: the same layout.
 *  Results where their address is not 0: outLogNorm (n), outResp (n×k, row-major), outLabels (n, i32).
 *  M: where `stats` is not 0, [0] += Σ w·log p(x), then per component the statistics of `mixtureStatistics(momentType)` about
 *  `anchors` (k×d). */
export function mixture(
  type: i32, momentType: i32, x: usize, w: usize, d: i32, k: i32, constants: usize, means: usize, factors: usize, anchors: usize, given: usize,
  outLogNorm: usize, outResp: usize, outLabels: usize, start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const rows = blockRows(d);
  const rowBytes = <usize>d << 3;
  const p = (d + 2) & ~1; // d features, the constant 1, padded to even
  const tile = scratch;
  const t = tile + (<usize>rows * <usize>d << 3);
  const rt = t + (<usize>rows * <usize>p << 3);
  const resp = rt + (<usize>rows * <usize>p << 3);
  const weights = resp + (<usize>rows * <usize>k << 3);
  const logNorm = weights + (<usize>rows << 3);
  const labels = rt; // only used between softmax and the M part
  const respStride = <usize>k << 5;
  const panelBytes = <usize>triangularPanelLength(d) << 3;
  const each = <usize>mixtureStatistics(momentType, d) << 3;
  let total = stats != 0 ? load<f64>(stats) : 0;
  for (let b = start; b < end; b += rows) {
    const count = min(rows, end - b);
    const quads = (count + 3) >> 2;
    pack(x, d, b, count, tile);
    for (let i = 0; i < quads << 2; i++) {
      store<f64>(weights + (<usize>i << 3), i >= count ? 0 : w != 0 ? load<f64>(w + (<usize>(b + i) << 3)) : 1);
    }
    if (given != 0) {
      for (let i = 0; i < quads << 2; i++) {
        const weight = load<f64>(weights + (<usize>i << 3));
        const from = given + (<usize>min(b + i, end - 1) * <usize>k << 3);
        const to = resp + <usize>(i >> 2) * respStride + (<usize>(i & 3) << 3);
        for (let c = 0; c < k; c++) store<f64>(to + (<usize>c << 5), weight * load<f64>(from + (<usize>c << 3)));
      }
    } else {
      if (type == FULL) {
        for (let c = 0; c < k; c++) {
          shiftTile(tile, quads, d, means + <usize>c * rowBytes, d, t);
          triangularSquares(t, quads, d, factors + <usize>c * panelBytes, resp + (<usize>c << 5), respStride);
        }
      } else if (type == TIED) {
        shiftTile(tile, quads, d, means, d, t);
        whiten(t, quads, d, factors, rt);
        squaredDistances(rt, quads, d, factors + panelBytes, k, resp);
      } else {
        scaledSquares(tile, quads, d, means, factors, k, resp);
      }
      total += softmax(resp, quads, k, constants, weights, logNorm, labels);
      if (outLogNorm != 0) memory.copy(outLogNorm + (<usize>b << 3), logNorm, <usize>count << 3);
      if (outLabels != 0) memory.copy(outLabels + (<usize>b << 2), labels, <usize>count << 2);
      if (outResp != 0) {
        for (let i = 0; i < count; i++) {
          const from = resp + <usize>(i >> 2) * respStride + (<usize>(i & 3) << 3);
          const to = outResp + (<usize>(b + i) * <usize>k << 3);
          for (let c = 0; c < k; c++) store<f64>(to + (<usize>c << 3), load<f64>(from + (<usize>c << 5)));
        }
      }
    }
    if (stats != 0) {
      let out = stats + 8;
      if (momentType == FULL) setAugmentation(t, quads, d, p);
      for (let c = 0; c < k; c++, out += each) {
        const r = resp + (<usize>c << 5);
        if (!anyResponsibility(r, quads, respStride)) continue; // adding zeros changes nothing
        if (momentType == FULL) {
          shiftTile(tile, quads, d, anchors + <usize>c * rowBytes, p, t);
          weighTile(t, quads, p, r, respStride, rt);
          addScatter(t, rt, quads, d, p, out);
        } else {
          addMoments(tile, quads, d, r, respStride, anchors + <usize>c * rowBytes, momentType >= DIAG, out);
        }
      }
    }
  }
  if (stats != 0) store<f64>(stats, total);
}

/** Writes the constant features of an augmented tile ([quads][p][4]): 1 at index d, 0 after it. */
function setAugmentation(t: usize, quads: i32, d: i32, p: i32): void {
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
function weighTile(t: usize, quads: i32, p: i32, r: usize, stride: usize, rt: usize): void {
  for (let q = 0; q < quads; q++, r += stride) {
    const r0 = v128.load(r), r1 = v128.load(r, 16);
    for (let j = 0; j < p; j++, t += 32, rt += 32) {
      v128.store(rt, f64x2.mul(r0, v128.load(t)));
      v128.store(rt, f64x2.mul(r1, v128.load(t, 16)), 16);
    }
  }
}

/** Whether any sample of the block belongs to the component at all. */
function anyResponsibility(r: usize, quads: i32, stride: usize): bool {
  let any = f64x2.splat(0);
  for (let q = 0; q < quads; q++, r += stride) any = v128.or(any, v128.or(v128.load(r), v128.load(r, 16)));
  return v128.any_true(any);
}
