#!/usr/bin/env python3
"""Writes what the fuzz targets begin with: a model of one layer, its sharded and GGUF forms, small inputs.

    python3 Fuzz/make_base.py            the model and what needs no run
    python3 Fuzz/make_base.py ESPALIER   and what the program makes of it: results, reports, references, histories

Only the standard library is used. Run it again when a format changes.
"""

import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import zlib

here = os.path.dirname(os.path.abspath(__file__))
base, corpus = os.path.join(here, "Base"), os.path.join(here, "Corpus")
HIDDEN, INNER, HEADS, KV, VOCABULARY, LAYERS, CONTEXT = 8, 12, 2, 1, 258, 2, 32


def put(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    data = content if isinstance(content, bytes) else content.encode()
    with open(path, "wb") as file:
        file.write(data)


def dumped(value):
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def shapes():
    width = HIDDEN // HEADS * KV
    yield "model.embed_tokens.weight", [VOCABULARY, HIDDEN]
    yield "model.norm.weight", [HIDDEN]
    for layer in range(LAYERS):
        p = f"model.layers.{layer}."
        yield p + "input_layernorm.weight", [HIDDEN]
        yield p + "post_attention_layernorm.weight", [HIDDEN]
        yield p + "self_attn.q_proj.weight", [HIDDEN, HIDDEN]
        yield p + "self_attn.k_proj.weight", [width, HIDDEN]
        yield p + "self_attn.v_proj.weight", [width, HIDDEN]
        yield p + "self_attn.o_proj.weight", [HIDDEN, HIDDEN]
        yield p + "mlp.gate_proj.weight", [INNER, HIDDEN]
        yield p + "mlp.up_proj.weight", [INNER, HIDDEN]
        yield p + "mlp.down_proj.weight", [HIDDEN, INNER]


source = random.Random(1)
weights = {}
for name, shape in shapes():
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    values = [1.0] * count if "norm" in name else [source.gauss(0, 0.3) for _ in range(count)]
    weights[name] = (shape, values)


def half(values):
    """bfloat16, rounded towards zero: two bytes keep the inputs small."""
    return b"".join(struct.pack("<f", v)[2:] for v in values)


def safetensors(names):
    header, data = {}, b""
    for name in names:
        shape, values = weights[name]
        piece = half(values)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": CONTEXT,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "hidden_act": "silu",
    "torch_dtype": "bfloat16",
    "bos_token_id": 256,
    "eos_token_id": 257,
    "attention_bias": False,
    "mlp_bias": False,
    "rope_scaling": None,
}


def byte_characters():
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {}, 0
    for byte in range(256):
        table[byte] = chr(byte) if byte in kept else chr(256 + extra)
        extra += byte not in kept
    return table


TABLE = byte_characters()
TOKENIZER = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [
        {
            "id": 256 + i,
            "content": t,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for i, t in enumerate(["<s>", "</s>"])
    ],
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    "post_processor": None,
    "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "model": {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {**{TABLE[b]: b for b in range(256)}},
        "merges": [],
    },
}
CARD = "---\nlicense: apache-2.0\nlanguage:\n- en\ntags:\n- tiny\nbase_model: nobody/nothing\n---\n# A model\n\nText.\n"


