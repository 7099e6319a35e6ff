import { describe, expect, it } from "vitest";
import { bytesSent, publishStats, type StatsReport } from "./rtpStats";

function reports(bytes: number, timestamp: number): StatsReport[] {
  return [
    {
      id: "v",
      type: "outbound-rtp",
      kind: "video",
      timestamp,
      bytesSent: bytes,
      framesPerSecond: 30,
      frameWidth: 1280,
      frameHeight: 720,
      codecId: "c",
      qualityLimitationReason: "cpu",
    },
    { id: "a", type: "outbound-rtp", kind: "audio", timestamp, bytesSent: 1000 },
    { id: "r", type: "remote-inbound-rtp", kind: "video", timestamp, roundTripTime: 0.02, fractionLost: 0.01 },
    { id: "c", type: "codec", timestamp, mimeType: "video/H264" },
  ];
}

describe("what the browser measures", () => {
  it("gives the rate between two reports, sound included", () => {
    const before = bytesSent(reports(10_000, 1_000));
    expect(publishStats(reports(322_500, 2_000), before)).toEqual({
      bitrateKbps: 2500,
      fps: 30,
      rttMs: 20,
      packetLoss: 0.01,
      width: 1280,
      height: 720,
      codec: "H264",
      limitedBy: "cpu",
    });
  });

  it("has no rate from one report, nor across a reconnect", () => {
    expect(publishStats(reports(10_000, 1_000), null).bitrateKbps).toBeNull();
    const before = bytesSent(reports(900_000, 1_000));
    expect(publishStats(reports(5_000, 2_000), before).bitrateKbps).toBeNull();
  });

  it("takes the round trip of the candidate pair when the server sends no report", () => {
    const pair = [
      { id: "p", type: "candidate-pair", timestamp: 1, nominated: true, currentRoundTripTime: 0.005 },
    ];
    expect(publishStats(pair, null)).toMatchObject({ rttMs: 5, packetLoss: null, fps: null });
  });
});
