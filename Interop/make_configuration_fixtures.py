"""Makes Tests/DecodersTests/Fixtures/configurations.json: what transformers makes of configurations whose keys have two
names, stand in two places or are left out, and the logits of one tiny model under each of them, in float32. The folder
`configurations/` beside it holds the weights that all of them share, by family. Needs torch, transformers and safetensors.

    python Interop/make_configuration_fixtures.py

A case whose logits are null is one that transformers refuses to open or to run, or for which it makes up weights.
"""

import copy
import json
import tempfile
import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

logging.set_verbosity_error()
warnings.filterwarnings("ignore")

FIXTURES = Path(__file__).parent.parent / "Tests/DecodersTests/Fixtures"
SIZES = dict(
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=8,
    vocab_size=32,
    max_position_embeddings=64,
    rms_norm_eps=1e-5,
    hidden_act="silu",
    tie_word_embeddings=False,
)
TOKENS = 24
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0)
LINEAR = dict(rope_type="linear", factor=4.0)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16)
NEW = dict(rope_type="default", rope_theta=10000.0)
WINDOW = dict(use_sliding_window=True, max_window_layers=1)

GEMMA = dict(hidden_act=..., sliding_window=4, query_pre_attn_scalar=8)

# Family, keys added to SIZES. A key whose value is Ellipsis is left out.
CASES = {
    "plain": ("llama", {}),
    "theta outside": ("llama", dict(rope_theta=100.0)),
    "theta inside rope_scaling": ("llama", dict(rope_scaling=dict(rope_type="default", rope_theta=100.0))),
    "theta inside rope_parameters": ("llama", dict(rope_parameters=dict(rope_type="default", rope_theta=100.0))),
    "theta inside and outside": (
        "llama",
        dict(rope_theta=500.0, rope_parameters=dict(rope_type="default", rope_theta=100.0)),
    ),
    "theta inside and outside, old name": (
        "llama",
        dict(rope_theta=500.0, rope_scaling={**LINEAR, "rope_theta": 100.0}),
    ),
    "both names, linear and default": ("llama", dict(rope_scaling=LINEAR, rope_parameters=NEW)),
    "both names, default and linear": ("llama", dict(rope_scaling=dict(rope_type="default"), rope_parameters=LINEAR)),
    "both names, theta in the one that loses": (
        "llama",
        dict(rope_scaling=LINEAR, rope_parameters={**NEW, "rope_theta": 100.0}),
    ),
    "both names, theta outside and in the one that loses": (
        "llama",
        dict(rope_theta=50.0, rope_scaling=LINEAR, rope_parameters={**NEW, "rope_theta": 100.0}),
    ),
    "an empty old object": ("llama", dict(rope_scaling={}, rope_parameters=LINEAR)),
    "a null old object": ("llama", dict(rope_scaling=None, rope_parameters=LINEAR)),
    "two names of the type": ("llama", dict(rope_scaling=dict(rope_type="linear", type="default", factor=4.0))),
    "two names of the type, the other way": (
        "llama",
        dict(rope_scaling=dict(rope_type="default", type="linear", factor=4.0)),
    ),
    "old name of the type": ("llama", dict(rope_scaling=dict(type="linear", factor=4.0))),
    "a factor without a type": ("llama", dict(rope_scaling=dict(factor=4.0))),
    "a key of another type": ("llama", dict(rope_scaling={**LINEAR, "low_freq_factor": 1.0})),
    "llama3, original context inside": ("llama", dict(rope_scaling={**LLAMA3, "original_max_position_embeddings": 16})),
    "llama3, original context a float": (
        "llama",
        dict(rope_scaling={**LLAMA3, "original_max_position_embeddings": 16.5}),
    ),
    "llama3, original context outside": ("llama", dict(rope_scaling=LLAMA3, original_max_position_embeddings=16)),
    "llama3, original context in both": (
        "llama",
        dict(rope_scaling={**LLAMA3, "original_max_position_embeddings": 32}, original_max_position_embeddings=16),
    ),
    "llama3, no original context": ("llama", dict(rope_scaling=LLAMA3)),
    "yarn": ("llama", dict(rope_scaling=YARN)),
    "yarn, without rounding": (
        "llama",
        dict(rope_theta=50.0, rope_scaling={**YARN, "beta_fast": 2.0, "beta_slow": 0.5, "truncate": False}),
    ),
    "yarn, rotations": ("llama", dict(rope_theta=50.0, rope_scaling={**YARN, "beta_fast": 2.0, "beta_slow": 0.5})),
    "yarn, attention factor": ("llama", dict(rope_scaling={**YARN, "attention_factor": 1.7})),
    "yarn, magnitudes": ("llama", dict(rope_scaling={**YARN, "mscale": 2.0, "mscale_all_dim": 0.5})),
    "yarn, one magnitude": ("llama", dict(rope_scaling={**YARN, "mscale": 2.0})),
    "yarn, original context in both": ("qwen3", dict(rope_scaling=YARN, original_max_position_embeddings=32)),
    "yarn, no original context": ("qwen3", dict(rope_scaling=dict(rope_type="yarn", factor=2.0, rope_theta=50.0))),
    "causal": ("llama", dict(is_causal=True)),
    "swish": ("llama", dict(hidden_act="swish")),
    "other names of epsilon": ("llama", dict(layer_norm_eps=0.5, norm_eps=0.5)),
    "no epsilon": ("llama", dict(rms_norm_eps=...)),
    "a window in llama": ("llama", dict(sliding_window=4)),
    "key-value heads are null": ("llama-wide", dict(num_key_value_heads=None)),
    "no key-value heads": ("llama-wide", dict(num_key_value_heads=...)),
    "mistral, window": ("mistral", dict(sliding_window=4)),
    "mistral, no window": ("mistral", dict(sliding_window=None)),
    "mistral, window left out": ("mistral", {}),
    "mistral, a switch that it does not have": ("mistral", dict(sliding_window=4, use_sliding_window=False)),
    "mistral, types": ("mistral", dict(sliding_window=4, layer_types=["full_attention", "sliding_attention"])),
    "qwen2, window": ("qwen2", {**WINDOW, "sliding_window": 4}),
    "qwen2, window switched off": ("qwen2", dict(sliding_window=4, max_window_layers=1)),
    "qwen2, types": (
        "qwen2",
        dict(sliding_window=4, use_sliding_window=True, layer_types=["sliding_attention", "full_attention"]),
    ),
    "qwen2, types and the switch off": (
        "qwen2",
        dict(sliding_window=4, use_sliding_window=False, layer_types=["sliding_attention", "full_attention"]),
    ),
    "qwen2, attention_bias": ("qwen2", dict(attention_bias=False)),
    "qwen3, window": ("qwen3", {**WINDOW, "sliding_window": 4}),
    "qwen3, window is null": ("qwen3", {**WINDOW, "sliding_window": None}),
    "gemma3, pattern": ("gemma3_text", {**GEMMA, "sliding_window_pattern": 2}),
    "gemma3, no pattern": ("gemma3_text", GEMMA),
    "gemma3, the pattern as it is written beside the types": ("gemma3_text", {**GEMMA, "_sliding_window_pattern": 2}),
    "gemma3, types": ("gemma3_text", {**GEMMA, "layer_types": ["full_attention", "sliding_attention"]}),
    "gemma3, all full and no window": (
        "gemma3_text",
        {**GEMMA, "layer_types": ["full_attention"] * 2, "sliding_window": None},
    ),
    "gemma3, window left out": ("gemma3_text", {**GEMMA, "sliding_window": ...}),
    "gemma3, thetas outside": (
        "gemma3_text",
        {**GEMMA, "sliding_window_pattern": 2, "rope_theta": 100.0, "rope_local_base_freq": 20.0},
    ),
    "gemma3, thetas by kind": (
        "gemma3_text",
        {
            **GEMMA,
            "sliding_window_pattern": 2,
            "rope_parameters": dict(
                full_attention=dict(rope_type="default", rope_theta=100.0),
                sliding_attention=dict(rope_type="default", rope_theta=20.0),
            ),
        },
    ),
    "gemma3, thetas by kind and outside": (
        "gemma3_text",
        {
            **GEMMA,
            "sliding_window_pattern": 2,
            "rope_theta": 30.0,
            "rope_local_base_freq": 40.0,
            "rope_parameters": dict(full_attention=dict(rope_type="default", rope_theta=100.0)),
        },
    ),
    "gemma3, scaling": (
        "gemma3_text",
        {**GEMMA, "sliding_window_pattern": 2, "rope_theta": 100.0, "rope_scaling": LINEAR},
    ),
    "gemma3, scaling by kind": (
        "gemma3_text",
        {**GEMMA, "sliding_window_pattern": 2, "rope_parameters": dict(full_attention=YARN, sliding_attention=LINEAR)},
    ),
    "gemma3, scaling by kind and outside": (
        "gemma3_text",
        {
            **GEMMA,
            "sliding_window_pattern": 2,
            "rope_scaling": {**LINEAR, "factor": 2.0},
            "rope_parameters": dict(full_attention=LINEAR, sliding_attention=dict(rope_theta=20.0)),
        },
    ),
    "gemma3, scalar": ("gemma3_text", {**GEMMA, "query_pre_attn_scalar": 3}),
    "gemma3, no scalar": ("gemma3_text", {**GEMMA, "query_pre_attn_scalar": ...}),
    "gemma3, logits capped": ("gemma3_text", {**GEMMA, "final_logit_softcapping": 2.0}),
    "gemma3, nulls": (
        "gemma3_text",
        {
            **GEMMA,
            "final_logit_softcapping": None,
            "attn_logit_softcapping": None,
            "use_bidirectional_attention": False,
            "rope_scaling": None,
        },
    ),
    "gemma3, tied by default": ("gemma3_text", {**GEMMA, "tie_word_embeddings": ...}),
}
TIED = dict(tie_word_embeddings=True)
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
# Title, keys, what becomes of the names of the stored tensors: another name, or None where a tensor is left out.
LAYOUTS = {
    "tied, stored as the embedding": (TIED, {HEAD: None}),
    "tied, stored as the head": (TIED, {EMBEDDING: None}),
    "tied, two matrices that differ": (TIED, {}),
    "names without the leading component": ({}, {"model.": ""}),
    "names without the leading component, tied": (TIED, {"model.": "", HEAD: None}),
    "one name without the leading component": ({}, {"model.norm": "norm"}),
    "no head and not tied": ({}, {HEAD: None}),
    "no embedding and not tied": ({}, {EMBEDDING: None}),
}


