#!/usr/bin/env bash
# Feeds mutants to every reader for SECONDS in all: Scripts/fuzz.sh [SECONDS] [TARGET...]
#
# With libFuzzer in the toolchain the mutants follow the coverage; without it they come from the committed inputs alone.
# Inputs that crash, hang (10 s) or take more than 2 GB are kept in Fuzz/Findings, and the exit code is 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../Fuzz"

seconds=${1:-60}
shift || true
export ESPALIER_FUZZ_HOME=$PWD
flags=(-c "${FUZZ_CONFIGURATION:-debug}")
clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
if compgen -G "$("$clang" -print-resource-dir 2>/dev/null)/lib/*/libclang_rt.fuzzer*" >/dev/null; then
    product=fuzz-coverage
    flags+=(--sanitize fuzzer --scratch-path .build-coverage)
else
    product=fuzz-mutants
fi
swift build "${flags[@]}" --product "$product" 2>&1 | tail -3
program=$(swift build "${flags[@]}" --show-bin-path)/$product

if [ $# -gt 0 ]; then targets=("$@"); else read -ra targets <targets.txt; fi
each=$((seconds / ${#targets[@]}))
[ "$each" -ge 1 ] || each=1
scratch=$(mktemp -d "$([ -d /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/espalier-fuzz.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p Findings
failed=0
for target in "${targets[@]}"; do
    log=$scratch/log
    if [ "$product" = fuzz-coverage ]; then
        mkdir -p "$scratch/corpus"
        ESPALIER_FUZZ_TARGET=$target ESPALIER_FUZZ_SCRATCH=$scratch "$program" "$scratch/corpus" -seed="${SEED:-1}" \
            -max_total_time="$each" -timeout=10 -rss_limit_mb=2048 -max_len=131072 -detect_leaks=0 -close_fd_mask=1 \
            -print_final_stats=1 -artifact_prefix="Findings/$target-" >"$log" 2>&1 && code=0 || code=$?
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
        echo "$target: ${runs:-0} executions"
        rm -rf "$scratch/corpus"
    else
        ESPALIER_FUZZ_SCRATCH=$scratch "$program" "$target" "$each" "${SEED:-1}" Findings >"$log" 2>&1 && code=0 || code=$?
        grep "^$target: " "$log" || true
    fi
    if [ "$code" -ne 0 ]; then
        failed=1
        echo "$target: FAILED with $code; the end of its log:"
        tail -40 "$log"
    fi
done
exit "$failed"
