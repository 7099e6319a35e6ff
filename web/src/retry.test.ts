import { describe, expect, it } from "vitest";
import { PLAYER_RETRY, PUBLISHER_RETRY, retryDelayMs } from "./retry";

describe("the player's retries", () => {
  it("start at 5 s, grow by half and stop at 60 s", () => {
    const waits = Array.from({ length: 10 }, (_, i) => retryDelayMs(PLAYER_RETRY, i, 0));
    expect(waits.slice(0, 4)).toEqual([5000, 7500, 11250, 16875]);
    expect(Math.max(...waits.map((ms) => ms ?? 0))).toBe(60_000);
  });

  it("take about five minutes in all", () => {
    const total = Array.from({ length: 10 }, (_, i) => retryDelayMs(PLAYER_RETRY, i, 0.5) ?? 0);
    const minutes = total.reduce((a, b) => a + b, 0) / 60_000;
    expect(minutes).toBeGreaterThan(4);
    expect(minutes).toBeLessThan(6);
  });

  it("end after ten", () => {
    expect(retryDelayMs(PLAYER_RETRY, 9, 0)).not.toBeNull();
    expect(retryDelayMs(PLAYER_RETRY, 10, 0)).toBeNull();
  });

  it("are spread by at most a fifth", () => {
    expect(retryDelayMs(PLAYER_RETRY, 0, 0.999)).toBeGreaterThanOrEqual(4000);
    expect(retryDelayMs(PLAYER_RETRY, 0, 0.999)).toBeLessThan(4010);
  });
});

describe("the publisher's retries", () => {
  it("never end and stay under 15 s", () => {
    expect(retryDelayMs(PUBLISHER_RETRY, 0, 0)).toBe(1000);
    expect(retryDelayMs(PUBLISHER_RETRY, 500, 0)).toBe(15_000);
  });
});
