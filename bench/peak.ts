// @ts-nocheck AssemblyScript, compiled by kernels.mjs while the bench runs
// What this machine's WebAssembly gives at most. In arithmetic: a matrix product C += A·B in register tiles over panels that stay in the first-level cache,
// f64, multiply and add apart (no FMA, whose rounding differs between hosts). Every kernel's rate is told as a share of it.

/** Floating-point operations of one product of depth `depth`: 4×4 and 6×4 tiles. */
export function flops(rows: i32, depth: i32): f64 {
  return 2.0 * <f64>rows * 4.0 * <f64>depth
}

export function heapBase(): usize {
  return __heap_base
}

/** c (4×4) += a ([depth][4]) · b ([depth][4]), `repeat` times. */
export function tile4(a: usize, b: usize, c: usize, depth: i32, repeat: i32): void {
  const end = a + ((<usize>depth) << 5)
  for (let r = 0; r < repeat; r++) {
    let c00 = v128.load(c),
      c01 = v128.load(c, 16),
      c10 = v128.load(c, 32),
      c11 = v128.load(c, 48)
    let c20 = v128.load(c, 64),
      c21 = v128.load(c, 80),
      c30 = v128.load(c, 96),
      c31 = v128.load(c, 112)
    let q = b
    for (let p = a; p < end; p += 32) {
      const x0 = v128.load(p),
        x1 = v128.load(p, 16)
      let y = v128.load64_splat(q)
      c00 = f64x2.add(c00, f64x2.mul(x0, y))
      c01 = f64x2.add(c01, f64x2.mul(x1, y))
      y = v128.load64_splat(q, 8)
      c10 = f64x2.add(c10, f64x2.mul(x0, y))
      c11 = f64x2.add(c11, f64x2.mul(x1, y))
      y = v128.load64_splat(q, 16)
      c20 = f64x2.add(c20, f64x2.mul(x0, y))
      c21 = f64x2.add(c21, f64x2.mul(x1, y))
      y = v128.load64_splat(q, 24)
      c30 = f64x2.add(c30, f64x2.mul(x0, y))
      c31 = f64x2.add(c31, f64x2.mul(x1, y))
      q += 32
    }
    v128.store(c, c00)
    v128.store(c, c01, 16)
    v128.store(c, c10, 32)
    v128.store(c, c11, 48)
    v128.store(c, c20, 64)
    v128.store(c, c21, 80)
    v128.store(c, c30, 96)
    v128.store(c, c31, 112)
  }
}

/** c (6×4) += a ([depth][6]) · b ([depth][4]), `repeat` times. */
export function tile6(a: usize, b: usize, c: usize, depth: i32, repeat: i32): void {
  const end = a + <usize>depth * 48
  for (let r = 0; r < repeat; r++) {
    let c00 = v128.load(c),
      c01 = v128.load(c, 16),
      c02 = v128.load(c, 32),
      c10 = v128.load(c, 48),
      c11 = v128.load(c, 64),
      c12 = v128.load(c, 80)
    let c20 = v128.load(c, 96),
      c21 = v128.load(c, 112),
      c22 = v128.load(c, 128),
      c30 = v128.load(c, 144),
      c31 = v128.load(c, 160),
      c32 = v128.load(c, 176)
    let q = b
    for (let p = a; p < end; p += 48) {
      const x0 = v128.load(p),
        x1 = v128.load(p, 16),
        x2 = v128.load(p, 32)
      let y = v128.load64_splat(q)
      c00 = f64x2.add(c00, f64x2.mul(x0, y))
      c01 = f64x2.add(c01, f64x2.mul(x1, y))
      c02 = f64x2.add(c02, f64x2.mul(x2, y))
      y = v128.load64_splat(q, 8)
      c10 = f64x2.add(c10, f64x2.mul(x0, y))
      c11 = f64x2.add(c11, f64x2.mul(x1, y))
      c12 = f64x2.add(c12, f64x2.mul(x2, y))
      y = v128.load64_splat(q, 16)
      c20 = f64x2.add(c20, f64x2.mul(x0, y))
      c21 = f64x2.add(c21, f64x2.mul(x1, y))
      c22 = f64x2.add(c22, f64x2.mul(x2, y))
      y = v128.load64_splat(q, 24)
      c30 = f64x2.add(c30, f64x2.mul(x0, y))
      c31 = f64x2.add(c31, f64x2.mul(x1, y))
      c32 = f64x2.add(c32, f64x2.mul(x2, y))
      q += 32
    }
    v128.store(c, c00)
    v128.store(c, c01, 16)
    v128.store(c, c02, 32)
    v128.store(c, c10, 48)
    v128.store(c, c11, 64)
    v128.store(c, c12, 80)
    v128.store(c, c20, 96)
    v128.store(c, c21, 112)
    v128.store(c, c22, 128)
    v128.store(c, c30, 144)
    v128.store(c, c31, 160)
    v128.store(c, c32, 176)
  }
}

/** Bytes of memory once, in order: what reading costs at least. */
export function read(address: usize, bytes: usize): i32 {
  const end = address + bytes
  let a = i32x4.splat(0),
    b = a,
    c = a,
    d = a
  for (; address < end; address += 64) {
    a = v128.or(a, v128.load(address))
    b = v128.or(b, v128.load(address, 16))
    c = v128.or(c, v128.load(address, 32))
    d = v128.or(d, v128.load(address, 48))
  }
  return i32x4.extract_lane(v128.or(v128.or(a, b), v128.or(c, d)), 0)
}
