"""The relay's states (spec section 4) with a seller who comes and goes, a server that is killed in
each of them, and everybody who must be told: subscribers, the log, the history."""
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import sqlite3
import time
import unittest

from harness import ADMIN_KEY, Server, also_tsan, wait_until
from people import Person, admin
from push_client import EventStream

LOST = "the server stopped during the broadcast"
TIMEOUT = "timeout waiting for seller stream"


def states_in_log(text, channel):
    """What the log tells of the channel: [(from, to, reason)]; nothing of it is logged elsewhere."""
    found = []
    for line in text.splitlines():
        told = re.search(r'relay_state channel=(\d+) broadcast=\d+ from=(\S*) to=(\S+) '
                         r'reason=(?:"([^"]*)"|(\S*))', line)
        if told and int(told[1]) == channel["id"]:
            found.append((told[2].strip('"'), told[3], told[4] or told[5] or ""))
    return found


class Shared(unittest.TestCase):
    """One server for all tests of a class; each test has a channel of its own."""
    settings = {"live.reconnect_s": 2, "live.media_wait_s": 2}

    @classmethod
    def setUpClass(cls):
        cls.server = Server({"http.trust_forwarded": "yes", **cls.settings}).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.channel = self.server.create_channel(self.id().rsplit(".", 1)[-1])
        self.addCleanup(self.stop_publishers)

    def stop_publishers(self):
        for publisher in self.server.publishers:
            publisher.kill()
        self.server.publishers = []

    def path(self, rest):
        return f"/channels/{self.channel['id']}{rest}"

    def post(self, rest, status=200, key=ADMIN_KEY):
        answer = self.server.call("POST", self.path(rest), {}, key=key)
        self.assertEqual(answer.status, status, answer.text)
        return answer.json()

    def get(self, rest):
        answer = self.server.call("GET", self.path(rest))
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json()

    def broadcasts(self):
        return self.get("/broadcasts")["broadcasts"]

    def wait_relay(self, state, timeout_s=15):
        return self.server.wait_status(self.channel, state, timeout_s)

    def go_live(self):
        publisher = self.server.publish(self.channel)
        self.wait_relay("active")
        return publisher

    def publish_without_picture(self):
        """A publisher who is connected and sends nothing that could be shown."""
        publisher = self.server.publish(self.channel)
        wait_until(lambda: self.server.status(self.channel)["ingest"], 10, "it is connected")
        return publisher

    def logged(self):
        return states_in_log(self.server.log(), self.channel)

    def wait_logged(self, *states):
        """The log tells exactly these states, in this order."""
        wait_until(lambda: [to for _, to, _ in self.logged()][-1:] == [states[-1]], 10,
                   f"the log tells {states[-1]}")
        logged = self.logged()
        self.assertEqual([to for _, to, _ in logged], list(states))
        for (_, earlier, _), (later_from, _, _) in zip(logged, logged[1:]):
            self.assertEqual(later_from, earlier)
        for _, to, reason in logged:
            self.assertTrue(reason, f"{to} has a reason")
        return logged


# ---- start and end ----

