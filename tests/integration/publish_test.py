"""RTMP in, LL-HLS out: the life of a broadcast, and publishers that vanish, hang, or may not."""
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from harness import ROOT, Process, Server, SplittingProxy, Waited, also_tsan, clip, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import rtmp_publish  # noqa: E402

FIREFOX_OFFER = os.path.join(ROOT, "tests", "fuzz", "corpus", "webrtc_sdp", "firefox.sdp")


class Shared(unittest.TestCase):
    """One server for all tests of a class; each test has a channel of its own."""
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server(settings=cls.settings).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.channel = self.server.create_channel(self.id().rsplit(".", 1)[-1])
        self.addCleanup(self.stop_publishers)

    def stop_publishers(self):
        for publisher in self.server.publishers:
            publisher.kill()
        self.server.publishers = []

    def go_live(self, **options):
        publisher = self.server.publish(self.channel, **options)
        try:
            self.server.wait_moving(self.channel)
        except Waited:
            self.fail("no stream came of it; ffmpeg says:\n" + publisher.output()[-2000:])
        return publisher


class Broadcast(Shared):
    settings = {"live.reconnect_s": 2}

    @also_tsan
    def test_what_ffmpeg_pushes_can_be_played(self):
        self.go_live()
        status = self.server.wait_status(self.channel, "active")
        self.assertTrue(status["isLive"])
        self.assertEqual(status["ingest"], "rtmp")
        status = wait_until(lambda: (s := self.server.status(self.channel))["width"] and s, 10,
                            "the picture's size is told")
        self.assertEqual((status["width"], status["height"]), (320, 180))
        playlist = self.server.wait_playlist(self.channel, lambda p: len(p.segments) >= 2, 20)
        path = os.path.join(self.server.folder, "probe")
        shown = subprocess.run(
            ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height",
             "-of", "csv=p=0", f"http://127.0.0.1:{self.server.ports['http']}{playlist.path}"],
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("h264,320,180", shown.stdout, path)
        self.assertIn("aac", shown.stdout)

    @unittest.skipUnless(shutil.which("gst-launch-1.0"), "GStreamer is not installed")
    def test_what_gstreamer_pushes_can_be_played(self):
        location = f"rtmp://127.0.0.1:{self.server.ports['rtmp']}/live/{self.channel['streamKey']}"
        self.server.publishers.append(Process(
            ["gst-launch-1.0", "-q", "flvmux", "name=mux", "streamable=true", "!", "rtmp2sink",
             f"location={location}", "filesrc", f"location={clip()}", "!", "qtdemux", "name=file",
             "file.video_0", "!", "queue", "!", "h264parse", "!", "identity", "sync=true", "!",
             "mux.", "file.audio_0", "!", "queue", "!", "aacparse", "!", "identity", "sync=true",
             "!", "mux."], os.path.join(self.server.folder, "gst.log")))
        try:
            self.server.wait_moving(self.channel)
        except Waited:
            self.fail("no stream came of it:\n" + self.server.publishers[-1].output()[-2000:])
        self.server.wait_status(self.channel, "active")
        wait_until(lambda: (status := self.server.status(self.channel))["videoCodec"] == "h264"
                   and status["audioCodec"] == "aac", 10, "the codecs are told")

    def test_each_byte_of_the_window_can_be_fetched_and_cached(self):
        self.go_live()
        playlist = self.server.wait_playlist(self.channel, lambda p: len(p.segments) >= 2, 20)
        folder = playlist.path.rsplit("/", 1)[0] + "/"
        for uri in playlist.maps + playlist.segments + playlist.parts:
            answer = self.server.get(uri if uri.startswith("/") else folder + uri)
            self.assertEqual(answer.status, 200, uri)
            self.assertIn("max-age", answer.headers["Cache-Control"], uri)
            self.assertTrue(answer.body)

    def test_ends_with_endlist_when_the_publisher_stays_away(self):
        publisher = self.go_live()
        playlist = self.server.playlist(self.channel)
        publisher.send(signal.SIGTERM)
        publisher.wait(10)
        status = self.server.wait_status(self.channel, "stopped", 15)
        self.assertFalse(status["isLive"])
        self.assertFalse(status["isActive"])
        self.assertIsNotNone(status["endedAt"])
        last = self.server.get(playlist.path)
        self.assertIn(last.status, (200, 404))
        if last.status == 200:
            self.assertIn("#EXT-X-ENDLIST", last.text)

    def test_a_playing_playlist_gets_its_endlist(self):
        publisher = self.go_live()
        path = self.server.playlist(self.channel).path
        publisher.kill()
        wait_until(lambda: "#EXT-X-ENDLIST" in self.server.get(path).text, 15,
                   "the playlist has its end")

    def test_the_admin_ends_a_broadcast(self):
        publisher = self.go_live()
        answer = self.server.call("POST", f"/channels/{self.channel['id']}/end")
        self.assertEqual(answer.status, 200, answer.text)
        self.server.wait_status(self.channel, "stopped", 15)
        publisher.wait(15)

    @also_tsan
    def test_a_killed_publisher_goes_on_in_the_same_playlist(self):
        first = self.go_live()
        before = self.server.wait_playlist(self.channel, lambda p: len(p.segments) >= 2, 20)
        first.kill()
        self.server.wait_status(self.channel, "reconnecting", 10)
        held = self.server.playlist(self.channel)
        self.assertIsNotNone(held, "the playlist stays while the publisher is away")
        self.assertFalse(held.has_endlist)
        self.server.publish(self.channel)
        after = self.server.wait_playlist(
            self.channel, lambda p: p.discontinuities + p.discontinuity_sequence >= 1
            and p.newest > held.newest, 20, "the playlist goes on behind a discontinuity")
        self.assertEqual(after.path, before.path)
        self.assertGreaterEqual(after.media_sequence, before.media_sequence)
        self.server.wait_status(self.channel, "active", 10)
        later = self.server.wait_playlist(
            self.channel, lambda p: p.media_sequence > before.media_sequence, 30,
            "the media sequence rises")
        self.assertFalse(later.has_endlist)

    def test_another_picture_size_after_the_break_gets_its_own_init_segment(self):
        small = clip("small", size="192x108")  # before the break, which it may outlast
        first = self.go_live()
        first.kill()
        self.server.wait_status(self.channel, "reconnecting", 10)
        self.server.publish(self.channel, path=small)
        playlist = self.server.wait_playlist(self.channel, lambda p: len(set(p.maps)) >= 2, 20,
                                             "there is a second init segment")
        self.assertGreaterEqual(playlist.discontinuities, 1)
        wait_until(lambda: self.server.status(self.channel)["width"] == 192, 10,
                   "the status tells the new size")

    def test_b_frames_and_late_key_frames_are_played(self):
        path = clip("bframes", keyframe_s=4, extra=("-bf", "2", "-tune", "film"))
        self.go_live(path=path)
        self.server.wait_playlist(self.channel, lambda p: p.segments, 30, "there is a segment")

    def test_sound_alone_is_told_in_words(self):
        folder = os.path.dirname(clip())
        path = os.path.join(folder, "sound.flv")
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", clip(), "-vn", "-c", "copy",
                        path], check=True, timeout=60)
        publisher = self.server.publish(self.channel, path=path)
        wait_until(lambda: not publisher.is_running()
                   or self.server.status(self.channel)["relayStatus"], 15, "something happens")
        self.assertEqual(self.server.get("/healthz").status, 200)

    def test_picture_alone_is_played(self):
        path = clip("silent", extra=("-an",))
        self.go_live(path=path)


