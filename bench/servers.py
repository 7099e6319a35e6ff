"""The processes that bench.py starts and measures: Stoa, nginx, publishers, a browser."""

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")
ADMIN_KEY = "bench-admin-key-0123456789abcdef"
WINDOW_S = 12


def stat_fields(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rsplit(")", 1)[1].split()


def cpu_s(pids):
    """User and system time of these processes, without children."""
    return sum((int(f[11]) + int(f[12])) / TICKS for f in map(stat_fields, pids))


def rss_bytes(pids):
    return sum(int(stat_fields(pid)[21]) * PAGE for pid in pids)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def free_port():
    """A number that is free for TCP and for UDP: WebRTC listens on both."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise RuntimeError(f"{what}: not within {seconds} s")


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def http_get(url, timeout=5):
    """Status and body; status 0 when there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


class Process:
    """A child that is ended by its own id, whatever happens."""

    def __init__(self, args, log, env=None):
        self.log = open(log, "ab")
        self.child = subprocess.Popen(
            args, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=env
        )
        self.pid = self.child.pid

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Nginx(Process):
    """One worker, sendfile; with TLS and HTTP/2 and with RTMP when asked."""

    def __init__(self, folder, root, rtmp=False, tls=None):
        self.root = root
        self.port = free_port()
        self.tls_port = free_port() if tls else 0
        self.rtmp_port = free_port() if rtmp else 0
        os.makedirs(folder, exist_ok=True)
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(self.config(folder, root, tls))
        super().__init__(
            ["nginx", "-p", folder, "-e", f"{folder}/error.log", "-c", config], f"{folder}/out.log"
        )
        wait_until(lambda: accepts(self.port), 10, "nginx")
        wait_until(lambda: len(children(self.pid)) > 0, 10, "nginx worker")
        self.pids = children(self.pid)[:1]

    def config(self, folder, root, tls):
        secure = (
            f"""
            server {{ listen 127.0.0.1:{self.tls_port} ssl http2; root {root};
                ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]};
                http2_max_requests 1000000000; }}"""
            if tls
            else ""
        )
        rtmp = (
            f"""
            rtmp {{ server {{ listen 127.0.0.1:{self.rtmp_port}; chunk_size 4096;
                application live {{ live on; hls on; hls_path {root}/hls; hls_fragment 2s;
                    hls_playlist_length {WINDOW_S}s; }}
                application relay {{ live on; }} }} }}"""
            if self.rtmp_port
            else ""
        )
        modules = "/usr/lib/nginx/modules"
        load = f"load_module {modules}/ngx_rtmp_module.so;" if rtmp else ""
        return f"""
            {load}
            daemon off; worker_processes 1; pid {folder}/nginx.pid; user root;
            worker_rlimit_nofile 30000;
            events {{ worker_connections 15000; }}
            {rtmp}
            http {{
                access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
                keepalive_timeout 300; keepalive_requests 1000000000;
                open_file_cache max=1000 inactive=60s; open_file_cache_valid 1s;
                client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
                scgi_temp_path {folder}/scgi;
                types {{ application/vnd.apple.mpegurl m3u8; video/mp4 m4s mp4; video/mp2t ts; }}
                server {{ listen 127.0.0.1:{self.port} backlog=8192; root {root}; }}
                {secure}
            }}"""


class Bare(Process):
    """bare_server.c: what the kernel alone takes for the same answers."""

    def __init__(self, bench, folder, *names):
        self.port = free_port()
        os.makedirs(folder, exist_ok=True)
        super().__init__(
            [bench.tool("bare_server"), str(self.port),
             *(os.path.join(folder, name) for name in names)],
            f"{folder}/bare.log",
        )  # fmt: skip
        wait_until(lambda: accepts(self.port), 10, "bare_server")
        self.pids = [self.pid]


class Stoa(Process):
    """`loops`: delivery loops; 1 where the yardstick is one worker of nginx. `more`: settings by
    the names of the environment, without STOA_."""

    def __init__(self, bench, folder, tls=None, loops=0, **more):
        self.port, self.rtmp_port = free_port(), free_port()
        self.tls_port = free_port() if tls else 0
        os.makedirs(folder, exist_ok=True)
        env = dict(
            os.environ,
            STOA_HTTP_LISTEN=f"127.0.0.1:{self.port}",
            STOA_RTMP_LISTEN=f"127.0.0.1:{self.rtmp_port}",
            STOA_RTC_LISTEN=f"127.0.0.1:{free_port()}",
            STOA_DATA_DIR=f"{folder}/data",
            STOA_ADMIN_KEY=ADMIN_KEY,
            STOA_SERVER_THREADS=str(loops),
            **{f"STOA_{name.upper()}": str(value) for name, value in more.items()},
        )
        if tls:
            env |= {
                "STOA_HTTPS_LISTEN": f"127.0.0.1:{self.tls_port}",
                "STOA_TLS_CERT": tls[0],
                "STOA_TLS_KEY": tls[1],
            }
        self.log_path = f"{folder}/stoa.log"
        super().__init__([os.path.join(bench.build, "stoa"), "serve"], self.log_path, env)
        self.pids = [self.pid]
        try:
            wait_until(lambda: http_get(self.url("/readyz"))[0] == 200, 15, "stoa /readyz")
        except RuntimeError:
            self.stop()
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                sys.stderr.write(file.read()[-2000:])
            raise

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def create_channels(self, count):
        return [self.create_channel(f"bench {i}") for i in range(count)]

    def create(self, path, value):
        request = urllib.request.Request(
            self.url("/api/v1" + path),
            json.dumps(value).encode(),
            {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def create_channel(self, title):
        return self.create("/channels", {"title": title})

    def create_account(self, email, password):
        account = {"email": email, "displayName": "bench", "role": "buyer", "password": password}
        return self.create("/accounts", account)

    def hls(self, channel, name="index.m3u8"):
        return self.url(f"/hls/{channel['id']}/{name}")


class Encoders(Process):
    """A crowd of publishers in one process, which tells each that publishes in a line of JSON."""

    def __init__(self, bench, tool, *args):
        self.out_path = tempfile.mktemp(prefix="publishers", dir=bench.folder)
        super().__init__([bench.tool(tool), *map(str, args)], self.out_path)

    def lines(self):
        with open(self.out_path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.startswith("{")]

    def wait_publishing(self, count):
        wait_until(lambda: len(self.lines()) >= count, 30, f"{count} publishers")
        refused = [line for line in self.lines() if not line.get("publishing", True)]
        if refused:
            raise RuntimeError(f"refused: {refused[:2]}")


class Publishers(Encoders):
    """By RTMP."""

    def __init__(self, bench, port, keys, seconds, spread_ms=2000, media=None):
        super().__init__(
            bench, "rtmp_publishers",
            "--file", media or bench.media,
            "--address", f"127.0.0.1:{port}",
            "--seconds", seconds,
            "--spread-ms", spread_ms,
            *keys,
        )  # fmt: skip


class WhipPublishers(Encoders):
    """By WHIP, with sound in Opus."""

    def __init__(self, bench, port, channels, seconds, spread_ms=2000):
        super().__init__(
            bench, "whip_publishers",
            "--file", bench.media,
            "--opus", bench.opus,
            "--address", f"127.0.0.1:{port}",
            "--seconds", seconds,
            "--spread-ms", spread_ms,
            *(f"{channel['id']}:{channel['streamKey']}" for channel in channels),
        )  # fmt: skip


class OpusToAac(Process):
    """ffmpeg turning the same sound in real time: what the conversion alone costs."""

    def __init__(self, bench):
        super().__init__(
            f"ffmpeg -v error -nostdin -re -stream_loop -1 -i {bench.opus} -c:a aac -b:a 128k"
            f" -f null -".split(),
            f"{bench.folder}/ffmpeg.log",
        )
        self.pids = [self.pid]


class Window:
    """CPU of some processes between two moments."""

    def __init__(self, pids):
        self.pids, self.from_s, self.cpu_from = pids, time.monotonic(), cpu_s(pids)

    def percent(self):
        return 100 * self.cpu_used() / (time.monotonic() - self.from_s)

    def cpu_used(self):
        return cpu_s(self.pids) - self.cpu_from


class SignIns:
    """Persons who sign in again and again, `count` at any time, five to an account and an address:
    the server takes more from none."""

    TOGETHER = 5
    PASSWORD = "a bench of oak, not of pine"

    def __init__(self, stoa, count):
        self.stoa = stoa
        self.done, self.refused = 0, {}
        self.is_over = False
        self.lock = threading.Lock()
        groups = -(-count // self.TOGETHER)
        for group in range(groups):
            stoa.create_account(f"bench{group}@example.com", self.PASSWORD)
        self.threads = [
            threading.Thread(target=self.sign_in, args=(i // self.TOGETHER,)) for i in range(count)
        ]

    def sign_in(self, group):
        body = json.dumps({"email": f"bench{group}@example.com", "password": self.PASSWORD})
        headers = {"Content-Type": "application/json"}
        address = (f"127.0.1.{group + 1}", 0)
        while not self.is_over:
            connection = http.client.HTTPConnection(
                "127.0.0.1", self.stoa.port, timeout=60, source_address=address
            )
            with contextlib.closing(connection):
                connection.request("POST", "/api/v1/auth/sign-in", body, headers)
                status = connection.getresponse().status
            with self.lock:
                self.done += status == 200
                if status != 200:
                    self.refused[status] = self.refused.get(status, 0) + 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join()


class Busy:
    """Processes that only compute: what a busy machine does to anybody's delays."""

    def __init__(self, count):
        self.children = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)
        ]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
            child.wait()


class Browser(Process):
    """Chromium, driven by browser.mjs; its lines as they come."""

    def __init__(self, bench, stoa, channel, seconds, *more):
        self.out_path = tempfile.mktemp(prefix="browser", dir=bench.folder)
        super().__init__(
            ["node", os.path.join(HERE, "browser.mjs"), "--base", stoa.url(""),
             "--playlist", f"/hls/{channel['id']}/index.m3u8",
             "--media-playlist", f"/hls/{channel['id']}/live.m3u8",
             "--watch", f"/watch/{channel['id']}",
             "--seconds", str(seconds), *bench.browser_options, *more],
            self.out_path,
        )  # fmt: skip

    def wait_for(self, name, seconds=60):
        """The value of the first line that has it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with open(self.out_path, encoding="utf-8") as file:
                lines = [json.loads(line) for line in file if line.endswith("}\n")]
            for line in lines:
                if name in line:
                    return line[name]
                if "failed" in line:
                    raise RuntimeError(f"browser: {line['failed']}")
            if self.child.poll() is not None:
                with open(self.out_path, encoding="utf-8") as file:
                    raise RuntimeError(f"browser ended: {file.read()[-300:]}")
            time.sleep(0.01)
        raise RuntimeError(f"browser: no {name} within {seconds} s")
