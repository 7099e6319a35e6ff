import { Activity, CircleAlert, CircleDot, LoaderCircle } from "lucide-react";
import type { ReactElement } from "react";
import type { ChannelStatus } from "../api/types";
import { hostLabel } from "../streamState";

const HEALTH_TEXT = { good: "Good", fair: "Fair", poor: "Poor" } as const;

/* The host's light: the state of the relay and, while it runs, how well. */
export function StreamHealthIndicator({ status }: { status: ChannelStatus | null }): ReactElement {
  const light = hostLabel(status);
  const health = light.tone === "live" ? (status?.health ?? null) : null;
  return (
    <div className="health" role="status" aria-live="polite">
      <span className={`health-light tone-${light.tone}`}>
        {light.spinning ? (
          <LoaderCircle className="spin" aria-hidden="true" />
        ) : light.tone === "bad" ? (
          <CircleAlert aria-hidden="true" />
        ) : (
          <CircleDot aria-hidden="true" />
        )}
        {light.text}
      </span>
      {health !== null && (
        <span className={`health-light health-${health}`}>
          <Activity aria-hidden="true" />
          {HEALTH_TEXT[health]} health
        </span>
      )}
      {light.reason !== null && <p className="health-reason">{light.reason}</p>}
      {health !== null && health !== "good" && status?.healthReason && (
        <p className="health-reason">{status.healthReason}</p>
      )}
    </div>
  );
}
