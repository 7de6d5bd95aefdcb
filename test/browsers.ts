// Where the browsers are. CHROMIUM and FIREFOX name their executables; without them the usual places are tried.
import { existsSync } from 'node:fs'

const find = (...paths: (string | undefined)[]) => paths.find((path) => path && existsSync(path))

/** Path of a Chromium, if there is one. */
export const chromium = find(process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome')
/** Path of a Firefox, if there is one. */
export const firefox = find(process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox')

/** Says loudly what is left out because something is not there; on CI (CI=true) that is an error. */
export function leaveOut(what: string, remedy: string): void {
  const message = `${what} ARE SKIPPED. ${remedy}`
  if (process.env.CI) throw new Error(message)
  console.warn(`\n${'!'.repeat(message.length)}\n${message}\n${'!'.repeat(message.length)}\n`)
}
