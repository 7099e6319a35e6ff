"""Results of checks in the Test Anything Protocol, which tests/run.py counts."""
import sys


class Tap:
    """Prints a line a check; under a failed one its problems, as comments."""

    def __init__(self):
        self.count = 0
        self.failed_count = 0

    def check(self, name, problems):
        """`problems` is a list of sentences; empty means that the check passed."""
        self.count += 1
        print(f"{'not ok' if problems else 'ok'} {self.count} - {name}")
        if problems:
            self.failed_count += 1
            for line in "\n".join(problems).splitlines():
                print(f"# {line}")
        sys.stdout.flush()

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}", flush=True)

    def end(self):
        """Prints the plan and returns the exit code."""
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed_count else 0