def gguf(unigram):
    def text(value):
        data = value.encode()
        return struct.pack("<Q", len(data)) + data

    def pair(key, kind, value):
        return text(key) + struct.pack("<I", kind) + value

    def array(kind, values):
        return struct.pack("<IQ", kind, len(values)) + b"".join(values)

    pairs = [
        pair("general.architecture", 8, text("llama")),
        pair("general.name", 8, text("tiny")),
        pair("llama.block_count", 4, struct.pack("<I", LAYERS)),
        pair("llama.context_length", 4, struct.pack("<I", CONTEXT)),
        pair("llama.embedding_length", 4, struct.pack("<I", HIDDEN)),
        pair("llama.feed_forward_length", 4, struct.pack("<I", INNER)),
        pair("llama.attention.head_count", 4, struct.pack("<I", HEADS)),
        pair("llama.attention.head_count_kv", 4, struct.pack("<I", KV)),
        pair("llama.attention.layer_norm_rms_epsilon", 6, struct.pack("<f", 1e-5)),
        pair("llama.rope.dimension_count", 4, struct.pack("<I", HIDDEN // HEADS)),
        pair("llama.vocab_size", 4, struct.pack("<I", VOCABULARY)),
    ]
    if unigram:
        tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(255)]
        kinds = [2, 3, 3] + [6] * 255
        pairs += [
            pair("tokenizer.ggml.model", 8, text("llama")),
            pair("tokenizer.ggml.tokens", 9, array(8, [text(t) for t in tokens])),
            pair("tokenizer.ggml.scores", 9, array(6, [struct.pack("<f", -i) for i in range(len(tokens))])),
            pair("tokenizer.ggml.bos_token_id", 4, struct.pack("<I", 1)),
            pair("tokenizer.ggml.eos_token_id", 4, struct.pack("<I", 2)),
        ]
    else:
        tokens = [TABLE[b] for b in range(256)] + ["<s>", "</s>"]
        kinds = [1] * 256 + [3, 3]
        pairs += [
            pair("tokenizer.ggml.model", 8, text("gpt2")),
            pair("tokenizer.ggml.pre", 8, text("default")),
            pair("tokenizer.ggml.tokens", 9, array(8, [text(t) for t in tokens])),
            pair("tokenizer.ggml.merges", 9, array(8, [])),
            pair("tokenizer.ggml.bos_token_id", 4, struct.pack("<I", 256)),
            pair("tokenizer.ggml.eos_token_id", 4, struct.pack("<I", 257)),
        ]
    pairs.append(pair("tokenizer.ggml.token_type", 9, array(5, [struct.pack("<i", k) for k in kinds])))
    names = {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "model.layers": "blk",
    }
    infos, data = [], b""
    for name, (shape, values) in weights.items():
        for old, new in names.items():
            name = name.replace(old, new)
        narrow = "norm" not in name
        piece = b"".join(struct.pack("<e" if narrow else "<f", v) for v in values)
        infos.append(
            text(name)
            + struct.pack("<I", len(shape))
            + b"".join(struct.pack("<Q", s) for s in shape[::-1])
            + struct.pack("<IQ", 1 if narrow else 0, len(data))
        )
        data += piece + b"\0" * (-len(piece) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(pairs)) + b"".join(pairs) + b"".join(infos)
    return head + b"\0" * (-len(head) % 32) + data


SUMS = {"blk.0.attn_q.weight": [1.0] * HIDDEN, "blk.0.ffn_down.weight": [0.5 * i for i in range(INNER)]}


def imatrix():
    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    pairs = [
        text("general.type") + struct.pack("<I", 8) + text("imatrix"),
        text("imatrix.datasets") + struct.pack("<IIQ", 9, 8, 1) + text("calibration.txt"),
        text("imatrix.chunk_count") + struct.pack("<II", 4, 4),
        text("imatrix.chunk_size") + struct.pack("<II", 4, 16),
    ]
    infos, data = [], b""
    for name, sums in SUMS.items():
        for ending, values in ((".in_sum2", sums), (".counts", [64.0])):
            infos.append(text(name + ending) + struct.pack("<IQQIQ", 2, len(values), 1, 0, len(data)))
            piece = struct.pack(f"<{len(values)}f", *values)
            data += piece + b"\0" * (-len(piece) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(pairs)) + b"".join(pairs) + b"".join(infos)
    return head + b"\0" * (-len(head) % 32) + data


def imatrix_dat():
    data = struct.pack("<i", len(SUMS))
    for name, sums in SUMS.items():
        data += struct.pack("<i", len(name)) + name.encode()
        data += struct.pack(f"<ii{len(sums)}f", 4, len(sums), *(4 * s for s in sums))
    return data + struct.pack("<ii", 4, 15) + b"calibration.txt"


def answers():
    """What servers say of the prompts "The " and "TheT", with BOS and without: one answer fits all."""
    said = [None] + [
        {str(i): {"logprob": -0.5 * n} for n, i in enumerate(ids, 1)} for ids in ([84, 104], [104, 101], [84, 101, 32])
    ]
    usage = {"prompt_tokens": 4, "completion_tokens": 1}
    choice = {"index": 0, "text": "x", "finish_reason": "length"}
    yield "vllm", {"choices": [choice | {"prompt_logprobs": said}], "usage": usage}
    lists = {
        "tokens": ["T", "h", "e", "\u00e9", "!"],
        "token_logprobs": [None, -1.5, -2, -3, -0.5],
        "top_logprobs": [None, {"h": -1.5, "a": -0.25}, {"e": -2}, {"a": -1, " ": -3}, {"!": -0.5}],
        "text_offset": [0, 1, 2, 3, 4],
    }
    yield "echo", {"choices": [choice | {"logprobs": lists}], "usage": usage}
    yield "plain", {"object": "text_completion", "choices": [choice], "usage": usage}
    yield "error", {"error": {"message": "no such thing", "code": 400}}


def exported(evidence):
    """What `export --results` writes of the evidence's folder."""
    with open(evidence + "COMPLETE.json", "rb") as file:
        record = hashlib.sha256(file.read()).hexdigest()
    figures = {"value": 30.5, "tokens": 30, "context": 16, "windows": 2, "tokens_sha256": "ab"}
    divergence = {"kl": 0.1, "top1_agreement": 0.75, "against_perplexity": 29.0, "perplexity_ratio": 1.05}
    return dumped(
        {
            "model": "run",
            "output": "out/q4.gguf",
            "format": "gguf",
            "type": "Q4_0",
            "bytes": 258816,
            "sha256": "cd",
            "relative_error": 0.04,
            "source_record_sha256": record,
            "evaluation": {"perplexity": {"t.txt": figures}, "divergence": {"t.txt": divergence}},
        }
    )


def model(folder):
    put(folder + "/config.json", dumped(CONFIG))
    put(folder + "/tokenizer.json", json.dumps(TOKENIZER, ensure_ascii=False))
    put(folder + "/tokenizer_config.json", dumped({"bos_token": "<s>", "eos_token": "</s>"}))
    put(folder + "/generation_config.json", dumped({"bos_token_id": 256, "eos_token_id": [257]}))
    put(folder + "/README.md", CARD)


model(base + "/model")
put(base + "/model/model.safetensors", safetensors(weights))
model(base + "/sharded")
halves = [list(weights)[:6], list(weights)[6:]]
index = {"metadata": {"total_size": 2 * sum(len(v) for _, v in weights.values())}, "weight_map": {}}
for number, names in enumerate(halves, 1):
    file = f"model-{number:05}-of-00002.safetensors"
    put(f"{base}/sharded/{file}", safetensors(names))
    index["weight_map"] |= {name: file for name in names}
put(base + "/sharded/model.safetensors.index.json", dumped(index))
line = "The garden keeps its wall, and the wall keeps its tree; nobody counts the pears. "
put(base + "/calibration.txt", line * 12)
ITEM = {"question": "Two and two?", "choices": ["three", "four"], "answer": 1}
put(base + "/task/items.jsonl", "".join(json.dumps(ITEM) + "\n" for _ in range(3)))

put(corpus + "/safetensors/one", safetensors(list(weights)[:3]))
put(corpus + "/shard/one", safetensors(weights))
put(corpus + "/gguf/bytes", gguf(False))
put(corpus + "/gguf/unigram", gguf(True))
put(corpus + "/imatrix/one", imatrix())
put(corpus + "/imatrix-dat/one", imatrix_dat())
for name, answer in answers():
    put(f"{corpus}/endpoint-answer/{name}", dumped(answer))
MODELS = {
    "object": "list",
    "data": [{"id": "tiny", "owned_by": "vllm", "max_model_len": 32}, {"id": "b", "meta": {"n_ctx": 64}}],
}
put(corpus + "/endpoint-models/one", dumped(MODELS))
put(corpus + "/endpoint-models/llamacpp", dumped({"data": [{"id": "tiny", "owned_by": "llamacpp"}]}))
events = [{"choices": [{"index": 0, "text": t, "finish_reason": None}]} for t in "abc"]
events.append({"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 3}})
put(
    corpus + "/endpoint-stream/one",
    ": a comment\r\n\r\n" + "".join(f"data: {json.dumps(e)}\n\n" for e in events) + "data: [DONE]\n\n",
)
put(corpus + "/config/llama", dumped(CONFIG))
for kind, more in {
    "qwen2": {"use_sliding_window": False, "sliding_window": 16},
    "mistral": {"sliding_window": 16},
    "qwen3": {"head_dim": 4},
}.items():
    put(f"{corpus}/config/{kind}", dumped(CONFIG | {"model_type": kind, "architectures": [kind]} | more))
SCALING = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
put(corpus + "/config/llama3", dumped(CONFIG | {"rope_scaling": SCALING}))
put(corpus + "/config/yarn", dumped(CONFIG | {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}))
put(corpus + "/index/one", dumped(index))
put(corpus + "/json/one", dumped(CONFIG | {"text": 'a\u00e9\u4e2d\n\\"', "numbers": [0, -1.5, 1e-7, 12345678901]}))
put(corpus + "/tokenizer/bytes", json.dumps(TOKENIZER, ensure_ascii=False))
SMALL = {"a": 0, "b": 1, "ab": 2, " ": 3, "\u2581": 4, "h": 5, "e": 6, "l": 7, "<unk>": 8, "<0x0A>": 9}
BASE = {
    "version": "1.0",
    "added_tokens": TOKENIZER["added_tokens"][:1],
    "normalizer": None,
    "pre_tokenizer": None,
    "post_processor": None,
    "decoder": None,
}
BPE = {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True, "vocab": SMALL, "merges": ["a b"]}
put(
    corpus + "/tokenizer/sequence",
    json.dumps(
        BASE
        | {
            "normalizer": {
                "type": "Sequence",
                "normalizers": [
                    {"type": "NFKC"},
                    {"type": "Prepend", "prepend": "\u2581"},
                    {"type": "Lowercase"},
                    {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
                    {"type": "Replace", "pattern": {"Regex": "a{2,}"}, "content": "a"},
                    {"type": "Strip", "strip_left": True, "strip_right": True},
                ],
            },
            "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [
                    {
                        "type": "Split",
                        "pattern": {"Regex": "\\s+|\\w+|[^\\s\\w]+"},
                        "behavior": "Isolated",
                        "invert": False,
                    },
                    {"type": "Digits", "individual_digits": True},
                    {"type": "Punctuation", "behavior": "Isolated"},
                ],
            },
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [256], "tokens": ["<s>"]}},
            },
            "decoder": {
                "type": "Sequence",
                "decoders": [
                    {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                    {"type": "ByteFallback"},
                    {"type": "Fuse"},
                    {"type": "Strip", "content": " ", "start": 1, "stop": 0},
                ],
            },
            "model": BPE,
        }
    ),
)
put(
    corpus + "/tokenizer/unigram",
    json.dumps(
        BASE
        | {
            "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
            "decoder": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
            "model": {
                "type": "Unigram",
                "unk_id": 0,
                "byte_fallback": False,
                "vocab": [["<unk>", 0.0], ["\u2581", -1.0], ["a", -2.0], ["b", -2.5], ["ab", -3.0], ["he", -3.5]],
            },
        }
    ),
)
put(corpus + "/encoding/one", line + "a\u0301 \u6f22\u5b57\n\t  </s><s>")
put(
    corpus + "/recipe/one",
    """\
method: wanda++
model: m
output: o
sparsity: 0.5
pattern: "2:4"
calibration:
  - text.txt
samples: 16
sequence_length: 32
seed: 3
""",
)
put(
    corpus + "/task/one",
    """\
name: sums
data: items.jsonl
prompt: "{{question}} It is"
choices: choices
answer: answer
metrics: [acc, acc_norm]
""",
)
for text in ["50%", "2:4", "16GB", "0.5", "cuda:1", "self@32", "text.txt@8", "4", "1,2,3"]:
    put(f"{corpus}/values/{text.replace('/', '_').replace(':', '-')}", text)
