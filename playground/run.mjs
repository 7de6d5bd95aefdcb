// Builds the playground into build/playground, one static page, and serves it: npm run playground [-- --build-only] [-- --port N].
// The headers isolate the page, so that fitAsync may share memory between threads; served without them it works on one.
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { resolve } from 'node:path'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '..')
const folder = resolve(root, 'build', 'playground')
const HEADERS = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
const TYPES = { 'index.html': 'text/html; charset=utf-8', 'main.js': 'text/javascript; charset=utf-8' }

/** Writes build/playground: index.html and main.js, from this repository's source as it stands. */
export async function buildPlayground() {
  mkdirSync(folder, { recursive: true })
  copyFileSync(resolve(import.meta.dirname, 'index.html'), resolve(folder, 'index.html'))
  await build({
    entryPoints: [resolve(import.meta.dirname, 'main.ts')],
    outfile: resolve(folder, 'main.js'),
    alias: { mixtura: resolve(root, 'src', 'index.ts') },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
  })
  return folder
}

/** Serves what was built on localhost. @param port 0: any free one. @returns the server, listening */
export function servePlayground(port = 0) {
  const server = createServer((request, response) => {
    const name = new URL(request.url, 'http://localhost').pathname.slice(1) || 'index.html'
    if (!Object.hasOwn(TYPES, name)) return response.writeHead(404).end()
    response.writeHead(200, { ...HEADERS, 'Content-Type': TYPES[name] }).end(readFileSync(resolve(folder, name)))
  })
  return new Promise((started) => server.listen(port, 'localhost', () => started(server)))
}

if (process.argv[1] === import.meta.filename) {
  const given = process.argv.slice(2)
  await buildPlayground()
  if (given.includes('--build-only')) console.log('build/playground/index.html')
  else {
    const at = given.indexOf('--port')
    const server = await servePlayground(at >= 0 ? Number(given[at + 1]) : 4028)
    console.log(`http://localhost:${server.address().port}/`)
  }
}
