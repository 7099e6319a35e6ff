import type { ReactElement } from "react";
import { sentenceOf } from "../api/problem";
import type { ChannelStatus } from "../api/types";
import { useBroadcastPoints } from "../hooks/useBroadcastPoints";
import { BITRATE, viewersSpec } from "../plots/measures";
import { Plots } from "../plots/Plots";
import { Notice } from "./Notice";

interface BroadcastPlotsProps {
  channelId: number;
  accessKey: string | null;
  status: ChannelStatus;
}

/* One point is no line. */
const ENOUGH = 2;

export function BroadcastPlots(props: BroadcastPlotsProps): ReactElement {
  const { channelId, accessKey, status } = props;
  const { points, error } = useBroadcastPoints(channelId, accessKey, status);
  return (
    <>
      {error !== null && <Notice tone="warn">The curve has gaps: {sentenceOf(error)}</Notice>}
      {points.length < ENOUGH ? (
        <p className="field-hint">
          {status.isActive ? "The curve begins in a few seconds." : "No numbers were kept."}
        </p>
      ) : (
        <Plots
          specs={[viewersSpec(points), BITRATE]}
          points={points}
          group={`studio-${channelId}`}
        />
      )}
    </>
  );
}
