/* A shop that knows of the server nothing but its procedures: people, keys, a broadcast, its end. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createTRPCClient, httpBatchLink, httpSubscriptionLink, splitLink } from "@trpc/client";
import { EventSource } from "eventsource";
import { until } from "../../support/rest.mjs";
import { collect } from "../support/collect.mjs";
import { startServer } from "../support/server.mjs";

const PASSWORD = "correct horse battery staple";

/* What a browser does: it keeps cookies, and the page keeps the CSRF token of its session. */
class Browser {
  cookies = new Map();
  csrfToken = null;

  constructor(server) {
    this.trpc = createTRPCClient({
      links: [
        splitLink({
          condition: (op) => op.type === "subscription",
          true: httpSubscriptionLink({ url: server.trpcUrl, EventSource }),
          false: httpBatchLink({
            url: server.trpcUrl,
            headers: () => (this.csrfToken ? { "x-csrf-token": this.csrfToken } : {}),
            fetch: (input, init) => this.fetch(input, init),
          }),
        }),
      ],
    });
  }

  async fetch(input, init) {
    const cookie = [...this.cookies].map((pair) => pair.join("=")).join("; ");
    const response = await fetch(input, { ...init, headers: { ...init.headers, ...(cookie && { cookie }) } });
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split("; ");
      const [name, value] = pair.split("=");
      if (attributes.includes("Max-Age=0")) this.cookies.delete(name);
      else this.cookies.set(name, value);
      this.attributes = attributes;
    }
    return response;
  }

  async signIn(email, password) {
    const { account, csrfToken } = await this.trpc.auth.signIn.mutate({ email, password });
    this.csrfToken = csrfToken;
    return account;
  }
}

const codeOf = (call) => call.then(() => "OK", (error) => error.data.code);

