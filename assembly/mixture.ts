// The pass of expectation-maximisation for Gaussian mixtures (Dempster, Laird & Rubin 1977): log-densities, responsibilities and
// sufficient statistics of a block of rows are finished while the block is in cache, so no n×k array of doubles exists in a fit.
// Inside a block everything is in quads (tile.ts): densities and responsibilities are [quad][component][4].
import { triangularPanelLength } from "./cholesky";
import { squaredDistances } from "./distances";
import { finishColumns, splitColumn, STEPS } from "./exponential";
import { FEW, fewMoments, fewScaled, fewTriangular } from "./few-features";
import {
  addListed, addPairs, centredBytes, COLUMN, gatherListed, layOut, LIST_BYTES, listPairs, listRows, originSquares, panelBytesOf, scaledSquares,
} from "./gaussian-diagonal";
import { areNear, boundedSquares, centreOcts, isNear, NEAR_FROM, nearSquares, noteBounds, octScratch, someOut, triangularSquares, whiten } from "./gaussian-full";
import { approximateSquares, carryBounds, exactSquares, markFar, markNear, raiseBounds, WIDE_FROM, WIDE_ROWS, wideDoubles } from "./gaussian-wide";
import { share, sharesOf, softmax } from "./responsibilities";
import { SCATTER_ROWS, addScatter, scatterPanels, scatterScratch, shareRows } from "./scatter";
import { addSum, merge } from "./statistics";
import { blockRows, pack, touch, unpackShares } from "./tile";

/** Covariance types, in the order the TypeScript side numbers them. */
export const FULL: i32 = 0;
export const TIED: i32 = 1;
export const DIAG: i32 = 2;
export const SPHERICAL: i32 = 3;

/** So many blocks are not asked which squares matter (`nearSquares`) after one where asking did not pay. It costs about 8/d of the work: half of it
 *  at d = 16, an eighth at d = 64. How many are left is kept at the beginning of the scratch from call to call (behind it the same for what bounds say, `markNear`), whose rows may be two blocks only;
 *  whatever stood there before, what is asked changes the time alone, never a result. */
const REST: u32 = 31;
const LINE: usize = 64;

/** The same for screening in single precision, which costs a third of taking all squares (measured at d = 784): share of the squares from which on it
 *  does not pay. If bounds leave more than that, screening pays more than they do. */
const WORTH: f64 = 0.6;

/** Doubles of the tables for screening components of many features (`wideDoubles`), 0 where there are none. */
export function screeningDoubles(type: i32, d: i32, k: i32): i32 {
  return wideDoubles(type >= DIAG, d, k);
}

/** Bytes of scratch that `mixture` needs. */
export function mixtureScratch(d: i32, k: i32): usize {
  const rows = <usize>blockRows(d);
  return LINE + rows * (((<usize>d + 2 * <usize>k + 4) << 3) + 4) + centredBytes(<i32>rows, d) + <usize>k * (COLUMN + 97) + COLUMN + LINE + LIST_BYTES + octScratch(d) + scatterScratch(d) + ((rows >> 3) + 8) * <usize>k;
}

/** Doubles of sufficient statistics of one component: full — the lower triangle of Σ r·[t,1][t,1]ᵀ, row after row, so Σ r·t is
 *  its last row and Σ r its last entry; tied — Σ r, Σ r·t; diag — Σ r, Σ r·t, Σ r·t²; spherical — Σ r, Σ r·t,
 *  Σ r·‖x − mean‖². (t = x − anchor.) */
export function mixtureStatistics(type: i32, d: i32): i32 {
  return type == FULL ? ((d + 1) * (d + 2)) >> 1 : type == TIED ? 1 + d : type == DIAG ? 1 + 2 * d : 2 + d;
}

