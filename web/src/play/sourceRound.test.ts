import { describe, expect, it } from "vitest";
import { SourceRound } from "./sourceRound";

describe("the order of sources", () => {
  it("has nowhere to go with one source", () => {
    const round = new SourceRound(["a"]);
    expect([round.hasOther, round.moveOn(), round.current]).toEqual([false, false, "a"]);
  });

  it("goes to the fallback at once and waits when that fails too", () => {
    const round = new SourceRound(["a", "b"]);
    expect([round.moveOn(), round.current]).toEqual([true, "b"]);
    expect([round.moveOn(), round.current]).toEqual([false, "a"]);
    expect([round.moveOn(), round.current]).toEqual([true, "b"]);
  });

  it("goes back to the primary when the fallback played and fails", () => {
    const round = new SourceRound(["a", "b"]);
    round.moveOn();
    round.onPicture();
    expect([round.hasOther, round.moveOn(), round.current]).toEqual([true, true, "a"]);
  });

  it("tries each of many once a round", () => {
    const round = new SourceRound(["a", "b", "c"]);
    const tried = [round.current];
    while (round.moveOn()) tried.push(round.current);
    expect(tried).toEqual(["a", "b", "c"]);
  });
});
