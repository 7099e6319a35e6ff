/*
 * Firefox as the system has it. It watches what an encoder sends; a seller goes live from it and it watches itself;
 * and one without an encoder for H.264 is told so before anybody hears of a broadcast.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readClock, startClockPublisher } from "./support/clock.mjs";
import { openFirefox } from "./support/firefox.mjs";
import { loudness, movement, placeholder, playhead } from "./support/player.mjs";
import { api, createChannel, removeChannel, rtmpServer, statusOf, until, url } from "./support/stoa.mjs";

const PHONE = { width: 390, height: 844 };
const WIDE = { width: 1280, height: 800 };
/* Of the picture and of the badge; a machine that is busy with other tests looks at the two at different times. */
const TRUTH_S = 1.5;

/* As the people in front of it would say; each look and each listening is short, a busy machine needs several. */
async function playsWithPictureAndSound(watch) {
  await until("the video plays", async () => (await playhead(watch)) > 0.05, 20_000);
  await until("the picture moves", async () => (await movement(watch, 2)) > 0.05);
  await until("a tone is heard", async () => (await loudness(watch, 500)) > 0.01);
}

/* Looks at the page on a phone and leaves it wide. */
async function checkOnPhone(page, name) {
  await page.setViewportSize(PHONE);
  const needed = await page.evaluate(() => document.documentElement.scrollWidth);
  await page.screenshot(`firefox-${name}-phone`);
  await page.setViewportSize(WIDE);
  await page.screenshot(`firefox-${name}-wide`);
  assert.ok(needed <= PHONE.width, `${name} scrolls sideways at ${PHONE.width}: ${needed}`);
}

async function openStudio(firefox, channel) {
  const studio = await firefox.openPage(`${url}/studio/${channel.id}`);
  const key = studio.locator("input[type=password]");
  await key.waitFor();
  await key.fill(channel.streamKey);
  await studio.locator("button", { hasText: "Open with the key" }).click();
  await studio.locator("[data-check=camera]", { hasText: "×" }).waitFor();
  return studio;
}

