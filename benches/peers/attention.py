"""Exact attention and Nyströmformer against torch, f32, d = 64, one head. How they are compared: contest.py.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/peers/requirements.txt
    cargo build --examples
    /tmp/peers/bin/python benches/peers/attention.py [--rounds 15] [--sizes 1024 2048 4096 8192] [--threads N]

torch runs scaled_dot_product_attention, and Nyströmformer as its authors write it, in inference mode; the latter also through
torch.compile. Errors are those of whole outputs, outside the clocks: of exact attention against numpy in f64, of Nyströmformer
against the same formula in torch.
"""

import argparse
import pathlib
import sys
import tempfile

import numpy as np

from contest import Contestant, compared, contest, python, rust, serve

D = 64


def tensors_of(path, n):
    return np.fromfile(path, dtype="<f4").reshape(3, int(n), D)


def serve_torch(path, n):
    import torch

    q, k, v = (torch.from_numpy(x) for x in tensors_of(path, n))
    attend = torch.nn.functional.scaled_dot_product_attention

    def nystromformer(q, k, v, m):
        """Xiong et al. 2021, Algorithm 1, without its convolution; 6 iterations."""
        scale = 1 / np.sqrt(D)
        landmarks_q, landmarks_k = (x.reshape(m, len(q) // m, D).mean(dim=1) for x in (q, k))
        onto = torch.softmax(q @ landmarks_k.T * scale, dim=-1)
        core = torch.softmax(landmarks_q @ landmarks_k.T * scale, dim=-1)
        back = torch.softmax(landmarks_q @ k.T * scale, dim=-1)
        inverse = core.T / (core.abs().sum(dim=0).max() * core.abs().sum(dim=1).max())
        eye = torch.eye(m)
        for _ in range(6):
            product = core @ inverse
            inverse = 0.25 * inverse @ (13 * eye - product @ (15 * eye - product @ (7 * eye - product)))
        return (onto @ inverse) @ (back @ v)

    compiled = torch.compile(nystromformer)

    def answer(words):
        way, *landmarks, out = words
        compute = {
            "exact": lambda: attend(q[None, None], k[None, None], v[None, None])[0, 0],
            "nystromformer": lambda: nystromformer(q, k, v, int(landmarks[0])),
            "compiled": lambda: compiled(q, k, v, int(landmarks[0])),
        }[way]

        def describe(result):
            result.numpy().tofile(out)
            return {}

        return torch.inference_mode()(compute), describe

    serve(answer)


def exact_in_f64(path, n):
    q, k, v = (x.astype(np.float64) for x in tensors_of(path, n))
    rows = []
    for first in range(0, len(q), 512):
        logits = q[first : first + 512] @ k.T / np.sqrt(D)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        rows.append(weights / weights.sum(axis=1, keepdims=True) @ v)
    return np.concatenate(rows)


def compare(options, n, folder):
    rng = np.random.default_rng(n)
    q, k, v = rng.standard_normal((3, n, D)).astype(np.float32)
    if options.largest_logit:
        largest = max(np.abs(q[first : first + 512] @ k.T).max() for first in range(0, n, 512)) / np.sqrt(D)
        q *= np.float32(options.largest_logit / largest)
    path = folder / "qkv"
    np.concatenate([q, k, v]).astype("<f4").tofile(path)
    ours = Contestant(rust("attention", path, n, D, *([options.threads] if options.threads else [])), options.threads)
    torch, compiled = (Contestant(python(__file__, path, n), options.threads) for _ in range(2))

    def run(contestants, ways):
        requests = {name: lambda _, way=way, name=name: f"{way} {folder / name}" for name, way in ways.items()}
        seconds, _ = contest(contestants, requests, options.rounds)
        found = {name: np.fromfile(folder / name, dtype="<f4").reshape(n, D).astype(np.float64) for name in contestants}
        return seconds, found

    def report(what, seconds, found, expected):
        print(f"\n{what}, n = {n}")
        for name, times in seconds.items():
            error = np.linalg.norm(found[name] - expected) / np.linalg.norm(expected)
            print(f"  {compared(name, seconds['factoreo'], times)}   difference {error:.1e}", flush=True)

    seconds, found = run({"factoreo": ours, "torch": torch}, {"factoreo": "exact", "torch": "exact"})
    report("exact attention, against numpy in f64", seconds, found, exact_in_f64(path, n))
    way = f"nystromformer {options.landmarks}"
    contestants = {"factoreo": ours, "torch": torch}
    ways = {"factoreo": way, "torch": way}
    if not options.without_compile:
        contestants["torch.compile"] = compiled
        ways["torch.compile"] = f"compiled {options.landmarks}"
    seconds, found = run(contestants, ways)
    report(f"Nyströmformer, {options.landmarks} landmarks, against torch", seconds, found, found["torch"])
    for contestant in (ours, torch, compiled):
        contestant.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve_torch(*sys.argv[2:])
        sys.exit()
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, help="of every contestant; without it each takes its own default")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1024, 2048, 4096, 8192])
    parser.add_argument("--landmarks", type=int, default=64)
    parser.add_argument("--largest-logit", type=float, help="scale the queries so that logits reach this; 80 is sharp")
    parser.add_argument("--without-compile", action="store_true", help="where no C++ compiler is at hand")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for n in options.sizes:
            compare(options, n, pathlib.Path(folder))
