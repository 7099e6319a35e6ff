import { formatBitrate } from "../format";
import type { Resolution } from "./devices";

/*
 * What is looked at before going live. Each line says what was found and, where something is wrong, what to
 * do; none says more than what was measured.
 */
export type CheckState = "waiting" | "good" | "warn" | "bad";

export interface Check {
  id: "browser" | "camera" | "microphone" | "upload" | "keys";
  title: string;
  state: CheckState;
  detail: string;
}

export type MicrophoneState = "none" | "silent" | "moving";

export type UploadState =
  | { kind: "waiting" }
  | { kind: "measuring" }
  | { kind: "measured"; kbps: number }
  | { kind: "failed"; sentence: string };

export interface CheckInput {
  hasWebRtc: boolean;
  videoCodecs: readonly string[];
  isFirefox: boolean;
  camera: { name: string; width: number; height: number } | null;
  /* Why there is no camera; null while it opens. */
  deviceError: string | null;
  microphone: MicrophoneState;
  microphoneName: string | null;
  upload: UploadState;
  resolution: Resolution;
  /* Why one may not broadcast here any more; null: one may. */
  accessError: string | null;
  /* How one came in. */
  isByKey: boolean;
}

const AUDIO_KBPS = 128;
/* An encoder that is told 2.5 Mbit/s sometimes sends more, and a line is never all ours. */
const ENOUGH = 1.4;

export function checksOf(input: CheckInput): Check[] {
  return [browser(input), camera(input), microphone(input), upload(input), keys(input)];
}

/* Whether going live is likely to work; warnings do not stop anybody. */
export function worstOf(checks: readonly Check[]): CheckState {
  const order: readonly CheckState[] = ["bad", "warn", "waiting", "good"];
  return order.find((state) => checks.some((check) => check.state === state)) ?? "good";
}

/* Why going live would be in vain whatever one does on this page; null: it may work. */
export function obstacleOf(checks: readonly Check[]): string | null {
  return checks.find((check) => check.id === "browser" && check.state === "bad")?.detail ?? null;
}

/* Firefox has no encoder of its own: it downloads one some minutes after its first start, unless that is forbidden. */
const NO_PLUGIN =
  "This Firefox cannot send H.264, which every player can show: its OpenH264 plugin is missing or off. " +
  "Look at Plugins in about:addons (a new Firefox gets it within minutes), then reload this page. " +
  "Or use Chrome, Edge or Safari, or OBS.";
const NO_H264 = "This browser cannot send H.264, which every player can show. Use Chrome, Edge or Safari, or OBS.";

function browser({ hasWebRtc, videoCodecs, isFirefox }: CheckInput): Check {
  const base = { id: "browser", title: "Browser" } as const;
  if (!hasWebRtc) {
    return { ...base, state: "bad", detail: "This browser has no WebRTC. Use a current Chrome, Edge, Safari or Firefox." };
  }
  if (!videoCodecs.some((type) => type.toLowerCase() === "video/h264")) {
    return { ...base, state: "bad", detail: isFirefox ? NO_PLUGIN : NO_H264 };
  }
  return { ...base, state: "good", detail: "Sends H.264." };
}

function camera(input: CheckInput): Check {
  const base = { id: "camera", title: "Camera" } as const;
  const { deviceError, resolution } = input;
  if (deviceError !== null) return { ...base, state: "bad", detail: deviceError };
  if (input.camera === null) return { ...base, state: "waiting", detail: "Allow it when the browser asks." };
  const { name, width, height } = input.camera;
  const detail = `${name === "" ? "Found" : name}, ${width}×${height}.`;
  if (Math.min(width, height) < resolution.height) {
    return {
      ...base,
      state: "warn",
      detail: `${detail} It gives less than the chosen quality; choose a lower one, or another camera.`,
    };
  }
  return { ...base, state: "good", detail };
}

function microphone(input: CheckInput): Check {
  const base = { id: "microphone", title: "Microphone" } as const;
  const name = input.microphoneName ?? "";
  if (input.deviceError !== null) return { ...base, state: "bad", detail: input.deviceError };
  if (input.microphone === "none") {
    return { ...base, state: "waiting", detail: "Allow it when the browser asks." };
  }
  if (input.microphone === "silent") {
    return { ...base, state: "warn", detail: `${name === "" ? "It" : name} gives no sound yet. Say something.` };
  }
  return { ...base, state: "good", detail: `${name === "" ? "It" : name} hears you.` };
}

export function neededKbps(resolution: Resolution): number {
  return Math.round(resolution.maxVideoBitrate / 1000) + AUDIO_KBPS;
}

function upload({ upload: state, resolution }: CheckInput): Check {
  const base = { id: "upload", title: "Upload" } as const;
  if (state.kind === "waiting" || state.kind === "measuring") {
    return { ...base, state: "waiting", detail: "Measuring the way to the server…" };
  }
  if (state.kind === "failed") {
    return { ...base, state: "warn", detail: `Not measured. ${state.sentence}` };
  }
  const needed = neededKbps(resolution);
  const found = `About ${formatBitrate(state.kbps)} to the server; this quality needs ${formatBitrate(needed)}.`;
  if (state.kbps < needed) {
    return { ...base, state: "bad", detail: `${found} Choose a lower quality, or use a cable.` };
  }
  if (state.kbps < needed * ENOUGH) {
    return { ...base, state: "warn", detail: `${found} That is tight: choose a lower quality to be safe.` };
  }
  return { ...base, state: "good", detail: found };
}

function keys({ accessError, isByKey }: CheckInput): Check {
  const base = { id: "keys", title: "Permission" } as const;
  if (accessError !== null) return { ...base, state: "bad", detail: accessError };
  const by = isByKey ? "The key is good" : "You are signed in";
  return { ...base, state: "good", detail: `${by}, and may broadcast on this channel.` };
}
