import { useCallback } from "react";
import type { Channel } from "../api/types";
import { usePolling, type Polled } from "./usePolling";
import { useStoaServer } from "./useStoaServer";

const oncePerMinute = (): number => 60_000;

/** What a channel is called and where it is; it seldom changes. */
export function useChannel(channelId: number): Polled<Channel> {
  const server = useStoaServer();
  const load = useCallback(
    (signal: AbortSignal) => server.getChannel(channelId, signal),
    [server, channelId],
  );
  return usePolling(load, oncePerMinute);
}
