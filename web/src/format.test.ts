import { describe, expect, it } from "vitest";
import {
  elapsedMs,
  formatBitrate,
  formatBytes,
  formatDuration,
  formatMoment,
  formatMs,
  formatPercent,
  formatSpan,
  formatViewers,
} from "./format";

describe("numbers for people", () => {
  it("show a dash for what is not known", () => {
    expect([formatBitrate(null), formatPercent(null), formatMs(null)]).toEqual(["–", "–", "–"]);
  });

  it("change the unit of a bitrate at one megabit", () => {
    expect(formatBitrate(999)).toBe("999 kbit/s");
    expect(formatBitrate(2512)).toBe("2.51 Mbit/s");
    expect(formatBitrate(12_345)).toBe("12.3 Mbit/s");
  });

  it("show small losses and hide the decimals of large ones", () => {
    expect(formatPercent(0)).toBe("0 %");
    expect(formatPercent(0.004)).toBe("0.4 %");
    expect(formatPercent(0.25)).toBe("25 %");
  });

  it("give bytes the unit that fits", () => {
    expect(formatBytes(0)).toBe("0 B");
    expect(formatBytes(1_240_000)).toBe("1.2 MB");
    expect(formatBytes(54_000_000_000)).toBe("54 GB");
    expect(formatBytes(9e15)).toBe("9000 TB");
  });

  it("count one viewer as one", () => {
    expect(formatViewers(1)).toBe("1 viewer");
    expect(formatViewers(0)).toBe("0 viewers");
    expect(formatViewers(12_345)).toBe("12,345 viewers");
  });
});

describe("times for people", () => {
  it("show hours only when there are some", () => {
    expect(formatDuration(7_000)).toBe("0:07");
    expect(formatDuration(3_847_000)).toBe("1:04:07");
    expect(formatDuration(-5)).toBe("0:00");
  });

  it("say spans in the largest unit that helps", () => {
    expect(formatSpan(20_000)).toBe("less than a minute");
    expect(formatSpan(12 * 60_000)).toBe("12 min");
    expect(formatSpan(185 * 60_000)).toBe("3 h 5 min");
    expect(formatSpan(49 * 3_600_000)).toBe("2 days");
  });

  it("say today instead of the date", () => {
    const now = new Date(2026, 10, 21, 16, 0);
    expect(formatMoment(new Date(2026, 10, 21, 15, 38).toISOString(), now)).toMatch(/^today .*38/);
    expect(formatMoment(new Date(2026, 10, 20, 15, 38).toISOString(), now)).toMatch(/20.*38/);
    expect(formatMoment(new Date(2027, 10, 21, 15, 38).toISOString(), now)).toMatch(/2027$|^2027|, 2027/);
    expect(formatMoment("no time", now)).toBe("");
  });

  it("never count backwards when the clocks differ", () => {
    expect(elapsedMs("2026-01-01T00:00:10Z", Date.parse("2026-01-01T00:00:00Z"))).toBe(0);
    expect(elapsedMs("no time", 0)).toBeNull();
    expect(elapsedMs(null, 0)).toBeNull();
  });
});
