"""Writes the fixtures of tests/it/encoder.rs: a second opinion on tokenizer and encoder, with nothing of factoreo in it.

Token ids come from the `tokenizers` package; Q, K, V and hidden vectors from a forward pass in plain numpy, in float64.

tests/fixtures/tiny-bert/   a BERT of random weights (2 layers, 2 heads, width 16) with a vocabulary of its own, and
                            expected.safetensors: everything its forward pass gives on one text
tests/fixtures/minilm/      tokens.json: ids of tricky texts by the real tokenizer; expected.safetensors: a few rows of
                            Q, K, V and of the last hidden vectors (the model itself is not kept here)

    python -m pip install numpy safetensors tokenizers
    python scripts/encoder_fixture.py MODEL_DIR     (the folder with all-MiniLM-L6-v2's model.safetensors)
"""

import json
import math
import pathlib
import sys

import numpy
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

FIXTURES = pathlib.Path(__file__).parent.parent / "tests/fixtures"
TEXT = FIXTURES.parent.parent / "experiments/data/us-declaration.txt"

TRICKY_TEXTS = [
    "",
    "   \t\n ",
    "Hello, world!",
    "Crème brûlée déjà vu — Ångström naïve café, ÎÏ Ǆ İstanbul",
    "e\u0301 and \u00e9; \u1e9b\u0323 \ufb01ne \u2126 \u212b",
    "北京 is 東京ではない: ｆｕｌｌ width 한국어 \U00020000\U0002b820\U0002b920 \uf900",
    "don't (stop)...now!? $5.00 + 3^2 ~ `code` <a_b> «guillemets» „Zitat“ ¿qué? 、。",
    "zero\u200bwidth soft\u00adhyphen nul\x00l bell\x07 repl\ufffdaced bom\ufeff private\ue000 nbsp\u00a0ideographic\u3000line\u2028sep\x85nel",
    "x" * 100 + " " + "y" * 101 + " " + "é" * 100,
    "unaffable antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis qqqzzzxxx",
    "[CLS] a [SEP][MASK]b [UNK] [PAD] [cls] [ SEP ] [[SEP]]",
    "ΑΣ ΣΑΣ ß ẞ ŁÓDŹ Ђ ǅ ﬀ हिन्दी ไทย עִבְרִית العَرَبِيَّة \U0001f600\U0001f468\u200d\U0001f469",
    "a\u0300\u0316b \u0345 \u20dd x\u20dd \u093f \u0903 1\u20e3",
    "under_score e-mail@example.org https://a.b/c?d=e&f=#g 1,000.5% ½ ² №",
]


def layer_norm(x, weight, bias, epsilon):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / numpy.sqrt(variance + epsilon) * weight + bias


def gelu(x):
    return x * 0.5 * (1.0 + numpy.vectorize(math.erf)(x / math.sqrt(2.0)))


def softmax(x):
    e = numpy.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def forward(folder, ids):
    """Per layer and head (query, key, value), tokens × head_dim each; and the last hidden vectors, tokens × width."""
    config = json.loads((folder / "config.json").read_text())
    w = {name: tensor.astype(numpy.float64) for name, tensor in load_file(folder / "model.safetensors").items()}
    heads, epsilon = config["num_attention_heads"], config["layer_norm_eps"]
    head_dim = config["hidden_size"] // heads

    def linear(x, name):
        return x @ w[name + ".weight"].T + w[name + ".bias"]

    def norm(x, name):
        return layer_norm(x, w[name + ".weight"], w[name + ".bias"], epsilon)

    x = (
        w["embeddings.word_embeddings.weight"][ids]
        + w["embeddings.position_embeddings.weight"][: len(ids)]
        + w["embeddings.token_type_embeddings.weight"][0]
    )
    x = norm(x, "embeddings.LayerNorm")
    projections = {}
    for layer in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{layer}."
        q, k, v = (linear(x, f"{name}attention.self.{part}") for part in ("query", "key", "value"))
        context = numpy.empty_like(q)
        for head in range(heads):
            part = slice(head * head_dim, (head + 1) * head_dim)
            projections[layer, head] = q[:, part], k[:, part], v[:, part]
            context[:, part] = softmax(q[:, part] @ k[:, part].T / math.sqrt(head_dim)) @ v[:, part]
        x = norm(x + linear(context, name + "attention.output.dense"), name + "attention.output.LayerNorm")
        inner = gelu(linear(x, name + "intermediate.dense"))
        x = norm(x + linear(inner, name + "output.dense"), name + "output.LayerNorm")
    return projections, x


