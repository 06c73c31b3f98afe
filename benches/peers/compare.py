"""Randomized and truncated SVD against scikit-learn, torch and scipy's PROPACK. How they are compared: contest.py.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/peers/requirements.txt
    cargo build --examples
    /tmp/peers/bin/python benches/peers/compare.py [--rounds 15] [--sizes 512 1024 2048] [--threads N]

Errors are computed outside the clocks, in f64, from the factors each returns; each round has its own seed.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile

import numpy as np

from contest import Contestant, compared, contest, python, rust, serve

K, P, Q, TOLERANCE = 64, 10, 2, 1e-9
DTYPES = {"f64": np.float64, "f32": np.float32}


def serve_library(library, path, n, precision):
    matrix = np.fromfile(path, dtype=DTYPES[precision]).reshape(int(n), int(n))
    exact = matrix.astype(np.float64)

    def error_of(result):
        u, s, vt = (np.asarray(factor, dtype=np.float64) for factor in result)
        return {"value": np.linalg.norm(exact - (u * s) @ vt) / np.linalg.norm(exact)}

    if library == "sklearn":
        from sklearn.utils.extmath import randomized_svd

        def answer(words):
            seed = int(words[0])
            return lambda: randomized_svd(matrix, K, n_oversamples=P, n_iter=Q, random_state=seed), error_of
    elif library == "torch":
        import torch

        tensor = torch.from_numpy(matrix)

        def compute():
            u, s, v = torch.svd_lowrank(tensor, q=K + P, niter=Q)
            return u[:, :K], s[:K], v[:, :K].T

        def answer(words):
            torch.manual_seed(int(words[0]))
            return torch.inference_mode()(compute), error_of
    else:
        from scipy.sparse.linalg import svds

        def answer(words):
            seed = int(words[0])
            return lambda: svds(matrix, k=K, tol=TOLERANCE, solver="propack", rng=seed), error_of
    serve(answer)


def matrix_of(n, spectrum):
    rng = np.random.default_rng(n)
    u, _ = np.linalg.qr(rng.standard_normal((n, n)))
    v, _ = np.linalg.qr(rng.standard_normal((n, n)))
    j = np.arange(n)
    sigma = {"power": 1.0 / (j + 1.0), "exponential": np.exp(-j / 32.0)}[spectrum]
    return (u * sigma) @ v.T, sigma


def compare(options, n, precision, spectrum, path):
    exact, sigma = matrix_of(n, spectrum)
    exact.astype(DTYPES[precision]).tofile(path)
    optimum = np.sqrt((sigma[K:] ** 2).sum() / (sigma**2).sum())
    threads = options.threads

    def ours():
        return Contestant(rust("peers", path, n, precision, *([threads] if threads else [])), threads)

    def theirs(library):
        return Contestant(python(__file__, library, path, n, precision), threads)

    randomized = {"factoreo": ours(), "sklearn": theirs("sklearn"), "torch": theirs("torch")}
    requests = dict.fromkeys(randomized, str) | {"factoreo": lambda turn: f"randomized_svd {K} {P} {Q} {turn}"}
    seconds = report(f"{precision} n = {n}, {spectrum} spectrum: randomized SVD, k={K}, p={P}, q={Q}",
                     contest(randomized, requests, options.rounds), optimum)
    flops = (2 * Q + 2) * 2 * n * n * (K + P)
    rate = 2 * n * n * (K + P) / statistics.median(randomized["factoreo"].ask(f"gemm {K + P}", 10)["seconds"])
    share = flops / statistics.median(seconds["factoreo"]) / rate
    print(f"  the products with A alone at our own GEMM rate of this shape ({rate / 1e9:.1f} Gflop/s) take {share:.0%} of our time")
    if precision == "f64":
        truncated = {"factoreo": randomized["factoreo"], "propack": theirs("propack")}
        requests = {"factoreo": lambda turn: f"truncated_svd {K} {TOLERANCE} {turn}", "propack": str}
        report(f"{precision} n = {n}, {spectrum} spectrum: truncated SVD to {TOLERANCE:g}, k={K}",
               contest(truncated, requests, max(5, options.rounds // 3), runs=2), optimum)
        truncated["propack"].close()
    for contestant in randomized.values():
        contestant.close()


def report(title, result, optimum):
    seconds, answers = result
    print(f"\n{title} (optimal error {optimum:.6e})")
    for name, times in seconds.items():
        errors = [answer["value"] for answer in answers[name]]
        print(f"  {compared(name, seconds['factoreo'], times)}   error {statistics.mean(errors):.6e}")
    sys.stdout.flush()
    return seconds


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve_library(*sys.argv[2:])
        sys.exit()
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, help="of every contestant; without it each takes its own default")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--precisions", nargs="+", default=["f64", "f32"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for precision in options.precisions:
            for n in options.sizes:
                for spectrum in ("power", "exponential"):
                    compare(options, n, precision, spectrum, pathlib.Path(folder) / "matrix")
