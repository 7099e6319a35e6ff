"""Two servers on one PostgreSQL, and what happens when a server or the database goes away. Beside
them: one SQLite file that two programs want."""
import contextlib
import json
import os
import re
import socket
import sqlite3
import threading
import time
import unittest

import harness
import postgres
from harness import Server, also_tsan, wait_until
from push_client import EventStream

PASSWORD = "a password of many words"
SEEN_S = 10   # for what NOTIFY tells at once
DEAD_S = 40   # ten seconds without a beat, on a busy machine
BACK_S = 40   # until a database that is there again is used again


class Person:
    """Somebody who has signed in."""

    def __init__(self, server, email):
        answer = server.request("POST", "/api/v1/auth/sign-in",
                                body=json.dumps({"email": email, "password": PASSWORD}),
                                headers={"Content-Type": "application/json"})
        assert answer.status == 200, answer.text
        self.headers = {"Cookie": answer.headers["Set-Cookie"].split(";")[0],
                        "X-CSRF-Token": answer.json()["csrfToken"],
                        "Content-Type": "application/json"}

    def call(self, server, method, path, value=None):
        return server.request(method, "/api/v1" + path, headers=self.headers,
                              body=None if value is None else json.dumps(value))

    def is_known_to(self, server):
        answer = self.call(server, "GET", "/auth/me")
        return answer.status == 200 and answer.json()["account"] is not None


def create_account(server, email, role="seller"):
    answer = server.call("POST", "/accounts", {"email": email, "displayName": "Somebody",
                                               "role": role, "password": PASSWORD})
    assert answer.status == 201, answer.text
    return answer.json().get("account", answer.json())


def secrets_of(url):
    """The password as it is written in the URL, and as it is."""
    return re.search(r"://[^:]*:([^@]*)@", url).group(1), postgres.PASSWORD


class TwoServers(unittest.TestCase):
    """A database of its own for each class, and the servers A and B."""
    settings = {}

    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            cls.postgres = stack.enter_context(postgres.Postgres())
            cls.url = cls.postgres.create_database("shop")
            cls.servers = []
            for _ in range(2):
                server = Server({"database.url": cls.url, **cls.settings})
                server.settings["node.url"] = f"http://127.0.0.1:{server.ports['http']}"
                cls.servers.append(server)
            cls.a, cls.b = cls.servers
            cls.b.settings["node.media_origins"] = cls.a.settings["node.url"]
            for server in cls.servers:
                server.start()
                stack.callback(server.close)
            cls.stack = stack.pop_all()

    @classmethod
    def tearDownClass(cls):
        logs = "".join(server.log() for server in cls.servers)
        cls.stack.close()
        for secret in secrets_of(cls.url):
            assert secret not in logs, "the database's password is in a log"

    def wait_seen(self, server, path, predicate, what):
        def look():
            answer = server.call("GET", path)
            return predicate(answer) and answer
        return wait_until(look, SEEN_S, what)


