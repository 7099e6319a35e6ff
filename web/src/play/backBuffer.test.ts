import { describe, expect, it } from "vitest";
import { backBufferToDrop } from "./backBuffer";

const late = { start: 100, currentTime: 116, isCaughtUp: true };

describe("the back buffer", () => {
  it("is dropped up to eight seconds behind the picture", () => {
    expect(backBufferToDrop(late)).toBe(108);
    expect(backBufferToDrop({ ...late, currentTime: 500 })).toBe(492);
  });

  it("gathers before it is dropped", () => {
    expect(backBufferToDrop({ ...late, currentTime: 115.9 })).toBeNull();
    expect(backBufferToDrop({ ...late, start: 108 })).toBeNull();
  });

  it("is left alone while something is to be loaded", () => {
    expect(backBufferToDrop({ ...late, isCaughtUp: false })).toBeNull();
  });

  it("is nothing in an empty buffer", () => {
    expect(backBufferToDrop({ ...late, start: null })).toBeNull();
  });
});
