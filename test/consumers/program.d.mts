/** A digest of every bit of the fits of a small program. @param mixtura the package, however it was imported */
export function digest(mixtura: typeof import('../../src/index.ts')): string
