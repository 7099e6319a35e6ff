import type { ChannelStatus, RelayStatus } from "./api/types";

/*
 * What a channel's status means to the two kinds of people who look at it: the host sees the state of the
 * relay, the buyer sees whether there is something to watch.
 */
export type Tone = "live" | "busy" | "warn" | "bad" | "off";

export interface StateLabel {
  text: string;
  tone: Tone;
  /* A turning ring beside the text: something is under way. */
  spinning: boolean;
  /* Only for errors: the reason as the server tells it. */
  reason: string | null;
}

function label(text: string, tone: Tone, spinning = false, reason: string | null = null): StateLabel {
  return { text, tone, spinning, reason };
}

/* OBS and the like, as opposed to a browser. */
export function isEncoder(ingest: ChannelStatus["ingest"]): boolean {
  return ingest === "rtmp" || ingest === "rtmps";
}

type RelayView = Pick<ChannelStatus, "relayStatus" | "isLive" | "relayError">;

/* The host's light. */
export function hostLabel(status: RelayView | null): StateLabel {
  if (status?.relayStatus == null) return label("Not streaming", "off");
  switch (status.relayStatus) {
    case "starting":
      return label("Starting…", "busy", true);
    case "active":
      return status.isLive ? label("Live", "live") : label("Processing…", "busy", true);
    case "reconnecting":
      return label("Reconnecting…", "warn", true);
    case "stopping":
      return label("Ending…", "busy", true);
    case "stopped":
      return label("Stream ended", "off");
    case "error":
      return label("Error", "bad", false, status.relayError);
    default:
      return label("Unknown", "off");
  }
}

/* What the watch page shows in the player's place. */
export type WatchPhase =
  | "loading"
  | "offline"
  | "starting"
  | "playing"
  | "reconnecting"
  | "ended"
  | "error";

const COMING: readonly (RelayStatus | null)[] = ["starting", "active", "reconnecting"];

export function watchPhase(status: ChannelStatus | null): WatchPhase {
  if (status === null) return "loading";
  /* A relay that failed may leave the channel on air; what can still be played is played. */
  if (status.isLive) return status.relayStatus === "reconnecting" ? "reconnecting" : "playing";
  if (status.relayStatus === "error") return "error";
  if (COMING.includes(status.relayStatus)) return "starting";
  return status.endedAt !== null ? "ended" : "offline";
}
