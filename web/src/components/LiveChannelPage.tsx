import { Link2, Users } from "lucide-react";
import { useEffect, useState, type ReactElement } from "react";
import type { Channel, ChannelStatus } from "../api/types";
import { elapsedMs, formatSpan, formatViewers } from "../format";
import { useChannel } from "../hooks/useChannel";
import { useChannelStatus } from "../hooks/useChannelStatus";
import { useNow } from "../hooks/useNow";
import { ChannelStatusBadge } from "./ChannelStatusBadge";
import { LiveStage } from "./LiveStage";

export interface LiveChannelPageProps {
  channelId: number;
  /** What the channel is called and where it is, once that is known. */
  onChannel?: (channel: Channel) => void;
}

/** The buyer's page, without a frame of its own: HLS by default, nothing to choose, and how many watch. */
export function LiveChannelPage({ channelId, onChannel }: LiveChannelPageProps): ReactElement {
  const { data: status } = useChannelStatus(channelId);
  const { data: channel } = useChannel(channelId);
  const title = channel?.title ?? "";
  useEffect(() => {
    if (channel !== null) onChannel?.(channel);
  }, [channel, onChannel]);
  return (
    <div className="stoa-channel">
      <LiveStage channelId={channelId} title={title} showLatencyBadge />
      <ChannelHeader title={title} status={status} />
    </div>
  );
}

function ChannelHeader(props: { title: string; status: ChannelStatus | null }): ReactElement {
  const { title, status } = props;
  const isLive = status?.isLive === true;
  const now = useNow(10_000, isLive);
  const onAirMs = isLive ? elapsedMs(status.startedAt, now) : null;
  return (
    <section className="stoa-channel-head" aria-label="About this stream">
      <h1 className="stoa-channel-title">{title === "" ? "\u00a0" : title}</h1>
      <p className="stoa-channel-meta">
        <ChannelStatusBadge status={status} />
        {isLive && (
          <span className="stoa-with-icon">
            <Users aria-hidden="true" />
            {formatViewers(status.viewerCount)}
          </span>
        )}
        {onAirMs !== null && <span>On air for {formatSpan(onAirMs)}</span>}
      </p>
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
    <button type="button" className="stoa-button stoa-share" onClick={() => void share()}>
      <Link2 aria-hidden="true" />
      <span role="status">{note === "" ? "Share" : note}</span>
    </button>
  );
}
