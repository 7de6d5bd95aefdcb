// The package in every runtime and from every bundler it promises: installed in an empty project, the same small program, the same bits.
// What ran is written to build/compatibility.json, from which the README's table is made.
import { copyFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { build as esbuild } from 'esbuild'
import type { Browser } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { compatibilityTable, writtenTable } from '../../scripts/compatibility.mjs'
import * as source from '../../src/index.ts'
import { BUNDLERS } from './bundlers.ts'
import { digest } from './program.mjs'
import { BROWSERS, serve, titleOf } from './pages.ts'
import { html, provided } from '../readme.ts'
import { project, run } from './project.ts'
import { TOOLS, type ToolName } from './tools.ts'

/** The digest every consumer has to come to: that of the sources, in this process. */
const expected = digest(source)

/** What ran, in order. */
const ran: { where: string; how: string }[] = []
function passed(where: string, how: string, result: string): void {
  expect(result.trim()).toBe(expected)
  ran.push({ where, how })
}
afterAll(() => writeFileSync(resolve(import.meta.dirname, '../../build/compatibility.json'), JSON.stringify(ran, null, 1)))

const ESM = `import * as mixtura from 'mixtura'\nimport { digest } from './program.mjs'\nconsole.log(digest(mixtura))\n`
const CJS = `const mixtura = require('mixtura')\nimport('./program.mjs').then(({ digest }) => console.log(digest(mixtura)))\n`

const tools = inject('tools')
const named = (kind: string) => (Object.keys(TOOLS) as ToolName[]).filter((name) => name.startsWith(kind))

describe.each([...named('Node'), ...named('Bun')])('%s', (name) => {
  const path = tools[name] as string
  let folder: string
  beforeAll(() => {
    if (path) folder = project(name, { 'main.mjs': ESM, 'main.cjs': CJS })
  })
  it.skipIf(!path)('import', () => passed(name, 'import', run(path, ['main.mjs'], folder)))
  it.skipIf(!path)('require', () => passed(name, 'require', run(path, ['main.cjs'], folder)))
})

it.skipIf(!tools[named('Deno')[0]])(named('Deno')[0], () => {
  const [name] = named('Deno')
  passed(name, 'import', run(tools[name] as string, ['run', '--no-remote', 'main.mjs'], project(name, { 'main.mjs': ESM })))
})

// As Cloudflare's tools bundle for it: .wasm files stay modules, compiled by the host, for workerd compiles nothing at run time
describe.each(named('workerd'))('%s', (name) => {
  const path = tools[name] as string
  const WORKER = `import * as mixtura from 'mixtura'\nimport { digest } from './program.mjs'\nexport default { test: () => console.log(digest(mixtura)) }\n`

  async function inWorker(how: string, main: string, conditions: string[]): Promise<void> {
    const folder = project(`workerd ${how}`, { 'main.mjs': main })
    const { metafile } = await esbuild({
      absWorkingDir: folder,
      entryPoints: ['main.mjs'],
      bundle: true,
      format: 'esm',
      outdir: 'out',
      conditions,
      loader: { '.wasm': 'copy' },
      metafile: true,
      logLevel: 'error',
    })
    const modules = Object.keys(metafile.outputs).map((file) => {
      const kind = file.endsWith('.wasm') ? 'wasm' : 'esModule'
      return `(name = "${basename(file)}", ${kind} = embed "${basename(file)}")`
    })
    modules.sort((a, b) => Number(b.includes('main.js')) - Number(a.includes('main.js'))) // the first module is the worker
    writeFileSync(
      join(folder, 'out', 'config.capnp'),
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = (modules = [${modules.join(', ')}], compatibilityDate = "2026-01-01"))]);\n`,
    )
    passed(name, how, run(path, ['test', 'config.capnp'], join(folder, 'out')))
  }

  it.skipIf(!path)('import', () => inWorker('import', WORKER, ['workerd', 'worker', 'browser']))

  it.skipIf(!path)('import, kernels provided by hand', () => {
    expect(provided).not.toBe('')
    return inWorker('`provideKernels`', provided + WORKER, [])
  })

  it.skipIf(!path)('without its modules it is refused: the tests above prove something', async () => {
    await expect(inWorker('nothing', WORKER, [])).rejects.toThrow('disallowed by embedder')
  })
})

// A page of each kind for each browser. What a page comes to is its title
const PAGE = `import * as mixtura from 'mixtura'\nimport { digest } from './program.mjs'\ndocument.title = digest(mixtura)\n`
const HTML = (script: string) => `<!doctype html><meta charset="utf-8">\n${script}\n`

describe('pages', () => {
  const browsers = new Map<string, Browser>()
  beforeAll(async () => {
    for (const { browser, launch } of BROWSERS) {
      const launched = await launch()
      browsers.set(`${browser} ${(await launched.version()).match(/\d+/)}`, launched)
    }
  })
  afterAll(() => Promise.all([...browsers.values()].map((browser) => browser.close())))

  async function inBrowsers(url: string, how: string): Promise<void> {
    for (const [name, browser] of browsers) passed(name, how, await titleOf(browser, url))
  }

  it.skipIf(BROWSERS.length === 0).each(BUNDLERS)('$bundler', async ({ bundler, bundle }) => {
    const folder = project(bundler, { 'page.mjs': PAGE, 'index.html': HTML('<script type="module" src="./page.mjs"></script>') })
    await bundle(folder)
    const site = await serve(join(folder, 'dist'))
    try {
      await inBrowsers(`${site.url}/index.html`, bundler)
    } finally {
      site.close()
    }
  })

  it.skipIf(BROWSERS.length === 0)('one file from a CDN', async () => {
    const folder = project('cdn')
    const cdn = await serve(join(folder, 'node_modules'), { 'access-control-allow-origin': '*' })
    const main = PAGE.replace("'mixtura'", `'${cdn.url}/mixtura/dist/mixtura.min.js'`)
    writeFileSync(join(folder, 'index.html'), HTML(`<script type="module">${main}</script>`))
    const site = await serve(folder)
    try {
      await inBrowsers(`${site.url}/index.html`, '`<script type="module">`')
    } finally {
      site.close()
      cdn.close()
    }
  })
})

it.skipIf(BROWSERS.length === 0)("the README's page works as it stands", async () => {
  const folder = project('page', { 'index.html': html })
  copyFileSync(join(folder, 'node_modules/mixtura/dist/mixtura.min.js'), join(folder, 'mixtura.min.js'))
  const site = await serve(folder)
  const [browser] = await Promise.all(BROWSERS.slice(0, 1).map(({ launch }) => launch()))
  try {
    expect(await titleOf(browser, `${site.url}/index.html`)).toMatch(/^(0 0 1|1 1 0)$/)
  } finally {
    await browser.close()
    site.close()
  }
})

// Whatever browsers the machine has: their versions are those of the machine where the table was made
const withoutVersions = (table = '') => table.replace(/(Chromium|Firefox) \d+/g, '$1').replace(/ +|-+/g, ' ')
const complete = Object.values(tools).every(Boolean) && BROWSERS.length === 2

it.skipIf(!complete)("the README's table is what ran", () => {
  expect(withoutVersions(writtenTable()), 'npm run compatibility writes it').toBe(withoutVersions(compatibilityTable(ran)))
})
