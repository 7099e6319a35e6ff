// A Chromium that publishes by WHIP, moved by lines of JSON: {"id", "command", ...} on stdin,
// {"id", "result"} or {"id", "error"} on stdout. The first line that it writes holds the process
// id of the browser. See BROWSER in media_whip_test.py for the other side.
import { createInterface } from 'node:readline';
import { chromium } from '../browser/node_modules/playwright-core/index.mjs';

const { origin, flags = [] } = JSON.parse(process.argv[2]);
const server = await chromium.launchServer({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-features=WebRtcHideLocalIpsWithMdns',
    ...flags,
  ],
});
const browser = await chromium.connect(server.wsEndpoint());
const page = await browser.newPage();
page.on('console', (message) => process.stderr.write(`console: ${message.text()}\n`));
page.on('pageerror', (error) => process.stderr.write(`page: ${error}\n`));
await page.goto(origin);

// What runs in the page. Each command gets the whole line.
const commands = {
  async publish({ url, key, audio = true, video = true, codec = 'video/H264', size = [640, 360],
    rate = 30, source = 'device', dtx = false, candidates = null, preference = null }) {
    const capture = async () => {
      if (source === 'device')
        return navigator.mediaDevices.getUserMedia({
          audio, video: video && { width: size[0], height: size[1], frameRate: rate } });
      return window.flashAndBeep(size, rate);
    };
    const stream = await capture();
    window.stream = stream;
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    window.pc = pc;
    window.states = [];
    pc.onconnectionstatechange = () => window.states.push(pc.connectionState);
    for (const track of stream.getTracks()) {
      const sender = pc.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
      if (track.kind === 'video')
        sender.setCodecPreferences(RTCRtpSender.getCapabilities('video').codecs.filter(
          (c) => c.mimeType === codec));
      if (track.kind === 'video' && preference)
        await sender.sender.setParameters({ ...sender.sender.getParameters(),
          degradationPreference: preference });
    }
    const offer = await pc.createOffer();
    if (dtx) offer.sdp = offer.sdp.replace('useinbandfec=1', 'useinbandfec=1;usedtx=1');
    await pc.setLocalDescription(offer);
    const begun = Date.now();
    const response = await fetch(url, { method: 'POST', body: offer.sdp, headers: {
      'Content-Type': 'application/sdp', ...(key ? { Authorization: `Bearer ${key}` } : {}) } });
    const answer = await response.text();
    const result = { status: response.status, location: response.headers.get('location'),
      etag: response.headers.get('etag'), answer, offer: offer.sdp, begun };
    if (response.status !== 201) return result;
    window.session = new URL(result.location, url).href;
    window.etag = result.etag;
    window.redirect = (sdp) => window.candidates ? sdp.split('\r\n').map((line) => {
      if (!line.startsWith('a=candidate:')) return line;
      const words = line.split(' ');
      if (window.candidates.tcp) return words[2].toLowerCase() === 'tcp' ? line : null;
      if (words[2].toLowerCase() !== 'udp') return null;
      words[5] = String(window.candidates.port);
      return words.join(' ');
    }).filter((line) => line !== null).join('\r\n') : sdp;
    window.candidates = candidates;
    await pc.setRemoteDescription({ type: 'answer', sdp: window.redirect(answer) });
    return result;
  },

  async stats() {
    const found = { state: window.pc.connectionState, ice: window.pc.iceConnectionState,
      states: window.states };
    const all = await window.pc.getStats();
    for (const row of all.values()) {
      if (row.type === 'outbound-rtp')
        found[row.kind] = { bytes: row.bytesSent, frames: row.framesEncoded, width: row.frameWidth,
          height: row.frameHeight, nacks: row.nackCount, plis: row.pliCount,
          keyframes: row.keyFramesEncoded, firs: row.firCount, limit: row.qualityLimitationReason,
          target: row.targetBitrate, resent: row.retransmittedPacketsSent };
      if (row.type === 'candidate-pair' && row.nominated && row.state === 'succeeded') {
        found.available = row.availableOutgoingBitrate;
        found.protocol = all.get(row.localCandidateId)?.protocol;
        found.port = all.get(row.remoteCandidateId)?.port;
      }
    }
    return found;
  },

  async restartIce() {
    const pc = window.pc;
    const offer = await pc.createOffer({ iceRestart: true });
    await pc.setLocalDescription(offer);
    const pick = (name) => offer.sdp.match(new RegExp(`^a=${name}:.*$`, 'm'))[0].trim();
    const frag = [pick('ice-ufrag'), pick('ice-pwd'), 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0',
      ''].join('\r\n');
    const response = await fetch(window.session, { method: 'PATCH', body: frag, headers: {
      'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': window.etag } });
    const body = await response.text();
    if (response.status !== 200) return { status: response.status, body };
    const take = (name) => body.match(new RegExp(`^a=${name}:(.*)$`, 'm'))[1].trim();
    const sdp = pc.currentRemoteDescription.sdp
      .replace(/a=ice-ufrag:.*/g, `a=ice-ufrag:${take('ice-ufrag')}`)
      .replace(/a=ice-pwd:.*/g, `a=ice-pwd:${take('ice-pwd')}`);
    await pc.setRemoteDescription({ type: 'answer', sdp });
    const old = window.etag;
    window.etag = response.headers.get('etag');
    return { status: response.status, body, old, etag: window.etag };
  },

  async request({ url, method, headers, body }) {
    const response = await fetch(url, { method, headers, body });
    return { status: response.status, body: await response.text() };
  },

  async end() {
    const response = await fetch(window.session, { method: 'DELETE' });
    window.pc.close();
    return { status: response.status };
  },

  async enable({ kind, enabled }) {
    for (const track of window.stream.getTracks())
      if (track.kind === kind) track.enabled = enabled;
  },

  async replace({ size }) {
    const stream = await navigator.mediaDevices.getUserMedia({
      video: { width: size[0], height: size[1], frameRate: 30 } });
    const sender = window.pc.getSenders().find((s) => s.track?.kind === 'video');
    await sender.replaceTrack(stream.getVideoTracks()[0]);
  },
};

// A picture that is white for 100 ms each second, and a tone that sounds meanwhile.
await page.evaluate(() => {
  window.flashAndBeep = async (size, rate) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = size;
    const draw = canvas.getContext('2d');
    const audio = new AudioContext({ sampleRate: 48000 });
    await audio.resume();
    const tone = new OscillatorNode(audio, { frequency: 1000 });
    const gain = new GainNode(audio, { gain: 0 });
    const out = audio.createMediaStreamDestination();
    tone.connect(gain).connect(out);
    tone.start();
    const video = canvas.captureStream(rate).getVideoTracks()[0];
    let on = false;
    let count = 0;
    setInterval(() => {
      const flash = performance.now() % 1000 < 100;
      if (flash !== on) gain.gain.value = flash ? 0.5 : 0;
      on = flash;
      draw.fillStyle = flash ? 'white' : `rgb(0,0,${count++ % 64})`;
      draw.fillRect(0, 0, ...size);
    }, 1000 / rate / 2);
    return new MediaStream([video, ...out.stream.getAudioTracks()]);
  };
});

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
say({ pid: server.process().pid });
for await (const line of createInterface({ input: process.stdin })) {
  const { id, command, ...rest } = JSON.parse(line);
  try {
    say({ id, result: (await page.evaluate(commands[command], rest)) ?? null });
  } catch (error) {
    say({ id, error: String(error) });
  }
}
await browser.close();
await server.close();
