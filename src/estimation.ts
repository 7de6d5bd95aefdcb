// Estimation without hidden variables: maximum likelihood, maximum a posteriori, and Bayes' rule over a list of hypotheses. Logarithms are
// our own, so results carry the same bits in every engine.
import { largestOf, sum } from './lists.ts'
import { aboveZero, arrayLike, type Check, checkOptions, finite, isList, nonNegative, number, type Schema } from './check.ts'
import { DegenerateCovarianceError, wrongValue } from './errors.ts'
import { precisionFactors, roundingLevel, totalScatter } from './gaussian.ts'
import { type MatrixLike, sourceOf } from './matrix.ts'
import { mixtures } from './kernel-modules.ts'
import { log } from './logarithm.ts'
import { sharedArena, within } from './memory.ts'
import { checkShape, checkWeights, withRows } from './resident.ts'
import { flatten, reshape } from './shapes.ts'
import { run } from './task.ts'

/** Successes among independent trials. May be fractions: the expected counts of an E-step. */
export interface Counts {
  /** From 0 to `trials`. */
  successes: number
  /** At least 0. */
  trials: number
}

/** Prior of a probability p: the density p^(α−1)·(1−p)^(β−1) / B(α, β) on [0, 1]. α = β = 1 is uniform. */
export interface BetaPrior {
  /** α > 0: one more than the successes it is worth. */
  alpha: number
  /** β > 0: one more than the failures it is worth. */
  beta: number
}

/** Prior of the mean μ and covariance Σ of a Gaussian in D dimensions: Σ ~ inverse Wishart(Ψ₀, ν₀), μ | Σ ~ N(μ₀, Σ/κ₀)
 *  (Gelman et al. 2013, Bayesian Data Analysis, section 3.6). */
export interface NormalInverseWishartPrior {
  /** μ₀ (D). */
  mean: ArrayLike<number>
  /** κ₀ ≥ 0: the rows that μ₀ is worth. */
  meanPrecision: number
  /** ν₀ > −(N + D + 2): the rows that Ψ₀ is worth. A density for ν₀ > D − 1. */
  degreesOfFreedom: number
  /** Ψ₀ (D×D), symmetric positive definite, or all 0: a sum of squares about the mean, in squared units of the data. */
  scale: ArrayLike<ArrayLike<number>>
}

/** The most likely probability of success. */
export interface BernoulliEstimate {
  /** Probability of success. */
  p: number
  /** s·ln p + (n − s)·ln(1 − p) there. */
  logLikelihood: number
}

/** The most probable probability of success, given a prior. */
export interface BernoulliMode {
  /** Probability of success. */
  p: number
  /** ln(likelihood × prior density) there. */
  logPosterior: number
}

/** The most likely Gaussian. */
export interface GaussianEstimate {
  /** μ (D), in units of the data. */
  mean: number[]
  /** Σ (D×D), in squared units of the data. */
  covariance: number[][]
  /** Σ ln N(x; μ, Σ) there. */
  logLikelihood: number
}

/** The most probable Gaussian, given a prior. */
export interface GaussianMode {
  /** μ (D), in units of the data. */
  mean: number[]
  /** Σ (D×D), in squared units of the data. */
  covariance: number[][]
  /** ln(likelihood × prior density) there. */
  logPosterior: number
}

/** What is known of K hypotheses after the data. */
export interface Posterior {
  /** p(k | x) (K). */
  probabilities: number[]
  /** p(x), on the scale of the likelihoods. */
  evidence: number
  /** Index of the most probable hypothesis, the first on ties. */
  best: number
}

/** Options of the estimates of a Gaussian. */
export interface GaussianEstimationOptions {
  /** N weights ≥ 0: weight 0 is an absent row, weight 2 a repeated one. Fractions do as well: the responsibilities of an E-step. */
  sampleWeight?: ArrayLike<number>
}

const LOG_2 = Math.LN2
const LOG_2PI = 1.8378770664093453

// ------------------------------------------------------------------------------------------------------------------ Bernoulli

/** Log-likelihood of a sequence of trials, s·ln p + (n − s)·ln(1 − p) with 0·ln 0 = 0, natural logarithm. Without the binomial
 *  coefficient, which does not depend on p.
 *  @param p a probability, or a list of them for the curve
 *  @returns one number, or one for each of the list; −∞ where p makes the counts impossible
 *  @throws TypeError, RangeError for counts that are none, or p outside [0, 1] */
