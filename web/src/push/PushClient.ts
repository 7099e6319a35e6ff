import type { ChannelStatus } from "../api/types";
import { retryDelayMs, type RetryRule } from "../retry";
import type { PushMessage } from "./messages";
import { pageSignals, type PageSignals } from "./pageSignals";
import {
  openEventStream,
  openWebSocket,
  type OpenTransport,
  type Transport,
} from "./transport";

/*
 * The one connection of a page to a server's /api/v1/events, shared by everything on the page.
 *
 *     watch(7) --.                        .-- WebSocket
 *     watch(7) ---+--> channels {7, 9} --+
 *     watch(9) --'                        '-- event stream, where no WebSocket comes through
 *
 * It is open while a channel is watched and the page is seen. A connection that is lost, or silent for longer
 * than two heartbeats, is opened again: after a wait that grows and is different for everybody, because ten
 * thousand pages lose a server at the same moment. What was missed is asked for by the id of the last message.
 * A way that does not open gives place to the other one at once; the wait comes when both have failed.
 *
 * A channel is `fresh` while what was told last is how it is. Who watches asks by other means while it is not.
 */
export interface PushListener {
  onStatus: (status: ChannelStatus) => void;
  onDeleted: () => void;
  onFreshness: (isFresh: boolean) => void;
}

/* A heartbeat comes every 15 s. */
const SILENCE_MS = 35_000;
/* From the request to the first word. */
const FIRST_WORD_MS = 10_000;
/* A page in the background lets go after this; so does one that watches nothing, soon after. */
const HIDDEN_MS = 60_000;
const UNUSED_MS = 3_000;

const RECONNECT: RetryRule = { firstMs: 2_000, factor: 2, maxMs: 30_000, tries: Infinity, jitter: 0.9 };

const WAYS: readonly OpenTransport[] = [openWebSocket, openEventStream];

type Timer = ReturnType<typeof setTimeout>;

export class PushClient {
  private readonly url: URL;
  private readonly signals: PageSignals;
  private readonly listeners = new Map<number, Set<PushListener>>();
  private readonly fresh = new Set<number>();
  /* Channels of which everything up to lastEventId was told. */
  private readonly told = new Set<number>();
  private lastEventId: string | null = null;

  private transport: Transport | null = null;
  /* Counts connections, so that a late word of an old one is known as such. */
  private connection = 0;
  private way = 0;
  private hasSpoken = false;
  private failedWays = 0;
  private attempt = 0;
  private isAside = false;

  private watchdog: Timer | undefined;
  private reconnectTimer: Timer | undefined;
  private hiddenTimer: Timer | undefined;
  private unusedTimer: Timer | undefined;
  private stopSignals: (() => void)[] = [];

  constructor(server: URL | string, signals: PageSignals = pageSignals()) {
    this.url = new URL("/api/v1/events", server);
    this.signals = signals;
  }

  /* Tells `listener` of the channel until the returned function is called. */
  watch(channelId: number, listener: PushListener): () => void {
    const known = this.listeners.get(channelId);
    if (known) {
      known.add(listener);
    } else {
      this.listeners.set(channelId, new Set([listener]));
      this.begin(channelId);
    }
    return () => this.unwatch(channelId, listener);
  }

  isFresh(channelId: number): boolean {
    return this.fresh.has(channelId);
  }

  private begin(channelId: number): void {
    clearTimeout(this.unusedTimer);
    if (this.stopSignals.length === 0) this.listenToPage();
    if (this.transport !== null) this.transport.add([channelId]);
    /* After all that mounts together has asked: their channels go into one request. */
    else if (this.reconnectTimer === undefined) this.connectIn(0);
  }

  private unwatch(channelId: number, listener: PushListener): void {
    const known = this.listeners.get(channelId);
    if (!known?.delete(listener) || known.size > 0) return;
    this.listeners.delete(channelId);
    this.fresh.delete(channelId);
    this.told.delete(channelId);
    this.transport?.remove([channelId]);
    clearTimeout(this.unusedTimer);
    if (this.listeners.size === 0) this.unusedTimer = setTimeout(() => this.end(), UNUSED_MS);
  }

