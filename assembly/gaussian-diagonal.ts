// Components with diagonal or spherical covariances: scaled squares, and the moments of a block without products of features.
// How many values an inner loop holds decides its speed: V8 (11 to 14) loads all that an iteration reads before it computes, so accumulators
// and loads together must fit into 15 registers. What spills waits for memory in the chain of additions, at two to three times the cost.
import { FAR_SHARE, squaredDistance } from "./distances";

/** Scaled squares Σ_j ((x_j − μ_j)·s_j)² of a tile ([quads][d][4], in) for k components: three at a time, the last five to two of them as many as must be
 *  two at a time. table (in): of those taken together, feature by feature, the means, then the scales; one that is alone has any other beside it.
 *  out ([quads][k][4], out). The difference form: no cancellation at any offset. Three components share what is loaded of rows, and with the six sums
 *  and what three need of a feature just fit into the registers: 0.95 (d = 64, 16) to 0.88 (d = 5) of the time of two. */
export function scaledSquares(tile: usize, quads: i32, d: i32, table: usize, k: i32, out: usize): void {
  const quadBytes = <usize>d << 5, stride = <usize>k << 5;
  const some = <usize>max(1, 512 / d); // quads that stay in the first-level cache for all components
  for (const last = tile + <usize>quads * quadBytes; tile < last; tile += some * quadBytes, out += some * stride) {
    const lastOfSome = min(tile + some * quadBytes, last);
    let p = table, column = out, c = k;
    for (; c > 4 || c == 3; c -= 3, column += 96, p += 6 * (<usize>d << 3)) {
      for (let x = tile, to = column; x < lastOfSome; to += stride) {
        let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0;
        for (let at = p, end = x + quadBytes; x < end; x += 32, at += 48) {
          const x0 = v128.load(x), x1 = v128.load(x, 16);
          let m = v128.load64_splat(at), s = v128.load64_splat(at, 24);
          let u = f64x2.mul(f64x2.sub(x0, m), s);
          a0 = f64x2.add(a0, f64x2.mul(u, u));
          u = f64x2.mul(f64x2.sub(x1, m), s);
          a1 = f64x2.add(a1, f64x2.mul(u, u));
          m = v128.load64_splat(at, 8); s = v128.load64_splat(at, 32);
          u = f64x2.mul(f64x2.sub(x0, m), s);
          b0 = f64x2.add(b0, f64x2.mul(u, u));
          u = f64x2.mul(f64x2.sub(x1, m), s);
          b1 = f64x2.add(b1, f64x2.mul(u, u));
          m = v128.load64_splat(at, 16); s = v128.load64_splat(at, 40);
          u = f64x2.mul(f64x2.sub(x0, m), s);
          c0 = f64x2.add(c0, f64x2.mul(u, u));
          u = f64x2.mul(f64x2.sub(x1, m), s);
          c1 = f64x2.add(c1, f64x2.mul(u, u));
        }
        v128.store(to, a0); v128.store(to, a1, 16); v128.store(to, b0, 32); v128.store(to, b1, 48); v128.store(to, c0, 64); v128.store(to, c1, 80);
      }
    }
    for (; c > 0; c -= 2, column += 64, p += 4 * (<usize>d << 3)) {
      for (let x = tile, to = column; x < lastOfSome; to += stride) {
        let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0;
        for (let at = p, end = x + quadBytes; x < end; x += 32, at += 32) {
          const x0 = v128.load(x), x1 = v128.load(x, 16);
          let m = v128.load64_splat(at), s = v128.load64_splat(at, 16);
          let u = f64x2.mul(f64x2.sub(x0, m), s);
          a0 = f64x2.add(a0, f64x2.mul(u, u));
          u = f64x2.mul(f64x2.sub(x1, m), s);
          a1 = f64x2.add(a1, f64x2.mul(u, u));
          m = v128.load64_splat(at, 8); s = v128.load64_splat(at, 24);
          u = f64x2.mul(f64x2.sub(x0, m), s);
          b0 = f64x2.add(b0, f64x2.mul(u, u));
          u = f64x2.mul(f64x2.sub(x1, m), s);
          b1 = f64x2.add(b1, f64x2.mul(u, u));
        }
        v128.store(to, a0); v128.store(to, a1, 16);
        if (c > 1) { v128.store(to, b0, 32); v128.store(to, b1, 48); }
      }
    }
  }
}

