/** The text of `bytes`. */
export function encode(bytes: ArrayLike<number> & Iterable<number>): string
