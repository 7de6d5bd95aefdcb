/** Numbers below 516 as text. */
export function letters(numbers: Iterable<number>): string

/** The symbols that `modules` have most of. */
export function frequentSymbols(modules: Uint8Array[]): number[]

/** The texts of `bytes`: symbols by rank, and numbers of locals. */
export function encode(bytes: ArrayLike<number>, frequent: number[]): [string, string]
