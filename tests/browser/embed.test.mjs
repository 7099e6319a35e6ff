/* The player in somebody else's page: as an element, and as a frame. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkPage } from "./support/look.mjs";
import { movement, placeholder } from "./support/player.mjs";
import { startRtmpPublisher } from "./support/publisher.mjs";
import { openShop } from "./support/shop.mjs";
import { api, createChannel, openBrowser, removeChannel, rtmpServer, until, url } from "./support/stoa.mjs";

const origin = new URL(url).origin;
const wsOrigin = origin.replace(/^http/, "ws");

/* All that the page of a shop must allow, and nothing more (docs/embed.md). */
const elementPolicy =
  `default-src 'none'; script-src ${origin}; connect-src ${origin} ${wsOrigin}; media-src blob:`;

const elementPage = (channel, more = "") => `<!doctype html>
<html lang="en"><head><title>A shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script type="module" src="${origin}/embed/stoa-player.js"></script></head>
<body><main><h1>Shoes</h1><stoa-player channel="${channel}" ${more}></stoa-player></main></body></html>`;

const framePage = (path) => `<!doctype html>
<html lang="en"><head><title>A shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>Shoes</h1><iframe src="${origin}${path}" title="Shoes, live" allow="fullscreen"
  width="320" height="180"></iframe></main></body></html>`;

