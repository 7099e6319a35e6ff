#!/usr/bin/env python3
"""Runs everything that CI checks, or the stages that are named, and counts single tests.

    tests/run.py                     all stages
    tests/run.py unit-asan lint      these
    tests/run.py --seconds 60 fuzz   each fuzz target for a minute
    tests/run.py --list

A line a stage, what failed below it with its output, and at the end "N passed, N failed". The exit
code tells the same. The whole output of a stage is in build/test-logs/<stage>.log.
"""
import argparse
import collections
import concurrent.futures
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import meson_tree  # noqa: E402

LOGS = os.path.join(ROOT, "build", "test-logs")
JOBS = int(os.environ.get("JOBS", "2"))
OUTPUT_SHOWN = 6000  # characters of a failed test; all of it is in the log

SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}

Failure = collections.namedtuple("Failure", "name output")


class Outcome:
    """What a stage came to. Stages add single tests from several threads, one call each."""

    def __init__(self, log):
        self.passed = 0
        self.failures = []
        self.skipped = []
        self.log = log

    def fail(self, name, output):
        self.failures.append(Failure(name, output))


# ---- processes ----

def run(command, log, timeout_s, cwd=ROOT, env=None):
    """Runs to the end, or ends it and what it started. Returns (code, output); code None: too long."""
    process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True,
                               env=dict(os.environ, **SANITIZER_ENV, **(env or {})))
    try:
        output, _ = process.communicate(timeout=timeout_s)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its own session: nobody else is in it
        output, _ = process.communicate()
        code = None
    text = output.decode("utf-8", "replace")
    log.write(f"\n$ {' '.join(command)}\n{text}\n")
    log.flush()
    return code, text


