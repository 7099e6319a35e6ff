/*
 * The JSON that the server speaks under /api/v1. Times are ISO 8601 text, durations carry their unit in
 * the name, a value that is not known is null.
 */

export type RelayStatus =
  | "starting"
  | "active"
  | "reconnecting"
  | "stopping"
  | "stopped"
  | "error";

export type Health = "good" | "fair" | "poor";

export interface Channel {
  id: number;
  title: string;
  isActive: boolean;
  isLive: boolean;
  relayStatus: RelayStatus | null;
  viewerCount: number;
  startedAt: string | null;
  endedAt: string | null;
  hlsPlaybackUrl: string | null;
  watchUrl: string;
  studioUrl: string;
  createdAt: string;
}

/* What a publisher needs; only answered to who shows the channel's stream key or the admin key. */
export interface PublishAccess {
  streamKey: string;
  whipUrl: string;
  /* null: the server takes no RTMP */
  rtmpUrl: string | null;
}

/* What `start` answers: beside the key a token that publishes and nothing else, for a while. */
export interface PublishGrant extends PublishAccess {
  token: string;
  tokenExpiresAt: string;
}

export interface ChannelDetail extends Channel {
  /* As `publish`; null: as the server is configured. */
  maxDurationSeconds?: number | null;
  publish?: PublishAccess;
}

export interface CreatedChannel extends PublishAccess {
  id: number;
  title: string;
  hlsPlaybackUrl: string;
  studioUrl: string;
  watchUrl: string;
}

export interface ChannelStatus {
  channelId: number;
  isActive: boolean;
  /* True once the HLS playlist can be played, not merely once somebody publishes. */
  isLive: boolean;
  relayStatus: RelayStatus | null;
  relayError: string | null;
  hlsPlaybackUrl: string | null;
  recordingUrl: string | null;
  viewerCount: number;
  webrtcViewers: number;
  hlsViewers: number;
  startedAt: string | null;
  endedAt: string | null;
  ingest: "whip" | "rtmp" | "rtmps" | null;
  health: Health | null;
  healthReason: string | null;
  bitrateKbps: number | null;
  fps: number | null;
  keyframeIntervalMs: number | null;
  /* 0 to 1 */
  packetLoss: number | null;
  rttMs: number | null;
  videoCodec: string | null;
  audioCodec: string | null;
  width: number | null;
  height: number | null;
}

/* RFC 9457 with the stable `code` that programs compare; `detail` is a sentence for people. */
export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  code?: string;
  detail?: string;
  errors?: FieldProblem[];
}

export interface FieldProblem {
  field: string;
  message: string;
}

/* A piece of a list; null: there is no more. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface PageQuery {
  limit: number;
  /* null: from the beginning */
  cursor: string | null;
}
