#!/bin/sh
# Builds web/dist when a source of the pages is newer than it. Needs node and npm.
#
#     tools/build_web.sh [--dependencies-only]
set -eu
cd "$(dirname "$0")/../web"

[ -f package.json ] || exit 0 # a source tree without pages: the server is built without them

if ! command -v npm >/dev/null; then
    echo "npm is not installed, so the web pages cannot be built. Run tools/install_packages.sh." >&2
    exit 1
fi

# npm ci leaves its own record of what it installed; older than the lock file means: again.
if [ ! -f node_modules/.package-lock.json ] ||
    [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --no-audit --no-fund --loglevel=error
    touch node_modules/.package-lock.json
fi
[ "${1:-}" = --dependencies-only ] && exit 0

newer=""
if [ -f dist/index.html ]; then
    newer=$(find . -path ./node_modules -prune -o -path ./dist -prune -o \
        -type f -newer dist/index.html -print | head -n 1)
fi
if [ ! -f dist/index.html ] || [ -n "$newer" ]; then
    npm run build
    touch dist/index.html
fi
