#!/usr/bin/env python3
"""Checks of the sources that need no run of the program. Prints TAP.

    lint.py [format] [text] [tidy] [scripts] [web]     without names: all of them
    lint.py --fix-format                               clang-format over the C sources

format   clang-format would change nothing
text     banned functions, length of files and functions, notes to self
tidy     clang-tidy with .clang-tidy; results are kept in build/tidy by content
scripts  shell and Python parse
web      npm run lint, npm run typecheck
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys

import source_tree
from source_tree import ROOT
from tap import Tap

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 80

# Functions that cannot be used safely, by more than one thread, or in bounded memory.
BANNED = re.compile(r"(?<![\w.>])(strcpy|strcat|sprintf|strtok|gets|atoi|localtime|gmtime|rand|"
                    r"alloca)\s*\(")
# Memory comes from base/mem.h, which counts it. Tests may need the real ones.
ALLOCATORS = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|free)\s*\(")
ALLOCATOR_FILE = "src/base/mem.c"

NOTE_TO_SELF = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|X" + "XX)\\b")

COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                               re.DOTALL)


def run(command, **options):
    return subprocess.run(command, cwd=options.pop("cwd", ROOT), check=False, capture_output=True,
                          text=True, errors="replace", stdin=subprocess.DEVNULL, **options)


def code_only(text):
    """The text with comments and strings blanked; the lines keep their numbers."""
    return COMMENT_OR_STRING.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


# ---- format ----

# Each version of clang-format lays some lines out in another way: only this one decides.
CLANG_FORMAT_MAJOR = 14  # Debian 12's


def major_version(program):
    """None: it is not installed."""
    try:
        found = re.search(r"version (\d+)\.", run([program, "--version"]).stdout)
    except FileNotFoundError:
        return None
    return int(found.group(1)) if found else None


def find_clang_format():
    """The program, and why it cannot judge here, or ""."""
    other = None
    for program in (f"clang-format-{CLANG_FORMAT_MAJOR}", "clang-format"):
        major = major_version(program)
        if major == CLANG_FORMAT_MAJOR:
            return program, ""
        other = other or major
    if other is None:
        return None, "it is missing: run tools/install_packages.sh test"
    return "clang-format", f"Debian 12's version {CLANG_FORMAT_MAJOR} decides, this is {other}"


def check_format(tap):
    name = "clang-format would change nothing"
    program, reason = find_clang_format()
    if reason:
        # Another version may be all that a system has.
        if program:
            tap.skip(name, reason)
        else:
            tap.check(name, [reason])
        return
    files = source_tree.c_sources() + source_tree.c_headers()
    done = run([program, "--dry-run", "-Werror", *files])
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error: code should be clang-formatted",
                                  done.stderr, re.MULTILINE)))
    problems = [f"{path}: is not formatted; run make format" for path in wrong]
    if done.returncode and not problems:
        problems = [done.stderr]
    tap.check(name, problems)


def fix_format():
    program, reason = find_clang_format()
    if reason:
        print(f"clang-format changed nothing: {reason}.", file=sys.stderr)
        return 1
    files = source_tree.c_sources() + source_tree.c_headers()
    return subprocess.run([program, "-i", *files], cwd=ROOT, check=False).returncode


# ---- text ----

def find_all(pattern, files, sentence, prepare=code_only):
    problems = []
    for path in files:
        text = prepare(source_tree.read(path))
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            problems.append(f"{path}:{line}: {sentence.format(match.group(1))}")
    return problems


def long_functions(path):
    """A function's body opens and closes with a brace in the first column, nothing else's does."""
    start = None
    for number, line in enumerate(source_tree.read(path).splitlines(), 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start - 1 > FUNCTION_LINES_MAX:
                yield (f"{path}:{start}: a function of {number - start - 1} lines; at most "
                       f"{FUNCTION_LINES_MAX}")
            start = None


def check_text(tap):
    sources = source_tree.c_sources() + source_tree.c_headers()
    program = [path for path in sources if path.startswith(("src/", "worker/"))]
    tap.check("no banned function is called", find_all(BANNED, sources, "{0}() is banned"))
    tap.check("memory comes from base/mem.h", find_all(
        ALLOCATORS, [path for path in program if path != ALLOCATOR_FILE],
        "{0}() is called; use base/mem.h"))

    ours = source_tree.list_files(".c", ".h", ".py", ".sh", ".ts", ".tsx", ".js", ".mjs", ".sql",
                                  "meson.build", "Makefile")
    tap.check("no notes to self", find_all(NOTE_TO_SELF, ours, "{0}", prepare=lambda text: text))
    tap.check(f"no file is longer than {FILE_LINES_MAX} lines", [
        f"{path}: {count} lines" for path in ours
        if (count := source_tree.read(path).count("\n")) > FILE_LINES_MAX])
    tap.check(f"no function is longer than {FUNCTION_LINES_MAX} lines",
              [problem for path in sources for problem in long_functions(path)])


# ---- clang-tidy ----

TIDY_TREE = "build/clang"
TIDY_CACHE = os.path.join(ROOT, "build", "tidy")


def tidy_commands():
    """Source file -> compiler arguments, from a build by clang."""
    database = os.path.join(ROOT, TIDY_TREE, "compile_commands.json")
    if not os.path.exists(database):
        done = run([os.path.join(ROOT, "tools", "meson_tree.py"), "clang"])
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
    with open(database, encoding="utf-8") as file:
        rows = json.load(file)
    commands = {}
    for row in rows:
        path = os.path.normpath(os.path.join(row["directory"], row["file"]))
        relative = os.path.relpath(path, ROOT)
        if relative.startswith(("src/", "worker/")):  # not what the build generated
            commands[relative] = (row["directory"], shlex.split(row["command"]))
    return commands


def fingerprint(path, directory, command, common):
    """A hash of everything that the result depends on: the file, our headers, the flags."""
    arguments = [word for word in command[1:] if word not in ("-c", "-MD", "-MMD")]
    for option in ("-o", "-MF", "-MQ"):
        while option in arguments:
            at = arguments.index(option)
            del arguments[at:at + 2]
    listed = run(["clang", "-MM", *arguments], cwd=directory)
    if listed.returncode:
        return None
    digest = hashlib.sha256(common)
    digest.update(" ".join(arguments).encode())
    for name in listed.stdout.replace("\\\n", " ").split()[1:]:
        with open(os.path.join(directory, name), "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    return f"{path.replace('/', '_')}.{digest.hexdigest()[:32]}"


def without_notes(output):
    """What is wrong, and where; the analyzer's way there can be seen by running it by hand."""
    kept, is_kept = [], True
    for line in output.splitlines():
        if re.search(r": (error|warning|note): ", line):
            is_kept = ": note: " not in line
        if is_kept:
            kept.append(line)
    return "\n".join(kept)


