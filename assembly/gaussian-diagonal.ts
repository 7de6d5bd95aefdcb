// Components with diagonal or spherical covariances: scaled squares, and the moments of a block without products of features.
// How many values an inner loop holds decides its speed: V8 (11 to 14) loads all that an iteration reads before it computes, so accumulators
// and loads together must fit into 15 registers. What spills waits for memory in the chain of additions, at two to three times the cost.
import { addSum } from "./statistics";

/** Scaled squares Σ_j ((x_j − μ_j)·s_j)² of a tile ([quads][d][4], in) for k components; means and scales as panels
 *  ([⌈k/4⌉][d][4], in). out ([quads][k][4], out). The difference form: no cancellation at any offset. */
export function scaledSquares(tile: usize, quads: i32, d: i32, means: usize, scales: usize, k: i32, out: usize): void {
  const quadBytes = <usize>d << 5;
  for (let q = 0; q < quads; q++) {
    const end = tile + quadBytes;
    for (let c = 0; c < k; c += 2) {
      const panel = <usize>(c >> 2) * quadBytes + (<usize>(c & 2) << 3);
      let p = means + panel, f = scales + panel;
      let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0;
      for (let x = tile; x < end; x += 32) {
        const x0 = v128.load(x), x1 = v128.load(x, 16);
        let m = v128.load64_splat(p), s = v128.load64_splat(f);
        let u = f64x2.mul(f64x2.sub(x0, m), s);
        a0 = f64x2.add(a0, f64x2.mul(u, u));
        u = f64x2.mul(f64x2.sub(x1, m), s);
        a1 = f64x2.add(a1, f64x2.mul(u, u));
        m = v128.load64_splat(p, 8); s = v128.load64_splat(f, 8);
        u = f64x2.mul(f64x2.sub(x0, m), s);
        b0 = f64x2.add(b0, f64x2.mul(u, u));
        u = f64x2.mul(f64x2.sub(x1, m), s);
        b1 = f64x2.add(b1, f64x2.mul(u, u));
        p += 32; f += 32;
      }
      v128.store(out, a0); v128.store(out, a1, 16);
      out += 32;
      if (c + 1 < k) {
        v128.store(out, b0); v128.store(out, b1, 16);
        out += 32;
      }
    }
    tile = end;
  }
}

/** ‖x − origin‖² of a tile that has the origin at 0 ([quads][d][4], in). out ([quads][4], out). */
export function rowSquares(tile: usize, quads: i32, d: i32, out: usize): void {
  for (let q = 0; q < quads; q++, out += 32) {
    const end = tile + (<usize>d << 5);
    let a0 = f64x2.splat(0), a1 = a0;
    for (; tile < end; tile += 32) {
      const x0 = v128.load(tile), x1 = v128.load(tile, 16);
      a0 = f64x2.add(a0, f64x2.mul(x0, x0));
      a1 = f64x2.add(a1, f64x2.mul(x1, x1));
    }
    v128.store(out, a0); v128.store(out, a1, 16);
  }
}

/** Squared distances of a block to the components of a table of slots (`GaussianPass`): [0] panels of components near the origin, [1] panels of all,
 *  [2] largest squared distance from the origin that counts as near; then of each slot the component's ‖μ‖² and where its squares go, in bytes.
 *  Near components and near rows: ‖x‖² − 2·x·μ + ‖μ‖², all three about the origin, which costs two operations a feature and not three, and loses to
 *  cancellation no more than the table allows. Others: the difference form, row by row. Which it is depends on the row and the parameters alone.
 *  tile (about the origin, [quads][d][4], in), its `rowSquares` (in), centred (panels about the origin, in); x (count rows, row-major, as they are, in),
 *  panels (as they are, in). out ([quads][k][4], out). */
