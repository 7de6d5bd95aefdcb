// Factorisation of a symmetric positive definite matrix and the inverse of its factor. No loop over samples here; it lives with the
// kernels because it shares their memory and costs O(d³).

/** Σ = L·Lᵀ. `cov` (d×d, row-major, lower triangle read, in), `chol` (d×d, lower triangle written, strict upper set to 0, out).
 *  Returns the index of the first pivot that is not positive, −1 when there is none. */
export function cholesky(cov: usize, d: i32, chol: usize): i32 {
  const rowBytes = <usize>d << 3;
  for (let j = 0; j < d; j++) {
    const rowJ = chol + <usize>j * rowBytes;
    const covJ = cov + <usize>j * rowBytes;
    for (let i = 0; i < j; i++) {
      const rowI = chol + <usize>i * rowBytes;
      let s = load<f64>(covJ + (<usize>i << 3));
      for (let m = 0; m < i; m++) s -= load<f64>(rowJ + (<usize>m << 3)) * load<f64>(rowI + (<usize>m << 3));
      store<f64>(rowJ + (<usize>i << 3), s / load<f64>(rowI + (<usize>i << 3)));
      store<f64>(rowI + (<usize>j << 3), 0);
    }
    let pivot = load<f64>(covJ + (<usize>j << 3));
    for (let m = 0; m < j; m++) {
      const v = load<f64>(rowJ + (<usize>m << 3));
      pivot -= v * v;
    }
    if (!(pivot > 0)) return j;
    store<f64>(rowJ + (<usize>j << 3), Math.sqrt(pivot));
  }
  return -1;
}

/** U = L⁻ᵀ, so that Σ⁻¹ = U·Uᵀ: scikit-learn's precisions_cholesky_. `chol` (d×d, lower, in), `prec` (d×d, upper, strict lower
 *  set to 0, out). Row r of U is column r of L⁻¹. */
export function inverseTransposed(chol: usize, d: i32, prec: usize): void {
  const rowBytes = <usize>d << 3;
  for (let r = 0; r < d; r++) {
    const out = prec + <usize>r * rowBytes;
    for (let i = 0; i < r; i++) store<f64>(out + (<usize>i << 3), 0);
    for (let i = r; i < d; i++) {
      const rowI = chol + <usize>i * rowBytes;
      let s: f64 = i == r ? 1 : 0;
      for (let m = r; m < i; m++) s -= load<f64>(rowI + (<usize>m << 3)) * load<f64>(out + (<usize>m << 3));
      store<f64>(out + (<usize>i << 3), s / load<f64>(rowI + (<usize>i << 3)));
    }
  }
}

/** Doubles that `packTriangular` writes for d features. */
export function triangularPanelLength(d: i32): i32 {
  const pairs = d >> 1;
  return 2 * pairs * (pairs + 1) + (d & 1 ? d : 0);
}

/** Packs the upper triangle of U (d×d, row-major, in) into pairs of columns: panel[j/2][i][2] for i = 0 … j + 1, zero below the diagonal;
 *  a last column without a partner: panel[i] (out). */
export function packTriangular(upper: usize, d: i32, panel: usize): void {
  const rowBytes = <usize>d << 3;
  for (let j = 0; j < d; j += 2) {
    let from = upper + (<usize>j << 3);
    const pair = j + 1 < d;
    for (let i = 0; i <= j; i++, from += rowBytes) {
      store<f64>(panel, load<f64>(from));
      if (pair) store<f64>(panel, load<f64>(from, 8), 8);
      panel += pair ? 16 : 8;
    }
    if (pair) {
      store<f64>(panel, 0);
      store<f64>(panel, load<f64>(from, 8), 8);
      panel += 16;
    }
  }
}