export function logLikelihood(counts: Counts, p: number): number
export function logLikelihood(counts: Counts, p: ArrayLike<number>): number[]
export function logLikelihood(counts: Counts, p: number | ArrayLike<number>): number | number[] {
  const { successes, trials } = checkCounts('logLikelihood', counts)
  const at = (v: unknown, i?: number) => logPower(probability(v, i === undefined ? 'p' : `p[${i}]`), successes, trials - successes)
  if (isList(p)) return Array.from(p, at)
  return at(p)
}

/** ln p^a·(1 − p)^b with 0·ln 0 = 0. */
function logPower(p: number, a: number, b: number): number {
  return (a === 0 ? 0 : a * log(p)) + (b === 0 ? 0 : b * log(1 - p))
}

function maximumLikelihoodBernoulli(counts: Counts): BernoulliEstimate {
  const where = 'maximumLikelihood.bernoulli'
  const { successes, trials } = checkCounts(where, counts)
  if (trials === 0)
    throw wrongValue(
      where,
      'trials greater than 0',
      '0: without trials every p is as likely',
      'Use maximumAPosteriori.bernoulli with a prior.',
    )
  const p = successes / trials
  return { p, logLikelihood: logPower(p, successes, trials - successes) }
}

function maximumAPosterioriBernoulli(options: Counts & { prior: BetaPrior }): BernoulliMode {
  const where = 'maximumAPosteriori.bernoulli'
  const { successes, trials, prior } = checkCounts(where, options, { prior: any }) as Counts & { prior: BetaPrior }
  const { alpha, beta } = required(`${where}: prior`, prior, { alpha: aboveZero, beta: aboveZero }) as BetaPrior
  // the posterior is Beta(a + 1, b + 1)
  const a = successes + alpha - 1
  const b = trials - successes + beta - 1
  if ((a < 0 && b < 0) || (a === 0 && b === 0)) {
    const what = a < 0 ? 'has two modes, 0 and 1' : 'is flat: every p is a mode'
    throw wrongValue(
      where,
      'counts and a prior with one mode',
      `the posterior Beta(${a + 1}, ${b + 1}), which ${what}`,
      'Give trials, or alpha and beta greater than 1.',
    )
  }
  const p = a < 0 ? 0 : b < 0 ? 1 : a / (a + b)
  return { p, logPosterior: logPower(p, a, b) + logGamma(alpha + beta) - logGamma(alpha) - logGamma(beta) }
}

// ------------------------------------------------------------------------------------------------------------------- Gaussian

/** The part of a prior that the mode depends on. */
interface Hyperparameters {
  mean: Float64Array
  meanPrecision: number
  degreesOfFreedom: number
  scale: Float64Array
}

function maximumLikelihoodGaussian(X: MatrixLike, options?: GaussianEstimationOptions): GaussianEstimate {
  const { sampleWeight } = checkOptions<GaussianEstimationOptions>('maximumLikelihood.gaussian', options, WEIGHT, {})
  // the flat prior: then the mode of the posterior is that of the likelihood
  const flat = (d: number) => ({ mean: new Float64Array(d), meanPrecision: 0, degreesOfFreedom: -(d + 2), scale: new Float64Array(d * d) })
  const { mean, covariance, logDensity } = gaussianMode('maximumLikelihood.gaussian', X, sampleWeight, flat)
  return { mean, covariance, logLikelihood: logDensity }
}

function maximumAPosterioriGaussian(
  X: MatrixLike,
  options: GaussianEstimationOptions & { prior: NormalInverseWishartPrior },
): GaussianMode {
  const where = 'maximumAPosteriori.gaussian'
  const { prior, sampleWeight } = required(where, options, { prior: any }, WEIGHT) as GaussianEstimationOptions & {
    prior: NormalInverseWishartPrior
  }
  const given = required(`${where}: prior`, prior, {
    mean: arrayLike,
    meanPrecision: nonNegative,
    degreesOfFreedom: finite,
    scale: arrayLike,
  }) as NormalInverseWishartPrior
  const shaped = (d: number) => ({
    ...given,
    mean: flatten(given.mean, [d], 'prior.mean'),
    scale: checkScale(flatten(given.scale, [d, d], 'prior.scale'), d),
  })
  const { mean, covariance, logDensity, prior: used } = gaussianMode(where, X, sampleWeight, shaped)
  return { mean, covariance, logPosterior: logDensity + logNormaliser(used, mean.length) }
}

