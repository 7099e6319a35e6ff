/* An admin at work: people, keys, who is on air, webhooks and what happened. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { checkPage } from "./support/look.mjs";
import { createAccount, fillSignIn, signIn } from "./support/people.mjs";
import { placeholder, playhead } from "./support/player.mjs";
import { startRtmpPublisher } from "./support/publisher.mjs";
import { api, openBrowser, removeChannel, rtmpServer, statusOf, until, url } from "./support/stoa.mjs";

const TITLE = "Wine tasting with Ana";

/* A shop that takes webhooks, or not. */
async function openShop() {
  const shop = { status: 500, got: [] };
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      shop.got.push({ headers: request.headers, message: JSON.parse(text) });
      response.writeHead(shop.status).end(shop.status === 500 ? "The shop is closed." : "");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  shop.url = `http://127.0.0.1:${server.address().port}/hooks`;
  shop.close = () => {
    server.close();
    server.closeAllConnections();
  };
  return shop;
}

describe("an admin at work", () => {
  const email = `${randomUUID().slice(0, 8)}@shop.test`;
  let browser;
  let other;
  let page;
  let channel;
  let publisher;
  let shop;

  before(async () => {
    browser = await openBrowser();
    other = await openBrowser();
    browser.context.setDefaultTimeout(10_000);
    page = await browser.context.newPage();
    channel = await api("POST", "/channels", { body: { title: TITLE } });
    shop = await openShop();
    await signIn(page, await createAccount("admin", "Ada Admin"), "/admin");
  });
  after(async () => {
    await publisher?.kill();
    shop.close();
    await browser.close();
    await other.close();
    await removeChannel(channel.id);
  });

  const record = (text) => page.locator(".record", { hasText: text });
  const relay = () => page.getByRole("list", { name: "relays" }).locator(".record", { hasText: TITLE });
  const open = (section) => page.goto(`${url}/admin/${section}`);
  const confirm = (verb) => page.getByRole("dialog").getByRole("button", { name: verb, exact: true }).click();

  test("makes an account, whose password is shown once", async () => {
    await open("accounts");
    await page.getByRole("button", { name: "New account" }).click();
    await page.getByLabel("Name", { exact: true }).fill("Nora New");
    await page.getByLabel("E-mail", { exact: true }).fill(email);
    await page.getByRole("button", { name: "Create the account" }).click();
    const shown = page.getByLabel("Password", { exact: true });
    await page.getByText("it is shown this once").waitFor();
    const password = await shown.inputValue();
    await checkPage(page, "admin-password");
    await page.getByRole("button", { name: "I have copied it" }).click();

    const theirs = await other.context.newPage();
    await theirs.goto(`${url}/sign-in?next=%2Fchannels`);
    await fillSignIn(theirs, email, password);
    await theirs.getByText("No channel yet.").waitFor();
    other.page = theirs;
    other.password = password;
  });

  test("disables it: who uses it is out, and is told why", async () => {
    await page.getByLabel("Search by name or e-mail").fill(email);
    await record(email).getByRole("button", { name: "Disable" }).click();
    await confirm("Disable");
    await record(email).getByText("Disabled", { exact: true }).waitFor();
    await checkPage(page, "admin-accounts");
    await other.page.getByRole("heading", { name: "Sign in" }).waitFor({ timeout: 15_000 });
    await fillSignIn(other.page, email, other.password);
    await other.page.getByRole("alert").getByText(/disabled/).waitFor();
    await record(email).getByRole("button", { name: "Enable" }).click();
    await confirm("Enable");
    await until("it may sign in", async () => (await record(email).getByText("Disabled", { exact: true }).count()) === 0);
  });

  test("makes a key for everything, and revokes it", async () => {
    await open("keys");
    await page.getByRole("button", { name: "New API key" }).click();
    await page.getByLabel("Name").fill("Night job");
    await page.getByRole("checkbox", { name: /^Accounts/ }).check();
    await page.getByRole("button", { name: "Create the key" }).click();
    const key = await page.getByLabel("API key", { exact: true }).inputValue();
    await page.getByRole("button", { name: "I have copied it" }).click();
    assert.ok((await api("GET", "/accounts?limit=1", { key })).accounts.length === 1);
    await record("Night job").getByRole("button", { name: "Revoke" }).click();
    await confirm("Revoke");
    await record("Night job").getByText("Revoked", { exact: true }).waitFor();
    await assert.rejects(api("GET", "/accounts?limit=1", { key }), /401/);
    await checkPage(page, "admin-keys");
  });

  test("sees who is live, and stops a relay", { skip: !rtmpServer }, async () => {
    publisher = startRtmpPublisher(`${rtmpServer}/${channel.streamKey}`);
    const watch = await other.context.newPage();
    await watch.goto(`${url}/watch/${channel.id}`);
    await until("the buyer sees it", async () => (await playhead(watch)) > 0.2, 20_000);
    await open("");
    await relay().getByText(/1 viewer .* Mbit\/s .* fps/).waitFor({ timeout: 15_000 });
    await checkPage(page, "admin-channels");
    // two points of the history, which is one each ten seconds
    const points = async () => (await api("GET", `/channels/${channel.id}/metrics`)).points.length;
    await until("numbers are kept", async () => (await points()) > 1, 30_000);
    await relay().getByRole("button", { name: "Stop" }).click();
    await checkPage(page, "admin-stop");
    await confirm("Stop");
    await placeholder(watch, "Stream ended").waitFor({ timeout: 15_000 });
    assert.equal((await statusOf(channel.id)).isActive, false);
    await watch.close();
  });

  test("announces a broadcast, and takes it back", async () => {
    await publisher?.kill();
    await open("");
    await page.getByLabel("Search by title").fill(TITLE);
    const found = page.getByRole("list", { name: "channels" }).locator(".record", { hasText: TITLE }).first();
    await found.getByRole("button", { name: "Start" }).click();
    await until("it is announced", async () => (await statusOf(channel.id)).relayStatus === "starting");
    await relay().getByRole("button", { name: "Stop" }).click();
    await confirm("Stop");
    await until("it is over", async () => !(await statusOf(channel.id)).isActive);
  });

  test("sees how a broadcast went", { skip: !rtmpServer }, async () => {
    await open("health");
    await page.getByLabel("Search by title").fill(TITLE);
    await page.getByRole("link", { name: TITLE }).first().click();
    await page.getByRole("heading", { name: TITLE }).waitFor();
    await page.getByRole("list", { name: "broadcasts" }).locator(".record").first().waitFor();
    await page.getByRole("img", { name: /^Bitrate over time/ }).waitFor();
    await checkPage(page, "admin-health");
  });

  test("sets up a webhook, sends a test, and sends again what failed", async () => {
    await open("webhooks");
    await page.getByRole("button", { name: "New webhook" }).click();
    await page.getByLabel("URL").fill(shop.url);
    await checkPage(page, "admin-webhook-new");
    await page.getByRole("button", { name: "Create the webhook" }).click();
    const secret = await page.getByLabel("Signing secret", { exact: true }).inputValue();
    assert.match(secret, /^whsec_/);
    await page.getByRole("button", { name: "I have copied it" }).click();
    await page.getByRole("link", { name: shop.url }).first().click();
    await page.getByRole("button", { name: "Send a test" }).click();
    const delivery = record("webhook.test");
    await delivery.getByText("HTTP 500").waitFor({ timeout: 15_000 });
    await checkPage(page, "admin-webhook");
    shop.status = 204;
    await delivery.getByRole("button", { name: "Replay" }).click();
    await delivery.getByText("Delivered").waitFor({ timeout: 15_000 });
    // other tests go live meanwhile, and the webhook hears of that as well
    const tests = shop.got.filter((one) => one.message.type === "webhook.test");
    assert.equal(tests.length, 2);
    assert.equal(new Set(tests.map((one) => one.headers["webhook-id"])).size, 1, "the same message");
  });

  test("reads who did what", async () => {
    await open("events");
    await record("Webhook made").first().waitFor();
    await record("API key revoked").first().waitFor();
    await record("Account changed").first().waitFor();
    await checkPage(page, "admin-events");
  });

  test("no page broke its own rules", () => {
    assert.deepEqual([...browser.errors, ...other.errors], []);
  });
});
