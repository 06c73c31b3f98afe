"""Which allocation of ranks keeps a model nearest to itself, on texts that nothing was chosen by.

    cargo build
    python scripts/allocation_check.py MODEL_DIR [--budgets 0.4 0.5 0.6 0.7 0.8] [--seeds 0 1 2 3 4] [--program target/debug/factoreo]

needs numpy and safetensors; scikit-learn for one of the texts. It compresses the model by every allocation at every budget,
calibrated on the Constitution, and embeds texts with the model and with what came of it. Printed for each text and budget: the
mean cosine of every allocation, and the difference of the first to each of the others, chunk by chunk, with the 95 % interval of
a bootstrap over chunks (averaged over seeds first: chunks are what another text would have others of) and the seeds that agree.

The texts are of three kinds and none is about what the Constitution is about; they were named before any was measured:
- law: the GNU General Public License, version 3 (its own licence: verbatim copies);
- manual: Python's language reference as `help()` has it, the first 40 000 characters of its topics by name (PSF licence);
- science: scikit-learn's descriptions of its data sets (BSD licence).
`--texts FILE …` takes others instead.
"""

import argparse
import hashlib
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

ALLOCATIONS = ["marginal", "uniform", "energy"]


def licence():
    return Path("/usr/share/common-licenses/GPL-3").read_text()


def manual():
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))[:40_000]


def science():
    folder = Path(importlib.util.find_spec("sklearn").origin).parent / "datasets" / "descr"
    return "\n".join(path.read_text() for path in sorted(folder.glob("*.rst")))


def texts(folder, named):
    """The texts as files."""
    if named:
        return {path.stem: path for path in named}
    found = {}
    for name, make in {"law": licence, "manual": manual, "science": science}.items():
        try:
            text = make()
        except (OSError, ImportError, AttributeError) as error:
            print(f"{name}: left out, not on this machine ({error})")
            continue
        found[name] = folder / f"{name}.txt"
        found[name].write_text(text)
    return found


def run(program, *command):
    done = subprocess.run([str(program), *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr}")


def embeddings(program, folder, text, scratch):
    out = scratch / "embeddings.safetensors"
    run(program, "eval", folder, "--text", text, "--embeddings", out)
    return load_file(out)["embeddings"].astype(np.float64)


def interval(differences, draws=10_000):
    """Of the mean, by the bootstrap over chunks."""
    rng = np.random.default_rng(1)
    means = [differences[rng.integers(len(differences), size=len(differences))].mean() for _ in range(draws)]
    return np.quantile(means, [0.025, 0.975])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--budgets", type=float, nargs="+", default=[0.4, 0.5, 0.6, 0.7, 0.8])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--allocations", nargs="+", default=ALLOCATIONS)
    parser.add_argument("--texts", type=Path, nargs="+")
    parser.add_argument("--program", type=Path, default=Path("target/debug/factoreo"))
    parser.add_argument("--calibration", type=Path, default=Path("experiments/data/us-constitution.txt"))
    parser.add_argument("--json", type=Path, help="every mean cosine, for machines")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        files = texts(scratch, arguments.texts)
        exact = {name: embeddings(arguments.program, arguments.model, file, scratch) for name, file in files.items()}
        for name, file in files.items():
            digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
            print(f"{name}: {len(exact[name])} chunks, sha256 {digest}…", flush=True)
        for budget in arguments.budgets:
            # allocation → text → seeds × chunks.
            cosines = {allocation: {name: [] for name in files} for allocation in arguments.allocations}
            held_out = {allocation: [] for allocation in arguments.allocations}
            for allocation in arguments.allocations:
                for seed in arguments.seeds:
                    out = scratch / "out"
                    run(arguments.program, "compress", arguments.model, "--budget", budget, "--allocation", allocation,
                        "--seed", seed, "--calibration", arguments.calibration, "--out", out, "--force")
                    manifest = json.loads((out / "manifest.json").read_text())
                    held_out[allocation].append(manifest["calibration"]["held_out_mean_cosine"])
                    for name, file in files.items():
                        changed = embeddings(arguments.program, out, file, scratch)
                        cosines[allocation][name].append((changed * exact[name]).sum(axis=1))
            means = ", ".join(f"{name} {np.mean(found):.4f}" for name, found in held_out.items())
            print(f"\nbudget {budget}; held-out parts of the calibration text: {means}")
            for name in files:
                found = {allocation: np.array(cosines[allocation][name]) for allocation in arguments.allocations}
                print(f"  {name:10}" + ", ".join(f"{allocation} {found[allocation].mean():.4f}" for allocation in found))
                rows += [
                    {"budget": budget, "text": name, "allocation": allocation, "by_seed": values.mean(axis=1).tolist()}
                    for allocation, values in found.items()
                ]
                first, *others = arguments.allocations
                for other in others:
                    differences = found[first] - found[other]
                    low, high = interval(differences.mean(axis=0))
                    agree = int((differences.mean(axis=1) > 0).sum())
                    better = (differences.mean(axis=0) > 0).mean()
                    print(
                        f"  {'':10}{first} − {other}: {differences.mean():+.4f} [{low:+.4f}, {high:+.4f}]; "
                        f"better in {100 * better:.0f} % of chunks, with {agree} of {len(differences)} seeds",
                        flush=True,
                    )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
