import { useState, type ReactElement } from "react";
import { endChannel, startRelay } from "../api/client";
import { ApiError, sentenceOf } from "../api/problem";
import type { ChannelStatus } from "../api/types";
import { useAction } from "../hooks/useAction";
import { useBroadcastAccess, type BroadcastAccess } from "../hooks/useBroadcastAccess";
import { useChannelStatus } from "../hooks/useChannelStatus";
import { useChecklist } from "../hooks/useChecklist";
import { useOnAirGuards } from "../hooks/useOnAirGuards";
import { usePreview } from "../hooks/usePreview";
import { usePublisher, type PublisherControl } from "../hooks/usePublisher";
import { useSession } from "../hooks/useSession";
import type { StudioEntry } from "../hooks/useStudioAccess";
import { useUploadTest } from "../hooks/useUploadTest";
import { broadcastNumbers } from "../publish/broadcastNumbers";
import { obstacleOf } from "../publish/checks";
import { loadChoice, saveChoice, type DeviceChoice } from "../publish/devices";
import type { PublisherState } from "../publish/WebRTCPublisher";
import { isEncoder } from "../streamState";
import { BroadcastPlots } from "./BroadcastPlots";
import { Checklist } from "./Checklist";
import { ConfirmDialog } from "./ConfirmDialog";
import { DevicePicker } from "./DevicePicker";
import { GoLiveBar } from "./GoLiveBar";
import { ObsPanel } from "./ObsPanel";
import { OnAirSummary } from "./OnAirSummary";
import { Panel } from "./Panel";
import { PastBroadcasts } from "./PastBroadcasts";
import { RecordingPanel } from "./RecordingPanel";
import { StreamHealthIndicator } from "./StreamHealthIndicator";
import { StudioNotices } from "./StudioNotices";
import { StudioPreview } from "./StudioPreview";

interface StudioProps {
  channelId: number;
  studio: StudioEntry;
}

/* Somebody publishes on this channel, and it is not this page. */
function isOnAirElsewhere(status: ChannelStatus | null, publisher: PublisherState): boolean {
  const isOurs = publisher.phase !== "idle" && publisher.phase !== "failed";
  const isComing = status?.relayStatus === "starting" || status?.relayStatus === "active";
  return !isOurs && status?.isActive === true && isComing && status.ingest !== null;
}

