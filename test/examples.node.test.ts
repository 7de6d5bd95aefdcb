// The examples as a reader runs them: each ends well, prints the numbers it promises and draws a figure that a browser reads.
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium as browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const chromium = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (p) => p && existsSync(p),
)
const run = (...args: string[]) => promisify(execFile)(process.execPath, [join(root, 'examples', 'run.mjs'), ...args])

/** Numbers in the first line of a table that begins with `name`. */
function row(output: string, name: string): number[] {
  const line = output.split('\n').find((l) => l.trim().startsWith(`${name} `))
  if (line === undefined) throw new Error(`no line begins with ${name}:\n${output}`)
  return (
    line
      .trim()
      .slice(name.length)
      .match(/-?\d+(\.\d+)?(e[-+]\d+)?/g)
      ?.map(Number) ?? []
  )
}

/** The number after `label`. */
const after = (output: string, label: string) => Number(output.split(label)[1]?.match(/-?\d+(\.\d+)?(e[-+]\d+)?/)?.[0])

const promises: Record<string, (output: string) => void> = {
  heights(output) {
    for (const line of output.split('\n').filter((l) => /^ +(women|men) /.test(l))) {
      const [truth, known, knownError, hidden, hiddenError] = line.match(/-?\d+\.\d+/g)?.map(Number) ?? []
      // three times the typical error that the example states
      expect(Math.abs(known - truth)).toBeLessThanOrEqual(3 * knownError)
      expect(Math.abs(hidden - truth)).toBeLessThanOrEqual(3 * hiddenError)
    }
    expect(output.match(/^ +(women|men) /gm)).toHaveLength(6)
    expect(after(output, 'with accuracy')).toBeGreaterThan(0.88)
  },
  'em-classifier'(output) {
    expect(after(output, 'Largest difference of any parameter:')).toBeLessThanOrEqual(1e-8)
    const [own, ours] = row(output, 'accuracy')
    expect(own).toBe(ours)
    expect(own).toBeGreaterThan(0.92)
  },
  'height-weight'(output) {
    const grid = ['full', 'tied', 'diag', 'spherical'].map((type) => row(output, type))
    for (const line of grid) expect(line).toHaveLength(6)
    expect(output.match(/[\d.]+\*/)?.[0]).toBe(`${Math.min(...grid.flat()).toFixed(1)}*`)
    expect(after(output, '2 components, accuracy')).toBeGreaterThanOrEqual(0.9)
  },
  'covariance-types'(output) {
    const accuracies = ['full', 'tied', 'diag', 'spherical'].map((type) => row(output, type)[3])
    expect(Math.max(...accuracies)).toBe(accuracies[0])
    expect(accuracies[0]).toBeGreaterThanOrEqual(0.97)
  },
  iris(output) {
    const [rand, accuracy] = row(output, 'all four')
    expect(rand).toBeGreaterThanOrEqual(0.9)
    expect(accuracy).toBeGreaterThanOrEqual(0.96)
    expect(output.match(/^ +(sepal|petal)/gm)).toHaveLength(6)
  },
  'two-boxes'(output) {
    const [first, second] = output.split('Share of white balls')
    expect(row(first, '1')).toEqual([3, 0.00081, 0.00729, 0.1, 2])
    expect(row(first, '2')).toEqual([2, 0.00729, 0.00081, 0.9, 1])
    expect(row(first, '3')).toEqual([1, 0.06561, 0.00009, 0.9986, 1])
    expect(row(second, '1')).toEqual([0.346734, 0.57974, 0.333333, 0.6])
    expect(row(second, '2')).toEqual([0.392644, 0.491529, 0.333333, 0.6])
    expect(row(second, '3')).toEqual([0.417809, 0.462249, 0.333333, 0.6])
    expect(row(second, '60')).toEqual([0.44, 0.44, 0.333333, 0.6])
  },
  convergence(output) {
    expect(after(output, 'Smallest step of the log-likelihood:')).toBeGreaterThanOrEqual(-1e-10)
    expect(after(output, 'largest of J:')).toBeLessThanOrEqual(1e-10)
    expect(output).toMatch(/is the trace of run \d+: true/)
    expect(output.match(/\*/g)).toHaveLength(3) // what the star means, and one best run each
  },
  'k-means'(output) {
    const [trace, stopping] = output.split('stopped by')
    const J = trace.match(/^ +\d+ .*$/gm)?.map((line) => Number(line.trim().split(/ +/)[1])) ?? []
    expect(J.length).toBeGreaterThan(5)
    for (let t = 1; t < J.length; t++) expect(J[t]).toBeLessThanOrEqual(J[t - 1])
    const rules = [
      'five iterations',
      'change of the centers',
      'change of the mean squared distance',
      'change of the mean absolute distance',
      'nothing changes',
    ]
    const iterations = rules.map((rule) => row(stopping, rule)[0])
    expect(iterations[0]).toBe(5)
    expect(Math.max(...iterations)).toBe(iterations[4])
  },
}