class Replication(TwoServers):
    def test_channel_that_one_makes_changes_and_deletes_is_seen_by_the_other(self):
        with EventStream(self.b, "/api/v1/events?channels=all") as events:
            channel = self.a.create_channel("Made on A")
            path = f"/channels/{channel['id']}"
            self.wait_seen(self.b, path, lambda r: r.status == 200, "B knows the channel")
            while json.loads(events.next_of("status")["data"])["channelId"] != channel["id"]:
                pass
            self.assertEqual(self.b.call("PATCH", path, {"title": "Renamed on B"}).status, 200)
            self.wait_seen(self.a, path, lambda r: r.json()["title"] == "Renamed on B",
                           "A knows the new title")
            self.assertEqual(self.a.call("DELETE", path).status, 200)
            self.wait_seen(self.b, path, lambda r: r.status == 404, "B knows that it is gone")
            while json.loads(events.next_of("deleted")["data"])["channelId"] != channel["id"]:
                pass

    def test_many_channels_made_by_both_have_numbers_of_their_own(self):
        made = {server: [] for server in self.servers}

        def make(server):
            for number in range(120):  # more than a block of numbers
                made[server].append(server.create_channel(f"Many {number}")["id"])
        threads = [threading.Thread(target=make, args=(server,)) for server in self.servers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ids = made[self.a] + made[self.b]
        self.assertEqual((len(ids), len(set(ids))), (240, 240))
        for server in self.servers:
            wait_until(lambda s=server: all(s.get(f"/api/v1/channels/{i}/status").status == 200
                                            for i in ids), 60, "each knows all")

    @also_tsan
    def test_session_of_one_is_good_at_the_other_until_it_signs_out(self):
        create_account(self.a, "seller@example.org")
        person = Person(self.a, "seller@example.org")
        wait_until(lambda: person.is_known_to(self.b), SEEN_S, "the session is good at B")
        made = person.call(self.b, "POST", "/channels", {"title": "By a seller"})
        self.assertEqual(made.status, 201, made.text)
        self.assertEqual(person.call(self.b, "POST", "/auth/sign-out").status, 200)
        wait_until(lambda: not person.is_known_to(self.a), SEEN_S, "A knows that it signed out")

    def test_key_that_one_revokes_is_refused_by_the_other(self):
        create_account(self.a, "keys@example.org")
        person = Person(self.a, "keys@example.org")
        made = person.call(self.a, "POST", "/api-keys", {"name": "Till", "scopes": ["read"]})
        self.assertEqual(made.status, 201, made.text)
        key, key_id = made.json()["key"], made.json()["id"]

        def status_at_b():
            return self.b.call("GET", "/channels?mine=true", key=key).status
        wait_until(lambda: status_at_b() == 200, SEEN_S, "B takes the key")
        self.assertEqual(person.call(self.a, "DELETE", f"/api-keys/{key_id}").status, 200)
        wait_until(lambda: status_at_b() == 401, SEEN_S, "B refuses the key")

    def test_account_that_one_disables_is_refused_by_the_other(self):
        account = create_account(self.a, "gone@example.org")
        person = Person(self.a, "gone@example.org")
        wait_until(lambda: person.is_known_to(self.b), SEEN_S, "the session is good at B")
        done = self.a.call("PATCH", f"/accounts/{account['id']}", {"disabled": True})
        self.assertEqual(done.status, 200, done.text)
        wait_until(lambda: not person.is_known_to(self.b), SEEN_S, "B refuses it")

    def test_broadcast_on_one_is_pushed_and_told_by_the_other(self):
        channel = self.a.create_channel("Live on A")
        self.wait_seen(self.b, f"/channels/{channel['id']}", lambda r: r.status == 200,
                       "B knows the channel")
        with EventStream(self.b, f"/api/v1/events?channels={channel['id']}") as events:
            publisher = self.a.publish(channel)
            self.assertEqual(self.wait_pushed(events, "active")["isLive"], True)
            self.assertEqual(self.b.status(channel)["relayStatus"], "active")
            # What A runs is not begun, ended or played on B, and B says why.
            refused = self.b.call("POST", f"/channels/{channel['id']}/end")
            self.assertEqual(refused.status, 409, refused.text)
            self.assertIn("another server", refused.text)
            # It is played from A, and B's pages may do so.
            self.assertEqual(self.b.get(f"/hls/{channel['id']}/index.m3u8").status, 404)
            at_a = f"{self.a.settings['node.url']}/hls/{channel['id']}/index.m3u8"
            self.assertEqual(self.b.status(channel)["hlsPlaybackUrl"], at_a)
            told = self.b.call("GET", f"/channels/{channel['id']}/playback").json()
            self.assertEqual(told["hlsUrl"], at_a)
            policy = self.b.get(f"/watch/{channel['id']}").headers["Content-Security-Policy"]
            self.assertIn(f"media-src 'self' blob: {self.a.settings['node.url']};", policy)
            self.assertNotIn(self.a.settings["node.url"], self.a.status(channel)["hlsPlaybackUrl"])
            self.a.wait_moving(channel)
            self.assertEqual(self.a.call("POST", f"/channels/{channel['id']}/end").status, 200)
            self.assertEqual(self.wait_pushed(events, "stopped")["isLive"], False)
            publisher.kill()
        history = self.b.call("GET", f"/channels/{channel['id']}/broadcasts").json()
        self.assertEqual(len(history["broadcasts"]), 1)

    def wait_pushed(self, events, relay_status):
        while True:
            status = json.loads(events.next_of("status", 20)["data"])["status"]
            if status["relayStatus"] == relay_status:
                return status

    def test_second_server_in_the_same_folder_is_refused(self):
        done = Server({"database.url": self.url, "data.dir": self.a.settings["data.dir"]}).run(
            "serve")
        self.assertEqual(done.returncode, 1)
        self.assertIn("a folder of their own", done.stderr)

    def test_the_password_is_in_nothing_that_is_shown(self):
        for command in ("check", "--print-config", "--check-config"):
            done = self.a.run(command)
            for secret in secrets_of(self.url):
                self.assertNotIn(secret, done.stdout + done.stderr, command)
        self.assertRegex(self.a.run("check").stdout, r"(?m)^ok +database +postgres://127\.0\.0\.1:"
                         r"\d+/shop answers; schema version \d+, the newest\.$")
        wrong = Server({"database.url": self.postgres.url("shop", "wrong-hunter2")})
        self.addCleanup(wrong.remove)
        for command in ("check", "serve"):
            done = wrong.run(command)
            self.assertEqual(done.returncode, 1)
            self.assertIn("check user, password", done.stdout + done.stderr)
            self.assertNotIn("hunter2", done.stdout + done.stderr)

    def test_variable_of_other_programs_is_taken_too(self):
        server = Server()
        self.addCleanup(server.remove)
        env = dict(server.environment(), DATABASE_URL=self.url)
        server.environment = lambda: env
        self.assertIn("/shop answers", server.run("check").stdout)
        env["STOA_DATABASE_URL"] = "sqlite:" + os.path.join(server.folder, "own.db")
        self.assertNotIn("/shop", server.run("check").stdout)


class Deaths(TwoServers):
    def test_broadcasts_of_a_dead_server_are_closed_by_the_other(self):
        channel = self.a.create_channel("Live on A")
        self.a.publish(channel)
        self.a.wait_status(channel, "active")
        wait_until(lambda: self.b.status(channel)["relayStatus"] == "active", SEEN_S,
                   "B knows that it is live")
        self.a.process.kill()
        try:
            self.b.wait_status(channel, "stopped", DEAD_S)
            self.assertEqual(len(re.findall("node_is_dead", self.b.log())), 1)
            # What B does meanwhile, A finds when it is back; and B may run the channel now.
            again = self.b.publish(channel)
            self.b.wait_status(channel, "active")
        finally:
            for publisher in self.a.publishers:
                publisher.kill()
            self.a.start()
        self.assertEqual(self.a.status(channel)["relayStatus"], "active")
        again.kill()
        self.assertEqual(self.b.call("POST", f"/channels/{channel['id']}/end").status, 200)
        self.a.wait_status(channel, "stopped")

    def test_server_that_comes_back_at_once_closes_its_own_broadcasts(self):
        channel = self.b.create_channel("Live on B")
        self.b.publish(channel)
        self.b.wait_status(channel, "active")
        wait_until(lambda: self.a.get(f"/api/v1/channels/{channel['id']}/status").status == 200
                   and self.a.status(channel)["isLive"], SEEN_S, "A knows that it is live")
        self.b.process.kill()
        self.b.start()
        self.assertNotEqual(self.b.status(channel)["relayStatus"], None)
        self.a.wait_status(channel, "stopped", SEEN_S)


class Outages(TwoServers):
    def is_ready(self, server):
        return server.get("/readyz").status == 200

    def test_database_that_goes_and_comes_back_loses_nothing(self):
        kept = self.a.create_channel("Kept")
        live = self.a.create_channel("Live")
        create_account(self.a, "outage@example.org")
        person = Person(self.a, "outage@example.org")
        self.a.publish(live)
        self.a.wait_status(live, "active")
        wait_until(lambda: person.is_known_to(self.b), SEEN_S, "the session is good at B")
        self.postgres.stop()
        try:
            for server in self.servers:
                wait_until(lambda s=server: s.get("/readyz").status == 503, BACK_S, "503")
            refused = self.a.call("POST", "/channels", {"title": "Not stored"})
            self.assertEqual((refused.status, refused.json()["code"]), (503, "not_stored"))
            refused = self.b.call("PATCH", f"/channels/{kept['id']}", {"title": "Not stored"})
            self.assertEqual((refused.status, refused.json()["code"]), (503, "not_stored"))
            # Who watches, and who is signed in, notices nothing.
            self.assertEqual(self.a.status(live)["relayStatus"], "active")
            self.a.wait_moving(live)
            self.assertTrue(person.is_known_to(self.b))
        finally:
            self.postgres.start()
        for server in self.servers:
            wait_until(lambda s=server: self.is_ready(s), BACK_S, "ready again")
        made = self.a.create_channel("After")
        wait_until(lambda: self.b.get(f"/api/v1/channels/{made['id']}/status").status == 200,
                   BACK_S, "B hears again")
        for server in self.servers:
            titles = [channel["title"] for channel in server.call("GET", "/channels").json()[
                "channels"]]
            self.assertNotIn("Not stored", titles)
            self.assertLessEqual({"After", "Kept", "Live"}, set(titles))
            self.assertEqual(server.status(live)["relayStatus"], "active")

    def test_broadcast_that_began_and_ended_without_the_database_is_in_the_history(self):
        channel = self.a.create_channel("Outage")
        wait_until(lambda: self.b.get(f"/api/v1/channels/{channel['id']}/status").status == 200,
                   SEEN_S, "B knows the channel")
        self.postgres.stop()
        try:
            self.a.publish(channel)
            self.a.wait_status(channel, "active", 40)
        finally:
            self.postgres.start()
        wait_until(lambda: self.is_ready(self.a), BACK_S, "ready again")
        self.b.wait_status(channel, "active", BACK_S)
        self.assertEqual(self.a.call("POST", f"/channels/{channel['id']}/end").status, 200)
        self.b.wait_status(channel, "stopped")
        history = self.b.call("GET", f"/channels/{channel['id']}/broadcasts").json()["broadcasts"]
        self.assertEqual(len(history), 1)
        self.assertIsNotNone(history[0]["endedAt"])

    def test_database_that_is_away_at_the_start_is_told(self):
        server = Server({"database.url": f"postgres://stoa:hunter2@127.0.0.1:"
                                         f"{harness.free_port()}/shop"})
        self.addCleanup(server.remove)
        done = server.run("serve")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot be reached", done.stderr)
        self.assertNotIn("hunter2", done.stderr)
        done = server.run("check")
        self.assertRegex(done.stdout, r"(?m)^FAIL +database .*cannot be reached")

    def test_database_that_does_not_answer_at_the_start_is_told(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            server = Server({"database.url": "postgres://stoa:hunter2@127.0.0.1:"
                                             f"{silent.getsockname()[1]}/shop"})
            self.addCleanup(server.remove)
            done = server.run("serve")
        self.assertEqual(done.returncode, 1)
        self.assertIn("stoa: ", done.stderr)
        self.assertFalse(harness.REPORT.search(done.stderr), done.stderr)
        self.assertNotIn("hunter2", done.stderr)


class OneFile(unittest.TestCase):
    """SQLite."""

    def test_second_server_on_the_file_is_refused(self):
        with Server() as first:
            path = os.path.join(first.settings["data.dir"], "stoa.db")
            second = Server({"database.url": "sqlite:" + path})
            self.addCleanup(second.remove)
            done = second.run("serve")
            self.assertEqual(done.returncode, 1)
            self.assertIn("Another Stoa uses this database", done.stderr)
            self.assertEqual(first.get("/readyz").status, 200)

    def test_file_that_another_program_holds_is_told_and_used_again(self):
        with Server() as server:
            channel = server.create_channel("Before")
            other = sqlite3.connect(os.path.join(server.settings["data.dir"], "stoa.db"),
                                    isolation_level=None)
            with contextlib.closing(other):
                other.execute("BEGIN EXCLUSIVE")
                started = time.monotonic()
                refused = server.call("POST", "/channels", {"title": "Not stored"})
                self.assertEqual((refused.status, refused.json()["code"]), (503, "not_stored"))
                self.assertLess(time.monotonic() - started, 20, "it is told within bounds")
                self.assertEqual(server.status(channel)["relayStatus"], None)
                other.execute("ROLLBACK")
            wait_until(lambda: server.get("/readyz").status == 200, BACK_S, "ready again")
            server.create_channel("After")
            titles = [c["title"] for c in server.call("GET", "/channels").json()["channels"]]
            self.assertEqual(sorted(titles), ["After", "Before"])
            self.assertIn("another process holds the database", server.log())


if __name__ == "__main__":
    unittest.main()
