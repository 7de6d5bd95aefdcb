// Prints the result as one closing line, `N passed, N failed`, for whoever reads only the end of the output.
import type { Reporter, TestModule } from 'vitest/node'

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0 }
    for (const module of modules) {
      if (module.children.size === 0 && module.state() === 'failed') count.failed++ // a file that could not be loaded
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state in count) count[state as keyof typeof count]++
      }
    }
    const skipped = count.skipped ? `, ${count.skipped} skipped` : ''
    process.on('exit', () => process.stdout.write(`${count.passed} passed, ${count.failed} failed${skipped}\n`))
  }
}
