// A reader copies a README example into a project of theirs: it prints what the README says, in every runtime that runs modules from a folder.
import { describe, expect, inject, it } from 'vitest'
import { examples } from '../readme.ts'
import { project, run } from './project.ts'
import type { ToolName } from './tools.ts'

const tools = Object.entries(inject('tools')) as [ToolName, string | undefined][]

describe.each(tools.filter(([name]) => !name.startsWith('workerd')))('%s', (name, path) => {
  it.skipIf(!path)('prints what the README says', () => {
    const folder = project(`readme ${name}`, Object.fromEntries(examples.map(({ file, code }) => [file, code])))
    for (const { file, output } of examples)
      expect(run(path as string, name.startsWith('Deno') ? ['run', '--no-remote', file] : [file], folder), file).toBe(output)
  })
})
