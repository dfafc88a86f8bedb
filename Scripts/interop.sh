#!/usr/bin/env bash
# Loads what `espalier export` and `prune` write in the runtimes that serve it, and compares greedy tokens with
# Espalier's own (Interop/interop.py).
#
#   Scripts/interop.sh BINARY           a real model, dense and pruned by 25 and 50 %, in transformers, vLLM, llama.cpp and
#                                       mlx-lm; fetches their packages (2 GB), builds llama.cpp, takes an hour
#   Scripts/interop.sh BINARY --quick   a tiny model in the reader of GGUF's own package and, where its environment was made
#                                       (4 GB: Interop/interop.py makes it) or ESPALIER_TRANSFORMERS is set, in transformers;
#                                       it is looked for in ESPALIER_TEST_DATA, and nothing is done without it
#
#   ESPALIER_CACHE=DIR   where environments and exports are kept (default: espalier in the user's cache folder)
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$scripts")
# shellcheck source=Scripts/common.sh
. "$scripts/common.sh"

binary=${1:?"usage: Scripts/interop.sh BINARY [--quick]"}
work=$(cache_folder)/interop
mkdir -p "$work"

# prune NAME FLAGS…: into $models/NAME, unless it is there.
prune() {
    local name=$1
    shift
    [ -e "$models/$name/COMPLETE.json" ] || "$binary" prune "$model" --output "$models/$name" --calibration "$text" \
        --device cpu --quiet "$@" >/dev/null
}

if [ "${2:-}" = --quick ]; then
    model=${ESPALIER_TEST_DATA:-}/models/stories260K/hf
    text=${ESPALIER_TEST_DATA:-}/data/tinystories/cs336-tinystories_sample.txt
    if [ ! -e "$model/config.json" ] || [ ! -e "$text" ]; then
        echo "interop: no tiny model in ESPALIER_TEST_DATA; nothing was checked"
        exit 0
    fi
    models=$(mktemp -d)
    trap 'rm -rf "$models"' EXIT
    small=(--method tyr --effort quick --samples 12 --sequence-length 128 --seed 0)
    prune uniform "${small[@]}" --sparsity 25% --uniform
    prune ragged "${small[@]}" --sparsity 50%
    if [ -n "${ESPALIER_TRANSFORMERS:-}" ] || [ -e "$work/env/transformers/requirements.txt" ]; then
        "$root/Interop/interop.py" --espalier "$binary" --work "$models/work" --environments "$work/env" \
            --runtimes transformers --arm "dense=$model" --arm "uniform=$models/uniform" --arm "ragged=$models/ragged"
    else
        echo "interop: no environment of transformers; it was not asked"
    fi
    packages=$work/gguf
    wanted=$root/Interop/runtimes/requirements-gguf.txt
    if ! cmp -s "$wanted" "$packages/requirements.txt"; then
        require_pip
        mkdir -p "$work/tmp"
        run_pip "$work/tmp" install --quiet --upgrade --only-binary=:all: --target "$packages" --requirement "$wanted" ||
            fail "pip could not get GGUF's package (its message stands above)"
        cp "$wanted" "$packages/requirements.txt"
    fi
    for arm in uniform ragged; do
        for type in F32 Q8_0 Q5_1 Q4_0; do
            "$binary" export "$models/$arm" --to gguf --type "$type" --output "$models/$arm-$type.gguf" --quiet >/dev/null
            PYTHONPATH=$packages "$python" "$root/Interop/check_gguf.py" "$models/$arm-$type.gguf" "$models/$arm"
        done
    done
    exit 0
fi

paths=$("$scripts/fetch-demo.sh")
{ read -r model; read -r text; read -r _; } <<<"$paths"
models=$work/models
mkdir -p "$models"
settings=(--method tyr --effort quick --samples 16 --sequence-length 512 --seed 0)
prune uniform25 "${settings[@]}" --sparsity 25% --uniform
prune ragged25 "${settings[@]}" --sparsity 25%
prune ragged50 "${settings[@]}" --sparsity 50%
prune 2of4 --pattern 2:4 --samples 16 --sequence-length 512
status=0
"$root/Interop/interop.py" --espalier "$binary" --work "$work" --environments "$work/env" --json "$work/results.json" \
    --output "$work/table.md" --arm "dense=$model" --arm "uniform 25 %=$models/uniform25" \
    --arm "ragged 25 %=$models/ragged25" --arm "ragged 50 %=$models/ragged50" --arm "2:4=$models/2of4" || status=1
# Shapes that no search is sure to make.
tiny=${ESPALIER_TEST_DATA:-}/models/stories260K/hf
odd=()
if [ -e "$tiny/model.safetensors" ]; then
    while read -r arm; do odd+=(--arm "$arm"); done < <("$work/env/transformers/bin/python" "$root/Interop/odd_shapes.py" "$tiny" "$work/odd")
    "$root/Interop/interop.py" --espalier "$binary" --work "$work/odd/work" --environments "$work/env" --types F32,F16 \
        --runtimes transformers,llamacpp,mlx --output "$work/odd.md" "${odd[@]}" || status=1
fi
echo "the table is $work/table.md; what the last run found stands in Documentation/Interop.md"
exit $status
