"""Prints, as a Markdown table, how the heads of a sample behave: experiments/data/README.md has it.

For P = softmax(Q Kᵀ / √head_dim), in float64: stable rank ‖P‖²_F / ‖P‖²₂; the least rank whose leading singular values hold
90, 99 and 99.9 % of the energy ‖P‖²_F; the mean entropy of a row in nats; and the mean share of a row's attention that goes
to [CLS], to the previous and to the next token, to the eleven tokens around, to other places of the same token, and to
punctuation.

    python -m pip install numpy safetensors tokenizers
    python scripts/head_behaviour.py experiments/data/minilm-heads.safetensors experiments/data/us-declaration.txt MODEL_DIR
"""

import string
import sys

import numpy
from safetensors.numpy import load_file
from tokenizers import Tokenizer


def token_ids(model, text, tokens):
    tokenizer = Tokenizer.from_file(f"{model}/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ids = tokenizer.encode(open(text, encoding="utf-8").read(), add_special_tokens=False).ids[: tokens - 2]
    ids = [tokenizer.token_to_id("[CLS]"), *ids, tokenizer.token_to_id("[SEP]")]
    return numpy.array(ids), numpy.array([tokenizer.id_to_token(i) in string.punctuation for i in ids])


def attention(query, key):
    scores = query @ key.T / numpy.sqrt(query.shape[1])
    weights = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def main(sample, text, model):
    tensors = {name: tensor.astype(numpy.float64) for name, tensor in load_file(sample).items()}
    heads = sorted({name.rsplit(".", 1)[0] for name in tensors})
    tokens = len(tensors[heads[0] + ".query"])
    ids, punctuation = token_ids(model, text, tokens)
    position = numpy.arange(tokens)
    distance = position[None, :] - position[:, None]
    same = (ids[:, None] == ids[None, :]) & (distance != 0)
    print("| head | stable rank | 90 % | 99 % | 99.9 % | entropy | [CLS] | previous | next | ±5 | same token | punctuation |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for head in heads:
        p = attention(tensors[head + ".query"], tensors[head + ".key"])
        energy = numpy.linalg.svd(p, compute_uv=False) ** 2
        share = numpy.cumsum(energy) / energy.sum()
        ranks = [int(numpy.searchsorted(share, level)) + 1 for level in (0.9, 0.99, 0.999)]
        entropy = -(p * numpy.log(numpy.maximum(p, 1e-300))).sum(axis=1).mean()
        masks = [position[None, :] == 0, distance == -1, distance == 1, abs(distance) <= 5, same, punctuation[None, :]]
        shares = " | ".join(f"{100 * (p * mask).sum(axis=1).mean():.0f} %" for mask in masks)
        ranks = " | ".join(map(str, ranks))
        print(f"| `{head}` | {energy.sum() / energy[0]:.2f} | {ranks} | {entropy:.2f} | {shares} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