/** Mahalanobis squares of a block (spherical: squared distances) for all components, parameters as `mixture` has them; with few features instead
 *  the logarithms of densities, most − scale·square (`components`: these two every 32 bytes, in).
 *  tile ([quads][d][4], in), out (4 a quad, `stride` bytes before those of the next quad, `step` before the next component's; other than with few features [quads][k][4], out);
 *  near, z: full, as for `nearSquares`; tied, room for a tile; t (`octScratch`): room. */
function squaresOf(
  type: i32, tile: usize, quads: i32, d: i32, k: i32, means: usize, factors: usize, components: usize, near: usize, out: usize, step: usize, stride: usize, z: usize, t: usize,
): void {
  const panelBytes = <usize>triangularPanelLength(d) << 3;
  const few = d <= FEW;
  if (type == FULL) {
    for (let c = 0; c < k; c++, out += step, components += 32) {
      const mean = means + <usize>c * (<usize>d << 3), panel = factors + <usize>c * panelBytes;
      if (few) fewTriangular(tile, quads, d, mean, panel, components, out, stride);
      else {
        const is = isNear(near, c), offsets = factors + <usize>k * panelBytes + <usize>c * (<usize>d << 3);
        triangularSquares(tile, quads, d, is ? 0 : mean, panel, offsets, out, stride, is ? z : t);
      }
    }
    return;
  }
  if (type == TIED) {
    const origin = means;
    means = factors + panelBytes;
    whiten(tile, quads, d, origin, factors, means + (<usize>((k + 3) >> 2) * <usize>d << 5), z, t);
    tile = z;
  }
  if (few) {
    for (let c = 0; c < k; c++, out += step, components += 32) {
      const lane = <usize>(c >> 2) * (<usize>d << 5) + (<usize>(c & 3) << 3);
      fewScaled(tile, quads, d, means + lane, type == DIAG ? factors + lane : 0, components, out, stride);
    }
  } else if (type == DIAG) scaledSquares(tile, quads, d, means, k, out);
  else squaredDistances(tile, quads, d, means, k, out);
}

/** Adds the moments of `fewMoments` (in) to the statistics of a component (inout). */
function addFewMoments(momentType: i32, d: i32, sums: usize, out: usize): void {
  const first = sums + 8, second = first + (<usize>d << 3);
  if (momentType == FULL) {
    const squares = (d * (d + 1)) >> 1;
    merge(out, second, squares);
    merge(out + (<usize>squares << 3), first, d);
    merge(out + (<usize>(squares + d) << 3), sums, 1);
    return;
  }
  merge(out, sums, 1 + d);
  out += <usize>(1 + d) << 3;
  for (let j = 0; j < d && momentType >= DIAG; j++) {
    const square = second + (<usize>((j * (j + 3)) >> 1) << 3);
    store<f64>(out, load<f64>(out) + load<f64>(square));
    if (momentType == DIAG) out += 8;
  }
}

/** Whether moments of a component are about the origin (1) or its anchor (0), or not taken (−1). `about`: of each (in); 0: all about their anchors. */
// @ts-ignore: decorator
@inline
function placeOf(about: usize, c: i32): f64 {
  return about != 0 ? load<f64>(about + (<usize>c << 3)) : 0;
}

/** Weights of a block (w: count, in; 0 for none: 1 each) to `out`, zeros to its last quad past them. Returns whether the former
 *  are all the same. */
function takeWeights(w: usize, count: i32, out: usize): bool {
  const first = w != 0 ? load<f64>(w) : 1;
  let alike = true;
  for (let i = 0; i < count; i++, out += 8) {
    const weight = w != 0 ? load<f64>(w + (<usize>i << 3)) : 1;
    store<f64>(out, weight);
    if (weight != first) alike = false;
  }
  for (; count & 3; count++, out += 8) store<f64>(out, 0);
  return alike;
}

/** Densities e^(a − reference) of a block for all components, in columns that hold a − reference in steps (COLUMN bytes before the next component's, inout), and
 *  their sums to `sums` (4 a quad, out). `room`: 2·COLUMN bytes. */
