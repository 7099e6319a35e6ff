"""The API of a real server: creations that happen once, hostile requests, a database that is away."""
import concurrent.futures
import json
import os
import signal
import sqlite3
import unittest
import uuid

from harness import ADMIN_KEY, Server, wait_until

# What looks like something else, where a value stands in a path or a query.
SHAPES = ("%27%20OR%201=1--", "1;DROP%20TABLE%20channels", "%00", "%0d%0aSet-Cookie:%20a=b", "..%2f..%2fetc%2fpasswd",
          "%ff%fe", "%3Cscript%3E", "9" * 400, "-1", "1e9", "%", "%zz", "{id}", "__proto__", "%25s%25n")


def create(server, key, title="Hats", path="/api/v1/channels", bearer=ADMIN_KEY):
    return server.request("POST", path, body=json.dumps({"title": title}), headers={
        "Authorization": f"Bearer {bearer}", "Content-Type": "application/json",
        "Idempotency-Key": key})


def channel_count(server):
    return len(server.call("GET", "/channels?limit=1000").json()["channels"])


class Once(unittest.TestCase):
    def test_a_creation_that_is_repeated_after_a_crash_has_happened_once(self):
        with Server() as server:
            key = str(uuid.uuid4())
            first = create(server, key)
            self.assertEqual(first.status, 201)
            server.process.send(signal.SIGKILL)
            server.process.wait(10)
            server.start()
            again = create(server, key)
            self.assertEqual((again.status, again.body), (201, first.body))
            self.assertEqual(again.headers["Idempotency-Replayed"], "true")
            self.assertEqual(channel_count(server), 1)
            self.assertEqual(create(server, key, title="Shoes").json()["code"], "idempotency_conflict")

    def test_many_at_once_make_one(self):
        with Server() as server:
            key = str(uuid.uuid4())
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                answers = list(pool.map(lambda _: create(server, key), range(48)))
            made = [answer for answer in answers if answer.status == 201]
            others = [answer.json()["code"] for answer in answers if answer.status != 201]
            self.assertEqual(len({answer.body for answer in made}), 1)
            self.assertEqual(set(others) - {"in_progress"}, set())
            self.assertEqual(sum("Idempotency-Replayed" not in answer.headers for answer in made), 1)
            self.assertEqual(channel_count(server), 1)


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.channel = cls.server.create_channel("Shoes")
        cls.document = cls.server.get("/api/v1/openapi.json").json()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def expect_refusal(self, answer, what):
        self.assertIn(answer.status, (400, 404, 405, 413), f"{what}: {answer.status} {answer.text}")
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json", what)
        self.assertNotIn("Set-Cookie", answer.headers, what)
        self.assertIn("code", answer.json(), what)

    def raw_get(self, path):
        """Without the client's own ideas about URLs."""
        data = self.server.raw((f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN_KEY}\r\n"
                                "Connection: close\r\n\r\n").encode(), ends=False)
        return data.partition(b"\r\n\r\n")

    def test_paths_and_queries_of_any_shape_are_refused_by_name(self):
        for path, methods in self.document["paths"].items():
            for parameter in methods.get("get", {}).get("parameters", ()):
                field = parameter.get("name", "")
                if parameter.get("in") == "path":
                    addresses = [path.replace("{" + field + "}", shape) for shape in SHAPES]
                elif field in ("limit", "cursor", "from", "until", "status", "broadcastId", "accountId"):
                    filled = path.replace("{channelId}", str(self.channel["id"])).replace(
                        "{id}", str(uuid.uuid4()))
                    addresses = [f"{filled}?{field}={shape}" for shape in SHAPES]
                else:
                    continue  # texts that are searched for
                for address in addresses:
                    head, _, body = self.raw_get("/api/v1" + address)
                    status = int(head.split(b" ")[1])
                    self.assertIn(status, (400, 404), f"{address}: {head} {body}")
                    self.assertNotIn(b"\r\nset-cookie", head.lower(), address)
                    problem = json.loads(body)
                    if status == 400 and problem["code"] != "bad_request":  # that is no URL at all
                        self.assertEqual([error["field"] for error in problem.get("errors", ())],
                                         [field], f"{address}: {problem}")
        self.assertEqual(channel_count(self.server), 1)

    def test_headers_of_any_bytes_harm_nobody(self):
        body = b'{"title":"Shoes"}'
        for value in (b"\xff\xfe\x80", b"'; DROP TABLE channels; --", b"x" * 3000, b"\t \t", b"%s%n%00",
                      b"\xf0\x9f\x91\x9f"):
            for name in (b"User-Agent", b"Idempotency-Key", b"X-CSRF-Token", b"Cookie", b"trpc-accept",
                         b"Last-Event-ID", b"Accept"):
                answer = self.server.raw(
                    b"POST /api/v1/channels HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                    b"Content-Type: application/json\r\n" + name + b": " + value +
                    b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body, ends=False)
                self.assertRegex(answer, rb"^HTTP/1.1 4\d\d ", f"{name} {value}")
        self.assertEqual(channel_count(self.server), 1)

    def test_json_of_any_shape_is_refused(self):
        for body in (b"", b"{", b"[]", b"null", b'{"title":"a","title":"b"}', b'{"title":"\\ud800"}',
                     b"[" * 20000, b'{"title":"\\u0000"}', b"\xef\xbb\xbf{}", b'{"title":1e999}',
                     b'{"__proto__":{"title":"x"}}', b'{"title":"x"}garbage', b"\xff\xfe{\x00}\x00"):
            answer = self.server.request("POST", "/api/v1/channels", body=body, headers={
                "Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json"})
            self.expect_refusal(answer, body[:40])
        self.assertEqual(channel_count(self.server), 1)


class Batches(unittest.TestCase):
    def test_a_batch_of_nothing_but_sign_ins_is_answered(self):
        with Server() as server:
            names = ",".join(["auth.signIn"] * 64)
            inputs = {str(i): {"email": "nobody@shop.example", "password": "no"} for i in range(64)}
            answer = server.request("POST", f"/trpc/{names}?batch=1", body=json.dumps(inputs),
                                    headers={"Content-Type": "application/json"})
            problems = {one["error"]["data"]["problem"] for one in answer.json()}
            self.assertLessEqual(problems, {"unauthorized", "too_many_requests", "busy"})
            self.assertEqual(len(answer.json()), 64)


class Away(unittest.TestCase):
    def test_a_locked_database_stores_nothing_and_everything_is_read(self):
        with Server() as server:
            channel = server.create_channel("Shoes")
            other = sqlite3.connect(os.path.join(server.settings["data.dir"], "stoa.db"),
                                    isolation_level=None)
            try:
                other.execute("BEGIN IMMEDIATE")  # another program that writes, and does not end
                answer = server.request("PATCH", f"/api/v1/channels/{channel['id']}", timeout_s=60,
                                        body=json.dumps({"title": "Hats"}),
                                        headers={"Authorization": f"Bearer {ADMIN_KEY}",
                                                 "Content-Type": "application/json"})
                self.assertEqual((answer.status, answer.json()["code"]), (503, "not_stored"))
                self.assertEqual(server.status(channel)["channelId"], channel["id"])
                self.assertEqual(server.call("GET", "/channels").status, 200)
                other.execute("ROLLBACK")
            finally:
                other.close()
            wait_until(lambda: server.call("PATCH", f"/channels/{channel['id']}",
                                           {"title": "Hats"}).status == 200, 30, "changes are stored again")
            server.stop()
            server.start()
            self.assertEqual(server.call("GET", f"/channels/{channel['id']}").json()["title"], "Hats")


if __name__ == "__main__":
    unittest.main()
