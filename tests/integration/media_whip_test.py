"""Chromium publishes by WHIP over lines good and bad; what players get is seen through HLS.

Each scenario has a browser and a channel of its own. The pages come from another origin than the
server, as those of a shop do, so each request is also one of CORS.
"""
import concurrent.futures
import contextlib
import dataclasses
import http.server
import itertools
import json
import os
import queue
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness
import media_check

NODE_FOLDER = os.path.join(harness.ROOT, "tests", "browser")
SCRIPT = os.path.join(harness.ROOT, "tests", "integration", "whip_publisher.mjs")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


class Shop(http.server.BaseHTTPRequestHandler):
    """An empty page of another site."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>shop</title>")

    def log_message(self, *arguments):
        pass


class Browser:
    """A Chromium with one page that publishes."""

    def __init__(self, origin, log_path, flags=()):
        self.log = open(log_path, "wb")
        self.node = subprocess.Popen(
            ["node", SCRIPT, json.dumps({"origin": origin, "flags": list(flags)})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.log_path = log_path
        self.ids = itertools.count(1)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        self.pid = self.next_line(60)["pid"]

    def read(self):
        for line in self.node.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def next_line(self, timeout_s):
        line = self.lines.get(timeout=timeout_s)
        if line is None:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                raise AssertionError("the browser ended: " + file.read()[-2000:])
        return line

    def do(self, command, **values):
        number = next(self.ids)
        self.node.stdin.write(json.dumps({"id": number, "command": command, **values}) + "\n")
        self.node.stdin.flush()
        answer = self.next_line(30)
        if "error" in answer:
            raise AssertionError(f"{command}: {answer['error']}")
        return answer["result"]

    def kill(self):
        """As when the power fails: no word to anybody."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def close(self):
        with contextlib.suppress(OSError):
            self.node.stdin.close()
        try:
            self.node.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            self.node.kill()
            self.node.wait()
        self.log.close()


