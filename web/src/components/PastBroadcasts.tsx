import { useCallback, useEffect, type ReactElement } from "react";
import { listBroadcasts, type Broadcast } from "../api/client";
import { formatMoment, formatSpan, formatViewers } from "../format";
import { usePaged, type LoadPage } from "../hooks/usePaged";
import { Facts, When } from "./Facts";
import { RecordingLinks } from "./RecordingLinks";
import { RecordList, RecordRow } from "./RecordList";

interface PastBroadcastsProps {
  channelId: number;
  accessKey: string | null;
  /* Changes when a broadcast has ended. */
  endedAt: string | null;
}

const LIMIT = 5;

export function PastBroadcasts({ channelId, accessKey, endedAt }: PastBroadcastsProps): ReactElement {
  const load: LoadPage<Broadcast> = useCallback(
    ({ cursor }, signal) => listBroadcasts(channelId, { limit: LIMIT, cursor }, accessKey, signal),
    [channelId, accessKey],
  );
  const list = usePaged(load, 0);
  const { refresh } = list;
  useEffect(() => {
    if (endedAt !== null) refresh();
  }, [endedAt, refresh]);
  return (
    <RecordList
      list={list}
      label="broadcasts"
      keyOf={(broadcast) => broadcast.id}
      row={(broadcast) => <BroadcastRow broadcast={broadcast} />}
      empty={<p>No broadcast yet.</p>}
    />
  );
}

function BroadcastRow({ broadcast }: { broadcast: Broadcast }): ReactElement {
  const { startedAt, endedAt, durationSeconds, recordingUrl } = broadcast;
  return (
    <RecordRow
      title={
        <span className="record-name sentence">
          {startedAt === null ? "Not begun" : <When at={startedAt} />}
        </span>
      }
      badges={endedAt === null && <span className="badge tone-live">On air</span>}
      facts={
        <Facts
          of={[
            endedAt !== null && durationSeconds !== null && formatSpan(durationSeconds * 1000),
            `${formatViewers(broadcast.peakViewers)} at the peak`,
            broadcast.endReason,
          ]}
        />
      }
      actions={
        recordingUrl !== null &&
        startedAt !== null && (
          <RecordingLinks url={recordingUrl} of={`of ${formatMoment(startedAt, new Date())}`} />
        )
      }
    />
  );
}
