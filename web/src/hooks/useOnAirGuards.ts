import { useEffect } from "react";

/*
 * While on air the screen stays on (a phone that sleeps stops its camera), and leaving the page asks first.
 */
export function useOnAirGuards(isOnAir: boolean): void {
  useEffect(() => {
    if (!isOnAir) return;
    let lock: WakeLockSentinel | null = null;
    let isOver = false;

    const acquire = async (): Promise<void> => {
      if (!("wakeLock" in navigator) || document.hidden) return;
      try {
        const sentinel = await navigator.wakeLock.request("screen");
        if (isOver) await sentinel.release();
        else lock = sentinel;
      } catch {
        /* Refused on low battery or by policy: the broadcast goes on without it. */
      }
    };
    /* The browser takes the lock away whenever the page is hidden. */
    const onVisibility = (): void => void acquire();
    const onBeforeUnload = (event: BeforeUnloadEvent): void => event.preventDefault();

    void acquire();
    document.addEventListener("visibilitychange", onVisibility);
    window.addEventListener("beforeunload", onBeforeUnload);
    return () => {
      isOver = true;
      void lock?.release();
      document.removeEventListener("visibilitychange", onVisibility);
      window.removeEventListener("beforeunload", onBeforeUnload);
    };
  }, [isOnAir]);
}
