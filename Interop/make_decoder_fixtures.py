"""Makes Tests/DecodersTests/Fixtures: tiny models of every family with random weights, and the logits that transformers
computes for them in float32. Needs torch, transformers and safetensors.

    python Interop/make_decoder_fixtures.py
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

FIXTURES = Path(__file__).parent.parent / "Tests/DecodersTests/Fixtures"
SIZES = dict(
    hidden_size=32,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    vocab_size=64,
    max_position_embeddings=128,
    rms_norm_eps=1e-5,
    hidden_act="silu",
    torch_dtype="bfloat16",
    tie_word_embeddings=False,
    rope_theta=10000.0,
    bos_token_id=1,
    eos_token_id=2,
)
# A key whose value is Ellipsis is left out.
GEMMA = dict(
    num_hidden_layers=3,
    head_dim=12,
    sliding_window=5,
    query_pre_attn_scalar=20,
    tie_word_embeddings=True,
    hidden_act=...,
    rope_theta=...,
    hidden_activation="gelu_pytorch_tanh",
)
MODELS = {
    "llama": dict(model_type="llama"),
    "llama3": dict(
        model_type="llama",
        rope_theta=500000.0,
        rope_scaling=dict(
            rope_type="llama3",
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            original_max_position_embeddings=16,
        ),
    ),
    "llama-linear": dict(model_type="llama", rope_scaling=dict(type="linear", factor=4.0)),
    "llama-biases": dict(model_type="llama", attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
    "mistral": dict(model_type="mistral", head_dim=12, sliding_window=5),
    "qwen2": dict(model_type="qwen2", use_sliding_window=True, sliding_window=4, max_window_layers=1),
    "qwen3": dict(model_type="qwen3", head_dim=12, tie_word_embeddings=True),
    # As transformers 5 writes it: a kind for each layer, a rotary embedding for each kind.
    "gemma3": dict(
        model_type="gemma3_text",
        **GEMMA,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        rope_parameters=dict(
            full_attention=dict(rope_type="linear", factor=4.0, rope_theta=1000.0),
            sliding_attention=dict(rope_type="default", rope_theta=50.0),
        ),
    ),
    # As the first files of the family say it, with what none of them uses.
    "gemma3-old": {
        **GEMMA,
        **dict(
            model_type="gemma3_text",
            sliding_window_pattern=2,
            rope_theta=500.0,
            rope_local_base_freq=20.0,
            rope_scaling=dict(rope_type="linear", factor=2.0),
            final_logit_softcapping=2.5,
            attention_bias=True,
        ),
    },
}
TOKENS = 24

for seed, (name, differences) in enumerate(MODELS.items()):
    torch.manual_seed(seed)
    keys = {key: value for key, value in {**SIZES, **differences}.items() if value is not ...}
    model_type = keys.pop("model_type")
    config = AutoConfig.for_model(model_type, **json.loads(json.dumps(keys)), attn_implementation="eager")
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    for key, weight in model.named_parameters():
        # Larger than a real initialisation, so that a wrong angle or norm shows in the logits. What is stored is
        # bfloat16; the logits belong to the rounded values.
        # Gemma's norms multiply by 1 + weight.
        center = 0 if model_type == "gemma3_text" else 1
        values = center + 0.3 * torch.randn_like(weight) if "norm" in key else 0.25 * torch.randn_like(weight)
        weight.data.copy_(values.to(torch.bfloat16).float())
    tokens = torch.randint(0, SIZES["vocab_size"], (2, TOKENS))
    with torch.no_grad():
        logits = model(tokens).logits

    folder = FIXTURES / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type, **keys}, indent=2) + "\n")
    tied = keys["tie_word_embeddings"]
    weights = {
        k: v.to(torch.bfloat16).contiguous()
        for k, v in model.state_dict().items()
        if not (tied and k == "lm_head.weight")
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    save_file(
        {"tokens": tokens.to(torch.int32), "logits": logits.contiguous()}, FIXTURES / f"{name}.expected.safetensors"
    )
    print(name, logits.norm().item(), config.to_dict().get("rope_parameters"), config.to_dict().get("layer_types"))
