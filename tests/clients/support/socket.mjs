/* The WebSocket of both versions of @trpc/client: calls and subscriptions over one connection. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { until } from "../../support/rest.mjs";
import { collect } from "./collect.mjs";
import { startLine, startServer } from "./server.mjs";

export function describeSocket(version, { createClient, createWSClient, wsLink, WebSocket, resumes }) {
  describe(`wsLink of @trpc/client ${version}`, () => {
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
      for (const one of opened) one.close();
    });

    const keep = (one) => (opened.push(one), one);
    function open({ place = server, ...options } = {}) {
      const socket = keep(createWSClient({ url: place.socketUrl, WebSocket, ...options }));
      return Object.assign(createClient({ links: [wsLink({ client: socket })] }), { socket });
    }
    /* With the admin's key as a header of the connection, as a back end has it. */
    const withKey = () => ({
      WebSocket: class extends WebSocket {
        constructor(url) {
          super(url, { headers: { authorization: `Bearer ${server.adminKey}` } });
        }
      },
    });

    test("queries, mutations and their errors", async () => {
      const client = open(withKey());
      const made = await client.channel.create.mutate({ title: "By socket “ß”" });
      assert.equal((await client.channel.getById.query({ id: made.id })).title, "By socket “ß”");
      const ended = await Promise.allSettled([
        client.channel.getById.query({ id: 999999 }),
        client.channel.getById.query({ id: "x" }),
        client.channel.getStatus.query({ channelId: made.id }),
        client.channel.healthCheck.query(),
        client.channel.nope.query(),
      ]);
      assert.deepEqual(
        ended.map(({ reason }) => reason && [reason.data.code, reason.data.httpStatus, reason.shape.code]),
        [
          ["NOT_FOUND", 404, -32004],
          ["BAD_REQUEST", 400, -32600],
          undefined,
          undefined,
          ["NOT_FOUND", 404, -32004],
        ],
      );
      assert.equal((await client.channel.delete.mutate({ id: made.id })).success, true);
    });

    test("without credentials nothing can be changed", async () => {
      const client = open();
      await assert.rejects(client.channel.create.mutate({ title: "No" }), ({ data }) => {
        assert.deepEqual([data.code, data.httpStatus, data.path], ["UNAUTHORIZED", 401, "channel.create"]);
        return true;
      });
    });

    test("a subscription tells the state and then each change", async () => {
      const told = collect(open().channel.onStatus.subscribe, { channelId: channel.id });
      await told.count(1);
      assert.equal(told.starts, 1);
      assert.equal(told.data[0].data.channelId, channel.id);
      await server.start(channel.id);
      await told.count(2);
      await server.end(channel.id);
      await told.count(4);
      assert.deepEqual(told.relayStatuses(), [null, "starting", "stopping", "stopped"]);
      assert.equal(new Set(told.data.map(({ id }) => id)).size, 4);
    });

    test("one connection has several subscriptions, and each ends by itself", async () => {
      const client = open();
      const other = await server.createChannel("Shoes");
      const one = collect(client.channel.onStatus.subscribe, { channelId: channel.id });
      const all = collect(client.events.subscribe.subscribe, { channels: [channel.id, other.id] });
      await Promise.all([one.count(1), all.count(2)]);
      one.stop();
      await client.channel.healthCheck.query(); // behind it on the same connection
      await server.start(channel.id);
      await server.start(other.id);
      await all.count(4);
      assert.equal(one.data.length, 1);
      assert.deepEqual(
        all.data.slice(2).map(({ data }) => [data.type, data.channelId, data.status.relayStatus]),
        [
          ["status", channel.id, "starting"],
          ["status", other.id, "starting"],
        ],
      );
      await server.subscribers(1);
      await server.end(channel.id);
      await server.end(other.id);
    });

    test("a subscription that cannot be is an error", async () => {
      const client = open();
      for (const [input, code] of [
        [{ channelId: 999999 }, "NOT_FOUND"],
        [{ channelId: "x" }, "BAD_REQUEST"],
        [undefined, "BAD_REQUEST"],
      ]) {
        const told = collect(client.channel.onStatus.subscribe, input);
        const error = await told.error();
        assert.equal(error.data.code, code, error.message);
        assert.equal(error.data.path, "channel.onStatus");
        assert.equal(told.data.length, 0);
      }
    });

    test("the end of a channel ends its subscription", async () => {
      const told = collect(open().channel.onStatus.subscribe, { channelId: channel.id });
      await told.count(1);
      await server.rest("DELETE", `/channels/${channel.id}`);
      await told.complete();
      assert.deepEqual(told.errors, []);
    });

    test("a line that breaks is opened again, and nothing was missed", async () => {
      const line = keep(await startLine(server));
      const told = collect(open({ place: line, retryDelayMs: () => 20 }).channel.onStatus.subscribe, {
        channelId: channel.id,
      });
      await told.count(1);
      await server.subscribers(1);
      line.down();
      await server.subscribers(0);
      await server.start(channel.id);
      await server.end(channel.id);
      line.up();
      await until("it is told again", () => told.data.length > 1);
      // Who names the last event gets all of them; who does not, how it is now.
      const wanted = resumes ? [null, "starting", "stopping", "stopped"] : [null, "stopped"];
      await told.count(wanted.length);
      assert.deepEqual(told.relayStatuses(), wanted);
    });

    test("a server that is restarted is found again by itself", async () => {
      const client = open({ retryDelayMs: () => 20 });
      const told = collect(client.channel.onStatus.subscribe, { channelId: channel.id });
      await told.count(1);
      await server.restart();
      await told.count(2); // the ids of another run are no place to go on from: a snapshot
      assert.notEqual(told.data[1].id.split("-")[0], told.data[0].id.split("-")[0]);
      await server.start(channel.id);
      await told.count(3);
      assert.equal(told.relayStatuses()[2], "starting");
      assert.deepEqual(told.errors, []);
      assert.equal((await client.channel.getStatus.query({ channelId: channel.id })).relayStatus, "starting");
      await server.end(channel.id);
    });
  });
}
