/* A seller's evening: signs in, makes a channel, goes live from the camera; a buyer in another browser sees it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkPage } from "./support/look.mjs";
import { createAccount, signIn } from "./support/people.mjs";
import { badgeLatency, loudness, movement, pace, placeholder } from "./support/player.mjs";
import { api, openBrowser, removeChannel, statusOf, until, url } from "./support/stoa.mjs";

const TITLE = "Live from the studio";

describe("a broadcast from the studio", () => {
  let channel;
  let seller;
  let buyer;
  let studio;
  let watch;

  before(async () => {
    seller = await openBrowser();
    buyer = await openBrowser();
    studio = await seller.context.newPage();
    watch = await buyer.context.newPage();
  });
  after(async () => {
    await buyer.close();
    await seller.close();
    if (channel) await removeChannel(channel.id);
  });

  test("the seller signs in and makes a channel", async () => {
    await signIn(studio, await createAccount("seller", "Sam Seller"));
    await studio.getByText("No channel yet.").waitFor();
    await studio.getByRole("button", { name: "New channel" }).click();
    await studio.getByLabel("Title", { exact: true }).fill(TITLE);
    await studio.getByRole("button", { name: "Create channel" }).click();
    await studio.getByRole("link", { name: "Open the studio" }).click();
    await studio.getByRole("button", { name: "Go live" }).waitFor();
    const id = Number(/\/studio\/(\d+)$/.exec(studio.url())[1]);
    channel = await api("GET", `/channels/${id}`);
  });

  test("the buyer waits on the page", async () => {
    await watch.goto(`${url}/watch/${channel.id}`);
    await placeholder(watch, "Not live yet").waitFor();
  });

  test("the studio looks at everything before", async () => {
    const preview = studio.getByLabel("Camera preview");
    await until("a picture in the preview", () => preview.evaluate((v) => v.videoWidth > 0));
    const cover = studio.locator(".meter-cover");
    const level = () => cover.evaluate((e) => 1 - Number(/scaleX\(([\d.]+)\)/.exec(e.style.transform)?.[1] ?? 1));
    await until("a beep of the fake microphone", async () => (await level()) > 0.2);
    await studio.getByText("Ready to go live").waitFor({ timeout: 20_000 });
    const check = (id) => studio.locator(`[data-check=${id}]`).innerText();
    assert.match(await check("upload"), /About [\d.]+ [kM]bit\/s to the server/);
    assert.match(await check("keys"), /may broadcast on this channel/);
    await checkPage(studio, "studio");
  });

  test("the seller goes live with a publish token, and the light says so", async () => {
    const offered = studio.waitForRequest((request) => request.url().includes("/whip/"));
    await studio.getByRole("button", { name: "Go live" }).click();
    assert.match((await offered).headers().authorization, /^Bearer pt_/);
    await studio.locator(".stoa-health-light", { hasText: "Live" }).waitFor({ timeout: 15_000 });
    await studio.locator(".stage-tag", { hasText: "On air" }).waitFor();
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
    }, 30_000);
    assert.ok(latency > 0);
    await checkPage(watch, "watch-live");
  });

  test("it plays on at the pace of the camera", async (t) => {
    const played = await pace(watch);
    t.diagnostic(`${played.toFixed(3)} s a second, latency ${await badgeLatency(watch)} s`);
    assert.ok(played > 0.9 && played < 1.1, `${played} s of video a second`);
  });

  test("the seller sees the viewer, and numbers one click deeper", async () => {
    const numbers = studio.locator(".panel-broadcast .numbers");
    assert.equal(await numbers.isVisible(), false);
    await studio.getByText("Numbers", { exact: true }).click();
    const value = (name) => studio.locator(".panel-broadcast dl > div", { hasText: name }).locator("dd").innerText();
    await until("a bitrate", async () => /\d.*bit\/s/.test(await value("Bitrate")));
    await until("a frame rate", async () => parseInt(await value("Frame rate"), 10) > 5);
    await until("a round trip", async () => /\d+ ms/.test(await value("Round trip")));
    await until("the viewer", async () => Number(await value("Viewers")) >= 1, 20_000);
    assert.match(await value("On air"), /^\d+:\d\d$/);
    await studio.locator(".plot canvas").first().waitFor();
    await checkPage(studio, "studio-live");
  });

  test("home shows the channel as live", async () => {
    const home = await buyer.context.newPage();
    await home.goto(url);
    await home.locator(".card", { hasText: TITLE }).waitFor();
    await checkPage(home, "home-live");
    await home.close();
    await watch.bringToFront();
  });

  test("the seller records, and plays the recording", async () => {
    const panel = studio.locator(".panel-recording");
    await panel.getByRole("button", { name: "Record" }).click();
    await panel.locator(".recording-line", { hasText: /[kM]B/ }).waitFor({ timeout: 15_000 });
    await panel.getByRole("button", { name: "Stop recording" }).click();
    await panel.getByRole("button", { name: "Play" }).click();
    const video = studio.getByRole("dialog").locator("video");
    await until("the recording plays", () => video.evaluate((v) => v.currentTime > 0.2));
    await studio.keyboard.press("Escape");
    const file = await panel.getByRole("link", { name: "Download the recording" }).getAttribute("href");
    const answer = await fetch(file);
    assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "video/mp4"]);
  });

  test("what was played leaves the buyer's buffer, and playing goes on", async () => {
    const played = () =>
      watch.locator("video").evaluate((v) => [v.buffered.start(0), v.currentTime - v.buffered.start(0)]);
    await until("something was dropped", async () => (await played())[0] > 1, 20_000);
    const [, behind] = await played();
    assert.ok(behind > 7 && behind < 18, `${behind} s behind the picture`);
    assert.ok((await movement(watch)) > 0.05);
  });

  test("End asks, ends it, and the buyer is told the truth", async () => {
    await studio.getByRole("button", { name: "End" }).click();
    await studio.getByText("Viewers see that it is over.").waitFor();
    await studio.getByRole("button", { name: "End it" }).click();
    await studio.getByRole("button", { name: "Go live" }).waitFor();
    await placeholder(watch, "Stream ended").waitFor({ timeout: 15_000 });
    assert.equal((await statusOf(channel.id)).isActive, false);
    await checkPage(watch, "watch-ended");
    const past = studio.getByRole("region", { name: "Broadcasts" }).locator(".record");
    await past.getByText(/(^|\D)[1-9]\d* viewers? at the peak/).waitFor();
    await checkPage(studio, "studio-after");
  });

  test("a new stream key takes the old one's place", async () => {
    const key = studio.getByLabel("Stream key", { exact: true });
    const old = await key.inputValue();
    await studio.getByRole("button", { name: "New stream key" }).click();
    await studio.getByRole("button", { name: "Draw a new key" }).click();
    await until("another key", async () => (await key.inputValue()) !== old);
    await assert.rejects(api("GET", `/channels/${channel.id}`, { key: old }), /401/);
  });

  test("the next broadcast plays on the same page", async () => {
    await studio.getByRole("button", { name: "Go live" }).click();
    await watch.locator(".stoa-latency").waitFor({ timeout: 20_000 });
    assert.ok((await movement(watch)) > 0.05);
    await studio.getByRole("button", { name: "End" }).click();
    await studio.getByRole("button", { name: "End it" }).click();
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