/** Squared distances of a block to k components as ‖x‖² − 2·x·μ + ‖μ‖², all three about the origin: two operations a feature and not three. Rows and
 *  components near the origin lose no more to cancellation than their table allows ([0] largest ‖x‖² that is near; then of each component ‖μ‖², and
 *  1 or, near, 0; room for four components more); of others the difference form replaces what comes to less than FAR_SHARE of ‖x‖² + ‖μ‖². Whether it does depends on the row and
 *  the component alone.
 *  tile (about the origin, [quads][d][4], in), norms (‖x‖², [quads][4], in), panels (−2·μ about the origin, [⌈k/4⌉][d][4], in); x (count rows) and means
 *  (k), both row-major, as they are (in). out ([quads][k][4], out), at least `least`: 0, which rounding may miss, or −∞ where norms are left out. */
export function originSquares(
  tile: usize, quads: i32, d: i32, norms: usize, panels: usize, x: usize, count: i32, means: usize, table: usize, k: i32, least: f64, out: usize,
): void {
  const quadBytes = <usize>d << 5, rowBytes = <usize>d << 3;
  const limit = load<f64>(table);
  const squares = table + 8;
  let someFar = false;
  for (let c = 0; c < k; c++) someFar = someFar || load<f64>(squares + (<usize>c << 4), 8) != 0;
  for (let q = 0; q < quads; q++, tile += quadBytes, norms += 32) {
    const end = tile + quadBytes;
    let p = panels, o = out, s = squares;
    for (let c = k; c > 0; c -= 4, o += 128, s += 64) {
      const n0 = v128.load(norms), n1 = v128.load(norms, 16); // again each time: the loops need all registers
      let m = v128.load64_splat(s);
      let a0 = f64x2.add(n0, m), a1 = f64x2.add(n1, m);
      m = v128.load64_splat(s, 16);
      let b0 = f64x2.add(n0, m), b1 = f64x2.add(n1, m);
      if (c > 2) {
        m = v128.load64_splat(s, 32);
        let c0 = f64x2.add(n0, m), c1 = f64x2.add(n1, m);
        m = v128.load64_splat(s, 48);
        let d0 = f64x2.add(n0, m), d1 = f64x2.add(n1, m);
        for (let at = tile; at < end; at += 32) {
          const x0 = v128.load(at), x1 = v128.load(at, 16);
          m = v128.load64_splat(p);
          a0 = f64x2.add(a0, f64x2.mul(x0, m)); a1 = f64x2.add(a1, f64x2.mul(x1, m));
          m = v128.load64_splat(p, 8);
          b0 = f64x2.add(b0, f64x2.mul(x0, m)); b1 = f64x2.add(b1, f64x2.mul(x1, m));
          m = v128.load64_splat(p, 16);
          c0 = f64x2.add(c0, f64x2.mul(x0, m)); c1 = f64x2.add(c1, f64x2.mul(x1, m));
          m = v128.load64_splat(p, 24);
          d0 = f64x2.add(d0, f64x2.mul(x0, m)); d1 = f64x2.add(d1, f64x2.mul(x1, m));
          p += 32;
        }
        v128.store(o, f64x2.pmax(c0, f64x2.splat(least)), 64); v128.store(o, f64x2.pmax(c1, f64x2.splat(least)), 80);
        if (c > 3) { v128.store(o, f64x2.pmax(d0, f64x2.splat(least)), 96); v128.store(o, f64x2.pmax(d1, f64x2.splat(least)), 112); }
      } else {
        for (let at = tile; at < end; at += 32) {
          const x0 = v128.load(at), x1 = v128.load(at, 16);
          m = v128.load64_splat(p);
          a0 = f64x2.add(a0, f64x2.mul(x0, m)); a1 = f64x2.add(a1, f64x2.mul(x1, m));
          m = v128.load64_splat(p, 8);
          b0 = f64x2.add(b0, f64x2.mul(x0, m)); b1 = f64x2.add(b1, f64x2.mul(x1, m));
          p += 32;
        }
      }
      v128.store(o, f64x2.pmax(a0, f64x2.splat(least))); v128.store(o, f64x2.pmax(a1, f64x2.splat(least)), 16);
      if (c > 1) { v128.store(o, f64x2.pmax(b0, f64x2.splat(least)), 32); v128.store(o, f64x2.pmax(b1, f64x2.splat(least)), 48); }
    }
    const near = f64x2.splat(limit);
    const farRows = v128.any_true(v128.or(f64x2.gt(v128.load(norms), near), f64x2.gt(v128.load(norms, 16), near)));
    if (someFar || farRows) {
      for (let c = 0; c < k; c++) {
        const at = squares + (<usize>c << 4), row = out + (<usize>c << 5);
        const far = load<f64>(at, 8) != 0;
        if (!far && !farRows) continue;
        for (let i = 0; i < 4; i++) {
          const norm = load<f64>(norms + (<usize>i << 3)), square = row + (<usize>i << 3);
          if ((far || norm > limit) && !(load<f64>(square) >= FAR_SHARE * (norm + load<f64>(at)))) {
            store<f64>(square, squaredDistance(x + <usize>min(4 * q + i, count - 1) * rowBytes, means + <usize>c * rowBytes, rowBytes));
          }
        }
      }
    }
    out += <usize>k << 5;
  }
}

