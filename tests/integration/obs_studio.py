"""OBS Studio itself, without a screen: settings in a folder of its own, an X server that nobody
looks at, and its remote control (obs-websocket, a part of OBS) in place of a hand on the mouse.

    obs = Studio(folder, Display(folder))
    obs.set_service("rtmp://127.0.0.1:1935/live", key)
    obs.start_streaming()

It speaks to nobody but the loopback: what OBS fetches from the net by itself is sent to a proxy that
is not there. The remote control listens on all addresses, so it has a password.
"""
import base64
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import types

import push_client
from harness import Process, clip, free_port, wait_until

START_S = 90
ANSWER_S = 30
HELLO, IDENTIFY, REQUEST, ANSWER = 0, 1, 6, 7  # opcodes of obs-websocket 5
SIZE = (640, 360)
RATE = 30
# Settings of x264 for a small picture: as docs/obs.md wants them, and with what OBS comes with. OBS
# lays new ones over the old ones, so each has all of them.
RECOMMENDED = {"rate_control": "CBR", "bitrate": 600, "keyint_sec": 2, "preset": "ultrafast",
               "tune": "zerolatency", "x264opts": "bframes=0"}
WITH_B_FRAMES = {"rate_control": "CBR", "bitrate": 600, "keyint_sec": 2, "preset": "ultrafast",
                 "tune": "", "x264opts": "bframes=2 b-adapt=0"}
STOPPED = "==== Streaming Stop"  # in its log, whatever the reason


def is_installed():
    return bool(shutil.which("obs") and shutil.which("Xvfb"))


class Display:
    """An X server that chooses its own number."""

    def __init__(self, folder):
        self.process = Process(["Xvfb", "-displayfd", "1", "-screen", "0", "1280x800x24",
                                "-nolisten", "tcp"], os.path.join(folder, "xvfb.log"))
        try:
            told = wait_until(lambda: re.search(r"^(\d+)$", self.process.output(), re.MULTILINE)
                              or not self.process.is_running(), START_S, "the X server is there")
            if told is True:
                raise AssertionError("Xvfb did not start:\n" + self.process.output())
        except BaseException:
            self.process.kill()
            raise
        self.name = ":" + told.group(1)

    def close(self):
        self.process.send(signal.SIGTERM)
        self.process.wait(20)


