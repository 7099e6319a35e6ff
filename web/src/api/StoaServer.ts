import { ChannelFeed } from "../push/ChannelFeed";
import { pageSignals } from "../push/pageSignals";
import { PushClient } from "../push/PushClient";
import { ApiError, errorFromResponse, UNREACHABLE } from "./problem";
import type { Channel, ChannelStatus } from "./types";

/*
 * What everybody may read of one server: the page's own, or another one when the page is a shop's. No key
 * goes along.
 */
const REQUEST_TIMEOUT_MS = 10_000;

/* AbortSignal.any() would say it in a line, and is missing in the phones of 2023. */
async function fetchInTime(url: URL, signal?: AbortSignal): Promise<Response> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  const timer = setTimeout(end, REQUEST_TIMEOUT_MS);
  signal?.addEventListener("abort", end);
  try {
    signal?.throwIfAborted();
    const headers = { Accept: "application/json" };
    return await fetch(url, { headers, cache: "no-cache", signal: ending.signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(UNREACHABLE, 0, "unreachable");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

export class StoaServer {
  readonly url: URL;
  private readonly push: PushClient;
  private readonly feeds = new Map<number, ChannelFeed>();

  constructor(url: URL) {
    this.url = url;
    this.push = new PushClient(url);
  }

  /* The status of a channel; all who ask share one. */
  feed(channelId: number): ChannelFeed {
    let feed = this.feeds.get(channelId);
    if (feed === undefined) {
      feed = new ChannelFeed(channelId, {
        push: this.push,
        getStatus: (id, signal) => this.getStatus(id, signal),
        signals: pageSignals(),
      });
      this.feeds.set(channelId, feed);
    }
    return feed;
  }

  async getStatus(channelId: number, signal?: AbortSignal): Promise<ChannelStatus> {
    return (await this.get(`/api/v1/channels/${channelId}/status`, signal)) as ChannelStatus;
  }

  async getChannel(channelId: number, signal?: AbortSignal): Promise<Channel> {
    return (await this.get(`/api/v1/channels/${channelId}`, signal)) as Channel;
  }

  /* Where a channel plays. The status names the place, relative to the server when it is the server's own. */
  playbackUrl(status: Pick<ChannelStatus, "channelId" | "hlsPlaybackUrl">): string {
    const path = status.hlsPlaybackUrl ?? `/hls/${status.channelId}/index.m3u8`;
    return new URL(path, this.url).href;
  }

  private async get(path: string, signal?: AbortSignal): Promise<unknown> {
    const response = await fetchInTime(new URL(path, this.url), signal);
    if (!response.ok) throw await errorFromResponse(response);
    try {
      const value: unknown = await response.json();
      return value;
    } catch {
      throw new ApiError("The server's answer could not be read.", response.status, "bad_answer");
    }
  }
}

const servers = new Map<string, StoaServer>();

/* The server at an address like "https://live.example.org"; one object, and one connection, for each. */
export function stoaServerAt(address: string): StoaServer {
  const url = new URL("/", address);
  let server = servers.get(url.href);
  if (server === undefined) {
    server = new StoaServer(url);
    servers.set(url.href, server);
  }
  return server;
}
