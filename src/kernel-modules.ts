// The compiled kernels, in modules: what k-means needs, what mixtures need on top, what metrics need. A bundler keeps the text of a module only
// where something that uses it is imported, and an engine compiles it only when it is first used.
import type { instantiate as instantiateCore } from './generated/core.d.ts'
import { coreText } from './generated/core-wasm.ts'
import type { instantiate as instantiateMetrics } from './generated/metrics.d.ts'
import { metricsText } from './generated/metrics-wasm.ts'
import type { instantiate as instantiateMixtures } from './generated/mixtures.d.ts'
import { mixturesText } from './generated/mixtures-wasm.ts'

type ExportsOf<Instantiate extends (...args: never[]) => unknown> = Awaited<ReturnType<Instantiate>>

/** The exports of assembly/index.ts, typed from the compiler's own output so that the two cannot drift apart. */
export type CoreKernels = ExportsOf<typeof instantiateCore>
/** The exports of assembly/index-mixtures.ts. */
export type MixtureKernels = ExportsOf<typeof instantiateMixtures>
/** The exports of assembly/index-metrics.ts. */
export type MetricKernels = ExportsOf<typeof instantiateMetrics>

/** Kernels that are compiled together. */
export interface KernelModule<Exports> {
  readonly name: 'core' | 'mixtures' | 'metrics'
  /** The bytes, as scripts/encode.mjs writes them. */
  readonly text: string
  /** For the type alone: what an instance exports. */
  readonly exports?: Exports
}

export const core: KernelModule<CoreKernels> = { name: 'core', text: coreText }
export const mixtures: KernelModule<MixtureKernels> = { name: 'mixtures', text: mixturesText }
export const metrics: KernelModule<MetricKernels> = { name: 'metrics', text: metricsText }

const compiled: Partial<Record<KernelModule<unknown>['name'], WebAssembly.Module>> = {}

/** The module, compiled once in the life of the program. */
export function compile({ name, text }: KernelModule<unknown>): WebAssembly.Module {
  compiled[name] ??= new WebAssembly.Module(decode(text))
  return compiled[name]
}

/** The inverse of scripts/encode.mjs: printable ASCII without quotes and backslash; 89 letters, then the prefixes that add 89 and 178. */
export function decode(text: string): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(127)
  for (let code = 32, next = 0; code < 127; code++) if (!'\'"`\\'.includes(String.fromCharCode(code))) value[code] = next++
  const bytes = new Uint8Array(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    let byte = value[text.charCodeAt(i)]
    if (byte >= 89) byte = (byte - 88) * 89 + value[text.charCodeAt(++i)]
    bytes[length++] = byte
  }
  return bytes.subarray(0, length)
}
