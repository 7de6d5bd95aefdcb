// Runs an example: `npm run example -- NAME`. Without NAME, lists them: the first line of each file says what it shows.
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '..')
const helpers = ['data.ts', 'figure.ts', 'gaussian-em.ts', 'table.ts']
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && !helpers.includes(file))
  .map((file) => file.slice(0, -3))
const describe = (name) =>
  readFileSync(resolve(import.meta.dirname, `${name}.ts`), 'utf8')
    .split('\n', 1)[0]
    .replace('// ', '')
const list = names.map((name) => `  ${name.padEnd(Math.max(...names.map(({ length }) => length)))}   ${describe(name)}`).join('\n')

const [name, ...rest] = process.argv.slice(2)
if (name === undefined) console.log(`Run one with npm run example -- NAME:\n\n${list}`)
else if (!names.includes(name) || rest.length) {
  console.error(`Expected one name of an example, got ${process.argv.slice(2).join(' ')}. There are:\n\n${list}`)
  process.exitCode = 1
} else {
  process.chdir(root) // figures go to build/figures
  const outfile = resolve(root, 'build', 'examples', `${name}.mjs`)
  // 'mixtura' is this repository's source, as it stands
  const alias = { mixtura: resolve(root, 'src', 'index.ts') }
  await build({
    entryPoints: [resolve(import.meta.dirname, `${name}.ts`)],
    outfile,
    alias,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  })
  await import(pathToFileURL(outfile).href)
}