/** Bytes from eight features of all rows of a block (`rows`) to the next eight: a line more, so that those of a row do not meet in one set of the cache. */
export function panelBytesOf(rows: i32): usize {
  return (<usize>rows << 6) + 64;
}

/** Bytes of the rows of a block about the origin, eight features of each after the other. */
export function centredBytes(rows: i32, d: i32): usize {
  return panelBytesOf(rows) * <usize>((d + 7) >> 3);
}

/** Reads rows of x (count×d, row-major, in) once, and lays them out twice: less `origin` (d, in) to z ([⌈d/8⌉][rows][8], `panelBytes` a panel, out; features
 *  past d are left as they are), and as a tile ([quads][d][4], out), `centred` or as they are. Their squared distances from the origin, if centred, to
 *  norms ([quads][4], out). The last quad is filled with the last row. */
export function layOut(x: usize, count: i32, d: i32, origin: usize, centred: bool, z: usize, panelBytes: usize, tile: usize, norms: usize): void {
  const rowBytes = <usize>d << 3, last = x + <usize>(count - 1) * rowBytes;
  const even = rowBytes & ~15;
  const mask = i64x2.splat(-<i64>centred);
  for (; x <= last; x += 4 * rowBytes, z += 256, norms += 32) {
    const r1 = min(x + rowBytes, last), r2 = min(r1 + rowBytes, last), r3 = min(r2 + rowBytes, last);
    let n0 = f64x2.splat(0), n1 = n0;
    let to = z;
    for (let j: usize = 0; j < even; j += 16) {
      const o = v128.load(origin + j), own = v128.and(o, mask);
      let a = v128.load(x + j), b = v128.load(r1 + j), c = v128.load(r2 + j), e = v128.load(r3 + j);
      v128.store(to, f64x2.sub(a, o)); v128.store(to, f64x2.sub(b, o), 64);
      v128.store(to, f64x2.sub(c, o), 128); v128.store(to, f64x2.sub(e, o), 192);
      a = f64x2.sub(a, own); b = f64x2.sub(b, own); c = f64x2.sub(c, own); e = f64x2.sub(e, own);
      let t0 = v128.shuffle<f64>(a, b, 0, 2), t1 = v128.shuffle<f64>(c, e, 0, 2);
      n0 = f64x2.add(n0, f64x2.mul(t0, t0)); n1 = f64x2.add(n1, f64x2.mul(t1, t1));
      v128.store(tile, t0); v128.store(tile, t1, 16);
      t0 = v128.shuffle<f64>(a, b, 1, 3); t1 = v128.shuffle<f64>(c, e, 1, 3);
      n0 = f64x2.add(n0, f64x2.mul(t0, t0)); n1 = f64x2.add(n1, f64x2.mul(t1, t1));
      v128.store(tile, t0, 32); v128.store(tile, t1, 48);
      tile += 64;
      to += (j & 48) == 48 ? panelBytes - 48 : 16;
    }
    if (even < rowBytes) {
      const o = v128.load64_zero(origin + even), own = v128.and(o, mask);
      let a = v128.load64_zero(x + even), b = v128.load64_zero(r1 + even), c = v128.load64_zero(r2 + even), e = v128.load64_zero(r3 + even);
      v128.store(to, f64x2.sub(a, o)); v128.store(to, f64x2.sub(b, o), 64);
      v128.store(to, f64x2.sub(c, o), 128); v128.store(to, f64x2.sub(e, o), 192);
      const t0 = f64x2.sub(v128.shuffle<f64>(a, b, 0, 2), v128.shuffle<f64>(own, own, 0, 0)), t1 = f64x2.sub(v128.shuffle<f64>(c, e, 0, 2), v128.shuffle<f64>(own, own, 0, 0));
      n0 = f64x2.add(n0, f64x2.mul(t0, t0)); n1 = f64x2.add(n1, f64x2.mul(t1, t1));
      v128.store(tile, t0); v128.store(tile, t1, 16);
      tile += 32;
    }
    v128.store(norms, n0); v128.store(norms, n1, 16);
  }
}

