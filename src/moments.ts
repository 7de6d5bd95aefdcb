/** Mean with Neumaier's compensation (1974): totals of log-likelihoods are compared by small differences in model selection. @internal */
export function mean(values: Float64Array): number {
  let sum = 0
  let lost = 0
  for (const v of values) {
    const next = sum + v
    lost += Math.abs(sum) >= Math.abs(v) ? sum - next + v : v - next + sum
    sum = next
  }
  return (Number.isFinite(sum) ? sum + lost : sum) / values.length
}
