// vitest's browser mode in a Firefox as distributions ship it: Playwright needs a build of its own, WebDriver BiDi does not.
import { defineBrowserProvider } from '@vitest/browser'
import { type Browser, launch } from 'puppeteer-core'
import type { BrowserProvider } from 'vitest/node'

/** A provider that runs test files, one after the other, in pages of the Firefox at `executablePath`. */
export const puppeteer = (executablePath: string) =>
  defineBrowserProvider({
    name: 'puppeteer',
    supportedBrowser: ['firefox'],
    options: {},
    providerFactory: () => new Firefox(executablePath),
  })

class Firefox implements BrowserProvider {
  readonly name = 'puppeteer'
  readonly supportsParallelism = false
  readonly #executablePath: string
  #browser: Promise<Browser> | undefined

  constructor(executablePath: string) {
    this.#executablePath = executablePath
  }

  getCommandsContext() {
    return {}
  }

  async openPage(_session: string, url: string): Promise<void> {
    this.#browser ??= launch({ browser: 'firefox', executablePath: this.#executablePath, headless: true })
    const page = await (await this.#browser).newPage()
    await page.goto(url)
  }

  async close(): Promise<void> {
    await (await this.#browser)?.close()
  }
}