class Commands(Shared):
    def at_once(self, count, call):
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            return list(pool.map(lambda _: call(), range(count)))

    def test_starting_a_running_relay_returns_the_running_one(self):
        answers = self.at_once(8, lambda: self.post("/relay/start"))
        self.assertEqual({json.dumps(answer, sort_keys=True) for answer in answers},
                         {json.dumps(answers[0], sort_keys=True)})
        self.assertEqual(answers[0]["relayStatus"], "starting")
        self.assertEqual(answers[0]["streamKey"], self.channel["streamKey"])
        self.assertTrue(answers[0]["playbackUrl"].endswith(f"/hls/{self.channel['id']}/index.m3u8"))
        self.go_live()
        self.assertEqual(self.post("/relay/start")["relayStatus"], "active")
        self.assertEqual(len(self.broadcasts()), 1)
        self.wait_logged("starting", "active")

    def test_of_two_starts_at_once_one_is_a_conflict(self):
        answers = self.at_once(8, lambda: self.server.call("POST", self.path("/start"), {}))
        self.assertEqual(sorted(answer.status for answer in answers), [200] + [409] * 7)
        for answer in answers:
            if answer.status == 409:
                self.assertEqual(answer.json()["code"], "conflict")
                self.assertIn("already live", answer.json()["detail"])
        self.assertEqual(len(self.broadcasts()), 1)
        self.wait_logged("starting")

    def test_ended_while_starting(self):
        self.post("/start")
        self.assertIn(self.post("/end")["relayStatus"], ("stopping", "stopped"))
        status = self.wait_relay("stopped")
        self.assertEqual((status["isActive"], status["isLive"]), (False, False))
        self.wait_logged("starting", "stopping", "stopped")
        self.assertIsNotNone(self.broadcasts()[0]["endedAt"])
        self.post("/end")  # twice is no error and no second change
        self.wait_logged("starting", "stopping", "stopped")

    def test_ended_while_a_seller_connects(self):
        self.post("/start")
        publisher = self.publish_without_picture()
        self.post("/relay/stop")
        self.wait_relay("stopped")
        publisher.wait(20)
        self.assertEqual(len(self.broadcasts()), 1)

    def test_two_ends_at_once(self):
        self.go_live()
        for answer in self.at_once(8, lambda: self.post("/end")):
            self.assertTrue(answer["success"])
        self.wait_relay("stopped")
        self.wait_logged("starting", "active", "stopping", "stopped")
        self.assertEqual(len(self.broadcasts()), 1)

    def test_without_media_it_ends_in_error_and_can_be_tried_again(self):
        self.post("/relay/start")
        status = self.wait_relay("error")
        self.assertIn(TIMEOUT, status["relayError"])
        self.assertFalse(status["isActive"])
        relay = self.get("/relay")
        self.assertEqual((relay["status"], relay["isActive"]), ("error", False))
        self.assertIn(TIMEOUT, relay["error"])
        first = self.broadcasts()[0]
        self.assertIn(TIMEOUT, first["endReason"])
        self.assertEqual(self.post("/relay/start")["relayStatus"], "starting")
        self.assertIsNone(self.server.status(self.channel)["relayError"])
        self.go_live()
        self.wait_logged("starting", "error", "starting", "active")
        self.assertEqual(len(self.broadcasts()), 2)

    def test_a_seller_who_comes_after_the_error_goes_live(self):
        self.post("/start")
        self.wait_relay("error")
        self.go_live()
        self.wait_logged("starting", "error", "starting", "active")
        self.assertIsNone(self.server.status(self.channel)["relayError"])

    def test_an_admin_and_the_owner_stop_it_and_nobody_else(self):
        ada = Person(self.server).create("seller").sign_in()
        bob = Person(self.server).create("seller").sign_in()
        buyer = Person(self.server).create("buyer").sign_in()
        self.channel = ada.must("POST", "/channels", {"title": "Ada's"})
        self.go_live()
        for stranger in (bob, buyer):
            for call in ("/relay/start", "/relay/stop", "/start", "/end", "/leave", "/rotate-key"):
                answer = stranger.call("POST", self.path(call), {})
                self.assertEqual(answer.status, 403, f"{call}: {answer.text}")
            self.assertEqual(stranger.call("GET", self.path("/relay")).status, 403)
        self.assertEqual(Person(self.server).call("POST", self.path("/relay/stop"), {}).status, 401)
        self.assertEqual(self.server.status(self.channel)["relayStatus"], "active")
        self.assertIn(self.channel["id"], [relay["channelId"] for relay in
                                           admin(self.server).must("GET", "/relays")["relays"]])
        self.assertEqual(ada.call("GET", "/relays").status, 403)
        admin(self.server).must("POST", self.path("/relay/stop"), {})
        self.wait_relay("stopped")
        self.assertIn("admin", self.broadcasts()[0]["endReason"])
        ada.must("POST", self.path("/relay/start"), {})
        ada.must("POST", self.path("/relay/stop"), {})
        self.wait_relay("stopped")
        self.assertNotIn(self.channel["id"], [relay["channelId"] for relay in
                                              admin(self.server).must("GET", "/relays")["relays"]])

    def test_what_cannot_be(self):
        for call in ("/relay/start", "/relay/stop", "/start", "/end"):
            answer = self.server.call("POST", f"/channels/999999{call}", {})
            self.assertEqual((answer.status, answer.json()["code"]), (404, "not_found"))
        self.go_live()
        answer = self.server.call("DELETE", self.path(""))
        self.assertEqual((answer.status, answer.json()["code"]), (409, "conflict"))