class UdpProxy(threading.Thread):
    """A line between one publisher and the server, with the faults that `fault(rng)` gives: how
    often and how late a datagram arrives, as a list of delays in seconds; [] is a loss."""

    def __init__(self, port, fault=lambda rng: [0.0]):
        super().__init__(daemon=True)
        self.target = ("127.0.0.1", port)
        self.fault = fault
        self.front = socket.socket(type=socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.front.settimeout(0.002)
        self.port = self.front.getsockname()[1]
        self.backs = {}
        self.rng = random.Random(1)
        self.waiting = []
        self.lock = threading.Lock()
        self.is_closed = False
        self.start()

    def run(self):
        while not self.is_closed:
            try:
                data, peer = self.front.recvfrom(4096)
                self.pass_on(self.back_of(peer), data, self.target)
            except TimeoutError:
                pass
            except OSError:
                return  # closed
            self.flush()

    def back_of(self, peer):
        if peer not in self.backs:
            back = socket.socket(type=socket.SOCK_DGRAM)
            back.bind(("127.0.0.1", 0))
            self.backs[peer] = back
            threading.Thread(target=self.answer, args=(back, peer), daemon=True).start()
        return self.backs[peer]

    def answer(self, back, peer):
        with contextlib.suppress(OSError):
            while not self.is_closed:
                data, _ = back.recvfrom(4096)
                self.pass_on(self.front, data, peer)

    def pass_on(self, sock, data, target):
        now = time.monotonic()
        for delay in self.fault(self.rng):
            if delay <= 0:
                with contextlib.suppress(OSError):
                    sock.sendto(data, target)
            else:
                with self.lock:
                    self.waiting.append((now + delay, sock, data, target))

    def flush(self):
        now = time.monotonic()
        with self.lock:
            due = [entry for entry in self.waiting if entry[0] <= now]
            self.waiting = [entry for entry in self.waiting if entry[0] > now]
        for _, sock, data, target in sorted(due, key=lambda entry: entry[0]):
            with contextlib.suppress(OSError):
                sock.sendto(data, target)

    def close(self):
        self.is_closed = True
        for sock in [self.front, *self.backs.values()]:
            sock.close()


# ---- faults ----

def loses_a_fifth(rng):
    return [] if rng.random() < 0.2 else [0.0]


def disorders(rng):
    """Ten percent come late, five percent twice, three percent never."""
    luck = rng.random()
    if luck < 0.03:
        return []
    if luck < 0.13:
        return [rng.uniform(0.002, 0.03)]
    return [0.0, rng.uniform(0.001, 0.02)] if luck < 0.18 else [0.0]


# ---- scenarios ----

@dataclasses.dataclass
class Result:
    follower: media_check.Follower
    channel: dict
    extra: dict = dataclasses.field(default_factory=dict)
    stretches: list = None
    files: list = None
    complaints: list = None
    states: list = None


class World:
    def __init__(self):
        self.server = harness.Server(settings={"live.reconnect_s": 12})
        self.shop = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
        threading.Thread(target=self.shop.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self.shop.server_port}/"
        self.count = itertools.count()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.ports['http']}{path}"

    @contextlib.contextmanager
    def browser(self, *flags):
        browser = Browser(self.origin, os.path.join(
            self.server.folder, f"browser-{next(self.count)}.log"), flags)
        try:
            yield browser
        finally:
            browser.close()

    def channel(self, title):
        channel = self.server.create_channel(title)
        follower = media_check.Follower(self.server.ports["http"], channel["id"])
        follower.start()
        return Result(follower, channel)

    def publish(self, browser, result, **options):
        answer = browser.do("publish", url=self.url(f"/whip/{result.channel['id']}"),
                            key=result.channel["streamKey"], **options)
        if answer["status"] != 201:
            raise AssertionError(f"POST: {answer['status']} {answer['answer']}")
        result.extra["answer"] = answer
        return answer

    def wait_parts(self, result, count, timeout_s=30):
        """So many parts more."""
        before = len(result.follower.got)
        harness.wait_until(lambda: len(result.follower.got) >= before + count or
                           not result.follower.is_alive(), timeout_s,
                           f"{count} parts more (there are {len(result.follower.got)})")

    def finish(self, result):
        self.server.call("POST", f"/channels/{result.channel['id']}/end")
        result.follower.stop()
        stretches = result.follower.stretches()
        result.stretches = [result.follower.packets(stretch) for stretch in stretches]
        result.files = [result.follower.write(stretch, os.path.join(
            self.server.folder, f"whip-{result.channel['id']}-{number}.mp4"))
            for number, stretch in enumerate(stretches)]
        result.complaints = [media_check.decode(path) for path in result.files]
        return result


def simple(parts=30, flags=(), **options):
    def run(world):
        result = world.channel("simple")
        with world.browser(*flags) as browser:
            begun = time.time()
            world.publish(browser, result, **options)
            harness.wait_until(lambda: result.follower.first_at, 20, "there is a first part")
            result.extra["first_s"] = result.follower.first_at - begun
            world.wait_parts(result, parts)
            result.extra["stats"] = browser.do("stats")
            result.extra["status"] = world.server.status(result.channel)
            result.extra["multivariant"] = world.server.get(
                f"/hls/{result.channel['id']}/index.m3u8").text
            return world.finish(result)
    return run


