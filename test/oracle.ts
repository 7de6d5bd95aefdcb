// What the package computes, written a second time for reading: plain loops over nested arrays, nothing shared with src/ or assembly/,
// no blocks, no lanes, no cleverness. Conventions are ours where scikit-learn leaves something open: ties go to the lowest index, empty
// clusters take the farthest rows first (ties to the lowest row), rows of weight zero are absent.

type Rows = ArrayLike<ArrayLike<number>>
export type CovarianceType = 'full' | 'tied' | 'diag' | 'spherical'

const range = (n: number) => Array.from({ length: n }, (_, i) => i)
const table = (n: number, d: number) => range(n).map(() => new Array<number>(d).fill(0))

// ------------------------------------------------------------------------------------------------------------------- k-means

/** ‖x_i − c_j‖², features in order (N×K). */
export function naiveSquaredDistances(X: Rows, C: Rows): number[][] {
  const result = table(X.length, C.length)
  for (let i = 0; i < X.length; i++)
    for (let c = 0; c < C.length; c++) for (let j = 0; j < C[c].length; j++) result[i][c] += (X[i][j] - C[c][j]) * (X[i][j] - C[c][j])
  return result
}

/** The nearest center of each row and the squared distance to it. */
export function naiveAssign(X: Rows, C: Rows): { labels: number[]; best: number[] } {
  const labels: number[] = []
  const best: number[] = []
  for (const distances of naiveSquaredDistances(X, C)) {
    let nearest = 0
    for (let c = 1; c < distances.length; c++) if (distances[c] < distances[nearest]) nearest = c
    labels.push(nearest)
    best.push(distances[nearest])
  }
  return { labels, best }
}

/** The sum of doubles, rounded once (Shewchuk 1997: a growing expansion of non-overlapping parts). */
export function exactSum(values: Iterable<number>): number {
  const parts: number[] = []
  for (let x of values) {
    let kept = 0
    for (let p = 0; p < parts.length; p++) {
      const part = parts[p]
      const sum = x + part
      const lost = Math.abs(x) >= Math.abs(part) ? part - (sum - x) : x - (sum - part)
      if (lost !== 0) parts[kept++] = lost
      x = sum
    }
    parts.length = kept
    parts.push(x)
  }
  return parts.reduceRight((sum, part) => sum + part, 0)
}

/** a·b as a rounded product and its rounding error (Dekker 1971). */
export function exactProduct(a: number, b: number): [number, number] {
  const split = (v: number) => {
    const c = 134217729 * v
    const high = c - (c - v)
    return [high, v - high]
  }
  const [p, [ah, al], [bh, bl]] = [a * b, split(a), split(b)]
  return Math.abs(a) === 1 || Math.abs(b) === 1 ? [p, 0] : [p, ah * bh - p + ah * bl + al * bh + al * bl]
}

/** Weights and means of clusters: Σ w·x / Σ w over `rows`, rounded once. */
export function naiveMeans(X: Rows, k: number, labels: ArrayLike<number>, weights?: ArrayLike<number>, rows = range(X.length)) {
  const members = range(k).map((c) => rows.filter((i) => labels[i] === c && (weights ? weights[i] > 0 : true)))
  const own = (i: number) => weights?.[i] ?? 1
  const weight = members.map((of) => exactSum(of.map(own)))
  const means = members.map((of, c) =>
    range(X[0].length).map((j) => {
      const terms = weights ? of.flatMap((i) => exactProduct(weights[i], X[i][j])) : of.map((i) => X[i][j])
      const first = exactSum(terms) / weight[c]
      const shares = weights ? of.map(own) : [of.length]
      const rest = exactSum([...terms, ...shares.flatMap((w) => exactProduct(-first, w))])
      return Number.isFinite(rest) ? first + rest / weight[c] : first
    }),
  )
  return { weight, means }
}

/** Σ w·‖x − center‖². */
export function naiveInertia(X: Rows, C: Rows, labels: ArrayLike<number>, weights?: ArrayLike<number>): number {
  let inertia = 0
  for (let i = 0; i < X.length; i++) inertia += (weights ? weights[i] : 1) * naiveSquaredDistances([X[i]], [C[labels[i]]])[0][0]
  return inertia
}

