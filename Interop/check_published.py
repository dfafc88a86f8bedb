#!/usr/bin/env python3
"""Opens a published folder in transformers and checks what Espalier says of it.

  check_published.py FOLDER --tokens windows.safetensors [--windows n]

Loads the folder with AutoModelForCausalLM and AutoTokenizer (float32), prints the perplexity of the token file's rows
(first token of a row not scored) to hold against `espalier evaluate FOLDER --tokens … --dtype float32`, and checks that
every weight named in report.json has the zeros that its K:M pattern demands and that config.json has no
`sparsity_config`. Needs torch, transformers, safetensors. Last run with torch 2.13, transformers 5.23.
"""

import argparse
import json
import math
import os

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--tokens", required=True)
parser.add_argument("--windows", type=int, default=2)
options = parser.parse_args()

config = json.load(open(os.path.join(options.folder, "config.json")))
assert "sparsity_config" not in config and "quantization_config" not in config
report = json.load(open(os.path.join(options.folder, "report.json")))
model, loading = AutoModelForCausalLM.from_pretrained(options.folder, dtype=torch.float32, output_loading_info=True)
assert not loading["missing_keys"] and not loading["unexpected_keys"], loading
tokenizer = AutoTokenizer.from_pretrained(options.folder)
text = "Espaliers are pruned in winter, 1234 times.\n"
print("tokenizer round trip:", tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text)

if ":" in report["pattern"]:
    keep, group = map(int, report["pattern"].split(":"))
    state = model.state_dict()
    for name in report["linears"]:
        kept = (state[name].reshape(-1, group) != 0).sum(1)
        assert kept.max().item() <= keep, name
    print(f"{len(report['linears'])} weights obey {report['pattern']}")

total, count = 0.0, 0
with torch.no_grad():
    for row in load_file(options.tokens)["tokens"][: options.windows].long():
        logits = model(row[None]).logits[0]
        total += torch.nn.functional.cross_entropy(logits[:-1], row[1:], reduction="sum").item()
        count += len(row) - 1
print(f"perplexity {math.exp(total / count):.5f} over {count} tokens")