put(
    corpus + "/records/one",
    "".join(
        json.dumps(v, ensure_ascii=False) + "\n"
        for v in [
            {"text": "A text."},
            {"prompt": "Q?", "completion": " A."},
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]},
            {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
            {"instruction": "Add.", "input": "1 1", "output": "2"},
        ]
    ),
)
shutil.copytree(corpus + "/records", corpus + "/prompts", dirs_exist_ok=True)
for name, level, strategy in [("dynamic", 9, 0), ("fixed", 9, zlib.Z_FIXED), ("stored", 0, 0)]:
    packer = zlib.compressobj(level, zlib.DEFLATED, 31, 9, strategy)
    put(f"{corpus}/gzip/{name}", packer.compress((line * 6).encode()) + packer.flush())
put(
    corpus + "/chat/chatml",
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
    "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\n' }}{% endif %}",
)
rows = struct.pack("<32i", *range(32))
header = json.dumps({"tokens": {"dtype": "I32", "shape": [2, 16], "data_offsets": [0, 128]}}).encode()
header += b" " * (-len(header) % 8)
put(corpus + "/tokens/one", struct.pack("<Q", len(header)) + header + rows)
GOLDEN = {
    "version": 1,
    "prompts": [
        {"prompt": "a", "answer": "four", "expected": "four"},
        {"prompt": "b", "answer": "four pears", "expected": "pears", "match": "contains"},
        {"prompt": "c", "answer": "12", "expected": "^[0-9]+$", "match": "regex"},
    ],
}
GATE = """\
version: 1
stages:
  poc:
    perplexity_ratio: {max: 1.5}
  canary:
    kl: {max: 0.25}
    top1_agreement: {min: 0.8}
    golden_prompts: {min: 1, match: contains}
  full:
    perplexity_ratio:
      default: {max: 1.10}
      calibration.txt: {max: 1.05}
    recovery:
      default: {min: 0.95}
      sums: {min: 0.97, metric: acc_norm, confidence: 0.9, chance: 0.25}
    size_ratio: {bytes: {max: 0.75}}
    speed_ratio: {decode_tokens_per_second: {min: 1.2}, time_to_first_token: {min: 1}}
    golden_prompts: {min: 1}
"""
put(base + "/evidence/gate.yaml", GATE)
put(base + "/evidence/golden.json", dumped(GOLDEN))
put(corpus + "/gate-rules/one", GATE)
put(corpus + "/golden/one", dumped(GOLDEN))

