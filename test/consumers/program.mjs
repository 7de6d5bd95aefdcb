// The small program that every consumer runs: fits of several kinds, and a digest of every bit of them.

/** @param mixtura the package, however it was imported */
export function digest(mixtura) {
  const { BinomialMixture, GaussianMixture, KMeans, Matrix, makeBlobs, silhouetteScore } = mixtura
  const { X } = makeBlobs({ nSamples: 2500, nFeatures: 3, centers: 5, clusterStd: 2, randomState: 11 })
  const kmeans = new KMeans({ nClusters: 5, nInit: 2, randomState: 11 }).fit(X)
  const full = new GaussianMixture({ nComponents: 5, randomState: 11, maxIter: 20, onWarning() {} }).fit(Matrix.from(X.toArray()))
  const diag = new GaussianMixture({ nComponents: 3, covarianceType: 'diag', randomState: 11, maxIter: 20, onWarning() {} }).fit(X)
  const coins = new BinomialMixture({ nComponents: 2, probabilitiesInit: [0.6, 0.5], maxIter: 10, onWarning() {} }).fit([
    [5, 10],
    [9, 10],
    [8, 10],
  ])
  const restored = GaussianMixture.fromJSON(JSON.parse(JSON.stringify(full)))
  const scores = [silhouetteScore(X, kmeans.labels), restored.score(X), kmeans.score(X)]
  // JSON writes every double so that it reads back as the same bits
  return fnv(JSON.stringify([kmeans, full, diag, coins, scores]))
}

// FNV-1a, 64 bits (Fowler, Noll & Vo)
function fnv(text) {
  let hash = 0xcbf29ce484222325n
  for (let i = 0; i < text.length; i++) hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n)
  return hash.toString(16).padStart(16, '0')
}
