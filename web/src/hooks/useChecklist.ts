import { checksOf, type Check } from "../publish/checks";
import { resolutionOf } from "../publish/devices";
import type { UploadState } from "../publish/checks";
import type { Preview } from "./usePreview";
import { useMicrophone } from "./useMicrophone";
import { useSession } from "./useSession";

interface ChecklistInput {
  preview: Preview;
  upload: UploadState;
  resolutionId: string;
  isByKey: boolean;
}

const SIGNED_OUT = "Your session has ended. Sign in again before you go live.";

function videoCodecs(): string[] {
  if (!("RTCRtpSender" in window)) return [];
  return (RTCRtpSender.getCapabilities("video")?.codecs ?? []).map((codec) => codec.mimeType);
}

export function useChecklist(input: ChecklistInput): Check[] {
  const { preview, upload, resolutionId, isByKey } = input;
  const session = useSession();
  const microphone = useMicrophone(preview.stream);
  const video = preview.stream?.getVideoTracks()[0];
  const audio = preview.stream?.getAudioTracks()[0];
  const settings = video?.getSettings();
  return checksOf({
    hasWebRtc: "RTCPeerConnection" in window,
    videoCodecs: videoCodecs(),
    isFirefox: navigator.userAgent.includes(" Firefox/"),
    camera:
      video === undefined
        ? null
        : { name: video.label, width: settings?.width ?? 0, height: settings?.height ?? 0 },
    deviceError: preview.error,
    microphone,
    microphoneName: audio?.label ?? null,
    upload,
    resolution: resolutionOf(resolutionId),
    accessError: !isByKey && session.kind === "out" ? SIGNED_OUT : null,
    isByKey,
  });
}
