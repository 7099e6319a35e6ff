#!/usr/bin/env python3
"""Checks that a folder uses only what is below it, and that each header stands on its own.

A folder of src/ may include the public headers of lower floors; not those of a higher floor, not
those of a neighbour on its own floor, unless a table below says so, and never private headers of
another folder. Prints TAP.
"""
import concurrent.futures
import os
import re
import subprocess
import sys

import source_tree
from tap import Tap

# From the ground up. src/meson.build builds the folders in the same order.
FLOORS = (
    ("base",),
    ("loop", "net"),
    ("media", "codec"),
    ("mp4", "hls", "rtmp", "webrtc", "http", "fetch"),
    ("live", "record", "transcode"),
    ("store", "channel", "account", "webhook"),
    ("api", "edge"),
    ("app",),
)

# Neighbours on one floor: who may use whom, and for what.
NEIGHBOURS = {
    ("net", "loop"),        # sockets are watched by a loop
    ("codec", "media"),     # codec headers describe tracks
    ("hls", "mp4"),         # parts are fragments of MP4
    ("live", "transcode"),  # a channel on air owns its worker
    ("channel", "store"),   # the domain keeps itself in tables
    ("account", "store"),
    ("webhook", "store"),
    ("edge", "api"),        # an edge carries API calls to the control loop
}

# Toolboxes: each header is public. Elsewhere only <folder>/<folder>.h is, and these.
OPEN_FOLDERS = {"base", "media"}
MORE_PUBLIC_HEADERS = {
    "account/guard.h",  # who tries or calls too often
    "loop/child.h",     # a supervised process
    "loop/pool.h",      # threads for what blocks
    "store/rows.h",     # what store/ and the domain have in common
}

# Protocol cores work without the world: bytes and times are arguments, results are values.
SANS_IO = {"media", "codec", "mp4", "hls", "rtmp", "webrtc"}
WORLD = re.compile(r"^(loop/|net/|base/log\.h|uv\.h|poll\.h|sys/(socket|epoll)\.h)")

# The worker shares the format of its messages with the server, and the ground floor.
WORKER_MAY = {"transcode/frame.h", "transcode/sound_clock.h"}

# FFmpeg in Debian is under the GPL: only the worker links it.
FFMPEG = re.compile(r"^lib(av|sw)[a-z]+/")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.MULTILINE)


def floor_of(folder):
    for number, folders in enumerate(FLOORS):
        if folder in folders:
            return number
    return None


def includes_of(path):
    """(line, is quoted, name) of each include."""
    text = source_tree.read(path)
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1) == '"', match.group(2)


def folder_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else parts[0]


def judge(folder, name):
    """Why `folder` of src/ may not include our header `name`, or None."""
    other = name.split("/")[0]
    if "/" not in name:
        return "write the folder too, as in \"base/err.h\""
    if other == folder:
        return None
    if floor_of(other) is None:
        return f"{other}/ is on no floor"
    if floor_of(other) > floor_of(folder):
        return f"{other}/ is above {folder}/"
    is_ground = other == "base"
    if floor_of(other) == floor_of(folder) and not is_ground and (folder, other) not in NEIGHBOURS:
        return f"{other}/ is on the same floor as {folder}/ (table NEIGHBOURS)"
    is_public = (other in OPEN_FOLDERS or name == f"{other}/{other}.h"
                 or name in MORE_PUBLIC_HEADERS)
    return None if is_public else f"it is private to {other}/; the public one is {other}/{other}.h"


def check_floors(tap):
    problems = []
    for path in source_tree.list_files(".c", ".h", under=("src/",)):
        folder = folder_of(path)
        if floor_of(folder) is None:
            problems.append(f"{path}: the folder {folder}/ is on no floor")
            continue
        for line, is_quoted, name in includes_of(path):
            reason = judge(folder, name) if is_quoted else None
            if folder in SANS_IO and WORLD.match(name):
                reason = f"{folder}/ is a protocol core: no sockets, no loop, no log"
            if FFMPEG.match(name):
                reason = "only the worker uses FFmpeg"
            if reason:
                problems.append(f"{path}:{line}: may not include {name}: {reason}")
    tap.check("a folder includes only what is below it", problems)


def check_worker(tap):
    problems = []
    for path in source_tree.list_files(".c", ".h", under=("worker/",)):
        for line, is_quoted, name in includes_of(path):
            is_own = os.path.exists(os.path.join(source_tree.ROOT, "worker", name))
            if is_quoted and not (is_own or name.startswith("base/") or name in WORKER_MAY):
                problems.append(f"{path}:{line}: may not include {name}: the worker knows base/ "
                                "and the messages, nothing else")
    tap.check("the worker includes only base and its messages", problems)


def check_build_order(tap):
    text = source_tree.read("src/meson.build")
    built = re.findall(r"'([a-z0-9]+)'", text.split("foreach", 1)[1].split("]", 1)[0])
    ours = [folder for floor in FLOORS[:-1] for folder in floor]
    problems = []
    if built != ours:
        problems = [f"src/meson.build builds {' '.join(built)}",
                    f"check_layers.py knows {' '.join(ours)}"]
    tap.check("src/meson.build has the folders in the order of the floors", problems)


def check_guards(tap):
    problems = []
    for path in source_tree.c_headers():
        guard = re.sub(r"[./-]", "_", path.removeprefix("src/")).upper()
        text = source_tree.read(path)
        if not re.search(rf"^#ifndef {guard}\n#define {guard}$", text, re.MULTILINE):
            problems.append(f"{path}: has no include guard {guard}")
    tap.check("each header has a guard that is named after it", problems)


def include_flags():
    packages = ["libuv", "libnghttp2", "libcurl", "openssl", "jansson", "libjwt", "libsodium",
                "sqlite3", "zlib", "libavcodec", "libavutil", "libswresample", "opus", "cmocka"]
    flags = []
    for package in packages:
        found = subprocess.run(["pkg-config", "--cflags", package], check=False,
                               capture_output=True, text=True)
        flags += found.stdout.split()
    return ["-Isrc", "-Itests", "-Iworker", "-Ibench"] + sorted(set(flags))


def check_alone(tap):
    command = ["gcc", "-fsyntax-only", "-std=c17", "-D_GNU_SOURCE", "-DMEM_COUNT_BLOCKS", "-Wall",
               "-Wextra", "-Wpedantic", "-Werror", *include_flags(), "-x", "c", "-"]

    def compile_one(path):
        # Included from a source of its own: a header as main file warns about its own guard.
        source = f'#include "{os.path.join(source_tree.ROOT, path)}"\ntypedef int not_empty;\n'
        done = subprocess.run(command, cwd=source_tree.ROOT, check=False, capture_output=True,
                              text=True, input=source)
        return None if done.returncode == 0 else f"{path}: does not compile alone\n{done.stderr}"

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [problem for problem in pool.map(compile_one, source_tree.c_headers()) if problem]
    tap.check("each header compiles alone", problems)


def main():
    tap = Tap()
    check_floors(tap)
    check_worker(tap)
    check_build_order(tap)
    check_guards(tap)
    check_alone(tap)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