/** Lists the rows of a block that a component has a share in: 16 bytes each, r and the row's address. r (count, in), rows `rowBytes` apart from `row`
 *  on. Returns the end of the list. */
export function listRows(r: usize, count: i32, row: usize, rowBytes: usize, list: usize): usize {
  for (const end = r + (<usize>count << 3); r < end; r += 8, row += rowBytes) {
    const bits = load<u64>(r);
    store<u64>(list, bits);
    store<usize>(list, row, 8);
    list += <usize>(bits != 0) << 4;
  }
  return list;
}

/** Adds Σ r·t to `first` (d, inout) and, if `second` is not 0, Σ r·t² to it (d, inout) over listed rows (`listRows`, in, with 56 bytes
 *  of room behind); t = x − anchor (d, in). Eight features of a row are `step` bytes before the next eight. SIMD runs across features: rows are read where they lie, those without a share are not, and nothing is summed horizontally. */
export function addListed(list: usize, end: usize, d: i32, step: usize, anchor: usize, first: usize, second: usize): void {
  let j: usize = 0, at: usize = 0; // of a feature in sums, and in rows
  const bytes = <usize>d << 3;
  if (second == 0) {
    for (; j + 64 <= bytes; j += 64, at += step) {
      const m0 = v128.load(anchor + j), m1 = v128.load(anchor + j, 16), m2 = v128.load(anchor + j, 32), m3 = v128.load(anchor + j, 48);
      let a0 = v128.load(first + j), a1 = v128.load(first + j, 16), a2 = v128.load(first + j, 32), a3 = v128.load(first + j, 48);
      for (let p = list; p < end; p += 16) {
        const x = load<usize>(p, 8) + at;
        const r = v128.load64_splat(p);
        a0 = f64x2.add(a0, f64x2.mul(r, f64x2.sub(v128.load(x), m0)));
        a1 = f64x2.add(a1, f64x2.mul(r, f64x2.sub(v128.load(x, 16), m1)));
        a2 = f64x2.add(a2, f64x2.mul(r, f64x2.sub(v128.load(x, 32), m2)));
        a3 = f64x2.add(a3, f64x2.mul(r, f64x2.sub(v128.load(x, 48), m3)));
      }
      v128.store(first + j, a0); v128.store(first + j, a1, 16); v128.store(first + j, a2, 32); v128.store(first + j, a3, 48);
    }
    if (j == bytes) return;
    second = end - j; // up to seven features more, together with squares that nobody reads: four at a time
  }
  for (; j + 32 <= bytes; at += j & 32 ? step - 32 : 32, j += 32) {
    const m0 = v128.load(anchor + j), m1 = v128.load(anchor + j, 16);
    let a0 = v128.load(first + j), b0 = v128.load(second + j), a1 = v128.load(first + j, 16), b1 = v128.load(second + j, 16);
    for (let p = list; p < end; p += 16) {
      const x = load<usize>(p, 8) + at;
      const r = v128.load64_splat(p);
      let t = f64x2.sub(v128.load(x), m0), rt = f64x2.mul(r, t);
      a0 = f64x2.add(a0, rt); b0 = f64x2.add(b0, f64x2.mul(rt, t));
      t = f64x2.sub(v128.load(x, 16), m1); rt = f64x2.mul(r, t);
      a1 = f64x2.add(a1, rt); b1 = f64x2.add(b1, f64x2.mul(rt, t));
    }
    v128.store(first + j, a0); v128.store(second + j, b0); v128.store(first + j, a1, 16); v128.store(second + j, b1, 16);
  }
  for (; j < bytes; j += 8, at += 8) {
    const m = load<f64>(anchor + j);
    let a = load<f64>(first + j), b = load<f64>(second + j);
    for (let p = list; p < end; p += 16) {
      const t = load<f64>(load<usize>(p, 8) + at) - m, rt = load<f64>(p) * t;
      a += rt; b += rt * t;
    }
    store<f64>(first + j, a); store<f64>(second + j, b);
  }
}

