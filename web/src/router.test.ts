import { describe, expect, it } from "vitest";
import { matchRoute } from "./router";

describe("a path", () => {
  it("leads to its page", () => {
    expect(matchRoute("/")).toEqual({ page: "home" });
    expect(matchRoute("/studio/7")).toEqual({ page: "studio", channelId: 7 });
    expect(matchRoute("/watch/12/")).toEqual({ page: "watch", channelId: 12 });
  });

  it("that is none of ours is missing", () => {
    for (const path of ["/watch", "/watch/x", "/watch/0", "/watch/1/2", "/admin", "/watch/1e3"]) {
      expect(matchRoute(path)).toEqual({ page: "missing" });
    }
  });
});
