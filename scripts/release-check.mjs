// npm run release:check: packs, prints what is in the package and what it weighs, and refuses pins that are none, files that should not be there,
// and whatever the tests of the packed package refuse (types, publint, attw, weight, README examples, documentation).
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const fail = (message) => {
  console.error(`release:check: ${message}`)
  process.exit(1)
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
for (const [name, version] of Object.entries(manifest.devDependencies))
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    fail(`devDependencies.${name}: expected an exact version, got ${version}. Install it with npm i -D -E.`)
if (Object.keys(manifest.dependencies ?? {}).length > 0) fail('expected no runtime dependencies.')
if (!readFileSync('CHANGELOG.md', 'utf8').includes(manifest.version)) fail(`CHANGELOG.md says nothing of version ${manifest.version}.`)

const [{ files, size, unpackedSize }] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
)
for (const { path } of files)
  if (!/^(dist\/|(package\.json|README\.md|CHANGELOG\.md|LICENSE)$)/.test(path)) fail(`${path} should not be in the package.`)
for (const { path, size } of files) console.log(`${String(size).padStart(8)}  ${path}`)
const gzip = gzipSync(readFileSync('dist/mixtura.min.js'), { level: 9 }).length
console.log(`\n${files.length} files, ${size} bytes packed, ${unpackedSize} unpacked; dist/mixtura.min.js ${gzip} bytes gzip\n`)

const tests = ['vitest', 'run', '--project', 'consumers', 'types', 'weight', 'readme', 'docs']
process.exit(spawnSync('npx', tests, { stdio: 'inherit' }).status ?? 1)
