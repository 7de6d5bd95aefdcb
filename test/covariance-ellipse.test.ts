import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { covarianceEllipse } from '../src/covariance-ellipse.ts'

const EPS = Number.EPSILON

describe('covarianceEllipse', () => {
  it('is exact for diagonal covariances', () => {
    for (const [covariance, radii, angle] of [
      [
        [
          [4, 0],
          [0, 1],
        ],
        [2, 1],
        0,
      ],
      [
        [
          [1, 0],
          [0, 4],
        ],
        [2, 1],
        Math.PI / 2,
      ],
      [
        [
          [4, -0],
          [-0, 9],
        ],
        [3, 2],
        Math.PI / 2,
      ],
      [[4, 1], [2, 1], 0],
      [[1, 4], [2, 1], Math.PI / 2],
      [9, [3, 3], 0],
      [
        [
          [9, 0],
          [0, 9],
        ],
        [3, 3],
        0,
      ],
      [[4, 0], [2, 0], 0],
      [0, [0, 0], 0],
      [
        [
          [1e300, 0],
          [0, 1e-300],
        ],
        [1e150, 1e-150],
        0,
      ],
    ] as const) {
      const ellipse = covarianceEllipse([5, -3], covariance, { sigmas: 1 })
      expect([ellipse.center, ellipse.radii, ellipse.angle]).toEqual([[5, -3], radii, angle])
    }
    expect(covarianceEllipse(new Float64Array([0, 0]), new Float64Array([4, 1])).radii).toEqual([4, 2]) // 2 sigmas
    expect(covarianceEllipse([0, 0], 2, { sigmas: 3 }).radii).toEqual([3 * Math.SQRT2, 3 * Math.SQRT2])
  })

  it('knows the directions', () => {
    expect(
      covarianceEllipse(
        [0, 0],
        [
          [2, 1],
          [1, 2],
        ],
        { sigmas: 1 },
      ).angle,
    ).toBeCloseTo(Math.PI / 4, 15)
    expect(
      covarianceEllipse(
        [0, 0],
        [
          [2, -1],
          [-1, 2],
        ],
        { sigmas: 1 },
      ).angle,
    ).toBeCloseTo(-Math.PI / 4, 15)
    expect(
      covarianceEllipse(
        [0, 0],
        [
          [1, 1e-300],
          [1e-300, 2],
        ],
      ).angle,
    ).toBe(Math.PI / 2)
    expect(
      covarianceEllipse(
        [0, 0],
        [
          [1, -1e-300],
          [-1e-300, 2],
        ],
      ).angle,
    ).toBe(Math.PI / 2) // −π/2 is the same line
  })

  // Σ = R(t)·diag(s², (s·r)²)·R(t)ᵀ
  const gaussian = fc.record({
    turn: fc.double({ min: -1.57, max: 1.57, noNaN: true }),
    ratio: fc.double({ min: 1e-3, max: 0.99, noNaN: true }),
    exponent: fc.integer({ min: -150, max: 150 }),
    sigmas: fc.double({ min: 0.1, max: 10, noNaN: true }),
  })
  const covarianceOf = (turn: number, ratio: number, scale: number) => {
    const [c, s, r] = [Math.cos(turn), Math.sin(turn), ratio * ratio]
    const off = (1 - r) * c * s * scale * scale
    return [
      [(c * c + r * s * s) * scale * scale, off],
      [off, (s * s + r * c * c) * scale * scale],
    ]
  }

  it('finds the axes a covariance was made of', () => {
    fc.assert(
      fc.property(gaussian, ({ turn, ratio, exponent, sigmas }) => {
        const scale = 10 ** exponent
        const { radii, angle } = covarianceEllipse([0, 0], covarianceOf(turn, ratio, scale), { sigmas })
        // entries carry errors of a few ε·scale²: relative in the large variance, over r in the small one, over 1 − r in the direction
        const r = ratio * ratio
        expect(Math.abs(radii[0] / (sigmas * scale) - 1)).toBeLessThan(16 * EPS)
        expect(Math.abs(radii[1] / (sigmas * scale * ratio) - 1)).toBeLessThan((16 * EPS) / r)
        const turned = Math.abs(angle - turn)
        expect(Math.min(turned, Math.PI - turned)).toBeLessThan((16 * EPS) / (1 - r))
        expect(angle).toBeGreaterThan(-Math.PI / 2)
        expect(angle).toBeLessThanOrEqual(Math.PI / 2)
        expect(radii[0]).toBeGreaterThanOrEqual(radii[1])
      }),
      { seed: 1, numRuns: 500 },
    )
  })

  it('all its points lie at `sigmas` standard deviations', () => {
    fc.assert(
      fc.property(gaussian, ({ turn, ratio, exponent, sigmas }) => {
        const [[a, b], [, c]] = covarianceOf(turn, ratio, 1)
        const scale = 10 ** exponent
        const mean = [3 * scale, -7 * scale]
        const { points } = covarianceEllipse(mean, covarianceOf(turn, ratio, scale), { sigmas })
        for (const [x, y] of points(17)) {
          const [u, v] = [(x - mean[0]) / scale, (y - mean[1]) / scale]
          const distance = Math.sqrt((c * u * u - 2 * b * u * v + a * v * v) / (a * c - b * b))
          // the determinant cancels to r, and a point's rounding of ε·(|mean| + radius) counts 1/ratio times in the short direction
          expect(Math.abs(distance / sigmas - 1)).toBeLessThan((32 * EPS) / ratio ** 2 + (64 * EPS) / (ratio * sigmas))
        }
      }),
      { seed: 2, numRuns: 300 },
    )
  })

  it('points go once around, counterclockwise, from the end of the major axis', () => {
    const ellipse = covarianceEllipse([1, 2], [9, 1], { sigmas: 1 })
    expect(ellipse.points()).toHaveLength(64)
    const points = ellipse.points(4)
    const expected = [
      [4, 2],
      [1, 3],
      [-2, 2],
      [1, 1],
    ]
    points.forEach(([x, y], i) => {
      expect(x).toBeCloseTo(expected[i][0], 14) // cos π/2 is 6e−17
      expect(y).toBeCloseTo(expected[i][1], 14)
    })
    // the polygon's area tends to π·r₀·r₁: half n·sin(2π/n)·r₀·r₁, positive when counterclockwise
    const many = ellipse.points(1000)
    const area = many.reduce((s, [x, y], i) => s + x * many[(i + 1) % 1000][1] - y * many[(i + 1) % 1000][0], 0) / 2
    expect(area).toBeCloseTo(500 * Math.sin(Math.PI / 500) * 3, 10)
    expect(
      covarianceEllipse(
        [1, 2],
        [
          [1, 0],
          [0, 9],
        ],
        { sigmas: 1 },
      ).points(1),
    ).toEqual([[1, 5]])
  })

  it('singular covariances give a segment', () => {
    const { radii, angle } = covarianceEllipse(
      [0, 0],
      [
        [1, 2],
        [2, 4],
      ],
      { sigmas: 1 },
    )
    expect(radii[0]).toBeCloseTo(Math.sqrt(5), 14)
    expect(radii[1]).toBe(0)
    expect(angle).toBeCloseTo(Math.atan2(2, 1), 14)
    expect(
      covarianceEllipse(
        [0, 0],
        [
          [1, 1 + 1e-12],
          [1 - 1e-12, 1],
        ],
      ).radii[1],
    ).toBeLessThan(1e-5) // asymmetric by rounding
    expect(
      covarianceEllipse(
        [0, 0],
        [
          [1, 1 + 1e-12],
          [1 + 1e-12, 1],
        ],
      ).radii[1],
    ).toBe(0) // indefinite by rounding
    // 0.1·0.3 and 0.17320508…² differ by rounding only
    expect(
      covarianceEllipse(
        [0, 0],
        [
          [0.1, Math.sqrt(0.03)],
          [Math.sqrt(0.03), 0.3],
        ],
      ).radii[1],
    ).toBeLessThan(1e-7)
  })

  it('does not follow the arrays it was given', () => {
    const mean = [1, 2]
    const ellipse = covarianceEllipse(mean, 1)
    mean[0] = 9
    expect(ellipse.center).toEqual([1, 2])
    expect(ellipse.points(1)).toEqual([[3, 2]])
  })

  it('refuses other shapes and what no Gaussian has', () => {
    const cases: [unknown, unknown, unknown, new (m: string) => Error, RegExp][] = [
      [[1, 2, 3], 1, {}, RangeError, /mean: expected two numbers, got an array of length 3. Pick two features first/],
      [5, 1, {}, TypeError, /mean: expected two numbers, got 5/],
      [[1, '2'], 1, {}, TypeError, /mean\[1\]: expected a finite number, got '2'/],
      [[1, Number.NaN], 1, {}, RangeError, /mean\[1\]: expected a finite number, got NaN/],
      [
        [0, 0],
        [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ],
        {},
        RangeError,
        /expected a 2×2 matrix, two variances or one, got an array of length 3/,
      ],
      [
        [0, 0],
        [
          [1, 0, 0],
          [0, 1, 0],
        ],
        {},
        RangeError,
        /covariance\[0\]: expected two numbers, got an array of length 3/,
      ],
      [[0, 0], [[1, 0], 1], {}, TypeError, /covariance\[1\]: expected two numbers, got 1/],
      [[0, 0], [1, [0, 1]], {}, TypeError, /covariance\[1\]: expected a finite number/],
      [[0, 0], [1, 0, 0, 1], {}, RangeError, /got an array of length 4/],
      [[0, 0], 'full', {}, TypeError, /expected a 2×2 matrix, two variances or one, got 'full'/],
      [[0, 0], undefined, {}, TypeError, /got undefined/],
      [[0, 0], -1, {}, RangeError, /covariance: expected a variance of at least 0, got -1/],
      [[0, 0], Infinity, {}, RangeError, /expected a finite number, got Infinity/],
      [[0, 0], [1, -2], {}, RangeError, /covariance\[1\]: expected a variance of at least 0, got -2/],
      [
        [0, 0],
        [
          [1, 0],
          [0, -1e-9],
        ],
        {},
        RangeError,
        /covariance\[1\]\[1\]: expected a variance of at least 0/,
      ],
      [
        [0, 0],
        [
          [1, 0.5],
          [0.4, 1],
        ],
        {},
        RangeError,
        /expected a symmetric matrix, got 0.5 at \[0\]\[1\] and 0.4 at \[1\]\[0\]/,
      ],
      [
        [0, 0],
        [
          [1, 2],
          [2, 1],
        ],
        {},
        RangeError,
        /expected a positive semidefinite matrix/,
      ],
      [
        [0, 0],
        [
          [0, 1],
          [1, 0],
        ],
        {},
        RangeError,
        /expected a positive semidefinite matrix/,
      ],
      [[0, 0], 1, { sigmas: 0 }, RangeError, /sigmas: expected a finite number greater than 0, got 0/],
      [[0, 0], 1, { sigma: 1 }, TypeError, /unknown option 'sigma'. Did you mean 'sigmas'/],
    ]
    for (const [mean, covariance, options, kind, message] of cases) {
      const call = () => covarianceEllipse(mean as never, covariance as never, options as never)
      expect(call).toThrow(kind)
      expect(call).toThrow(message)
    }
    expect(() => covarianceEllipse([0, 0], 1).points(0)).toThrow(RangeError)
    expect(() => covarianceEllipse([0, 0], 1).points(2.5)).toThrow(RangeError)
  })
})
