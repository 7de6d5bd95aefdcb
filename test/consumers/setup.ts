// Before the consumers' tests: the package is packed once, and the runtimes are installed.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'
import { leaveOut } from '../browsers.ts'
import { TOOLS, type ToolName, install } from './tools.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The packed package. */
    tarball: string
    /** Paths of the runtimes that could be had. */
    tools: Partial<Record<ToolName, string>>
  }
}

export default function setup(project: TestProject): () => void {
  const root = resolve(import.meta.dirname, '../..')
  const folder = mkdtempSync(join(tmpdir(), 'mixtura-packed-'))
  const tarball = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, encoding: 'utf8' }).trim()
  const tools = Object.fromEntries((Object.keys(TOOLS) as ToolName[]).map((name) => [name, install(name)]))
  const missing = Object.keys(tools).filter((name) => !tools[name])
  if (missing.length > 0) leaveOut(`${missing.join(', ')} could not be installed: THEIR TESTS`, 'They come from the npm registry.')
  project.provide('tarball', join(folder, tarball))
  project.provide('tools', tools)
  return () => rmSync(folder, { recursive: true, force: true })
}
