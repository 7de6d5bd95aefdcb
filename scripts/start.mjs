// The main job on real data: clusters iris, or a CSV of numbers, by k-means and by Gaussian mixtures over a small BIC grid, and
// compares the answers with the labels where there are any.
//   npm start                      Fisher's iris
//   npm start -- FILE.csv          your data: a header row and a label column (not numbers) are understood
//   npm start -- FILE.csv --standardize
import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parse } from 'csv-parse/sync'
import { adjustedRandScore, GaussianMixture, KMeans, loadIris, Matrix, StandardScaler } from '../dist/index.js'

const SEED = 28
const TYPES = ['full', 'tied', 'diag', 'spherical']

class InputError extends Error {}

/** Numbers and labels of a CSV file. A column is numeric if all its cells below the first row are numbers or empty; the label column is the
 *  other column with the fewest distinct values. */
function readCsv(file) {
  if (!existsSync(file)) throw new InputError(`There is no file ${file}.`)
  const records = parse(readFileSync(file), {
    bom: true,
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    delimiter: [',', ';', '\t'],
  })
  if (records.length < 3) throw new InputError(`${file}: expected a header and at least 2 rows, got ${records.length} lines.`)
  const isNumber = (cell) => cell !== '' && Number.isFinite(Number(cell))
  const missing = (cell) => cell === undefined || cell === '' || /^(na|nan|null|\?)$/i.test(cell)
  const width = Math.max(...records.map((r) => r.length))
  const columns = [...Array(width).keys()]
  const body = records.slice(1)
  const numeric = columns.filter((j) => body.every((r) => isNumber(r[j]) || missing(r[j])) && body.some((r) => isNumber(r[j])))
  if (numeric.length === 0) throw new InputError(`${file}: expected at least one column of numbers, found none.`)
  const header = numeric.some((j) => !isNumber(records[0][j]) && !missing(records[0][j]))
  const rows = header ? body : records
  const names = columns.map((j) => (header && records[0][j]) || `column ${j + 1}`)
  const distinct = (j) => new Set(rows.map((r) => r[j])).size
  const textual = columns.filter((j) => !numeric.includes(j) && distinct(j) > 1 && distinct(j) <= rows.length / 2)
  const labelColumn = textual.sort((a, b) => distinct(a) - distinct(b))[0]
  const complete = rows.filter((r) => numeric.every((j) => isNumber(r[j])))
  if (complete.length < 2) throw new InputError(`${file}: expected at least 2 rows without missing numbers, got ${complete.length}.`)
  return {
    name: basename(file),
    data: Matrix.from(complete.map((r) => numeric.map((j) => Number(r[j])))),
    featureNames: numeric.map((j) => names[j]),
    labels: labelColumn === undefined ? undefined : complete.map((r) => r[labelColumn]),
    labelName: labelColumn === undefined ? undefined : names[labelColumn],
    dropped: rows.length - complete.length,
  }
}

function iris() {
  const { data, target, featureNames, targetNames } = loadIris()
  return {
    name: 'iris (Fisher 1936)',
    data,
    featureNames,
    labels: Array.from(target, (t) => targetNames[t]),
    labelName: 'species',
    dropped: 0,
  }
}

function timed(work) {
  const began = performance.now()
  const result = work()
  return { result, ms: performance.now() - began }
}

function table(head, rows) {
  const widths = head.map((h, j) => Math.max(h.length, ...rows.map((r) => r[j].length)))
  const line = (cells) => `  ${cells.map((c, j) => (j === 0 ? c.padEnd(widths[j]) : c.padStart(widths[j]))).join('   ')}`
  return [line(head), `  ${widths.map((w) => '─'.repeat(w)).join('───')}`, ...rows.map(line)].join('\n')
}

