// Tables of the examples: texts as they are, numbers aligned.

/** Prints rows under a head; the first column to the left, the others to the right. */
export function printTable(head: string[], rows: (string | number)[][], title = ''): void {
  const cells = [head, ...rows.map((row) => row.map(String))]
  const widths = head.map((_, j) => Math.max(...cells.map((row) => row[j].length)))
  const lines = cells.map((row) => `  ${row.map((cell, j) => (j ? cell.padStart(widths[j]) : cell.padEnd(widths[j]))).join('   ')}`)
  lines.splice(1, 0, `  ${widths.map((width) => '─'.repeat(width)).join('───')}`)
  console.log(`\n${title && `${title}\n\n`}${lines.join('\n')}`)
}
