#!/bin/sh
# Installs the Debian packages that are missing: the list is packages.txt.
#
#     tools/install_packages.sh [run|test|bench]
#
# run: what building and running needs; test and bench: their own section and that of run. Says
# nothing when nothing is missing. Works on Debian 12 and 13, as root or with sudo.
set -eu
cd "$(dirname "$0")/.."

section=${1:-run}
case $section in
run) wanted="run" ;;
test) wanted="run test" ;;
bench) wanted="run test bench" ;;
*)
    echo "usage: tools/install_packages.sh [run|test|bench]" >&2
    exit 2
    ;;
esac

# A section starts with a comment "# name: ..." and ends with the next one.
packages_of() {
    awk -v wanted=" $1 " '
        /^# [a-z]+:/ { name = substr($2, 1, length($2) - 1); is_in = index(wanted, " " name " ") }
        /^[^#]/ && is_in { print $1 }' packages.txt
}

is_installed() {
    case $1 in
    # Node.js of another origin than Debian brings its npm along and refuses Debian's package.
    nodejs) command -v node >/dev/null && return 0 ;;
    npm) command -v npm >/dev/null && return 0 ;;
    esac
    dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q ' installed$'
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    for program in gcc meson ninja pkg-config node npm; do
        if ! command -v "$program" >/dev/null; then
            echo "This is no Debian, and $program is missing. Install what packages.txt lists" \
                "under the names of your system, then try again." >&2
            exit 1
        fi
    done
    exit 0
fi

missing=""
for package in $(packages_of "$wanted"); do
    is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "These packages are missing, and installing them needs root or sudo, neither of which" \
            "is at hand. As root, run: apt-get install$missing" >&2
        exit 1
    fi
    as_root="sudo"
fi

echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # the packages are words
if ! $as_root apt-get update -q >"$log" 2>&1 ||
    ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        $missing </dev/null >>"$log" 2>&1; then
    cat "$log" >&2
    echo "apt-get could not install:$missing" >&2
    exit 1
fi
