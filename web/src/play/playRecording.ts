import { playsHlsNatively, preloadHls } from "./LivePlayer";

/* A recording's playlist is whole, and what it lists is one MP4 file unless the stream changed under way. */
export function recordingFile(url: string): string {
  return url.replace(/index\.m3u8$/, "1.mp4");
}

/*
 * Plays a recording in `video`, from its beginning. `onTrouble` is told when it cannot be played. Returns what
 * ends it.
 */
export function playRecording(video: HTMLVideoElement, url: string, onTrouble: () => void): () => void {
  if (playsHlsNatively()) {
    video.src = url;
    video.addEventListener("error", onTrouble);
    return () => {
      video.removeEventListener("error", onTrouble);
      video.removeAttribute("src");
      video.load();
    };
  }
  let isOver = false;
  let destroy: () => void = () => undefined;
  const open = async (): Promise<void> => {
    const { default: HlsClass, Events } = await preloadHls();
    if (isOver) return;
    if (!HlsClass.isSupported()) {
      onTrouble();
      return;
    }
    const hls = new HlsClass({ startPosition: 0 });
    destroy = () => hls.destroy();
    hls.on(Events.ERROR, (_event, { fatal }) => {
      if (fatal) onTrouble();
    });
    hls.attachMedia(video);
    hls.loadSource(url);
  };
  open().catch(onTrouble);
  return () => {
    isOver = true;
    destroy();
  };
}
