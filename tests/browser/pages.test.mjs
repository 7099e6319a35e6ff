/* The pages without a broadcast and without an account: home, the key gate, what is not there. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkPage } from "./support/look.mjs";
import { placeholder } from "./support/player.mjs";
import { createChannel, openBrowser, removeChannel, url } from "./support/stoa.mjs";

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

  test("home lists the channels, and who may not broadcast sees no studio", async () => {
    made.push((await createChannel("Friday ceramics sale")).id);
    await page.goto(url);
    await page.getByRole("link", { name: /Friday ceramics sale/ }).first().waitFor();
    assert.equal(await page.getByRole("link", { name: /Studio/ }).count(), 0);
    await checkPage(page, "home");
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
