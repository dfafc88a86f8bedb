#!/usr/bin/env python3
"""Writes Tests/PruningTests/Fixtures: a tiny Llama, token ids, and what wandapp_reference.py makes of its two blocks.

Usage: python Interop/make_pruning_fixtures.py   (needs torch and safetensors)
"""

import json
import os
from argparse import Namespace

import torch
from safetensors.torch import save_file
from wandapp_reference import LINEARS, Model, draw, prune_block

folder = os.path.join(os.path.dirname(__file__), "..", "Tests", "PruningTests", "Fixtures")
os.makedirs(os.path.join(folder, "tiny"), exist_ok=True)
torch.set_num_threads(1)
torch.manual_seed(20)

HIDDEN, INNER, HEADS, KV, VOCABULARY, LAYERS = 16, 24, 4, 2, 32, 2
config = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "hidden_act": "silu",
}
shapes = {
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (HIDDEN * KV // HEADS, HIDDEN),
    "self_attn.v_proj": (HIDDEN * KV // HEADS, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (INNER, HIDDEN),
    "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}
tensors = {"model.embed_tokens.weight": torch.randn(VOCABULARY, HIDDEN), "model.norm.weight": torch.ones(HIDDEN)}
for layer in range(LAYERS):
    for name, shape in shapes.items():
        tensors[f"model.layers.{layer}.{name}.weight"] = torch.randn(shape) * 0.3
    for name in ("input_layernorm", "post_attention_layernorm"):
        tensors[f"model.layers.{layer}.{name}.weight"] = 0.5 + torch.rand(HIDDEN)
save_file(tensors, os.path.join(folder, "tiny", "model.safetensors"))
with open(os.path.join(folder, "tiny", "config.json"), "w") as file:
    json.dump(config, file, indent=1)
tokens = torch.randint(0, VOCABULARY, (12, 20), dtype=torch.int32)
save_file({"tokens": tokens}, os.path.join(folder, "tokens.safetensors"))

OPTIONS = dict(
    method="wanda++", ablation=None, sparsity=0.5, alpha=100.0, rounds=3, round_samples=5, seed=7, learning_rate=3e-4
)
reference, stored = {"options": OPTIONS, "rounds": {}}, {}
for pattern in ("unstructured", "2:4"):
    model = Model(os.path.join(folder, "tiny"))
    xs = model.embed(tokens)
    for b in range(LAYERS):
        log = {}
        prune_block(model, model.blocks[b], xs, b, Namespace(**OPTIONS, pattern=pattern), log)
        key = f"{pattern}.{b}"
        reference["rounds"][key] = log["rounds"]
        for name in LINEARS:
            stored[f"W.{key}.{name}"] = model.blocks[b][name].contiguous()
            if pattern == "unstructured" and b == 0:
                stored[f"G.{name}"] = log["G"][name]
        with torch.no_grad():
            xs = [model.block(model.blocks[b], x) for x in xs]
reference["draws"] = [
    {"of": n, "count": c, "seed": str(s), "layer": b, "round": k, "drawn": draw(n, c, s, b, k)}
    for n, c, s, b, k in [(12, 5, 0, 0, 1), (12, 12, 7, 1, 3), (128, 32, 2**63 + 5, 29, 5), (1, 1, 3, 0, 1)]
]
save_file(stored, os.path.join(folder, "reference.safetensors"))
with open(os.path.join(folder, "reference.json"), "w") as file:
    json.dump(reference, file, indent=1)
