#!/usr/bin/env python3
"""Builds the web pages into the program: web/dist -> a C file with edge_files[] (src/edge/edge.h).

    embed_web.py --dist web/dist --output edge_files.c --blob edge_files.bin --depfile edge_files.d

The bytes of all files stand one after the other in the blob, which the assembler takes in with
.incbin: no megabytes of numbers for the compiler to read. The same files give the same output.
Without web/dist each page says how to build the pages, so that the server and its unit tests can
be built on a machine without Node.js.
"""
import argparse
import gzip
import hashlib
import os

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}

ABSENT = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Stoa</title>
<p>This Stoa was built without its web pages. Run <code>make build</code> with Node.js installed and
start the server again. Publishing, playback and the API work as they are.</p>
</html>
"""

SOURCE = """/* Made by tools/embed_web.py; SHA-256 of the blob: {digest} */
#include "edge/edge.h"

__asm__(".pushsection .rodata, \\"a\\", %progbits\\n"
        ".balign 16\\n"
        ".globl edge_blob\\n"
        ".hidden edge_blob\\n"
        ".type edge_blob, %object\\n"
        "edge_blob:\\n"
        ".incbin {blob}\\n"
        ".size edge_blob, . - edge_blob\\n"
        ".popsection\\n");

extern const uint8_t edge_blob[] __attribute__((visibility("hidden")));

const struct edge_file edge_files[] = {{
{rows}
}};

const size_t edge_file_count = sizeof(edge_files) / sizeof(edge_files[0]);
"""

GZIP_WORTH = 0.9  # of the plain size; less saved is not worth a second copy


def list_tree(top):
    """All files below `top`, sorted, and all folders: they change when a file comes or goes."""
    files, folders = [], []
    for folder, names, leaves in os.walk(top):
        names.sort()
        folders.append(folder)
        files += [os.path.join(folder, leaf) for leaf in sorted(leaves)]
    return files, folders


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Blob:
    """The bytes of all files. Each starts at a multiple of 16 and has a NUL after it."""

    def __init__(self):
        self.bytes = bytearray()

    def add(self, data):
        at = len(self.bytes)
        self.bytes += data + b"\0"
        self.bytes += b"\0" * (-len(self.bytes) % 16)
        return at


def row_of(blob, path, data):
    extension = os.path.splitext(path)[1].lower()
    if extension not in CONTENT_TYPES:
        raise SystemExit(f"embed_web.py: {path}: the content type of {extension or 'no extension'} "
                         "is not known; add it to CONTENT_TYPES")
    packed = gzip.compress(data, compresslevel=9, mtime=0)
    is_worth = len(packed) < GZIP_WORTH * len(data)
    at = blob.add(data)
    gzip_fields = f"edge_blob + {blob.add(packed)}, {len(packed)}" if is_worth else "NULL, 0"
    is_immutable = "true" if path.startswith("/assets/") else "false"
    return (f"    {{{quote(path)}, {quote(CONTENT_TYPES[extension])}, edge_blob + {at}, {len(data)}, "
            f"{gzip_fields}, {is_immutable}}},")


def write_depfile(path, target, inputs):
    with open(path, "w", encoding="utf-8") as file:
        escaped = (name.replace("\\", "\\\\").replace(" ", "\\ ") for name in inputs)
        file.write(target + ": " + " \\\n  ".join(escaped) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dist", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--blob", required=True)
    parser.add_argument("--depfile", required=True)
    args = parser.parse_args()

    files, folders = list_tree(args.dist)
    has_pages = os.path.join(args.dist, "index.html") in files
    blob = Blob()
    rows = []
    for name in files if has_pages else []:
        with open(name, "rb") as file:
            data = file.read()
        rows.append(row_of(blob, "/" + os.path.relpath(name, args.dist).replace(os.sep, "/"), data))
    if not has_pages:
        rows += [row_of(blob, path, ABSENT) for path in ("/index.html", "/embed/index.html")]
        folders = folders or [os.path.dirname(os.path.abspath(args.dist))]

    with open(args.blob, "wb") as file:
        file.write(blob.bytes)
    quoted_twice = quote(quote(os.path.abspath(args.blob)))[1:-1]
    with open(args.output, "w", encoding="utf-8") as file:
        file.write(SOURCE.format(digest=hashlib.sha256(blob.bytes).hexdigest(), blob=quoted_twice,
                                 rows="\n".join(rows)))
    write_depfile(args.depfile, args.output, files + folders)


if __name__ == "__main__":
    main()