def over_proxy(fault, parts=60):
    def run(world):
        result = world.channel("bad line")
        proxy = UdpProxy(world.server.ports["rtc"])
        try:
            with world.browser() as browser:
                world.publish(browser, result, candidates={"port": proxy.port})
                world.wait_parts(result, 10)
                proxy.fault = fault
                losses = []
                for _ in range(parts // 5):
                    world.wait_parts(result, 5)
                    losses.append(world.server.status(result.channel)["packetLoss"])
                result.extra["losses"] = losses
                result.extra["bad"] = browser.do("stats")
                proxy.fault = lambda rng: [0.0]
                world.wait_parts(result, 20)
                return world.finish(result)
        finally:
            proxy.close()
    return run


def pause(world):
    """The line is dead for five seconds, then it is back."""
    result = world.channel("pause")
    proxy = UdpProxy(world.server.ports["rtc"])
    try:
        with world.browser() as browser:
            world.publish(browser, result, candidates={"port": proxy.port})
            world.wait_parts(result, 15)
            proxy.fault = lambda rng: []
            time.sleep(5)
            proxy.fault = lambda rng: [0.0]
            world.wait_parts(result, 25)
            result.extra["stats"] = browser.do("stats")
            world.server.wait_status(result.channel, "active", 10)
            return world.finish(result)
    finally:
        proxy.close()


def ice_restart(world):
    result = world.channel("ICE restart")
    with world.browser() as browser:
        answer = world.publish(browser, result)
        world.wait_parts(result, 10)
        frag = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
        kind = {"Content-Type": "application/trickle-ice-sdpfrag"}
        path = answer["location"]
        result.extra["without"] = world.server.request("PATCH", path, frag, kind).status
        result.extra["wrong"] = world.server.request(
            "PATCH", path, frag, {**kind, "If-Match": '"wrong"'}).status
        result.extra["candidate"] = world.server.request(
            "PATCH", path, "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
            "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n",
            {**kind, "If-Match": answer["etag"]}).status
        result.extra["restart"] = browser.do("restartIce")
        world.wait_parts(result, 20)
        result.extra["old"] = world.server.request(
            "PATCH", path, frag, {**kind, "If-Match": answer["etag"]}).status
        result.extra["stats"] = browser.do("stats")
        return world.finish(result)


def deleted(world):
    result = world.channel("DELETE")
    with world.browser() as browser:
        answer = world.publish(browser, result)
        world.wait_parts(result, 10)
        begun = time.monotonic()
        result.extra["delete"] = browser.do("end")["status"]
        world.server.wait_status(result.channel, "reconnecting", 2)
        result.extra["seen_s"] = time.monotonic() - begun
        result.extra["again"] = world.server.request("DELETE", answer["location"]).status
        harness.wait_until(lambda: result.follower.playlist.has_end, 20, "the playlist has its end")
        world.server.wait_status(result.channel, "stopped", 5)
        result.extra["status"] = world.server.status(result.channel)
        return world.finish(result)


def killed(world):
    """The browser is killed; a new one goes on; that one is killed too and nobody comes."""
    result = world.channel("killed")
    for _ in range(2):
        with world.browser() as browser:
            harness.wait_until(lambda: try_to_publish(world, browser, result), 20,
                               "the new browser is let in")
            world.wait_parts(result, 12)
            browser.kill()
            result.extra["lost"] = world.server.wait_status(result.channel, "reconnecting", 15)
    harness.wait_until(lambda: not world.server.status(result.channel)["isActive"], 30,
                       "the channel ends")
    result.extra["status"] = world.server.status(result.channel)
    return world.finish(result)


def try_to_publish(world, browser, result):
    answer = browser.do("publish", url=world.url(f"/whip/{result.channel['id']}"),
                        key=result.channel["streamKey"])
    return answer["status"] == 201


def mute(world):
    result = world.channel("mute")
    with world.browser() as browser:
        world.publish(browser, result)
        world.wait_parts(result, 10)
        for kind in ("audio", "video"):
            browser.do("enable", kind=kind, enabled=False)
            world.wait_parts(result, 15)
            browser.do("enable", kind=kind, enabled=True)
            world.wait_parts(result, 25)  # the other configuration comes with the next key frame
        return world.finish(result)


def replaced(world):
    result = world.channel("another size")
    with world.browser() as browser:
        world.publish(browser, result, size=[640, 480])
        world.wait_parts(result, 15)
        browser.do("replace", size=[320, 240])
        harness.wait_until(lambda: world.server.status(result.channel)["width"] == 320, 20,
                           "the new size is known")
        world.wait_parts(result, 20)
        return world.finish(result)


def worker_killed(world):
    """Kills the encoder of the sound. Other channels share it, so this one runs alone."""
    result = world.channel("worker killed")
    with world.browser() as browser:
        world.publish(browser, result, source="flash")
        world.wait_parts(result, 20)
        workers = world.server.worker_pids()
        at = len(result.follower.got)
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        begun = time.monotonic()
        harness.wait_until(lambda: set(world.server.worker_pids()) - set(workers), 20,
                           "there is a new worker")
        result.extra["restart_s"] = time.monotonic() - begun
        world.wait_parts(result, 30)
        result.extra["at"] = at
        result.extra["workers"] = workers
        return world.finish(result)


def refusals(world):
    result = world.channel("refusals")
    extra = result.extra
    with world.browser() as browser:
        url = world.url(f"/whip/{result.channel['id']}")
        extra["vp8"] = browser.do("publish", url=url, key=result.channel["streamKey"],
                                  codec="video/VP8")
        extra["wrong key"] = browser.do("publish", url=url, key="wrong")
        extra["no key"] = browser.do("publish", url=url, key=None)
        world.publish(browser, result)
        world.wait_parts(result, 10)
        with world.browser() as other:
            extra["second"] = other.do("publish", url=url, key=result.channel["streamKey"])
        world.wait_parts(result, 10)
        extra["preflight"] = world.server.request(
            "OPTIONS", f"/whip/{result.channel['id']}", headers={
                "Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type"})
        extra["preflight of the session"] = world.server.request(
            "OPTIONS", extra["answer"]["location"], headers={
                "Origin": "https://shop.example", "Access-Control-Request-Method": "PATCH",
                "Access-Control-Request-Headers": "content-type,if-match"})
        return world.finish(result)


SCENARIOS = {
    "both": simple(parts=60, source="flash"),
    "audio_only": simple(video=False),
    "video_only": simple(audio=False),
    "tcp": simple(candidates={"tcp": True}),
    "dtx": simple(parts=50, source="flash", dtx=True),
    "loss": over_proxy(loses_a_fifth),
    "disorder": over_proxy(disorders),
    "pause": pause,
    "ice_restart": ice_restart,
    "deleted": deleted,
    "killed": killed,
    "mute": mute,
    "replaced": replaced,
    "refusals": refusals,
    "worker_killed": worker_killed,
}


# ---- what players see and hear ----

def flashes(path):
    """When the picture turns white, in seconds."""
    out = subprocess.run(["ffprobe", "-v", "error", "-f", "lavfi", "-i",
                          f"movie={path},signalstats", "-show_entries",
                          "frame=pts_time:frame_tags=lavfi.signalstats.YAVG", "-of", "csv=p=0"],
                         check=True, capture_output=True, text=True, timeout=60)
    rows = [tuple(map(float, line.split(",")[:2])) for line in out.stdout.splitlines() if line]
    return [now[0] for before, now in itertools.pairwise(rows) if before[1] < 128 <= now[1]]


def beeps(path, begin_s):
    """When the tone sets in. `begin_s`: the time of the first sample of sound."""
    out = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-vn", "-ac", "1", "-ar",
                          "8000", "-f", "s16le", "-"], check=True, capture_output=True, timeout=60)
    samples = memoryview(out.stdout).cast("h")
    step = 40  # 5 ms
    loud = [max(map(abs, samples[i:i + step])) > 3000 for i in range(0, len(samples) - step, step)]
    return [begin_s + i * 0.005 for i, (a, b) in enumerate(itertools.pairwise(loud), 1)
            if b and not a and not any(loud[max(0, i - 20):i])]


