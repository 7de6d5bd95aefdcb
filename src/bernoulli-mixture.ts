// Mixture of products of Bernoulli distributions: latent class analysis (Lazarsfeld & Henry 1968).
import type { EstimatorJSON } from './estimator.ts'
import { log } from './logarithm.ts'
import { FamilyMixture, type MixtureOptions } from './mixture-family.ts'

/** Options of `new BernoulliMixture`. */
export interface BernoulliMixtureOptions extends MixtureOptions {
  /** K×D probabilities to start from. Default: fitted to random responsibilities. */
  probabilitiesInit?: ArrayLike<ArrayLike<number>> | null
}

/** Mixture of K products of D independent Bernoulli distributions over N×D rows of 0 and 1. M-step: p_kj = Σ r·x_j / Σ r. */
export class BernoulliMixture extends FamilyMixture<'probabilities', number[][]> {
  /** @throws TypeError, RangeError for an option that does not exist or a value it does not take. */
  constructor(options?: BernoulliMixtureOptions) {
    super(
      {
        name: 'BernoulliMixture',
        parameter: 'probabilities',
        shape: (k, d) => [k, d],
        expects: (row) => (row.every((x) => x === 0 || x === 1) ? undefined : 'rows of 0 and 1'),
        accepts: (p) => (p >= 0 && p <= 1 ? undefined : 'probabilities from 0 to 1'),
        logDensity: (p) => {
          const [yes, no] = [p.map(log), p.map((v) => log(1 - v))]
          return (row) => {
            let sum = 0
            for (let j = 0; j < row.length; j++) sum += row[j] === 1 ? yes[j] : no[j]
            return sum
          }
        },
        fit: (weight, sum) => sum.map((s) => Math.min(1, s / weight)),
        draw: (p, random) => p.map((v) => Number(random.uniform() < v)),
      },
      options,
    )
  }

  /** K×D probabilities of 1. */
  get probabilities(): number[][] {
    return this.componentParameters
  }

  /** Restores what `toJSON` returned.
   *  @throws TypeError, RangeError for anything else, malformed or truncated, naming the field. */
  static fromJSON(json: EstimatorJSON): BernoulliMixture {
    return new BernoulliMixture(json?.params).restore(json)
  }
}
