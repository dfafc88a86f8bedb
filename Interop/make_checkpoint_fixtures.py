#!/usr/bin/env python3
"""Makes Tests/CheckpointsTests/Fixtures. Needs: gguf numpy safetensors (any recent version).

<TYPE>.blocks / <TYPE>.float32   random blocks of each GGUF tensor type, and gguf's own dequantisation of them
tiny-llama.gguf                  a 2-block Llama with permuted q and k, Llama 3 rotary factors, SentencePiece tokenizer
tiny-llama.safetensors           the weights it was made from, under their Hugging Face names
tiny-llama.merges.json           the merges of its tokenizer, derived from the scores
"""

import json
import math
import os

import numpy as np
from gguf import GGML_QUANT_SIZES, GGUFWriter, TokenType
from gguf import GGMLQuantizationType as Q
from gguf.quants import dequantize
from safetensors.numpy import save_file

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "CheckpointsTests", "Fixtures")
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(0)

# ---- blocks
halves = {
    Q.Q4_0: [0],
    Q.Q4_1: [0, 2],
    Q.Q5_0: [0],
    Q.Q5_1: [0, 2],
    Q.Q8_0: [0],
    Q.Q4_K: [0, 2],
    Q.Q5_K: [0, 2],
    Q.Q6_K: [208],
}
scales = np.array([0, -0.0, 1, -1, 6e-8, 6e-5, 65504, 0.1, 0.0123, -3.7], dtype=np.float16)
for kind in [Q.F16, Q.BF16, *halves]:
    size, bytes_ = GGML_QUANT_SIZES[kind]
    count = 2048 // size
    blocks = rng.integers(0, 256, (count, bytes_), dtype=np.uint8)
    for offset in halves.get(kind, []):  # finite float16 scales, extreme ones among them
        values = rng.choice(np.concatenate([scales, rng.normal(0, 0.05, 50).astype(np.float16)]), count).astype(
            np.float16
        )
        blocks[:, offset : offset + 2] = values.view(np.uint8).reshape(count, 2)
    if kind in (Q.F16, Q.BF16):  # every exponent, no NaN
        bits = np.linspace(0, 65535, count).astype(np.uint16)
        exponent = 0x7C00 if kind == Q.F16 else 0x7F80
        bits = np.where(
            bits & exponent == exponent, bits & ~np.uint16(0x0400 if kind == Q.F16 else 0x0080), bits
        ).astype(np.uint16)
        blocks = bits.view(np.uint8).reshape(count, 2)
    values = dequantize(blocks.reshape(1, -1), kind).astype(np.float32)
    blocks.tofile(os.path.join(out, f"{kind.name}.blocks"))
    values.tofile(os.path.join(out, f"{kind.name}.float32"))

# ---- a tiny Llama
hidden, heads, kv, size, ffn, layers = 32, 4, 2, 8, 64, 2
pieces = ["▁", "a", "b", "c", "d", "é", "ab", "▁a", "bc", "abc", "▁ab", "cd", "▁abc", "abcd", "▁abcd"]
tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)] + pieces
kinds = (
    [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL]
    + [TokenType.BYTE] * 256
    + [TokenType.NORMAL] * len(pieces)
)
scores_ = [0.0] * 259 + [-1e6] * 6 + [-float(i) for i in range(len(pieces) - 6)]


def permute(w, n):  # as llama.cpp's converter
    return w.reshape(n, 2, w.shape[0] // n // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


weights = {}


def random(name, *shape):
    weights[name] = rng.normal(0, 1, shape).astype(np.float32)
    return weights[name]


w = GGUFWriter(os.path.join(out, "tiny-llama.gguf"), "llama")
w.add_block_count(layers)
w.add_context_length(128)
w.add_embedding_length(hidden)
w.add_feed_forward_length(ffn)
w.add_head_count(heads)
w.add_head_count_kv(kv)
w.add_layer_norm_rms_eps(1e-6)
w.add_rope_freq_base(500000.0)
w.add_rope_dimension_count(size)
w.add_vocab_size(len(tokens))
w.add_tokenizer_model("llama")
w.add_tokenizer_pre("default")
w.add_token_list(tokens)
w.add_token_scores(scores_)
w.add_token_types(kinds)
w.add_bos_token_id(1)
w.add_eos_token_id(2)
w.add_unk_token_id(0)
w.add_tensor("token_embd.weight", random("model.embed_tokens.weight", len(tokens), hidden))
factors = []
for i in range(0, size, 2):
    wavelength = 2 * math.pi * 500000.0 ** (i / size)
    smooth = (8192 / wavelength - 1) / 3
    factors.append(1 if wavelength < 2048 else 8 if wavelength > 8192 else 1 / ((1 - smooth) / 8 + smooth))
w.add_tensor("rope_freqs.weight", np.array(factors, dtype=np.float32))
for b in range(layers):
    p, g = f"model.layers.{b}.", f"blk.{b}."
    w.add_tensor(g + "attn_norm.weight", random(p + "input_layernorm.weight", hidden))
    w.add_tensor(g + "attn_q.weight", permute(random(p + "self_attn.q_proj.weight", heads * size, hidden), heads))
    w.add_tensor(g + "attn_k.weight", permute(random(p + "self_attn.k_proj.weight", kv * size, hidden), kv))
    w.add_tensor(g + "attn_v.weight", random(p + "self_attn.v_proj.weight", kv * size, hidden))
    w.add_tensor(g + "attn_output.weight", random(p + "self_attn.o_proj.weight", hidden, heads * size))
    w.add_tensor(g + "ffn_norm.weight", random(p + "post_attention_layernorm.weight", hidden))
    w.add_tensor(g + "ffn_gate.weight", random(p + "mlp.gate_proj.weight", ffn, hidden))
    w.add_tensor(g + "ffn_up.weight", random(p + "mlp.up_proj.weight", ffn, hidden))
    w.add_tensor(g + "ffn_down.weight", random(p + "mlp.down_proj.weight", hidden, ffn))
w.add_tensor("output_norm.weight", random("model.norm.weight", hidden))
w.add_tensor("output.weight", random("lm_head.weight", len(tokens), hidden))
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
save_file(weights, os.path.join(out, "tiny-llama.safetensors"), {"format": "pt"})

ids = {t: i for i, t in enumerate(tokens)}
merges = []
for token, score, kind in zip(tokens, scores_, kinds):
    if kind != TokenType.NORMAL:
        continue
    parts = [(token[:i], token[i:]) for i in range(1, len(token)) if token[:i] in ids and token[i:] in ids]
    merges += [(score, l, r) for l, r in sorted(parts, key=lambda p: (ids[p[0]], ids[p[1]]))]
merges.sort(key=lambda m: -m[0])
json.dump([[l, r] for _, l, r in merges], open(os.path.join(out, "tiny-llama.merges.json"), "w"), ensure_ascii=False)
