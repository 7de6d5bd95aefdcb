// Squared Euclidean distances in the difference form Σ_j (x_j − c_j)², j ascending: the canonical distance of the project.
// It does not cancel (relative error ≤ (d + 2)·2^−53), so data need no centring, and two code paths that follow this order
// of operations agree to the last bit.
import { touch } from "./tile";

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

/** A squared distance of at least this share of ‖x‖² + ‖c‖² is as good expanded as term by term, to a few roundings of 2⁻⁵³ more a feature. */
export const FAR_SHARE: f64 = 0.125;

/** Squares that are not above this, 2^−900, are not expanded: products may underflow. */
const TINY: f64 = 1.1830521861667747e-271;

/** Up to so many features `transform` takes the difference form at once: half the time at d = 2, where many squares are small. */
const FEW: i32 = 3;

/** From so many features on, rows that are read side by side are brought into the cache at once. */
const TOUCH_FROM: i32 = 32;

/** Bytes of scratch that `transform` needs. */
export function transformScratch(d: i32, k: i32): usize {
  // centers and four rows about the origin, each four with their squares behind · what is far of these rows · blocks, before them one that is not read
  return (<usize>((k + 3) >> 2) * <usize>(d + 5) + <usize>d + 6) << 5;
}

/** Pass: Euclidean distances of rows [start, end) of x (n×d, in) to k centers (k×d, and as panels [⌈k/4⌉][d][4], in), written to `out` (n×k, row-major, out).
 *  `origin` (d, in): a point near the centers. `broken` (i32, out): 1 where the squares of a row are not finite, so that some value may not be.
 *
 *  Squares are expanded about the origin, s = N − 2·t·b with N = ‖t‖² + ‖b‖², t = x − origin and b = c − origin: two operations a feature where the difference
 *  form takes three. What is not above FAR_SHARE·N + TINY is taken in the difference form after all. So s errs by at most a relative (24·d + 64)·2^−53, a distance by
 *  half of that: with u = 2^−53, the two squares err by d·u·N, the d additions to N, none of which exceeds 2N, and their products by 2·(d + 1)·u·N, rounding
 *  t and b adds 2·‖t − b‖·u·(‖t‖ + ‖b‖) ≤ 4·u·N, N itself u·N; together (3·d + 7)·u·N but for terms of u², and N < 8·s. A NaN, and an infinite N, are not above
 *  either. Which form is taken depends on row and center alone, and a row that equals a center is at distance 0. */
export function transform(
  x: usize, d: i32, k: i32, centers: usize, panels: usize, origin: usize, out: usize, broken: usize, start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const groups = (k + 3) >> 2;
  const panelBytes = <usize>d << 5, xBytes = <usize>d << 3, rowBytes = <usize>k << 3;
  const quad = scratch + <usize>groups * (panelBytes + 32);
  const norms = quad + panelBytes;
  const unread = norms + 64;
  const blocks = unread + 128;
  let most: f64 = 0;
  for (let p = scratch, c = centers; p < quad; c += 4 * xBytes) {
    centreFour(c, centers + <usize>(k - 1) * xBytes, d, origin, p);
    for (const end = p + panelBytes; p < end; p += 16) v128.store(p, f64x2.mul(v128.load(p), f64x2.splat(-2)));
    for (const end = p + 32; p < end; p += 8) most = max(most, load<f64>(p));
  }
  let to = out + <usize>start * rowBytes;
  const last = x + <usize>(end - 1) * xBytes;
  for (let row = x + <usize>start * xBytes; row <= last; row += 4 * xBytes) {
    if (d >= TOUCH_FROM) touch(row, min(row + 4 * xBytes, last + xBytes), unread);
    centreFour(row, last, d, origin, quad);
    const far0 = farFrom(f64x2.add(v128.load(norms), f64x2.splat(most))), far1 = farFrom(f64x2.add(v128.load(norms, 16), f64x2.splat(most)));
    v128.store(norms, far0, 32); v128.store(norms, far1, 48);
    if (!i64x2.all_true(f64x2.lt(f64x2.add(far0, far1), f64x2.splat(Infinity)))) store<i32>(broken, 1);
    if (d > FEW) expandedRoots(quad, d, scratch, groups, blocks, row, last, panels);
    else canonicalSquares(row, last, d, panels, groups, 0, 0, blocks);
    for (let r = row, block = blocks; r < row + 4 * xBytes && r <= last; r += xBytes, block += 32) {
      let from = block;
      const four = to + (rowBytes & ~31), final = to + rowBytes;
      for (; to < four; to += 32, from += 128) {
        v128.store(to, v128.load(from)); v128.store(to, v128.load(from, 16), 16);
      }
      for (; to < final; to += 8, from += 8) store<f64>(to, load<f64>(from));
    }
  }
}

