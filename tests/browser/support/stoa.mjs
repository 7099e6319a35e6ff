/*
 * What every browser test needs: the server under test, named by the environment, and a browser with a
 * camera that is not there.
 *
 *   STOA_URL        http://127.0.0.1:8080
 *   STOA_ADMIN_KEY  the admin key of that server
 *   STOA_RTMP       rtmp://127.0.0.1:1935/live, for the tests that publish by RTMP
 *   CHROMIUM        /usr/bin/chromium
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";
import { makeRest } from "../../support/rest.mjs";

export { until } from "../../support/rest.mjs";

function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the tests need a running server`);
  return value.replace(/\/$/, "");
}

export const url = needed("STOA_URL");
export const adminKey = needed("STOA_ADMIN_KEY");
export const rtmpServer = process.env.STOA_RTMP?.replace(/\/$/, "");

const FLAGS = [
  "--no-sandbox",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // several pages are watched at once: none of them may be slowed down as a background tab
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
];

/* A browser of its own, with an empty profile; `errors` collects what a page must not do. */
export async function openBrowser(options = {}) {
  const profile = await mkdtemp(path.join(tmpdir(), "stoa-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    ...options,
  });
  const errors = [];
  context.on("page", (page) => {
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      // a refused request is written to the console as well; a broken policy or a warning of React is a defect
      if (/Content Security Policy|Warning:/.test(message.text())) errors.push(message.text());
    });
  });
  const close = async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { context, errors, close };
}

export const api = makeRest(url, adminKey);

export const createChannel = (title) => api("POST", "/channels", { body: { title } });
export const statusOf = (id) => api("GET", `/channels/${id}/status`, { key: null });

/* Ends and removes a channel; one that is gone already is fine. */
export async function removeChannel(id) {
  await api("POST", `/channels/${id}/end`).catch(() => undefined);
  await api("DELETE", `/channels/${id}`).catch(() => undefined);
}
