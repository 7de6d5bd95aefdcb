// The README's table of where the package runs, from what ran. `npm run compatibility` runs the consumers and writes it; their test checks it.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'

const README = new URL('../README.md', import.meta.url)
const RAN = new URL('../build/compatibility.json', import.meta.url)
const SECTION = /(<!-- compatibility: npm run compatibility -->\n)([\s\S]*?)(<!-- \/compatibility -->)/

/** The table: a line for each runtime, with the ways it ran. */
export function compatibilityTable(ran) {
  const ways = new Map()
  for (const { where, how } of ran) ways.set(where, [...(ways.get(where) ?? []), how])
  const rows = [['runs in', 'by'], ...[...ways].map(([where, all]) => [where, all.join(', ')])]
  const widths = [0, 1].map((j) => Math.max(...rows.map((row) => row[j].length)))
  const line = (cells) => `| ${cells.map((cell, j) => cell.padEnd(widths[j])).join(' | ')} |`
  return `\n${[line(rows[0]), line(widths.map((width) => '-'.repeat(width))), ...rows.slice(1).map(line)].join('\n')}\n\n`
}

/** The table that the README has. */
export function writtenTable() {
  return readFileSync(README, 'utf8').match(SECTION)?.[2]
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  spawnSync('npx', ['vitest', 'run', '--project', 'consumers', 'runtimes'], { stdio: 'inherit' })
  const table = compatibilityTable(JSON.parse(readFileSync(RAN, 'utf8')))
  writeFileSync(
    README,
    readFileSync(README, 'utf8').replace(SECTION, (_, open, __, close) => open + table + close),
  )
}
