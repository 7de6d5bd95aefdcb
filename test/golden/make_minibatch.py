#!/usr/bin/python3
"""Makes mini-batch.json and bisecting.json, which the tests compare with. Run:  /usr/bin/python3 test/golden/make_minibatch.py

Needs scikit-learn 1.2.1 (Debian 12: python3-sklearn). What is compared does not depend on its generator: partial_fit from explicit centres
with reassignment off (or with a batch in which every centre gets rows, so that there is none to reassign), and BisectingKMeans with a function
for init that takes the first and the last row of a cluster. scikit-learn 1.2.1 is made to follow 1.9 in one place: a function is asked for two
centres and has to return two.
"""
import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ[_name] = "1"

import json
import warnings

import numpy as np
import sklearn
from sklearn.cluster import BisectingKMeans, MiniBatchKMeans

warnings.simplefilter("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
VERSIONS = {"numpy": np.__version__, "scikit-learn": sklearn.__version__}


def rows(rng, n, d, k, offset=0.0):
    """Three decimals, so that the file stays small and every number is read back as it is."""
    centers = rng.uniform(-8, 8, (k, d))
    return np.round(centers[np.arange(n) % k] + rng.normal(size=(n, d)) * 1.5, 3) + offset


def write(name, content):
    with open(os.path.join(HERE, name), "w") as f:
        json.dump({"versions": VERSIONS, **content}, f, separators=(",", ":"))
        f.write("\n")


def mini_batch():
    cases = []
    for number, (n, d, k, batch, ratio, weighted, offset) in enumerate([
        (60, 2, 3, 20, 0.0, False, 0.0), (60, 2, 3, 20, 0.01, False, 0.0), (150, 5, 8, 30, 0.0, True, 0.0), (90, 3, 10, 15, 0.0, False, 0.0),
        (100, 4, 5, 25, 0.0, True, 1000.0), (40, 1, 2, 7, 0.0, True, 0.0),
    ]):
        rng = np.random.RandomState(number)
        X = rows(rng, n, d, k, offset)
        weights = np.round(rng.uniform(0.1, 3, n), 2) if weighted else None
        model = MiniBatchKMeans(n_clusters=k, init=X[:k], n_init=1, reassignment_ratio=ratio, random_state=0)
        steps = []
        for begin in range(0, n, batch):
            part = slice(begin, begin + batch)
            model.partial_fit(X[part], sample_weight=None if weights is None else weights[part])
            steps.append({"centers": model.cluster_centers_.tolist(), "counts": model._counts.tolist(), "labels": model.labels_.tolist(), "inertia": float(model.inertia_)})
        cases.append({"X": X.tolist(), "weights": None if weights is None else weights.tolist(), "k": k, "batch": batch, "reassignmentRatio": ratio, "steps": steps})
    write("mini-batch.json", {"cases": cases})


def bisecting():
    BisectingKMeans._validate_center_shape = lambda self, X, centers: None
    cases = []
    for number, (n, d, k, strategy, weighted, max_iter, tol) in enumerate([
        (60, 2, 5, "biggest_inertia", False, 300, 1e-4), (60, 2, 5, "largest_cluster", False, 300, 1e-4), (150, 4, 12, "biggest_inertia", True, 300, 1e-4),
        (120, 3, 9, "largest_cluster", False, 3, 0.0), (80, 2, 6, "biggest_inertia", False, 300, 5.0), (50, 3, 50, "biggest_inertia", False, 300, 1e-4),
    ]):
        rng = np.random.RandomState(100 + number)
        X = rows(rng, n, d, 7)
        weights = np.round(rng.uniform(0.1, 3, n), 2) if weighted else None
        model = BisectingKMeans(n_clusters=k, init=lambda X, n_clusters, random_state: X[[0, -1]], max_iter=max_iter, tol=tol, bisecting_strategy=strategy)
        model.fit(X, sample_weight=weights)
        far = np.round(rng.uniform(-20, 20, (60, d)), 3)
        cases.append({"X": X.tolist(), "weights": None if weights is None else weights.tolist(), "k": k, "strategy": strategy, "maxIter": max_iter, "tol": tol,
                      "centers": model.cluster_centers_.tolist(), "labels": model.labels_.tolist(), "inertia": float(model.inertia_),
                      "far": far.tolist(), "predicted": model.predict(far).tolist(), "score": float(model.score(X))})
    write("bisecting.json", {"cases": cases})


mini_batch()
bisecting()
