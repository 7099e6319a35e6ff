"""The store on PostgreSQL: the unit tests again, two processes on one database, and every way in
which a server is away."""
import contextlib
import os
import queue
import re
import subprocess
import threading
import time
import unittest

import harness
import postgres

PROGRAMS = ("api_idempotency", "api_input", "channel_foreign", "channel_stored", "store_batch",
            "store_db", "store_query", "store_store", "store_thin")
# They are about SQLite's file.
SQLITE_ONLY = {"only_the_owner_may_read_the_file", "full_disk_is_told_and_harms_nothing",
               "locked_database_says_so_and_works_later", "file_that_is_no_database_is_refused"}
ANSWER_MS = 1000   # the timeout that the drivers get
ANSWER_S = 4       # so an answer must be there, on a busy machine
CONNECT_S = 12     # five seconds for an address, and an answer
COMMAND_S = 30


class Driver:
    """One tests/support/store_driver."""

    def __init__(self, url, node, is_open=True):
        program = os.path.join(harness.BUILD, "tests", "unit", "store", "store_driver")
        self.process = subprocess.Popen([program, url, node, str(ANSWER_MS)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.answers = queue.Queue()
        self.heard = queue.Queue()
        self.errors = []
        self.threads = [threading.Thread(target=self.read_answers),
                        threading.Thread(target=self.read_errors)]
        for thread in self.threads:
            thread.start()
        if is_open:
            assert self.ask("open") == "ok"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        code = self.process.wait(timeout=COMMAND_S)
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        assert code == 0, f"the driver ended with {code}\n{''.join(self.errors)}"

    def read_answers(self):
        for line in self.process.stdout:
            line = line.rstrip("\n")
            is_heard = line == "all changed" or line.startswith("changed ")
            (self.heard if is_heard else self.answers).put(line)

    def read_errors(self):
        self.errors.extend(self.process.stderr)

    def send(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def ask(self, command, timeout_s=COMMAND_S):
        self.send(command)
        return self.answers.get(timeout=timeout_s)

    def hear(self, timeout_s=COMMAND_S):
        return self.heard.get(timeout=timeout_s)

    def watch(self):
        self.send("watch")
        assert self.hear() == "all changed"


class StorePostgresTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = postgres.Postgres()
        cls.postgres.__enter__()
        cls.count = 0

    @classmethod
    def tearDownClass(cls):
        cls.postgres.__exit__()

    def database(self, options=""):
        type(self).count += 1
        return self.postgres.create_database(f"db{self.count}", options)

    def end_connections(self):
        """The server ends all connections to the newest database, with a reason."""
        of_database = f"FROM pg_stat_activity WHERE datname = 'db{self.count}'"
        pids = self.postgres.psql(f"SELECT pid {of_database}").split()
        self.postgres.psql(f"SELECT pg_terminate_backend(pid) {of_database}")
        ended = f"SELECT count(*) {of_database} AND pid IN ({', '.join(pids)})"
        harness.wait_until(lambda: self.postgres.psql(ended) == "0", COMMAND_S,
                           "the connections are ended")

    def test_unit_tests_pass_as_on_sqlite(self):
        url = self.database()
        skipped, passed = set(), 0
        for program in PROGRAMS:
            done = subprocess.run(
                [os.path.join(harness.BUILD, "tests", f"{program}_test")], check=False,
                capture_output=True, text=True, timeout=300,
                env=dict(os.environ, STOA_TEST_DATABASE_URL=url, CMOCKA_MESSAGE_OUTPUT="TAP"))
            skipped |= set(re.findall(r"^(?:not )?ok \d+ # SKIP (\w+)", done.stdout, re.MULTILINE))
            passed += len(re.findall(r"^ok \d+ - ", done.stdout, re.MULTILINE))
            self.assertNotRegex(done.stdout, r"(?m)^not ok \d+ (?!# SKIP)", program + done.stderr)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(skipped, SQLITE_ONLY)
        self.assertGreater(passed, 50)

    # ---- several processes ----

    @harness.also_tsan
    def test_two_nodes_see_each_others_changes_and_not_their_own(self):
        url = self.database()
        with Driver(url, "a") as first, Driver(url, "b") as second:
            first.watch()
            second.watch()
            self.assertEqual(first.ask("account 1 one@example.org"), "ok")
            self.assertEqual(first.ask("channel 7"), "ok")
            self.assertEqual(first.ask("metric 7"), "ok")  # only in the database: told to nobody
            self.assertEqual(second.ask("channel 8"), "ok")
            account = "00000000-0000-4000-8000-000000000001"
            self.assertEqual(second.hear(), f"changed accounts {account}")
            self.assertEqual(second.hear(), "changed channels 7")
            self.assertEqual(first.hear(), "changed channels 8")
            self.assertEqual(second.ask("session 1 1"), "ok")
            self.assertRegex(first.hear(), r"^changed sessions [0-9a-f]{64}$")
            self.assertTrue(first.heard.empty() and second.heard.empty())

    def test_large_change_is_told_whole(self):
        url = self.database()
        with Driver(url, "a") as first, Driver(url, "b") as second:
            second.watch()
            first.ask("account 1 one@example.org")
            for number in range(300):  # 300 hashes are more than one NOTIFY may hold
                self.assertEqual(first.ask(f"session {number} 1"), "ok")
            made = {second.hear() for _ in range(301)}
            self.assertEqual(first.ask("signout 1"), "ok")
            gone = {second.hear() for _ in range(300)}
            self.assertEqual(len(gone), 300)
            self.assertEqual(made - gone,
                             {"changed accounts 00000000-0000-4000-8000-000000000001"})

    def test_change_that_failed_is_not_told(self):
        url = self.database()
        with Driver(url, "a") as first, Driver(url, "b") as second:
            second.watch()
            first.ask("account 1 one@example.org")
            self.assertTrue(first.ask("account 2 one@example.org").startswith("conflict "))
            self.assertEqual(first.ask("account 3 three@example.org"), "ok")
            self.assertTrue(second.hear().endswith("1"))
            self.assertTrue(second.hear().endswith("3"))

    def test_two_nodes_migrate_at_once(self):
        newest = len([name for name in os.listdir(os.path.join(harness.ROOT, "migrations"))
                      if name.endswith(".up.sql")])
        for _ in range(3):
            url = self.database()
            with contextlib.ExitStack() as stack:
                drivers = [stack.enter_context(Driver(url, f"n{i}", is_open=False))
                           for i in range(4)]
                for driver in drivers:
                    driver.send("open")
                self.assertEqual([driver.answers.get(timeout=60) for driver in drivers],
                                 ["ok"] * 4)
                self.assertEqual(drivers[0].ask("count schema_migrations"), f"ok {newest}")

    def test_numbers_are_given_once_to_all_nodes(self):
        url = self.database()
        with contextlib.ExitStack() as stack:
            drivers = [stack.enter_context(Driver(url, f"n{i}")) for i in range(3)]
            for _ in range(20):
                for driver in drivers:
                    driver.send("ids")
            firsts = [int(driver.answers.get(timeout=COMMAND_S).split()[1])
                      for driver in drivers for _ in range(20)]
        self.assertEqual(sorted(firsts), [1 + 10 * i for i in range(60)])

    def test_row_that_another_holds_is_waited_for_within_bounds(self):
        url = self.database()
        with Driver(url, "a") as first, Driver(url, "b") as second:
            first.ask("account 1 one@example.org")
            self.assertEqual(second.ask("begin"), "ok")
            self.assertEqual(second.ask("run UPDATE accounts SET role = 'buyer'"), "ok")
            self.assertRegex(first.ask("account 1 new@example.org", ANSWER_S),
                             "^again .*took too long")
            self.assertEqual(second.ask("end"), "ok")
            self.assertEqual(first.ask("account 1 new@example.org"), "ok")

    # ---- a server that is away ----

    def test_restart_in_the_middle_of_a_change(self):
        url = self.database()
        with Driver(url, "a") as driver:
            self.assertEqual(driver.ask("run CREATE TABLE t (id BIGINT)"), "ok")
            self.assertEqual(driver.ask("begin"), "ok")
            self.assertEqual(driver.ask("run INSERT INTO t VALUES (1)"), "ok")
            self.postgres.restart()
            self.assertRegex(driver.ask("run INSERT INTO t VALUES (1)"), "^again ")
            self.assertRegex(driver.ask("run INSERT INTO t VALUES (1)"), "^again .*middle")
            self.assertRegex(driver.ask("end"), "^again .*middle")
            # The next ones connect anew and prepare their statements anew.
            self.assertEqual(driver.ask("run INSERT INTO t VALUES (1)"), "ok")
            self.assertEqual(driver.ask("count t"), "ok 1")

    def test_restart_between_two_changes_is_not_seen(self):
        url = self.database()
        with Driver(url, "a") as driver:
            driver.ask("account 1 one@example.org")
            self.postgres.restart()
            self.assertEqual(driver.ask("account 2 two@example.org"), "ok")
            self.assertEqual(driver.ask("count accounts"), "ok 2")

    def test_stopped_server_is_told_at_once_and_found_again(self):
        url = self.database()
        with Driver(url, "a") as driver:
            self.postgres.stop()
            try:
                for _ in range(5):
                    self.assertRegex(driver.ask("account 1 one@example.org", ANSWER_S),
                                     "^again .*cannot be reached")
            finally:
                self.postgres.start()
            harness.wait_until(lambda: driver.ask("account 1 one@example.org") == "ok", COMMAND_S,
                               "the store is connected again")

    def test_server_that_stands_still_holds_nobody_for_ever(self):
        url = self.database()
        with Driver(url, "a") as driver:
            self.postgres.pause()
            try:
                self.assertRegex(driver.ask("account 1 one@example.org", ANSWER_S),
                                 "^again .*in time")
                self.assertRegex(driver.ask("account 1 one@example.org", CONNECT_S), "^again ")
                started = time.monotonic()  # and those behind it wait for nothing
                for _ in range(10):
                    self.assertRegex(driver.ask("ping", CONNECT_S), "^again ")
                self.assertLess(time.monotonic() - started, 2 * CONNECT_S)
            finally:
                self.postgres.resume()
            harness.wait_until(lambda: driver.ask("account 1 one@example.org") == "ok", COMMAND_S,
                               "the store is connected again")

    def test_commit_without_an_answer_is_told_as_not_known(self):
        url = self.database()
        with Driver(url, "a") as driver:
            self.assertEqual(driver.ask("begin"), "ok")
            self.assertEqual(driver.ask("run CREATE TABLE t (id BIGINT)"), "ok")
            self.postgres.pause()
            try:
                self.assertRegex(driver.ask("end", ANSWER_S), "^io It is not known whether")
            finally:
                self.postgres.resume()

    def test_watch_comes_back_and_says_that_it_missed_something(self):
        url = self.database()
        with Driver(url, "a") as first, Driver(url, "b") as second:
            second.watch()
            self.postgres.restart()
            self.assertEqual(second.hear(), "all changed")
            harness.wait_until(lambda: first.ask("account 1 one@example.org") == "ok", COMMAND_S,
                               "the store is connected again")
            self.assertTrue(second.hear().startswith("changed accounts "))

    def test_connection_that_the_server_ends_is_replaced(self):
        url = self.database()
        with Driver(url, "a") as first, Driver(url, "b") as second:
            second.watch()
            self.end_connections()
            self.assertEqual(second.hear(), "all changed")
            self.assertEqual(first.ask("account 1 one@example.org"), "ok")
            self.assertTrue(second.hear().startswith("changed accounts "))

    # ---- a server that refuses ----

    def test_password_is_in_no_message(self):
        wrong = "wröng-hunter2/%"
        url = self.postgres.url("postgres", wrong)
        for target in (url, url.replace(str(self.postgres.port), "1"), url + "?connect_timeout=2"):
            with Driver(target, "a", is_open=False) as driver:
                answer = driver.ask("open")
                self.assertRegex(answer, "^(denied|again) ")
                driver.send("watch")
                for secret in ("hunter2", "%25", "%C3"):
                    self.assertNotIn(secret, answer)
            self.assertNotIn("hunter2", "".join(driver.errors))
            if target == url:
                self.assertRegex(answer, "^denied .*check user, password")

    def test_missing_database_is_told(self):
        with Driver(self.postgres.url("nowhere"), "a", is_open=False) as driver:
            self.assertRegex(driver.ask("open"), '^denied .*"nowhere" does not exist')

    def test_other_encoding_is_refused(self):
        url = self.database("ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        with Driver(url, "a", is_open=False) as driver:
            self.assertRegex(driver.ask("open"), "^unsupported .*UTF8")

    def test_database_that_may_only_be_read_is_told(self):
        url = self.database()
        with Driver(url, "a") as driver:
            driver.ask("account 1 one@example.org")
            self.postgres.psql(f'ALTER DATABASE "db{self.count}" '
                               "SET default_transaction_read_only = on")
            self.end_connections()
            self.assertRegex(driver.ask("account 2 two@example.org"), "^denied .*only be read")

    def test_user_without_rights_is_told(self):
        url = self.database()
        self.postgres.psql("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        guest = re.sub(r"//[^@]*@", "//guest:guest@", url)
        with Driver(guest, "a", is_open=False) as driver:
            self.assertRegex(driver.ask("open"), "^denied .*grant it CREATE")


if __name__ == "__main__":
    unittest.main()
