"""Writes the fixtures of tests/it/model.rs: a second opinion on sentence embeddings, with nothing of factoreo in it.

Token ids come from the `tokenizers` package, hidden vectors from the forward pass of encoder_fixture.py (plain numpy, float64),
and the embeddings are what Sentence-Transformers makes of them: the mean over all tokens, scaled to length 1.

tests/fixtures/tiny-bert/   embeddings.json: texts and ids; embeddings.safetensors: their embeddings
tests/fixtures/minilm/      the same of 20 pieces of 16 to 512 tokens of the two texts in experiments/data

    python -m pip install numpy safetensors tokenizers
    python scripts/embedding_fixture.py MODEL_DIR     (the folder with all-MiniLM-L6-v2's model.safetensors)
"""

import json
import pathlib
import sys

import numpy
from encoder_fixture import FIXTURES, TRICKY_TEXTS, forward, tokenizer
from safetensors.numpy import save_file

DATA = FIXTURES.parent.parent / "experiments/data"
LENGTHS = [16, 17, 20, 31, 32, 33, 48, 64, 65, 96, 127, 128, 129, 192, 255, 256, 257, 384, 511, 512]


def embedding(folder, ids):
    _, hidden = forward(folder, ids)
    mean = hidden.mean(axis=0)
    return mean / numpy.linalg.norm(mean)


def piece(tokenizer, text, start, length):
    """A piece of the text that has `length` tokens by itself, from the first place after `start` where there is one."""
    whole = tokenizer.encode(text, add_special_tokens=False)
    for first in range(start, len(whole.ids) - length + 2):
        found = text[whole.offsets[first][0] : whole.offsets[first + length - 3][1]]
        ids = tokenizer.encode(found).ids
        if len(ids) == length:
            return found, ids
    raise ValueError(f"no piece of {length} tokens after {start}")


def write(folder, model, cases):
    embeddings = numpy.array([embedding(model, case["ids"]) for case in cases], dtype=numpy.float32)
    save_file({"embeddings": embeddings}, folder / "embeddings.safetensors")
    (folder / "embeddings.safetensors").chmod(0o644)
    (folder / "embeddings.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


def main(model):
    tiny = FIXTURES / "tiny-bert"
    tiny_tokenizer = tokenizer(tiny)
    tiny_tokenizer.enable_truncation(24)
    texts = ["Hello world, crème naïve the 中京 isn't self-nesting!", *TRICKY_TEXTS]
    write(tiny, tiny, [{"text": text, "ids": tiny_tokenizer.encode(text).ids} for text in texts])

    real_tokenizer = tokenizer(model)
    cases = []
    for number, length in enumerate(LENGTHS):
        file = ("us-declaration.txt", "us-constitution.txt")[number % 2]
        text, ids = piece(real_tokenizer, (DATA / file).read_text(), 53 * number, length)
        cases.append({"text": text, "ids": ids})
    write(FIXTURES / "minilm", model, cases)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
