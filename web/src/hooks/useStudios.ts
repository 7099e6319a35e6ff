import { useCallback } from "react";
import { listChannelPage, type Account } from "../api/client";
import { usePolling } from "./usePolling";

const OWN_MAX = 1_000;
const everyHalfMinute = (): number => 30_000;
const NONE: ReadonlySet<number> = new Set();

/* Into which channels' studios an account may go: an admin into all, a seller into their own. */
export function useStudios(account: Account | null): (channelId: number) => boolean {
  const isSeller = account?.role === "seller";
  const load = useCallback(
    async (signal: AbortSignal) => {
      if (!isSeller) return NONE;
      const { items } = await listChannelPage({ isMine: true, limit: OWN_MAX }, signal);
      return new Set(items.map((channel) => channel.id));
    },
    [isSeller],
  );
  const { data: own } = usePolling(load, everyHalfMinute);
  return (channelId) => account?.role === "admin" || (own?.has(channelId) ?? false);
}
