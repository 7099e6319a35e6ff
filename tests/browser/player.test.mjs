/* What the player offers when the stream offers it, and where it goes when the stream fails. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkPage } from "./support/look.mjs";
import { movement, playhead } from "./support/player.mjs";
import { startRtmpPublisher } from "./support/publisher.mjs";
import { createChannel, openBrowser, removeChannel, rtmpServer, statusOf, until, url } from "./support/stoa.mjs";

describe("the player", { skip: rtmpServer ? false : "STOA_RTMP is not set" }, () => {
  let channel;
  let browser;
  let page;
  let publisher;

  before(async () => {
    channel = await createChannel("Two qualities");
    browser = await openBrowser();
    page = await browser.context.newPage();
    publisher = startRtmpPublisher(`${rtmpServer}/${channel.streamKey}`);
    await until("a broadcast", async () => (await statusOf(channel.id)).isLive, 20_000);
  });
  after(async () => {
    await publisher?.kill();
    await browser.close();
    await removeChannel(channel.id);
  });

  const quality = () => page.getByRole("combobox", { name: "Quality" });
  const captions = () => page.getByRole("combobox", { name: "Captions" });

  test("asks nothing when there is nothing to choose", async () => {
    await page.goto(`${url}/watch/${channel.id}`);
    await page.locator(".stoa-latency").waitFor({ timeout: 20_000 });
    assert.equal(await quality().count(), 0);
    assert.equal(await captions().count(), 0);
  });

  test("offers the qualities of a stream that has several", async () => {
    const line = (height, bandwidth) =>
      `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},RESOLUTION=${(height * 16) / 9}x${height},CODECS="avc1.640028,mp4a.40.2"\nlive.m3u8`;
    const playlist = `#EXTM3U\n#EXT-X-VERSION:9\n${line(360, 1_500_000)}\n${line(180, 400_000)}\n`;
    await page.route("**/index.m3u8", (route) =>
      route.fulfill({ headers: { "Content-Type": "application/vnd.apple.mpegurl" }, body: playlist }),
    );
    await page.goto(`${url}/watch/${channel.id}`);
    await page.locator(".stoa-latency").waitFor({ timeout: 20_000 });
    const labels = await quality().locator("option").allInnerTexts();
    assert.deepEqual(labels.slice(1).toSorted(), ["180p", "360p"]);
    await until("the quality beside Auto", async () =>
      /^Auto \((180|360)p\)$/.test(await quality().locator("option").first().innerText()),
    );
    await quality().selectOption("180p");
    await page.locator("video").hover();
    await checkPage(page, "watch-qualities");
    const before = await playhead(page);
    await until("it plays on", async () => (await playhead(page)) > before + 1);
    await quality().selectOption({ index: 0 });
    await page.unroute("**/index.m3u8");
  });

  test("offers captions when there are any, and shows them", async () => {
    await page.goto(`${url}/watch/${channel.id}`);
    await page.locator(".stoa-latency").waitFor({ timeout: 20_000 });
    await page.locator("video").evaluate((video) => {
      const track = video.addTextTrack("captions", "English", "en");
      track.addCue(new VTTCue(video.currentTime, video.currentTime + 600, "These shoes are red."));
      video.addTextTrack("metadata", "not for people");
    });
    assert.deepEqual(await captions().locator("option").allInnerTexts(), ["Captions off", "English"]);
    const mode = () => page.locator("video").evaluate((video) => video.textTracks[0].mode);
    assert.notEqual(await mode(), "showing", "nobody asked for them yet");
    await captions().selectOption("English");
    assert.equal(await mode(), "showing");
    await page.locator("video").hover();
    await checkPage(page, "watch-captions");
    await captions().selectOption("Captions off");
    assert.equal(await mode(), "disabled");
  });

  test("tries again when the stream cannot be had, and says when", async () => {
    await page.route("**/index.m3u8", (route) => route.fulfill({ status: 503 }));
    await page.goto(`${url}/watch/${channel.id}`);
    await page.getByText(/^Next try in \d s$/).waitFor({ timeout: 20_000 });
    await checkPage(page, "watch-retrying");
    const said = page.locator(".stoa-unseen", { hasText: "The stream could not be played" });
    await until("a word for screen readers", async () => (await said.count()) === 1);
    assert.equal(await said.innerText(), "The stream could not be played", "without the seconds");
    await page.unroute("**/index.m3u8");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".stoa-latency").waitFor({ timeout: 20_000 });
    assert.ok((await movement(page)) > 0.05);
  });

  test("no page broke its own rules", () => {
    assert.deepEqual(browser.errors, []);
  });
});
