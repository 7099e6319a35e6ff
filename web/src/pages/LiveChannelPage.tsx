import { Link2, Users } from "lucide-react";
import { useCallback, useEffect, useState, type ReactElement } from "react";
import { getChannel } from "../api/client";
import { ApiError, sentenceOf } from "../api/problem";
import type { ChannelStatus } from "../api/types";
import { ChannelStatusBadge } from "../components/ChannelStatusBadge";
import { HLSVideoPlayer } from "../components/HLSVideoPlayer";
import { Layout } from "../components/Layout";
import { StreamPlaceholder } from "../components/StreamPlaceholder";
import { elapsedMs, formatClock, formatSpan, formatViewers } from "../format";
import { useChannelStatus } from "../hooks/useChannelStatus";
import { useDocumentTitle } from "../hooks/useDocumentTitle";
import { useNow } from "../hooks/useNow";
import { usePolling } from "../hooks/usePolling";
import { playsHlsNatively, preloadHls } from "../play/LivePlayer";
import { watchPhase } from "../streamState";
import { MissingPage } from "./MissingPage";

const oncePerMinute = (): number => 60_000;
/* What is still in the buffer when the stream ends is played before the end is told. */
const PLAY_OUT_MS = 1_500;

/* The buyer's page: HLS by default, nothing to choose. */
export function LiveChannelPage({ channelId }: { channelId: number }): ReactElement {
  const { data: status, error, refresh } = useChannelStatus(channelId);
  const load = useCallback(
    (signal: AbortSignal) => getChannel(channelId, null, signal),
    [channelId],
  );
  const { data: channel } = usePolling(load, oncePerMinute);
  const title = channel?.title ?? "";
  useDocumentTitle(title);

  useEffect(() => {
    if (!playsHlsNatively()) preloadHls().catch(() => undefined);
  }, []);

  if (status === null && error instanceof ApiError && error.isNotFound) {
    return <MissingPage sentence="There is no such channel." />;
  }
  return (
    <Layout isWide>
      <div className="stage">
        <Stage status={status} title={title} error={error} refresh={refresh} />
      </div>
      <ChannelHeader title={title} status={status} />
    </Layout>
  );
}

interface StageProps {
  status: ChannelStatus | null;
  title: string;
  error: unknown;
  refresh: () => void;
}

function Stage({ status, title, error, refresh }: StageProps): ReactElement {
  const shown = usePlayedOut(status);
  const phase = watchPhase(shown);
  if (shown !== null && (phase === "playing" || phase === "reconnecting")) {
    const source = shown.hlsPlaybackUrl ?? `/hls/${shown.channelId}/index.m3u8`;
    return (
      <HLSVideoPlayer
        /* A new broadcast begins a playlist of its own. */
        key={shown.startedAt}
        source={source}
        title={title}
        showLatencyBadge
        isReconnecting={status?.relayStatus === "reconnecting"}
        onTrouble={refresh}
      />
    );
  }
  if (phase === "starting") {
    return <StreamPlaceholder kind="busy" title="Stream starting…" message="It plays by itself." />;
  }
  if (phase === "ended" && shown?.endedAt != null) return <EndedPlaceholder status={shown} />;
  if (phase === "error") {
    return (
      <StreamPlaceholder
        kind="error"
        title="The stream has a problem"
        message={shown?.relayError ?? "It starts by itself when the problem is solved."}
        onRetry={refresh}
      />
    );
  }
  if (phase === "loading") {
    if (error === null) return <StreamPlaceholder kind="busy" title="Connecting…" />;
    return (
      <StreamPlaceholder
        kind="error"
        title="Connecting…"
        message={sentenceOf(error)}
        onRetry={refresh}
      />
    );
  }
  return (
    <StreamPlaceholder
      kind="offline"
      title="Not live yet"
      message="Stay on this page: the stream starts by itself."
    />
  );
}

function EndedPlaceholder({ status }: { status: ChannelStatus }): ReactElement {
  const endedAt = status.endedAt ?? "";
  const lastedMs = elapsedMs(status.startedAt, Date.parse(endedAt));
  const lasted = lastedMs === null ? "" : `It lasted ${formatSpan(lastedMs)}. `;
  return (
    <StreamPlaceholder
      kind="ended"
      title="Stream ended"
      message={
        <>
          Ended at <time dateTime={endedAt}>{formatClock(endedAt, new Date())}</time>. {lasted}
          If it comes back, it plays here by itself.
        </>
      }
    />
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

function ChannelHeader(props: { title: string; status: ChannelStatus | null }): ReactElement {
  const { title, status } = props;
  const isLive = status?.isLive === true;
  const now = useNow(10_000, isLive);
  const onAirMs = isLive ? elapsedMs(status.startedAt, now) : null;
  return (
    <section className="channel-head" aria-label="About this stream">
      <div>
        <h1>{title === "" ? "\u00a0" : title}</h1>
        <p className="channel-meta">
          <ChannelStatusBadge status={status} />
          {isLive && (
            <span className="with-icon">
              <Users aria-hidden="true" />
              {formatViewers(status.viewerCount)}
            </span>
          )}
          {onAirMs !== null && <span>On air for {formatSpan(onAirMs)}</span>}
        </p>
      </div>
      <ShareButton title={title} />
    </section>
  );
}

function ShareButton({ title }: { title: string }): ReactElement {
  const [note, setNote] = useState("");
  useEffect(() => {
    if (note === "") return;
    const timer = setTimeout(() => setNote(""), 2_000);
    return () => clearTimeout(timer);
  }, [note]);

  const share = async (): Promise<void> => {
    const url = location.href;
    try {
      if ("share" in navigator && matchMedia("(pointer: coarse)").matches) {
        await navigator.share({ title, url });
        return;
      }
      await navigator.clipboard.writeText(url);
      setNote("Link copied");
    } catch (error) {
      /* Closing the phone's sheet is no failure. */
      if (!(error instanceof Error && error.name === "AbortError")) setNote(url);
    }
  };
  return (
    <button type="button" className="button" onClick={() => void share()}>
      <Link2 aria-hidden="true" />
      <span role="status">{note === "" ? "Share" : note}</span>
    </button>
  );
}
