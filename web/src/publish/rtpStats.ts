/*
 * What the browser itself measures of the sending side. Reports are cumulative, so rates come from two of
 * them; see https://www.w3.org/TR/webrtc-stats/ for the members.
 */
export interface PublishStats {
  bitrateKbps: number | null;
  fps: number | null;
  rttMs: number | null;
  /* 0 to 1 */
  packetLoss: number | null;
  width: number | null;
  height: number | null;
  codec: string | null;
  /* "cpu" or "bandwidth" when the encoder sends less than it was asked to. */
  limitedBy: string | null;
}

/* The members that are read, of any report. */
export interface StatsReport {
  id: string;
  type: string;
  timestamp: number;
  kind?: string;
  bytesSent?: number;
  framesPerSecond?: number;
  frameWidth?: number;
  frameHeight?: number;
  qualityLimitationReason?: string;
  codecId?: string;
  mimeType?: string;
  roundTripTime?: number;
  fractionLost?: number;
  nominated?: boolean;
  currentRoundTripTime?: number;
}

export interface BytesSent {
  bytes: number;
  atMs: number;
}

export function bytesSent(reports: readonly StatsReport[]): BytesSent | null {
  const outbound = reports.filter((r) => r.type === "outbound-rtp");
  if (outbound.length === 0) return null;
  const bytes = outbound.reduce((sum, r) => sum + (r.bytesSent ?? 0), 0);
  return { bytes, atMs: Math.max(...outbound.map((r) => r.timestamp)) };
}

function bitrate(now: BytesSent | null, before: BytesSent | null): number | null {
  if (now === null || before === null || now.atMs <= before.atMs) return null;
  /* After a reconnect the counters start again. */
  if (now.bytes < before.bytes) return null;
  return ((now.bytes - before.bytes) * 8) / (now.atMs - before.atMs);
}

export function publishStats(
  reports: readonly StatsReport[],
  before: BytesSent | null,
): PublishStats {
  const video = reports.find((r) => r.type === "outbound-rtp" && r.kind === "video");
  const remote = reports.find((r) => r.type === "remote-inbound-rtp" && r.kind === "video");
  const pair = reports.find((r) => r.type === "candidate-pair" && r.nominated === true);
  const codec = reports.find((r) => r.type === "codec" && r.id === video?.codecId);
  const rtt = remote?.roundTripTime ?? pair?.currentRoundTripTime ?? null;
  const limit = video?.qualityLimitationReason ?? "none";
  return {
    bitrateKbps: bitrate(bytesSent(reports), before),
    fps: video?.framesPerSecond ?? null,
    rttMs: rtt === null ? null : rtt * 1000,
    packetLoss: remote?.fractionLost ?? null,
    width: video?.frameWidth ?? null,
    height: video?.frameHeight ?? null,
    codec: codec?.mimeType?.replace(/^video\//i, "") ?? null,
    limitedBy: limit === "none" ? null : limit,
  };
}