/** Above what a square stays as it was expanded, where N is ‖t‖² + ‖b‖². */
// @ts-ignore: decorator
@inline
function farFrom(N: v128): v128 {
  return f64x2.add(f64x2.mul(N, f64x2.splat(FAR_SHARE)), f64x2.splat(TINY));
}

/** Distances of a quad about the origin ([d][4], then ‖t‖² and `farFrom` of it and the largest ‖b‖², 4 each, in) to every center (panels of −2·b, [d][4], each with ‖b‖²
 *  behind, in): `blocks` ([groups][4 rows][4 centers], out; the block before them is room that is not read). The rows as they are (`row`, one after the other, none
 *  after `last`) and the centers (`raw`, in) are for what is near. Exported, so not inlined: what else is in registers costs the loop half of its speed (V8).
 *  The roots of a block are taken while the next is summed: they take as long as a fifth (d = 64) to four fifths (d = 16) of it, by themselves. */
export function expandedRoots(quad: usize, d: i32, panels: usize, groups: i32, blocks: usize, row: usize, last: usize, raw: usize): void {
  const norms = quad + (<usize>d << 5), first = quad + (<usize>min(d, 8) << 5);
  const panelBytes = <usize>d << 5;
  let roots = blocks - 128;
  for (let g = 0; g < groups; g++, panels += 32, raw += panelBytes) {
    const squares = panels + panelBytes;
    const m0 = v128.load(squares), m1 = v128.load(squares, 16);
    let n = v128.load64_splat(norms);
    let a0 = f64x2.add(n, m0), a1 = f64x2.add(n, m1);
    n = v128.load64_splat(norms, 8);
    let b0 = f64x2.add(n, m0), b1 = f64x2.add(n, m1);
    n = v128.load64_splat(norms, 16);
    let c0 = f64x2.add(n, m0), c1 = f64x2.add(n, m1);
    n = v128.load64_splat(norms, 24);
    let d0 = f64x2.add(n, m0), d1 = f64x2.add(n, m1);
    let t = quad;
    for (; t < first; t += 32, panels += 32, roots += 16) {
      v128.store(roots, f64x2.sqrt(v128.load(roots)));
      const p0 = v128.load(panels), p1 = v128.load(panels, 16);
      let v = v128.load64_splat(t);
      a0 = f64x2.add(a0, f64x2.mul(p0, v)); a1 = f64x2.add(a1, f64x2.mul(p1, v));
      v = v128.load64_splat(t, 8);
      b0 = f64x2.add(b0, f64x2.mul(p0, v)); b1 = f64x2.add(b1, f64x2.mul(p1, v));
      v = v128.load64_splat(t, 16);
      c0 = f64x2.add(c0, f64x2.mul(p0, v)); c1 = f64x2.add(c1, f64x2.mul(p1, v));
      v = v128.load64_splat(t, 24);
      d0 = f64x2.add(d0, f64x2.mul(p0, v)); d1 = f64x2.add(d1, f64x2.mul(p1, v));
    }
    for (; t < norms; t += 32, panels += 32) {
      const p0 = v128.load(panels), p1 = v128.load(panels, 16);
      let v = v128.load64_splat(t);
      a0 = f64x2.add(a0, f64x2.mul(p0, v)); a1 = f64x2.add(a1, f64x2.mul(p1, v));
      v = v128.load64_splat(t, 8);
      b0 = f64x2.add(b0, f64x2.mul(p0, v)); b1 = f64x2.add(b1, f64x2.mul(p1, v));
      v = v128.load64_splat(t, 16);
      c0 = f64x2.add(c0, f64x2.mul(p0, v)); c1 = f64x2.add(c1, f64x2.mul(p1, v));
      v = v128.load64_splat(t, 24);
      d0 = f64x2.add(d0, f64x2.mul(p0, v)); d1 = f64x2.add(d1, f64x2.mul(p1, v));
    }
    for (; roots < blocks; roots += 16) v128.store(roots, f64x2.sqrt(v128.load(roots)));
    v128.store(blocks, a0); v128.store(blocks, a1, 16); v128.store(blocks, b0, 32); v128.store(blocks, b1, 48);
    v128.store(blocks, c0, 64); v128.store(blocks, c1, 80); v128.store(blocks, d0, 96); v128.store(blocks, d1, 112);
    const far = v128.and(
      v128.and(f64x2.gt(f64x2.pmin(a0, a1), v128.load64_splat(norms, 32)), f64x2.gt(f64x2.pmin(b0, b1), v128.load64_splat(norms, 40))),
      v128.and(f64x2.gt(f64x2.pmin(c0, c1), v128.load64_splat(norms, 48)), f64x2.gt(f64x2.pmin(d0, d1), v128.load64_splat(norms, 56))),
    );
    if (!i64x2.all_true(far)) canonicalSquares(row, last, d, raw, 1, norms, panels, blocks);
    blocks += 128;
  }
  for (; roots < blocks; roots += 16) v128.store(roots, f64x2.sqrt(v128.load(roots)));
}

