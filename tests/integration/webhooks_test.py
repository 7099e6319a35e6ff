"""Webhooks as a shop gets them: signed, in order, again when it does not answer, also when the
server is killed in between, and never to places that are none of a stranger's business."""
import concurrent.futures
import contextlib
import json
import re
import signal
import threading
import time
import unittest

from harness import Server, also_tsan, free_port, wait_until
from people import Person, admin, note_secret, secrets_in
from push_client import EventStream
from webhook_receiver import Receiver, is_signed

LOOPBACK = {"fetch.allow_private": "127.0.0.0/8", "http.trust_forwarded": "yes",
            "log.level": "debug"}
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"


class Shared(unittest.TestCase):
    """One server and one receiver for all tests of a class; each has a seller of its own, whose
    webhooks hear of nobody else."""
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver()
        cls.server = Server({**LOOPBACK, **cls.settings}).start()

    @classmethod
    def tearDownClass(cls):
        try:
            output = cls.server.stop()
            told = secrets_in(output, cls.server)
            if told:
                raise AssertionError(f"{len(told)} secrets are in the log, as {told[0][:7]}")
        finally:
            cls.receiver.close()
            cls.server.remove()

    def setUp(self):
        self.ada = Person(self.server).create("seller").sign_in()
        self.hook = "/" + self.id().rsplit(".", 1)[-1]
        self.addCleanup(self.stop_publishers)

    def stop_publishers(self):
        for publisher in self.server.publishers:
            publisher.kill()
        self.server.publishers = []

    def subscribe(self, events=("*",), path=None, url=None, person=None, **more):
        return (person or self.ada).must("POST", "/webhooks", {
            "url": url or self.receiver.url(path or self.hook), "events": list(events), **more})

    def create_channel(self, title="Shoes"):
        channel = self.ada.must("POST", "/channels", {"title": title})
        note_secret(self.server, channel["streamKey"])
        return channel

    def post(self, path, value=None):
        return self.ada.must("POST", path, value or {})

    def deliveries(self, webhook):
        """Oldest first."""
        return self.ada.must("GET", f"/webhooks/{webhook['id']}/deliveries")["deliveries"][::-1]

    def delivery(self, webhook, predicate, what, timeout_s=20):
        """The first delivery, once it is as wanted, with its attempts."""
        def look():
            found = self.deliveries(webhook)
            return found and predicate(found[0]) and found[0]
        found = wait_until(look, timeout_s, what)
        return self.ada.must("GET", f"/deliveries/{found['id']}")

    def wait_types(self, *types, path=None, timeout_s=20):
        path = path or self.hook
        self.receiver.wait(lambda got: len(got) >= len(types), timeout_s,
                           f"{len(types)} messages", path)
        self.assertEqual(self.receiver.types(path), list(types))
        return self.receiver.got(path)

    def assert_refused(self, answer, status, code):
        self.assertEqual((answer.status, answer.json().get("code")), (status, code), answer.text)


