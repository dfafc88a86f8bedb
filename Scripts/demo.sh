#!/usr/bin/env bash
# Prunes a real model to the pattern 2:4 with four methods, and prints what each cost in quality, on news articles that
# no method has seen; then takes the best one on to a benchmark, a gate, a report and a last check of its files. Every
# command that is run is shown, so that it can be run by hand.
#
#   Scripts/demo.sh [BINARY]      called by `make demo`; without BINARY the release build is taken
#   Scripts/demo.sh --files       only lay out the files that the documents name, in demo-output (`make demo-files`)
#
# The settings below can be set from the environment.
set -euo pipefail

SAMPLES=${SAMPLES:-16}       # calibration samples
LENGTH=${LENGTH:-512}        # tokens of each
CONTEXT=${CONTEXT:-512}      # tokens of an evaluation window
TOKENS=${TOKENS:-48}         # tokens of the samples of text at the end
PROMPT=${PROMPT:-"The prime minister told reporters on Tuesday that"}

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$scripts")
# shellcheck source=Scripts/common.sh
. "$scripts/common.sh"

# The names that the examples of the documents use, so that they can be pasted in this folder.
lay_out_files() {
    local file
    mkdir -p "$output"
    ln -sfn "$model" "$output/model.gguf"
    ln -sfn "$calibration" "$output/news.txt"
    ln -sfn "$evaluation" "$output/heldout.txt"
    for file in log.jsonl golden.json capitals.yaml capitals.jsonl; do cp "$root/examples/$file" "$output/$file"; done
}

output=$root/demo-output
if [ "${1:-}" = --files ]; then
    paths=$("$scripts/fetch-demo.sh")
    { read -r model; read -r calibration; read -r evaluation; } <<<"$paths"
    lay_out_files
    echo "The files that the documents name are in $output: model.gguf, news.txt, heldout.txt, log.jsonl and golden.json."
    exit 0
fi

