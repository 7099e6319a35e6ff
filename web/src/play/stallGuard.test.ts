import { describe, expect, it } from "vitest";
import { StallGuard } from "./stallGuard";

const stalled = { isWaiting: true, syncPosition: 10.5, bufferEnd: 10 };

/* The moments, looked at each 100 ms, at which it jumps. */
function jumps(guard: StallGuard, untilMs: number, look: Partial<typeof stalled> = {}): number[] {
  const found: number[] = [];
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 100) {
    if (guard.shouldJump({ ...stalled, ...look, nowMs })) found.push(nowMs);
  }
  return found;
}

describe("the stall guard", () => {
  it("jumps when media has been there for half a second", () => {
    expect(jumps(new StallGuard(), 2_000)).toEqual([500]);
  });

  it("leaves a player alone that plays", () => {
    expect(jumps(new StallGuard(), 20_000, { isWaiting: false })).toEqual([]);
  });

  it("waits for a publisher that pauses", () => {
    expect(jumps(new StallGuard(), 60_000, { syncPosition: 9.6 })).toEqual([]);
    const unknown = { ...stalled, syncPosition: null, nowMs: 10_000 };
    expect(new StallGuard().shouldJump(unknown)).toBe(false);
  });

  it("does not jump again at once on a slow line", () => {
    expect(jumps(new StallGuard(), 12_000)).toEqual([500, 5_500, 10_500]);
  });

  it("starts to count anew with each wait", () => {
    const guard = new StallGuard();
    expect(guard.shouldJump({ ...stalled, nowMs: 0 })).toBe(false);
    expect(guard.shouldJump({ ...stalled, isWaiting: false, nowMs: 400 })).toBe(false);
    expect(guard.shouldJump({ ...stalled, nowMs: 600 })).toBe(false);
    expect(guard.shouldJump({ ...stalled, nowMs: 1_100 })).toBe(true);
  });
});
