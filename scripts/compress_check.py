"""A compressed model, loaded by others: the safetensors package, and torch by the snippet of the model's own README.

    cargo build
    python scripts/compress_check.py MODEL_DIR --budget 0.6 [--program target/debug/factoreo]

needs torch, safetensors and transformers. It compresses the model, takes the Python out of the README that was written, runs it
in a process of its own and in this one, and compares sentence embeddings with those of `factoreo eval --embeddings`, once by
transformers' own BERT and once by a forward pass that runs the pairs as pairs. It exits with 1 if anything is further off than
1e-4, or the file is more than 1 % away from the budget.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel

TOLERANCE = 1e-4


def run(*command):
    print("$", *command)
    subprocess.run([str(part) for part in command], check=True)


def snippet(folder):
    """The Python in the README of a folder."""
    blocks = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 1, f"{len(blocks)} Python blocks in the README"
    assert len(blocks[0].splitlines()) <= 25, "the snippet has grown"
    return blocks[0]


def pooled(hidden):
    """The mean over the tokens, scaled to length 1."""
    return torch.nn.functional.normalize(hidden.mean(dim=1), dim=1)


def by_transformers(folder, state, ids):
    model = AutoModel.from_config(AutoConfig.from_pretrained(folder), add_pooling_layer=False).eval()
    report = model.load_state_dict({name: tensor.float() for name, tensor in state.items()}, strict=False)
    assert not report.missing_keys, report.missing_keys
    unused = [name for name in report.unexpected_keys if not name.startswith(("pooler.", "embeddings.position_ids"))]
    assert not unused, unused
    with torch.no_grad():
        return pooled(model(input_ids=ids).last_hidden_state)


def by_pairs(folder, tensors, ids):
    """The same in plain torch: y = left (right x)."""
    config = json.loads((folder / "config.json").read_text())
    tensors = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}

    def linear(name, x):
        weight, bias = f"{name}.weight", tensors[f"{name}.bias"]
        if weight in tensors:
            return x @ tensors[weight].T + bias
        return (x @ tensors[f"{weight}.right"].T) @ tensors[f"{weight}.left"].T + bias

    def norm(name, x):
        return torch.nn.functional.layer_norm(
            x, x.shape[-1:], tensors[f"{name}.weight"], tensors[f"{name}.bias"], config["layer_norm_eps"]
        )

    words = "embeddings.word_embeddings.weight"
    x = tensors[words][ids] if words in tensors else tensors[f"{words}.left"][ids] @ tensors[f"{words}.right"]
    x = x + tensors["embeddings.position_embeddings.weight"][: ids.shape[1]]
    x = norm("embeddings.LayerNorm", x + tensors["embeddings.token_type_embeddings.weight"][0])
    heads = config["num_attention_heads"]
    for layer in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{layer}"
        q, k, v = (
            linear(f"{name}.attention.self.{part}", x).unflatten(-1, (heads, -1)).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        attended = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = norm(f"{name}.attention.output.LayerNorm", x + linear(f"{name}.attention.output.dense", attended))
        inner = torch.nn.functional.gelu(linear(f"{name}.intermediate.dense", x))
        x = norm(f"{name}.output.LayerNorm", x + linear(f"{name}.output.dense", inner))
    return pooled(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--budget", type=float, default=0.6)
    parser.add_argument("--program", type=Path, default=Path("target/debug/factoreo"))
    parser.add_argument("--calibration", type=Path, default=Path("experiments/data/us-constitution.txt"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, embeddings = Path(scratch) / "compressed", Path(scratch) / "embeddings.safetensors"
        run(arguments.program, "compress", arguments.model, "--budget", arguments.budget,
            "--calibration", arguments.calibration, "--out", folder)
        run(arguments.program, "eval", folder, "--against", arguments.model, "--embeddings", embeddings)

        size = (folder / "model.safetensors").stat().st_size
        whole = sum(file.stat().st_size for file in arguments.model.glob("model*.safetensors"))
        print(f"size: {size} of {whole} bytes = {size / whole:.5f}")
        ok = abs(size / whole - arguments.budget) <= 0.01 * arguments.budget

        with safe_open(folder / "model.safetensors", "pt") as file:
            names = list(file.keys())
        pairs = [name for name in names if name.endswith(".left")]
        print(f"safetensors: {len(names)} tensors, {len(pairs)} pairs")
        ok &= bool(pairs) and all(name.removesuffix(".left") + ".right" in names for name in pairs)

        code = snippet(folder)
        script = Path(scratch) / "snippet.py"
        script.write_text(code)
        run(sys.executable, script, folder)
        scope = {"__name__": "snippet"}
        exec(compile(code, str(script), "exec"), scope)
        state = scope["load"](str(folder))
        ours = load_file(embeddings)
        ids = ours["input_ids"]
        for name, theirs in [
            ("torch, pairs multiplied out by the README's snippet", by_transformers(folder, state, ids)),
            ("torch, pairs as pairs", by_pairs(folder, load_file(folder / "model.safetensors"), ids)),
        ]:
            worst = (theirs - ours["embeddings"]).abs().max().item()
            print(f"{name}: {len(ids)} texts, largest difference {worst:.2e}")
            ok &= worst < TOLERANCE
    print("ok" if ok else "NOT OK")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
