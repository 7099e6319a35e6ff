import type Hls from "hls.js";
import type { ErrorData, FragBufferedData, Level } from "hls.js";
import { PLAYER_RETRY, retryDelayMs } from "../retry";
import { backBufferToDrop } from "./backBuffer";
import { captionTracks, showCaptions, shownCaptions, type CaptionTrack } from "./captions";
import { hlsConfig, impatientHlsConfig } from "./hlsConfig";
import { govern } from "./latencyGovernor";
import { SourceRound } from "./sourceRound";
import { StallGuard } from "./stallGuard";

/*
 * Plays one live HLS stream in a <video>: hls.js where there are media source extensions, the browser's own
 * player on Apple's. It starts as soon as there is a first part, holds its distance from the live edge,
 * heals what can be healed without a word, goes to the next address when there is one, and otherwise tries
 * again by PLAYER_RETRY.
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
  /* What was chosen; -1: the player chooses */
  quality: number;
  /* What is shown; -1: not known */
  shownQuality: number;
  captions: CaptionTrack[];
  /* -1: off */
  shownCaptions: number;
  /* Which address it plays from; 0 is the primary one. */
  sourceIndex: number;
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

function bufferStart({ buffered }: HTMLVideoElement): number | null {
  return buffered.length > 0 ? buffered.start(0) : null;
}

function bufferEnd({ buffered, currentTime }: HTMLVideoElement): number {
  return buffered.length > 0 ? buffered.end(buffered.length - 1) : currentTime;
}

/* What was buffered is a whole segment, or the last part that is listed. */
function isCaughtUp(hls: Hls, part: FragBufferedData["part"]): boolean {
  if (part === null) return true;
  const last = hls.latestLevelDetails?.partList?.at(-1);
  return part.fragment.sn === last?.fragment.sn && part.index === last.index;
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
  shownQuality: -1,
  captions: [],
  shownCaptions: -1,
  sourceIndex: 0,
  retryAtMs: null,
};

export class LivePlayer {
  private state: PlayerState = FRESH;
  private readonly listeners = new Set<() => void>();
  private video: HTMLVideoElement | null = null;
  private round = new SourceRound([]);
  /* Aborted by detach(): ends listeners and whatever was awaited. */
  private closing = new AbortController();
  private hls: Hls | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private healedAtMs = -Infinity;
  private meanLatencyS: number | null = null;
  private stallGuard = new StallGuard();

  readonly getState = (): PlayerState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /* Plays the first of `sources` in `video`, the others when it fails, until detach(). */
  attach(video: HTMLVideoElement, sources: readonly string[]): void {
    this.detach();
    this.video = video;
    this.round = new SourceRound(sources);
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
    this.round.restart();
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

  /* Shows the captions of that index, -1: none. */
  setCaptions(index: number): void {
    if (this.video !== null) showCaptions(this.video.textTracks, index);
  }

  private set(change: Partial<PlayerState>): void {
    const keys = Object.keys(change) as (keyof PlayerState)[];
    if (keys.every((key) => this.state[key] === change[key])) return;
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  private async open(video: HTMLVideoElement, closed: AbortSignal): Promise<void> {
    if (playsHlsNatively()) {
      video.src = this.round.current;
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
    const hls = new HlsClass(this.round.hasOther ? impatientHlsConfig : hlsConfig);
    this.hls = hls;
    const readLevels = (): void => {
      const several = hls.levels.length > 1 ? hls.levels : [];
      this.set({
        qualities: several.map((level, index) => ({ index, label: qualityLabel(level) })),
      });
    };
    hls.on(Events.MANIFEST_PARSED, () => {
      readLevels();
      this.begin();
    });
    hls.on(Events.LEVELS_UPDATED, readLevels);
    hls.on(Events.LEVEL_SWITCHED, (_event, { level }) => this.set({ shownQuality: level }));
    hls.on(Events.FRAG_BUFFERED, (_event, { part }) => {
      this.attempt = 0;
      const end = backBufferToDrop({
        start: bufferStart(video),
        currentTime: video.currentTime,
        isCaughtUp: isCaughtUp(hls, part),
      });
      if (end === null) return;
      hls.trigger(Events.BUFFER_FLUSHING, { startOffset: 0, endOffset: end, type: null });
    });
    hls.on(Events.ERROR, (_event, data) => this.onHlsError(data));
    hls.attachMedia(video);
    hls.loadSource(this.round.current);
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
      this.onFailed();
    } else if ((data.type as string) === "mediaError") {
      this.hls?.recoverMediaError();
      this.begin();
    } else {
      this.hls?.startLoad();
    }
  }

  /* For whoever watches the players of a shop; it bubbles up from the <video>, out of <stoa-player> too. */
  private report(data: ErrorData): void {
    const detail = { type: data.type, details: data.details, message: data.error.message };
    this.video?.dispatchEvent(new CustomEvent("playererror", { detail, bubbles: true, composed: true }));
  }

  /* The next address, or the next try. */
  private onFailed(): void {
    if (this.round.moveOn()) this.rebuild();
    else this.retryLater();
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
    const isElsewhere = this.state.sourceIndex !== this.round.index;
    if (hls === null || isElsewhere || this.attempt > REBUILD_FROM_ATTEMPT) {
      this.rebuild();
      return;
    }
    this.set({ phase: this.state.hasPicture ? "waiting" : "loading", retryAtMs: null });
    if (hls.levels.length === 0) hls.loadSource(this.round.current);
    else hls.startLoad();
  }

  private rebuild(): void {
    this.hls?.destroy();
    this.hls = null;
    const { captions, shownCaptions: shown } = this.state;
    this.set({ ...FRESH, captions, shownCaptions: shown, sourceIndex: this.round.index });
    if (this.video !== null) void this.open(this.video, this.closing.signal);
  }

  private watchVideo(video: HTMLVideoElement, signal: AbortSignal): void {
    const on = (name: string, handler: () => void): void =>
      video.addEventListener(name, handler, { signal });
    on("playing", () => {
      this.attempt = 0;
      this.round.onPicture();
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
      if (this.hls === null && video.hasAttribute("src")) this.onFailed();
    });
    const readCaptions = (): void =>
      this.set({
        captions: captionTracks(video.textTracks),
        shownCaptions: shownCaptions(video.textTracks),
      });
    for (const name of ["addtrack", "removetrack", "change"]) {
      video.textTracks.addEventListener(name, readCaptions, { signal });
    }
  }

  private tick(video: HTMLVideoElement): void {
    const { hls } = this;
    this.set({ latencyS: this.measureLatency(video) });
    this.watchStall(video);
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
    const { currentTime, playbackRate } = video;
    const ahead = bufferEnd(video) - currentTime;
    const action = govern({ latency, target, ahead, rate: playbackRate });
    if (action.kind === "jump") {
      this.meanLatencyS = null;
      this.goLive();
    } else if (playbackRate !== action.rate) video.playbackRate = action.rate;
  }

  private watchStall(video: HTMLVideoElement): void {
    const look = {
      nowMs: performance.now(),
      isWaiting: this.state.phase === "waiting" && !video.seeking,
      syncPosition: this.hls?.liveSyncPosition ?? null,
      bufferEnd: bufferEnd(video),
    };
    if (this.stallGuard.shouldJump(look) && look.syncPosition !== null) {
      video.currentTime = look.syncPosition;
    }
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
