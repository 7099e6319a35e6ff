import { Circle, Square } from "lucide-react";
import { useCallback, type ReactElement } from "react";
import { getRecording, startRecording, stopRecording, type Recording } from "../api/client";
import { sentenceOf } from "../api/problem";
import { formatBytes, formatDuration } from "../format";
import { useAction } from "../hooks/useAction";
import { usePolling } from "../hooks/usePolling";
import { Facts } from "./Facts";
import { Notice } from "./Notice";
import { RecordingLinks } from "./RecordingLinks";

interface RecordingPanelProps {
  channelId: number;
  accessKey: string | null;
  isOnAir: boolean;
}

const whileRecording = (recording: Recording | null): number =>
  recording?.isRecording === true ? 2_000 : 10_000;

/* Keeps what is broadcast as a file on the server. */
export function RecordingPanel(props: RecordingPanelProps): ReactElement {
  const { channelId, accessKey, isOnAir } = props;
  const load = useCallback(
    (signal: AbortSignal) => getRecording(channelId, accessKey, signal),
    [channelId, accessKey],
  );
  const { data: recording, error, refresh } = usePolling(load, whileRecording);
  const action = useAction();
  const toggle = async (): Promise<void> => {
    const isOn = recording?.isRecording === true;
    await action.run(() => (isOn ? stopRecording : startRecording)(channelId, accessKey));
    refresh();
  };
  const trouble = action.error ?? (error === null ? null : sentenceOf(error));
  return (
    <div className="form">
      <div role="status">
        {recording?.isRecording === true ? (
          <p className="recording-line">
            <span className="badge badge-playing">
              <span className="pulse" aria-hidden="true" />
              Recording
            </span>
            <Facts
              of={[
                formatDuration(recording.durationSeconds * 1000),
                formatBytes(recording.bytes),
              ]}
            />
          </p>
        ) : (
          <p className="field-hint">
            {isOnAir ? "This broadcast is not recorded." : "Can be switched on while you are on air."}
          </p>
        )}
      </div>
      <div className="button-row">
        <button
          type="button"
          className="button"
          disabled={action.isBusy || recording === null || (!isOnAir && !recording.isRecording)}
          onClick={() => void toggle()}
        >
          {recording?.isRecording === true ? (
            <Square aria-hidden="true" />
          ) : (
            <Circle aria-hidden="true" />
          )}
          {recording?.isRecording === true ? "Stop recording" : "Record"}
        </button>
      </div>
      {recording?.url != null && !recording.isRecording && (
        <div className="button-row last-recording">
          <span>
            Last recording
            <span className="field-hint">
              <Facts
                of={[formatDuration(recording.durationSeconds * 1000), formatBytes(recording.bytes)]}
              />
            </span>
          </span>
          <RecordingLinks url={recording.url} />
        </div>
      )}
      {recording?.isRecording === false && recording.reason !== null && (
        <Notice tone="warn">{recording.reason}</Notice>
      )}
      {trouble !== null && <Notice tone="bad">{trouble}</Notice>}
    </div>
  );
}
