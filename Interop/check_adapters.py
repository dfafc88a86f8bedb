#!/usr/bin/env python3
"""Compares adapters of `espalier recover --train lora --merge none` in PEFT with the merged model of the same run:
check_adapters.py BASE ADAPTERS MERGED

Prints the largest difference of the logits on random tokens, and fails beyond 1e-3 (float32). Needs torch, transformers
and peft.
"""

import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

base, adapters, merged = (sys.argv[1], sys.argv[2], sys.argv[3])
torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
whole = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32)
tokens = torch.randint(0, model.config.vocab_size, (2, 40))
with torch.no_grad():
    before = model(tokens).logits
    expected = whole(tokens).logits
    found = PeftModel.from_pretrained(model, adapters)(tokens).logits
difference = (found - expected).abs().max().item()
print(f"adapters differ from the merged model by {difference:.2e}, from the base by {(found - before).abs().max():.2e}")
sys.exit(0 if difference < 1e-3 else 1)
