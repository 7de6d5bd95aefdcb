#!/usr/bin/python3
"""Makes the reference results the tests compare with. Run:  /usr/bin/python3 test/golden/make.py

Needs Python 3.11, numpy, scipy, mpmath and scikit-learn 1.2.1 (Debian 12: python3-sklearn python3-mpmath). Everything is
seeded: the same versions on the same kind of processor write the same bytes. Takes well under two minutes. Written beside this file:

kmeans.json            KMeans (lloyd) from explicit centres: data sets x maxIter x tol x weights, and hand-computed small cases
gaussian-mixture.json  GaussianMixture from explicit starts: covariance types x data sets x iterations, and the parameters the
                       first M-step makes of explicit responsibilities
high-precision.json    EM on data far from the origin, computed with 60 digits, and scikit-learn's own answer beside it
metrics.json           clustering scores and StandardScaler
exp-log.json           exp and log to twice the precision of a double

scikit-learn 1.2.1 is made to follow 1.9 in two places: a start given in full (weights, means, precisions) is used as it is, with no
initialisation behind it, and k-means does not relocate clusters when every point already lies on a centre. Every k-means case is
recomputed by a plain implementation (`lloyd`), and cases are refused whose outcome hangs on a tie or on the last bits.
"""
import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ[_name] = "1"

import json
import math
import platform
import warnings
from fractions import Fraction

import mpmath
import numpy as np
import scipy
import sklearn
from mpmath import mp, mpf
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.metrics import (adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score, normalized_mutual_info_score,
                             silhouette_samples, silhouette_score)
from sklearn.metrics.cluster import contingency_matrix
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
VERSIONS = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__, "mpmath": mpmath.__version__}
TYPES = ("full", "tied", "diag", "spherical")
EPS10 = 10 * 2.0**-52  # what scikit-learn adds to every n_k


# ---------------------------------------------------------------------------------------------------------------- writing

