"""The program's face: starting, stopping, probes, metrics, commands, and bad settings."""
import json
import os
import re
import signal
import socket
import unittest

from harness import BUILD, REPORT, ROOT, Server, also_tsan, wait_until

# Prometheus text format 0.0.4: a sample is a name, perhaps labels, and a number.
SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*",?)*\})?'
                    r' (-?[0-9.]+(?:e[+-]?\d+)?|[+-]Inf|NaN)$')


class Probes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def test_healthz_says_that_the_program_lives(self):
        self.assertEqual(self.server.get("/healthz").status, 200)

    def test_readyz_says_that_loops_and_database_answer(self):
        self.assertEqual(self.server.get("/readyz").status, 200)

    def test_metrics_are_prometheus_text(self):
        answer = self.server.get("/metrics")
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain"), answer.headers)
        self.assertTrue(answer.text.endswith("\n"))
        typed, seen = {}, set()
        for line in answer.text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertNotIn(name, typed, "a type is given once")
                self.assertIn(kind, ("counter", "gauge", "histogram", "summary", "untyped"))
                typed[name] = kind
            elif not line.startswith("#") and line:
                match = SAMPLE.match(line)
                self.assertTrue(match, line)
                self.assertNotIn((match[1], match[2]), seen, "a sample is given once")
                seen.add((match[1], match[2]))
                base = re.sub(r"_(bucket|sum|count)$", "", match[1])
                self.assertTrue(match[1] in typed or base in typed, f"{line} has no type")
        self.assertTrue(any(name.startswith("stoa_") for name, _ in seen))

    def test_the_pages_are_served(self):
        for path in ("/", "/watch/1", "/studio/1", "/sign-in", "/channels", "/account", "/account/keys",
                     "/admin", "/admin/webhooks/0190a5c2-7d3e-7000-8000-000000000001"):
            answer = self.server.get(path)
            self.assertEqual(answer.status, 200, path)
            self.assertIn("<!doctype html>", answer.text.lower())
            self.assertIn("frame-ancestors 'none'", answer.headers["Content-Security-Policy"])

    def test_an_unknown_path_is_404(self):
        for path in ("/nothing/here", "/sign-in/x", "/channels/1", "/administration"):
            self.assertEqual(self.server.get(path).status, 404, path)

    def test_an_upload_is_timed_up_to_its_limit(self):
        for size in (0, 64 * 1024, 2 * 1024 * 1024):
            answer = self.server.request("POST", "/api/v1/upload-test", body=bytes(size))
            self.assertEqual((answer.status, answer.body), (204, b""), size)
        answer = self.server.request("POST", "/api/v1/upload-test", body=bytes(2 * 1024 * 1024 + 1))
        self.assertEqual(answer.status, 413)

    def test_the_admin_key_is_in_no_line_of_the_log(self):
        self.server.call("GET", "/channels")
        self.assertNotIn(self.server.settings["admin.key"], self.server.log())


class Life(unittest.TestCase):
    @also_tsan
    def test_starts_and_stops(self):
        server = Server()
        with server:
            self.assertEqual(server.get("/healthz").status, 200)
        self.assertFalse(server.process.is_running())

    def test_stops_on_sigint_too(self):
        server = Server().start()
        self.addCleanup(server.remove)
        server.process.send(signal.SIGINT)
        self.assertEqual(server.process.wait(40), 0)

    def test_a_second_signal_while_stopping_does_no_harm(self):
        server = Server().start()
        self.addCleanup(server.remove)
        server.process.send(signal.SIGTERM)
        server.process.send(signal.SIGTERM)
        self.assertEqual(server.process.wait(40), 0)

    def test_keeps_its_channels_over_a_restart(self):
        with Server() as server:
            channel = server.create_channel("Kept")
            server.stop()
            server.start()
            answer = server.call("GET", f"/channels/{channel['id']}")
            self.assertEqual(answer.json()["title"], "Kept")
            self.assertEqual(answer.json()["publish"]["streamKey"], channel["streamKey"])

    def test_makes_a_demo_channel_and_an_admin_key_at_first_start(self):
        with Server(settings={"admin.key": ""}, demo=True) as server:
            shown = server.log()
            key = re.search(r"\b[0-9A-Za-z_-]{24,}\b", shown)
            self.assertTrue(key, "a key is printed:\n" + shown)
            self.assertIn(f":{server.ports['http']}/watch/1", shown)
            self.assertIn(f":{server.ports['http']}/studio/1", shown)
            channels = server.call("GET", "/channels", key=None).json()
            self.assertIn("1", str(channels))

    def test_the_database_is_for_its_owner_only(self):
        with Server() as server:
            path = os.path.join(server.settings["data.dir"], "stoa.db")
            self.assertEqual(os.stat(path).st_mode & 0o077, 0)