/** Mode of the posterior of a Gaussian under a normal-inverse-Wishart prior, and the log of likelihood × prior there, the prior without its
 *  normaliser. There Σ = Ψ_N/m with m = ν₀ + N + D + 2, so that all quadratic forms add up to tr(Σ⁻¹·Ψ_N) = m·D, and
 *  ln p = −½·(N·D·ln 2π + m·ln|Σ| + m·D). */
function gaussianMode(where: string, X: MatrixLike, sampleWeight: ArrayLike<number> | undefined, priorFor: (d: number) => Hyperparameters) {
  const source = sourceOf(X)
  checkShape(source, 1, where)
  const { rows, cols: d } = source
  const prior = priorFor(d)
  const { meanPrecision: kappa, scale } = prior
  const mode = withRows(source, checkWeights(sampleWeight, rows), function* (data) {
    const { totalWeight: n } = data
    const divisor = n + (prior.degreesOfFreedom + (d + 2)) // in this order n itself under the flat prior
    if (!(divisor > 0)) throw wrongValue('prior.degreesOfFreedom', `more than −(N + D + 2) = ${-(n + d + 2)}`, prior.degreesOfFreedom)
    const { anchor, offset, scatter } = yield* totalScatter(data)
    const pull = Float64Array.from(anchor, (a, j) => prior.mean[j] - a - offset[j]) // μ₀ − x̄
    const share = kappa / (kappa + n)
    const covariance = new Float64Array(d * d)
    for (let i = 0; i < d; i++)
      for (let j = 0; j <= i; j++)
        covariance[i * d + j] = covariance[j * d + i] = (scale[i * d + j] + scatter[i * d + j] + share * n * pull[i] * pull[j]) / divisor
    // a prior with spread gives every direction some, whatever the data
    const rounding = roundingLevel(data.largest, scale[0])
    const factors = precisionFactors(
      'full',
      covariance,
      d,
      Float64Array.from({ length: d }, (_, j) => Math.sqrt(covariance[j * d + j])),
      rounding,
    )
    if (factors instanceof DegenerateCovarianceError) throw factors
    return {
      mean: Array.from(anchor, (a, j) => a + (offset[j] + share * pull[j])),
      covariance: reshape(covariance, [d, d]) as number[][],
      logDensity: -0.5 * (n * d * LOG_2PI - 2 * divisor * logDiagonal(factors, d) + divisor * d),
      prior,
    }
  })
  return run(mode)
}

/** ln of the normaliser of the prior density, |Ψ₀|^(ν₀/2)·κ₀^(D/2) / (2^(ν₀D/2)·Γ_D(ν₀/2)·(2π)^(D/2)); 0 where the prior has none. */
function logNormaliser({ meanPrecision: kappa, degreesOfFreedom: nu, scale }: Hyperparameters, d: number): number {
  const logScale = logDeterminant(scale, d)
  if (logScale === undefined || kappa === 0 || nu <= d - 1) return 0
  let logGammas = (d * (d - 1) * (LOG_2PI - LOG_2)) / 4 // of D dimensions: π^(D(D−1)/4)·Π_j Γ((ν₀ − j)/2)
  for (let j = 0; j < d; j++) logGammas += logGamma((nu - j) / 2)
  return 0.5 * (nu * logScale + d * log(kappa) - nu * d * LOG_2 - d * LOG_2PI) - logGammas
}

/** ln|Σ|, or undefined where Σ (D×D) is not positive definite. */
function logDeterminant(matrix: Float64Array, d: number): number | undefined {
  return within(sharedArena(), (arena) => {
    const [input, lower] = [arena.takeF64(d * d), arena.takeF64(d * d)]
    arena.f64(input, d * d).set(matrix)
    return arena.use(mixtures).cholesky(input, d, lower) < 0 ? 2 * logDiagonal(arena.f64(lower, d * d), d) : undefined
  })
}

