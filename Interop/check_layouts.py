#!/usr/bin/env python3
"""Exports pruned models in every folder layout and checks that transformers computes what Espalier does.

  check_layouts.py BINARY [FOLDER --tokenizer-text FILE]

For each of the families llama, mistral, qwen2, qwen3 and gemma3 a model of a few thousand random weights is made with
transformers and pruned by BINARY with `--method tyr` (heads and widths then differ from layer to layer). Each, and
FOLDER where it is given (a pruned model of any size), is exported with `--to transformers`, `padded` and, for Llama's,
`deci`. Checked are: that transformers opens the first two without a missing or unexpected weight; that both give the
same logits; that their perplexity over rows of tokens is that of `espalier evaluate` on the pruned folder and on the
exported ones; that greedy generation with and without a cache gives the same tokens; that the configuration's class of
a deci folder opens, is saved and opened again, and answers to attributes as vLLM and SGLang ask it; and that Llama's
layers built by its `block_configs` alone give the same logits.

Needs torch, transformers, safetensors. Last run with torch 2.11, transformers 5.24.
"""

import argparse
import copy
import json
import math
import os
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

parser = argparse.ArgumentParser()
parser.add_argument("binary")
parser.add_argument("folder", nargs="?")
parser.add_argument("--tokenizer-text", help="a text that all exported tokenizers must cut alike")
options = parser.parse_args()
torch.manual_seed(1)
torch.set_grad_enabled(False)


def espalier(*words):
    done = subprocess.run([options.binary, *words, "--quiet"], capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stderr)
    return json.loads(done.stdout) if "--json" in words else done.stdout


def tiny(family, folder):
    """A model of a family whose weights are all random, biases and norms included."""
    sizes = dict(
        vocab_size=256,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=None,
    )
    more = {
        "llama": dict(tie_word_embeddings=True),
        "mistral": dict(sliding_window=16, head_dim=24),
        "qwen2": dict(tie_word_embeddings=True),
        "qwen3": dict(head_dim=24),
        "gemma3_text": dict(
            head_dim=24,
            query_pre_attn_scalar=24,
            sliding_window=16,
            layer_types=["sliding_attention", "full_attention"] * 3,
        ),
    }
    config = AutoConfig.for_model(family, **sizes, **more[family])
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    for name, weight in model.named_parameters():
        weight.copy_(torch.randn_like(weight) * (0.1 if "norm" in name else 0.2) + (1.0 if "norm" in name else 0.0))
    model.save_pretrained(folder)


def perplexity(model, rows):
    total, count = 0.0, 0
    for row in rows.long():
        logits = model(row[None]).logits[0].double()
        total += torch.nn.functional.cross_entropy(logits[:-1], row[1:], reduction="sum").item()
        count += len(row) - 1
    return math.exp(total / count)


def own_perplexity(folder, tokens):
    report = espalier("evaluate", folder, "--tokens", tokens, "--dtype", "float32", "--json")
    (figures,) = report["perplexity"].values()
    return figures["value"]


def greedy(model, row, count=24):
    cached = model.generate(row[None].long(), max_new_tokens=count, do_sample=False, eos_token_id=None)[0]
    ids = row[None].long()
    for _ in range(count):
        ids = torch.cat([ids, model(ids, use_cache=False).logits[:, -1:].argmax(-1)], 1)
    return cached.tolist(), ids[0].tolist()


def opened(folder, trusts):
    model, loading = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, trust_remote_code=trusts, output_loading_info=True
    )
    assert not loading["missing_keys"] and not loading["unexpected_keys"], loading
    return model.eval()


