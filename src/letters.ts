// Small numbers as text inside a JavaScript file, a letter or two each: the kernels, as scripts/encode.mjs writes them, and the irises.

/** The numbers of a text. Letters are printable ASCII without quotes and backslash: 86, then prefixes that add multiples of 86. */
export function numbersOf(text: string): Uint16Array {
  const numbers = new Uint16Array(text.length)
  let length = 0
  let prefix = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const value = code - 32 - +(code > 34) - +(code > 39) - +(code > 92) - +(code > 96)
    if (value < 86) numbers[length++] = prefix + value
    prefix = value < 86 ? 0 : (value - 85) * 86
  }
  return numbers.subarray(0, length)
}
