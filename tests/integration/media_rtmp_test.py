"""What real and strange RTMP publishers send, seen at the other end through HLS.

Each scenario is a channel of its own: a publisher, and a strict follower of its playlist. All of
them run at once against one server, so that the suite takes as long as its longest scenario, and
so that a channel that is in trouble has neighbours that must not notice.
"""
import concurrent.futures
import dataclasses
import functools
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import harness
import media_check

sys.path.insert(0, os.path.join(harness.ROOT, "tests", "support"))
import rtmp_publish  # noqa: E402

SYNC_S = 0.050  # how far sound and picture may part
LOCK = threading.Lock()


def flv(name, seconds=8, size="320x180", rate="30", keyframe_frames=60, video=(), audio=()):
    """A clip whose every frame and access unit is unlike the others; made once."""
    path = os.path.join(harness.MEDIA, f"{name}.flv")
    with LOCK:
        if os.path.exists(path):
            return path
        os.makedirs(harness.MEDIA, exist_ok=True)
        part = f"{path}.{os.getpid()}.flv"
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
        if video is not None:
            command += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate},"
                        "noise=alls=6:allf=t"]
        if audio is not None:
            command += ["-f", "lavfi", "-i", "anoisesrc=r=48000:a=0.1:seed=5"]
        if video is not None:
            command += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g",
                        str(keyframe_frames), "-keyint_min", str(keyframe_frames), "-sc_threshold",
                        "0", "-b:v", "400k", *video]
        if audio is not None:
            command += ["-c:a", "aac", "-b:a", "64k", "-ac", "2", *audio]
        subprocess.run([*command, "-t", str(seconds), "-f", "flv", part], check=True, timeout=120)
        os.replace(part, path)
        return path


@functools.cache
def source_packets(path):
    return media_check.packets_of(path)


@dataclasses.dataclass
class Result:
    follower: media_check.Follower
    channel: dict
    source: dict = None
    stretches: list = None     # packets of each
    complaints: list = None    # of ffmpeg, for each
    accepted_at: float = 0.0   # wall clock
    status: dict = None        # while it was live
    extra: dict = None
    multivariant: str = ""


class World:
    """One server and the scenarios that run on it."""

    def __init__(self):
        self.server = harness.Server(settings={"live.reconnect_s": 30})
        self.followers = []

    def channel(self, title, **options):
        channel = self.server.create_channel(title)
        follower = media_check.Follower(self.server.ports["http"], channel["id"], **options)
        follower.start()
        return Result(follower, channel)

    def publisher(self, **options):
        return rtmp_publish.Publisher("127.0.0.1", self.server.ports["rtmp"], **options)

    def finish(self, result, path=None):
        """Waits for the last part, and judges what came."""
        result.multivariant = self.server.get(
            f"/hls/{result.channel['id']}/index.m3u8").text
        time_of_last = [None, 0.0]

        def is_quiet():
            count = len(result.follower.got)
            if count != time_of_last[0]:
                time_of_last[:] = [count, time.monotonic()]
            return time.monotonic() - time_of_last[1] > 1.5
        harness.wait_until(is_quiet, 20, "the last part has come")
        self.server.call("POST", f"/channels/{result.channel['id']}/end")
        result.follower.stop()
        if path:
            result.source = source_packets(path)
        stretches = result.follower.stretches()
        result.stretches = [result.follower.packets(stretch) for stretch in stretches]
        files = [result.follower.write(stretch, os.path.join(
            self.server.folder, f"{result.channel['id']}-{number}.mp4"))
            for number, stretch in enumerate(stretches)]
        result.complaints = [media_check.decode(file) for file in files]
        return result

    def send(self, title, path, change=lambda tags: tags, may_cut_anywhere=False, **options):
        """A whole scenario: publish what `change` makes of the clip."""
        result = self.channel(title, may_cut_anywhere=may_cut_anywhere)
        publisher = self.publisher(**options)
        publisher.start("live", result.channel["streamKey"])
        result.accepted_at = time.time()
        publisher.send_all(change(rtmp_publish.read_flv(path)))
        result.status = self.server.status(result.channel)
        publisher.close()
        return self.finish(result, path)


# ---- distortions: tags in, tags out ----

def audio_first(tags):
    """The picture begins 1.5 s later, with the key frame that is there."""
    late = [tag for tag in tags if tag.kind == rtmp_publish.VIDEO and tag.time_ms >= 1500]
    assert late[0].is_keyframe
    config = next(tag for tag in tags if tag.kind == rtmp_publish.VIDEO and tag.is_config)
    config = dataclasses.replace(config, time_ms=1500, at_ms=1500)
    sound = [tag for tag in tags if tag.kind == rtmp_publish.AUDIO]
    return sorted(sound + [config] + late, key=lambda tag: tag.at_ms)


