import { useId, type ReactElement } from "react";
import type { Preview } from "../hooks/usePreview";
import { RESOLUTIONS, type DeviceChoice } from "../publish/devices";

interface DevicePickerProps {
  choice: DeviceChoice;
  preview: Preview;
  isOnAir: boolean;
  onChange: (choice: DeviceChoice) => void;
}

interface PickProps {
  label: string;
  value: string;
  options: { value: string; text: string }[];
  isDisabled?: boolean;
  onPick: (value: string) => void;
}

function Pick({ label, value, options, isDisabled = false, onPick }: PickProps): ReactElement {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={isDisabled || options.length === 0}
        onChange={(event) => onPick(event.target.value)}
      >
        {options.length === 0 && <option value={value}>Default</option>}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
    </div>
  );
}

const asOption = (device: MediaDeviceInfo): { value: string; text: string } => ({
  value: device.deviceId,
  text: device.label,
});

/* The device that is really open, which may not be the remembered one. */
function openDevice(track: MediaStreamTrack | undefined, wanted: string): string {
  return track?.getSettings().deviceId ?? wanted;
}

export function DevicePicker(props: DevicePickerProps): ReactElement {
  const { choice, preview, isOnAir, onChange } = props;
  const camera = openDevice(preview.stream?.getVideoTracks()[0], choice.cameraId);
  const microphone = openDevice(preview.stream?.getAudioTracks()[0], choice.microphoneId);
  return (
    <div className="device-grid">
      <Pick
        label="Camera"
        value={camera}
        options={preview.cameras.map(asOption)}
        onPick={(cameraId) => onChange({ ...choice, cameraId })}
      />
      <Pick
        label="Microphone"
        value={microphone}
        options={preview.microphones.map(asOption)}
        onPick={(microphoneId) => onChange({ ...choice, microphoneId })}
      />
      <Pick
        label="Quality"
        value={choice.resolutionId}
        options={RESOLUTIONS.map((r) => ({ value: r.id, text: r.label }))}
        isDisabled={isOnAir}
        onPick={(resolutionId) => onChange({ ...choice, resolutionId })}
      />
    </div>
  );
}
