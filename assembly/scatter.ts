// Second moments Σ r·[t,1][t,1]ᵀ of a component over a block of rows, t = x − anchor: the M-step of whole covariance matrices.
// Rows that belong to it are gathered as s = √r·t in panels of four features, [⌈d/4⌉][SCATTER_ROWS][4], so that Σ s·sᵀ is a matrix product in
// register tiles of four features (splat) by four (in lanes): nothing is summed across lanes, and rows with r = 0 cost nothing and change no bit.
// Where components share what t is taken from, panels of t do for all, and r·t stands in the place of one s.

/** Most rows that are gathered at a time. */
export const SCATTER_ROWS: i32 = 128;
/** Features whose panels meet all later ones before the next do: they stay in the second-level cache. */
const TOGETHER: i32 = 128;
const PANEL: usize = (<usize>SCATTER_ROWS << 5) + 64; // a line more than 4 KiB: panels must not meet in one set of the cache

/** Bytes of the panels of up to SCATTER_ROWS rows. */
export function scatterPanels(d: i32): usize {
  return <usize>((d + 3) >> 2) * PANEL;
}

/** Bytes of scratch that `addScatter` needs. */
export function scatterScratch(d: i32): usize {
  return scatterPanels(d) + <usize>SCATTER_ROWS * 12;
}

/** Rows of a block (`count` ≤ SCATTER_ROWS, row-major, in) less `origin` (d, in) in panels, for components whose moments are about it. */
export function shareRows(block: usize, count: i32, d: i32, origin: usize, panels: usize, scratch: usize): void {
  const rows = scratch + (<usize>SCATTER_ROWS << 3);
  for (let i = 0; i < count; i++) put(scratch, rows, i, 1, block + (<usize>(i * d) << 3));
  gather(rows, count, d, scratch, origin, panels);
}

/** Of six rows more than one with no share in a component: gathering the others takes less time than scaling all. */
const SIXTH: i32 = 6;

/** Adds the moments of up to SCATTER_ROWS rows x (×d, row-major, in) with responsibilities r (in quads, 0 past the last row, in) about `anchor` (d, in) to out (lower triangle of (d+1)×(d+1), row after row, inout).
 *  `shared` where it is not 0: panels of the rows less the anchor (`shareRows`, in): then Σ (r·t)·tᵀ is taken where nearly all rows belong to the component.
 *  Error: √r and its product with t, or r·t, are rounded, so a summand is off by 5·2⁻⁵³ of itself at most; Σ r is of the r as they are. */
export function addScatter(x: usize, quads: i32, d: i32, r: usize, anchor: usize, shared: usize, out: usize, scratch: usize): void {
  const list = scratch; // √r of the rows that belong to it
  const rows = list + (<usize>SCATTER_ROWS << 3); // and their addresses
  const panels = rows + (<usize>SCATTER_ROWS << 2);
  const rowBytes = <usize>d << 3;
  const zero = f64x2.splat(0);
  let t0 = zero, t1 = zero, none = zero;
  for (let p = r, end = r + (<usize>quads << 5); p < end; p += 32) {
    const r0 = v128.load(p), r1 = v128.load(p, 16);
    t0 = f64x2.add(t0, r0);
    t1 = f64x2.add(t1, r1);
    none = i64x2.add(none, i64x2.add(f64x2.eq(r0, zero), f64x2.eq(r1, zero)));
  }
  const without = -<i32>(i64x2.extract_lane(none, 0) + i64x2.extract_lane(none, 1));
  let m = 4 * quads, roots = r, others = shared;
  if (without == m) return;
  const dense = shared != 0 && without * SIXTH <= m;
  if (!dense) {
    m = 0;
    for (let q = 0, p = r; q < quads; q++, p += 32, x += 4 * rowBytes) {
      const r0 = v128.load(p), r1 = v128.load(p, 16);
      if (!v128.any_true(v128.or(r0, r1))) continue;
      const s0 = f64x2.sqrt(r0), s1 = f64x2.sqrt(r1); // here, where dividers have time: in a loop of their own roots cost 1 ns each
      m += put(list, rows, m, f64x2.extract_lane(s0, 0), x);
      m += put(list, rows, m, f64x2.extract_lane(s0, 1), x + rowBytes);
      m += put(list, rows, m, f64x2.extract_lane(s1, 0), x + 2 * rowBytes);
      m += put(list, rows, m, f64x2.extract_lane(s1, 1), x + 3 * rowBytes);
    }
    gather(rows, m, d, list, anchor, panels);
    roots = list;
    others = panels;
  }
  const last = out + (<usize>(d * (d + 1)) << 2); // Σ r·t, then Σ r
  for (let begin = 0; begin < d; begin += TOGETHER) {
    const firstOther = others + <usize>(begin >> 2) * PANEL;
    let own = firstOther;
    for (let i = begin; i < d; i += 4, own += PANEL) {
      const a = dense ? panels : own;
      if (dense) scale(own, m, r, a);
      const end = min(begin + TOGETHER, i);
      let b = firstOther;
      if (d - i > 2) {
        for (let j = begin; j < end; j += 4, b += PANEL) offDiagonal(a, b, m, i, j, d, out);
        if (i < begin + TOGETHER) diagonal(a, own, roots, m, i, d, out, last + (<usize>i << 3));
      } else {
        for (let j = begin; j < end; j += 4, b += PANEL) lastOffDiagonal(a, b, m, i, j, d, out);
        if (i < begin + TOGETHER) lastDiagonal(a, own, roots, m, i, d, out, last + (<usize>i << 3));
      }
    }
  }
  store<f64>(last + rowBytes, load<f64>(last + rowBytes) + (f64x2.extract_lane(t0, 0) + f64x2.extract_lane(t0, 1) + (f64x2.extract_lane(t1, 0) + f64x2.extract_lane(t1, 1))));
}

