/* Signing in, one's channels and one's account: the pages of a seller, answered by support/mock.mjs. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkPage } from "./support/look.mjs";
import { addChannel, install, LIVE, newWorld, PASSWORD } from "./support/mock.mjs";
import { openBrowser, until, url } from "./support/stoa.mjs";

describe("a seller at work", () => {
  const world = newWorld();
  const [admin, seller] = world.accounts;
  let browser;
  let page;

  before(async () => {
    for (let i = 1; i <= 30; i++) addChannel(world, `Ceramics, show ${i}`, seller.id);
    Object.assign(world.channels[29], LIVE);
    addChannel(world, "Somebody else's show", admin.id);
    browser = await openBrowser();
    await install(browser.context, world);
    browser.context.setDefaultTimeout(10_000);
    page = await browser.context.newPage();
  });
  after(() => browser.close());

  const path = () => new URL(page.url()).pathname;
  const row = (text) => page.locator(".record", { hasText: text });
  const asked = (method, end) => world.requests.filter((r) => r.method === method && r.path.endsWith(end));

  async function signIn(password = PASSWORD) {
    await page.getByLabel("E-mail").fill(seller.email);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  }

  test("is not asked who they are by the pages of buyers", async () => {
    await page.goto(url);
    await page.locator(".row").first().waitFor();
    await page.goto(`${url}/watch/30`);
    await page.getByRole("heading", { name: "Ceramics, show 30" }).waitFor();
    assert.equal(asked("GET", "/auth/me").length, 0);
    assert.equal(await page.getByRole("button", { name: "New channel" }).count(), 0);
  });

  test("signs in, is refused in the server's words, and comes to where they wanted", async () => {
    await page.goto(`${url}/account/keys`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.equal(page.url(), `${url}/sign-in?next=%2Faccount%2Fkeys`);
    await checkPage(page, "sign-in");
    await signIn("a wrong password");
    assert.equal(await page.getByRole("alert").innerText(), "The e-mail or the password is wrong.");
    await checkPage(page, "sign-in-refused");
    await signIn();
    await page.getByRole("heading", { name: "API keys" }).waitFor();
    assert.equal(path(), "/account/keys");
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    assert.ok(!kept.includes(PASSWORD) && !kept.includes(world.csrfToken), "nothing secret is kept");
  });

  test("pages through their channels, and only theirs", async () => {
    await page.goto(`${url}/channels`);
    await row("Ceramics, show 30").waitFor();
    assert.equal(await page.locator(".record").count(), 25);
    await checkPage(page, "channels");
    await page.getByRole("button", { name: "Next" }).click();
    await row("Ceramics, show 1").last().waitFor();
    assert.equal(await page.locator(".record").count(), 5);
    assert.equal(await page.getByRole("button", { name: "Next" }).isDisabled(), true);
    await page.getByRole("button", { name: "Previous" }).click();
    await row("Ceramics, show 30").waitFor();
    assert.equal(await row("Somebody else's show").count(), 0);
  });

  test("sees at a glance who is live", async () => {
    const live = row("Ceramics, show 30");
    assert.match(await live.innerText(), /Live\n.*38 viewers.*on air for 25 min/s);
    assert.match(await row("Ceramics, show 29").innerText(), /never live/);
  });

  test("finds a channel by a part of its title", async () => {
    await page.getByLabel("Search by title").fill("show 17");
    await until("one row", async () => (await page.locator(".record").count()) === 1);
    await page.getByLabel("Search by title").fill("shoes");
    await page.getByText("No channel has “shoes” in its title.").waitFor();
    await page.getByRole("button", { name: "Clear the search" }).click();
    await row("Ceramics, show 30").waitFor();
  });

  test("makes a channel; what is wrong is said at its field", async () => {
    await page.getByRole("button", { name: "New channel" }).click();
    const title = page.getByLabel("Title", { exact: true });
    await title.fill("<b>Friday</b>");
    await page.getByRole("button", { name: "Create channel" }).click();
    await page.getByText("It must not contain <").waitFor();
    assert.equal(await title.getAttribute("aria-invalid"), "true");
    await checkPage(page, "dialog-refused");
    await title.fill("Friday ceramics sale");
    await page.getByRole("button", { name: "Create channel" }).click();
    const key = page.getByLabel("Stream key", { exact: true });
    await key.waitFor();
    assert.equal(await key.getAttribute("type"), "password", "the key is not on the screen by itself");
    await checkPage(page, "dialog-created");
    const sent = asked("POST", "/channels").at(-1);
    assert.match(sent.headers["idempotency-key"], /^[0-9a-f]{32}$/);
    assert.equal(sent.headers["x-csrf-token"], world.csrfToken);
    await page.keyboard.press("Escape");
    await row("Friday ceramics sale").waitFor();
    const focused = await page.evaluate(() => document.activeElement?.textContent);
    assert.equal(focused, "New channel", "the focus is back where it was");
  });

  test("renames it, also after another tab has signed in anew", async () => {
    world.csrfToken = "csrf-2";
    await row("Friday ceramics sale").getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("Title", { exact: true }).fill("Saturday ceramics sale");
    await page.getByLabel("Longest broadcast").selectOption({ label: "4 h" });
    await page.getByRole("button", { name: "Save" }).click();
    await row("Saturday ceramics sale").waitFor();
    assert.equal(world.channels.at(-1).maxDurationSeconds, 14_400);
  });

  test("deletes it, when sure; one that is live is refused with the reason", async () => {
    await row("Ceramics, show 30").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("The channel is live. End the broadcast first.").waitFor();
    await checkPage(page, "dialog-delete");
    await page.getByRole("button", { name: "Cancel" }).click();
    await row("Saturday ceramics sale").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await until("gone", async () => (await row("Saturday ceramics sale").count()) === 0);
  });

  test("keeps what is on the screen while the server is away", async () => {
    world.isDown = true;
    await page.getByRole("alert").waitFor({ timeout: 10_000 });
    assert.ok((await page.locator(".record").count()) > 0);
    world.isDown = false;
    await until("no alert", async () => (await page.getByRole("alert").count()) === 0);
  });

  test("opens the account's menu by keyboard", async () => {
    const button = page.getByRole("button", { name: "Account: Sam Seller" });
    await button.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "My channels" }).waitFor();
    await checkPage(page, "menu");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Who is live");
    await page.keyboard.press("Escape");
    assert.equal(await page.getByRole("link", { name: "My channels" }).count(), 0);
    assert.equal(await button.evaluate((e) => e === document.activeElement), true);
    await page.keyboard.press("Enter");
    assert.equal(await page.getByRole("link", { name: "Administration" }).count(), 0, "no admin");
    await page.getByRole("link", { name: "Password" }).click();
    await page.getByLabel("Current password").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "main", "the content has the focus");
  });

  test("changes the password", async () => {
    await page.getByLabel("Current password").fill("not it");
    await page.getByLabel("New password", { exact: true }).fill("a new long password");
    await page.getByLabel("New password, once more").fill("a new long passwort");
    await page.getByText("The two are not the same.").waitFor();
    const change = page.getByRole("button", { name: "Change the password" });
    assert.equal(await change.isDisabled(), true);
    await page.getByLabel("New password, once more").fill("a new long password");
    await change.click();
    await page.getByText("It is wrong.").waitFor();
    await checkPage(page, "account");
    await page.getByLabel("Current password").fill(PASSWORD);
    await change.click();
    await page.getByText("The password is changed.").waitFor();
  });

  test("is told that the administration is not theirs", async () => {
    await page.goto(`${url}/admin`);
    await page.getByRole("heading", { name: "This page is not for your account" }).waitFor();
    await checkPage(page, "admin-denied");
  });

  test("signs in again when the session has ended, and is back where they were", async () => {
    await page.goto(`${url}/channels`);
    await row("Ceramics, show 30").waitFor();
    world.signedIn = null;
    await row("Ceramics, show 2").first().getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("Your session has ended.").waitFor();
    await checkPage(page, "sign-in-expired");
    await signIn();
    await row("Ceramics, show 30").waitFor();
    assert.equal(path(), "/channels");
  });

  test("is signed out in the other tabs too", async () => {
    const other = await browser.context.newPage();
    await other.goto(`${url}/channels`);
    await other.locator(".record").first().waitFor();
    await page.getByRole("button", { name: "Account: Sam Seller" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("link", { name: "Sign in" }).waitFor();
    assert.equal(path(), "/");
    await other.getByRole("heading", { name: "Sign in" }).waitFor();
    await other.close();
  });

  test("no page broke its own rules", () => {
    assert.deepEqual(browser.errors, []);
  });
});
