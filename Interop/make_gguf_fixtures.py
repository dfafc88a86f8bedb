#!/usr/bin/env python3
"""Makes the GGUF fixtures of Tests/EvaluationTests/Fixtures. Needs: gguf numpy torch transformers (made with 5.24.0).

linear-old.gguf                  a tiny Llama whose positions are divided by 4, said as files of 2023 say it
linear-0000N-of-00003.gguf       the same model in three parts, as the gguf package splits it, said as files say it today
yarn.gguf                        the same model with YaRN for eight times its first context
gemma3.gguf                      a tiny Gemma 3 that says as little as real files do, seven blocks, the sixth without a window
linear.json                      windows of tokens, and transformers' perplexity in float32 of each scaling and without
"""

import json
import os

import numpy as np
import torch
from gguf import GGUFWriter, RopeScalingType
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "EvaluationTests", "Fixtures")
hidden, heads, kv, ffn, vocabulary, context = 8, 2, 1, 16, 32, 64
torch.manual_seed(7)
config = LlamaConfig(
    hidden_size=hidden,
    num_attention_heads=heads,
    num_key_value_heads=kv,
    intermediate_size=ffn,
    num_hidden_layers=1,
    vocab_size=vocabulary,
    max_position_embeddings=context,
    rms_norm_eps=1e-6,
    tie_word_embeddings=False,
    initializer_range=0.9,
    attn_implementation="eager",
)
plain = LlamaForCausalLM(config).eval().float()
weights = {name: value.numpy() for name, value in plain.state_dict().items()}


def scaled(**parameters):
    model = LlamaForCausalLM(
        LlamaConfig(
            **{**config.to_dict(), "rope_parameters": {"rope_theta": 10000.0, **parameters}},
            attn_implementation="eager",
        )
    )
    model.load_state_dict(plain.state_dict())
    return model.eval().float()


def permute(w, n):  # as llama.cpp's converter
    return w.reshape(n, 2, w.shape[0] // n // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def write(path, kind, **options):
    w = GGUFWriter(path, "llama", **options)
    w.add_block_count(1)
    w.add_context_length(context)
    w.add_embedding_length(hidden)
    w.add_feed_forward_length(ffn)
    w.add_head_count(heads)
    w.add_head_count_kv(kv)
    w.add_layer_norm_rms_eps(1e-6)
    w.add_rope_freq_base(10000.0)
    if kind == "old":
        w.add_float32("llama.rope.scale_linear", 4.0)
    elif kind == "yarn":
        w.add_rope_scaling_type(RopeScalingType.YARN)
        w.add_rope_scaling_factor(8.0)
        w.add_rope_scaling_orig_ctx_len(8)
    else:
        w.add_rope_scaling_type(RopeScalingType.LINEAR)
        w.add_rope_scaling_factor(4.0)
    block = "model.layers.0."
    for name, source in [
        ("token_embd", "model.embed_tokens"),
        ("blk.0.attn_norm", block + "input_layernorm"),
        ("blk.0.attn_q", block + "self_attn.q_proj"),
        ("blk.0.attn_k", block + "self_attn.k_proj"),
        ("blk.0.attn_v", block + "self_attn.v_proj"),
        ("blk.0.attn_output", block + "self_attn.o_proj"),
        ("blk.0.ffn_norm", block + "post_attention_layernorm"),
        ("blk.0.ffn_gate", block + "mlp.gate_proj"),
        ("blk.0.ffn_up", block + "mlp.up_proj"),
        ("blk.0.ffn_down", block + "mlp.down_proj"),
        ("output_norm", "model.norm"),
        ("output", "lm_head"),
    ]:
        value = weights[source + ".weight"]
        if name.endswith("attn_q"):
            value = permute(value, heads)
        if name.endswith("attn_k"):
            value = permute(value, kv)
        w.add_tensor(name + ".weight", np.ascontiguousarray(value))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


write(os.path.join(out, "linear-old.gguf"), "old")
write(os.path.join(out, "linear.gguf"), "linear", split_max_tensors=5)
write(os.path.join(out, "yarn.gguf"), "yarn")
tokens = torch.randint(0, vocabulary, (3, context), generator=torch.Generator().manual_seed(1))


def perplexity(model):
    with torch.no_grad():
        losses = model(tokens).logits[:, :-1].double().log_softmax(-1).gather(-1, tokens[:, 1:, None])
    return float(torch.exp(-losses.mean()))


def gemma(window):
    model = Gemma3ForCausalLM(
        Gemma3TextConfig(
            hidden_size=hidden,
            num_attention_heads=heads,
            num_key_value_heads=kv,
            head_dim=6,
            intermediate_size=ffn,
            num_hidden_layers=7,
            vocab_size=vocabulary,
            max_position_embeddings=context,
            sliding_window=window,
            query_pre_attn_scalar=6,
            attn_implementation="eager",
        )
    )
    generator = torch.Generator().manual_seed(11)
    for weight in model.parameters():
        weight.data = 0.4 * torch.randn(weight.shape, generator=generator)
    return model.eval().float()


def write_gemma(path, model, window):  # the keys of the 270M's file
    w = GGUFWriter(path, "gemma3")
    w.add_context_length(context)
    w.add_embedding_length(hidden)
    w.add_block_count(7)
    w.add_feed_forward_length(ffn)
    w.add_head_count(heads)
    w.add_layer_norm_rms_eps(1e-6)
    w.add_key_length(6)
    w.add_value_length(6)
    w.add_rope_freq_base(1e6)
    w.add_sliding_window(window)
    w.add_head_count_kv(kv)
    names = {
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "post_attention_norm",
        "pre_feedforward_layernorm": "ffn_norm",
        "post_feedforward_layernorm": "post_ffw_norm",
        "q_norm": "attn_q_norm",
        "k_norm": "attn_k_norm",
        "q_proj": "attn_q",
        "k_proj": "attn_k",
        "v_proj": "attn_v",
        "o_proj": "attn_output",
        "gate_proj": "ffn_gate",
        "up_proj": "ffn_up",
        "down_proj": "ffn_down",
        "embed_tokens": "token_embd",
        "norm": "output_norm",
    }
    for key, value in model.state_dict().items():
        parts = key.split(".")
        if parts[0] == "lm_head":
            continue
        name = names[parts[-2]] + ".weight"
        if parts[1] == "layers":
            name = f"blk.{parts[2]}." + name
        if "norm" in key:
            value = value + 1  # as llama.cpp's converter
        w.add_tensor(name, np.ascontiguousarray(value.numpy()))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


write_gemma(os.path.join(out, "gemma3.gguf"), gemma(8), 8)
with open(os.path.join(out, "linear.json"), "w") as file:
    json.dump(
        {
            "tokens": tokens.tolist(),
            "linear": perplexity(scaled(rope_type="linear", factor=4.0)),
            "yarn": perplexity(scaled(rope_type="yarn", factor=8.0, original_max_position_embeddings=8)),
            "plain": perplexity(plain),
            "gemma3": perplexity(gemma(8)),
            "gemma3 without window": perplexity(gemma(64)),
        },
        file,
    )
    file.write("\n")