def merged(differences):
    keys = {**SIZES, **copy.deepcopy(differences)}
    return {key: value for key, value in keys.items() if value is not ...}


def make_weights(name, differences, seed):
    torch.manual_seed(seed)
    config = AutoConfig.for_model(name.split("-")[0], **merged(differences))
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    weights = {}
    for key, weight in model.state_dict().items():
        # Gemma's norms multiply by 1 + weight.
        center = 0 if name == "gemma3_text" else 1
        values = center + 0.3 * torch.randn_like(weight) if "norm" in key else 0.5 * torch.randn_like(weight)
        weights[key] = values.to(torch.bfloat16).contiguous()
    folder = FIXTURES / "configurations"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / f"{name}.safetensors", metadata={"format": "pt"})


def renamed(weights, names):
    for old, new in names.items():
        if new is None:
            weights = {key: value for key, value in weights.items() if key != old}
        else:
            weights = {new + key[len(old) :] if key.startswith(old) else key: value for key, value in weights.items()}
    return weights


def logits(name, keys, tokens, names=None):
    """The logits of the last token, or None with the reason."""
    if names is None:
        names = {}
    weights = renamed(load_file(FIXTURES / "configurations" / f"{name}.safetensors"), names)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps({"model_type": name.split("-")[0], **keys}))
        save_file(
            {key: value.float() for key, value in weights.items()},
            Path(folder) / "model.safetensors",
            metadata={"format": "pt"},
        )
        try:
            model, report = AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
            )
            assert not report["missing_keys"] and not report["mismatched_keys"], report
            with torch.no_grad():
                return model.eval()(tokens).logits[0, -1].tolist(), None
        except Exception as error:
            return None, f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"


for seed, (name, differences) in enumerate(
    {
        "llama": {},
        "llama-wide": dict(num_key_value_heads=2),
        "mistral": {},
        "qwen2": {},
        "qwen3": {},
        "gemma3_text": {},
    }.items()
):
    make_weights(name, differences, seed)
torch.manual_seed(99)
tokens = torch.randint(0, SIZES["vocab_size"], (1, TOKENS))
lines = []
cases = [(title, name, differences, {}) for title, (name, differences) in CASES.items()]
cases += [(title, "llama", differences, names) for title, (differences, names) in LAYOUTS.items()]
for title, name, differences, names in cases:
    keys = merged(differences)
    values, reason = logits(name, keys, tokens, names)
    print(f"{title:52}", reason or " ".join(f"{value:.4f}" for value in values[:4]))
    lines.append(
        json.dumps(
            {
                "title": title,
                "weights": name,
                "config": {"model_type": name.split("-")[0], **keys},
                "names": names,
                "logits": values and [round(value, 6) for value in values],
            }
        )
    )
text = '{"tokens": ' + json.dumps(tokens[0].tolist()) + ', "cases": [\n' + ",\n".join(lines) + "\n]}\n"
(FIXTURES / "configurations.json").write_text(text)