class Answers(Shared):
    """relay.status and streaming.* through a life; tRPC says the same."""

    def ask(self):
        relay, stream, playback = (self.get(rest) for rest in
                                   ("/relay", "/stream-status", "/playback"))
        for procedure, rest in (("relay.status", relay), ("streaming.getStreamStatus", stream),
                                ("streaming.getPlaybackUrl", playback)):
            answer = admin(self.server).must(
                "GET", f"/{procedure}?input=%7B%22channelId%22%3A{self.channel['id']}%7D",
                root="/trpc")["result"]["data"]
            self.assertEqual(set(answer), set(rest))
            for name in ("status", "isActive", "isLive", "hlsUrl"):
                self.assertEqual(answer.get(name), rest.get(name))
        return relay, stream, playback

    def test_of_a_life(self):
        relay, stream, playback = self.ask()
        self.assertEqual((relay["status"], relay["isActive"], relay["startedAt"],
                          relay["playbackUrl"]), (None, False, None, None))
        self.assertEqual((stream["isLive"], stream["hlsUrl"], playback["hlsUrl"]),
                         (False, None, None))
        self.post("/relay/start")
        relay, stream, playback = self.ask()
        self.assertEqual((relay["status"], relay["isActive"]), ("starting", True))
        self.assertEqual((stream["isLive"], playback["hlsUrl"]), (False, None))
        publisher = self.go_live()
        relay = wait_until(lambda: (r := self.ask()[0])["bitrate"] and r["fps"] and r["health"]
                           and r, 10, "the numbers are known")
        self.assertEqual((relay["status"], relay["isActive"], relay["error"]),
                         ("active", True, None))
        self.assertIn(relay["health"], ("good", "fair", "poor"))
        self.assertGreater(relay["bitrate"], 50)
        _, stream, playback = self.ask()
        self.assertTrue(stream["isLive"])
        self.assertEqual(playback["hlsUrl"], relay["playbackUrl"])
        self.assertEqual(self.server.get(
            re.sub(r"^https?://[^/]+", "", playback["hlsUrl"])).status, 200)
        publisher.kill()
        self.wait_relay("reconnecting")
        relay, stream, playback = self.ask()
        self.assertEqual((relay["status"], relay["isActive"], stream["isLive"]),
                         ("reconnecting", True, True))
        self.assertIsNotNone(playback["hlsUrl"])
        self.wait_relay("stopped")
        relay, stream, playback = self.ask()
        self.assertEqual((relay["status"], relay["isActive"], stream["isLive"],
                          playback["hlsUrl"], relay["playbackUrl"]),
                         ("stopped", False, False, None, None))
        self.assertGreater(stream["durationSeconds"], 0)

    def test_of_health(self):
        for path in ("/health", "/streaming/health"):
            health = wait_until(lambda: (h := self.server.call("GET", "/health", key=None).json())
                                ["overall"] and h, 10, "all parts answer")
            self.assertEqual((health["local"], health["checks"]["database"]["ok"]), (True, True),
                             path)


# ---- the seller comes and goes ----

