/*
 * The retry rule of the player: first after 5 s, times 1.5, at most 60 s, at most 10 tries. Jitter takes
 * away up to a fifth, so that a thousand players that lost the same server do not come back together.
 */
export interface RetryRule {
  firstMs: number;
  factor: number;
  maxMs: number;
  tries: number;
  jitter: number;
}

export const PLAYER_RETRY: RetryRule = {
  firstMs: 5_000,
  factor: 1.5,
  maxMs: 60_000,
  tries: 10,
  jitter: 0.2,
};

/* A publisher comes back sooner and does not give up: somebody is standing in front of the camera. */
export const PUBLISHER_RETRY: RetryRule = {
  firstMs: 1_000,
  factor: 2,
  maxMs: 15_000,
  tries: Infinity,
  jitter: 0.2,
};

/*
 * The wait before try number `attempt` (0 is the first retry), or null when there are no more tries.
 * `random` is in [0, 1).
 */
export function retryDelayMs(rule: RetryRule, attempt: number, random: number): number | null {
  if (attempt >= rule.tries) return null;
  const full = Math.min(rule.maxMs, rule.firstMs * rule.factor ** attempt);
  return Math.round(full * (1 - rule.jitter * random));
}
