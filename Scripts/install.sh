#!/usr/bin/env bash
# Puts a built espalier and the libraries that it needs under a prefix, in a layout that works wherever it stands:
#
#   bin/espalier         looks for libraries in ../lib/espalier first
#   lib/espalier/        libtorch's CPU libraries and what they are linked with
#   share/               completions for bash, zsh and fish
#
#   Scripts/install.sh install BINARY PREFIX
#   Scripts/install.sh uninstall PREFIX
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$scripts")
# shellcheck source=Scripts/common.sh
. "$scripts/common.sh"

completions() {
    printf '%s\n' "bash share/bash-completion/completions/espalier" "zsh share/zsh/site-functions/_espalier" \
        "fish share/fish/vendor_completions.d/espalier.fish"
}

# What the loader finds for BINARY outside of the system: lines of `name<tab>path`.
linked_libraries_linux() {
    local libtorch nvidia name path
    libtorch=$(realpath "${LIBTORCH:-$root/.torch}")
    nvidia=$(dirname "$libtorch")/nvidia
    ldd "$1" | sed -n 's/^[[:space:]]*\([^[:space:]]*\) => \(\/.*\) (0x[0-9a-f]*)$/\1\t\2/p' |
        while IFS=$'\t' read -r name path; do
            # ldd reads a path of ours as .torch/lib/../../nvidia/…: compare where it leads to.
            path=$(realpath "$path")
            case $path in
            "$libtorch"/* | "$nvidia"/* | */swift/linux/*) printf '%s\t%s\n' "$name" "$path" ;;
            esac
        done
}

linked_libraries_macos() {
    local libtorch name
    libtorch=${LIBTORCH:-$root/.torch}
    for name in libtorch_cpu.dylib libc10.dylib libomp.dylib; do
        [ ! -f "$libtorch/lib/$name" ] || printf '%s\t%s\n' "$name" "$libtorch/lib/$name"
    done
}

install_all() {
    local binary=$1 prefix=$2 libraries name path shell file outside
    [ -x "$binary" ] || fail "no built tool at $binary" "run: make build"
    mkdir -p "$prefix/bin" "$prefix/lib" 2>/dev/null && [ -w "$prefix/bin" ] && [ -w "$prefix/lib" ] ||
        fail "$prefix cannot be written" "install elsewhere: make install PREFIX=\"\$HOME/.local\"" \
            "or, after make build: sudo env \"PATH=\$PATH\" make install-files"

    case $(uname -s) in
    Darwin) libraries=$(linked_libraries_macos "$binary") ;;
    *) libraries=$(linked_libraries_linux "$binary") ;;
    esac
    case $libraries in
    *libtorch_cpu.*) ;;
    *) fail "$binary is not linked with the libtorch of $root/.torch" "run: make build" ;;
    esac

    # Beside the old ones, then renamed: a tool that is running keeps its files.
    rm -rf "$prefix/lib/espalier.new"
    mkdir "$prefix/lib/espalier.new"
    while IFS=$'\t' read -r name path; do
        cp "$path" "$prefix/lib/espalier.new/$name"
        chmod 755 "$prefix/lib/espalier.new/$name"
    done <<<"$libraries"
    rm -rf "$prefix/lib/espalier"
    mv "$prefix/lib/espalier.new" "$prefix/lib/espalier"
    cp "$binary" "$prefix/bin/espalier.new"
    chmod 755 "$prefix/bin/espalier.new"
    mv -f "$prefix/bin/espalier.new" "$prefix/bin/espalier"

    if command -v ldd >/dev/null 2>&1; then
        outside=$(linked_libraries_linux "$prefix/bin/espalier")
        [ -z "$outside" ] || fail "the installed tool still loads libraries from the build:" "$outside"
        outside=$(ldd "$prefix/bin/espalier" | grep 'not found' || true)
        [ -z "$outside" ] || fail "the installed tool misses libraries:" "$outside"
    fi

    completions | while read -r shell file; do
        mkdir -p "$prefix/$(dirname "$file")"
        "$prefix/bin/espalier" --generate-completion-script "$shell" >"$prefix/$file.new" ||
            fail "the installed tool does not run"
        chmod 644 "$prefix/$file.new"
        mv -f "$prefix/$file.new" "$prefix/$file"
    done
    say "installed $prefix/bin/espalier and $(du -sh "$prefix/lib/espalier" | cut -f1) of libraries in $prefix/lib/espalier"
}

uninstall_all() {
    local prefix=$1
    rm -rf "$prefix/bin/espalier" "$prefix/lib/espalier"
    completions | while read -r _ file; do rm -f "$prefix/$file"; done
    say "removed espalier from $prefix"
}

case "${1:-} $#" in
"install 3") install_all "$2" "$3" ;;
"uninstall 2") uninstall_all "$2" ;;
*) fail "usage: Scripts/install.sh install BINARY PREFIX | uninstall PREFIX" ;;
esac
