import { useCallback, useEffect, useRef, useState } from "react";
import { deviceSentence, openDevices, stopStream, type DeviceChoice } from "../publish/devices";

export interface Preview {
  stream: MediaStream | null;
  error: string | null;
  cameras: MediaDeviceInfo[];
  microphones: MediaDeviceInfo[];
  reopen: () => void;
}

/* Names are empty until the person has allowed the devices; a nameless list helps nobody. */
async function listDevices(kind: MediaDeviceKind): Promise<MediaDeviceInfo[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === kind && device.label !== "");
}

/*
 * The chosen camera and microphone, open as long as `isWanted`. The old ones are closed before the new ones
 * open: a phone has only one camera at a time.
 */
export function usePreview(choice: DeviceChoice, isWanted: boolean): Preview {
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [cameras, setCameras] = useState<MediaDeviceInfo[]>([]);
  const [microphones, setMicrophones] = useState<MediaDeviceInfo[]>([]);
  const [round, setRound] = useState(0);
  const open = useRef<MediaStream | null>(null);

  useEffect(() => {
    if (!isWanted) return;
    let isCurrent = true;
    const run = async (): Promise<void> => {
      try {
        const opened = await openDevices(choice);
        if (!isCurrent) {
          stopStream(opened);
          return;
        }
        open.current = opened;
        setError(null);
        setStream(opened);
        setCameras(await listDevices("videoinput"));
        setMicrophones(await listDevices("audioinput"));
      } catch (reason) {
        if (isCurrent) setError(deviceSentence(reason));
      }
    };
    void run();
    return () => {
      isCurrent = false;
      stopStream(open.current);
      open.current = null;
      setStream(null);
    };
  }, [choice, isWanted, round]);

  /* A camera that was pulled out ends its track: take what is left. */
  useEffect(() => {
    const tracks = stream?.getTracks() ?? [];
    const onEnded = (): void => setRound((n) => n + 1);
    for (const track of tracks) track.addEventListener("ended", onEnded);
    return () => {
      for (const track of tracks) track.removeEventListener("ended", onEnded);
    };
  }, [stream]);

  const reopen = useCallback(() => setRound((n) => n + 1), []);
  return { stream, error, cameras, microphones, reopen };
}
