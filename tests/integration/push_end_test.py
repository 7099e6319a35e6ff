"""What ends a subscription, or lets none begin: limits, silence, slow readers, a shutdown."""
import contextlib
import json
import signal
import unittest

from harness import ADMIN_KEY, Server, also_tsan, wait_until
from push_client import EVENTS, Closed, EventStream, Refused, WebSocket, metric, trpc_path


class Ends(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Silence lasts 45 s: these two begin with it before the other tests.
        cls.quiet = Server(settings={"server.threads": 1}).start()
        cls.silent = [WebSocket(cls.quiet, EVENTS), WebSocket(cls.quiet, "/trpc")]
        for one in cls.silent:
            one.answers_pings = False

    @classmethod
    def tearDownClass(cls):
        for one in cls.silent:
            one.close()
        cls.quiet.close()

    @also_tsan
    def test_a_shutdown_tells_everybody_in_its_way(self):
        with Server() as server:
            channel = server.create_channel("A")["id"]
            socket = WebSocket(server, f"{EVENTS}?channels={channel}")
            stream = EventStream(server, f"{EVENTS}?channels={channel}")
            trpc = EventStream(server, trpc_path("channel.onStatus", {"channelId": channel}))
            rpc = WebSocket(server, "/trpc")
            rpc.send({"id": 1, "method": "subscription", "params": {
                "path": "events.subscribe", "input": {"channels": [channel]}}})
            for first in (socket, stream, trpc, rpc):
                first.next()
            server.process.send(signal.SIGTERM)
            with self.assertRaises(Closed) as closed:
                while True:
                    socket.next()
            self.assertEqual(closed.exception.code, 1001)
            while event := stream.next():
                self.assertEqual(event["event"], "snapshot")
            while event := trpc.next():
                self.assertNotEqual(event["event"], "return")
            messages = []
            with self.assertRaises(Closed) as closed:
                while True:
                    messages.append(rpc.next())
            self.assertEqual(messages[-1], {"id": None, "method": "reconnect"})
            self.assertEqual(closed.exception.code, 1001)

    def test_another_run_has_other_ids(self):
        with Server() as server:
            channel = server.create_channel("A")["id"]
            with WebSocket(server, f"{EVENTS}?channels={channel}") as socket:
                first = socket.next()["id"]
            server.stop()
            server.start()
            with WebSocket(server, f"{EVENTS}?channels={channel}&lastEventId={first}") as socket:
                again = socket.next()
            self.assertEqual(again["type"], "snapshot")
            self.assertNotEqual(again["id"].split("-")[0], first.split("-")[0])

    def test_an_id_that_is_too_old_means_snapshots(self):
        # Behind a proxy each client has its own share of changes.
        with Server(settings={"server.threads": 1, "http.trust_forwarded": "yes"}) as server:
            ids = [server.create_channel("A")["id"] for _ in range(64)]
            calls = json.dumps({str(i): {"channelId": id_} for i, id_ in enumerate(ids)})

            def change_all(number):
                names = ",".join([("channel.start", "channel.end")[number % 2]] * len(ids))
                answer = server.request(
                    "POST", f"/trpc/{names}?batch=1", body=calls, timeout_s=60,
                    headers={"Content-Type": "application/json",
                             "Authorization": f"Bearer {ADMIN_KEY}",
                             "X-Forwarded-For": f"192.0.2.{number}"})
                self.assertEqual(answer.status, 200, answer.text[:300])

            query = f"?channels={ids[0]}&lastEventId="
            with WebSocket(server, EVENTS + query) as socket:
                first = socket.next()["id"]
            change_all(0)
            with WebSocket(server, EVENTS + query + first) as socket:
                second = socket.next()
            self.assertEqual((second["type"], second["status"]["relayStatus"]),
                             ("status", "starting"))
            for number in range(1, 66):  # 64 a time: more than the 4096 that are kept
                change_all(number)
            with WebSocket(server, EVENTS + query + first) as socket:
                snapshot = socket.next()
                self.assertEqual((snapshot["type"], snapshot["status"]["relayStatus"]),
                                 ("snapshot", "stopped"))
                socket.send({"type": "ping"})
                self.assertEqual(socket.next()["type"], "heartbeat")  # and nothing before it
            with EventStream(server, EVENTS + query + second["id"]) as stream:
                self.assertIn("retry", stream.next())
                self.assertEqual(stream.next()["event"], "snapshot")
            with EventStream(server, trpc_path("channel.onStatus", {
                    "channelId": ids[0], "lastEventId": first})) as stream:
                stream.next()
                self.assertEqual(json.loads(stream.next()["data"]), snapshot["status"])
            with WebSocket(server, EVENTS + query + snapshot["id"]) as socket:
                server.call("POST", f"/channels/{ids[0]}/start")
                self.assertEqual(socket.next()["type"], "heartbeat")  # nothing was missed
                self.assertEqual(socket.next()["type"], "status")

    def test_an_address_takes_no_more_than_its_share(self):
        # Loopback has no limit: it is a proxy, which says for whom it asks.
        with Server(settings={"push.per_address": 2, "server.threads": 1,
                              "http.trust_forwarded": "yes"}) as server:
            channel = server.create_channel("A")["id"]

            def open_from(host, kind, path=EVENTS):
                return kind(server, path, headers={"X-Forwarded-For": host})

            here = "192.0.2.7"
            held = [open_from(here, WebSocket), open_from(here, EventStream)]
            for kind in (WebSocket, EventStream):
                with self.assertRaises(Refused) as refused:
                    open_from(here, kind)
                self.assertEqual(refused.exception.status, 429)
                self.assertEqual(json.loads(refused.exception.body)["code"], "too_many_requests")
            with open_from(here, EventStream,
                           trpc_path("channel.onStatus", {"channelId": channel})) as stream:
                stream.next()
                error = json.loads(stream.next()["data"])
                self.assertEqual((error["code"], error["data"]["code"]),
                                 (-32029, "TOO_MANY_REQUESTS"))
            with open_from(here, WebSocket, "/trpc") as rpc:
                rpc.send({"id": 1, "method": "subscription", "params": {
                    "path": "channel.onStatus", "input": {"channelId": channel}}})
                self.assertEqual(rpc.next()["error"]["data"]["code"], "TOO_MANY_REQUESTS")
            open_from("192.0.2.8", WebSocket).close()
            held.pop().close()
            wait_until(lambda: metric(server, "stoa_push_subscribers") == 1, 10, "one has left")
            open_from(here, WebSocket).close()
            held.pop().close()

    def test_an_edge_takes_no_more_than_it_may(self):
        with Server(settings={"push.subscribers": 2, "server.threads": 1}) as server:
            channel = server.create_channel("A")["id"]
            sockets = [WebSocket(server, EVENTS) for _ in range(2)]
            for kind in (WebSocket, EventStream):
                with self.assertRaises(Refused) as refused:
                    kind(server, EVENTS)
                self.assertEqual(refused.exception.status, 503)
                self.assertEqual(json.loads(refused.exception.body)["code"], "busy")
            stream = EventStream(server, trpc_path("channel.onStatus", {"channelId": channel}))
            stream.next()
            self.assertEqual(json.loads(stream.next()["data"])["data"]["code"],
                             "SERVICE_UNAVAILABLE")
            sockets.pop().close()
            wait_until(lambda: metric(server, "stoa_push_subscribers") == 1, 10, "one has left")
            WebSocket(server, EVENTS).close()

    def test_who_does_not_read_is_ended_and_the_others_go_on(self):
        with Server(settings={"server.threads": 1}) as server:
            channels = [server.create_channel("C" * 100) for _ in range(150)]
            good = WebSocket(server, f"{EVENTS}?channels={channels[0]['id']}")
            good.next()
            stream = EventStream(server, f"{EVENTS}?channels=all", receive_buffer=4096)
            slow = WebSocket(server, EVENTS, receive_buffer=4096)
            subscribe = json.dumps({"type": "subscribe", "channels": "all"})

            def is_ended():
                with contextlib.suppress(OSError):
                    slow.send_text(subscribe)
                return metric(server, "stoa_push_slow_total") >= 1

            wait_until(is_ended, 60, "the slow one is ended")
            with self.assertRaises(Closed) as closed:  # it reads again, and hears why
                while True:
                    slow.next()
            self.assertEqual((closed.exception.code, closed.exception.reason),
                             (4008, "You read too slowly. Connect again."))
            server.call("POST", f"/channels/{channels[0]['id']}/start")
            self.assertEqual(good.next_of("status")["status"]["relayStatus"], "starting")
            for one in (slow, stream, good):
                one.close()

    def test_who_is_silent_is_cut_off(self):
        for one in self.silent:
            with self.assertRaises(Closed) as closed:
                while True:
                    one.next(60)
            self.assertEqual(closed.exception.code, 1006)
        wait_until(lambda: metric(self.quiet, "stoa_push_silent_total") == 1, 10, "it is counted")


if __name__ == "__main__":
    unittest.main()