def tokenizer(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def write_expected(path, projections, hidden, rows):
    tensors = {"hidden": hidden[rows]}
    for (layer, head), parts in projections.items():
        for kind, part in zip(("query", "key", "value"), parts):
            tensors[f"layer{layer}.head{head}.{kind}"] = part[rows]
    tensors = {name: numpy.ascontiguousarray(tensor, dtype=numpy.float32) for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    path.chmod(0o644)


def write_tokens(path, tokenizer):
    cases = [{"text": text, "ids": tokenizer.encode(text).ids} for text in TRICKY_TEXTS]
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


def write_tiny_model(folder):
    """Random weights, large enough for the softmax, the GELU and both norms to be far from linear."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": 16,
        "intermediate_size": 24,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 24,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "type_vocab_size": 2,
    }
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces += list("abceilnost") + list(",.!'-") + ["中", "京", "σ", "ß", "«", "。", "ह", "ि", "ᄒ"]
    pieces += ["##" + piece for piece in list("abcdeilnorstvz") + ["ing", "able", "σ", "न"]]
    pieces += ["hello", "world", "cre", "##me", "the", "xx", "##x", "naive", "cafe", "self"]
    config["vocab_size"] = len(pieces)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    special = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    (folder / "tokenizer.json").write_text(
        json.dumps(
            {
                "version": "1.0",
                "truncation": None,
                "padding": None,
                "added_tokens": [dict(id=id, content=pieces[id], **special) for id in range(5)],
                "normalizer": {
                    "type": "BertNormalizer",
                    "clean_text": True,
                    "handle_chinese_chars": True,
                    "strip_accents": None,
                    "lowercase": True,
                },
                "pre_tokenizer": {"type": "BertPreTokenizer"},
                "post_processor": {
                    "type": "TemplateProcessing",
                    "single": [
                        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                        {"Sequence": {"id": "A", "type_id": 0}},
                        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
                    ],
                    "pair": [
                        {"Sequence": {"id": "A", "type_id": 0}},
                        {"Sequence": {"id": "B", "type_id": 1}},
                    ],
                    "special_tokens": {
                        "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                        "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
                    },
                },
                "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
                "model": {
                    "type": "WordPiece",
                    "unk_token": "[UNK]",
                    "continuing_subword_prefix": "##",
                    "max_input_chars_per_word": 100,
                    "vocab": {piece: id for id, piece in enumerate(pieces)},
                },
            },
            ensure_ascii=False,
        )
        + "\n"
    )
    random = numpy.random.default_rng(20240229)
    width, inner = config["hidden_size"], config["intermediate_size"]
    tensors = {}

    def normal(name, *shape, scale, center=0.0):
        tensors[name] = (center + scale * random.standard_normal(shape)).astype(numpy.float16).astype(numpy.float32)

    def linear(name, outputs, inputs):
        normal(name + ".weight", outputs, inputs, scale=0.4)
        normal(name + ".bias", outputs, scale=0.3)

    def norm(name):
        normal(name + ".weight", width, scale=0.3, center=1.0)
        normal(name + ".bias", width, scale=0.3)

    normal("embeddings.word_embeddings.weight", len(pieces), width, scale=1.0)
    normal("embeddings.position_embeddings.weight", config["max_position_embeddings"], width, scale=0.5)
    normal("embeddings.token_type_embeddings.weight", 2, width, scale=0.5)
    norm("embeddings.LayerNorm")
    for layer in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{layer}."
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            linear(name + "attention." + part, width, width)
        norm(name + "attention.output.LayerNorm")
        linear(name + "intermediate.dense", inner, width)
        linear(name + "output.dense", width, inner)
        norm(name + "output.LayerNorm")
    # Rounded to half precision above, so that the file may hold half the bytes and mean the same numbers.
    tensors = {name: tensor.astype(numpy.float16) for name, tensor in tensors.items()}
    save_file(tensors, folder / "model.safetensors")
    (folder / "model.safetensors").chmod(0o644)


def main(model):
    tiny = FIXTURES / "tiny-bert"
    write_tiny_model(tiny)
    tiny_tokenizer = tokenizer(tiny)
    write_tokens(tiny / "tokens.json", tiny_tokenizer)
    ids = tiny_tokenizer.encode("Hello world, crème naïve the 中京 isn't self-nesting!").ids
    assert len(ids) == 24, "as many as there are positions"
    write_expected(tiny / "expected.safetensors", *forward(tiny, ids), list(range(len(ids))))

    minilm = FIXTURES / "minilm"
    minilm.mkdir(parents=True, exist_ok=True)
    real_tokenizer = tokenizer(model)
    write_tokens(minilm / "tokens.json", real_tokenizer)
    plain = real_tokenizer.encode(TEXT.read_text(), add_special_tokens=False).ids[:30]
    projections, hidden = forward(model, [101, *plain, 102])
    chosen = {head: projections[head] for head in [(0, 0), (0, 11), (2, 5), (5, 3)]}
    write_expected(minilm / "expected.safetensors", chosen, hidden, [0, 7, 31])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