export interface NaiveLloydOptions {
  weights?: ArrayLike<number>
  maxIter?: number
  tol?: number
  convergence?: 'centers' | 'mse' | 'mae'
}

/** One iteration as `onIteration` hears it, and the labels it began with. */
export interface NaiveIteration {
  inertia: number
  shift: number
  labels: number[]
}

/** Lloyd's algorithm from `init`, with scikit-learn's stopping rules:
 *  labels that do not change end it at once; then Σ‖change of a center‖² ≤ tol·mean variance; after any other end the labels are made
 *  to fit the last centers. Centers are exact sums rounded once, divided: even the last bits must agree. */
export function naiveLloyd(X: Rows, init: Rows, { weights, maxIter = 300, tol = 1e-4, convergence = 'centers' }: NaiveLloydOptions = {}) {
  const [n, k, d] = [X.length, init.length, init[0].length]
  const weightOf = (i: number) => (weights ? weights[i] : 1)
  const { variance } = naiveMoments(X, weights)
  const threshold = convergence === 'centers' ? (tol * variance.reduce((s, v) => s + v, 0)) / d : tol

  let centers = Array.from(init, (row) => Array.from(row))
  let previousLabels: number[] | undefined
  let previousWatched = Number.NaN
  let converged = false
  let labelsFit = false
  const trace: NaiveIteration[] = []
  while (trace.length < maxIter && !converged) {
    const { labels, best } = naiveAssign(X, centers)
    let inertia = 0
    let distance = 0
    for (let i = 0; i < n; i++) {
      inertia += weightOf(i) * best[i]
      distance += weightOf(i) * Math.sqrt(best[i])
    }
    if (previousLabels?.every((label, i) => label === labels[i] || weightOf(i) === 0)) {
      converged = labelsFit = true
      trace.push({ inertia, shift: 0, labels })
      break
    }
    previousLabels = labels

    const { weight, means } = naiveMeans(X, k, labels, weights)
    const empty = range(k).filter((c) => weight[c] === 0)
    // rows that may move, farthest first; none when every row sits on its center
    const far = range(n)
      .filter((i) => best[i] > 0 && weightOf(i) > 0)
      .sort((a, b) => best[b] - best[a] || a - b)
      .slice(0, empty.length)
    const moved = new Set(far)
    const next = centers.map((center) => center.slice())
    const left =
      far.length > 0
        ? naiveMeans(
            X,
            k,
            labels,
            weights,
            range(n).filter((i) => !moved.has(i)),
          )
        : { weight, means }
    for (const donor of new Set(far.map((i) => labels[i]))) {
      weight[donor] = left.weight[donor]
      means[donor] = left.means[donor]
    }
    for (let c = 0; c < k; c++) if (weight[c] > 0) next[c] = means[c]
    far.forEach((row, e) => {
      weight[empty[e]] = weightOf(row)
      next[empty[e]] = Array.from(X[row])
    })
    let heaviest = 0
    for (let c = 1; c < k; c++) if (weight[c] > weight[heaviest]) heaviest = c
    for (let c = 0; c < k; c++) if (weight[c] === 0) next[c] = next[heaviest].slice()

    let squaredShift = 0
    for (let c = 0; c < k; c++) for (let j = 0; j < d; j++) squaredShift += (next[c][j] - centers[c][j]) ** 2
    centers = next
    trace.push({ inertia, shift: Math.sqrt(squaredShift), labels })
    if (convergence === 'centers') converged = squaredShift <= threshold
    else {
      const watched = convergence === 'mse' ? inertia : distance
      converged = Math.abs(previousWatched - watched) <= threshold * previousWatched
      previousWatched = watched
    }
  }
  const labels = labelsFit && previousLabels ? trace[trace.length - 1].labels : naiveAssign(X, centers).labels
  return { centers, labels, inertia: naiveInertia(X, centers, labels, weights), nIter: trace.length, converged, trace }
}

