// The API reference: typedoc fails on a public symbol without documentation, on a type that is named but not public, and on a link that leads nowhere.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { run } from './project.ts'

const root = resolve(import.meta.dirname, '../..')

it('every public symbol is documented, without a warning', () => {
  // `run` throws, with all that was said, where typedoc does not end with 0: it treats warnings as errors
  run(process.execPath, [join(root, 'node_modules/typedoc/bin/typedoc'), '--options', 'typedoc.jsonc'], root)
  for (const page of ['classes/index.KMeans.html', 'classes/index.GaussianMixture.html', 'functions/onnx.toOnnx.html'])
    expect(existsSync(join(root, 'build/docs', page)), page).toBe(true)
})
