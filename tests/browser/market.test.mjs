/* A market: two sellers live from their browsers and one by an encoder, at once, and a buyer at each. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createAccount, signIn } from "./support/people.mjs";
import { placeholder, playhead } from "./support/player.mjs";
import { startRtmpPublisher } from "./support/publisher.mjs";
import { api, openBrowser, removeChannel, rtmpServer, statusOf, until, url } from "./support/stoa.mjs";

const framesOf = (page) =>
  page.locator("video").evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames);

describe("a market", { skip: rtmpServer ? false : "STOA_RTMP is not set" }, () => {
  const stalls = [];
  let buyers;
  let publisher;

  /* A seller with a channel and, unless an encoder is to publish, a studio in a browser of their own. */
  async function openStall(name, title, hasStudio) {
    const account = await createAccount("seller", name);
    const channel = await api("POST", "/channels", { body: { title, hostUserId: account.id } });
    const stall = { title, channel, browser: null, studio: null, watch: await buyers.context.newPage() };
    stalls.push(stall);
    await stall.watch.goto(`${url}/watch/${channel.id}`);
    await placeholder(stall.watch, "Not live yet").waitFor();
    if (hasStudio) {
      stall.browser = await openBrowser();
      // three encoders share this machine
      const choice = JSON.stringify({ cameraId: "", microphoneId: "", resolutionId: "360p30" });
      await stall.browser.context.addInitScript(
        ([origin, stored]) => {
          if (location.origin === origin) localStorage.setItem("stoa.devices", stored);
        },
        [url, choice],
      );
      stall.studio = await stall.browser.context.newPage();
      await signIn(stall.studio, account, `/studio/${channel.id}`);
      await stall.studio.getByText("Ready to go live").waitFor({ timeout: 20_000 });
    }
    return stall;
  }

  before(async () => {
    buyers = await openBrowser();
    await openStall("Sam Seller", "Ceramics", true);
    await openStall("Sue Seller", "Sneakers", true);
    await openStall("Eve Encoder", "Wine", false);
  });
  after(async () => {
    await publisher?.kill();
    await buyers.close();
    for (const { browser, channel } of stalls) {
      await browser?.close();
      await removeChannel(channel.id);
    }
  });

  test("all three are live at once, and each buyer sees their seller", async () => {
    const [ceramics, sneakers, wine] = stalls;
    publisher = startRtmpPublisher(`${rtmpServer}/${wine.channel.streamKey}`);
    await ceramics.studio.getByRole("button", { name: "Go live" }).click();
    await sneakers.studio.getByRole("button", { name: "Go live" }).click();
    for (const { watch, title } of stalls) {
      await until(`${title} plays`, async () => (await playhead(watch)) > 0.5, 30_000);
    }
    for (const { watch, channel, title } of stalls) {
      const shown = await framesOf(watch);
      await until(`${title} moves`, async () => (await framesOf(watch)) > shown + 5);
      const { isLive, ingest } = await statusOf(channel.id);
      assert.deepEqual([isLive, ingest], [true, title === "Wine" ? "rtmp" : "whip"]);
    }
  });

  test("who is live stands on the first page, with how many watch", async () => {
    const home = await buyers.context.newPage();
    await home.goto(url);
    for (const { title } of stalls) {
      await home.locator(".card", { hasText: title }).getByText("1 viewer").waitFor({ timeout: 10_000 });
    }
    await home.close();
  });

  test("one of them ends: only that buyer is told", async () => {
    const [ceramics, sneakers, wine] = stalls;
    await ceramics.studio.getByRole("button", { name: "End" }).click();
    await ceramics.studio.getByRole("button", { name: "End it" }).click();
    await placeholder(ceramics.watch, "Stream ended").waitFor({ timeout: 10_000 });
    for (const { watch, title } of [sneakers, wine]) {
      const stoodAt = await playhead(watch);
      await until(`${title} plays on`, async () => (await playhead(watch)) > stoodAt + 1);
    }
  });

  test("an encoder that vanishes is waited for; one that is back is seen again", async () => {
    const { watch, channel } = stalls[2];
    await publisher.kill();
    await watch.locator(".stoa-player-word", { hasText: "Reconnecting…" }).waitFor({ timeout: 15_000 });
    publisher = startRtmpPublisher(`${rtmpServer}/${channel.streamKey}`);
    const stoodAt = await playhead(watch);
    await until("it plays on", async () => (await playhead(watch)) > stoodAt + 1, 20_000);
  });

  test("no page broke its own rules", () => {
    assert.deepEqual([buyers, ...stalls.map((s) => s.browser)].flatMap((b) => b?.errors ?? []), []);
  });
});