export function originSquares(
  tile: usize, quads: i32, d: i32, squares: usize, centred: usize, x: usize, count: i32, panels: usize, table: usize, k: i32, out: usize,
): void {
  const quadBytes = <usize>d << 5;
  const near = <i32>load<f64>(table), all = <i32>load<f64>(table, 8);
  const limit = load<f64>(table, 16);
  const two = f64x2.splat(2);
  for (let q = 0; q < quads; q++, tile += quadBytes, squares += 32, out += <usize>k << 5) {
    const end = tile + quadBytes;
    let slot = table + 24;
    let p = centred;
    for (let c = 0; c < near; c++) {
      let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
      for (let at = tile; at < end; at += 32) {
        const x0 = v128.load(at), x1 = v128.load(at, 16);
        let m = v128.load64_splat(p);
        a0 = f64x2.add(a0, f64x2.mul(x0, m)); a1 = f64x2.add(a1, f64x2.mul(x1, m));
        m = v128.load64_splat(p, 8);
        b0 = f64x2.add(b0, f64x2.mul(x0, m)); b1 = f64x2.add(b1, f64x2.mul(x1, m));
        m = v128.load64_splat(p, 16);
        c0 = f64x2.add(c0, f64x2.mul(x0, m)); c1 = f64x2.add(c1, f64x2.mul(x1, m));
        m = v128.load64_splat(p, 24);
        d0 = f64x2.add(d0, f64x2.mul(x0, m)); d1 = f64x2.add(d1, f64x2.mul(x1, m));
        p += 32;
      }
      slot = storeSquare(slot, out, squares, f64x2.mul(a0, two), f64x2.mul(a1, two));
      slot = storeSquare(slot, out, squares, f64x2.mul(b0, two), f64x2.mul(b1, two));
      slot = storeSquare(slot, out, squares, f64x2.mul(c0, two), f64x2.mul(c1, two));
      slot = storeSquare(slot, out, squares, f64x2.mul(d0, two), f64x2.mul(d1, two));
    }
    for (let i = 0; i < 4; i++) {
      const first = load<f64>(squares + (<usize>i << 3)) <= limit ? near : 0;
      if (first < all) rowDifferences(x + (<usize>min(4 * q + i, count - 1) * (<usize>d << 3)), d, panels + <usize>first * quadBytes, table + 24 + (<usize>first << 6), all - first, out + (<usize>i << 3));
    }
  }
}

// @ts-ignore: decorator
@inline
function storeSquare(slot: usize, out: usize, squares: usize, p0: v128, p1: v128): usize {
  const m = v128.load64_splat(slot), zero = f64x2.splat(0);
  const to = out + <usize>load<f64>(slot, 8);
  v128.store(to, f64x2.pmax(f64x2.sub(f64x2.add(v128.load(squares), m), p0), zero));
  v128.store(to, f64x2.pmax(f64x2.sub(f64x2.add(v128.load(squares, 16), m), p1), zero), 16);
  return slot + 16;
}

/** Squared distances of a row (d, in) to components four by four, in the difference form; two components in the lanes. */
function rowDifferences(row: usize, d: i32, panel: usize, slot: usize, panels: i32, out: usize): void {
  const end = row + (<usize>d << 3);
  for (let c = 0; c < panels; c++, slot += 64) {
    let a = f64x2.splat(0), b = a;
    for (let x = row; x < end; x += 8, panel += 32) {
      const v = v128.load64_splat(x);
      const t = f64x2.sub(v, v128.load(panel)), u = f64x2.sub(v, v128.load(panel, 16));
      a = f64x2.add(a, f64x2.mul(t, t));
      b = f64x2.add(b, f64x2.mul(u, u));
    }
    store<f64>(out + <usize>load<f64>(slot, 8), f64x2.extract_lane(a, 0));
    store<f64>(out + <usize>load<f64>(slot, 24), f64x2.extract_lane(a, 1));
    store<f64>(out + <usize>load<f64>(slot, 40), f64x2.extract_lane(b, 0));
    store<f64>(out + <usize>load<f64>(slot, 56), f64x2.extract_lane(b, 1));
  }
}

