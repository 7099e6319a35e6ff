/* How a page looks and reads: screenshots, sideways scrolling, what axe-core finds. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { AxeBuilder } from "@axe-core/playwright";

const screenshots = new URL("../screenshots/", import.meta.url).pathname;
await mkdir(screenshots, { recursive: true });

const WIDE = { width: 1280, height: 800 };
/* Light on a phone and dark on a wide screen: contrast knows no width, and the layout no colours. */
const LOOKS = [
  { size: "wide", viewport: WIDE, colorScheme: "light", isRead: false },
  { size: "dark", viewport: WIDE, colorScheme: "dark", isRead: true },
  { size: "phone", viewport: { width: 390, height: 844 }, colorScheme: "light", isRead: true },
];
const NARROWEST = 360;

/* What is serious or critical, in frames and shadow trees too, as sentences. */
async function violations(page) {
  const results = await new AxeBuilder({ page }).analyze();
  return results.violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map((v) => `${v.id}: ${v.help} (${v.nodes.map((n) => n.target.join(" ")).join(", ")})`);
}

/* Two frames: what a change of size or colour brings about is drawn. */
const drawn = (page) =>
  page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));

async function checkWidth(page, name, width) {
  const needed = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(needed <= width, `${name} scrolls sideways at ${width}: ${needed}`);
}

/* Looks at the page on a wide screen, light and dark, and on a phone; leaves it wide and light. */
export async function checkPage(page, name) {
  for (const { size, viewport, colorScheme, isRead } of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize(viewport);
    await drawn(page);
    await page.screenshot({ path: `${screenshots}${name}-${size}.png` });
    await checkWidth(page, name, viewport.width);
    if (isRead) assert.deepEqual(await violations(page), [], `${name}, ${size}`);
  }
  await page.setViewportSize({ width: NARROWEST, height: 740 });
  await drawn(page);
  await checkWidth(page, name, NARROWEST);
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  await page.setViewportSize(WIDE);
}
