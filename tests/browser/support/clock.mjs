/*
 * A picture that tells when it was sent: a bar on black goes from left to right in eight seconds, at 80 pixels a
 * second. So what a player shows can be compared with what the encoder sends, without believing either.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const PERIOD_S = 8;
const WIDTH = 640;
const SPEED = WIDTH / PERIOD_S;
const BAR = 16;

const PICTURE = [
  `color=c=black:s=${WIDTH}x360:r=30[night]`,
  `color=c=white:s=${BAR}x360:r=30[bar]`,
  `[night][bar]overlay=x='mod(t,${PERIOD_S})*${SPEED}-${BAR / 2}':eval=frame`,
].join(";");

export function startClockPublisher(target) {
  const args = [
    ["-hide_banner", "-loglevel", "error", "-progress", "pipe:1", "-stats_period", "0.1"],
    ["-re", "-f", "lavfi", "-i", PICTURE],
    ["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"],
    ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"],
    ["-b:v", "800k", "-g", "60", "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-f", "flv", target],
  ].flat();
  const child = spawn("ffmpeg", args, { stdio: ["ignore", "pipe", "ignore"] });
  const exited = once(child, "exit");
  let startMs = Infinity;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const sentUs = Number(/^out_time_us=(\d+)/.exec(line)?.[1]);
    // the least delayed of its reports is nearest to the truth
    if (sentUs > 0) startMs = Math.min(startMs, Date.now() - sentUs / 1000);
  });
  return {
    /* Seconds between the moment that is being sent and the one of this bar's place. */
    behindS: (shownX, atMs) => {
      const sentS = (atMs - startMs) / 1000;
      const behind = (sentS - shownX / SPEED) % PERIOD_S;
      return behind < -PERIOD_S / 2 ? behind + PERIOD_S : behind;
    },
    /* SIGKILL: an encoder that vanishes says no goodbye. */
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/* Where the bar is in the picture that the page shows now, and the number on the badge. */
export async function readClock(page) {
  const fromMs = Date.now();
  const seen = await page.evaluate((width) => {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = 1;
    const context = canvas.getContext("2d");
    context.drawImage(document.querySelector("video"), 0, 0, width, 1);
    const { data } = context.getImageData(0, 0, width, 1);
    const bright = [...Array(width).keys()].filter((x) => data[4 * x] > 128);
    const badge = document.querySelector(".stoa-latency")?.innerText ?? "";
    return {
      x: bright.reduce((sum, x) => sum + x, 0) / bright.length,
      badgeS: Number(/([\d.]+) s/.exec(badge)?.[1]),
    };
  }, WIDTH);
  const toMs = Date.now();
  return { ...seen, atMs: (fromMs + toMs) / 2, tookMs: toMs - fromMs };
}
