// TypeScript programs that use the package, under the strictest settings and every way of resolving modules; and the manifest, as its linters see it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { project, run } from './project.ts'

const bin = (path: string) => resolve(import.meta.dirname, '../../node_modules', path)

// Options, attributes by covariance type, data of every form, errors, and what must not compile
const PROGRAM = `import {
  type CovarianceType,
  DegenerateCovarianceError,
  type EstimatorJSON,
  GaussianMixture,
  type GaussianMixtureOptions,
  KMeans,
  type KMeansOptions,
  Matrix,
  type MatrixLike,
  NotFittedError,
  PoissonMixture,
  adjustedRandScore,
  covarianceEllipse,
  expectationMaximization,
  loadIris,
  selectGaussianMixture,
  type Warning,
} from 'mixtura'
import { toOnnx } from 'mixtura/onnx'
import { fromScikitLearn } from 'mixtura/scikit-learn'

const X: Matrix = loadIris().data
const full: number[][][] = new GaussianMixture({ nComponents: 2 }).fit(X).covariances
const alsoFull: number[][][] = new GaussianMixture({ nComponents: 2, covarianceType: 'full' }).fit(X).precisionsCholesky
const tied: number[][] = new GaussianMixture({ nComponents: 2, covarianceType: 'tied' }).fit(X).covariances
const diag: number[][] = new GaussianMixture({ nComponents: 2, covarianceType: 'diag' }).fit(X).covariances
const spherical: number[] = new GaussianMixture({ nComponents: 2, covarianceType: 'spherical' }).fit(X).precisions
// @ts-expect-error one number a component is not a matrix a component
const wrong: number[][][] = new GaussianMixture({ nComponents: 2, covarianceType: 'spherical' }).fit(X).covariances
declare const someType: CovarianceType
const open: number[] | number[][] | number[][][] = new GaussianMixture({ covarianceType: someType }).fit(X).covariances

const forms: MatrixLike[] = [
  [[1, 2], [3, 4]],
  [Float64Array.of(1, 2)],
  { data: new Float32Array(4), shape: [2, 2] },
  { rows: 1, columns: 1, get: (_i: number, _j: number) => 1 },
  { numRows: 1, numCols: 1, getChildAt: (_j: number) => ({ toArray: () => Float64Array.of(1) }) },
  { numRows: () => 1, columnNames: () => ['a'], array: (_name: string) => [1] },
  { getColumns: () => [[1], [2]] },
  { shape: [1, 2], dataSync: () => Float32Array.of(1, 2), data: async () => Float32Array.of(1, 2) },
  { values: [[1, 2]], columns: ['a', 'b'] },
  [X, { data: [1, 2], shape: [1, 2] }],
  X,
]
const bytes: Uint8Array = toOnnx(new KMeans({ nClusters: 1 }).fit(X), { dtype: 'float32' })
const theirs: Int32Array = fromScikitLearn({ class: 'KMeans', cluster_centers_: [[bytes.length]] }).predict(X)
// @ts-expect-error an option that does not exist
toOnnx(new KMeans(), { type: 'float32' })
for (const form of forms) {
  const shape: readonly [number, number] = new KMeans({ nClusters: 1 }).fit(form).transform(form).shape
  if (shape[0] < 0) throw new RangeError()
}

const options: KMeansOptions = { nClusters: 3, init: (x: Matrix, k: number, random: () => number) => [[random()], [x.rows], [k]] }
const labels: Int32Array = new KMeans(options).fitPredict([[1], [2], [3]], {
  sampleWeight: [1, 2, 3],
  onIteration: ({ inertia, iteration, elapsedMs }) => inertia > 0 && iteration < 3 && elapsedMs < 5,
})
const more: GaussianMixtureOptions = { onWarning: ({ code, message }: Warning) => console.log(code === 'not-converged', message) }
const json: EstimatorJSON = new GaussianMixture(more).fit(X).toJSON()
const restored: Float64Array = GaussianMixture.fromJSON(json).scoreSamples(X)
const score: number = adjustedRandScore(labels, ['a', 'b', 'c'])
const { best, results } = selectGaussianMixture(X, { nComponents: [1, 2], covarianceType: ['full', 'diag'], criterion: 'icl' })
const bic: number = results[0].bic + best.bic(X)
const rates: number[][] = new PoissonMixture({ nComponents: 2 }).fit([[1], [2]]).rates
const { parameters, history } = expectationMaximization(
  { eStep: (p: { rate: number }) => ({ responsibilities: [[1]], logLikelihood: -p.rate }), mStep: (r: Matrix) => ({ rate: r.get(0, 0) }) },
  { rate: 1 },
)
const rate: number = parameters.rate + history[0]
const [a, b]: number[] = covarianceEllipse([0, 0], [[1, 0], [0, 1]]).radii
try {
  new KMeans().predict(X)
} catch (error) {
  if (error instanceof DegenerateCovarianceError) console.log(error.component.toFixed())
  if (error instanceof NotFittedError) console.log(error.message)
}

// @ts-expect-error an option that does not exist
new KMeans({ clusters: 3 })
// @ts-expect-error a value that does not exist
new GaussianMixture({ covarianceType: 'fulll' })
// @ts-expect-error a string is no data
new KMeans().fit('1,2,3')
// @ts-expect-error options of fit are checked too
new KMeans().fit(X, { weights: [1] })
// @ts-expect-error results are read-only
new KMeans().fit(X).labels = labels
export { a, alsoFull, b, bic, diag, full, open, rate, rates, restored, score, spherical, tied, wrong }
`

