import type { ChannelStatus } from "../api/types";

/* A status as the server tells it of a channel that never was live, with some of it changed. */
export function statusOf(change: Partial<ChannelStatus>): ChannelStatus {
  return {
    channelId: 1,
    isActive: false,
    isLive: false,
    relayStatus: null,
    relayError: null,
    hlsPlaybackUrl: null,
    recordingUrl: null,
    viewerCount: 0,
    webrtcViewers: 0,
    hlsViewers: 0,
    startedAt: null,
    endedAt: null,
    ingest: null,
    health: null,
    healthReason: null,
    bitrateKbps: null,
    fps: null,
    keyframeIntervalMs: null,
    packetLoss: null,
    rttMs: null,
    videoCodec: null,
    audioCodec: null,
    width: null,
    height: null,
    ...change,
  };
}
