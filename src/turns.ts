// Turns on a thread that has other things to do: timers, requests, a page. A piece of work that lasts long is done in slices, and before each
// it waits for its turn. One slice is one task of the event loop, however many pieces of work wait, so that what else waits comes in between.

/** Milliseconds of a slice: two of them fit into a frame of a page. */
export const SLICE_MS = 8

const waiting: (() => void)[] = []

/** Resolves when the event loop has gone round and all that waited before have had their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) soon()
  })
}

function next(): void {
  const resolve = waiting.shift()
  if (waiting.length > 0) soon()
  resolve?.()
}

// Has `next` called in a task of the event loop, as soon as what is there has run. setTimeout would wait 4 ms in a page.
let soon = (): void => {
  const { setImmediate, MessageChannel } = globalThis as {
    setImmediate?: (work: () => void) => void
    MessageChannel: typeof globalThis.MessageChannel
  }
  if (setImmediate) soon = () => setImmediate(next)
  else {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = next
    soon = () => port2.postMessage(0)
  }
  soon()
}