/** Σ w·min(closest, ‖x − candidate‖²) for each candidate: what k-means++ compares. */
export function naivePotentials(X: Rows, closest: ArrayLike<number>, candidates: Rows, weights?: ArrayLike<number>): number[] {
  return Array.from(candidates, (candidate) => {
    let potential = 0
    for (let i = 0; i < X.length; i++)
      potential += (weights ? weights[i] : 1) * Math.min(closest[i], naiveSquaredDistances([X[i]], [candidate])[0][0])
    return potential
  })
}

/** Σ w, weighted mean and population variance of each column. */
export function naiveMoments(X: Rows, weights?: ArrayLike<number>): { total: number; mean: number[]; variance: number[] } {
  const d = X[0].length
  const mean = new Array<number>(d).fill(0)
  const variance = new Array<number>(d).fill(0)
  let total = 0
  for (let i = 0; i < X.length; i++) total += weights ? weights[i] : 1
  for (let j = 0; j < d; j++) {
    // about the first row, which is near the data whatever their offset
    for (let i = 0; i < X.length; i++) mean[j] += ((weights ? weights[i] : 1) * (X[i][j] - X[0][j])) / total
    mean[j] += X[0][j]
    for (let i = 0; i < X.length; i++) variance[j] += ((weights ? weights[i] : 1) * (X[i][j] - mean[j]) ** 2) / total
  }
  return { total, mean, variance }
}

// --------------------------------------------------------------------------------------------------------- Gaussian mixtures

/** Covariances by type: full K×D×D, tied D×D, diag K×D, spherical K. */
// biome-ignore lint/suspicious/noExplicitAny: four shapes, told apart by `type`
type Covariances = any

export interface NaiveParameters {
  weights: ArrayLike<number>
  means: Rows
  covariances: Covariances
}

/** Component c's covariance as a D×D matrix, whatever the type. */
export function naiveCovariance(covariances: Covariances, type: CovarianceType, c: number, d: number): number[][] {
  if (type === 'full') return covariances[c]
  if (type === 'tied') return covariances
  return range(d).map((i) => range(d).map((j) => (i !== j ? 0 : type === 'diag' ? covariances[c][i] : covariances[c])))
}

/** L with Σ = L·Lᵀ. Throws if Σ is not positive definite. */
export function naiveCholesky(S: Rows): number[][] {
  const d = S.length
  const L = table(d, d)
  for (let i = 0; i < d; i++)
    for (let j = 0; j <= i; j++) {
      let sum = S[i][j]
      for (let m = 0; m < j; m++) sum -= L[i][m] * L[j][m]
      if (i === j && !(sum > 0)) throw new RangeError(`not positive definite: pivot ${i} is ${sum}`)
      L[i][j] = i === j ? Math.sqrt(sum) : sum / L[j][j]
    }
  return L
}

/** Solves L·y = b for a lower triangular L. */
export function naiveForward(L: Rows, b: ArrayLike<number>): number[] {
  const y: number[] = []
  for (let i = 0; i < b.length; i++) {
    let sum = b[i]
    for (let m = 0; m < i; m++) sum -= L[i][m] * y[m]
    y.push(sum / L[i][i])
  }
  return y
}

/** Inverse of a symmetric positive definite matrix, column by column. */
export function naiveInverse(S: Rows): number[][] {
  const d = S.length
  const L = naiveCholesky(S)
  const columns = range(d).map((c) =>
    naiveForward(
      L,
      range(d).map((i) => Number(i === c)),
    ),
  )
  return range(d).map((i) => range(d).map((j) => columns[i].reduce((sum, v, m) => sum + v * columns[j][m], 0)))
}

/** ln π_k + ln N(x_i; μ_k, Σ_k) (N×K). */
export function naiveLogDensities(X: Rows, { weights, means, covariances }: NaiveParameters, type: CovarianceType): number[][] {
  const d = means[0].length
  const result = table(X.length, means.length)
  for (let c = 0; c < means.length; c++) {
    const L = naiveCholesky(naiveCovariance(covariances, type, c, d))
    let logDeterminant = 0
    for (let j = 0; j < d; j++) logDeterminant += 2 * Math.log(L[j][j])
    for (let i = 0; i < X.length; i++) {
      const y = naiveForward(
        L,
        range(d).map((j) => X[i][j] - means[c][j]),
      )
      const square = y.reduce((sum, v) => sum + v * v, 0)
      result[i][c] = Math.log(weights[c]) - 0.5 * (d * Math.log(2 * Math.PI) + logDeterminant + square)
    }
  }
  return result
}

