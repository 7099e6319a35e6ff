import { useEffect, useState, useSyncExternalStore } from "react";
import { LivePlayer, type PlayerState } from "../play/LivePlayer";

/* A player for this <video> element and source, as long as both are there. */
export function useLivePlayer(
  video: HTMLVideoElement | null,
  source: string,
): { player: LivePlayer; state: PlayerState } {
  const [player] = useState(() => new LivePlayer());

  useEffect(() => {
    if (video === null) return;
    player.attach(video, source);
    return () => player.detach();
  }, [player, video, source]);

  const state = useSyncExternalStore(player.subscribe, player.getState);
  return { player, state };
}
