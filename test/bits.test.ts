// The same bits in every engine: what these fits leave is compared, byte for byte, with a digest written down here. The suite runs in Node
// and in Chromium, so the two agree if both pass.
import { expect, it } from 'vitest'
import { type CovarianceType, GaussianMixture, KMeans, makeBlobs, silhouetteScore } from '../src/index.ts'

/** FNV-1a over the bytes of the numbers, as 64-bit floats in order. */
function digest(...values: (number | ArrayLike<number> | unknown)[]): string {
  const numbers: number[] = []
  const collect = (v: unknown): void => {
    if (typeof v === 'number') numbers.push(v)
    else for (const item of v as ArrayLike<unknown> as unknown[]) collect(item)
  }
  values.forEach(collect)
  let hash = 0xcbf29ce484222325n
  for (const byte of new Uint8Array(Float64Array.from(numbers).buffer)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash.toString(16).padStart(16, '0')
}

const { X } = makeBlobs({ nSamples: 3000, nFeatures: 5, centers: 6, clusterStd: 2.5, randomState: 7 })

it('makeBlobs', () => expect(digest(X.data)).toMatchInlineSnapshot(`"94340a13cc2e66de"`))

it('KMeans', () => {
  const model = new KMeans({ nClusters: 6, nInit: 3, randomState: 7 }).fit(X)
  expect(digest(model.clusterCenters, model.labels, model.inertia, model.transform(X).data)).toMatchInlineSnapshot(`"0ae46154d56a366e"`)
})

const mixtures = (covarianceType: CovarianceType, initParams: 'kmeans' | 'random') => {
  const model = new GaussianMixture({ nComponents: 6, covarianceType, initParams, randomState: 7, maxIter: 30, onWarning() {} }).fit(X)
  return digest(model.weights, model.means, model.precisionsCholesky, model.lowerBounds, model.predictProba(X).data, model.scoreSamples(X))
}
it('GaussianMixture full', () => expect(mixtures('full', 'kmeans')).toMatchInlineSnapshot(`"66ef199f52d18d49"`))
it('GaussianMixture tied', () => expect(mixtures('tied', 'kmeans')).toMatchInlineSnapshot(`"eb5429b6967ebf3a"`))
it('GaussianMixture diag', () => expect(mixtures('diag', 'random')).toMatchInlineSnapshot(`"b449aea8afbcb931"`))
it('GaussianMixture spherical', () => expect(mixtures('spherical', 'random')).toMatchInlineSnapshot(`"4621559d477362ff"`))

it('sampling and metrics', () => {
  const model = new GaussianMixture({ nComponents: 3, randomState: 7 }).fit(X)
  const drawn = model.sample(500)
  expect(digest(drawn.X.data, drawn.labels, silhouetteScore(drawn.X, drawn.labels), model.icl(X))).toMatchInlineSnapshot(
    `"5f8238a64b127e46"`,
  )
})
