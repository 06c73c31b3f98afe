"""Exact attention and Nyströmformer against torch, paired in one run on one machine, f32, d = 64.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/peers/requirements.txt
    cargo build --example attention
    /tmp/peers/bin/python benches/peers/attention.py [--threads 2] [--rounds 15] [--sizes 1024 2048 4096 8192]

Every round runs each contestant twice, in a shuffled order, and counts the second run. Errors are those of whole outputs, outside
the clocks: of exact attention against numpy in f64, of Nyströmformer against the same formula in torch.
"""

import argparse
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=15)
parser.add_argument("--sizes", type=int, nargs="+", default=[1024, 2048, 4096, 8192])
parser.add_argument("--landmarks", type=int, default=64)
parser.add_argument("--largest-logit", type=float, help="scale the queries so that logits reach this; 80 is sharp")
options = parser.parse_args()

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(options.threads)
os.environ.update(OMP_WAIT_POLICY="PASSIVE", KMP_BLOCKTIME="0", OPENBLAS_THREAD_TIMEOUT="4")

import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(options.threads)
torch.set_grad_enabled(False)
ROOT = pathlib.Path(__file__).resolve().parents[2]
D = 64


class Factoreo:
    """The Rust half, kept running beside us; it works only when asked."""

    def __init__(self, path, n, out):
        command = [ROOT / "target/debug/examples/attention", path, str(n), str(D), str(options.threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.n, self.out = n, out

    def ask(self, request):
        self.process.stdin.write(f"{request} {self.out}\n")
        self.process.stdin.flush()
        seconds = float(self.process.stdout.readline())
        return seconds, np.fromfile(self.out, dtype="<f4").reshape(self.n, D)


def clocked(compute):
    start = time.perf_counter()
    result = compute()
    return time.perf_counter() - start, result.numpy()


def exact_in_f64(q, k, v):
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    rows = []
    for first in range(0, len(q), 512):
        logits = q[first : first + 512] @ k.T / np.sqrt(D)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        rows.append(weights / weights.sum(axis=1, keepdims=True) @ v)
    return np.concatenate(rows)


def nystromformer(q, k, v, m):
    """Xiong et al. 2021, Algorithm 1, without its convolution; 6 iterations."""
    n = len(q)
    scale = 1 / np.sqrt(D)
    landmarks_q, landmarks_k = (x.reshape(m, n // m, D).mean(dim=1) for x in (q, k))
    onto = torch.softmax(q @ landmarks_k.T * scale, dim=-1)
    core = torch.softmax(landmarks_q @ landmarks_k.T * scale, dim=-1)
    back = torch.softmax(landmarks_q @ k.T * scale, dim=-1)
    inverse = core.T / (core.abs().sum(dim=0).max() * core.abs().sum(dim=1).max())
    eye = torch.eye(m)
    for _ in range(6):
        product = core @ inverse
        inverse = 0.25 * inverse @ (13 * eye - product @ (15 * eye - product @ (7 * eye - product)))
    return (onto @ inverse) @ (back @ v)


def difference(found, expected):
    return np.linalg.norm(found.astype(np.float64) - expected) / np.linalg.norm(expected)


def contest(contestants):
    times = {name: [] for name in contestants}
    last = {}
    for _ in range(options.rounds):
        for name in random.sample(list(contestants), len(contestants)):
            contestants[name]()
            seconds, last[name] = contestants[name]()
            times[name].append(seconds)
    return times, last


def report(what, n, ours, theirs, error):
    ratios = sorted(b / a for a, b in zip(ours, theirs))
    low, high = ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
    median = statistics.median
    print(
        f"{what:14} n = {n:5}  ours {1e3 * median(ours):8.2f} ms  torch {1e3 * median(theirs):8.2f} ms  "
        f"speed against torch {median(ratios):.2f} (quartiles {low:.2f} to {high:.2f})  difference {error:.1e}",
        flush=True,
    )


print(f"torch {torch.__version__}, {options.threads} threads, {options.rounds} rounds")
for n in options.sizes:
    rng = np.random.default_rng(n)
    q, k, v = rng.standard_normal((3, n, D)).astype(np.float32)
    if options.largest_logit:
        largest = max(np.abs(q[first : first + 512] @ k.T).max() for first in range(0, n, 512)) / np.sqrt(D)
        q *= np.float32(options.largest_logit / largest)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "qkv"
        np.concatenate([q, k, v]).astype("<f4").tofile(path)
        ours = Factoreo(path, n, pathlib.Path(folder) / "out")
        tq, tk, tv = (torch.from_numpy(x) for x in (q, k, v))
        attend = torch.nn.functional.scaled_dot_product_attention
        contestants = {
            "ours": lambda: ours.ask("exact"),
            "torch": lambda: clocked(lambda: attend(tq[None, None], tk[None, None], tv[None, None])[0, 0]),
        }
        times, last = contest(contestants)
        exact = exact_in_f64(q, k, v)
        report("exact", n, times["ours"], times["torch"], difference(last["ours"], exact))
        print(f"{'':14} torch's own difference from f64 {difference(last['torch'], exact):.1e}", flush=True)
        contestants = {
            "ours": lambda: ours.ask(f"nystromformer {options.landmarks}"),
            "torch": lambda: clocked(lambda: nystromformer(tq, tk, tv, options.landmarks)),
        }
        times, last = contest(contestants)
        report("nystromformer", n, times["ours"], times["torch"], difference(last["ours"], last["torch"]))
        ours.process.stdin.close()