class Rights(Shared):
    def test_an_unknown_key_is_refused_with_our_sentence(self):
        publisher = self.server.publish(self.channel, key="0123456789abcdef0123456789abcdef")
        self.assertNotEqual(publisher.wait(20), 0)
        self.assertIn("This stream key is not known", publisher.output())

    def test_a_missing_key_is_refused(self):
        publisher = self.server.publish(self.channel, key="")
        self.assertNotEqual(publisher.wait(20), 0)

    @also_tsan
    def test_a_second_publisher_is_refused_and_the_first_not_touched(self):
        first = self.go_live()
        second = self.server.publish(self.channel)
        self.assertNotEqual(second.wait(20), 0)
        self.assertIn("already live from", second.output())
        self.assertTrue(first.is_running())
        moving = self.server.wait_moving(self.channel)
        self.assertEqual(moving.discontinuities, 0)

    def test_the_log_holds_no_stream_key(self):
        self.go_live()
        self.assertNotIn(self.channel["streamKey"], self.server.log())

    def test_whip_needs_the_key(self):
        path = f"/whip/{self.channel['id']}"
        headers = {"Content-Type": "application/sdp"}
        for key in (None, "wrong-key-0123456789"):
            if key:
                headers["Authorization"] = f"Bearer {key}"
            answer = self.server.request("POST", path, body="v=0\r\n", headers=headers)
            self.assertEqual(answer.status, 401, answer.text)

    def test_a_browser_that_leaves_before_its_first_packet_is_not_on_air(self):
        """Its ICE failed, say: the studio must not tell of another browser, and offer Go live."""
        headers = {"Content-Type": "application/sdp",
                   "Authorization": f"Bearer {self.channel['streamKey']}"}
        with open(FIREFOX_OFFER, encoding="ascii") as file:
            answer = self.server.request("POST", f"/whip/{self.channel['id']}", body=file.read(),
                                         headers=headers)
        self.assertEqual(answer.status, 201, answer.text)
        status = functools.partial(self.server.status, self.channel)
        wait_until(lambda: status()["ingest"] == "whip", 10, "the browser is announced")
        self.server.request("DELETE", answer.headers["location"], headers=headers)
        wait_until(lambda: status()["ingest"] is None, 10, "nobody publishes")
        self.assertEqual((status()["relayStatus"], status()["health"]), ("starting", None))

    def test_whip_refuses_an_offer_that_is_none_with_a_sentence(self):
        offers = ("", "v=0\r\n", "hello", "v=0\r\n" + "a=x\r\n" * 3000,
                  "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
                  "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n")
        for offer in offers:
            answer = self.server.request(
                "POST", f"/whip/{self.channel['id']}", body=offer,
                headers={"Content-Type": "application/sdp",
                         "Authorization": f"Bearer {self.channel['streamKey']}"})
            self.assertTrue(400 <= answer.status < 500, f"{offer[:60]!r}: {answer.status}")
            self.assertTrue(answer.text, offer[:60])
        self.assertEqual(self.server.get("/healthz").status, 200)


