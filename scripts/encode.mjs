// Bytes as text inside a JavaScript file. Base64 shifts bytes against letters, and gzip no longer sees what repeats: the kernels came out 40 % larger
// than their own gzip. Here a byte is one letter, or a prefix and a letter, wherever it stands: 3 % larger. src/kernel-modules.ts reads it.

/** Printable ASCII without quotes and backslash, so that a string literal needs no escapes; the last two letters are prefixes. */
const ALPHABET = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).filter((c) => !'\'"`\\'.includes(c))
const LETTERS = ALPHABET.length - 2 // 89: a prefix adds 89, or twice 89, to the letter after it
const FIRST = 240 // the byte of the first letter: WebAssembly is mostly bytes from there, through 0, to 72

/** The text of `bytes`. */
export function encode(bytes) {
  return Array.from(bytes, (byte) => {
    const place = (byte - FIRST) & 255
    const letter = ALPHABET[place % LETTERS]
    return place < LETTERS ? letter : ALPHABET[LETTERS - 1 + Math.floor(place / LETTERS)] + letter
  }).join('')
}