/** Rows of x (count×d, row-major, in) less `origin` (d, in) to out (count×d, out). */
export function centre(x: usize, count: i32, d: i32, origin: usize, out: usize): void {
  const bytes = <usize>d << 3;
  for (let i = 0; i < count; i++) {
    let j: usize = 0;
    for (; j + 16 <= bytes; j += 16) v128.store(out + j, f64x2.sub(v128.load(x + j), v128.load(origin + j)));
    if (j < bytes) store<f64>(out + j, load<f64>(x + j) - load<f64>(origin + j));
    x += bytes; out += bytes;
  }
}

/** Adds Σ r (and, if `squares` is not 0, Σ r·square) of a component over a block to `out` (and `second`); r one quad every `stride` bytes, squares one
 *  every `step` bytes (in). */
export function addMass(r: usize, squares: usize, quads: i32, stride: usize, step: usize, out: usize, second: usize): void {
  const finite = f64x2.splat(f64.MAX_VALUE); // 0 · ∞ must not become NaN
  let n0 = f64x2.splat(0), n1 = n0, s0 = n0, s1 = n0;
  for (let q = 0; q < quads; q++, r += stride) {
    const r0 = v128.load(r), r1 = v128.load(r, 16);
    n0 = f64x2.add(n0, r0);
    n1 = f64x2.add(n1, r1);
    if (squares != 0) {
      s0 = f64x2.add(s0, f64x2.mul(r0, f64x2.pmin(v128.load(squares), finite)));
      s1 = f64x2.add(s1, f64x2.mul(r1, f64x2.pmin(v128.load(squares, 16), finite)));
      squares += step;
    }
  }
  addSum(out, f64x2.add(n0, n1));
  if (squares != 0) addSum(second, f64x2.add(s0, s1));
}

/** Lists the rows of a block that a component has a share in: 16 bytes each, r and the row's address. r one quad every `stride` bytes (in), rows
 *  `rowBytes` apart from `row` on. Returns the end of the list. */
export function listRows(r: usize, count: i32, stride: usize, row: usize, rowBytes: usize, list: usize): usize {
  for (let i = 0; i < count; i += 4, r += stride) {
    const last = r + (<usize>min(4, count - i) << 3);
    for (let p = r; p < last; p += 8) {
      const bits = load<u64>(p);
      store<u64>(list, bits);
      store<usize>(list, row, 8);
      list += <usize>(bits != 0) << 4;
      row += rowBytes;
    }
  }
  return list;
}

/** Adds Σ r·t to `first` (d, inout) and, if `second` is not 0, Σ r·t² to it (d, inout) over listed rows (`listRows`, in); t = x − anchor (d, in), with
 *  `central` the anchor is 0. SIMD runs across features: rows are read where they lie, those without a share are not, and nothing is summed horizontally. */
