import { useEffect, useState, type ReactElement } from "react";
import { ApiError, sentenceOf } from "../api/problem";
import type { ChannelStatus } from "../api/types";
import { elapsedMs, formatClock, formatSpan } from "../format";
import { useChannelStatus } from "../hooks/useChannelStatus";
import type { Polled } from "../hooks/usePolling";
import { useStoaServer } from "../hooks/useStoaServer";
import { playsHlsNatively, preloadHls } from "../play/LivePlayer";
import { watchPhase, type WatchPhase } from "../streamState";
import { HLSVideoPlayer } from "./HLSVideoPlayer";
import { StreamPlaceholder } from "./StreamPlaceholder";

export interface LiveStageProps {
  channelId: number;
  /** What the channel is called; for screen readers. */
  title: string;
  showLatencyBadge?: boolean;
  /** Each status as it is told. */
  onStatus?: (status: ChannelStatus) => void;
  /** What is shown now: the player, or why there is none. */
  onPhase?: (phase: WatchPhase) => void;
}

/* What is still in the buffer when the stream ends is played before the end is told. */
const PLAY_OUT_MS = 1_500;

/**
 * The place of a channel's picture, from before the broadcast to after it: the player while there is something
 * to play, and otherwise the truth about why there is not.
 */
export function LiveStage(props: LiveStageProps): ReactElement {
  const { channelId, title, showLatencyBadge = false, onStatus, onPhase } = props;
  const polled = useChannelStatus(channelId);
  const shown = usePlayedOut(polled.data);
  const phase = watchPhase(shown);

  useEffect(() => {
    if (!playsHlsNatively()) preloadHls().catch(() => undefined);
  }, []);
  useEffect(() => {
    if (polled.data !== null) onStatus?.(polled.data);
  }, [polled.data, onStatus]);
  useEffect(() => onPhase?.(phase), [phase, onPhase]);

  return (
    <div className="stoa-stage">
      {shown !== null && (phase === "playing" || phase === "reconnecting") ? (
        <Picture
          shown={shown}
          title={title}
          showLatencyBadge={showLatencyBadge}
          isReconnecting={polled.data?.relayStatus === "reconnecting"}
          onTrouble={polled.refresh}
        />
      ) : (
        <NoPicture phase={phase} shown={shown} polled={polled} />
      )}
    </div>
  );
}

interface PictureProps {
  shown: ChannelStatus;
  title: string;
  showLatencyBadge: boolean;
  isReconnecting: boolean;
  onTrouble: () => void;
}

function Picture({ shown, ...props }: PictureProps): ReactElement {
  const server = useStoaServer();
  /* A new broadcast begins a playlist of its own: a new player. */
  return <HLSVideoPlayer key={shown.startedAt} source={server.playbackUrl(shown)} {...props} />;
}

interface NoPictureProps {
  phase: WatchPhase;
  shown: ChannelStatus | null;
  polled: Polled<ChannelStatus>;
}

function NoPicture({ phase, shown, polled }: NoPictureProps): ReactElement {
  const { error, refresh } = polled;
  switch (phase) {
    case "starting":
      return <StreamPlaceholder kind="busy" title="Stream starting…" message="It plays by itself." />;
    case "ended":
      return <StreamPlaceholder kind="ended" title="Stream ended" message={<Ended status={shown} />} />;
    case "error":
      return (
        <StreamPlaceholder
          kind="error"
          title="The stream has a problem"
          message={shown?.relayError ?? "It starts by itself when the problem is solved."}
          onRetry={refresh}
        />
      );
    case "loading":
      return <Unknown error={error} refresh={refresh} />;
    default:
      return (
        <StreamPlaceholder
          kind="offline"
          title="Not live yet"
          message="Stay on this page: the stream starts by itself."
        />
      );
  }
}

/* Nothing was told yet. */
function Unknown({ error, refresh }: { error: unknown; refresh: () => void }): ReactElement {
  if (error === null) return <StreamPlaceholder kind="busy" title="Connecting…" />;
  const isNotThere = error instanceof ApiError && error.isNotFound;
  return (
    <StreamPlaceholder
      kind="error"
      title={isNotThere ? "There is no such channel" : "Connecting…"}
      message={isNotThere ? "The link may be old, or the channel was deleted." : sentenceOf(error)}
      onRetry={refresh}
    />
  );
}

function Ended({ status }: { status: ChannelStatus | null }): ReactElement | null {
  const endedAt = status?.endedAt ?? null;
  if (status === null || endedAt === null) return null;
  const lastedMs = elapsedMs(status.startedAt, Date.parse(endedAt));
  const lasted = lastedMs === null ? "" : `It lasted ${formatSpan(lastedMs)}. `;
  return (
    <>
      Ended at <time dateTime={endedAt}>{formatClock(endedAt, new Date())}</time>. {lasted}
      If it comes back, it plays here by itself.
    </>
  );
}

/* The status, but "it is over" comes a moment later when something was playing. */
function usePlayedOut(status: ChannelStatus | null): ChannelStatus | null {
  const [lastLive, setLastLive] = useState<ChannelStatus | null>(null);
  const isLive = status?.isLive === true;
  if (isLive && lastLive !== status) setLastLive(status);
  useEffect(() => {
    if (isLive) return;
    const timer = setTimeout(() => setLastLive(null), PLAY_OUT_MS);
    return () => clearTimeout(timer);
  }, [isLive]);
  return isLive ? status : (lastLive ?? status);
}
