// Bytes as text inside a JavaScript file, so that gzip makes as little of them as it can. src/kernel-modules.ts reads it.
//
// Letters. Base64 shifts bytes against letters, and gzip no longer sees what repeats: the kernels came out 40 % larger than their own gzip. Here
// a byte is one letter, or a prefix and a letter, wherever it stands.
//
// Locals. Compiled loops are full of local.get, local.set and local.tee, each followed by the number of a local, and code that repeats with other
// locals repeats no more for gzip. So these numbers stand in a text of their own, and as places in the list of the locals used last (move to
// front): the three modules came out 12 % smaller (gzip of core 11.3 → 9.9 kB, mixtures 9.4 → 8.3, metrics 1.3 → 1.1).

/** Printable ASCII without quotes and backslash, so that a string literal needs no escapes; the last two letters are prefixes. */
const ALPHABET = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).filter((c) => !'\'"`\\'.includes(c))
const LETTERS = ALPHABET.length - 2 // 89: a prefix adds 89, or twice 89, to the letter after it
const FIRST = 240 // the byte of the first letter: WebAssembly is mostly bytes from there, through 0, to 72

function letters(bytes) {
  return Array.from(bytes, (byte) => {
    const place = (byte - FIRST) & 255
    const letter = ALPHABET[place % LETTERS]
    return place < LETTERS ? letter : ALPHABET[LETTERS - 1 + Math.floor(place / LETTERS)] + letter
  }).join('')
}

/** The texts of `bytes`: what is not the number of a local, and what is. The byte after one that looks like local.get, local.set or local.tee is
 *  taken for it, which needs no knowledge of the instructions. */
export function encode(bytes) {
  const code = []
  const locals = []
  const recent = Array.from({ length: 256 }, (_, i) => i)
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at++]
    code.push(byte)
    if (byte < 0x20 || byte > 0x22 || at === bytes.length) continue
    const place = recent.indexOf(bytes[at++])
    locals.push(place)
    recent.unshift(...recent.splice(place, 1))
  }
  return [letters(code), letters(locals)]
}
