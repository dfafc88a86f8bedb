#!/usr/bin/env python3
"""Recovery in plain PyTorch, for Benchmarks/recovery_speed.py: one JSON object with losses and seconds of every step.

    recovery_reference.py STUDENT TEACHER TOKENS --train all|lora --dtype float32|bfloat16 [--checkpointing] --steps N
                          --batch N --learning-rate R [--threads N] [--device cpu|cuda]

STUDENT and TEACHER are Hugging Face folders, TOKENS a file of `espalier prune --calibration` (int32 'tokens' [n, T]).
Masters and moments are float32; with bfloat16 the products are automatic mixed precision's. Zeros of the student's
linears stay zeros. With lora the adapters are PEFT's, rank 16 and alpha 32 on all linears. Needs torch, transformers and
safetensors, and peft for lora.
"""

import argparse
import contextlib
import json
import math
import resource
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def rate(step, steps, highest):
    rise = max(1, round(0.05 * steps))
    if step < rise:
        return highest * step / rise
    return highest * 0.5 * (1 + math.cos(math.pi * min(1, (step - rise) / max(1, steps - rise))))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("student")
    parser.add_argument("teacher")
    parser.add_argument("tokens")
    parser.add_argument("--train", choices=["all", "lora"], default="all")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    # The faster of its two ways on a processor: a teacher in the products' own type.
    half = options.dtype == "bfloat16"
    teacher = AutoModelForCausalLM.from_pretrained(options.teacher, dtype=torch.bfloat16 if half else torch.float32)
    teacher.to(options.device).eval()
    student = AutoModelForCausalLM.from_pretrained(options.student, dtype=torch.float32).to(options.device)
    student.train()
    if options.checkpointing:
        student.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    masks = {}
    if options.train == "lora":
        from peft import LoraConfig, get_peft_model

        student = get_peft_model(
            student, LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", bias="none")
        )
        if options.checkpointing:
            student.enable_input_require_grads()
        parameters = [p for p in student.parameters() if p.requires_grad]
    else:
        for p in student.parameters():
            p.requires_grad_(False)
        parameters = list(student.model.layers.parameters())
        for p in parameters:
            p.requires_grad_(True)
            if p.ndim > 1 and bool((p == 0).float().mean() > 1e-3):
                masks[id(p)] = p != 0
    optimizer = torch.optim.AdamW(
        parameters, lr=options.learning_rate, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0
    )  # fmt: skip
    tokens = load_file(options.tokens)["tokens"].long().to(options.device)
    mixed = torch.autocast(options.device, torch.bfloat16) if half else contextlib.nullcontext()
    losses, seconds = [], []
    for step in range(1, options.steps + 1):
        places = [((step - 1) * options.batch + i) % len(tokens) for i in range(options.batch)]
        batch = tokens[places]
        start = time.monotonic()
        with torch.no_grad():
            dense = teacher(batch).logits[:, :-1].flatten(0, 1).float().log_softmax(-1)
        with mixed:
            logits = student(batch).logits
        own = logits[:, :-1].flatten(0, 1).float().log_softmax(-1)
        loss = F.kl_div(own, dense, log_target=True, reduction="batchmean")
        optimizer.zero_grad()
        loss.backward()
        for p in parameters:
            if id(p) in masks:
                p.grad *= masks[id(p)]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate(step, options.steps, options.learning_rate)
        optimizer.step()
        losses.append(loss.item())
        seconds.append(time.monotonic() - start)
    result = {"losses": losses, "seconds": seconds, "torch": torch.__version__}
    result["peak_memory_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if options.device == "cuda":
        result["peak_device_memory_bytes"] = torch.cuda.max_memory_allocated()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
