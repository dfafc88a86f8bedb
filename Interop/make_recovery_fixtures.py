#!/usr/bin/env python3
"""Losses of 20 steps of recovery in plain PyTorch, for Tests/RecoveryTests: make_recovery_fixtures.py [--peft] FOLDER

Writes teacher/ and student/ (tiny Llamas; half of the student's weights are zero in 2:4), tokens and, for every arm, the
losses and gradient norms that `transformers` with `torch.optim.AdamW` has: all weights under their masks, the plain
language-model loss without masks, adapters of rank 3 with and without a mask, and losses that count a third of the
tokens (the others have the label -100; counted.safetensors). Needs torch and transformers.

With --peft (and PEFT 0.21.2) it writes peft/ alone, from the teacher and the tokens that are there: adapters in PEFT's
layout with random numbers in A and in B, and the losses of 16 steps that PEFT has when it begins with them.
"""

import json
import math
import os
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

STEPS, BATCH, LENGTH, RANK, ALPHA = 20, 4, 16, 3, 6.0
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def model():
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=False,
        attention_bias=True,
        rms_norm_eps=1e-5,
    )
    return LlamaForCausalLM(config).float()


def rate(step, highest, steps=STEPS):
    rise = max(1, round(0.1 * steps))
    if step < rise:
        return highest * step / rise
    return highest * 0.5 * (1 + math.cos(math.pi * min(1, (step - rise) / max(1, steps - rise))))


def losses(logits, dense, labels, kl, lm):
    own = logits[:, :-1].flatten(0, 1).log_softmax(-1)
    targets = labels[:, 1:].flatten()
    total = 0
    if kl:
        other = dense[:, :-1].flatten(0, 1).log_softmax(-1)
        counted = targets >= 0
        total = total + kl * F.kl_div(own[counted], other[counted], log_target=True, reduction="batchmean")
    if lm:
        total = total + lm * F.nll_loss(own, targets, ignore_index=-100)
    return total


def run(student, teacher, tokens, labels, kl, lm, masked, lora):
    layers = student.model.layers
    weights = [(f"{i}.{name}", module) for i, layer in enumerate(layers) for name, module in linears(layer)]
    parameters, masks, adapters = [], {}, {}
    for p in student.parameters():
        p.requires_grad_(False)
    if lora:
        generator = torch.Generator().manual_seed(3)
        for name, module in weights:
            a = (torch.rand(RANK, module.in_features, generator=generator) * 2 - 1) / math.sqrt(module.in_features)
            b = torch.zeros(module.out_features, RANK)
            adapters[name] = (a.requires_grad_(), b.requires_grad_())
            mask = (module.weight != 0).float() if masked else None
            torch.nn.utils.parametrize.register_parametrization(module, "weight", Adapter(a, b, mask))
            parameters += [a, b]
    else:
        for p in layers.parameters():
            p.requires_grad_(True)
            parameters.append(p)
        if masked:
            masks = {id(module.weight): (module.weight != 0).float() for _, module in weights}
    start = {name: a.detach().clone() for name, (a, _) in adapters.items()}
    matrices = [p for p in parameters if p.ndim > 1]
    vectors = [p for p in parameters if p.ndim == 1]
    highest = 1e-2
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}],
        lr=highest, betas=(0.9, 0.95), eps=1e-8,
    )  # fmt: skip
    found, norms = [], []
    for step in range(1, STEPS + 1):
        batch = tokens[(step - 1) * BATCH : step * BATCH]
        with torch.no_grad():
            dense = teacher(batch).logits
        loss = losses(student(batch).logits, dense, labels[(step - 1) * BATCH : step * BATCH], kl, lm)
        optimizer.zero_grad()
        loss.backward()
        for p in parameters:
            if id(p) in masks:
                p.grad *= masks[id(p)]
        norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, 1.0)))
        for group in optimizer.param_groups:
            group["lr"] = rate(step, highest)
        optimizer.step()
        found.append(float(loss.detach()))
    return {"losses": found, "norms": norms}, start


class Adapter(torch.nn.Module):
    def __init__(self, a, b, mask):
        super().__init__()
        self.pair, self.mask = [a, b], mask

    def forward(self, weight):
        total = weight + ALPHA / RANK * self.pair[1] @ self.pair[0]
        return total if self.mask is None else total * self.mask


