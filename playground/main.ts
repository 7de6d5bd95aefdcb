// The playground's shell: topics on the left, the picture, and beside it words, controls and numbers. A fit goes on by steps, at the reader's
// pace or by itself.
import { extent, Frame, PALETTE, prepare } from './plot.ts'
import { type Fit, type Topic, topics, type Values } from './topics.ts'

const find = <E extends Element>(selector: string, root: ParentNode = document) => root.querySelector(selector) as E
function make<K extends keyof HTMLElementTagNameMap>(tag: K, properties: object = {}, ...children: Node[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  Object.assign(element, properties)
  element.append(...children)
  return element
}

const nav = find<HTMLElement>('nav')
const aside = find<HTMLElement>('aside')
const stage = find<HTMLCanvasElement>('.stage canvas')
const PACE_MS = 260

nav.append(...topics.map(({ id, name, hint }) => make('a', { href: `#${id}`, textContent: name }, make('small', { textContent: hint }))))

let topic: Topic
let values: Values = { seed: '28' }
let fit: Fit | undefined
let running = false
let more = true
let busy = false

/** Shows the topic that the address names, from its beginning. */
function open(): void {
  topic = topics.find(({ id }) => `#${id}` === location.hash) ?? topics[0]
  values = { seed: '28' }
  for (const control of topic.controls) values[control.id] = String(control.value)
  for (const link of nav.querySelectorAll('a')) {
    if (link.hash === `#${topic.id}`) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  document.title = `${topic.name} · mixtura playground`
  const button = (id: string, text: string, work: () => void, className = '') =>
    make('button', { id, textContent: text, onclick: work, className })
  aside.replaceChildren(
    make('h2', { textContent: topic.title }),
    make('p', { innerHTML: topic.text }),
    make(
      'div',
      { className: 'transport' },
      button('run', 'Run', toggle, 'primary'),
      button('step', 'Step', () => void step()),
      button('restart', 'Restart', restart),
      ...(topic.renew === '' ? [] : [button('new', topic.renew ?? 'New data', renew)]),
    ),
    make('div', { className: 'controls' }, ...topic.controls.map(controlOf)),
    make('dl', { className: 'readout' }),
    make('div', { className: 'trace', hidden: true }, make('canvas')),
    make('div', { className: 'details' }),
    make('p', { className: 'problem', hidden: true }),
  )
  restart()
}

function controlOf(control: Topic['controls'][number]): HTMLElement {
  const set = (value: string) => {
    values[control.id] = value
    restart()
  }
  if (control.kind === 'choice') {
    const options = control.choices.map((value) => make('option', { value, textContent: value, selected: value === control.value }))
    return make(
      'label',
      { textContent: control.label },
      make('select', { id: control.id, onchange: (e: Event) => set((e.target as HTMLSelectElement).value) }, ...options),
    )
  }
  const shown = make('output', { textContent: control.value.toLocaleString('en') })
  const { min, max, step = 1 } = control
  const slider = make('input', { type: 'range', id: control.id, min: String(min), max: String(max), step: String(step) })
  slider.value = String(control.value)
  slider.oninput = () => {
    shown.textContent = Number(slider.value).toLocaleString('en')
    if (!control.lazy) set(slider.value)
  }
  if (control.lazy) slider.onchange = () => set(slider.value)
  return make('label', { textContent: control.label }, slider, shown)
}

/** Says beside the picture what went wrong. */
function report(error: Error): void {
  const problem = find<HTMLElement>('.problem', aside)
  problem.textContent = error.message
  problem.hidden = false
  running = false
  more = false
}

/** Does `work`, and reports what goes wrong, if anything does. */
function guarded<T>(work: () => T): T | undefined {
  try {
    find<HTMLElement>('.problem', aside).hidden = true
    return work()
  } catch (error) {
    report(error as Error)
    return undefined
  }
}

function restart(): void {
  fit?.abort?.()
  more = true
  running = false
  fit = guarded(() => topic.start(values))
  render()
}

function renew(): void {
  values.seed = String(Number(values.seed) + 1)
  restart()
}

async function step(): Promise<void> {
  const own = fit
  if (!own || busy) return
  busy = true
  try {
    const result = guarded(() => own.step())
    if (result instanceof Promise) {
      const ticker = setInterval(render, 120)
      running = true
      render()
      const ended = await result.then(
        (next) => next,
        (error: Error) => {
          if (error.name !== 'AbortError') report(error)
          return false
        },
      )
      clearInterval(ticker)
      if (own === fit) [more, running] = [ended, false]
    } else if (own === fit) more = result ?? false
  } finally {
    busy = false
  }
  if (!more) running = false
  render()
}

async function toggle(): Promise<void> {
  if (running) {
    running = false
    if (fit?.abort) restart()
    else render()
    return
  }
  if (!more) restart()
  running = true
  while (running && more) {
    await step()
    if (fit?.abort) break
    await new Promise((done) => setTimeout(done, PACE_MS))
  }
  render()
}

let asked = false
function render(): void {
  if (asked) return
  asked = true
  requestAnimationFrame(() => {
    asked = false
    draw()
  })
}

function draw(): void {
  const own = fit
  find<HTMLButtonElement>('#run', aside).textContent = running ? (own?.abort ? 'Stop' : 'Pause') : more ? 'Run' : 'Again'
  find<HTMLButtonElement>('#step', aside).disabled = running || !more
  const { context, rect } = prepare(stage)
  if (!own) return
  guarded(() => own.draw(context, rect))
  const pairs = own.readout().flatMap(([name, value]) => [make('dt', { textContent: name }), make('dd', { textContent: value })])
  find('.readout', aside).replaceChildren(...pairs)
  const table = own.table?.()
  const row = (cells: (string | number)[], tag: 'th' | 'td') =>
    make('tr', {}, ...cells.map((text) => make(tag, { textContent: String(text) })))
  find('.details', aside).replaceChildren(
    ...(table ? [make('table', {}, row(table.head, 'th'), ...table.rows.map((cells) => row(cells, 'td')))] : []),
  )
  const box = find<HTMLElement>('.trace', aside)
  box.hidden = !own.trace || own.trace.values.length === 0
  if (own.trace && !box.hidden) drawTrace(find('canvas', box), own.trace)
}

function drawTrace(canvas: HTMLCanvasElement, { label, values: trace }: { label: string; values: number[] }): void {
  const { context, rect } = prepare(canvas)
  const finite = trace.filter(Number.isFinite)
  // a first value far off would flatten all others
  const tail = finite.length > 4 ? finite.slice(1) : finite
  const frame = new Frame(context, rect, { x: [0, Math.max(5, trace.length - 1)], y: extent(tail, 0.15), title: `${label}, by iteration` })
  const points = trace.map((v, i) => [i, v])
  frame.line(points, PALETTE[0], { width: 2 })
  frame.dots(points, () => PALETTE[0], { radius: trace.length > 40 ? 1.5 : 3, alpha: 1 })
}

let painting = false
function paint(event: PointerEvent): void {
  if (!painting || !fit?.paint) return
  const { left, top } = stage.getBoundingClientRect()
  fit.paint(event.clientX - left, event.clientY - top)
  more = true
  render()
}
stage.addEventListener('pointerdown', (event) => {
  painting = true
  paint(event)
})
stage.addEventListener('pointermove', paint)
window.addEventListener('pointerup', () => {
  painting = false
})
window.addEventListener('hashchange', open)
window.addEventListener('resize', render)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', render)
open()
