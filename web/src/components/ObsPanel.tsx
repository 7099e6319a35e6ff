import { useState, type ReactElement } from "react";
import type { PublishAccess } from "../api/types";
import { absoluteUrl, rtmpTarget } from "../publish/rtmpUrl";
import { ConfirmDialog } from "./ConfirmDialog";
import { CopyField } from "./CopyField";

interface ObsPanelProps {
  publish: PublishAccess;
  isOnAir: boolean;
  onRotate: () => Promise<void>;
}

/* What to type into OBS or a hardware encoder. */
export function ObsPanel({ publish, isOnAir, onRotate }: ObsPanelProps): ReactElement {
  const [isRotating, setRotating] = useState(false);
  const rtmp = rtmpTarget(publish.rtmpUrl, publish.streamKey);
  return (
    <div className="form">
      {rtmp === null ? (
        <p className="field-hint">This server takes no RTMP: use WHIP, below.</p>
      ) : (
        <CopyField label="Server" value={rtmp.server} hint="Settings › Stream › Service: Custom" />
      )}
      <CopyField label="Stream key" value={publish.streamKey} isSecret />
      <div>
        <button type="button" className="button" onClick={() => setRotating(true)}>
          New stream key
        </button>
      </div>
      <details className="details">
        <summary>Suggested settings</summary>
        <dl className="settings">
          <div>
            <dt>Encoder</dt>
            <dd>H.264 (x264 or hardware), CBR</dd>
          </div>
          <div>
            <dt>Bitrate</dt>
            <dd>2,500 kbit/s for 720p, 4,500 for 1080p</dd>
          </div>
          <div>
            <dt>Key frame interval</dt>
            <dd>2 s</dd>
          </div>
          <div>
            <dt>B-frames, tuning</dt>
            <dd>0 and zerolatency for the shortest delay</dd>
          </div>
          <div>
            <dt>Sound</dt>
            <dd>AAC, 48 kHz, stereo, 128 kbit/s</dd>
          </div>
        </dl>
      </details>
      <details className="details">
        <summary>Publish by WebRTC (WHIP)</summary>
        <CopyField
          label="WHIP URL"
          value={absoluteUrl(publish.whipUrl, location.origin)}
          hint="Bearer token: the stream key"
        />
      </details>
      {isRotating && (
        <ConfirmDialog
          title="Draw a new stream key?"
          verb="Draw a new key"
          onConfirm={onRotate}
          onClose={() => setRotating(false)}
        >
          <p>
            The old key is good no more: each encoder needs the new one.
            {isOnAir && " Who is on air with the old key is cut off at once."}
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}
