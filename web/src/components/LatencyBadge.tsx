import { Zap } from "lucide-react";
import type { ReactElement } from "react";

const LOW_S = 3;
const BEHIND_S = 6;

interface LatencyBadgeProps {
  latencyS: number | null;
  onGoLive: () => void;
}

/* How far behind the live edge the picture is; far behind it becomes the way back. */
export function LatencyBadge({ latencyS, onGoLive }: LatencyBadgeProps): ReactElement | null {
  if (latencyS === null) return null;
  const text = `${latencyS.toFixed(1)} s`;
  if (latencyS > BEHIND_S) {
    return (
      <button type="button" className="stoa-latency stoa-latency-far" onClick={onGoLive}>
        {text} behind · Go to live
      </button>
    );
  }
  return (
    <span
      className={latencyS < LOW_S ? "stoa-latency stoa-latency-low" : "stoa-latency"}
      title="Latency: how far the picture is behind the live edge"
    >
      <Zap aria-hidden="true" />
      <span className="stoa-latency-word">Latency</span> {text}
    </span>
  );
}
