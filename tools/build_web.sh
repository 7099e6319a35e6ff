#!/bin/sh
# Builds web/dist, and the package in web/package, when a source of the pages is newer than they.
# Needs node and npm.
set -eu
cd "$(dirname "$0")/.."

[ -f web/package.json ] || exit 0 # a source tree without pages: the server is built without them

tools/install_node_modules.sh web
page=web/dist/index.html
newer=""
if [ -f "$page" ]; then
    newer=$(find web -path web/node_modules -prune -o -path web/dist -prune -o \
        -path web/package/dist -prune -o -path web/package/LICENSE -prune -o -type f -newer "$page" -print | head -n 1)
fi
if [ ! -f "$page" ] || [ -n "$newer" ]; then
    tools/with_node.sh web npm run build </dev/null
    touch "$page"
fi