def build(outcome, tree):
    """Builds a tree; a failure to build is a failed test."""
    done = meson_tree.build(tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    outcome.log.write(done.stdout or "")
    if done.returncode:
        lines = done.stdout.splitlines()
        first = next((at for at, line in enumerate(lines)
                      if re.search(r"^FAILED:|: (fatal )?error:|ERROR:", line)), 0)
        outcome.fail(f"build of {tree}", "\n".join(lines[first:first + 60]))
    return done.returncode == 0


# ---- TAP ----

TAP_LINE = re.compile(r"^( *)(not )?ok\b *\d* *-? *(.*)$")


def parse_tap(output):
    """(name, is ok, skip reason or None, output) of each single test: a line that sums up the
    indented ones above it (node does that) is none."""
    tests, notes, inner = [], [], []
    for line in output.splitlines():
        match = TAP_LINE.match(line)
        if not match:
            notes.append(line)
            continue
        indent, is_not_ok, rest = len(match.group(1)), bool(match.group(2)), match.group(3)
        name, _, directive = rest.partition(" # ")
        sums_up = any(depth > indent for depth in inner)
        inner = [depth for depth in inner if depth <= indent] + [indent]
        if sums_up:
            continue
        reason = directive[4:].strip() if directive.upper().startswith("SKIP") else None
        is_ok = not is_not_ok or directive.upper().startswith("TO" "DO")
        # What explains a failure stands before it or after it, up to the next test.
        before = [] if is_ok or (tests and not tests[-1][1]) else notes[-40:]
        tests.append((name, is_ok, reason, before))
        notes = before if not is_ok else []
    return tests


def add_tap(outcome, name, code, output):
    """Adds the tests of one TAP program. One that ends badly without a failed test is a failure."""
    tests = parse_tap(output)
    failed = 0
    for test, is_ok, reason, notes in tests:
        if reason is not None:
            outcome.skipped.append(f"{name}: {test} ({reason})")
        elif is_ok:
            outcome.passed += 1
        else:
            failed += 1
            outcome.fail(f"{name}: {test}", "\n".join(notes))
    planned = re.search(r"^1\.\.(\d+)", output, re.MULTILINE)
    if code is None:
        outcome.fail(f"{name}: ends in time", output[-OUTPUT_SHOWN:])
    elif code != 0 and not failed:
        outcome.fail(f"{name}: ends with code 0, not {code}", output[-OUTPUT_SHOWN:])
    elif planned and not re.search(r"^ ", output, re.MULTILINE) and \
            int(planned.group(1)) > len(tests) and code == 0:
        outcome.fail(f"{name}: runs all tests of its plan", output[-OUTPUT_SHOWN:])
    elif not tests and code == 0:
        outcome.fail(f"{name}: runs a test", output[-OUTPUT_SHOWN:])


def run_tap(outcome, name, command, timeout_s=1200, **options):
    code, output = run(command, outcome.log, timeout_s, **options)
    add_tap(outcome, name, code, output)


# ---- stages ----

def stage_layers(outcome, _options):
    run_tap(outcome, "layers", ["tools/check_layers.py"])


def stage_format(outcome, _options):
    run_tap(outcome, "lint", ["tools/lint.py", "format"])


def stage_lint(outcome, _options):
    run_tap(outcome, "lint", ["tools/lint.py", "format", "text", "scripts", "web"])


def stage_tidy(outcome, _options):
    run_tap(outcome, "tidy", ["tools/lint.py", "tidy"])


def run_meson_tests(outcome, tree, suite):
    """Runs the programs of a suite, two at a time, and counts what is in their output."""
    if not build(outcome, tree):
        return
    path = meson_tree.tree_path(tree)
    listed = subprocess.run(["meson", "introspect", "--tests", path], check=True,
                            capture_output=True, text=True)
    tests = [test for test in json.loads(listed.stdout)
             if any(name.endswith(suite) for name in test["suite"])]

    def run_one(test):
        return test, run(test["cmd"], outcome.log, timeout_s=test["timeout"] * 3,
                         cwd=test["workdir"] or path, env=test["env"])

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for test, (code, output) in pool.map(run_one, tests):
            if test["protocol"] == "tap":
                add_tap(outcome, test["name"], code, output)
            elif code == 0:
                outcome.passed += 1
            else:
                outcome.fail(test["name"], output[-OUTPUT_SHOWN:])


def stage_unit_asan(outcome, _options):
    run_meson_tests(outcome, "asan", "unit")


def stage_unit_tsan(outcome, _options):
    run_meson_tests(outcome, "tsan", "unit")


def stage_unit_clang(outcome, _options):
    run_meson_tests(outcome, "clang", "unit")


def stage_corpus(outcome, _options):
    run_meson_tests(outcome, "asan", "corpus")


def stage_fuzz(outcome, options):
    if not build(outcome, "fuzz"):
        return
    tree = meson_tree.tree_path("fuzz")
    targets = sorted(glob.glob(os.path.join(tree, "tests", "*_fuzz")))
    crashes = os.path.join(tree, "crashes") + "/"
    os.makedirs(crashes, exist_ok=True)

    def run_one(target):
        name = os.path.basename(target).removesuffix("_fuzz")
        found = os.path.join(tree, "found", name)
        os.makedirs(found, exist_ok=True)
        command = [target, f"-max_total_time={options.seconds}", "-timeout=10",
                   "-rss_limit_mb=1024", "-print_final_stats=1", f"-artifact_prefix={crashes}",
                   found]
        seeds = os.path.join(ROOT, "tests", "fuzz", "corpus", name)
        words = os.path.join(ROOT, "tests", "fuzz", "dictionary", name + ".dict")
        command += [seeds] if os.path.isdir(seeds) else []
        command += [f"-dict={words}"] if os.path.exists(words) else []
        return name, run(command, outcome.log, timeout_s=options.seconds + 120)

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, (code, output) in pool.map(run_one, targets):
            if code == 0:
                outcome.passed += 1
            else:
                outcome.fail(f"fuzz {name}", output[-OUTPUT_SHOWN:])


# They begin first, so that no core is idle at the end.
SLOW_INTEGRATION = {"media_rtmp", "media_whip", "nodes", "publish", "push_end", "relay",
                    "server_postgres", "store_postgres", "webhooks"}


def file_title(path):
    return os.path.basename(path).removesuffix("_test.py")


def run_integration(outcome, tree, *arguments):
    """Each file of tests/integration is a program; two at a time, each with servers of its own."""
    if not build(outcome, tree):
        return
    files = [path for path in glob.glob(os.path.join(ROOT, "tests", "integration", "*_test.py"))
             if not path.endswith("/http_demo_test.py")]  # meson runs it: it needs a program
    files.sort(key=lambda path: (file_title(path) not in SLOW_INTEGRATION, path))
    env = {"STOA_BUILD": meson_tree.tree_path(tree), "PYTHONDONTWRITEBYTECODE": "1"}

    def run_one(path):
        return file_title(path), run(
            [sys.executable, "tests/integration/run_tap.py", *arguments, path], outcome.log,
            timeout_s=600, env=env)

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, (code, output) in pool.map(run_one, files):
            if code == 0 and re.search(r"^1\.\.0$", output, re.MULTILINE):
                continue  # no test of this file is marked
            add_tap(outcome, name, code, output)


def stage_integration(outcome, _options):
    run_meson_tests(outcome, "asan", "integration")
    run_integration(outcome, "asan")


def stage_integration_tsan(outcome, _options):
    run_integration(outcome, "tsan", "--only-tsan")


def npm_ci(outcome, folder):
    code, output = run(["tools/install_node_modules.sh", folder], outcome.log, timeout_s=600)
    if code:
        outcome.fail(f"npm ci in {folder}", output[-OUTPUT_SHOWN:])
    return code == 0


def stage_web(outcome, _options):
    if npm_ci(outcome, "web"):
        run_tap(outcome, "web", ["tools/with_node.sh", "web", "npx", "--no-install", "vitest", "run",
                                 "--reporter=tap-flat"], timeout_s=300)


def stage_clients(outcome, _options):
    """Each file of tests/clients has a server of its own; two at a time."""
    if not build(outcome, "asan"):
        return
    env = {"STOA_BUILD": meson_tree.tree_path("asan"), "PYTHONDONTWRITEBYTECODE": "1"}
    for folder in sorted(glob.glob(os.path.join(ROOT, "tests", "clients", "*", "package.json"))):
        folder = os.path.relpath(os.path.dirname(folder), ROOT)
        if not npm_ci(outcome, folder):
            continue
        files = sorted(os.path.basename(path) for path in
                       glob.glob(os.path.join(ROOT, folder, "*.test.mjs")))
        run_tap(outcome, f"clients {os.path.basename(folder)}",
                ["tools/with_node.sh", folder, "node", "--test", f"--test-concurrency={JOBS}",
                 "--test-timeout=120000", "--test-force-exit", "--test-reporter=tap", *files],
                timeout_s=300, env=env)


# Browser tests that look at how smoothly media plays: one at a time, with the machine for themselves.
BROWSER_MEDIA = {"embed", "firefox", "live", "market", "player", "rtmp"}


def run_browser_tests(outcome, env):
    files = sorted(glob.glob(os.path.join(ROOT, "tests", "browser", "*.test.mjs")))
    by_kind = {True: [], False: []}
    for name in map(os.path.basename, files):
        by_kind[name.removesuffix(".test.mjs") in BROWSER_MEDIA].append(name)
    for is_media, jobs in ((False, JOBS), (True, 1)):
        run_tap(outcome, "browser",
                ["tools/with_node.sh", "tests/browser", "node", "--test",
                 f"--test-concurrency={jobs}", "--test-reporter=tap", *by_kind[is_media]],
                timeout_s=900, env=env)


def stage_browser(outcome, _options):
    code, output = run(["tools/build.sh", "release"], outcome.log, timeout_s=900)
    if code:
        outcome.fail("build of release", output[-OUTPUT_SHOWN:])
        return
    if not npm_ci(outcome, "tests/browser"):
        return
    os.environ["STOA_BUILD"] = os.path.join(ROOT, "build")
    sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
    import harness  # only here: it reads STOA_BUILD

    try:
        # the tests' own shop takes webhooks on the loopback
        with harness.Server({"fetch.allow_private": "127.0.0.0/8"}) as server:
            env = {"STOA_URL": f"http://127.0.0.1:{server.ports['http']}",
                   "STOA_RTMP": f"rtmp://127.0.0.1:{server.ports['rtmp']}/live",
                   "STOA_ADMIN_KEY": harness.ADMIN_KEY}
            run_browser_tests(outcome, env)
    except AssertionError as error:
        outcome.fail("the server of the browser tests starts and ends well", str(error))


Stage = collections.namedtuple("Stage", "name run is_default what")

STAGES = (
    Stage("layers", stage_layers, True, "includes go downwards; headers stand alone"),
    Stage("format", stage_format, False, "clang-format would change nothing (part of lint)"),
    Stage("lint", stage_lint, True, "format, banned functions, lengths, scripts, eslint, types"),
    Stage("unit-asan", stage_unit_asan, True, "unit tests: gcc, ASan, UBSan"),
    Stage("corpus", stage_corpus, True, "fuzz corpora and their prefixes: gcc, ASan, UBSan"),
    Stage("unit-tsan", stage_unit_tsan, True, "unit tests: gcc, TSan"),
    Stage("unit-clang", stage_unit_clang, True, "unit tests: clang, warnings are errors"),
    Stage("tidy", stage_tidy, True, "clang-tidy"),
    Stage("fuzz", stage_fuzz, True, "each fuzz target for a few seconds: clang, ASan, UBSan"),
    Stage("integration", stage_integration, True, "the server from outside: ASan, UBSan"),
    Stage("integration-tsan", stage_integration_tsan, True, "the marked part of it: TSan"),
    Stage("web", stage_web, True, "unit tests of the pages"),
    Stage("clients", stage_clients, True, "clients from npm against the server: ASan, UBSan"),
    Stage("browser", stage_browser, True, "the pages in Chromium and Firefox against the release build"),
)


# ---- report ----

def report(stage, outcome, seconds):
    state = "FAIL" if outcome.failures else "ok"
    parts = [f"{outcome.passed} passed", f"{len(outcome.failures)} failed"]
    if outcome.skipped:
        parts.append(f"{len(outcome.skipped)} skipped")
    print(f"{state:<4} {stage.name:<17} {', '.join(parts):<32} {seconds:7.1f} s", flush=True)
    for line in outcome.skipped:
        print(f"       skipped: {line}")
    for failure in outcome.failures:
        print(f"     not ok: {failure.name}")
        for line in failure.output[-OUTPUT_SHOWN:].splitlines():
            print(f"       | {line}")
    sys.stdout.flush()


def run_stage(stage, options):
    started = time.monotonic()
    os.makedirs(LOGS, exist_ok=True)
    with open(os.path.join(LOGS, stage.name + ".log"), "w", encoding="utf-8") as log:
        outcome = Outcome(log)
        try:
            stage.run(outcome, options)
        except (OSError, subprocess.SubprocessError) as error:  # a missing program, mostly
            outcome.fail("the stage runs", str(error))
        if not outcome.passed and not outcome.failures and not outcome.skipped:
            outcome.fail("the stage runs a test", "It found none.")
    report(stage, outcome, time.monotonic() - started)
    return outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", metavar="stage")
    parser.add_argument("--seconds", type=int, default=2, help="time of each fuzz target")
    parser.add_argument("--list", action="store_true", help="name the stages")
    options = parser.parse_args()
    if options.list:
        for stage in STAGES:
            print(f"{stage.name:<17} {stage.what}")
        return 0
    by_name = {stage.name: stage for stage in STAGES}
    for name in options.stages:
        if name not in by_name:
            parser.error(f"there is no stage {name}; there are {', '.join(by_name)}")
    chosen = [by_name[name] for name in options.stages] or [s for s in STAGES if s.is_default]

    outcomes = [run_stage(stage, options) for stage in chosen]
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(len(outcome.failures) for outcome in outcomes)
    shutil.rmtree(os.path.join(ROOT, "build", "tmp"), ignore_errors=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
