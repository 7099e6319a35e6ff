import { useEffect, useRef, type ReactElement } from "react";
import type { ChannelStatus } from "../api/types";
import { elapsedMs, formatDuration } from "../format";
import { useNow } from "../hooks/useNow";
import type { PublisherPhase } from "../publish/WebRTCPublisher";
import { isEncoder } from "../streamState";
import { StreamPlaceholder } from "./StreamPlaceholder";

interface StudioPreviewProps {
  stream: MediaStream | null;
  error: string | null;
  phase: PublisherPhase;
  startedAt: string | null;
  /* How somebody else is on air on this channel, null when nobody is. */
  elsewhere: ChannelStatus["ingest"];
  onReopen: () => void;
}

export function StudioPreview(props: StudioPreviewProps): ReactElement {
  const { stream, error, phase, startedAt, elsewhere, onReopen } = props;
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current) video.current.srcObject = stream;
  }, [stream, elsewhere]);

  if (elsewhere !== null) {
    return (
      <div className="stage">
        <StreamPlaceholder
          kind="offline"
          title={isEncoder(elsewhere) ? "On air from your encoder" : "On air from another browser"}
          message="The numbers beside show how it arrives. End stops it for everybody."
        />
        <OnAirTag phase="live" startedAt={startedAt} />
      </div>
    );
  }
  return (
    <div className={phase === "live" ? "stage stage-live" : "stage"}>
      {/* Muted: nobody wants to hear themselves. */}
      <video ref={video} className="mirror" autoPlay muted playsInline aria-label="Camera preview" />
      {error !== null && (
        <StreamPlaceholder kind="error" title="No camera" message={error} onRetry={onReopen} />
      )}
      {error === null && stream === null && (
        <StreamPlaceholder kind="busy" title="Opening the camera…" message="Allow it when the browser asks." />
      )}
      <OnAirTag phase={phase} startedAt={startedAt} />
    </div>
  );
}

const TAGS: Partial<Record<PublisherPhase, { text: string; look: string }>> = {
  connecting: { text: "Connecting…", look: "starting" },
  live: { text: "On air", look: "playing" },
  reconnecting: { text: "Reconnecting…", look: "reconnecting" },
  ending: { text: "Ending…", look: "starting" },
};

function OnAirTag(props: { phase: PublisherPhase; startedAt: string | null }): ReactElement | null {
  const { phase, startedAt } = props;
  const now = useNow(1_000, startedAt !== null);
  const tag = TAGS[phase];
  if (tag === undefined) return null;
  const ms = phase === "live" ? elapsedMs(startedAt, now) : null;
  return (
    <div className="stage-tag">
      <span className={`badge badge-${tag.look}`}>
        {phase === "live" && <span className="pulse" aria-hidden="true" />}
        {tag.text}
      </span>
      {ms !== null && <span className="badge badge-glass">{formatDuration(ms)}</span>}
    </div>
  );
}
