import { ApiError } from "../api/problem";
import type { ChannelStatus } from "../api/types";
import { retryDelayMs, type RetryRule } from "../retry";
import type { PageSignals } from "./pageSignals";
import type { PushClient } from "./PushClient";

/*
 * The status of one channel, for everybody on the page who wants it: asked for once, so that it is there
 * soonest, then told by push. While push does not tell it, it is asked for every few seconds.
 */
export interface FeedState {
  /* The last that was told; kept while later questions fail. Null once the channel is gone. */
  data: ChannelStatus | null;
  /* Why it could not be asked for, null while it can, or is told. */
  error: unknown;
}

export interface FeedSource {
  push: Pick<PushClient, "watch" | "isFresh">;
  getStatus: (channelId: number, signal: AbortSignal) => Promise<ChannelStatus>;
  signals: PageSignals;
}

const POLL_MS = 5_000;
/* Something is under way that takes seconds. */
const POLL_SOON_MS = 1_000;
const FAILED: RetryRule = { firstMs: 1_000, factor: 1.5, maxMs: 10_000, tries: Infinity, jitter: 0.3 };

export function pollMs(status: ChannelStatus | null): number {
  const relay = status?.relayStatus;
  const isPassing = relay === "starting" || relay === "reconnecting" || relay === "stopping";
  return isPassing ? POLL_SOON_MS : POLL_MS;
}

const EMPTY: FeedState = { data: null, error: null };

export class ChannelFeed {
  private readonly channelId: number;
  private readonly source: FeedSource;
  private readonly listeners = new Set<() => void>();
  private state: FeedState = EMPTY;
  /* Counts what push told: an answer that was asked for before is older. */
  private told = 0;
  private failures = 0;
  private asking: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stops: (() => void)[] = [];

  constructor(channelId: number, source: FeedSource) {
    this.channelId = channelId;
    this.source = source;
  }

  readonly getState = (): FeedState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.listeners.size === 1) this.start();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.stop();
    };
  };

  /* Asks now: somebody has reason to doubt what was told, or pressed "Try again". */
  readonly refresh = (): void => {
    if (this.listeners.size > 0) void this.ask();
  };

  private start(): void {
    const { push, signals } = this.source;
    this.stops = [
      push.watch(this.channelId, {
        onStatus: (data) => this.onTold({ data, error: null }),
        onDeleted: () => this.onTold({ data: null, error: gone() }),
        onFreshness: (isFresh) => {
          clearTimeout(this.timer);
          if (!isFresh) this.askLater(pollMs(this.state.data));
        },
      }),
      signals.onVisibility(() => {
        clearTimeout(this.timer);
        if (!signals.isHidden() && !push.isFresh(this.channelId)) void this.ask();
      }),
    ];
    void this.ask();
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = null;
    for (const stop of this.stops) stop();
    this.stops = [];
  }

  private set(state: FeedState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }

  private onTold(state: FeedState): void {
    this.told += 1;
    this.failures = 0;
    clearTimeout(this.timer);
    this.set(state);
  }

  private async ask(): Promise<void> {
    if (this.asking !== null) return;
    const asking = new AbortController();
    const told = this.told;
    this.asking = asking;
    clearTimeout(this.timer);
    try {
      const data = await this.source.getStatus(this.channelId, asking.signal);
      if (asking.signal.aborted || told !== this.told) return;
      this.failures = 0;
      this.set({ data, error: null });
      this.askLater(pollMs(data));
    } catch (error) {
      if (asking.signal.aborted || told !== this.told) return;
      this.set({ data: this.state.data, error });
      /* What is not found stays not found, until somebody presses a button. */
      if (error instanceof ApiError && error.isNotFound) return;
      this.askLater(retryDelayMs(FAILED, this.failures++, Math.random()) ?? POLL_MS);
    } finally {
      if (this.asking === asking) this.asking = null;
    }
  }

  private askLater(ms: number): void {
    const { push, signals } = this.source;
    clearTimeout(this.timer);
    if (this.listeners.size === 0 || signals.isHidden() || push.isFresh(this.channelId)) return;
    this.timer = setTimeout(() => void this.ask(), ms);
  }
}

function gone(): ApiError {
  return new ApiError("There is no such channel.", 404, "not_found");
}
