// Factorisation of a symmetric positive definite matrix, the inverse of its factor, and products with the transpose: O(d³) each, all made of one
// register tile, the inner products of two rows with four others. No loop over samples here; it lives with the kernels because it shares
// their memory.

/** Rows that are worked on together, so that the four rows they meet are read once for all of them. */
const BAND: i32 = 32;

/** Inner products over columns [from, to) of rows a and b with `count` ≤ 4 rows from `rows` on, to outA and outB ([count]). from is even. */
function innerProducts(a: usize, b: usize, rows: usize, rowBytes: usize, count: i32, from: i32, to: i32, outA: usize, outB: usize): void {
  const r1 = rows + (count > 1 ? rowBytes : 0), r2 = rows + (count > 2 ? 2 * rowBytes : 0), r3 = rows + (count > 3 ? 3 * rowBytes : 0);
  let a0 = f64x2.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  let at = <usize>from << 3;
  for (const end = <usize>(to & ~1) << 3; at < end; at += 16) {
    const x = v128.load(a + at), y = v128.load(b + at);
    let u = v128.load(rows + at);
    a0 = f64x2.add(a0, f64x2.mul(x, u)); b0 = f64x2.add(b0, f64x2.mul(y, u));
    u = v128.load(r1 + at);
    a1 = f64x2.add(a1, f64x2.mul(x, u)); b1 = f64x2.add(b1, f64x2.mul(y, u));
    u = v128.load(r2 + at);
    a2 = f64x2.add(a2, f64x2.mul(x, u)); b2 = f64x2.add(b2, f64x2.mul(y, u));
    u = v128.load(r3 + at);
    a3 = f64x2.add(a3, f64x2.mul(x, u)); b3 = f64x2.add(b3, f64x2.mul(y, u));
  }
  if (to & 1) {
    const x = v128.load64_zero(a + at), y = v128.load64_zero(b + at);
    let u = v128.load64_zero(rows + at);
    a0 = f64x2.add(a0, f64x2.mul(x, u)); b0 = f64x2.add(b0, f64x2.mul(y, u));
    u = v128.load64_zero(r1 + at);
    a1 = f64x2.add(a1, f64x2.mul(x, u)); b1 = f64x2.add(b1, f64x2.mul(y, u));
    u = v128.load64_zero(r2 + at);
    a2 = f64x2.add(a2, f64x2.mul(x, u)); b2 = f64x2.add(b2, f64x2.mul(y, u));
    u = v128.load64_zero(r3 + at);
    a3 = f64x2.add(a3, f64x2.mul(x, u)); b3 = f64x2.add(b3, f64x2.mul(y, u));
  }
  store<f64>(outA, lanes(a0)); store<f64>(outB, lanes(b0));
  if (count > 1) { store<f64>(outA, lanes(a1), 8); store<f64>(outB, lanes(b1), 8); }
  if (count > 2) { store<f64>(outA, lanes(a2), 16); store<f64>(outB, lanes(b2), 16); }
  if (count > 3) { store<f64>(outA, lanes(a3), 24); store<f64>(outB, lanes(b3), 24); }
}

