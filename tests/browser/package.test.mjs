/* @stoa/react as a shop gets it: packed, installed, type-checked, built without a network, and seen in its page. */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { createConsumer } from "./support/consumer.mjs";
import { checkPage } from "./support/look.mjs";
import { movement, placeholder } from "./support/player.mjs";
import { startRtmpPublisher } from "./support/publisher.mjs";
import { openShop } from "./support/shop.mjs";
import { createChannel, openBrowser, removeChannel, rtmpServer, until, url } from "./support/stoa.mjs";

describe("the package in a shop", () => {
  let consumer;
  let channel;
  let browser;
  let shop;
  let page;
  let publisher;

  before(async () => {
    consumer = await createConsumer();
    channel = await createChannel("Shoes by React");
    browser = await openBrowser();
    page = await browser.context.newPage();
  });
  after(async () => {
    await publisher?.kill();
    await browser.close();
    shop?.close();
    await removeChannel(channel.id);
    await consumer.remove();
  });

  const address = (more = "") => `${shop.url}/?server=${url}&channel=${channel.id}${more}`;

  test("is packed and installed without a network", async () => {
    assert.match(await consumer.install(), /^stoa-react-\d+\.\d+\.\d+\.tgz$/);
  });

  test("has types, for bundlers and for Node.js", async () => {
    await consumer.typecheck("tsconfig.json");
    await consumer.typecheck("tsconfig.node.json");
  });

  test("can be rendered on a server", async () => {
    const html = await consumer.renderOnServer();
    assert.match(html, /Connecting…/);
  });

  test("is built by the shop and shows its channel", async () => {
    await consumer.build();
    shop = await openShop({ folder: path.join(consumer.folder, "dist") });
    await page.goto(address());
    await placeholder(page, "Not live yet").waitFor();
    await page.getByRole("heading", { name: "Shoes by React" }).waitFor();
    assert.equal(await page.locator("output").innerText(), "offline");
    await checkPage(page, "package-offline");
  });

  test("keeps its looks among the styles of the shop", async () => {
    const share = page.locator(".stoa-share");
    const look = await share.evaluate((button) => {
      const { padding, backgroundColor } = getComputedStyle(button);
      return [padding.split(" ").length, backgroundColor];
    });
    assert.deepEqual(look, [2, "rgba(0, 0, 0, 0)"]);
    assert.ok(await page.locator(".stoa-badge").first().isVisible());
  });

  test("plays when the seller comes", { skip: !rtmpServer }, async () => {
    publisher = startRtmpPublisher(`${rtmpServer}/${channel.streamKey}`);
    await page.locator(".stoa-latency").waitFor({ timeout: 30_000 });
    assert.ok((await movement(page)) > 0.05);
    await until("the shop's own word", async () => (await page.locator("output").innerText()) === "playing");
    await page.locator(".stoa-health-light", { hasText: "Live" }).waitFor();
    await checkPage(page, "package-live");
  });

  test("goes to the fallback within seconds when the source fails", { skip: !rtmpServer }, async () => {
    await page.goto(address(`&broken=${encodeURIComponent(`${url}/hls/999999/index.m3u8`)}`));
    await page.locator('[data-fallback="true"] .stoa-latency').waitFor({ timeout: 10_000 });
    assert.ok((await movement(page)) > 0.05);
  });

  test("no page broke its own rules", () => {
    assert.deepEqual(browser.errors, []);
  });
});