const RESOLUTIONS = [
  { module: 'nodenext', moduleResolution: 'nodenext', file: 'consumer.mts' },
  { module: 'nodenext', moduleResolution: 'nodenext', file: 'consumer.cts' },
  { module: 'esnext', moduleResolution: 'bundler', file: 'consumer.ts' },
]

describe('types', () => {
  it.each(RESOLUTIONS)('$moduleResolution, $file: complete under the strictest settings', ({ file, ...resolution }) => {
    const folder = project(`types ${file}`, { [file]: PROGRAM })
    const compilerOptions = {
      ...resolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: false,
      noUnusedLocals: false,
      noEmit: true,
      target: 'es2022',
      lib: ['es2022', 'dom'],
      types: [],
      skipLibCheck: false,
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }))
    expect(run(process.execPath, [bin('typescript/bin/tsc'), '-p', folder], folder)).toBe('')
  })

  it('every entry of the manifest exists, with its types', () => {
    const folder = join(project('manifest'), 'node_modules', 'mixtura')
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const files = Object.values(manifest.exports).flatMap((entry) => (typeof entry === 'string' ? [entry] : Object.values(entry as object)))
    expect(files.filter((file) => file.endsWith('.d.ts')).length).toBeGreaterThan(0)
    for (const file of [...files, manifest.unpkg, manifest.jsdelivr]) expect(existsSync(join(folder, file)), file).toBe(true)
  })

  it('publint finds nothing', () => {
    expect(run(process.execPath, [bin('publint/src/cli.js'), 'run', inject('tarball'), '--strict'], dirname(inject('tarball')))).toContain(
      'All good',
    )
  })

  it('attw finds nothing', () => {
    const untyped = ['core.wasm', 'mixtures.wasm', 'metrics.wasm', 'worker.js', 'package.json']
    const args = [inject('tarball'), '--profile', 'esm-only', '--format', 'json', '--exclude-entrypoints', ...untyped]
    const report = JSON.parse(run(process.execPath, [bin('@arethetypeswrong/cli/dist/index.js'), ...args], dirname(inject('tarball'))))
    expect(report.analysis.types).toEqual({ kind: 'included' }) // without types attw has nothing to say
    expect(Object.keys(report.analysis.entrypoints)).toEqual(['.', './onnx', './scikit-learn', './mixtura.min.js'])
    // the profile leaves out what only concerns resolving as Node 10 did, and that require gives an ES module
    const problems = Object.values(report.problems as Record<string, { resolutionKind: string }[]>).flat()
    expect(problems.filter(({ resolutionKind }) => !['node10', 'node16-cjs'].includes(resolutionKind))).toEqual([])
  })
})