class Vanishing(Shared):
    """SIGKILL of the encoder: no word of goodbye."""
    settings = {"live.reconnect_s": 3, "live.media_wait_s": 6}

    def vanish(self, publisher):
        publisher.kill()

    def comes_back(self):
        """A new encoder joins the same broadcast."""
        before = self.broadcasts()
        self.go_live()
        self.assertEqual([b["id"] for b in self.broadcasts()], [b["id"] for b in before])

    def test_while_starting(self):
        self.post("/relay/start")
        self.vanish(self.publish_without_picture())
        self.comes_back()
        self.assertEqual([to for _, to, _ in self.logged()][0], "starting")

    def test_while_active(self):
        self.vanish(self.go_live())
        self.wait_relay("reconnecting")
        self.comes_back()
        self.wait_logged("starting", "active", "reconnecting", "active")

    @also_tsan
    def test_while_reconnecting(self):
        self.vanish(self.go_live())
        self.wait_relay("reconnecting")
        self.vanish(self.server.publish(self.channel))
        self.comes_back()
        self.assertEqual([to for _, to, _ in self.logged()][:3],
                         ["starting", "active", "reconnecting"])

    def test_again_and_again(self):
        for _ in range(3):
            self.vanish(self.go_live())
            self.wait_relay("reconnecting")
        self.comes_back()
        self.wait_logged("starting", *["active", "reconnecting"] * 3, "active")

    def test_while_stopping_and_returns_when_stopped(self):
        publisher = self.go_live()
        self.post("/end")
        self.vanish(publisher)
        self.wait_relay("stopped")
        refused = self.server.publish(self.channel)
        refused.wait(20)
        self.assertIn("just ended", refused.output())
        self.post("/relay/start")  # says that it is meant
        self.go_live()
        self.wait_logged("starting", "active", "stopping", "stopped", "starting", "active")
        self.assertEqual(len(self.broadcasts()), 2)

    def test_for_good(self):
        self.vanish(self.go_live())
        self.wait_relay("stopped")
        logged = self.wait_logged("starting", "active", "reconnecting", "stopping", "stopped")
        self.assertIn("did not come back", logged[-1][2])
        self.assertIn("did not come back", self.broadcasts()[0]["endReason"])
        self.go_live()

    def test_leaving_and_a_new_key_close_the_connection_and_the_broadcast_waits(self):
        left = self.go_live()
        self.post("/leave")
        self.wait_relay("reconnecting")
        closed = self.go_live()
        old = self.channel["streamKey"]
        self.channel["streamKey"] = self.post("/rotate-key", key=old)["publish"]["streamKey"]
        self.assertNotEqual(self.channel["streamKey"], old)
        self.wait_relay("reconnecting")
        refused = self.server.publish(self.channel, key=old)
        self.assertEqual(self.server.call("POST", self.path("/end"), {}, key=old).status, 401)
        self.comes_back()
        self.assertNotEqual(refused.wait(20), 0)
        self.assertIn("not known", refused.output())
        for publisher in (left, closed):
            self.assertNotEqual(publisher.wait(20), 0)
        self.assertEqual([to for _, to, _ in self.logged()],
                         ["starting", "active", "reconnecting", "active", "reconnecting", "active"])


# ---- limits ----


class Limits(Shared):
    settings = {"live.max": 2, "live.media_wait_s": 60, "live.reconnect_s": 2}

    def test_more_than_may_be_live_are_refused_and_the_others_not_touched(self):
        others = [self.channel, self.server.create_channel("Second")]
        self.post("/relay/start")
        publisher = self.go_live()
        self.channel = others[1]
        self.post("/relay/start")
        self.channel = self.server.create_channel("Third")
        for call in ("/relay/start", "/start"):
            answer = self.server.call("POST", self.path(call), {})
            self.assertEqual((answer.status, answer.json()["code"]), (429, "limit_reached"))
            self.assertIn("2 broadcasts are live", answer.json()["detail"])
        refused = self.server.publish(self.channel)
        refused.wait(20)
        self.assertIn("2 broadcasts are live", refused.output())
        self.assertIsNone(self.server.status(self.channel)["relayStatus"])
        self.assertEqual(self.broadcasts(), [])
        self.assertTrue(publisher.is_running())
        third, self.channel = self.channel, others[1]
        self.post("/end")
        self.wait_relay("stopped")
        self.channel = third
        self.go_live()


    def test_of_many_starts_at_once_so_many_as_may(self):
        for other in self.server.call("GET", "/relays").json()["relays"]:
            self.server.call("POST", f"/channels/{other['channelId']}/end", {})
        channels = [self.server.create_channel(f"Many {i}") for i in range(10)]
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda c: self.server.call(
                "POST", f"/channels/{c['id']}/relay/start", {}), channels))
        self.assertEqual(sorted(answer.status for answer in answers), [200] * 2 + [429] * 8)
        self.assertEqual(len(self.server.call("GET", "/relays").json()["relays"]), 2)
        for channel in channels:
            self.server.call("POST", f"/channels/{channel['id']}/end", {})


