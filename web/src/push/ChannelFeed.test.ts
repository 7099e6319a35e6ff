import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/problem";
import type { ChannelStatus } from "../api/types";
import { FakePage } from "../testing/fakes";
import { statusOf } from "../testing/statusOf";
import { ChannelFeed, pollMs } from "./ChannelFeed";
import type { PushListener } from "./PushClient";

/* The push client's side, moved by the test. */
class FakePush {
  listener: PushListener | null = null;
  isNowFresh = false;
  watch = (_id: number, listener: PushListener): (() => void) => {
    this.listener = listener;
    return () => (this.listener = null);
  };
  isFresh = (): boolean => this.isNowFresh;

  tell(status: ChannelStatus): void {
    this.listener?.onStatus(status);
    this.setFresh(true);
  }

  setFresh(isFresh: boolean): void {
    this.isNowFresh = isFresh;
    this.listener?.onFreshness(isFresh);
  }
}

let page: FakePage;
let push: FakePush;
let getStatus: ReturnType<typeof vi.fn<() => Promise<ChannelStatus>>>;
let feed: ChannelFeed;
let stop: () => void;

/* Timers and what they began. */
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0);
  page = new FakePage();
  push = new FakePush();
  getStatus = vi.fn(() => Promise.resolve(statusOf({ viewerCount: 1 })));
  feed = new ChannelFeed(7, { push, getStatus, signals: page });
  stop = () => undefined;
});
afterEach(() => {
  stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("a channel's feed", () => {
  it("asks once, and no more while push tells", async () => {
    stop = feed.subscribe(() => undefined);
    await pass(0);
    expect(feed.getState().data?.viewerCount).toBe(1);
    push.tell(statusOf({ viewerCount: 2 }));
    expect(feed.getState().data?.viewerCount).toBe(2);
    await pass(60_000);
    expect(getStatus).toHaveBeenCalledTimes(1);
  });

  it("asks every five seconds where nothing is pushed", async () => {
    stop = feed.subscribe(() => undefined);
    await pass(15_000);
    expect(getStatus).toHaveBeenCalledTimes(4);
  });

  it("asks again some seconds after the connection is lost", async () => {
    stop = feed.subscribe(() => undefined);
    push.tell(statusOf({}));
    await pass(0);
    push.setFresh(false);
    await pass(4_999);
    expect(getStatus).toHaveBeenCalledTimes(1);
    await pass(1);
    expect(getStatus).toHaveBeenCalledTimes(2);
  });

  it("does not take an old answer for the newest", async () => {
    let answer: (status: ChannelStatus) => void = () => undefined;
    getStatus.mockReturnValue(new Promise((resolve) => (answer = resolve)));
    stop = feed.subscribe(() => undefined);
    push.tell(statusOf({ isLive: true }));
    answer(statusOf({ isLive: false }));
    await pass(0);
    expect(feed.getState().data?.isLive).toBe(true);
  });

  it("tells why nothing is known, keeps what was known, and tries again", async () => {
    stop = feed.subscribe(() => undefined);
    await pass(0);
    getStatus.mockRejectedValue(new ApiError("gone fishing", 503, "busy"));
    await pass(5_000);
    expect(feed.getState()).toMatchObject({ data: { viewerCount: 1 }, error: { status: 503 } });
    getStatus.mockResolvedValue(statusOf({}));
    await pass(1_000);
    expect(feed.getState().error).toBeNull();
  });

  it("does not ask again for what is not there", async () => {
    getStatus.mockRejectedValue(new ApiError("no", 404, "not_found"));
    stop = feed.subscribe(() => undefined);
    await pass(60_000);
    expect(getStatus).toHaveBeenCalledTimes(1);
    feed.refresh();
    expect(getStatus).toHaveBeenCalledTimes(2);
  });

  it("says that a deleted channel is not there", async () => {
    stop = feed.subscribe(() => undefined);
    await pass(0);
    push.listener?.onDeleted();
    expect(feed.getState()).toMatchObject({ data: null, error: { status: 404 } });
  });

  it("rests while nobody looks and asks at once when somebody does", async () => {
    stop = feed.subscribe(() => undefined);
    await pass(0);
    page.hide(true);
    await pass(60_000);
    expect(getStatus).toHaveBeenCalledTimes(1);
    page.hide(false);
    expect(getStatus).toHaveBeenCalledTimes(2);
  });

  it("is one for all who subscribe, and ends with the last", async () => {
    const stops = [feed.subscribe(() => undefined), feed.subscribe(() => undefined)];
    await pass(0);
    expect(getStatus).toHaveBeenCalledTimes(1);
    stops.forEach((each) => each());
    expect(push.listener).toBeNull();
    await pass(60_000);
    expect(getStatus).toHaveBeenCalledTimes(1);
  });
});

describe("how often is asked", () => {
  it("is every second while something passes by", () => {
    expect(pollMs(statusOf({ relayStatus: "starting" }))).toBe(1_000);
    expect(pollMs(statusOf({ relayStatus: "reconnecting", isLive: true }))).toBe(1_000);
    expect(pollMs(statusOf({ relayStatus: "active", isLive: true }))).toBe(5_000);
    expect(pollMs(null)).toBe(5_000);
  });
});
