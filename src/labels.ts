// The table from which the most probable component of most rows is told in single precision: what it holds and why is said in assembly/labels.ts.
import { type CovarianceType, type GaussianParameters, isDense } from './gaussian.ts'
import { sum } from './lists.ts'
import { weightedMean } from './origin.ts'

// The kernel's largest weight
const MOST = 2 ** 60
// Half of the distance of single-precision numbers at 1
const UNIT = 2 ** -24

/** Writes the table of a mixture to `table`, zeros (see `labelDoubles`). Returns whether single precision can hold it.
 *  @param constants log weight and log normaliser of each component: the first of every four */
export function fillLabelTable(
  type: CovarianceType,
  parameters: GaussianParameters,
  d: number,
  constants: Float64Array,
  table: Float64Array,
): boolean {
  const { weights, means, precisionsCholesky: factors } = parameters
  const k = weights.length
  const even = d + (d & 1)
  const full = type === 'full'
  const features = type === 'diag' ? 2 * even : even + 1
  const origin = weightedMean(parameters, d)
  table.set(origin)
  // 1/g: the mean standard deviation of a feature, the others known
  const scales = table.subarray(even, even + d)
  const mass = sum(weights)
  for (let c = 0; c < (type === 'tied' ? 1 : k); c++) {
    const share = type === 'tied' ? 1 : weights[c] / mass
    for (let j = 0; j < d; j++) {
      let precision = 0
      if (isDense(type)) for (let at = (c * d + j) * d + j, end = (c * d + j + 1) * d; at < end; at++) precision += factors[at] ** 2
      else precision = factors[type === 'diag' ? c * d + j : c] ** 2
      scales[j] += share / Math.sqrt(precision)
    }
  }
  for (let j = 0; j < d; j++) scales[j] = 1 / scales[j]

  const panels = new Float32Array(table.buffer, table.byteOffset + 16 * even, 2 * (table.length - 2 * even))
  const length = full ? even * (even / 2 + 2) : 2 * (features + 1) // of a panel
  const errors = panels.subarray(length * (full ? k : Math.ceil(k / 2)))
  // what all components have in common does not count; twice E is taken for more, as all of this is rounded
  const common = constants.reduce((most, v, i) => (i % 4 === 0 ? Math.max(most, v) : most), -Infinity)
  const gamma = (features + d + 18) * UNIT
  const eta = 2 ** -12 + (2 * d + 20) * UNIT
  const twice = 2.25 * gamma
  errors[2 * k] = full ? -2.25 * eta : type === 'tied' ? 0 : -4 * twice
  if (full) errors[3 * k + 1] = (1 - eta) / 2
  // where terms cancel in double precision, this share of their magnitudes counts as if single precision lost it
  const lost = (2 * d + 4) * 2 ** -29
  const [delta, z] = [new Float64Array(d), new Float64Array(d)]
  let [most, least] = [0, MOST]
  for (let c = 0; c < k + (k & 1); c++) {
    const panel = panels.subarray(full ? c * length : (c >> 1) * length + (c & 1))
    const dead = !(weights[c] > 0) // or there is none
    if (full && dead && c < k) errors[2 * k + 1 + c] = -Infinity
    if (!full && dead) panel[0] = -Infinity
    if (dead) continue
    const put = (place: number, weight: number) => {
      panel[place] = weight
      most = Math.max(most, Math.abs(weight))
    }
    const constant = constants[4 * c] - common
    // where all is 0, what underflows is not
    const own = gamma * Math.abs(constant) + 2 ** -60
    let square = 0 // Σ s²·δ²
    let reach = 0 // of Σ ‖row of U‖·|δ|, above the length of the magnitudes that make z, the share that is lost
    for (let j = 0; j < d; j++) delta[j] = means[c * d + j] - origin[j]
    if (isDense(type)) {
      const start = full ? c * d * d : 0
      z.fill(0)
      for (let i = 0; i < d; i++) {
        let precision = 0
        for (let j = i, at = start + i * d + i; j < d; j++, at++) {
          z[j] += factors[at] * delta[i]
          precision += factors[at] ** 2
        }
        reach += Math.sqrt(precision) * Math.abs(delta[i])
      }
      for (let j = 0; j < d; j++) square += z[j] * z[j]
      reach *= lost
    }
    if (full) {
      let norm = 0
      let at = 0
      for (let m = 0; m < d; m += 2) {
        put(at++, -z[m])
        put(at++, m + 1 < d ? -z[m + 1] : 0)
        for (let i = 0; i < m + 2; i++)
          for (let j = m; j < m + 2; j++, at++)
            if (i <= j && j < d) {
              const v = factors[(c * d + i) * d + j] / scales[i]
              put(at, v)
              norm += v * v
            }
      }
      const share = 4097 * ((d + 8) * UNIT) ** 2
      const e = 2 * share * (square + reach * reach) + 8 * UNIT * Math.abs(constant) + 2 ** -60
      errors[c] = 2.25 * (e + eta * constant)
      errors[k + c] = 2.25 * share * norm
      errors[2 * k + 1 + c] = constant + e
      most = Math.max(most, norm, Math.abs(constant))
    } else if (type === 'tied') {
      // w = UUᵀδ/g
      let norm = 0
      for (let i = 0; i < d; i++) {
        let v = 0
        for (let j = i; j < d; j++) v += factors[i * d + j] * z[j]
        put(2 + 2 * i, v / scales[i])
        norm += (Math.abs(v) / scales[i] + reach) ** 2
      }
      // at least what double precision leaves of squares, for ‖y‖ up to 2²⁰
      const length = Math.max(Math.sqrt(norm), 2 ** -8 * d)
      const e = own + gamma * (square + (reach * reach) / lost)
      panel[0] = constant - square / 2 + e
      put(2 + 2 * even, gamma * length)
      errors[c] = 2.25 * e
      errors[k + c] = twice * length
      most = Math.max(most, length, Math.abs(constant) + square)
    } else {
      for (let j = 0; j < d; j++) {
        const s = factors[type === 'diag' ? c * d + j : c] ** 2
        const g = scales[j]
        put(2 + 2 * j, (s * delta[j]) / g)
        square += s * delta[j] * delta[j]
        if (type === 'spherical' && j > 0) continue
        const half = s / g / g / 2
        put(2 + 2 * (even + j), -half * (1 - 2 * gamma))
        least = Math.min(least, half)
      }
      panel[0] = constant - square / 2 + own + gamma * square
      errors[c] = 2.25 * own + twice * (4 * constant + 3 * square)
      most = Math.max(most, Math.abs(constant) + square)
    }
  }
  return gamma < 2 ** -10 && most <= MOST && least >= 1 / MOST && scales.every((g) => g > 0 && g < Infinity)
}
