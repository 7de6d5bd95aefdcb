// exp of the kernels and log, measured in units in the last place against values of twice the precision (golden/make.py, mpmath).
import { describe, expect, it } from 'vitest'
import { mixtures } from '../src/kernel-modules.ts'
import { log } from '../src/logarithm.ts'
import { sharedArena, within } from '../src/memory.ts'
import golden from './golden/exp-log.json'
import { uniforms } from './near.ts'

const { exp } = sharedArena().use(mixtures)

const bits = new DataView(new ArrayBuffer(8))

/** The next double above |h| minus |h|. */
function ulp(h: number): number {
  bits.setFloat64(0, Math.abs(h))
  bits.setBigUint64(0, bits.getBigUint64(0) + 1n)
  return bits.getFloat64(0) - Math.abs(h)
}

/** Largest error in ulp of `f` over the arguments of a table that `wanted` picks, and where. */
function worst(f: (x: number) => number, table: typeof golden.exp, wanted: (x: number) => boolean) {
  let error = 0
  let at = Number.NaN
  let count = 0
  table.x.forEach((x, i) => {
    if (!wanted(x)) return
    count++
    const e = Math.abs((f(x) - table.hi[i]) / ulp(table.hi[i]) - table.rest[i])
    if (!(e <= error)) [error, at] = [e, x]
  })
  return { error, at, count }
}

describe('exp', () => {
  it('errs by less than 1.1 ulp on [−708, 0], as its docstring states', () => {
    const { error, at, count } = worst(exp, golden.exp, (x) => x >= -708)
    expect(count).toBeGreaterThan(3000)
    expect(error, `at ${at}`).toBeLessThan(1.1)
  })

  it('is 0 below −708, where the true value is below 3.4e−308', () => {
    golden.exp.x.forEach((x, i) => {
      if (x >= -708) return
      expect(exp(x)).toBe(0)
      expect(golden.exp.hi[i]).toBeLessThan(3.4e-308)
    })
    expect(exp(-708)).toBeGreaterThan(0)
    expect(exp(-Number.MAX_VALUE)).toBe(0)
    expect(exp(-Infinity)).toBe(0)
  })

  it('is exactly 1 at ±0 and so near 0 that no other double is nearer', () => {
    for (const x of [0, -0, 5e-324, -5e-324, 1e-300, -1e-300, 2 ** -54, -(2 ** -55)]) expect(exp(x)).toBe(1)
  })

  it('above 0: errs by less than 1.1 ulp, reaches the largest double and then ∞', () => {
    // e^x for x > 0 from the table's e^−x in double-double: 1/(hi + lo) = q − q·(hi·q − 1 + lo·q), q = 1/hi rounded, its remainder exact
    let error = 0
    golden.exp.x.forEach((x, i) => {
      const [hi, lo] = [golden.exp.hi[i], golden.exp.lo[i]]
      if (x < -660) return // lo would be subnormal
      const q = 1 / hi
      const rest = -q * (remainder(hi, q) + lo * q) // true value = q + rest, to some 2^−104
      error = Math.max(error, Math.abs((exp(-x) - q) / ulp(q) - rest / ulp(q)))
    })
    expect(error).toBeLessThan(1.1)
    expect(exp(709.782712893384) / 1.797693134862273e308).toBeCloseTo(1, 13) // 1024·ln 2 less 2.4e−14
    expect(exp(709.7827128933841)).toBe(Infinity)
    expect(exp(Infinity)).toBe(Infinity)
  })

  it('passes NaN on', () => expect(exp(Number.NaN)).toBeNaN())

  it('never falls where x rises by more than its error', () => {
    // neighbouring arguments around every step of n, where two polynomials meet
    for (let n = -1020; n <= 1022; n++) {
      const x = (n + 0.5) * Math.LN2
      const step = Math.max(4 * ulp(x), 2 ** -50) // e^x rises by 8 ulp at least, which two errors of 1.1 cannot hide
      expect(exp(x + step)).toBeGreaterThan(exp(x - step))
    }
  })
})

