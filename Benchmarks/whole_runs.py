#!/usr/bin/env python3
"""Whole runs of `espalier prune` as shares of the machine's GEMM peak, and beside the plain PyTorch script.

    Benchmarks/whole_runs.py MODEL --calibration TOKENS.safetensors [--folder HF] [--python PYTHON]

For each method and number type: the operations of its matrix products (`espalier plan`), the seconds and peak memory of
a run on the first blocks of the model, and the share of the peak that `espalier-benchmarks` measures right before. With
--folder, the model as a Hugging Face folder, Interop/wandapp_reference.py prunes as many blocks in float32 in turn with
each of them. Seconds are wall time of the whole process, its start and its writing included. Quiet machine!
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
METHODS = {
    "wanda": (["--method", "wanda"], ["--method", "wanda"]),
    "sparsegpt": (["--method", "sparsegpt"], ["--method", "sparsegpt"]),
    "paper": (["--preset", "paper"], ["--method", "wanda++"]),
    "default": ([], None),
}


def timed(command):
    """Seconds, peak resident bytes and output of a command."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        out.seek(0)
        text = out.read().decode(errors="replace")
    if status != 0:
        sys.exit(f"{' '.join(command)}\n{text}")
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), text


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("model", help="as espalier reads it")
    a.add_argument("--calibration", required=True, help="safetensors with `tokens` [n, T]")
    a.add_argument("--folder", help="the same model as a Hugging Face folder: compare with the PyTorch script")
    a.add_argument("--python", default=sys.executable, help="that has torch and safetensors, for the script")
    a.add_argument("--espalier", default=os.path.join(ROOT, ".build/release/espalier"))
    a.add_argument("--benchmarks", default=os.path.join(ROOT, "Benchmarks/.build/release/espalier-benchmarks"))
    a.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    a.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"], choices=["float32", "bfloat16"])
    a.add_argument("--blocks", type=int, default=4, help="prune the first N blocks (default 4)")
    a.add_argument("--samples", type=int, default=64)
    a.add_argument("--threads", type=int, default=2)
    o = a.parse_args()

    _, _, text = timed([o.benchmarks, "--threads", str(o.threads), "--peak"])
    peaks = dict(zip(["float32", "bfloat16"], map(float, re.findall(r"GEMM peak +(\d+)", text))))
    print(f"GEMM peak, {o.threads} threads: " + ", ".join(f"{peaks[d]:.0f} GFLOP/s {d}" for d in o.dtypes))
    print(f"2:4 on the first {o.blocks} blocks, {o.samples} samples\n")
    print(
        f"{'method':<10} {'products':<9} {'TFLOP':>7} {'seconds':>8} {'of peak':>8} {'MB':>6} {'script s':>9} {'MB':>6} {'ratio':>6}"
    )
    layers = r"layers\.(" + "|".join(map(str, range(o.blocks))) + r")\."
    for method in o.methods:
        ours, script = METHODS[method]
        reference = None
        if o.folder and script:
            seconds, memory, _ = timed(
                [
                    o.python,
                    os.path.join(ROOT, "Interop/wandapp_reference.py"),
                    o.folder,
                    *script,
                    "--pattern",
                    "2:4",
                    "--calibration",
                    o.calibration,
                    "--samples",
                    str(o.samples),
                    "--blocks",
                    str(o.blocks),
                    "--threads",
                    str(o.threads),
                ]
            )
            reference = (seconds, memory)
        for dtype in o.dtypes:
            options = [
                o.model,
                *ours,
                "--pattern",
                "2:4",
                "--targets",
                layers,
                "--calibration",
                o.calibration,
                "--samples",
                str(o.samples),
                "--threads",
                str(o.threads),
                "--dtype",
                dtype,
            ]
            operations = json.loads(timed([o.espalier, "plan", *options, "--json", "--quiet"])[2])["operations"]
            folder = tempfile.mkdtemp()
            seconds, memory, _ = timed(
                [o.espalier, "prune", *options, "--output", os.path.join(folder, "out"), "--quiet"]
            )
            shutil.rmtree(folder)
            line = f"{method:<10} {dtype:<9} {operations / 1e12:7.2f} {seconds:8.1f}"
            line += f" {operations / seconds / 1e9 / peaks[dtype] * 100:6.0f} % {memory / 1e6:6.0f}"
            if reference:
                line += f" {reference[0]:9.1f} {reference[1] / 1e6:6.0f} {reference[0] / seconds:6.2f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
