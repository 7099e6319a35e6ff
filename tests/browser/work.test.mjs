/* Signing in, one's channels and one's account: the pages of a seller. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkPage } from "./support/look.mjs";
import { createAccount, fillSignIn, PASSWORD } from "./support/people.mjs";
import { api, openBrowser, removeChannel, until, url } from "./support/stoa.mjs";

const CHANNELS = 30;
const PAGE = 25;

describe("a seller at work", () => {
  let seller;
  let browser;
  let page;
  const made = [];

  before(async () => {
    seller = await createAccount("seller", "Sam Seller");
    const other = await createAccount("seller", "Olga Other");
    for (let i = 1; i <= CHANNELS; i++) {
      const body = { title: `Ceramics, show ${i}`, hostUserId: seller.id };
      made.push(await api("POST", "/channels", { body }));
    }
    made.push(await api("POST", "/channels", { body: { title: "Somebody else's show", hostUserId: other.id } }));
    browser = await openBrowser();
    browser.context.setDefaultTimeout(10_000);
    page = await browser.context.newPage();
  });
  after(async () => {
    await browser.close();
    for (const { id } of made) await removeChannel(id);
  });

  const path = () => new URL(page.url()).pathname;
  const row = (text) => page.locator(".record", { hasText: text });
  const newest = () => row(`Ceramics, show ${CHANNELS}`);

  test("is not asked who they are by the pages of buyers", async () => {
    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(url);
    await page.locator(".row").first().waitFor();
    await page.goto(`${url}/watch/${made[0].id}`);
    await page.getByRole("heading", { name: "Ceramics, show 1", exact: true }).waitFor();
    assert.ok(!asked.includes("/api/v1/auth/me"));
    assert.equal(await page.getByRole("button", { name: "New channel" }).count(), 0);
  });

  test("signs in, is refused in the server's words, and comes to where they wanted", async () => {
    await page.goto(`${url}/account/keys`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.equal(page.url(), `${url}/sign-in?next=%2Faccount%2Fkeys`);
    await checkPage(page, "sign-in");
    await fillSignIn(page, seller.email, "a wrong password");
    assert.equal(await page.getByRole("alert").innerText(), "The e-mail or the password is wrong.");
    await fillSignIn(page, seller.email);
    await page.getByRole("heading", { name: "API keys" }).waitFor();
    assert.equal(path(), "/account/keys");
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    assert.ok(!kept.includes(PASSWORD) && !/csrf/i.test(kept), "nothing secret is kept");
    const cookies = await browser.context.cookies();
    const session = cookies.find((cookie) => cookie.name === "stoa_session");
    assert.deepEqual([session.httpOnly, session.sameSite], [true, "Lax"], "no script reads it");
  });

  test("pages through their channels, and only theirs", async () => {
    await page.goto(`${url}/channels`);
    await newest().waitFor();
    assert.equal(await page.locator(".record").count(), PAGE);
    await checkPage(page, "channels");
    await page.getByRole("button", { name: "Next" }).click();
    await until("the rest", async () => (await page.locator(".record").count()) === CHANNELS - PAGE);
    assert.equal(await page.getByRole("button", { name: "Next" }).isDisabled(), true);
    assert.equal(await row("Somebody else's show").count(), 0);
    await page.getByRole("button", { name: "Previous" }).click();
    await newest().waitFor();
    assert.equal(await row("Somebody else's show").count(), 0);
  });

  test("finds a channel by a part of its title", async () => {
    await page.getByLabel("Search by title").fill("show 17");
    await until("one row", async () => (await page.locator(".record").count()) === 1);
    await page.getByLabel("Search by title").fill("shoes");
    await page.getByText("No channel has “shoes” in its title.").waitFor();
    await page.getByRole("button", { name: "Clear the search" }).click();
    await newest().waitFor();
  });

  test("makes a channel; what is wrong is said at its field", async () => {
    await page.getByRole("button", { name: "New channel" }).click();
    const title = page.getByLabel("Title", { exact: true });
    // the field counts characters, the server bytes: these are too many
    await title.fill("ä".repeat(150));
    await page.getByRole("button", { name: "Create channel" }).click();
    await page.getByText("It must have 1 to 200 bytes.").waitFor();
    assert.equal(await title.getAttribute("aria-invalid"), "true");
    await title.fill("Friday <b>ceramics</b> sale");
    const sent = page.waitForRequest((request) => request.method() === "POST");
    await page.getByRole("button", { name: "Create channel" }).click();
    const headers = (await sent).headers();
    assert.match(headers["idempotency-key"], /^[0-9a-f]{32}$/);
    assert.ok(headers["x-csrf-token"].length > 20);
    const key = page.getByLabel("Stream key", { exact: true });
    await key.waitFor();
    assert.equal(await key.getAttribute("type"), "password", "the key is not on the screen by itself");
    assert.match(await page.getByLabel("RTMP server", { exact: true }).inputValue(), /^rtmps?:\/\/[^/]+\/live$/);
    await checkPage(page, "dialog-created");
    await page.keyboard.press("Escape");
    await row("Friday <b>ceramics</b> sale").waitFor();
    const focused = await page.evaluate(() => document.activeElement?.textContent);
    assert.equal(focused, "New channel", "the focus is back where it was");
  });

  test("renames it, also after another tab has signed in anew", async () => {
    const data = { email: seller.email, password: PASSWORD };
    await browser.context.request.post(`${url}/api/v1/auth/sign-in`, { data });
    await row("Friday").getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("Title", { exact: true }).fill("Saturday ceramics sale");
    await page.getByLabel("Longest broadcast").selectOption({ label: "4 h" });
    await page.getByRole("button", { name: "Save" }).click();
    await row("Saturday ceramics sale").waitFor();
    const id = /No\. (\d+)/.exec(await row("Saturday ceramics sale").innerText())[1];
    assert.equal((await api("GET", `/channels/${id}`)).maxDurationSeconds, 14_400);
  });

  test("deletes it, when sure; one that is live is refused with the reason", async () => {
    await api("POST", `/channels/${made[CHANNELS - 1].id}/start`);
    await newest().getByText("Starting").waitFor();
    await newest().getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("This channel is already live. End that broadcast first.").waitFor();
    await checkPage(page, "dialog-delete");
    await page.getByRole("button", { name: "Cancel" }).click();
    await row("Saturday ceramics sale").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await until("gone", async () => (await row("Saturday ceramics sale").count()) === 0);
  });

  test("keeps what is on the screen while the server is away", async () => {
    await browser.context.setOffline(true);
    await page.getByRole("alert").waitFor();
    assert.ok((await page.locator(".record").count()) > 0);
    await browser.context.setOffline(false);
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

  test("makes an API key that works until it is revoked", async () => {
    await page.goto(`${url}/account/keys`);
    await page.getByText("No API key yet.").waitFor();
    await page.getByRole("button", { name: "New API key" }).click();
    await page.getByLabel("Name").fill("Shop server");
    await checkPage(page, "dialog-key");
    await page.getByRole("button", { name: "Create the key" }).click();
    const shown = page.getByLabel("API key", { exact: true });
    await shown.waitFor();
    const key = await shown.inputValue();
    await page.getByRole("button", { name: "I have copied it" }).click();
    assert.equal((await api("GET", "/auth/me", { key })).account.email, seller.email);
    await row("Shop server").waitFor();
    await checkPage(page, "account-keys");
    await row("Shop server").getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await row("Shop server").getByText("Revoked", { exact: true }).waitFor();
    await assert.rejects(api("GET", "/channels?mine=true", { key }), /401/);
  });

  test("changes the password", async () => {
    await page.goto(`${url}/account`);
    const change = page.getByRole("button", { name: "Change the password" });
    await page.getByLabel("Current password").fill("not the one");
    await page.getByLabel("New password", { exact: true }).fill("a new long password");
    await page.getByLabel("New password, once more").fill("a new long passwort");
    await page.getByText("The two are not the same.").waitFor();
    assert.equal(await change.isDisabled(), true);
    await page.getByLabel("New password, once more").fill("a new long password");
    await change.click();
    await page.getByText("It is wrong.").waitFor();
    await checkPage(page, "account");
    await page.getByLabel("Current password").fill(PASSWORD);
    await change.click();
    await page.getByText("The password is changed.").waitFor();
    await api("PATCH", `/accounts/${seller.id}`, { body: { password: PASSWORD } });
  });

  test("is told that the administration is not theirs", async () => {
    await page.goto(`${url}/sign-in?next=%2Fadmin`);
    await page.waitForURL(/\/(admin|sign-in)/);
    if (path() === "/sign-in") await fillSignIn(page, seller.email);
    await page.getByRole("heading", { name: "This page is not for your account" }).waitFor();
  });

  test("signs in again when the session has ended, and is back where they were", async () => {
    await page.goto(`${url}/channels`);
    await newest().waitFor();
    await api("POST", `/accounts/${seller.id}/sign-out`);
    await page.getByText("Your session has ended.").waitFor({ timeout: 15_000 });
    await checkPage(page, "sign-in-expired");
    await fillSignIn(page, seller.email);
    await newest().waitFor();
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