class Commands(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.remove)

    def test_version_and_help(self):
        self.assertRegex(self.server.run("version").stdout, r"^stoa \d+\.\d+\.\d+\n$")
        self.assertIn("usage: stoa", self.server.run("--help").stdout)

    def test_an_unknown_command_is_told(self):
        done = self.server.run("sevre")
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is no command \"sevre\"", done.stderr)

    def test_print_config_shows_all_settings_and_no_secret(self):
        done = self.server.run("--print-config")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("[http]", done.stdout)
        self.assertIn(f"listen = {self.server.settings['http.listen']}", done.stdout)
        self.assertNotIn(self.server.settings["admin.key"], done.stdout)

    def test_what_print_config_prints_can_be_read_again(self):
        printed = self.server.run("--print-config").stdout
        path = os.path.join(self.server.folder, "again.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(printed)
        again = Server(folder=self.server.folder)
        again.settings = {}
        done = again.run("--print-config", "--config", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, printed)
        os.remove(path)

    def test_the_manual_lists_every_setting_as_the_program_does(self):
        self.server.settings = {}
        printed = self.server.run("--print-config")
        self.assertEqual(printed.returncode, 0, printed.stderr)
        told = [(f"{section}.{name}", default, help)
                for section, lines in re.findall(r"^\[(\w+)\]\n((?:[^\[\n].*\n)+)", printed.stdout, re.M)
                for help, name, default in re.findall(r"^; (.*)\n;?(\w+) = (.*)$", lines, re.M)]
        with open(os.path.join(ROOT, "docs", "operations.md"), encoding="utf-8") as file:
            written = re.findall(r"^\| `(\w+\.\w+)` \| (?:`(.*?)`)? ?\| (.*) \|$", file.read(), re.M)
        self.assertGreater(len(told), 40)
        self.maxDiff = None
        self.assertEqual(written, told)

    def test_a_bad_setting_is_told_with_its_name_and_what_is_good(self):
        self.server.settings["hls.part_ms"] = "fast"
        self.server.settings["http.listen"] = "nowhere"
        done = self.server.run("serve")
        self.assertEqual(done.returncode, 2)
        self.assertIn("STOA_HLS_PART_MS", done.stderr)
        self.assertIn("STOA_HTTP_LISTEN", done.stderr, "all errors are told at once")
        self.assertIn("50 to 2000", done.stderr)

    def test_check_finds_nothing_wrong_here(self):
        done = self.server.run("check")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("FAIL", done.stdout)
        self.assertIn("stoa-worker runs", done.stdout)

    def test_check_finds_a_busy_port(self):
        with socket.create_server(("127.0.0.1", self.server.ports["rtmp"])):
            done = self.server.run("check")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stdout, rf"FAIL +rtmp.listen .*{self.server.ports['rtmp']} is in use")

    def test_check_finds_a_missing_worker(self):
        self.server.settings["worker.path"] = os.path.join(BUILD, "no-such-worker")
        done = self.server.run("check")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"FAIL +worker ")

    def test_check_finds_an_address_that_is_not_ours(self):
        self.server.settings["rtc.public_ip"] = "192.0.2.7"
        done = self.server.run("check")
        self.assertRegex(done.stdout, r"warn +rtc.public_ip ")

    def test_a_busy_port_ends_serve_with_a_sentence(self):
        for name in ("http", "rtmp", "rtc"):
            with self.subTest(port=name), \
                    socket.create_server(("127.0.0.1", self.server.ports[name])):
                done = self.server.run("serve")
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"TCP port {self.server.ports[name]} ({name}.listen) is in use",
                              done.stderr)
                self.assertFalse(REPORT.search(done.stderr), done.stderr)

    def test_a_busy_udp_port_ends_serve_with_a_sentence(self):
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", self.server.ports["rtc"]))
            done = self.server.run("serve")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"UDP port {self.server.ports['rtc']} (rtc.listen) is in use", done.stderr)

    def test_a_data_folder_that_cannot_be_made_ends_serve_with_a_sentence(self):
        self.server.settings["data.dir"] = "/proc/nowhere"
        done = self.server.run("serve")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/proc/nowhere", done.stderr)
        self.assertFalse(REPORT.search(done.stderr), done.stderr)


class Logs(unittest.TestCase):
    def test_json_lines_are_json(self):
        with Server(settings={"log.format": "json"}) as server:
            wait_until(lambda: "server_started" in server.log(), 5, "the start is logged")
            lines = [line for line in server.log().splitlines() if line.startswith("{")]
            self.assertTrue(lines)
            for line in lines:
                self.assertIsInstance(json.loads(line), dict)


if __name__ == "__main__":
    unittest.main()
