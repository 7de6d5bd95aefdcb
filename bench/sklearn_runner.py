"""scikit-learn's side of the bench (not named sklearn.py: that would hide the package): a process that lives as long as the bench and takes its turns when asked.

One JSON object a line comes in on stdin, one goes out on stdout. The first line out names the versions; sklearn.mjs sets the number
of threads in the environment. Times are taken here, around the call alone, in milliseconds: reading data and speaking JSON are not in them.
"""
import hashlib
import json
import platform
import statistics
import sys
import time
import warnings

import numpy as np
import scipy
import sklearn
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.mixture import GaussianMixture
from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky

warnings.filterwarnings("ignore")  # not converging is the plan
data = {}
models = {}


class StartedMixture(GaussianMixture):
    """A mixture whose first E-step uses `start`: neither a k-means run nor an M-step comes before it."""

    def _initialize_parameters(self, X, random_state, **_):  # newer versions pass more
        means, variance = self.start
        k, d = means.shape
        self.weights_ = np.full(k, 1 / k)
        self.means_ = means.copy()
        self.covariances_ = {
            "full": lambda: np.tile(np.diag(variance), (k, 1, 1)),
            "tied": lambda: np.diag(variance),
            "diag": lambda: np.tile(variance, (k, 1)),
            "spherical": lambda: np.full(k, variance.mean()),
        }[self.covariance_type]()
        self.precisions_cholesky_ = _compute_precision_cholesky(self.covariances_, self.covariance_type)


def timed(work, repeat):
    """The median time and the mean CPU time of `repeat` runs, and the last result."""
    times = []
    cpu = time.process_time()
    for _ in range(repeat):
        begin = time.perf_counter()
        result = work()
        times.append((time.perf_counter() - begin) * 1e3)
    cpu = (time.process_time() - cpu) * 1e3 / repeat
    return dict(ms=statistics.median(times), cpu=cpu), result


def fingerprint(labels):
    return hashlib.sha256(np.ascontiguousarray(labels, dtype="<i4")).hexdigest()


def load(path, n, d, centers, variance):
    data.update(X=np.fromfile(path, "<f8").reshape(n, d), centers=np.array(centers), variance=np.array(variance))
    models.clear()
    return {}


def kmeans(algorithm, max_iter, tol, repeat):
    X, centers = data["X"], data["centers"]
    spent, model = timed(lambda: KMeans(len(centers), init=centers, n_init=1, max_iter=max_iter, tol=tol, algorithm=algorithm).fit(X), repeat)
    models["kmeans"] = model
    return dict(**spent, inertia=float(model.inertia_), nIter=int(model.n_iter_), labels=fingerprint(model.labels_))


def predict(repeat):
    spent, labels = timed(lambda: models["kmeans"].predict(data["X"]), repeat)
    return dict(**spent, labels=fingerprint(labels))


def score(repeat):
    spent, value = timed(lambda: models["kmeans"].score(data["X"]), repeat)
    return dict(**spent, inertia=-float(value))


def transform(repeat):
    spent, distances = timed(lambda: models["kmeans"].transform(data["X"]), repeat)
    return dict(**spent, total=float(distances.sum()))


def seed(k, random_state, repeat):
    spent, (_, rows) = timed(lambda: kmeans_plusplus(data["X"], k, random_state=random_state), repeat)
    return dict(**spent, rows=rows.tolist())


def mixture(covariance_type, max_iter, tol, repeat, score):
    X, centers = data["X"], data["centers"]

    def fit():
        model = StartedMixture(len(centers), covariance_type=covariance_type, max_iter=max_iter, tol=tol, reg_covar=1e-6)
        model.start = centers, data["variance"]
        return model.fit(X)

    spent, model = timed(fit, repeat)
    models[covariance_type] = model
    out = dict(**spent, lowerBound=float(model.lower_bound_), nIter=int(model.n_iter_))
    if score:
        out["score"] = float(model.score(X))
    return out


def score_samples(covariance_type, repeat):
    spent, values = timed(lambda: models[covariance_type].score_samples(data["X"]), repeat)
    return dict(**spent, quality=float(values.mean()))


def predict_proba(covariance_type, repeat):
    spent, values = timed(lambda: models[covariance_type].predict_proba(data["X"]), repeat)
    return dict(**spent, quality=float(values.max(axis=1).mean()))


def predict_mixture(covariance_type, repeat):
    spent, labels = timed(lambda: models[covariance_type].predict(data["X"]), repeat)
    return dict(**spent, quality=float(labels.mean()))


def blas():
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "BLAS unknown"
    info = [f"{i['internal_api']} {i['version']} ({i.get('architecture', '?')})" for i in threadpool_info() if i["user_api"] == "blas"]
    return info[0] if info else "BLAS unknown"


if __name__ == "__main__":
    tasks = dict(load=load, kmeans=kmeans, predict=predict, score=score, transform=transform, seed=seed, mixture=mixture, score_samples=score_samples, predict_proba=predict_proba, predict_mixture=predict_mixture)
    versions = f"scikit-learn {sklearn.__version__} · numpy {np.__version__} · scipy {scipy.__version__} · {blas()} · Python {platform.python_version()}"
    print(json.dumps(dict(versions=versions)), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = tasks[request.pop("task")](**request)
        except Exception as error:  # the bench reports it
            answer = dict(error=repr(error))
        print(json.dumps(answer), flush=True)
