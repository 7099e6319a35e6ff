import { Plus, Radio, Users, Video } from "lucide-react";
import { useState, type ReactElement } from "react";
import { sentenceOf } from "../api/problem";
import type { Channel } from "../api/types";
import { PhaseBadge } from "../components/ChannelStatusBadge";
import { Layout } from "../components/Layout";
import { NewChannelDialog } from "../components/NewChannelDialog";
import { Notice } from "../components/Notice";
import { elapsedMs, formatClock, formatSpan, formatViewers } from "../format";
import { useChannels } from "../hooks/useChannels";
import { useDocumentTitle } from "../hooks/useDocumentTitle";
import { useNow } from "../hooks/useNow";
import { useSession } from "../hooks/useSession";
import { useStudios } from "../hooks/useStudios";
import { Link, signInPath, studioPath, watchPath } from "../router";

/* Who is live, who could be, and the way to begin. */
export function HomePage(): ReactElement {
  useDocumentTitle("");
  const { data: channels, error, refresh } = useChannels();
  const [isCreating, setCreating] = useState(false);
  const session = useSession();
  const account = session.kind === "in" && session.account.role !== "buyer" ? session.account : null;
  const hasStudio = useStudios(account);
  const now = useNow(10_000);
  const live = channels?.filter((channel) => channel.isLive) ?? [];
  const others = channels?.filter((channel) => !channel.isLive) ?? [];

  const newChannel = account !== null && (
    <button type="button" className="button button-primary" onClick={() => setCreating(true)}>
      <Plus aria-hidden="true" />
      New channel
    </button>
  );
  return (
    <Layout actions={channels !== null && channels.length > 0 && newChannel}>
      {error !== null && <Notice tone="bad">{sentenceOf(error)}</Notice>}
      {channels === null && error === null && <LoadingCards />}
      {channels?.length === 0 && (
        <EmptyHome
          action={
            newChannel || (
              <Link className="button button-primary button-large" href={signInPath()}>
                Sign in
              </Link>
            )
          }
        />
      )}
      {channels !== null && channels.length > 0 && (
        <>
          <h1 className="section-title">Live now</h1>
          {live.length === 0 ? (
            <p className="calm-line">Nobody is on air. This page notices when somebody goes live.</p>
          ) : (
            <ul className="cards">
              {live.map((channel) => (
                <LiveCard key={channel.id} channel={channel} now={now} hasStudio={hasStudio(channel.id)} />
              ))}
            </ul>
          )}
          {others.length > 0 && (
            <>
              <h2 className="section-title">Channels</h2>
              <ul className="rows">
                {others.map((channel) => (
                  <OfflineRow key={channel.id} channel={channel} now={now} hasStudio={hasStudio(channel.id)} />
                ))}
              </ul>
            </>
          )}
        </>
      )}
      {isCreating && (
        <NewChannelDialog
          onCreated={refresh}
          onClose={() => {
            setCreating(false);
            refresh();
          }}
        />
      )}
    </Layout>
  );
}

/* One of six calm colours, always the same for a channel. */
function hueClass(id: number): string {
  return `hue-${id % 6}`;
}

function initial(title: string): string {
  return Array.from(title.trim())[0]?.toUpperCase() ?? "·";
}

interface ChannelProps {
  channel: Channel;
  now: number;
  /* Who looks may broadcast on it: the way into the studio is shown. */
  hasStudio: boolean;
}

function LiveCard({ channel, now, hasStudio }: ChannelProps): ReactElement {
  const onAirMs = elapsedMs(channel.startedAt, now);
  return (
    <li className="card">
      <Link className="card-link" href={watchPath(channel.id)}>
        <div className={`card-picture ${hueClass(channel.id)}`} aria-hidden="true">
          <span className="card-initial">{initial(channel.title)}</span>
        </div>
        <div className="card-badges">
          <PhaseBadge phase={channel.relayStatus === "reconnecting" ? "reconnecting" : "playing"} />
          <span className="badge badge-glass">
            <Users aria-hidden="true" />
            {formatViewers(channel.viewerCount)}
          </span>
        </div>
        <h2 className="card-title">{channel.title}</h2>
        {onAirMs !== null && <p className="card-meta">On air for {formatSpan(onAirMs)}</p>}
      </Link>
      {hasStudio && (
        <Link className="card-studio" href={studioPath(channel.id)}>
          Studio<span className="visually-hidden"> of {channel.title}</span>
        </Link>
      )}
    </li>
  );
}

function offlineText(channel: Channel, now: number): string {
  if (channel.relayStatus === "starting" || channel.isActive) return "Starting…";
  if (channel.endedAt !== null) return `Last live ${formatClock(channel.endedAt, new Date(now))}`;
  return "Not live yet";
}

function OfflineRow({ channel, now, hasStudio }: ChannelProps): ReactElement {
  return (
    <li className="row">
      <span className={`row-picture ${hueClass(channel.id)}`} aria-hidden="true">
        {initial(channel.title)}
      </span>
      <Link className="row-main" href={watchPath(channel.id)}>
        <span className="row-title">{channel.title}</span>
        <span className="row-meta">{offlineText(channel, now)}</span>
      </Link>
      {hasStudio && (
        <Link className="button button-quiet" href={studioPath(channel.id)}>
          <Video aria-hidden="true" />
          <span className="button-text">
            Studio<span className="visually-hidden"> of {channel.title}</span>
          </span>
        </Link>
      )}
    </li>
  );
}

function EmptyHome({ action }: { action: ReactElement }): ReactElement {
  return (
    <section className="empty">
      <div className="empty-icon" aria-hidden="true">
        <Radio />
      </div>
      <h1>Go live in a minute</h1>
      <p className="empty-lead">
        A channel is a place to broadcast from. Your viewers see it about a second later.
      </p>
      <ol className="steps">
        <li>
          <strong>Make a channel.</strong> Sign in with the e-mail and password that the server
          printed when it first started, or that an admin gave you.
        </li>
        <li>
          <strong>Open its studio</strong> and go live with your camera, or copy the address into
          OBS.
        </li>
        <li>
          <strong>Share the watch page.</strong> It plays in any browser, on any phone.
        </li>
      </ol>
      {action}
    </section>
  );
}

function LoadingCards(): ReactElement {
  return (
    <div className="cards" role="status" aria-label="Loading channels">
      <div className="card skeleton" />
      <div className="card skeleton" />
      <div className="card skeleton" />
    </div>
  );
}
