import { useEffect, useState } from "react";
import type { ControlActions, VideoView } from "../components/PlayerControls";

/* iPhones put only the video itself in full screen, by a call of their own. */
interface PhoneVideo extends HTMLVideoElement {
  webkitEnterFullscreen?: () => void;
}

type ViewActions = Omit<ControlActions, "togglePlay">;

function setMuted(video: HTMLVideoElement, isMuted: boolean): void {
  video.muted = isMuted;
  if (!isMuted && video.volume === 0) video.volume = 1;
}

function setVolume(video: HTMLVideoElement, volume: number): void {
  video.volume = volume;
  video.muted = volume === 0;
}

/* Asked of the element: inside a shadow tree the document names the host instead. */
function isFullscreen(frame: HTMLElement | null): boolean {
  return frame?.matches(":fullscreen") === true;
}

/* Sound, full screen and picture in picture of a video and the frame around it. */
export function useVideoView(
  video: HTMLVideoElement | null,
  frame: HTMLElement | null,
): { view: VideoView; actions: ViewActions } {
  const [view, setView] = useState<VideoView>({
    isMuted: true,
    volume: 1,
    isFullscreen: false,
    canFullscreen: false,
    canPictureInPicture: false,
  });

  useEffect(() => {
    if (video === null) return;
    const closing = new AbortController();
    const read = (): void =>
      setView({
        isMuted: video.muted,
        volume: video.volume,
        isFullscreen: isFullscreen(frame),
        canFullscreen: document.fullscreenEnabled || "webkitEnterFullscreen" in video,
        canPictureInPicture: document.pictureInPictureEnabled,
      });
    read();
    const options = { signal: closing.signal };
    video.addEventListener("volumechange", read, options);
    document.addEventListener("fullscreenchange", read, options);
    return () => closing.abort();
  }, [video, frame]);

  const actions: ViewActions = {
    toggleMute: () => {
      if (video !== null) setMuted(video, !(video.muted || video.volume === 0));
    },
    setVolume: (volume) => {
      if (video !== null) setVolume(video, volume);
    },
    toggleFullscreen: () => {
      if (isFullscreen(frame)) void document.exitFullscreen();
      else if (frame && "requestFullscreen" in frame && document.fullscreenEnabled) {
        void frame.requestFullscreen().catch(() => undefined);
      } else {
        const phoneVideo: PhoneVideo | null = video;
        phoneVideo?.webkitEnterFullscreen?.();
      }
    },
    togglePictureInPicture: () => {
      if (document.pictureInPictureElement !== null) void document.exitPictureInPicture();
      else void video?.requestPictureInPicture().catch(() => undefined);
    },
  };
  return { view, actions };
}
