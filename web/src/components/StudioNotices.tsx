import type { ReactElement } from "react";
import type { ChannelStatus } from "../api/types";
import type { PublisherState } from "../publish/WebRTCPublisher";
import { signInPath } from "../router";
import { Notice } from "./Notice";

interface StudioNoticesProps {
  publisher: PublisherState;
  /* What the server said against the last request, or why the status cannot be read. */
  problem: string | null;
  status: ChannelStatus | null;
  isSignedOut: boolean;
  isBusy: boolean;
  onRetry: () => void;
}

/* What is wrong, what goes on all the same, and what to do. */
export function StudioNotices(props: StudioNoticesProps): ReactElement {
  const { publisher, problem, status, isSignedOut } = props;
  return (
    <>
      {isSignedOut && (
        <Notice
          tone="warn"
          actions={
            <a className="button" href={signInPath()} target="_blank" rel="noopener">
              Sign in
            </a>
          }
        >
          Your session has ended. {publisher.phase === "live" && "You stay on air. "}
          Sign in again, in another tab, to end, record or change anything.
        </Notice>
      )}
      {publisher.phase === "failed" && publisher.error !== null && (
        <Notice tone="bad">{publisher.error}</Notice>
      )}
      {publisher.phase === "reconnecting" && (
        <Notice tone="warn">
          The connection was lost. It comes back by itself. {publisher.error ?? ""}
        </Notice>
      )}
      {problem !== null && <Notice tone="bad">{problem}</Notice>}
      <RelayNotice {...props} />
      {publisher.phase === "live" && <LimitNotice limit={publisher.stats?.limitedBy ?? null} />}
      {status?.isActive === true && publisher.phase === "idle" && status.ingest === null && (
        <Notice tone="calm">A broadcast is announced: viewers see that it is about to start.</Notice>
      )}
    </>
  );
}

/* The relay failed: viewers get nothing, but the seller's own connection may well go on. */
function RelayNotice({ publisher, status, isBusy, onRetry }: StudioNoticesProps): ReactElement | null {
  if (status?.relayStatus !== "error") return null;
  const isConnected = publisher.phase === "live";
  if (!isConnected && !status.isActive) return null;
  return (
    <Notice
      tone="bad"
      actions={
        <button type="button" className="button" disabled={isBusy} onClick={onRetry}>
          Retry
        </button>
      }
    >
      <strong>Viewers cannot see the stream.</strong> {status.relayError ?? "The relay failed."}
      {isConnected && " You are still on air over WebRTC: camera and microphone stay connected."}
    </Notice>
  );
}

function LimitNotice({ limit }: { limit: string | null }): ReactElement | null {
  if (limit === "cpu") {
    return (
      <Notice tone="warn">
        This computer is too busy to encode at this quality. Close other programs or choose a lower
        quality.
      </Notice>
    );
  }
  if (limit === "bandwidth") {
    return (
      <Notice tone="warn">
        The line does not carry this quality: the picture stutters or blurs. End, choose a lower
        quality, and go live again; a cable is better than Wi-Fi.
      </Notice>
    );
  }
  return null;
}