export function Studio({ channelId, studio }: StudioProps): ReactElement {
  const [choice, setChoice] = useState(loadChoice);
  const [isEnding, setEnding] = useState(false);
  const session = useSession();
  const { data: status, error, refresh } = useChannelStatus(channelId);
  const access = useBroadcastAccess(channelId, studio);
  const preview = usePreview(choice, true);
  const publisher = usePublisher(access.publish.whipUrl, access.tokens, preview.stream);
  const host = useHost(channelId, access, publisher, refresh);
  const { phase } = publisher.state;
  const isOnAir = phase === "connecting" || phase === "live" || phase === "reconnecting";
  const isElsewhere = isOnAirElsewhere(status, publisher.state);
  const isAnybodyOnAir = isOnAir || isElsewhere;
  const upload = useUploadTest(isAnybodyOnAir);
  const checks = useChecklist({
    preview,
    upload: upload.state,
    resolutionId: choice.resolutionId,
    isByKey: access.key !== null,
  });
  useOnAirGuards(isOnAir);

  const onChoice = (next: DeviceChoice): void => {
    saveChoice(next);
    setChoice(next);
  };
  return (
    <div className="studio">
      <section className="studio-main" aria-label="Camera">
        <StudioPreview
          stream={preview.stream}
          error={preview.error}
          phase={phase}
          startedAt={isAnybodyOnAir ? (status?.startedAt ?? null) : null}
          elsewhere={isElsewhere ? (status?.ingest ?? null) : null}
          onReopen={preview.reopen}
        />
        <GoLiveBar
          stream={preview.stream}
          phase={phase}
          isElsewhere={isElsewhere}
          isBusy={host.isBusy}
          onGoLive={() => {
            if (preview.stream) void host.goLive(preview.stream, choice.resolutionId, obstacleOf(checks));
          }}
          onEnd={() => setEnding(true)}
        />
        <StudioNotices
          publisher={publisher.state}
          problem={host.error ?? (error === null ? null : sentenceOf(error))}
          status={status}
          isSignedOut={access.key === null && session.kind === "out"}
          isBusy={host.isBusy}
          onRetry={() => void host.retry()}
        />
        <Panel name="devices" title="Camera and microphone">
          <DevicePicker choice={choice} preview={preview} isOnAir={isOnAir} onChange={onChoice} />
        </Panel>
        {status !== null && status.startedAt !== null && (
          <Panel name="curves" title={status.isActive ? "This broadcast" : "Last broadcast"}>
            <BroadcastPlots channelId={channelId} accessKey={access.key} status={status} />
          </Panel>
        )}
        <Panel name="past" title="Broadcasts">
          <PastBroadcasts
            channelId={channelId}
            accessKey={access.key}
            endedAt={status?.endedAt ?? null}
          />
        </Panel>
      </section>
      <aside className="studio-side" aria-label="Broadcast">
        <section className="panel panel-broadcast" aria-labelledby="broadcast-title">
          <h1 id="broadcast-title" className="panel-title">
            {studio.title}
          </h1>
          <StreamHealthIndicator status={status} />
          <OnAirSummary
            status={status}
            numbers={broadcastNumbers(
              isAnybodyOnAir ? status : null,
              isOnAir ? publisher.state.stats : null,
            )}
          />
        </section>
        {!isAnybodyOnAir && (
          <Panel name="checks" title="Before you go live">
            <Checklist
              checks={checks}
              isMeasuring={upload.state.kind === "waiting" || upload.state.kind === "measuring"}
              onMeasure={upload.again}
            />
          </Panel>
        )}
        <Panel name="recording" title="Recording">
          <RecordingPanel
            channelId={channelId}
            accessKey={access.key}
            isOnAir={status?.isActive === true}
          />
        </Panel>
        <Panel name="encoder" title="OBS or another encoder">
          <ObsPanel publish={access.publish} isOnAir={isAnybodyOnAir} onRotate={access.rotate} />
        </Panel>
      </aside>
      {isEnding && (
        <ConfirmDialog
          title="End the broadcast?"
          verb="End it"
          onConfirm={host.end}
          onClose={() => setEnding(false)}
        >
          <p>
            Viewers see that it is over. You can go live again at any time
            {isEncoder(status?.ingest ?? null) ? "; stop the encoder, too, for it would connect again by itself" : ""}.
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}

interface Host {
  isBusy: boolean;
  error: string | null;
  /* `obstacle`: why it cannot work. Then viewers are not told of a broadcast. */
  goLive: (stream: MediaStream, resolutionId: string, obstacle: string | null) => Promise<void>;
  retry: () => Promise<void>;
  /* Throws ApiError: the dialog that asked says why. */
  end: () => Promise<void>;
}

/* What the host asks of the server. After each the status is looked at again. */
function useHost(
  channelId: number,
  access: BroadcastAccess,
  publisher: PublisherControl,
  refresh: () => void,
): Host {
  const action = useAction();
  const ask = async (what: () => Promise<void>): Promise<void> => {
    await action.run(what);
    refresh();
  };
  return {
    isBusy: action.isBusy,
    error: action.error,
    goLive: (stream, resolutionId, obstacle) =>
      ask(async () => {
        if (obstacle !== null) throw new ApiError(obstacle, 0, "cannot_send");
        await access.open();
        await publisher.goLive(stream, resolutionId);
      }),
    retry: () => ask(() => startRelay(channelId, access.key)),
    end: async () => {
      action.clear();
      await publisher.leave();
      try {
        await endChannel(channelId, access.key);
      } catch (reason) {
        /* It is over already: what was asked for is true. */
        const isOver = reason instanceof ApiError && (reason.isNotFound || reason.status === 409);
        if (!isOver) throw reason;
      } finally {
        refresh();
      }
    },
  };
}
