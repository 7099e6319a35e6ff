import { describe, expect, it } from "vitest";
import { matchRoute, pathAfterSignIn } from "./router";

describe("a path", () => {
  it("leads to its page", () => {
    expect(matchRoute("/")).toEqual({ page: "home" });
    expect(matchRoute("/studio/7")).toEqual({ page: "studio", channelId: 7 });
    expect(matchRoute("/watch/12/")).toEqual({ page: "watch", channelId: 12 });
    expect(matchRoute("/sign-in")).toEqual({ page: "signIn" });
    expect(matchRoute("/channels")).toEqual({ page: "channels" });
  });

  it("leads to a section of its page, to the first without a name", () => {
    expect(matchRoute("/admin")).toEqual({ page: "admin", section: "channels", item: null });
    expect(matchRoute("/admin/events")).toEqual({ page: "admin", section: "events", item: null });
    expect(matchRoute("/account/keys")).toEqual({ page: "account", section: "keys", item: null });
  });

  it("leads to one of what a section lists", () => {
    const item = "0190a5c2-7d3e-7000-8000-000000000001";
    expect(matchRoute(`/admin/webhooks/${item}`)).toEqual({
      page: "admin",
      section: "webhooks",
      item,
    });
    expect(matchRoute("/admin/health/7")).toMatchObject({ section: "health", item: "7" });
  });

  it("that is none of ours is missing", () => {
    const paths = ["/watch", "/watch/x", "/watch/0", "/watch/1/2", "/watch/1e3", "/channels/1"];
    for (const path of [...paths, "/sign-in/x", "/admin/other", "/admin/events/1", "/admin/webhooks/1/2"]) {
      expect(matchRoute(path)).toEqual({ page: "missing" });
    }
  });
});

describe("after signing in", () => {
  it("one is back where one was", () => {
    expect(pathAfterSignIn("?next=%2Fstudio%2F7")).toBe("/studio/7");
    expect(pathAfterSignIn("?next=%2Fadmin%2Fevents")).toBe("/admin/events");
  });

  it("one is at one's channels when nothing else was asked for", () => {
    expect(pathAfterSignIn("")).toBe("/channels");
    expect(pathAfterSignIn("?next=%2Fsign-in")).toBe("/channels");
  });

  it("one is never on another server", () => {
    for (const next of ["https://evil.test/", "//evil.test", "/\\evil.test", "/\t/evil.test", "javascript:alert(1)"]) {
      expect(pathAfterSignIn(`?next=${encodeURIComponent(next)}`)).toBe("/channels");
    }
  });
});
