import { listChannels } from "../api/client";
import type { Channel } from "../api/types";
import { usePolling, type Polled } from "./usePolling";

const everyFiveSeconds = (): number => 5_000;

export function useChannels(): Polled<Channel[]> {
  return usePolling(listChannels, everyFiveSeconds);
}
