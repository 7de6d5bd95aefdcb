// Tiles: the layout every hot loop works on. A block of rows is packed into quads of 4 samples, feature after feature,
//   tile[quad][feature][4]      (32 bytes a feature, so one quad is two v128 per feature)
// so that SIMD runs across samples and nothing is ever summed horizontally inside a row. Packing happens block by block in cache:
// X itself stays row-major, once, in memory.

/** Samples in a quad. */
export const QUAD: i32 = 4;

/** Rows a block has: 256 or 128, a function of d alone, because block edges decide the order of summation.
 *  Measured at d = 64: 128 rows make a full-covariance pass 14 % faster than 32 (fewer horizontal sums), 256 no faster;
 *  at d ≤ 8 a block of 256 still fits the first-level cache and halves the work at block edges. */
export function blockRows(d: i32): i32 {
  return d <= 8 ? 256 : 128;
}

/** Packs rows [start, start + count) of x (n×d, row-major, in) into `tile` ([⌈count/4⌉][d][4], out).
 *  The last quad is filled up with copies of the last row, so padding never makes a value that the data do not have. */
export function pack(x: usize, d: i32, start: i32, count: i32, tile: usize): void {
  const stride = <usize>d << 3;
  const base = x + <usize>start * stride;
  const last = base + <usize>(count - 1) * stride;
  const even = d & ~1;
  let out = tile;
  for (let s = 0; s < count; s += QUAD) {
    let r0 = base + <usize>s * stride;
    let r1 = min(r0 + stride, last);
    let r2 = min(r1 + stride, last);
    let r3 = min(r2 + stride, last);
    for (let j = 0; j < even; j += 2) {
      const a = v128.load(r0), b = v128.load(r1), c = v128.load(r2), e = v128.load(r3);
      v128.store(out, v128.shuffle<f64>(a, b, 0, 2));
      v128.store(out, v128.shuffle<f64>(c, e, 0, 2), 16);
      v128.store(out, v128.shuffle<f64>(a, b, 1, 3), 32);
      v128.store(out, v128.shuffle<f64>(c, e, 1, 3), 48);
      r0 += 16; r1 += 16; r2 += 16; r3 += 16;
      out += 64;
    }
    if (even < d) {
      store<f64>(out, load<f64>(r0));
      store<f64>(out, load<f64>(r1), 8);
      store<f64>(out, load<f64>(r2), 16);
      store<f64>(out, load<f64>(r3), 24);
      out += 32;
    }
  }
}

/** The inverse of `pack` for k values of `count` samples, multiplied by a share of each: tile ([quads][k][4], in), shares (4 a quad, in), rows (count×k,
 *  row-major, out). */
export function unpackShares(tile: usize, count: i32, k: i32, shares: usize, rows: usize): void {
  const rowBytes = <usize>k << 3;
  const even = rowBytes & ~15;
  for (let s = 0; s < count; s += QUAD, rows += 4 * rowBytes, shares += 32) {
    const samples = min(count - s, QUAD);
    // what is past the end goes to the first row, which is written last
    const r0 = rows, r1 = r0 + (samples > 1 ? rowBytes : 0), r2 = r0 + (samples > 2 ? 2 * rowBytes : 0), r3 = r0 + (samples > 3 ? 3 * rowBytes : 0);
    const s0 = v128.load64_splat(shares), s1 = v128.load64_splat(shares, 8), s2 = v128.load64_splat(shares, 16), s3 = v128.load64_splat(shares, 24);
    let at: usize = 0;
    for (; at < even; at += 16, tile += 64) {
      const a0 = v128.load(tile), a1 = v128.load(tile, 16), b0 = v128.load(tile, 32), b1 = v128.load(tile, 48);
      v128.store(r3 + at, f64x2.mul(v128.shuffle<f64>(a1, b1, 1, 3), s3));
      v128.store(r2 + at, f64x2.mul(v128.shuffle<f64>(a1, b1, 0, 2), s2));
      v128.store(r1 + at, f64x2.mul(v128.shuffle<f64>(a0, b0, 1, 3), s1));
      v128.store(r0 + at, f64x2.mul(v128.shuffle<f64>(a0, b0, 0, 2), s0));
    }
    if (at < rowBytes) {
      store<f64>(r3 + at, load<f64>(tile, 24) * load<f64>(shares, 24));
      store<f64>(r2 + at, load<f64>(tile, 16) * load<f64>(shares, 16));
      store<f64>(r1 + at, load<f64>(tile, 8) * load<f64>(shares, 8));
      store<f64>(r0 + at, load<f64>(tile) * load<f64>(shares));
      tile += 32;
    }
  }
}

/** Packs k rows of m (k×d, row-major, in) into panels of four: panel[⌈k/4⌉][d][4] (out). Missing rows of the last panel are
 *  zeros and never read back. The layout in which centers meet a quad: one load per (feature, center), splat over the samples. */
export function packPanels(m: usize, k: i32, d: i32, panels: usize): void {
  memory.fill(panels, 0, <usize>((k + 3) >> 2) * <usize>d << 5);
  for (let c = 0; c < k; c++) {
    const row = m + (<usize>c * <usize>d << 3);
    const out = panels + (<usize>(c >> 2) * <usize>d << 5) + (<usize>(c & 3) << 3);
    for (let j = 0; j < d; j++) store<f64>(out + (<usize>j << 5), load<f64>(row + (<usize>j << 3)));
  }
}

/** Brings all lines of memory from `p` to `end` (in) into the cache at once: as many loads are under way as a processor allows, where what works on rows
 *  waits for each. `unread` (16 bytes, out) keeps the loads. */
export function touch(p: usize, end: usize, unread: usize): void {
  let all = f64x2.splat(0);
  for (; p < end; p += 64) all = v128.or(all, v128.load64_zero(p));
  v128.store(unread, all);
}
