import { ArrowLeft } from "lucide-react";
import { useCallback, useState, type ReactElement } from "react";
import { getChannel, listChannelPage, listMetrics } from "../api/client";
import { sentenceOf } from "../api/problem";
import type { Channel } from "../api/types";
import { Facts, When } from "../components/Facts";
import { SelectField } from "../components/Field";
import { Notice } from "../components/Notice";
import { PastBroadcasts } from "../components/PastBroadcasts";
import { RecordList, RecordRow } from "../components/RecordList";
import { RelayBadge } from "../components/RelayBadge";
import { SearchField } from "../components/SearchField";
import { StreamHealthIndicator } from "../components/StreamHealthIndicator";
import { formatViewers } from "../format";
import { useChannelStatus } from "../hooks/useChannelStatus";
import { usePaged, type LoadPage } from "../hooks/usePaged";
import { usePolling } from "../hooks/usePolling";
import { BITRATE, FRAME_RATE, LOSS, ROUND_TRIP, viewersSpec } from "../plots/measures";
import { Plots } from "../plots/Plots";
import { adminPath, Link } from "../router";

/* How the broadcasts went: all channels, or the plots of one. */
export function Health({ item }: { item: string | null }): ReactElement {
  const channelId = item !== null && /^[0-9]{1,15}$/.test(item) ? Number(item) : null;
  return channelId === null ? <HealthList /> : <ChannelHealth key={channelId} channelId={channelId} />;
}

function HealthList(): ReactElement {
  const [words, setWords] = useState("");
  const load: LoadPage<Channel> = useCallback(
    (query, signal) => listChannelPage({ ...query, words }, signal),
    [words],
  );
  const list = usePaged(load, 5_000);
  return (
    <>
      <div className="section-head">
        <div>
          <h2>Health</h2>
          <p className="section-lead">Choose a channel to see its numbers over hours and days.</p>
        </div>
        <SearchField label="Search by title" onWords={setWords} />
      </div>
      <RecordList
        list={list}
        label="channels"
        keyOf={(channel) => channel.id}
        row={(channel) => (
          <RecordRow
            title={
              <Link className="record-name" href={`${adminPath("health")}/${channel.id}`}>
                {channel.title}
              </Link>
            }
            badges={<RelayBadge status={channel.relayStatus} isLive={channel.isLive} />}
            facts={
              <Facts
                of={[
                  `No. ${channel.id}`,
                  channel.isLive && formatViewers(channel.viewerCount),
                  channel.endedAt !== null && (
                    <>
                      last live <When at={channel.endedAt} />
                    </>
                  ),
                ]}
              />
            }
          />
        )}
        empty={words === "" ? <p>No channel yet.</p> : <p>No channel has “{words}” in its title.</p>}
      />
    </>
  );
}

const HOUR_MS = 3_600_000;
const SPANS = [
  { value: "1", text: "Last hour" },
  { value: "6", text: "Last 6 hours" },
  { value: "24", text: "Last day" },
  { value: "168", text: "Last 7 days" },
  { value: "720", text: "Last 30 days" },
];

/* The longer the span, the less moves within a minute. */
const spanWaitMs = (hours: number): number => (hours <= 6 ? 10_000 : 60_000);

function ChannelHealth({ channelId }: { channelId: number }): ReactElement {
  const [span, setSpan] = useState("6");
  const hours = Number(span);
  const { data: status, error: statusError } = useChannelStatus(channelId);
  const loadChannel = useCallback(
    (signal: AbortSignal) => getChannel(channelId, null, signal),
    [channelId],
  );
  const { data: channel } = usePolling(loadChannel, once);
  const load = useCallback(
    (signal: AbortSignal) => {
      const from = new Date(Date.now() - hours * HOUR_MS).toISOString();
      return listMetrics(channelId, { from }, null, signal);
    },
    [channelId, hours],
  );
  const wait = useCallback(() => spanWaitMs(hours), [hours]);
  const { data: points, error } = usePolling(load, wait);
  const trouble = error ?? statusError;
  return (
    <>
      <Link className="button button-quiet back" href={adminPath("health")}>
        <ArrowLeft aria-hidden="true" />
        All channels
      </Link>
      <div className="section-head">
        <div>
          <h2 className="break-words">{channel?.title ?? `Channel ${channelId}`}</h2>
          <StreamHealthIndicator status={status} />
        </div>
        <SelectField label="Show" choices={SPANS} value={span} onValue={setSpan} />
      </div>
      {trouble !== null && <Notice tone="bad">{sentenceOf(trouble)}</Notice>}
      {points?.length === 0 && (
        <p className="calm-line">
          Nothing was broadcast in this time. Numbers are kept every ten seconds while a channel is on
          air.
        </p>
      )}
      {points !== null && points.length > 0 && (
        <Plots
          specs={[viewersSpec(points), BITRATE, FRAME_RATE, LOSS, ROUND_TRIP]}
          points={points}
          group={`health-${channelId}`}
        />
      )}
      <div className="section-head">
        <h3>Broadcasts</h3>
      </div>
      <PastBroadcasts channelId={channelId} accessKey={null} endedAt={status?.endedAt ?? null} />
    </>
  );
}

const once = (): number => Infinity;