class Ending(Shared):
    """Publishers say several things at their end, and look at the connection until they close it:
    rtmp2sink fails when the server is the first to hang up."""
    settings = {"live.reconnect_s": 20}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = os.path.join(cls.server.folder, "clip.flv")
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", clip(), "-t", "4", "-c",
                        "copy", path], check=True, timeout=60)
        cls.tags = rtmp_publish.read_flv(path)

    def publisher(self):
        publisher = rtmp_publish.Publisher("127.0.0.1", self.server.ports["rtmp"])
        self.addCleanup(publisher.close)
        publisher.start("live", self.channel["streamKey"])
        self.send(publisher)
        return publisher

    def send(self, publisher, stream_id=1):
        for tag in self.tags:
            publisher.send(tag, stream_id)
        self.server.wait_status(self.channel, "active", 10)

    def unpublish(self, publisher):
        publisher.command("FCUnpublish", 4, None, self.channel["streamKey"])
        publisher.wait_for(b"NetStream.Unpublish.Success")
        self.server.wait_status(self.channel, "reconnecting", 10)

    @also_tsan
    def test_the_publisher_hangs_up_first(self):
        publisher = self.publisher()
        self.unpublish(publisher)
        publisher.command("deleteStream", 0, None, 1)
        publisher.command("releaseStream", 5, None, self.channel["streamKey"])
        publisher.wait_for(b"_result")

    def test_a_publisher_may_begin_again_on_its_connection(self):
        publisher = self.publisher()
        for stream_id in (2, 3):
            self.unpublish(publisher)
            publisher.command("deleteStream", 0, None, stream_id - 1)
            publisher.command("createStream", 5, None)
            publisher.wait_for(b"_result")
            publisher.command("publish", 6, None, self.channel["streamKey"], "live",
                              stream_id=stream_id)
            publisher.wait_for(b"NetStream.Publish.Start")
            self.send(publisher, stream_id)

    def test_another_key_may_follow_and_is_looked_at(self):
        publisher = self.publisher()
        self.unpublish(publisher)
        publisher.command("publish", 6, None, "0123456789abcdef0123456789abcdef", "live",
                          stream_id=1)
        with self.assertRaisesRegex(rtmp_publish.Refused, "This stream key is not known"):
            publisher.wait_for(b"NetStream.Publish.Start")


class Hanging(Shared):
    settings = {"live.reconnect_s": 20}

    def test_a_silent_session_is_taken_over_by_the_same_key(self):
        first = self.go_live()
        first.send(signal.SIGSTOP)
        self.addCleanup(first.kill)
        self.server.wait_status(self.channel, "reconnecting", 20)
        self.server.publish(self.channel)
        self.server.wait_status(self.channel, "active", 15)
        self.server.wait_moving(self.channel)

    def test_a_publisher_that_pauses_goes_on_by_itself(self):
        publisher = self.go_live()
        publisher.send(signal.SIGSTOP)
        self.server.wait_status(self.channel, "reconnecting", 20)
        publisher.send(signal.SIGCONT)
        self.server.wait_status(self.channel, "active", 20)
        self.server.wait_moving(self.channel)


class Splitting(Shared):
    def test_rtmp_byte_by_byte_is_the_same_as_at_once(self):
        proxy = SplittingProxy(self.server.ports["rtmp"])
        self.addCleanup(proxy.close)
        self.go_live(port=proxy.port)
        self.server.wait_playlist(self.channel, lambda p: len(p.segments) >= 2, 20)


class Shutdown(unittest.TestCase):
    @also_tsan
    def test_sigterm_while_live_ends_the_broadcast_within_the_bound(self):
        with Server(settings={"server.shutdown_s": 10}) as server:
            channel = server.create_channel()
            publisher = server.publish(channel)
            server.wait_moving(channel)
            started = time.monotonic()
            server.process.send(signal.SIGTERM)
            self.assertEqual(server.process.wait(20), 0)
            self.assertLess(time.monotonic() - started, 16)
            publisher.wait(20)

    def test_a_broadcast_that_a_crash_cut_off_is_closed_at_the_next_start(self):
        with tempfile.TemporaryDirectory(prefix="stoa-test-") as folder:
            server = Server(folder=folder, settings={"live.reconnect_s": 2})
            server.start()
            channel = server.create_channel()
            server.publish(channel)
            server.wait_moving(channel)
            server.process.kill()
            for publisher in server.publishers:
                publisher.kill()
            server.start()
            status = wait_until(lambda: not (s := server.status(channel))["isActive"] and s, 20,
                                "the broadcast is closed")
            self.assertFalse(status["isLive"])
            server.publish(channel)
            server.wait_moving(channel)
            server.stop()


if __name__ == "__main__":
    unittest.main()
