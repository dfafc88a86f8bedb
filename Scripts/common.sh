# shellcheck shell=bash
# Shared by the scripts in this folder: messages, the cache folder, the lock, pip. Sourced, not run.

say() { printf '%s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# The folder where downloads stay between clones: ESPALIER_CACHE, else the user's cache folder. Made if absent.
cache_folder() {
    local folder
    if [ -n "${ESPALIER_CACHE:-}" ]; then
        folder=$ESPALIER_CACHE
    elif [ -n "${XDG_CACHE_HOME:-}" ]; then
        folder=$XDG_CACHE_HOME/espalier
    elif [ -z "${HOME:-}" ]; then
        fail "no cache folder: HOME is not set" "set ESPALIER_CACHE to a folder that can be written"
    elif [ "$(uname -s)" = Darwin ]; then
        folder=$HOME/Library/Caches/espalier
    else
        folder=$HOME/.cache/espalier
    fi
    mkdir -p "$folder" || fail "the cache folder $folder cannot be made" "set ESPALIER_CACHE to a folder that can be written"
    (cd "$folder" && pwd)
}

python=${PYTHON:-python3}

require_pip() {
    command -v "$python" >/dev/null 2>&1 ||
        fail "$python not found; it is needed once, to download with pip" \
            "Debian, Ubuntu: apt-get install python3 python3-pip    Fedora, RHEL: dnf install python3-pip" \
            "another interpreter: set PYTHON to it"
    "$python" -m pip --version >/dev/null 2>&1 ||
        fail "$python has no pip; it is needed once, to download" \
            "Debian, Ubuntu: apt-get install python3-pip    Fedora, RHEL: dnf install python3-pip" \
            "macOS: $python -m ensurepip --user"
}

# pip with the user's own settings (index, proxy, certificates), except those that forbid installing into a folder.
# $1 is the folder for its temporary files, so that gigabytes do not go to a small /tmp.
run_pip() {
    local temporary=$1
    shift
    TMPDIR=$temporary PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore \
        PIP_DISABLE_PIP_VERSION_CHECK=1 "$python" -m pip "$@" >&2
}

# Holds an exclusive lock on the file $1 until this script ends. The lock belongs to the open file (descriptor 9),
# so a script that is killed leaves no stale lock.
hold_lock() {
    exec 9>"$1" || fail "cannot write $1"
    "$python" - "$1" <<'PYTHON'
import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("waiting for another set-up that holds", sys.argv[1], file=sys.stderr)
    fcntl.flock(9, fcntl.LOCK_EX)
PYTHON
}

# Fails unless the folder $1 has $2 MB free.
require_space() {
    local free
    free=$(df -Pk "$1" | awk 'NR == 2 { print int($4 / 1000) }')
    [ "$free" -ge "$2" ] ||
        fail "$1 has $free MB free, $2 MB are needed" "free some, or set ESPALIER_CACHE to a folder on another disk"
}
