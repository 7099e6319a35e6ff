import { useEffect, useState } from "react";
import { MovementWatch, watchLevel } from "../publish/levelMeter";
import type { MicrophoneState } from "../publish/checks";

/* Whether the microphone of this stream really hears something; once it did, it is believed. */
export function useMicrophone(stream: MediaStream | null): MicrophoneState {
  const [heard, setHeard] = useState<MediaStream | null>(null);
  useEffect(() => {
    if (stream === null) return;
    const movement = new MovementWatch();
    const stop = watchLevel(stream, (level) => {
      if (!movement.add(level)) return;
      setHeard(stream);
      stop();
    });
    return stop;
  }, [stream]);
  if (stream === null || stream.getAudioTracks().length === 0) return "none";
  return heard === stream ? "moving" : "silent";
}