function densities(columns: usize, quads: i32, k: i32, sums: usize, room: usize): void {
  const bytes = <usize>quads << 5;
  memory.fill(sums, 0, bytes);
  for (let c = 0; c < k; c += 2, columns += 2 * COLUMN) {
    splitColumn(columns, quads, room);
    if (c + 1 < k) splitColumn(columns + COLUMN, quads, room + COLUMN);
    else {
      memory.fill(columns + COLUMN, 0, bytes);
      memory.fill(room + COLUMN, 0, bytes);
    }
    finishColumns(columns, room, COLUMN, quads, sums);
  }
}

/** Pass over rows [start, end) of x (n×d, row-major, in) with weights w (n, in; 0 for none).
 *
 *  E: responsibilities come from `given` (n×k, row-major, in) where it is not 0, otherwise from the parameters —
 *    components: see `softmax`;
 *    full: means (k×d), factors (k triangular panels of U, then k×d offsets, see `origin`); tied: means (d: the origin of z), factors (one
 *    triangular panel of U, panels of Uᵀ(mean − origin), d zeros); diag: means and factors 1/σ, both in means as `scaledSquares` has them, with few
 *    features as panels ([⌈k/4⌉][d][4]); spherical: means as panels.
 *  Results where their address is not 0: outLogNorm (n), outResp (n×k, row-major), outLabels (n, i32); `broken` (i32): see `softmax`.
 *  `origin` where it is not 0: a point (d), of each component whether its moments are about it (k, 0 or 1; -1: of its
 *  statistics only the mass is wanted), and, spherical, the table of `originSquares`; then means are row-major (k×d), and factors panels of
 *  −2·(mean − origin). Tied, with a table too: the panels behind U are of −2·U·Uᵀ(mean − origin), the table's squares ‖Uᵀ(mean − origin)‖², and
 *  log p(x) is too large by ½·‖Uᵀ(x − origin)‖². With many features (`screeningDoubles`) these are instead the tables for screening; means and, diag,
 *  factors are row-major.
 *  Full: a point (d), k numbers that do not count, and of each component whether it is near (k, 0 or 1): then its offset is Uᵀ(origin − mean), else 0.
 *  `bounds` where it is not 0 (full, 16 features at least, and two components): whether bounds are known from the pass before (0 or 1), what the
 *  components have drifted since (k×2), and the bounds (u16, eight rows for each eight or fewer; inout): see `boundedSquares`. Diag and spherical with many
 *  features: what is not read, what the components have drifted since (k×2), and bounds ([⌈n/4⌉][k][4], f32, inout): see assembly/gaussian-wide.ts.
 *  M: where `stats` is not 0, [0] += Σ w·log p(x), then per component the statistics of `mixtureStatistics(momentType)` about
 *  `anchors` (k×d), or the origin: then the component's anchor is 0. */
