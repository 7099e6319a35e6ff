"""A real server on loopback ports, and what talks to it: for the tests from outside.

    with Server() as server:
        channel = server.create_channel("Shop")
        publisher = server.publish(channel)
        wait_until(lambda: server.status(channel)["isLive"], 20, "the channel is live")

STOA_BUILD names the folder with stoa and stoa-worker (default build/asan). The server gets free
ports, a data folder of its own and no setting of the machine. At the end it is asked to stop, and
it must do so with code 0 and without a report of a sanitizer. Each process is ended by its own id.

wait_until() is the only way to wait: for something that can be seen, with a bound.
"""
import contextlib
import functools
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("STOA_BUILD", os.path.join(ROOT, "build", "asan")))
MEDIA = os.path.join(ROOT, "build", "test-media")
ADMIN_KEY = "integration-admin-key-0123456789"
START_S = 30
STOP_S = 40  # more than server.shutdown_s and the worker's five seconds
STEP_S = 0.02
REPORT = re.compile(r"(ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|"
                    r"runtime error:|Assertion .* failed)")


class Waited(AssertionError):
    """Something did not come to pass in time."""


def wait_until(predicate, timeout_s, what):
    """Polls until `predicate` gives something true, and returns that."""
    end = time.monotonic() + timeout_s
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise Waited(f"not within {timeout_s} s: {what}")
        time.sleep(STEP_S)


def also_tsan(test):
    """Marks a test that is run against the build with ThreadSanitizer too."""
    test.also_tsan = True
    return test


