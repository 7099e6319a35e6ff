import { Activity, CircleAlert, CircleDot, LoaderCircle } from "lucide-react";
import type { ReactElement } from "react";
import type { ChannelStatus } from "../api/types";
import { hostLabel, type StateLabel } from "../streamState";
import { LiveRegion } from "./LiveRegion";

const HEALTH_TEXT = { good: "Good", fair: "Fair", poor: "Poor" } as const;

function lightIcon({ spinning, tone }: StateLabel): ReactElement {
  if (spinning) return <LoaderCircle className="stoa-spin" aria-hidden="true" />;
  if (tone === "bad") return <CircleAlert aria-hidden="true" />;
  return <CircleDot aria-hidden="true" />;
}

/** The host's light: the state of the relay and, while it runs, how well and what would make it better. */
export function StreamHealthIndicator({ status }: { status: ChannelStatus | null }): ReactElement {
  const light = hostLabel(status);
  const health = light.tone === "live" ? (status?.health ?? null) : null;
  const word = health === null ? null : `${HEALTH_TEXT[health]} health`;
  return (
    <div className="stoa-health">
      {/* The advice below has numbers that move: it is read when somebody goes there. */}
      <LiveRegion text={word === null ? light.text : `${light.text}, ${word}`} />
      <span className={`stoa-health-light stoa-tone-${light.tone}`}>
        {lightIcon(light)}
        {light.text}
      </span>
      {health !== null && (
        <span className={`stoa-health-light stoa-health-${health}`}>
          <Activity aria-hidden="true" />
          {word}
        </span>
      )}
      {light.reason !== null && <p className="stoa-health-reason">{light.reason}</p>}
      {health !== null && health !== "good" && status?.healthReason && (
        <p className="stoa-health-reason">{status.healthReason}</p>
      )}
    </div>
  );
}
