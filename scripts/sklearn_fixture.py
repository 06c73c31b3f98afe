"""Writes tests/fixtures/sklearn-infinite-rank.json: the matrix and the Gaussian start of scikit-learn's
test_randomized_svd_infinite_rank, with the singular values its randomized_svd and LAPACK find.

    pip install numpy scikit-learn && python scripts/sklearn_fixture.py
"""

import base64
import json
import pathlib

import numpy as np
from sklearn.datasets import make_low_rank_matrix
from sklearn.utils.extmath import randomized_svd

X = make_low_rank_matrix(n_samples=100, n_features=500, effective_rank=5, tail_strength=1.0, random_state=0)
X = X.astype(np.float32).astype(np.float64)  # halves the file; everything below uses the rounded matrix
# randomized_svd works on the transpose of a wide matrix and draws its start from RandomState(0).
start = np.random.RandomState(0).normal(size=(100, 20))
values = {
    str(n_iter): randomized_svd(X, 10, n_iter=n_iter, power_iteration_normalizer="QR", random_state=0)[1].tolist()
    for n_iter in (0, 5)
}
out = {
    "matrix_f32_row_major_base64": base64.b64encode(X.astype("<f4").tobytes()).decode(),
    "start_row_major": start.ravel().tolist(),
    "randomized": values,
    "exact": np.linalg.svd(X, compute_uv=False)[:10].tolist(),
}
path = pathlib.Path(__file__).parent.parent / "tests/fixtures/sklearn-infinite-rank.json"
path.write_text(json.dumps(out))