class WholeLength(unittest.TestCase):
    """A minute is the shortest; it goes on while the other tests of the file run."""

    def test_the_maximum_length_ends_a_broadcast(self):
        server, channel, began = WholeLength.server, WholeLength.channel, WholeLength.began
        status = server.wait_status(channel, "stopped", 90)
        self.assertGreaterEqual(time.monotonic() - began, 59)
        self.assertFalse(status["isActive"])
        logged = states_in_log(server.log(), channel)
        self.assertEqual([to for _, to, _ in logged],
                         ["starting", "active", "stopping", "stopped"])
        self.assertIn("maximum length", logged[-1][2])
        ended = server.call("GET", f"/channels/{channel['id']}/broadcasts").json()["broadcasts"]
        self.assertIn("maximum length", ended[0]["endReason"])
        server.stop()


def setUpModule():
    WholeLength.server = Server()
    WholeLength.server.start()
    made = WholeLength.server.call("POST", "/channels", {"title": "Long", "maxDurationSeconds": 60})
    WholeLength.channel = made.json()
    WholeLength.began = time.monotonic()
    WholeLength.server.publish(WholeLength.channel)


def tearDownModule():
    WholeLength.server.close()


# ---- everybody is told, once and in order ----

class Told(Shared):
    def collect(self, stream, until):
        """The relay's states that a subscriber is told of, in order; numbers change in between."""
        told = []
        while until not in told:
            status = json.loads(stream.next_of("status", 20)["data"])["status"]
            if not told or told[-1] != status["relayStatus"]:
                told.append(status["relayStatus"])
        return told

    @also_tsan
    def test_each_change_is_pushed_and_logged_once_and_in_order(self):
        path = f"/api/v1/events?channels={self.channel['id']}"
        with EventStream(self.server, path) as stream, \
                concurrent.futures.ThreadPoolExecutor(1) as pool:
            told = pool.submit(self.collect, stream, "stopped")
            self.post("/relay/start")
            self.go_live().kill()
            self.wait_relay("reconnecting")
            self.go_live()
            self.post("/relay/stop")
            states = ["starting", "active", "reconnecting", "active", "stopping", "stopped"]
            self.assertEqual(told.result(30), states)
        self.wait_logged(*states)


# ---- the server is killed ----

