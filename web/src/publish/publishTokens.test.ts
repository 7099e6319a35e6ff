import { describe, expect, it } from "vitest";
import type { PublishToken } from "../api/client";
import { PublishTokens } from "./publishTokens";

const START_MS = Date.parse("2026-11-21T10:00:00Z");

function tokens(...lifetimesS: number[]): { tokens: PublishTokens; clock: { ms: number } } {
  const clock = { ms: START_MS };
  let drawn = 0;
  const draw = (): Promise<PublishToken> => {
    const lifetimeS = lifetimesS[drawn++];
    if (lifetimeS === undefined) return Promise.reject(new Error("signed out"));
    const expiresAt = new Date(clock.ms + lifetimeS * 1000).toISOString();
    return Promise.resolve({ token: `pt_${drawn}`, expiresAt });
  };
  return { tokens: new PublishTokens(draw, () => clock.ms), clock };
}

describe("publish tokens", () => {
  it("are drawn once and used until shortly before their end", async () => {
    const { tokens: t, clock } = tokens(3600, 3600);
    expect([await t.get(), await t.get()]).toEqual(["pt_1", "pt_1"]);
    clock.ms += 3539_000;
    expect(await t.get()).toBe("pt_1");
    clock.ms += 2_000;
    expect(await t.get()).toBe("pt_2");
  });

  it("come with the start of a broadcast", async () => {
    const { tokens: t } = tokens();
    t.take({ token: "pt_start", expiresAt: "2026-11-21T12:00:00Z" });
    expect(await t.get()).toBe("pt_start");
  });

  it("are drawn anew when one was refused", async () => {
    const { tokens: t } = tokens(3600, 3600);
    t.refused(await t.get());
    expect(await t.get()).toBe("pt_2");
    t.refused("pt_1");
    expect(await t.get()).toBe("pt_2");
  });

  it("tell why none can be drawn", async () => {
    const { tokens: t } = tokens();
    await expect(t.get()).rejects.toThrow("signed out");
  });
});
