"""Clients of the push interface, by hand: a WebSocket (RFC 6455) and an event stream.

Both read with a bound and never wait for time to pass: next() gives the next message or raises.
"""
import base64
import contextlib
import hashlib
import json
import os
import re
import socket
import struct
import time
import urllib.parse

from harness import Waited

EVENTS = "/api/v1/events"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def metric(server, name):
    found = re.search(rf"^{name} (\d+)$", server.get("/metrics").text, re.MULTILINE)
    return int(found.group(1))


def trpc_path(procedure, input_=None, **parameters):
    if input_ is not None:
        parameters["input"] = json.dumps(input_)
    query = urllib.parse.urlencode(parameters)
    return f"/trpc/{procedure}" + (f"?{query}" if query else "")


class Refused(AssertionError):
    """The server answered something else than the upgrade or the stream."""

    def __init__(self, status, headers, body):
        super().__init__(f"{status}: {body[:300]}")
        self.status = status
        self.headers = headers
        self.body = body


class Closed(AssertionError):
    """The connection was closed; `code` 1006: without a close frame."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed with {code} {reason}")
        self.code = code
        self.reason = reason


class Connection:
    """A socket with a buffer."""

    def __init__(self, port, timeout_s=10, receive_buffer=None, source=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(timeout_s)
        self.socket.connect(("127.0.0.1", port))
        self.received = b""

    def send(self, data):
        self.socket.sendall(data)

    def fill(self, deadline):
        """Reads some more; False at the end."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise Waited("nothing more came")
        self.socket.settimeout(left)
        try:
            chunk = self.socket.recv(65536)
        except socket.timeout:
            raise Waited("nothing more came") from None
        except ConnectionResetError:
            chunk = b""
        self.received += chunk
        return bool(chunk)

    def take(self, length, deadline):
        while len(self.received) < length:
            if not self.fill(deadline):
                return None
        taken, self.received = self.received[:length], self.received[length:]
        return taken

    def take_until(self, end, deadline):
        while end not in self.received:
            if not self.fill(deadline):
                return None
        taken, self.received = self.received.split(end, 1)
        return taken

    def read_head(self, deadline):
        head = self.take_until(b"\r\n\r\n", deadline)
        if head is None:
            raise Closed(1006, "before an answer")
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) if ": " in line else (line, "")
                       for line in lines[1:])
        return int(lines[0].split()[1]), headers

    def read_body(self, headers, deadline):
        return (self.take(int(headers.get("content-length", 0)), deadline) or b"").decode()

    def close(self):
        self.socket.close()


def request(path, headers):
    lines = [f"GET {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class WebSocket:
    def __init__(self, server, path, headers=None, timeout_s=10, **options):
        self.timeout_s = timeout_s
        self.connection = Connection(server.ports["http"], timeout_s, **options)
        self.answers_pings = True
        self.pings = 0
        key = base64.b64encode(os.urandom(16))
        self.connection.send(request(path, {
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key.decode(), **(headers or {})}))
        deadline = time.monotonic() + timeout_s
        status, self.headers = self.connection.read_head(deadline)
        if status != 101:
            body = self.connection.read_body(self.headers, deadline)
            self.connection.close()
            raise Refused(status, self.headers, body)
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode().lower()
        assert self.headers["sec-websocket-accept"] == accept, self.headers

    def send_frame(self, opcode, payload):
        mask = os.urandom(4)
        head = bytes([0x80 | opcode])
        if len(payload) < 126:
            head += bytes([0x80 | len(payload)])
        elif len(payload) < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", len(payload))
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", len(payload))
        self.connection.send(head + mask + bytes(byte ^ mask[i % 4]
                                                 for i, byte in enumerate(payload)))

    def send_text(self, text):
        self.send_frame(TEXT, text.encode())

    def send(self, value):
        self.send_text(json.dumps(value))

    def next_frame(self, timeout_s=None):
        """(opcode, payload); Closed when there is no more."""
        deadline = time.monotonic() + (timeout_s or self.timeout_s)
        head = self.connection.take(2, deadline)
        if head is None:
            raise Closed(1006)
        length = head[1]
        assert length < 128, "a server does not mask"
        if length == 126:
            length, = struct.unpack(">H", self.connection.take(2, deadline))
        elif length == 127:
            length, = struct.unpack(">Q", self.connection.take(8, deadline))
        payload = self.connection.take(length, deadline)
        if payload is None:
            raise Closed(1006)
        return head[0] & 15, payload

    def next_text(self, timeout_s=None):
        while True:
            opcode, payload = self.next_frame(timeout_s)
            if opcode == TEXT:
                return payload.decode()
            if opcode == PING:
                self.pings += 1
                if self.answers_pings:
                    self.send_frame(PONG, payload)
            if opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                with contextlib.suppress(OSError):
                    self.send_frame(CLOSE, payload[:2])
                raise Closed(code, payload[2:].decode())

    def next(self, timeout_s=None):
        return json.loads(self.next_text(timeout_s))

    def next_of(self, kind, timeout_s=None):
        """The next message of that type; others are passed over."""
        while True:
            message = self.next(timeout_s)
            if message.get("type") == kind:
                return message

    def is_silent(self, timeout_s=0.2):
        """Nothing comes for a moment: for what must not come at all."""
        try:
            self.next_frame(timeout_s)
        except Waited:
            return True
        return False

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class EventStream:
    """An event stream over HTTP/1.1 with chunks."""

    def __init__(self, server, path, headers=None, timeout_s=10, **options):
        self.timeout_s = timeout_s
        self.connection = Connection(server.ports["http"], timeout_s, **options)
        self.connection.send(request(path, {"Accept": "text/event-stream", **(headers or {})}))
        deadline = time.monotonic() + timeout_s
        self.status, self.headers = self.connection.read_head(deadline)
        if self.headers.get("transfer-encoding") != "chunked":
            body = self.connection.read_body(self.headers, deadline)
            self.connection.close()
            raise Refused(self.status, self.headers, body)
        self.text = ""
        self.has_ended = False

    def next(self, timeout_s=None):
        """{"event","data","id","retry"} of the next event; None at the end of the stream."""
        deadline = time.monotonic() + (timeout_s or self.timeout_s)
        while "\n\n" not in self.text:
            size = self.connection.take_until(b"\r\n", deadline)
            if size is None:
                raise Closed(1006, "in the middle of the stream")
            chunk = self.connection.take(int(size, 16) + 2, deadline)
            if int(size, 16) == 0:
                self.has_ended = True
                return None
            self.text += chunk[:-2].decode()
        block, self.text = self.text.split("\n\n", 1)
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line)
        return {"event": fields.get("event", "message"), **fields}

    def next_of(self, event, timeout_s=None):
        while True:
            got = self.next(timeout_s)
            if got is None or got["event"] == event and "data" in got:
                return got

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
