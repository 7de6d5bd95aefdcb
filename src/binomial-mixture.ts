// Mixture of binomials: rows are (successes, trials), each from one of K coins (Do & Batzoglou 2008).
import type { EstimatorJSON } from './estimator.ts'
import { log } from './logarithm.ts'
import { FamilyMixture, type MixtureOptions } from './mixture-family.ts'

/** Options of `new BinomialMixture`. */
export interface BinomialMixtureOptions extends MixtureOptions {
  /** K probabilities to start from. Default: fitted to random responsibilities. */
  probabilitiesInit?: ArrayLike<number> | null
}

/** Mixture of K binomial distributions over N×2 rows (successes, trials). The likelihood is that of the sequence of trials, without the
 *  binomial coefficient, which no parameter depends on. M-step: p_k = Σ r·successes / Σ r·trials. */
export class BinomialMixture extends FamilyMixture<'probabilities', number[]> {
  /** @throws TypeError, RangeError for an option that does not exist or a value it does not take. */
  constructor(options?: BinomialMixtureOptions) {
    super(
      {
        name: 'BinomialMixture',
        parameter: 'probabilities',
        shape: (k) => [k],
        columns: 2,
        expects: ([s, n]) =>
          Number.isInteger(s) && Number.isInteger(n) && s >= 0 && s <= n
            ? undefined
            : 'rows (successes, trials) of whole numbers, 0 ≤ successes ≤ trials',
        accepts: (p) => (p >= 0 && p <= 1 ? undefined : 'probabilities from 0 to 1'),
        logDensity: ([p]) => {
          const [yes, no] = [log(p), log(1 - p)]
          return ([s, n]) => (s > 0 ? s * yes : 0) + (n > s ? (n - s) * no : 0)
        },
        fit: (_, [successes, trials]) => [trials > 0 ? successes / trials : 0.5],
        draw: ([p], random, _, trials) => {
          let successes = 0
          for (let i = 0; i < trials; i++) if (random.uniform() < p) successes++
          return [successes, trials]
        },
      },
      options,
    )
  }

  /** K probabilities of success. */
  get probabilities(): number[] {
    return this.componentParameters
  }

  /** Restores what `toJSON` returned.
   *  @throws TypeError, RangeError for anything else, malformed or truncated, naming the field. */
  static fromJSON(json: EstimatorJSON): BinomialMixture {
    return new BinomialMixture(json?.params).restore(json)
  }
}
