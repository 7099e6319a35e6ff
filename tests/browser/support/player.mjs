/* Looks at a <video> as a viewer would: does the picture move, is there sound, how far behind is it? */

/* What stands in the player's place, by its title. (Screen readers hear the same words from a second place.) */
export function placeholder(page, title) {
  return page.locator(".stoa-placeholder-title", { hasText: title });
}

/* A small copy of the picture that is shown now: 32 x 18 pixels, RGBA. In a page, a frame or a <stoa-player>. */
export function grabFrame(page) {
  return page.locator("video").evaluate((video) => {
    const canvas = document.createElement("canvas");
    canvas.width = 32;
    canvas.height = 18;
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, 32, 18);
    return Array.from(context.getImageData(0, 0, 32, 18).data);
  });
}

export function difference(a, b) {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;
}

/* How much the picture changes over `count` looks. A still picture gives 0. */
export async function movement(page, count = 8, everyMs = 250) {
  let total = 0;
  let before = await grabFrame(page);
  for (let i = 0; i < count; i++) {
    await page.waitForTimeout(everyMs);
    const now = await grabFrame(page);
    total += difference(before, now);
    before = now;
  }
  return total / count;
}

/*
 * The loudest moment of the sound that the page's video plays, 0 to 1, within `forMs`. A video can be
 * given to WebAudio only once, so the analyser stays on the page.
 */
export function loudness(page, forMs = 2500) {
  return page.evaluate(async (ms) => {
    const video = document.querySelector("video");
    video.muted = false;
    if (window.stoaAnalyser?.video !== video) {
      const context = new AudioContext();
      // without a sound card Firefox never says that it runs, but it does
      void context.resume();
      const analyser = context.createAnalyser();
      context.createMediaElementSource(video).connect(analyser);
      analyser.connect(context.destination);
      window.stoaAnalyser = { video, analyser };
    }
    const { analyser } = window.stoaAnalyser;
    const samples = new Float32Array(analyser.fftSize);
    let peak = 0;
    const endMs = performance.now() + ms;
    while (performance.now() < endMs) {
      analyser.getFloatTimeDomainData(samples);
      for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return peak;
  }, forMs);
}

/* The number on the latency badge, seconds. */
export async function badgeLatency(page) {
  const text = await page.locator(".stoa-latency").innerText();
  return Number(/([\d.]+) s/.exec(text)?.[1]);
}

export function playhead(page) {
  return page.evaluate(() => document.querySelector("video")?.currentTime ?? -1);
}

/*
 * Seconds of video played in each second of the clock, over `forMs`: 1 when nothing stalls. Stalls are not
 * counted, because a machine that is busy with other tests starves the encoder now and then.
 */
export async function pace(page, forMs = 10_000) {
  const look = () =>
    page.evaluate(() => [document.querySelector("video").currentTime, performance.now() / 1000]);
  const [fromVideo, fromClock] = await look();
  await page.waitForTimeout(forMs);
  const [toVideo, toClock] = await look();
  return (toVideo - fromVideo) / (toClock - fromClock);
}
