/*
 * hls.js plays a broadcast's first segment only once it is complete: a playlist that lists parts but no
 * whole segment is "empty" to it, and costs each early viewer the length of a segment. So while there is no
 * whole segment, the playlist is given one before the first: a gap of a millisecond, which is never loaded
 * (RFC 8216bis section 4.4.4.7). With it the parts count, and the next reload is a blocking one. The start
 * is set behind the gap, because the hold-back would place it inside.
 *
 * The gap needs a sequence number below the first segment's; a playlist that begins at 0 has no room for
 * it and stays as it is.
 */
const GAP_S = 0.001;

const GAP_LINES = [
  `#EXT-X-PART:DURATION=${GAP_S},URI="gap",GAP=YES`,
  "#EXT-X-GAP",
  `#EXTINF:${GAP_S},`,
  "gap",
];

const SEQUENCE = /^#EXT-X-MEDIA-SEQUENCE:(\d+)\s*$/;
/* The tags that belong to a segment and its parts, not to the playlist. */
const OF_SEGMENT = /^#EXT-X-(PART|PROGRAM-DATE-TIME|DISCONTINUITY|BITRATE|KEY|DATERANGE)\b(?!-)/;

export function withFirstSegment(playlist: string): string {
  if (playlist.includes("#EXTINF:") || !playlist.includes("#EXT-X-PART:")) return playlist;
  const lines = playlist.split("\n");
  const sequenceAt = lines.findIndex((line) => SEQUENCE.test(line));
  const sequence = Number(SEQUENCE.exec(lines[sequenceAt] ?? "")?.[1] ?? 0);
  const segmentAt = lines.findIndex((line) => OF_SEGMENT.test(line));
  if (sequence < 1 || segmentAt <= sequenceAt) return playlist;
  lines.splice(segmentAt, 0, ...GAP_LINES);
  lines.splice(
    sequenceAt,
    1,
    `#EXT-X-MEDIA-SEQUENCE:${sequence - 1}`,
    `#EXT-X-START:TIME-OFFSET=${GAP_S}`,
  );
  return lines.join("\n");
}
