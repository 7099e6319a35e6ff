"""The row `whip` of bench.py: what a WHIP stream costs when no browser is beside it."""

import contextlib
import time

from servers import OpusToAac, Stoa, WhipPublishers, Window, children, http_get, wait_until


def whip_cpu(bench, stoa, count, beside):
    """Percent of a core of server, worker and the processes `beside`; and what was said."""
    warm_s, window_s = (3, 5) if bench.is_quick else (10, 20)
    channels = stoa.create_channels(count)
    with WhipPublishers(bench, stoa.port, channels, 2 * warm_s + window_s + 60) as publishers:
        publishers.wait_publishing(count)
        for channel in channels:
            wait_until(
                lambda at=stoa.hls(channel, "live.m3u8"): b"#EXT-X-PART:" in http_get(at)[1],
                20, "first part",
            )  # fmt: skip
        time.sleep(warm_s)
        windows = [Window(pids) for pids in (stoa.pids, children(stoa.pid), beside)]
        time.sleep(window_s)
        percents = [window.percent() for window in windows]
    lines = publishers.lines()
    if lines[-1].get("alive") != count or lines[-1]["nacks"] or lines[-1]["unsent"]:
        raise RuntimeError(f"not all arrived: {lines[-2:]}")
    return percents, lines


def row_whip(bench):
    """WHIP to HLS without a browser: CPU of server and worker."""
    for count in (1, 10):
        alone = count == 1
        with (
            Stoa(bench, bench.sub("stoa")) as stoa,
            OpusToAac(bench) if alone else contextlib.nullcontext() as ffmpeg,
        ):
            percents, lines = whip_cpu(bench, stoa, count, ffmpeg.pids if alone else [])
        server, worker = percents[0] / count, percents[1] / count
        bench.row(
            "CPU of a WHIP stream, 1 stream, without viewers"
            if alone
            else f"CPU a WHIP stream at {count} streams",
            f"server {server:.2f} %, worker {worker:.2f} % of a core",
            f"ffmpeg, the sound of one stream: {percents[2]:.2f} %" if alone else "-",
            "server 0.5 %, worker 1.5 %",
            server <= 0.5 and worker <= 1.5,
            publishers=lines,
        )
