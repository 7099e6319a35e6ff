#!/bin/sh
# Builds the web pages and the programs: build/stoa and build/stoa-worker.
#
#     tools/build.sh [release|bench]
#
# The programs are copied out of meson's folder: stoa looks for stoa-worker beside itself.
set -eu
cd "$(dirname "$0")/.."

tree=${1:-release}
case $tree in
release | bench) ;;
*)
    echo "usage: tools/build.sh [release|bench]" >&2
    exit 2
    ;;
esac

tools/build_web.sh
tools/meson_tree.py --build "$tree"

# By way of another name: a running server keeps its own file.
for program in stoa stoa-worker; do
    cp "build/$tree/$program" "build/$program.new"
    mv "build/$program.new" "build/$program"
done
