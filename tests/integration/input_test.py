"""Bad input from outside: the server stays up, others are not touched, memory stays bounded."""
import contextlib
import os
import random
import resource
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from harness import Server, Waited, also_tsan, raise_file_limit, wait_until

MEMORY_BOUND = 150 << 20  # what a flood may add to the resident size of a build with ASan


def random_bytes(seed, count):
    return random.Random(seed).randbytes(count)


# Both ends are descriptors of this machine; the test's and the server's process have a limit each.
SILENT_CONNECTIONS = min(10000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500)


class WithStream(unittest.TestCase):
    """A server with one channel on air, which every test must leave on air."""
    settings = {}

    @classmethod
    def setUpClass(cls):
        raise_file_limit()
        cls.server = Server(settings=cls.settings).start()
        cls.channel = cls.server.create_channel("On air")
        cls.publisher = cls.server.publish(cls.channel)
        try:
            cls.server.wait_moving(cls.channel)
        except Waited:
            cls.server.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.rss_bytes = self.server.rss_bytes()

    def tearDown(self):
        moving = self.server.wait_moving(self.channel)
        self.assertEqual(moving.discontinuities + moving.discontinuity_sequence, 0)
        self.assertTrue(self.publisher.is_running())
        self.assertLess(self.server.rss_bytes() - self.rss_bytes, MEMORY_BOUND)


class Playlists(WithStream):
    def status_of(self, query):
        path = self.server.playlist(self.channel).path
        return self.server.get(path + query).status

    def test_far_in_the_future_is_400(self):
        self.assertEqual(self.status_of("?_HLS_msn=100000"), 400)
        self.assertEqual(self.status_of("?_HLS_msn=100000&_HLS_part=1"), 400)

    def test_a_part_without_its_segment_is_400(self):
        self.assertEqual(self.status_of("?_HLS_part=1"), 400)

    def test_what_is_no_number_is_400(self):
        for query in ("?_HLS_msn=x", "?_HLS_msn=-1", "?_HLS_msn=1&_HLS_msn=2", "?_HLS_msn=",
                      "?_HLS_msn=99999999999999999999999", "?_HLS_msn=0x10", "?_HLS_msn=%00"):
            self.assertEqual(self.status_of(query), 400, query)

    def test_unknown_parameters_of_others_are_ignored(self):
        self.assertEqual(self.status_of("?utm_source=mail&x=%20"), 200)

    @also_tsan
    def test_the_next_part_is_answered_when_it_is_there(self):
        playlist = self.server.playlist(self.channel)
        msn, parts = playlist.newest
        answer = self.server.get(f"{playlist.path}?_HLS_msn={msn}&_HLS_part={parts}")
        self.assertIn(answer.status, (200,))
        self.assertIn("#EXT-X-PART", answer.text)

    def test_a_file_that_never_was_is_404(self):
        folder = self.server.playlist(self.channel).path.rsplit("/", 1)[0]
        for name in ("nothing.m4s", "..%2f..%2fetc%2fpasswd", "a" * 300 + ".m4s", "%00.m4s"):
            self.assertIn(self.server.get(f"{folder}/{name}").status, (400, 404), name)

    def test_a_channel_that_is_not_there_is_404(self):
        for channel in ("999", "0", "-1", "x", "18446744073709551616"):
            self.assertIn(self.server.get(f"/hls/{channel}/index.m3u8").status, (400, 404), channel)

    def test_path_traversal_finds_no_file(self):
        for path in ("/../../../../etc/passwd", "/..%2f..%2f..%2fetc/passwd",
                     "/assets/../../../etc/passwd", "/hls/1/../../../etc/passwd",
                     "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/assets/%00"):
            answer = self.server.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                                     .encode())
            self.assertRegex(answer, rb"^HTTP/1\.1 40[04] ", path)
            self.assertNotIn(b"root:", answer)