describe("the player in a shop", { skip: rtmpServer ? false : "STOA_RTMP is not set" }, () => {
  let channel;
  let browser;
  let shop;
  let page;
  let frames;
  let publisher;

  before(async () => {
    channel = await createChannel("Shoes on Friday");
    browser = await openBrowser();
    shop = await openShop({
      pages: {
        "/element": {
          html: elementPage(channel.id, "show-latency"),
          headers: { "Content-Security-Policy": elementPolicy },
        },
        "/misused": { html: elementPage("seven") },
        "/frame": { html: framePage(`/embed/${channel.id}`) },
        "/thief": { html: framePage(`/studio/${channel.id}`) },
      },
    });
    page = await browser.context.newPage();
    frames = await browser.context.newPage();
    await page.addInitScript(() => {
      window.heard = [];
      addEventListener("phasechange", (event) => window.heard.push(event.detail.phase));
      addEventListener("statuschange", (event) => (window.told = event.detail));
    });
  });
  after(async () => {
    await publisher?.kill();
    await browser.close();
    shop.close();
    await removeChannel(channel.id);
  });

  test("says that the channel is not live yet, under a strict policy of the shop", async () => {
    await page.goto(`${shop.url}/element`);
    await placeholder(page, "Not live yet").waitFor();
    await checkPage(page, "embed-element-offline");
    assert.equal(await page.evaluate(() => document.querySelector("stoa-player").phase), "offline");
  });

  test("waits in a frame, too", async () => {
    await frames.goto(`${shop.url}/frame`);
    await placeholder(frames.frameLocator("iframe"), "Not live yet").waitFor();
    await checkPage(frames, "embed-frame-offline");
  });

  test("plays by itself, across origins, with a moving picture", async () => {
    publisher = startRtmpPublisher(`${rtmpServer}/${channel.streamKey}`);
    await page.locator(".stoa-latency").waitFor({ timeout: 30_000 });
    assert.ok((await movement(page)) > 0.05, "the picture of the element moves");
    await checkPage(page, "embed-element-live");
    await frames.bringToFront();
    await frames.frameLocator("iframe").locator(".stoa-latency").waitFor({ timeout: 30_000 });
    const inner = frames.frames().find((frame) => frame.url().includes("/embed/"));
    assert.ok((await movement(inner)) > 0.05, "the picture in the frame moves");
    await checkPage(frames, "embed-frame-live");
    await page.bringToFront();
  });

  test("tells the page of the shop what happens", async () => {
    const heard = await page.evaluate(() => window.heard);
    assert.deepEqual([heard[0], heard.at(-1)], ["offline", "playing"]);
    assert.equal(await page.evaluate(() => window.told.channelId), channel.id);
    const told = await page.evaluate(() => document.querySelector("stoa-player").status.isLive);
    assert.equal(told, true);
  });

  test("is named as the channel is", async () => {
    await page.getByRole("region", { name: "Player: Shoes on Friday" }).waitFor();
  });

  test("obeys the keyboard, and only where it stands", async () => {
    const isMuted = () => page.locator("stoa-player").evaluate((player) => player.video.muted);
    const isPaused = () => page.locator("stoa-player").evaluate((player) => player.video.paused);
    assert.equal(await isMuted(), true, "it starts without sound");
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press("m");
    assert.equal(await isMuted(), true, "a key elsewhere is not for the player");

    // who is far behind is offered a way to the live edge first
    await until("it is near the live edge", async () => (await page.getByText("Go to live").count()) === 0, 30_000);
    await page.keyboard.press("Tab");
    assert.equal(
      await page.evaluate(() => document.querySelector("stoa-player").shadowRoot.activeElement.textContent),
      "Tap for sound",
    );
    await page.keyboard.press("Enter");
    await until("sound by the button", async () => !(await isMuted()));
    await page.locator(".stoa-control[aria-keyshortcuts=k]").focus();
    await page.keyboard.press("k");
    await until("a pause by its key", isPaused);
    await page.keyboard.press("k");
    await until("it plays on", async () => !(await isPaused()));
    await page.keyboard.press("m");
    await until("no sound by its key", isMuted);
    await page.locator(".stoa-volume").focus();
    await page.keyboard.press("ArrowRight");
    await until("sound by the slider", async () => !(await isMuted()));
  });

  test("goes into full screen from inside its shadow, and out", async () => {
    await page.locator(".stoa-control[aria-keyshortcuts=f]").click();
    await page.getByRole("button", { name: "Leave full screen" }).waitFor();
    await page.keyboard.press("f");
    await page.getByRole("button", { name: "Full screen" }).waitFor();
  });

  test("can be moved, taken out and pointed elsewhere", async () => {
    const other = await createChannel("Elsewhere");
    try {
      await page.evaluate(() => {
        const player = document.querySelector("stoa-player");
        document.querySelector("main").prepend(player);
      });
      await page.locator(".stoa-latency").waitFor({ timeout: 20_000 });
      await page.evaluate((id) => (document.querySelector("stoa-player").channel = id), other.id);
      await placeholder(page, "Not live yet").waitFor();
      await page.evaluate(() => (window.kept = document.querySelector("stoa-player")).remove());
      await until("nothing left inside", () =>
        page.evaluate(() => window.kept.shadowRoot.querySelector(".place").childElementCount === 0),
      );
    } finally {
      await removeChannel(other.id);
    }
  });

  test("tells the end", async () => {
    await publisher.kill();
    await api("POST", `/channels/${channel.id}/end`);
    await frames.bringToFront();
    await placeholder(frames.frameLocator("iframe"), "Stream ended").waitFor({ timeout: 20_000 });
  });

  test("a wrong attribute is told to who wrote it", async () => {
    await page.goto(`${shop.url}/misused`);
    await placeholder(page, "There is no stream to show").waitFor();
    await page.getByText('a number, as in channel="7"').waitFor();
  });

  test("no other page can be framed", async () => {
    const refused = [];
    frames.on("console", (message) => refused.push(message.text()));
    await frames.goto(`${shop.url}/thief`);
    await until("the browser's refusal", () => refused.some((text) => text.includes("frame-ancestors")));
    /* That refusal was asked for. */
    browser.errors.splice(0, browser.errors.length, ...browser.errors.filter((e) => !e.includes("frame-ancestors")));
  });

  test("no page broke its own rules or the shop's", () => {
    assert.deepEqual(browser.errors, []);
  });
});
