import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError } from "../api/problem";
import { retryDelayMs, type RetryRule } from "../retry";

const FAILED: RetryRule = { firstMs: 1_000, factor: 1.5, maxMs: 10_000, tries: Infinity, jitter: 0.3 };

export interface Polled<T> {
  /* The last good answer; kept while later ones fail. */
  data: T | null;
  /* Why the last try failed, null when it did not. */
  error: unknown;
  refresh: () => void;
}

/*
 * Asks `load` again and again while the page is visible; the next wait depends on the last answer. After a
 * failure it waits longer each time, a hidden page does not ask at all, and one that is shown again asks at
 * once. What is not found or not allowed stays so: it is asked again only by `refresh`. A wait of Infinity
 * asks no more by itself, either.
 *
 * `load` and `waitMs` must keep their identity while they mean the same (useCallback, module functions).
 */
export function usePolling<T>(
  load: (signal: AbortSignal) => Promise<T>,
  waitMs: (data: T | null) => number,
): Polled<T> {
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState<unknown>(null);
  const refreshRef = useRef<() => void>(() => undefined);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let running: AbortController | null = null;
    let failures = 0;
    let stopped = false;

    const schedule = (ms: number): void => {
      clearTimeout(timer);
      if (stopped || document.hidden || ms === Infinity) return;
      timer = setTimeout(() => void ask(), ms);
    };
    const ask = async (): Promise<void> => {
      if (running !== null) return;
      const controller = new AbortController();
      running = controller;
      try {
        const answer = await load(controller.signal);
        if (controller.signal.aborted) return;
        failures = 0;
        setData(answer);
        setError(null);
        schedule(waitMs(answer));
      } catch (reason) {
        if (controller.signal.aborted) return;
        setError(reason);
        if (reason instanceof ApiError && (reason.isNotFound || reason.isDenied)) return;
        schedule(retryDelayMs(FAILED, failures++, Math.random()) ?? 0);
      } finally {
        if (running === controller) running = null;
      }
    };
    const onVisibility = (): void => {
      if (document.hidden) clearTimeout(timer);
      else void ask();
    };

    refreshRef.current = () => {
      /* What is under way may have been answered before the change that is to be seen. */
      running?.abort();
      running = null;
      void ask();
    };
    document.addEventListener("visibilitychange", onVisibility);
    void ask();
    return () => {
      stopped = true;
      running?.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisibility);
    };
  }, [load, waitMs]);

  const refresh = useCallback(() => refreshRef.current(), []);
  return { data, error, refresh };
}