def sync_of(path, packets):
    """Sound minus picture of each flash that has a beep near it, in seconds."""
    # ffprobe shifts the pts by the largest negative composition offset: WHIP has none worth it.
    tones = beeps(path, packets["audio"][0].pts)
    return [min((tone - flash for tone in tones), key=abs) for flash in flashes(path) if tones]


@unittest.skipUnless(os.path.exists(CHROMIUM) and shutil.which("node"), "there is no Chromium")
class WhipMediaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run([os.path.join(harness.ROOT, "tools", "install_node_modules.sh"),
                        "tests/browser"], check=True, capture_output=True, timeout=300)
        names = os.environ.get("STOA_SCENARIOS", " ".join(SCENARIOS)).split()
        cls.world = World()
        cls.world.server.start()
        cls.pool = concurrent.futures.ThreadPoolExecutor(int(os.environ.get("STOA_JOBS", "3")))
        cls.runs = {name: cls.pool.submit(SCENARIOS[name], cls.world) for name in names
                    if name != "worker_killed"}
        if "worker_killed" in names:
            cls.runs["worker_killed"] = cls.pool.submit(cls.run_last)

    @classmethod
    def run_last(cls):
        concurrent.futures.wait([run for name, run in cls.runs.items() if name != "worker_killed"])
        return SCENARIOS["worker_killed"](cls.world)

    @classmethod
    def tearDownClass(cls):
        cls.pool.shutdown(cancel_futures=True)
        cls.world.shop.shutdown()
        cls.world.shop.server_close()
        cls.world.server.stop()

    def result(self, name):
        if name not in self.runs:
            self.skipTest("not chosen")
        return self.runs[name].result(300)

    def check(self, result, stretches=1, has_stalls=False):
        self.assertEqual(result.follower.errors, [])
        if not has_stalls:  # one for a busy machine; a wrong rule would miss each segment
            self.assertLessEqual(len(result.follower.missed_hints), 1,
                                 result.follower.missed_hints)
        self.assertEqual(result.complaints, [""] * stretches)

    def check_both(self, result):
        for stretch in result.stretches:
            self.assertGreater(len(stretch["video"]), 10)
            self.assertGreater(len(stretch["audio"]), 10)

    @harness.also_tsan
    def test_sound_and_picture_belong_together(self):
        result = self.result("both")
        self.check(result)
        self.check_both(result)
        found = sync_of(result.files[0], result.stretches[0])
        self.assertGreater(len(found), 5)
        # What a busy machine put apart at the start, the sender's reports have mended by now.
        self.assertLess(abs(sorted(found[-5:])[2]), 0.1, found)
        # Also the last, short part of a segment has the sound of its pictures, to the access unit.
        ends = sorted(result.follower.sound_at_ends())
        self.assertGreater(len(ends), 3)
        self.assertGreater(ends[len(ends) // 2], -0.015, ends)
        # The dates are those of the wall clock: a part is there about when its last frame ends.
        late = sorted(result.follower.latencies)[len(result.follower.latencies) // 2]
        self.assertTrue(-0.1 < late < 0.3, f"{late:.3f} s after the end by its date")
        self.assertEqual(result.extra["status"]["relayStatus"], "active")
        self.assertIn('CODECS="avc1.', result.extra["multivariant"])
        self.assertIn('mp4a.40.2"', result.extra["multivariant"])

    def test_sound_alone(self):
        result = self.result("audio_only")
        self.check(result)
        self.assertEqual(result.stretches[0]["video"], [])

    def test_picture_alone(self):
        result = self.result("video_only")
        self.check(result)
        self.assertEqual(result.stretches[0]["audio"], [])

    def test_tcp_where_udp_is_blocked(self):
        result = self.result("tcp")
        self.check(result)
        self.check_both(result)
        self.assertEqual(result.extra["stats"]["protocol"], "tcp")

    def test_discontinuous_opus(self):
        result = self.result("dtx")
        self.check(result)
        self.check_both(result)
        found = sync_of(result.files[0], result.stretches[0])
        self.assertGreater(len(found), 5)
        self.assertLess(abs(sorted(found)[len(found) // 2]), 0.1, found)

    def test_a_fifth_of_the_packets_is_lost(self):
        result = self.result("loss")
        self.check(result, len(result.stretches), has_stalls=True)
        self.assertGreater(result.extra["bad"]["video"]["nacks"], 10)
        self.assertGreater(max(loss or 0 for loss in result.extra["losses"]), 0.05)

    def test_packets_out_of_order_and_twice(self):
        result = self.result("disorder")
        self.check(result, has_stalls=True)
        self.check_both(result)

    def test_a_line_that_is_dead_for_five_seconds(self):
        result = self.result("pause")
        self.check(result, len(result.stretches), has_stalls=True)
        self.assertIn(result.extra["stats"]["state"], ("connected",))

    def test_ice_restart(self):
        result = self.result("ice_restart")
        self.check(result)
        self.check_both(result)
        extra = result.extra
        self.assertEqual((extra["without"], extra["wrong"], extra["candidate"]), (428, 412, 204))
        self.assertEqual(extra["restart"]["status"], 200)
        self.assertNotEqual(extra["restart"]["old"], extra["restart"]["etag"])
        self.assertEqual(extra["old"], 412)
        self.assertEqual(extra["stats"]["state"], "connected")

    def test_delete_ends_at_once(self):
        result = self.result("deleted")
        self.check(result)
        self.assertEqual(result.extra["delete"], 200)
        self.assertLess(result.extra["seen_s"], 1)
        self.assertEqual(result.extra["again"], 404)
        self.assertFalse(result.extra["status"]["isActive"])

    @harness.also_tsan
    def test_a_killed_browser_and_its_successor(self):
        result = self.result("killed")
        self.check(result, 2)
        self.check_both(result)
        self.assertEqual(result.extra["status"]["relayStatus"], "stopped")

    def test_muted_tracks(self):
        result = self.result("mute")
        # Chromium's black pictures come without colour description: another configuration.
        self.check(result, len(result.stretches))
        self.assertLessEqual(len(result.stretches), 3)
        self.check_both(result)

    def test_another_resolution(self):
        result = self.result("replaced")
        self.check(result, len(result.stretches))
        self.assertGreaterEqual(len(result.stretches), 2)
        self.check_both(result)
        # No hole in the sound unless the camera itself paused: for one, a browser would drop the
        # picture up to the next key frame.
        for old, new in itertools.pairwise(result.stretches):
            pause = new["video"][0].dts - old["video"][-1].dts
            hole = new["audio"][0].dts - old["audio"][-1].dts - 1024 / 48000
            self.assertLess(hole, 0.04 if pause < 0.1 else pause + 0.1, (pause, hole))

    @harness.also_tsan
    def test_a_killed_worker(self):
        result = self.result("worker_killed")
        self.check(result)
        self.check_both(result)
        self.assertTrue(result.extra["workers"])
        video = [packet.dts for packet in result.stretches[0]["video"]]
        self.assertLess(max(b - a for a, b in itertools.pairwise(video)), 0.3)
        tones = beeps(result.files[0], result.stretches[0]["audio"][0].pts)
        self.assertGreater(tones[-1], video[-1] - 2.5)  # the sound has come back

    def test_refusals_say_why(self):
        result = self.result("refusals")
        self.check(result)
        self.check_both(result)
        extra = result.extra
        self.assertIn(extra["vp8"]["status"], (406, 415, 422))
        self.assertIn("H.264", extra["vp8"]["answer"])
        self.assertEqual(extra["wrong key"]["status"], 401)
        self.assertEqual(extra["no key"]["status"], 401)
        self.assertEqual(extra["second"]["status"], 409)
        self.assertIn("already live", extra["second"]["answer"])

    def test_preflights(self):
        extra = self.result("refusals").extra
        for name, method, header in (("preflight", "POST", "authorization"),
                                     ("preflight of the session", "PATCH", "if-match")):
            answer = extra[name]
            self.assertIn(answer.status, (200, 204))
            self.assertIn(method, answer.headers["Access-Control-Allow-Methods"])
            self.assertIn(header, answer.headers["Access-Control-Allow-Headers"].lower())
            self.assertIn(answer.headers["Access-Control-Allow-Origin"],
                          ("*", "https://shop.example"))


if __name__ == "__main__":
    unittest.main()
