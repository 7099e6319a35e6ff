import { describe, expect, it } from "vitest";
import { ApiError } from "../api/problem";
import type { Credential } from "./publishTokens";
import { WhipClient, type FetchFn } from "./whipClient";

interface Call {
  url: string;
  init: RequestInit;
}

/* Has these keys, the next one after each that was refused. */
function credentialOf(...keys: string[]): Credential {
  return {
    get: () => Promise.resolve(keys[0] ?? ""),
    refused: (value) => {
      if (value === keys[0] && keys.length > 1) keys.shift();
    },
  };
}

const BASE = "https://shop.test/studio/7";

function clientAnswering(...answers: (Response | Error)[]): { client: WhipClient; calls: Call[] } {
  const calls: Call[] = [];
  const fetchFn: FetchFn = (url, init) => {
    calls.push({ url, init });
    const answer = answers.shift() ?? new Error("no more answers");
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { client: new WhipClient("/whip/7", credentialOf("pt_1", "pt_2"), fetchFn, BASE), calls };
}

function created(location: string): Response {
  return new Response("v=0\r\n", { status: 201, headers: { Location: location, ETag: '"e1"' } });
}

function headerOf(call: Call | undefined, name: string): string | null {
  return new Headers(call?.init.headers).get(name);
}

describe("a WHIP session", () => {
  it("is made by POST with the key as bearer token", async () => {
    const { client, calls } = clientAnswering(created("/whip/7/abc"));
    const session = await client.create("v=0 offer");
    expect(session).toEqual({
      url: "https://shop.test/whip/7/abc",
      etag: '"e1"',
      answer: "v=0\r\n",
      key: "pt_1",
    });
    expect(calls[0]?.url).toBe("https://shop.test/whip/7");
    expect(calls[0]?.init.method).toBe("POST");
    expect(headerOf(calls[0], "Authorization")).toBe("Bearer pt_1");
    expect(headerOf(calls[0], "Content-Type")).toBe("application/sdp");
  });

  it("may have an absolute Location", async () => {
    const { client } = clientAnswering(created("https://edge.test/s/1"));
    expect((await client.create("v=0")).url).toBe("https://edge.test/s/1");
  });

  it("is refused with the server's own sentence", async () => {
    const body = JSON.stringify({ code: "busy", detail: "Ana is on air on this channel." });
    const { client } = clientAnswering(
      new Response(body, { status: 409, headers: { "Retry-After": "3" } }),
    );
    const error = await client.create("v=0").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      message: "Ana is on air on this channel.",
      status: 409,
      code: "busy",
      retryAfterMs: 3000,
    });
  });

  it("is asked for once more when the key has ended", async () => {
    const { client, calls } = clientAnswering(new Response("", { status: 401 }), created("/x"));
    expect((await client.create("v=0 offer")).key).toBe("pt_2");
    expect(calls.map((call) => headerOf(call, "Authorization"))).toEqual(["Bearer pt_1", "Bearer pt_2"]);
  });

  it("is refused when no other key is good either", async () => {
    const refusal = (): Response => new Response("", { status: 401 });
    const { client, calls } = clientAnswering(refusal(), refusal(), refusal());
    await expect(client.create("v=0")).rejects.toMatchObject({ status: 401 });
    expect(calls).toHaveLength(2);
  });

  it("needs a Location and an answer", async () => {
    for (const answer of [
      new Response("v=0", { status: 201 }),
      new Response("hello", { status: 201, headers: { Location: "/x" } }),
      new Response("v=0", { status: 200, headers: { Location: "/x" } }),
    ]) {
      const { client } = clientAnswering(answer);
      await expect(client.create("v=0")).rejects.toMatchObject({ code: "bad_answer" });
    }
  });

  it("says that the server is out of reach when nothing answers", async () => {
    const { client } = clientAnswering(new TypeError("network"));
    await expect(client.create("v=0")).rejects.toMatchObject({ status: 0, code: "unreachable" });
  });
});

describe("an open WHIP session", () => {
  const open = { url: "https://shop.test/whip/7/abc", etag: '"e1"', answer: "v=0", key: "pt_0" };

  it("restarts ICE by PATCH and takes the new ETag", async () => {
    const { client, calls } = clientAnswering(
      new Response("a=ice-ufrag:n", { status: 200, headers: { ETag: '"e2"' } }),
    );
    const session = { ...open };
    expect(await client.restartIce(session, "a=ice-ufrag:o")).toBe("a=ice-ufrag:n");
    expect(session.etag).toBe('"e2"');
    expect(headerOf(calls[0], "If-Match")).toBe("*");
    expect(headerOf(calls[0], "Authorization")).toBe("Bearer pt_0");
    expect(headerOf(calls[0], "Content-Type")).toBe("application/trickle-ice-sdpfrag");
  });

  it("stays as it was when the restart is refused", async () => {
    const { client } = clientAnswering(new Response("", { status: 422 }));
    const session = { ...open };
    await expect(client.restartIce(session, "x")).rejects.toMatchObject({ status: 422 });
    expect(session).toEqual(open);
  });

  it("ends by DELETE, also when it is gone already", async () => {
    const { client, calls } = clientAnswering(
      new Response(null, { status: 200 }),
      new Response(null, { status: 404 }),
    );
    await client.end(open);
    await client.end(open, true);
    expect(calls.map((c) => [c.init.method, c.init.keepalive])).toEqual([
      ["DELETE", false],
      ["DELETE", true],
    ]);
  });
});