/** Σ_j ln a_jj of a D×D matrix. */
function logDiagonal(matrix: Float64Array, d: number): number {
  let sum = 0
  for (let j = 0; j < d; j++) sum += log(matrix[j * d + j])
  return sum
}

/** ln Γ(x) for x > 0, error below 4·2⁻⁵² of the larger of 16 and the result; exact at 1 and 2. Whole numbers up to 23: the logarithm of the
 *  factorial, which is a double. Otherwise Stirling's series from 16 on (the first term left out is below 1.1e-16), and below it
 *  Γ(x) = Γ(x + m) / (x·(x + 1)···(x + m − 1)). @internal */
export function logGamma(x: number): number {
  let product = 1
  if (x <= 23 && Number.isInteger(x)) {
    for (let i = 2; i < x; i++) product *= i
    return log(product)
  }
  for (; x < 16; x++) product *= x
  const r = 1 / x
  const s = r * r
  const series = r * (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s / 1188))))
  return (x - 0.5) * log(x) - x + 0.5 * LOG_2PI + series - log(product)
}

// ------------------------------------------------------------------------------------------------------------------ hypotheses

/** Bayes' rule over K hypotheses: p(k | x) = p(k)·p(x | k) / p(x), p(x) = Σ_k p(k)·p(x | k).
 *  @param prior p(k), K numbers that sum to 1
 *  @param likelihoods p(x | k), K numbers ≥ 0 on any common scale: probabilities or densities
 *  @returns probabilities p(k | x) (K), evidence p(x) on the scale of the likelihoods, best: the index of the most probable hypothesis, the
 *  first on ties. Likelihoods down to the smallest doubles are fine.
 *  @throws TypeError, RangeError for lists that do not fit or are no probabilities, and when no hypothesis with a prior explains x */
export function posterior(prior: ArrayLike<number>, likelihoods: ArrayLike<number>): Posterior {
  const p = probabilities(prior)
  const l = flatten(likelihoods, [p.length], 'likelihoods')
  const negative = l.findIndex((v) => v < 0)
  if (negative >= 0)
    throw wrongValue(
      'likelihoods',
      'numbers of at least 0',
      `${l[negative]} at [${negative}]`,
      'Logarithms go through Math.exp(l - max) first.',
    )
  // relative to the largest, so that products do not underflow
  const largest = l.reduce((most, v, k) => (p[k] > 0 ? Math.max(most, v) : most), 0)
  if (largest === 0)
    throw wrongValue(
      'posterior',
      'a hypothesis with prior and likelihood above 0',
      'none: the evidence is 0',
      'Give the right one a prior, or, where likelihoods underflowed, take exp(logLikelihood - max logLikelihood).',
    )
  const joint = p.map((v, k) => (v > 0 ? v * (l[k] / largest) : 0))
  const mass = sum(joint)
  return {
    probabilities: Array.from(joint, (v) => v / mass),
    evidence: mass * largest,
    best: joint.indexOf(largestOf(joint)),
  }
}

// ---------------------------------------------------------------------------------------------------------------------- checks

const any: Check = (value) => value
const WEIGHT: Schema = { sampleWeight: any }

/** An options object of which all of `schema` must be there. */
function required(where: string, given: unknown, schema: Schema, optional: Schema = {}): object {
  const result = checkOptions<Record<string, unknown>>(where, given, { ...schema, ...optional }, {})
  for (const name of Object.keys(schema))
    if (result[name] === undefined)
      throw new TypeError(`${where}: expected { ${Object.keys(schema).join(', ')} }, got nothing for ${name}.`)
  return result
}

function checkCounts(where: string, given: unknown, more: Schema = {}): Counts {
  const counts = required(where, given, { successes: nonNegative, trials: nonNegative, ...more }) as Counts
  if (counts.successes > counts.trials) throw wrongValue('successes', `at most trials = ${counts.trials}`, counts.successes)
  return counts
}

const probability: Check<number> = (value, name) => number(value, name, 'a number from 0 to 1', (v) => v >= 0 && v <= 1)

function probabilities(prior: ArrayLike<number>): Float64Array {
  arrayLike(prior, 'prior')
  const p = flatten(prior, [prior.length], 'prior')
  p.forEach((v, k) => probability(v, `prior[${k}]`))
  const mass = sum(p)
  if (Math.abs(mass - 1) > 1e-8)
    throw wrongValue('prior', 'probabilities that sum to 1', `a sum of ${mass}`, mass > 0 ? 'Divide each by it.' : '')
  return p
}

