#!/usr/bin/env bash
# Prunes a real model by every method on the processor and on a GPU, and fails unless both give models of the same quality.
#
#   Scripts/check-cuda.sh [BINARY]      called by `make check-cuda`; without BINARY the release build is taken
#
#   DEVICE=cuda     the device that is held against the processor
#   MODEL, TEXT     another model and calibration text than the demo's
#   WITHIN=0.05     how far the two perplexities may lie apart, as a share. Products in another order choose other weights
#                   where scores tie, and optimisers carry that on.
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$scripts")
# shellcheck source=Scripts/common.sh
. "$scripts/common.sh"

espalier=${1:-$root/.build/release/espalier}
device=${DEVICE:-cuda}
within=${WITHIN:-0.05}
[ -x "$espalier" ] || fail "no built tool at $espalier" "run: make build"
command -v "$python" >/dev/null 2>&1 || fail "$python not found; the comparison is made with it" "another interpreter: set PYTHON to it"
if [ -z "${MODEL:-}" ] || [ -z "${TEXT:-}" ]; then
    paths=$("$scripts/fetch-demo.sh")
    { read -r model; read -r text; read -r _; } <<<"$paths"
fi
model=${MODEL:-$model}
text=${TEXT:-$text}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$espalier" evaluate "$model" --text "$text" --context 128 --windows 1 --device "$device" --quiet >/dev/null

# Prunes on a device in float32, and prints the perplexity that the processor finds.
perplexity() {
    local on=$1
    shift
    "$espalier" prune "$model" --output "$work/pruned" --overwrite --calibration "$text" --samples 16 --sequence-length 128 \
        --dtype float32 --device "$on" --quiet "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
    "$espalier" evaluate "$work/pruned" --text "$text" --context 128 --windows 32 --dtype float32 --device cpu --quiet --json |
        "$python" -c 'import json, sys; print(next(iter(json.load(sys.stdin)["perplexity"].values()))["value"])'
}

failed=0
while read -r line; do
    # shellcheck disable=SC2086
    if here=$(perplexity cpu $line) && there=$(perplexity "$device" $line); then
        verdict=$("$python" -c 'import sys; a, b, w = map(float, sys.argv[1:]); print("ok" if abs(b / a - 1) <= w else "APART")' "$here" "$there" "$within")
    else
        here=${here:-none} there=none verdict=FAILED
    fi
    [ "$verdict" = ok ] || failed=1
    printf '%-6s cpu %.7s  %s %.7s  %s\n' "$verdict" "$here" "$device" "$there" "$line"
done <<'METHODS'
--method magnitude --pattern 2:4
--method wanda --pattern 2:4
--method sparsegpt --pattern 2:4
--method sparsegpt --sparsity 50%
--method wanda++ --pattern 2:4
--method wanda++ --sparsity 60% --allocate search
--method tyr --sparsity 25% --effort quick
--method tyr --sparsity 25% --effort quick --uniform
METHODS
exit $failed
