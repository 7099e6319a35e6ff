import { ExternalLink, Pencil, Plus, Trash2, Video } from "lucide-react";
import { useCallback, useState, type ReactElement } from "react";
import { deleteChannel, listChannelPage } from "../api/client";
import type { Account } from "../api/client";
import type { Channel } from "../api/types";
import { ConfirmDialog } from "../components/ConfirmDialog";
import { EditChannelDialog } from "../components/EditChannelDialog";
import { Facts, When } from "../components/Facts";
import { Layout } from "../components/Layout";
import { NewChannelDialog } from "../components/NewChannelDialog";
import { Protected } from "../components/Protected";
import { RecordList, RecordRow } from "../components/RecordList";
import { RelayBadge } from "../components/RelayBadge";
import { SearchField } from "../components/SearchField";
import { elapsedMs, formatSpan, formatViewers } from "../format";
import { useDocumentTitle } from "../hooks/useDocumentTitle";
import { useNow } from "../hooks/useNow";
import { usePaged, type LoadPage } from "../hooks/usePaged";
import { Link, studioPath, watchPath } from "../router";

const FRESH_MS = 5_000;

type Asked = { what: "new" } | { what: "edit" | "delete"; channel: Channel };

/* What a seller has: each channel, how it is, and the ways into it. An admin sees everybody's. */
export function ChannelsPage(): ReactElement {
  useDocumentTitle("My channels");
  return <Protected roles={["seller", "admin"]}>{(account) => <Channels account={account} />}</Protected>;
}

function Channels({ account }: { account: Account }): ReactElement {
  const [words, setWords] = useState("");
  const [isMine, setMine] = useState(account.role !== "admin");
  const [asked, setAsked] = useState<Asked | null>(null);
  const load: LoadPage<Channel> = useCallback(
    (query, signal) => listChannelPage({ ...query, isMine, words }, signal),
    [isMine, words],
  );
  const list = usePaged(load, FRESH_MS);
  const close = (): void => {
    setAsked(null);
    list.refresh();
  };

  return (
    <Layout>
      <div className="page-head">
        <h1>{isMine ? "My channels" : "All channels"}</h1>
        <button
          type="button"
          className="button button-primary"
          onClick={() => setAsked({ what: "new" })}
        >
          <Plus aria-hidden="true" />
          New channel
        </button>
      </div>
      <div className="tools">
        <SearchField label="Search by title" onWords={setWords} />
        {account.role === "admin" && (
          <label className="check check-inline">
            <input
              type="checkbox"
              checked={isMine}
              onChange={(event) => setMine(event.target.checked)}
            />
            Only mine
          </label>
        )}
      </div>
      <RecordList
        list={list}
        label="channels"
        keyOf={(channel) => channel.id}
        row={(channel) => <ChannelRow channel={channel} onAsk={setAsked} />}
        empty={
          words === "" ? (
            <p>No channel yet. A channel is a place to broadcast from; make one and open its studio.</p>
          ) : (
            <p>No channel has “{words}” in its title.</p>
          )
        }
      />
      {asked?.what === "new" && <NewChannelDialog onCreated={list.refresh} onClose={close} />}
      {asked?.what === "edit" && <EditChannelDialog channelId={asked.channel.id} onClose={close} />}
      {asked?.what === "delete" && <DeleteChannel channel={asked.channel} onClose={close} />}
    </Layout>
  );
}

interface ChannelRowProps {
  channel: Channel;
  onAsk: (asked: Asked) => void;
}

function ChannelRow({ channel, onAsk }: ChannelRowProps): ReactElement {
  const { id, title } = channel;
  const now = useNow(10_000, channel.isActive);
  const onAirMs = channel.isActive ? elapsedMs(channel.startedAt, now) : null;
  return (
    <RecordRow
      title={
        <Link className="record-name" href={studioPath(id)}>
          {title}
        </Link>
      }
      badges={<RelayBadge status={channel.relayStatus} isLive={channel.isLive} />}
      facts={
        <Facts
          of={[
            `No. ${id}`,
            channel.isLive && formatViewers(channel.viewerCount),
            onAirMs !== null && `on air for ${formatSpan(onAirMs)}`,
            !channel.isActive && channel.endedAt !== null && (
              <>
                last live <When at={channel.endedAt} />
              </>
            ),
            !channel.isActive && channel.endedAt === null && "never live",
          ]}
        />
      }
      actions={
        <>
          <Link className="button" href={studioPath(id)}>
            <Video aria-hidden="true" />
            Studio<span className="visually-hidden"> of {title}</span>
          </Link>
          <Link className="icon-button" href={watchPath(id)} aria-label={`Watch ${title}`} title="Watch">
            <ExternalLink aria-hidden="true" />
          </Link>
          <button
            type="button"
            className="icon-button"
            aria-label={`Edit ${title}`}
            title="Edit"
            onClick={() => onAsk({ what: "edit", channel })}
          >
            <Pencil aria-hidden="true" />
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label={`Delete ${title}`}
            title="Delete"
            onClick={() => onAsk({ what: "delete", channel })}
          >
            <Trash2 aria-hidden="true" />
          </button>
        </>
      }
    />
  );
}

function DeleteChannel(props: { channel: Channel; onClose: () => void }): ReactElement {
  const { channel, onClose } = props;
  return (
    <ConfirmDialog
      title={`Delete “${channel.title}”?`}
      verb="Delete"
      onConfirm={() => deleteChannel(channel.id)}
      onClose={onClose}
    >
      <p>
        Its address, its stream key and its history go for good. Links to its watch page lead nowhere
        afterwards.
      </p>
    </ConfirmDialog>
  );
}