class Http(WithStream):
    def refused(self, request):
        answer = self.server.raw(request)
        self.assertRegex(answer, rb"^HTTP/1\.1 (4\d\d|501|505) ", request[:60])
        return answer

    def test_garbage_is_refused(self):
        for seed in range(20):
            self.server.raw(random_bytes(seed, 3000))
        self.refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random_bytes(1, 500)
                     + b"\r\n\r\n")

    def test_smuggling_and_bad_headers_are_refused(self):
        for head in (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                     b"Content-Length: 5\r\nContent-Length: 6\r\n",
                     b"Content-Length: -1\r\n", b"Content-Length: 0x10\r\n",
                     b"Transfer-Encoding: chunked, identity\r\n", b"Bad Header: x\r\n",
                     b"X: a\x00b\r\n", b" folded: x\r\n", b"Host: y\r\n"):
            self.refused(b"POST /api/v1/channels HTTP/1.1\r\nHost: x\r\n" + head + b"\r\nhello")

    def test_a_request_line_that_is_none_is_refused(self):
        for line in (b"GET", b"GET /", b"GET  / HTTP/1.1", b"GET / HTTP/9.9", b"G\x01T / HTTP/1.1",
                     b"GET /a b HTTP/1.1", b"GET http:// HTTP/1.1"):
            self.refused(line + b"\r\nHost: x\r\n\r\n")

    def test_more_than_the_limits_is_refused(self):
        self.refused(b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        self.refused(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20000 + b"\r\n")
        self.refused(b"POST /api/v1/channels HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"Content-Length: 10000000\r\n\r\n")

    def test_a_request_byte_by_byte_is_answered(self):
        with socket.create_connection(("127.0.0.1", self.server.ports["http"]), 10) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
                peer.sendall(bytes([byte]))
            answer = b""
            while data := peer.recv(4096):
                answer += data
        self.assertRegex(answer, rb"^HTTP/1\.1 200 ")

    def test_a_body_byte_by_byte_in_chunks_is_read(self):
        body = b'{"title":"Slow"}'
        chunks = b"".join(b"1\r\n" + bytes([byte]) + b"\r\n" for byte in body) + b"0\r\n\r\n"
        answer = self.server.raw(
            b"POST /api/v1/channels HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer " + self.server.settings["admin.key"].encode()
            + b"\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks,
            ends=False)
        self.assertRegex(answer, rb"^HTTP/1\.1 201 ")

    def test_bad_json_is_told_with_the_field(self):
        for body, word in (("{", "JSON"), ("[]", ""), ('{"title":7}', "title"), ("{}", "title"),
                           ('{"title":"a","x":1}', "x"), ('{"title":""}', "title"),
                           ('{"title":"a","title":"b"}', ""), ("[" * 5000, "")):
            answer = self.server.request(
                "POST", "/api/v1/channels", body=body,
                headers={"Content-Type": "application/json",
                         "Authorization": "Bearer " + self.server.settings["admin.key"]})
            self.assertTrue(400 <= answer.status < 500, f"{body[:40]}: {answer.status}")
            self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
            self.assertIn(word, answer.text)

    def test_writes_need_the_admin_key(self):
        self.assertEqual(self.server.call("POST", "/channels", {"title": "x"}, key=None).status, 401)
        self.assertIn(self.server.call("POST", "/channels", {"title": "x"}, key="wrong" * 5).status,
                      (401, 403))
        self.assertIn(self.server.call("DELETE", f"/channels/{self.channel['id']}",
                                       key=self.channel["streamKey"]).status, (401, 403))

    def test_h2_garbage_is_refused(self):
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        for seed in range(10):
            self.server.raw(preface + random_bytes(seed, 2000))
        settings = struct.pack(">I", 0)[1:] + b"\x04\x00" + b"\0" * 4
        for frame in (b"\xff\xff\xff\x00\x00\0\0\0\1",           # a frame of 16 MB
                      b"\x00\x00\x04\x08\x00\0\0\0\0\0\0\0\0",   # WINDOW_UPDATE by nothing
                      b"\x00\x00\x01\x09\x00\0\0\0\1x",          # CONTINUATION of nothing
                      b"\x00\x00\x05\x00\x00\0\0\0\0hello"):     # DATA on stream 0
            self.server.raw(preface + settings + frame)

    def test_h2_rapid_reset_does_not_hold_the_server(self):
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
        head = b"\x82\x86\x84\x41\x01x"  # GET http / and :authority x
        flood = bytearray(preface)
        for stream in range(1, 40001, 2):
            flood += struct.pack(">I", len(head))[1:] + b"\x01\x05" + struct.pack(">I", stream) + head
            flood += b"\0\0\4\x03\0" + struct.pack(">I", stream) + b"\0\0\0\x08"
        started = time.monotonic()
        self.server.raw(bytes(flood), timeout_s=20)
        self.assertEqual(self.server.get("/healthz").status, 200)
        self.assertLess(time.monotonic() - started, 20)


class Rtmp(WithStream):
    def raw(self, data):
        return self.server.raw(data, port="rtmp")

    @also_tsan
    def test_garbage_is_refused(self):
        for seed in range(20):
            self.raw(random_bytes(seed, 5000))

    def test_garbage_after_the_handshake_is_refused(self):
        hello = b"\x03" + b"\0" * 8 + random_bytes(1, 1528)
        for seed in range(20):
            self.raw(hello + random_bytes(seed, 1536) + random_bytes(seed + 100, 5000))

    def test_truncated_at_each_place_of_the_handshake(self):
        hello = b"\x03" + b"\0" * 8 + random_bytes(1, 1528) + random_bytes(2, 1536)
        for length in (1, 2, 8, 9, 100, 1536, 1537, 1538, 3072, 3073):
            self.raw(hello[:length])

    def test_a_message_of_16_megabytes_is_refused(self):
        hello = b"\x03" + b"\0" * 8 + random_bytes(1, 1528) + random_bytes(2, 1536)
        header = b"\x03" + b"\0\0\0" + b"\xff\xff\xff" + b"\x14" + b"\0\0\0\0"
        self.raw(hello + header + random_bytes(3, 100000))

    def test_http_on_the_rtmp_port_is_refused(self):
        self.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    def test_connections_that_say_nothing_do_not_disturb(self):
        with contextlib.ExitStack() as stack:
            for _ in range(200):
                with contextlib.suppress(OSError):
                    stack.enter_context(socket.create_connection(
                        ("127.0.0.1", self.server.ports["rtmp"]), timeout=5))
            self.server.wait_moving(self.channel)


class Udp(WithStream):
    def send(self, datagrams):
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            for datagram in datagrams:
                udp.sendto(datagram, ("127.0.0.1", self.server.ports["rtc"]))

    @also_tsan
    def test_garbage_datagrams_are_dropped(self):
        self.send(random_bytes(seed, seed % 1500) for seed in range(3000))

    def test_datagrams_that_look_like_stun_dtls_and_rtp_are_dropped(self):
        stun = struct.pack(">HHI", 1, 0, 0x2112A442) + b"x" * 12
        binding = stun[:2] + struct.pack(">H", 24) + stun[4:] + b"\x00\x06\x00\x09abcd:efgh\0\0\0"
        client_hello = b"\x16\xfe\xff\0\0\0\0\0\0\0\0" + struct.pack(">H", 200) + b"\x01" + b"z" * 199
        rtp = b"\x80\x60\0\1" + b"\0" * 8 + b"p" * 500
        rtcp = b"\x80\xc8\0\6" + b"\0" * 24
        for packet in (stun, binding, client_hello, rtp, rtcp):
            self.send(packet[:length] for length in range(len(packet) + 1))
            self.send([packet] * 200)

    def test_garbage_on_the_tcp_port_of_webrtc_is_dropped(self):
        for seed in range(20):
            self.server.raw(random_bytes(seed, 3000), port="rtc", timeout_s=3)
        self.server.raw(b"\xff\xff" + b"a" * 70000, port="rtc", timeout_s=3)


class Floods(WithStream):
    settings = {"http.connections_per_address": 5000, "http.connections": 10000}

    def test_ten_thousand_connections_that_say_nothing(self):
        before = self.server.rss_bytes()
        with contextlib.ExitStack() as stack:
            for _ in range(SILENT_CONNECTIONS):
                stack.enter_context(socket.create_connection(
                    ("127.0.0.1", self.server.ports["http"]), timeout=10))
            self.server.wait_moving(self.channel)
            self.assertEqual(self.server.get("/healthz").status, 200)
            self.assertLess(self.server.rss_bytes() - before, SILENT_CONNECTIONS * 20000)

    def test_two_thousand_half_requests(self):
        with contextlib.ExitStack() as stack:
            for _ in range(2000):
                peer = stack.enter_context(socket.create_connection(
                    ("127.0.0.1", self.server.ports["http"]), timeout=10))
                peer.sendall(b"GET /hls/1/index.m3u8 HTTP/1.1\r\nHost: x\r\nX-Half: ")
            self.server.wait_moving(self.channel)

    def test_a_thousand_requests_that_wait_for_a_part_are_answered(self):
        playlist = self.server.playlist(self.channel)
        msn, parts = playlist.newest
        request = (f"GET {playlist.path}?_HLS_msn={msn}&_HLS_part={parts + 1} HTTP/1.1\r\n"
                   "Host: x\r\n\r\n").encode()
        with contextlib.ExitStack() as stack:
            peers = []
            for _ in range(1000):
                peer = stack.enter_context(socket.create_connection(
                    ("127.0.0.1", self.server.ports["http"]), timeout=15))
                peer.sendall(request)
                peers.append(peer)
            for peer in peers:
                self.assertRegex(peer.recv(100), rb"^HTTP/1\.1 200 ")


class Limits(unittest.TestCase):
    def test_one_address_gets_so_many_connections_and_others_theirs(self):
        with Server(settings={"http.connections_per_address": 20, "server.threads": 1}) as server:
            with contextlib.ExitStack() as stack:
                peers = [stack.enter_context(socket.create_connection(
                    ("127.0.0.1", server.ports["http"]), timeout=10)) for _ in range(30)]
                closed = 0
                for peer in peers:
                    peer.settimeout(0.5)
                    with contextlib.suppress(TimeoutError):
                        try:
                            closed += peer.recv(100) == b""
                        except ConnectionError:
                            closed += 1
                self.assertGreaterEqual(closed, 10)
                with socket.socket() as other:  # 127.0.0.2 is somebody else
                    other.bind(("127.0.0.2", 0))
                    other.settimeout(10)
                    other.connect(("127.0.0.1", server.ports["http"]))
                    other.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                    self.assertRegex(other.recv(100), rb"^HTTP/1\.1 200 ")

    def test_more_broadcasts_than_allowed_are_refused_with_a_sentence(self):
        with Server(settings={"live.max": 1}) as server:
            first, second = server.create_channel("One"), server.create_channel("Two")
            server.publish(first)
            server.wait_moving(first)
            refused = server.publish(second)
            self.assertNotEqual(refused.wait(20), 0)
            self.assertIn("which is the limit of this server", refused.output())
            server.wait_moving(first)

    def test_guessing_keys_is_slowed_down(self):
        with Server() as server:
            answers = [server.call("POST", "/channels", {"title": "x"}, key=f"guess-number-{n:08}")
                       for n in range(60)]
            limited = [answer for answer in answers if answer.status == 429]
            self.assertTrue(limited, "60 wrong keys are never answered 429")
            self.assertTrue(limited[0].headers["Retry-After"].isdigit())
            self.assertEqual(server.get("/api/v1/channels").status, 200, "reading goes on")


class FullDisk(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        self.folder = tempfile.mkdtemp(prefix="stoa-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.disk = os.path.join(self.folder, "disk")
        os.mkdir(self.disk)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", self.disk],
                                 check=False, capture_output=True, text=True)
        if mounted.returncode:
            self.skipTest(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", self.disk], check=True)

    def fill(self):
        path = os.path.join(self.disk, "filler")
        with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass
        return path

    def test_a_full_disk_is_told_and_the_show_goes_on(self):
        with Server(settings={"data.dir": self.disk}) as server:
            channel = server.create_channel("On air")
            server.publish(channel)
            server.wait_moving(channel)
            filler = self.fill()
            answer = wait_until(
                lambda: (a := server.call("POST", "/channels", {"title": "t" * 200})).status != 201
                and a, 20, "a channel cannot be stored any more")
            self.assertEqual(answer.status, 503, answer.text)
            server.wait_moving(channel)
            os.remove(filler)
            wait_until(lambda: server.call("POST", "/channels", {"title": "after"}).status == 201, 20,
                       "channels are stored again")


class Worker(unittest.TestCase):
    def test_the_server_starts_without_a_worker_and_rtmp_works(self):
        with Server(settings={"worker.path": "/nonexistent/stoa-worker"}) as server:
            channel = server.create_channel()
            server.publish(channel)
            server.wait_moving(channel)

    def test_a_killed_worker_is_replaced_and_the_stream_goes_on(self):
        with Server() as server:
            channel = server.create_channel()
            server.publish(channel)
            server.wait_moving(channel)
            pids = server.worker_pids()
            if not pids:
                self.skipTest("no worker runs before Opus has to be converted")
            os.kill(pids[0], 9)
            server.wait_moving(channel)
            wait_until(lambda: set(server.worker_pids()) - set(pids), 20, "a new worker runs")


if __name__ == "__main__":
    unittest.main()
