import { Download, Play } from "lucide-react";
import { useEffect, useRef, useState, type ReactElement } from "react";
import { playRecording, recordingFile } from "../play/playRecording";
import { Dialog } from "./Dialog";
import { Notice } from "./Notice";

interface RecordingLinksProps {
  /* of the playlist */
  url: string;
  /* Which one, for who does not see where the buttons stand: "of 3 Nov, 15:38". */
  of?: string;
}

/* The two things that one does with a recording. */
export function RecordingLinks({ url, of = "" }: RecordingLinksProps): ReactElement {
  const [isPlaying, setPlaying] = useState(false);
  const which = of === "" ? "" : ` ${of}`;
  return (
    <>
      <button type="button" className="button" onClick={() => setPlaying(true)}>
        <Play aria-hidden="true" />
        Play<span className="visually-hidden"> the recording{which}</span>
      </button>
      <a
        className="icon-button"
        href={recordingFile(url)}
        download
        aria-label={`Download the recording${which}`}
        title="Download as MP4"
      >
        <Download aria-hidden="true" />
      </a>
      {isPlaying && <RecordingDialog url={url} onClose={() => setPlaying(false)} />}
    </>
  );
}

function RecordingDialog({ url, onClose }: { url: string; onClose: () => void }): ReactElement {
  const video = useRef<HTMLVideoElement>(null);
  const [isBroken, setBroken] = useState(false);
  useEffect(() => {
    if (video.current === null) return;
    return playRecording(video.current, url, () => setBroken(true));
  }, [url]);
  return (
    <Dialog title="Recording" isWide onClose={onClose}>
      <video ref={video} className="recording-video" aria-label="Recording" autoPlay controls playsInline />
      {isBroken && <Notice tone="bad">The recording cannot be played. Perhaps it was deleted.</Notice>}
    </Dialog>
  );
}
