#!/usr/bin/env python3
"""Prunes small and real models by every method and prints the SHA-256 of the weights that came out.

A change that is meant to alter no result leaves every line as it was:

    Scripts/weight-digests.py .build/release/espalier --tiny MODEL --real MODEL --text TEXT > before.tsv
    (change, build)
    Scripts/weight-digests.py .build/release/espalier --tiny MODEL --real MODEL --text TEXT --against before.tsv

The digests hold for one machine: other processors add in another order. All runs use one thread.
"""

import argparse
import hashlib
import pathlib
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("binary")
parser.add_argument("--tiny", help="a model that prunes in seconds")
parser.add_argument("--real", help="a model on which only three runs are made")
parser.add_argument("--text", required=True, help="calibration text")
parser.add_argument("--against", help="digests of an earlier run; ends with 1 where one differs")
parser.add_argument("--only", default="", help="only runs whose name holds this")
options = parser.parse_args()


def runs():
    """Name, model and flags of every run."""
    if options.tiny:
        small = ["--samples", "16", "--sequence-length", "128"]
        for dtype in ["float32", "bfloat16"]:
            for pattern in [["--sparsity", "50%"], ["--pattern", "2:4"]]:
                for method in ["magnitude", "wanda", "sparsegpt", "wanda++"]:
                    yield (
                        f"tiny {dtype} {method} {pattern[1]}",
                        options.tiny,
                        small + pattern + ["--method", method, "--dtype", dtype],
                    )
                yield (
                    f"tiny {dtype} wanda++ paper {pattern[1]}",
                    options.tiny,
                    small + pattern + ["--preset", "paper", "--dtype", dtype],
                )
            for method in ["wanda", "wanda++"]:
                yield (
                    f"tiny {dtype} {method} search",
                    options.tiny,
                    small + ["--method", method, "--allocate", "search", "--sparsity", "50%", "--dtype", dtype],
                )
            yield (
                f"tiny {dtype} wanda owl",
                options.tiny,
                small + ["--method", "wanda", "--allocate", "owl", "--sparsity", "50%", "--dtype", dtype],
            )
            for uniform in [[], ["--uniform"]]:
                yield (
                    f"tiny {dtype} tyr quick {''.join(uniform)}".strip(),
                    options.tiny,
                    small + uniform + ["--method", "tyr", "--effort", "quick", "--sparsity", "25%", "--dtype", dtype],
                )
    if options.real:
        for method in ["wanda", "sparsegpt", "wanda++"]:
            yield (
                f"real float32 {method} 2:4",
                options.real,
                [
                    "--method",
                    method,
                    "--pattern",
                    "2:4",
                    "--samples",
                    "8",
                    "--sequence-length",
                    "256",
                    "--dtype",
                    "float32",
                ],
            )


def digest(folder):
    total = hashlib.sha256()
    for file in sorted(pathlib.Path(folder).glob("*.safetensors")):
        total.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


before = {}
if options.against:
    before = dict(line.split("\t")[:2] for line in pathlib.Path(options.against).read_text().splitlines())
differ = 0
for name, model, flags in runs():
    if options.only not in name:
        continue
    with tempfile.TemporaryDirectory() as folder:
        output = f"{folder}/out"
        command = [
            options.binary,
            "prune",
            model,
            "-o",
            output,
            "--calibration",
            options.text,
            "--threads",
            "1",
            "--seed",
            "0",
            "--device",
            "cpu",
            "--quiet",
            *flags,
        ]
        run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        result = digest(output) if run.returncode == 0 else f"exit {run.returncode}: {run.stderr.strip()[:200]!r}"
    mark = ""
    if name in before and before[name] != result:
        differ += 1
        mark = "\tDIFFERS"
    print(f"{name}\t{result}{mark}", flush=True)
if differ:
    sys.exit(f"{differ} runs wrote other weights than before")
