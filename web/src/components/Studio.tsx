import { useState, type ReactElement } from "react";
import { endChannel, startChannel } from "../api/client";
import { ApiError, sentenceOf } from "../api/problem";
import type { ChannelStatus } from "../api/types";
import { useChannelStatus } from "../hooks/useChannelStatus";
import { useOnAirGuards } from "../hooks/useOnAirGuards";
import { usePreview } from "../hooks/usePreview";
import { usePublisher } from "../hooks/usePublisher";
import type { StudioKey } from "../hooks/useStudioAccess";
import { broadcastNumbers } from "../publish/broadcastNumbers";
import { loadChoice, saveChoice, type DeviceChoice } from "../publish/devices";
import type { PublisherState } from "../publish/WebRTCPublisher";
import { DevicePicker } from "./DevicePicker";
import { GoLiveBar } from "./GoLiveBar";
import { Notice } from "./Notice";
import { ObsPanel } from "./ObsPanel";
import { OnAirSummary } from "./OnAirSummary";
import { StreamHealthIndicator } from "./StreamHealthIndicator";
import { StudioPreview } from "./StudioPreview";

interface StudioProps {
  channelId: number;
  studio: StudioKey;
}

/* Somebody publishes on this channel, and it is not this page. */
function isOnAirElsewhere(status: ChannelStatus | null, publisher: PublisherState): boolean {
  const isOurs = publisher.phase !== "idle" && publisher.phase !== "failed";
  const isComing = status?.relayStatus === "starting" || status?.relayStatus === "active";
  return !isOurs && status?.isActive === true && isComing && status.ingest !== null;
}

export function Studio({ channelId, studio }: StudioProps): ReactElement {
  const [choice, setChoice] = useState(loadChoice);
  const [problem, setProblem] = useState<string | null>(null);
  const { data: status, error, refresh } = useChannelStatus(channelId);
  const preview = usePreview(choice, true);
  const publisher = usePublisher(studio.publish, preview.stream);
  const { phase } = publisher.state;
  const isOnAir = phase === "connecting" || phase === "live" || phase === "reconnecting";
  const isElsewhere = isOnAirElsewhere(status, publisher.state);
  useOnAirGuards(isOnAir);

  const onChoice = (next: DeviceChoice): void => {
    saveChoice(next);
    setChoice(next);
  };
  const goLive = async (): Promise<void> => {
    if (preview.stream === null) return;
    setProblem(null);
    await publisher.goLive(preview.stream, choice.resolutionId);
    refresh();
  };
  /* Runs a request of the host and shows what the server says against it. */
  const ask = async (request: () => Promise<void>): Promise<void> => {
    setProblem(null);
    try {
      await request();
    } catch (reason) {
      /* It is over already: what was asked for is true. */
      const isOver = reason instanceof ApiError && (reason.isNotFound || reason.status === 409);
      if (!isOver) setProblem(sentenceOf(reason));
    }
    refresh();
  };
  const end = async (): Promise<void> => {
    await publisher.leave();
    await ask(() => endChannel(channelId, studio.key));
  };

  return (
    <div className="studio">
      <section className="studio-main" aria-label="Camera">
        <StudioPreview
          stream={preview.stream}
          error={preview.error}
          phase={phase}
          startedAt={isOnAir || isElsewhere ? (status?.startedAt ?? null) : null}
          elsewhere={isElsewhere ? (status?.ingest ?? null) : null}
          onReopen={preview.reopen}
        />
        <GoLiveBar
          stream={preview.stream}
          phase={phase}
          isElsewhere={isElsewhere}
          onGoLive={() => void goLive()}
          onEnd={() => void end()}
        />
        <StudioNotices
          publisher={publisher.state}
          problem={problem ?? (error === null ? null : sentenceOf(error))}
          status={status}
          onRetry={() => void ask(() => startChannel(channelId, studio.key))}
        />
        <section className="panel panel-devices" aria-labelledby="devices-title">
          <h2 id="devices-title" className="panel-title">
            Camera and microphone
          </h2>
          <DevicePicker choice={choice} preview={preview} isOnAir={isOnAir} onChange={onChoice} />
        </section>
      </section>
      <aside className="studio-side">
        <section className="panel panel-broadcast" aria-label="Broadcast">
          <h1 className="panel-title">{studio.title}</h1>
          <StreamHealthIndicator status={status} />
          <OnAirSummary
            status={status}
            numbers={broadcastNumbers(
              isOnAir || isElsewhere ? status : null,
              isOnAir ? publisher.state.stats : null,
            )}
          />
        </section>
        <section className="panel panel-encoder" aria-labelledby="obs-title">
          <h2 id="obs-title" className="panel-title">
            OBS or another encoder
          </h2>
          <ObsPanel publish={studio.publish} />
        </section>
      </aside>
    </div>
  );
}

interface StudioNoticesProps {
  publisher: PublisherState;
  problem: string | null;
  status: ChannelStatus | null;
  onRetry: () => void;
}

function StudioNotices({ publisher, problem, status, onRetry }: StudioNoticesProps): ReactElement {
  const limit = publisher.stats?.limitedBy ?? null;
  return (
    <>
      {publisher.phase === "failed" && publisher.error !== null && (
        <Notice tone="bad">{publisher.error}</Notice>
      )}
      {publisher.phase === "reconnecting" && (
        <Notice tone="warn">
          The connection was lost. It comes back by itself. {publisher.error ?? ""}
        </Notice>
      )}
      {problem !== null && <Notice tone="bad">{problem}</Notice>}
      {status?.relayStatus === "error" && status.isActive && (
        <Notice
          tone="bad"
          actions={
            <button type="button" className="button" onClick={onRetry}>
              Retry
            </button>
          }
        >
          Viewers cannot see the stream: {status.relayError ?? "the relay failed."}
        </Notice>
      )}
      {publisher.phase === "live" && limit === "cpu" && (
        <Notice tone="warn">
          This computer is too busy to encode at this quality. Close other programs or choose a
          lower quality.
        </Notice>
      )}
    </>
  );
}
