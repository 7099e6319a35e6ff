import type { ReactElement } from "react";
import type { PublishAccess } from "../api/types";
import { absoluteUrl, rtmpTarget } from "../publish/rtmpUrl";
import { CopyField } from "./CopyField";

/* What to type into OBS or a hardware encoder. */
export function ObsPanel({ publish }: { publish: PublishAccess }): ReactElement {
  const rtmp = rtmpTarget(publish.rtmpUrl, publish.streamKey);
  return (
    <div className="form">
      <CopyField label="Server" value={rtmp.server} hint="Settings › Stream › Service: Custom" />
      <CopyField label="Stream key" value={rtmp.key} isSecret />
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
    </div>
  );
}
