// One suite, every backend: the tests run in Node and, where a Chromium is found, once more in a real page.
// CHROMIUM names the browser's executable; without it the usual places are tried. Without a browser its tests are skipped, loudly, and on
// CI (CI=true) that is an error.
import { existsSync } from 'node:fs'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'

const chromium = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (p) => p && existsSync(p),
)
if (!chromium) {
  const message =
    'No Chromium found: THE BROWSER TESTS ARE SKIPPED. Install one (Debian: apt-get install chromium) or set CHROMIUM to its path.'
  if (process.env.CI) throw new Error(message)
  console.warn(`\n${'!'.repeat(message.length)}\n${message}\n${'!'.repeat(message.length)}\n`)
}

export default defineConfig({
  test: {
    reporters: ['default', './test/closing-line.ts'],
    coverage: { provider: 'v8', include: ['src/**'], exclude: ['src/generated/**'], thresholds: { lines: 95 } },
    projects: [
      { test: { name: 'node', include: ['test/**/*.test.ts'], testTimeout: 60_000 } },
      ...(chromium
        ? [
            {
              optimizeDeps: { include: ['fast-check', 'ml-matrix'] }, // found late, they would make a cold run load the page twice
              test: {
                name: 'chromium',
                include: ['test/**/*.test.ts'],
                exclude: ['test/**/*.node.test.ts'],
                testTimeout: 120_000,
                browser: {
                  enabled: true,
                  headless: true,
                  screenshotFailures: false,
                  provider: playwright({ launchOptions: { executablePath: chromium, args: ['--no-sandbox'] } }),
                  instances: [{ browser: 'chromium' as const }],
                },
              },
            },
          ]
        : []),
    ],
  },
})