def tidy_one(path, directory, command, common):
    key = fingerprint(path, directory, command, common)
    kept = os.path.join(TIDY_CACHE, key) if key else None
    if kept and os.path.exists(kept):
        return None
    done = run(["clang-tidy", "--quiet", "-p", TIDY_TREE, path])
    if done.returncode == 0:
        if kept:
            open(kept, "w", encoding="utf-8").close()
        return None
    return without_notes(done.stdout) or done.stderr or f"{path}: clang-tidy ended badly"


def check_tidy(tap):
    os.makedirs(TIDY_CACHE, exist_ok=True)
    common = (source_tree.read(".clang-tidy") + run(["clang-tidy", "--version"]).stdout).encode()
    commands = tidy_commands()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = {path: pool.submit(tidy_one, path, *commands[path], common)
                   for path in sorted(commands)}
        for path, future in waiting.items():
            problem = future.result()
            tap.check(f"clang-tidy: {path}", [problem] if problem else [])


# ---- scripts, web ----

def check_scripts(tap):
    problems = []
    for path in source_tree.list_files(".sh") + [".ci/run"]:
        done = run(["sh", "-n", path])
        if done.returncode:
            problems.append(f"{path}: {done.stderr}")
    tap.check("shell scripts parse", problems)
    problems = []
    for path in source_tree.list_files(".py"):
        try:
            compile(source_tree.read(path), path, "exec")
        except SyntaxError as error:
            problems.append(f"{path}:{error.lineno}: {error.msg}")
    tap.check("Python files parse", problems)


def check_web(tap):
    if not os.path.exists(os.path.join(ROOT, "web", "package.json")):
        tap.skip("web: eslint and types", "there is no web/package.json")
        return
    done = run(["tools/install_node_modules.sh", "web"])
    if done.returncode:
        tap.check("web: dependencies can be installed", [done.stdout + done.stderr])
        return
    for script in ("lint", "typecheck"):
        done = run(["tools/with_node.sh", "web", "npm", "run", "--silent", script])
        tap.check(f"web: npm run {script}", [done.stdout + done.stderr] if done.returncode else [])


CHECKS = {"format": check_format, "text": check_text, "tidy": check_tidy,
          "scripts": check_scripts, "web": check_web}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checks", nargs="*", metavar="check")
    parser.add_argument("--fix-format", action="store_true")
    args = parser.parse_args()
    unknown = [name for name in args.checks if name not in CHECKS]
    if unknown:
        parser.error(f"there is no check {unknown[0]}; there are {', '.join(CHECKS)}")
    if args.fix_format:
        return fix_format()
    tap = Tap()
    for name in args.checks or CHECKS:
        CHECKS[name](tap)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
