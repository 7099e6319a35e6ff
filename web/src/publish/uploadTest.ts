import { ApiError, errorFromResponse, UNREACHABLE } from "../api/problem";

/*
 * How much can leave this browser for the server: bodies of growing size are posted and timed until the
 * answer, at most a little over a megabyte and a few seconds. It says what the way carries over TCP; whether
 * UDP gets through shows only on air.
 */
const PATH = "/api/v1/upload-test";
/* The first is next to nothing: the time of a way there and back, with the connection already open. */
const SIZES = [1_000, 64_000, 256_000, 800_000];
/* One that took so long has measured enough, and the next would take four times longer. */
const ENOUGH_MS = 1_200;
const GIVE_UP_MS = 8_000;

export interface UploadDeps {
  /* Posts so many bytes and resolves when the server has answered. */
  post: (bytes: number, signal: AbortSignal) => Promise<void>;
  now: () => number;
}

/* Of what can be read ever again nothing may be compressed on the way. */
function noise(length: number): Blob {
  const block = new Uint8Array(Math.min(length, 32_000));
  crypto.getRandomValues(block);
  const count = Math.ceil(length / block.length);
  return new Blob(Array.from({ length: count }, () => block)).slice(0, length);
}

async function post(bytes: number, signal: AbortSignal): Promise<void> {
  let response: Response;
  try {
    response = await fetch(PATH, { method: "POST", body: noise(bytes), signal, cache: "no-store" });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(UNREACHABLE, 0, "unreachable");
  }
  if (!response.ok) throw await errorFromResponse(response);
}

const browserDeps: UploadDeps = { post, now: () => performance.now() };

/* Kilobits a second. Throws ApiError when the server cannot be measured, or AbortError by `signal`. */
export async function measureUpload(
  signal: AbortSignal,
  deps: UploadDeps = browserDeps,
): Promise<number> {
  const giveUp = AbortSignal.timeout(GIVE_UP_MS);
  const both = AbortSignal.any([signal, giveUp]);
  let wayMs = 0;
  let kbps: number | null = null;
  for (const size of SIZES) {
    const startMs = deps.now();
    try {
      await deps.post(size, both);
    } catch (error) {
      if (!giveUp.aborted || signal.aborted) throw error;
      /* Too slow for this size: what the smaller ones said holds, or nearly nothing gets through. */
      return kbps ?? (size * 8) / GIVE_UP_MS;
    }
    const tookMs = Math.max(1, deps.now() - startMs);
    if (size === SIZES[0]) {
      wayMs = tookMs;
      continue;
    }
    /* The way itself is no upload; but a jittering way must not make it look endless. */
    kbps = (size * 8) / Math.max(tookMs - wayMs, tookMs / 3);
    if (tookMs > ENOUGH_MS) break;
  }
  return kbps ?? 0;
}
