import { CircleAlert, LoaderCircle, MonitorOff, Radio, RotateCw } from "lucide-react";
import type { ReactElement, ReactNode } from "react";
import { useNow } from "../hooks/useNow";
import { LiveRegion } from "./LiveRegion";

export type PlaceholderKind = "busy" | "offline" | "ended" | "error";

export interface StreamPlaceholderProps {
  kind: PlaceholderKind;
  title: string;
  message?: ReactNode;
  /** When the next try comes; a countdown is shown. */
  retryAtMs?: number | null;
  onRetry?: (() => void) | undefined;
}

const ICONS: Record<PlaceholderKind, ReactElement> = {
  busy: <LoaderCircle className="stoa-spin" aria-hidden="true" />,
  offline: <Radio aria-hidden="true" />,
  ended: <MonitorOff aria-hidden="true" />,
  error: <CircleAlert aria-hidden="true" />,
};

/** Stands in the player's place, inside a positioned box, and says truthfully why there is no picture. */
export function StreamPlaceholder(props: StreamPlaceholderProps): ReactElement {
  const { kind, title, message, retryAtMs = null, onRetry } = props;
  const now = useNow(250, retryAtMs !== null);
  const seconds = retryAtMs === null ? null : Math.max(0, Math.ceil((retryAtMs - now) / 1000));
  return (
    <div className={`stoa-placeholder stoa-placeholder-${kind}`}>
      <LiveRegion text={title} />
      <div className="stoa-placeholder-icon">{ICONS[kind]}</div>
      <p className="stoa-placeholder-title">{title}</p>
      {message !== undefined && <p className="stoa-placeholder-message">{message}</p>}
      {seconds !== null && (
        <p className="stoa-placeholder-message">
          {seconds > 0 ? `Next try in ${seconds} s` : "Trying again…"}
        </p>
      )}
      {onRetry && (
        <button type="button" className="stoa-button stoa-button-glass" onClick={onRetry}>
          <RotateCw aria-hidden="true" />
          Try again
        </button>
      )}
    </div>
  );
}
