import { describe, expect, it } from "vitest";
import { levelOf } from "./levelMeter";

describe("the level of a microphone", () => {
  it("is nothing in silence and full at full scale", () => {
    expect(levelOf(new Float32Array(512))).toBe(0);
    expect(levelOf(new Float32Array(512).fill(1))).toBe(1);
    expect(levelOf(new Float32Array(0))).toBe(0);
  });

  it("grows evenly with the decibels", () => {
    expect(levelOf(new Float32Array(64).fill(0.1))).toBeCloseTo(2 / 3, 2);
    expect(levelOf(new Float32Array(64).fill(0.01))).toBeCloseTo(1 / 3, 2);
  });
});