def plain(value):
    """numpy to plain Python; json writes Python floats with repr, which round-trips."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def write(name, about, **content):
    """One line per top-level key, and one per entry where the entries are cases or data sets."""
    def dump(v):
        return json.dumps(v, separators=(",", ":"), allow_nan=False)

    lines = []
    for key, value in {"about": about, "versions": VERSIONS, **plain(content)}.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n" + ",\n".join(dump(v) for v in value) + "\n]"
        elif isinstance(value, dict) and key not in ("versions",):
            text = "{\n" + ",\n".join(f"{dump(k)}:{dump(v)}" for k, v in value.items()) + "\n}"
        else:
            text = dump(value)
        lines.append(f"{dump(key)}:{text}")
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    json.loads(text)
    with open(os.path.join(HERE, name), "w", encoding="ascii") as f:
        f.write(text)
    print(f"{name}: {len(text) / 1024:.0f} kB")


# ------------------------------------------------------------------------------------------------------------------- data

IRIS = load_iris()


def blobs(rng, n, d, k, spread=8.0, sd=(0.6, 1.4)):
    """n points around k random centres, rounded to 3 decimals so that the files stay small. Returns X and labels."""
    centers = rng.uniform(-spread, spread, (k, d))
    labels = rng.integers(0, k, n)
    scale = rng.uniform(*sd, k)
    return np.round(centers[labels] + rng.normal(size=(n, d)) * scale[labels][:, None], 3), labels


def anisotropic(rng, n, d, k, spread=8.0):
    """Like blobs, every cluster with its own random linear map."""
    centers = rng.uniform(-spread, spread, (k, d))
    maps = np.eye(d) + 0.5 * rng.normal(size=(k, d, d))
    labels = rng.integers(0, k, n)
    return np.round(centers[labels] + np.einsum("nij,nj->ni", maps[labels], rng.normal(size=(n, d))), 3), labels


# ----------------------------------------------------------------------------------------------------------------- k-means

class Doubtful(Exception):
    """The outcome hangs on a tie or on the last bits: no good as a reference."""


def lloyd(X, w, init, max_iter, tol, ties=False):
    """K-means as scikit-learn 1.9 has it, written for reading. Of equally far points the lower index is relocated first (there:
    unspecified). Unless `ties` are wanted, raises Doubtful where a decision is close."""
    n, k = len(X), len(init)
    w = np.ones(n) if w is None else w
    tol = tol * X.var(axis=0).mean()
    centers, labels, strict = init.astype(float), np.full(n, -1), False

    def e_step(centers):
        d2 = ((X[:, None, :] - centers) ** 2).sum(axis=2)
        if k > 1 and not ties:
            two = np.partition(d2, 1, axis=1)
            if np.min((two[:, 1] - two[:, 0]) / np.maximum(two[:, 1], 1e-300)) < 1e-7:
                raise Doubtful("two centres equally near")
        return d2.argmin(axis=1)

    for it in range(1, max_iter + 1):
        new = e_step(centers)
        W = np.array([w[new == j].sum() for j in range(k)])
        S = np.array([(w[new == j, None] * X[new == j]).sum(axis=0) for j in range(k)])
        empty = np.flatnonzero(W == 0)
        if len(empty):
            d2 = ((X - centers[new]) ** 2).sum(axis=1)
            if d2.max() > 0:
                far = sorted(range(n), key=lambda i: (-d2[i], i))
                gaps = -np.diff(d2[far[: len(empty) + 1]])
                if not ties and (gaps.min() < 1e-7 * d2.max() or len(empty) > 2):
                    raise Doubtful("order of relocation")
                for j, i in zip(empty, far):
                    S[new[i]] -= w[i] * X[i]
                    W[new[i]] -= w[i]
                    S[j], W[j] = w[i] * X[i], w[i]
        moved = np.array([S[j] / W[j] if W[j] > 0 else np.full(X.shape[1], np.nan) for j in range(k)])
        moved[W <= 0] = moved[W.argmax()]
        shift = ((moved - centers) ** 2).sum()
        centers = moved
        strict = np.array_equal(new, labels)
        labels = new
        if strict:
            break
        if tol > 0 and not ties and abs(shift - tol) < 1e-6 * tol:
            raise Doubtful("shift equals the tolerance")
        if shift <= tol:
            break
    if not strict:
        labels = e_step(centers)
    inertia = (w * ((X - centers[labels]) ** 2).sum(axis=1)).sum()
    return centers, labels, inertia, it


def kmeans_case(name, data, X, init, w, max_iter, tol, weights=None, ties=False, override=False):
    """`weights` is the name of w in the table, if it has one. `override`: take the plain implementation's answer."""
    km = KMeans(len(init), init=np.array(init, float), n_init=1, algorithm="lloyd", max_iter=max_iter, tol=tol)
    km.fit(X, sample_weight=w)
    centers, labels, inertia, n_iter = lloyd(X, w, np.array(init, float), max_iter, tol, ties)
    if override:
        km.cluster_centers_, km.labels_, km.inertia_, km.n_iter_ = centers, labels.astype(np.int32), inertia, n_iter
    else:
        scale = np.abs(X).max()
        assert np.array_equal(labels, km.labels_) and n_iter == km.n_iter_, name
        assert np.allclose(centers, km.cluster_centers_, rtol=0, atol=1e-12 * scale), name
        assert np.isclose(inertia, km.inertia_, rtol=1e-12 if scale < 100 else 1e-9, atol=0 if inertia > 1e-20 else 1e-20), name
    rows = sorted({0, 1, len(X) // 2, len(X) - 1})
    case = {"name": name, "data": data, "init": init, "sampleWeight": w if weights is None else weights,
            "maxIter": max_iter, "tol": tol, "centers": km.cluster_centers_, "labels": km.labels_, "inertia": km.inertia_,
            "nIter": km.n_iter_, "transformRows": rows, "transform": km.transform(X[rows]), "score": km.score(X)}
    if w is not None:
        case["weightedScore"] = km.score(X, sample_weight=w)
    return case


def make_kmeans():
    rng = np.random.default_rng(20240601)
    sets = {"iris": (IRIS.data, 3), "blobs": (blobs(rng, 200, 2, 4, spread=5)[0], 4),
            "anisotropic": (anisotropic(rng, 157, 5, 3, spread=2)[0], 3),
            "line": (blobs(rng, 120, 1, 3, spread=4)[0], 3), "odd": (blobs(rng, 101, 3, 4, spread=3)[0], 4)}
    few = blobs(rng, 40, 2, 4, spread=4)[0]
    sets["duplicates"] = (few[rng.integers(0, 40, 90)], 4)
    sets["shifted"] = (np.round(blobs(rng, 150, 3, 3, spread=3)[0] + 1e3, 3), 3)
    sets["large"] = (blobs(rng, 1500, 7, 9, spread=3, sd=(1.0, 1.6))[0], 9)
    weights = {name: np.round(rng.uniform(0.1, 3, len(X)), 2) for name, (X, _) in sets.items()}
    cases = []
    for name, (X, k) in sets.items():
        for attempt in range(100):  # a start with no close decision anywhere
            init = X[np.sort(rng.choice(len(X), k, replace=False))]
            if len(np.unique(init, axis=0)) < k:
                continue
            try:
                made = [kmeans_case(f"{name} maxIter={m} tol={t}{' weighted' if w else ''}", name, X, init,
                                    weights[name] if w else None, m, t, w)
                        for w in (None, name) for m in (1, 2, 10, 300) for t in ((0.0,) if w else (0.0, 1e-4))]
            except Doubtful:
                continue
            if made[2 * 3]["nIter"] >= (5 if len(X) < 1000 else 12):
                cases += made
                break
        else:
            raise RuntimeError(f"no unambiguous start for {name}")
    # starting centres too far off to catch a point: one and two relocations in the first iteration
    for name, lost in (("blobs", 1), ("odd", 2), ("anisotropic", 1)):
        X, k = sets[name]
        for attempt in range(100):
            init = X[np.sort(rng.choice(len(X), k, replace=False))]
            init = np.vstack([init[: k - lost], 100.0 + 10 * np.arange(lost)[:, None] + np.zeros((lost, X.shape[1]))])
            try:
                cases += [kmeans_case(f"{name} relocates {lost} maxIter={m}{' weighted' if w else ''}", name, X, init,
                                      weights[name] if w else None, m, 0.0, w) for w in (None, name) for m in (1, 300)]
                break
            except Doubtful:
                continue
        else:
            raise RuntimeError(f"no unambiguous start for {name}")

    # scikit-learn's own small cases: X in the case itself, answers known by hand
    hand = []
    four = np.array([[0, 0], [0.5, 0], [0.5, 1], [1, 1]])
    ten = np.array([-10.0, -9.5, -9, -8.5, -8, -1, 1, 9, 9.5, 10])[:, None]

    def add(test, X, init, w, max_iter=300, tol=1e-4, override=False, **expected):
        c = kmeans_case(test, None, X, np.array(init, float), None if w is None else np.array(w, float), max_iter, tol,
                        ties=True, override=override)
        for key, value in expected.items():
            if key != "alternatives":
                assert np.allclose(c[key], value, rtol=0, atol=1e-12), (test, key, c[key])
        del c["data"]
        hand.append({"name": test, "X": X, **{k: v for k, v in c.items() if k != "name"},
                     **{k: v for k, v in expected.items() if k == "alternatives"}})

    add("kmeans_results", four, [[0, 0], [1, 1]], [3, 1, 1, 3], labels=[0, 0, 1, 1], inertia=0.375,
        centers=[[0.125, 0], [0.875, 1]], nIter=2)
    # two points equally far: the lower index goes first; scikit-learn may do either
    add("kmeans_relocated_clusters", four, [[0.5, 0.5], [3, 3]], None, override=True, labels=[1, 1, 0, 0], inertia=0.25,
        centers=[[0.75, 1], [0.25, 0]], nIter=3,
        alternatives=[{"labels": [0, 0, 1, 1], "centers": [[0.25, 0], [0.75, 1]]}])
    add("relocate_empty_clusters maxIter=1", ten, [[-10], [-10], [-10]], None, max_iter=1, centers=[[-36 / 8], [10], [9.5]])
    add("relocate_empty_clusters", ten, [[-10], [-10], [-10]], None)
    add("kmeans_empty_cluster_relocated", np.array([[-1.0], [1]]), [[-1], [10]], [1.9, 0.1], centers=[[-1], [1]], labels=[0, 1],
        inertia=0)
    five = np.array([[0, 0], [1, 1], [1, 1], [1, 0], [0, 1]], float)
    # 1.2.1 relocates on and on here; 1.9 stops at once
    add("relocating_with_duplicates", five, five, None, override=True, nIter=1, labels=[0, 1, 1, 3, 4], centers=five, inertia=0)
    write("kmeans.json", "KMeans, algorithm lloyd, n_init 1, from explicit centres. data, sampleWeight: names of entries in data and "
          "weights, or null. transform: distances of the rows transformRows. hand: small cases with their own X and weights.",
          data={name: X for name, (X, _) in sets.items()}, weights=weights, cases=cases, hand=hand)
    iters = {c["name"].split()[0]: c["nIter"] for c in cases if c["name"].endswith("maxIter=300 tol=0.0")}
    print("  iterations to strict convergence:", iters)


# ------------------------------------------------------------------------------------------------------- Gaussian mixtures

class Mixture(GaussianMixture):
    """Starts exactly where it is told to, as scikit-learn 1.9 does when all three *_init are given; keeps the lower bounds."""

    def _initialize_parameters(self, X, random_state):
        self.lower_bounds = []
        self.weights_, self.means_ = self.weights_init, self.means_init
        P = self.precisions_init

        def factor(p):  # upper triangular U with p = U U'
            return np.linalg.cholesky(p[::-1, ::-1])[::-1, ::-1]

        self.precisions_cholesky_ = (np.array([factor(p) for p in P]) if self.covariance_type == "full" else
                                     factor(P) if self.covariance_type == "tied" else np.sqrt(P))

    def _compute_lower_bound(self, log_resp, log_prob_norm):
        self.lower_bounds.append(float(log_prob_norm))
        return log_prob_norm


def random_start(rng, X, k, kind):
    """Weights, means, precisions: valid, well conditioned, short in decimal, and nowhere near a solution."""
    d = X.shape[1]
    weights = np.round(rng.dirichlet(np.full(k, 8.0)), 3)
    weights[-1] = round(1 - weights[:-1].sum(), 3)
    means = np.round(X[rng.choice(len(X), k, replace=False)] + 0.3 * X.std(axis=0) * rng.normal(size=(k, d)), 3)
    L = np.linalg.cholesky(np.cov(X.T, ddof=0).reshape(d, d) * 0.4)

    def spd():
        M = L @ (np.eye(d) + 0.2 * rng.normal(size=(d, d)))
        P = np.round(np.linalg.inv(M @ M.T), 5)
        return (P + P.T) / 2 if np.linalg.cond(P) < 1e4 and np.linalg.eigvalsh(P).min() > 1e-3 else spd()

    if kind == "full":
        precisions = np.array([spd() for _ in range(k)])
    elif kind == "tied":
        precisions = spd()
    elif kind == "diag":
        precisions = np.round(rng.uniform(1.2, 4, (k, d)) / X.var(axis=0), 5)
    else:
        precisions = np.round(rng.uniform(1.2, 4, k) / X.var(axis=0).mean(), 5)
    return {"weights": weights, "means": means, "precisions": precisions}


def fit(X, kind, start, max_iter, tol, reg=1e-6):
    return Mixture(len(start["weights"]), covariance_type=kind, tol=tol, max_iter=max_iter, reg_covar=reg,
                   weights_init=start["weights"], means_init=start["means"], precisions_init=start["precisions"]).fit(X)


def parameters(m):
    return {"weights": m.weights_, "means": m.means_, "covariances": m.covariances_, "precisions": m.precisions_,
            "precisionsCholesky": m.precisions_cholesky_}


def mixture_cases(name, X, kind, start):
    cases = []
    for label, max_iter, tol in (("1", 1, 0.0), ("2", 2, 0.0), ("10", 10, 0.0), ("converged", 200, 1e-3)):
        m = fit(X, kind, start, max_iter, tol)
        proba = m.predict_proba(X)
        top = np.sort(proba, axis=1)
        changes = np.abs(np.diff(m.lower_bounds))
        conditions = [np.linalg.cond(c) for c in (m.covariances_ if kind == "full" else [m.covariances_] if kind == "tied" else
                                                  [np.diag(c) for c in m.covariances_] if kind == "diag" else [])]
        if m.weights_.min() < 0.03 or any(c > 1e4 for c in conditions):
            raise Doubtful("a component dies or degenerates")
        if (top[:, -1] - top[:, -2]).min() < 1e-5:
            raise Doubtful("a label hangs on the last bits")
        if label == "converged" and (not m.converged_ or m.n_iter_ < 5 or np.abs(changes - tol).min() < 1e-3 * tol):
            raise Doubtful("convergence hangs on the last bits")
        cases.append({"name": f"{name} {kind} {label}", "data": name, "start": f"{name} {kind}", "covarianceType": kind,
                      "nComponents": len(start["weights"]), "maxIter": max_iter, "tol": tol, "regCovar": 1e-6, **parameters(m),
                      "converged": bool(m.converged_), "nIter": m.n_iter_, "lowerBound": m.lower_bound_,
                      "lowerBounds": m.lower_bounds, "score": m.score(X), "scoreSamples": m.score_samples(X)[:20],
                      "predictProba": proba[:20], "labels": m.predict(X), "aic": m.aic(X), "bic": m.bic(X),
                      "nParameters": m._n_parameters()})
    return cases


def make_mixtures():
    rng = np.random.default_rng(20240602)
    sets = {"iris": (IRIS.data, 3), "blobs": (blobs(rng, 300, 2, 4, spread=3)[0], 4),
            "anisotropic": (anisotropic(rng, 401, 5, 3, spread=3)[0], 3),
            "line": (blobs(rng, 160, 1, 2, spread=3)[0], 2), "large": (anisotropic(rng, 1500, 6, 5, spread=4)[0], 5),
            "shifted": (np.round(anisotropic(rng, 200, 3, 2, spread=2)[0] + 1e3, 3), 2)}
    starts, cases = {}, []
    for name, (X, k) in sets.items():
        for kind in TYPES:
            for attempt in range(300):
                start = random_start(rng, X, k, kind)
                try:
                    cases += mixture_cases(name, X, kind, start)
                    starts[f"{name} {kind}"] = start
                    break
                except Doubtful:
                    continue
            else:
                raise RuntimeError(f"no sound start for {name} {kind}")
    # What the first M-step makes of given responsibilities: one-hot on k rows only, one-hot by labels, and soft
    first = []
    for name in ("iris", "blobs"):
        X, k = sets[name]
        n = len(X)
        rows = rng.choice(n, k, replace=False)
        labels = rng.integers(0, k, n)
        onehot_rows = np.zeros((n, k))
        onehot_rows[rows, np.arange(k)] = 1
        given = [("rows", rows, onehot_rows), ("labels", labels, np.eye(k)[labels])]
        if k == 4:  # soft ones as well, in 64ths: short in decimal and exact sums
            soft = 1 + rng.multinomial(60, np.full(k, 1 / k), n)
            given.append(("responsibilities64", soft, soft / 64))
        for what, value, R in given:
            for kind in TYPES:
                m = GaussianMixture(k, covariance_type=kind, reg_covar=1e-6)
                m._initialize(X, R)
                m._set_parameters(m._get_parameters())
                first.append({"name": f"initial-from-responsibilities {name} {what} {kind}", "data": name, "covarianceType": kind,
                              "nComponents": k, "regCovar": 1e-6, what: value, **parameters(m)})
    write("gaussian-mixture.json", "GaussianMixture from explicit starts (named in start). lowerBounds: one per iteration. scoreSamples "
          "and predictProba: first 20 rows. initial: parameters after the M-step on given responsibilities: one-hot on rows[k] for "
          "component k and zero elsewhere, one-hot on labels[i], or responsibilities64[i][k]/64.",
          data={name: X for name, (X, _) in sets.items()}, starts=starts, cases=cases, initial=first)
    print("  iterations to convergence:", {c["name"]: c["nIter"] for c in cases if c["maxIter"] == 200})


# ---------------------------------------------------------------------------------------------------------- high precision

def em_exact(X, kind, start, iterations, moments=False, origin=0.0):
    """EM by the book in mpmath. Yields the parameters after each iteration.

    The 10 eps on n_k make EM depend on where the origin is: they pull a mean by 10 eps |mean| / n_k towards it. Covariances come
    from differences to the mean or (`moments`) as scikit-learn writes them for tied, diag and spherical, from the second moment less
    the squared mean; without rounding these differ by about 10 eps |mean|^2 / n_k. `origin` is taken off the data first and put
    back on the means in the end: with an origin amid the data nothing of this is left."""
    n, d, K = len(X), X.shape[1], len(start["weights"])
    D, N, C = range(d), range(n), range(K)
    x = [[mpf(float(v)) - mpf(origin) for v in row] for row in X]
    eps10, reg = mpf(EPS10), mpf(1e-6)
    weights = [mpf(float(v)) for v in start["weights"]]
    mu = [[mpf(float(v)) - mpf(origin) for v in row] for row in start["means"]]
    P = start["precisions"]

    def as_matrix(k):
        return mp.matrix([[mpf(float(P[k][i][j] if kind == "full" else P[i][j])) if kind in ("full", "tied") else
                           mpf(float(P[k][i] if kind == "diag" else P[k])) if i == j else mpf(0) for j in D] for i in D])

    prec = [as_matrix(k) for k in C]

    def e_step():
        logs = [mp.log(weights[k]) + (mp.log(mp.det(prec[k])) - d * mp.log(2 * mp.pi)) / 2 for k in C]
        R, total = [], mpf(0)
        for i in N:
            dens = []
            for k in C:
                z = [x[i][a] - mu[k][a] for a in D]
                q = sum(z[a] * prec[k][a, b] * z[b] for a in D for b in D)
                dens.append(mp.exp(logs[k] - q / 2))
            p = sum(dens)
            R.append([v / p for v in dens])
            total += mp.log(p)
        return R, total / n

    bounds = []
    for it in range(1, iterations + 1):
        R, bound = e_step()
        bounds.append(bound)
        nk = [sum(R[i][k] for i in N) + eps10 for k in C]
        mu = [[sum(R[i][k] * x[i][a] for i in N) / nk[k] for a in D] for k in C]
        weights = [v / sum(nk) for v in nk]
        if moments and kind != "full":
            second = [[[sum(R[i][k] * x[i][a] * x[i][b] for i in N) - nk[k] * mu[k][a] * mu[k][b] for b in D] for a in D] for k in C]
        else:
            second = [[[sum(R[i][k] * (x[i][a] - mu[k][a]) * (x[i][b] - mu[k][b]) for i in N) for b in D] for a in D] for k in C]
        full = [mp.matrix(second[k]) / nk[k] for k in C]
        if kind == "full":
            cov = [full[k] + reg * mp.eye(d) for k in C]
        elif kind == "tied":
            total = mp.matrix(d)
            for k in C:
                total += mp.matrix(second[k])
            cov = [total / sum(nk) + reg * mp.eye(d)] * K
        elif kind == "diag":
            cov = [mp.diag([full[k][a, a] + reg for a in D]) for k in C]
        else:
            cov = [mp.eye(d) * (sum(full[k][a, a] for a in D) / d + reg) for k in C]
        prec = [mp.inverse(c) for c in cov]

        def shaped(m):
            rows = [[[nearest(m[k][a, b]) for b in D] for a in D] for k in C]
            return (rows if kind == "full" else rows[0] if kind == "tied" else
                    [[rows[k][a][a] for a in D] for k in C] if kind == "diag" else [rows[k][0][0] for k in C])

        yield {"weights": [nearest(v) for v in weights], "means": [[nearest(v + mpf(origin)) for v in row] for row in mu],
               "covariances": shaped(cov), "precisions": shaped(prec), "lowerBounds": [nearest(v) for v in bounds],
               "score": nearest(e_step()[1])}


def error(got, want, base=0.0):
    """Largest error over largest magnitude, after taking `base` off both."""
    got, want = np.asarray(got, float), np.asarray(want, float)
    return float(np.abs(got - want).max() / np.abs(want - base).max())


def make_high_precision():
    mp.dps = 60
    rng = np.random.default_rng(20240603)
    shift = 1e6
    labels = np.arange(60) % 2
    near = np.where(labels[:, None] == 0, [-2.0, 1.0, 0.5], [2.0, -1.0, 1.5]) + rng.normal(size=(60, 3)) * [1.0, 0.8, 1.2]
    X = np.round(near, 3) + shift
    means = np.array([[-1.5, 0.5, 0.0], [1.0, -1.5, 2.0]]) + shift
    P = np.array([[[0.8, 0.1, -0.05], [0.1, 1.1, 0.2], [-0.05, 0.2, 0.6]], [[0.7, -0.2, 0.1], [-0.2, 0.9, 0.15], [0.1, 0.15, 1.2]]])
    precisions = {"full": P, "tied": P[0], "diag": np.array([[0.8, 1.1, 0.6], [0.7, 0.9, 1.2]]), "spherical": np.array([0.8, 1.1])}
    cases = []
    print("  errors of scikit-learn:")
    for kind in TYPES:
        start = {"weights": np.array([0.4, 0.6]), "means": means, "precisions": precisions[kind]}
        truths = {"exact": list(em_exact(X, kind, start, 3)), "translated": list(em_exact(X, kind, start, 3, origin=shift)),
                  "moments": list(em_exact(X, kind, start, 3, moments=True))}
        for it in (1, 3):
            m = fit(X, kind, start, it, 0.0)
            skl = {**{k: v for k, v in parameters(m).items() if k != "precisionsCholesky"}, "lowerBounds": m.lower_bounds,
                   "score": m.score(X)}
            want = {name: steps[it - 1] for name, steps in truths.items()}
            errors = {name: {key: error(skl[key], t[key], shift if key == "means" else 0) for key in t} for name, t in want.items()}
            for name in errors:
                print(f"    {kind:9} {it} against {name:10}: " + "  ".join(f"{key} {e:.1e}" for key, e in errors[name].items()))
            cases.append({"name": f"{kind} {it}", "covarianceType": kind, "maxIter": it, "tol": 0.0, "regCovar": 1e-6,
                          "start": start, **want, "sklearn": skl, "sklearnErrors": errors})
    write("high-precision.json", "EM from an explicit start on data at 1e6 (shift), maxIter iterations. exact: 60 digits, covariances from "
          "differences to the mean, rounded to double. translated: the same with shift taken off before (10 eps on n_k pull means and "
          "with them everything else a little towards the origin; here they do not). moments: as exact with covariances as second moment "
          "less squared mean, which 10 eps on n_k disturb most. sklearn: its result in doubles. sklearnErrors: largest error over "
          "largest magnitude against each, means measured from shift. score: mean log-likelihood after the last M-step.",
          shift=shift, X=X, cases=cases)


# ------------------------------------------------------------------------------------------------------------------ metrics

def make_metrics():
    rng = np.random.default_rng(20240604)
    a, b = rng.integers(0, 4, 60), rng.integers(0, 3, 60)
    noisy = np.where(rng.random(60) < 0.8, a, rng.integers(0, 4, 60))
    big = np.array([-2147483648, -5, 0, 2147483647])
    c = rng.integers(0, 7, 500)
    pairs = {
        "random": (a, b), "noisy": (a, noisy), "identical": (a, a), "permuted": (a, np.array([2, 0, 3, 1])[a]),
        "negative and large": (a, big[noisy]), "both one cluster": (np.zeros(12, int), np.full(12, 3)),
        "one cluster against random": (np.zeros(60, int), b), "singletons against random": (np.arange(60), b),
        "both singletons": (np.arange(12), np.arange(12)[::-1]), "one cluster against singletons": (np.zeros(12, int), np.arange(12)),
        "finer": (a, a * 2 + (rng.random(60) < 0.5)), "independent": (np.repeat([0, 1], 6), np.tile([0, 1, 2], 4)),
        "worse than chance": (np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])), "one sample": (np.array([4]), np.array([-1])),
        "long": (c, np.where(rng.random(500) < 0.5, c, rng.integers(0, 9, 500))),
        "iris": (IRIS.target, lloyd(IRIS.data, None, IRIS.data[[0, 50, 100]], 300, 0, ties=True)[1]),
    }
    scored = [{"name": name, "a": x, "b": y, "adjustedRandScore": adjusted_rand_score(x, y),
               "normalizedMutualInfoScore": normalized_mutual_info_score(x, y, average_method="arithmetic"),
               "classesA": np.unique(x), "classesB": np.unique(y), "contingency": contingency_matrix(x, y)}
              for name, (x, y) in pairs.items()]
    X, truth = blobs(rng, 180, 3, 4, spread=4)
    lone = truth.copy()
    lone[17] = 9  # a cluster of one point
    given = [("iris target", "iris", IRIS.target), ("iris k-means", "iris", pairs["iris"][1]), ("blobs truth", "blobs", truth),
             ("blobs random", "blobs", rng.integers(0, 5, 180)), ("blobs with a singleton", "blobs", lone),
             ("blobs two clusters", "blobs", np.where(truth < 2, -7, 11))]
    sets = {"iris": IRIS.data, "blobs": X}
    internal = [{"name": name, "data": data, "labels": y, "silhouetteScore": silhouette_score(sets[data], y),
                 "silhouetteSamples": silhouette_samples(sets[data], y)[:20],
                 "calinskiHarabaszScore": calinski_harabasz_score(sets[data], y),
                 "daviesBouldinScore": davies_bouldin_score(sets[data], y)} for name, data, y in given]
    scaler = []
    wide = np.round(rng.normal(size=(25, 4)) * [1e-4, 1, 50, 1e4] + [0, 3, -1e3, 1e6], 6)
    for name, Z in (("iris first 20", IRIS.data[:20]), ("scales", wide),
                    ("constant columns", np.column_stack([wide[:, 1], np.full(25, 7.0), np.full(25, 0.1), np.zeros(25)])),
                    ("one row", np.array([[1.5, -2.0]])), ("one column", np.round(rng.normal(size=(9, 1)), 3))):
        s = StandardScaler().fit(Z)
        scaler.append({"name": name, "X": Z, "mean": s.mean_, "var": s.var_, "scale": s.scale_, "transform": s.transform(Z)})
    write("metrics.json", "pairs: labelings a and b compared (contingency: rows classesA, columns classesB; mutual information with "
          "the arithmetic mean). internal: scores of labels on data, silhouetteSamples of the first 20 rows. scaler: StandardScaler.",
          pairs=scored, data=sets, internal=internal, scaler=scaler)