def jump(at_ms, by_ms):
    return lambda tags: [tag.moved(by_ms if tag.at_ms >= at_ms else 0) for tag in tags]


def repeat(tags):
    """The clock of the picture stands still for five frames at a time."""
    return [dataclasses.replace(tag, time_ms=tag.time_ms // 167 * 167)
            if tag.kind == rtmp_publish.VIDEO else tag for tag in tags]


def wrap(tags):
    return [tag.moved(2 ** 32 - 4000) for tag in tags]


def cross_extended(tags):
    """Passes 0xffffff ms, from where on times need four bytes more."""
    return [tag.moved(0xFFFFFF - 4000) for tag in tags]


def jitter(tags):
    """Frames come in bursts of 300 ms, as over a bad line."""
    return [dataclasses.replace(tag, at_ms=(tag.at_ms + 299) // 300 * 300) for tag in tags]


def garbage_times(tags):
    """Times that mean nothing at all, from 2 s on for 2 s."""
    def one(index, tag):
        if not 2000 <= tag.at_ms < 4000:
            return tag
        return dataclasses.replace(tag, time_ms=(index * 2654435761) & 0xFFFFFFFF)
    return [one(index, tag) for index, tag in enumerate(tags)]


# ---- scenarios ----

def b_frames(world):
    return world.send("b-frames", flv("b-frames", video=("-preset", "veryfast", "-bf", "3")))


def rate(name, text):
    return lambda world: world.send(f"rate {name}", flv(f"rate-{name}", rate=text))


def full_hd(world):
    return world.send("1080p", flv("full-hd", size="1920x1080", seconds=6,
                                   video=("-b:v", "4M", "-maxrate", "4M", "-bufsize", "4M")))


def no_audio(world):
    return world.send("no audio", flv("no-audio", audio=None))


def no_video(world):
    return world.send("no video", flv("no-video", video=None))


def sound_first(world):
    return world.send("audio first", flv("audio-first", keyframe_frames=45), audio_first)


def mono(world):
    return world.send("mono", flv("mono", audio=("-ar", "44100", "-ac", "1")))


def keyframes_20_s(world):
    return world.send("key frames 20 s apart",
                      flv("keyframes-20-s", seconds=26, keyframe_frames=600))


def one_keyframe(world):
    return world.send("one key frame", flv("one-keyframe", seconds=30, keyframe_frames=9999),
                      may_cut_anywhere=True)


def plain():
    return flv("plain", keyframe_frames=30)


def one_byte(world):
    small = flv("small", size="160x90", keyframe_frames=30,
                video=("-b:v", "60k", "-maxrate", "60k", "-bufsize", "60k"), audio=("-b:a", "32k"))
    return world.send("one byte at a time", small, piece=1)


def chunk_size(count):
    return lambda world: world.send(f"chunks of {count}", plain(), chunk_size=count)


def distorted(change):
    return lambda world: world.send("distorted", plain(), change)


def resolution_change(world):
    first, second = plain(), flv("larger", size="640x360", keyframe_frames=30)

    def join(tags):
        cut = [tag for tag in tags if tag.at_ms < 4000]
        later = [dataclasses.replace(tag, time_ms=tag.time_ms + 4000, at_ms=tag.at_ms + 4000)
                 for tag in rtmp_publish.read_flv(second)]
        return cut + later
    result = world.send("resolution change", first, join)
    result.extra = {"second": source_packets(second)}
    return result


def killed(world):
    """ffmpeg is killed and started again."""
    result = world.channel("killed")
    path = plain()
    first = world.server.publish(result.channel, path=path)
    harness.wait_until(lambda: len(result.follower.got) > 10, 20, "parts come")
    first.send(signal.SIGKILL)
    lost = world.server.wait_status(result.channel, "reconnecting", 10)
    second = world.server.publish(result.channel, path=path)
    world.server.wait_status(result.channel, "active", 10)
    harness.wait_until(lambda: sum(got.begins_stretch for got in result.follower.got) == 2 and
                       len(result.follower.got) > 30, 20, "the second publisher is seen")
    second.kill()
    result.extra = {"lost": lost}
    return world.finish(result, path)


def second_publisher(world):
    result = world.channel("second publisher")
    path = plain()
    first = world.server.publish(result.channel, path=path, loop=False)
    harness.wait_until(lambda: len(result.follower.got) > 5, 20, "parts come")
    refusal = ""
    try:
        world.publisher().start("live", result.channel["streamKey"])
    except rtmp_publish.Refused as error:
        refusal = str(error)
    other = world.server.publish(result.channel, path=path)
    harness.wait_until(lambda: not other.is_running(), 20, "ffmpeg gives up")
    first.wait(30)
    result.extra = {"refusal": refusal, "ffmpeg": other.output()}
    return world.finish(result, path)


def take_over(world):
    """The first publisher is stopped, not ended; a new one comes after the silence."""
    result = world.channel("take-over")
    path = plain()
    first = world.server.publish(result.channel, path=path)
    harness.wait_until(lambda: len(result.follower.got) > 10, 20, "parts come")
    first.send(signal.SIGSTOP)
    second = world.publisher()
    refused = 0
    end = time.monotonic() + 15
    while True:
        try:
            second.start("live", result.channel["streamKey"])
            break
        except rtmp_publish.Refused:
            refused += 1
            if time.monotonic() > end:
                raise
            second = world.publisher()
            time.sleep(0.2)
    second.send_all(rtmp_publish.read_flv(path))
    result.status = world.server.status(result.channel)
    first.send(signal.SIGCONT)
    harness.wait_until(lambda: not first.is_running(), 20, "the first one is told that it is over")
    second.close()
    result.extra = {"refused": refused}
    return world.finish(result, path)


def gstreamer(sink):
    def run(world):
        result = world.channel(sink)
        path = plain()
        url = f"rtmp://127.0.0.1:{world.server.ports['rtmp']}/live/{result.channel['streamKey']}"
        log = os.path.join(world.server.folder, f"gst-{sink}.log")
        process = harness.Process(
            ["gst-launch-1.0", "-q", "-e", "filesrc", f"location={path}", "!", "flvdemux",
             "name=d", "flvmux", "name=m", "streamable=true", "!", sink, f"location={url}",
             "d.video", "!", "queue", "!", "h264parse", "!", "identity", "sync=true", "!",
             "m.video", "d.audio", "!", "queue", "!", "aacparse", "!", "m.audio"], log)
        world.server.publishers.append(process)
        code = process.wait(40)
        result.extra = {"code": code, "output": process.output()}
        return world.finish(result, path)
    return run


def rtmps(world):
    result = world.channel("rtmps")
    process = world.server.publish(result.channel, path=plain(), port="rtmps", loop=False,
                                   scheme="rtmps")
    harness.wait_until(lambda: not process.is_running(), 40, "ffmpeg has sent all")
    result.extra = {"output": process.output()}
    return world.finish(result, plain())


SCENARIOS = {
    "b_frames": b_frames,
    "rate_24": rate("24", "24"),
    "rate_25": rate("25", "25"),
    "rate_29_97": rate("29.97", "30000/1001"),
    "rate_50": rate("50", "50"),
    "rate_60": rate("60", "60"),
    "full_hd": full_hd,
    "no_audio": no_audio,
    "no_video": no_video,
    "sound_first": sound_first,
    "mono": mono,
    "keyframes_20_s": keyframes_20_s,
    "one_keyframe": one_keyframe,
    "one_byte": one_byte,
    "chunk_size_1": chunk_size(1),
    "chunk_size_65536": chunk_size(65536),
    "jump_back": distorted(jump(3500, -2_000_000)),
    "jump_ahead": distorted(jump(3500, 3_600_000)),
    "jump_ahead_4_s": distorted(jump(3500, 4_000)),
    "jump_back_800_ms": distorted(jump(3500, -800)),
    "repeat": distorted(repeat),
    "wrap": distorted(wrap),
    "cross_extended": distorted(cross_extended),
    "jitter": distorted(jitter),
    "garbage_times": distorted(garbage_times),
    "resolution_change": resolution_change,
    "killed": killed,
    "second_publisher": second_publisher,
    "take_over": take_over,
    "gst_rtmpsink": gstreamer("rtmpsink"),
    "gst_rtmp2sink": gstreamer("rtmp2sink"),
    "rtmps": rtmps,
}


class RtmpMediaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        names = os.environ.get("STOA_SCENARIOS", " ".join(SCENARIOS)).split()
        cls.world = World()
        cls.cert = harness.make_certificate(cls.world.server.folder)
        cls.world.server.settings.update({
            "rtmps.listen": f"127.0.0.1:{cls.world.server.ports['rtmps']}",
            "tls.cert": cls.cert[0], "tls.key": cls.cert[1]})
        cls.world.server.start()
        cls.pool = concurrent.futures.ThreadPoolExecutor(8)
        cls.runs = {name: cls.pool.submit(SCENARIOS[name], cls.world) for name in names}

    @classmethod
    def tearDownClass(cls):
        cls.pool.shutdown(cancel_futures=True)
        cls.world.server.stop()

    def result(self, name):
        if name not in self.runs:
            self.skipTest("not chosen")
        return self.runs[name].result(180)

    def check(self, result, stretches=1, has_stalls=False):
        """What must hold whatever was sent."""
        self.assertEqual(result.follower.errors, [])
        if not has_stalls:  # one for a busy machine; a wrong rule would miss each segment
            self.assertLessEqual(len(result.follower.missed_hints), 1,
                                 result.follower.missed_hints)
        self.assertEqual(result.complaints, [""] * stretches)

    def check_sync(self, video, audio):
        self.assertLess(abs(video.offset - audio.offset), SYNC_S, f"video {video}; audio {audio}")

    def check_track(self, source, output, kind, least=0.97, spread_s=0.003):
        """All of the source's packets came, in their order, and moved by the same time."""
        found = media_check.compare(source[kind], output[kind])
        self.assertTrue(found.is_in_order, kind)
        self.assertGreaterEqual(found.matched, least * len(source[kind]), kind)
        self.assertEqual(found.missing, 0, kind)
        self.assertLess(found.spread, spread_s, kind)
        return found

    def check_dates(self, result):
        """They are those of the wall clock: a part is there about when it ends by its date. What
        waited for the other track at the beginning does not move them."""
        late = sorted(result.follower.latencies)[len(result.follower.latencies) // 2]
        self.assertTrue(-0.1 < late < 0.6, f"{late:.3f} s after the end by its date")

    def check_whole(self, result, has_stalls=False, **options):
        self.check(result, has_stalls=has_stalls)
        video = self.check_track(result.source, result.stretches[0], "video", **options)
        audio = self.check_track(result.source, result.stretches[0], "audio", **options)
        self.check_sync(video, audio)
        return video, audio

    @harness.also_tsan
    def test_b_frames_keep_their_times(self):
        result = self.result("b_frames")
        self.check_whole(result)
        self.check_dates(result)
        pts = [packet.pts for packet in result.stretches[0]["video"]]
        self.assertNotEqual(pts, sorted(pts))  # there are B-frames

    def check_rate(self, name, rate_text):
        result = self.result(name)
        self.check_whole(result)
        self.assertIn(f"FRAME-RATE={rate_text}", result.multivariant)

    def test_24_frames_a_second(self):
        self.check_rate("rate_24", "24.000")

    def test_25_frames_a_second(self):
        self.check_rate("rate_25", "25.000")

    def test_29_97_frames_a_second(self):
        self.check_rate("rate_29_97", "29.970")

    def test_50_frames_a_second(self):
        self.check_rate("rate_50", "50.000")

    def test_60_frames_a_second(self):
        self.check_rate("rate_60", "60.000")

    def test_1080p(self):
        result = self.result("full_hd")
        self.check_whole(result)
        self.assertIn("RESOLUTION=1920x1080", result.multivariant)

    def test_picture_without_sound(self):
        result = self.result("no_audio")
        self.check(result)
        self.check_track(result.source, result.stretches[0], "video")
        self.assertEqual(result.stretches[0]["audio"], [])
        self.check_dates(result)

    def test_sound_without_picture(self):
        result = self.result("no_video")
        self.check(result)
        self.check_track(result.source, result.stretches[0], "audio")
        self.assertEqual(result.stretches[0]["video"], [])
        self.check_dates(result)

    def test_sound_before_picture(self):
        result = self.result("sound_first")
        self.check(result)
        video = self.check_track(result.source, result.stretches[0], "video", least=0.75)
        audio = self.check_track(result.source, result.stretches[0], "audio", least=0.75)
        self.check_sync(video, audio)

    def test_mono_of_44_1_khz(self):
        self.check_whole(self.result("mono"))

    def test_keyframes_20_s_apart(self):
        result = self.result("keyframes_20_s")
        self.check_whole(result)
        self.assertGreaterEqual(result.follower.playlist.target, 20)

    def test_one_keyframe_only(self):
        result = self.result("one_keyframe")
        self.check_whole(result)

    def test_one_byte_at_a_time(self):
        self.check_whole(self.result("one_byte"))

    def test_tiny_and_large_chunks(self):
        self.check_whole(self.result("chunk_size_1"))
        self.check_whole(self.result("chunk_size_65536"))

    def test_a_clock_that_jumps_back_is_followed(self):
        self.check_distorted("jump_back")

    def test_a_clock_that_jumps_ahead_is_followed(self):
        self.check_distorted("jump_ahead")

    def test_a_clock_that_jumps_a_little_is_followed(self):
        self.check_distorted("jump_ahead_4_s")
        self.check_distorted("jump_back_800_ms")

    def check_distorted(self, name, stretches=1):
        """Playing goes on, and at the end sound and picture are together again."""
        result = self.result(name)
        self.check(result, stretches)
        last = result.stretches[-1]
        video = media_check.compare(result.source["video"][-60:], last["video"])
        audio = media_check.compare(result.source["audio"][-60:], last["audio"])
        self.assertGreater(video.matched, 55)
        self.assertGreater(audio.matched, 50)
        self.check_sync(video, audio)
        return result

    def test_times_that_repeat(self):
        result = self.result("repeat")
        self.check(result)
        self.check_track(result.source, result.stretches[0], "audio")
        self.check_track(result.source, result.stretches[0], "video", spread_s=0.17)

    def test_times_that_wrap_32_bits(self):
        self.check_whole(self.result("wrap"))

    def test_times_that_need_four_bytes_more(self):
        self.check_whole(self.result("cross_extended"))

    def test_bursts(self):
        self.check_whole(self.result("jitter"), has_stalls=True)

    def test_times_without_sense(self):
        result = self.result("garbage_times")
        self.assertEqual(result.follower.errors, [])
        for stretch in result.stretches:
            shown = [packet.pts for packet in stretch["video"]]
            self.assertEqual(shown, sorted(shown))
        # ffmpeg takes dts for pts here and there when composition offsets are negative.
        for complaint in result.complaints:
            self.assertRegex(complaint, r"^(\[null.* non monotonically increasing dts .*\n?)*$")
        video = media_check.compare(result.source["video"][-60:], result.stretches[-1]["video"])
        self.assertGreater(video.matched, 55)

    def test_another_resolution(self):
        result = self.result("resolution_change")
        self.check(result, stretches=2)
        before = media_check.compare(result.source["video"], result.stretches[0]["video"])
        after = media_check.compare(result.extra["second"]["video"], result.stretches[1]["video"])
        self.assertEqual((before.matched, before.missing), (120, 0))
        self.assertEqual((after.matched, after.missing), (240, 0))
        sound = media_check.compare(result.extra["second"]["audio"], result.stretches[1]["audio"])
        self.assertGreater(sound.matched, 350)
        self.check_sync(after, sound)
        self.assertIn("RESOLUTION=640x360", result.multivariant)

    @harness.also_tsan
    def test_a_killed_publisher_comes_back(self):
        result = self.result("killed")
        self.check(result, stretches=2)
        self.assertTrue(result.extra["lost"]["isLive"])
        for stretch in result.stretches:
            self.check_stretch(result, stretch)

    def check_stretch(self, result, stretch):
        video = media_check.compare(result.source["video"], stretch["video"])
        audio = media_check.compare(result.source["audio"], stretch["audio"])
        self.assertEqual((video.missing, video.is_in_order), (0, True))
        self.assertGreater(video.matched, 30)
        self.check_sync(video, audio)

    def test_a_second_publisher_is_refused(self):
        result = self.result("second_publisher")
        self.check_whole(result)
        self.assertIn("NetStream.Publish.BadName", result.extra["refusal"])
        self.assertIn("already live", result.extra["refusal"])
        self.assertIn("already live", result.extra["ffmpeg"])

    @harness.also_tsan
    def test_a_silent_publisher_is_taken_over(self):
        result = self.result("take_over")
        self.check(result, stretches=2)
        self.assertGreater(result.extra["refused"], 0)
        self.assertEqual(result.status["relayStatus"], "active")
        self.check_stretch(result, result.stretches[0])
        self.check_track(result.source, result.stretches[1], "video")

    def check_gstreamer(self, sink):
        result = self.result(sink)
        self.assertEqual(result.extra["code"], 0, result.extra["output"])
        self.check(result)
        self.check_stretch(result, result.stretches[0])

    def test_gstreamer_rtmpsink(self):
        self.check_gstreamer("gst_rtmpsink")

    def test_gstreamer_rtmp2sink(self):
        self.check_gstreamer("gst_rtmp2sink")

    def test_rtmps(self):
        self.check_whole(self.result("rtmps"))


if __name__ == "__main__":
    unittest.main()
