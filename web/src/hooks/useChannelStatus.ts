import { useCallback } from "react";
import { getStatus } from "../api/client";
import type { ChannelStatus } from "../api/types";
import { watchPollMs } from "../streamState";
import { usePolling, type Polled } from "./usePolling";

/* The status of a channel, kept fresh at a pace that fits what it says. */
export function useChannelStatus(
  channelId: number,
  waitMs: (status: ChannelStatus | null) => number = watchPollMs,
): Polled<ChannelStatus> {
  const load = useCallback((signal: AbortSignal) => getStatus(channelId, signal), [channelId]);
  return usePolling(load, waitMs);
}
