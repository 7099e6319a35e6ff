"""The database is locked by somebody, refuses what is written, or comes back: who watches and who
is live does not notice, who changes something is told the truth."""
import concurrent.futures
import contextlib
import os
import sqlite3
import unittest

from harness import Server, wait_until
from people import Person, admin


class Database(unittest.TestCase):
    def setUp(self):
        self.server = Server({"http.trust_forwarded": "yes", "live.reconnect_s": 20}).start()
        self.addCleanup(self.server.close)

    @contextlib.contextmanager
    def opened(self):
        with contextlib.closing(sqlite3.connect(
                os.path.join(self.server.folder, "data", "stoa.db"), timeout=20,
                isolation_level=None)) as database:
            yield database

    @contextlib.contextmanager
    def refusing(self, *tables):
        """Nothing is written into these tables, as on a full disk."""
        with self.opened() as database:
            for table in tables:
                for what in ("INSERT", "UPDATE"):
                    database.execute(f"CREATE TRIGGER held_{what}_{table} BEFORE {what} ON {table} "
                                     "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
            try:
                yield
            finally:
                for table in tables:
                    for what in ("INSERT", "UPDATE"):
                        database.execute(f"DROP TRIGGER held_{what}_{table}")

    def readiness(self):
        return self.server.get("/readyz").status

    def assert_not_stored(self, answer):
        self.assertEqual((answer.status, answer.json().get("code")), (503, "not_stored"),
                         answer.text)

    def test_locked_by_somebody_else(self):
        """As by a copy that takes long, or a tool that was left open."""
        channel = self.server.create_channel("Live")
        self.server.publish(channel)
        self.server.wait_moving(channel)
        with self.opened() as database, concurrent.futures.ThreadPoolExecutor(4) as pool:
            database.execute("BEGIN EXCLUSIVE")
            change = pool.submit(self.server.call, "POST", "/channels", {"title": "Waits"})
            answers = 0
            while not change.done():
                self.assertEqual(self.server.status(channel)["relayStatus"], "active")
                answers += 1
            self.assertGreater(answers, 20, "status comes from memory and does not wait")
            self.assert_not_stored(change.result())
            self.server.wait_moving(channel)
            wait_until(lambda: self.readiness() == 503, 15, "it is not ready")
            health = self.server.call("GET", "/health", key=None).json()
            self.assertEqual((health["overall"], health["checks"]["database"]["ok"]),
                             (False, False))
            self.assertTrue(health["checks"]["database"]["detail"])
            database.execute("ROLLBACK")
        wait_until(lambda: self.readiness() == 200, 15, "it is ready again")
        self.assertEqual([c["title"] for c in self.server.call("GET", "/channels").json()
                          ["channels"]], ["Live"])
        self.server.create_channel("After")
        self.assertEqual(self.server.status(channel)["relayStatus"], "active")

    def test_what_cannot_be_stored_is_not_there(self):
        ada = Person(self.server).create("seller")
        with self.refusing("channels", "sessions", "api_keys", "publish_tokens", "accounts",
                           "webhook_endpoints", "counters"):
            boss = admin(self.server)
            self.assert_not_stored(boss.call("POST", "/channels", {"title": "Never"}))
            answer = ada.try_sign_in()
            self.assert_not_stored(answer)
            self.assertIsNone(ada.cookie)
            self.assert_not_stored(boss.call("POST", "/accounts", {
                "email": "never@shop.example", "displayName": "Never", "role": "seller"}))
            self.assert_not_stored(boss.call("POST", "/webhooks", {
                "url": "https://shop.example/x", "events": ["*"]}))
            wait_until(lambda: self.readiness() == 503, 5, "it is not ready")
        wait_until(lambda: self.readiness() == 200, 10, "it is ready again")
        self.assertEqual(self.server.call("GET", "/channels").json()["channels"], [])
        self.assertNotIn("never@shop.example",
                         admin(self.server).call("GET", "/accounts").text)
        self.assertEqual(admin(self.server).must("GET", "/webhooks")["webhooks"], [])
        ada.sign_in()

    def test_a_broadcast_goes_on_while_nothing_can_be_stored(self):
        channel = self.server.create_channel("Live")
        with self.refusing("channels", "broadcasts", "stream_metrics", "stream_costs"):
            self.server.publish(channel)
            self.server.wait_status(channel, "active")
            self.server.wait_moving(channel)
            answer = self.server.call("POST", f"/channels/{channel['id']}/end", {})
            self.assert_not_stored(answer)
            self.server.wait_status(channel, "stopped")
        self.assertIn("change_not_stored", self.server.log())
        for publisher in self.server.publishers:
            publisher.kill()
        answer = self.server.call("POST", f"/channels/{channel['id']}/start", {})
        self.assertEqual(answer.status, 200, answer.text)
        self.server.publish(channel)
        self.server.wait_status(channel, "active")

    def test_what_was_revoked_stays_so_even_if_it_cannot_be_stored(self):
        ada = Person(self.server).create("seller").sign_in()
        program = ada.create_key("channels")
        with self.refusing("api_keys"):
            self.assert_not_stored(ada.call("DELETE", f"/api-keys/{program.id}"))
            self.assertEqual(program.call("POST", "/channels", {"title": "x"}).status, 401)
        self.assertEqual(program.call("POST", "/channels", {"title": "x"}).status, 401)


if __name__ == "__main__":
    unittest.main()
