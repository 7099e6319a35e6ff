/*
 * Pages move by what the server tells, without being asked. In most of these the server's side of the connection
 * is the test's, and the status that can be asked for stands still: what moves was told.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { placeholder } from "./support/player.mjs";
import { api, createChannel, openBrowser, removeChannel, statusOf, until, url } from "./support/stoa.mjs";

const EVENTS = /\/api\/v1\/events\?/;

describe("a page that is told", () => {
  let browser;
  let channel;
  let page;
  let offline;

  before(async () => {
    browser = await openBrowser();
    channel = await createChannel("Told");
    offline = await statusOf(channel.id);
  });
  after(async () => {
    await browser.close();
    await removeChannel(channel.id);
  });
  beforeEach(async () => {
    await page?.close();
    page = await browser.context.newPage();
  });

  const message = (type, id, change) =>
    JSON.stringify({ type, id, channelId: channel.id, status: { ...offline, ...change } });

  /* Answers each WebSocket of the page with `onOpen(socket, address)`. */
  async function answerSockets(onOpen) {
    const addresses = [];
    await page.routeWebSocket(EVENTS, (socket) => {
      const address = new URL(socket.url());
      addresses.push(address);
      onOpen(socket, address);
    });
    return addresses;
  }

  test("moves at once, over one connection", async () => {
    let told;
    const addresses = await answerSockets((socket) => {
      told = socket;
      socket.send(message("snapshot", "1-1", {}));
    });
    await page.goto(`${url}/watch/${channel.id}`);
    await placeholder(page, "Not live yet").waitFor();
    await until("a connection", () => told);
    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    told.send(message("status", "1-2", { isActive: true, relayStatus: "starting" }));
    await placeholder(page, "Stream starting…").waitFor({ timeout: 2_000 });
    told.send(message("status", "1-3", { relayStatus: "error", relayError: "The seller's media did not come." }));
    await page.getByText("The seller's media did not come.").waitFor({ timeout: 2_000 });
    told.send(message("status", "1-4", { relayStatus: "stopped", endedAt: "2026-01-01T10:00:00Z" }));
    await placeholder(page, "Stream ended").waitFor({ timeout: 2_000 });
    assert.equal(addresses.length, 1);
    assert.equal(addresses[0].searchParams.get("channels"), String(channel.id));
    assert.ok(!asked.some((path) => path.endsWith("/status")), "nobody asked");
  });

  test("moves by the server's own word, and asks only once, at its beginning", async () => {
    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    const socket = page.waitForEvent("websocket");
    await page.goto(`${url}/watch/${channel.id}`);
    await placeholder(page, "Not live yet").waitFor();
    await (await socket).waitForEvent("framereceived");
    for (let round = 0; round < 3; round++) {
      await api("POST", `/channels/${channel.id}/start`);
      await placeholder(page, "Stream starting…").waitFor({ timeout: 2_000 });
      await api("POST", `/channels/${channel.id}/end`);
      await placeholder(page, "Stream ended").waitFor({ timeout: 2_000 });
    }
    assert.deepEqual(asked.filter((path) => path.endsWith("/status")).length, 1);
  });

  test("asks for what it missed when the connection was lost", async () => {
    const sockets = [];
    const addresses = await answerSockets((socket) => {
      sockets.push(socket);
      if (sockets.length === 1) socket.send(message("snapshot", "1-7", {}));
      else socket.send(message("status", "1-8", { isActive: true, relayStatus: "starting" }));
    });
    await page.goto(`${url}/watch/${channel.id}`);
    await placeholder(page, "Not live yet").waitFor();
    await until("a connection", () => sockets.length === 1);
    await sockets[0].close({ code: 1013, reason: "slow" });
    await placeholder(page, "Stream starting…").waitFor({ timeout: 10_000 });
    assert.equal(addresses[1].searchParams.get("lastEventId"), "1-7");
  });

  test("takes an event stream where no WebSocket comes through", async () => {
    await page.routeWebSocket(EVENTS, (socket) => socket.close());
    const data = message("snapshot", "1-1", { isActive: true, relayStatus: "starting" });
    await page.route(EVENTS, (route) =>
      route.fulfill({
        headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
        body: `event: snapshot\nid: 1-1\ndata: ${data}\n\n`,
      }),
    );
    await page.goto(`${url}/watch/${channel.id}`);
    await placeholder(page, "Stream starting…").waitFor({ timeout: 5_000 });
  });

  test("asks by itself where nothing comes through", async () => {
    await page.routeWebSocket(EVENTS, (socket) => socket.close());
    await page.route(EVENTS, (route) => route.fulfill({ status: 404 }));
    let status = offline;
    await page.route(`**/channels/${channel.id}/status`, (route) => route.fulfill({ json: status }));
    await page.goto(`${url}/watch/${channel.id}`);
    await placeholder(page, "Not live yet").waitFor();
    status = { ...offline, isActive: true, relayStatus: "starting" };
    await placeholder(page, "Stream starting…").waitFor({ timeout: 10_000 });
  });

  test("says when the channel is deleted", async () => {
    let told;
    await answerSockets((socket) => {
      told = socket;
      socket.send(message("snapshot", "1-1", {}));
    });
    await page.goto(`${url}/watch/${channel.id}`);
    await placeholder(page, "Not live yet").waitFor();
    await until("a connection", () => told);
    told.send(JSON.stringify({ type: "deleted", id: "1-2", channelId: channel.id }));
    await page.getByRole("heading", { name: "There is no such channel." }).waitFor({ timeout: 2_000 });
  });

  test("no page broke its own rules", () => {
    assert.deepEqual(browser.errors, []);
  });
});
