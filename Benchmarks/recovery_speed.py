#!/usr/bin/env python3
"""Steps of `espalier recover` beside the same in plain PyTorch (Interop/recovery_reference.py), in turn.

    recovery_speed.py STUDENT TEACHER TOKENS --espalier BINARY --python PYTHON [--steps 6] [--batch 4] [--rounds 3]
                      [--arms all-float32,lora-bfloat16,…] [--device cpu|cuda]

An arm is what is trained and the products' type, with "-checkpointing" where both keep only the blocks' inputs, and with
"-offload" where ours, which then does so and has its state on the disk, stands beside PyTorch that keeps everything. Each
round runs PyTorch, then Espalier; the ratio is of the medians of seconds a step, without loading. Both train on the same
sequences in the same order, and the largest difference of their losses stands beside. Memory is the process's, or with
--device cuda what tensors take on the GPU.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("student")
    parser.add_argument("teacher")
    parser.add_argument("tokens")
    parser.add_argument("--espalier", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--arms", default="all-float32,all-bfloat16,lora-float32,lora-bfloat16")
    options = parser.parse_args()
    reference = os.path.join(HERE, "..", "Interop", "recovery_reference.py")
    print("| arm | PyTorch, s a step | Espalier, s a step | ratio | peak memory | losses differ by |")
    print("| --- | --: | --: | --: | --: | --: |")
    for arm in options.arms.split(","):
        parts = arm.split("-")
        trained, dtype, extra = parts[0], parts[1], parts[2:]
        rate = "3e-4" if trained == "all" else "1e-3"
        theirs, ours = [], []
        for _ in range(options.rounds):
            command = [options.python, reference, options.student, options.teacher, options.tokens]
            command += ["--train", trained, "--dtype", dtype, "--steps", str(options.steps)]
            command += ["--batch", str(options.batch), "--learning-rate", rate, "--threads", str(options.threads)]
            command += ["--device", options.device]
            if "checkpointing" in extra:
                command.append("--checkpointing")
            theirs.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
            work = tempfile.mkdtemp()
            command = [options.espalier, "recover", options.student, "--teacher", options.teacher, "--quiet", "--json"]
            command += ["--calibration", options.tokens, "--samples", "100000", "--no-shuffle", "--held-out", "1"]
            command += ["--train", trained, "--dtype", dtype, "--steps", str(options.steps)]
            command += ["--check-every", str(options.steps), "--batch", str(options.batch), "--learning-rate", rate]
            command += [
                "--threads",
                str(options.threads),
                "--device",
                options.device,
                "--output",
                os.path.join(work, "out"),
            ]
            if "checkpointing" in extra:
                command += ["--checkpointing", "all"]
            if "offload" in extra:
                command += ["--offload", work]
            ours.append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout))
            shutil.rmtree(work)
        key = "peak_memory_bytes" if options.device == "cpu" else "peak_device_memory_bytes"
        # The first step warms up.
        torch = statistics.median(statistics.median(x["seconds"][1:]) for x in theirs)
        own = statistics.median(x["training_seconds"] / options.steps for x in ours)
        memory = [max(x[key] for x in list) / 1e9 for list in (theirs, ours)]
        gap = max(abs(a - b) for a, b in zip(theirs[0]["losses"], ours[0]["training_loss"]))
        print(
            f"| {arm} | {torch:.2f} | {own:.2f} | {torch / own:.2f} | {memory[0]:.2f} GB, {memory[1]:.2f} GB "
            f"| {gap:.1e} |"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
