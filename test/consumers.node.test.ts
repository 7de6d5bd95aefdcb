// The package as a stranger meets it: packed, installed in an empty project, used as the README says, in Node and in a page. Other runtimes, bundlers
// and TypeScript are in consumers/.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { chromium as browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromium } from './browsers.ts'
import { examples } from './readme.ts'

const root = resolve(import.meta.dirname, '..')
const project = mkdtempSync(join(tmpdir(), 'mixtura-consumer-'))

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
    files.filter(
      (f) => /\.(wat|map)$|^(src|assembly|test|bench|node_modules)/.test(f) && !/(index|mixtura.min|onnx|scikit-learn).js.map$/.test(f),
    ),
  ).toEqual([])
  const manifest = JSON.parse(readFileSync(join(project, 'node_modules', 'mixtura', 'package.json'), 'utf8'))
  expect(manifest.dependencies ?? {}).toEqual({})
})

it.each(examples)('README $file prints what the README says', ({ file, output }) => {
  expect(execFileSync(process.execPath, [file], { cwd: project, encoding: 'utf8' })).toBe(output)
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
        page.on('console', (message) => message.type() === 'log' && lines.push(message.text())) // not what is worth a warning in a page alone
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
