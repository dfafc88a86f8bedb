#!/usr/bin/env python3
"""Reads a GGUF file that `espalier export` wrote with the format's own package, and compares it with the folder.

    check_gguf.py model.gguf FOLDER

Compares every tensor with the folder's safetensors (exactly in F32, else with what gguf's quantisation makes of them;
types with fitted minima must not be further from them, and those of 256 must be near), the head counts and widths of
every layer with config.json, and the tokens with tokenizer.json. Needs: gguf numpy.
"""

import json
import os
import sys

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader
from gguf.quants import dequantize, quantize

# Errors relative to the weights that blocks of 256 stay below.
BOUNDS = {Type.Q4_K: 0.12, Type.Q5_K: 0.06, Type.Q6_K: 0.03}


def floats(path):
    """A safetensors file's tensors as float32."""
    with open(path, "rb") as file:
        data = file.read()
    size = int.from_bytes(data[:8], "little")
    found = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        first, last = (8 + size + x for x in entry["data_offsets"])
        kind = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}[entry["dtype"]]
        values = np.frombuffer(data[first:last], kind)
        if kind == "<u2":
            values = (values.astype("<u4") << 16).view("<f4")
        found[name] = values.astype(np.float32).reshape(entry["shape"])
    return found


path, folder = sys.argv[1:]
reader = GGUFReader(path)
fields = {name: field.contents() for name, field in reader.fields.items()}
architecture = fields["general.architecture"]
config = json.load(open(os.path.join(folder, "config.json")))
tensors = {}
for name in os.listdir(folder):
    if name.endswith(".safetensors"):
        tensors |= floats(os.path.join(folder, name))

layers = config.get("espalier", {}).get("layers") or [config] * config["num_hidden_layers"]
kept = [i for i, x in enumerate(layers) if x["num_attention_heads"] or x["intermediate_size"]]
if architecture != "deci":
    kept = list(range(len(layers)))
assert fields[f"{architecture}.block_count"] == len(kept), "block_count"


def per_layer(key):
    value = fields[f"{architecture}.{key}"]
    return list(value) if isinstance(value, list) else [value] * len(kept)


heads, groups = per_layer("attention.head_count"), per_layer("attention.head_count_kv")
widths = per_layer("feed_forward_length")
for place, source in enumerate(kept):
    shape = layers[source]
    want = shape["num_attention_heads"], shape["num_key_value_heads"], shape["intermediate_size"]
    if place == 0 and want[0] == 0:
        want = (1, 1, want[2])
    want = (*want[:2], want[2] or 32)
    found = heads[place], groups[place], widths[place]
    assert found == want, f"layer {place}: {found}, not {want}"

names = {
    "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip
used, counts, zeros = set(), {}, 0
for tensor in reader.tensors:
    counts[tensor.tensor_type.name] = counts.get(tensor.tensor_type.name, 0) + 1
    if tensor.name == "rope_freqs.weight":
        continue
    parts = tensor.name.split(".")
    if parts[0] == "blk":
        place = int(parts[1])
        name = f"model.layers.{kept[place]}.{names[parts[2]]}.{parts[3]}"
    else:
        name = f"{names[parts[0]]}.{parts[1]}"
    if name not in tensors:
        blank = np.unique(np.frombuffer(tensor.data.tobytes(), np.uint8))
        assert architecture == "deci" and (parts[2].endswith("norm") or set(blank) <= {0, 0x80, 0x88}), name
        zeros += 1
        continue
    used.add(name)
    want = tensors[name]
    if architecture in ("llama", "deci") and parts[2:3] in (["attn_q"], ["attn_k"]):
        n = heads[place] if parts[2] == "attn_q" else groups[place]
        want = want.reshape(n, 2, want.shape[0] // n // 2, *want.shape[1:]).swapaxes(1, 2).reshape(want.shape)
    kind = tensor.tensor_type
    plain = want = np.ascontiguousarray(want.astype(np.float32))
    if kind in BOUNDS:
        # gguf reads these types and does not write them.
        error = np.square(dequantize(tensor.data, kind) - plain).sum()
        assert error <= BOUNDS[kind] ** 2 * np.square(plain).sum(), f"{tensor.name} is far from {name}"
        continue
    if kind != Type.F32:
        want = quantize(want, kind)
    if kind in (Type.Q4_1, Type.Q5_1):
        error, reference = (np.square(dequantize(x, kind) - plain).sum() for x in (tensor.data, want))
        assert error <= reference * 1.000001, f"{tensor.name} is further from {name} than gguf's"
        continue
    assert tensor.data.tobytes() == want.tobytes(), f"{tensor.name} is not {name}"
ignored = {"lm_head.weight"} if config.get("tie_word_embeddings") else set()
assert set(tensors) - used <= ignored, set(tensors) - used
tokens = fields["tokenizer.ggml.tokens"]
assert len(tokens) == config["vocab_size"]
tokenizer = json.load(open(os.path.join(folder, "tokenizer.json")))
for text, number in tokenizer["model"]["vocab"].items():
    assert tokens[number] == text, text
for token in tokenizer["added_tokens"]:
    assert tokens[token["id"]] == token["content"], token
print(f"{path}: {architecture}, {len(kept)} layers, {len(used)} tensors as in the folder, {zeros} of zeros, {counts}")
for key in ("general.license", "general.base_model.0.name", "tokenizer.ggml.model", "tokenizer.ggml.pre"):
    if key in fields:
        print(f"  {key}: {fields[key]}")