describe("Firefox", () => {
  let firefox;
  let channel;

  before(async () => {
    firefox = await openFirefox({ canSendH264: true });
  });
  after(() => firefox.close());

  describe("watches", { skip: rtmpServer ? false : "STOA_RTMP is not set" }, () => {
    let watch;
    let publisher;

    before(async () => {
      channel = await createChannel("Watched in Firefox");
      watch = await firefox.openPage(`${url}/watch/${channel.id}`);
      await placeholder(watch, "Not live yet").waitFor();
    });
    after(async () => {
      await publisher?.kill();
      await watch.close();
      await removeChannel(channel.id);
    });

    const publish = () => {
      publisher = startClockPublisher(`${rtmpServer}/${channel.streamKey}`);
    };

    test("by itself, with picture and sound", async () => {
      publish();
      await playsWithPictureAndSound(watch);
      assert.equal(await watch.evaluate(() => document.querySelector("video").videoWidth), 640);
      await checkOnPhone(watch, "watch");
    });

    test("with a badge that tells how far behind the picture is", async (t) => {
      const isTrue = async () => {
        const { x, badgeS, atMs } = await readClock(watch);
        const behindS = publisher.behindS(x, atMs);
        t.diagnostic(`the badge says ${badgeS} s, the picture ${behindS.toFixed(2)} s`);
        return Math.abs(behindS - badgeS) < TRUTH_S;
      };
      await until("a badge that tells the truth", isTrue);
    });

    test("what the home page lists", async () => {
      const home = await firefox.openPage(url);
      await home.locator(".card", { hasText: "Watched in Firefox" }).waitFor();
      await checkOnPhone(home, "home");
      await home.close();
    });

    test("on, when the encoder vanishes and comes back", async () => {
      await watch.evaluate(() => (document.querySelector("video").dataset.same = "yes"));
      await publisher.kill();
      await watch.locator(".stoa-player-word", { hasText: "Reconnecting…" }).waitFor({ timeout: 15_000 });
      const stoodAt = await playhead(watch);
      publish();
      await until("the video goes on", async () => (await playhead(watch)) > stoodAt + 2, 20_000);
      assert.equal(await watch.evaluate(() => document.querySelector("video").dataset.same), "yes", "the same player");
    });

    test("and is told when it is over", async () => {
      await api("POST", `/channels/${channel.id}/end`);
      await publisher.kill();
      await placeholder(watch, "Stream ended").waitFor({ timeout: 15_000 });
    });
  });

  describe("broadcasts", () => {
    let studio;

    before(async () => {
      channel = await createChannel("Live from Firefox");
      studio = await openStudio(firefox, channel);
    });
    after(() => removeChannel(channel.id));

    test("when the browser, the camera and the microphone are good", async () => {
      assert.match(await studio.locator("[data-check=browser]").innerText(), /Sends H\.264/);
      // its microphone is a tone that never changes, which is no proof of hearing
      await studio.locator("[aria-label='Mute the microphone']").click();
      const cover = studio.locator(".meter-cover");
      const level = () => cover.evaluate((e) => 1 - Number(/scaleX\(([\d.]+)\)/.exec(e.style.transform)?.[1] ?? 1));
      await until("silence", async () => (await level()) < 0.2);
      await studio.locator("[aria-label='Turn the microphone on']").click();
      await studio.locator("[data-check=microphone]", { hasText: "hears you" }).waitFor();
      await checkOnPhone(studio, "studio");
    });

    test("by WHIP, in H.264 and Opus", async () => {
      await studio.locator("button", { hasText: "Go live" }).click();
      await studio.locator(".stoa-health-light", { hasText: "Live" }).waitFor({ timeout: 20_000 });
      const isComplete = async () => {
        const status = await statusOf(channel.id);
        return status.videoCodec !== null && status.audioCodec !== null && status;
      };
      const status = await until("both tracks", isComplete);
      assert.deepEqual(
        [status.isLive, status.ingest, status.videoCodec, status.audioCodec],
        [true, "whip", "h264", "opus"],
      );
    });

    test("what a buyer sees and hears", async () => {
      const watch = await firefox.openPage(`${url}/watch/${channel.id}`);
      await playsWithPictureAndSound(watch);
      await watch.close();
    });

    test("with numbers of its own", async () => {
      await studio.locator("summary", { hasText: "Numbers" }).click();
      const numbers = studio.locator(".panel-broadcast .numbers");
      const shows = (what, pattern) => until(what, async () => pattern.test(await numbers.innerText()));
      await shows("a bitrate", /Bitrate\s+\d.*bit\/s/);
      await shows("a frame rate", /Frame rate\s+[1-9]\d* fps/);
      await shows("a round trip", /Round trip\s+\d+ ms/);
      await shows("a picture", /Picture\s+[1-9]\d*×\d+/);
      await checkOnPhone(studio, "studio-live");
    });

    test("until it is ended", async () => {
      await studio.locator("button", { hasText: "End" }).click();
      await studio.locator("button", { hasText: "End it" }).click();
      await studio.locator("button", { hasText: "Go live" }).waitFor();
      assert.equal((await statusOf(channel.id)).isActive, false);
    });
  });

  test("found no page that broke its own rules", async () => {
    assert.deepEqual(await firefox.errors(), []);
  });
});

describe("Firefox without its H.264", () => {
  let firefox;
  let channel;
  let studio;

  before(async () => {
    firefox = await openFirefox();
    channel = await createChannel("No H.264 here");
    studio = await openStudio(firefox, channel);
  });
  after(async () => {
    await firefox.close();
    await removeChannel(channel.id);
  });

  const WHY = /cannot send H\.264.*OpenH264 plugin.*about:addons.*reload.*Chrome.*OBS/;

  test("is told what is missing and what to do", async () => {
    assert.match(await studio.locator("[data-check=browser]").innerText(), WHY);
    await checkOnPhone(studio, "studio-no-h264");
  });

  test("announces no broadcast that cannot be", async () => {
    await studio.locator("button", { hasText: "Go live" }).click();
    const notice = studio.locator(".notice", { hasText: "H.264" });
    await notice.waitFor();
    assert.match(await notice.innerText(), WHY);
    assert.equal((await statusOf(channel.id)).isActive, false);
  });
});