class Killed(Shared):
    """SIGKILL of the server; what the next start makes of it."""
    settings = {"live.reconnect_s": 30, "live.media_wait_s": 6}

    def stored(self, query, *values):
        with contextlib.closing(sqlite3.connect(os.path.join(
                self.server.folder, "data", "stoa.db"), timeout=20)) as database, database:
            return database.execute(query, values).fetchall()

    def kill(self, state):
        """Kills the server while the database says this state; what it logs from now on is of the
        next run."""
        wait_until(lambda: self.stored("SELECT relay_status FROM channels WHERE id = ?",
                                       self.channel["id"]) == [(state,)], 10, f"{state} is stored")
        self.server.process.send(signal.SIGKILL)
        self.server.process.child.wait()
        self.stop_publishers()
        self.assertEqual(self.stored("SELECT relay_status FROM channels WHERE id = ?",
                                     self.channel["id"]), [(state,)])
        self.server.start()

    def assert_repaired(self):
        status = self.server.status(self.channel)
        self.assertEqual((status["relayStatus"], status["isActive"], status["isLive"],
                          status["hlsPlaybackUrl"], status["viewerCount"]),
                         ("stopped", False, False, None, 0))
        self.assertIsNotNone(status["endedAt"])
        self.assert_closed(LOST)

    def assert_closed(self, reason):
        """No broadcast is open, the newest ended for this reason, and the seller can go live."""
        wait_until(lambda: all(b["endedAt"] for b in self.broadcasts()), 10,
                   "the broadcasts are closed")
        before = self.broadcasts()
        self.assertIn(reason, before[0]["endReason"])
        self.go_live()
        self.assertEqual(len(self.broadcasts()), len(before) + 1)
        self.post("/end")
        self.wait_relay("stopped")
        with EventStream(self.server, f"/api/v1/events?channels={self.channel['id']}") as stream:
            snapshot = json.loads(stream.next_of("snapshot")["data"])
            self.assertEqual(snapshot["status"]["relayStatus"], "stopped")

    def assert_logged(self, earlier):
        """The repair is a change like others: told once."""
        wait_until(lambda: len(self.logged()) >= 1, 10, "the repair is logged")
        self.assertEqual(self.logged()[0], (earlier, "stopped", LOST))

    def test_while_starting(self):
        self.post("/relay/start")
        self.kill("starting")
        self.assert_logged("starting")
        self.assert_repaired()

    def test_while_active(self):
        self.go_live()
        self.kill("active")
        self.assert_logged("active")
        self.assert_repaired()

    @also_tsan
    def test_while_reconnecting(self):
        self.go_live().kill()
        self.wait_relay("reconnecting")
        self.kill("reconnecting")
        self.assert_logged("reconnecting")
        self.assert_repaired()

    def test_while_stopping(self):
        """The database refuses the last change, as when the disk is full just then."""
        self.go_live()
        self.stored("CREATE TRIGGER held BEFORE UPDATE ON channels WHEN NEW.relay_status = "
                    "'stopped' BEGIN SELECT RAISE(ABORT, 'held by the test'); END")
        self.post("/end")
        wait_until(lambda: "change_not_stored" in self.server.log(), 15, "it cannot be stored")
        self.assertEqual(self.server.get("/healthz").status, 200)
        # stopping is stored: no new start, or the state would be told twice
        self.server.process.send(signal.SIGKILL)
        self.server.process.child.wait()
        self.stored("DROP TRIGGER held")
        self.server.launch()
        wait_until(self.server.is_ready_or_gone, 30, "it is ready")
        self.assert_logged("stopping")
        self.assert_repaired()

    def test_in_error(self):
        self.post("/relay/start")
        status = self.wait_relay("error", 40)
        self.kill("error")
        again = self.server.status(self.channel)
        self.assertEqual((again["relayStatus"], again["relayError"], again["endedAt"]),
                         ("error", status["relayError"], status["endedAt"]))
        self.assertEqual(self.logged(), [])
        self.assert_closed(TIMEOUT)

    def test_when_stopped(self):
        self.go_live()
        self.post("/end")
        status = self.wait_relay("stopped")
        self.kill("stopped")
        again = self.server.status(self.channel)
        self.assertEqual((again["relayStatus"], again["endedAt"]), ("stopped", status["endedAt"]))
        self.assertEqual(self.logged(), [])
        self.assert_closed("ended")

    def test_with_many_live_at_once(self):
        channels = [self.server.create_channel(f"Many {i}") for i in range(20)]
        for channel in channels:
            answer = self.server.call("POST", f"/channels/{channel['id']}/relay/start", {})
            self.assertEqual(answer.status, 200, answer.text)
        self.go_live()
        self.kill("active")
        for channel in channels:
            self.assertEqual(self.server.status(channel)["relayStatus"], "stopped")
        self.assert_repaired()
        self.assertEqual(self.stored("SELECT count(*) FROM broadcasts WHERE ended_at IS NULL"),
                         [(0,)])

    def test_again_and_again_while_starting_up(self):
        """Killed before the repair is done, it is done by the next start."""
        self.go_live()
        self.stop_publishers()
        for _ in range(4):
            self.server.process.send(signal.SIGKILL)
            self.server.process.child.wait()
            self.server.launch()
            wait_until(lambda: "relay_state" in self.server.log()
                       or os.path.getsize(self.server.process.log_path) > 0, 20, "it starts")
        wait_until(self.server.is_ready_or_gone, 30, "it is ready")
        self.assert_repaired()


if __name__ == "__main__":
    unittest.main()