def linears(layer):
    modules = {**dict(layer.self_attn.named_children()), **dict(layer.mlp.named_children())}
    return [(name, modules[name]) for name in LINEARS]


def peft(folder, steps=16):
    from peft import LoraConfig, get_peft_model
    from safetensors.torch import load_file

    teacher, base = (LlamaForCausalLM.from_pretrained(os.path.join(folder, "teacher")) for _ in range(2))
    tokens = load_file(os.path.join(folder, "tokens.safetensors"))["tokens"].long()
    torch.manual_seed(5)
    config = LoraConfig(
        r=RANK, lora_alpha=ALPHA, target_modules=LINEARS, init_lora_weights=False, task_type="CAUSAL_LM"
    )
    model = get_peft_model(base, config)
    parameters = [p for p in model.parameters() if p.requires_grad]
    for p in parameters:
        p.data = torch.randn(p.shape) * 0.4
    place = os.path.join(folder, "peft")
    config.base_model_name_or_path = "teacher"
    model.save_pretrained(place)
    os.remove(os.path.join(place, "README.md"))
    optimizer = torch.optim.AdamW(parameters, lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.01)
    found, norms = [], []
    for step in range(1, steps + 1):
        batch = tokens[(step - 1) * BATCH : step * BATCH]
        with torch.no_grad():
            dense = teacher(batch).logits
        loss = losses(model(batch).logits, dense, batch, 1, 0)
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, 1.0)))
        for group in optimizer.param_groups:
            group["lr"] = rate(step, 1e-2, steps)
        optimizer.step()
        found.append(float(loss.detach()))
    with open(os.path.join(place, "losses.json"), "w") as file:
        json.dump({"torch": torch.__version__, "losses": found, "norms": norms}, file, indent=1)
        file.write("\n")


def main():
    if sys.argv[1] == "--peft":
        return peft(sys.argv[2])
    folder = sys.argv[1]
    torch.manual_seed(0)
    teacher = model()
    for p in teacher.parameters():
        p.data = torch.randn(p.shape) * (0.3 if p.ndim > 1 else 0.1) + (1.0 if p.ndim == 1 else 0.0)
    student = model()
    student.load_state_dict(teacher.state_dict())
    for layer in student.model.layers:
        for _, module in linears(layer):
            groups = module.weight.data.view(-1, 4)
            order = groups.abs().argsort(1)
            groups.scatter_(1, order[:, :2], 0.0)
    teacher.save_pretrained(os.path.join(folder, "teacher"))
    student.save_pretrained(os.path.join(folder, "student"))
    tokens = torch.randint(0, 64, (STEPS * BATCH, LENGTH))
    save_file({"tokens": tokens.to(torch.int32)}, os.path.join(folder, "tokens.safetensors"))
    counted = torch.rand(tokens.shape, generator=torch.Generator().manual_seed(5)) < 1 / 3
    # A sample without any, and one whose first token alone counts, which nothing stands before.
    counted[1], counted[6], counted[6, 0] = False, False, True
    save_file({"counted": counted.to(torch.int32)}, os.path.join(folder, "counted.safetensors"))
    some = torch.where(counted, tokens, -100)
    results, factors = {}, {}
    for arm, origin, labels, kl, lm, masked, lora in [
        ("all-kl", student, tokens, 1, 0, True, False),
        ("all-lm", teacher, tokens, 0, 1, False, False),
        ("all-both", student, tokens, 1, 1, True, False),
        ("lora-kl", teacher, tokens, 1, 1, False, True),
        ("lora-masked", student, tokens, 1, 0, True, True),
        ("counted-kl", student, some, 1, 0, True, False),
        ("counted-lm", teacher, some, 0, 1, False, False),
        ("counted-both", student, some, 1, 1, True, False),
    ]:
        copy = model()
        copy.load_state_dict(origin.state_dict())
        results[arm], factors[arm] = run(copy, teacher, tokens, labels, kl, lm, masked, lora)
    save_file(
        {f"{arm}.{name}": a for arm, start in factors.items() for name, a in start.items()},
        os.path.join(folder, "adapters.safetensors"),
    )
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump({"torch": torch.__version__, "arms": results}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
