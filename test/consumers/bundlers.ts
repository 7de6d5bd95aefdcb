// The three bundlers, as a project without settings of its own calls them.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, build as esbuild } from 'esbuild'
import { build as vite } from 'vite'
import webpack from 'webpack'
import manifest from '../../package.json'

export interface Bundler {
  /** The name, with the version. */
  bundler: string
  /** Bundles `page.mjs`, which `index.html` beside it names, into `dist/`. */
  bundle: (folder: string) => Promise<unknown>
}

const versions = manifest.devDependencies

export const BUNDLERS: Bundler[] = [
  {
    bundler: `esbuild ${versions.esbuild}`,
    bundle: async (folder) => {
      const options: BuildOptions = {
        entryPoints: ['page.mjs'],
        bundle: true,
        minify: true,
        format: 'esm',
        outdir: 'dist',
        outExtension: { '.js': '.mjs' },
      }
      await esbuild({ absWorkingDir: folder, logLevel: 'error', ...options })
      copyFileSync(join(folder, 'index.html'), join(folder, 'dist', 'index.html'))
    },
  },
  { bundler: `Vite ${versions.vite}`, bundle: (folder) => vite({ root: folder, logLevel: 'error', configFile: false }) },
  {
    bundler: `webpack ${versions.webpack}`,
    bundle: async (folder) => {
      const output = { path: join(folder, 'dist'), filename: 'page.mjs' }
      await new Promise((resolve, reject) => {
        webpack({ context: folder, entry: './page.mjs', mode: 'production', output }, (error, stats) =>
          error || stats?.hasErrors() || stats?.hasWarnings() ? reject(error ?? new Error(stats?.toString())) : resolve(stats),
        )
      })
      copyFileSync(join(folder, 'index.html'), join(folder, 'dist', 'index.html'))
    },
  },
]
