import { useSyncExternalStore } from "react";
import type { ChannelStatus } from "../api/types";
import type { Polled } from "./usePolling";
import { useStoaServer } from "./useStoaServer";

/**
 * The status of a channel as it is now: told by push, and asked for every 5 s where no push comes through.
 * All components of a page that name the same channel share one feed, and all channels one connection.
 */
export function useChannelStatus(channelId: number): Polled<ChannelStatus> {
  const feed = useStoaServer().feed(channelId);
  const { data, error } = useSyncExternalStore(feed.subscribe, feed.getState, feed.getState);
  return { data, error, refresh: feed.refresh };
}
