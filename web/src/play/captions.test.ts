import { describe, expect, it } from "vitest";
import { captionTracks, showCaptions, shownCaptions } from "./captions";

function track(kind: TextTrackKind, label: string, language = ""): TextTrack {
  return { kind, label, language, mode: "disabled" } as TextTrack;
}

describe("captions", () => {
  const tracks = [
    track("metadata", "id3"),
    track("captions", "English"),
    track("subtitles", "", "de"),
    track("subtitles", ""),
  ];

  it("are the tracks that people read, each with a name", () => {
    expect(captionTracks(tracks)).toEqual([
      { index: 1, label: "English" },
      { index: 2, label: "German" },
      { index: 3, label: "Captions 3" },
    ]);
  });

  it("are off, or one of them is shown", () => {
    expect(shownCaptions(tracks)).toBe(-1);
    showCaptions(tracks, 2);
    expect(tracks.map(({ mode }) => mode)).toEqual(["disabled", "disabled", "showing", "disabled"]);
    expect(shownCaptions(tracks)).toBe(2);
    showCaptions(tracks, -1);
    expect(shownCaptions(tracks)).toBe(-1);
  });

  it("never touch a track of data", () => {
    const data = track("metadata", "id3");
    data.mode = "hidden";
    showCaptions([data], -1);
    expect(data.mode).toBe("hidden");
  });

  it("keep a tag that is no language", () => {
    expect(captionTracks([track("captions", "", "not a tag!")])[0]?.label).toBe("not a tag!");
  });
});
