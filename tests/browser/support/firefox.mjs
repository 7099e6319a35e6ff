/*
 * The Firefox that the system has (FIREFOX, or /usr/bin/firefox-esr), driven by Marionette: Playwright wants a Firefox
 * of its own build, or commands of WebDriver BiDi that an ESR lacks. A page here has the few methods of Playwright's
 * that these tests and player.mjs need.
 *
 * H.264 in WebRTC is Cisco's OpenH264 in every Firefox, a plugin that it downloads when it is new; here nothing is
 * downloaded. `canSendH264` takes the system's libx264 in its place, by the way that other systems go for the encoders
 * of their hardware (see x264_now.c): everything else, from the offer to the packets, is Firefox's own.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { openMarionette } from "./marionette.mjs";
import { until, url } from "./stoa.mjs";

const here = path.dirname(new URL(import.meta.url).pathname);
const screenshots = path.resolve(here, "../screenshots");

const START_MS = 60_000;
const SCRIPT_MS = 30_000;
const END_MS = 10_000;
const WIDE = { width: 1280, height: 800 };

const PREFS = {
  "marionette.port": 0,
  // a camera, a microphone and a sound card that are not there
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.cubeb.force_mock_context": true,
  "media.autoplay.default": 0,
  // the loopback is no way for WebRTC otherwise, and the server has nothing else here
  "media.peerconnection.ice.loopback": true,
  // several pages are watched at once: none of them may be slowed down as a background tab
  "dom.min_background_timeout_value": 4,
  "media.suspend-background-video.enabled": false,
  // only the loopback: by itself it asks for updates, lists, add-ons and plugins
  "network.dns.disabled": true,
  "app.normandy.enabled": false,
  "app.update.disabledForTesting": true,
  "datareporting.policy.dataSubmissionEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,#none/v1",
  "toolkit.telemetry.enabled": false,
};

const H264_PREFS = {
  "gfx.blacklist.webrtc.hw.acceleration.h264": 1, // 1: it is there
  "media.webrtc.hw.h264.enabled": true,
  "media.webrtc.encoder_creation_strategy": 1, // 1: the system's encoder before the plugin
};

async function writePrefs(profile, prefs) {
  const lines = Object.entries(prefs).map((pref) => `user_pref(${pref.map((part) => JSON.stringify(part)).join(", ")});`);
  await writeFile(path.join(profile, "user.js"), lines.join("\n"));
}

async function buildEncoderHelper(folder) {
  const library = path.join(folder, "x264_now.so");
  await promisify(execFile)("gcc", ["-shared", "-fPIC", "-o", library, path.join(here, "x264_now.c"), "-ldl"]);
  return library;
}

async function startFirefox(profile, env) {
  const program = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
  const flags = ["--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", profile];
  // however this process dies, Firefox does not outlive it
  const child = spawn("setpriv", ["--pdeathsig", "KILL", program, ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
  });
  let complaint = "";
  child.stderr.on("data", (chunk) => (complaint = (complaint + chunk).slice(-4_000)));
  child.on("error", (error) => (complaint += error.message));
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const port = await until(
    "Firefox is up",
    async () => {
      if (isOver() || child.pid === undefined) throw new Error(`Firefox did not start: ${complaint}`);
      return Number(await readFile(path.join(profile, "MarionetteActivePort"), "utf8").catch(() => 0));
    },
    START_MS,
  );
  const end = async () => {
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    if (!isOver()) await once(child, "exit");
    clearTimeout(timer);
  };
  return { port, end };
}

/* Runs in the browser itself, which may do what no page may. */
async function inChrome({ ask }, script, ...args) {
  await ask("Marionette:SetContext", { value: "chrome" });
  try {
    return (await ask("WebDriver:ExecuteScript", { script, args })).value;
  } finally {
    await ask("Marionette:SetContext", { value: "content" });
  }
}

/* As if the person had allowed it for good; who may use the camera is found under all addresses of the machine. */
const ALLOW_DEVICES = `
  const principal = Services.scriptSecurityManager.createContentPrincipalFromOrigin(arguments[0]);
  for (const device of ["camera", "microphone"]) {
    Services.perms.addFromPrincipal(principal, device, Services.perms.ALLOW_ACTION);
  }`;

const RESIZE = `
  const { style } = gBrowser.selectedBrowser;
  for (const side of ["width", "height"]) {
    for (const bound of ["min-", "max-"]) style.setProperty(bound + side, arguments[0][side] + "px", "important");
  }`;

/* Scripts that threw and policies that were broken, in any page since the start. */
const READ_ERRORS = `
  return Services.console.getMessageArray()
    .filter((m) => m instanceof Ci.nsIScriptError && !(m.flags & Ci.nsIScriptError.warningFlag))
    .filter((m) => m.category === "content javascript" || /Content-Security-Policy/.test(m.message))
    .map((m) => m.message);`;

