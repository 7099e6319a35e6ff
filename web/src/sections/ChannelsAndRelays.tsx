import { ExternalLink, Play, Square, Video } from "lucide-react";
import { useCallback, useState, type ReactElement } from "react";
import {
  listChannelPage,
  listRelays,
  startRelay,
  stopRelay,
  type Relay,
} from "../api/client";
import type { Channel } from "../api/types";
import { ConfirmDialog } from "../components/ConfirmDialog";
import { Facts, When } from "../components/Facts";
import { Notice } from "../components/Notice";
import { RecordList, RecordRow } from "../components/RecordList";
import { HealthBadge, RelayBadge } from "../components/RelayBadge";
import { SearchField } from "../components/SearchField";
import { elapsedMs, formatBitrate, formatSpan, formatViewers } from "../format";
import { useAction } from "../hooks/useAction";
import { useNow } from "../hooks/useNow";
import { usePaged, type LoadPage } from "../hooks/usePaged";
import { adminPath, Link, studioPath, watchPath } from "../router";

const LIVE_MS = 3_000;
const FRESH_MS = 5_000;

/* What runs now, with numbers; below it every channel. Both can be started and stopped by hand. */
export function ChannelsAndRelays(): ReactElement {
  const [words, setWords] = useState("");
  const load: LoadPage<Channel> = useCallback(
    (query, signal) => listChannelPage({ ...query, words }, signal),
    [words],
  );
  const relays = usePaged(listRelays, LIVE_MS);
  const channels = usePaged(load, FRESH_MS);
  const onChanged = (): void => {
    relays.refresh();
    channels.refresh();
  };
  return (
    <>
      <div className="section-head">
        <h2>On air</h2>
      </div>
      <RecordList
        list={relays}
        label="relays"
        keyOf={(relay) => relay.channelId}
        row={(relay) => <RelayRow relay={relay} onChanged={onChanged} />}
        empty={<p>Nobody is on air.</p>}
      />
      <div className="section-head">
        <h2>Channels</h2>
        <SearchField label="Search by title" onWords={setWords} />
      </div>
      <RecordList
        list={channels}
        label="channels"
        keyOf={(channel) => channel.id}
        row={(channel) => <ChannelRow channel={channel} onChanged={onChanged} />}
        empty={words === "" ? <p>No channel yet.</p> : <p>No channel has “{words}” in its title.</p>}
      />
    </>
  );
}

interface RelayRowProps {
  relay: Relay;
  onChanged: () => void;
}

function RelayRow({ relay, onChanged }: RelayRowProps): ReactElement {
  const { channelId, title } = relay;
  const action = useAction();
  const [isStopping, setStopping] = useState(false);
  const now = useNow(10_000);
  const onAirMs = elapsedMs(relay.startedAt, now);
  const retry = async (): Promise<void> => {
    await action.run(() => startRelay(channelId, null));
    onChanged();
  };
  return (
    <RecordRow
      title={
        <Link className="record-name" href={`${adminPath("health")}/${channelId}`}>
          {title}
        </Link>
      }
      badges={
        <>
          <RelayBadge status={relay.status} isLive={relay.status === "active"} />
          <HealthBadge health={relay.health} />
        </>
      }
      facts={
        <Facts
          of={[
            `No. ${channelId}`,
            formatViewers(relay.viewerCount),
            relay.bitrate !== null && formatBitrate(relay.bitrate),
            relay.fps !== null && `${Math.round(relay.fps)} fps`,
            onAirMs !== null && `for ${formatSpan(onAirMs)}`,
          ]}
        />
      }
      actions={
        <>
          {relay.status === "error" && (
            <button
              type="button"
              className="button"
              disabled={action.isBusy}
              onClick={() => void retry()}
            >
              <Play aria-hidden="true" />
              Start again<span className="visually-hidden"> {title}</span>
            </button>
          )}
          <button type="button" className="button" onClick={() => setStopping(true)}>
            <Square aria-hidden="true" />
            Stop<span className="visually-hidden"> {title}</span>
          </button>
          <ChannelLinks id={channelId} title={title} />
        </>
      }
    >
      {relay.error !== null && <p className="record-reason">{relay.error}</p>}
      {relay.healthReason !== null && relay.health !== "good" && (
        <p className="record-reason">{relay.healthReason}</p>
      )}
      {action.error !== null && <Notice tone="bad">{action.error}</Notice>}
      {isStopping && (
        <StopDialog
          relay={relay}
          onClose={() => {
            setStopping(false);
            onChanged();
          }}
        />
      )}
    </RecordRow>
  );
}

function StopDialog({ relay, onClose }: { relay: Relay; onClose: () => void }): ReactElement {
  return (
    <ConfirmDialog
      title={`Stop “${relay.title}”?`}
      verb="Stop"
      onConfirm={() => stopRelay(relay.channelId, null)}
      onClose={onClose}
    >
      <p>The seller is cut off, and viewers see that it ended. The seller can go live again.</p>
    </ConfirmDialog>
  );
}

interface ChannelRowProps {
  channel: Channel;
  onChanged: () => void;
}

function ChannelRow({ channel, onChanged }: ChannelRowProps): ReactElement {
  const { id, title } = channel;
  const action = useAction();
  const start = async (): Promise<void> => {
    await action.run(() => startRelay(id, null));
    onChanged();
  };
  return (
    <RecordRow
      title={
        <Link className="record-name" href={`${adminPath("health")}/${id}`}>
          {title}
        </Link>
      }
      badges={<RelayBadge status={channel.relayStatus} isLive={channel.isLive} />}
      facts={
        <Facts
          of={[
            `No. ${id}`,
            <>
              made <When at={channel.createdAt} />
            </>,
            channel.endedAt !== null && (
              <>
                last live <When at={channel.endedAt} />
              </>
            ),
          ]}
        />
      }
      actions={
        <>
          {!channel.isActive && (
            <button
              type="button"
              className="button"
              disabled={action.isBusy}
              title="Announces a broadcast: the seller has half a minute to come"
              onClick={() => void start()}
            >
              <Play aria-hidden="true" />
              Start<span className="visually-hidden"> {title}</span>
            </button>
          )}
          <ChannelLinks id={id} title={title} />
        </>
      }
    >
      {action.error !== null && <Notice tone="bad">{action.error}</Notice>}
    </RecordRow>
  );
}

function ChannelLinks({ id, title }: { id: number; title: string }): ReactElement {
  return (
    <>
      <Link className="icon-button" href={studioPath(id)} aria-label={`Studio of ${title}`} title="Studio">
        <Video aria-hidden="true" />
      </Link>
      <Link className="icon-button" href={watchPath(id)} aria-label={`Watch ${title}`} title="Watch">
        <ExternalLink aria-hidden="true" />
      </Link>
    </>
  );
}
