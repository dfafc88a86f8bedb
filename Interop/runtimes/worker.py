"""What the programs of all runtimes share: the job on standard input, the answer on standard output.

Job:    {"model": path, "prompts": [[token ids], …], "tokens": n}
Answer: {"ids": [[n token ids], …], "margins": [[logit of the likeliest token less that of the next, …], …] or null,
         "seconds": of the longest prompt's n tokens, "versions": {package: version}, "peak_memory_bytes": …}
"""

import importlib.metadata
import json
import os
import resource
import sys
import time


def run(packages, load, generate):
    """load(path) -> engine; generate(engine, ids, n) -> (ids, margins or None), greedy, past any end token."""
    job = json.load(sys.stdin)
    # Engines print what they like; the answer has a descriptor of its own.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    engine = load(job["model"])
    ids, margins, seconds = [], [], 0.0
    longest = max(job["prompts"], key=len)
    generate(engine, longest, 2)
    for prompt in job["prompts"]:
        start = time.monotonic()
        out, margin = generate(engine, prompt, job["tokens"])
        if prompt is longest:
            seconds = time.monotonic() - start
        ids.append([int(x) for x in out])
        margins.append(margin)
    usage = [resource.getrusage(x).ru_maxrss for x in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    json.dump(
        {
            "ids": ids,
            "margins": margins if all(m is not None for m in margins) else None,
            "seconds": seconds,
            "versions": {name: importlib.metadata.version(name) for name in packages},
            "peak_memory_bytes": 1024 * max(usage),
        },
        answer,
    )
    answer.flush()
    # Some engines leave threads or processes behind.
    os._exit(0)
