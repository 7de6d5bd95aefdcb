// Runtimes of other kinds and versions, as npm packages with pinned versions. They are large, so they are no dependencies: they are installed when
// consumers are tested, once, into build/tools.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const node = (version: string) => ({ package: `node-${process.platform}-${process.arch}`, version, bin: 'node' })

export const TOOLS = {
  'Node 20.19.0': node('20.19.0'),
  'Node 22.23.3': node('22.23.3'),
  'Node 24.21.0': node('24.21.0'),
  'Node 26.10.0': node('26.10.0'),
  'Deno 2.9.6': { package: 'deno', version: '2.9.6', bin: 'deno' },
  'Bun 1.4.5': { package: 'bun', version: '1.4.5', bin: 'bun' },
  'workerd 1.20261117.1': { package: 'workerd', version: '1.20261117.1', bin: 'workerd' },
} as const

export type ToolName = keyof typeof TOOLS

/** Path of a tool's executable, installed first if need be; undefined where it cannot be had. */
export function install(name: ToolName): string | undefined {
  const { package: from, version, bin } = TOOLS[name]
  const prefix = resolve(import.meta.dirname, '../../build/tools', `${from}@${version}`)
  const path = from.startsWith('node-') ? join(prefix, 'node_modules', from, 'bin', bin) : join(prefix, 'node_modules', '.bin', bin)
  if (!existsSync(path)) {
    mkdirSync(prefix, { recursive: true })
    writeFileSync(join(prefix, 'package.json'), '{"private":true}')
    try {
      execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', `${from}@${version}`], { cwd: prefix, stdio: 'pipe' })
    } catch {
      return undefined
    }
  }
  return existsSync(path) ? path : undefined
}