# ------------------------------------------------------------------------------------------------------------- exp and log

def fraction(v):
    sign, man, exp, _ = v._mpf_
    f = Fraction(int(man)) * Fraction(2) ** exp
    return -f if sign else f


def nearest(v):
    """The double nearest to an mpf, subnormals included (int / int rounds correctly in Python)."""
    f = fraction(v)
    return f.numerator / f.denominator


def table(f, xs):
    """hi: the double nearest to f(x); lo: the double nearest to f(x) - hi; rest: f(x) - hi in units of hi's last place."""
    hi, lo, rest = [], [], []
    for x in xs:
        # enough for the part of exp(x) beyond 1 when x is tiny
        mp.prec = 300 + (max(0, -math.frexp(x)[1]) if f is mp.exp else 0)
        y = fraction(f(mpf(x)))
        h = y.numerator / y.denominator
        r = y - Fraction(h)
        hi.append(h)
        lo.append(r.numerator / r.denominator)
        rest.append(round(float(r / Fraction(math.ulp(h))), 5) + 0.0)
    assert max(map(abs, rest)) <= 0.5
    return {"x": xs, "hi": hi, "lo": lo, "rest": rest}


def around(v, steps):
    """The double nearest to v and its neighbours `steps` away."""
    out = []
    for s in steps:
        w = v
        for _ in range(abs(s)):
            w = math.nextafter(w, math.inf if s > 0 else -math.inf)
        out.append(w)
    return out


