import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, sentenceOf } from "../api/problem";

export interface Action {
  isBusy: boolean;
  /* Why the last run failed, as a sentence; null when the fields say it all, or nothing failed. */
  error: string | null;
  /* What is wrong with which field, by the server's names. */
  fields: Readonly<Record<string, string>>;
  /* Resolves to whether it went well; never throws. A second run while one is under way does nothing. */
  run: (what: () => Promise<void>) => Promise<boolean>;
  clear: () => void;
}

interface Outcome {
  isBusy: boolean;
  error: string | null;
  fields: Readonly<Record<string, string>>;
}

const IDLE: Outcome = { isBusy: false, error: null, fields: {} };

/* A request that somebody asked for by a button: busy, refused with a sentence, refused field by field. */
export function useAction(): Action {
  const [outcome, setOutcome] = useState(IDLE);
  const isRunning = useRef(false);
  const isThere = useRef(true);
  useEffect(() => {
    isThere.current = true;
    return () => {
      isThere.current = false;
    };
  }, []);

  const run = useCallback(async (what: () => Promise<void>): Promise<boolean> => {
    if (isRunning.current) return false;
    isRunning.current = true;
    setOutcome({ ...IDLE, isBusy: true });
    let failed: Outcome | null = null;
    try {
      await what();
    } catch (reason) {
      failed = outcomeOf(reason);
    }
    isRunning.current = false;
    if (isThere.current) setOutcome(failed ?? IDLE);
    return failed === null;
  }, []);
  const clear = useCallback(() => setOutcome(IDLE), []);
  return { ...outcome, run, clear };
}

function outcomeOf(reason: unknown): Outcome {
  const fields = reason instanceof ApiError ? reason.fields : {};
  return { isBusy: false, error: sentenceOf(reason), fields };
}
