#!/usr/bin/env python3
"""Times perplexity beside transformers: the processor's seconds, the kernel's share of them, page faults, memory.

    pip install torch transformers
    Benchmarks/evaluation_speed.py HF_FOLDER --text wiki.test.raw --windows 3 --context 1024 --threads 1 --runs 5

Same model, text, windows and threads. The two take turns. Transformers is timed in float32 without its start and the loading
of the model, with `model(ids, labels=ids)` for each window; Espalier as a whole process that reads the model, in float32 and in
bfloat16, alone and with --against a second model. --model names another form of the same model for Espalier, as a GGUF file.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--model")
parser.add_argument("--text", required=True)
parser.add_argument("--windows", type=int, default=3)
parser.add_argument("--context", type=int, default=1024)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("--espalier", default=os.path.join(ROOT, ".build/release/espalier"))
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)


def ours(dtype, *extra):  # in a small process: a child's peak memory begins with that of its parent
    source = args.model or args.folder
    with open(os.devnull, "w") as null:
        process = subprocess.Popen(
            [
                args.espalier,
                "evaluate",
                source,
                "--text",
                args.text,
                "--context",
                str(args.context),
                "--windows",
                str(args.windows),
                "--dtype",
                dtype,
                "--threads",
                str(args.threads),
                "--json",
                "--quiet",
                *extra,
            ],
            stdout=subprocess.PIPE,
            stderr=null,
            text=True,
        )
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"espalier failed: {status}")
    return tuple(usage), json.loads(out)["perplexity"]


if __name__ == "__main__":
    launcher = multiprocessing.get_context("fork").Pool(1)
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.set_num_threads(args.threads)
tokenizer = AutoTokenizer.from_pretrained(args.folder)
ids = tokenizer(open(args.text, encoding="utf-8").read(), add_special_tokens=False, return_tensors="pt").input_ids[0]
model = AutoModelForCausalLM.from_pretrained(args.folder, dtype=torch.float32).eval()


def theirs():
    start, losses = time.process_time(), []
    with torch.no_grad():
        for window in range(args.windows):
            part = ids[window * args.context : (window + 1) * args.context].unsqueeze(0)
            losses.append(model(part, labels=part).loss.item())
    return time.process_time() - start, torch.tensor(losses).double().mean().exp().item()


arms = {
    "float32": ("float32",),
    "bfloat16": ("bfloat16",),
    "float32, two models": ("float32", "--against", args.model or args.folder),
    "bfloat16, two models": ("bfloat16", "--against", args.model or args.folder),
}
times, found, usages = [], {}, {name: [] for name in arms}
theirs()
for _ in range(args.runs):
    seconds, perplexity = theirs()
    times.append(seconds)
    for name, arm in arms.items():
        usage, found[name] = launcher.apply(ours, arm)
        usages[name].append(resource.struct_rusage(usage))
reference = statistics.median(times)
print(f"{'':22}{'seconds':>9}{'ratio':>7}{'system':>8}{'faults':>9}{'of peak':>9}{'peak MB':>9}  perplexity")
print(f"{'transformers float32':22}{reference:9.2f}{1:7.2f}{'':34}  {perplexity:.4f}")
for name, usage in usages.items():
    total = statistics.median(u.ru_utime + u.ru_stime for u in usage)
    system = statistics.median(u.ru_stime / (u.ru_utime + u.ru_stime) for u in usage)
    faults = statistics.median(u.ru_minflt for u in usage)
    peak = statistics.median(u.ru_maxrss for u in usage)
    value = next(iter(found[name].values()))
    value = value["value"] if isinstance(value, dict) else value
    print(
        f"{name:22}{total:9.2f}{total / reference:7.2f}{system:8.1%}{faults:9.0f}{faults * resource.getpagesize() / 1024 / peak:9.2f}"
        f"{peak / 1024:9.0f}  {value:.4f}"
    )
launcher.terminate()