/** Bytes from the responsibilities of a component to those of the next: as many as the longest block has rows, and a line, so that they do not meet in one
 *  set of the cache. */
export const COLUMN: usize = (256 << 3) + 64;
/** Bytes of the longest list of rows, with all of them. */
export const LIST_BYTES: usize = 3 * COLUMN + (256 << 6);

/** How many rows are listed for one of two neighbouring components, whose responsibilities are r and COLUMN behind (count, in): those in which either has
 *  a share, both responsibilities as in r, and the row's address (rows 64 bytes apart from `row` on) at 2·COLUMN (list, out); or -1 where few do not
 *  belong in it, and all rows are better taken: choosing takes as long as what `addPairs` does with four features. */
export function listPairs(r: usize, count: i32, d: i32, row: usize, list: usize): i32 {
  const zero = f64x2.splat(0);
  let none = zero; // −1 for each row without a share
  for (let at = r, end = r + (<usize>count << 3); at < end; at += 16) {
    none = i64x2.add(none, i64x2.eq(v128.or(v128.load(at), v128.load(at, COLUMN)), zero));
  }
  if (d * -<i32>(i64x2.extract_lane(none, 0) + i64x2.extract_lane(none, 1)) <= 4 * count) return -1;
  let n = list;
  for (const end = r + (<usize>count << 3); r < end; r += 8, row += 64) {
    const a = load<u64>(r), b = load<u64>(r, COLUMN);
    store<u64>(n, a);
    store<u64>(n, b, COLUMN);
    store<usize>(n, row, 2 * COLUMN);
    n += <usize>((a | b) != 0) << 3;
  }
  return <i32>((n - list) >> 3);
}

