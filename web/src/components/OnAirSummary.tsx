import type { ReactElement } from "react";
import type { ChannelStatus } from "../api/types";
import { elapsedMs, formatDuration } from "../format";
import { useNow } from "../hooks/useNow";
import type { BroadcastNumber } from "../publish/broadcastNumbers";

interface OnAirSummaryProps {
  status: ChannelStatus | null;
  numbers: BroadcastNumber[];
}

/* What a seller looks at while talking; what explains it is one click deeper. */
export function OnAirSummary({ status, numbers }: OnAirSummaryProps): ReactElement {
  const isActive = status?.isActive === true;
  const now = useNow(1_000, isActive);
  const onAirMs = isActive ? elapsedMs(status.startedAt, now) : null;
  return (
    <>
      <dl className="headline-numbers">
        <div>
          <dt>Viewers</dt>
          <dd>{isActive ? status.viewerCount : "–"}</dd>
        </div>
        <div>
          <dt>On air</dt>
          <dd>{onAirMs === null ? "–" : formatDuration(onAirMs)}</dd>
        </div>
      </dl>
      <details className="details">
        <summary>Numbers</summary>
        <dl className="numbers">
          {numbers.map((number) => (
            <div key={number.name}>
              <dt>{number.name}</dt>
              <dd>{number.value}</dd>
            </div>
          ))}
        </dl>
      </details>
    </>
  );
}
