// The compiled kernels, in modules: what k-means needs, what mixtures need on top, what metrics need. A bundler keeps the text of a module only
// where something that uses it is imported, and an engine compiles it only when it is first used.
import type { instantiate as instantiateCore } from './generated/core.d.ts'
import { coreText } from './generated/core-wasm.ts'
import type { instantiate as instantiateMetrics } from './generated/metrics.d.ts'
import { metricsText } from './generated/metrics-wasm.ts'
import type { instantiate as instantiateMixtures } from './generated/mixtures.d.ts'
import { mixturesText } from './generated/mixtures-wasm.ts'
import { checkOptions, type Check } from './check.ts'
import { describe } from './errors.ts'

type ExportsOf<Instantiate extends (...args: never[]) => unknown> = Awaited<ReturnType<Instantiate>>

/** The exports of assembly/index.ts, typed from the compiler's own output so that the two cannot drift apart. */
export type CoreKernels = ExportsOf<typeof instantiateCore>
/** The exports of assembly/index-mixtures.ts. */
export type MixtureKernels = ExportsOf<typeof instantiateMixtures>
/** The exports of assembly/index-metrics.ts. */
export type MetricKernels = ExportsOf<typeof instantiateMetrics>

type EncodedBytes = readonly string[]

/** Kernels that are compiled together. */
export interface KernelModule<Exports> {
  readonly name: 'core' | 'mixtures' | 'metrics'
  /** The bytes, as scripts/encode.mjs writes them. */
  readonly text: EncodedBytes
  /** For the type alone: what an instance exports. */
  readonly exports?: Exports
}

export const core: KernelModule<CoreKernels> = { name: 'core', text: coreText }
export const mixtures: KernelModule<MixtureKernels> = { name: 'mixtures', text: mixturesText }
export const metrics: KernelModule<MetricKernels> = { name: 'metrics', text: metricsText }

/** The package's WebAssembly modules as a host compiled them: what importing `mixtura/core.wasm`, `mixtura/mixtures.wasm` and `mixtura/metrics.wasm`
 *  gives there. */
export interface KernelModules {
  /** Everything needs this one. */
  core?: WebAssembly.Module
  /** Mixtures and Bayesian estimates need it besides. */
  mixtures?: WebAssembly.Module
  /** Silhouette and Davies–Bouldin scores need it besides. */
  metrics?: WebAssembly.Module
}

const compiled: KernelModules = {}

/** For hosts that forbid compiling WebAssembly at run time: gives the package its modules, compiled. Elsewhere there is nothing to initialise, and
 *  under Cloudflare's workerd the package does this itself. Call it before the first fit.
 *  @param modules those that will be needed
 *  @throws TypeError if one is not a `WebAssembly.Module`, or not the one its name says. */
export function provideKernels(modules: KernelModules): void {
  const schema = { core: moduleWith('heapBase'), mixtures: moduleWith('mixture'), metrics: moduleWith('silhouette') }
  Object.assign(compiled, checkOptions<KernelModules>('provideKernels', modules, schema, {}))
}

/** The check for a module that is told from the others by one of its kernels. */
const moduleWith =
  (kernel: string): Check<WebAssembly.Module> =>
  (value, name) => {
    const what = `${name}: expected the WebAssembly.Module of mixtura/${name}.wasm`
    if (!(value instanceof WebAssembly.Module)) throw new TypeError(`${what}, got ${describe(value)}.`)
    const exported = WebAssembly.Module.exports(value).map((e) => e.name)
    if (!exported.includes(kernel)) throw new TypeError(`${what}, got one that exports ${exported.slice(0, 3).join(', ') || 'nothing'}.`)
    return value
  }

/** The module, compiled once in the life of the program. */
export function compile({ name, text }: KernelModule<unknown>): WebAssembly.Module {
  compiled[name] ??= new WebAssembly.Module(decode(text))
  return compiled[name]
}

/** The inverse of scripts/encode.mjs, which says why. */
export function decode([code, locals]: EncodedBytes): Uint8Array<ArrayBuffer> {
  const places = bytesOf(locals)
  const bytes = new Uint8Array(code.length + places.length)
  const recent = Uint8Array.from({ length: 256 }, (_, i) => i)
  let length = 0
  let read = 0
  for (const byte of bytesOf(code)) {
    bytes[length++] = byte
    if (byte < 0x20 || byte > 0x22 || read === places.length) continue
    const place = places[read++]
    const local = recent[place]
    recent.copyWithin(1, 0, place)
    bytes[length++] = recent[0] = local
  }
  return bytes.subarray(0, length)
}

// Printable ASCII without quotes and backslash: 89 letters for the bytes from 240 on, round through 0, then the prefixes that add 89 and 178
function bytesOf(text: string): Uint8Array {
  const value = new Uint8Array(127)
  for (let code = 32, next = 0; code < 127; code++) if (!'\'"`\\'.includes(String.fromCharCode(code))) value[code] = next++
  const bytes = new Uint8Array(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    let place = value[text.charCodeAt(i)]
    if (place >= 89) place = (place - 88) * 89 + value[text.charCodeAt(++i)]
    bytes[length++] = place + 240 // modulo 256
  }
  return bytes.subarray(0, length)
}
