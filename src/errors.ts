// The errors of the contract. TypeError: wrong kind. RangeError: wrong value. The rest are below.
// Every message says what was expected, what came, where, and what to do.

/** A method that needs a fitted estimator was called before `fit`. */
export class NotFittedError extends Error {
  /** 'NotFittedError'. */
  override name = 'NotFittedError'
  constructor(estimator: string) {
    super(`This ${estimator} is not fitted yet: call fit(X) before using it.`)
  }
}

/** A component's covariance has no spread in some direction, so its density does not exist. */
export class DegenerateCovarianceError extends Error {
  /** 'DegenerateCovarianceError'. */
  override name = 'DegenerateCovarianceError'
  /** Index of the component, 0 ≤ component < nComponents (0 for a tied covariance). */
  readonly component: number
  constructor(component: number, detail: string) {
    super(
      `The covariance of component ${component} is degenerate: ${detail}. ` +
        'Increase regCovar, use fewer components, choose a simpler covarianceType, or remove duplicated or constant features.',
    )
    this.component = component
  }
}

/** What `onWarning` hears. `code` is stable, `message` is for people. */
export interface Warning {
  /** What happened. */
  code: 'not-converged' | 'fewer-clusters' | 'single-init' | 'init-size' | 'likelihood-decreased' | 'threads-unavailable'
  /** What happened and what to do, with the numbers. */
  message: string
}

/** The error for a value of the wrong kind. `where` it is, what was `expected`, and, if that helps, a `remedy`: a sentence that says what to do. */
export const wrongKind = (where: string, expected: string, value: unknown, remedy?: string) =>
  new TypeError(sentence(where, expected, describe(value), remedy))

/** The error for a value of the right kind that will not do. `got`: the value, or what is wrong about it, as it is to be read. */
export const wrongValue = (where: string, expected: string, got: string | number, remedy?: string) =>
  new RangeError(sentence(where, expected, got, remedy))

const sentence = (where: string, expected: string, got: string | number, remedy?: string) =>
  `${where}: expected ${expected}, got ${got}.${remedy ? ` ${remedy}` : ''}`

/** What `onWarning` hears where iterations ended early. */
export const unconverged = (what: string, { maxIter, tol }: { maxIter: number; tol: number }) =>
  `${what} stopped after maxIter = ${maxIter} iterations before tol = ${tol} was met. Increase maxIter or tol.`

/** What `onWarning` hears where several runs would be one. */
export const sameRuns = (given: string, nInit: number) => `given ${given} make every run the same: doing 1 instead of nInit = ${nInit}.`

/** A short description of a value for error messages: what came instead of what was expected. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return value.length > 40 ? `'${value.slice(0, 37)}…'` : `'${value}'`
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return `an array of length ${value.length}`
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name} of length ${(value as Float64Array).length}`
  if (typeof value === 'object')
    return `an object ${value.constructor && value.constructor !== Object ? `of class ${value.constructor.name}` : `with keys {${Object.keys(value).slice(0, 5).join(', ')}}`}`
  return typeof value
}
