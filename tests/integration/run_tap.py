#!/usr/bin/env python3
"""Runs the unittest cases of one file and prints TAP.

    run_tap.py [--only-tsan] tests/integration/x_test.py [name...]
"""
import argparse
import importlib
import os
import sys
import time
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0
        self.started = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def line(self, state, test, comment="", detail=""):
        self.number += 1
        name = test.id().split(".", 1)[-1] if hasattr(test, "id") else str(test)
        print(f"{state} {self.number} - {name}{comment}")
        for row in detail.splitlines():
            print(f"# {row}")
        print(f"# took {time.monotonic() - self.started:.1f} s", flush=True)

    def addSuccess(self, test):
        self.line("ok", test)

    def addSkip(self, test, reason):
        self.line("ok", test, comment=f" # SKIP {reason}")

    def addSubTest(self, test, subtest, err):
        """Told when it went wrong; the test as a whole is then neither success nor failure."""
        super().addSubTest(test, subtest, err)
        if err is not None:
            told = self.failures if issubclass(err[0], test.failureException) else self.errors
            self.line("not ok", subtest, detail=told[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line("not ok", test, detail=self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.line("not ok", test, detail=self.errors[-1][1])


def cases_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases_of(item)
        else:
            yield item


def is_wanted(case, args):
    method = getattr(case, case._testMethodName, None)
    if args.only_tsan and not getattr(method, "also_tsan", False):
        return False
    return not args.names or any(name in case.id() for name in args.names)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only-tsan", action="store_true")
    parser.add_argument("file")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()

    sys.path.insert(0, os.path.dirname(os.path.abspath(args.file)))
    module = importlib.import_module(os.path.basename(args.file).removesuffix(".py"))
    found = unittest.defaultTestLoader.loadTestsFromModule(module)
    wanted = unittest.TestSuite(case for case in cases_of(found) if is_wanted(case, args))
    result = TapResult()
    wanted.run(result)
    print(f"1..{result.number}", flush=True)
    return 1 if result.failures or result.errors else 0


if __name__ == "__main__":
    sys.exit(main())
