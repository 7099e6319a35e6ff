/* Queries and mutations over HTTP, as both versions of @trpc/client send them. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startServer } from "./server.mjs";

const NO_ACCOUNT = "00000000-0000-4000-8000-000000000000";

/* fetch() that keeps what it was asked and answered. */
export function watchedFetch() {
  const seen = [];
  const watched = async (input, init) => {
    const response = await fetch(input, init);
    seen.push({ url: new URL(input), method: init?.method ?? "GET", status: response.status });
    return response;
  };
  return { seen, fetch: watched };
}

export function describeCalls(version, { createClient, httpLink, httpBatchLink, TRPCClientError }) {
  describe(`calls of @trpc/client ${version}`, () => {
    let server;
    let channel;
    before(async () => {
      server = await startServer();
      channel = await server.createChannel("Shoes & hats, 50 % off – “größer”");
    });
    after(() => server.stop());

    const open = (link, options = {}) =>
      createClient({ links: [link({ url: server.trpcUrl, ...options })] });
    const asAdmin = () => ({ headers: { authorization: `Bearer ${server.adminKey}` } });

    /* The error that the call ends with. */
    async function errorOf(call) {
      const error = await call().then(
        (value) => assert.fail(`it came to ${JSON.stringify(value)}`),
        (reason) => reason,
      );
      assert.ok(error instanceof TRPCClientError, String(error));
      return error;
    }

    for (const [name, link] of [
      ["httpLink", httpLink],
      ["httpBatchLink", httpBatchLink],
    ]) {
      test(`${name}: a query without input, one with it, and one with nothing given`, async () => {
        const client = open(link);
        const health = await client.channel.healthCheck.query();
        assert.equal(health.overall, true);
        const status = await client.channel.getStatus.query({ channelId: channel.id });
        assert.equal(status.channelId, channel.id);
        assert.equal(status.isActive, false);
        assert.deepEqual(
          (await client.channel.list.query()).channels.map((one) => one.id),
          [channel.id],
        );
      });

      test(`${name}: text of any kind comes back as it was sent`, async () => {
        const client = open(link, asAdmin());
        const title = "“größer” ❤ , % & ? # + \\ / \"'";
        await client.channel.update.mutate({ id: channel.id, title });
        assert.equal((await client.channel.getById.query({ id: channel.id })).title, title);
        const found = await client.channel.list.query({ q: "❤ , % & ? # +", limit: 1 });
        assert.equal(found.channels[0].title, title);
      });

      test(`${name}: a mutation with the key in a header, and what it changed`, async () => {
        const client = open(link, asAdmin());
        const started = await client.channel.start.mutate({ channelId: channel.id });
        assert.equal(started.relayStatus, "starting");
        assert.match(started.publish.whipUrl, /\/whip/);
        const again = await errorOf(() => client.channel.start.mutate({ channelId: channel.id }));
        assert.deepEqual([again.data.code, again.data.httpStatus, again.shape.code], ["CONFLICT", 409, -32009]);
        await client.channel.end.mutate({ channelId: channel.id });
        const status = await client.channel.getStatus.query({ channelId: channel.id });
        assert.equal(status.relayStatus, "stopped");
      });

      test(`${name}: errors have the code, the status and the path of their cause`, async () => {
        const nobody = open(link);
        const admin = open(link, asAdmin());
        const cases = [
          [() => nobody.channel.getById.query({ id: 999999 }), "NOT_FOUND", 404, "channel.getById"],
          [() => nobody.channel.nope.query(), "NOT_FOUND", 404, "channel.nope"],
          [() => nobody.channel.start.mutate({ channelId: channel.id }), "UNAUTHORIZED", 401, "channel.start"],
          [() => admin.auth.signOut.mutate(), "FORBIDDEN", 403, "auth.signOut"],
          [() => admin.channel.getById.query(), "BAD_REQUEST", 400, "channel.getById"],
          [() => admin.channel.getById.query({ id: "7" }), "BAD_REQUEST", 400, "channel.getById"],
          [() => admin.channel.getById.query({ id: 7, more: 1 }), "BAD_REQUEST", 400, "channel.getById"],
          [() => admin.account.getById.query({ id: NO_ACCOUNT }), "NOT_FOUND", 404, "account.getById"],
          [() => admin.channel.end.query({ channelId: channel.id }), "METHOD_NOT_SUPPORTED", 405, "channel.end"],
          [() => admin.channel.list.mutate(), "METHOD_NOT_SUPPORTED", 405, "channel.list"],
        ];
        const numbers = {
          BAD_REQUEST: -32600,
          UNAUTHORIZED: -32001,
          FORBIDDEN: -32003,
          NOT_FOUND: -32004,
          METHOD_NOT_SUPPORTED: -32005,
        };
        for (const [call, code, httpStatus, path] of cases) {
          const error = await errorOf(call);
          assert.deepEqual(
            { ...error.data, number: error.shape.code },
            { ...error.data, code, httpStatus, path, number: numbers[code] },
            error.message,
          );
          assert.equal(error.message, error.shape.message);
          assert.ok(error.message.length > 10, error.message);
          assert.equal(error.data.stack, undefined);
        }
        const input = { email: "not one", displayName: "A", role: "seller" };
        const wrong = await errorOf(() => admin.account.create.mutate(input));
        assert.equal(wrong.data.code, "BAD_REQUEST");
        assert.match(wrong.message, /^email: /);
      });
    }

    test("httpBatchLink: the calls of one moment are one request, and each has its own end", async () => {
      const watch = watchedFetch();
      const client = open(httpBatchLink, { fetch: watch.fetch });
      const [status, missing, health, denied] = await Promise.allSettled([
        client.channel.getStatus.query({ channelId: channel.id }),
        client.channel.getById.query({ id: 999999 }),
        client.channel.healthCheck.query(),
        client.account.list.query(),
      ]);
      assert.equal(status.value.channelId, channel.id);
      assert.equal(missing.reason.data.code, "NOT_FOUND");
      assert.equal(health.value.local, true);
      assert.equal(denied.reason.data.code, "UNAUTHORIZED");
      assert.deepEqual(
        watch.seen.map(({ url, status: code }) => [url.pathname, code]),
        [["/trpc/channel.getStatus,channel.getById,channel.healthCheck,account.list", 207]],
      );
    });

    test("httpBatchLink: a batch that comes to one end has its status", async () => {
      const watch = watchedFetch();
      const client = open(httpBatchLink, { fetch: watch.fetch });
      await Promise.all([1, 2, 3].map(() => client.channel.getStatus.query({ channelId: channel.id })));
      await Promise.allSettled([1, 2].map((id) => client.channel.getById.query({ id: 900000 + id })));
      assert.deepEqual(
        watch.seen.map((one) => one.status),
        [200, 404],
      );
    });

    test("httpBatchLink: mutations in a batch all happen, in their order", async () => {
      const watch = watchedFetch();
      const client = open(httpBatchLink, { ...asAdmin(), fetch: watch.fetch });
      const made = await Promise.all(
        ["one", "two", "three"].map((title) => client.channel.create.mutate({ title })),
      );
      assert.deepEqual(
        made.map((one) => one.title),
        ["one", "two", "three"],
      );
      assert.ok(made[0].id < made[1].id && made[1].id < made[2].id);
      assert.deepEqual(
        watch.seen.map(({ method, status: code }) => [method, code]),
        [["POST", 200]],
      );
      await Promise.all(made.map(({ id }) => client.channel.delete.mutate({ id })));
    });

    test("httpBatchLink: long batches are cut into requests that fit", async () => {
      const watch = watchedFetch();
      const client = open(httpBatchLink, { fetch: watch.fetch, maxURLLength: 2083 });
      const statuses = await Promise.all(
        Array.from({ length: 150 }, () => client.channel.getStatus.query({ channelId: channel.id })),
      );
      assert.equal(statuses.length, 150);
      assert.ok(statuses.every((status) => status.channelId === channel.id));
      assert.ok(watch.seen.length > 1);
      assert.ok(watch.seen.every((one) => one.status === 200));
    });

    test("a server that is not there is an error without a code", async () => {
      const client = createClient({ links: [httpLink({ url: "http://127.0.0.1:9/trpc" })] });
      const error = await errorOf(() => client.channel.list.query());
      assert.equal(error.data, undefined);
    });

    test("a call that is given up ends at once, and the server goes on", async () => {
      const client = open(httpLink);
      const controller = new AbortController();
      const call = client.channel.list.query(undefined, { signal: controller.signal });
      controller.abort();
      await errorOf(() => call);
      assert.equal((await client.channel.healthCheck.query()).local, true);
    });
  });
}
