// Standard normal numbers by the polar method (Marsaglia & Bray 1964): needs only √ and ln, both of which have one answer everywhere.
import { log } from './logarithm.ts'
import type { Random } from './random.ts'

/** A generator of independent standard normal numbers drawn from `random`. */
export function standardNormal(random: Random): () => number {
  let spare: number | undefined
  return () => {
    if (spare !== undefined) {
      const z = spare
      spare = undefined
      return z
    }
    for (;;) {
      const u = 2 * random.uniform() - 1
      const v = 2 * random.uniform() - 1
      const s = u * u + v * v
      if (s >= 1 || s === 0) continue
      const scale = Math.sqrt((-2 * log(s)) / s)
      spare = v * scale
      return u * scale
    }
  }
}