def deci_logits(folder, row):
    """Llama's layers as block_configs say them, independent of both programs."""
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert config.model_type == "nemotron-nas" and config.architectures == ["DeciLMForCausalLM"]
    with tempfile.TemporaryDirectory() as copied:
        config.save_pretrained(copied)
        again = json.load(open(os.path.join(copied, "config.json")))["block_configs"]
        assert again == json.load(open(os.path.join(folder, "config.json")))["block_configs"]
    copy.deepcopy(config)
    stored = {}
    for name in os.listdir(folder):
        if name.endswith(".safetensors"):
            stored.update(load_file(os.path.join(folder, name)))
    stored = {name: value.float() for name, value in stored.items()}
    plain = AutoConfig.for_model(
        "llama", **{key: value for key, value in config.to_dict().items() if key not in ("model_type", "block_configs")}
    )
    plain._attn_implementation = "eager"
    base = AutoModelForCausalLM.from_config(plain, dtype=torch.float32).model
    x = torch.nn.functional.embedding(row[None].long(), stored["model.embed_tokens.weight"])
    positions = torch.arange(len(row))[None]
    angles = base.rotary_emb(x, positions)
    mask = torch.full((len(row), len(row)), float("-inf")).triu(1)[None, None]
    seen = {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"}
    for index, block in enumerate(config.block_configs):
        layer_config = copy.copy(plain)
        assert hasattr(block.ffn, "ffn_mult") != hasattr(block.ffn, "intermediate_size")
        if not block.attention.no_op:
            layer_config.num_key_value_heads = config.num_attention_heads // block.attention.n_heads_in_group
        if not block.ffn.no_op:
            if hasattr(block.ffn, "ffn_mult"):
                layer_config.intermediate_size = -(-int(2 * block.ffn.ffn_mult * config.hidden_size / 3) // 256) * 256
            else:
                layer_config.intermediate_size = block.ffn.intermediate_size
        layer = LlamaDecoderLayer(layer_config, index).float()
        prefix = f"model.layers.{index}."
        own = {name[len(prefix) :]: value for name, value in stored.items() if name.startswith(prefix)}
        seen |= {prefix + name for name in own}
        expected = {
            name
            for name in layer.state_dict()
            if not (block.attention.no_op and (name.startswith("self_attn") or name == "input_layernorm.weight"))
            and not (block.ffn.no_op and (name.startswith("mlp") or name == "post_attention_layernorm.weight"))
        }
        assert set(own) == expected, (index, set(own) ^ expected)
        layer.load_state_dict(own, strict=False)
        if not block.attention.no_op:
            attended, _ = layer.self_attn(
                hidden_states=layer.input_layernorm(x), position_embeddings=angles, attention_mask=mask
            )
            x = x + attended
        if not block.ffn.no_op:
            x = x + layer.mlp(layer.post_attention_layernorm(x))
    assert set(stored) <= seen, set(stored) - seen
    assert not config.block_configs[0].attention.no_op
    base.norm.weight.copy_(stored["model.norm.weight"])
    head = stored["model.embed_tokens.weight"] if config.tie_word_embeddings else stored["lm_head.weight"]
    return base.norm(x) @ head.T


def check(name, pruned, work, text=None):
    config = json.load(open(os.path.join(pruned, "config.json")))
    family = config.get("espalier", {}).get("base_model_type", config["model_type"])
    length = min(64, config["max_position_embeddings"])
    rows = torch.randint(0, config["vocab_size"], (8, length), dtype=torch.int32)
    tokens = os.path.join(work, "tokens.safetensors")
    save_file({"tokens": rows}, tokens)
    expected = own_perplexity(pruned, tokens)
    layers = config.get("espalier", {}).get("layers", [])
    print(f"{name}: {len({json.dumps(layer) for layer in layers})} shapes, perplexity {expected:.5f}")
    logits = {}
    for layout in ["transformers", "padded"] + (["deci"] if family == "llama" else []):
        folder = os.path.join(work, layout)
        report = espalier("export", pruned, "--to", layout, "--output", folder, "--json")
        espalier("verify", folder)
        found = own_perplexity(folder, tokens)
        assert abs(found / expected - 1) < 1e-5, (layout, found, expected)
        if layout == "deci":
            logits[layout] = torch.cat([deci_logits(folder, row) for row in rows])
        else:
            model = opened(folder, layout == "transformers")
            found = perplexity(model, rows)
            assert abs(found / expected - 1) < 1e-5, (layout, found, expected)
            logits[layout] = model(rows.long()).logits
            cached, plain = greedy(model, rows[0, :8])
            assert cached == plain, (layout, cached, plain)
        difference = (logits[layout] - logits["transformers"]).abs().max().item()
        assert difference < 1e-3 * logits["transformers"].abs().max().item(), (layout, difference)
        if text is not None:
            ids = [
                AutoTokenizer.from_pretrained(place, trust_remote_code=True)(text).input_ids
                for place in (folder, pruned)
            ]
            assert ids[0] == ids[1], layout
        print(
            f"  {layout}: {report['parameters']} parameters, {report['zeros_added']} zeros added, "
            f"logits to {difference:.1e}, opens in {', '.join(report['opens_in'])}"
        )


with tempfile.TemporaryDirectory() as top:
    for family in ["llama", "mistral", "qwen2", "qwen3", "gemma3_text"]:
        work = os.path.join(top, family)
        os.mkdir(work)
        tiny(family, os.path.join(work, "dense"))
        calibration = os.path.join(work, "calibration.safetensors")
        save_file({"tokens": torch.randint(0, 256, (32, 48), dtype=torch.int32)}, calibration)
        espalier(
            "prune",
            os.path.join(work, "dense"),
            "--output",
            os.path.join(work, "pruned"),
            "--method",
            "tyr",
            "--sparsity",
            "45%",
            "--effort",
            "quick",
            "--calibration",
            calibration,
            "--samples",
            "32",
            "--device",
            "cpu",
        )
        check(family, os.path.join(work, "pruned"), work)
    if options.folder:
        text = open(options.tokenizer_text).read()[:20000] if options.tokenizer_text else None
        work = os.path.join(top, "given")
        os.mkdir(work)
        check(options.folder, options.folder, work, text)
print("all layouts agree")
sys.exit(0)
