import { describe, expect, it } from "vitest";
import { levelOf, MovementWatch } from "./levelMeter";

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

describe("a microphone that hears", () => {
  const moves = (...levels: number[]): boolean => {
    const watch = new MovementWatch();
    return levels.map((level) => watch.add(level)).some((isMoving) => isMoving);
  };

  it("is loud now and quiet then", () => {
    expect(moves(0.02, 0.05, 0.4)).toBe(true);
    expect(moves(0.5, 0.3)).toBe(true);
  });

  it("is neither silent nor humming", () => {
    expect(moves(0, 0, 0.01)).toBe(false);
    expect(moves(0.3, 0.31, 0.33)).toBe(false);
  });
});
