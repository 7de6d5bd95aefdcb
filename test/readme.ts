// The README's examples: a js block and the text block of what it prints.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

const text = readFileSync(resolve(import.meta.dirname, '../README.md'), 'utf8')

/** The block that gives the package its kernels. */
export const provided = text.match(/```js\n(import \{ provideKernels[\s\S]*?)```/)?.[1] ?? ''
/** The page without a bundler. */
export const html = text.match(/```html\n([\s\S]*?)```/)?.[1] ?? ''

export const examples = [...text.matchAll(/```js\n((?:(?!```)[\s\S])*)```\n\n```text\n([\s\S]*?)```/g)].map(([, code, output], i) => ({
  file: `example-${i + 1}.mjs`,
  code,
  output,
}))
