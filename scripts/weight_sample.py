"""Cut the sample of a real weight matrix, and of what goes through it, out of a model and of what `extract --activations` wrote.

    python scripts/weight_sample.py MODEL_DIR models/minilm-calibration.safetensors models/minilm-evaluation.safetensors \
        experiments/data

Writes minilm-weight.safetensors, minilm-weight-calibration.safetensors and minilm-weight-evaluation.safetensors, in F16; tokens
are taken evenly from the whole text, fewer for the calibration than the matrix has columns. Needs numpy and safetensors.
"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open

NAME = "encoder.layer.0.attention.output.dense"
TOKENS = {"calibration": 320, "evaluation": 80}


def main(model, calibration, evaluation, folder):
    folder = Path(folder)
    with safe_open(Path(model) / "model.safetensors", "np") as file:
        weight = file.get_tensor(f"{NAME}.weight").astype(np.float16)
    source = {"model": "all-MiniLM-L6-v2", "model_licence": "apache-2.0"}
    write(folder / "minilm-weight.safetensors", f"{NAME}.weight", weight, source)
    for role, path in [("calibration", calibration), ("evaluation", evaluation)]:
        with safe_open(path, "np") as file:
            whole, metadata = file.get_tensor(f"{NAME}.input"), file.metadata()
        rows = np.linspace(0, len(whole) - 1, TOKENS[role]).round().astype(int)
        kept = {key: metadata[key] for key in ["text", "text_blake3", "weights_blake3", "command"]}
        write(folder / f"minilm-weight-{role}.safetensors", f"{NAME}.input", whole[rows].astype(np.float16), source | kept)


def write(path, name, array, metadata):
    """By hand: the safetensors package writes metadata in another order each time."""
    header = json.dumps(
        {
            "__metadata__": dict(sorted(metadata.items())),
            name: {"dtype": "F16", "shape": list(array.shape), "data_offsets": [0, array.nbytes]},
        }
    ).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(len(header).to_bytes(8, "little") + header + array.astype("<f2").tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
