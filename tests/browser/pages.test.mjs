/* The pages without a broadcast: home, the dialog, the key gate; on a wide screen and on a phone. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkPage } from "./support/look.mjs";
import { placeholder } from "./support/player.mjs";
import { api, adminKey, createChannel, openBrowser, removeChannel, until, url } from "./support/stoa.mjs";

describe("the pages", () => {
  let browser;
  let page;
  const made = [];

  before(async () => {
    browser = await openBrowser();
    page = await browser.context.newPage();
  });
  after(async () => {
    await browser.close();
    for (const id of made) await removeChannel(id);
  });

  test("an empty home tells how to begin", async () => {
    // other tests may have left channels: the list is answered empty here
    await page.route("**/api/v1/channels", (route) =>
      route.request().method() === "GET" ? route.fulfill({ json: { channels: [] } }) : route.continue(),
    );
    await page.goto(url);
    await page.getByRole("heading", { name: "Go live in a minute" }).waitFor();
    await checkPage(page, "home-empty");
    await page.unroute("**/api/v1/channels");
  });

  test("a wrong admin key is refused in the server's words", async () => {
    const refusal = await fetch(`${url}/api/v1/channels`, {
      method: "POST",
      headers: { Authorization: "Bearer not-the-key", "Content-Type": "application/json" },
      body: '{"title":"x"}',
    });
    const { detail, title } = await refusal.json();
    await page.goto(url);
    await page.getByRole("button", { name: "New channel" }).click();
    await page.getByLabel("Title").fill("Friday ceramics sale");
    await page.getByLabel("Admin key").fill("not-the-key");
    await page.getByRole("button", { name: "Create channel" }).click();
    assert.equal(await page.getByRole("alert").innerText(), detail ?? title);
    await checkPage(page, "dialog-refused");
  });

  test("a channel is created and shows what a publisher needs", async () => {
    await page.getByLabel("Admin key").fill(adminKey);
    await page.getByRole("button", { name: "Create channel" }).click();
    const key = page.getByLabel("Stream key", { exact: true });
    await key.waitFor();
    assert.equal(await key.getAttribute("type"), "password", "the key is not on the screen by itself");
    const studio = await page.getByLabel("Studio", { exact: true }).inputValue();
    const id = Number(/\/studio\/(\d+)$/.exec(studio)[1]);
    made.push(id);
    await page.getByRole("button", { name: "Show Stream key" }).click();
    const { publish } = await api("GET", `/channels/${id}`);
    assert.equal(await key.inputValue(), publish.streamKey);
    assert.match(await page.getByLabel("RTMP server", { exact: true }).inputValue(), /^rtmps?:\/\/[^/]+\/live$/);
    assert.match(await page.getByLabel("WHIP URL", { exact: true }).inputValue(), new RegExp(`/whip/${id}$`));
    await page.getByRole("button", { name: "Hide Stream key" }).click();
    await checkPage(page, "dialog-created");
    await page.getByRole("link", { name: "Open the studio" }).click();
    await page.getByRole("button", { name: "Go live" }).waitFor();
    assert.equal(new URL(page.url()).pathname, `/studio/${id}`);
    assert.equal(new URL(page.url()).search, "", "no key in the address");
  });

  test("home lists the channel", async () => {
    await page.goto(url);
    await page.getByRole("link", { name: /Friday ceramics sale/ }).first().waitFor();
    await checkPage(page, "home");
  });

  test("the studio previews the camera and is good on a phone", async () => {
    await page.goto(`${url}/studio/${made[0]}`);
    const preview = page.getByLabel("Camera preview");
    await until("a picture in the preview", () => preview.evaluate((v) => v.videoWidth > 0));
    assert.equal(await preview.evaluate((v) => `${v.videoWidth}x${v.videoHeight}`), "1280x720");
    await checkPage(page, "studio");
  });

  test("the microphone moves the meter", async () => {
    const cover = page.locator(".meter-cover");
    const level = () =>
      cover.evaluate((e) => 1 - Number(/scaleX\(([\d.]+)\)/.exec(e.style.transform)?.[1] ?? 1));
    await until("a beep of the fake microphone", async () => (await level()) > 0.2);
  });

  test("a studio without a key asks for one and refuses a wrong one in the server's words", async () => {
    const channel = await createChannel("Locked studio");
    made.push(channel.id);
    const refusal = await fetch(`${url}/api/v1/channels/${channel.id}`, {
      headers: { Authorization: "Bearer sk_wrong" },
    });
    const { detail } = refusal.ok ? {} : await refusal.json();
    const stranger = await openBrowser();
    try {
      const gate = await stranger.context.newPage();
      await gate.goto(`${url}/studio/${channel.id}`);
      await gate.getByLabel("Key").fill("sk_wrong");
      await gate.getByRole("button", { name: "Open" }).click();
      const sentence = await gate.getByRole("alert").innerText();
      assert.equal(sentence, detail ?? "This key does not open this channel's studio.");
      await checkPage(gate, "studio-locked");
      await gate.getByLabel("Key").fill(channel.streamKey);
      await gate.getByRole("button", { name: "Open" }).click();
      await gate.getByRole("button", { name: "Go live" }).waitFor();
      assert.equal(
        await gate.evaluate((key) => JSON.stringify(localStorage).includes(key), channel.streamKey),
        false,
        "the key is not kept beyond the tab",
      );
    } finally {
      await stranger.close();
    }
  });

  test("a channel that is not live says so", async () => {
    await page.goto(`${url}/watch/${made[0]}`);
    await placeholder(page, "Not live yet").waitFor();
    await checkPage(page, "watch-offline");
  });

  test("what is not there is said to be not there", async () => {
    await page.goto(`${url}/watch/999999999`);
    await page.getByRole("heading", { name: "There is no such channel." }).waitFor();
    await page.goto(`${url}/studio/999999999`);
    await page.getByRole("heading", { name: "There is no such channel." }).waitFor();
    await page.getByRole("link", { name: "See who is live" }).click();
    await page.getByRole("link", { name: "Stoa, home" }).waitFor();
    assert.equal(new URL(page.url()).pathname, "/");
  });

  test("no page broke its own rules", () => {
    assert.deepEqual(browser.errors, []);
  });
});
