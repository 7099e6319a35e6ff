#!/usr/bin/env python3
"""A small RTMP publisher that sends an FLV file, and can be told to send it badly.

    rtmp_publish.py FILE.flv rtmp://127.0.0.1:1935/live/KEY

As a module: `Tag`s are read with read_flv(), changed at will, and sent by a Publisher. It does what
the specification wants (RTMP 1.0) as long as the caller does not ask for something else: another
chunk size, pieces of any size, times that make no sense.
"""
import dataclasses
import os
import socket
import struct
import sys
import time
import urllib.parse

AUDIO, VIDEO, DATA = 8, 9, 18
SET_CHUNK_SIZE, COMMAND = 1, 20
HANDSHAKE_LEN = 1536
EXTENDED = 0xFFFFFF


@dataclasses.dataclass(frozen=True)
class Tag:
    kind: int
    time_ms: int  # what is written into the message, modulo 2^32
    body: bytes
    at_ms: int  # when it is sent, counted from the first one

    @property
    def is_config(self):
        return self.kind in (AUDIO, VIDEO) and self.body[1:2] == b"\0"

    @property
    def is_keyframe(self):
        return self.kind == VIDEO and self.body[0] >> 4 == 1 and not self.is_config

    def moved(self, by_ms):
        """The same with another time in the message, sent at the same moment."""
        return dataclasses.replace(self, time_ms=self.time_ms + by_ms)

    def sent_later(self, by_ms):
        return dataclasses.replace(self, at_ms=self.at_ms + by_ms)


def read_flv(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:3] != b"FLV":
        raise ValueError(f"{path} is not FLV")
    at = struct.unpack(">I", data[5:9])[0] + 4
    tags = []
    while at + 11 <= len(data):
        kind = data[at] & 0x1F
        size = int.from_bytes(data[at + 1:at + 4], "big")
        time_ms = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        tags.append(Tag(kind, time_ms, data[at + 11:at + 11 + size], time_ms))
        at += 11 + size + 4
    return tags


def amf0(value):
    if value is None:
        return b"\x05"
    if isinstance(value, (int, float)):
        return b"\x00" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode()
        return b"\x02" + struct.pack(">H", len(text)) + text
    members = b"".join(struct.pack(">H", len(name)) + name.encode() + amf0(member)
                       for name, member in value.items())
    return b"\x03" + members + b"\x00\x00\x09"


class Refused(Exception):
    """The server said no; the text is what it sent."""


class Publisher:
    """`piece` is how many bytes are given to the socket at once; None: as they come."""

    def __init__(self, host, port, chunk_size=4096, piece=None, timeout_s=10):
        self.socket = socket.create_connection((host, port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.chunk_size = 128
        self.wanted_chunk_size = chunk_size
        self.piece = piece
        self.received = b""

    def close(self):
        self.socket.close()

    def write(self, data):
        step = self.piece or len(data)
        for at in range(0, len(data), step):
            self.socket.sendall(data[at:at + step])

    def message(self, stream, kind, body, time_ms=0, stream_id=0):
        """One message: a full header, then bare chunk headers (section 5.3.1)."""
        time_ms &= 0xFFFFFFFF
        extended = struct.pack(">I", time_ms) if time_ms >= EXTENDED else b""
        head = (bytes([stream]) + min(time_ms, EXTENDED).to_bytes(3, "big")
                + len(body).to_bytes(3, "big") + bytes([kind]) + struct.pack("<I", stream_id)
                + extended)
        out = [head, body[:self.chunk_size]]
        for at in range(self.chunk_size, len(body), self.chunk_size):
            out += [bytes([0xC0 | stream]), extended, body[at:at + self.chunk_size]]
        self.write(b"".join(out))

    def command(self, *values, stream_id=0):
        self.message(3, COMMAND, b"".join(map(amf0, values)), stream_id=stream_id)

    def read_exactly(self, count):
        while len(self.received) < count:
            data = self.socket.recv(65536)
            if not data:
                raise Refused("the connection was closed")
            self.received += data
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def wait_for(self, text):
        """Reads until `text` is in what came: enough for a test, no parser."""
        while text not in self.received:
            data = self.socket.recv(65536)
            if not data:
                raise Refused(self.received.decode("latin-1"))
            self.received += data
            if b".BadName" in self.received or b"Rejected" in self.received or \
                    b".Denied" in self.received:
                raise Refused(self.received.decode("latin-1"))
        self.received = self.received.split(text, 1)[1]

    def start(self, app, key):
        """Handshake, connect, createStream, publish. Refused: the server said no."""
        random = os.urandom(HANDSHAKE_LEN - 8)
        self.write(b"\x03" + bytes(8) + random)
        answer = self.read_exactly(1 + 2 * HANDSHAKE_LEN)
        self.write(answer[1:1 + HANDSHAKE_LEN])
        self.message(2, SET_CHUNK_SIZE, struct.pack(">I", self.wanted_chunk_size))
        self.chunk_size = self.wanted_chunk_size
        self.command("connect", 1, {"app": app, "type": "nonprivate", "tcUrl": "rtmp://x/" + app})
        self.wait_for(b"NetConnection.Connect.Success")
        self.command("createStream", 2, None)
        self.wait_for(b"_result")
        self.command("publish", 3, None, key, "live", stream_id=1)
        self.wait_for(b"NetStream.Publish.Start")

    def send(self, tag, stream_id=1):
        stream = {AUDIO: 4, VIDEO: 6, DATA: 5}[tag.kind]
        body = tag.body
        if tag.kind == DATA and not body.startswith(amf0("@setDataFrame")):
            body = amf0("@setDataFrame") + body
        self.message(stream, tag.kind, body, tag.time_ms, stream_id)

    def send_all(self, tags, is_stopped=lambda: False):
        """At the speed of life, by `at_ms`."""
        begun = time.monotonic()
        for tag in tags:
            wait_s = begun + tag.at_ms / 1000 - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            if is_stopped():
                return
            self.send(tag)


def main():
    path, url = sys.argv[1:]
    parts = urllib.parse.urlsplit(url)
    app, key = parts.path.strip("/").split("/", 1)
    publisher = Publisher(parts.hostname, parts.port or 1935)
    publisher.start(app, key)
    publisher.send_all(read_flv(path))
    publisher.close()


if __name__ == "__main__":
    main()
