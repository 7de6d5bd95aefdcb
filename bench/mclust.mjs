// Finds R with mclust (Scrucca et al. 2016) and keeps mclust.R running in it, so that it can take turns with us.
import { execFile, spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const SCRIPT = fileURLToPath(new URL('mclust.R', import.meta.url))
const MODELS = { full: 'VVV', diag: 'VVI', spherical: 'VII' }

/** Whether there is an Rscript with mclust on the path. */
export const hasMclust = () =>
  promisify(execFile)('Rscript', ['-e', 'library(mclust)'], { timeout: 30_000 }).then(
    () => true,
    () => false,
  )

/** Starts mclust on a workload. Its contenders run covariance types that it has by the same name: full, diag, spherical. */
export async function startMclust({ matrix, n, d, k, centers, variance }, file) {
  const rest = Buffer.from(Float64Array.from([...centers.flat(), ...variance]).buffer)
  writeFileSync(file, Buffer.concat([Buffer.from(matrix.data.buffer, matrix.data.byteOffset, matrix.data.byteLength), rest]))
  const child = spawn('Rscript', [SCRIPT, file, String(n), String(d), String(k)], { stdio: ['pipe', 'pipe', 'ignore'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error('mclust: R ended')
    return value
  }
  const version = await answer()
  rmSync(file)
  return {
    version,
    contender: (type, iterations) => ({
      name: 'mclust',
      warm: true,
      async run(repeat) {
        child.stdin.write(`${MODELS[type]} ${iterations} ${repeat}\n`)
        const [ms, quality] = (await answer()).split(' ').map(Number)
        return { ms, cpu: ms, quality }
      },
    }),
    stop: () => child.stdin.end(),
  }
}
