// Components whose covariance is a whole matrix, one each or one for all: Mahalanobis squares ‖Uᵀ(x − μ)‖² and whitening z = Uᵀ(x − μ), eight rows
// at a time. U comes as pairs of columns (triangularPanelLength), so that a register tile is eight rows by two columns.
import { STEPS } from "./exponential";
import { log } from "./logarithm";

/** Bytes of scratch that eight rows need. */
export function octScratch(d: i32): usize {
  return <usize>d << 6;
}

/** Columns [from, to) of y = Uᵀ(x − μ) for two quads (a, b: [d][4], in); `from` is even, `to` even or d. `t` ([d][8], inout): x − μ, features
 *  below `from` being there already; or, without μ (0), rows about an origin. y begins at `offsets` (d, in): 0, or Uᵀ(origin − μ). Writes y to outA, outB
 *  ([d][4]) if `whole`, otherwise adds Σ y² to them ([4]; from 0: sets).
 *  Every row is worked on alone, columns ascending: what it gets does not depend on where the work is cut or who its neighbours are. */
// @ts-ignore: decorator
@inline
function columns(
  a: usize, b: usize, from: i32, to: i32, mean: usize, panel: usize, offsets: usize, t: usize, outA: usize, outB: usize, whole: bool,
): void {
  let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0;
  if (!whole && from > 0) { s0 = v128.load(outA); s1 = v128.load(outA, 16); s2 = v128.load(outB); s3 = v128.load(outB, 16); }
  panel += <usize>(from * (from + 2)) << 2;
  let end = t + (<usize>from << 6);
  for (let j = from; j < to; j += 2) {
    const at = <usize>j << 5, feature = <usize>j << 3;
    if (mean != 0) {
      let m = v128.load64_splat(mean + feature);
      v128.store(end, f64x2.sub(v128.load(a + at), m));
      v128.store(end, f64x2.sub(v128.load(a + at, 16), m), 16);
      v128.store(end, f64x2.sub(v128.load(b + at), m), 32);
      v128.store(end, f64x2.sub(v128.load(b + at, 16), m), 48);
      if (j + 1 < to) {
        m = v128.load64_splat(mean + feature, 8);
        v128.store(end, f64x2.sub(v128.load(a + at, 32), m), 64);
        v128.store(end, f64x2.sub(v128.load(a + at, 48), m), 80);
        v128.store(end, f64x2.sub(v128.load(b + at, 32), m), 96);
        v128.store(end, f64x2.sub(v128.load(b + at, 48), m), 112);
      }
    }
    end += 64;
    let a0 = v128.load64_splat(offsets + feature), a1 = a0, a2 = a0, a3 = a0;
    if (j + 1 < to) {
      end += 64;
      let b0 = v128.load64_splat(offsets + feature, 8), b1 = b0, b2 = b0, b3 = b0;
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
export function whiten(tile: usize, quads: i32, d: i32, mean: usize, panel: usize, zeros: usize, z: usize, t: usize): void {
  const quadBytes = <usize>d << 5;
  for (let q = 0; q < quads; q += 2, tile += 2 * quadBytes, z += 2 * quadBytes) {
    const other = q + 1 < quads ? quadBytes : 0; // an odd quad at the end is its own partner
    columns(tile, tile + other, 0, d, mean, panel, zeros, t, z, z + other, true);
  }
}

/** Columns that all rows of a block are taken through before the next ones, so that what is read of U stays in the second-level cache: of 784 columns
 *  5 MB are read for each eight rows otherwise. */
const CHUNK: i32 = 96;

/** Mahalanobis squares of a tile ([quads][d][4], in) for one component, U as panels (in). out (one quad every `stride` bytes, out). mean 0: t holds
 *  the rows about an origin ([⌈quads/2⌉][d][8], in); offsets: as for `columns`. */
export function triangularSquares(tile: usize, quads: i32, d: i32, mean: usize, panel: usize, offsets: usize, out: usize, stride: usize, t: usize): void {
  for (let from = 0; from < d; from += CHUNK) goOn(tile, quads, d, from, min(from + CHUNK, d), mean, panel, offsets, out, stride, t);
}

/** Squares over columns [from, to): a function of its own, so that there is one copy of the loop. */
function goOn(
  tile: usize, quads: i32, d: i32, from: i32, to: i32, mean: usize, panel: usize, offsets: usize, out: usize, stride: usize, t: usize,
): void {
  const quadBytes = <usize>d << 5;
  for (let q = 0; q < quads; q += 2, tile += 2 * quadBytes, out += 2 * stride) {
    const more = q + 1 < quads;
    const other = more ? tile + quadBytes : tile;
    if (mean != 0 && from > 0) shift(tile, other, from, mean, t);
    columns(tile, other, from, to, mean, panel, offsets, t, out, more ? out + stride : out, false);
    if (mean == 0) t += 2 * quadBytes;
  }
}

/** Rows of a block (`count`, row-major, in) less `origin` (d, in), eight at a time ([⌈count/8⌉][d][8], out). A last quad is filled up with its last row,
 *  and is its own partner if it has no other. list: room for eight numbers. */
export function centreOcts(block: usize, count: i32, d: i32, origin: usize, list: usize, out: usize): void {
  for (let i = 0; i < count; i += 8, out += <usize>d << 6) {
    const partner = i + 4 < count ? 4 : 0;
    for (let s = 0; s < 8; s++) store<u32>(list + (<usize>s << 2), min(i + (s & 3) + (s & partner), count - 1));
    gatherOct(block, list, d, origin, out);
  }
}

/** Fewest features with which `nearSquares` pays: below, the checks cost what they save. */
export const NEAR_FROM: i32 = 16;

/** Mark of a pair that cannot matter. */
const OUT: u8 = 2;

/** The squares of all k components as `triangularSquares` has them, except that one that cannot matter to any of eight rows is left unfinished
 *  and given as ∞: its a = constant − scale·square is below the best of each row by more than its floor allows, whatever features are still to
 *  come. Sums of squares only grow, in floating point too, so what softmax makes of it (0) is what it would make of the finished square.
 *  `tile` ([quads][d][4], in), `components` ([k][4], in) and `squares` ([quads][k][4], out) as for softmax; means (k×d), panels (k of
 *  `panelBytes` each), offsets (k×d), which components are `near` the origin of `centred` (k, 1 or 0; 0: none; `centreOcts`). Scratch: best ([quads][4]), guide (k doubles, then ⌈quads/2⌉·k bytes), t. Returns the share of the
 *  work of finishing all pairs that was done.
 *  1. an eighth of the features for every pair; 2. what is most probable by these (U is upper triangular: its first columns are the marginal
 *  density's) is finished, which tells how good a row's best is at least; 3. the others go on until they are out.
 *  `bounds` (0: none are kept) becomes what `boundedSquares` wants of the next pass. */
export function nearSquares(
  tile: usize, quads: i32, d: i32, k: i32, components: usize, means: usize, panels: usize, panelBytes: usize, offsets: usize,
  near: usize, centred: usize, bounds: usize, squares: usize, best: usize, guide: usize, t: usize,
): f64 {
  const rowBytes = <usize>d << 3, quadBytes = <usize>d << 5, stride = <usize>k << 5;
  const step = stepOf(d), first = step;
  const logs = guide, marks = guide + (<usize>k << 3);
  const octs = (quads + 1) >> 1;
  const pairs = octs * k;
  for (let c = 0; c < k; c++) {
    let u = panels + <usize>c * panelBytes, sum: f64 = 0;
    for (let j = 0; j < first; j += 2, u += <usize>j << 4) {
      sum += log(load<f64>(u + (<usize>j << 4))) + log(load<f64>(u + (<usize>j << 4), 24));
    }
    store<f64>(logs + (<usize>c << 3), load<f64>(components + (<usize>c << 5), 24) + STEPS * sum);
    const row = <usize>c * rowBytes, is = isNear(near, c);
    goOn(
      tile, quads, d, 0, first, is ? 0 : means + row, panels + <usize>c * panelBytes, offsets + row, squares + (<usize>c << 5), stride, is ? centred : t,
    );
  }
  memory.fill(marks, 0, <usize>pairs);
  markPromising(squares, quads, k, components, logs, best, marks);
  let work: f64 = 0;
  for (let pass = 0; pass < 2; pass++) { // marked pairs first, then the others
    let component = components, mean = means, panel = panels;
    for (let c = 0; c < k; c++, component += 32, mean += rowBytes, panel += panelBytes) {
      for (let j = first, next = j; j < d; j = next) {
        next = min(j + step, d);
        for (let o = 0, mark = marks + <usize>c; o < octs; o++, mark += <usize>k) {
          if (load<u8>(mark) != <u8>(1 - pass)) continue;
          const a = tile + 2 * <usize>o * quadBytes, out = squares + 2 * <usize>o * stride + (<usize>c << 5);
          const more = 2 * o + 1 < quads;
          const outB = more ? out + stride : out, own = best + (<usize>o << 6), ownB = more ? own + 32 : own;
          let matters = pass == 0 || canMatter(component, out, outB, own, ownB);
          if (matters) {
            const is = isNear(near, c);
            goOn(
              a, more ? 2 : 1, d, j, next, is ? 0 : mean, panel, offsets + <usize>c * rowBytes, out, stride,
              is ? centred + 2 * <usize>o * quadBytes : t,
            );
            work += <f64>next * <f64>next - <f64>j * <f64>j;
            if (next < d) continue;
            matters = pass == 0 || canMatter(component, out, outB, own, ownB);
          }
          if (matters) {
            raise(component, out, own);
            raise(component, outB, ownB);
          } else {
            store<u8>(mark, OUT);
            if (bounds != 0) {
              const bound = bounds + (<usize>(8 * o * k + c) << 1);
              for (let i = 0; i < 8; i++) store<u16>(bound + (<usize>(i * k) << 1), bounded(load<f64>((i < 4 ? out : outB) + (<usize>(i & 3) << 3))));
            }
            const far = f64x2.splat(Infinity);
            v128.store(out, far); v128.store(out, far, 16);
            v128.store(outB, far); v128.store(outB, far, 16);
          }
        }
      }
    }
  }
  if (bounds != 0) noteBounds(squares, 4 * quads, k, components, bounds);
  work += <f64>pairs * <f64>first * <f64>first;
  return work / (<f64>pairs * <f64>d * <f64>d);
}

/** The same where bounds of squares are known from the pass before. They are moved to the parameters of now, and what is out by them is not looked at:
 *  the rows that a component may matter to are gathered, so that of eight that are worked on together none does it in vain.
 *  block: `count` rows (row-major, in); `bounds` ([count][k], u16, inout): of a pair that was out, a lower bound of its square in the upper half of
 *  single precision, 0 of the others; `drift` ([k][2], in): ρ and δ of each component (cholesky.ts): a square that was s is (ρ·(√s − δ))² at
 *  least. Pairs that were not out come first, as they tell how good a row's best is. `origin` (d, in): that of `near`. squares ([⌈count/4⌉][k][4], out), best
 *  (a double a row), tiles (`count` rows), room (32 bytes for each of MOST_ROWS): scratch. */
export function boundedSquares(
  block: usize, count: i32, d: i32, k: i32, components: usize, means: usize, panels: usize, panelBytes: usize, offsets: usize,
  near: usize, origin: usize, drift: usize, bounds: usize, squares: usize, best: usize, room: usize, tiles: usize,
): void {
  const rowBytes = <usize>d << 3;
  const bests = room + (<usize>MOST_ROWS << 3), list = bests + (<usize>MOST_ROWS << 3), out = list + (<usize>(MOST_ROWS + 8) << 2);
  const quads = (count + 3) >> 2;
  for (let at: usize = 0; at < <usize>(quads * k) << 5; at += 16) v128.store(squares + at, f64x2.splat(Infinity));
  for (let i = 0; i < quads << 2; i++) store<f64>(best + (<usize>i << 3), -Infinity);
  for (let round = 0; round < 2; round++) {
    const step = round == 0 ? CHUNK : stepOf(d);
    for (let c = 0; c < k; c++) {
      const component = components + (<usize>c << 5), constant = load<f64>(component), scale = load<f64>(component, 8), floor = load<f64>(component, 16);
      const rho = load<f64>(drift + (<usize>c << 4)), delta = load<f64>(drift + (<usize>c << 4), 8);
      let m = 0;
      for (let i = 0, bound = bounds + (<usize>c << 1); i < count; i++, bound += <usize>k << 1) {
        const b = load<u16>(bound), most = load<f64>(best + (<usize>i << 3));
        store<u32>(list + (<usize>m << 2), i);
        store<f64>(bests + (<usize>m << 3), most);
        if (round == 0) {
          m += i32(b == 0);
        } else if (b != 0) {
          const root = max(0, rho * (Math.sqrt(<f64>reinterpret<f32>(<u32>b << 16)) - delta)), square = root * root;
          const isOut = constant - scale * square - most < floor;
          store<u16>(bound, isOut ? bounded(square) : 0);
          m += i32(!isOut);
        }
      }
      if (m == 0) continue;
      for (let s = m; s & 7; s++) { // the last eight are filled up
        store<u32>(list + (<usize>s << 2), load<u32>(list + (<usize>(m - 1) << 2)));
        store<f64>(bests + (<usize>s << 3), load<f64>(bests + (<usize>(m - 1) << 3)));
      }
      const row = <usize>c * rowBytes, point = isNear(near, c) ? origin : means + row;
      const octs = (m + 7) >> 3;
      for (let j = 0, next = j; j < d; j = next) {
        next = min(j + step, d);
        for (let o = 0; o < octs; o++) {
          const t = tiles + <usize>o * (rowBytes << 3), s = room + (<usize>o << 6), own = bests + (<usize>o << 6), is = out + <usize>o;
          if (j == 0) gatherOct(block, list + (<usize>o << 5), d, point, t);
          else if (load<u8>(is)) continue;
          goOn(0, 2, d, j, next, 0, panels + <usize>c * panelBytes, offsets + row, s, 32, t);
          store<u8>(is, <u8>(round > 0 && !canMatter(component, s, s + 32, own, own + 32)));
        }
      }
      for (let s = 0; s < m; s++) {
        const i = load<u32>(list + (<usize>s << 2)), own = best + (<usize>i << 3), square = load<f64>(room + (<usize>s << 3));
        if (load<u8>(out + <usize>(s >> 3))) {
          store<u16>(bounds + (<usize>(i * k + c) << 1), bounded(square));
          continue;
        }
        store<f64>(squares + (<usize>((i >> 2) * k + c) << 5) + (<usize>(i & 3) << 3), square);
        store<f64>(own, max(load<f64>(own), constant - scale * square));
      }
    }
  }
  noteBounds(squares, count, k, components, bounds);
}

/** Features after which it is asked whether a pair is out. */
// @ts-ignore: decorator
@inline
function stepOf(d: i32): i32 {
  return max(4, (d >> 3) & ~1);
}

/** Whether of `pairs` bounds an eighth puts pairs out: below, gathering costs what it saves. */
export function someOut(bounds: usize, pairs: i32): bool {
  let out = 0;
  for (let i = 0; i < pairs; i++) out += i32(load<u16>(bounds + (<usize>i << 1)) != 0);
  return 8 * out >= pairs;
}

/** Most rows of a block. */
const MOST_ROWS: i32 = 128;

/** Bounds of the finished squares ([⌈count/4⌉][k][4], in) of `count` rows; of the others (∞) they stay. */
export function noteBounds(squares: usize, count: i32, k: i32, components: usize, bounds: usize): void {
  for (let i = 0; i < count; i++) {
    const first = squares + (<usize>((i >> 2) * k) << 5) + (<usize>(i & 3) << 3), end = first + (<usize>k << 5);
    let best = -Infinity;
    for (let s = first, component = components; s < end; s += 32, component += 32) {
      best = max(best, load<f64>(component) - load<f64>(component, 8) * load<f64>(s));
    }
    for (let s = first, component = components; s < end; s += 32, component += 32, bounds += 2) {
      const square = load<f64>(s);
      if (!(square < Infinity)) continue;
      store<u16>(bounds, load<f64>(component) - load<f64>(component, 8) * square - best < load<f64>(component, 16) ? bounded(square) : 0);
    }
  }
}

/** A lower bound of a square, by more than rounding makes of it, that fits in 16 bits. */
function bounded(square: f64): u16 {
  return <u16>(reinterpret<u32>(<f32>(min(square, 1e30) * (1 - 1 / 1048576.0))) >> 16);
}

/** Eight rows of a block ([8], u32, in) less `point` (d, in), to t ([d][8], out). */
function gatherOct(block: usize, list: usize, d: i32, point: usize, t: usize): void {
  const rowBytes = <usize>d << 3;
  for (let half: usize = 0; half < 2; half++, list += 16) {
    let r0 = block + <usize>load<u32>(list) * rowBytes, r1 = block + <usize>load<u32>(list, 4) * rowBytes;
    let r2 = block + <usize>load<u32>(list, 8) * rowBytes, r3 = block + <usize>load<u32>(list, 12) * rowBytes;
    let to = t + (half << 5), p = point;
    for (const end = point + (rowBytes & ~15); p < end; p += 16, to += 128) {
      const m = v128.load(p);
      const a = f64x2.sub(v128.load(r0), m), b = f64x2.sub(v128.load(r1), m), c = f64x2.sub(v128.load(r2), m), e = f64x2.sub(v128.load(r3), m);
      v128.store(to, v128.shuffle<f64>(a, b, 0, 2)); v128.store(to, v128.shuffle<f64>(c, e, 0, 2), 16);
      v128.store(to, v128.shuffle<f64>(a, b, 1, 3), 64); v128.store(to, v128.shuffle<f64>(c, e, 1, 3), 80);
      r0 += 16; r1 += 16; r2 += 16; r3 += 16;
    }
    if (d & 1) {
      const m = load<f64>(p);
      store<f64>(to, load<f64>(r0) - m); store<f64>(to, load<f64>(r1) - m, 8); store<f64>(to, load<f64>(r2) - m, 16); store<f64>(to, load<f64>(r3) - m, 24);
    }
  }
}

/** Whether all k components are near the origin, by such a table. */
export function areNear(near: usize, k: i32): bool {
  let c = 0;
  while (c < k && isNear(near, c)) c++;
  return c == k;
}

/** Whether a component is near the origin, by a table of all (k, in; 0: none is). */
// @ts-ignore: decorator
@inline
export function isNear(near: usize, c: i32): bool {
  return near != 0 && load<f64>(near + (<usize>c << 3)) != 0;
}

/** t = x − μ for features below `to`. */
function shift(a: usize, b: usize, to: i32, mean: usize, t: usize): void {
  for (const end = mean + (<usize>to << 3); mean < end; mean += 8, a += 32, b += 32, t += 64) {
    const m = v128.load64_splat(mean);
    v128.store(t, f64x2.sub(v128.load(a), m)); v128.store(t, f64x2.sub(v128.load(a, 16), m), 16);
    v128.store(t, f64x2.sub(v128.load(b), m), 32); v128.store(t, f64x2.sub(v128.load(b, 16), m), 48);
  }
}

/** Marks, for every row, the component that is most probable by the squares so far ([quads][k][4], in) and the logarithms of weight and determinant that
 *  go with them (k, in), for its eight rows. Leaves −∞ in `best`. */
function markPromising(squares: usize, quads: i32, k: i32, components: usize, logs: usize, best: usize, marks: usize): void {
  for (let q = 0; q < quads; q++, best += 32) {
    const mark = marks + <usize>((q >> 1) * k);
    for (let i: usize = 0; i < 32; i += 8) {
      let most = -Infinity, chosen = 0;
      let component = components;
      for (let c = 0; c < k; c++, component += 32, squares += 32) {
        const a = load<f64>(logs + (<usize>c << 3)) - load<f64>(component, 8) * load<f64>(squares + i);
        if (a > most) { most = a; chosen = c; }
      }
      squares -= <usize>k << 5;
      store<u8>(mark + <usize>chosen, 1);
      store<f64>(best + i, -Infinity);
    }
    squares += <usize>k << 5;
  }
}

// @ts-ignore: decorator
@inline
function gap(component: usize, square: v128, best: v128): v128 {
  return f64x2.sub(f64x2.sub(v128.load64_splat(component), f64x2.mul(v128.load64_splat(component, 8), square)), best);
}

/** Whether any of eight rows is not yet below its floor. */
function canMatter(component: usize, outA: usize, outB: usize, bestA: usize, bestB: usize): bool {
  const floor = v128.load64_splat(component, 16);
  const a0 = f64x2.lt(gap(component, v128.load(outA), v128.load(bestA)), floor), a1 = f64x2.lt(gap(component, v128.load(outA, 16), v128.load(bestA, 16)), floor);
  const b0 = f64x2.lt(gap(component, v128.load(outB), v128.load(bestB)), floor), b1 = f64x2.lt(gap(component, v128.load(outB, 16), v128.load(bestB, 16)), floor);
  return !i64x2.all_true(v128.and(v128.and(a0, a1), v128.and(b0, b1)));
}

/** best = max(best, a) of four rows. */
// @ts-ignore: decorator
@inline
function raise(component: usize, square: usize, best: usize): void {
  const constant = v128.load64_splat(component), scale = v128.load64_splat(component, 8);
  v128.store(best, f64x2.pmax(v128.load(best), f64x2.sub(constant, f64x2.mul(scale, v128.load(square)))));
  v128.store(best, f64x2.pmax(v128.load(best, 16), f64x2.sub(constant, f64x2.mul(scale, v128.load(square, 16)))), 16);
}
