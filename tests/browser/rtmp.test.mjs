/* An encoder publishes by RTMP, vanishes and comes back; the buyer's player lives through it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { badgeLatency, loudness, movement, pace, placeholder, playhead } from "./support/player.mjs";
import { startRtmpPublisher } from "./support/publisher.mjs";
import { api, createChannel, openBrowser, removeChannel, rtmpServer, statusOf, until, url } from "./support/stoa.mjs";

describe("a broadcast by RTMP", { skip: rtmpServer ? false : "STOA_RTMP is not set" }, () => {
  let channel;
  let browser;
  let watch;
  let publisher;

  before(async () => {
    channel = await createChannel("Live from an encoder");
    browser = await openBrowser();
    watch = await browser.context.newPage();
    await watch.goto(`${url}/watch/${channel.id}`);
    await placeholder(watch, "Not live yet").waitFor();
  });
  after(async () => {
    await publisher?.kill();
    await browser.close();
    await removeChannel(channel.id);
  });

  const target = () => `${rtmpServer}/${channel.streamKey}`;

  test("plays by itself, with picture and sound", async (t) => {
    publisher = startRtmpPublisher(target());
    await until("the relay starts", async () => (await statusOf(channel.id)).isActive);
    const startMs = Date.now();
    await until("the video plays", async () => (await playhead(watch)) > 0.05);
    t.diagnostic(`playing ${Date.now() - startMs} ms after the relay started`);
    assert.ok((await movement(watch)) > 0.05, "the picture moves");
    assert.ok((await loudness(watch)) > 0.01, "the tone is heard");
    await until("a low latency", async () => (await badgeLatency(watch)) < 3);
  });

  test("plays on at the pace of the encoder", async (t) => {
    const played = await pace(watch);
    t.diagnostic(`${played.toFixed(3)} s a second, latency ${await badgeLatency(watch)} s`);
    assert.ok(played > 0.9 && played < 1.1, `${played} s of video a second ${publisher.complaint()}`);
  });

  test("goes on after the buyer's own network was gone", async () => {
    await browser.context.setOffline(true);
    await watch.waitForTimeout(4_000);
    const stoodAt = await playhead(watch);
    await browser.context.setOffline(false);
    await until("the video goes on", async () => (await playhead(watch)) > stoodAt + 1, 10_000);
    // four seconds are caught up at 1.06 of the speed
    await until("a low latency", async () => (await badgeLatency(watch)) < 3, 90_000);
  });

  test("keeps the picture while the encoder is away, and goes on when it is back", async () => {
    await watch.evaluate(() => (document.querySelector("video").dataset.same = "yes"));
    await publisher.kill();
    await watch.locator(".stoa-player-word", { hasText: "Reconnecting…" }).waitFor({ timeout: 15_000 });
    assert.ok(await watch.locator("video").isVisible(), "the picture stays");
    const stoodAt = await playhead(watch);
    publisher = startRtmpPublisher(target());
    await until("the video goes on", async () => (await playhead(watch)) > stoodAt + 1, 20_000);
    assert.ok((await movement(watch)) > 0.05, "the picture moves again");
    assert.ok((await loudness(watch)) > 0.01, "the tone is heard again");
    const same = await watch.evaluate(() => document.querySelector("video").dataset.same);
    assert.equal(same, "yes", "it is still the same player");
    await until("a low latency", async () => (await badgeLatency(watch)) < 3, 30_000);
  });

  test("ends from outside, truthfully", async () => {
    await api("POST", `/channels/${channel.id}/end`);
    await publisher.kill();
    await placeholder(watch, "Stream ended").waitFor({ timeout: 15_000 });
  });
});
