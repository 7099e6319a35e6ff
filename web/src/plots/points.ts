import type { MetricPoint } from "../api/client";
import type { ChannelStatus } from "../api/types";

/*
 * The numbers of a broadcast over time: what the server has kept, and at its end what this page saw since.
 */

/* Live points come with each status, kept points each 10 s or more: without an entry for so long it is a gap. */
const GAP_FACTOR = 2.5;
const LIVE_RESOLUTION_S = 10;
/* More than the server's history is behind: half an hour of a status a second. */
const LIVE_POINTS_MAX = 1_800;

export function pointOf(status: ChannelStatus, atMs: number): MetricPoint {
  return {
    at: new Date(atMs).toISOString(),
    bitrateKbps: status.bitrateKbps,
    fps: status.fps,
    keyframeIntervalMs: status.keyframeIntervalMs,
    packetLoss: status.packetLoss,
    rttMs: status.rttMs,
    webrtcViewers: status.webrtcViewers,
    hlsViewers: status.hlsViewers,
    health: status.health,
    resolutionSeconds: LIVE_RESOLUTION_S,
  };
}

export function withLivePoint(live: readonly MetricPoint[], point: MetricPoint): MetricPoint[] {
  return [...live.slice(-(LIVE_POINTS_MAX - 1)), point];
}

/* History, and the live points that it does not cover yet. */
export function joined(
  history: readonly MetricPoint[],
  live: readonly MetricPoint[],
): MetricPoint[] {
  const end = history.at(-1);
  const endMs = end === undefined ? -Infinity : Date.parse(end.at);
  return [...history, ...live.filter((point) => Date.parse(point.at) > endMs)];
}

export type Measure = (point: MetricPoint) => number | null;

/* One array of times in seconds and one for each measure; where nothing was measured the line breaks. */
export interface Columns {
  times: number[];
  values: (number | null)[][];
}

export function columnsOf(points: readonly MetricPoint[], measures: readonly Measure[]): Columns {
  const columns: Columns = { times: [], values: measures.map(() => []) };
  let before: { atS: number; resolutionS: number } | null = null;
  for (const point of points) {
    const atS = Date.parse(point.at) / 1000;
    if (Number.isNaN(atS) || (before !== null && atS <= before.atS)) continue;
    const resolutionS = Math.max(point.resolutionSeconds, before?.resolutionS ?? 0);
    if (before !== null && atS - before.atS > GAP_FACTOR * resolutionS) {
      columns.times.push((before.atS + atS) / 2);
      for (const column of columns.values) column.push(null);
    }
    columns.times.push(atS);
    measures.forEach((measure, i) => columns.values[i]?.push(measure(point)));
    before = { atS, resolutionS: point.resolutionSeconds };
  }
  return columns;
}

/* "from 12 to 40, now 38": what a line looks like, for who does not see it. */
export function summaryOf(
  values: readonly (number | null)[],
  format: (value: number) => string,
): string {
  const known = values.filter((value) => value !== null);
  const last = known.at(-1);
  if (last === undefined) return "nothing measured";
  const least = known.reduce((a, b) => Math.min(a, b));
  const most = known.reduce((a, b) => Math.max(a, b));
  if (least === most) return `always ${format(last)}`;
  return `from ${format(least)} to ${format(most)}, at the end ${format(last)}`;
}

/* At most `count` rows, evenly taken, the last one among them. */
export function sampled(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, i) => i);
  const step = (length - 1) / (count - 1);
  return Array.from({ length: count }, (_, i) => Math.round(i * step));
}