tool=${1:-$root/.build/release/espalier}
[ -x "$tool" ] || fail "no built tool at $tool" "run: make demo"
case $tool in /*) ;; *) tool=$PWD/$tool ;; esac
# What is shown can be pasted in the folder where it runs.
espalier() { "$tool" "$@"; }
command -v "$python" >/dev/null 2>&1 || fail "$python not found; the demo prints its table with it" "another interpreter: set PYTHON to it"

# Nothing is fetched here where `make demo` has fetched it.
paths=$("$scripts/fetch-demo.sh")
{ read -r model; read -r calibration; read -r evaluation; } <<<"$paths"
lay_out_files
cd "$output"

heading() { printf '\n== %s\n' "$*"; }

# Shows a command as one would type it, then runs it.
run() {
    local word line='$'
    for word in "$@"; do
        case $word in
        *[!A-Za-z0-9_./:=+-]*) line="$line '$(printf '%s' "$word" | sed "s/'/'\\\\''/g")'" ;;
        *) line="$line $word" ;;
        esac
    done
    printf '%s\n' "$line" >&2
    "$@"
}

heading "The model, dense"
echo "SmolLM2-135M-Instruct from a 4-bit GGUF, dequantised; perplexity on 50 news articles, windows of $CONTEXT tokens."
run espalier evaluate model.gguf --text heldout.txt --context "$CONTEXT" --output dense.json

methods="magnitude wanda sparsegpt wanda++"
for method in $methods; do
    # What an earlier demo left: `--overwrite` would move it aside and keep it.
    rm -rf "${output:?}/$method" "${output:?}/$method".partial*
    heading "Pruned to 2:4 with $method ($SAMPLES samples of $LENGTH tokens from 250 other articles)"
    run espalier prune model.gguf --output "$method" --method "$method" --pattern 2:4 \
        --calibration news.txt --samples "$SAMPLES" --sequence-length "$LENGTH" --json \
        >"$method.prune.json"
    # In the folder, `report` finds it.
    run espalier evaluate "$method" --against model.gguf --text heldout.txt --context "$CONTEXT" \
        --output "$method/results.json"
done

heading "What each method cost"
# shellcheck disable=SC2086  # one word for each method
"$python" - "$output" "$model" $methods <<'PYTHON'
import glob, json, os, sys

output, model, *methods = sys.argv[1:]

def read(name):
    with open(os.path.join(output, name), encoding="utf-8") as source:
        return json.load(source)

def only(table):
    (value,) = table.values()
    return value

def row(name, evaluation, seconds, size):
    divergence = only(evaluation["divergence"]) if evaluation.get("divergence") else None
    return (
        name,
        f"{only(evaluation['perplexity'])['value']:.3f}",
        f"{divergence['kl']:.4f}" if divergence else "-",
        f"{100 * divergence['top1_agreement']:.1f} %" if divergence else "-",
        f"{seconds:.0f} s" if seconds is not None else "-",
        f"{size / 1e6:.1f} MB",
    )

rows = [("method", "perplexity", "KL to dense", "top-1 agreement", "prune time", "weights on disk")]
rows.append(row("dense", read("dense.json"), None, os.path.getsize(model)))
for method in methods:
    folder = os.path.join(output, method)
    size = sum(os.path.getsize(file) for file in glob.glob(os.path.join(glob.escape(folder), "*.safetensors")))
    rows.append(row(method, read(os.path.join(method, "results.json")), read(method + ".prune.json")["seconds"], size))
widths = [max(len(cells[column]) for cells in rows) for column in range(len(rows[0]))]
for index, cells in enumerate(rows):
    line = [cells[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]
    print("  ".join(line).rstrip())
    if index == 0:
        print("  ".join("-" * width for width in widths))
scored = only(read("dense.json")["perplexity"])["tokens"]
print()
print(f"Perplexity: lower is better; {scored} tokens scored. KL: nats per token between the dense model's predictions and")
print("the pruned one's; top-1 agreement: how often both put the same token first. Every second weight of the blocks'")
print("linears is zero. Zeros are stored in full, two bytes each, where the dense GGUF has 4 bits a weight: 2:4 pays where")
print("the hardware or the file format makes use of it.")
PYTHON

heading "The same prompt, dense and pruned (greedy)"
dense_text=$(run espalier generate model.gguf --prompt "$PROMPT" --max-tokens "$TOKENS")
pruned_text=$(run espalier generate wanda++ --prompt "$PROMPT" --max-tokens "$TOKENS")
"$python" - "$PROMPT" "$dense_text" "$pruned_text" <<'PYTHON'
import itertools, sys, textwrap

prompt, *texts = sys.argv[1:]
width = 56
columns = [textwrap.wrap(" ".join(text.split()), width) for text in texts]
print(f"\n{prompt} ...\n")
print(f"{'dense':{width}}   2:4 by wanda++")
print("-" * width + "   " + "-" * width)
for left, right in itertools.zip_longest(*columns, fillvalue=""):
    print(f"{left:{width}}   {right}".rstrip())
PYTHON

best=wanda++
heading "Speed in this engine, dense and pruned"
run espalier benchmark "$best" --against model.gguf --prompt 128 --batch 1 --new-tokens 16 --repeats 3 --output "$best/benchmark.json"

heading "The gate: good enough for which stage?"
rm -f gate.yaml
run espalier gate --init gate.yaml
run espalier generate "$best" --golden golden.json --max-tokens 16 --output answers.json
for stage in canary poc; do
    # 2 is the verdict "fail", which is a result here and no accident.
    verdict=0
    run espalier gate "$best/results.json" --rules gate.yaml --stage "$stage" \
        --golden answers.json --output "$best/gate.json" || verdict=$?
    [ "$verdict" = 0 ] || [ "$verdict" = 2 ] || exit "$verdict"
done

heading "The report, and a last check of the files"
# shellcheck disable=SC2086  # one folder for each method
run espalier report $methods --output report.html
run espalier verify "$best"

printf '\nThe whole demo took %d min %d s. The pruned models and report.html are in %s.\n' $((SECONDS / 60)) $((SECONDS % 60)) "$output"
