"""Our BERT encoder against torch's (transformers' BertModel, attention by scaled_dot_product_attention), and factored against
unfactored, in f32. How they are compared: contest.py.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/peers/requirements.txt
    cargo build --examples
    /tmp/peers/bin/python benches/peers/encoder.py MODEL_DIR [--rounds 15] [--texts 16] [--tokens 256] [--threads N]

Every matrix of the factored model is a truncated SVD at half the break-even rank mn/(m + n); torch runs the same factors as two
linear maps, in inference mode; both models also through torch.compile. The embeddings of all are compared, outside the clocks: a
time without a verified result does not count.
"""

import argparse
import pathlib
import shutil
import statistics
import sys
import tempfile

import numpy as np

from contest import ROOT, Contestant, compared, contest, python, ratios, rust, serve

ALLOWED_DIFFERENCE = 1e-4


def serve_torch(folder, ids, tokens, compiled):
    import torch
    from safetensors.torch import load_file
    from transformers import BertModel, logging

    logging.set_verbosity_error()  # of the factored model's pairs, put in place below

    folder = pathlib.Path(folder)
    model = BertModel.from_pretrained(folder, attn_implementation="sdpa", dtype=torch.float32, add_pooling_layer=False)
    tensors = load_file(folder / "model.safetensors")
    for name, module in list(model.named_modules()):
        left, right = (tensors.get(f"{name}.weight.{side}") for side in ("left", "right"))
        if left is None:
            continue
        first = torch.nn.Linear(right.shape[1], len(right), bias=False)
        second = torch.nn.Linear(len(right), len(left))
        first.weight.data, second.weight.data, second.bias.data = right, left, module.bias.data
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, torch.nn.Sequential(first, second))
    model.eval()
    run = torch.compile(model) if compiled == "compiled" else model
    ids = torch.from_numpy(np.fromfile(ids, dtype="<u4").astype(np.int64).reshape(-1, int(tokens)))

    def compute():
        # No mask: all texts have the same length, and so torch may take its fastest attention.
        return torch.nn.functional.normalize(run(ids).last_hidden_state.mean(dim=1))

    def answer(words):
        def describe(result):
            result.numpy().tofile(words[1])
            return {}

        return torch.inference_mode()(compute), describe

    serve(answer)


def write_factored(model, share, folder):
    """A copy of the model with a pair in place of every linear map of its encoder."""
    from safetensors.numpy import load_file, save_file

    tensors = load_file(model / "model.safetensors")
    for name, weight in list(tensors.items()):
        if not (name.startswith("encoder.") and name.endswith(".weight") and weight.ndim == 2):
            continue
        m, n = weight.shape
        rank = max(1, int(share * m * n / (m + n)))
        u, s, vt = np.linalg.svd(weight, full_matrices=False)
        del tensors[name]
        tensors[name + ".left"] = np.ascontiguousarray(u[:, :rank] * s[:rank])
        tensors[name + ".right"] = np.ascontiguousarray(vt[:rank])
    folder.mkdir()
    for file in ("config.json", "tokenizer.json"):
        shutil.copy(model / file, folder / file)
    save_file({name: tensor for name, tensor in tensors.items() if tensor.dtype.kind == "f"}, folder / "model.safetensors")
    return folder


def batch(options):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(options.model / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    text = (ROOT / "experiments/data/us-constitution.txt").read_text()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    room = options.tokens - 2
    ids = (ids * (options.texts * room // len(ids) + 1))[: options.texts * room]
    framed = [[101, *ids[first : first + room], 102] for first in range(0, len(ids), room)]
    return np.array(framed, dtype="<u4")


def main(options, folder):
    batch(options).tofile(folder / "ids")
    models = {"exact": options.model.resolve(), "factored": write_factored(options.model, options.share, folder / "factored")}
    threads = options.threads
    contestants = {}
    for name, path in models.items():
        extra = [threads] if threads else []
        contestants["factoreo", name] = Contestant(rust("encoder", path, folder / "ids", options.tokens, *extra), threads)
        for side in ("torch",) if options.without_compile else ("torch", "torch.compile"):
            how = "compiled" if side == "torch.compile" else "eager"
            contestants[side, name] = Contestant(python(__file__, path, folder / "ids", options.tokens, how), threads)
    requests = {key: lambda _, key=key: f"embed {folder / '-'.join(key)}" for key in contestants}
    seconds, answers = contest(contestants, requests, options.rounds)

    count = options.texts * options.tokens
    flops = {name: answers["factoreo", name][0]["value"] for name in models}
    rate = statistics.median(contestants["factoreo", "exact"].ask("gemm", 1)["value"] for _ in range(options.rounds))
    print(f"{options.texts} × {options.tokens} tokens, {options.rounds} rounds; our own products: {rate / 1e9:.0f} Gflop/s")
    sides = dict.fromkeys(side for side, _ in contestants)
    for name in models:
        mine = seconds["factoreo", name]
        median = statistics.median(mine)
        print(f"\n{name}: {count / median:.0f} tokens/s, {flops[name] * count / median / rate:.2f} of the rate of products")
        expected = np.fromfile(folder / f"torch-{name}", dtype="<f4")
        for side in sides:
            difference = np.abs(np.fromfile(folder / f"{side}-{name}", dtype="<f4") - expected).max()
            assert difference < ALLOWED_DIFFERENCE, f"{side}, {name}: embeddings differ by {difference}"
            print(f"  {compared(side, mine, seconds[side, name])}   largest difference {difference:.1e}")
    print(f"\nfactored against unfactored; by flops {flops['exact'] / flops['factored']:.2f}")
    for side in sides:
        low, median, high = ratios(seconds[side, "factored"], seconds[side, "exact"])
        print(f"  {side:24} {median:.2f} times as fast (quartiles {low:.2f} to {high:.2f})")
    for contestant in contestants.values():
        contestant.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve_torch(*sys.argv[2:])
        sys.exit()
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--threads", type=int, help="of every contestant; without it each takes its own default")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--texts", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--share", type=float, default=0.5, help="of the break-even rank")
    parser.add_argument("--without-compile", action="store_true", help="where no C++ compiler is at hand")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        main(options, pathlib.Path(name))
