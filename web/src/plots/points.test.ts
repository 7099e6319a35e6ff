import { describe, expect, it } from "vitest";
import type { MetricPoint } from "../api/client";
import { columnsOf, joined, pointOf, sampled, summaryOf, withLivePoint } from "./points";
import { statusOf } from "../testing/statusOf";
import { tickText } from "./timeAxis";

const START_MS = Date.parse("2026-11-21T10:00:00Z");

function point(atS: number, change: Partial<MetricPoint> = {}): MetricPoint {
  return { ...pointOf(statusOf({}), START_MS + atS * 1000), ...change };
}

describe("the points of a broadcast", () => {
  it("are history, and what was seen since", () => {
    const history = [point(0), point(10)];
    const live = [point(8), point(10), point(12)];
    expect(joined(history, live)).toEqual([point(0), point(10), point(12)]);
    expect(joined([], live)).toEqual(live);
  });

  it("are not kept without end", () => {
    let live: MetricPoint[] = [];
    for (let i = 0; i < 2_000; i++) live = withLivePoint(live, point(i));
    expect(live).toHaveLength(1_800);
    expect(live.at(-1)).toEqual(point(1_999));
  });

  it("break where nothing was measured", () => {
    const points = [point(0, { bitrateKbps: 1 }), point(10, { bitrateKbps: 2 }), point(60, { bitrateKbps: 3 })];
    const { times, values } = columnsOf(points, [(p) => p.bitrateKbps]);
    expect(values).toEqual([[1, 2, null, 3]]);
    expect(times.map((s) => s - START_MS / 1000)).toEqual([0, 10, 35, 60]);
  });

  it("do not break where history was thinned", () => {
    const points = [point(0, { resolutionSeconds: 300 }), point(300, { resolutionSeconds: 300 }), point(310)];
    expect(columnsOf(points, [(p) => p.hlsViewers]).times).toHaveLength(3);
  });

  it("go forward in time, whatever came", () => {
    const points = [point(10), point(10), point(0), { ...point(20), at: "never" }, point(30)];
    expect(columnsOf(points, []).times.map((s) => s - START_MS / 1000)).toEqual([10, 30]);
  });
});

describe("a line in words", () => {
  const text = (value: number): string => `${value}`;

  it("has its least, its most and its end", () => {
    expect(summaryOf([12, null, 40, 38], text)).toBe("from 12 to 40, at the end 38");
    expect(summaryOf([7, 7], text)).toBe("always 7");
    expect(summaryOf([null], text)).toBe("nothing measured");
  });

  it("is a table of bounded length, with both ends", () => {
    expect(sampled(3, 40)).toEqual([0, 1, 2]);
    const rows = sampled(1_000, 40);
    expect([rows.length, rows[0], rows.at(-1)]).toEqual([40, 0, 999]);
  });
});

describe("the ticks of the time axis", () => {
  const at = new Date(2026, 10, 21, 14, 5, 9).getTime() / 1000;
  const midnight = new Date(2026, 10, 21).getTime() / 1000;

  it("show what their distance needs", () => {
    expect(tickText(at, 1)).toContain("14:05:09");
    expect(tickText(at, 600)).toMatch(/14:05$/);
    expect(tickText(at, 86_400)).not.toContain(":");
  });

  it("show the day at midnight", () => {
    expect(tickText(midnight, 3_600)).not.toContain(":");
    expect(tickText(midnight, 600)).toContain(":");
  });
});
