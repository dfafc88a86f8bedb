"""Greedy tokens of a GGUF file in llama.cpp."""

import numpy as np
import worker
from llama_cpp import Llama

# Keys and values, too: by default they are kept in float16.
FLOAT32 = 0


def load(path):
    return Llama(path, n_ctx=512, n_gpu_layers=0, logits_all=True, verbose=False, type_k=FLOAT32, type_v=FLOAT32)


def generate(model, prompt, count):
    model.reset()
    model.eval(prompt)
    ids, margins = [], []
    for _ in range(count):
        logits = np.array(model.scores[model.n_tokens - 1])
        second, best = np.argsort(logits)[-2:]
        ids.append(int(best))
        margins.append(float(logits[best] - logits[second]))
        model.eval([int(best)])
    return ids, margins


worker.run(["llama-cpp-python"], load, generate)
