/* What happens to the page as a whole and matters to a connection. Without a document: always visible. */
export interface PageSignals {
  isHidden: () => boolean;
  /* Shown again, or hidden. */
  onVisibility: (listener: () => void) => () => void;
  /* The device has a network again. */
  onOnline: (listener: () => void) => () => void;
  /* The page is put aside (`true`; the back/forward cache takes no page with an open WebSocket), or brought back. */
  onAside: (listener: (isAside: boolean) => void) => () => void;
}

function listen(target: EventTarget, name: string, listener: () => void): () => void {
  target.addEventListener(name, listener);
  return () => target.removeEventListener(name, listener);
}

const NOTHING = (): void => undefined;

export function pageSignals(): PageSignals {
  if (typeof document === "undefined") {
    return {
      isHidden: () => false,
      onVisibility: () => NOTHING,
      onOnline: () => NOTHING,
      onAside: () => NOTHING,
    };
  }
  return {
    isHidden: () => document.hidden,
    onVisibility: (listener) => listen(document, "visibilitychange", listener),
    onOnline: (listener) => listen(window, "online", listener),
    onAside: (listener) => {
      const stops = [
        listen(window, "pagehide", () => listener(true)),
        listen(window, "pageshow", () => listener(false)),
      ];
      return () => stops.forEach((stop) => stop());
    },
  };
}
