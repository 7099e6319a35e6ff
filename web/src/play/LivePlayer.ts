import type Hls from "hls.js";
import type { ErrorData, Level } from "hls.js";
import { PLAYER_RETRY, retryDelayMs } from "../retry";
import { hlsConfig } from "./hlsConfig";
import { govern } from "./latencyGovernor";

/*
 * Plays one live HLS stream in a <video>: hls.js where there are media source extensions, the browser's own
 * player on Apple's. It starts as soon as there is a first part, holds its distance from the live edge,
 * heals what can be healed without a word, and otherwise tries again by PLAYER_RETRY.
 *
 * `waiting` means the buffer ran dry; the picture stays. `retrying` has a time of the next try, `failed`
 * waits for retryNow().
 */
export type PlayPhase = "loading" | "playing" | "waiting" | "paused" | "retrying" | "failed";

export interface Quality {
  index: number;
  label: string;
}

export interface PlayerState {
  phase: PlayPhase;
  hasPicture: boolean;
  latencyS: number | null;
  qualities: Quality[];
  /* -1: chosen by the player */
  quality: number;
  retryAtMs: number | null;
}

const TICK_MS = 200;
/* Part by part the measured latency swings by a part; the governor looks at its mean over a second or so. */
const LATENCY_SMOOTHING = 0.2;
/* A failure is first answered at once, in silence; one that follows so soon is shown and waits its turn. */
const HEAL_EVERY_MS = 10_000;
/* After so many tries in vain everything is built anew, the picture included. */
const REBUILD_FROM_ATTEMPT = 2;

type HlsModule = typeof import("hls.js");

/* Asked for as soon as a watch page opens, so that it is there when the stream is. */
let hlsModule: Promise<HlsModule> | null = null;
export function preloadHls(): Promise<HlsModule> {
  hlsModule ??= import("hls.js").catch((error: unknown) => {
    hlsModule = null;
    throw error;
  });
  return hlsModule;
}

export function playsHlsNatively(): boolean {
  const isApple = navigator.vendor.startsWith("Apple");
  const video = document.createElement("video");
  return isApple && video.canPlayType("application/vnd.apple.mpegurl") !== "";
}

export function qualityLabel(level: Pick<Level, "height" | "bitrate">): string {
  if (level.height > 0) return `${level.height}p`;
  return `${Math.round(level.bitrate / 1000)} kbit/s`;
}

/* Safari's seconds-to-date of the programme; NaN dates when the playlist has none. */
interface DatedVideo extends HTMLVideoElement {
  getStartDate?: () => Date;
}

const FRESH: PlayerState = {
  phase: "loading",
  hasPicture: false,
  latencyS: null,
  qualities: [],
  quality: -1,
  retryAtMs: null,
};

export class LivePlayer {
  private state: PlayerState = FRESH;
  private readonly listeners = new Set<() => void>();
  private video: HTMLVideoElement | null = null;
  private source = "";
  /* Aborted by detach(): ends listeners and whatever was awaited. */
  private closing = new AbortController();
  private hls: Hls | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private healedAtMs = -Infinity;
  private meanLatencyS: number | null = null;

  readonly getState = (): PlayerState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /* Plays `source` in `video` until detach(). */
  attach(video: HTMLVideoElement, source: string): void {
    this.detach();
    this.video = video;
    this.source = source;
    this.closing = new AbortController();
    this.attempt = 0;
    this.watchVideo(video, this.closing.signal);
    this.timer = setInterval(() => this.tick(video), TICK_MS);
    void this.open(video, this.closing.signal);
  }

  detach(): void {
    this.closing.abort();
    clearInterval(this.timer);
    clearTimeout(this.retryTimer);
    this.hls?.destroy();
    this.hls = null;
    this.video?.removeAttribute("src");
    this.video?.load();
    this.video = null;
    this.set(FRESH);
  }

  retryNow(): void {
    clearTimeout(this.retryTimer);
    this.attempt = 0;
    this.rebuild();
  }

  /* Plays from where the stream is now, not from where it was paused. */
  play(): void {
    this.goLive();
    void this.video?.play().catch(() => undefined);
  }

  goLive(): void {
    const { video } = this;
    if (video === null) return;
    const { seekable } = video;
    const edge = this.hls?.liveSyncPosition ?? (seekable.length > 0 ? seekable.end(0) : null);
    if (edge !== null && edge - video.currentTime > 1) video.currentTime = edge;
  }

  setQuality(index: number): void {
    if (this.hls) this.hls.nextLevel = index;
    this.set({ quality: index });
  }

