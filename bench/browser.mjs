/*
 * browser - what a real Chromium sees: how soon hls.js plays, and how far behind it stays.
 *
 *     node bench/browser.mjs --base http://127.0.0.1:8080 --playlist /hls/1/index.m3u8
 *          [--media-playlist /hls/1/live.m3u8] [--whip /whip/1 --key KEY] [--seconds 30]
 *
 * Writes lines of JSON: {"ready"} when the page waits for the playlist; with --whip {"published"}
 * and {"listed"}, the first part; {"playing"} when the picture moves; {"latency"} at the end. Times
 * are wall clock milliseconds. Without --whip somebody else publishes after "ready".
 *
 * The pages are made here and served to the browser under the server's own origin, so that the
 * figures say what the server does, not what our watch page does. playwright-core comes from
 * tests/browser, hls.js from web; --root names the folder that has both.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    base: { type: 'string' },
    playlist: { type: 'string' },
    'media-playlist': { type: 'string' },
    whip: { type: 'string' },
    key: { type: 'string' },
    seconds: { type: 'string', default: '30' },
    root: { type: 'string', default: resolve(dirname(fileURLToPath(import.meta.url)), '..') },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});
const seconds = Number(options.seconds);
const START_TIMEOUT_MS = 30000;
const SETTLE_MS = 5000;

const require = createRequire(join(options.root, 'tests/browser/package.json'));
const { chromium } = require('playwright-core');
const hlsSource = readFileSync(join(options.root, 'web/node_modules/hls.js/dist/hls.min.js'));

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length ? sorted[sorted.length >> 1] : null;
};

/** Runs in the page: waits for the playlist, plays it, and notes what happens. */
function play(playlist) {
  const video = document.querySelector('video');
  const seen = { playing: 0, stalls: 0, errors: [] };
  window.seen = seen;
  const hls = new window.Hls({ lowLatencyMode: true });
  window.hls = hls;
  hls.on(window.Hls.Events.ERROR, (_, data) => {
    if (data.details === 'bufferStalledError') seen.stalls += 1;
    else if (seen.errors.length < 20) seen.errors.push(data.details);
    if (data.fatal && data.type === 'mediaError') hls.recoverMediaError();
  });
  hls.attachMedia(video);
  video.play().catch(() => {});
  const watch = () => {
    if (video.currentTime > 0 && !video.paused && video.readyState > 2) {
      const from = video.currentTime;
      const at = Date.now();
      requestAnimationFrame(() => {
        if (video.currentTime > from && !seen.playing) seen.playing = at;
        if (!seen.playing) watch();
      });
      return;
    }
    setTimeout(watch, 5);
  };
  watch();
  const ask = async () => {
    const answer = await fetch(playlist, { cache: 'no-store' }).catch(() => null);
    if (answer && answer.ok) hls.loadSource(playlist);
    else setTimeout(ask, 25);
  };
  ask();
}

/** Runs in the page: publishes the fake camera by WHIP; returns when the answer is applied. */
async function publish({ whip, key }) {
  const constraints = {
    video: { width: 1280, height: 720, frameRate: 30 },
    audio: true,
  };
  const media = await navigator.mediaDevices.getUserMedia(constraints);
  const begun = Date.now();
  const peer = new RTCPeerConnection();
  window.peer = peer;
  for (const track of media.getTracks()) {
    const sender = peer.addTransceiver(track, { direction: 'sendonly' });
    if (track.kind !== 'video') continue;
    const codecs = RTCRtpSender.getCapabilities('video').codecs;
    const h264 = codecs.filter((codec) => codec.mimeType === 'video/H264');
    sender.setCodecPreferences([...h264, ...codecs.filter((codec) => !h264.includes(codec))]);
    const parameters = sender.sender.getParameters();
    for (const encoding of parameters.encodings) encoding.maxBitrate = 2500000;
    await sender.sender.setParameters(parameters);
  }
  await peer.setLocalDescription();
  const answer = await fetch(whip, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${key}` },
    body: peer.localDescription.sdp,
  });
  if (!answer.ok) throw new Error(`WHIP: ${answer.status} ${await answer.text()}`);
  await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  return begun;
}

async function openPage(browser, html) {
  const page = await browser.newPage();
  const address = `${options.base}/bench-page`;
  await page.route(address, (route) => route.fulfill({ contentType: 'text/html', body: html }));
  await page.route(`${options.base}/bench-hls.js`, (route) =>
    route.fulfill({ contentType: 'text/javascript', body: hlsSource }),
  );
  await page.goto(address);
  return page;
}

async function firstPartListed() {
  const url = options.base + (options['media-playlist'] ?? options.playlist);
  for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end; await sleep(5)) {
    const answer = await fetch(url).catch(() => null);
    const text = answer?.ok ? await answer.text() : '';
    if (/#EXT-X-PART:|#EXTINF/.test(text)) return Date.now();
  }
  throw new Error('no part was listed');
}

async function measureLatency(page) {
  const samples = [];
  await sleep(SETTLE_MS);
  const before = await page.evaluate(() => window.seen.stalls);
  const from = await page.evaluate(() => document.querySelector('video').currentTime);
  const begun = Date.now();
  for (let i = 0; i < seconds; i += 1) {
    await sleep(1000);
    samples.push(await page.evaluate(() => window.hls.latency));
  }
  const seen = await page.evaluate(() => ({
    ...window.seen,
    time: document.querySelector('video').currentTime,
    width: document.querySelector('video').videoWidth,
    target: window.hls.targetLatency,
  }));
  return {
    p50_s: median(samples),
    max_s: Math.max(...samples),
    samples: samples.length,
    target_s: seen.target,
    stalls: seen.stalls - before,
    stalls_at_start: before,
    played: (seen.time - from) / ((Date.now() - begun) / 1000),
    width: seen.width,
    errors: seen.errors,
  };
}

const browser = await chromium.launch({
  executablePath: options.chromium,
  args: [
    '--no-sandbox',
    '--autoplay-policy=no-user-gesture-required',
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream=fps=30',
    '--allow-loopback-in-peer-connection',
    '--disable-features=WebRtcHideLocalIpsWithMdns',
    '--disable-background-timer-throttling',
    '--disable-renderer-backgrounding',
    '--disable-backgrounding-occluded-windows',
  ],
});
try {
  const player = await openPage(
    browser,
    '<!doctype html><video muted playsinline></video><script src="/bench-hls.js"></script>',
  );
  await player.evaluate(play, options.playlist);
  say({ ready: Date.now() });
  if (options.whip) {
    const studio = await openPage(browser, '<!doctype html>');
    const published = await studio.evaluate(publish, { whip: options.whip, key: options.key });
    say({ published });
    say({ listed: await firstPartListed() });
    await player.bringToFront();
  }
  await player.waitForFunction(() => window.seen.playing, null, { timeout: START_TIMEOUT_MS });
  say({ playing: await player.evaluate(() => window.seen.playing) });
  if (seconds > 0) say({ latency: await measureLatency(player) });
} catch (error) {
  say({ failed: String(error.message ?? error) });
  process.exitCode = 1;
} finally {
  await browser.close();
}
