import { useEffect, useState, useSyncExternalStore } from "react";
import { LivePlayer, type PlayerState } from "../play/LivePlayer";

/* A player for this <video> element and its source, as long as both are there. */
export function useLivePlayer(
  video: HTMLVideoElement | null,
  source: string,
  fallbackSource?: string,
): { player: LivePlayer; state: PlayerState } {
  const [player] = useState(() => new LivePlayer());

  useEffect(() => {
    if (video === null) return;
    player.attach(video, fallbackSource === undefined ? [source] : [source, fallbackSource]);
    return () => player.detach();
  }, [player, video, source, fallbackSource]);

  const state = useSyncExternalStore(player.subscribe, player.getState, player.getState);
  return { player, state };
}
