// Small numbers as text inside a JavaScript file, a letter or two each: the kernels, as scripts/encode.mjs writes them, and the irises.

/** The numbers of a text. Letters are printable ASCII without quotes and backslash: 86, then prefixes that add multiples of 86. */
export function numbersOf(text: string): Uint16Array {
  const value = new Uint8Array(127)
  for (let code = 32, next = 0; code < 127; code++) if (!'\'"`\\'.includes(String.fromCharCode(code))) value[code] = next++
  const numbers = new Uint16Array(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    let number = value[text.charCodeAt(i)]
    if (number >= 86) number = (number - 85) * 86 + value[text.charCodeAt(++i)]
    numbers[length++] = number
  }
  return numbers.subarray(0, length)
}