export function mixture(
  type: i32, momentType: i32, x: usize, w: usize, d: i32, k: i32, components: usize, means: usize, factors: usize, anchors: usize, origin: usize, bounds: usize, given: usize,
  outLogNorm: usize, outResp: usize, outLabels: usize, broken: usize, start: i32, end: i32, stats: usize, scratch: usize,
): void {
  const wide = type >= DIAG && d >= WIDE_FROM;
  const few = d <= FEW;
  const rows = wide ? WIDE_ROWS : blockRows(d);
  const rowBytes = <usize>d << 3;
  const tile = scratch + LINE;
  const z = tile + (<usize>rows * <usize>d << 3); // tied: the tile whitened; diag and spherical: the rows about the origin
  const panelBytes = panelBytesOf(rows);
  const resp = z + centredBytes(rows, d);
  const weights = resp + (<usize>rows * <usize>k << 3);
  const shares = weights + (<usize>rows << 3);
  const logNorm = shares + (<usize>rows << 3);
  const rowNorms = logNorm + (<usize>rows << 3);
  const labels = rowNorms + (<usize>rows << 3);
  const squares = type == SPHERICAL ? labels + (<usize>rows << 2) : resp;
  const list = labels + (<usize>rows << 2) + (<usize>rows * <usize>k << 3);
  const scaled = list + LIST_BYTES; // components in steps of the exponential
  const masses = scaled + (<usize>k << 5); // of a block
  const relative = masses + (<usize>k << 5); // with few features, of components: the most about the reference, scale; in steps
  const columns = relative + (<usize>k << 5); // responsibilities
  const whole = columns + <usize>(k + 1) * COLUMN; // of each component whether it and the next take all rows
  const t = whole + (<usize>(k + 63) & ~63);
  const sums = t + octScratch(d);
  const respStride = <usize>k << 5;
  const each = <usize>mixtureStatistics(momentType, d) << 3;
  const about = origin != 0 && type > FULL && !wide ? origin + rowBytes : 0;
  const expanded = type == TIED && about != 0;
  const table = about != 0 && type != DIAG ? about + (<usize>k << 3) : 0;
  const part = wide ? rows : max(32, (2048 / d) & ~3); // rows whose moments are taken at a time: they stay in the first-level cache for all components
  let total = stats != 0 ? load<f64>(stats) : 0;
  let rest = min(load<u32>(scratch), REST), unbound = min(load<u32>(scratch, 4), REST);
  let alike = false;
  const near = type == FULL && origin != 0 ? origin + rowBytes + (<usize>k << 3) : 0;
  const packs = !wide && !areNear(near, k);
  const fits = few && k > 1 && stats != 0 && outLogNorm == 0 && outResp == 0 && outLabels == 0;
  let reference = -Infinity;
  for (let at: usize = 0; at < <usize>k << 5; at += 16) {
    if ((at & 16) == 0) reference = max(reference, load<f64>(components + at));
    v128.store(scaled + at, f64x2.mul(v128.load(components + at), f64x2.splat(STEPS)));
  }
  if (few) for (let at: usize = 0; at < <usize>k << 5; at += 32) {
    store<f64>(relative + at, (load<f64>(components + at) - reference) * STEPS);
    store<f64>(relative + at, load<f64>(scaled + at, 8), 8);
    // to softmax come logarithms about the reference in place of squares
    store<f64>(scaled + at, reference * STEPS);
    store<f64>(scaled + at, -1, 8);
  }
  for (let b = start; b < end; b += rows) {
    let shared = false; // whether columns are densities and `shares` what makes responsibilities of them
    const count = min(rows, end - b);
    const quads = (count + 3) >> 2;
    const block = x + <usize>b * rowBytes;
    const kept = bounds != 0 && !wide ? bounds + 8 + (<usize>k << 4) + (<usize>b * <usize>k << 1) : 0;
    const known = kept != 0 && given == 0 && load<f64>(bounds) != 0 && someOut(kept, min(count, 8) * k);
    if (kept != 0 && !known) memory.fill(kept, 0, <usize>(count * k) << 1);
    if (table != 0 || (about != 0 && stats != 0)) {
      touch(block, block + <usize>count * rowBytes, logNorm);
      layOut(block, count, d, origin, table != 0, z, panelBytes, tile, rowNorms);
    } else if (packs && !known) pack(x, d, b, count, tile);
    if (expanded) memory.fill(rowNorms, 0, <usize>quads << 5);
    if (w != 0 || b == start || count < rows) alike = takeWeights(w != 0 ? w + (<usize>b << 3) : 0, count, weights);
    // few features: densities about the most that any component's can be, in place of the largest of each row, which would be looked for first
    const direct = fits && alike;
    if (given != 0) {
      for (let i = 0; i < quads << 2; i++) {
        const from = given + (<usize>min(b + i, end - 1) * <usize>k << 3);
        const to = resp + <usize>(i >> 2) * respStride + (<usize>(i & 3) << 3);
        for (let c = 0; c < k; c++) store<f64>(to + (<usize>c << 5), load<f64>(from + (<usize>c << 3)));
      }
      memory.copy(shares, weights, <usize>quads << 5);
    } else {
      if (near != 0 && !known) centreOcts(block, count, d, origin, list, z);
      const triangleBytes = <usize>triangularPanelLength(d) << 3, offsets = factors + <usize>k * triangleBytes;
      if (known) {
        boundedSquares(
          block, count, d, k, scaled, means, factors, triangleBytes, offsets, near, origin, bounds + 8, kept, squares, logNorm, list, tile,
        );
      } else if (type == FULL && d >= NEAR_FROM && k > 1 && rest == 0) {
        const guide = sums + scatterScratch(d);
        const work = nearSquares(tile, quads, d, k, scaled, means, factors, triangleBytes, offsets, near, z, kept, squares, logNorm, guide, t);
        if (work > 1 - 8 / <f64>d) rest = REST;
      } else {
        if (wide) {
          const kappa = origin + rowBytes, own = bounds != 0 ? bounds + 8 + (<usize>k << 4) + (<usize>b * <usize>k << 2) : 0;
          const worth = WORTH * <f64>(count * k);
          let many = true;
          if (own != 0) {
            carryBounds(own, quads, k, components, bounds + 8, squares);
            if (unbound > 0) unbound--;
            else {
              exactSquares(block, count, d, k, means, type == DIAG ? factors : 0, squares, list);
              many = <f64>markNear(own, quads, k, components, squares) > worth;
              if (many) unbound = REST;
            }
          }
          const asks = many && k > 1 && rest == 0;
          if (many && rest > 0) rest--;
          if (asks) {
            approximateSquares(block, count, d, k, type == DIAG, origin, squares, tile);
            if (own != 0) raiseBounds(own, quads, d, k, components, kappa, squares);
            markFar(squares, quads, d, k, components, kappa);
          } else if (many) memory.fill(squares, 0, <usize>quads * respStride);
          const taken = exactSquares(block, count, d, k, means, type == DIAG ? factors : 0, squares, list);
          if (own != 0) raiseBounds(own, quads, d, k, components, 0, squares);
          if (asks && <f64>taken > worth) rest = REST;
        } else if (table != 0) originSquares(tile, quads, d, rowNorms, expanded ? factors + (<usize>triangularPanelLength(d) << 3) : factors, block, count, means, table, k, expanded ? -Infinity : 0, squares);
        else squaresOf(
          type, tile, quads, d, k, means, factors, relative, near, direct ? columns : squares, direct ? COLUMN : 32, direct ? 32 : respStride, z, t,
        );
        if (kept != 0) noteBounds(squares, count, k, scaled, kept);
      }
      if (direct) {
        densities(columns, quads, k, shares, list);
        const weight = load<f64>(weights), logs = sharesOf(shares, count, weight);
        shared = logs == logs;
        if (shared) total += reference * weight * <f64>count + logs;
        else squaresOf(type, tile, quads, d, k, means, factors, relative, near, squares, 32, respStride, z, t);
      }
      if (!shared) {
        const labelsOnly = stats == 0 && outLogNorm == 0 && outResp == 0;
        total += softmax(squares, quads, k, scaled, weights, resp, shares, logNorm, outLabels != 0 ? labels : 0, labelsOnly, alike && outLogNorm == 0, masses, broken);
        if (outLogNorm != 0) memory.copy(outLogNorm + (<usize>b << 3), logNorm, <usize>count << 3);
        if (outLabels != 0) memory.copy(outLabels + (<usize>b << 2), labels, <usize>count << 2);
      }
    }
    if (outResp != 0) unpackShares(resp, count, k, shares, outResp + (<usize>b * <usize>k << 3));
    if (stats != 0 && !shared) {
      memory.fill(masses, 0, <usize>k << 5);
      share(resp, quads, k, shares, columns, masses, momentType == SPHERICAL ? squares : 0);
      if (few) for (let at: usize = 0; at < <usize>quads << 5; at += 16) v128.store(shares + at, f64x2.splat(1));
    }
    if (stats != 0) {
      let out = stats + 8;
      const places = type == FULL && momentType == FULL && origin != 0 && !few ? origin + rowBytes : 0; // with the tile, squares are done
      for (let q = 0, panels = tile; q < quads && places != 0; q += SCATTER_ROWS / 4, panels += scatterPanels(d)) {
        shareRows(block + <usize>(4 * q) * rowBytes, min(SCATTER_ROWS, count - 4 * q), d, origin, panels, sums);
      }
      for (let c = 0; c < k; c++, out += each) {
        const r = columns + <usize>c * COLUMN;
        const anchor = anchors + <usize>c * rowBytes;
        if (few) {
          fewMoments(tile, quads, d, r, shares, anchor, momentType == FULL, list);
          addFewMoments(momentType, d, list, out);
        } else if (momentType == FULL) {
          for (let q = 0, panels = tile; q < quads; q += SCATTER_ROWS / 4, panels += scatterPanels(d)) {
            const first = block + <usize>(4 * q) * rowBytes;
            addScatter(first, min(SCATTER_ROWS / 4, quads - q), d, r + (<usize>q << 5), anchor, placeOf(places, c) > 0 ? panels : 0, out, sums);
          }
        } else {
          addSum(out, v128.load(masses + (<usize>c << 4)));
          if (momentType == SPHERICAL) addSum(out + 8 + rowBytes, v128.load(masses + (<usize>(k + c) << 4)));
        }
      }
      if (few || momentType == FULL) continue;
      const second = momentType == DIAG ? rowBytes : 0;
      let some = 0; // pairs that take all rows
      out = stats + 16;
      for (let c = 0; c < k; c++, out += each) {
        store<u8>(whole + <usize>c, 0);
        const r = columns + <usize>c * COLUMN;
        const place = placeOf(about, c);
        if (place < 0) continue;
        if (place > 0 && c + 1 < k && placeOf(about, c + 1) > 0) {
          const listed = listPairs(r, quads << 2, d, z, list);
          if (listed < 0) {
            store<u8>(whole + <usize>c, 1);
            some++;
          } else {
            const gathered = list + 3 * COLUMN;
            for (let j = 0, offset: usize = 0; j < d && listed > 0; j += 8, offset += panelBytes) {
              gatherListed(list, listed, offset, gathered);
              addPairs(list, gathered, listed, d - j, out + (<usize>j << 3), second, each);
            }
          }
          c++;
          out += each;
          store<u8>(whole + <usize>c, 0);
          continue;
        }
        for (let s = 0; s < count; s += part) {
          const these = min(part, count - s);
          const end = place > 0
            ? listRows(r + (<usize>s << 3), these, z + (<usize>s << 6), 64, list)
            : listRows(r + (<usize>s << 3), these, block + <usize>s * rowBytes, rowBytes, list);
          addListed(list, end, d, place > 0 ? panelBytes : 64, anchors + <usize>c * rowBytes, out, second != 0 ? out + second : 0);
        }
      }
      // eight features for all pairs: they stay in the first-level cache
      for (let j = 0, panel = z; j < d && some > 0; j += 8, panel += panelBytes) {
        out = stats + 16 + (<usize>j << 3);
        for (let c = 0, r = columns; c < k; c++, r += COLUMN, out += each) {
          if (load<u8>(whole + <usize>c)) addPairs(r, panel, count, d - j, out, second, each);
        }
      }
    }
  }
  if (stats != 0) store<f64>(stats, total);
  store<u32>(scratch, rest); store<u32>(scratch, unbound, 4);
}
