#!/bin/sh
# Builds the web pages and the programs: build/stoa and build/stoa-worker.
#
#     tools/build.sh [release|bench]
#
# The programs are copied out of meson's folder: stoa looks for stoa-worker beside itself.
set -eu
cd "$(dirname "$0")/.."

kind=${1:-release}
tree=build/release
options="--buildtype=release -Db_ndebug=false -Db_pie=true -Db_lto=false -Dtests=false"
case $kind in
release) ;;
bench)
    tree=build/bench
    options="$options -Dbench=true"
    ;;
*)
    echo "usage: tools/build.sh [release|bench]" >&2
    exit 2
    ;;
esac

tools/build_web.sh

if [ ! -f "$tree/build.ninja" ]; then
    # shellcheck disable=SC2086 # the options are words
    meson setup "$tree" $options
fi
ninja -C "$tree" ${NINJA_JOBS:+-j"$NINJA_JOBS"}

# By way of another name: a running server keeps its own file.
for program in stoa stoa-worker; do
    built=$tree/$program
    [ -f "$built" ] || built=$tree/src/app/$program
    cp "$built" "build/$program.new"
    mv "build/$program.new" "build/$program"
done
