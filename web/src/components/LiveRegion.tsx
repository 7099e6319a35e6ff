import { useEffect, useState, type ReactElement } from "react";

const LASTS_MS = 500;

/*
 * Tells screen readers of a state, once it has lasted a moment: a stall of a blink is not worth a word. It is
 * there before the word is, or it would not be heard. Numbers that move by themselves never stand in one.
 */
export function LiveRegion({ text }: { text: string }): ReactElement {
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSaid(text.replace("…", "")), LASTS_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div className="stoa-unseen" role="status" aria-live="polite">
      {said}
    </div>
  );
}
