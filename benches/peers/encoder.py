"""Our BERT encoder against torch's (transformers' BertModel, attention by scaled_dot_product_attention), and factored against
unfactored, all paired in one run on one machine, in f32.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/peers/requirements.txt
    cargo build --example encoder
    /tmp/peers/bin/python benches/peers/encoder.py MODEL_DIR [--threads 2] [--rounds 15] [--texts 16] [--tokens 256]

Every matrix of the factored model is a truncated SVD at half the break-even rank mn/(m + n); torch runs the same factors as two
linear maps. Every round runs each contestant twice, in a shuffled order, and counts the second run. The embeddings of all are
compared, outside the clocks: a time without a verified result does not count.
"""

import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=15)
parser.add_argument("--texts", type=int, default=16)
parser.add_argument("--tokens", type=int, default=256)
parser.add_argument("--share", type=float, default=0.5, help="of the break-even rank")
options = parser.parse_args()

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(options.threads)
os.environ.update(OMP_WAIT_POLICY="PASSIVE", KMP_BLOCKTIME="0", OPENBLAS_THREAD_TIMEOUT="4", HF_HUB_OFFLINE="1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from transformers import BertModel  # noqa: E402

torch.set_num_threads(options.threads)
torch.set_grad_enabled(False)
ROOT = pathlib.Path(__file__).resolve().parents[2]
ALLOWED_DIFFERENCE = 1e-4


class Factoreo:
    """The Rust half, kept running beside us; it works only when asked."""

    def __init__(self, model, ids, folder):
        command = [ROOT / "target/debug/examples/encoder", model, ids, str(options.tokens), str(options.threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.out = folder / f"out-{model.name}"
        self.flops_per_token = float(self.process.stdout.readline())

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def embed(self):
        seconds = self.ask(f"embed {self.out}")
        return seconds, np.fromfile(self.out, dtype="<f4").reshape(options.texts, -1)


class Torch:
    def __init__(self, model, ids):
        self.model, self.ids = model.eval(), torch.from_numpy(ids.astype(np.int64))

    def embed(self):
        start = time.perf_counter()
        # No mask: all texts have the same length, and so torch may take its fastest attention.
        pooled = self.model(self.ids).last_hidden_state.mean(dim=1)
        embeddings = torch.nn.functional.normalize(pooled)
        return time.perf_counter() - start, embeddings.numpy()


def linear_maps(model):
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and name.startswith("encoder."):
            yield name, module


def factored(folder):
    """Writes a copy of the model with pairs, and gives torch's model with the same pairs."""
    model = bert(options.model)
    tensors = load_file(options.model / "model.safetensors")
    for name, module in list(linear_maps(model)):
        weight = tensors.pop(name + ".weight")
        m, n = weight.shape
        rank = max(1, int(options.share * m * n / (m + n)))
        u, s, vt = torch.linalg.svd(weight, full_matrices=False)
        left, right = (u[:, :rank] * s[:rank]).contiguous(), vt[:rank].contiguous()
        tensors[name + ".weight.left"], tensors[name + ".weight.right"] = left, right
        first, second = torch.nn.Linear(n, rank, bias=False), torch.nn.Linear(rank, m)
        first.weight.data, second.weight.data, second.bias.data = right, left, module.bias.data
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, torch.nn.Sequential(first, second))
    folder.mkdir()
    for file in ("config.json", "tokenizer.json"):
        shutil.copy(options.model / file, folder / file)
    tensors = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    save_file(tensors, folder / "model.safetensors")
    return model


def bert(folder):
    return BertModel.from_pretrained(folder, attn_implementation="sdpa", dtype=torch.float32, add_pooling_layer=False)


def batch():
    tokenizer = Tokenizer.from_file(str(options.model / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    text = (ROOT / "experiments/data/us-constitution.txt").read_text()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    room = options.tokens - 2
    ids = (ids * (options.texts * room // len(ids) + 1))[: options.texts * room]
    framed = [[101, *ids[first : first + room], 102] for first in range(0, len(ids), room)]
    return np.array(framed, dtype="<u4")


def torch_rate(config, times=10):
    """Flop/s of one of the model's larger products over the whole batch."""
    tokens = torch.randn(options.texts * options.tokens, config.hidden_size)
    weight = torch.randn(config.intermediate_size, config.hidden_size)
    output = tokens @ weight.T
    start = time.perf_counter()
    for _ in range(times):
        torch.matmul(tokens, weight.T, out=output)
    return 2 * times * tokens.numel() * config.intermediate_size / (time.perf_counter() - start)


def ratios(ours, theirs):
    values = sorted(b / a for a, b in zip(ours, theirs))
    return statistics.median(values), values[len(values) // 4], values[3 * len(values) // 4]


def main(folder):
    ids = batch()
    ids.tofile(folder / "ids")
    models = {"exact": (options.model.resolve(), bert(options.model))}
    models["factored"] = (folder / "factored", factored(folder / "factored"))
    ours = {name: Factoreo(path, folder / "ids", folder) for name, (path, _) in models.items()}
    theirs = {name: Torch(model, ids) for name, (_, model) in models.items()}
    contestants = {("ours", name): model for name, model in ours.items()}
    contestants |= {("torch", name): model for name, model in theirs.items()}

    times, last = {key: [] for key in contestants}, {}
    rates, torch_rates = [], []
    for _ in range(options.rounds):
        for key in random.sample(list(contestants), len(contestants)):
            contestants[key].embed()
            seconds, last[key] = contestants[key].embed()
            times[key].append(seconds)
        rates.append(ours["exact"].ask("gemm"))
        torch_rates.append(torch_rate(models["exact"][1].config))

    count = options.texts * options.tokens
    rate = statistics.median(rates)
    print(f"torch {torch.__version__}, {options.threads} threads, {options.rounds} rounds, {options.texts} × {options.tokens} tokens")
    print(f"products: ours {rate / 1e9:.0f} Gflop/s, torch {statistics.median(torch_rates) / 1e9:.0f} Gflop/s")
    for name in models:
        difference = np.abs(last["ours", name] - last["torch", name]).max()
        assert difference < ALLOWED_DIFFERENCE, f"{name}: embeddings differ by {difference}"
        mine, others = times["ours", name], times["torch", name]
        median, low, high = ratios(mine, others)
        seconds = statistics.median(mine)
        share = ours[name].flops_per_token * count / seconds / rate
        print(
            f"{name:9} ours {1e3 * seconds:7.1f} ms ({count / seconds:6.0f} tokens/s, {share:.2f} of the rate of products)  "
            f"torch {1e3 * statistics.median(others):7.1f} ms  throughput against torch {median:.2f} "
            f"(quartiles {low:.2f} to {high:.2f})  largest difference {difference:.1e}"
        )
    predicted = ours["exact"].flops_per_token / ours["factored"].flops_per_token
    for side in ("ours", "torch"):
        median, low, high = ratios(times[side, "factored"], times[side, "exact"])
        print(
            f"{side:5}: factored is {median:.2f} times as fast as unfactored (quartiles {low:.2f} to {high:.2f}); "
            f"by flops {predicted:.2f}; {median / predicted:.2f} of it"
        )


with tempfile.TemporaryDirectory() as name:
    main(pathlib.Path(name))
