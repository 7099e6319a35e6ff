/* How a page looks and reads: screenshots, sideways scrolling, what axe-core finds. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { AxeBuilder } from "@axe-core/playwright";

const screenshots = new URL("../screenshots/", import.meta.url).pathname;
await mkdir(screenshots, { recursive: true });

const SIZES = { wide: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };

/* What is serious or critical, in frames and shadow trees too, as sentences. */
async function violations(page) {
  const results = await new AxeBuilder({ page }).analyze();
  return results.violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map((v) => `${v.id}: ${v.help} (${v.nodes.map((n) => n.target.join(" ")).join(", ")})`);
}

/* Looks at the page on a wide screen and on a phone; leaves it wide. */
export async function checkPage(page, name) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    await page.waitForTimeout(300);
    await page.screenshot({ path: `${screenshots}${name}-${size}.png` });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= viewport.width, `${name} scrolls sideways at ${viewport.width}: ${width}`);
    assert.deepEqual(await violations(page), [], `${name}, ${size}`);
  }
  await page.setViewportSize(SIZES.wide);
}
