/*
 * The few things that a WHIP client must read and change in session descriptions. Plain text work, line by
 * line; everything not named here stays untouched.
 */

export interface IceCredentials {
  ufrag: string;
  pwd: string;
}

function linesOf(sdp: string): string[] {
  return sdp.split(/\r\n|\n/).filter((line) => line !== "");
}

function joined(lines: string[]): string {
  return lines.map((line) => `${line}\r\n`).join("");
}

function valueOf(lines: string[], name: string): string | null {
  const prefix = `a=${name}:`;
  return lines.find((line) => line.startsWith(prefix))?.slice(prefix.length) ?? null;
}

export function iceCredentials(sdp: string): IceCredentials | null {
  const lines = linesOf(sdp);
  const ufrag = valueOf(lines, "ice-ufrag");
  const pwd = valueOf(lines, "ice-pwd");
  return ufrag === null || pwd === null ? null : { ufrag, pwd };
}

/*
 * The body of the PATCH that restarts ICE (RFC 8840 section 9, RFC 9725 section 4.3.3): the new credentials
 * and the first media section of the bundle with its mid.
 */
export function restartFragment(offer: string): string | null {
  const credentials = iceCredentials(offer);
  const lines = linesOf(offer);
  const media = lines.find((line) => line.startsWith("m="));
  const mid = valueOf(lines, "mid");
  if (credentials === null || media === undefined || mid === null) return null;
  return joined([
    `a=ice-ufrag:${credentials.ufrag}`,
    `a=ice-pwd:${credentials.pwd}`,
    media,
    `a=mid:${mid}`,
  ]);
}

/*
 * The server's answer with the credentials and candidates of a restart: the rest of the session (codecs,
 * DTLS fingerprint) is the same. Null when the fragment has no credentials.
 */
export function answerAfterRestart(answer: string, fragment: string): string | null {
  const credentials = iceCredentials(fragment);
  if (credentials === null) return null;
  const candidates = linesOf(fragment).filter((line) => line.startsWith("a=candidate:"));
  const result: string[] = [];
  let hasCandidates = false;
  for (const line of linesOf(answer)) {
    if (line.startsWith("a=ice-ufrag:")) result.push(`a=ice-ufrag:${credentials.ufrag}`);
    else if (line.startsWith("a=ice-pwd:")) result.push(`a=ice-pwd:${credentials.pwd}`);
    else if (line.startsWith("a=candidate:") && candidates.length > 0) {
      if (!hasCandidates) result.push(...candidates);
      hasCandidates = true;
    } else result.push(line);
  }
  return joined(result);
}

/*
 * Chrome sends Opus in stereo only when the *answer* asks for it (RFC 7587 section 6.1), so the parameters
 * are added to the answer's Opus line before it is applied.
 */
export function withStereoOpus(sdp: string, maxAverageBitrate: number): string {
  const lines = linesOf(sdp);
  const rtpmap = lines.find((line) => /^a=rtpmap:\d+ opus\/48000/i.test(line));
  const payloadType = rtpmap === undefined ? null : /^a=rtpmap:(\d+)/.exec(rtpmap)?.[1];
  if (rtpmap === undefined || payloadType == null) return sdp;
  const prefix = `a=fmtp:${payloadType} `;
  const wanted = new Map([
    ["stereo", "1"],
    ["sprop-stereo", "1"],
    ["maxaveragebitrate", String(maxAverageBitrate)],
  ]);
  const old = lines.find((line) => line.startsWith(prefix));
  const parameters = (old?.slice(prefix.length) ?? "").split(";").map((part) => part.trim());
  const kept = parameters.filter((part) => part !== "" && !wanted.has(part.split("=")[0] ?? ""));
  const fmtp = prefix + [...kept, ...[...wanted].map(([k, v]) => `${k}=${v}`)].join(";");
  if (old !== undefined) return joined(lines.map((line) => (line === old ? fmtp : line)));
  return joined(lines.flatMap((line) => (line === rtpmap ? [line, fmtp] : [line])));
}

/* True when the answer takes the media section of this kind (its port is not 0). */
export function acceptsMedia(answer: string, kind: "audio" | "video"): boolean {
  return linesOf(answer).some((line) => line.startsWith(`m=${kind} `) && !/^m=\w+ 0 /.test(line));
}

interface Codec {
  mimeType: string;
  sdpFmtpLine?: string;
}

function rank(codec: Codec): number {
  const name = codec.mimeType.toLowerCase();
  if (name !== "video/h264") return name === "video/rtx" ? 2 : 3;
  return codec.sdpFmtpLine?.includes("packetization-mode=1") ? 0 : 1;
}

/*
 * H.264 first, in packetization mode 1 before mode 0: HLS carries it without touching the picture. The others
 * stay in the offer, so that a browser without H.264 gets the server's sentence and not a broken offer.
 */
export function preferH264<T extends Codec>(codecs: readonly T[]): T[] {
  return [...codecs].sort((a, b) => rank(a) - rank(b));
}
