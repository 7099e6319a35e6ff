import type { HlsConfig, LoadPolicy } from "hls.js";

/*
 * hls.js for LL-HLS with parts of about 200 ms. The distance from the live edge is the playlist's
 * PART-HOLD-BACK (liveSyncDuration stays unset); speed is the governor's alone.
 */

/* A publisher that is away leaves playlist requests waiting for up to 30 s: patience, not an error. */
const playlistPolicy: LoadPolicy = {
  default: {
    maxTimeToFirstByteMs: 10_000,
    maxLoadTimeMs: 20_000,
    timeoutRetry: { maxNumRetry: 6, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: { maxNumRetry: 12, retryDelayMs: 500, maxRetryDelayMs: 3_000 },
  },
};

const manifestPolicy: LoadPolicy = {
  default: {
    maxTimeToFirstByteMs: 10_000,
    maxLoadTimeMs: 20_000,
    timeoutRetry: { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 },
    /* Asked for the moment that the stream is there: a first no may be a matter of milliseconds. */
    errorRetry: { maxNumRetry: 4, retryDelayMs: 150, maxRetryDelayMs: 1_000 },
  },
};

const fragmentPolicy: LoadPolicy = {
  default: {
    maxTimeToFirstByteMs: 10_000,
    maxLoadTimeMs: 60_000,
    timeoutRetry: { maxNumRetry: 4, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: { maxNumRetry: 6, retryDelayMs: 200, maxRetryDelayMs: 4_000 },
  },
};

export const hlsConfig: Partial<HlsConfig> = {
  lowLatencyMode: true,
  /* fMP4 needs no remuxing; a worker would only add a hop (and a blob: script) to each part. */
  enableWorker: false,
  backBufferLength: Infinity /* dropped by backBuffer.ts */,
  maxBufferLength: 12,
  liveDurationInfinity: true,
  liveSyncOnStallIncrease: 0.25,
  maxLiveSyncPlaybackRate: 1,
  testBandwidth: false,
  abrEwmaDefaultEstimate: 5_000_000,
  manifestLoadPolicy: manifestPolicy,
  playlistLoadPolicy: playlistPolicy,
  fragLoadPolicy: fragmentPolicy,
};

/* With another address to go to, patience is for that one: a failing playlist is given up within seconds. */
export const impatientHlsConfig: Partial<HlsConfig> = {
  ...hlsConfig,
  manifestLoadPolicy: withTries(manifestPolicy, 2),
  playlistLoadPolicy: withTries(playlistPolicy, 2),
  fragLoadPolicy: withTries(fragmentPolicy, 2),
};

function withTries({ default: rule }: LoadPolicy, maxNumRetry: number): LoadPolicy {
  const retry = { retryDelayMs: 250, maxRetryDelayMs: 1_000, maxNumRetry };
  return { default: { ...rule, timeoutRetry: { ...retry, maxNumRetry: 0 }, errorRetry: retry } };
}
