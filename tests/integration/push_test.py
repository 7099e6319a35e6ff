"""Events of channels by WebSocket, event stream and tRPC: what subscribers get."""
import contextlib
import json
import os
import time
import unittest

from harness import ADMIN_KEY, Process, Server, also_tsan, wait_until
from push_client import (BINARY, EVENTS, PING, PONG, Closed, EventStream, Refused, WebSocket, metric,
                         trpc_path)


class Shared(unittest.TestCase):
    """One server with two delivery loops for all tests of a class; each test has its channel."""
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server(settings=cls.settings).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.channel = self.server.create_channel(self.id().rsplit(".", 1)[-1])
        self.id_ = self.channel["id"]
        self.addCleanup(self.act, "end")

    def act(self, what):
        answer = self.server.call("POST", f"/channels/{self.id_}/{what}")
        self.assertIn(answer.status, (200, 409), answer.text)

    def open(self, kind, path, **options):
        opened = kind(self.server, path, **options)
        self.addCleanup(opened.close)
        return opened

    def socket(self, query="", **options):
        return self.open(WebSocket, EVENTS + query, **options)

    def stream(self, query="", **options):
        opened = self.open(EventStream, EVENTS + query, **options)
        self.assertIn("retry", opened.next())
        return opened

    def refused(self, kind, path, **options):
        with self.assertRaises(Refused) as caught:
            kind(self.server, path, **options)
        return caught.exception


