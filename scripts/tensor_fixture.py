"""Writes tests/fixtures/tensors/: one small tensor in every type and order that `factoreo` reads.

Entry (i, j, k, …) is 16 i + 4 j + k − 20.5 in 3-D and 4 i + j − 5.5 in 2-D, exact even in bfloat16, so the tests need no
expected values. numpy, torch and the safetensors package write the files; nothing of factoreo is involved.

    python -m pip install numpy torch safetensors
    python scripts/tensor_fixture.py
"""

import pathlib

import numpy
import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent.parent / "tests/fixtures/tensors"


def matrix():
    i, j = numpy.indices((3, 4))
    return 4.0 * i + j - 5.5


def cube():
    i, j, k = numpy.indices((2, 3, 4))
    return 16.0 * i + 4.0 * j + k - 20.5


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for dtype in ["<f8", ">f8", "<f4", ">f4", "<f2", ">f2"]:
        name = ("little" if dtype[0] == "<" else "big") + "_" + dtype[1:]
        numpy.save(FOLDER / f"{name}.npy", matrix().astype(dtype))
        numpy.save(FOLDER / f"{name}_fortran.npy", numpy.asfortranarray(matrix().astype(dtype)))
    numpy.save(FOLDER / "cube.npy", cube())
    numpy.save(FOLDER / "cube_fortran.npy", numpy.asfortranarray(cube()))
    numpy.save(FOLDER / "vector.npy", matrix().reshape(-1))
    for version in [(2, 0), (3, 0)]:
        with open(FOLDER / f"version_{version[0]}.npy", "wb") as file:
            numpy.lib.format.write_array(file, matrix(), version=version)
    types = {"f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
    tensors = {name: torch.from_numpy(matrix()).to(dtype) for name, dtype in types.items()}
    tensors["cube"] = torch.from_numpy(cube())
    # What real files hold besides and must not disturb: integers and a single number.
    tensors["position_ids"] = torch.arange(5)
    tensors["step"] = torch.tensor(3.0)
    save_file(tensors, FOLDER / "every_type.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
