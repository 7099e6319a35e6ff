import { vi } from "vitest";
import type { PageSignals } from "../push/pageSignals";

/* A server's end of a WebSocket, as far as the page can tell. */
export class FakeWebSocket {
  static readonly OPEN = 1;
  static all: FakeWebSocket[] = [];
  readonly url: URL;
  readyState = 0;
  sent: unknown[] = [];
  isClosed = false;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;

  constructor(url: URL) {
    this.url = new URL(url);
    FakeWebSocket.all.push(this);
  }

  static get last(): FakeWebSocket {
    const last = FakeWebSocket.all.at(-1);
    if (last === undefined) throw new Error("no WebSocket was opened");
    return last;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.isClosed = true;
    this.readyState = 3;
  }

  open(): void {
    this.readyState = FakeWebSocket.OPEN;
    this.onopen?.();
  }

  tell(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  drop(): void {
    this.readyState = 3;
    this.onerror?.();
    this.onclose?.();
  }
}

export class FakeEventSource extends EventTarget {
  static all: FakeEventSource[] = [];
  readonly url: URL;
  isClosed = false;
  onopen: (() => void) | null = null;
  onerror: ((event: object) => void) | null = null;

  constructor(url: URL) {
    super();
    this.url = new URL(url);
    FakeEventSource.all.push(this);
  }

  static get last(): FakeEventSource {
    const last = FakeEventSource.all.at(-1);
    if (last === undefined) throw new Error("no event stream was opened");
    return last;
  }

  close(): void {
    this.isClosed = true;
  }

  tell(type: string, id: string, data: object): void {
    const event = Object.assign(new Event(type), { data: JSON.stringify(data), lastEventId: id });
    this.dispatchEvent(event);
    if (type === "error") this.onerror?.(event);
  }

  drop(): void {
    this.onerror?.({});
  }
}

/* The page's signals, moved by the test. */
export class FakePage implements PageSignals {
  isNowHidden = false;
  private readonly visibility = new Set<() => void>();
  private readonly online = new Set<() => void>();
  private readonly aside = new Set<(isAside: boolean) => void>();

  isHidden = (): boolean => this.isNowHidden;
  onVisibility = (listener: () => void): (() => void) => add(this.visibility, listener);
  onOnline = (listener: () => void): (() => void) => add(this.online, listener);
  onAside = (listener: (isAside: boolean) => void): (() => void) => add(this.aside, listener);

  hide(isHidden: boolean): void {
    this.isNowHidden = isHidden;
    for (const listener of this.visibility) listener();
  }

  goOnline(): void {
    for (const listener of this.online) listener();
  }

  putAside(isAside: boolean): void {
    for (const listener of this.aside) listener(isAside);
  }
}

function add<T>(set: Set<T>, value: T): () => void {
  set.add(value);
  return () => set.delete(value);
}

/* Fakes of both ways to be told, for one test. */
export function fakeConnections(): void {
  FakeWebSocket.all = [];
  FakeEventSource.all = [];
  vi.stubGlobal("WebSocket", FakeWebSocket);
  vi.stubGlobal("EventSource", FakeEventSource);
}