let page: Browser | undefined
beforeAll(async () => {
  if (chromium) page = await browser.launch({ executablePath: chromium, args: ['--no-sandbox'] })
}, 60_000)
afterAll(() => page?.close())

/** What a strict XML parser and the layout of a real browser say: errors, and texts that are too small or outside the picture. */
async function complaints(svg: string): Promise<string[]> {
  const tab = await (page as Browser).newPage({ viewport: { width: 1000, height: 1000 } })
  try {
    await tab.setContent(`<body style="margin:0">${svg}`)
    return await tab.evaluate((text) => {
      const error = new DOMParser().parseFromString(text, 'image/svg+xml').querySelector('parsererror')
      if (error) return [error.textContent ?? 'not well-formed']
      const frame = (document.querySelector('svg') as SVGElement).getBoundingClientRect()
      return [...document.querySelectorAll('text')].flatMap((label) => {
        const box = label.getBoundingClientRect()
        const inside = box.left >= frame.left && box.right <= frame.right + 0.5 && box.top >= frame.top && box.bottom <= frame.bottom
        const size = Number.parseFloat(getComputedStyle(label).fontSize)
        return label.textContent && !(inside && size >= 11) ? [`${label.textContent}: ${size}px at ${box.left},${box.top}`] : []
      })
    }, svg)
  } finally {
    await tab.close()
  }
}

it('without a name, the runner lists every example with a line of its own', async () => {
  const { stdout } = await run()
  for (const name of Object.keys(promises)) expect(stdout).toMatch(new RegExp(`^ +${name} +[A-Za-z].{30,110}\\.$`, 'm'))
  expect(stdout.match(/^ {2}[a-z]/gm)).toHaveLength(Object.keys(promises).length)
})

it('an unknown name is refused with the list', async () => {
  const failure = await run('height').catch((error) => error)
  expect(failure.code).toBe(1)
  expect(failure.stderr).toMatch(/got height\. There are:\n\n(.*\n)* +heights /)
})

describe.each(Object.keys(promises))('%s', (name) => {
  const file = join(root, 'build', 'figures', `${name}.svg`)

  it('prints what it promises and writes its figure', async () => {
    rmSync(file, { force: true })
    const { stdout, stderr } = await run(name)
    expect(stderr).toBe('')
    promises[name](stdout)
    expect(stdout.trim().split('\n').at(-1)).toBe(`build/figures/${name}.svg`)
    expect(readFileSync(file, 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n?$/)
    expect(readFileSync(file, 'utf8')).not.toMatch(/NaN|Infinity|undefined/)
  })

  it.skipIf(!chromium)('its figure is well-formed, and a browser lays every text out inside it', async () => {
    expect(await complaints(readFileSync(file, 'utf8'))).toEqual([])
  })
})

it('the figures of the README are those the examples draw', () => {
  // after a change that is meant: cp build/figures/NAME.svg examples/figures/
  const kept = readdirSync(join(root, 'examples', 'figures'))
  expect(kept).toHaveLength(2)
  for (const name of kept) {
    const svg = readFileSync(join(root, 'examples', 'figures', name), 'utf8')
    expect(svg.length).toBeLessThan(100_000)
    expect(readFileSync(join(root, 'build', 'figures', name), 'utf8') === svg, `${name} differs from build/figures/${name}`).toBe(true)
  }
})
