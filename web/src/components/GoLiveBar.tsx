import { Mic, MicOff, Radio, Square, Video, VideoOff } from "lucide-react";
import { useEffect, useState, type ReactElement } from "react";
import type { PublisherPhase } from "../publish/WebRTCPublisher";
import { LevelMeter } from "./LevelMeter";

interface GoLiveBarProps {
  stream: MediaStream | null;
  phase: PublisherPhase;
  isElsewhere: boolean;
  /* The server is being asked. */
  isBusy: boolean;
  onGoLive: () => void;
  onEnd: () => void;
}

/* Microphone, camera, and the one big button. */
export function GoLiveBar(props: GoLiveBarProps): ReactElement {
  const { stream, phase, isElsewhere, isBusy, onGoLive, onEnd } = props;
  const [isMicOn, setMicOn] = useState(true);
  const [isCameraOn, setCameraOn] = useState(true);

  /* Another device that opens while one is off starts off as well. */
  useEffect(() => {
    for (const track of stream?.getAudioTracks() ?? []) track.enabled = isMicOn;
    for (const track of stream?.getVideoTracks() ?? []) track.enabled = isCameraOn;
  }, [stream, isMicOn, isCameraOn]);

  const isIdle = phase === "idle" || phase === "failed";
  return (
    <div className="live-bar">
      <button
        type="button"
        className={isMicOn ? "round-button" : "round-button is-off"}
        aria-label={isMicOn ? "Mute the microphone" : "Turn the microphone on"}
        onClick={() => setMicOn(!isMicOn)}
      >
        {isMicOn ? <Mic aria-hidden="true" /> : <MicOff aria-hidden="true" />}
      </button>
      <LevelMeter stream={stream} />
      <button
        type="button"
        className={isCameraOn ? "round-button" : "round-button is-off"}
        aria-label={isCameraOn ? "Turn the camera off" : "Turn the camera on"}
        onClick={() => setCameraOn(!isCameraOn)}
      >
        {isCameraOn ? <Video aria-hidden="true" /> : <VideoOff aria-hidden="true" />}
      </button>
      {isIdle && !isElsewhere ? (
        <button
          type="button"
          className="button button-live button-large"
          disabled={stream === null || isBusy}
          onClick={onGoLive}
        >
          <Radio aria-hidden="true" />
          {isBusy ? "Starting…" : "Go live"}
        </button>
      ) : (
        <button
          type="button"
          className="button button-end button-large"
          disabled={phase === "ending"}
          onClick={onEnd}
        >
          <Square aria-hidden="true" />
          {phase === "ending" ? "Ending…" : "End"}
        </button>
      )}
    </div>
  );
}