function main(args) {
  const files = args.filter((a) => !a.startsWith('--'))
  const unknown = args.filter((a) => a.startsWith('--') && a !== '--standardize')
  if (unknown.length || files.length > 1) throw new InputError(`Usage: npm start -- [FILE.csv] [--standardize]; got ${args.join(' ')}.`)
  const set = files.length ? readCsv(files[0]) : iris()
  let X = set.data
  if (args.includes('--standardize')) X = new StandardScaler().fitTransform(X)
  const [n, d] = X.shape
  const kinds = set.labels ? new Set(set.labels).size : undefined
  console.log(
    `\n${set.name}: ${n} rows × ${d} features (${set.featureNames.slice(0, 6).join(', ')}${d > 6 ? ', …' : ''})${args.includes('--standardize') ? ', standardised' : ''}`,
  )
  if (set.dropped) console.log(`Left out: ${set.dropped} row${set.dropped > 1 ? 's' : ''} with missing numbers.`)
  if (kinds) console.log(`Labels: ${kinds} kinds of ${set.labelName}, used only to judge the clusters.`)

  // up to six components, but at least as many as there are kinds of labels, and five rows each
  const most = Math.max(1, Math.min(Math.max(6, Math.min(kinds ?? 1, 12)), Math.max(kinds ?? 1, Math.floor(n / 5)), n - 1))
  const quiet = { onWarning() {} }
  const agreement = (labels) => (set.labels ? adjustedRandScore(set.labels, labels).toFixed(3) : '')
  new GaussianMixture({ nComponents: 1, randomState: SEED, ...quiet }).fit(X) // engines compile at the first call: not what we time
  new KMeans({ nClusters: 1, randomState: SEED, ...quiet }).fit(X)

  const fits = []
  for (const covarianceType of TYPES)
    for (let nComponents = 1; nComponents <= most; nComponents++) {
      try {
        const { result: model, ms } = timed(() =>
          new GaussianMixture({ nComponents, covarianceType, randomState: SEED, nInit: 5, maxIter: 200, ...quiet }).fit(X),
        )
        fits.push({ model, ms, covarianceType, nComponents, bic: model.bic(X) })
      } catch (error) {
        if (error.name !== 'DegenerateCovarianceError') throw error
        console.log(`  ${covarianceType}, ${nComponents} components: ${error.message}`)
      }
    }
  if (!fits.length) throw new InputError('No mixture could be fitted: the data have no spread in some direction.')
  const best = fits.reduce((a, b) => (b.bic < a.bic ? b : a))
  const k = kinds && kinds <= n ? kinds : best.nComponents

  console.log(`\nBIC of Gaussian mixtures (lower is better, * the best), 5 starts each:\n`)
  const cell = (covarianceType, nComponents) => {
    const fit = fits.find((f) => f.covarianceType === covarianceType && f.nComponents === nComponents)
    return fit ? `${fit.bic.toFixed(1)}${fit === best ? '*' : ' '}` : '– '
  }
  const counts = Array.from({ length: most }, (_, i) => i + 1)
  console.log(
    table(
      ['covariance', ...counts.map((c) => `${c} comp `)],
      TYPES.map((t) => [t, ...counts.map((c) => cell(t, c))]),
    ),
  )

  const rows = []
  const kmeans = timed(() => new KMeans({ nClusters: k, nInit: 10, randomState: SEED, ...quiet }).fit(X))
  rows.push([`k-means, ${k} clusters`, String(kmeans.result.nIter), agreement(kmeans.result.labels), kmeans.ms.toFixed(2)])
  for (const covarianceType of TYPES) {
    const fit = fits.find((f) => f.covarianceType === covarianceType && f.nComponents === k)
    if (fit)
      rows.push([
        `mixture, ${covarianceType}, ${k} components`,
        String(fit.model.nIter),
        agreement(fit.model.predict(X)),
        fit.ms.toFixed(2),
      ])
  }
  if (best.nComponents !== k)
    rows.push([
      `mixture, best by BIC (${best.covarianceType}, ${best.nComponents})`,
      String(best.model.nIter),
      agreement(best.model.predict(X)),
      best.ms.toFixed(2),
    ])
  console.log(set.labels ? `\nAgreement with ${set.labelName} (adjusted Rand index: 1 is perfect, 0 is chance):\n` : '\nFits:\n')
  const head = ['model', 'iterations', 'adjusted Rand', 'ms']
  const keep = set.labels ? [0, 1, 2, 3] : [0, 1, 3]
  console.log(
    table(
      keep.map((j) => head[j]),
      rows.map((r) => keep.map((j) => r[j])),
    ),
  )

  const shown = fits.find((f) => f.covarianceType === 'full' && f.nComponents === k) ?? best
  console.log(`\nMeans of the ${shown.covarianceType} mixture with ${shown.nComponents} component${shown.nComponents > 1 ? 's' : ''}:\n`)
  const width = Math.min(d, 6)
  console.log(
    table(
      ['component', 'weight', ...set.featureNames.slice(0, width)],
      shown.model.means.map((mean, c) => [
        String(c),
        shown.model.weights[c].toFixed(3),
        ...mean.slice(0, width).map((v) => v.toPrecision(4)),
      ]),
    ),
  )
  console.log(
    '\nNext: npm start -- FILE.csv clusters your own numbers · README.md shows the API · npm run bench measures it · npm test proves it\n',
  )
}

try {
  main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof InputError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