describe('densities of a block of rows', () => {
  // 2^(2^−j) in units of 2^−160, j = 1 … 22, by square roots
  const unit = 1n << 160n
  const roots: bigint[] = []
  for (let j = 1, v = 2n * unit; j <= 22; j++) roots.push((v = root(v * unit)))

  function root(v: bigint): bigint {
    let x = 1n << BigInt((v.toString(2).length + 1) >> 1)
    for (;;) {
      const next = (x + v / x) >> 1n
      if (next >= x) return x
      x = next
    }
  }

  /** 2^(t/64) for a multiple t of 2^−16 as the double nearest to it and what is left of it in units of its last place. */
  function power(t: number): [double: number, rest: number] {
    const fixed = BigInt(t * 65536) // t/64 in units of 2^−22
    const whole = fixed >> 22n
    let v = unit
    for (let j = 1; j <= 22; j++) if ((fixed >> BigInt(22 - j)) & 1n) v = (v * roots[j - 1]) / unit
    const scale = 1n << 108n // a last place of 2^−52
    const digits = (v + scale / 2n) / scale
    return [Number(digits) * 2 ** (Number(whole) - 52), Number(v - digits * scale) / Number(scale)]
  }

  it('err by less than 1.1 ulp', () => {
    const { splitColumn, finishColumns } = sharedArena().use(mixtures)
    const quads = 64
    const u = uniforms(7)
    let error = 0
    within(sharedArena(), (arena) => {
      const [e, powers, sums] = [8, 8, 4].map((n) => arena.takeDoubles(n * quads))
      const next = 32 * quads // bytes of a component
      for (let round = 0; round < 40; round++) {
        const least = [1, 64, 4000, 65400][round % 4]
        const t = Array.from(e, () => -Math.round(u() * least * 65536) / 65536)
        e.set(t)
        for (let at = 0; at < 2 * next; at += next) splitColumn(e.byteOffset + at, quads, powers.byteOffset + at)
        finishColumns(e.byteOffset, powers.byteOffset, next, quads, sums.fill(0).byteOffset)
        t.forEach((v, i) => {
          const [double, rest] = power(v)
          error = Math.max(error, Math.abs((e[i] - double) / ulp(double) - rest))
        })
        sums.forEach((sum, i) => expect(sum).toBe(e[i] + e[4 * quads + i]))
      }
    })
    expect(error).toBeGreaterThan(0.5) // a rounded table and a rounded sum
    expect(error).toBeLessThan(1.1)
  })

  it('are 0 from −1023·64 steps on, and 1 at 0', () => {
    const { splitColumn, finishColumns } = sharedArena().use(mixtures)
    within(sharedArena(), (arena) => {
      const [f, powers, sums] = [8, 8, 4].map((n) => arena.takeDoubles(n))
      f.set([-65472, -65473, -1e300, -Infinity, Number.NaN, 0, -64, -65408])
      for (let c = 0; c < 2; c++) splitColumn(f.byteOffset + 32 * c, 1, powers.byteOffset + 32 * c)
      finishColumns(f.byteOffset, powers.byteOffset, 32, 1, sums.fill(0).byteOffset)
      expect([...f]).toEqual([0, 0, 0, 0, 0, 1, 0.5, 2 ** -1022])
    })
  })
})

describe('log', () => {
  it('errs by less than 0.9 ulp on all positive doubles, as its docstring states', () => {
    const { error, at, count } = worst(log, golden.log, () => true)
    expect(count).toBeGreaterThan(2500)
    expect(error, `at ${at}`).toBeLessThan(0.9)
  })

  it('is exact at 1 and correctly rounded at normal powers of two', () => {
    expect(log(1)).toBe(0)
    golden.log.x.forEach((x, i) => {
      if (x >= 2 ** -1022 && Number.isInteger(Math.log2(x)) && 2 ** Math.log2(x) === x) expect(log(x)).toBe(golden.log.hi[i])
    })
    for (let k = -1022; k <= 1023; k++) expect(log(2 ** k)).toBe(timesLn2(k))
  })

  it('is −∞ at ±0, ∞ at ∞ and NaN for what has no logarithm', () => {
    expect(log(0)).toBe(-Infinity)
    expect(log(-0)).toBe(-Infinity)
    expect(log(Infinity)).toBe(Infinity)
    for (const x of [-5e-324, -1, -Infinity, Number.NaN]) expect(log(x)).toBeNaN()
  })

  it('undoes exp', () => {
    // log errs by 0.9 ulp of x; 1.1 ulp of e^x, 2.2e−16 relative, are 2.5e−16 absolute in x
    for (let x = -700; x <= 700; x += 0.37) expect(Math.abs(log(exp(x)) - x)).toBeLessThanOrEqual(0.9 * ulp(x) + 2.5e-16)
  })

  it('has the bits that the kernels have', () => {
    const arena = sharedArena()
    const [joint, logNorm, sums] = [1000, 1, 1].map((length) => arena.takeF64(length))
    const { posterior } = arena.use(mixtures)
    // k components of log-density 0 together: ln k
    for (let k = 1; k <= 1000; k++) {
      arena.f64(joint, k).fill(0)
      posterior(joint, 0, k, logNorm, 0, 0, 1, sums, 0)
      expect(log(k)).toBe(arena.f64(logNorm, 1)[0])
    }
  })
})

// hi·q − 1 without rounding error (Dekker 1971: split factors, products of halves are exact)
function remainder(hi: number, q: number): number {
  const split = (v: number) => {
    const scale = 2 ** Math.floor(Math.log2(v))
    const big = (v / scale) * 134217729
    const head = big - (big - v / scale)
    return { head: head * scale, tail: (v / scale - head) * scale }
  }
  const [a, b] = [split(hi), split(q)]
  return a.head * b.head - 1 + (a.head * b.tail + a.tail * b.head) + a.tail * b.tail
}

// The double nearest to k·ln 2, from 160 bits of ln 2: converting a BigInt rounds correctly
function timesLn2(k: number): number {
  return Number(BigInt(k) * 0xb17217f7d1cf79abc9e3b39803f2f6af40f34326n) / 2 ** 160
}
