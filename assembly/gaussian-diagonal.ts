// Components with diagonal covariances: scaled squares and the diagonal moments of a block.
import { addSum } from "./statistics";

/** Scaled squares Σ_j ((x_j − μ_j)·s_j)² of a tile ([quads][d][4], in) for k components; means and scales as panels
 *  ([⌈k/4⌉][d][4], in). out ([quads][k][4], out). The difference form: no cancellation at any offset. */
export function scaledSquares(tile: usize, quads: i32, d: i32, means: usize, scales: usize, k: i32, out: usize): void {
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

/** Adds one component's diagonal moments of a block: Σ r, Σ r·t and, if `squares`, Σ r·t², t = x − anchor.
 *  tile ([quads][d][4], in), r (one quad every `stride` bytes, in), anchor (d, in), out (1 + d or 1 + 2d, inout). */
export function addMoments(tile: usize, quads: i32, d: i32, r: usize, stride: usize, anchor: usize, squares: bool, out: usize): void {
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