describe("a shop", () => {
  let server;
  let admin;
  let seller;
  let backEnd;
  let sellerAccount;
  let channelId;
  before(async () => {
    server = await startServer({ "admin.email": "admin@shop.example", "admin.password": PASSWORD });
    admin = new Browser(server);
    seller = new Browser(server);
  });
  after(() => server.stop());

  test("the admin signs in, by a cookie that no script can read", async () => {
    assert.equal(await codeOf(admin.signIn("admin@shop.example", "something else")), "UNAUTHORIZED");
    const account = await admin.signIn("Admin@Shop.Example", PASSWORD);
    assert.equal(account.role, "admin");
    assert.ok(admin.cookies.has("stoa_session"));
    assert.ok(admin.attributes.includes("HttpOnly") && admin.attributes.includes("SameSite=Lax"));
    assert.deepEqual(
      await admin.trpc.auth.me.query().then(({ via, account: who }) => [via, who.id]),
      ["session", account.id],
    );
  });

  test("without the token of its session a page changes nothing", async () => {
    const { csrfToken } = admin;
    admin.csrfToken = null;
    assert.equal(await codeOf(admin.trpc.channel.create.mutate({ title: "Forged" })), "FORBIDDEN");
    admin.csrfToken = csrfToken;
  });

  test("the admin makes an account, and its owner signs in", async () => {
    const made = await admin.trpc.account.create.mutate({
      email: "ada@shop.example",
      displayName: "Ada",
      role: "seller",
    });
    assert.ok(made.password.length >= 12);
    sellerAccount = await seller.signIn("ada@shop.example", made.password);
    assert.equal(sellerAccount.role, "seller");
    await seller.trpc.auth.changePassword.mutate({ currentPassword: made.password, newPassword: PASSWORD });
    assert.equal(await codeOf(seller.trpc.account.list.query()), "FORBIDDEN");
  });

  test("the seller makes a channel, and a key for the shop's back end", async () => {
    const made = await seller.trpc.channel.create.mutate({ title: "Ada’s hats" });
    channelId = made.id;
    const { key } = await seller.trpc.apiKey.create.mutate({ name: "back end", scopes: ["read", "publish"] });
    backEnd = createTRPCClient({
      links: [httpBatchLink({ url: server.trpcUrl, headers: { authorization: `Bearer ${key}` } })],
    });
    const { via, scopes } = await backEnd.auth.me.query();
    assert.equal(via, "apiKey");
    assert.deepEqual(scopes.toSorted(), ["publish", "read"]);
    assert.equal(await codeOf(backEnd.channel.update.mutate({ id: channelId, title: "x" })), "FORBIDDEN");
    assert.deepEqual(
      (await seller.trpc.channel.list.query({ mine: true })).channels.map(({ id }) => id),
      [channelId],
    );
    const foreign = await admin.trpc.channel.create.mutate({ title: "The admin’s" });
    assert.equal(await codeOf(backEnd.channel.start.mutate({ channelId: foreign.id })), "FORBIDDEN");
  });

  test("a broadcast, as buyers are told of it, from its start to its end", async () => {
    const buyer = new Browser(server);
    const told = collect(buyer.trpc.channel.onStatus.subscribe, { channelId });
    await told.count(1);
    const { publish } = await backEnd.channel.start.mutate({ channelId });
    await until("it is announced", () => told.relayStatuses().includes("starting"));
    await server.publish(publish.token);
    await until("it is live", () => told.data.at(-1).data.isLive && told.data.at(-1).data.hlsPlaybackUrl, 30_000);
    const { hlsPlaybackUrl } = told.data.at(-1).data;
    const playlist = await until("there is something to play", async () => {
      const answer = await fetch(new URL(hlsPlaybackUrl, server.url));
      return answer.ok && answer.text();
    });
    assert.match(playlist, /^#EXTM3U/);
    assert.equal((await buyer.trpc.streaming.getStreamStatus.query({ channelId })).isLive, true);
    assert.equal((await backEnd.relay.status.query({ channelId })).isActive, true);
    await until("numbers", () => told.data.at(-1).data.bitrateKbps > 0);
    await backEnd.channel.end.mutate({ channelId });
    await until("it is over", () => told.data.at(-1).data.relayStatus === "stopped");
    await server.unpublish();
    const order = told.relayStatuses().filter((state, index, all) => state !== all[index - 1]);
    assert.deepEqual(order, [null, "starting", "active", "stopping", "stopped"]);
    told.stop();
  });

  test("what was is kept: the broadcast, and who did what", async () => {
    const { broadcasts } = await seller.trpc.broadcast.list.query({ channelId });
    assert.equal(broadcasts.length, 1);
    assert.equal(broadcasts[0].channelId, channelId);
    assert.ok(Date.parse(broadcasts[0].endedAt) >= Date.parse(broadcasts[0].startedAt));
    const { entries } = await admin.trpc.audit.list.query({ limit: 100 });
    const actions = entries.map(({ action }) => action);
    for (const action of ["account.create", "channel.create", "apiKey.create", "channel.start"])
      assert.ok(actions.includes(action), `${action} of ${actions}`);
  });

  test("the channel is deleted, the key revoked, the session ended", async () => {
    const { apiKeys } = await seller.trpc.apiKey.list.query();
    await seller.trpc.apiKey.revoke.mutate({ id: apiKeys[0].id });
    assert.equal(await codeOf(backEnd.channel.start.mutate({ channelId })), "UNAUTHORIZED");
    assert.equal((await seller.trpc.channel.delete.mutate({ id: channelId })).success, true);
    assert.equal(await codeOf(seller.trpc.channel.getById.query({ id: channelId })), "NOT_FOUND");
    const session = seller.cookies.get("stoa_session");
    await seller.trpc.auth.signOut.mutate();
    assert.ok(!seller.cookies.has("stoa_session"));
    seller.cookies.set("stoa_session", session);
    assert.equal(await codeOf(seller.trpc.channel.create.mutate({ title: "Again" })), "UNAUTHORIZED");
  });

  test("an account that is disabled can do nothing more", async () => {
    await seller.signIn("ada@shop.example", PASSWORD);
    await admin.trpc.account.update.mutate({ id: sellerAccount.id, disabled: true });
    assert.notEqual(await codeOf(seller.trpc.channel.create.mutate({ title: "Again" })), "OK");
    seller.cookies.clear();
    assert.notEqual(await codeOf(seller.signIn("ada@shop.example", PASSWORD)), "OK");
  });
});
