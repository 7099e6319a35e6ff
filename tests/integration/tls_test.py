"""HTTPS, HTTP/2, RTMPS, and certificates that are renewed while the server runs."""
import os
import re
import signal
import socket
import ssl
import subprocess
import unittest

from harness import (Server, also_tsan, make_certificate, served_certificate, wait_until)


class WithTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cert, key = make_certificate(cls.server.folder)
        cls.server.settings.update({
            "tls.cert": cert, "tls.key": key,
            "https.listen": f"127.0.0.1:{cls.server.ports['https']}",
            "rtmps.listen": f"127.0.0.1:{cls.server.ports['rtmps']}",
        })
        cls.server.start()
        cls.context = ssl.create_default_context(cafile=cert)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def curl(self, *arguments, scheme="https", path="/healthz"):
        port = self.server.ports["https" if scheme == "https" else "http"]
        done = subprocess.run(
            ["curl", "-sS", "--max-time", "20", "--cacert", self.server.settings["tls.cert"],
             "-o", "/dev/null", "-w", "%{http_version} %{http_code}", *arguments,
             f"{scheme}://127.0.0.1:{port}{path}"],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class Https(WithTls):
    @also_tsan
    def test_https_is_answered_by_http_1_and_2(self):
        self.assertEqual(self.curl("--http1.1"), "1.1 200")
        self.assertEqual(self.curl("--http2"), "2 200")

    def test_http_2_without_tls_by_prior_knowledge(self):
        self.assertEqual(self.curl("--http2-prior-knowledge", scheme="http"), "2 200")

    def test_pages_and_api_are_the_same_over_http_2(self):
        for path in ("/", "/api/v1/channels", "/metrics", "/watch/1"):
            self.assertEqual(self.curl("--http2", path=path), "2 200", path)

    @also_tsan
    def test_h2load_finds_no_failed_request(self):
        for target in (f"https://127.0.0.1:{self.server.ports['https']}/",
                       f"http://127.0.0.1:{self.server.ports['http']}/"):
            done = subprocess.run(["h2load", "-n", "2000", "-c", "10", "-m", "10", target],
                                  capture_output=True, text=True, timeout=60, check=False,
                                  stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("2000 succeeded, 0 failed, 0 errored", done.stdout)

    def test_old_tls_is_refused(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionError)), \
                socket.create_connection(("127.0.0.1", self.server.ports["https"]), 10) as plain, \
                context.wrap_socket(plain):
            pass

    def test_plain_http_on_the_tls_port_does_no_harm(self):
        self.server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", port="https")
        self.assertEqual(self.server.get("/healthz", tls=self.context).status, 200)

    def test_garbage_and_broken_handshakes_do_no_harm(self):
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(520)
        for length in range(0, len(hello), 40):
            self.server.raw(hello[:length], port="https")
            self.server.raw(hello[:length], port="rtmps")
        self.assertEqual(self.server.get("/healthz", tls=self.context).status, 200)


class Rtmps(WithTls):
    def test_ffmpeg_publishes_over_tls(self):
        channel = self.server.create_channel()
        self.server.publish(channel, port="rtmps", scheme="rtmps")
        self.server.wait_moving(channel)
        self.assertEqual(self.server.status(channel)["relayStatus"], "active")


class Renewal(WithTls):
    def test_sighup_takes_a_renewed_certificate_and_keeps_connections(self):
        ports = [self.server.ports["https"], self.server.ports["rtmps"]]
        before = [served_certificate(port) for port in ports]
        with socket.create_connection(("127.0.0.1", ports[0]), 10) as plain, \
                self.context.wrap_socket(plain, server_hostname="localhost") as old:
            make_certificate(self.server.folder)
            self.server.process.send(signal.SIGHUP)
            for port, old_certificate in zip(ports, before):
                wait_until(lambda port=port, old_certificate=old_certificate:
                           served_certificate(port) != old_certificate, 10, "a new certificate")
            old.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertRegex(old.recv(4096), rb"^HTTP/1\.1 200 ")

    def test_sighup_with_a_broken_certificate_keeps_the_old_one(self):
        port = self.server.ports["https"]
        path = self.server.settings["tls.cert"]
        with open(path, "rb") as file:
            good = file.read()
        before = served_certificate(port)
        with open(path, "w", encoding="ascii") as file:
            file.write("this is no certificate\n")
        self.server.process.send(signal.SIGHUP)
        wait_until(lambda: "certificate_not_reloaded" in self.server.log(), 10, "it is told")
        self.assertEqual(served_certificate(port), before)
        with open(path, "wb") as file:
            file.write(good)

    def test_a_certificate_that_does_not_fit_its_key_ends_the_start_with_a_sentence(self):
        server = Server()
        self.addCleanup(server.remove)
        cert, _ = make_certificate(server.folder)
        _, other_key = make_certificate(server.folder, name="other")
        server.settings.update({"tls.cert": cert, "tls.key": other_key,
                                "https.listen": f"127.0.0.1:{server.ports['https']}"})
        done = server.run("serve")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertTrue(re.search(r"key", done.stderr), done.stderr)


class LogLevel(unittest.TestCase):
    def test_sighup_takes_a_new_log_level(self):
        server = Server()
        path = os.path.join(server.folder, "stoa.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("[log]\nlevel = error\n")
        with server:
            self.assertNotIn("server_started", server.log())
            with open(path, "w", encoding="ascii") as file:
                file.write("[log]\nlevel = info\n")
            server.process.send(signal.SIGHUP)
            wait_until(lambda: "configuration_reloaded" in server.log(), 10, "it is told")


if __name__ == "__main__":
    unittest.main()
