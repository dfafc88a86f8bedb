#!/usr/bin/env python3
"""Times zero-shot tasks beside lm-evaluation-harness' hf backend and compares what both say about every item.

    pip install lm-eval==0.4.13 torch transformers datasets
    Benchmarks/task_speed.py HF_FOLDER --data DATA --count 100 --threads 2 [--tasks hellaswag,piqa]

Same model folder, items, number type (float32) and threads. The harness is timed without its start and the loading of the
model, at each batch size, and its best time counts; Espalier's time is that of the whole process. DATA/tasks holds the sets in
the forms of which Documentation/Tasks.md tells.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--data", required=True)
parser.add_argument("--count", type=int, default=100)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--tasks")
parser.add_argument("--batches", default="1,8,32")
parser.add_argument("--espalier", default=os.path.join(ROOT, ".build/release/espalier"))
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)
sys.path.insert(0, os.path.join(ROOT, "Interop"))
import make_task_fixtures as fixtures
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM

fixtures.install(fixtures.real_hub(args.data, args.count))
fixtures.take_prepared_hellaswag()
tasks = args.tasks.split(",") if args.tasks else [t for t in fixtures.TASKS if t != "wikitext"]
models = {
    b: HFLM(pretrained=args.model, dtype="float32", device="cpu", batch_size=b)
    for b in map(int, args.batches.split(","))
}
print(
    f"{'task':15} {'lm-eval':>9} {'batch':>5} {'espalier':>9} {'ratio':>6}  {'acc':>15}  {'acc_norm':>15}  items that differ",
    flush=True,
)
for task in tasks:
    times, out = {}, None
    for batch, model in models.items():
        start = time.perf_counter()
        out = simple_evaluate(model=model, tasks=[task], log_samples=True, bootstrap_iters=0, batch_size=batch)
        times[batch] = time.perf_counter() - start
    best = min(times, key=times.get)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "samples.jsonl")
        start = time.perf_counter()
        found = json.loads(
            subprocess.run(
                [
                    args.espalier,
                    "evaluate",
                    args.model,
                    "--tasks",
                    task,
                    "--task-data",
                    os.path.join(args.data, "tasks"),
                    "--limit",
                    str(args.count),
                    "--dtype",
                    "float32",
                    "--threads",
                    str(args.threads),
                    "--samples",
                    path,
                    "--json",
                    "--quiet",
                ],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        seconds = time.perf_counter() - start
        mine = {s["doc_id"]: s for s in map(json.loads, open(path, encoding="utf-8"))}
    ties = {t["doc_id"] for t in found["ties"].get(task, [])}

    def choice(answers):
        return max(range(len(answers)), key=lambda i: answers[i])

    differ = []
    for sample in out["samples"][task]:
        answers = [float((a if isinstance(a, (list, tuple)) else [a])[0]) for a in sample["filtered_resps"]]
        own = [r[0] for r in mine[sample["doc_id"]]["resps"]]
        if choice(answers) != choice(own) and sample["doc_id"] not in ties:
            differ.append(sample["doc_id"])

    def pair(metric):
        theirs, own = out["results"][task].get(metric + ",none"), found["results"][task].get(metric + ",none")
        return "" if theirs is None else f"{theirs:.4f} {'=' if theirs == own else own}"

    print(
        f"{task:15} {times[best]:8.1f}s {best:5} {seconds:8.1f}s {times[best] / seconds:6.2f}  {pair('acc'):>15}  {pair('acc_norm'):>15}  {differ}",
        flush=True,
    )
