// The package under Cloudflare's workerd, which compiles no WebAssembly at run time but takes modules that are imported. The export condition
// "workerd" leads here.
import core from './core.wasm'
import { provideKernels } from './index.js'
import metrics from './metrics.wasm'
import mixtures from './mixtures.wasm'

provideKernels({ core, mixtures, metrics })

export * from './index.js'