/** ln Σ_k e^(a_k). */
export function naiveLogSumExp(a: ArrayLike<number>): number {
  const top = Math.max(...Array.from(a))
  if (top === Number.NEGATIVE_INFINITY) return top
  return top + Math.log(Array.from(a).reduce((sum, v) => sum + Math.exp(v - top), 0))
}

/** ln p(x_i) (N). */
export function naiveLogNorm(X: Rows, parameters: NaiveParameters, type: CovarianceType): number[] {
  return naiveLogDensities(X, parameters, type).map(naiveLogSumExp)
}

/** p(component | x_i) (N×K). */
export function naiveResponsibilities(X: Rows, parameters: NaiveParameters, type: CovarianceType): number[][] {
  return naiveLogDensities(X, parameters, type).map((a) => {
    const logNorm = naiveLogSumExp(a)
    return a.map((v) => Math.exp(v - logNorm))
  })
}

export interface NaiveEmOptions {
  /** Sample weights. */
  weights?: ArrayLike<number>
  regCovar?: number
}

/** scikit-learn's M-step: n_k = Σ w·r + 10·2⁻⁵², μ = Σ w·r·x/n_k, Σ = Σ w·r·(x − μ)(x − μ)ᵀ/n_k + regCovar·I and what the other types
 *  make of it; π = n_k/Σ n_k. */
export function naiveMStep(X: Rows, responsibilities: Rows, type: CovarianceType, { weights, regCovar = 1e-6 }: NaiveEmOptions = {}) {
  const [n, k, d] = [X.length, responsibilities[0].length, X[0].length]
  const share = (i: number, c: number) => (weights ? weights[i] : 1) * responsibilities[i][c]
  const counts = new Array<number>(k).fill(0)
  const means = table(k, d)
  const scatter = range(k).map(() => table(d, d)) // Σ w·r·(x − μ)(x − μ)ᵀ
  for (let c = 0; c < k; c++) {
    for (let i = 0; i < n; i++) counts[c] += share(i, c)
    counts[c] += 10 * 2 ** -52
    for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) means[c][j] += (share(i, c) * X[i][j]) / counts[c]
    for (let i = 0; i < n; i++)
      for (let a = 0; a < d; a++)
        for (let b = 0; b < d; b++) scatter[c][a][b] += share(i, c) * (X[i][a] - means[c][a]) * (X[i][b] - means[c][b])
  }
  const mass = counts.reduce((sum, v) => sum + v, 0)
  const variances = range(k).map((c) => range(d).map((j) => scatter[c][j][j] / counts[c] + regCovar))
  const squareOf = (entry: (a: number, b: number) => number) =>
    range(d).map((a) => range(d).map((b) => entry(a, b) + (a === b ? regCovar : 0)))
  const covariances: Covariances = {
    full: () => range(k).map((c) => squareOf((a, b) => scatter[c][a][b] / counts[c])),
    tied: () => squareOf((a, b) => range(k).reduce((sum, c) => sum + scatter[c][a][b], 0) / mass),
    diag: () => variances,
    spherical: () => variances.map((v) => v.reduce((sum, x) => sum + x, 0) / d),
  }[type]()
  return { weights: counts.map((v) => v / mass), means, covariances, counts }
}

/** One iteration of EM: the mean log-likelihood of `parameters` on X, and the parameters the M-step makes of their responsibilities. */
export function naiveEmStep(X: Rows, parameters: NaiveParameters, type: CovarianceType, options: NaiveEmOptions = {}) {
  const { weights } = options
  const logNorm = naiveLogNorm(X, parameters, type)
  let total = 0
  let logLikelihood = 0
  for (let i = 0; i < X.length; i++) {
    const w = weights ? weights[i] : 1
    total += w
    if (w > 0) logLikelihood += w * logNorm[i]
  }
  const { counts: _, ...next } = naiveMStep(X, naiveResponsibilities(X, parameters, type), type, options)
  return { logLikelihood: logLikelihood / total, ...next }
}
