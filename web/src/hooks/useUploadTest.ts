import { useCallback, useEffect, useState } from "react";
import { sentenceOf } from "../api/problem";
import type { UploadState } from "../publish/checks";
import { measureUpload } from "../publish/uploadTest";

/*
 * Measures once by itself when the studio opens, and again when asked; never while on air, where it would
 * take from what it measures.
 */
export function useUploadTest(isOnAir: boolean): { state: UploadState; again: () => void } {
  const [state, setState] = useState<UploadState>({ kind: "waiting" });
  const [round, setRound] = useState(0);
  const isDone = state.kind === "measured" || state.kind === "failed";
  const isWanted = !isOnAir && !isDone;

  useEffect(() => {
    if (!isWanted) return;
    const stop = new AbortController();
    measureUpload(stop.signal).then(
      (kbps) => {
        if (!stop.signal.aborted) setState({ kind: "measured", kbps });
      },
      (reason: unknown) => {
        if (!stop.signal.aborted) setState({ kind: "failed", sentence: sentenceOf(reason) });
      },
    );
    return () => stop.abort();
  }, [isWanted, round]);

  const again = useCallback(() => {
    setState({ kind: "measuring" });
    setRound((n) => n + 1);
  }, []);
  return { state, again };
}
