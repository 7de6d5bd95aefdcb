// The loop of expectation-maximisation (Dempster, Laird & Rubin 1977). Every mixture runs on it.
import type { Algorithm } from './passes.ts'

/** A latent-variable model as the loop sees it. */
export interface EmModel<P> {
  /** E under `parameters` and M from its responsibilities, fused: the mean log-likelihood of `parameters` and the parameters M gives. */
  step(parameters: P): Algorithm<{ logLikelihood: number; parameters: P }>
}

/** One run of EM. */
export interface EmResult<P> {
  parameters: P
  /** Mean log-likelihood per sample of the parameters each iteration began with. */
  lowerBounds: number[]
  /** The last of them; −∞ before the first iteration. */
  lowerBound: number
  nIter: number
  converged: boolean
  /** Whether `onIteration` asked to stop. */
  stopped: boolean
}

/** Iterates E and M until the mean log-likelihood changes by less than `tol` (strictly, so 0 never stops early) or `maxIter` is reached.
 *  As in scikit-learn, the bound of an iteration is that of the parameters before its M-step. */
export function* em<P>(model: EmModel<P>, initial: P, options: { tol: number; maxIter: number; run: number; lowerBound?: number }): Algorithm<EmResult<P>> {
  const { tol, maxIter, run } = options
  const lowerBounds: number[] = []
  let parameters = initial
  let lowerBound = options.lowerBound ?? Number.NEGATIVE_INFINITY
  let converged = false
  let stopped = false
  while (lowerBounds.length < maxIter && !converged && !stopped) {
    const previous = lowerBound
    const step = yield* model.step(parameters)
    parameters = step.parameters
    lowerBound = step.logLikelihood
    lowerBounds.push(lowerBound)
    const shift = lowerBound - previous
    converged = Math.abs(shift) < tol
    stopped = !(yield { report: { run, iteration: lowerBounds.length, lowerBound, shift } })
  }
  return { parameters, lowerBounds, lowerBound, nIter: lowerBounds.length, converged, stopped }
}