class Events(Shared):
    @also_tsan
    def test_a_socket_gets_a_snapshot_and_then_each_change(self):
        socket = self.socket()
        self.assertTrue(socket.is_silent())
        socket.send({"type": "subscribe", "channels": [self.id_]})
        snapshot = socket.next()
        self.assertEqual((snapshot["type"], snapshot["channelId"]), ("snapshot", self.id_))
        self.assertEqual(snapshot["status"], self.server.status(self.channel))
        self.act("start")
        started = socket.next()
        self.assertEqual((started["type"], started["channelId"]), ("status", self.id_))
        self.assertEqual(started["status"]["relayStatus"], "starting")
        self.act("end")
        self.assertEqual(socket.next()["status"]["relayStatus"], "stopped")

    @also_tsan
    def test_a_stream_gets_the_same(self):
        stream = self.stream(f"?channels={self.id_}")
        self.assertEqual(stream.headers["content-type"], "text/event-stream")
        self.assertEqual(stream.headers["cache-control"], "no-cache, no-transform")
        self.assertEqual(stream.headers["access-control-allow-origin"], "*")
        snapshot = stream.next()
        self.assertEqual(snapshot["event"], "snapshot")
        self.assertEqual(json.loads(snapshot["data"])["id"], snapshot["id"])
        self.act("start")
        started = stream.next()
        self.assertEqual(started["event"], "status")
        self.assertEqual(json.loads(started["data"])["status"]["relayStatus"], "starting")

    def test_all_channels_are_told_and_new_ones_too(self):
        socket = self.socket("?channels=all")
        known = {}
        while self.id_ not in known:
            message = socket.next_of("snapshot")
            known[message["channelId"]] = message["id"]
        # Only the last of the snapshots has an id to go on from.
        self.assertEqual([place.endswith("-0") for place in known.values()],
                         [True] * (len(known) - 1) + [False])
        made = self.server.create_channel("made meanwhile")
        self.assertEqual(socket.next()["channelId"], made["id"])
        self.assertEqual(self.server.call("DELETE", f"/channels/{made['id']}").status, 200)
        message = socket.next_of("deleted")
        self.assertEqual(message["channelId"], made["id"])
        self.assertNotIn("status", message)

    @also_tsan
    def test_ids_are_the_same_on_all_edges_and_one_can_go_on_from_them(self):
        sockets = [self.socket(f"?channels={self.id_}") for _ in range(8)]
        self.assertEqual(len({socket.next()["id"] for socket in sockets}), 1)
        for what in ("start", "end", "start"):
            self.act(what)
        ids = [[socket.next()["id"] for _ in range(3)] for socket in sockets]
        self.assertEqual(len({tuple(three) for three in ids}), 1)
        for _ in range(8):  # on whichever edge it lands
            socket = self.socket(f"?channels={self.id_}&lastEventId={ids[0][0]}")
            self.assertEqual([socket.next()["id"] for _ in range(2)], ids[0][1:])
            stream = self.stream(f"?channels={self.id_}", headers={"Last-Event-ID": ids[0][1]})
            self.assertEqual(stream.next()["id"], ids[0][2])

    def test_an_id_of_another_run_means_snapshots(self):
        for last in ("1234-1", "nonsense", ""):
            socket = self.socket()
            socket.send({"type": "subscribe", "channels": [self.id_], "lastEventId": last})
            self.assertEqual(socket.next()["type"], "snapshot", last)

    def test_messages_that_are_wrong_are_answered_and_nothing_is_lost(self):
        socket = self.socket(f"?channels={self.id_}")
        socket.next_of("snapshot")
        for text, code in (("{", "invalid_message"), ("[]", "invalid_message"),
                           ('{"type":"subscribe","channels":[-1]}', "invalid_message"),
                           ('{"type":"subscribe","channels":[999999]}', "not_found"),
                           ('{"type":"subscribe","chanels":"all"}', "invalid_message")):
            socket.send_text(text)
            error = socket.next()
            self.assertEqual((error["type"], error["code"]), ("error", code), text)
        self.assertEqual(error["message"], "chanels: is not a field of this")
        self.act("start")
        self.assertEqual(socket.next()["status"]["relayStatus"], "starting")

    def test_channels_can_be_left(self):
        other = self.server.create_channel("other")
        socket = self.socket(f"?channels={self.id_},{other['id']}")
        self.assertEqual({socket.next()["channelId"] for _ in range(2)}, {self.id_, other["id"]})
        socket.send({"type": "unsubscribe", "channels": [self.id_]})
        socket.send({"type": "ping"})
        self.assertEqual(socket.next()["type"], "heartbeat")  # so the server has read both
        self.act("start")
        self.assertEqual(self.server.call("POST", f"/channels/{other['id']}/start").status, 200)
        self.assertEqual(socket.next()["channelId"], other["id"])
        self.server.call("POST", f"/channels/{other['id']}/end")

    def test_binary_and_long_messages_close(self):
        socket = self.socket()
        socket.send_frame(BINARY, b"x")
        with self.assertRaises(Closed) as closed:
            socket.next()
        self.assertEqual(closed.exception.code, 1003)
        socket = self.socket()
        with contextlib.suppress(OSError):
            socket.send_text("x" * (16 * 1024 + 1))
        with self.assertRaises(Closed) as closed:
            socket.next()
        self.assertIn(closed.exception.code, (1006, 1009))

    def test_what_cannot_be_granted_is_refused_with_a_reason(self):
        cases = (
            (EventStream, "?channels=x", {}, 400, "invalid_input"),
            (WebSocket, "?channels=0", {}, 400, "invalid_input"),
            (EventStream, "?channels=999999", {}, 404, "not_found"),
            (EventStream, "", {"Accept": "application/json"}, 406, "not_acceptable"),
        )
        for kind, query, headers, status, code in cases:
            refused = self.refused(kind, EVENTS + query, headers=headers)
            self.assertEqual(refused.status, status, refused.body)
            self.assertEqual(json.loads(refused.body)["code"], code)
        refused = self.refused(WebSocket, EVENTS, headers={"Sec-WebSocket-Version": "8"})
        self.assertEqual((refused.status, refused.headers["sec-websocket-version"]), (426, "13"))

    def test_head_of_the_stream_has_no_body(self):
        answer = self.server.request("HEAD", EVENTS + f"?channels={self.id_}")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"], "text/event-stream")

    def test_pages_of_other_sites_may_listen_but_not_with_a_session(self):
        foreign = {"Origin": "https://evil.example"}
        session = {"Cookie": "stoa_session=abc"}
        self.socket(headers=foreign)
        self.socket(headers={"Origin": "http://localhost", **session})
        for path in (EVENTS, "/trpc"):
            refused = self.refused(WebSocket, path, headers={**foreign, **session})
            self.assertEqual(refused.status, 403, path)

    def test_a_stream_over_http_2(self):
        log = os.path.join(self.server.folder, "curl.log")
        url = f"http://127.0.0.1:{self.server.ports['http']}{EVENTS}?channels={self.id_}"
        curl = Process(["curl", "-sSN", "--http2-prior-knowledge", url], log)
        try:
            wait_until(lambda: "event: snapshot" in curl.output(), 10, "the snapshot came")
            self.act("start")
            wait_until(lambda: '"relayStatus":"starting"' in curl.output(), 10, "the change came")
        finally:
            curl.kill()

    def test_numbers_come_at_most_once_a_second(self):
        self.server.publish(self.channel)
        try:
            self.server.wait_status(self.channel, "active")
            socket = self.socket(f"?channels={self.id_}")
            socket.next_of("snapshot")
            begun = time.monotonic()
            numbers = [socket.next()["status"]["bitrateKbps"] for _ in range(4)]
            # However late this process is: more events need more time.
            self.assertGreater(time.monotonic() - begun, 2)
            self.assertTrue(any(numbers))
        finally:
            self.server.publishers.pop().kill()

    def test_who_listens_to_a_channel_hears_of_its_end(self):
        made = self.server.create_channel("short")
        query = f"?channels={made['id']},{self.id_}"
        socket, stream = self.socket(query), self.stream(query)
        for _ in range(2):
            self.assertEqual(socket.next()["type"], "snapshot")
            self.assertEqual(stream.next()["event"], "snapshot")
        self.assertEqual(self.server.call("DELETE", f"/channels/{made['id']}").status, 200)
        deleted = socket.next()
        self.assertEqual((deleted["type"], deleted["channelId"]), ("deleted", made["id"]))
        event = stream.next()
        self.assertEqual((event["event"], event["id"]), ("deleted", deleted["id"]))
        self.assertEqual(json.loads(event["data"]), deleted)
        # It goes on with the other one, and who comes again is told that there is none.
        self.act("start")
        self.assertEqual(socket.next()["channelId"], self.id_)
        self.assertEqual(json.loads(stream.next()["data"])["channelId"], self.id_)
        again = self.socket(f"?channels={made['id']}&lastEventId={deleted['id']}").next()
        self.assertEqual((again["type"], again["code"]), ("error", "not_found"))

    @also_tsan
    def test_frames_that_are_none_close_their_connection_and_no_other(self):
        def frame(first, payload=b"", length=None):
            return bytes([first, 0x80 | (len(payload) if length is None else length)]) \
                + bytes(4) + payload

        cases = (
            ("unmasked", b"\x81\x02{}", 1002),
            ("a reserved bit", frame(0xC1, b"{}"), 1002),
            ("an unknown kind of data", frame(0x83), 1002),
            ("an unknown kind of control", frame(0x8B), 1002),
            ("a control frame in pieces", frame(0x09), 1005),
            ("a long control frame", frame(0x89, b"x" * 126, 126), 1005),
            ("a piece of nothing", frame(0x80, b"{}"), 1002),
            ("a message in the middle of another", frame(0x01, b"{") + frame(0x81, b"{}"), 1002),
            ("half a close code", frame(0x88, b"\x03"), 1005),
            ("text that is not UTF-8", frame(0x81, b"\xff\xfe"), 1007),
            ("more than memory holds", b"\x81\xff\x7f" + b"\xff" * 7 + bytes(4) + b"x", 1009),
            ("a request of HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1002),
            ("noise", bytes(range(255, 0, -1)), None),
        )
        good = self.socket(f"?channels={self.id_}")
        good.next_of("snapshot")
        for path in (EVENTS, "/trpc"):
            for name, data, code in cases:
                with self.subTest(path=path, case=name):
                    socket = self.open(WebSocket, path)
                    socket.connection.send(data)
                    with self.assertRaises(Closed) as closed:
                        socket.next()
                    if code:
                        self.assertEqual(closed.exception.code, code)
        self.act("start")
        self.assertEqual(good.next_of("status")["status"]["relayStatus"], "starting")

    def test_a_message_may_come_in_pieces_with_a_ping_between(self):
        message = json.dumps({"type": "subscribe", "channels": [self.id_]}).encode()
        socket = self.socket()

        def send(first, payload):
            socket.connection.send(bytes([first, 0x80 | len(payload)]) + bytes(4) + payload)

        send(0x01, message[:1])
        for at in range(1, len(message) - 1):
            send(0x00, message[at:at + 1])
        send(0x89, b"are you there")
        self.assertEqual(socket.next_frame(), (PONG, b"are you there"))
        send(0x80, message[-1:])
        self.assertEqual(socket.next()["type"], "snapshot")

    def test_heartbeats_come_unasked(self):
        socket = self.socket(f"?channels={self.id_}")
        stream = self.stream(f"?channels={self.id_}")
        trpc = self.open(EventStream, trpc_path("channel.onStatus", {"channelId": self.id_}))
        rpc = self.open(WebSocket, "/trpc")
        self.assertEqual(socket.next_of("heartbeat", 25)["id"],
                         json.loads(stream.next_of("heartbeat", 25)["data"])["id"])
        self.assertEqual(trpc.next_of("ping", 25)["event"], "ping")
        self.assertEqual(socket.next_frame()[0], PING)  # stands behind the heartbeat
        self.assertEqual(rpc.next_frame(25)[0], PING)


class Trpc(Shared):
    def rpc(self, query="", **options):
        return self.open(WebSocket, "/trpc" + query, **options)

    def on_status(self, socket, id_, channel_id=None, **more):
        socket.send({"id": id_, "method": "subscription", "params": {
            "path": "channel.onStatus", "input": {"channelId": channel_id or self.id_}, **more}})

    # -- event streams --

    @also_tsan
    def test_a_stream_of_a_channel(self):
        stream = self.open(EventStream, trpc_path("channel.onStatus", {"channelId": self.id_}))
        connected = stream.next()
        self.assertEqual(connected["event"], "connected")
        self.assertEqual(json.loads(connected["data"]), {"reconnectAfterInactivityMs": 45000})
        snapshot = stream.next()
        self.assertEqual(json.loads(snapshot["data"]), self.server.status(self.channel))
        self.act("start")
        started = stream.next()
        self.assertEqual(json.loads(started["data"])["relayStatus"], "starting")
        # A client that comes back names it in one of four places.
        self.act("end")
        for path, headers in (
                (trpc_path("channel.onStatus", {"channelId": self.id_}),
                 {"Last-Event-Id": started["id"]}),
                (trpc_path("channel.onStatus", {"channelId": self.id_}, lastEventId=started["id"]),
                 {}),
                (trpc_path("channel.onStatus",
                           {"channelId": self.id_, "lastEventId": started["id"]}), {})):
            again = self.open(EventStream, path, headers=headers)
            again.next()
            self.assertEqual(json.loads(again.next()["data"])["relayStatus"], "stopped", path)

    def test_a_stream_of_several_channels(self):
        stream = self.open(EventStream, trpc_path("events.subscribe", {"channels": [self.id_]}))
        stream.next()
        value = json.loads(stream.next()["data"])
        self.assertEqual((value["type"], value["channelId"]), ("snapshot", self.id_))
        everything = self.open(EventStream, trpc_path("events.subscribe"))
        everything.next()
        self.assertEqual(json.loads(everything.next()["data"])["type"], "snapshot")

    def test_errors_come_in_the_stream(self):
        for input_, code in (({"channelId": 999999}, -32004), ({"channelId": "x"}, -32600),
                             (None, -32600)):
            stream = self.open(EventStream, trpc_path("channel.onStatus", input_))
            self.assertEqual(stream.status, 200)
            self.assertEqual(stream.next()["event"], "connected")
            error = stream.next()
            self.assertEqual(error["event"], "serialized-error")
            error = json.loads(error["data"])
            self.assertEqual((error["code"], error["data"]["path"]), (code, "channel.onStatus"))
            self.assertIsNone(stream.next())

    def test_what_is_no_subscription_is_refused_before_the_stream(self):
        good = {"channelId": self.id_}
        for path, status, code in (
                (trpc_path("channel.onStatus", good, connectionParams="[1]"), 400, "PARSE_ERROR"),
                (trpc_path("channel.onStatus", good, connectionParams='{"a":1}'), 400,
                 "PARSE_ERROR"),
                (trpc_path("channel.onStatus", good,
                           connectionParams=json.dumps({"a": "x" * 5000})), 400, "PARSE_ERROR"),
                (trpc_path("channel.nope", good), 404, "NOT_FOUND")):
            answer = self.server.get(path, headers={"Accept": "text/event-stream"})
            self.assertEqual(answer.status, status, path)
            self.assertEqual(answer.json()["error"]["data"]["code"], code)
        answer = self.server.get(trpc_path("channel.onStatus", {"0": good}, batch="1"))
        self.assertEqual((answer.status, answer.json()[0]["error"]["message"]),
                         (400, "Cannot batch subscription calls"))
        self.assertEqual(self.server.request("HEAD", "/trpc/channel.onStatus").status, 204)
        stream = self.open(EventStream, trpc_path("channel.onStatus", good,
                                                  connectionParams='{"token":"secret-token"}'))
        self.assertEqual(stream.next()["event"], "connected")
        self.assertNotIn("secret-token", self.server.log())

    def test_the_end_of_a_channel_ends_its_subscriptions(self):
        stream = self.open(EventStream, trpc_path("channel.onStatus", {"channelId": self.id_}))
        socket = self.rpc()
        self.on_status(socket, 1)
        self.assertEqual(socket.next()["result"]["type"], "started")
        self.assertEqual(socket.next()["result"]["type"], "data")
        self.assertEqual(self.server.call("DELETE", f"/channels/{self.id_}").status, 200)
        self.assertEqual(stream.next_of("return")["data"], "")
        self.assertIsNone(stream.next())
        self.assertEqual(socket.next(), {"id": 1, "result": {"type": "stopped"}})
        self.id_ = self.server.create_channel("for the clean-up")["id"]

    # -- WebSocket --

    @also_tsan
    def test_a_subscription_over_a_socket(self):
        socket = self.rpc()
        self.on_status(socket, 3)
        self.assertEqual(socket.next(), {"id": 3, "result": {"type": "started"}})
        first = socket.next()
        self.assertEqual(first["id"], 3)
        self.assertEqual(first["result"]["id"], first["result"]["data"]["id"])
        self.assertEqual(first["result"]["data"]["data"], self.server.status(self.channel))
        self.act("start")
        started = socket.next()["result"]
        self.assertEqual(started["data"]["data"]["relayStatus"], "starting")
        socket.send({"id": 3, "method": "subscription.stop"})
        self.assertEqual(socket.next(), {"id": 3, "result": {"type": "stopped"}})
        self.act("end")
        self.assertTrue(socket.is_silent())
        self.on_status(socket, 4, lastEventId=started["id"])
        self.assertEqual(socket.next()["result"]["type"], "started")
        self.assertEqual(socket.next()["result"]["data"]["data"]["relayStatus"], "stopped")

    @also_tsan
    def test_calls_have_the_rights_of_the_connection(self):
        create = {"id": 1, "method": "mutation",
                  "params": {"path": "channel.create", "input": {"title": "By socket"}}}
        with self.rpc() as socket:
            socket.send(create)
            self.assertEqual(socket.next()["error"]["code"], -32001)
        with self.rpc(headers={"Authorization": f"Bearer {ADMIN_KEY}"}) as socket:
            socket.send(create)
            made = socket.next()
            self.assertEqual(made["result"]["data"]["title"], "By socket")
        with self.rpc("?connectionParams=1") as socket:
            socket.send({"method": "connectionParams", "data": {"token": ADMIN_KEY}})
            socket.send({"id": "x", "method": "mutation", "params": {
                "path": "channel.delete", "input": {"id": made["result"]["data"]["id"]}}})
            answer = socket.next()
            self.assertEqual(answer["id"], "x")
            self.assertEqual(answer["result"]["type"], "data", answer)
        self.assertNotIn(ADMIN_KEY, self.server.log())

    def test_credentials_that_are_none_end_the_connection(self):
        socket = self.rpc("?connectionParams=1")
        socket.send({"id": 1, "method": "query", "params": {"path": "channel.list"}})
        self.assertEqual(socket.next()["error"]["data"]["code"], "PARSE_ERROR")
        with self.assertRaises(Closed) as closed:
            socket.next()
        self.assertEqual(closed.exception.code, 1008)

    def test_calls_in_one_message_and_odd_ones(self):
        socket = self.rpc()
        status = {"path": "channel.getStatus", "input": {"channelId": self.id_}}
        socket.send([{"id": i, "method": "query", "params": status} for i in range(5)])
        self.assertEqual(sorted(socket.next()["id"] for _ in range(5)), list(range(5)))
        for message, code in (
                ({"id": 1, "method": "query", "params": {"path": "channel.end"}}, -32004),
                ({"id": 1, "method": "mutation", "params": {"path": "channel.getStatus"}}, -32004),
                ({"id": 1, "method": "query", "params": {"path": "nope"}}, -32004),
                ({"id": 1, "method": "subscription", "params": {"path": "channel.list"}}, -32004),
                ({"id": 1, "method": "query", "params": {
                    "path": "channel.getStatus", "input": {"channelId": "\u00fc&=+%"}}}, -32600),
                ({"id": 1, "method": "mutation", "params": {"path": "auth.signIn"}}, -32600),
                ({"method": "query", "params": status}, -32700)):
            socket.send(message)
            self.assertEqual(socket.next()["error"]["code"], code, message)
        socket.send_text("PING")
        self.assertEqual(socket.next_text(), "PONG")
        self.on_status(socket, 2)
        self.on_status(socket, 2)
        answers = [socket.next() for _ in range(3)]
        errors = [answer["error"]["message"] for answer in answers if "error" in answer]
        self.assertEqual(errors, ["Duplicate id 2"])

    def test_plain_requests_to_the_socket_are_answered(self):
        self.assertEqual(self.server.get("/trpc").status, 404)
        self.assertEqual(self.refused(WebSocket, "/trpc", headers={
            "Sec-WebSocket-Version": "8"}).status, 426)

    def test_a_client_that_goes_away_with_calls_open_costs_nothing(self):
        for _ in range(20):  # fewer changes than the address may make at once
            socket = self.rpc(headers={"Authorization": f"Bearer {ADMIN_KEY}"})
            self.on_status(socket, 1)
            socket.send([{"id": i, "method": "mutation", "params": {
                "path": "channel.create", "input": {"title": "gone"}}} for i in range(2, 5)])
            socket.close()
        wait_until(lambda: metric(self.server, "stoa_push_subscribers") == 0, 10,
                   "nobody is subscribed")


if __name__ == "__main__":
    unittest.main()
