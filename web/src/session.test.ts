import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Account } from "./api/auth";

type SessionModule = typeof import("./session");

const ACCOUNT: Account = {
  id: "a1",
  email: "seller@shop.test",
  displayName: "Sam",
  role: "seller",
  disabled: false,
  createdAt: "2026-11-21T10:00:00Z",
  channelCount: 0,
};

/* Another tab, as far as this one hears of it. */
class FakeWindow extends EventTarget {}

let stored: Map<string, string>;
let page: FakeWindow;
let asked: string[];
let answer: (path: string) => Response | Error;

function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status });
}

const me = (account: Account | null): Response =>
  json({ account, csrfToken: account === null ? null : "csrf-1" });

/* Each test has the module to itself, as each tab has. */
async function openTab(): Promise<SessionModule> {
  vi.resetModules();
  const module = await import("./session");
  module.startSession();
  return module;
}

async function settled({ session }: SessionModule): Promise<void> {
  await vi.waitFor(() => {
    if (session.get().kind === "unknown") throw new Error("still unknown");
  });
}

beforeEach(() => {
  stored = new Map();
  page = new FakeWindow();
  asked = [];
  answer = () => me(null);
  vi.stubGlobal("window", page);
  vi.stubGlobal("localStorage", {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => stored.set(name, value),
    removeItem: (name: string) => stored.delete(name),
  });
  vi.stubGlobal("fetch", (path: string) => {
    asked.push(path);
    const found = answer(path);
    return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the session of a tab", () => {
  it("is not asked for where nobody ever signed in", async () => {
    const { session } = await openTab();
    expect(session.get()).toEqual({ kind: "out", isExpired: false });
    expect(asked).toEqual([]);
  });

  it("is found again by a new tab", async () => {
    stored.set("stoa.signedIn", "1");
    answer = () => me(ACCOUNT);
    const tab = await openTab();
    expect(tab.session.get()).toEqual({ kind: "unknown", error: null });
    await settled(tab);
    expect(tab.session.get()).toEqual({ kind: "in", account: ACCOUNT });
  });

  it("begins with a sign-in, of which the other tabs hear", async () => {
    const { session } = await openTab();
    answer = () => me(ACCOUNT);
    await session.signIn("seller@shop.test", "secret");
    expect(session.get().kind).toBe("in");
    expect(stored.has("stoa.signedIn")).toBe(true);
    expect(JSON.stringify([...stored])).not.toContain("secret");
  });

  it("stays out when the sign-in is refused, without being called expired", async () => {
    const { session } = await openTab();
    answer = () => json({ detail: "The e-mail or the password is wrong." }, 401);
    await expect(session.signIn("a@b.test", "x")).rejects.toThrow("is wrong");
    expect(session.get()).toEqual({ kind: "out", isExpired: false });
  });

  it("follows another tab that signs in or out", async () => {
    const tab = await openTab();
    answer = () => me(ACCOUNT);
    const event = Object.assign(new Event("storage"), { key: "stoa.signedIn" });
    page.dispatchEvent(event);
    await vi.waitFor(() => expect(tab.session.get().kind).toBe("in"));
  });

  it("has expired when the server no longer knows it", async () => {
    stored.set("stoa.signedIn", "1");
    answer = () => me(ACCOUNT);
    const tab = await openTab();
    await settled(tab);
    const { request } = await import("./api/http");
    answer = (path) => (path.endsWith("/me") ? me(null) : json({ code: "session_expired" }, 401));
    await expect(request("/api/v1/accounts")).rejects.toMatchObject({ status: 401 });
    await vi.waitFor(() => expect(tab.session.get()).toEqual({ kind: "out", isExpired: true }));
  });

  it("goes on when only one request was not allowed", async () => {
    stored.set("stoa.signedIn", "1");
    answer = () => me(ACCOUNT);
    const tab = await openTab();
    await settled(tab);
    const { request } = await import("./api/http");
    answer = (path) => (path.endsWith("/me") ? me(ACCOUNT) : json({}, 401));
    await expect(request("/x")).rejects.toMatchObject({ status: 401 });
    await vi.waitFor(() => expect(asked.at(-1)).toBe("/api/v1/auth/me"));
    expect(tab.session.get().kind).toBe("in");
  });

  it("ends with a sign-out, also one that comes too late", async () => {
    stored.set("stoa.signedIn", "1");
    answer = () => me(ACCOUNT);
    const tab = await openTab();
    await settled(tab);
    answer = () => json({ code: "session_expired" }, 401);
    await tab.session.signOut();
    expect(tab.session.get()).toEqual({ kind: "out", isExpired: false });
    expect(stored.has("stoa.signedIn")).toBe(false);
  });

  it("is asked for again while the server is out of reach", async () => {
    vi.useFakeTimers();
    try {
      stored.set("stoa.signedIn", "1");
      answer = () => new TypeError("network");
      const tab = await openTab();
      await vi.advanceTimersByTimeAsync(10);
      expect(tab.session.get()).toMatchObject({ kind: "unknown", error: { status: 0 } });
      answer = () => me(ACCOUNT);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(tab.session.get().kind).toBe("in");
    } finally {
      vi.useRealTimers();
    }
  });
});