if len(sys.argv) > 1:
    program = os.path.abspath(sys.argv[1])
    work = os.path.join(here, ".work")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)

    def run(*words, to=None):
        done = subprocess.run([program, *words], cwd=work, stdout=subprocess.PIPE)
        assert done.returncode in (0, 2, 3), words
        if to:
            put(os.path.join(work, to), done.stdout)

    shutil.copytree(base + "/model", work + "/model")
    shutil.copytree(base + "/task", work + "/task")
    put(work + "/task/task.yaml", open(corpus + "/task/one").read())
    put(work + "/calibration.txt", line * 12)
    put(
        work + "/prompts.jsonl",
        "".join(json.dumps({"prompt": p, "completion": " pear"}) + "\n" for p in ["The tree", "The wall"]),
    )
    run(
        "prune",
        "model",
        "-o",
        "run",
        "--method",
        "wanda",
        "--sparsity",
        "0.5",
        "--calibration",
        "calibration.txt",
        "--samples",
        "4",
        "--sequence-length",
        "16",
    )
    for name, more in {"run": ["--against", "model"], "model": []}.items():
        run(
            "evaluate",
            name,
            *more,
            "--text",
            "calibration.txt",
            "--context",
            "16",
            "--task-file",
            "task/task.yaml",
            "--output",
            f"{name}.results.json",
        )
    run("benchmark", "run", "--against", "model", "--prompt", "8", "--new-tokens", "4", "--json", to="benchmark.json")
    evidence = base + "/evidence/"
    put(evidence + "results.json", open(work + "/run.results.json").read())
    put(evidence + "dense.json", open(work + "/model.results.json").read())
    put(evidence + "report.json", open(work + "/run/report.json").read())
    put(evidence + "COMPLETE.json", open(work + "/run/COMPLETE.json").read())
    put(evidence + "benchmark.json", open(work + "/benchmark.json").read())
    run(
        "gate",
        evidence + "results.json",
        "--rules",
        evidence + "gate.yaml",
        "--baseline",
        evidence + "dense.json",
        "--golden",
        evidence + "golden.json",
        "--output",
        "gate.json",
    )
    put(evidence + "gate.json", open(work + "/gate.json").read())
    run("watch", "model", "--write-reference", "reference.safetensors", "--prompts", "prompts.jsonl", "--top", "4")
    for _ in range(4):
        run(
            "watch",
            "run",
            "--reference",
            "reference.safetensors",
            "--history",
            "history.jsonl",
            "--prompts",
            "prompts.jsonl",
        )
    for name, file in {
        "results": "results.json",
        "baseline": "dense.json",
        "speed": "benchmark.json",
        "sizes": "report.json",
        "run-report": "report.json",
        "run-results": "results.json",
        "run-gate": "gate.json",
        "completion": "COMPLETE.json",
    }.items():
        put(f"{corpus}/{name}/one", open(evidence + file).read())
    put(corpus + "/run-export/one", exported(evidence))
    put(corpus + "/watch-reference/one", open(work + "/reference.safetensors", "rb").read())
    put(corpus + "/watch-history/one", open(work + "/history.jsonl").read())
    shutil.rmtree(work)
