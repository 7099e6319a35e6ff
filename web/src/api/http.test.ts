import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { drawIdempotencyKey, linkSession, pageOf, request, withQuery } from "./http";
import { ApiError } from "./problem";

interface Call {
  path: string;
  init: RequestInit;
}

let calls: Call[];
let answers: (Response | Error)[];

function headerOf(index: number, name: string): string | null {
  return new Headers(calls[index]?.init.headers).get(name);
}

function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status });
}

beforeEach(() => {
  calls = [];
  answers = [];
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    calls.push({ path, init });
    const answer = answers.shift() ?? new TypeError("no more answers");
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  });
});
afterEach(() => {
  linkSession(null);
  vi.unstubAllGlobals();
});

function signedIn(): { token: string; renewed: number; refused: number } {
  const session = { token: "csrf-1", renewed: 0, refused: 0 };
  linkSession({
    csrfToken: () => session.token,
    renew: () => {
      session.renewed++;
      session.token = "csrf-2";
      return Promise.resolve();
    },
    onRefused: () => session.refused++,
  });
  return session;
}

describe("a request of who is signed in", () => {
  it("carries the cookie, and the CSRF token when it changes something", async () => {
    signedIn();
    answers = [json({}), json({})];
    await request("/api/v1/channels");
    await request("/api/v1/channels/7", { method: "PATCH", body: { title: "x" } });
    expect([headerOf(0, "X-CSRF-Token"), headerOf(1, "X-CSRF-Token")]).toEqual([null, "csrf-1"]);
    expect(calls.map((call) => call.init.credentials)).toEqual(["same-origin", "same-origin"]);
    expect(headerOf(1, "Content-Type")).toBe("application/json");
  });

  it("is sent once more with the token of now when another tab has signed in anew", async () => {
    const session = signedIn();
    answers = [json({ code: "csrf_failed" }, 403), json({ done: true })];
    expect(await request("/x", { method: "POST" })).toEqual({ done: true });
    expect(session.renewed).toBe(1);
    expect([headerOf(0, "X-CSRF-Token"), headerOf(1, "X-CSRF-Token")]).toEqual(["csrf-1", "csrf-2"]);
  });

  it("is not sent a third time", async () => {
    signedIn();
    answers = [json({ code: "csrf_failed" }, 403), json({ code: "csrf_failed" }, 403), json({})];
    await expect(request("/x", { method: "POST" })).rejects.toMatchObject({ code: "csrf_failed" });
    expect(calls).toHaveLength(2);
  });

  it("tells that the session may be over when it is refused", async () => {
    const session = signedIn();
    answers = [json({ code: "session_expired", detail: "The session has ended." }, 401)];
    await expect(request("/x")).rejects.toThrow("The session has ended.");
    expect(session.refused).toBe(1);
  });
});

describe("a request with a key", () => {
  it("carries the key alone", async () => {
    signedIn();
    answers = [json({})];
    await request("/x", { method: "POST", key: "sk_1" });
    expect(headerOf(0, "Authorization")).toBe("Bearer sk_1");
    expect(headerOf(0, "X-CSRF-Token")).toBeNull();
    expect(calls[0]?.init.credentials).toBe("omit");
  });

  it("says nothing about the session when it is refused", async () => {
    const session = signedIn();
    answers = [json({}, 401)];
    await expect(request("/x", { key: "sk_1" })).rejects.toMatchObject({ status: 401 });
    expect(session.refused).toBe(0);
  });
});

describe("an answer that is lost", () => {
  it("is asked for again, by the same key, when it was a creation", async () => {
    const idempotencyKey = drawIdempotencyKey();
    expect(idempotencyKey).toMatch(/^[0-9a-f]{32}$/);
    answers = [new TypeError("network"), json({ id: 7 }, 201)];
    expect(await request("/x", { method: "POST", idempotencyKey })).toEqual({ id: 7 });
    expect(headerOf(0, "Idempotency-Key")).toBe(headerOf(1, "Idempotency-Key"));
  });

  it("is told as such after a few tries, and at once for anything else", async () => {
    await expect(request("/x", { method: "POST", idempotencyKey: "k" })).rejects.toMatchObject({
      status: 0,
    });
    expect(calls).toHaveLength(3);
    await expect(request("/x", { method: "POST" })).rejects.toMatchObject({ code: "unreachable" });
    expect(calls).toHaveLength(4);
  });
});

describe("a refusal", () => {
  it("names the fields", async () => {
    answers = [
      json(
        {
          code: "invalid_input",
          detail: "title: it must not be empty",
          errors: [
            { field: "title", message: "title: it must not be empty" },
            { field: "role", message: "must be one of admin, seller, buyer" },
            { field: 7 },
          ],
        },
        400,
      ),
    ];
    const error = await request("/x").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).fields).toEqual({
      title: "It must not be empty.",
      role: "It must be one of admin, seller, buyer.",
    });
  });

  it("has a sentence even when the server has none", async () => {
    answers = [new Response("<html>", { status: 502 })];
    await expect(request("/x")).rejects.toThrow("The server is not answering.");
  });
});

describe("a query", () => {
  it("leaves out what is not asked", () => {
    expect(withQuery("/x", { limit: 25, cursor: null, q: "", mine: false })).toBe("/x?limit=25");
    expect(withQuery("/x", { q: "shoes & more", mine: true })).toBe("/x?q=shoes+%26+more&mine=true");
    expect(withQuery("/x", {})).toBe("/x");
  });
});

describe("a list that comes whole", () => {
  it("is shown in pages all the same", () => {
    const first = pageOf([1, 2, 3, 4, 5], { limit: 2, cursor: null });
    expect(first).toEqual({ items: [1, 2], nextCursor: "2" });
    expect(pageOf([1, 2, 3, 4, 5], { limit: 2, cursor: "4" })).toEqual({ items: [5], nextCursor: null });
    expect(pageOf([1, 2], { limit: 2, cursor: null }).nextCursor).toBeNull();
  });
});
