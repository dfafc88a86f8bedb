#!/usr/bin/env bash
# Makes .torch in the package root a link to a folder with libtorch's include/ and lib/, which Package.swift builds with.
#
#   LIBTORCH=DIR        take this libtorch, which must have the version below (CPU-only, CUDA or macOS)
#   ESPALIER_CACHE=DIR  where a downloaded libtorch is kept (default: espalier in the user's cache folder)
#   PYTHON=COMMAND      the Python whose pip downloads (default python3)
#
# Without LIBTORCH the libraries are taken from PyTorch's wheel, by pip, once per user. Nothing of Python is kept or run.
set -euo pipefail

version=2.11.0
cuda_packages="nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85"

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$scripts")
link=$root/.torch
# shellcheck source=Scripts/common.sh
. "$scripts/common.sh"

# The version that the headers in $1 state; empty if there are none.
stated_version() {
    local header
    for header in torch/headeronly/version.h torch/version.h torch/csrc/api/include/torch/version.h; do
        if grep -q 'define TORCH_VERSION_MAJOR' "$1/include/$header" 2>/dev/null; then
            awk '/define TORCH_VERSION_(MAJOR|MINOR|PATCH) / { printf "%s%s", dot, $3; dot = "." }' "$1/include/$header"
            return
        fi
    done
}

has_libraries() {
    [ -f "$1/lib/libtorch_cpu.so" ] && [ -f "$1/lib/libc10.so" ] ||
        { [ -f "$1/lib/libtorch_cpu.dylib" ] && [ -f "$1/lib/libc10.dylib" ]; }
}

is_usable() { has_libraries "$1" && [ "$(stated_version "$1")" = "$version" ]; }

make_link() {
    if [ -e "$link" ] && [ ! -L "$link" ]; then
        fail "$link is not a link, and it holds no libtorch $version" "move it away and run this again"
    fi
    if [ "$(readlink "$link" 2>/dev/null || true)" != "$1" ]; then
        ln -sfn "$1" "$link"
        say "libtorch $version: .torch -> $1"
    fi
}

if [ -n "${LIBTORCH:-}" ]; then
    [ -d "$LIBTORCH" ] || fail "LIBTORCH=$LIBTORCH: no such folder"
    given=$(cd "$LIBTORCH" && pwd)
    has_libraries "$given" ||
        fail "LIBTORCH=$given: found no lib/libtorch_cpu and lib/libc10" "expected a folder with include/ and lib/ of libtorch $version"
    found=$(stated_version "$given")
    [ "$found" = "$version" ] ||
        fail "LIBTORCH=$given: found version ${found:-unknown (no include/torch/version.h)}, expected $version" \
            "unset LIBTORCH to have the right one downloaded"
    # Where LIBTORCH is .torch itself there is nothing to link.
    [ "$given" = "$link" ] || make_link "$given"
    exit 0
fi

is_usable "$link" && exit 0

cache=$(cache_folder)
home=$cache/torch-$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)

if ! is_usable "$home/torch"; then
    require_pip
    hold_lock "$cache/.torch.lock"
fi

# Asked again, because another set-up may have finished while this one waited.
if ! is_usable "$home/torch"; then
    case $(uname -s) in
    Darwin) download="about 0.1 GB" disk="0.3 GB" space=700 ;;
    *) download="about 0.55 GB" disk="1.1 GB" space=1900 ;;
    esac
    require_space "$cache" "$space"
    say "Downloading libtorch $version from PyTorch's wheel: $download to download, $disk on disk, once per user."
    say "  to: $home"

    partial=$home.partial
    trap 'rm -rf "$partial"' EXIT
    rm -rf "$partial"
    mkdir -p "$partial/tmp"

    # The wheels for all Pythons hold the same libraries: where this Python has none, another's wheel serves.
    wheel_of=()
    "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' ||
        wheel_of=(--python-version 3.12 --implementation cp --abi cp312)
    install() {
        run_pip "$partial/tmp" install --no-deps --no-compile --no-cache-dir --only-binary=:all: \
            ${wheel_of[@]+"${wheel_of[@]}"} --target "$partial/site" "$@"
    }
    install "torch==$version" ||
        fail "pip could not get torch $version for this system (its message stands above)" \
            "offline, or no wheel for this system: unpack a libtorch $version and set LIBTORCH to it"
    # The CUDA flavour of the CPU library, which is what Linux gets by default, is linked with two small CUDA libraries.
    if grep -aq 'libcudart\.so' "$partial/site/torch/lib/libtorch_cpu.so" 2>/dev/null; then
        # shellcheck disable=SC2086  # two words
        install $cuda_packages || fail "pip could not get $cuda_packages (its message stands above)"
    fi

    # Only headers and libraries are kept, with the licences (in *.dist-info).
    rm -rf "$partial/site/functorch" "$partial/site/torchgen" "$partial/site/bin"
    find "$partial/site/torch" -mindepth 1 -maxdepth 1 ! -name include ! -name lib -exec rm -rf {} +

    found=$(stated_version "$partial/site/torch")
    [ "$found" = "$version" ] || fail "the unpacked libtorch has version ${found:-unknown}, expected $version"
    has_libraries "$partial/site/torch" || fail "the unpacked wheel holds no libtorch_cpu and libc10"
    if command -v ldd >/dev/null 2>&1; then
        missing=$(ldd "$partial/site/torch/lib/libtorch_cpu.so" | grep 'not found' || true)
        [ -z "$missing" ] || fail "libraries that libtorch needs are missing on this system:" "$missing"
    fi
    rm -rf "$home"
    mv "$partial/site" "$home"
    say "libtorch $version unpacked: $(du -sh "$home" | cut -f1) in $home"
fi

make_link "$home/torch"
