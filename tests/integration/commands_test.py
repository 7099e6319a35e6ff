"""What an operator does at the database itself: stoa migrate, account, key, channel; with SQLite,
and with PostgreSQL while a server runs."""
import json
import os
import re
import unittest

import postgres
from harness import REPORT, Server, wait_until

PASSWORD = "a password of many words"
NEWEST = len([name for name in os.listdir(os.path.join(postgres.harness.ROOT, "migrations"))
              if name.endswith(".up.sql")])


def sign_in(server, email, password):
    answer = server.request("POST", "/api/v1/auth/sign-in",
                            body=json.dumps({"email": email, "password": password}),
                            headers={"Content-Type": "application/json"})
    return answer.status


class Commands(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.remove)

    def run_(self, *arguments, code=0, given=""):
        done = self.server.run(*arguments, given=given)
        self.assertFalse(REPORT.search(done.stderr), done.stderr)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stderr if code else done.stdout

    def shown(self, output, what):
        return re.search(rf"(?m){what}: (\S+)$", output)[1]

    def rows(self, *arguments):
        lines = self.run_(*arguments).splitlines()
        names = lines[0].split("\t")
        return [dict(zip(names, line.split("\t"))) for line in lines[1:]]


class OnSqlite(Commands):
    def test_what_commands_make_is_there_when_the_server_starts(self):
        drawn = self.shown(self.run_("account", "create", "One@Example.org"), "shown this once")
        self.run_("account", "create", "two@example.org", "--role", "admin", "--name", "Two",
                  "--password-stdin", given=PASSWORD + "\n")
        made = self.run_("channel", "create", "A shop", "--host", "one@example.org")
        key = self.shown(made, "stream key")
        api_key = self.shown(self.run_("key", "create", "one@example.org", "--scopes",
                                       "read channels", "--days", "3"), "shown this once")
        self.assertEqual([(row["email"], row["role"]) for row in self.rows("account", "list")],
                         [("one@example.org", "seller"), ("two@example.org", "admin")])
        self.assertEqual([(row["id"], row["title"], row["host"])
                          for row in self.rows("channel", "list")],
                         [("1", "A shop", "one@example.org")])
        self.server.start()
        self.addCleanup(self.server.stop)
        self.assertEqual(sign_in(self.server, "one@example.org", drawn), 200)
        self.assertEqual(sign_in(self.server, "two@example.org", PASSWORD), 200)
        self.assertEqual(self.server.call("GET", "/channels?mine=true", key=api_key).json()[
            "channels"][0]["id"], 1)
        self.server.publish({"id": 1}, key=key)
        self.server.wait_status({"id": 1}, "active")
        audit = [row["action"] for row in self.server.call("GET", "/audit").json()["entries"]]
        for action in ("account.create", "channel.create", "apiKey.create"):
            self.assertIn(action, audit)

    def test_passwords_and_keys_are_changed(self):
        first = self.shown(self.run_("account", "create", "one@example.org"), "shown this once")
        second = self.shown(self.run_("account", "password", "one@example.org"), "shown this once")
        self.assertNotEqual(first, second)
        self.run_("account", "create", "out@example.org", "--password-stdin", given=PASSWORD)
        self.run_("account", "disable", "out@example.org")
        made = self.run_("key", "create", "one@example.org")
        key, key_id = self.shown(made, "shown this once"), re.search(r"Key (\S+) of", made)[1]
        self.run_("key", "revoke", key_id)
        self.assertEqual([(row["id"], row["state"]) for row in self.rows("key", "list")],
                         [(key_id, "revoked")])
        old = self.shown(self.run_("channel", "create", "One"), "stream key")
        self.run_("channel", "create", "Two")
        new = self.shown(self.run_("channel", "rotate-key", "1"), "channel 1")
        self.assertNotEqual(old, new)
        self.run_("channel", "delete", "2")
        self.server.start()
        self.addCleanup(self.server.stop)
        self.assertEqual(sign_in(self.server, "one@example.org", first), 401)
        self.assertEqual(sign_in(self.server, "one@example.org", second), 200)
        self.assertNotEqual(sign_in(self.server, "out@example.org", PASSWORD), 200)
        self.assertEqual(self.server.call("GET", "/channels?mine=true", key=key).status, 401)
        channels = self.server.call("GET", "/channels").json()["channels"]
        self.assertEqual([channel["id"] for channel in channels], [1])
        self.assertEqual(self.server.call("GET", "/channels/1").json()["publish"]["streamKey"], new)

    def test_rules_are_those_of_the_api(self):
        self.run_("account", "create", "one@example.org", "--password-stdin", given=PASSWORD)
        for arguments, given, sentence in (
                (("account", "create", "ONE@example.org"), "", "already"),
                (("account", "create", "nonsense"), "", "email"),
                (("account", "create", "x@example.org", "--role", "king"), "", "role"),
                (("account", "create", "x@example.org", "--password-stdin"), "short\n", "8 to 256"),
                (("account", "create", "x@example.org", "--password-stdin"), "", "no password"),
                (("account", "password", "nobody@example.org"), "", "no account nobody@"),
                (("key", "create", "one@example.org", "--scopes", "admin"), "", "scopes"),
                (("key", "create", "one@example.org", "--days", "0"), "", "--days"),
                (("key", "revoke", "nothing"), "", "no API key"),
                (("channel", "create", ""), "", "title"),
                (("channel", "delete", "9"), "", "9 not found"),
                (("channel", "delete", "x"), "", "no number"),
                (("migrate", "--to", "99"), "", f"0 to {NEWEST}")):
            self.assertIn(sentence, self.run_(*arguments, code=1, given=given), arguments)
        self.assertEqual(len(self.rows("account", "list")), 1)

    def test_what_is_written_wrongly_is_told_with_the_usage(self):
        for arguments in (("account",), ("account", "make"), ("account", "create"),
                          ("account", "create", "a@b.example", "more"), ("key", "list", "--role"),
                          ("account", "create", "a@b.example", "--role"),
                          ("account", "create", "a@b.example", "--password", "x"),
                          ("channel", "delete"), ("migrate", "up")):
            self.assertIn("usage:", self.run_(*arguments, code=2), arguments)

    def test_changes_are_refused_while_a_server_runs_and_lists_are_not(self):
        self.run_("account", "create", "one@example.org")
        self.server.start()
        self.addCleanup(self.server.stop)
        channel = self.server.create_channel("Made by the server")
        self.server.publish(channel)
        self.server.wait_status(channel, "active")
        for arguments in (("account", "disable", "one@example.org"), ("channel", "create", "X"),
                          ("channel", "delete", str(channel["id"])), ("migrate", "--to", "1")):
            self.assertIn("Another Stoa uses this database", self.run_(*arguments, code=1))
        self.assertEqual([(row["title"], row["state"]) for row in self.rows("channel", "list")],
                         [("Made by the server", "active")])
        self.assertIn("one@example.org", [row["email"] for row in self.rows("account", "list")])
        self.assertIn(f"version {NEWEST};", self.run_("migrate", "--status"))
        self.assertEqual(self.server.status(channel)["relayStatus"], "active")

    def test_schema_goes_back_and_forth(self):
        self.assertIn("no database yet", self.run_("migrate", "--status", code=1))
        self.run_("channel", "create", "Kept")
        self.assertIn(f"had version {NEWEST} and has 2 now", self.run_("migrate", "--to", "2"))
        self.assertIn("See `stoa migrate`", self.run_("channel", "list", code=1))
        check = self.server.run("check").stdout
        self.assertRegex(check, rf"(?m)^warn +database .* schema version 2\. .* to {NEWEST}")
        self.assertIn(f"had version 2 and has {NEWEST} now", self.run_("migrate"))
        self.assertEqual([row["title"] for row in self.rows("channel", "list")], ["Kept"])


