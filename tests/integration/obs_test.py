"""OBS Studio, the program that sellers use, goes live with what the API gave out."""
import os
import subprocess
import tempfile
import unittest

import media_check
import obs_studio
from harness import BreakingProxy, Server, Waited, wait_until

FRAME_S = 1 / obs_studio.RATE
CLOCK_S = 0.0025  # RTMP counts in milliseconds; two of them meet in a difference


@unittest.skipUnless(obs_studio.is_installed(), "OBS Studio or Xvfb is not installed")
class Obs(unittest.TestCase):
    """One OBS for all tests; each has a channel of its own, and OBS is told its key."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="stoa-test-", ignore_cleanup_errors=True)
        cls.addClassCleanup(folder.cleanup)
        cls.server = Server().start()
        cls.addClassCleanup(cls.server.close)
        display = obs_studio.Display(folder.name)
        cls.addClassCleanup(display.close)
        cls.obs = obs_studio.Studio(folder.name, display)
        cls.addClassCleanup(cls.obs.close)

    def setUp(self):
        self.channel = self.server.create_channel(self.id().rsplit(".", 1)[-1])
        self.obs.set_encoder(obs_studio.RECOMMENDED)
        self.obs.set_service(self.channel["rtmpUrl"], self.channel["streamKey"])
        self.addCleanup(self.obs.go_off)
        self.obs_log_begins = len(self.obs.log())

    def obs_log(self):
        """What OBS said in this test."""
        return self.obs.log()[self.obs_log_begins:]

    def follow(self):
        follower = media_check.Follower(self.server.ports["http"], self.channel["id"])
        follower.start()
        self.addCleanup(follower.stop)
        return follower

    def go_live(self):
        self.obs.start_streaming()
        try:
            wait_until(lambda: self.server.status(self.channel)["relayStatus"] == "active"
                       or self.obs.has_stopped(), 30, "OBS is live or gave up")
        except Waited:
            self.fail("no stream came of it; OBS says:\n" + self.obs_log())
        self.assertFalse(self.obs.has_stopped(), self.obs_log())
        return self.server.wait_moving(self.channel)

    def wait_seconds(self, follower, seconds, begun_at=0):
        """Waits for so much media, whatever the time it takes."""
        wait_until(lambda: sum(got.part.duration for got in follower.got[begun_at:]) >= seconds
                   or follower.errors, 60, f"{seconds} s of media have come")

    def finish(self, follower):
        """Stops OBS, ends the broadcast, and judges each stretch; returns (packets, path) of them."""
        self.obs.stop_streaming()
        self.obs.wait_stopped()
        self.server.wait_status(self.channel, "reconnecting")
        self.server.call("POST", f"/channels/{self.channel['id']}/end")
        self.server.wait_status(self.channel, "stopped")
        wait_until(lambda: not follower.is_alive(), 30, "the playlist has its end")
        self.assertEqual(follower.errors, [])
        judged = []
        for number, stretch in enumerate(follower.stretches()):
            path = follower.write(stretch, os.path.join(
                self.server.folder, f"{self.channel['id']}-{number}.mp4"))
            self.assertEqual(media_check.decode(path), "")
            judged.append((follower.packets(stretch), path))
        return judged

    def test_a_seller_goes_live_and_stops(self):
        follower = self.follow()
        self.go_live()
        status = wait_until(lambda: (s := self.server.status(self.channel))["width"]
                            and s["keyframeIntervalMs"] and s, 30, "the numbers are told")
        self.assertEqual([status[name] for name in ("ingest", "videoCodec", "audioCodec", "width",
                                                    "height", "isLive")],
                         ["rtmp", "h264", "aac", *obs_studio.SIZE, True])
        self.assertAlmostEqual(status["keyframeIntervalMs"], 2000, delta=50)
        self.assertRegex(self.server.get(f"/hls/{self.channel['id']}/index.m3u8").text,
                         r'CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2",RESOLUTION=640x360')
        self.wait_seconds(follower, 4.5)
        [(packets, path)] = self.finish(follower)
        keys = [packet.dts for packet in packets["video"] if packet.is_key]
        for one, other in zip(keys, keys[1:]):
            self.assertAlmostEqual(other - one, 2, delta=CLOCK_S)
        self.assertGreaterEqual(len(keys), 3)
        self.assertEqual([p for p in packets["video"] if p.pts - p.dts > CLOCK_S], [])
        self.assert_seen_and_heard(path)
        self.assertRegex(self.server.log(), rf'channel={self.channel["id"]} broadcast=\d+ '
                         'from=active to=reconnecting reason="The publisher ended the stream."')

    def assert_seen_and_heard(self, path):
        """The film is in it: neither black nor silent."""
        grey = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-sseof", "-1", "-i", path,
                               "-frames:v", "1", "-vf", "scale=1:1:flags=area", "-pix_fmt", "gray",
                               "-f", "rawvideo", "-"], capture_output=True, timeout=60, check=True)
        self.assertGreater(grey.stdout[0], 40)
        heard = subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-i", path, "-vn", "-af",
                                "volumedetect", "-f", "null", "-"], capture_output=True, text=True,
                               timeout=60, check=True).stderr
        self.assertRegex(heard, r"mean_volume: -[123]?\d\.", heard)

    def test_b_frames_are_shown_at_their_times(self):
        self.obs.set_encoder(obs_studio.WITH_B_FRAMES)
        follower = self.follow()
        self.go_live()
        self.wait_seconds(follower, 2.5)
        [(packets, _)] = self.finish(follower)
        video = packets["video"]
        self.assertTrue([p for p in video if p.pts - p.dts > CLOCK_S], "there are B-frames")
        self.assertEqual([p for p in video if p.pts < p.dts], [])
        shown = sorted(packet.pts for packet in video)
        for one, other in zip(shown, shown[1:]):
            frames = round((other - one) / FRAME_S)
            self.assertGreaterEqual(frames, 1, "two pictures at a time")
            self.assertAlmostEqual(other - one, frames * FRAME_S, delta=CLOCK_S)

    def test_it_goes_on_in_the_same_playlist_when_the_line_breaks(self):
        proxy = BreakingProxy(self.server.ports["rtmp"])
        self.addCleanup(proxy.close)
        self.obs.set_service(f"rtmp://127.0.0.1:{proxy.port}/live", self.channel["streamKey"])
        follower = self.follow()
        self.go_live()
        self.wait_seconds(follower, 2)
        proxy.cut()
        self.server.wait_status(self.channel, "reconnecting")
        self.assertFalse(self.server.playlist(self.channel).has_endlist)
        self.server.wait_status(self.channel, "active", 40)
        wait_until(lambda: len(follower.stretches()) == 2, 30, "there is a discontinuity")
        self.wait_seconds(follower, 1, begun_at=len(follower.stretches()[0]))
        self.assertEqual(len(self.finish(follower)), 2)

    def test_a_wrong_key_is_refused_and_the_right_one_taken_after_it(self):
        self.obs.set_service(self.channel["rtmpUrl"], "0123456789abcdef0123456789abcdef")
        self.obs.start_streaming()
        self.obs.wait_stopped()
        wait_until(lambda: "(This stream key is not known. Copy it again from the studio.)"
                   in self.obs_log(), 10, "our sentence is in OBS's log")
        self.assertFalse(self.obs.is_reconnecting())
        self.obs.set_service(self.channel["rtmpUrl"], self.channel["streamKey"])
        self.go_live()

    def test_a_second_encoder_is_refused(self):
        self.addCleanup(self.server.publish(self.channel).kill)
        self.server.wait_status(self.channel, "active")
        self.obs.start_streaming()
        self.obs.wait_stopped()
        wait_until(lambda: "(This channel is already live from RTMP. End that broadcast first.)"
                   in self.obs_log(), 10, "our sentence is in OBS's log")
        self.assertEqual(self.server.wait_moving(self.channel).discontinuities, 0)

    def test_it_does_not_undo_an_end_in_the_studio(self):
        self.go_live()
        self.server.call("POST", f"/channels/{self.channel['id']}/end")
        self.server.wait_status(self.channel, "stopped")
        wait_until(lambda: self.obs_log().count("(This broadcast was just ended.") >= 2, 40,
                   "OBS tries again and again")
        self.assertFalse(self.obs.has_stopped(), "refused or not, OBS goes on trying")
        self.assertEqual(self.server.status(self.channel)["relayStatus"], "stopped")


if __name__ == "__main__":
    unittest.main()
