import { useEffect, useRef, type ReactElement } from "react";
import { watchLevel } from "../publish/levelMeter";

/* Moves the bar outside of React: sixty times a second is no business of a render. */
export function LevelMeter({ stream }: { stream: MediaStream | null }): ReactElement {
  const cover = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (stream === null) return;
    return watchLevel(stream, (level) => {
      if (cover.current) cover.current.style.transform = `scaleX(${(1 - level).toFixed(3)})`;
    });
  }, [stream]);
  return (
    <div className="meter" role="img" aria-label="Microphone level">
      <div ref={cover} className="meter-cover" />
    </div>
  );
}
