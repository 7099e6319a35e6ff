import { pageOf, request, withQuery } from "./http";
import type { Health, Page, PageQuery, RelayStatus } from "./types";

/* What belongs to one broadcast of a channel: who may publish it, its relay, its recording, its numbers. */

export interface PublishToken {
  token: string;
  expiresAt: string;
}

/* A token for a broadcast that goes on already; `start` answers one as well. */
export async function createPublishToken(
  channelId: number,
  key: string | null,
): Promise<PublishToken> {
  const options = { method: "POST", key } as const;
  return (await request(`/api/v1/channels/${channelId}/publish-tokens`, options)) as PublishToken;
}

/* ---- relay ---- */

export interface Relay {
  channelId: number;
  title: string;
  isActive: boolean;
  status: RelayStatus | null;
  error: string | null;
  viewerCount: number;
  /* kbit/s */
  bitrate: number | null;
  fps: number | null;
  health: Health | null;
  healthReason: string | null;
  startedAt: string | null;
}

export async function startRelay(channelId: number, key: string | null): Promise<void> {
  await request(`/api/v1/channels/${channelId}/relay/start`, { method: "POST", key });
}

export async function stopRelay(channelId: number, key: string | null): Promise<void> {
  await request(`/api/v1/channels/${channelId}/relay/stop`, { method: "POST", key });
}

export async function listRelays(
  query: PageQuery,
  signal?: AbortSignal,
): Promise<Page<Relay>> {
  const answer = (await request("/api/v1/relays", { signal })) as { relays: Relay[] };
  return pageOf(answer.relays, query);
}

/* ---- recording ---- */

export interface Recording {
  isRecording: boolean;
  startedAt: string | null;
  bytes: number;
  durationSeconds: number;
  /* The playlist of the newest one; null: there is none. */
  url: string | null;
  /* Why the last one ended by itself. */
  reason: string | null;
}

export async function getRecording(
  channelId: number,
  key: string | null,
  signal?: AbortSignal,
): Promise<Recording> {
  return (await request(`/api/v1/channels/${channelId}/recording`, { key, signal })) as Recording;
}

export async function startRecording(channelId: number, key: string | null): Promise<void> {
  await request(`/api/v1/channels/${channelId}/recording/start`, { method: "POST", key });
}

export async function stopRecording(channelId: number, key: string | null): Promise<void> {
  await request(`/api/v1/channels/${channelId}/recording/stop`, { method: "POST", key });
}

/* ---- history ---- */

export interface Broadcast {
  id: number;
  startedAt: string | null;
  endedAt: string | null;
  durationSeconds: number | null;
  endReason: string | null;
  peakViewers: number;
  recordingUrl: string | null;
}

export async function listBroadcasts(
  channelId: number,
  query: PageQuery,
  key: string | null,
  signal?: AbortSignal,
): Promise<Page<Broadcast>> {
  const path = withQuery(`/api/v1/channels/${channelId}/broadcasts`, { ...query });
  const answer = (await request(path, { key, signal })) as {
    broadcasts: Broadcast[];
    nextCursor: string | null;
  };
  return { items: answer.broadcasts, nextCursor: answer.nextCursor };
}

export interface MetricPoint {
  at: string;
  bitrateKbps: number | null;
  fps: number | null;
  keyframeIntervalMs: number | null;
  /* 0 to 1 */
  packetLoss: number | null;
  rttMs: number | null;
  webrtcViewers: number;
  hlsViewers: number;
  health: Health | null;
  /* How long the point stands for: 10, and more where history was thinned. */
  resolutionSeconds: number;
}

export interface MetricQuery {
  from?: string;
  until?: string;
  broadcastId?: number;
}

/* A page has 10,000 points, which is more than a day of one each ten seconds; older history is thinned. */
const METRICS_PAGES_MAX = 4;

/* All of a span of time, oldest first. */
export async function listMetrics(
  channelId: number,
  query: MetricQuery,
  key: string | null,
  signal?: AbortSignal,
): Promise<MetricPoint[]> {
  const points: MetricPoint[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < METRICS_PAGES_MAX; page++) {
    const path: string = withQuery(`/api/v1/channels/${channelId}/metrics`, {
      ...query,
      cursor,
    });
    const answer = (await request(path, { key, signal })) as {
      points: MetricPoint[];
      nextCursor: string | null;
    };
    points.push(...answer.points);
    cursor = answer.nextCursor;
    if (cursor === null) break;
  }
  return points;
}
