/*
 * Keeps the player near its target distance from the live edge by small changes of speed, in both
 * directions: too far behind it catches up, too near it lets the buffer grow before it runs dry (a player
 * that joins in a broadcast's first second starts with a single part). Inside the dead zone the speed is
 * exactly 1, and it leaves the dead zone only for good, so that sound is not stretched all the time.
 */
export interface GovernorInput {
  /* Distance from the live edge, seconds. */
  latency: number;
  /* The distance that the playlist asks for (PART-HOLD-BACK), seconds. */
  target: number;
  /* Media in the buffer after the playhead, seconds. */
  ahead: number;
  /* The speed now. */
  rate: number;
}

export type GovernorAction = { kind: "rate"; rate: number } | { kind: "jump" };

export const DEAD_ZONE_S = 0.12;
const RELEASE_S = 0.03;
const SLOWEST = 0.9;
const FASTEST = 1.06;
const GAIN = 0.25;
/* Catching up from further away would take minutes: jump instead. */
const JUMP_S = 8;
/* Speeding up with less than this in the buffer ends in a stall. */
const MIN_AHEAD_S = 0.25;

export function govern(input: GovernorInput): GovernorAction {
  const error = input.latency - input.target;
  if (error > JUMP_S) return { kind: "jump" };
  const zone = input.rate === 1 ? DEAD_ZONE_S : RELEASE_S;
  const isCatchingUp = error > zone && input.ahead > MIN_AHEAD_S;
  const isHoldingBack = error < -zone;
  if (!isCatchingUp && !isHoldingBack) return { kind: "rate", rate: 1 };
  const wanted = Math.min(FASTEST, Math.max(SLOWEST, 1 + GAIN * error));
  /* Whole hundredths: the element is not told a new speed at each look. */
  return { kind: "rate", rate: Math.round(wanted * 100) / 100 };
}
