// The compiled kernels, in modules: what k-means needs, what mixtures need on top, what metrics need. A bundler keeps the text of a module only
// where something that uses it is imported, and an engine compiles it only when it is first used.
import type { instantiate as instantiateCore } from './generated/core.d.ts'
import { coreText } from './generated/core-wasm.ts'
import { frequentSymbols } from './generated/frequent-symbols.ts'
import type { instantiate as instantiateMetrics } from './generated/metrics.d.ts'
import { metricsText } from './generated/metrics-wasm.ts'
import type { instantiate as instantiateMixtures } from './generated/mixtures.d.ts'
import { mixturesText } from './generated/mixtures-wasm.ts'
import { type Check, checkOptions } from './check.ts'
import { describe } from './errors.ts'
import { numbersOf } from './letters.ts'
import { upTo } from './lists.ts'

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
  /** What workers know it by. */
  readonly number: number
  /** The bytes, as scripts/encode.mjs writes them. */
  readonly text: () => EncodedBytes
  /** For the type alone: what an instance exports. */
  readonly exports?: Exports
}

export const core: KernelModule<CoreKernels> = { name: 'core', number: 0, text: coreText }
export const mixtures: KernelModule<MixtureKernels> = { name: 'mixtures', number: 1, text: mixturesText }
export const metrics: KernelModule<MetricKernels> = { name: 'metrics', number: 2, text: metricsText }

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
  compiled[name] ??= new WebAssembly.Module(decode(text()))
  return compiled[name]
}

/** The inverse of scripts/encode.mjs, which says why. */
export function decode([code, locals]: EncodedBytes, frequent = frequentSymbols): Uint8Array<ArrayBuffer> {
  const symbols = [...new Set([...numbersOf(frequent), ...upTo(512)])]
  const ranks = numbersOf(code)
  const places = numbersOf(locals)
  const recent = Uint8Array.from(upTo(256))
  const bytes = new Uint8Array(3 * ranks.length)
  let length = 0
  let read = 0
  let before = 0
  let symbol = 0
  for (const rank of ranks) {
    before = symbol
    symbol = symbols[rank]
    if (symbol > 255) bytes[length++] = 0xfd
    bytes[length++] = symbol // modulo 256
    if (symbol > 383) bytes[length++] = 1 // numbers of SIMD instructions from 128 on are two bytes
    if (symbol < 0x20 || symbol > 0x22 || read === places.length || before === 0x41 || before === 3 || before === 4) continue
    const place = places[read++]
    const local = recent[place]
    recent.copyWithin(1, 0, place)
    bytes[length++] = recent[0] = local
  }
  return bytes.subarray(0, length)
}
