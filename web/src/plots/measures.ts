import type { MetricPoint } from "../api/client";
import { formatBitrate, formatMs, formatPercent } from "../format";
import type { Measure } from "./points";

/* What is drawn of a broadcast: one plot for each unit. */
export interface PlotLine {
  label: string;
  measure: Measure;
}

export interface PlotSpec {
  id: string;
  title: string;
  lines: readonly PlotLine[];
  format: (value: number) => string;
  /* On the axis there is little room. */
  formatTick: (value: number) => string;
  /* The axis goes at least so high, so that noise around nothing is not drawn as mountains. */
  topMin: number;
}

const whole = (value: number): string => Math.round(value).toLocaleString("en");

const viewersOf: Measure = (point) => point.webrtcViewers + point.hlsViewers;

const VIEWERS: PlotSpec = {
  id: "viewers",
  title: "Viewers",
  lines: [{ label: "Viewers", measure: viewersOf }],
  format: whole,
  formatTick: (value) => (Number.isInteger(value) ? whole(value) : ""),
  topMin: 5,
};

const VIEWERS_BY_WAY: PlotSpec = {
  ...VIEWERS,
  lines: [
    { label: "All", measure: viewersOf },
    { label: "By WebRTC", measure: (point) => point.webrtcViewers },
  ],
};

/* Viewers by WebRTC get a line of their own when there are some. */
export function viewersSpec(points: readonly MetricPoint[]): PlotSpec {
  return points.some((point) => point.webrtcViewers > 0) ? VIEWERS_BY_WAY : VIEWERS;
}

export const BITRATE: PlotSpec = {
  id: "bitrate",
  title: "Bitrate",
  lines: [{ label: "Bitrate", measure: (point) => point.bitrateKbps }],
  format: (value) => formatBitrate(value),
  formatTick: (value) => (value >= 1000 ? `${value / 1000} M` : value === 0 ? "0" : `${value} k`),
  topMin: 1_000,
};

export const FRAME_RATE: PlotSpec = {
  id: "fps",
  title: "Frame rate",
  lines: [{ label: "Frame rate", measure: (point) => point.fps }],
  format: (value) => `${Math.round(value)} fps`,
  formatTick: whole,
  topMin: 30,
};

export const LOSS: PlotSpec = {
  id: "loss",
  title: "Packet loss",
  lines: [{ label: "Packet loss", measure: (point) => point.packetLoss }],
  format: (value) => formatPercent(value),
  formatTick: (value) => formatPercent(value),
  topMin: 0.05,
};

export const ROUND_TRIP: PlotSpec = {
  id: "rtt",
  title: "Round trip",
  lines: [{ label: "Round trip", measure: (point) => point.rttMs }],
  format: (value) => formatMs(value),
  formatTick: (value) => `${Math.round(value)} ms`,
  topMin: 100,
};
