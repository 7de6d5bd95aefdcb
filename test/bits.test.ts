// The same bits in every engine: what these fits leave is compared, byte for byte, with a digest written down here. The suite runs in Node
// and in Chromium, so the two agree if both pass.
import { expect, it } from 'vitest'
import { type CovarianceType, GaussianMixture, KMeans, MiniBatchKMeans, makeBlobs, silhouetteScore } from '../src/index.ts'
import { ESTIMATORS } from './every-estimator.ts'

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
  expect(digest(model.clusterCenters, model.labels, model.inertia, model.transform(X).data)).toMatchInlineSnapshot(`"479730845f1967db"`)
})

const mixtures = (covarianceType: CovarianceType, initParams: 'kmeans' | 'random') => {
  const model = new GaussianMixture({ nComponents: 6, covarianceType, initParams, randomState: 7, maxIter: 30, onWarning() {} }).fit(X)
  return digest(model.weights, model.means, model.precisionsCholesky, model.lowerBounds, model.predictProba(X).data, model.scoreSamples(X))
}
it('GaussianMixture full', () => expect(mixtures('full', 'kmeans')).toMatchInlineSnapshot(`"d8f04292156d33a0"`))
it('GaussianMixture tied', () => expect(mixtures('tied', 'kmeans')).toMatchInlineSnapshot(`"d6f57cee0ee3b91c"`))
it('GaussianMixture diag', () => expect(mixtures('diag', 'random')).toMatchInlineSnapshot(`"e5952c962187b183"`))
it('GaussianMixture spherical', () => expect(mixtures('spherical', 'random')).toMatchInlineSnapshot(`"0bc319c5c3a1eb88"`))

it('sampling and metrics', () => {
  const model = new GaussianMixture({ nComponents: 3, randomState: 7 }).fit(X)
  const drawn = model.sample(500)
  expect(digest(drawn.X.data, drawn.labels, silhouetteScore(drawn.X, drawn.labels), model.icl(X))).toMatchInlineSnapshot(
    `"317aa23c787e631c"`,
  )
})

// fitAsync with any number of threads and over chunks leaves what fit leaves (async.test.ts, stream.test.ts)
it('the other estimators, all that they leave', () => {
  const n = 4097
  const sampleWeight = Float64Array.from({ length: n }, (_, i) => (i * 7) % 5)
  const text = (model: { toJSON(): { fitted?: unknown } }) =>
    Array.from(JSON.stringify(model.toJSON().fitted), (letter) => letter.charCodeAt(0))
  const others = Object.entries(ESTIMATORS).filter(([name]) => !name.startsWith('GaussianMixture'))
  const digests = others.map(([name, { make, data }]) => {
    const model = make()
    model.fit(data(n), { sampleWeight })
    return [name, digest(text(model))]
  })
  const parts = [0, 1, 2].map((i) => X.toArray().slice(i * 1000, (i + 1) * 1000))
  for (const online of [
    new MiniBatchKMeans({ nClusters: 6, randomState: 7 }),
    new GaussianMixture({ nComponents: 6, covarianceType: 'diag', randomState: 7 }),
  ]) {
    for (const part of parts) online.partialFit(part)
    digests.push([`${online instanceof MiniBatchKMeans ? 'MiniBatchKMeans' : 'GaussianMixture'} partialFit`, digest(text(online))])
  }
  expect(Object.fromEntries(digests)).toMatchInlineSnapshot(`
    {
      "BernoulliMixture": "26bb15e4fba9565d",
      "BinomialMixture": "10215cc37de4df18",
      "BisectingKMeans": "5cd969f391d3e1e9",
      "GaussianMixture partialFit": "cf010de73288addf",
      "KMeans": "66db0a427b94884b",
      "KMeans, mae": "2ecf2ebb5d82df2e",
      "MiniBatchKMeans": "c5d0e62b41a2b6dd",
      "MiniBatchKMeans partialFit": "b35b4c59e569b986",
      "PoissonMixture": "f6e7fb58289f0f24",
    }
  `)
})
