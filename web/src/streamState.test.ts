import { describe, expect, it } from "vitest";
import type { ChannelStatus } from "./api/types";
import { hostLabel, isEncoder, watchPhase } from "./streamState";
import { statusOf } from "./testing/statusOf";

describe("who publishes", () => {
  it("is an encoder with TLS, too", () => {
    expect([isEncoder("rtmp"), isEncoder("rtmps"), isEncoder("whip"), isEncoder(null)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe("the host's light", () => {
  it("says that nothing streams without a status", () => {
    expect(hostLabel(null).text).toBe("Not streaming");
    expect(hostLabel(statusOf({})).text).toBe("Not streaming");
  });

  it("spins while the relay starts", () => {
    const light = hostLabel(statusOf({ relayStatus: "starting" }));
    expect([light.text, light.spinning]).toEqual(["Starting…", true]);
  });

  it("is live only once the playlist can be played", () => {
    expect(hostLabel(statusOf({ relayStatus: "active" })).text).toBe("Processing…");
    expect(hostLabel(statusOf({ relayStatus: "active", isLive: true })).text).toBe("Live");
  });

  it("tells the reason of an error", () => {
    const light = hostLabel(statusOf({ relayStatus: "error", relayError: "no video" }));
    expect([light.text, light.tone, light.reason]).toEqual(["Error", "bad", "no video"]);
  });

  it("knows what it does not know", () => {
    const odd = { ...statusOf({}), relayStatus: "sideways" as never };
    expect(hostLabel(odd).text).toBe("Unknown");
  });
});

describe("the buyer's phase", () => {
  it("follows a broadcast from before its start to its end", () => {
    const steps: [Partial<ChannelStatus>, string][] = [
      [{}, "offline"],
      [{ isActive: true, relayStatus: "starting" }, "starting"],
      [{ isActive: true, relayStatus: "active" }, "starting"],
      [{ isActive: true, relayStatus: "active", isLive: true }, "playing"],
      [{ isActive: true, relayStatus: "reconnecting", isLive: true }, "reconnecting"],
      [{ relayStatus: "stopped", endedAt: "2026-01-01T00:00:00Z" }, "ended"],
    ];
    for (const [change, phase] of steps) expect(watchPhase(statusOf(change))).toBe(phase);
  });

  it("keeps playing what can be played when the relay failed", () => {
    expect(watchPhase(statusOf({ relayStatus: "error", isLive: true }))).toBe("playing");
    expect(watchPhase(statusOf({ relayStatus: "error" }))).toBe("error");
  });
});
