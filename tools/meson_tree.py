#!/usr/bin/env python3
"""Configures a build tree, build/<name>, by the one table of its options, and builds it.

    meson_tree.py NAME...           configure when new or when the options changed
    meson_tree.py --build NAME...   and build

A tree whose options changed is made anew.
"""
import argparse
import os
import shutil
import subprocess
import sys

import source_tree

SANITIZED = ["-Dtests=true", "-Dwerror=true", "-Db_lundef=false", "--buildtype=debugoptimized"]

# name: compiler, options
TREES = {
    "release": ("gcc", ["--buildtype=release", "-Db_pie=true"]),
    "bench": ("gcc", ["--buildtype=release", "-Db_pie=true", "-Dbench=true"]),
    "asan": ("gcc", SANITIZED + ["-Db_sanitize=address,undefined"]),
    "tsan": ("gcc", SANITIZED + ["-Db_sanitize=thread"]),
    "clang": ("clang", ["-Dtests=true", "-Dwerror=true", "--buildtype=debug"]),
    "fuzz": ("clang", ["-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false",
                       "--buildtype=debugoptimized"]),
}


def tree_path(name):
    return os.path.join(source_tree.ROOT, "build", name)


def configure(name, **options):
    compiler, arguments = TREES[name]
    path = tree_path(name)
    stamp_path = os.path.join(path, "options.txt")
    stamp = compiler + " " + " ".join(arguments) + "\n"
    if os.path.exists(os.path.join(path, "build.ninja")) and os.path.exists(stamp_path):
        with open(stamp_path, encoding="utf-8") as file:
            if file.read() == stamp:
                return subprocess.CompletedProcess([], 0, "", "")
    shutil.rmtree(path, ignore_errors=True)
    done = subprocess.run(["meson", "setup", path, *arguments], cwd=source_tree.ROOT, check=False,
                          env=dict(os.environ, CC=compiler), text=True, stdin=subprocess.DEVNULL,
                          **options)
    if done.returncode == 0:
        with open(stamp_path, "w", encoding="utf-8") as file:
            file.write(stamp)
    return done


def build(name, **options):
    done = configure(name, **options)
    if done.returncode:
        return done
    return subprocess.run(["ninja", "-C", tree_path(name), "-j", os.environ.get("JOBS", "2")],
                          check=False, text=True, stdin=subprocess.DEVNULL, **options)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", action="store_true")
    parser.add_argument("names", nargs="+", metavar="NAME", choices=sorted(TREES))
    args = parser.parse_args()
    for name in args.names:
        done = build(name) if args.build else configure(name)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
