import type { ReactElement } from "react";
import type { Health, RelayStatus } from "../api/types";
import { hostLabel } from "../streamState";

interface RelayBadgeProps {
  status: RelayStatus | null;
  isLive: boolean;
}

/* The host's light in a list: one word. The reason of an error stands beside it. */
export function RelayBadge({ status, isLive }: RelayBadgeProps): ReactElement {
  const light = hostLabel({ relayStatus: status, isLive, relayError: null });
  return (
    <span className={`badge tone-${light.tone}`}>
      {light.tone === "live" && <span className="pulse" aria-hidden="true" />}
      {light.text}
    </span>
  );
}

const HEALTH_TEXT: Record<Health, string> = {
  good: "Good health",
  fair: "Fair health",
  poor: "Poor health",
};

export function HealthBadge({ health }: { health: Health | null }): ReactElement | null {
  if (health === null) return null;
  return <span className={`badge health-${health}`}>{HEALTH_TEXT[health]}</span>;
}
