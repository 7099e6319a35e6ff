import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  createTRPCClient,
  httpBatchLink,
  httpBatchStreamLink,
  httpLink,
  isNonJsonSerializable,
  retryLink,
  splitLink,
  TRPCClientError,
} from "@trpc/client";
import { describeCalls, watchedFetch } from "../support/calls.mjs";
import { startServer } from "../support/server.mjs";

describeCalls("11", { createClient: createTRPCClient, httpLink, httpBatchLink, TRPCClientError });

describe("what only version 11 has", () => {
  let server;
  let channel;
  before(async () => {
    server = await startServer();
    channel = await server.createChannel("Hats");
  });
  after(() => server.stop());

  test("httpBatchStreamLink: queries, each with its own end", async () => {
    const watch = watchedFetch();
    const client = createTRPCClient({
      links: [httpBatchStreamLink({ url: server.trpcUrl, fetch: watch.fetch })],
    });
    const [status, missing, list] = await Promise.allSettled([
      client.channel.getStatus.query({ channelId: channel.id }),
      client.channel.getById.query({ id: 999999 }),
      client.channel.list.query(),
    ]);
    assert.equal(status.value.channelId, channel.id);
    assert.equal(missing.reason.data.code, "NOT_FOUND");
    assert.equal(missing.reason.data.httpStatus, 404);
    assert.equal(list.value.channels[0].title, "Hats");
    assert.deepEqual(
      watch.seen.map((one) => one.status),
      [200],
    );
  });

  test("httpBatchStreamLink: mutations, also those that wait for the store", async () => {
    const client = createTRPCClient({
      links: [
        httpBatchStreamLink({
          url: server.trpcUrl,
          headers: { authorization: `Bearer ${server.adminKey}` },
        }),
      ],
    });
    const email = "stream@shop.example";
    const [account, made] = await Promise.all([
      client.account.create.mutate({ email, displayName: "S", role: "seller", password: "a long enough one" }),
      client.channel.create.mutate({ title: "By stream" }),
    ]);
    assert.equal(account.email, email);
    assert.equal((await client.channel.getById.query({ id: made.id })).title, "By stream");
  });

  test("httpBatchLink: more calls than a batch may have are several batches, if it is told how many", async () => {
    const call = (options) => {
      const client = createTRPCClient({ links: [httpBatchLink({ url: server.trpcUrl, ...options })] });
      return Promise.all(
        Array.from({ length: 100 }, () => client.channel.getStatus.query({ channelId: channel.id })),
      );
    };
    const watch = watchedFetch();
    assert.equal((await call({ maxItems: 64, fetch: watch.fetch })).length, 100);
    assert.equal(watch.seen.length, 2);
    await assert.rejects(call(), /at most 64/);
  });

  test("splitLink and retryLink: only what may come again is sent again", async () => {
    const watch = watchedFetch();
    let attempts = 0;
    const client = createTRPCClient({
      links: [
        retryLink({ retry: ({ error, attempts: count }) => (attempts = count) < 3 && error.data?.httpStatus === 404 }),
        splitLink({
          condition: (op) => op.path === "channel.getById",
          true: httpLink({ url: server.trpcUrl, fetch: watch.fetch }),
          false: httpBatchLink({ url: server.trpcUrl, fetch: watch.fetch }),
        }),
      ],
    });
    await assert.rejects(client.channel.getById.query({ id: 999999 }));
    assert.equal(attempts, 3);
    assert.deepEqual(
      watch.seen.map((one) => one.status),
      [404, 404, 404],
    );
  });

  test("a form as input is refused: the API takes JSON", async () => {
    const client = createTRPCClient({ links: [httpLink({ url: server.trpcUrl })] });
    const form = new FormData();
    form.set("channelId", "1");
    assert.ok(isNonJsonSerializable(form));
    const error = await client.channel.start.mutate(form).catch((reason) => reason);
    assert.equal(error.data.code, "UNSUPPORTED_MEDIA_TYPE");
    assert.equal(error.data.httpStatus, 415);
  });
});