  /* Nothing is watched any more. */
  private end(): void {
    this.disconnect();
    this.lastEventId = null;
    for (const stop of this.stopSignals) stop();
    this.stopSignals = [];
  }

  private listenToPage(): void {
    const { signals } = this;
    this.stopSignals = [
      signals.onVisibility(() => {
        clearTimeout(this.hiddenTimer);
        if (!signals.isHidden()) this.wake();
        else this.hiddenTimer = setTimeout(() => this.disconnect(), HIDDEN_MS);
      }),
      signals.onOnline(() => this.wake()),
      signals.onAside((isAside) => {
        this.isAside = isAside;
        if (isAside) this.disconnect();
        else this.wake();
      }),
    ];
  }

  /* Somebody looks, or there is a network again: no waiting. */
  private wake(): void {
    if (this.transport === null && this.listeners.size > 0) this.connectIn(0);
  }

  private connectIn(ms: number): void {
    clearTimeout(this.reconnectTimer);
    this.reconnectTimer = setTimeout(() => {
      this.reconnectTimer = undefined;
      this.connect();
    }, ms);
  }

  private connect(): void {
    if (this.transport !== null || this.listeners.size === 0) return;
    /* A page that nobody sees waits for wake(). */
    if (this.isAside || this.signals.isHidden()) return;
    const channels = [...this.listeners.keys()];
    const canResume = this.lastEventId !== null && channels.every((id) => this.told.has(id));
    const connection = ++this.connection;
    const isOld = (): boolean => connection !== this.connection;
    this.hasSpoken = false;
    this.watchSilence(FIRST_WORD_MS);
    const open = WAYS[this.way] ?? openWebSocket;
    try {
      this.transport = open(
        { url: this.url, channels, lastEventId: canResume ? this.lastEventId : null },
        {
          onOpen: () => {
            if (!isOld() && canResume) this.onResumed(channels);
          },
          onMessage: (message) => {
            if (!isOld()) this.onMessage(message);
          },
          onOver: () => {
            if (!isOld()) this.onOver();
          },
        },
      );
    } catch {
      /* Forbidden by a policy, or not there in this browser. */
      this.onOver();
    }
  }

  /* What was missed comes now, or nothing was: then there is no word before the next heartbeat. */
  private onResumed(channels: readonly number[]): void {
    this.hasSpoken = true;
    this.watchSilence(SILENCE_MS);
    for (const id of channels) this.setFresh(id);
  }

  private onMessage(message: PushMessage): void {
    this.hasSpoken = true;
    this.failedWays = 0;
    this.attempt = 0;
    this.watchSilence(SILENCE_MS);
    if (message.type === "error") return; /* what it was about stays as it was: not fresh */
    if (message.id !== "") this.lastEventId = message.id;
    if (message.type === "heartbeat") return;
    const listeners = this.listeners.get(message.channelId);
    if (listeners === undefined) return;
    this.told.add(message.channelId);
    for (const listener of listeners) {
      if (message.type === "deleted") listener.onDeleted();
      else listener.onStatus(message.status);
    }
    this.setFresh(message.channelId);
  }

  private onOver(): void {
    const hadSpoken = this.hasSpoken;
    this.disconnect();
    if (!hadSpoken) {
      this.way = (this.way + 1) % WAYS.length;
      this.failedWays += 1;
      if (this.failedWays < WAYS.length) {
        this.connectIn(0);
        return;
      }
      this.failedWays = 0;
    }
    this.connectIn(retryDelayMs(RECONNECT, this.attempt++, Math.random()) ?? RECONNECT.maxMs);
  }

  private disconnect(): void {
    clearTimeout(this.watchdog);
    clearTimeout(this.reconnectTimer);
    clearTimeout(this.hiddenTimer);
    this.reconnectTimer = undefined;
    this.connection += 1;
    this.transport?.close();
    this.transport = null;
    const stale = [...this.fresh];
    this.fresh.clear();
    for (const id of stale) this.listeners.get(id)?.forEach((listener) => listener.onFreshness(false));
  }

  private setFresh(channelId: number): void {
    if (this.fresh.has(channelId)) return;
    this.fresh.add(channelId);
    this.listeners.get(channelId)?.forEach((listener) => listener.onFreshness(true));
  }

  private watchSilence(ms: number): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.onOver(), ms);
  }
}
