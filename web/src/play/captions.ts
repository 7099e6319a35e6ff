/* The captions and subtitles of a video, wherever they come from: in the stream, or beside it. */
export interface CaptionTrack {
  /* Its place in video.textTracks. */
  index: number;
  label: string;
}

type Track = Pick<TextTrack, "kind" | "label" | "language" | "mode">;

function languageName(tag: string): string {
  try {
    return new Intl.DisplayNames(undefined, { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag; /* not a language tag */
  }
}

function isCaption(track: Track): boolean {
  return track.kind === "captions" || track.kind === "subtitles";
}

export function captionTracks(tracks: ArrayLike<Track>): CaptionTrack[] {
  return Array.from(tracks, (track, index) => ({ track, index }))
    .filter(({ track }) => isCaption(track))
    .map(({ track, index }, place) => {
      const language = track.language === "" ? "" : languageName(track.language);
      return { index, label: track.label || language || `Captions ${place + 1}` };
    });
}

/* The track that is shown, -1 for none. */
export function shownCaptions(tracks: ArrayLike<Track>): number {
  return Array.from(tracks).findIndex((track) => isCaption(track) && track.mode === "showing");
}

/* Shows one track and no other; -1: none. hls.js reads the modes and loads what is shown. */
export function showCaptions(tracks: ArrayLike<Track>, shown: number): void {
  Array.from(tracks).forEach((track, index) => {
    if (isCaption(track)) track.mode = index === shown ? "showing" : "disabled";
  });
}
