"""factoreo against scikit-learn, torch and scipy, paired in one run on one machine.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/peers/requirements.txt
    cargo build --example peers
    /tmp/peers/bin/python benches/peers/compare.py [--threads 2] [--rounds 15] [--sizes 512 1024 2048]

Every round runs each contestant twice, in a shuffled order, on the same matrix, and counts the second run; a ratio is taken round by round, so a machine
that drifts slows both sides of it. The errors are computed outside the clocks, in f64, from the factors each returns.
"""

import argparse
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=15)
parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048])
parser.add_argument("--precisions", nargs="+", default=["f64", "f32"])
parser.add_argument("--skip-propack", action="store_true")
options = parser.parse_args()

# Before numpy and torch: as many threads as ours, and none that spins while another contestant is on the clock.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(options.threads)
os.environ.update(OMP_WAIT_POLICY="PASSIVE", KMP_BLOCKTIME="0", OPENBLAS_THREAD_TIMEOUT="4")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from scipy.sparse.linalg import svds  # noqa: E402
from sklearn.utils.extmath import randomized_svd  # noqa: E402

torch.set_num_threads(options.threads)
ROOT = pathlib.Path(__file__).resolve().parents[2]
K, P, Q, TOLERANCE = 64, 10, 2, 1e-9


class Factoreo:
    """The Rust half, kept running beside us; it works only when asked."""

    def __init__(self, path, n, precision):
        command = [ROOT / "target/debug/examples/peers", path, str(n), precision, str(options.threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        seconds, value, *_ = self.process.stdout.readline().split()
        return float(seconds), float(value)


def relative_error(exact, u, s, vt):
    product = (np.asarray(u, dtype=np.float64) * np.asarray(s, dtype=np.float64)) @ np.asarray(vt, dtype=np.float64)
    return np.linalg.norm(exact - product) / np.linalg.norm(exact)


def timed(compute, exact):
    start = time.perf_counter()
    u, s, vt = compute()
    seconds = time.perf_counter() - start
    return seconds, relative_error(exact, u, s, vt)


def matrix_of(n, spectrum):
    rng = np.random.default_rng(n)
    u, _ = np.linalg.qr(rng.standard_normal((n, n)))
    v, _ = np.linalg.qr(rng.standard_normal((n, n)))
    j = np.arange(n)
    sigma = {"power": 1.0 / (j + 1.0), "exponential": np.exp(-j / 32.0)}[spectrum]
    return (u * sigma) @ v.T, sigma


def contest(contestants, rounds):
    """Rounds in which each contestant runs once, in shuffled order, after one round that does not count."""
    seconds = {name: [] for name in contestants}
    errors = {name: [] for name in contestants}
    order = random.Random(1)
    for turn in range(rounds + 1):
        for name in order.sample(list(contestants), len(contestants)):
            # Whoever ran before has emptied the caches, and its threads may still be spinning: let them stop, and let
            # everyone be timed on a second run in a row.
            time.sleep(0.05)
            contestants[name](turn)
            took, error = contestants[name](turn)
            if turn > 0:
                seconds[name].append(took)
                errors[name].append(error)
    return seconds, errors


def numpy_gemm(matrix, columns):
    """Gflop/s of A·X in numpy, the median of ten."""
    block = np.ones((matrix.shape[1], columns), dtype=matrix.dtype)
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        matrix @ block
        seconds.append(time.perf_counter() - start)
    return 2 * matrix.size * columns / statistics.median(seconds) / 1e9


def report(title, seconds, errors, optimum, ours):
    print(f"\n{title}  (optimal error {optimum:.6e})")
    for name in seconds:
        ratios = sorted(theirs / own for theirs, own in zip(seconds[name], seconds[ours]))
        print(
            f"  {name:<28} median {statistics.median(seconds[name]) * 1e3:9.2f} ms"
            f"   x{statistics.median(ratios):6.2f} of ours [{ratios[len(ratios) // 10]:.2f}, {ratios[-1 - len(ratios) // 10]:.2f}]"
            f"   error {statistics.mean(errors[name]):.6e}"
        )
    sys.stdout.flush()


def main():
    for precision in options.precisions:
        dtype = {"f64": np.float64, "f32": np.float32}[precision]
        for n in options.sizes:
            for spectrum in ("power", "exponential"):
                exact, sigma = matrix_of(n, spectrum)
                matrix = np.ascontiguousarray(exact.astype(dtype))
                exact = matrix.astype(np.float64)
                tensor = torch.from_numpy(matrix)
                optimum = np.sqrt((sigma[K:] ** 2).sum() / (sigma**2).sum())
                with tempfile.NamedTemporaryFile(suffix=".bin") as file:
                    matrix.tofile(file.name)
                    rust = Factoreo(file.name, n, precision)
                    rates = [rust.ask(f"gemm {K + P}")[1] for _ in range(10)]
                    gemm = statistics.median(rates)

                    def ours(turn):
                        return rust.ask(f"randomized_svd {K} {P} {Q} {turn}")

                    def sklearn(turn):
                        return timed(lambda: randomized_svd(matrix, K, n_oversamples=P, n_iter=Q, random_state=turn), exact)

                    def torch_lowrank(turn):
                        torch.manual_seed(turn)

                        def compute():
                            u, s, v = torch.svd_lowrank(tensor, q=K + P, niter=Q)
                            return u[:, :K], s[:K], v[:, :K].T

                        return timed(compute, exact)

                    contestants = {"factoreo randomized_svd": ours, "sklearn randomized_svd": sklearn,
                                   "torch svd_lowrank": torch_lowrank}
                    seconds, errors = contest(contestants, options.rounds)
                    report(f"n = {n}, {precision}, {spectrum} spectrum: randomized SVD, k={K}, p={P}, q={Q}",
                           seconds, errors, optimum, "factoreo randomized_svd")
                    flops = (2 * Q + 2) * 2 * n * n * (K + P)
                    rate = flops / statistics.median(seconds["factoreo randomized_svd"]) / 1e9
                    print(f"  products with A alone: {rate:.1f} Gflop/s, {100 * rate / gemm:.0f} % of this machine's"
                          f" GEMM rate at this shape ({gemm:.1f} Gflop/s)")
                    best = max(gemm, numpy_gemm(matrix, K + P))
                    most = statistics.median(seconds["sklearn randomized_svd"]) * best * 1e9 / flops
                    print(f"  the same products at {best:.1f} Gflop/s, the faster of ours and numpy's, and nothing else:"
                          f" x{most:.2f} of sklearn is the most there is to win")

                    if precision == "f64" and not options.skip_propack:
                        rank, tolerance = K, TOLERANCE

                        def krylov(turn):
                            return rust.ask(f"truncated_svd {rank} {tolerance} {turn}")

                        def propack(turn):
                            return timed(lambda: svds(matrix, k=rank, tol=tolerance, solver="propack", rng=turn), exact)

                        seconds, errors = contest({"factoreo truncated_svd": krylov, "scipy svds propack": propack},
                                                  max(3, options.rounds // 3))
                        report(f"n = {n}, {precision}, {spectrum} spectrum: truncated SVD to {tolerance:g}, k={rank}",
                               seconds, errors, optimum, "factoreo truncated_svd")
                    rust.process.stdin.close()
                    rust.process.wait()


main()
