import { LoaderCircle, Play, VolumeX } from "lucide-react";
import { useEffect, useRef, useState, type KeyboardEvent, type ReactElement } from "react";
import { useLivePlayer } from "../hooks/useLivePlayer";
import { useVideoView } from "../hooks/useVideoView";
import type { PlayerState } from "../play/LivePlayer";
import { LatencyBadge } from "./LatencyBadge";
import { PlayerControls, type ControlActions } from "./PlayerControls";
import { StreamPlaceholder } from "./StreamPlaceholder";

interface HLSVideoPlayerProps {
  source: string;
  title: string;
  showLatencyBadge?: boolean;
  /* The publisher is away: the picture stays and a word is said. */
  isReconnecting?: boolean;
  /* The buffer ran dry or the stream failed: the status is worth asking for. */
  onTrouble?: () => void;
}

const CONTROLS_STAY_MS = 2_500;

/* The word over the picture; null while there is nothing to say. */
function overlayText(state: PlayerState, isReconnecting: boolean): string | null {
  if (state.phase === "loading") return "Stream starting…";
  if (state.phase === "waiting") return isReconnecting ? "Reconnecting…" : "Buffering…";
  return isReconnecting ? "Reconnecting…" : null;
}

export function HLSVideoPlayer(props: HLSVideoPlayerProps): ReactElement {
  const { source, title, showLatencyBadge = false, isReconnecting = false, onTrouble } = props;
  const [video, setVideo] = useState<HTMLVideoElement | null>(null);
  const [frame, setFrame] = useState<HTMLDivElement | null>(null);
  const { player, state } = useLivePlayer(video, source);
  const { view, actions } = useVideoView(video, frame);
  const { isShown, show } = useFadingControls(state.phase);

  useEffect(() => {
    if (["waiting", "retrying", "failed"].includes(state.phase)) onTrouble?.();
  }, [state.phase, onTrouble]);

  const all: ControlActions = {
    ...actions,
    togglePlay: () => {
      if (video?.paused === false) video.pause();
      else player.play();
    },
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    show();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = keyAction(event.key, all);
    if (action) action();
  };

  const overlay = overlayText(state, isReconnecting);
  const isBroken = state.phase === "retrying" || state.phase === "failed";
  return (
    <div
      ref={setFrame}
      className={isShown ? "player" : "player player-idle"}
      role="region"
      aria-label={`Player: ${title}`}
      onKeyDown={onKeyDown}
      onPointerMove={show}
      onPointerDown={show}
    >
      {/* Live from a camera: there are no captions to offer. */}
      <video ref={setVideo} muted playsInline aria-label={title} onClick={show} />
      {!isBroken && (
        <div className="player-overlay" role="status" aria-live="polite">
          {overlay !== null && (
            <span className="player-word">
              <LoaderCircle className="spin" aria-hidden="true" />
              {overlay}
            </span>
          )}
        </div>
      )}
      {isBroken && (
        <StreamPlaceholder
          kind="error"
          title="The stream could not be played"
          message={state.phase === "failed" ? "It may be over, or the connection is lost." : undefined}
          retryAtMs={state.retryAtMs}
          onRetry={() => player.retryNow()}
        />
      )}
      {showLatencyBadge && state.hasPicture && !isBroken && (
        <LatencyBadge latencyS={state.latencyS} onGoLive={() => player.play()} />
      )}
      {state.phase === "paused" && (
        <button type="button" className="big-play" aria-label="Play" onClick={all.togglePlay}>
          <Play aria-hidden="true" />
        </button>
      )}
      {view.isMuted && state.hasPicture && state.phase !== "paused" && !isBroken && (
        <button type="button" className="unmute" onClick={all.toggleMute}>
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