/** Copies eight features of listed rows (`listPairs`, in), `offset` bytes behind their addresses, one after the other to `out`. */
export function gatherListed(list: usize, count: i32, offset: usize, out: usize): void {
  list += 2 * COLUMN;
  for (const end = list + (<usize>count << 3); list < end; list += 8, out += 64) {
    const row = load<usize>(list) + offset;
    const a = v128.load(row), b = v128.load(row, 16), c = v128.load(row, 32), e = v128.load(row, 48);
    v128.store(out, a); v128.store(out, b, 16); v128.store(out, c, 32); v128.store(out, e, 48);
  }
}

/** Adds v to two values at `to` (inout), or to one or none where no more features are left. */
function addPair(to: usize, v: v128, left: i32): void {
  if (left > 1) v128.store(to, f64x2.add(v128.load(to), v));
  else if (left == 1) store<f64>(to, load<f64>(to) + f64x2.extract_lane(v, 0));
}

/** Adds Σ r·x of up to eight features (`left` of the component's are left) to `first` (inout) and, unless `second` is 0, Σ r·x² `second` bytes behind, over
 *  rows x ([count][8], in) of one component (r: count, in); for another, whose r are COLUMN behind, `each` bytes further on. Two components at a time,
 *  for what is loaded of a row. */
export function addPairs(r: usize, x: usize, count: i32, left: i32, first: usize, second: usize, each: usize): void {
  const end = r + (<usize>count << 3);
  if (second != 0) {
    for (let half = x; half < x + 64 && left > 0; half += 32, left -= 4, first += 32) {
      let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
      for (let p = r, at = half; p < end; p += 8, at += 64) {
        const x0 = v128.load(at), x1 = v128.load(at, 16);
        let r = v128.load64_splat(p), t = f64x2.mul(r, x0);
        a0 = f64x2.add(a0, t); b0 = f64x2.add(b0, f64x2.mul(t, x0));
        t = f64x2.mul(r, x1);
        a1 = f64x2.add(a1, t); b1 = f64x2.add(b1, f64x2.mul(t, x1));
        r = v128.load64_splat(p, COLUMN); t = f64x2.mul(r, x0);
        c0 = f64x2.add(c0, t); d0 = f64x2.add(d0, f64x2.mul(t, x0));
        t = f64x2.mul(r, x1);
        c1 = f64x2.add(c1, t); d1 = f64x2.add(d1, f64x2.mul(t, x1));
      }
      addPair(first, a0, left); addPair(first + 16, a1, left - 2);
      addPair(first + second, b0, left); addPair(first + second + 16, b1, left - 2);
      const other = first + each;
      addPair(other, c0, left); addPair(other + 16, c1, left - 2);
      addPair(other + second, d0, left); addPair(other + second + 16, d1, left - 2);
    }
    return;
  }
  let a0 = f64x2.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  for (; r < end; r += 8, x += 64) {
    const x0 = v128.load(x), x1 = v128.load(x, 16), x2 = v128.load(x, 32), x3 = v128.load(x, 48);
    let s = v128.load64_splat(r);
    a0 = f64x2.add(a0, f64x2.mul(s, x0)); a1 = f64x2.add(a1, f64x2.mul(s, x1));
    a2 = f64x2.add(a2, f64x2.mul(s, x2)); a3 = f64x2.add(a3, f64x2.mul(s, x3));
    s = v128.load64_splat(r, COLUMN);
    b0 = f64x2.add(b0, f64x2.mul(s, x0)); b1 = f64x2.add(b1, f64x2.mul(s, x1));
    b2 = f64x2.add(b2, f64x2.mul(s, x2)); b3 = f64x2.add(b3, f64x2.mul(s, x3));
  }
  addPair(first, a0, left); addPair(first + 16, a1, left - 2);
  addPair(first + 32, a2, left - 4); addPair(first + 48, a3, left - 6);
  const other = first + each;
  addPair(other, b0, left); addPair(other + 16, b1, left - 2);
  addPair(other + 32, b2, left - 4); addPair(other + 48, b3, left - 6);
}
