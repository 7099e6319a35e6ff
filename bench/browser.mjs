/*
 * browser - what a real Chromium sees: how soon hls.js plays, and how far behind it stays.
 *
 *     node bench/browser.mjs --base http://127.0.0.1:8080 --playlist /hls/1/index.m3u8
 *          [--media-playlist /hls/1/live.m3u8] [--watch /watch/1] [--whip /whip/1 --key KEY]
          [--seconds 30]
 *
 * Writes lines of JSON: {"ready"} when the page waits for the playlist; with --whip {"published"}
 * and {"listed"}, the first part; {"playing"} when the picture moves; {"latency"} at the end. Times
 * are wall clock milliseconds. Without --whip somebody else publishes after "ready".
 *
 * With --watch the player is our watch page and the latency is what its badge says (to 0.1 s).
 * Without it the player is hls.js as it comes, with lowLatencyMode, in a page that is made here and
 * served to the browser under the server's own origin: it cannot start before the playlist has a
 * whole segment. playwright-core comes from tests/browser, hls.js from web; --root names the folder
 * that has both.
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
    watch: { type: 'string' },
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

/** Runs in the page: notes when the picture moves for the first time, and stalls after that. */
function observe() {
  const seen = { playing: 0, stalls: 0, errors: [] };
  window.seen = seen;
  const watch = () => {
    const video = document.querySelector('video');
    if (!video || video.paused || video.readyState < 3 || video.currentTime === 0) {
      setTimeout(watch, 5);
      return;
    }
    const from = video.currentTime;
    const at = Date.now();
    requestAnimationFrame(() => {
      if (video.currentTime === from) {
        watch();
        return;
      }
      seen.playing = at;
      video.addEventListener('waiting', () => (seen.stalls += 1));
    });
  };
  watch();
}

/** Runs in the page: plays with hls.js as soon as there is a playlist. */
function play(playlist) {
  const video = document.querySelector('video');
  const hls = new window.Hls({ lowLatencyMode: true });
  window.hls = hls;
  hls.on(window.Hls.Events.ERROR, (_, data) => {
    if (window.seen.errors.length < 20) window.seen.errors.push(data.details);
    if (data.fatal && data.type === 'mediaError') hls.recoverMediaError();
  });
  hls.attachMedia(video);
  video.play().catch(() => {});
  const ask = async () => {
    const answer = await fetch(playlist, { cache: 'no-store' }).catch(() => null);
    if (answer && answer.ok) hls.loadSource(playlist);
    else setTimeout(ask, 25);
  };
  ask();
}

/** Runs in the page: seconds behind the live edge, or null. */
function latency() {
  if (window.hls) return window.hls.latency;
  const badge = document.querySelector('.stoa-latency')?.textContent ?? '';
  const number = badge.match(/[0-9]+\.[0-9]+/);
  return number ? Number(number[0]) : null;
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

async function openPlayer(browser) {
  if (options.watch) {
    const page = await browser.newPage();
    await page.goto(options.base + options.watch);
    await page.evaluate(observe);
    await sleep(1000); /* what the page loads ahead is there before anybody publishes */
    return page;
  }
  const page = await openPage(
    browser,
    '<!doctype html><video muted playsinline></video><script src="/bench-hls.js"></script>',
  );
  await page.evaluate(observe);
  await page.evaluate(play, options.playlist);
  return page;
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
    samples.push(await page.evaluate(latency));
  }
  const seen = await page.evaluate(() => ({
    ...window.seen,
    time: document.querySelector('video').currentTime,
    width: document.querySelector('video').videoWidth,
    target: window.hls?.targetLatency ?? null,
  }));
  const known = samples.filter((sample) => sample !== null);
  return {
    p50_s: median(known),
    max_s: Math.max(...known),
    samples: known.length,
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
  const player = await openPlayer(browser);
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