def free_port():
    """A port that is free for TCP and UDP right now."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def raise_file_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# ---- media ----

@functools.cache
def clip(name="clip", size="320x180", keyframe_s=1, extra=()):
    """A file of 20 s, H.264 with a key frame a second and AAC; made once and kept under build/."""
    path = os.path.join(MEDIA, name + ".mp4")
    if os.path.exists(path):
        return path
    os.makedirs(MEDIA, exist_ok=True)
    part = f"{path}.{os.getpid()}.mp4"
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi",
         "-i", f"testsrc2=size={size}:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:r=48000",
         "-t", "20", "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt",
         "yuv420p", "-g", str(30 * keyframe_s), "-sc_threshold", "0", "-b:v", "400k", "-maxrate",
         "400k", "-bufsize", "400k", "-c:a", "aac", "-b:a", "64k", "-ac", "2", *extra, part],
        check=True, timeout=120)
    os.replace(part, path)
    return path


# ---- processes ----

class Process:
    """A child with its output in a file."""

    def __init__(self, command, log_path, env=None, cwd=None):
        self.log_path = log_path
        self.log = open(log_path, "wb")
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                      stderr=subprocess.STDOUT, env=env, cwd=cwd)
        self.pid = self.child.pid

    def is_running(self):
        return self.child.poll() is None

    def output(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def send(self, number):
        self.child.send_signal(number)

    def wait(self, timeout_s):
        """The exit code. Too long: killed, and an error."""
        try:
            return self.child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Waited(f"{self.child.args[0]} did not end within {timeout_s} s:\n"
                         + self.output()[-3000:]) from None
        finally:
            self.log.close()

    def kill(self):
        if self.is_running():
            self.child.kill()
        self.child.wait()
        self.log.close()


# ---- HTTP ----

class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)


# ---- playlists ----

class Playlist:
    """A media playlist, as far as the tests look at it."""

    def __init__(self, text, path):
        # The gap that opens a list is no segment that could be fetched.
        self.has_gap = "#EXT-X-GAP\n" in text
        if self.has_gap:
            text = re.sub(r"#EXT-X-PART:[^\n]*GAP=YES\n#EXT-X-GAP\n#EXTINF:[^\n]*\n[^\n]+\n", "",
                          text)
        self.text = text
        self.path = path
        self.media_sequence = self.number("EXT-X-MEDIA-SEQUENCE") or 0
        self.media_sequence += self.has_gap
        self.discontinuity_sequence = self.number("EXT-X-DISCONTINUITY-SEQUENCE") or 0
        self.has_endlist = "\n#EXT-X-ENDLIST" in text
        self.discontinuities = len(re.findall(r"^#EXT-X-DISCONTINUITY$", text, re.MULTILINE))
        self.parts = re.findall(r'^#EXT-X-PART:.*URI="([^"]+)"', text, re.MULTILINE)
        self.maps = re.findall(r'^#EXT-X-MAP:.*URI="([^"]+)"', text, re.MULTILINE)
        self.segments = [line for line in text.splitlines() if line and not line.startswith("#")]

    def number(self, tag):
        found = re.search(rf"^#{tag}:(\d+)", self.text, re.MULTILINE)
        return int(found.group(1)) if found else None

    @property
    def newest(self):
        """(msn, parts of the segment that is being made): rises with each part."""
        tail = self.text.rsplit("#EXTINF", 1)[-1].split("\n", 2)[-1]
        return self.media_sequence + len(self.segments), len(re.findall("#EXT-X-PART:", tail))


# ---- the server ----

class Server:
    """One run of stoa. `settings` are like {"live.reconnect_s": 2}."""
    make_database = None  # a function that gives a URL: each server gets a database of its own

    def __init__(self, settings=None, folder=None, demo=False, options=()):
        self.folder = folder or tempfile.mkdtemp(prefix="stoa-test-")
        self.owns_folder = folder is None
        self.ports = {name: free_port() for name in ("http", "rtmp", "rtc", "https", "rtmps")}
        self.settings = {
            "http.listen": f"127.0.0.1:{self.ports['http']}",
            "rtmp.listen": f"127.0.0.1:{self.ports['rtmp']}",
            "rtc.listen": f"127.0.0.1:{self.ports['rtc']}",
            "rtc.public_ip": "127.0.0.1",
            "data.dir": os.path.join(self.folder, "data"),
            "admin.key": ADMIN_KEY,
            "server.threads": 2,
            **({"database.url": Server.make_database()} if Server.make_database else {}),
            **(settings or {}),
        }
        self.options = list(options) + (["--demo"] if demo else [])
        self.publishers = []
        self.process = None

    def environment(self):
        env = {name: value for name, value in os.environ.items()
               if not name.startswith("STOA_") and name != "DATABASE_URL"}
        for key, value in self.settings.items():
            env["STOA_" + key.replace(".", "_").upper()] = str(value)
        return env

    def run(self, *arguments, timeout_s=30, given=""):
        """Runs a command of the program to its end with this server's settings; `given` is its
        standard input."""
        return subprocess.run([os.path.join(BUILD, "stoa"), *arguments], cwd=self.folder,
                              env=self.environment(), input=given, capture_output=True,
                              text=True, timeout=timeout_s, check=False)

    def launch(self):
        """Starts the process, without waiting until it serves."""
        self.process = Process([os.path.join(BUILD, "stoa"), "serve", *self.options],
                               os.path.join(self.folder, "stoa.log"), env=self.environment(),
                               cwd=self.folder)

    def start(self):
        self.launch()
        try:
            wait_until(self.is_ready_or_gone, START_S, "the server is ready")
            if not self.process.is_running():
                raise AssertionError("the server ended at once:\n" + self.process.output())
        except BaseException:
            self.process.kill()
            raise
        return self

    def is_ready_or_gone(self):
        if not self.process.is_running():
            return True
        try:
            return self.get("/readyz", timeout_s=2).status == 200
        except OSError:
            return False

    def log(self):
        return self.process.output()

    def stop(self):
        """Asks it to end, and checks how it ended. The output of the run is returned."""
        for publisher in self.publishers:
            publisher.kill()
        self.publishers = []
        if self.process.is_running():
            self.process.send(signal.SIGTERM)
        code = self.process.wait(STOP_S)
        output = self.process.output()
        if code != 0 or REPORT.search(output):
            raise AssertionError(f"the server ended with code {code}:\n{excerpt(output)}")
        return output

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.stop()
            else:  # the test has failed already: show the server's side too, hide nothing
                with contextlib.suppress(AssertionError):
                    self.stop()
                error.add_note("server: " + excerpt(self.log())) if hasattr(
                    error, "add_note") else print("# server: " + excerpt(self.log()))
        finally:
            self.remove()

    def close(self):
        """stop() and remove(): for a server that a whole class of tests shares."""
        try:
            self.stop()
        finally:
            self.remove()

    def remove(self):
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def rss_bytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024

    def worker_pids(self):
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        pids = []
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with contextlib.suppress(OSError):
                with open(path.replace(f"task/{self.process.pid}", f"task/{task}"),
                          encoding="ascii") as file:
                    pids += [int(word) for word in file.read().split()]
        return pids

    # -- HTTP --

    def request(self, method, path, body=None, headers=None, timeout_s=20, tls=None):
        if tls:
            connection = http.client.HTTPSConnection("127.0.0.1", self.ports["https"], context=tls,
                                                     timeout=timeout_s)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.ports["http"],
                                                    timeout=timeout_s)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def call(self, method, path, value=None, key=ADMIN_KEY):
        """A call of the REST API."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        body = None
        if value is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(value)
        return self.request(method, "/api/v1" + path, body=body, headers=headers)

    def raw(self, data, port="http", timeout_s=10, ends=True):
        """Sends bytes as they are; what comes back until the server closes or stays silent. With
        `ends` the sending side is closed behind them, as by a client that has gone."""
        received = b""
        with contextlib.suppress(OSError), \
                socket.create_connection(("127.0.0.1", self.ports[port]), timeout_s) as peer:
            peer.sendall(data)
            if ends:
                peer.shutdown(socket.SHUT_WR)
            while chunk := peer.recv(65536):
                received += chunk
        return received

    # -- channels --

    def create_channel(self, title="Test"):
        answer = self.call("POST", "/channels", {"title": title})
        if answer.status != 201:
            raise AssertionError(f"POST /channels: {answer.status} {answer.text}")
        return answer.json()

    def status(self, channel):
        answer = self.get(f"/api/v1/channels/{channel['id']}/status")
        if answer.status != 200:
            raise AssertionError(f"status: {answer.status} {answer.text}")
        return answer.json()

    def wait_status(self, channel, relay_status, timeout_s=20):
        return wait_until(lambda: (s := self.status(channel))["relayStatus"] == relay_status and s,
                          timeout_s, f"the relay is {relay_status}")

    def publish(self, channel, key=None, path=None, port="rtmp", loop=True, scheme="rtmp"):
        """ffmpeg that pushes a file at the speed of life."""
        key = key if key is not None else channel["streamKey"]
        log = os.path.join(self.folder, f"ffmpeg-{len(self.publishers)}-{time.monotonic_ns()}.log")
        target = f"{scheme}://127.0.0.1:{self.ports[port] if isinstance(port, str) else port}/live/{key}"
        publisher = Process(["ffmpeg", "-nostdin", "-v", "info", "-nostats", "-re",
                             *(["-stream_loop", "-1"] if loop else []), "-i", path or clip(),
                             "-c", "copy", "-f", "flv", target], log)
        self.publishers.append(publisher)
        return publisher

    def playlist(self, channel, query=""):
        """The media playlist of the channel now, or None when there is none."""
        root = f"/hls/{channel['id']}/index.m3u8"
        answer = self.get(root)
        if answer.status != 200:
            return None
        playlist_path = root
        if "#EXT-X-STREAM-INF" in answer.text:
            uri = next(line for line in answer.text.splitlines()
                       if line and not line.startswith("#"))
            playlist_path = urllib.parse.urljoin(root, uri)
            answer = self.get(playlist_path + query)
            if answer.status != 200:
                return None
        return Playlist(answer.text, playlist_path)

    def wait_playlist(self, channel, predicate, timeout_s=20, what="the playlist is as expected"):
        def look():
            playlist = self.playlist(channel)
            return playlist if playlist and predicate(playlist) else None
        return wait_until(look, timeout_s, what)

    def wait_moving(self, channel, timeout_s=20):
        """The playlist gets new parts. Returns the newer one."""
        first = self.wait_playlist(channel, lambda p: p.parts or p.segments, timeout_s,
                                   "there is a playlist")
        return self.wait_playlist(channel, lambda p: p.newest > first.newest, timeout_s,
                                  "the playlist gets new parts")


