import { LoaderCircle, Play, VolumeX } from "lucide-react";
import { useEffect, useRef, useState, type KeyboardEvent, type ReactElement } from "react";
import { useLivePlayer } from "../hooks/useLivePlayer";
import { useVideoView } from "../hooks/useVideoView";
import type { PlayerState } from "../play/LivePlayer";
import { LatencyBadge } from "./LatencyBadge";
import { LiveRegion } from "./LiveRegion";
import { PlayerControls, type ControlActions } from "./PlayerControls";
import { StreamPlaceholder } from "./StreamPlaceholder";

export interface HLSVideoPlayerProps {
  /** The address of a multivariant or media playlist. */
  source: string;
  /** Played when `source` fails, within seconds, and as long as it does. */
  fallbackSource?: string | undefined;
  /** What the stream is called; for screen readers. */
  title: string;
  showLatencyBadge?: boolean;
  /** The publisher is away: the picture stays and a word is said. */
  isReconnecting?: boolean;
  /** The buffer ran dry or the stream failed: the status is worth asking for. */
  onTrouble?: () => void;
  /** It plays from the fallback now, or from the primary source again. */
  onFailover?: (isOnFallback: boolean) => void;
}

const CONTROLS_STAY_MS = 2_500;
const BROKEN = "The stream could not be played";

/* The word over the picture; null while there is nothing to say. */
function overlayText(state: PlayerState, isReconnecting: boolean): string | null {
  if (state.phase === "loading") {
    return state.sourceIndex === 0 ? "Stream starting…" : "Trying another source…";
  }
  if (state.phase === "waiting") return isReconnecting ? "Reconnecting…" : "Buffering…";
  return isReconnecting ? "Reconnecting…" : null;
}

/* What screen readers are told. A broken stream is told by its placeholder. */
function spokenText(state: PlayerState, overlay: string | null): string {
  if (state.phase === "retrying" || state.phase === "failed") return "";
  return overlay ?? (state.phase === "paused" ? "Paused" : "Playing live");
}

/** Plays one live HLS stream, fills the positioned box that it stands in, and heals what can be healed. */
export function HLSVideoPlayer(props: HLSVideoPlayerProps): ReactElement {
  const { source, fallbackSource, title, showLatencyBadge = false } = props;
  const { isReconnecting = false, onTrouble, onFailover } = props;
  const [video, setVideo] = useState<HTMLVideoElement | null>(null);
  const [frame, setFrame] = useState<HTMLDivElement | null>(null);
  const { player, state } = useLivePlayer(video, source, fallbackSource);
  const { view, actions } = useVideoView(video, frame);
  const { isShown, show } = useFadingControls(state.phase);
  useTellings(state, onTrouble, onFailover);

  const all: ControlActions = {
    ...actions,
    togglePlay: () => {
      if (video?.paused === false) video.pause();
      else player.play();
    },
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    show();
    if (event.ctrlKey || event.metaKey || event.altKey || isChoice(event.target)) return;
    keyAction(event.key, all)?.();
  };

  const overlay = overlayText(state, isReconnecting);
  const isBroken = state.phase === "retrying" || state.phase === "failed";
  return (
    <div
      ref={setFrame}
      className={isShown ? "stoa-player" : "stoa-player stoa-player-idle"}
      role="region"
      aria-label={title === "" ? "Player" : `Player: ${title}`}
      onKeyDown={onKeyDown}
      onPointerMove={show}
      onPointerDown={show}
    >
      <LiveRegion text={spokenText(state, overlay)} />
      <video ref={setVideo} muted playsInline aria-label={title || "Live stream"} onClick={show} />
      {!isBroken && overlay !== null && (
        <div className="stoa-player-overlay" aria-hidden="true">
          <span className="stoa-player-word">
            <LoaderCircle className="stoa-spin" />
            {overlay}
          </span>
        </div>
      )}
      {isBroken && (
        <StreamPlaceholder
          kind="error"
          title={BROKEN}
          message={state.phase === "failed" ? "It may be over, or the connection is lost." : undefined}
          retryAtMs={state.retryAtMs}
          onRetry={() => player.retryNow()}
        />
      )}
      {showLatencyBadge && state.hasPicture && !isBroken && (
        <LatencyBadge latencyS={state.latencyS} onGoLive={() => player.play()} />
      )}
      {state.phase === "paused" && (
        <button type="button" className="stoa-big-play" aria-label="Play" onClick={all.togglePlay}>
          <Play aria-hidden="true" />
        </button>
      )}
      {view.isMuted && state.hasPicture && state.phase !== "paused" && !isBroken && (
        <button type="button" className="stoa-unmute" onClick={all.toggleMute}>
          <VolumeX aria-hidden="true" />
          Tap for sound
        </button>
      )}
      {state.hasPicture && !isBroken && (
        <PlayerControls player={player} state={state} view={view} actions={all} />
      )}
    </div>
  );
}

/* In a list of choices letters choose, and the volume has keys of its own. */
function isChoice(target: EventTarget): boolean {
  return target instanceof HTMLSelectElement;
}

function keyAction(key: string, actions: ControlActions): (() => void) | undefined {
  switch (key.toLowerCase()) {
    case "k":
      return actions.togglePlay;
    case "m":
      return actions.toggleMute;
    case "f":
      return actions.toggleFullscreen;
    case "p":
      return actions.togglePictureInPicture;
    default:
      return undefined;
  }
}

/* Tells the owner what it asked to be told. */
function useTellings(
  { phase, sourceIndex }: PlayerState,
  onTrouble: (() => void) | undefined,
  onFailover: ((isOnFallback: boolean) => void) | undefined,
): void {
  useEffect(() => {
    if (["waiting", "retrying", "failed"].includes(phase)) onTrouble?.();
  }, [phase, onTrouble]);

  const toldIndex = useRef(0);
  useEffect(() => {
    if (sourceIndex === toldIndex.current) return;
    toldIndex.current = sourceIndex;
    onFailover?.(sourceIndex > 0);
  }, [sourceIndex, onFailover]);
}

/* Controls come with a movement, a touch or a key, and go when the video plays on its own. */
function useFadingControls(phase: PlayerState["phase"]): { isShown: boolean; show: () => void } {
  const [isTouched, setTouched] = useState(true);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const show = (): void => {
    setTouched(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setTouched(false), CONTROLS_STAY_MS);
  };
  useEffect(() => {
    timer.current = setTimeout(() => setTouched(false), CONTROLS_STAY_MS);
    return () => clearTimeout(timer.current);
  }, []);
  return { isShown: isTouched || phase !== "playing", show };
}
