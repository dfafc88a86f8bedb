"""Greedy tokens of a folder in mlx-lm, on the processor."""

from pathlib import Path

import mlx.core as mx
import worker
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model


def load(path):
    model, _ = load_model(Path(path), lazy=False)
    model.set_dtype(mx.float32)
    return model


def generate(model, prompt, count):
    cache = make_prompt_cache(model)
    ids, margins, step = [], [], mx.array([prompt])
    for _ in range(count):
        logits = model(step, cache=cache)[0, -1].astype(mx.float32)
        best, second = (int(x) for x in mx.argsort(-logits)[:2])
        ids.append(best)
        margins.append(float(logits[best] - logits[second]))
        step = mx.array([[best]])
    return ids, margins


worker.run(["mlx-lm", "mlx-cpu"], load, generate)