/** Ψ₀ as given: symmetric, and positive definite or 0. */
function checkScale(scale: Float64Array, d: number): Float64Array {
  for (let i = 0; i < d; i++)
    for (let j = 0; j < i; j++) {
      const [a, b] = [scale[i * d + j], scale[j * d + i]]
      if (Math.abs(a - b) > 1e-9 * Math.max(Math.abs(a), Math.abs(b)))
        throw wrongValue('prior.scale', 'a symmetric matrix', `${a} at [${i}][${j}] but ${b} at [${j}][${i}]`)
    }
  if (scale.some((v) => v !== 0) && logDeterminant(scale, d) === undefined)
    throw wrongValue(
      'prior.scale',
      'a positive definite matrix, or all 0 for a prior without one',
      'one that is not',
      'Its diagonal must be positive and correlations below 1.',
    )
  return scale
}

// --------------------------------------------------------------------------------------------------------------- what is public

/** Maximum likelihood: the parameters under which the data are most probable (Fisher 1922). */
export const maximumLikelihood = {
  /** p = successes / trials, and the log-likelihood s·ln p + (n − s)·ln(1 − p) there (0·ln 0 = 0; without the binomial coefficient).
   *  @throws TypeError, RangeError for counts that are none, or no trials */
  bernoulli: maximumLikelihoodBernoulli,

  /** μ = Σ x/N (D) and Σ = Σ (x − μ)(x − μ)ᵀ/N (D×D, the population covariance) of X (N×D), and the total log-likelihood
   *  −½·N·(D·ln 2π + ln|Σ| + D) there. Two passes: no offset costs digits.
   *  @param options sampleWeight: N weights, then N is their sum
   *  @throws DegenerateCovarianceError for X without spread in some direction, where the likelihood has no maximum; TypeError, RangeError for
   *  data that cannot be used */
  gaussian: maximumLikelihoodGaussian,
}

/** Maximum a posteriori: the parameters at which likelihood × prior density is largest. `logPosterior` is the logarithm of that product, that is
 *  of p(data, parameters), with the prior normalised and without dividing by the evidence, which no parameter depends on. */
export const maximumAPosteriori = {
  /** Mode of the posterior Beta(s + α, n − s + β): p = (s + α − 1)/(n + α + β − 2) where both parameters exceed 1. With one of at most 1 the
   *  density rises to that edge: p = 0 or 1, and `logPosterior` is +∞ if it is below 1, where the density has a pole. No trials are fine with a
   *  prior that has a mode. α = β = 1 gives maximumLikelihood.bernoulli.
   *  @throws RangeError when no single p is best: both parameters below 1 (modes at 0 and 1) or both 1 (flat); TypeError, RangeError for counts
   *  and priors that are none */
  bernoulli: maximumAPosterioriBernoulli,

  /** Mode of the posterior of a Gaussian under a normal-inverse-Wishart prior (Gelman et al. 2013, section 3.6), for X (N×D) of mean x̄ and
   *  scatter S = Σ (x − x̄)(x − x̄)ᵀ:
   *  μ = (κ₀μ₀ + N·x̄)/(κ₀ + N), Σ = (Ψ₀ + S + κ₀N/(κ₀ + N)·(x̄ − μ₀)(x̄ − μ₀)ᵀ)/(ν₀ + N + D + 2).
   *  A prior without a density (κ₀ = 0, Ψ₀ = 0, or ν₀ ≤ D − 1) counts in `logPosterior` as |Σ|^(−(ν₀ + D + 2)/2)·e^(−½·(tr(Ψ₀Σ⁻¹) + κ₀(μ − μ₀)ᵀΣ⁻¹(μ − μ₀))): with
   *  κ₀ = 0, Ψ₀ = 0, ν₀ = −(D + 2) it is 1 everywhere, and the result is that of maximumLikelihood.gaussian.
   *  @param options prior: see NormalInverseWishartPrior; sampleWeight: N weights, then N is their sum
   *  @throws DegenerateCovarianceError where neither data nor prior give some direction spread beyond rounding; TypeError, RangeError for data
   *  and priors that cannot be used */
  gaussian: maximumAPosterioriGaussian,
}