class OnPostgres(Commands):
    @classmethod
    def setUpClass(cls):
        cls.postgres = postgres.Postgres()
        cls.postgres.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.postgres.__exit__()

    def test_server_that_runs_hears_of_each_change_at_once(self):
        self.server.settings["database.url"] = self.postgres.create_database("shop")
        self.server.start()
        self.addCleanup(self.server.stop)
        server = self.server
        self.run_("account", "create", "one@example.org", "--password-stdin", given=PASSWORD)
        wait_until(lambda: sign_in(server, "one@example.org", PASSWORD) == 200, 10, "signed in")
        self.run_("channel", "create", "A shop", "--host", "one@example.org")
        number = self.rows("channel", "list")[0]["id"]
        channel = {"id": int(number)}
        wait_until(lambda: server.get(f"/api/v1/channels/{number}/status").status == 200, 10,
                   "the server knows the channel")
        made = self.run_("key", "create", "one@example.org")
        key, key_id = self.shown(made, "shown this once"), re.search(r"Key (\S+) of", made)[1]
        wait_until(lambda: server.call("GET", "/channels?mine=true", key=key).status == 200, 10,
                   "the key is good")
        self.run_("key", "revoke", key_id)
        wait_until(lambda: server.call("GET", "/channels?mine=true", key=key).status == 401, 10,
                   "the key is refused")
        # A new stream key closes who publishes with the old one.
        new = self.shown(self.run_("channel", "rotate-key", number), f"channel {number}")
        wait_until(lambda: server.call("GET", f"/channels/{number}").json()["publish"][
            "streamKey"] == new, 10, "the server knows the key")
        server.publish(channel, key=new)
        server.wait_status(channel, "active")
        self.assertIn("live", self.run_("channel", "delete", number, code=1))
        self.run_("channel", "rotate-key", number)
        server.wait_status(channel, "reconnecting")
        self.assertEqual(server.call("POST", f"/channels/{number}/end").status, 200)
        server.wait_status(channel, "stopped")
        self.run_("channel", "delete", number)
        wait_until(lambda: server.get(f"/api/v1/channels/{number}/status").status == 404, 10,
                   "the server knows that it is gone")
        self.assertNotIn(PASSWORD, server.log())
        self.assertNotIn(key, server.log())


if __name__ == "__main__":
    unittest.main()
