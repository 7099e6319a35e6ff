/*
 * Sees when the player waits for media that the list has had for a while: after a gap of the line, or when
 * hls.js has lost track of what it has (backBuffer.ts knows one way). Left alone it goes on with the next
 * whole segment, seconds later and seconds further behind; somebody who watches live wants to be where the
 * stream is now.
 */
export interface StallLook {
  nowMs: number;
  isWaiting: boolean;
  /* Where playing should be by the list (the live edge less the target distance); null: not known. */
  syncPosition: number | null;
  /* Where the buffer ends. */
  bufferEnd: number;
}

/* After so long without media that is there. */
const PATIENCE_MS = 500;
/* A line that is too slow for the stream is not helped by jumping again and again. */
const PAUSE_MS = 5_000;

export class StallGuard {
  private sinceMs: number | null = null;
  private jumpedAtMs = -Infinity;

  /* True: jump to where the stream is now. Publishers that pause never cause it: the list stands still. */
  shouldJump({ nowMs, isWaiting, syncPosition, bufferEnd }: StallLook): boolean {
    if (!isWaiting || syncPosition === null || syncPosition <= bufferEnd) {
      this.sinceMs = null;
      return false;
    }
    this.sinceMs ??= nowMs;
    if (nowMs - this.sinceMs < PATIENCE_MS || nowMs - this.jumpedAtMs < PAUSE_MS) return false;
    this.sinceMs = null;
    this.jumpedAtMs = nowMs;
    return true;
  }
}
