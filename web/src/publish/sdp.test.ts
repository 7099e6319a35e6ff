import { describe, expect, it } from "vitest";
import {
  acceptsMedia,
  answerAfterRestart,
  iceCredentials,
  preferH264,
  restartFragment,
  withStereoOpus,
} from "./sdp";

const ANSWER = [
  "v=0",
  "o=- 1 1 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0 1",
  "a=ice-lite",
  "m=video 9 UDP/TLS/RTP/SAVPF 102",
  "a=mid:0",
  "a=ice-ufrag:old1",
  "a=ice-pwd:oldpassword0000000000000",
  "a=fingerprint:sha-256 AA:BB",
  "a=candidate:1 1 udp 2130706431 127.0.0.1 8189 typ host",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=mid:1",
  "a=ice-ufrag:old1",
  "a=ice-pwd:oldpassword0000000000000",
  "a=rtpmap:111 opus/48000/2",
  "a=fmtp:111 minptime=10;useinbandfec=1",
  "",
].join("\r\n");

describe("an ICE restart", () => {
  it("sends the new credentials with the first media section of the bundle", () => {
    expect(restartFragment(ANSWER)).toBe(
      "a=ice-ufrag:old1\r\na=ice-pwd:oldpassword0000000000000\r\n" +
        "m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=mid:0\r\n",
    );
  });

  it("cannot be asked for without credentials", () => {
    expect(restartFragment("v=0\r\nm=video 9 X 1\r\na=mid:0\r\n")).toBeNull();
  });

  it("changes credentials and candidates of the answer and nothing else", () => {
    const fragment =
      "a=ice-ufrag:new2\r\na=ice-pwd:newpassword\r\nm=video 9 X 0\r\na=mid:0\r\n" +
      "a=candidate:7 1 udp 1 10.0.0.1 8189 typ host\r\n";
    const after = answerAfterRestart(ANSWER, fragment) ?? "";
    expect(iceCredentials(after)).toEqual({ ufrag: "new2", pwd: "newpassword" });
    expect(after).not.toContain("old");
    expect(after.match(/a=candidate/g)).toHaveLength(1);
    expect(after).toContain("10.0.0.1");
    expect(after).toContain("a=fingerprint:sha-256 AA:BB");
  });

  it("keeps the candidates when the server names no others", () => {
    const after = answerAfterRestart(ANSWER, "a=ice-ufrag:n\na=ice-pwd:p\n");
    expect(after).toContain("127.0.0.1 8189");
  });

  it("is none when the server answers no credentials", () => {
    expect(answerAfterRestart(ANSWER, "a=mid:0\r\n")).toBeNull();
  });
});

describe("the Opus line", () => {
  it("asks for stereo once and keeps what it had", () => {
    const once = withStereoOpus(ANSWER, 128_000);
    expect(once).toContain(
      "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1;maxaveragebitrate=128000\r\n",
    );
    expect(withStereoOpus(once, 128_000)).toBe(once);
  });

  it("is added where there was none", () => {
    const bare = ANSWER.replace(/a=fmtp.*\r\n/, "");
    expect(withStereoOpus(bare, 96_000)).toContain("a=fmtp:111 stereo=1");
  });

  it("leaves a description without Opus alone", () => {
    const video = "v=0\r\nm=video 9 X 102\r\n";
    expect(withStereoOpus(video, 96_000)).toBe(video);
  });
});

describe("codecs", () => {
  it("come in the order H.264 mode 1, H.264 mode 0, retransmission, others", () => {
    const names = preferH264([
      { mimeType: "video/VP8" },
      { mimeType: "video/rtx" },
      { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=0" },
      { mimeType: "video/AV1" },
      { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=1" },
    ]).map((c) => c.sdpFmtpLine ?? c.mimeType);
    expect(names).toEqual([
      "packetization-mode=1",
      "packetization-mode=0",
      "video/rtx",
      "video/VP8",
      "video/AV1",
    ]);
  });

  it("that were refused are seen by port 0", () => {
    expect(acceptsMedia(ANSWER, "video")).toBe(true);
    expect(acceptsMedia(ANSWER.replace("m=video 9", "m=video 0"), "video")).toBe(false);
  });
});
