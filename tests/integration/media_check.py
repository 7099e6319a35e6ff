"""Follows a low-latency playlist as a strict player would, and looks into what it got.

A Follower reloads the playlist with blocking requests, fetches each part by the hint it was given
before the part existed, and notes each broken rule of rfc8216bis in `errors`. A hinted part that never came is none: nobody can
know what a publisher that stalls will send next. It is noted in `missed_hints`. What it got is cut
into stretches (between discontinuities), each a whole fMP4 file that ffprobe and ffmpeg can judge.

The bytes of an access unit pass through the server unchanged, so a hash of them says which frame
of the source a packet of the output is: compare() pairs them and tells how far each has moved.
"""
import calendar
import collections
import dataclasses
import hashlib
import http.client
import itertools
import json
import math
import re
import struct
import subprocess
import threading
import time

DATE_SLACK_S = 0.1


# ---- fMP4 ----

def boxes(data):
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        if size < 8 or at + size > len(data):
            raise ValueError(f"box {name!r} of {size} bytes at {at} of {len(data)}")
        yield name.decode("latin-1"), data[at + 8:at + size]
        at += size


def find_boxes(data, *path):
    for name, body in boxes(data):
        if name == path[0]:
            if len(path) == 1:
                yield body
            else:
                yield from find_boxes(body, *path[1:])


@dataclasses.dataclass
class Run:
    """The samples of a track in a part."""
    track: int
    begin: int
    durations: list
    sync: list
    compositions: list
    payloads: list

    @property
    def end(self):
        return self.begin + sum(self.durations)


def read_runs(part):
    runs = []
    for traf in find_boxes(part, "moof", "traf"):
        tfhd = next(find_boxes(traf, "tfhd"))
        flags = int.from_bytes(tfhd[1:4], "big")
        track, at = struct.unpack(">I", tfhd[4:8])[0], 8
        defaults = {}
        for bit, name, size in ((1, "base", 8), (2, "sdi", 4), (8, "duration", 4), (16, "size", 4),
                                (32, "flags", 4)):
            if flags & bit:
                defaults[name] = int.from_bytes(tfhd[at:at + size], "big")
                at += size
        tfdt = next(find_boxes(traf, "tfdt"))
        begin = int.from_bytes(tfdt[4:12] if tfdt[0] else tfdt[4:8], "big")
        run = Run(track, begin, [], [], [], [])
        for trun in find_boxes(traf, "trun"):
            read_trun(trun, defaults, run, part)
        runs.append(run)
    return runs


def read_trun(trun, defaults, run, part):
    flags = int.from_bytes(trun[1:4], "big")
    count, data_at = struct.unpack(">II", trun[4:12])
    if not flags & 1:
        raise ValueError("a run without a data offset")
    at = 12
    first_flags = None
    if flags & 4:
        first_flags = int.from_bytes(trun[at:at + 4], "big")
        at += 4
    for i in range(count):
        values = dict(defaults)
        for bit, name in ((0x100, "duration"), (0x200, "size"), (0x400, "flags"), (0x800, "cto")):
            if flags & bit:
                values[name] = int.from_bytes(trun[at:at + 4], "big", signed=name == "cto")
                at += 4
        if i == 0 and first_flags is not None:
            values["flags"] = first_flags
        run.durations.append(values["duration"])
        run.sync.append(not values.get("flags", 0) & 0x10000)
        run.compositions.append(values.get("cto", 0))
        if data_at + values["size"] > len(part):
            raise ValueError("a sample outside of its part")
        run.payloads.append(part[data_at:data_at + values["size"]])
        data_at += values["size"]


def read_tracks(init):
    """{track: (handler, timescale)}"""
    tracks = {}
    for trak in find_boxes(init, "moov", "trak"):
        tkhd = next(find_boxes(trak, "tkhd"))
        number = struct.unpack(">I", tkhd[20:24] if tkhd[0] else tkhd[12:16])[0]
        mdhd = next(find_boxes(trak, "mdia", "mdhd"))
        scale = struct.unpack(">I", mdhd[20:24] if mdhd[0] else mdhd[12:16])[0]
        handler = next(find_boxes(trak, "mdia", "hdlr"))[8:12].decode("latin-1")
        tracks[number] = (handler, scale)
    return tracks


# ---- playlists ----

@dataclasses.dataclass
class Part:
    uri: str
    duration: float
    is_independent: bool


@dataclasses.dataclass
class Segment:
    msn: int
    uri: str = ""
    duration: float = 0.0
    parts: list = dataclasses.field(default_factory=list)
    init: str = ""
    date: float = 0.0
    is_discontinuity: bool = False


