/* httpSubscriptionLink: subscriptions as event streams. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { createTRPCClient, httpBatchLink, httpSubscriptionLink, retryLink, splitLink } from "@trpc/client";
import { EventSource } from "eventsource";
import { until } from "../../support/rest.mjs";
import { collect } from "../support/collect.mjs";
import { startLine, startServer } from "../support/server.mjs";

describe("httpSubscriptionLink", () => {
  let server;
  let channel;
  let opened;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());
  beforeEach(async () => {
    opened = [];
    channel = await server.createChannel("Hats");
  });
  afterEach(() => {
    for (const one of opened) (one.stop ?? one.close)();
  });

  const keep = (one) => (opened.push(one), one);
  const open = ({ place = server, links = [], ...options } = {}) =>
    createTRPCClient({
      links: [
        ...links,
        splitLink({
          condition: (op) => op.type === "subscription",
          true: httpSubscriptionLink({ url: place.trpcUrl, EventSource, ...options }),
          false: httpBatchLink({ url: place.trpcUrl }),
        }),
      ],
    });

  test("tells the state and then each change, each with an id", async () => {
    const client = open();
    const told = keep(collect(client.channel.onStatus.subscribe, { channelId: channel.id }));
    await told.count(1);
    assert.equal(told.starts, 1);
    assert.deepEqual(told.data[0].data, await client.channel.getStatus.query({ channelId: channel.id }));
    await server.start(channel.id);
    await told.count(2);
    await server.end(channel.id);
    await told.count(4);
    assert.deepEqual(told.relayStatuses(), [null, "starting", "stopping", "stopped"]);
    assert.equal(new Set(told.data.map(({ id }) => id)).size, 4);
    assert.deepEqual(told.states.slice(0, 2), ["connecting", "pending"]);
  });

  test("events.subscribe tells of several channels, and of all", async () => {
    const client = open();
    const some = keep(collect(client.events.subscribe.subscribe, { channels: [channel.id] }));
    const all = keep(collect(client.events.subscribe.subscribe));
    await some.count(1);
    assert.deepEqual([some.data[0].data.type, some.data[0].data.channelId], ["snapshot", channel.id]);
    await until("a snapshot of it", () => all.data.some(({ data }) => data.channelId === channel.id));
    const made = await server.createChannel("New");
    await until("the new one", () => all.data.some(({ data }) => data.channelId === made.id));
    await server.rest("DELETE", `/channels/${made.id}`);
    await until("its end", () => all.data.some(({ data }) => data.type === "deleted" && data.channelId === made.id));
    assert.equal(some.data.length, 1);
  });

  test("who unsubscribes is gone", async () => {
    const told = collect(open().channel.onStatus.subscribe, { channelId: channel.id });
    await told.count(1);
    await server.subscribers(1);
    told.stop();
    await server.subscribers(0);
  });

  test("a line that breaks is opened again, and nothing was missed", async () => {
    const line = keep(await startLine(server));
    const told = keep(collect(open({ place: line }).channel.onStatus.subscribe, { channelId: channel.id }));
    await told.count(1);
    await server.subscribers(1);
    line.down();
    await server.subscribers(0);
    await server.start(channel.id);
    await server.end(channel.id);
    line.up();
    await told.count(4);
    assert.deepEqual(told.relayStatuses(), [null, "starting", "stopping", "stopped"]);
    assert.deepEqual(told.errors, []);
  });

  test("lastEventId in the input goes on behind it", async () => {
    const client = open();
    const first = collect(client.channel.onStatus.subscribe, { channelId: channel.id });
    await first.count(1);
    first.stop();
    await server.start(channel.id);
    await server.end(channel.id);
    const again = keep(
      collect(client.channel.onStatus.subscribe, { channelId: channel.id, lastEventId: first.data[0].id }),
    );
    await again.count(3);
    assert.deepEqual(again.relayStatuses(), ["starting", "stopping", "stopped"]);
    const unknown = keep(
      collect(client.channel.onStatus.subscribe, { channelId: channel.id, lastEventId: "0-1" }),
    );
    await unknown.count(1);
    assert.deepEqual(unknown.relayStatuses(), ["stopped"]);
  });

  test("a server that is restarted is found again by itself", async () => {
    const told = keep(collect(open().channel.onStatus.subscribe, { channelId: channel.id }));
    await told.count(1);
    await server.restart();
    await told.count(2);
    assert.notEqual(told.data[1].id.split("-")[0], told.data[0].id.split("-")[0]);
    assert.deepEqual(told.errors, []);
  });

  test("the end of a channel completes", async () => {
    const told = keep(collect(open().channel.onStatus.subscribe, { channelId: channel.id }));
    await told.count(1);
    await server.rest("DELETE", `/channels/${channel.id}`);
    await told.complete();
    assert.deepEqual(told.errors, []);
    await server.subscribers(0); // and it does not come again
  });

  test("what cannot be is an error with its code, and is not tried again", async () => {
    const client = open();
    for (const [input, code, httpStatus] of [
      [{ channelId: 999999 }, "NOT_FOUND", 404],
      [{ channelId: "x" }, "BAD_REQUEST", 400],
      [undefined, "BAD_REQUEST", 400],
    ]) {
      const told = keep(collect(client.channel.onStatus.subscribe, input));
      const error = await told.error();
      assert.deepEqual([error.data.code, error.data.httpStatus, error.data.path], [code, httpStatus, "channel.onStatus"]);
      assert.equal(told.errors.length, 1);
      assert.equal(told.data.length, 0);
    }
  });

  test("connectionParams do no harm, and are in no log", async () => {
    const told = keep(
      collect(
        open({ connectionParams: async () => ({ token: "a-secret-of-somebody" }) }).channel.onStatus.subscribe,
        { channelId: channel.id },
      ),
    );
    await told.count(1);
    assert.ok(!(await server.log()).includes("a-secret-of-somebody"));
  });

  test("retryLink opens again what ended with an error", async () => {
    let attempts = 0;
    const retry = retryLink({ retry: ({ attempts: count }) => (attempts = count) < 3 });
    const told = keep(collect(open({ links: [retry] }).channel.onStatus.subscribe, { channelId: 999999 }));
    await told.error();
    assert.equal(attempts, 3);
  });
});
