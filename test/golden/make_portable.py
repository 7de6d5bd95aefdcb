#!/usr/bin/env python3
"""Writes portable.json: fitted scikit-learn models as the README's snippet stores them, and what they answer for other rows.
Run: python3 test/golden/make_portable.py > test/golden/portable.json"""
import json
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.mixture import GaussianMixture

warnings.simplefilter("ignore")
readme = (Path(__file__).parents[2] / "README.md").read_text()
snippet = re.search(r"```python\n(.*?def portable.*?)```", readme, re.S).group(1)
exec(snippet.split("open(")[0])  # defines portable(model)

rng = np.random.RandomState(5)
D = 4
centers = rng.uniform(-6, 6, (5, D))
X = np.vstack([rng.multivariate_normal(c, np.diag(rng.uniform(0.3, 2, D)), 40) for c in centers])
other = rng.uniform(-8, 8, (60, D))
models = [
    KMeans(5, n_init=3, random_state=1),
    KMeans(3, init=X[:3], n_init=1),
    MiniBatchKMeans(5, random_state=2, batch_size=50),
    BisectingKMeans(6, random_state=3),
    *(GaussianMixture(3, covariance_type=t, random_state=4) for t in ("full", "tied", "diag", "spherical")),
    GaussianMixture(2, means_init=X[[0, 50]], random_state=np.random.RandomState(0)),
]
cases = []
for model in models:
    model.fit(X)
    answers = {"predict": model.predict(other).tolist()}
    for method in ("transform", "predict_proba", "score_samples"):
        if hasattr(model, method):
            answers[method] = getattr(model, method)(other).tolist()
    answers["score"] = float(model.score(other))
    cases.append({"json": json.loads(portable(model)), "answers": answers})
json.dump({"sklearn": sklearn.__version__, "numpy": np.__version__, "X": other.tolist(), "cases": cases}, sys.stdout, separators=(",", ":"))
print()
