#!/usr/bin/env python3
"""Fails every write, fsync, rename, close, open, mkdir, truncate and unlink of the verbs that write, one at a time.

    python3 Fuzz/Faults/inject.py ESPALIER [SCENARIO...]

Each scenario runs once to count the calls, then once for each call that fails, once for each at which the process is
killed, and under file size limits. After each run:

- the exit code is one that is documented: 0, 74, 75, or the verdict's own; a code that is not 0 has a message;
- a file with a final name is whole: the old one or the new one, and nothing beside the outputs changed;
- no temporary file stays (but after a kill);
- an interrupted prune goes on with `resume`, or starts again, and ends with the same weights.
"""

import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
base = os.path.join(os.path.dirname(here), "Base")
KINDS = {
    "write": ["28", "short"],
    "fsync": ["5"],
    "rename": ["5"],
    "close": ["5"],
    "open": ["13"],
    "mkdir": ["28"],
    "truncate": ["5"],
    "unlink": ["5"],
}


class Scenario:
    """A command, what it needs first, and the outputs that it may change."""

    def __init__(self, command, outputs, before=(), code=0, grows=()):
        self.command, self.outputs, self.before, self.code, self.grows = command, outputs, before, code, grows


PRUNE = "prune model -o out --method magnitude --sparsity 0.5 --threads 1"
WANDA = (
    "prune model -o out --method wanda --pattern 2:4 --calibration calibration.txt --samples 4 "
    "--sequence-length 16 --threads 1"
)
GATE = (
    "gate evidence/results.json --rules evidence/gate.yaml --baseline evidence/dense.json --golden "
    "evidence/golden.json --output gate.json --junit gate.xml --summary gate.md"
)
WATCH = "watch model --reference ref.safetensors --history h.jsonl --prometheus m.prom"
REFERENCE = "watch model --write-reference ref.safetensors --prompts prompts.jsonl --top 4"
SCENARIOS = {
    "prune": Scenario(PRUNE, ["out"]),
    "prune-wanda": Scenario(WANDA, ["out"]),
    "overwrite": Scenario(PRUNE + " --overwrite", ["out"], [WANDA]),
    "resume": Scenario("resume out", ["out"], ["KILLED " + WANDA]),
    "evaluate": Scenario("evaluate model --text calibration.txt --context 16 --output r.json", ["r.json"]),
    "gate": Scenario(GATE, ["gate.json", "gate.xml", "gate.md"], code=None),
    "report": Scenario("report evidence --output page.html", ["page.html", "page.html.charts"]),
    "write-reference": Scenario(REFERENCE, ["ref.safetensors"]),
    "watch": Scenario(WATCH, ["h.jsonl", "m.prom"], [REFERENCE, WATCH], grows=["h.jsonl"]),
}


def digests(folder):
    found = {}
    for root, folders, files in os.walk(folder):
        for name in files + [f for f in folders if os.path.islink(os.path.join(root, f))]:
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


