import type { ChannelStatus } from "../api/types";
import { formatBitrate, formatMs, formatPercent } from "../format";
import type { PublishStats } from "./rtpStats";

/*
 * The numbers behind the light. What leaves this browser is measured here each second; what arrives is told
 * by the server. The nearer source wins where both know.
 */
export interface BroadcastNumber {
  name: string;
  value: string;
}

export function broadcastNumbers(
  status: ChannelStatus | null,
  local: PublishStats | null,
): BroadcastNumber[] {
  const fps = local?.fps ?? status?.fps ?? null;
  const keyframeMs = status?.keyframeIntervalMs ?? null;
  return [
    { name: "Bitrate", value: formatBitrate(local?.bitrateKbps ?? status?.bitrateKbps ?? null) },
    { name: "Frame rate", value: fps === null ? "–" : `${Math.round(fps)} fps` },
    { name: "Round trip", value: formatMs(local?.rttMs ?? status?.rttMs ?? null) },
    { name: "Packet loss", value: formatPercent(local?.packetLoss ?? status?.packetLoss ?? null) },
    { name: "Key frames", value: keyframeMs === null ? "–" : `${(keyframeMs / 1000).toFixed(1)} s` },
    { name: "Picture", value: pictureText(status, local) },
  ];
}

function pictureText(status: ChannelStatus | null, local: PublishStats | null): string {
  const width = local?.width ?? status?.width ?? null;
  const height = local?.height ?? status?.height ?? null;
  return width === null || height === null ? "–" : `${width}×${height}`;
}
