import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { resolutionOf } from "../publish/devices";
import type { Credential } from "../publish/publishTokens";
import { WebRTCPublisher, type PublisherState } from "../publish/WebRTCPublisher";
import { WhipClient } from "../publish/whipClient";

const MAX_AUDIO_BITRATE = 128_000;
const IDLE: PublisherState = { phase: "idle", error: null, stats: null };

export interface PublisherControl {
  state: PublisherState;
  goLive: (stream: MediaStream, resolutionId: string) => Promise<void>;
  leave: () => Promise<void>;
}

/* The publisher of this page. A new stream from the preview replaces the tracks on air. */
export function usePublisher(
  whipUrl: string,
  credential: Credential,
  stream: MediaStream | null,
): PublisherControl {
  const [publisher, setPublisher] = useState<WebRTCPublisher | null>(null);
  const onAirStream = useRef<MediaStream | null>(null);

  const subscribe = useCallback(
    (listener: () => void) => publisher?.subscribe(listener) ?? (() => undefined),
    [publisher],
  );
  const state = useSyncExternalStore(subscribe, () => publisher?.getState() ?? IDLE);

  useEffect(() => {
    if (publisher === null) return;
    const abandon = (): void => publisher.abandon();
    window.addEventListener("pagehide", abandon);
    return () => {
      window.removeEventListener("pagehide", abandon);
      publisher.abandon();
    };
  }, [publisher]);

  useEffect(() => {
    if (publisher === null || stream === null || onAirStream.current === stream) return;
    onAirStream.current = stream;
    void publisher.replaceTracks(stream);
  }, [publisher, stream]);

  const goLive = async (source: MediaStream, resolutionId: string): Promise<void> => {
    const { fps, maxVideoBitrate } = resolutionOf(resolutionId);
    const made = new WebRTCPublisher(new WhipClient(whipUrl, credential), {
      maxVideoBitrate,
      maxFramerate: fps,
      maxAudioBitrate: MAX_AUDIO_BITRATE,
    });
    onAirStream.current = source;
    setPublisher(made);
    await made.start(source);
  };
  const leave = async (): Promise<void> => {
    await publisher?.stop();
  };
  return { state, goLive, leave };
}