def excerpt(output):
    """The report of a sanitizer, or the end of the log."""
    found = REPORT.search(output)
    start = max(0, found.start() - 200) if found else max(0, len(output) - 3000)
    return output[start:start + 6000]


# ---- certificates ----

def make_certificate(folder, name="tls", common_name="localhost"):
    """Self-signed, for 127.0.0.1. Returns (cert, key); written by rename, as certbot does."""
    paths = [os.path.join(folder, f"{name}.{kind}.pem") for kind in ("cert", "key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    f"/CN={common_name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                    "-keyout", paths[1] + ".new", "-out", paths[0] + ".new"],
                   check=True, capture_output=True, timeout=30)
    for path in paths:
        os.replace(path + ".new", path)
    return paths


def served_certificate(port):
    """The certificate (DER) that the server shows now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with context.wrap_socket(plain) as tls:
            return tls.getpeercert(binary_form=True)


# ---- lines that are slow or break ----

class BreakingProxy:
    """Passes connections on, any number of them, until cut() breaks all that are open."""

    def __init__(self, port):
        self.target = port
        self.lock = threading.Lock()
        self.open = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                with self.lock:
                    self.open += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=SplittingProxy.pump, args=pair, daemon=True).start()

    def cut(self):
        with self.lock:
            for end in self.open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self.open = []

    def close(self):
        # accept() of the other thread returns at shutdown() only
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()


class SplittingProxy:
    """Passes one TCP connection on; towards the server in pieces: the first `single_bytes` bytes
    one by one, the rest in odd sizes."""

    def __init__(self, port, single_bytes=6000):
        self.single_bytes = single_bytes
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.serve, daemon=True)]
        self.threads[0].start()

    def serve(self):
        with contextlib.suppress(OSError):
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.target))
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
            back.start()
            self.split(client, server)

    def split(self, client, server):
        sent = 0
        sizes = (1, 2, 3, 127, 128, 129, 1, 1460)
        with contextlib.suppress(OSError):
            while data := client.recv(4096):
                at = 0
                while at < len(data):
                    size = 1 if sent < self.single_bytes else sizes[sent % len(sizes)]
                    server.sendall(data[at:at + size])
                    sent += len(data[at:at + size])
                    at += size
            server.shutdown(socket.SHUT_WR)

    @staticmethod
    def pump(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self):
        self.listener.close()
