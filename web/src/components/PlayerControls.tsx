import {
  Maximize,
  Minimize,
  Pause,
  PictureInPicture2,
  Play,
  Volume2,
  VolumeX,
} from "lucide-react";
import type { ReactElement } from "react";
import type { LivePlayer, PlayerState } from "../play/LivePlayer";

export interface VideoView {
  isMuted: boolean;
  volume: number;
  isFullscreen: boolean;
  canPictureInPicture: boolean;
}

export interface ControlActions {
  togglePlay: () => void;
  toggleMute: () => void;
  setVolume: (volume: number) => void;
  toggleFullscreen: () => void;
  togglePictureInPicture: () => void;
}

interface PlayerControlsProps {
  player: LivePlayer;
  state: PlayerState;
  view: VideoView;
  actions: ControlActions;
}

export function PlayerControls({ player, state, view, actions }: PlayerControlsProps): ReactElement {
  const isPaused = state.phase === "paused";
  const isSilent = view.isMuted || view.volume === 0;
  return (
    <div className="controls">
      <button
        type="button"
        className="control"
        aria-label={isPaused ? "Play" : "Pause"}
        aria-keyshortcuts="k"
        onClick={actions.togglePlay}
      >
        {isPaused ? <Play aria-hidden="true" /> : <Pause aria-hidden="true" />}
      </button>
      <button
        type="button"
        className="control"
        aria-label={isSilent ? "Turn sound on" : "Mute"}
        aria-keyshortcuts="m"
        onClick={actions.toggleMute}
      >
        {isSilent ? <VolumeX aria-hidden="true" /> : <Volume2 aria-hidden="true" />}
      </button>
      <input
        className="volume"
        type="range"
        min={0}
        max={1}
        step={0.05}
        aria-label="Volume"
        value={view.isMuted ? 0 : view.volume}
        onChange={(event) => actions.setVolume(event.target.valueAsNumber)}
      />
      <span className="controls-gap" />
      {state.qualities.length > 1 && (
        <select
          className="control-select"
          aria-label="Quality"
          value={state.quality}
          onChange={(event) => player.setQuality(Number(event.target.value))}
        >
          <option value={-1}>Auto</option>
          {state.qualities.map((quality) => (
            <option key={quality.index} value={quality.index}>
              {quality.label}
            </option>
          ))}
        </select>
      )}
      {view.canPictureInPicture && (
        <button
          type="button"
          className="control"
          aria-label="Picture in picture"
          aria-keyshortcuts="p"
          onClick={actions.togglePictureInPicture}
        >
          <PictureInPicture2 aria-hidden="true" />
        </button>
      )}
      <button
        type="button"
        className="control"
        aria-label={view.isFullscreen ? "Leave full screen" : "Full screen"}
        aria-keyshortcuts="f"
        onClick={actions.toggleFullscreen}
      >
        {view.isFullscreen ? <Minimize aria-hidden="true" /> : <Maximize aria-hidden="true" />}
      </button>
    </div>
  );
}