def attributes(text):
    return {name: value.strip('"')
            for name, value in re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', text)}


def parse_date(text):
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z", text)
    if not found:
        raise ValueError(f"date {text!r}")
    whole = time.strptime(found.group(1), "%Y-%m-%dT%H:%M:%S")
    return calendar.timegm(whole) + float(found.group(2) or 0)


class MediaPlaylist:
    KNOWN = {"EXTM3U", "EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-SERVER-CONTROL",
             "EXT-X-PART-INF", "EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE",
             "EXT-X-INDEPENDENT-SEGMENTS", "EXT-X-MAP", "EXT-X-PROGRAM-DATE-TIME", "EXT-X-PART",
             "EXTINF", "EXT-X-DISCONTINUITY", "EXT-X-PRELOAD-HINT", "EXT-X-ENDLIST",
             "EXT-X-RENDITION-REPORT", "EXT-X-START"}
    # The list opens with a segment of a millisecond that nobody fetches.
    GAP = re.compile(r"#EXT-X-PART:DURATION=0\.001,URI=\"[^\"]+\",GAP=YES\n"
                     r"#EXT-X-GAP\n#EXTINF:0\.001,\n[^\n]+\n")

    def __init__(self, text):
        self.text = text
        stripped = self.GAP.sub("", text, count=1)
        self.has_gap = stripped != text
        lines = stripped.split("\n")
        if lines[0] != "#EXTM3U" or lines[-1] != "":
            raise ValueError("not a playlist:\n" + text)
        self.head = {}
        self.segments = []
        self.hint = None
        self.has_end = False
        self.segment = None
        self.init = ""
        for line in lines[:-1]:
            self.take(line)
        self.target = int(self.head["EXT-X-TARGETDURATION"])
        self.part_target = float(attributes(self.head["EXT-X-PART-INF"])["PART-TARGET"])
        self.first_msn = int(self.head["EXT-X-MEDIA-SEQUENCE"]) + self.has_gap
        if self.has_gap and self.first_msn != 1 or "EXT-X-START" in self.head and self.segments:
            raise ValueError("a gap or a start where none should be:\n" + text)
        self.discontinuity_sequence = int(self.head["EXT-X-DISCONTINUITY-SEQUENCE"])
        for i, segment in enumerate(self.segments):
            segment.msn = self.first_msn + i
        self.running = self.segment
        if self.running and not self.running.parts:
            raise ValueError("tags that belong to nothing:\n" + text)
        if self.running:
            self.running.msn = self.first_msn + len(self.segments)

    def open(self):
        if not self.segment:
            self.segment = Segment(0, init=self.init)
        return self.segment

    def take(self, line):
        if not line.startswith("#"):
            self.segment.uri = line
            self.segments.append(self.segment)
            self.segment = None
            return
        name, _, value = line[1:].partition(":")
        if name not in self.KNOWN:
            raise ValueError(f"unknown tag {line!r}")
        if name == "EXT-X-MAP":
            self.init = attributes(value)["URI"]
            self.open().init = self.init
        elif name == "EXT-X-PROGRAM-DATE-TIME":
            self.open().date = parse_date(value)
        elif name == "EXT-X-DISCONTINUITY":
            self.open().is_discontinuity = True
        elif name == "EXT-X-PART":
            fields = attributes(value)
            self.open().parts.append(Part(fields["URI"], float(fields["DURATION"]),
                                          fields.get("INDEPENDENT") == "YES"))
        elif name == "EXTINF":
            self.open().duration = float(value.split(",")[0])
        elif name == "EXT-X-PRELOAD-HINT":
            if attributes(value)["TYPE"] == "PART":
                self.hint = attributes(value)["URI"]
        elif name == "EXT-X-ENDLIST":
            self.has_end = True
        else:
            self.head[name] = value

    @property
    def all(self):
        return self.segments + ([self.running] if self.running else [])


# ---- the follower ----

@dataclasses.dataclass
class Got:
    """A part that was fetched."""
    msn: int
    number: int
    part: Part
    body: bytes
    init: str
    begins_stretch: bool
    at: float  # wall clock


class Follower(threading.Thread):
    """Follows http://127.0.0.1:PORT/hls/ID/live.m3u8 until stop() or the end of the playlist."""

    def __init__(self, port, channel_id, may_cut_anywhere=False):
        super().__init__(daemon=True)
        self.may_cut_anywhere = may_cut_anywhere
        self.port = port
        self.root = f"/hls/{channel_id}/"
        self.errors = []
        self.missed_hints = []
        self.got = []
        self.inits = {}
        self.playlist = None
        self.playlists = 0
        self.first_at = None  # wall clock of the first part
        self.latencies = []  # seconds, by PROGRAM-DATE-TIME, at the end of each new part
        self.is_stopping = False
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.hints = {}
        self.segment_bodies = {}

    def stop(self):
        self.is_stopping = True
        self.join(40)
        return self

    def get(self, name, connection=None):
        connection = connection or self.http
        connection.request("GET", self.root + name)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def error(self, text):
        if len(self.errors) < 20:
            self.errors.append(text)

    def run(self):
        try:
            self.follow()
        except Exception as error:  # a thread has nobody to tell
            self.error(f"{type(error).__name__}: {error}")

    def follow(self):
        while not self.is_stopping:
            status, body = self.get("live.m3u8")
            if status == 200:
                break
            time.sleep(0.02)
        else:
            return
        self.take(MediaPlaylist(body.decode()))
        while not self.is_stopping and not self.playlist.has_end:
            self.ask_for_hint()
            newest = self.playlist.all[-1] if self.playlist.all else None
            if self.playlist.running:
                msn, part = newest.msn, len(newest.parts)
            else:
                msn, part = self.playlist.first_msn + len(self.playlist.segments), 0
            status, body = self.get(f"live.m3u8?_HLS_msn={msn}&_HLS_part={part}")
            if status == 503:
                continue  # nothing new for three target durations
            if status != 200:
                self.error(f"playlist: {status} {body[:200]}")
                return
            self.take(MediaPlaylist(body.decode()))

    def ask_for_hint(self):
        """Fetches the hinted part on a connection of its own, before it exists."""
        name = self.playlist.hint
        if not name or name in self.hints:
            return
        slot = {}

        def fetch():
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                slot["answer"] = self.get(name, connection)
                connection.close()
            except OSError as error:
                slot["answer"] = (0, str(error).encode())
        thread = threading.Thread(target=fetch, daemon=True)
        thread.start()
        self.hints[name] = (thread, slot)

    def fetch_part(self, part):
        if part.uri in self.hints:
            thread, slot = self.hints[part.uri]
            thread.join(30)
            status, body = slot.get("answer", (0, b"no answer"))
            how = "by its hint"
        else:
            status, body = self.get(part.uri)
            how = "as listed"
        if status != 200:
            self.error(f"part {part.uri} {how}: {status} {body[:100]}")
            return b""
        return body

    # -- rules --

    def take(self, new):
        old, self.playlist = self.playlist, new
        self.playlists += 1
        self.check_alone(new)
        if old:
            self.check_after(old, new)
        seen = {(got.msn, got.number) for got in self.got[-400:]}
        last_msn = self.got[-1].msn if self.got else -1
        expected_hint = old.hint if old else None
        for segment in new.all:
            if segment.msn < last_msn:
                continue
            if old and segment.msn > last_msn + 1 and last_msn >= 0:
                self.error(f"segment {last_msn + 1} was never seen")
            for number, part in enumerate(segment.parts):
                if (segment.msn, number) in seen:
                    continue
                if expected_hint and part.uri != expected_hint and not segment.is_discontinuity:
                    self.missed_hints.append(f"{expected_hint}, and what came is {part.uri}")
                expected_hint = None
                self.take_part(segment, number, part)
            last_msn = segment.msn
        for segment in new.segments[-2:]:
            self.check_segment_body(segment)

    def take_part(self, segment, number, part):
        if segment.init not in self.inits:
            status, body = self.get(segment.init)
            if status != 200:
                self.error(f"init {segment.init}: {status}")
            self.inits[segment.init] = body
        body = self.fetch_part(part)
        now = time.time()
        begins = not self.got or (segment.is_discontinuity and number == 0)
        if self.got and segment.init != self.got[-1].init and not begins:
            self.error(f"a new init segment without a discontinuity at {part.uri}")
        self.got.append(Got(segment.msn, number, part, body, segment.init, begins, now))
        self.first_at = self.first_at or now
        if segment.date:
            end = segment.date + sum(p.duration for p in segment.parts[:number + 1])
            self.latencies.append(now - end)
        self.check_part(segment, number, self.got[-1])

    def check_part(self, segment, number, got):
        if not got.body:
            return
        runs = read_runs(got.body)
        tracks = read_tracks(self.inits[got.init])
        video = [run for run in runs if tracks[run.track][0] == "vide"]
        has_video = any(handler == "vide" for handler, _ in tracks.values())
        is_independent = any(any(run.sync) for run in video) if has_video else True
        if is_independent != got.part.is_independent:
            self.error(f"{got.part.uri}: INDEPENDENT is {got.part.is_independent}")
        if number == 0 and video and not video[0].sync[0] and not self.may_cut_anywhere:
            self.error(f"{got.part.uri}: a segment does not begin with a key frame")
        self.check_joins(got, runs, tracks)
        self.unseen += got.part.duration
        if video:
            # The first frame behind parts without any lasts since the last one before them.
            lasts = sum(video[0].durations) / tracks[video[0].track][1]
            if abs(lasts - self.unseen) > 0.0005:
                self.error(f"{got.part.uri}: lasts {lasts}, listed {self.unseen}")
            self.unseen = 0.0

    def check_joins(self, got, runs, tracks):
        """Within a stretch each run goes on where the last one of its track ended."""
        if got.begins_stretch:
            self.ends = {}
            self.unseen = 0.0
        for run in runs:
            handler, scale = tracks[run.track]
            end = self.ends.get(run.track)
            if end is not None and abs(run.begin - end) > (0 if handler == "vide" else scale // 20):
                self.error(f"{got.part.uri}: {handler} begins at {run.begin}, not at {end}")
            if min(run.durations) <= 0:
                self.error(f"{got.part.uri}: a duration of 0")
            self.ends[run.track] = run.end

    def check_alone(self, playlist):
        for index, segment in enumerate(playlist.all):
            is_running = segment is playlist.running
            if not segment.init:
                self.error(f"segment {segment.msn} without a map")
            if not is_running and round(segment.duration) > playlist.target:
                self.error(f"segment {segment.msn} lasts {segment.duration}, target "
                           f"{playlist.target}")
            total = sum(part.duration for part in segment.parts)
            if segment.parts and not is_running and abs(total - segment.duration) > 0.001:
                self.error(f"segment {segment.msn}: parts {total}, EXTINF {segment.duration}")
            following = playlist.all[index + 1] if index + 1 < len(playlist.all) else None
            for number, part in enumerate(segment.parts):
                if part.duration > playlist.part_target + 0.000005:
                    self.error(f"{part.uri} lasts {part.duration} > {playlist.part_target}")
                is_last = number == len(segment.parts) - 1
                if not is_last and part.duration < 0.85 * playlist.part_target - 0.000005:
                    self.error(f"{part.uri} lasts {part.duration}, 85 % of target is "
                               f"{0.85 * playlist.part_target}")
            if following and segment.date and following.date and not following.is_discontinuity:
                drift = following.date - segment.date - segment.duration
                if abs(drift) > DATE_SLACK_S:
                    self.error(f"dates of {segment.msn} and the next: {drift:.3f} s off")
            if following and segment.date and following.date < segment.date:
                self.error(f"the date of {following.msn} goes back")
        if not playlist.hint and not playlist.has_end:
            self.error("no hint")
        control = attributes(playlist.head["EXT-X-SERVER-CONTROL"])
        if control.get("CAN-BLOCK-RELOAD") != "YES" or \
                float(control["PART-HOLD-BACK"]) < 2 * playlist.part_target or \
                float(control["HOLD-BACK"]) < 3 * playlist.target:
            self.error(f"SERVER-CONTROL {control}")

    def check_after(self, old, new):
        if new.target < old.target:
            self.error(f"TARGETDURATION falls from {old.target} to {new.target}")
        if new.part_target != old.part_target:
            self.error(f"PART-TARGET changes from {old.part_target} to {new.part_target}")
        if new.first_msn < old.first_msn:
            self.error(f"MEDIA-SEQUENCE falls from {old.first_msn} to {new.first_msn}")
        gone = [s for s in old.all if s.msn < new.first_msn]
        discontinuities = sum(s.is_discontinuity for s in gone)
        if new.discontinuity_sequence != old.discontinuity_sequence + discontinuities:
            self.error(f"DISCONTINUITY-SEQUENCE {old.discontinuity_sequence} -> "
                       f"{new.discontinuity_sequence} with {discontinuities} gone")
        by_msn = {segment.msn: segment for segment in new.all}
        for segment in old.all:
            now = by_msn.get(segment.msn)
            if not now:
                continue
            if segment.uri and (segment.uri, segment.duration) != (now.uri, now.duration):
                self.error(f"segment {segment.msn} changed")
            if now.parts and segment.parts and now.parts[:len(segment.parts)] != segment.parts:
                self.error(f"parts of {segment.msn} changed")
            if segment.date != now.date or segment.is_discontinuity != now.is_discontinuity:
                self.error(f"date or discontinuity of {segment.msn} changed")

    def check_segment_body(self, segment):
        """A segment is its parts one after the other."""
        if segment.uri in self.segment_bodies:
            return
        mine = [got for got in self.got if got.msn == segment.msn]
        if len(mine) != len(segment.parts) or not segment.parts:
            return
        status, body = self.get(segment.uri)
        self.segment_bodies[segment.uri] = status
        if status != 200 or body != b"".join(got.body for got in mine):
            self.error(f"segment {segment.uri} ({status}) is not its parts")

    # -- results --

    def stretches(self):
        """What came, between discontinuities: lists of Got."""
        found = []
        for got in self.got:
            if got.begins_stretch:
                found.append([])
            found[-1].append(got)
        return found

    def sound_at_ends(self):
        """How much longer the sound lasts than the picture at the end of each segment, seconds."""
        found = []
        for got, following in itertools.pairwise(self.got):
            if following.msn == got.msn:
                continue
            tracks = read_tracks(self.inits[got.init])
            ends = {tracks[run.track][0]: run.end / tracks[run.track][1]
                    for run in read_runs(got.body)}
            found.append(ends.get("soun", -math.inf) - ends["vide"])
        return found

    def write(self, stretch, path):
        """A stretch as a file that anybody can play."""
        with open(path, "wb") as file:
            file.write(self.inits[stretch[0].init] + b"".join(got.body for got in stretch))
        return path

    def packets(self, stretch):
        """As packets_of() a file; times as the boxes say. (ffprobe adds the largest negative
        composition offset to each pts of a fragmented file.)"""
        found = {"video": [], "audio": []}
        tracks = read_tracks(self.inits[stretch[0].init])
        for got in stretch:
            for run in read_runs(got.body):
                handler, scale = tracks[run.track]
                dts = run.begin
                for i, payload in enumerate(run.payloads):
                    found["video" if handler == "vide" else "audio"].append(
                        Packet((dts + run.compositions[i]) / scale, dts / scale,
                               hashlib.md5(payload).hexdigest(), run.sync[i]))
                    dts += run.durations[i]
        return found


# ---- judging files ----

Packet = collections.namedtuple("Packet", "pts dts digest is_key")


def packets_of(path):
    """{"video": [...], "audio": [...]} in the order of the file; times in seconds."""
    out = subprocess.run(["ffprobe", "-v", "error", "-show_packets", "-show_data_hash", "MD5",
                          "-show_entries", "packet=codec_type,pts_time,dts_time,data_hash,flags",
                          "-of", "json", path], check=True, capture_output=True, timeout=60)
    found = {"video": [], "audio": []}
    for row in json.loads(out.stdout)["packets"]:
        if row["codec_type"] in found:
            found[row["codec_type"]].append(
                Packet(float(row["pts_time"]), float(row["dts_time"]),
                       row["data_hash"].rsplit(":", 1)[-1], "K" in row["flags"]))
    return found


def decode(path_or_url, seconds=None):
    """Decodes all of it strictly. Returns what ffmpeg complained about: "" when nothing."""
    out = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-err_detect", "explode",
                          "-i", path_or_url, *(["-t", str(seconds)] if seconds else []),
                          "-vsync", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"], capture_output=True, text=True, timeout=120,
                         check=False)
    if out.returncode and not out.stderr.strip():
        return f"ffmpeg ended with {out.returncode}"
    return out.stderr.strip()


@dataclasses.dataclass
class Comparison:
    """How a track of the output relates to the source's."""
    matched: int
    unmatched: int  # packets of the output that the source does not have (silence, say)
    missing: int    # packets of the source between the first and last match that are not there
    is_in_order: bool
    moved: list     # output pts - source pts of each match, seconds

    @property
    def offset(self):
        return sorted(self.moved)[len(self.moved) // 2] if self.moved else None

    def __str__(self):
        return (f"{self.matched} matched, {self.unmatched} unmatched, {self.missing} missing, "
                f"offset {self.offset}, spread {self.spread:.6f}")

    @property
    def spread(self):
        return max(self.moved) - min(self.moved) if self.moved else 0.0


def compare(source, output):
    place = {}
    for index, packet in enumerate(source):
        place.setdefault(packet.digest, index)
    indexes = [place[p.digest] for p in output if p.digest in place]
    moved = [p.pts - source[place[p.digest]].pts for p in output if p.digest in place]
    span = indexes[-1] - indexes[0] + 1 if indexes else 0
    return Comparison(len(indexes), len(output) - len(indexes), span - len(set(indexes)),
                      indexes == sorted(set(indexes)), moved)