class Harness:
    def __init__(self, program):
        self.program = os.path.abspath(program)
        self.work = tempfile.mkdtemp(prefix="espalier-faults.")
        self.shim = os.path.join(self.work, "failing_files.so")
        subprocess.run(
            [
                os.environ.get("CC", "cc"),
                "-O1",
                "-shared",
                "-fPIC",
                "-o",
                self.shim,
                os.path.join(here, "failing_files.c"),
                "-ldl",
            ],
            check=True,
        )
        self.findings, self.runs = [], 0

    def run(self, folder, command, fault=None, count=None, limit=None):
        environment = dict(os.environ)
        if fault or count:
            environment["LD_PRELOAD"] = self.shim
        if fault:
            environment["ESPALIER_FAIL"] = fault
        if count:
            environment["ESPALIER_FAIL_COUNT"] = count

        def limited():
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        done = subprocess.run(
            [self.program, *command.split()],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=120,
            preexec_fn=limited,
        )
        self.runs += 1
        return done.returncode, done.stderr.decode(errors="replace")

    def lay(self, name, scenario):
        """A folder in which the scenario can begin, made once and copied."""
        ready = os.path.join(self.work, name + ".ready")
        if not os.path.exists(ready):
            os.makedirs(ready)
            shutil.copytree(base + "/model", ready + "/model")
            shutil.copytree(base + "/evidence", ready + "/evidence")
            shutil.copy(base + "/calibration.txt", ready)
            with open(ready + "/prompts.jsonl", "w") as file:
                file.write('{"prompt": "The tree", "completion": " pear"}\n')
            for command in scenario.before:
                if command.startswith("KILLED "):
                    code, text = self.run(ready, command[7:], fault="rename:4:kill")
                    assert code == 137, (code, text)
                else:
                    code, text = self.run(ready, command)
                    assert code in (0, 2), (command, code, text)
        folder = os.path.join(self.work, "run")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ready, folder, symlinks=True)
        return folder

    def finding(self, where, text):
        self.findings.append(f"{where}: {text}")
        print("FINDING " + self.findings[-1], flush=True)

    def scenario(self, name, scenario):
        folder = self.lay(name, scenario)
        old = digests(folder)
        counts = os.path.join(self.work, "counts")
        code, text = self.run(folder, scenario.command, count=counts)
        expected = code if scenario.code is None else scenario.code
        assert code == expected, (name, code, text)
        new = digests(folder)
        with open(counts) as file:
            numbers = {kind: int(count) for kind, count in (line.split() for line in file)}
        before = self.runs
        for kind, hows in KINDS.items():
            for call in range(1, numbers[kind] + 1):
                for how in hows + ["kill"]:
                    self.check(name, scenario, f"{kind}:{call}:{how}", old, new, expected)
        for limit in (1, 100, 1000, 4096, 20000):
            self.check(name, scenario, None, old, new, expected, limit)
        print(f"{name}: {numbers}, {self.runs - before} runs", flush=True)

    def check(self, name, scenario, fault, old, new, expected, limit=None):
        folder = self.lay(name, scenario)
        where = f"{name} {fault or f'limit {limit}'}"
        is_kill = bool(fault) and fault.endswith("kill")
        code, text = self.run(folder, scenario.command, fault, None, limit)
        allowed = {137} if is_kill else {0, 74, 75, expected}
        if code not in allowed and not (is_kill and code == expected):
            self.finding(where, f"exit code {code}: {text.strip()[-300:]}")
        if code not in (0, 2, 3, 137) and "error:" not in text:
            self.finding(where, f"exit code {code} without a message: {text.strip()[-200:]}")
        now = digests(folder)
        for path, digest in old.items():
            if (
                path.split("/")[0].removesuffix(".lock").removesuffix(".partial") not in scenario.outputs
                and now.get(path) != digest
            ):
                self.finding(where, f"{path} was changed or is gone")
        staging = [f"{o}.partial" for o in scenario.outputs] + [f"{o}.partial.lock" for o in scenario.outputs]
        previous = [f"{o}.previous-1" for o in scenario.outputs]
        for path, digest in now.items():
            top = path.split("/")[0]
            if path in old and old[path] == digest or top in staging or top in previous:
                continue
            if is_kill and path.endswith(".espalier-tmp"):
                continue
            if top in scenario.outputs:
                self.look_at_output(where, folder, scenario, path, digest, old, new)
            elif not is_kill:
                self.finding(where, f"{path} stays")
        if "out" in scenario.outputs:
            self.go_on(where, folder, scenario, code, old, new)

    def look_at_output(self, where, folder, scenario, path, digest, old, new):
        with open(os.path.join(folder, path), "rb") as file:
            content = file.read()
        if path in scenario.grows:
            if content and not content.endswith(b"\n"):
                self.finding(where, f"{path} has a torn line")
        elif path.endswith(".safetensors") and digest != new.get(path):
            self.finding(where, f"{path} is neither the old nor the new one")
        elif not content.strip():
            self.finding(where, f"{path} is empty")
        elif path.endswith(".json"):
            import json

            try:
                json.loads(content)
            except ValueError as error:
                self.finding(where, f"{path} is torn: {error}")

    def go_on(self, where, folder, scenario, code, old, new):
        """Whatever happened, the work can be brought to its end, and the weights are the same."""
        weights = {path: digest for path, digest in new.items() if path.startswith("out/") and "safetensors" in path}
        if code == 137 or not os.path.exists(folder + "/out") or os.path.exists(folder + "/out.partial"):
            again, text = self.run(folder, "resume out")
            if again == 66:
                command = scenario.command if not scenario.command.startswith("resume") else WANDA
                again, text = self.run(folder, command)
            if again != 0:
                return self.finding(where, f"after {code} it cannot go on: {again} {text.strip()[-300:]}")
        elif code == 74 and scenario.command.endswith("--overwrite"):
            self.run(folder, scenario.command)
        now = digests(folder)
        # A replacement that was never begun leaves the old output.
        is_old = all(now.get(path) == old.get(path) for path in weights)
        if not is_old and any(now.get(path) != digest for path, digest in weights.items()):
            self.finding(where, "the weights differ")
        verified, text = self.run(folder, "verify out")
        if verified != 0:
            self.finding(where, f"verify says {verified}: {text.strip()[-200:]}")
        # A name whose removal was refused is there still, and in nobody's way.
        stray = [name for name in os.listdir(folder) if ".partial" in name or "tmp" in name if " unlink:" not in where]
        if stray:
            self.finding(where, f"stays after all: {stray}")


def main():
    harness = Harness(sys.argv[1])
    try:
        for name in sys.argv[2:] or SCENARIOS:
            harness.scenario(name, SCENARIOS[name])
    finally:
        shutil.rmtree(harness.work, ignore_errors=True)
    print(f"{harness.runs} runs, {len(harness.findings)} findings")
    sys.exit(1 if harness.findings else 0)


main()
