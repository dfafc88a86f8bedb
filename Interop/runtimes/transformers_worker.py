"""Greedy tokens of a folder in transformers, in float32."""

import torch
import worker
from transformers import AutoModelForCausalLM


def load(path):
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, trust_remote_code=True).eval()


@torch.inference_mode()
def generate(model, prompt, count):
    ids, margins, cache, step = [], [], None, torch.tensor([prompt])
    for _ in range(count):
        out = model(input_ids=step, past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        best = out.logits[0, -1].float().topk(2)
        ids.append(int(best.indices[0]))
        margins.append(float(best.values[0] - best.values[1]))
        step = best.indices[:1].view(1, 1)
    return ids, margins


worker.run(["transformers", "torch"], load, generate)
