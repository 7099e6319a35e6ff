/* A broadcast from the studio's camera, seen by a buyer in another browser. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkPage } from "./support/look.mjs";
import { badgeLatency, loudness, movement, pace, placeholder } from "./support/player.mjs";
import { createChannel, openBrowser, removeChannel, statusOf, until, url } from "./support/stoa.mjs";

describe("a broadcast from the studio", () => {
  let channel;
  let seller;
  let buyer;
  let studio;
  let watch;

  before(async () => {
    channel = await createChannel("Live from the studio");
    seller = await openBrowser();
    buyer = await openBrowser();
    studio = await seller.context.newPage();
    watch = await buyer.context.newPage();
  });
  after(async () => {
    await buyer.close();
    await seller.close();
    await removeChannel(channel.id);
  });

  test("the buyer waits on the page", async () => {
    await watch.goto(`${url}/watch/${channel.id}`);
    await placeholder(watch, "Not live yet").waitFor();
  });

  test("the seller goes live, and the light says so", async () => {
    await studio.goto(`${url}/studio/${channel.id}`);
    await studio.getByLabel("Key").fill(channel.streamKey);
    await studio.getByRole("button", { name: "Open" }).click();
    await studio.getByRole("button", { name: "Go live" }).click();
    await studio.getByText("On air", { exact: true }).first().waitFor({ timeout: 15_000 });
    await studio.locator(".stoa-health-light", { hasText: "Live" }).waitFor({ timeout: 15_000 });
    const status = await statusOf(channel.id);
    assert.deepEqual([status.isLive, status.ingest], [true, "whip"]);
  });

  test("the buyer's player starts by itself with moving picture and sound", async () => {
    await watch.locator(".stoa-latency").waitFor({ timeout: 20_000 });
    assert.ok((await movement(watch)) > 0.05, "the picture moves");
    assert.ok((await loudness(watch)) > 0.01, "the fake microphone's beep is heard");
  });

  test("the badge shows a latency below three seconds", async () => {
    const latency = await until("a settled latency", async () => {
      const seconds = await badgeLatency(watch);
      return seconds < 3 ? seconds : 0;
    });
    assert.ok(latency > 0);
    await checkPage(watch, "watch-live");
  });

  test("it plays on at the pace of the camera", async (t) => {
    const played = await pace(watch);
    t.diagnostic(`${played.toFixed(3)} s a second, latency ${await badgeLatency(watch)} s`);
    assert.ok(played > 0.9 && played < 1.1, `${played} s of video a second`);
  });

  test("the seller sees numbers and the viewer", async () => {
    const value = (name) => studio.locator(".panel-broadcast dl > div", { hasText: name }).locator("dd").innerText();
    await until("a bitrate", async () => /\d.*bit\/s/.test(await value("Bitrate")));
    await until("a frame rate", async () => parseInt(await value("Frame rate"), 10) > 5);
    await until("a round trip", async () => /\d+ ms/.test(await value("Round trip")));
    await until("the viewer", async () => Number(await value("Viewers")) >= 1, 20_000);
    assert.match(await value("On air"), /^\d+:\d\d$/);
    await checkPage(studio, "studio-live");
  });

  test("home shows the channel as live", async () => {
    const home = await buyer.context.newPage();
    await home.goto(url);
    await home.locator(".card", { hasText: "Live from the studio" }).waitFor();
    await checkPage(home, "home-live");
    await home.close();
    await watch.bringToFront();
  });

  test("End ends it, and the buyer is told the truth", async () => {
    await studio.getByRole("button", { name: "End" }).click();
    await studio.getByRole("button", { name: "Go live" }).waitFor();
    await placeholder(watch, "Stream ended").waitFor({ timeout: 15_000 });
    assert.equal((await statusOf(channel.id)).isActive, false);
    await checkPage(watch, "watch-ended");
  });

  test("the next broadcast plays on the same page", async () => {
    await studio.getByRole("button", { name: "Go live" }).click();
    await watch.locator(".stoa-latency").waitFor({ timeout: 20_000 });
    assert.ok((await movement(watch)) > 0.05);
    await studio.getByRole("button", { name: "End" }).click();
    await placeholder(watch, "Stream ended").waitFor({ timeout: 15_000 });
  });

  test("a seller who closes the tab leaves the air", async () => {
    await studio.getByRole("button", { name: "Go live" }).click();
    await until("on air", async () => (await statusOf(channel.id)).isLive);
    await studio.close({ runBeforeUnload: false });
    await until("off air", async () => (await statusOf(channel.id)).relayStatus !== "active", 10_000);
  });

  test("no page broke its own rules", () => {
    assert.deepEqual([...seller.errors, ...buyer.errors], []);
  });
});
