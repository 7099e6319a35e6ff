import { describe, expect, it } from "vitest";
import { withFirstSegment } from "./firstSegment";

const YOUNG = [
  "#EXTM3U",
  "#EXT-X-VERSION:9",
  "#EXT-X-TARGETDURATION:2",
  "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6",
  "#EXT-X-PART-INF:PART-TARGET=0.2",
  "#EXT-X-MEDIA-SEQUENCE:1",
  '#EXT-X-MAP:URI="init.mp4"',
  "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z",
  '#EXT-X-PART:DURATION=0.2,URI="1.0.m4s",INDEPENDENT=YES',
  '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1.1.m4s"',
  "",
].join("\n");

describe("a playlist without a whole segment", () => {
  it("is given a gap before its first part", () => {
    const lines = withFirstSegment(YOUNG).split("\n");
    expect(lines).toContain("#EXT-X-MEDIA-SEQUENCE:0");
    expect(lines).toContain("#EXT-X-START:TIME-OFFSET=0.001");
    const gap = lines.indexOf("#EXT-X-GAP");
    expect(gap).toBeGreaterThan(lines.indexOf('#EXT-X-MAP:URI="init.mp4"'));
    expect(lines[gap + 3]).toBe("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z");
    expect(lines).toHaveLength(YOUNG.split("\n").length + 5);
  });

  it("keeps its own lines and their order", () => {
    const own = withFirstSegment(YOUNG).split("\n");
    const kept = YOUNG.split("\n").filter((line) => !line.startsWith("#EXT-X-MEDIA-SEQUENCE"));
    expect(own.filter((line) => kept.includes(line))).toEqual(kept);
  });

  it("that begins at number 0 has no room and stays as it is", () => {
    const playlist = YOUNG.replace("SEQUENCE:1", "SEQUENCE:0");
    expect(withFirstSegment(playlist)).toBe(playlist);
  });
});

describe("any other playlist stays as it is", () => {
  it("with a whole segment", () => {
    const playlist = `${YOUNG}#EXTINF:2,\n1.m4s\n`;
    expect(withFirstSegment(playlist)).toBe(playlist);
  });

  it("without parts", () => {
    for (const playlist of ["", "#EXTM3U", "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:4\n"]) {
      expect(withFirstSegment(playlist)).toBe(playlist);
    }
  });

  it("when it is not a playlist at all", () => {
    expect(withFirstSegment("<html>#EXT-X-PART:</html>")).toBe("<html>#EXT-X-PART:</html>");
  });
});
