import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ChannelStatus } from "../api/types";
import { FakeEventSource, FakePage, FakeWebSocket, fakeConnections } from "../testing/fakes";
import { statusOf } from "../testing/statusOf";
import { PushClient, type PushListener } from "./PushClient";

interface Heard extends PushListener {
  statuses: ChannelStatus[];
  deleted: number;
  freshness: boolean[];
}

function listener(): Heard {
  const heard: Heard = {
    statuses: [],
    deleted: 0,
    freshness: [],
    onStatus: (status) => heard.statuses.push(status),
    onDeleted: () => (heard.deleted += 1),
    onFreshness: (isFresh) => heard.freshness.push(isFresh),
  };
  return heard;
}

function snapshot(channelId: number, id = "a-1", change: Partial<ChannelStatus> = {}): object {
  return { type: "snapshot", id, channelId, status: statusOf({ channelId, ...change }) };
}

let page: FakePage;
let push: PushClient;

/* Connections that are asked for "now" are opened. */
const settle = (): unknown => vi.advanceTimersByTime(1);

/* Time with heartbeats in it. */
function beat(seconds: number): void {
  for (let s = 0; s < seconds; s++) {
    vi.advanceTimersByTime(1_000);
    if (s % 15 === 14) FakeWebSocket.last.tell({ type: "heartbeat", id: "a-99" });
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  fakeConnections();
  vi.spyOn(Math, "random").mockReturnValue(0);
  page = new FakePage();
  push = new PushClient("https://live.example.org", page);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/* A client that watches the channels by an open WebSocket, each told once. */
function openWith(...channels: number[]): Heard[] {
  const heard = channels.map((id) => {
    const each = listener();
    push.watch(id, each);
    return each;
  });
  settle();
  FakeWebSocket.last.open();
  channels.forEach((id, at) => FakeWebSocket.last.tell(snapshot(id, `a-${at + 1}`)));
  return heard;
}

describe("what is watched", () => {
  it("goes over one connection, asked for in its address", () => {
    push.watch(7, listener());
    push.watch(9, listener());
    push.watch(7, listener());
    settle();
    expect(FakeWebSocket.all).toHaveLength(1);
    expect(FakeWebSocket.last.url.href).toBe("wss://live.example.org/api/v1/events?channels=7%2C9");
  });

  it("is told to everybody who watches it, and to nobody else", () => {
    const [seven, nine] = openWith(7, 9);
    const other = listener();
    push.watch(7, other);
    FakeWebSocket.last.tell({ ...snapshot(7, "a-3", { isLive: true }), type: "status" });
    expect([seven?.statuses.length, other.statuses.length, nine?.statuses.length]).toEqual([2, 1, 1]);
    expect(other.statuses[0]?.isLive).toBe(true);
  });

  it("may grow and shrink while the connection is open", () => {
    openWith(7);
    const stop = push.watch(9, listener());
    stop();
    expect(FakeWebSocket.all).toHaveLength(1);
    expect(FakeWebSocket.last.sent).toEqual([
      { type: "subscribe", channels: [9] },
      { type: "unsubscribe", channels: [9] },
    ]);
  });

  it("is fresh once it was told, until the connection is lost", () => {
    const heard = listener();
    push.watch(7, heard);
    settle();
    FakeWebSocket.last.open();
    expect(push.isFresh(7)).toBe(false);
    FakeWebSocket.last.tell(snapshot(7));
    expect(push.isFresh(7)).toBe(true);
    FakeWebSocket.last.drop();
    expect(push.isFresh(7)).toBe(false);
    expect(heard.freshness).toEqual([true, false]);
  });

  it("may be deleted", () => {
    const [heard] = openWith(7);
    FakeWebSocket.last.tell({ type: "deleted", id: "a-2", channelId: 7 });
    expect(heard?.deleted).toBe(1);
  });

  it("lets the connection go when nothing is left, but not between two pages", () => {
    const stop = push.watch(7, listener());
    settle();
    FakeWebSocket.last.open();
    FakeWebSocket.last.tell(snapshot(7));
    stop();
    vi.advanceTimersByTime(1_000);
    const stopAgain = push.watch(8, listener());
    beat(60);
    expect(FakeWebSocket.last.isClosed).toBe(false);
    stopAgain();
    vi.advanceTimersByTime(3_000);
    expect(FakeWebSocket.last.isClosed).toBe(true);
    expect(FakeWebSocket.all).toHaveLength(1);
  });
});

describe("a connection that is lost", () => {
  it("is opened again after a wait, and asks for what was missed", () => {
    openWith(7, 9);
    FakeWebSocket.last.drop();
    vi.advanceTimersByTime(1_999);
    expect(FakeWebSocket.all).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(FakeWebSocket.last.url.searchParams.get("lastEventId")).toBe("a-2");
    expect(FakeWebSocket.last.url.searchParams.get("channels")).toBe("7,9");
  });

  it("is fresh again at once when it resumes: there may be nothing to tell", () => {
    const [heard] = openWith(7);
    FakeWebSocket.last.drop();
    vi.advanceTimersByTime(2_000);
    FakeWebSocket.last.open();
    expect(push.isFresh(7)).toBe(true);
    expect(heard?.freshness).toEqual([true, false, true]);
  });

  it("asks for snapshots when somebody is new", () => {
    openWith(7);
    FakeWebSocket.last.drop();
    push.watch(9, listener());
    vi.advanceTimersByTime(2_000);
    expect(FakeWebSocket.last.url.searchParams.get("lastEventId")).toBeNull();
    expect(FakeWebSocket.last.url.searchParams.get("channels")).toBe("7,9");
  });

  it("waits longer each time, up to half a minute, and begins anew after a word", () => {
    openWith(7);
    FakeWebSocket.last.drop();
    for (const seconds of [2, 4, 8, 16, 30, 30, 30]) {
      const before = FakeWebSocket.all.length;
      vi.advanceTimersByTime(seconds * 1_000 - 100);
      expect(FakeWebSocket.all).toHaveLength(before);
      vi.advanceTimersByTime(100);
      expect(FakeWebSocket.all).toHaveLength(before + 1);
      FakeWebSocket.last.drop();
      settle();
      FakeEventSource.last.drop();
    }
    vi.advanceTimersByTime(30_000);
    FakeWebSocket.last.open();
    FakeWebSocket.last.tell({ type: "heartbeat", id: "a-9" });
    FakeWebSocket.last.drop();
    const before = FakeWebSocket.all.length;
    vi.advanceTimersByTime(2_000);
    expect(FakeWebSocket.all).toHaveLength(before + 1);
  });

  it("is not opened again at the same moment by everybody", () => {
    vi.spyOn(Math, "random").mockReturnValue(0.999);
    openWith(7);
    FakeWebSocket.last.drop();
    vi.advanceTimersByTime(210);
    expect(FakeWebSocket.all).toHaveLength(2);
  });

  it("is noticed by silence", () => {
    openWith(7);
    for (let i = 0; i < 4; i++) {
      vi.advanceTimersByTime(15_000);
      FakeWebSocket.last.tell({ type: "heartbeat", id: `a-${i + 5}` });
    }
    expect(FakeWebSocket.last.isClosed).toBe(false);
    vi.advanceTimersByTime(34_999);
    expect(FakeWebSocket.last.isClosed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(FakeWebSocket.last.isClosed).toBe(true);
    expect(push.isFresh(7)).toBe(false);
    vi.advanceTimersByTime(2_000);
    expect(FakeWebSocket.last.url.searchParams.get("lastEventId")).toBe("a-8");
  });

  it("says nothing more, late as it may be", () => {
    const [heard] = openWith(7);
    const old = FakeWebSocket.last;
    old.drop();
    old.tell(snapshot(7, "a-9"));
    expect(heard?.statuses).toHaveLength(1);
  });
});

describe("where no WebSocket comes through", () => {
  it("an event stream is opened at once", () => {
    const heard = listener();
    push.watch(7, heard);
    settle();
    FakeWebSocket.last.drop();
    settle();
    expect(FakeEventSource.last.url.href).toBe("https://live.example.org/api/v1/events?channels=7");
    FakeEventSource.last.tell("snapshot", "a-1", { channelId: 7, status: statusOf({}) });
    expect(heard.statuses).toHaveLength(1);
    expect(push.isFresh(7)).toBe(true);
  });

  it("one that opens and says nothing is given up", () => {
    push.watch(7, listener());
    settle();
    FakeWebSocket.last.open();
    vi.advanceTimersByTime(10_000);
    settle();
    expect(FakeWebSocket.last.isClosed).toBe(true);
    expect(FakeEventSource.all).toHaveLength(1);
  });

  it("one that is forbidden here is no way", () => {
    vi.stubGlobal("WebSocket", function forbidden() {
      throw new DOMException("by a policy", "SecurityError");
    });
    push.watch(7, listener());
    settle();
    settle();
    expect(FakeEventSource.all).toHaveLength(1);
  });

  it("the event stream that worked is opened again first, from where it was", () => {
    push.watch(7, listener());
    settle();
    FakeWebSocket.last.drop();
    settle();
    FakeEventSource.last.tell("snapshot", "a-4", { channelId: 7, status: statusOf({}) });
    FakeEventSource.last.drop();
    expect(FakeEventSource.last.isClosed).toBe(true);
    vi.advanceTimersByTime(2_000);
    expect([FakeWebSocket.all.length, FakeEventSource.all.length]).toEqual([1, 2]);
    expect(FakeEventSource.last.url.searchParams.get("lastEventId")).toBe("a-4");
  });

  it("another channel is another stream", () => {
    push.watch(7, listener());
    settle();
    FakeWebSocket.last.drop();
    settle();
    const first = FakeEventSource.last;
    first.tell("snapshot", "a-1", { channelId: 7, status: statusOf({}) });
    push.watch(9, listener());
    expect(first.isClosed).toBe(true);
    expect(FakeEventSource.last.url.searchParams.get("channels")).toBe("7,9");
  });

  it("an error that the server tells is no end", () => {
    push.watch(7, listener());
    settle();
    FakeWebSocket.last.drop();
    settle();
    FakeEventSource.last.tell("error", "", { code: "not_found", message: "no such channel" });
    expect(FakeEventSource.last.isClosed).toBe(false);
    expect(push.isFresh(7)).toBe(false);
  });
});

describe("a page that nobody sees", () => {
  it("lets go after a minute and is told at once when it is seen again", () => {
    openWith(7);
    page.hide(true);
    beat(59);
    expect(FakeWebSocket.last.isClosed).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(FakeWebSocket.last.isClosed).toBe(true);
    vi.advanceTimersByTime(600_000);
    expect(FakeWebSocket.all).toHaveLength(1);
    page.hide(false);
    settle();
    expect(FakeWebSocket.all).toHaveLength(2);
    expect(FakeWebSocket.last.url.searchParams.get("lastEventId")).toBe("a-99");
  });

  it("keeps its connection through a short absence", () => {
    openWith(7);
    page.hide(true);
    beat(40);
    page.hide(false);
    beat(90);
    expect(FakeWebSocket.last.isClosed).toBe(false);
    expect(FakeWebSocket.all).toHaveLength(1);
  });

  it("does not connect in vain", () => {
    openWith(7);
    page.hide(true);
    FakeWebSocket.last.drop();
    vi.advanceTimersByTime(30_000);
    expect(FakeWebSocket.all).toHaveLength(1);
  });

  it("that is put aside holds nothing open", () => {
    openWith(7);
    page.putAside(true);
    expect(FakeWebSocket.last.isClosed).toBe(true);
    page.putAside(false);
    settle();
    expect(FakeWebSocket.all).toHaveLength(2);
  });

  it("does not wait when the network is back", () => {
    openWith(7);
    FakeWebSocket.last.drop();
    page.goOnline();
    settle();
    expect(FakeWebSocket.all).toHaveLength(2);
  });
});
