// How things are timed and told: contenders take turns in one process' lifetime, so that a busy minute hurts all of them, and what is compared is
// the ratio within a turn.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'

const WARM_MS = 150 // engines compile in tiers while a kernel runs
const TURN_MS = 30 // a turn of a short task is many runs
const LONG_MS = 1000 // a first run this long is past any warming up and counts

/** Lets contenders take turns, A B C A B C …, until about `seconds` are spent; at least three rounds, two when a round takes over 4 s,
 *  one when it takes over 8 s, each divided by `haste`.
 *  A contender is `{ name, run(repeat, turn) }`; `run` does the task `repeat` times and returns (a promise of) `{ ms, … }`, ms being the median of them. One that is
 *  `warm` already is not warmed up.
 *  @returns per contender its turns, round by round */
export async function race(contenders, seconds, haste = 1) {
  const turns = contenders.map(() => [])
  const repeats = []
  let cost = 0
  for (const [c, { run, warm }] of contenders.entries()) {
    let turn = await run(1, 0)
    repeats[c] = 1
    if (turn.ms < LONG_MS) {
      if (!warm) turn = await run(Math.min(2000, Math.ceil(WARM_MS / turn.ms)), 0)
      repeats[c] = Math.min(2000, Math.max(1, Math.round(TURN_MS / turn.ms)))
      turn = await run(repeats[c], 0)
    }
    turns[c].push(turn)
    cost += (turn.ms * repeats[c]) / 1000
  }
  const least = cost * haste > 8 ? 1 : cost * haste > 4 ? 2 : 3
  const rounds = Math.max(least, Math.min(11, Math.floor(seconds / cost)))
  for (let round = 1; round < rounds; round++) for (const [c, { run }] of contenders.entries()) turns[c].push(await run(repeats[c], round))
  return turns
}

/** A contender of this process: times `work(turn)`; `outcome` makes, untimed, of the last result what else is to be known. */
export function contender(name, work, outcome = () => ({})) {
  return {
    name,
    run(repeat, turn) {
      const times = []
      let result
      const cpu = process.cpuUsage()
      for (let i = 0; i < repeat; i++) {
        const begin = performance.now()
        result = work(turn)
        times.push(performance.now() - begin)
      }
      return { ms: median(times), cpu: cpuSince(cpu) / repeat, ...outcome(result) }
    },
  }
}

/** Milliseconds of CPU, all threads of the process, since `begin = process.cpuUsage()`. */
export function cpuSince(begin) {
  const { user, system } = process.cpuUsage(begin)
  return (user + system) / 1000
}

export function median(values) {
  const sorted = Float64Array.from(values).sort()
  const half = sorted.length >> 1
  return sorted.length & 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

/** How many times slower `theirs` is than `ours`: `ratio`, the median over rounds, with `low` and `high`; `best`, their best round over our best one, as
 *  noise only slows; `cpu`, the median ratio of CPU times, which waiting for a busy machine does not enter. */
export function ratioOf(theirs, ours) {
  const ratios = (of) => theirs.slice(0, ours.length).map((turn, i) => turn[of] / ours[i][of])
  const least = (turns) => Math.min(...turns.map((t) => t.ms))
  const wall = ratios('ms')
  return {
    ms: median(theirs.map((t) => t.ms)),
    ratio: median(wall),
    low: Math.min(...wall),
    high: Math.max(...wall),
    best: least(theirs) / least(ours),
    cpu: median(ratios('cpu')),
  }
}

/** Fingerprint of labels, to compare across processes. */
export const fingerprint = (labels) => createHash('sha256').update(Int32Array.from(labels)).digest('hex')

/** Relative difference. */
export const difference = (a, b) => Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b), Number.MIN_VALUE)

/** One line on the machine and what runs on it. */
export function machineLine(extra) {
  const cpus = os.cpus()
  const names = ['ml-kmeans', 'skmeans', 'assemblyscript']
  const own = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const versions = [`${own.name} ${own.version}`, ...names.map((name) => `${name} ${versionOf(name)}`)]
  return `${cpus.length} × ${cpus[0]?.model.trim() || os.arch()} · ${os.type()} · Node ${process.versions.node} (V8 ${process.versions.v8.replace(/-.*/, '')}) · ${versions.join(' · ')} · ${extra}`
}

export const load = () => os.loadavg()[0].toFixed(2)

// From the package's own package.json, which `exports` may hide from require
function versionOf(name) {
  const require = createRequire(import.meta.url)
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')).version
    } catch {
      // not in this folder
    }
  }
  return '?'
}

/** A table of strings as text with aligned columns (numbers to the right) or as Markdown. */
export function table(head, rows, markdown) {
  const right = head.map(
    (_, c) => rows.some((row) => /^[<>]?[−\d]/.test(row[c])) && rows.every((row) => /^([<>]?[−\d].*|–|)$/.test(row[c])),
  )
  const width = head.map((title, c) => Math.max(title.length, 3, ...rows.map((row) => row[c].length)))
  const cell = (text, c) => (right[c] ? text.padStart(width[c]) : text.padEnd(width[c]))
  if (!markdown) return [head, width.map((w) => '─'.repeat(w)), ...rows].map((row) => row.map(cell).join('  ').trimEnd()).join('\n')
  const line = (row) => `| ${row.map(cell).join(' | ')} |`
  return [line(head), `| ${width.map((w, c) => '-'.repeat(w - 1) + (right[c] ? ':' : '-')).join(' | ')} |`, ...rows.map(line)].join('\n')
}

/** Three significant digits, thousands separated. */
export function digits(value, significant = 3) {
  if (value === undefined || Number.isNaN(value)) return '–'
  if (Math.abs(value) >= 10 ** (significant - 1)) return Math.round(value).toLocaleString('en-US').replace('-', '−')
  return value.toPrecision(significant).replace('-', '−')
}

/** '3.4×', with one more digit below 10. */
export const times = (ratio) =>
  ratio === undefined ? '–' : `${ratio >= 100 ? Math.round(ratio) : ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2)}×`

/** Worst and geometric mean of ratios. */
export function summary(ratios) {
  const mean = Math.exp(ratios.reduce((s, r) => s + Math.log(r), 0) / ratios.length)
  return { worst: Math.min(...ratios), mean }
}
