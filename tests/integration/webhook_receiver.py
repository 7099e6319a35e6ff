"""A shop's end of the webhooks: takes requests, checks their signatures, answers as it is told.

    receiver = Receiver()
    receiver.answers["/slow"] = lambda message: time.sleep(20) or (200, {})
    receiver.wait(lambda messages: len(messages) == 3, 10, "three messages")
"""
import base64
import collections
import hashlib
import hmac
import http.server
import json
import threading
import time

from harness import wait_until

Message = collections.namedtuple("Message", "path headers body at")


def sign(secret, headers, body):
    """Standard Webhooks: v1, HMAC-SHA256 over id, time and body."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def is_signed(secret, message):
    is_recent = abs(time.time() - int(message.headers["webhook-timestamp"])) < 300
    return is_recent and sign(secret, message.headers, message.body) \
        in message.headers["webhook-signature"].split(" ")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        message = Message(self.path, headers, body, time.monotonic())
        answer = self.server.receiver.take(message)
        try:
            status, more = answer(message)
            self.send_response(status)
            for name, value in {"Content-Length": "2", **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")
        except OSError:
            self.close_connection = True  # whoever sent it did not wait

    do_GET = do_POST

    def log_message(self, *arguments):
        pass


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, request, client_address):
        """A client that breaks off is no error of ours."""


class Receiver:
    def __init__(self, port=0):
        self.lock = threading.Lock()
        self.messages = []
        self.answers = {}  # path -> function(message) -> (status, headers)
        self.listener = Listener(("127.0.0.1", port), Handler)
        self.listener.receiver = self
        self.port = self.listener.server_address[1]
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, message):
        with self.lock:
            self.messages.append(message)
        return self.answers.get(message.path, lambda _: (200, {}))

    def url(self, path="/hook"):
        return f"http://127.0.0.1:{self.port}{path}"

    def got(self, path="/hook"):
        with self.lock:
            return [message for message in self.messages if message.path == path]

    def types(self, path="/hook"):
        return [json.loads(message.body)["type"] for message in self.got(path)]

    def wait(self, predicate, timeout_s, what, path="/hook"):
        return wait_until(lambda: predicate(self.got(path)) and self.got(path), timeout_s, what)

    def close(self):
        self.listener.shutdown()
        self.listener.server_close()