/** Canonical squared distances of four rows (from `row` on, none after `last`, in) to centers (panels [groups][d][4], in) in the place of those in `blocks`
 *  ([groups][4 rows][4 centers], inout) that are not above `farFrom` of ‖t‖² and ‖b‖² (`norms`, `squares` of the one group, in); the roots of all, where `squares` is 0. */
function canonicalSquares(row: usize, last: usize, d: i32, panels: usize, groups: i32, norms: usize, squares: usize, blocks: usize): void {
  const rowBytes = <usize>d << 3;
  for (let r = 0; r < 4; r++, blocks += 32, norms += 8) {
    const end = row + rowBytes;
    let p = panels;
    for (let block = blocks, final = blocks + (<usize>groups << 7); block < final; block += 128) {
      let far0 = i64x2.splat(0), far1 = far0;
      if (squares != 0) {
        const n = v128.load64_splat(norms);
        far0 = f64x2.gt(v128.load(block), farFrom(f64x2.add(n, v128.load(squares))));
        far1 = f64x2.gt(v128.load(block, 16), farFrom(f64x2.add(n, v128.load(squares, 16))));
        if (i64x2.all_true(v128.and(far0, far1))) break;
      }
      let a = f64x2.splat(0), b = a;
      for (let x = row; x < end; x += 8, p += 32) {
        const v = v128.load64_splat(x);
        const u = f64x2.sub(v, v128.load(p)), w = f64x2.sub(v, v128.load(p, 16));
        a = f64x2.add(a, f64x2.mul(u, u));
        b = f64x2.add(b, f64x2.mul(w, w));
      }
      if (squares != 0) {
        a = v128.bitselect(v128.load(block), a, far0); b = v128.bitselect(v128.load(block, 16), b, far1);
      } else {
        a = f64x2.sqrt(a); b = f64x2.sqrt(b);
      }
      v128.store(block, a); v128.store(block, b, 16);
    }
    row = min(end, last);
  }
}

/** Four rows (from `r0` on, `last` in the place of those after it, in) less `origin` (d, in) as a quad ([d][4], out), and their squares behind it (4, out). */
function centreFour(r0: usize, last: usize, d: i32, origin: usize, quad: usize): void {
  const rowBytes = <usize>d << 3;
  let r1 = min(r0 + rowBytes, last), r2 = min(r1 + rowBytes, last), r3 = min(r2 + rowBytes, last);
  let n0 = f64x2.splat(0), n1 = n0, n2 = n0, n3 = n0;
  const end = quad + (<usize>(d & ~1) << 5);
  for (; quad < end; quad += 64, origin += 16, r0 += 16, r1 += 16, r2 += 16, r3 += 16) {
    const o = v128.load(origin);
    const a = f64x2.sub(v128.load(r0), o), b = f64x2.sub(v128.load(r1), o), c = f64x2.sub(v128.load(r2), o), e = f64x2.sub(v128.load(r3), o);
    v128.store(quad, v128.shuffle<f64>(a, b, 0, 2));
    v128.store(quad, v128.shuffle<f64>(c, e, 0, 2), 16);
    v128.store(quad, v128.shuffle<f64>(a, b, 1, 3), 32);
    v128.store(quad, v128.shuffle<f64>(c, e, 1, 3), 48);
    n0 = f64x2.add(n0, f64x2.mul(a, a)); n1 = f64x2.add(n1, f64x2.mul(b, b));
    n2 = f64x2.add(n2, f64x2.mul(c, c)); n3 = f64x2.add(n3, f64x2.mul(e, e));
  }
  n0 = f64x2.add(v128.shuffle<f64>(n0, n1, 0, 2), v128.shuffle<f64>(n0, n1, 1, 3));
  n2 = f64x2.add(v128.shuffle<f64>(n2, n3, 0, 2), v128.shuffle<f64>(n2, n3, 1, 3));
  if (d & 1) {
    const o = v128.load64_splat(origin);
    const a = f64x2.sub(v128.load64_lane(r1, v128.load64_zero(r0), 1), o), c = f64x2.sub(v128.load64_lane(r3, v128.load64_zero(r2), 1), o);
    v128.store(quad, a); v128.store(quad, c, 16);
    n0 = f64x2.add(n0, f64x2.mul(a, a)); n2 = f64x2.add(n2, f64x2.mul(c, c));
    quad += 32;
  }
  v128.store(quad, n0); v128.store(quad, n2, 16);
}
