/* Cameras and microphones: what was chosen is remembered in this browser. */
export interface Resolution {
  id: string;
  label: string;
  width: number;
  height: number;
  fps: number;
  maxVideoBitrate: number;
}

export const RESOLUTIONS: readonly [Resolution, ...Resolution[]] = [
  { id: "720p30", label: "720p · 30 fps", width: 1280, height: 720, fps: 30, maxVideoBitrate: 2_500_000 },
  { id: "1080p30", label: "1080p · 30 fps", width: 1920, height: 1080, fps: 30, maxVideoBitrate: 4_500_000 },
  { id: "540p30", label: "540p · 30 fps", width: 960, height: 540, fps: 30, maxVideoBitrate: 1_500_000 },
  { id: "360p30", label: "360p · 30 fps", width: 640, height: 360, fps: 30, maxVideoBitrate: 800_000 },
];

export interface DeviceChoice {
  cameraId: string;
  microphoneId: string;
  resolutionId: string;
}

const STORED = "stoa.devices";
const NONE: DeviceChoice = { cameraId: "", microphoneId: "", resolutionId: RESOLUTIONS[0].id };

export function resolutionOf(id: string): Resolution {
  return RESOLUTIONS.find((r) => r.id === id) ?? RESOLUTIONS[0];
}

export function loadChoice(): DeviceChoice {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORED) ?? "{}");
    return { ...NONE, ...(stored as Partial<DeviceChoice>) };
  } catch {
    return NONE;
  }
}

export function saveChoice(choice: DeviceChoice): void {
  try {
    localStorage.setItem(STORED, JSON.stringify(choice));
  } catch {
    /* Not remembered, still used. */
  }
}

/* A remembered device may be unplugged: `ideal` falls back to another one instead of failing. */
export function constraintsFor(choice: DeviceChoice): MediaStreamConstraints {
  const { width, height, fps } = resolutionOf(choice.resolutionId);
  const video: MediaTrackConstraints = {
    width: { ideal: width },
    height: { ideal: height },
    frameRate: { ideal: fps, max: fps },
  };
  const audio: MediaTrackConstraints = {
    channelCount: { ideal: 2 },
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
  };
  if (choice.cameraId !== "") video.deviceId = { ideal: choice.cameraId };
  if (choice.microphoneId !== "") audio.deviceId = { ideal: choice.microphoneId };
  return { video, audio };
}

/* The browser's refusal as a sentence that says what to do. */
export function deviceSentence(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return "The browser does not allow the camera and microphone. Allow them in the address bar, then try again.";
    case "NotFoundError":
      return "No camera or microphone was found. Connect one, then try again.";
    case "NotReadableError":
    case "AbortError":
      return "The camera or microphone is in use by another program. Close it, then try again.";
    case "InsecureContextError":
      return "Browsers give the camera only to pages on HTTPS or localhost. Open the studio by HTTPS.";
    default:
      return "The camera could not be started.";
  }
}

export async function openDevices(choice: DeviceChoice): Promise<MediaStream> {
  /* Typed as always there, absent on plain HTTP. */
  const media = navigator.mediaDevices as MediaDevices | undefined;
  if (media === undefined) {
    const error = new Error("no media devices");
    error.name = "InsecureContextError";
    throw error;
  }
  return media.getUserMedia(constraintsFor(choice));
}

export function stopStream(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
