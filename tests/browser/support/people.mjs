/* People with accounts, made by the admin key, and how they sign in. */
import { randomUUID } from "node:crypto";
import { api, url } from "./stoa.mjs";

export const PASSWORD = "a long enough password";

/* The e-mail is one's own: tests share a server. */
export async function createAccount(role, displayName) {
  const email = `${randomUUID().slice(0, 8)}@shop.test`;
  return api("POST", "/accounts", { body: { email, displayName, role, password: PASSWORD } });
}

export async function fillSignIn(page, email, password = PASSWORD) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/* Signs in, and waits for the page that was wanted. */
export async function signIn(page, account, wanted = "/channels") {
  await page.goto(`${url}/sign-in?next=${encodeURIComponent(wanted)}`);
  await fillSignIn(page, account.email);
  await page.waitForURL(url + wanted);
}