class Studio:
    """One OBS that runs."""

    def __init__(self, folder, display):
        self.folder = folder
        self.display = display
        self.password = secrets.token_hex(16)
        self.port = free_port()
        self.control = None
        self.requests = 0
        self.stops = -1  # in its log when it was started last; -1: it never was
        self.write_settings()
        self.process = Process(["obs", "--multi", "--disable-updater",
                                "--disable-missing-files-check"],
                               os.path.join(folder, "obs.log"), env=self.environment(), cwd=folder)
        try:
            self.connect()
        except BaseException:
            self.close()
            raise

    # -- settings --

    def environment(self):
        nowhere = "http://127.0.0.1:9"
        runtime = os.path.join(self.folder, "run")
        os.makedirs(runtime, mode=0o700, exist_ok=True)
        return {"PATH": os.environ["PATH"], "HOME": self.folder, "LANG": "C.UTF-8",
                "XDG_CONFIG_HOME": os.path.join(self.folder, "config"),
                "XDG_CACHE_HOME": os.path.join(self.folder, "cache"), "XDG_RUNTIME_DIR": runtime,
                "DISPLAY": self.display.name, "QT_QPA_PLATFORM": "xcb",
                "LIBGL_ALWAYS_SOFTWARE": "1", "LP_NUM_THREADS": "1",
                "PULSE_SERVER": "unix:" + os.path.join(runtime, "no-pulse"),
                "DBUS_SESSION_BUS_ADDRESS": "unix:path=" + os.path.join(runtime, "no-bus"),
                "all_proxy": nowhere, "https_proxy": nowhere, "http_proxy": nowhere}

    def write(self, name, text):
        path = os.path.join(self.folder, "config", "obs-studio", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def write_settings(self):
        remote = {"FirstLoad": "false", "ServerEnabled": "true", "ServerPort": self.port,
                  "AlertsEnabled": "false", "AuthRequired": "true", "ServerPassword": self.password}
        self.write("global.ini", ini({
            # No wizard, nothing about what is new, no question at the end.
            "General": {"FirstRun": "true", "LastVersion": 29 << 24, "ConfirmOnExit": "false",
                        "EnableAutoUpdates": "false"},
            "Basic": {"Profile": "Test", "ProfileDir": "Test", "SceneCollection": "Test",
                      "SceneCollectionFile": "Test"},
            "BasicWindow": {"PreviewEnabled": "false"},
            "OBSWebSocket": remote}))
        # OBS 30.2 and later keep the remote control's settings here.
        self.write("plugin_config/obs-websocket/config.json", json.dumps(
            {"first_load": False, "server_enabled": True, "server_port": self.port,
             "alerts_enabled": False, "auth_required": True, "server_password": self.password}))
        width, height = SIZE
        self.write("basic/profiles/Test/basic.ini", ini({
            "General": {"Name": "Test"},
            "Output": {"Mode": "Advanced", "Reconnect": "true", "RetryDelay": 1},
            "AdvOut": {"Encoder": "obs_x264", "TrackIndex": 1, "Track1Bitrate": 96},
            "Video": {"BaseCX": width, "BaseCY": height, "OutputCX": width, "OutputCY": height,
                      "FPSType": 0, "FPSCommon": RATE},
            "Audio": {"SampleRate": 48000, "ChannelSetup": "Stereo"}}))
        self.set_encoder(RECOMMENDED)
        self.write("basic/scenes/Test.json", json.dumps(scenes()))

    # -- the remote control --

    def connect(self):
        def try_once():
            if not self.process.is_running():
                raise AssertionError("OBS ended:\n" + self.log()[-3000:])
            try:
                return push_client.WebSocket(types.SimpleNamespace(ports={"http": self.port}), "/",
                                             timeout_s=ANSWER_S)
            except OSError:
                return None
        self.control = wait_until(try_once, START_S, "OBS listens to its remote control")
        hello = json.loads(self.control.next_text())
        assert hello["op"] == HELLO, hello
        told = hello["d"]["authentication"]
        secret = digest(self.password + told["salt"])
        self.control.send({"op": IDENTIFY, "d": {
            "rpcVersion": 1, "eventSubscriptions": 0,
            "authentication": digest(secret + told["challenge"])}})
        self.control.next_text()
        wait_until(lambda: self.ask("GetVersion")[0], START_S, "OBS has loaded its scenes")

    def ask(self, request, **fields):
        """(went well, what came)"""
        self.requests += 1
        self.control.send({"op": REQUEST, "d": {"requestType": request, "requestData": fields,
                                                "requestId": str(self.requests)}})
        answer = json.loads(self.control.next_text())
        assert answer["op"] == ANSWER and answer["d"]["requestId"] == str(self.requests), answer
        told = answer["d"]
        return told["requestStatus"]["result"], told.get("responseData", told["requestStatus"])

    def tell(self, request, **fields):
        went_well, answer = self.ask(request, **fields)
        if not went_well:
            raise AssertionError(f"OBS, {request}: {answer}")
        return answer

    def set_service(self, server, key):
        """Settings > Stream > Service Custom..."""
        self.tell("SetStreamServiceSettings", streamServiceType="rtmp_custom",
                  streamServiceSettings={"server": server, "key": key, "use_auth": False})

    def set_encoder(self, settings):
        """Settings > Output; OBS reads them when it starts streaming."""
        self.write("basic/profiles/Test/streamEncoder.json", json.dumps(settings))

    def start_streaming(self):
        self.stops = self.log().count(STOPPED)
        self.tell("StartStream")

    def stop_streaming(self):
        self.tell("StopStream")

    def has_stopped(self):
        """Since the last start: it was stopped, or could not begin."""
        return self.log().count(STOPPED) > self.stops

    def wait_stopped(self):
        # Its encoders end later than it says so, and a start before that does nothing, silently.
        wait_until(lambda: self.has_stopped() and not self.status()["outputActive"], ANSWER_S,
                   "OBS has stopped streaming")

    def status(self):
        return self.tell("GetStreamStatus")

    def is_reconnecting(self):
        return self.status()["outputReconnecting"]

    def go_off(self):
        """Stops whatever it does."""
        if self.stops < 0:
            return
        if not self.has_stopped():
            self.ask("StopStream")  # refused when it could not begin
        self.wait_stopped()

    # -- its end --

    def log(self):
        return self.process.output()

    def close(self):
        if self.control:
            self.control.close()
        self.process.kill()


def digest(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def ini(sections):
    return "".join(f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in rows.items())
                   for name, rows in sections.items())


def scenes():
    """A scene with a film: a picture that moves and a sound that can be heard."""
    film = {"id": "ffmpeg_source", "versioned_id": "ffmpeg_source", "name": "Film", "enabled": True,
            "mixers": 255, "volume": 1.0, "settings": {"is_local_file": True, "local_file": clip(),
                                                       "looping": True}}
    scene = {"id": "scene", "versioned_id": "scene", "name": "Scene", "enabled": True, "settings": {
        "id_counter": 1, "items": [{"id": 1, "name": "Film", "visible": True,
                                    "scale": {"x": 2.0, "y": 2.0}}]}}
    return {"name": "Test", "current_scene": "Scene", "current_program_scene": "Scene",
            "scene_order": [{"name": "Scene"}], "sources": [film, scene]}