class Delivered(Shared):
    settings = {"live.reconnect_s": 20}

    LIFE = ["channel.created", "broadcast.started", "relay.starting", "relay.active",
            "relay.reconnecting", "relay.active", "relay.stopping", "relay.stopped",
            "broadcast.ended", "channel.updated", "channel.deleted"]

    def collect(self, stream):
        told = []
        while (event := stream.next(20))["event"] != "deleted":
            if event["event"] == "status":
                state = json.loads(event["data"])["status"]["relayStatus"]
                if state and told[-1:] != [state]:
                    told.append(state)
        return told

    @also_tsan
    def test_a_life_is_told_by_webhook_push_and_log_the_same(self):
        secret = self.subscribe()["secret"]
        channel = self.create_channel()
        path = f"/channels/{channel['id']}"
        with EventStream(self.server, f"/api/v1/events?channels={channel['id']}") as stream, \
                concurrent.futures.ThreadPoolExecutor(1) as pool:
            told = pool.submit(self.collect, stream)
            self.server.publish(channel)
            self.server.wait_status(channel, "active")
            self.stop_publishers()
            self.server.wait_status(channel, "reconnecting")
            self.server.publish(channel)
            self.server.wait_status(channel, "active")
            self.post(path + "/end")
            self.server.wait_status(channel, "stopped")
            self.ada.must("PATCH", path, {"title": "Boots"})
            self.ada.must("DELETE", path)
            pushed = told.result(30)
        messages = self.wait_types(*self.LIFE)
        bodies = [json.loads(message.body) for message in messages]
        states = [body["data"]["to"] for body in bodies if body["type"].startswith("relay.")]
        self.assertEqual(states, pushed)
        self.assertEqual(states, re.findall(rf"relay_state channel={channel['id']} .*? to=(\w+)",
                                            self.server.log()))
        self.assertEqual(len({message.headers["webhook-id"] for message in messages}),
                         len(messages))
        for message, body in zip(messages, bodies):
            self.assertTrue(is_signed(secret, message), body["type"])
            self.assertRegex(message.headers["webhook-id"], UUID)
            self.assertEqual(message.headers["content-type"], "application/json")
            self.assertEqual(body["data"]["channel"]["id"], channel["id"])
            self.assertRegex(body["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertEqual(secrets_in(message.body, self.server), [])
            if body["type"].startswith("relay."):
                self.assertEqual(body["type"], "relay." + body["data"]["to"])
                self.assertEqual(body["data"]["channel"]["streamingStatus"]["relayStatus"],
                                 body["data"]["to"])
                self.assertTrue(body["data"]["reason"])
        self.assertEqual([body["timestamp"] for body in bodies],
                         sorted(body["timestamp"] for body in bodies))
        froms = [body["data"]["from"] for body in bodies if body["type"].startswith("relay.")]
        self.assertEqual(froms[1:], states[:-1])

    def test_only_what_was_asked_for(self):
        first, second = self.create_channel("First"), self.create_channel("Second")
        self.subscribe(["relay.starting"], path=self.hook + "-kind")
        self.subscribe(channelId=second["id"], path=self.hook + "-channel")
        self.subscribe(isActive=False, path=self.hook + "-off")
        stranger = Person(self.server).create("seller").sign_in()
        self.subscribe(path=self.hook + "-stranger", person=stranger)
        self.subscribe(["relay.starting"], path=self.hook + "-admin", person=admin(self.server))
        for channel in (first, second):
            self.post(f"/channels/{channel['id']}/start")
            self.post(f"/channels/{channel['id']}/end")
            self.server.wait_status(channel, "stopped")
        self.wait_types(*["relay.starting"] * 2, path=self.hook + "-kind")
        self.wait_types("broadcast.started", "relay.starting", "relay.stopping", "relay.stopped",
                        "broadcast.ended", path=self.hook + "-channel")
        self.receiver.wait(lambda got: len(got) >= 2, 10, "the admin hears of all",
                           self.hook + "-admin")
        self.assertEqual(self.receiver.got(self.hook + "-off"), [])
        self.assertEqual(self.receiver.got(self.hook + "-stranger"), [])

    def test_the_test_button(self):
        webhook = self.subscribe(["relay.error"])
        tested = self.post(f"/webhooks/{webhook['id']}/test")
        message = self.wait_types("webhook.test")[0]
        self.assertTrue(is_signed(webhook["secret"], message))
        shown = self.delivery(webhook, lambda d: d["status"] == "delivered", "it is delivered")
        self.assertEqual(shown["id"], message.headers["webhook-id"])
        self.assertIn(shown["id"], json.dumps(tested))
        self.assertEqual(shown["attempts"][0]["httpStatus"], 200)
        self.assertEqual(shown["payload"], json.loads(message.body))

    def test_a_new_secret_signs_beside_the_old_one(self):
        webhook = self.subscribe()
        rotated = self.post(f"/webhooks/{webhook['id']}/rotate-secret")
        self.assertNotEqual(rotated["secret"], webhook["secret"])
        self.post(f"/webhooks/{webhook['id']}/test")
        message = self.wait_types("webhook.test")[0]
        self.assertTrue(is_signed(webhook["secret"], message))
        self.assertTrue(is_signed(rotated["secret"], message))
        self.assertFalse(is_signed("whsec_" + "A" * 32, message))

    def test_secrets_are_shown_once_and_to_nobody_else(self):
        webhook = self.subscribe(description="mine")
        for path in ("/webhooks", f"/webhooks/{webhook['id']}",
                     f"/webhooks/{webhook['id']}/deliveries"):
            self.assertNotIn("whsec_", self.ada.call("GET", path).text)
        self.post(f"/webhooks/{webhook['id']}/test")
        shown = self.delivery(webhook, lambda d: d["status"] == "delivered", "it is delivered")
        bob = Person(self.server).create("seller").sign_in()
        for method, path, value in (
                ("GET", f"/webhooks/{webhook['id']}", None),
                ("PATCH", f"/webhooks/{webhook['id']}", {"isActive": False}),
                ("DELETE", f"/webhooks/{webhook['id']}", None),
                ("POST", f"/webhooks/{webhook['id']}/test", {}),
                ("POST", f"/webhooks/{webhook['id']}/rotate-secret", {}),
                ("GET", f"/webhooks/{webhook['id']}/deliveries", None),
                ("GET", f"/deliveries/{shown['id']}", None),
                ("POST", f"/deliveries/{shown['id']}/replay", {})):
            with self.subTest(call=f"{method} {path}"):
                self.assert_refused(bob.call(method, path, value), 404, "not_found")
        self.assertEqual(bob.must("GET", "/webhooks")["webhooks"], [])
        buyer = Person(self.server).create("buyer").sign_in()
        self.assert_refused(buyer.call("GET", "/webhooks"), 403, "forbidden")
        other = self.ada.create_key("read", "channels")
        self.assert_refused(other.call("GET", "/webhooks"), 403, "forbidden")

    def test_replays_have_the_same_id_and_a_new_signature(self):
        webhook = self.subscribe(["channel.created"])
        self.create_channel()
        first = self.wait_types("channel.created")[0]
        shown = self.delivery(webhook, lambda d: d["status"] == "delivered", "it is delivered")
        self.post(f"/deliveries/{shown['id']}/replay")
        second = self.wait_types("channel.created", "channel.created")[1]
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])
        self.assertEqual(first.body, second.body)
        self.assertTrue(is_signed(webhook["secret"], second))
        shown = self.delivery(webhook, lambda d: d["attemptCount"] == 2, "it has two attempts")
        self.assertEqual(shown["status"], "delivered")
        self.assertEqual([attempt["number"] for attempt in shown["attempts"]], [1, 2])

    def test_many_channels_at_once_each_in_order(self):
        self.subscribe(["relay.starting", "relay.stopping", "relay.stopped"])
        self.receiver.answers[self.hook] = lambda _: time.sleep(0.02) or (200, {})
        channels = [self.create_channel(f"Many {i}") for i in range(8)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda c: [self.post(f"/channels/{c['id']}/{what}")
                                         for what in ("start", "end")], channels):
                pass
        messages = self.receiver.wait(lambda got: len(got) >= 24, 20, "all are told", self.hook)
        self.assertEqual(len(messages), 24)
        bodies = [json.loads(message.body) for message in messages]
        for channel in channels:
            self.assertEqual([body["type"] for body in bodies
                              if body["data"]["channel"]["id"] == channel["id"]],
                             ["relay.starting", "relay.stopping", "relay.stopped"])


