#!/usr/bin/env python3
"""Holds the module table of Documentation/Architecture.md against what the sources import.

    module-graph.py           writes the table's column of imports
    module-graph.py --check   fails when a module imports one that stands below it, when a module is missing in the table or
                              the table has one that is not there, when the column is out of date, or when Package.swift
                              declares other dependencies than are imported

The table stands from the ground up, and modules without a tensor stand above CTorch: that they do not import it follows.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "Documentation" / "Architecture.md"
IMPORT = re.compile(r"^(?:@\w+ |public |package |internal |private )*import (?:\w+ )?(\w+)", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|$", re.MULTILINE)


def modules():
    """The imports of every module of Sources among each other."""
    folders = sorted(folder.name for folder in (ROOT / "Sources").iterdir() if folder.is_dir())
    found = {}
    for name in folders:
        imports = set()
        for file in (ROOT / "Sources" / name).rglob("*.swift"):
            imports |= set(IMPORT.findall(file.read_text(encoding="utf-8")))
        found[name] = imports & set(folders)
    return found


def declared():
    """The dependencies of every target of Sources in Package.swift, other packages' products left out."""
    text = (ROOT / "Package.swift").read_text(encoding="utf-8")
    text = text[text.index("targets: [", text.index("dependencies: [\n        .package")) :]
    found = {}
    for part in re.split(r"\n        \.(?=target|testTarget|executableTarget)", text)[1:]:
        kind, name = re.match(r"(\w+)\(\s*name: \"(\w+)\"", part).groups()
        if kind == "testTarget" or "path:" in part:
            continue
        part = re.sub(r"\.product\([^)]*\)", "", part)
        listed = re.search(r"dependencies: \[(.*?)\]", part, re.DOTALL)
        found[name] = set(re.findall(r"\"(\w+)\"", listed.group(1))) if listed else set()
    return found


def main():
    page = PAGE.read_text(encoding="utf-8")
    graph, rows = modules(), [row.group(1) for row in ROW.finditer(page)]
    place = {name: index for index, name in enumerate(rows)}
    faults = [f"{name} is not in the table" for name in graph if name not in place]
    faults += [f"the table has {name}, which is no module" for name in rows if name not in graph]
    for name, imports in graph.items():
        for other in sorted(imports):
            if name in place and other in place and place[other] >= place[name]:
                faults.append(f"{name} imports {other}, which does not stand above it")
    packaged = declared()
    for name, imports in graph.items():
        listed = packaged.get(name, set()) & set(graph)
        # C++ has no import statement.
        if listed != imports:
            faults.append(
                f"Package.swift: {name} declares {', '.join(sorted(listed - imports)) or 'nothing'} too much, "
                f"{', '.join(sorted(imports - listed)) or 'nothing'} too little"
            )

    def row(match):
        name = match.group(1)
        imports = sorted(graph.get(name, set()), key=lambda other: place.get(other, 0))
        return f"| `{name}` |{match.group(2)}| {', '.join(imports)}{' ' if imports else ''}|"

    written = ROW.sub(row, page)
    if "--check" in sys.argv[1:]:
        if written != page:
            faults.append(f"{PAGE} is out of date: run Scripts/module-graph.py")
    else:
        PAGE.write_text(written, encoding="utf-8")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