export function addListed(list: usize, end: usize, d: i32, central: bool, anchor: usize, first: usize, second: usize): void {
  let j: usize = 0;
  const bytes = <usize>d << 3;
  if (central && second == 0) {
    for (; j + 64 <= bytes; j += 64) {
      let a0 = v128.load(first + j), a1 = v128.load(first + j, 16), a2 = v128.load(first + j, 32), a3 = v128.load(first + j, 48);
      for (let p = list; p < end; p += 16) {
        const x = load<usize>(p, 8) + j;
        const r = v128.load64_splat(p);
        a0 = f64x2.add(a0, f64x2.mul(r, v128.load(x)));
        a1 = f64x2.add(a1, f64x2.mul(r, v128.load(x, 16)));
        a2 = f64x2.add(a2, f64x2.mul(r, v128.load(x, 32)));
        a3 = f64x2.add(a3, f64x2.mul(r, v128.load(x, 48)));
      }
      v128.store(first + j, a0); v128.store(first + j, a1, 16); v128.store(first + j, a2, 32); v128.store(first + j, a3, 48);
    }
  } else if (central) {
    for (; j + 64 <= bytes; j += 64) {
      let a0 = v128.load(first + j), a1 = v128.load(first + j, 16), a2 = v128.load(first + j, 32), a3 = v128.load(first + j, 48);
      let b0 = v128.load(second + j), b1 = v128.load(second + j, 16), b2 = v128.load(second + j, 32), b3 = v128.load(second + j, 48);
      for (let p = list; p < end; p += 16) {
        const x = load<usize>(p, 8) + j;
        const r = v128.load64_splat(p);
        let t = v128.load(x), rt = f64x2.mul(r, t);
        a0 = f64x2.add(a0, rt); b0 = f64x2.add(b0, f64x2.mul(rt, t));
        t = v128.load(x, 16); rt = f64x2.mul(r, t);
        a1 = f64x2.add(a1, rt); b1 = f64x2.add(b1, f64x2.mul(rt, t));
        t = v128.load(x, 32); rt = f64x2.mul(r, t);
        a2 = f64x2.add(a2, rt); b2 = f64x2.add(b2, f64x2.mul(rt, t));
        t = v128.load(x, 48); rt = f64x2.mul(r, t);
        a3 = f64x2.add(a3, rt); b3 = f64x2.add(b3, f64x2.mul(rt, t));
      }
      v128.store(first + j, a0); v128.store(first + j, a1, 16); v128.store(first + j, a2, 32); v128.store(first + j, a3, 48);
      v128.store(second + j, b0); v128.store(second + j, b1, 16); v128.store(second + j, b2, 32); v128.store(second + j, b3, 48);
    }
  }
  if (second == 0) {
    for (; j + 64 <= bytes; j += 64) {
      const m0 = v128.load(anchor + j), m1 = v128.load(anchor + j, 16), m2 = v128.load(anchor + j, 32), m3 = v128.load(anchor + j, 48);
      let a0 = v128.load(first + j), a1 = v128.load(first + j, 16), a2 = v128.load(first + j, 32), a3 = v128.load(first + j, 48);
      for (let p = list; p < end; p += 16) {
        const x = load<usize>(p, 8) + j;
        const r = v128.load64_splat(p);
        a0 = f64x2.add(a0, f64x2.mul(r, f64x2.sub(v128.load(x), m0)));
        a1 = f64x2.add(a1, f64x2.mul(r, f64x2.sub(v128.load(x, 16), m1)));
        a2 = f64x2.add(a2, f64x2.mul(r, f64x2.sub(v128.load(x, 32), m2)));
        a3 = f64x2.add(a3, f64x2.mul(r, f64x2.sub(v128.load(x, 48), m3)));
      }
      v128.store(first + j, a0); v128.store(first + j, a1, 16); v128.store(first + j, a2, 32); v128.store(first + j, a3, 48);
    }
    for (; j < bytes; j += 8) {
      const m = load<f64>(anchor + j);
      let a = load<f64>(first + j);
      for (let p = list; p < end; p += 16) a += load<f64>(p) * (load<f64>(load<usize>(p, 8) + j) - m);
      store<f64>(first + j, a);
    }
    return;
  }
  for (; j + 32 <= bytes; j += 32) {
    const m0 = v128.load(anchor + j), m1 = v128.load(anchor + j, 16);
    let a0 = v128.load(first + j), b0 = v128.load(second + j), a1 = v128.load(first + j, 16), b1 = v128.load(second + j, 16);
    for (let p = list; p < end; p += 16) {
      const x = load<usize>(p, 8) + j;
      const r = v128.load64_splat(p);
      let t = f64x2.sub(v128.load(x), m0), rt = f64x2.mul(r, t);
      a0 = f64x2.add(a0, rt); b0 = f64x2.add(b0, f64x2.mul(rt, t));
      t = f64x2.sub(v128.load(x, 16), m1); rt = f64x2.mul(r, t);
      a1 = f64x2.add(a1, rt); b1 = f64x2.add(b1, f64x2.mul(rt, t));
    }
    v128.store(first + j, a0); v128.store(second + j, b0); v128.store(first + j, a1, 16); v128.store(second + j, b1, 16);
  }
  for (; j < bytes; j += 8) {
    const m = load<f64>(anchor + j);
    let a = load<f64>(first + j), b = load<f64>(second + j);
    for (let p = list; p < end; p += 16) {
      const t = load<f64>(load<usize>(p, 8) + j) - m, rt = load<f64>(p) * t;
      a += rt; b += rt * t;
    }
    store<f64>(first + j, a); store<f64>(second + j, b);
  }
}
