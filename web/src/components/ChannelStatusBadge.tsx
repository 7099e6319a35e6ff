import type { ReactElement } from "react";
import type { ChannelStatus } from "../api/types";
import { watchPhase, type WatchPhase } from "../streamState";

const TEXT: Record<WatchPhase, string> = {
  loading: "…",
  offline: "Offline",
  starting: "Starting",
  playing: "Live",
  reconnecting: "Reconnecting",
  ended: "Ended",
  error: "Unavailable",
};

/** The buyer's badge: is there something to watch? */
export function ChannelStatusBadge({ status }: { status: ChannelStatus | null }): ReactElement {
  return <PhaseBadge phase={watchPhase(status)} />;
}

export function PhaseBadge({ phase }: { phase: WatchPhase }): ReactElement {
  return (
    <span className={`stoa-badge stoa-badge-${phase}`}>
      {phase === "playing" && <span className="stoa-pulse" aria-hidden="true" />}
      {TEXT[phase]}
    </span>
  );
}
