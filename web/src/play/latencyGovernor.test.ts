import { describe, expect, it } from "vitest";
import { govern } from "./latencyGovernor";

const calm = { latency: 0.6, target: 0.6, ahead: 0.5, rate: 1 };

/* Plays `seconds` of a stream that arrives in real time; answers the latency at the end. */
function simulate(latency: number, target: number, seconds: number): number {
  let rate = 1;
  for (let t = 0; t < seconds; t += 0.2) {
    const action = govern({ latency, target, ahead: latency, rate });
    if (action.kind === "jump") return target;
    rate = action.rate;
    latency -= (rate - 1) * 0.2;
  }
  return latency;
}

describe("the latency governor", () => {
  it("leaves the speed alone near the target", () => {
    expect(govern(calm)).toEqual({ kind: "rate", rate: 1 });
    expect(govern({ ...calm, latency: 0.7 })).toEqual({ kind: "rate", rate: 1 });
  });

  it("plays slower while the buffer of a young stream grows", () => {
    const action = govern({ ...calm, latency: 0.2, ahead: 0.15 });
    expect(action).toEqual({ kind: "rate", rate: 0.9 });
  });

  it("catches up, never by more than six percent", () => {
    expect(govern({ ...calm, latency: 1.0 })).toEqual({ kind: "rate", rate: 1.06 });
    expect(govern({ ...calm, latency: 4, ahead: 3 })).toEqual({ kind: "rate", rate: 1.06 });
  });

  it("does not speed up into an empty buffer", () => {
    expect(govern({ ...calm, latency: 3, ahead: 0.1 })).toEqual({ kind: "rate", rate: 1 });
  });

  it("jumps when it is far behind", () => {
    expect(govern({ ...calm, latency: 20, ahead: 1 })).toEqual({ kind: "jump" });
  });

  it("arrives at the target from both sides", () => {
    expect(Math.abs(simulate(0.25, 0.6, 20) - 0.6)).toBeLessThan(0.05);
    expect(Math.abs(simulate(3, 0.6, 60) - 0.6)).toBeLessThan(0.05);
  });
});
