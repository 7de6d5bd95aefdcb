// Bytes as text inside a JavaScript file, so that gzip makes as little of them as it can. src/kernel-modules.ts and src/letters.ts read it.
//
// Symbols. Base64 shifts bytes against letters, and gzip no longer sees what repeats: the kernels came out 40 % larger than their own gzip. Here a byte is
// a symbol, and so is an instruction of the SIMD set, which is two or three bytes; the symbols that all modules have most of are one letter, the
// others a prefix and a letter. (A letter for each byte: gzip of core 9.8 kB in place of 9.4, mixtures 9.7 in place of 9.3.)
//
// Locals. Compiled loops are full of local.get, local.set and local.tee, each followed by the number of a local, and code that repeats with other
// locals repeats no more for gzip. So these numbers stand in a text of their own, and as places in the list of the locals used last (move to
// front): the modules came out 12 % smaller. What is taken for one of these instructions need not be one, but most of what only looks like one is the
// constant or the offset 32 to 34: told apart by what is before, which made 1.6 % of all modules.
//
// What was tried and is not here. Arithmetic coding, bit by bit, by the logistic mixture of what six contexts predict: core 8.1 kB in place of 9.5, but
// reading it takes JavaScript 50 ms of processor time before a first fit, where this takes 4; a decoder in WebAssembly takes 19 ms, and is two thirds of
// what it saves. Offsets and constants in texts of their own: 0.17 kB of core, half of which the decoder takes. Runs of zeros as symbols: 0.03 kB.

/** Printable ASCII without quotes and backslash, so that a string literal needs no escapes; the last five letters are prefixes. */
const ALPHABET = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).filter((c) => !'\'"`\\'.includes(c))
const LETTERS = 86 // a prefix adds a multiple of 86 to the letter after it: numbers below 516

/** Numbers below 516 as text. */
export const letters = (numbers) =>
  Array.from(numbers, (n) => (n < LETTERS ? '' : ALPHABET[LETTERS - 1 + Math.floor(n / LETTERS)]) + ALPHABET[n % LETTERS]).join('')

/** What a byte after is not the instruction it looks like: i32.const, and alignments of 8 and 16 bytes. */
const OPERAND = [0x41, 3, 4]

/** Bytes as symbols: a byte is itself, SIMD instruction v is 256 + v. The byte after one that looks like local.get, local.set or local.tee is taken for the
 *  number of a local, and what follows 0xfd for a SIMD instruction, which needs no knowledge of the others. */
function parse(bytes) {
  const symbols = []
  const locals = []
  const recent = Array.from({ length: 256 }, (_, i) => i)
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at++]
    if (byte === 0xfd && (bytes[at] < 128 || bytes[at + 1] === 1)) {
      symbols.push(256 + bytes[at])
      at += bytes[at] < 128 ? 1 : 2
      continue
    }
    const before = symbols.at(-1)
    symbols.push(byte)
    if (byte < 0x20 || byte > 0x22 || at === bytes.length || OPERAND.includes(before)) continue
    const place = recent.indexOf(bytes[at++])
    locals.push(place)
    recent.unshift(...recent.splice(place, 1))
  }
  return { symbols, locals }
}

/** The symbols that `modules` have most of: as many as are one letter. */
export function frequentSymbols(modules) {
  const counts = new Map()
  for (const bytes of modules) for (const symbol of parse(bytes).symbols) counts.set(symbol, (counts.get(symbol) ?? 0) + 1)
  const byCount = [...counts].sort(([a, m], [b, n]) => n - m || a - b)
  return byCount.slice(0, LETTERS).map(([symbol]) => symbol)
}

/** The texts of `bytes`: the symbols, by rank (the frequent ones first), and the numbers of locals, by place. */
export function encode(bytes, frequent) {
  const { symbols, locals } = parse(bytes)
  const ranking = [...new Set([...frequent, ...Array(512).keys()])]
  return [letters(symbols.map((symbol) => ranking.indexOf(symbol))), letters(locals)]
}
