"""A PostgreSQL server of our own, on a loopback port, in a temporary folder: Debian's programs.

    with Postgres() as postgres:
        url = postgres.create_database("shop")
        postgres.restart()

The server does not run as root: when the tests do, it is started as the user "postgres" or "nobody".
fsync is off: nothing here must survive a power cut.
"""
import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

import harness

USER = "stoa"
PASSWORD = "p%ss wörd/42"  # characters that a URL must escape
START_S = 60


def folder_of_programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"),
                   key=lambda path: int(path.split("/")[4]))
    if not found:
        raise FileNotFoundError("PostgreSQL is not there: install the packages of packages.txt")
    return os.path.dirname(found[-1])


def unprivileged_user():
    """Whom the server runs as; None: as we do."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("there is no user that the database server can run as")


class Postgres:
    def __init__(self, settings=()):
        self.bin = folder_of_programs()
        self.user = unprivileged_user()
        self.folder = tempfile.mkdtemp(prefix="stoa-postgres-")
        self.data = os.path.join(self.folder, "data")
        self.port = harness.free_port()
        self.settings = settings
        self.process = None
        self.log = os.path.join(self.folder, "log")
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)

    def __enter__(self):
        try:
            self.initialise()
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        self.remove()

    def options(self):
        options = {"cwd": self.folder, "stdin": subprocess.DEVNULL,
                   "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}}
        if self.user:
            options |= {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        return options

    def initialise(self):
        secret = os.path.join(self.folder, "password")
        with open(secret, "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\n")
        os.chmod(secret, 0o644)
        subprocess.run([f"{self.bin}/initdb", "--pgdata", self.data, "--username", USER, "--pwfile",
                        secret, "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"],
                       check=True, stdout=subprocess.DEVNULL, **self.options())

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [f"{self.bin}/postgres", "-D", self.data, "-p", str(self.port), "-h", "127.0.0.1",
                 "-k", "", "-F", "-c", "max_connections=50", "-c", "shared_buffers=16MB",
                 "-c", "full_page_writes=off",
                 *[part for setting in self.settings for part in ("-c", setting)]],
                stdout=log, stderr=log, start_new_session=True, **self.options())
        harness.wait_until(self.is_ready, START_S, "the database server answers")

    def is_ready(self):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                raise AssertionError(f"the database server ended:\n{log.read()[-2000:]}")
        return subprocess.run([f"{self.bin}/pg_isready", "-q", "-h", "127.0.0.1", "-p",
                               str(self.port)], check=False).returncode == 0

    def stop(self):
        """Ends it without waiting for its clients ("fast shutdown")."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=START_S)
        self.process = None

    def restart(self):
        self.stop()
        self.start()

    def pause(self):
        """All its processes stand still: connections are there, and nothing answers."""
        os.killpg(self.process.pid, signal.SIGSTOP)  # its own session
        for pid in self.children():
            os.kill(pid, signal.SIGSTOP)

    def resume(self):
        for pid in self.children():
            os.kill(pid, signal.SIGCONT)
        os.killpg(self.process.pid, signal.SIGCONT)

    def children(self):
        """Each process of the server has a group of its own."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def psql(self, sql, database="postgres"):
        """Runs SQL as the owner; gives what it prints."""
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                               self.url(database), "-c", sql], check=True, capture_output=True,
                              text=True)
        return done.stdout.strip()

    def create_database(self, name, options=""):
        self.psql(f'CREATE DATABASE "{name}" {options}')
        return self.url(name)

    def url(self, database, password=PASSWORD):
        quoted = "".join(c if c.isalnum() and c.isascii() else
                         "".join(f"%{byte:02X}" for byte in c.encode()) for c in password)
        return f"postgres://{USER}:{quoted}@127.0.0.1:{self.port}/{database}"
