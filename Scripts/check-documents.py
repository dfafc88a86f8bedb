#!/usr/bin/env python3
"""Runs every command of the documents that a reader pastes into a shell, in the order of the pages.

    check-documents.py BINARY

Blocks between ``` that begin with `espalier`, `cd`, `export` and the like are taken from README.md and the pages below. The
model is a small trained one under the name that the documents use; it, texts and task sets are looked for in the folder
ESPALIER_TEST_DATA, and without it nothing is checked, which is said. Commands of other programs are left out. A command
may end with a verdict (2 or 3) where the page is about verdicts. Links between the documents are followed, too.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [
    "README.md",
    *(f"Documentation/{name}.md" for name in ("GettingStarted", "Gate", "Watch", "Tasks", "Serve", "Recover")),
]
# A small model pruned by half is no candidate for a roll-out, and a model may be refused by its rules.
VERDICTS = {"gate": {0, 2, 3}, "watch": {0, 2}}
# What the test data does not hold.
MISSING_SETS = {"mmlu"}


def commands(page):
    """The lines of the page's blocks that call the tool, without what follows a #."""
    found, inside, continues = [], False, False
    for number, line in enumerate((ROOT / page).read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            inside, continues = not inside, False
            continue
        if not inside or not (continues or line.startswith("espalier ")):
            continue
        if not continues:
            found.append((number, ""))
        part = re.sub(r"\s+#.*$", "", line)
        continues = part.endswith("\\")
        found[-1] = (found[-1][0], f"{found[-1][1]} {part.removesuffix(chr(92)).strip()}".lstrip())
    return found


def check_links():
    broken = []
    pages = [*ROOT.glob("*.md"), *ROOT.glob("Documentation/**/*.md"), *ROOT.glob("examples/*.md")]
    pages += ROOT.glob("Benchmarks/*.md")

    def anchors(path):
        heads = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}

    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if target.startswith(("http:", "https:", "mailto:")):
                continue
            name, _, anchor = target.partition("#")
            path = (page.parent / name).resolve() if name else page
            if not path.exists():
                broken.append(f"{page.relative_to(ROOT)}: {target} does not exist")
            elif anchor and anchor not in anchors(path):
                broken.append(f"{page.relative_to(ROOT)}: {target} has no such heading")
    return broken


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    failed = check_links()
    shared = os.environ.get("ESPALIER_TEST_DATA")
    model = pathlib.Path(shared or "") / "models" / "stories260K" / "hf"
    text = pathlib.Path(shared or "") / "data" / "tinystories" / "exllamav2-tiny.utf8"
    count = 0
    if not shared or not model.is_dir() or not text.is_file():
        print("skipped: the commands; set ESPALIER_TEST_DATA to a folder with models/stories260K/hf and data")
    else:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "bin").mkdir()
            (folder / "bin" / "espalier").symlink_to(binary)
            environment = dict(os.environ, PATH=f"{folder / 'bin'}:{os.environ['PATH']}", COLUMNS="80")
            for page in PAGES:
                work = folder / pathlib.Path(page).stem
                work.mkdir()
                (work / "model.gguf").symlink_to(model)
                stories = text.read_text(encoding="utf-8")
                (work / "news.txt").write_text(stories[:120_000], encoding="utf-8")
                (work / "heldout.txt").write_text(stories[-12_000:], encoding="utf-8")
                for example in (ROOT / "examples").iterdir():
                    if example.name != "gate.yaml":
                        shutil.copy(example, work)
                (work / "sets").mkdir()
                for path in (pathlib.Path(shared) / "data" / "tasks").iterdir():
                    # As many items as a minute allows.
                    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:60]
                    (work / "sets" / path.name).write_text("".join(lines), encoding="utf-8")
                setup = []
                if "README" not in page and "GettingStarted" not in page:
                    # These pages begin with a pruned model and its results.
                    setup = [
                        "espalier prune model.gguf --output pruned --method magnitude --sparsity 10%",
                        "espalier evaluate pruned --against model.gguf --text heldout.txt --output results.json",
                    ]
                if "Gate" in page:
                    # This one gates a recovered model, too.
                    setup += [
                        "espalier recover pruned --teacher model.gguf --output recovered --calibration news.txt --steps 8",
                        *(
                            f"espalier evaluate {name} --against model.gguf --text heldout.txt --output {name}/results.json"
                            for name in ("pruned", "recovered")
                        ),
                    ]
                for number, command in [*((0, line) for line in setup), *commands(page)]:
                    verb = command.split()[1]
                    if any(name in command for name in MISSING_SETS):
                        continue
                    start = time.monotonic()
                    done = subprocess.run(
                        ["bash", "-c", command], cwd=work, env=environment, capture_output=True, text=True, timeout=600
                    )
                    count += 1
                    print(f"{time.monotonic() - start:6.1f} s  {command[:100]}", flush=True)
                    if done.returncode not in VERDICTS.get(verb, {0}):
                        failed.append(
                            f"{page}:{number}: {command}\n  ended with {done.returncode}: {done.stderr[-600:]}"
                        )
    if failed:
        sys.exit("documents:\n" + "\n".join(failed))
    print(f"documents: links hold, and {count} commands ran")


main()
