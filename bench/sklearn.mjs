// Finds a Python that has scikit-learn and keeps sklearn_runner.py running in it, so that it can take turns with us.
import { execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

// The first on the path is often a version manager's, without packages; the system's may have them. Newest minor versions first.
const CANDIDATES = [
  'python3',
  'python',
  '/usr/bin/python3',
  '/usr/local/bin/python3',
  ...[14, 13, 12, 11, 10].map((minor) => `python3.${minor}`),
]

/** Starts the runner with `threads` threads on the Python asked for, or on the one with the newest scikit-learn; undefined where there is none. */
export async function startSklearn({ python, threads }) {
  const found = []
  for (const command of python ? [python] : CANDIDATES) {
    try {
      const { stdout } = await promisify(execFile)(command, ['-c', 'import sklearn; print(sklearn.__version__)'], { timeout: 30_000 })
      found.push({
        command,
        version: stdout
          .trim()
          .split('.')
          .map((part) => Number.parseInt(part, 10) || 0),
      })
    } catch {
      // not there, or without scikit-learn
    }
  }
  found.sort((a, b) => b.version[0] - a.version[0] || b.version[1] - a.version[1])
  if (found.length === 0) return undefined

  const env = { ...process.env }
  for (const name of ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS']) env[name] = String(threads)
  const child = spawn(found[0].command, ['-u', fileURLToPath(new URL('sklearn_runner.py', import.meta.url))], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error('scikit-learn: the runner ended')
    const message = JSON.parse(value)
    if (message.error) throw new Error(`scikit-learn: ${message.error}`)
    return message
  }
  const { versions } = await answer()
  return {
    versions: `${versions}, ${threads} thread${threads > 1 ? 's' : ''}`,
    /** Sends one task and waits for its answer. */
    ask(task, parameters) {
      child.stdin.write(`${JSON.stringify({ task, ...parameters })}\n`)
      return answer()
    },
    stop: () => child.stdin.end(),
  }
}
