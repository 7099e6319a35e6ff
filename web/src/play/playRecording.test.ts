import { expect, it } from "vitest";
import { recordingFile } from "./playRecording";

it("names the file of a recording beside its playlist", () => {
  const base = "https://shop.test/recordings/7/12";
  expect(recordingFile(`${base}/index.m3u8`)).toBe(`${base}/1.mp4`);
});
