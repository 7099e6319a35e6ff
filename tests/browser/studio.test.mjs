/* The studio in the states that a broadcast can be in, answered by support/mock.mjs; the camera is the browser's. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { checkPage } from "./support/look.mjs";
import { addChannel, install, LIVE, newWorld, push } from "./support/mock.mjs";
import { openBrowser, until, url } from "./support/stoa.mjs";

describe("the studio", () => {
  const world = newWorld();
  const [admin, seller] = world.accounts;
  let browser;
  let page;
  let channel;

  before(async () => {
    browser = await openBrowser();
    await install(browser.context, world);
    browser.context.setDefaultTimeout(10_000);
    await browser.context.addInitScript((origin) => {
      if (location.origin === origin) localStorage.setItem("stoa.signedIn", "1");
    }, url);
  });
  after(() => browser.close());
  beforeEach(async () => {
    await page?.close({ runBeforeUnload: false });
    page = await browser.context.newPage();
    world.signedIn = seller.id;
    world.recording = { isRecording: false, startedAt: null, bytes: 0, durationSeconds: 0, url: null, reason: null };
    channel = addChannel(world, "Evening show", seller.id);
    world.requests.length = 0;
  });

  const open = () => page.goto(`${url}/studio/${channel.id}`);
  const check = (id) => page.locator(`[data-check=${id}]`);
  const asked = (end) => world.requests.filter((r) => r.path.endsWith(end));
  const change = (what) => push(world, Object.assign(channel, what));

  test("looks at everything before one goes live", async () => {
    await open();
    await page.getByText("Ready to go live").waitFor({ timeout: 20_000 });
    assert.match(await check("camera").innerText(), /1280×720/);
    assert.match(await check("microphone").innerText(), /hears you/);
    assert.match(await check("upload").innerText(), /About [\d.]+ Mbit\/s to the server; this quality needs 2.63 Mbit\/s/);
    assert.match(await check("keys").innerText(), /may broadcast on this channel/);
  });

  test("names a camera that is not allowed, and says what to do", async () => {
    await page.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
    });
    await open();
    await page.getByText("Something would not work").waitFor();
    assert.match(await check("camera").innerText(), /Allow them in the address bar/);
    assert.equal(await page.getByRole("button", { name: "Go live" }).isDisabled(), true);
    await checkPage(page, "studio-no-camera");
  });

  test("says that the upload was not measured instead of guessing", async () => {
    await page.route("**/upload-test", (route) => route.fulfill({ status: 503 }));
    await open();
    await check("upload").getByText("Not measured. The server is busy.").waitFor();
    await page.unroute("**/upload-test");
    await page.getByRole("button", { name: "Measure the upload again" }).click();
    await check("upload").getByText("to the server").waitFor();
  });

  test("goes live with a publish token, never with the stream key", async () => {
    const bearers = [];
    await page.route("**/whip/**", (route) => {
      bearers.push(route.request().headers().authorization);
      // the first token has been revoked
      const isGood = bearers.at(-1) === "Bearer pt_more";
      const detail = isGood ? "The server takes no more publishers." : "This token is not good.";
      return route.fulfill({ status: isGood ? 503 : 401, json: { detail } });
    });
    await open();
    await page.getByRole("button", { name: "Go live" }).click();
    await page.getByText("The server takes no more publishers.").waitFor();
    assert.deepEqual(bearers, ["Bearer pt_start", "Bearer pt_more"]);
    await page.getByRole("button", { name: "Go live" }).click();
    await until("another try", () => bearers.length === 3);
    assert.equal(bearers[2], "Bearer pt_more", "a token that is good is used again");
    assert.equal(asked("/publish-tokens").length, 1);
  });

  test("is told that a broadcast is announced", async () => {
    Object.assign(channel, { isActive: true, relayStatus: "starting", startedAt: new Date().toISOString() });
    await open();
    await page.getByText("A broadcast is announced").waitFor();
  });

  test("shows a broadcast from elsewhere, with its numbers and curves", async () => {
    Object.assign(channel, LIVE, { ingest: "rtmps" });
    await open();
    await page.getByText("On air from your encoder").waitFor();
    const numbers = page.locator(".panel-broadcast .numbers");
    assert.equal(await numbers.isVisible(), false, "numbers are one click deeper");
    await page.getByText("Numbers", { exact: true }).click();
    assert.match(await numbers.innerText(), /Bitrate\n2.43 Mbit\/s/);
    await page.locator(".plot canvas").first().waitFor();
    const label = await page.getByRole("img", { name: /^Viewers over time/ }).getAttribute("aria-label");
    assert.match(label, /All: from \d+ to \d+, at the end \d+/);
    await page.getByText("As a table").first().click();
    await page.locator(".plot-table tbody tr").nth(10).waitFor();
    await checkPage(page, "studio-elsewhere");
  });

  test("says what makes a poor stream better", async () => {
    const healthReason = "Key frames are 8 s apart: set the keyframe interval to 2 s in OBS.";
    Object.assign(channel, LIVE, { ingest: "rtmp", health: "poor", healthReason });
    await open();
    await page.getByText(healthReason).waitFor();
  });

  test("ends when sure, not before", async () => {
    Object.assign(channel, LIVE, { ingest: "rtmp" });
    await open();
    await page.getByRole("button", { name: "End" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Viewers see that it is over.").waitFor();
    await dialog.getByText("stop the encoder, too").waitFor();
    await checkPage(page, "studio-end");
    await page.keyboard.press("Enter");
    await until("the dialog is gone", async () => (await dialog.count()) === 0);
    assert.equal(asked("/end").length, 0, "Enter was Cancel");
    await page.getByRole("button", { name: "End" }).click();
    await dialog.getByRole("button", { name: "End it" }).click();
    await page.getByRole("button", { name: "Go live" }).waitFor();
    assert.equal(asked("/end").length, 1);
  });

  test("tells of a relay that failed, and tries it again", async () => {
    Object.assign(channel, LIVE);
    await open();
    await page.locator(".stoa-health-light", { hasText: "Live" }).waitFor();
    change({ relayStatus: "error", isLive: false, relayError: "The packager stopped." });
    const notice = page.getByRole("alert").filter({ hasText: "Viewers cannot see the stream." });
    await notice.getByText("The packager stopped.").waitFor();
    await checkPage(page, "studio-relay-error");
    await notice.getByRole("button", { name: "Retry" }).click();
    await until("it was asked for", () => asked("/relay/start").length === 1);
    await until("no alert", async () => (await notice.count()) === 0);
  });

  test("replaces the stream key, and says what that does", async () => {
    Object.assign(channel, LIVE, { ingest: "rtmp" });
    const old = channel.streamKey;
    await open();
    const key = page.getByLabel("Stream key", { exact: true });
    await key.waitFor();
    assert.equal(await key.getAttribute("type"), "password");
    assert.equal(await key.inputValue(), old);
    await page.getByRole("button", { name: "New stream key" }).click();
    await page.getByText("Who is on air with the old key is cut off at once.").waitFor();
    await page.getByRole("button", { name: "Draw a new key" }).click();
    await until("another key", async () => (await key.inputValue()) !== old);
    assert.equal(await key.inputValue(), channel.streamKey);
  });

  test("records, and gives the file", async () => {
    await open();
    const record = page.getByRole("button", { name: "Record", exact: true });
    await record.waitFor();
    assert.equal(await record.isDisabled(), true, "nothing to record");
    change(LIVE);
    await until("it can be switched on", async () => await record.isEnabled());
    await record.click();
    await page.getByText("1.2 MB").waitFor();
    await page.getByRole("button", { name: "Stop recording" }).click();
    const file = page.locator(".panel-recording").getByRole("link", { name: "Download the recording" });
    await file.waitFor();
    assert.equal(await file.getAttribute("href"), "/recordings/1/7/1.mp4");
  });

  test("lists past broadcasts in pages", async () => {
    await open();
    const past = page.getByRole("region", { name: "Broadcasts" });
    await until("a page", async () => (await past.locator(".record").count()) === 5);
    await past.getByRole("button", { name: "Next" }).click();
    await until("the rest", async () => (await past.locator(".record").count()) === 2);
  });

  test("stays open when the session ends, and says so", async () => {
    Object.assign(channel, LIVE, { ingest: "rtmp" });
    await open();
    await page.getByRole("button", { name: "Record", exact: true }).waitFor();
    world.signedIn = null;
    await page.getByRole("button", { name: "Record", exact: true }).click();
    await page.getByText("Your session has ended.").waitFor();
    assert.ok(await page.getByRole("button", { name: "End" }).isVisible());
  });

  test("opens with the stream key for who has no account", async () => {
    world.signedIn = null;
    await open();
    await page.getByRole("heading", { name: "Open the studio" }).waitFor();
    await checkPage(page, "studio-locked");
    await page.getByLabel("Stream key").fill("not-the-key");
    await page.getByRole("button", { name: "Open with the key" }).click();
    assert.equal(await page.getByRole("alert").innerText(), "This key is not known.");
    await page.getByLabel("Stream key").fill(channel.streamKey);
    await page.getByRole("button", { name: "Open with the key" }).click();
    await page.getByRole("button", { name: "Go live" }).waitFor();
    assert.match(await check("keys").innerText(), /The key is good/);
    assert.equal(new URL(page.url()).search, "", "no key in the address");
    const kept = await page.evaluate(() => JSON.stringify(localStorage));
    assert.ok(!kept.includes(channel.streamKey), "the key is not kept beyond the tab");
  });

  test("of somebody else asks for the key", async () => {
    channel = addChannel(world, "Not mine", admin.id);
    await open();
    await page.getByText("This channel belongs to another account.").waitFor();
  });

  test("no page broke its own rules", () => {
    assert.deepEqual(browser.errors, []);
  });
});
