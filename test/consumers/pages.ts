// Pages in headless browsers, served as a site and as a CDN would.
import { readFileSync } from 'node:fs'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { type Browser, launch } from 'puppeteer-core'
import { chromium, firefox } from '../browsers.ts'

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
}

/** Serves the files of a folder. `headers` as a CDN or an isolated page needs them. */
export async function serve(folder: string, headers: Record<string, string> = {}): Promise<{ url: string; close(): void }> {
  const server: Server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname)
    try {
      const body = readFileSync(join(folder, path))
      response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream', ...headers }).end(body)
    } catch {
      response.writeHead(404, headers).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() }
}

/** The browsers there are. */
export const BROWSERS = [
  ...(chromium ? [{ browser: 'Chromium', launch: () => launch({ executablePath: chromium, args: ['--no-sandbox'] }) }] : []),
  ...(firefox ? [{ browser: 'Firefox', launch: () => launch({ browser: 'firefox', executablePath: firefox }) }] : []),
]

/** What a page writes into `document.title`, once it has. */
export async function titleOf(browser: Browser, url: string): Promise<string> {
  const page = await browser.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  try {
    await page.goto(url)
    await page.waitForFunction('document.title !== ""', { timeout: 20_000 })
    return await page.title()
  } catch (error) {
    throw new Error(`${url}: ${errors.join('\n') || error}`)
  } finally {
    await page.close()
  }
}
