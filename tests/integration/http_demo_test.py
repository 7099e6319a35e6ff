"""Drives tests/support/http_demo with real clients: curl (HTTP/1.1, HTTP/2 by ALPN and with prior
knowledge), h2load when it is there, and raw sockets. Usage: http_demo_test.py HTTP_DEMO"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

DEMO = sys.argv.pop(1)


class Server:
    """One http_demo with TLS on ports of its own."""

    def __init__(self):
        self.folder = tempfile.mkdtemp()
        cert, key = (os.path.join(self.folder, name) for name in ("cert.pem", "key.pem"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-keyout", key, "-out", cert, "-days", "2", "-nodes", "-subj", "/CN=localhost"],
            check=True, stderr=subprocess.DEVNULL)
        self.process = subprocess.Popen([DEMO, "0", cert, key], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.tls_port = int(self.process.stdout.readline().split()[1])
        self.plain = f"http://127.0.0.1:{self.port}"
        self.tls = f"https://127.0.0.1:{self.tls_port}"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        shutil.rmtree(self.folder)
        return status


def curl(*args):
    return subprocess.run(["curl", "-sk", "--max-time", "20", *args], capture_output=True).stdout


def exchange(port, *pieces):
    """Sends the pieces in packets of their own, ends, and returns all that comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            peer.sendall(piece)
        answer = b""
        while data := peer.recv(65536):
            answer += data
        return answer


class HttpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        assert status == 0, f"the server ended with {status}"

    def each_way(self):
        """The options of curl for each protocol, and the base URL."""
        return [(["--http1.1"], self.server.plain), (["--http2-prior-knowledge"], self.server.plain),
                (["--http1.1"], self.server.tls), (["--http2"], self.server.tls)]

    def test_each_protocol_gives_the_same_bodies(self):
        versions = []
        for options, base in self.each_way():
            self.assertEqual(len(curl(*options, base + "/hls/a/seg.m4s")), 1 << 20)
            self.assertTrue(curl(*options, base + "/hls/a/index.m3u8").startswith(b"#EXTM3U\n"))
            self.assertEqual(curl(*options, "-r", "1-3", base + "/text"), b"EXT")
            versions.append(curl(*options, "-o", os.devnull, "-w", "%{http_version}",
                                 base + "/text"))
        self.assertEqual(versions, [b"1.1", b"2", b"1.1", b"2"])

    def test_compressed_bodies_are_the_same(self):
        for options, base in self.each_way():
            plain = curl(*options, base + "/text")
            self.assertEqual(curl(*options, "--compressed", base + "/text"), plain)
            size = curl(*options, "--compressed", "-o", os.devnull, "-w", "%{size_download}",
                        base + "/text")
            self.assertLess(int(size), len(plain) / 4)

    def test_uploads_arrive_whole(self):
        with tempfile.NamedTemporaryFile() as upload:
            upload.write(os.urandom(3_000_000))
            upload.flush()
            for options, base in self.each_way():
                for more in ([], ["-H", "Transfer-Encoding: chunked"]):
                    if more and "--http1.1" not in options:
                        continue
                    self.assertEqual(curl(*options, *more, "-X", "POST", "-T", upload.name,
                                          base + "/upload"), b"3000000\n")
                self.assertEqual(curl(*options, "-o", os.devnull, "-w", "%{http_code}",
                                      "--data-binary", "@" + upload.name, base + "/echo"), b"413")

    def test_paths_do_not_escape(self):
        for options, base in self.each_way():
            for path in ("/../etc/passwd", "/%2e%2e/etc/passwd", "/a%2f..%2f", "/a%00"):
                code = curl(*options, "--path-as-is", "-o", os.devnull, "-w", "%{http_code}",
                            base + path)
                self.assertEqual(code, b"400", path)

    def test_waiting_requests_are_woken_together(self):
        answers = []
        threads = [threading.Thread(
            target=lambda way=way: answers.append(len(curl(*way[0], way[1] + "/wait"))))
            for way in self.each_way() for _ in range(5)]
        for thread in threads:
            thread.start()
        while b"suspended 20\n" not in curl(self.server.plain + "/stats"):
            pass
        self.assertEqual(curl("-X", "POST", "-o", os.devnull, "-w", "%{http_code}",
                              self.server.plain + "/wake"), b"204")
        for thread in threads:
            thread.join()
        self.assertEqual(len(set(answers)), 1)
        self.assertEqual(len(answers), 20)

    def test_events_stream(self):
        for options, base in self.each_way():
            with subprocess.Popen(["curl", "-skN", *options, base + "/events"],
                                  stdout=subprocess.PIPE) as client:
                self.assertEqual(client.stdout.readline(), b"data: beat\n")
                client.terminate()

    def test_bytes_may_come_one_by_one(self):
        request = (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                   b"GET /text HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        whole = exchange(self.server.port, request)
        split = exchange(self.server.port, *(request[i:i + 1] for i in range(len(request))))
        self.assertEqual(len(whole), len(split))
        self.assertEqual(whole.count(b"HTTP/1.1 200 OK"), 2)

    def test_smuggled_requests_are_refused(self):
        for head in (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                     b"Content-Length: 4\r\nContent-Length: 5\r\n",
                     b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"):
            answer = exchange(self.server.port, b"POST /echo HTTP/1.1\r\nHost: a\r\n" + head +
                              b"\r\n0\r\n\r\nGET /text HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertIn(answer[:12], (b"HTTP/1.1 400", b"HTTP/1.1 501"))
            self.assertEqual(answer.count(b"HTTP/1.1 "), 1)

    def test_websockets_echo(self):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as peer:
            peer.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                         b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            stream = peer.makefile("rb")
            self.assertIn(b" 101 ", stream.readline())
            while stream.readline() != b"\r\n":
                pass
            peer.sendall(b"\x81\x82\0\0\0\0hi")
            self.assertEqual(stream.read(4), b"\x81\x02hi")
            peer.sendall(b"\x88\x82\0\0\0\0\x03\xe8")
            self.assertEqual(stream.read(), b"\x88\x02\x03\xe8")

    @unittest.skipUnless(shutil.which("h2load"), "h2load is not installed")
    def test_many_streams_at_once(self):
        report = subprocess.run(["h2load", "-n", "5000", "-c", "10", "-m", "20",
                                 self.server.tls + "/hls/a/index.m3u8"],
                                capture_output=True, text=True).stdout
        self.assertIn("5000 succeeded", report)

    def test_a_drain_lets_requests_finish(self):
        server = Server()
        client = subprocess.Popen(["curl", "-s", server.plain + "/wait"], stdout=subprocess.PIPE)
        keeper = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        while b"suspended 1\n" not in curl(server.plain + "/stats"):
            pass
        keeper.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nh")
        while b"conns_open 3\n" not in curl(server.plain + "/stats"):
            pass
        server.process.send_signal(signal.SIGTERM)
        self.assertIn(b"Service Unavailable", client.communicate()[0])
        while curl(server.plain + "/stats"):  # until it listens no more
            pass
        keeper.sendall(b"i")
        answer = keeper.makefile("rb").read()
        self.assertIn(b"Connection: close\r\n", answer)
        self.assertTrue(answer.endswith(b"\r\n\r\nhi"))
        keeper.close()
        self.assertEqual(server.process.wait(timeout=20), 0)
        server.process.stdout.close()
        shutil.rmtree(server.folder)


if __name__ == "__main__":
    unittest.main(verbosity=0)