/** r·t of m rows, four features. */
// @ts-ignore: decorator
@inline
function scale(t: usize, m: i32, r: usize, out: usize): void {
  for (const end = r + (<usize>m << 3); r < end; r += 8, t += 32, out += 32) {
    const v = v128.load64_splat(r);
    v128.store(out, f64x2.mul(v, v128.load(t)));
    v128.store(out, f64x2.mul(v, v128.load(t, 16)), 16);
  }
}

/** Puts a row at place m of the list, and returns how many it has grown by. */
// @ts-ignore: decorator
@inline
function put(roots: usize, rows: usize, m: i32, root: f64, x: usize): i32 {
  store<f64>(roots + (<usize>m << 3), root);
  store<u32>(rows + (<usize>m << 2), <u32>x);
  return i32(root != 0);
}

/** √r·(x − anchor) of m rows into panels; places of features past d are never read back. Two panels at a time: a line of a row is read once,
 *  since rows of a length like 64 all fall into a few sets of the cache. */
function gather(rows: usize, m: i32, d: i32, roots: usize, anchor: usize, panels: usize): void {
  const bytes = <usize>m << 5;
  let offset: usize = 0;
  for (let j = 8; j <= d; j += 8, panels += 2 * PANEL, offset += 64) {
    const at = anchor + offset;
    const a0 = v128.load(at), a1 = v128.load(at, 16), a2 = v128.load(at, 32), a3 = v128.load(at, 48);
    let row = rows, root = roots;
    for (let to = panels, end = panels + bytes; to < end; to += 32, row += 4, root += 8) {
      const x = <usize>load<u32>(row) + offset;
      const w = v128.load64_splat(root);
      const x0 = v128.load(x), x1 = v128.load(x, 16), x2 = v128.load(x, 32), x3 = v128.load(x, 48);
      v128.store(to, f64x2.mul(w, f64x2.sub(x0, a0)));
      v128.store(to, f64x2.mul(w, f64x2.sub(x1, a1)), 16);
      v128.store(to, f64x2.mul(w, f64x2.sub(x2, a2)), PANEL);
      v128.store(to, f64x2.mul(w, f64x2.sub(x3, a3)), PANEL + 16);
    }
  }
  if (d & 4) {
    const a0 = v128.load(anchor + offset), a1 = v128.load(anchor + offset, 16);
    let row = rows, root = roots;
    for (let to = panels, end = panels + bytes; to < end; to += 32, row += 4, root += 8) {
      const x = <usize>load<u32>(row) + offset;
      const w = v128.load64_splat(root);
      const x0 = v128.load(x), x1 = v128.load(x, 16);
      v128.store(to, f64x2.mul(w, f64x2.sub(x0, a0)));
      v128.store(to, f64x2.mul(w, f64x2.sub(x1, a1)), 16);
    }
    panels += PANEL; offset += 32;
  }
  if (d & 3) {
    anchor += offset;
    const second = (d & 3) > 1 ? <usize>8 : 0, third = (d & 3) > 2 ? <usize>16 : 0; // copies of the first stand for features past d
    const a0 = f64x2.replace_lane(v128.load64_splat(anchor), 1, load<f64>(anchor + second)), a1 = v128.load64_splat(anchor + third);
    for (let to = panels, end = panels + bytes; to < end; to += 32, rows += 4, roots += 8) {
      const x = <usize>load<u32>(rows) + offset;
      const w = v128.load64_splat(roots);
      v128.store(to, f64x2.mul(w, f64x2.sub(v128.load64_lane(x + second, v128.load64_zero(x), 1), a0)));
      if (third != 0) v128.store(to, f64x2.mul(w, f64x2.sub(v128.load64_splat(x + third), a1)), 16);
    }
  }
}

// @ts-ignore: decorator
@inline
function add2(address: usize, v: v128): void {
  v128.store(address, f64x2.add(v128.load(address), v));
}

// @ts-ignore: decorator
@inline
function add1(address: usize, v: v128): void {
  store<f64>(address, load<f64>(address) + f64x2.extract_lane(v, 0));
}

/** Address of entry (i, j) of a packed lower triangle. */
// @ts-ignore: decorator
@inline
function entry(out: usize, i: i32, j: i32): usize {
  return out + (<usize>(((i * (i + 1)) >> 1) + j) << 3);
}

