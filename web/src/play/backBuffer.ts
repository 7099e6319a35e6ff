/*
 * What has been played is dropped from the buffer by us, at moments of our choosing. hls.js (1.7.4, with
 * `backBufferLength`) does it whenever a segment begins to play; if a part is being appended just then it
 * forgets that the parts before it are loaded, goes on looking for them behind the segment's last part, and
 * asks for nothing more until the segment has left the list.
 */
export interface BackBufferLook {
  /* Where the buffer begins, seconds; null: it is empty. */
  start: number | null;
  currentTime: number;
  /* Nothing more of what is listed is to be loaded. */
  isCaughtUp: boolean;
}

/* So much stays for whoever seeks back, and so much gathers before it is dropped. */
const KEEP_S = 8;
const GATHER_S = 8;

/* Up to where to drop now; null: not now. */
export function backBufferToDrop({ start, currentTime, isCaughtUp }: BackBufferLook): number | null {
  if (start === null || !isCaughtUp || currentTime - start < KEEP_S + GATHER_S) return null;
  return currentTime - KEEP_S;
}
