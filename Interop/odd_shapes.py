#!/usr/bin/env python3
"""Models whose layers differ in every way that can go wrong: odd_shapes.py LLAMA_FOLDER OUTPUT_FOLDER

Of a small Llama (one model.safetensors, float32, tied) heads, neurons and whole sub-layers are left out, as a structural
run leaves them out. Prints NAME=FOLDER for every model, as interop.py takes its arms:

    odd      query heads and widths that differ, a layer without attention, one without MLP, one key-value head
    first    the first layer without attention
    last     the last layer without MLP
    untied   as odd, with an output matrix of its own
    steps    all query heads or none, widths in multiples of 256: what mlx-lm and SGLang can read (of a wide model only)
    narrow   all layers alike, with fewer heads than hidden size / head size (a plain folder)
"""

import json
import os
import shutil
import struct
import sys

import numpy as np


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    return {
        name: np.frombuffer(data, np.float32, offset=8 + size + entry["data_offsets"][0],
                            count=int(np.prod(entry["shape"]))).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__"
    }  # fmt: skip


def write(path, tensors):
    header, offset = {}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            file.write(np.ascontiguousarray(values).tobytes())


def cut(tensors, config, shapes):
    """The tensors with so many (query heads, key-value heads, neurons) a layer: the first of each group."""
    d = config["head_dim"]
    group = config["num_attention_heads"] // config["num_key_value_heads"]
    result = {name: values for name, values in tensors.items() if not name.startswith("model.layers.")}
    for layer, (heads, pairs, width) in enumerate(shapes):
        own = f"model.layers.{layer}."
        each = heads // pairs if pairs else 0
        rows = np.concatenate([np.arange((p * group + h) * d, (p * group + h + 1) * d) for p in range(pairs) for h in range(each)]) if heads else []  # fmt: skip
        if heads:
            result[own + "input_layernorm.weight"] = tensors[own + "input_layernorm.weight"]
            result[own + "self_attn.q_proj.weight"] = tensors[own + "self_attn.q_proj.weight"][rows]
            for name in ("k", "v"):
                result[own + f"self_attn.{name}_proj.weight"] = tensors[own + f"self_attn.{name}_proj.weight"][: pairs * d]  # fmt: skip
            result[own + "self_attn.o_proj.weight"] = tensors[own + "self_attn.o_proj.weight"][:, rows]
        if width:
            norm = own + "post_attention_layernorm.weight"
            result[norm] = tensors[norm]
            for name in ("gate", "up"):
                result[own + f"mlp.{name}_proj.weight"] = tensors[own + f"mlp.{name}_proj.weight"][:width]
            result[own + "mlp.down_proj.weight"] = tensors[own + "mlp.down_proj.weight"][:, :width]
    return result


def main():
    source, output = sys.argv[1:3]
    with open(os.path.join(source, "config.json")) as file:
        config = json.load(file)
    tensors = read(os.path.join(source, "model.safetensors"))
    q, kv, width = config["num_attention_heads"], config["num_key_value_heads"], config["intermediate_size"]
    whole = (q, kv, width)
    count = config["num_hidden_layers"]
    group = q // kv
    odd = [whole, (0, 0, width - 44), ((kv - 1) * group, kv - 1, 0), (1, 1, 96), (kv, kv, width)][:count]
    odd += [whole] * (count - len(odd))
    arms = {
        "odd": (odd, False),
        "first": ([(0, 0, width)] + [whole] * (count - 2) + [(group, 1, 64)], False),
        "last": ([whole] * (count - 1) + [(q, kv, 0)], False),
        "untied": (odd, True),
        "narrow": ([((kv - 1) * group, kv - 1, 128)] * count, False),
    }
    if width >= 512:
        # A layer without attention in every five, one without MLP in every seven.
        arms = {
            "steps": (
                [
                    (0, 0, width) if i % 5 == 4 else (q, kv, 0 if i % 7 == 3 else 256 * (1 + i % (width // 256)))
                    for i in range(count)
                ],
                False,
            )
        }
    for name, (shapes, is_untied) in arms.items():
        folder = os.path.join(output, name)
        os.makedirs(folder, exist_ok=True)
        for file in os.listdir(source):
            if file not in ("model.safetensors", "config.json"):
                shutil.copy(os.path.join(source, file), folder)
        cutting = cut(tensors, config, shapes)
        own = dict(config)
        if is_untied:
            cutting["lm_head.weight"] = tensors["model.embed_tokens.weight"][::-1] * np.float32(1.1)
            own["tie_word_embeddings"] = False
        if len(set(shapes)) == 1:
            own["num_attention_heads"], own["num_key_value_heads"], own["intermediate_size"] = shapes[0]
            own["model_type"], own["architectures"] = "mistral", ["MistralForCausalLM"]
            own["sliding_window"] = None
        else:
            own["model_type"], own["architectures"] = "espalier", ["EspalierForCausalLM"]
            own["espalier"] = {
                "version": 1,
                "base_model_type": config["model_type"],
                "layers": [
                    {"num_attention_heads": a, "num_key_value_heads": b, "intermediate_size": c} for a, b, c in shapes
                ],
            }
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(own, file, indent=1)
        write(os.path.join(folder, "model.safetensors"), cutting)
        print(f"{name}={folder}")


if __name__ == "__main__":
    main()
