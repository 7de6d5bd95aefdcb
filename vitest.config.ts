// One suite, every backend: the tests run in Node and, where a Chromium is found, once more in a real page; a smoke subset runs in Firefox.
// The consumers are strangers that install the packed package. Without a browser its tests are skipped, loudly, and on CI (CI=true) that is an error.
import { playwright } from '@vitest/browser-playwright'
import { type TestProjectConfiguration, defineConfig } from 'vitest/config'
import { chromium, firefox, leaveOut } from './test/browsers.ts'
import { puppeteer } from './test/firefox-provider.ts'

if (!chromium)
  leaveOut('No Chromium found: THE BROWSER TESTS', 'Install one (Debian: apt-get install chromium) or set CHROMIUM to its path.')
if (!firefox)
  leaveOut('No Firefox found: THE FIREFOX TESTS', 'Install one (Debian: apt-get install firefox-esr) or set FIREFOX to its path.')

/** A project that runs in pages. */
const pages = (name: string, include: string[], provider: ReturnType<typeof playwright>): TestProjectConfiguration => ({
  // isolated, so that memory can be shared with workers
  server: { headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' } },
  optimizeDeps: { include: ['fast-check', 'ml-matrix'] }, // found late, they would make a cold run load the page twice
  test: {
    name,
    include,
    exclude: ['test/**/*.node.test.ts'],
    testTimeout: 120_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider,
      instances: [{ browser: name as 'chromium' | 'firefox' }],
    },
  },
})

// The kernels and the bits of every estimator: where engines could differ
const SMOKE = ['async', 'bits', 'elementary', 'kernel-modules', 'kernels', 'matrix', 'mixture-kernel', 'screening', 'seeding']

export default defineConfig({
  test: {
    reporters: ['default', './test/closing-line.ts'],
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['src/generated/**'], thresholds: { lines: 95 } },
    projects: [
      { test: { name: 'node', include: ['test/*.test.ts'], testTimeout: 60_000 } },
      ...(chromium
        ? [pages('chromium', ['test/*.test.ts'], playwright({ launchOptions: { executablePath: chromium, args: ['--no-sandbox'] } }))]
        : []),
      ...(firefox
        ? [
            pages(
              'firefox',
              SMOKE.map((name) => `test/${name}.test.ts`),
              puppeteer(firefox),
            ),
          ]
        : []),
      {
        test: {
          name: 'consumers',
          include: ['test/consumers/*.test.ts'],
          globalSetup: 'test/consumers/setup.ts',
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