class Failing(Shared):
    """Targets that do not do what they should, all at the same time: their waits overlap."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.release = threading.Event()

    @classmethod
    def tearDownClass(cls):
        cls.release.set()
        super().tearDownClass()

    def test_after_a_failure_it_comes_again_and_the_later_ones_wait(self):
        answers = iter([404])  # the second try comes after 5 s, a third one would after 30
        self.receiver.answers[self.hook] = lambda _: (next(answers, 200), {})
        webhook = self.subscribe(["relay.starting", "relay.stopping"])
        channel, other = self.create_channel(), self.create_channel("Other")
        self.post(f"/channels/{channel['id']}/start")
        self.receiver.wait(lambda got: len(got) == 1, 10, "the first try", self.hook)
        self.post(f"/channels/{channel['id']}/end")
        self.post(f"/channels/{other['id']}/start")
        messages = self.receiver.wait(lambda got: len(got) >= 4, 20, "all come", self.hook)
        told = [(body["data"]["channel"]["id"], body["type"])
                for body in (json.loads(message.body) for message in messages)]
        # The other channel does not wait; this one's second message waits for its first.
        self.assertEqual(told, [(channel["id"], "relay.starting"), (other["id"], "relay.starting"),
                                (channel["id"], "relay.starting"), (channel["id"], "relay.stopping")])
        self.assertEqual(messages[0].headers["webhook-id"], messages[2].headers["webhook-id"])
        self.assertGreater(messages[2].at - messages[0].at, 4.5)
        shown = self.delivery(webhook, lambda d: d["status"] == "delivered", "it is delivered")
        self.assertEqual([attempt["httpStatus"] for attempt in shown["attempts"]], [404, 200])

    def test_a_dead_target_gets_it_when_it_lives_again(self):
        port = free_port()
        webhook = self.subscribe(["channel.created"], url=f"http://127.0.0.1:{port}/x")
        self.create_channel()
        shown = self.delivery(webhook, lambda d: d["attemptCount"] == 1, "it was tried")
        self.assertEqual(shown["status"], "pending")
        self.assertIsNone(shown["attempts"][0]["httpStatus"])
        self.assertTrue(shown["attempts"][0]["error"])
        self.assertIsNotNone(shown["nextAttemptAt"])
        alive = Receiver(port)
        with contextlib.closing(alive):
            alive.wait(lambda got: len(got) == 1, 20, "it comes", "/x")
            self.delivery(webhook, lambda d: d["status"] == "delivered", "it is delivered")

    def test_a_slow_target_holds_up_nobody(self):
        self.receiver.answers[self.hook] = lambda _: self.release.wait(30) and (200, {})
        slow = self.subscribe(["channel.created"])
        self.subscribe(["channel.created"], path=self.hook + "-quick")
        self.create_channel()
        self.wait_types("channel.created", path=self.hook + "-quick")
        self.assertEqual(self.deliveries(slow)[0]["attemptCount"], 0)  # it is still waited for
        self.assertEqual(self.server.get("/readyz").status, 200)
        shown = self.delivery(slow, lambda d: d["attemptCount"] == 1, "it was given up", 20)
        self.assertIsNone(shown["attempts"][0]["httpStatus"])
        self.assertIn("did not answer", shown["attempts"][0]["error"])
        self.assertGreater(shown["attempts"][0]["durationMs"], 9000)

    def test_gone_switches_it_off(self):
        self.receiver.answers[self.hook] = lambda _: (410, {})
        webhook = self.subscribe(["channel.created"])
        self.create_channel()
        off = wait_until(lambda: not (w := self.ada.must("GET", f"/webhooks/{webhook['id']}"))
                         ["isActive"] and w, 10, "it is switched off")
        self.assertIn("410", off["disabledReason"])
        self.create_channel("Unheard")
        self.assertEqual(len(self.receiver.got(self.hook)), 1)
        self.receiver.answers[self.hook] = lambda _: (200, {})
        self.ada.must("PATCH", f"/webhooks/{webhook['id']}", {"isActive": True})
        self.create_channel("Heard")
        self.receiver.wait(lambda got: len(got) == 2, 10, "it is on again", self.hook)

    def test_redirects_are_not_followed(self):
        for name, target in (("private", f"http://127.0.0.2:{self.receiver.port}/trap"),
                             ("metadata", "http://169.254.169.254/latest/meta-data/"),
                             ("public", self.receiver.url("/trap")), ("file", "file:///etc/passwd")):
            with self.subTest(target=target):
                path = f"{self.hook}-{name}"
                self.receiver.answers[path] = lambda _, to=target: (302, {"Location": to})
                webhook = self.subscribe(["relay.error"], path=path)
                self.post(f"/webhooks/{webhook['id']}/test")
                shown = self.delivery(webhook, lambda d: d["attemptCount"] == 1, "it was tried")
                self.assertEqual(shown["attempts"][0]["httpStatus"], 302)
                self.assertNotEqual(shown["status"], "delivered")
        self.assertEqual(self.receiver.got("/trap"), [])

    def test_answers_that_are_none(self):
        """A target may answer what it likes: nothing of it may harm. A test is sent once."""
        answers = {"silent": lambda _: 1 / 0, "long": lambda _: (500, {"X": "y" * 60000}),
                   "teapot": lambda _: (418, {}), "late": lambda _: (503, {"Retry-After": "7200"}),
                   "forged": lambda _: (200, {"Webhook-Id": "x", "Set-Cookie": "a=b"})}
        for name, answer in answers.items():
            with self.subTest(answer=name):
                path = f"{self.hook}-{name}"
                self.receiver.answers[path] = answer
                webhook = self.subscribe(["relay.error"], path=path)
                self.post(f"/webhooks/{webhook['id']}/test")
                shown = self.delivery(webhook, lambda d: d["attemptCount"] == 1, "it was tried")
                self.assertEqual(shown["status"],
                                 "delivered" if name == "forged" else "failed", shown)
                self.assertLessEqual(len(shown["attempts"][0]["response"] or ""), 500)


class Private(Shared):
    """What strangers may make this server call: nothing of its own network."""
    settings = {"fetch.allow_private": ""}

    TARGETS = ("http://127.0.0.1:{port}/x", "http://localhost:{port}/x", "http://[::1]:{port}/x",
               "http://0.0.0.0:{port}/x", "http://10.0.0.1/x", "http://192.168.1.1/x",
               "http://172.16.0.1/x", "http://169.254.169.254/latest/meta-data/",
               "http://100.64.0.1/x", "http://[::ffff:127.0.0.1]:{port}/x", "http://[fe80::1]/x",
               "http://[fd00::1]/x", "http://2130706433:{port}/x", "http://0x7f.1:{port}/x",
               "http://0177.0.0.1:{port}/x", "http://127.1:{port}/x", "http://127.0.0.1.:{port}/x",
               "http://localhost.:{port}/x", "http://[64:ff9b::7f00:1]:{port}/x")
    NO_URLS = ("ftp://shop.example/x", "file:///etc/passwd", "//shop.example/x", "shop.example",
               "http://", "http://user:pass@shop.example/x", "javascript:alert(1)",
               "http://shop.example/\r\nX-Evil: 1", "http://shop .example/",
               "gopher://shop.example:6379/_FLUSHALL", "http://shop.example:0/x",
               "https://shop.example:99999/x", "http://" + "a" * 3000 + "/")

    def test_private_addresses_are_refused_or_never_reached(self):
        for target in self.TARGETS:
            url = target.format(port=self.receiver.port)
            with self.subTest(url=url):
                answer = self.ada.call("POST", "/webhooks", {"url": url, "events": ["relay.error"]})
                self.assertIn(answer.status, (201, 400), answer.text)
                if answer.status == 400:
                    self.assertIn("url", answer.json()["detail"])
                    continue
                webhook = answer.json()
                note_secret(self.server, webhook["secret"])
                self.post(f"/webhooks/{webhook['id']}/test")
                shown = self.delivery(webhook, lambda d: d["attemptCount"] == 1, "it was tried")
                self.assertIsNone(shown["attempts"][0]["httpStatus"])
        self.assertEqual(self.receiver.messages, [])

    def test_what_is_no_url_is_refused_with_the_field(self):
        for url in self.NO_URLS:
            with self.subTest(url=url[:60]):
                answer = self.ada.call("POST", "/webhooks", {"url": url, "events": ["relay.error"]})
                self.assert_refused(answer, 400, "invalid_input")
                self.assertIn("url", answer.json()["detail"])

    def test_a_change_is_checked_too(self):
        webhook = self.subscribe(url="https://shop.example/x", isActive=False)
        answer = self.ada.call("PATCH", f"/webhooks/{webhook['id']}",
                               {"url": self.receiver.url(self.hook)})
        self.assert_refused(answer, 400, "invalid_input")


class Killed(Shared):
    """SIGKILL between a change and its delivery: nothing is lost, the order stays."""

    def kill(self):
        self.server.process.send(signal.SIGKILL)
        self.server.process.child.wait()
        self.stop_publishers()
        self.assertEqual(secrets_in(self.server.log(), self.server), [])

    @also_tsan
    def test_what_was_not_delivered_is_delivered_after_the_restart(self):
        held = threading.Event()
        self.addCleanup(held.set)
        self.receiver.answers[self.hook] = lambda _: held.wait(30) and (500, {})
        webhook = self.subscribe(["relay.starting", "relay.stopping", "relay.stopped"])
        channel = self.create_channel()
        self.post(f"/channels/{channel['id']}/start")
        first = self.receiver.wait(lambda got: len(got) == 1, 10, "it is under way", self.hook)[0]
        self.post(f"/channels/{channel['id']}/end")
        self.server.wait_status(channel, "stopped")
        self.kill()
        self.receiver.answers[self.hook] = lambda _: (200, {})
        self.server.start()
        messages = self.receiver.wait(lambda got: len(got) >= 4, 20, "all come", self.hook)
        self.assertEqual(self.receiver.types(self.hook),
                         ["relay.starting", "relay.starting", "relay.stopping", "relay.stopped"])
        self.assertEqual(messages[1].headers["webhook-id"], first.headers["webhook-id"])
        self.assertEqual(messages[1].body, first.body)
        self.assertTrue(all(is_signed(webhook["secret"], message) for message in messages))
        wait_until(lambda: {d["status"] for d in self.deliveries(webhook)} == {"delivered"}, 10,
                   "all are delivered")

    def test_the_repair_after_a_crash_is_told_like_any_change(self):
        self.subscribe(["relay.starting", "relay.active", "relay.stopped", "broadcast.ended"])
        channel = self.create_channel()
        self.server.publish(channel)
        self.server.wait_status(channel, "active")
        self.wait_types("relay.starting", "relay.active")
        self.kill()
        self.server.start()
        messages = self.wait_types("relay.starting", "relay.active", "relay.stopped",
                                   "broadcast.ended")
        told = json.loads(messages[2].body)["data"]
        self.assertEqual((told["from"], told["to"]), ("active", "stopped"))
        self.assertIn("the server stopped", told["reason"])

    def test_killed_again_and_again_each_change_comes_once_or_more_and_in_order(self):
        self.subscribe(["channel.updated"])
        channel = self.create_channel()
        titles = []
        for i in range(12):
            titles.append(f"Title {i}")
            self.ada.must("PATCH", f"/channels/{channel['id']}", {"title": titles[-1]})
            if i % 4 == 3:
                self.kill()
                self.server.start()

        def told():
            """Titles in the order of their first coming."""
            return list(dict.fromkeys(json.loads(message.body)["data"]["channel"]["title"]
                                      for message in self.receiver.got(self.hook)))
        wait_until(lambda: len(told()) >= 12, 20, "all come")
        self.assertEqual(told(), titles)

    def test_a_stop_in_good_order_loses_nothing(self):
        self.receiver.answers[self.hook] = lambda _: (500, {})
        self.subscribe(["channel.updated"])
        channel = self.create_channel()
        self.ada.must("PATCH", f"/channels/{channel['id']}", {"title": "Last"})
        self.receiver.wait(lambda got: len(got) == 1, 10, "it was tried", self.hook)
        self.server.stop()
        self.receiver.answers[self.hook] = lambda _: (200, {})
        self.server.start()
        self.receiver.wait(lambda got: len(got) >= 2, 20, "it comes again", self.hook)


if __name__ == "__main__":
    unittest.main()
