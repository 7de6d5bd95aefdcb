// Mixture of products of Poisson distributions: counts.
import { sum } from './lists.ts'
import type { EstimatorJSON } from './estimator.ts'
import { logGamma } from './estimation.ts'
import { log } from './logarithm.ts'
import { FamilyMixture, type MixtureOptions } from './mixture-family.ts'

/** Options of `new PoissonMixture`. */
export interface PoissonMixtureOptions extends MixtureOptions {
  /** K×D rates to start from. Default: fitted to random responsibilities. */
  ratesInit?: ArrayLike<ArrayLike<number>> | null
}

/** Mixture of K products of D independent Poisson distributions over N×D rows of counts. M-step: λ_kj = Σ r·x_j / Σ r. */
export class PoissonMixture extends FamilyMixture<'rates', number[][]> {
  /** @throws TypeError, RangeError for an option that does not exist or a value it does not take. */
  constructor(options?: PoissonMixtureOptions) {
    super(
      {
        name: 'PoissonMixture',
        parameter: 'rates',
        shape: (k, d) => [k, d],
        expects: (row) => (row.every((x) => Number.isInteger(x) && x >= 0) ? undefined : 'rows of counts (whole numbers of at least 0)'),
        accepts: (rate) => (rate >= 0 ? undefined : 'rates of at least 0'),
        logDensity: (rates) => {
          const logs = rates.map(log)
          const total = sum(rates)
          return (row) => {
            let sum = -total
            for (let j = 0; j < row.length; j++) if (row[j] > 0) sum += row[j] * logs[j]
            return sum
          }
        },
        logBase: (row) => -row.reduce((s, x) => s + logGamma(x + 1), 0),
        fit: (weight, sum) => sum.map((s) => s / weight),
        draw: (rates, random) => rates.map((rate) => drawPoisson(rate, random)),
      },
      options,
    )
  }

  /** K×D rates λ. */
  get rates(): number[][] {
    return this.componentParameters
  }

  /** Restores what `toJSON` returned.
   *  @throws TypeError, RangeError for anything else, malformed or truncated, naming the field. */
  static fromJSON(json: EstimatorJSON): PoissonMixture {
    return new PoissonMixture(json?.params).restore(json)
  }
}

// How many exponential waiting times of mean 1 fit into `rate`: O(rate), exact
function drawPoisson(rate: number, random: { uniform(): number }): number {
  let count = -1
  for (let time = 0; time <= rate; count++) time -= log(1 - random.uniform())
  return count
}