// @ts-ignore: decorator
@inline
function lanes(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/** Solves y·Lᵀ = target − (the inner products that stand in y) for four entries of a row, L being a diagonal block (`count` ≤ 4 rows of
 *  `rowBytes`, lower, in). `target`: 4 addresses in a row, or 0 for row `unit` of the identity. y ([count], inout). */
function solve(y: usize, target: usize, unit: i32, block: usize, rowBytes: usize, count: i32): void {
  for (let c = 0; c < count; c++, block += rowBytes) {
    const at = <usize>c << 3;
    let s = (target != 0 ? load<f64>(target + at) : <f64>(c == unit)) - load<f64>(y + at);
    for (let m: usize = 0; m < at; m += 8) s -= load<f64>(y + m) * load<f64>(block + m);
    store<f64>(y + at, s / load<f64>(block + at));
  }
}

/** Σ = L·Lᵀ. `cov` (d×d, row-major, lower triangle read, in), `chol` (d×d, lower triangle written, strict upper set to 0, out).
 *  Returns the index of the first pivot that is not positive, −1 when there is none; the rows before it are finished. */
export function cholesky(cov: usize, d: i32, chol: usize): i32 {
  const rowBytes = <usize>d << 3;
  memory.fill(chol, 0, <usize>d * rowBytes);
  for (let begin = 0; begin < d; begin += BAND) {
    const end = min(begin + BAND, d);
    // four columns i … i+3 at a time: what is left of them, by the four rows of the same numbers
    for (let i = 0; i < end; i += 4) {
      const count = min(4, d - i);
      const rows = chol + <usize>i * rowBytes, column = <usize>i << 3;
      let j = begin;
      if (i >= begin) {
        for (j = i; j < i + count; j++) {
          const y = chol + <usize>j * rowBytes + column, own = j - i;
          innerProducts(y - column, y - column, rows, rowBytes, own + 1, 0, i, y, y);
          const product = load<f64>(y + (<usize>own << 3)); // of the row with itself, so far
          solve(y, cov + <usize>j * rowBytes + column, 0, rows + column, rowBytes, own);
          let pivot = load<f64>(cov + <usize>j * rowBytes + (<usize>j << 3)) - product;
          for (let m = 0; m < own; m++) {
            const v = load<f64>(y + (<usize>m << 3));
            pivot -= v * v;
          }
          if (!(pivot > 0)) return j;
          store<f64>(y + (<usize>own << 3), Math.sqrt(pivot));
        }
      }
      for (; j < end; j += 2) {
        const next = j + 1 < end ? rowBytes : 0;
        const y = chol + <usize>j * rowBytes + column, target = cov + <usize>j * rowBytes + column;
        innerProducts(y - column, y - column + next, rows, rowBytes, count, 0, i, y, y + next);
        solve(y, target, 0, rows + column, rowBytes, count);
        if (next != 0) solve(y + next, target + next, 0, rows + column, rowBytes, count);
      }
    }
  }
  return -1;
}

/** U = L⁻ᵀ, so that Σ⁻¹ = U·Uᵀ: scikit-learn's precisions_cholesky_. `chol` (d×d, lower, in), `prec` (d×d, upper, strict lower
 *  set to 0, out). Row r of U is column r of L⁻¹. */
export function inverseTransposed(chol: usize, d: i32, prec: usize): void {
  const rowBytes = <usize>d << 3;
  memory.fill(prec, 0, <usize>d * rowBytes);
  for (let begin = 0; begin < d; begin += BAND) {
    const end = min(begin + BAND, d);
    for (let i = begin; i < d; i += 4) {
      const count = min(4, d - i);
      const rows = chol + <usize>i * rowBytes, column = <usize>i << 3;
      for (let r = begin; r < min(end, i + count); r += 2) {
        const next = r + 1 < min(end, i + count) ? rowBytes : 0;
        const y = prec + <usize>r * rowBytes + column;
        innerProducts(y - column, y - column + next, rows, rowBytes, count, r & ~3, i, y, y + next);
        solve(y, 0, r - i, rows + column, rowBytes, count);
        if (next != 0) solve(y + next, 0, r + 1 - i, rows + column, rowBytes, count);
      }
    }
  }
}

/** How a metric moves from (μ, U) to (μ′, U′), L′ = U′⁻ᵀ: writes ρ = 1/(1 + ‖UᵀL′ − I‖_F) and δ = ‖Uᵀ(μ′ − μ)‖ to `out` (2, out). As Uᵀ(x − μ) =
 *  (UᵀL′)·U′ᵀ(x − μ′) + Uᵀ(μ′ − μ), ‖U′ᵀ(x − μ′)‖ ≥ ρ·(‖Uᵀ(x − μ)‖ − δ) for any x. upper, lower (d×d, row-major, zero on the other side, in),
 *  from, to (d, in). Scratch: 4·(d + 2) doubles. */
export function drift(upper: usize, from: usize, lower: usize, to: usize, d: i32, out: usize, scratch: usize): void {
  const rowBytes = <usize>d << 3, roomBytes = rowBytes + 16;
  let difference: f64 = 0, shift: f64 = 0;
  for (let i = 0; i < d; i += 4) {
    const count = min(4, d - i);
    memory.fill(scratch, 0, 4 * roomBytes);
    for (let m = 0; m < i + count; m++) {
      const u = upper + <usize>m * rowBytes + (<usize>i << 3);
      const u0 = v128.load64_splat(u), u1 = v128.load64_splat(u, 8), u2 = v128.load64_splat(u, 16), u3 = v128.load64_splat(u, 24);
      let y = scratch;
      for (let l = lower + <usize>m * rowBytes, end = l + (<usize>m << 3); l <= end; l += 16, y += 16) {
        const x = v128.load(l);
        let to = y;
        v128.store(to, f64x2.add(v128.load(to), f64x2.mul(x, u0))); to += roomBytes;
        v128.store(to, f64x2.add(v128.load(to), f64x2.mul(x, u1))); to += roomBytes;
        v128.store(to, f64x2.add(v128.load(to), f64x2.mul(x, u2))); to += roomBytes;
        v128.store(to, f64x2.add(v128.load(to), f64x2.mul(x, u3)));
      }
    }
    for (let c = 0; c < count; c++) {
      const y = scratch + <usize>c * roomBytes, at = <usize>(i + c) << 3;
      for (let j: usize = 0; j <= at; j += 8) {
        const v = load<f64>(y + j) - <f64>(j == at);
        difference += v * v;
      }
      let moved: f64 = 0;
      for (let m: usize = 0; m <= at; m += 8) moved += load<f64>(upper + (m >> 3) * rowBytes + at) * (load<f64>(to + m) - load<f64>(from + m));
      shift += moved * moved;
    }
  }
  store<f64>(out, 1 / (1 + Math.sqrt(difference)));
  store<f64>(out, Math.sqrt(shift), 8);
}

/** A·Aᵀ of a (d×d, row-major, in; `upper`: zero below the diagonal) to `out` (d×d, symmetric to the bit, out). */
export function timesTransposed(a: usize, d: i32, upper: bool, out: usize): void {
  const rowBytes = <usize>d << 3;
  for (let begin = 0; begin < d; begin += BAND) {
    const end = min(begin + BAND, d);
    for (let i = 0; i < end; i += 4) {
      const count = min(4, d - i);
      for (let j = max(begin, i); j < end; j += 2) {
        const next = j + 1 < end ? rowBytes : 0;
        const y = a + <usize>j * rowBytes, to = out + <usize>j * rowBytes + (<usize>i << 3);
        innerProducts(y, y + next, a + <usize>i * rowBytes, rowBytes, count, upper ? j & ~1 : 0, d, to, to + next);
      }
    }
  }
  for (let i = 0; i < d; i++) {
    for (let j = i + 1; j < d; j++) store<f64>(out + <usize>i * rowBytes + (<usize>j << 3), load<f64>(out + <usize>j * rowBytes + (<usize>i << 3)));
  }
}

/** Doubles of the upper triangle of U (d×d) in pairs of columns, as src/gaussian.ts packs it: panel[j/2][i][2] for i = 0 … j + 1, zero below the
 *  diagonal; a last column without a partner: panel[i]. */
export function triangularPanelLength(d: i32): i32 {
  const pairs = d >> 1;
  return 2 * pairs * (pairs + 1) + (d & 1 ? d : 0);
}
