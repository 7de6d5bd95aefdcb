// The playground as a visitor meets it: built, served, opened in Chromium, every topic run to its end by its own buttons.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium as browser, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildPlayground, servePlayground } from '../playground/run.mjs'
import { chromium } from './browsers.ts'

let server: Server
let launched: Browser
let page: Page
const problems: string[] = []

const readout = async () => {
  const [names, texts] = [
    await page.$$eval('.readout dt', (e) => e.map((d) => d.textContent)),
    await page.$$eval('.readout dd', (e) => e.map((d) => d.textContent)),
  ]
  return Object.fromEntries(names.map((name, i) => [name, texts[i]])) as Record<string, string>
}
const settled = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
/** How many of the picture's pixels are not the card's own color. */
const inked = () =>
  page.$eval('.stage canvas', (element) => {
    const { width, height } = element as HTMLCanvasElement
    const context = (element as HTMLCanvasElement).getContext('2d') as CanvasRenderingContext2D
    const { data } = context.getImageData(0, 0, width, height)
    return data.reduce((count, v, i) => count + Number(i % 4 === 3 && v > 0), 0) / (width * height)
  })

describe.skipIf(!chromium)('playground', () => {
  beforeAll(async () => {
    await buildPlayground()
    server = await servePlayground()
    launched = await browser.launch({ executablePath: chromium, args: ['--no-sandbox'] })
    page = await launched.newPage({ viewport: { width: 1360, height: 820 } })
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`)
  }, 60_000)
  afterAll(async () => {
    await launched?.close()
    server?.close()
  })

  // what the readout says at the end, where it is a number of the course, and most steps that lead there
  const topics: [id: string, end: Record<string, RegExp>, steps: number][] = [
    ['k-means', { 'centers moved by': /^0\.0000$/ }, 60],
    ['mixture', { 'free parameters': /^17$/ }, 120],
    ['bound', { θ: /^3\.\d+$/ }, 60],
    ['two-boxes', { 'p₁, p₂': /^0\.44000\d {2}0\.44000\d$|^0\.439999 {2}0\.440001$/ }, 60],
    ['case-1', { 'largest difference': /e-1[3-6]$/, 'accuracy without labels': /^0\.9/ }, 80],
    ['case-2', { 'mixtures fitted': /^24 of 24$/, best: /^full, 2 components$/, 'accuracy without labels': /^0\.902$/ }, 24],
    ['case-3', { iteration: /./ }, 150],
    ['case-4', { 'adjusted Rand index': /^0\.904$/ }, 80],
  ]
  it.each(topics)('%s: steps to its end', async (id, end, most) => {
    await page.click(`nav a[href="#${id}"]`)
    await settled()
    expect(await inked()).toBeGreaterThan(0.005)
    const first = await readout()
    let steps = 0
    for (; steps < most && !(await page.isDisabled('#step')); steps++) {
      await page.click('#step')
      await settled()
    }
    expect(steps).toBeGreaterThan(3)
    const last = await readout()
    expect(last).not.toEqual(first)
    for (const [name, expected] of Object.entries(end)) expect(last[name], name).toMatch(expected)
    expect(await page.isHidden('.problem')).toBe(true)
    await page.click('#restart')
    await settled()
    expect(await readout()).toEqual(first)
    expect(problems).toEqual([])
  })

  it('runs by itself, pauses, takes points that are drawn and other options', async () => {
    await page.click('nav a[href="#k-means"]')
    await page.selectOption('#start', 'in one corner')
    await page.click('#run')
    await expect.poll(async () => Number((await readout()).iteration), { timeout: 20_000 }).toBeGreaterThan(2)
    await page.click('#run')
    const before = await readout()
    await page.mouse.move(500, 300)
    await page.mouse.down()
    await page.mouse.move(700, 500, { steps: 10 })
    await page.mouse.up()
    await page.click('#step')
    await settled()
    expect((await readout()).J).not.toBe(before.J)
    expect(problems).toEqual([])
  })

  it('fits large data without blocking the page, isolated, and stops when told', async () => {
    await page.click('nav a[href="#large"]')
    await page.$eval('#n', (slider) => {
      ;(slider as HTMLInputElement).value = '200000'
      for (const kind of ['input', 'change']) slider.dispatchEvent(new Event(kind))
    })
    await page.click('#run')
    await expect.poll(async () => (await readout())['whole fit'], { timeout: 60_000 }).toMatch(/ms$/)
    expect((await readout())['page isolated (threads)']).toBe('yes')
    // a million rows take seconds, so there is time to stop
    await page.click('nav a[href="#k-means"]')
    await page.click('nav a[href="#large"]')
    await page.click('#run')
    await expect.poll(() => page.textContent('#run'), { timeout: 20_000 }).toBe('Stop')
    await page.click('#run')
    await expect.poll(() => page.textContent('#run'), { timeout: 20_000 }).toBe('Run')
    expect((await readout())['whole fit']).toBe('–')
    expect(problems).toEqual([])
  })

  it('is readable on a phone', async () => {
    await page.setViewportSize({ width: 390, height: 800 })
    await page.click('nav a[href="#mixture"]')
    await settled()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
    expect(await inked()).toBeGreaterThan(0.005)
  })
})
