/** The texts of `bytes`: code, and numbers of locals. */
export function encode(bytes: ArrayLike<number> & Iterable<number>): [string, string]
