#!/usr/bin/env python3
"""Builds files into the program: writes a C source with one array of struct embedded_file.

    embed.py --symbol migrations --root migrations --output migrations.c FILE...

The names in the array are relative to the root and sorted, so the same files give the same source.
"""
import argparse
import os

HEAD = """/* Made by tools/embed.py. */
#include "base/embedded.h"

extern const struct embedded_file {symbol}[];
extern const size_t {symbol}_count;

"""


def array_of(index, data):
    lines = [f"static const uint8_t file_{index}[] = {{"]
    for at in range(0, len(data), 24):
        lines.append(",".join(str(byte) for byte in data[at:at + 24]) + ",")
    lines.append("0};")  # never empty, and text files end with a NUL that is not counted
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbol", required=True)
    parser.add_argument("--root", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()

    named = sorted((os.path.relpath(path, args.root).replace(os.sep, "/"), path)
                   for path in args.files)
    rows = []
    with open(args.output, "w", encoding="ascii") as out:
        out.write(HEAD.format(symbol=args.symbol))
        for index, (name, path) in enumerate(named):
            with open(path, "rb") as file:
                data = file.read()
            out.write(array_of(index, data))
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            rows.append(f'    {{"{quoted}", file_{index}, sizeof(file_{index}) - 1}},')
        rows = rows or ["    {0},"]
        out.write(f"\nconst struct embedded_file {args.symbol}[] = {{\n" + "\n".join(rows) + "\n};\n")
        out.write(f"const size_t {args.symbol}_count = {len(named)};\n")


if __name__ == "__main__":
    main()
