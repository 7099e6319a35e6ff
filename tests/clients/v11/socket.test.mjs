import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { WebSocket } from "ws";
import { until } from "../../support/rest.mjs";
import { collect } from "../support/collect.mjs";
import { startServer } from "../support/server.mjs";
import { describeSocket } from "../support/socket.mjs";

describeSocket("11", { createClient: createTRPCClient, createWSClient, wsLink, WebSocket, resumes: true });

describe("what only version 11 has", () => {
  let server;
  let opened;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());
  beforeEach(() => {
    opened = [];
  });
  afterEach(() => {
    for (const socket of opened) socket.close();
  });

  function open(options) {
    opened.push(createWSClient({ url: server.socketUrl, WebSocket, ...options }));
    return createTRPCClient({ links: [wsLink({ client: opened.at(-1) })] });
  }

  test("connectionParams say who calls, for everything on the connection", async () => {
    const admin = open({ connectionParams: async () => ({ token: server.adminKey }) });
    assert.equal((await admin.auth.me.query()).via, "adminKey");
    assert.equal((await admin.channel.create.mutate({ title: "By its admin" })).title, "By its admin");
    const nobody = open({ connectionParams: () => ({ token: "" }) });
    assert.equal((await nobody.auth.me.query()).via, null);
    assert.ok(!(await server.log()).includes(server.adminKey));
  });

  test("a key that is none is refused, with the code of it", async () => {
    const client = open({ connectionParams: { token: `stoa_${"0".repeat(43)}` } });
    await assert.rejects(client.channel.create.mutate({ title: "No" }), ({ data }) => {
      assert.deepEqual([data.code, data.httpStatus, data.path], ["UNAUTHORIZED", 401, "channel.create"]);
      return true;
    });
  });

  test("keepAlive: the server answers, and the connection stays", async () => {
    let pongs = 0;
    let closed = 0;
    const client = open({
      WebSocket: class extends WebSocket {
        constructor(url) {
          super(url);
          this.addEventListener("message", ({ data }) => (pongs += data === "PONG"));
        }
      },
      keepAlive: { enabled: true, intervalMs: 20, pongTimeoutMs: 5_000 },
      onClose: () => closed++,
    });
    await client.channel.healthCheck.query();
    await until("three answers", () => pongs >= 3);
    assert.equal(closed, 0);
  });

  test("lazy: the connection is made when it is needed, and closed when it is not", async () => {
    const states = [];
    const client = open({
      lazy: { enabled: true, closeMs: 10 },
      onOpen: () => states.push("open"),
      onClose: () => states.push("closed"),
    });
    const channel = await server.createChannel("Lazy");
    assert.deepEqual(states, []);
    const told = collect(client.channel.onStatus.subscribe, { channelId: channel.id });
    await told.count(1);
    await server.subscribers(1);
    told.stop();
    await until("it is closed", () => states.length === 2);
    assert.deepEqual(states, ["open", "closed"]);
    await server.subscribers(0);
  });
});