/* What an element is found by: the first that matches and has the text. */
const FIND = `const element = [...document.querySelectorAll(selector)]
  .find((e) => (e.innerText ?? e.textContent).includes(text));`;

const SCRIPT = (body) => `
  const [argument, selector, text, done] = arguments;
  (async () => { ${body} })().then(
    (value) => done({ value: value ?? null }),
    (error) => done({ error: String(error) }));`;

/* `inTurn` does work in this window, `run` the body of a function in its page; `run` belongs into a turn. */
function windowOf(marionette, handle) {
  const { ask } = marionette;
  const inTurn = (work) =>
    marionette.inTurn(async () => {
      await ask("WebDriver:SwitchToWindow", { handle, focus: false });
      return work();
    });
  const run = async (body, argument = null, selector = null, text = null) => {
    const parameters = { script: SCRIPT(body), args: [argument, selector, text], sandbox: null };
    const { value } = await ask("WebDriver:ExecuteAsyncScript", parameters);
    if (value.error !== undefined) throw new Error(value.error);
    return value.value;
  };
  return { ask, inTurn, run };
}

function makeLocator({ ask, inTurn, run }, selector, hasText) {
  const name = `${selector} ${hasText}`.trim();
  const on = (body, argument) => inTurn(() => run(`${FIND} ${body}`, argument, selector, hasText));
  const isThere = () => on("return element !== undefined && element.checkVisibility();");
  /* With the mouse and the keyboard, as a person would: it counts as a gesture. */
  const byHand = (command, parameters) =>
    inTurn(async () => {
      const found = await run(`${FIND} return element;`, null, selector, hasText);
      if (found === null) throw new Error(`not there: ${name}`);
      await ask(command, { id: Object.values(found)[0], ...parameters });
    });
  return {
    evaluate: (fn, argument) => on(`return (${fn})(element, argument);`, argument),
    innerText: () => on("return element.innerText;"),
    waitFor: ({ timeout } = {}) => until(name, isThere, timeout),
    click: () => byHand("WebDriver:ElementClick"),
    fill: (value) => byHand("WebDriver:ElementSendKeys", { text: value }),
  };
}

function makePage(window) {
  const { ask, inTurn, run } = window;
  return {
    locator: (selector, { hasText = "" } = {}) => makeLocator(window, selector, hasText),
    goto: (address) => inTurn(() => ask("WebDriver:Navigate", { url: address })),
    evaluate: (fn, argument) => inTurn(() => run(`return (${fn})(argument);`, argument)),
    waitForTimeout: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    setViewportSize: (size) =>
      inTurn(async () => {
        // a window of Firefox is never as narrow as a phone, but the page in it may be
        await inChrome(window, RESIZE, size);
        const fits = "return innerWidth === argument.width && innerHeight === argument.height;";
        await until(`a viewport of ${size.width}x${size.height}`, () => run(fits, size));
      }),
    screenshot: (name) =>
      inTurn(async () => {
        const { value } = await ask("WebDriver:TakeScreenshot", { full: false, hash: false });
        await mkdir(screenshots, { recursive: true });
        await writeFile(path.join(screenshots, `${name}.png`), value, "base64");
      }),
    close: () => inTurn(() => ask("WebDriver:CloseWindow")),
  };
}

/* A browser of its own, with an empty profile. */
export async function openFirefox({ canSendH264 = false } = {}) {
  const profile = await mkdtemp(path.join(tmpdir(), "stoa-firefox-"));
  await writePrefs(profile, { ...PREFS, ...(canSendH264 ? H264_PREFS : {}) });
  const env = canSendH264 ? { LD_PRELOAD: await buildEncoderHelper(profile) } : {};
  const { port, end } = await startFirefox(profile, env);
  const marionette = await openMarionette(port);
  const { ask } = marionette;
  await ask("WebDriver:NewSession", {});
  await ask("WebDriver:SetTimeouts", { script: SCRIPT_MS, pageLoad: SCRIPT_MS });
  await inChrome(marionette, ALLOW_DEVICES, url);
  // pages come and go, the first window stays: for what is asked of the browser
  const first = windowOf(marionette, (await ask("WebDriver:GetWindowHandle")).value);
  return {
    errors: () => first.inTurn(() => inChrome(marionette, READ_ERRORS)),
    openPage: async (address) => {
      const { handle } = await first.inTurn(() => ask("WebDriver:NewWindow", { type: "window", focus: false }));
      const page = makePage(windowOf(marionette, handle));
      await page.goto(address);
      await page.setViewportSize(WIDE);
      return page;
    },
    close: async () => {
      await first.inTurn(() => ask("Marionette:Quit", { flags: ["eForceQuit"] })).catch(() => undefined);
      marionette.close();
      await end();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
