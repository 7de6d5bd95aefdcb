// The seeded generator: xoshiro128** (Blackman & Vigna 2021, Scrambled Linear Pseudorandom Number Generators) on 32-bit integers,
// seeded through the SplitMix-like finaliser of MurmurHash3 from (seed, stream). A stream is named by what it is for (the run,
// the slot of rows), never by who draws from it, so results do not depend on the number of threads.

/** Draws for one stream. Same seed and stream, same numbers, everywhere. */
export class Random {
  private a: number
  private b: number
  private c: number
  private d: number

  /** @param seed whole number from 0 to 2^53 − 1 @param stream whole numbers that name the stream */
  constructor(seed: number, ...stream: number[]) {
    let h = mix(seed >>> 0, 0x9e3779b9)
    h = mix(Math.floor(seed / 2 ** 32) >>> 0, h)
    for (const s of stream) h = mix(s >>> 0, h)
    this.a = h = mix(1, h)
    this.b = h = mix(2, h)
    this.c = h = mix(3, h)
    this.d = mix(4, h) | 1 // never all zero
  }

  /** 32 random bits, as an unsigned integer. */
  bits(): number {
    const product = Math.imul(this.b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    const t = this.b << 9
    this.c ^= this.a
    this.d ^= this.b
    this.b ^= this.c
    this.a ^= this.d
    this.c ^= t
    this.d = (this.d << 11) | (this.d >>> 21)
    return result
  }

  /** Uniform on [0, 1) with 53 random bits. */
  uniform = (): number => ((this.bits() >>> 5) * 67108864 + (this.bits() >>> 6)) / 9007199254740992

  /** Whole number on [0, n), every one equally likely up to 2^−53. */
  below(n: number): number {
    return Math.floor(this.uniform() * n)
  }
}

/** n categories drawn with the given probabilities, sorted: how many of each is multinomial. */
export function categories(random: Random, probabilities: ArrayLike<number>, n: number): Int32Array {
  const last = probabilities.length - 1
  const drawn = new Int32Array(n)
  for (let i = 0; i < n; i++) {
    let u = random.uniform()
    let c = 0
    while (c < last && u >= probabilities[c]) u -= probabilities[c++]
    drawn[i] = c
  }
  return drawn.sort()
}

/** The seed asked for, or a fresh one from the platform's entropy when none was. */
export function seedOf(randomState: number | undefined): number {
  if (randomState !== undefined) return randomState
  const words = globalThis.crypto.getRandomValues(new Uint32Array(2))
  return words[0] * 2097152 + (words[1] >>> 11)
}

/** Generators by the names of their streams, of the seed asked for, or of a fresh one where none was: that is drawn when it is first needed, since the
 *  platform's entropy takes as long as two EM iterations over iris. */
export function streamsOf(randomState: number | undefined): (...stream: number[]) => Random {
  let seed = randomState
  return (...stream) => {
    seed = seedOf(seed)
    return new Random(seed, ...stream)
  }
}

function mix(value: number, state: number): number {
  let h = Math.imul(value ^ state, 0x85ebca6b) + 0x9e3779b9
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16) ^ state) >>> 0
}