def make_exp_log():
    rng = np.random.default_rng(20240605)
    mp.prec = 300
    half = mp.log(2) / 2
    ex = [0.0, -0.0, -5e-324, -1e-300, -708.0, -708.4, -745.0, -745.2, -1.0, -0.5, -2.0, -10.0]
    ex += [-(2.0**-j) for j in range(1, 60)]
    for edge in (-745.1332191019412, -744.4400719213812, -708.3964185322641, -708.0, -745.0):
        ex += around(edge, (-2, -1, 1, 2))
    ex += (-rng.uniform(0, 745, 1150)).tolist() + (-rng.uniform(0, 40, 600)).tolist() + (-rng.uniform(0, 1, 400)).tolist()
    ex += (-(10 ** rng.uniform(-20, 2.872, 700))).tolist()
    for j in sorted(set(list(range(1, 41)) + rng.integers(1, 2150, 320).tolist())):
        v = nearest(-j * half)
        ex += around(v, (-1, 0, 1))
    ex = [x for x in ex if -745.2 <= x <= 0]

    lg = [1.0, 0.5, 2.0, 5e-324, 1e-323, 2.0**-1022, math.nextafter(2.0**-1022, 0), 1e308, 10.0, 0.1, math.e]
    lg += [1 + 2.0**-j for j in range(1, 53)] + [1 - 2.0**-j for j in range(1, 54)] + around(1.0, range(-20, 21))
    lg += (1 + 10 ** rng.uniform(-15.9, -0.35, 420)).tolist() + (1 - 10 ** rng.uniform(-15.9, -0.35, 420)).tolist()
    lg += [2.0**e for e in range(-1074, 1024, 9)]
    for e in sorted(set([-1, 0, 1] + rng.integers(-1070, 1022, 50).tolist())):
        v = nearest(mp.sqrt(2) * mpf(2) ** e)
        lg += around(v, (-2, -1, 0, 1, 2))
    lg += (rng.random(120) * 2.0**-1022 * 2.0 ** -rng.integers(0, 40, 120)).tolist()
    lg += (rng.uniform(0.01, 1, 90) * 1e308).tolist() + (10 ** rng.uniform(-307, 308, 650)).tolist()
    lg += rng.uniform(0, 10, 350).tolist() + rng.uniform(0.5, 2, 350).tolist()
    lg = [x for x in lg if 0 < x <= 1e308]
    print(f"  {len(ex)} exp, {len(lg)} log")
    write("exp-log.json", "f(x) = hi + lo with hi the nearest double and lo the double nearest to the rest. rest: the rest in units of hi's "
          "last place, to 5 decimals; right also where lo underflows. The error of y in ulp is (y - hi)/ulp(hi) - rest.",
          exp=table(mp.exp, ex), log=table(mp.log, lg))


if __name__ == "__main__":
    make_kmeans()
    make_mixtures()
    make_high_precision()
    make_metrics()
    make_exp_log()
