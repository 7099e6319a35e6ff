"""Recordings: asked for or of everything, played back by a real demuxer, whole after a crash."""
import os
import signal
import subprocess
import unittest

from harness import Server, also_tsan, wait_until


def probe(server, path):
    """(codecs, seconds) of what is behind a path."""
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name:format=duration",
         "-of", "default=nw=1", f"http://127.0.0.1:{server.ports['http']}{path}"],
        capture_output=True, text=True, timeout=60, check=True, stdin=subprocess.DEVNULL).stdout
    lines = dict(line.split("=") for line in shown.splitlines() if line.startswith("duration"))
    codecs = {line.split("=")[1] for line in shown.splitlines() if line.startswith("codec_name")}
    return codecs, float(lines["duration"])


def path_of(url):
    return url[url.index("/recordings/"):]


class ByRequest(unittest.TestCase):
    def setUp(self):
        self.server = Server(settings={"live.reconnect_s": 2}).start()
        self.addCleanup(self.server.close)
        self.channel = self.server.create_channel("Recorded")

    def recording(self):
        answer = self.server.call("GET", f"/channels/{self.channel['id']}/recording")
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json()

    def record(self, what):
        return self.server.call("POST", f"/channels/{self.channel['id']}/recording/{what}")

    def go_live(self):
        self.server.publish(self.channel)
        self.server.wait_status(self.channel, "active")

    @also_tsan
    def test_a_part_of_a_broadcast_is_recorded_and_played(self):
        refused = self.record("start")
        self.assertEqual((refused.status, refused.json()["code"]), (412, "precondition"))
        self.go_live()
        started = self.record("start")
        self.assertEqual(started.status, 200, started.text)
        self.assertTrue(started.json()["isRecording"])
        again = self.record("start").json()
        self.assertEqual((again["isRecording"], again["broadcastId"]),
                         (True, started.json()["broadcastId"]))
        active = self.server.call("GET", "/recordings/active").json()["recordings"]
        self.assertEqual([r["channelId"] for r in active], [self.channel["id"]])
        wait_until(lambda: self.recording()["durationSeconds"] >= 4, 30, "four seconds are written")

        self.assertEqual(self.record("stop").status, 200)
        status = wait_until(lambda: (s := self.server.status(self.channel))["recordingUrl"] and s,
                            20, "the status names the recording")
        self.assertTrue(status["isLive"], "the broadcast goes on without its recording")
        codecs, seconds = probe(self.server, path_of(status["recordingUrl"]))
        self.assertEqual(codecs, {"h264", "aac"})
        self.assertGreaterEqual(seconds, 4)
        self.assertEqual(self.server.call("GET", "/recordings/active").json()["recordings"], [])

        self.server.call("POST", f"/channels/{self.channel['id']}/end")
        self.server.wait_status(self.channel, "stopped")
        past = self.server.call("GET", f"/channels/{self.channel['id']}/broadcasts").json()
        self.assertEqual(path_of(past["broadcasts"][0]["recordingUrl"]),
                         path_of(status["recordingUrl"]))
        listed = self.server.call("GET", f"/channels/{self.channel['id']}/recordings").json()
        self.assertEqual(path_of(listed["recordings"][0]["url"]), path_of(status["recordingUrl"]))

    def test_parts_of_a_file_can_be_asked_for_and_go_with_the_channel(self):
        self.go_live()
        self.record("start")
        url = wait_until(lambda: self.recording()["url"], 30, "there is something to play")
        base = path_of(url).rsplit("/", 1)[0]
        self.server.call("POST", f"/channels/{self.channel['id']}/end")
        self.server.wait_status(self.channel, "stopped")
        playlist = self.server.get(f"{base}/index.m3u8").text
        self.assertTrue(playlist.rstrip().endswith("#EXT-X-ENDLIST"))
        whole = self.server.get(f"{base}/1.mp4")
        self.assertEqual((whole.status, whole.headers["Accept-Ranges"]), (200, "bytes"))
        part = self.server.get(f"{base}/1.mp4", headers={"Range": "bytes=4-7"})
        self.assertEqual((part.status, part.body), (206, b"ftyp"))
        self.assertEqual(part.headers["Content-Range"], f"bytes 4-7/{len(whole.body)}")
        for path in (f"{base}/2.mp4", f"{base}/../../../stoa.db", f"{base}/%2e%2e/1.mp4",
                     f"{base}/01.mp4", "/recordings/9999/1/index.m3u8"):
            self.assertIn(self.server.get(path).status, (400, 404), path)
        foreign = self.server.call("POST", f"/channels/{self.channel['id']}/recording/start",
                                   key="wrong")
        self.assertEqual(foreign.status, 401)

        self.assertEqual(self.server.call("DELETE", f"/channels/{self.channel['id']}").status, 200)
        wait_until(lambda: self.server.get(f"{base}/index.m3u8").status == 404, 20,
                   "the recording is gone")
        wait_until(lambda: not os.path.exists(os.path.join(
            self.server.folder, "data", "recordings", str(self.channel["id"]))), 20,
            "its folder is gone")


class Everything(unittest.TestCase):
    def test_a_crash_leaves_a_recording_that_plays(self):
        server = Server(settings={"record.enabled": "yes", "live.reconnect_s": 2}).start()
        try:
            channel = server.create_channel("Crashed")
            server.publish(channel)
            server.wait_status(channel, "active")
            recording = wait_until(
                lambda: (r := server.call("GET", f"/channels/{channel['id']}/recording").json())[
                    "durationSeconds"] >= 4 and r, 30, "four seconds are written")
            server.process.send(signal.SIGKILL)
            server.process.child.wait()
            for publisher in server.publishers:
                publisher.kill()
            server.start()
            status = wait_until(lambda: (s := server.status(channel))["recordingUrl"] and s, 20,
                                "the repaired recording is named")
            self.assertEqual(status["relayStatus"], "stopped")
            path = path_of(status["recordingUrl"])
            self.assertEqual(path, path_of(recording["url"]))
            self.assertIn("#EXT-X-ENDLIST", server.get(path).text)
            codecs, seconds = probe(server, path)
            self.assertEqual(codecs, {"h264", "aac"})
            self.assertGreaterEqual(seconds, 4)
            past = server.call("GET", f"/channels/{channel['id']}/broadcasts").json()["broadcasts"]
            self.assertEqual(len(past), 1)
            self.assertIsNotNone(past[0]["endedAt"])
            self.assertIn("/recordings/", past[0]["recordingUrl"])
        finally:
            server.close()


if __name__ == "__main__":
    unittest.main()
