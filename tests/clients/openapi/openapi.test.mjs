/* The OpenAPI document, judged by a validator of its own, and the server, judged by the document. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { until } from "../../support/rest.mjs";
import { describedBy, readDescription } from "./described.mjs";
import { startServer } from "../support/server.mjs";

const PASSWORD = "correct horse battery staple";
const NOBODY = "00000000-0000-4000-8000-000000000000";

describe("the OpenAPI document", () => {
  let server;
  let document;
  let described;
  let target;
  let accountId;
  let channelId;
  const received = [];

  before(async () => {
    server = await startServer({ "fetch.allow_private": "127.0.0.0/8" });
    document = await readDescription(server);
    described = describedBy(document, server);
    target = createServer((request, response) => {
      received.push(request.headers["webhook-id"]);
      request.resume().on("end", () => response.end("thank you"));
    }).listen(0, "127.0.0.1");
    await once(target, "listening");
  });
  after(async () => {
    target.close();
    target.closeAllConnections();
    await server.stop();
  });

  /* The body of a call that must succeed. */
  async function done(id, input, options) {
    const { status, body } = await described.call(id, input, options);
    assert.ok(status < 300, `${id}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  test("is valid OpenAPI 3.1", async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document));
    assert.deepEqual(result.errors ?? [], []);
    assert.equal(result.valid, true);
    assert.equal(validator.version, "3.1");
  });

  test("has schemas that JSON Schema 2020-12 takes without a doubt", () => {
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      assert.ok(described.ajv.validateSchema(schema), `${name}: ${described.ajv.errorsText()}`);
      for (const required of schema.required ?? [])
        assert.ok(schema.properties[required], `${name} has ${required}`);
    }
  });

  test("its examples are what its schemas allow", () => {
    for (const { operationId, parameters = [], requestBody } of described.operations.values()) {
      for (const { name, schema, example } of parameters)
        if (example !== undefined) described.assertFits(schema, example, `${operationId}, ${name}`);
      const content = requestBody?.content["application/json"];
      if (content?.example) described.assertFits(content.schema, content.example, operationId);
    }
  });

  test("people and keys", async () => {
    const input = { email: "ada@shop.example", displayName: "Ada", role: "seller" };
    accountId = (await done("account.create", input)).id;
    await done("account.list", { limit: 1, q: "ada" });
    await done("account.getById", { id: accountId });
    await done("account.update", { id: accountId, displayName: "Ada L.", password: PASSWORD });

    const { headers, body } = await described.call("auth.signIn", { email: input.email, password: PASSWORD }, { key: null });
    const session = {
      key: null,
      headers: { cookie: headers.get("set-cookie").split(";")[0], "x-csrf-token": body.csrfToken },
    };
    assert.equal((await done("auth.me", {}, session)).via, "session");
    assert.equal((await done("auth.me", {}, { key: null })).via, null);
    const scopes = ["read", "channels", "publish"];
    const key = await done("apiKey.create", { name: "back end", scopes, expiresAt: "2099-01-01T00:00:00Z" }, session);
    assert.equal((await done("apiKey.list", {}, session)).apiKeys.length, 1);
    await done("apiKey.revoke", { id: key.id }, session);
    await done("auth.changePassword", { currentPassword: PASSWORD, newPassword: `${PASSWORD}!` }, session);
    await done("auth.signOut", {}, session);
    await done("account.signOut", { id: accountId });
  });

  test("channels and publish tokens", async () => {
    channelId = (await done("channel.create", { title: "Hats", streamMode: "hybrid", hostUserId: accountId })).id;
    await done("channel.list", { limit: 10, q: "hat" });
    for (const key of [server.adminKey, null]) await done("channel.getById", { id: channelId }, { key });
    await done("channel.update", { id: channelId, title: "Shoes", maxDurationSeconds: null });
    await done("channel.rotateKey", { channelId });
    const token = await done("publishToken.create", { channelId, expiresInSeconds: 600 });
    assert.equal((await done("publishToken.list", { channelId })).publishTokens.length, 1);
    await done("publishToken.revoke", { channelId, tokenId: token.id });
    await done("channel.getStatus", { channelId });
    await done("streaming.getStreamStatus", { channelId });
    await done("streaming.getPlaybackUrl", { channelId });
    await done("channel.healthCheck");
    await done("streaming.healthCheck");
  });

  test("webhooks, and what was sent to them", async () => {
    const url = `http://127.0.0.1:${target.address().port}/hook`;
    const events = ["relay.active", "broadcast.ended"];
    const { id } = await done("webhook.create", { url, events, description: "The shop" });
    await done("webhook.list", { limit: 10 });
    await done("webhook.getById", { id });
    await done("webhook.update", { id, isActive: true, events: [...events, "relay.error"] });
    await done("webhook.rotateSecret", { id });
    const { deliveryId } = await done("webhook.test", { id });
    const delivery = await until("it is delivered", async () => {
      const one = await done("webhookDelivery.getById", { id: deliveryId });
      return one.status === "delivered" && one;
    });
    assert.equal(delivery.attempts[0].httpStatus, 200);
    assert.ok((await done("webhookDelivery.list", { id, limit: 5 })).deliveries.length >= 1);
    await done("webhookDelivery.replay", { id: deliveryId });
    await until("it comes again", () => received.length >= 2);
  });

  test("a broadcast: relay, recording, numbers, history", async () => {
    const { publish } = await done("channel.start", { channelId });
    await server.publish(publish.streamKey);
    await until("it is live", async () => (await done("channel.getStatus", { channelId })).isLive, 30_000);
    await done("relay.start", { channelId });
    assert.equal((await done("relay.status", { channelId })).status, "active");
    assert.equal((await done("relay.list")).relays.length, 1);
    await done("recording.start", { channelId });
    await until("it is recorded", async () => (await done("recording.status", { channelId })).isRecording);
    await done("recording.listActive");
    await until("numbers are kept", async () => (await done("metrics.list", { channelId, limit: 10 })).points.length > 0, 25_000);
    await done("streaming.getStreamStatus", { channelId });
    await done("channel.getById", { id: channelId });
    await done("channel.list");
    await done("recording.stop", { channelId });
    await done("channel.leave", { channelId });
    await done("relay.stop", { channelId });
    await done("channel.end", { channelId });
    await server.unpublish();
    const { broadcasts } = await done("broadcast.list", { channelId, limit: 1 });
    assert.equal(broadcasts.length, 1);
    await done("recording.list", { channelId });
    await done("audit.list", { limit: 100 });
  });

  test("an event stream says what it is", async () => {
    const { path, responses } = described.operations.get("events.subscribe");
    const answer = await fetch(`${server.url}/api/v1${path}?channels=${channelId}`, { headers: { accept: "text/event-stream" } });
    assert.ok(responses[answer.status].content[answer.headers.get("content-type")]);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("event: snapshot")) text += (await reader.read()).value;
    await reader.cancel();
    described.succeeded.add("events.subscribe");
  });

  test("lists go on where the page before ended", async () => {
    for (const title of ["one", "two", "three"]) await done("channel.create", { title });
    const seen = [];
    let cursor;
    do {
      const page = await done("channel.list", { limit: 2, ...(cursor && { cursor }) });
      seen.push(...page.channels.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor);
    assert.equal(new Set(seen).size, seen.length);
    assert.equal(seen.length, (await done("channel.list")).channels.length);
  });

  test("the same Idempotency-Key makes one channel, and another request with it is refused", async () => {
    const options = { headers: { "idempotency-key": "order-17-of-the-shop" } };
    const first = await done("channel.create", { title: "Once" }, options);
    assert.deepEqual(await done("channel.create", { title: "Once" }, options), first);
    const other = await described.call("channel.create", { title: "Twice" }, options);
    assert.deepEqual([other.status, other.body.code], [422, "idempotency_conflict"]);
  });

  test("refusals are the problems that it describes", async () => {
    const wrong = { isWrong: true };
    const cases = [
      ["channel.getById", { id: 999999 }, wrong, 404, "not_found"],
      ["channel.getById", { id: "x" }, wrong, 400, "invalid_input"],
      ["channel.list", { limit: 0 }, wrong, 400, "invalid_input"],
      ["channel.list", { cursor: "nonsense" }, wrong, 400, "invalid_input"],
      ["channel.create", {}, wrong, 400, "invalid_input"],
      ["channel.create", { title: "x", more: 1 }, wrong, 400, "invalid_input"],
      ["channel.create", { title: "x" }, { key: null }, 401, "unauthorized"],
      ["account.create", { email: "ada@shop.example", displayName: "A", role: "buyer" }, {}, 409, "conflict"],
      ["account.getById", { id: NOBODY }, {}, 404, "not_found"],
      ["auth.signIn", { email: "ada@shop.example", password: "wrong" }, { key: null }, 401, "unauthorized"],
      ["webhook.create", { url: "ftp://example.com", events: ["relay.active"] }, wrong, 400, "invalid_input"],
    ];
    for (const [id, input, options, status, code] of cases) {
      const answer = await described.call(id, input, options);
      assert.deepEqual([answer.status, answer.body.code], [status, code], `${id} ${JSON.stringify(answer.body)}`);
    }
    const { body } = await described.call("channel.create", {}, wrong);
    assert.equal(body.errors[0].field, "title");
  });

  test("what was made is deleted", async () => {
    const { webhooks } = await done("webhook.list");
    await done("webhook.delete", { id: webhooks[0].id });
    await done("channel.delete", { id: channelId });
  });

  test("every operation of it was called, and answered as it says", () => {
    const missing = [...described.operations.keys()].filter((id) => !described.succeeded.has(id));
    assert.deepEqual(missing, []);
  });
});