/** Features i … i+3 (panel a) with features j … j+3 (panel b), j + 3 < i. */
function offDiagonal(a: usize, b: usize, m: i32, i: i32, j: i32, d: i32, out: usize): void {
  let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  const end = a + (<usize>m << 5);
  for (; a < end; a += 32, b += 32) {
    const y0 = v128.load(b), y1 = v128.load(b, 16);
    let s = v128.load64_splat(a);
    a0 = f64x2.add(a0, f64x2.mul(s, y0)); a1 = f64x2.add(a1, f64x2.mul(s, y1));
    s = v128.load64_splat(a, 8);
    b0 = f64x2.add(b0, f64x2.mul(s, y0)); b1 = f64x2.add(b1, f64x2.mul(s, y1));
    s = v128.load64_splat(a, 16);
    c0 = f64x2.add(c0, f64x2.mul(s, y0)); c1 = f64x2.add(c1, f64x2.mul(s, y1));
    s = v128.load64_splat(a, 24);
    d0 = f64x2.add(d0, f64x2.mul(s, y0)); d1 = f64x2.add(d1, f64x2.mul(s, y1));
  }
  let to = entry(out, i, j);
  add2(to, a0); add2(to + 16, a1);
  to = entry(out, i + 1, j); add2(to, b0); add2(to + 16, b1);
  to = entry(out, i + 2, j); add2(to, c0); add2(to + 16, c1);
  if (i + 3 < d) { to = entry(out, i + 3, j); add2(to, d0); add2(to + 16, d1); }
}

/** The same where i is the last feature or the last but one. */
function lastOffDiagonal(a: usize, b: usize, m: i32, i: i32, j: i32, d: i32, out: usize): void {
  let a0 = f64x2.splat(0), a1 = a0, b0 = a0, b1 = a0;
  const end = a + (<usize>m << 5);
  for (; a < end; a += 32, b += 32) {
    const y0 = v128.load(b), y1 = v128.load(b, 16);
    let s = v128.load64_splat(a);
    a0 = f64x2.add(a0, f64x2.mul(s, y0)); a1 = f64x2.add(a1, f64x2.mul(s, y1));
    s = v128.load64_splat(a, 8);
    b0 = f64x2.add(b0, f64x2.mul(s, y0)); b1 = f64x2.add(b1, f64x2.mul(s, y1));
  }
  let to = entry(out, i, j);
  add2(to, a0); add2(to + 16, a1);
  if (i + 1 < d) { to = entry(out, i + 1, j); add2(to, b0); add2(to + 16, b1); }
}

/** Features i … i+3 (panels a and b) with each other, and those of b with `roots` for Σ r·t (to `first`). */
function diagonal(a: usize, b: usize, roots: usize, m: i32, i: i32, d: i32, out: usize, first: usize): void {
  let a0 = f64x2.splat(0), b0 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0, s0 = a0, s1 = a0;
  const end = a + (<usize>m << 5);
  for (; a < end; a += 32, b += 32, roots += 8) {
    const y0 = v128.load(b), y1 = v128.load(b, 16);
    a0 = f64x2.add(a0, f64x2.mul(v128.load(a), y0));
    b0 = f64x2.add(b0, f64x2.mul(v128.load64_splat(a, 8), y0));
    let s = v128.load64_splat(a, 16);
    c0 = f64x2.add(c0, f64x2.mul(s, y0)); c1 = f64x2.add(c1, f64x2.mul(s, y1));
    s = v128.load64_splat(a, 24);
    d0 = f64x2.add(d0, f64x2.mul(s, y0)); d1 = f64x2.add(d1, f64x2.mul(s, y1));
    s = v128.load64_splat(roots);
    s0 = f64x2.add(s0, f64x2.mul(s, y0)); s1 = f64x2.add(s1, f64x2.mul(s, y1));
  }
  add1(entry(out, i, i), a0);
  add2(entry(out, i + 1, i), b0);
  let to = entry(out, i + 2, i);
  add2(to, c0); add1(to + 16, c1);
  add2(first, s0);
  if (i + 3 < d) {
    to = entry(out, i + 3, i);
    add2(to, d0); add2(to + 16, d1);
    add2(first + 16, s1);
  } else {
    add1(first + 16, s1);
  }
}

/** The same where i is the last feature or the last but one. */
function lastDiagonal(a: usize, b: usize, roots: usize, m: i32, i: i32, d: i32, out: usize, first: usize): void {
  let a0 = f64x2.splat(0), b0 = a0, s0 = a0;
  const end = a + (<usize>m << 5);
  for (; a < end; a += 32, b += 32, roots += 8) {
    const y0 = v128.load(b);
    a0 = f64x2.add(a0, f64x2.mul(v128.load64_splat(a), y0));
    b0 = f64x2.add(b0, f64x2.mul(v128.load64_splat(a, 8), y0));
    s0 = f64x2.add(s0, f64x2.mul(v128.load64_splat(roots), y0));
  }
  add1(entry(out, i, i), a0);
  if (i + 1 < d) {
    add2(entry(out, i + 1, i), b0);
    add2(first, s0);
  } else {
    add1(first, s0);
  }
}
