import {
  Maximize,
  Minimize,
  Pause,
  PictureInPicture2,
  Play,
  Volume2,
  VolumeX,
} from "lucide-react";
import type { ReactElement, ReactNode } from "react";
import type { LivePlayer, PlayerState } from "../play/LivePlayer";

export interface VideoView {
  isMuted: boolean;
  volume: number;
  isFullscreen: boolean;
  /* Not in a frame that the page around it does not allow it. */
  canFullscreen: boolean;
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
    <div className="stoa-controls">
      <ControlButton label={isPaused ? "Play" : "Pause"} shortcut="k" onClick={actions.togglePlay}>
        {isPaused ? <Play aria-hidden="true" /> : <Pause aria-hidden="true" />}
      </ControlButton>
      <ControlButton
        label={isSilent ? "Turn sound on" : "Mute"}
        shortcut="m"
        onClick={actions.toggleMute}
      >
        {isSilent ? <VolumeX aria-hidden="true" /> : <Volume2 aria-hidden="true" />}
      </ControlButton>
      <input
        className="stoa-volume"
        type="range"
        min={0}
        max={1}
        step={0.05}
        aria-label="Volume"
        value={view.isMuted ? 0 : view.volume}
        onChange={(event) => actions.setVolume(event.currentTarget.valueAsNumber)}
      />
      <span className="stoa-controls-gap" />
      <CaptionMenu player={player} state={state} />
      <QualityMenu player={player} state={state} />
      {view.canPictureInPicture && (
        <ControlButton
          label="Picture in picture"
          shortcut="p"
          onClick={actions.togglePictureInPicture}
        >
          <PictureInPicture2 aria-hidden="true" />
        </ControlButton>
      )}
      {view.canFullscreen && (
        <ControlButton
          label={view.isFullscreen ? "Leave full screen" : "Full screen"}
          shortcut="f"
          onClick={actions.toggleFullscreen}
        >
          {view.isFullscreen ? <Minimize aria-hidden="true" /> : <Maximize aria-hidden="true" />}
        </ControlButton>
      )}
    </div>
  );
}

interface ControlButtonProps {
  label: string;
  shortcut: string;
  onClick: () => void;
  children: ReactNode;
}

function ControlButton({ label, shortcut, onClick, children }: ControlButtonProps): ReactElement {
  return (
    <button
      type="button"
      className="stoa-control"
      aria-label={label}
      aria-keyshortcuts={shortcut}
      title={`${label} (${shortcut})`}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

interface MenuProps {
  player: LivePlayer;
  state: PlayerState;
}

/* Only when the stream has captions or subtitles. */
function CaptionMenu({ player, state }: MenuProps): ReactElement | null {
  if (state.captions.length === 0) return null;
  return (
    <select
      className="stoa-control-select"
      aria-label="Captions"
      value={state.shownCaptions}
      onChange={(event) => player.setCaptions(Number(event.currentTarget.value))}
    >
      <option value={-1}>Captions off</option>
      {state.captions.map((track) => (
        <option key={track.index} value={track.index}>
          {track.label}
        </option>
      ))}
    </select>
  );
}

/* Only when there is something to choose. */
function QualityMenu({ player, state }: MenuProps): ReactElement | null {
  if (state.qualities.length < 2) return null;
  const shown = state.qualities.find(({ index }) => index === state.shownQuality);
  return (
    <select
      className="stoa-control-select"
      aria-label="Quality"
      value={state.quality}
      onChange={(event) => player.setQuality(Number(event.currentTarget.value))}
    >
      <option value={-1}>{shown ? `Auto (${shown.label})` : "Auto"}</option>
      {state.qualities.map((quality) => (
        <option key={quality.index} value={quality.index}>
          {quality.label}
        </option>
      ))}
    </select>
  );
}