  private set(change: Partial<PlayerState>): void {
    const keys = Object.keys(change) as (keyof PlayerState)[];
    if (keys.every((key) => this.state[key] === change[key])) return;
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  private async open(video: HTMLVideoElement, closed: AbortSignal): Promise<void> {
    if (playsHlsNatively()) {
      video.src = this.source;
      this.begin();
      return;
    }
    try {
      const module = await preloadHls();
      if (!closed.aborted) this.openHls(module, video);
    } catch {
      if (!closed.aborted) this.retryLater();
    }
  }

  private openHls({ default: HlsClass, Events }: HlsModule, video: HTMLVideoElement): void {
    if (!HlsClass.isSupported()) {
      this.set({ phase: "failed" });
      return;
    }
    const hls = new HlsClass(hlsConfig);
    this.hls = hls;
    hls.on(Events.MANIFEST_PARSED, () => {
      const several = hls.levels.length > 1 ? hls.levels : [];
      this.set({
        qualities: several.map((level, index) => ({ index, label: qualityLabel(level) })),
      });
      this.begin();
    });
    hls.on(Events.FRAG_BUFFERED, () => {
      this.attempt = 0;
    });
    hls.on(Events.ERROR, (_event, data) => this.onHlsError(data));
    hls.attachMedia(video);
    hls.loadSource(this.source);
  }

  private begin(): void {
    /* Muted video may always start; a refusal leaves the big play button. */
    void this.video?.play().catch(() => this.set({ phase: "paused" }));
  }

  private onHlsError(data: ErrorData): void {
    if (!data.fatal) return;
    this.report(data);
    const now = performance.now();
    const isFirst = now - this.healedAtMs > HEAL_EVERY_MS;
    this.healedAtMs = now;
    if (!isFirst || !this.state.hasPicture) {
      this.retryLater();
    } else if ((data.type as string) === "mediaError") {
      this.hls?.recoverMediaError();
      this.begin();
    } else {
      this.hls?.startLoad();
    }
  }

  /* For whoever watches the players of a shop; it bubbles up from the <video>. */
  private report(data: ErrorData): void {
    const detail = { type: data.type, details: data.details, message: data.error.message };
    this.video?.dispatchEvent(new CustomEvent("playererror", { detail, bubbles: true }));
  }

  private retryLater(): void {
    clearTimeout(this.retryTimer);
    const waitMs = retryDelayMs(PLAYER_RETRY, this.attempt, Math.random());
    if (waitMs === null) {
      this.set({ phase: "failed", retryAtMs: null });
      return;
    }
    this.set({ phase: "retrying", retryAtMs: Date.now() + waitMs });
    this.retryTimer = setTimeout(() => this.retry(), waitMs);
  }

  private retry(): void {
    this.attempt += 1;
    const hls = this.hls;
    if (hls === null || this.attempt > REBUILD_FROM_ATTEMPT) {
      this.rebuild();
      return;
    }
    this.set({ phase: this.state.hasPicture ? "waiting" : "loading", retryAtMs: null });
    if (hls.levels.length === 0) hls.loadSource(this.source);
    else hls.startLoad();
  }

  private rebuild(): void {
    this.hls?.destroy();
    this.hls = null;
    this.set(FRESH);
    if (this.video !== null) void this.open(this.video, this.closing.signal);
  }

  private watchVideo(video: HTMLVideoElement, signal: AbortSignal): void {
    const on = (name: string, handler: () => void): void =>
      video.addEventListener(name, handler, { signal });
    on("playing", () => {
      this.attempt = 0;
      clearTimeout(this.retryTimer);
      this.set({ phase: "playing", hasPicture: true, retryAtMs: null });
    });
    on("waiting", () => {
      if (this.state.phase === "playing") this.set({ phase: "waiting" });
    });
    on("pause", () => {
      if (this.state.phase === "playing" && !video.ended) this.set({ phase: "paused" });
    });
    on("error", () => {
      /* hls.js reports its own errors; this is for the browser's player. */
      if (this.hls === null && video.hasAttribute("src")) this.retryLater();
    });
  }

  private tick(video: HTMLVideoElement): void {
    const { hls } = this;
    this.set({ latencyS: this.measureLatency(video) });
    const target = hls?.targetLatency ?? null;
    /* While the publisher is away the edge stands still and only looks far. */
    const isMoving = this.state.phase === "playing" && !video.paused && !video.seeking;
    if (hls === null || target === null || hls.latency <= 0 || !isMoving) {
      this.meanLatencyS = null;
      return;
    }
    const mean = this.meanLatencyS ?? hls.latency;
    const latency = mean + (hls.latency - mean) * LATENCY_SMOOTHING;
    this.meanLatencyS = latency;
    const { buffered, currentTime, playbackRate } = video;
    const end = buffered.length > 0 ? buffered.end(buffered.length - 1) : currentTime;
    const action = govern({ latency, target, ahead: end - currentTime, rate: playbackRate });
    if (action.kind === "jump") {
      this.meanLatencyS = null;
      this.goLive();
    } else if (playbackRate !== action.rate) video.playbackRate = action.rate;
  }

  private measureLatency(video: DatedVideo): number | null {
    if (!this.state.hasPicture) return null;
    if (this.hls !== null) {
      return this.hls.latency > 0 ? Math.round(this.hls.latency * 10) / 10 : null;
    }
    const start = video.getStartDate?.().getTime() ?? NaN;
    const seconds = (Date.now() - start) / 1000 - video.currentTime;
    return Number.isFinite(seconds) && seconds > 0 ? Math.round(seconds * 10) / 10 : null;
  }
}
