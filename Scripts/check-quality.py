#!/usr/bin/env python3
"""Prunes a small trained model by every method and checks what it cost against recorded figures, by `espalier gate`.

    check-quality.py BINARY            check; fails when a figure is worse than the recorded one by more than its tolerance
    check-quality.py BINARY --record   write the figures of this machine into quality.tsv

The model (stories260K, a Llama of 260,000 parameters trained on children's stories) and the text are looked for in the
folder ESPALIER_TEST_DATA; without them nothing is checked, which is said. A run is also killed at three moments and
resumed: the weights must be those of the run that nobody killed.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "Scripts" / "quality.tsv"
# Other processors round otherwise, and a search that takes another turn ends elsewhere.
TOLERANCE = {"tyr": 1.10}
DEFAULT_TOLERANCE = 1.03
PRUNED = {
    "magnitude": ["--method", "magnitude"],
    "wanda": ["--method", "wanda"],
    "sparsegpt": ["--method", "sparsegpt"],
    "wanda++": ["--method", "wanda++"],
    "wanda++ paper": ["--method", "wanda++", "--preset", "paper"],
}
ARMS = {f"{name} 2:4": [*flags, "--pattern", "2:4"] for name, flags in PRUNED.items()}
ARMS |= {f"{name} 50%": [*flags, "--sparsity", "50%"] for name, flags in PRUNED.items()}
ARMS |= {
    "wanda owl 60%": ["--method", "wanda", "--sparsity", "60%", "--allocate", "owl"],
    "wanda search 60%": ["--method", "wanda", "--sparsity", "60%", "--allocate", "search"],
    "tyr 25%": ["--method", "tyr", "--sparsity", "25%", "--effort", "quick"],
    "tyr uniform 25%": ["--method", "tyr", "--sparsity", "25%", "--effort", "quick", "--uniform"],
}


def tool(binary, *arguments, expect=(0,)):
    done = subprocess.run([binary, *arguments], capture_output=True, text=True)
    if done.returncode not in expect:
        sys.exit(f"espalier {' '.join(arguments)}\nended with {done.returncode}:\n{done.stderr}{done.stdout}")
    return done


def weights(folder):
    digest = hashlib.sha256()
    for path in sorted(pathlib.Path(folder).glob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def recorded():
    figures = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "arm\t")):
            arm, ratio, kl = line.split("\t")
            figures[arm] = (float(ratio), float(kl))
    return figures


def check_arms(binary, model, data, work, record):
    figures = {} if record else recorded()
    if not record and set(figures) != set(ARMS):
        sys.exit(f"{TABLE}: its arms are not those of this script: {sorted(set(figures) ^ set(ARMS))}")
    failed, lines = [], []
    for arm, flags in ARMS.items():
        start = time.monotonic()
        output = work / "pruned"
        shutil.rmtree(output, ignore_errors=True)
        common = ["--threads", "1", "--dtype", "float32", "--quiet"]
        tool(binary, "prune", model, "--output", str(output), *flags, *calibration(data), *common)
        results = work / "results.json"
        texts = ["--text", str(work / "heldout.txt"), "--context", "256"]
        tool(binary, "evaluate", str(output), "--against", model, *texts, "--output", str(results), *common)
        found = json.loads(results.read_text(encoding="utf-8"))
        (name,) = found["divergence"]
        kl = found["divergence"][name]["kl"]
        ratio = found["perplexity"][name]["value"] / found["divergence"][name]["against_perplexity"]
        seconds = time.monotonic() - start
        if record:
            lines.append(f"{arm}\t{ratio:.6f}\t{kl:.6f}")
            print(f"{arm:20} ratio {ratio:8.4f}   KL {kl:7.4f}   {seconds:5.1f} s")
            continue
        known, known_kl = figures[arm]
        tolerance = TOLERANCE.get(arm.split()[0], DEFAULT_TOLERANCE)
        rules = work / "gate.yaml"
        rules.write_text(
            "version: 1\nstages:\n  full:\n"
            f"    perplexity_ratio: {{max: {known * tolerance:.6f}}}\n    kl: {{max: {known_kl * tolerance:.6f}}}\n",
            encoding="utf-8",
        )
        verdict = tool(binary, "gate", str(results), "--rules", str(rules), "--quiet", expect=(0, 2, 3))
        word = {0: "pass", 2: "FAIL", 3: "NOT COMPARABLE"}[verdict.returncode]
        figures_text = f"ratio {ratio:8.4f} (recorded {known:8.4f})   KL {kl:7.4f} ({known_kl:7.4f})"
        print(f"{arm:20} {figures_text}   {word}   {seconds:5.1f} s")
        if verdict.returncode:
            failed.append(arm)
            print(verdict.stdout, end="")
    if record:
        heading = "# Written by check-quality.py --record: perplexity over the dense model's, and KL in nats.\n"
        TABLE.write_text(heading + "arm\tratio\tkl\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return failed


def calibration(data, samples=16):
    return ["--calibration", str(data / "calibration.txt"), "--samples", str(samples), "--sequence-length", "128"]


def check_resume(binary, model, data, work):
    """Kills a run at three moments, each time another one, and resumes it to its end."""
    # Long enough that starting and ending are a small part of it.
    flags = ["--pattern", "2:4", *calibration(data, samples=96), "--threads", "1", "--dtype", "float32", "--quiet"]
    whole = work / "whole"
    start = time.monotonic()
    tool(binary, "prune", model, "--output", str(whole), *flags)
    seconds = time.monotonic() - start
    expected, failed, resumed = weights(whole), [], 0
    for share in (0.25, 0.5, 0.75):
        output = work / f"killed-{share}"
        process = subprocess.Popen(
            [binary, "prune", model, "--output", str(output), *flags],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(seconds * share)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # On a machine that has become faster the run may have ended before.
        if not output.exists():
            resumed += 1
            tool(binary, "resume", str(output), "--quiet")
        same = weights(output) == expected
        print(f"killed after {share:.0%} of {seconds:.1f} s and resumed: {'same weights' if same else 'OTHER WEIGHTS'}")
        if not same:
            failed.append(f"resumed after {share:.0%}")
    if resumed < 2:
        failed.append("the runs ended before they could be killed")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    shared = os.environ.get("ESPALIER_TEST_DATA")
    model = pathlib.Path(shared or "") / "models" / "stories260K" / "hf"
    texts = pathlib.Path(shared or "") / "data" / "tinystories" / "exllamav2-tiny.utf8"
    if not shared or not model.is_dir() or not texts.is_file():
        print("skipped: set ESPALIER_TEST_DATA to a folder with models/stories260K/hf and data/tinystories")
        return
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        text = texts.read_text(encoding="utf-8")
        cut = text.rfind("\n\n", 0, len(text) * 3 // 4) + 2
        (work / "calibration.txt").write_text(text[:cut], encoding="utf-8")
        (work / "heldout.txt").write_text(text[cut:][:20_000], encoding="utf-8")
        failed = check_arms(options.binary, str(model), work, work, options.record)
        failed += check_resume(options.binary, str(model), work, work)
    if failed:
        sys.exit("quality: failed: " + ", ".join(failed))
    print("quality: every method holds its figures, and killed runs resume to the same weights")


main()
