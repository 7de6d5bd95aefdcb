// Empty projects with the packed package in them, and programs run there.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, inject } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'mixtura-consumers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The small program that every consumer runs, beside what runs it. */
export const PROGRAM = 'program.mjs'

/** Makes a project, installs the package in it as npm does, and adds files. Returns its folder. */
export function project(name: string, files: Record<string, string> = {}): string {
  const path = join(folder, name)
  mkdirSync(path)
  writeFileSync(join(path, 'package.json'), '{"private":true}')
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', inject('tarball')], path)
  copyFileSync(join(import.meta.dirname, PROGRAM), join(path, PROGRAM))
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, file)), { recursive: true })
    writeFileSync(join(path, file), text)
  }
  return path
}

/** What a program printed. A program that fails is an error with all it said. */
export function run(program: string, args: string[], cwd: string, env: Record<string, string> = {}): string {
  try {
    return execFileSync(program, args, { cwd, encoding: 'utf8', stdio: 'pipe', env: { ...process.env, ...env } })
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string }
    throw new Error(`${[program, ...args].join(' ')} ended with ${status}:\n${stdout}\n${stderr}`)
  }
}
