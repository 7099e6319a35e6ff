import {
  useSyncExternalStore,
  type AnchorHTMLAttributes,
  type MouseEvent,
  type ReactElement,
} from "react";

/* Three kinds of pages do not need a library: a path is matched, links push the history. */
export type Route =
  | { page: "home" }
  | { page: "studio"; channelId: number }
  | { page: "watch"; channelId: number }
  | { page: "missing" };

export function matchRoute(path: string): Route {
  if (path === "/" || path === "") return { page: "home" };
  const match = /^\/(studio|watch)\/([0-9]{1,15})\/?$/.exec(path);
  const channelId = Number(match?.[2]);
  if (match === null || channelId === 0) return { page: "missing" };
  return match[1] === "studio" ? { page: "studio", channelId } : { page: "watch", channelId };
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener("popstate", onChange);
  return () => window.removeEventListener("popstate", onChange);
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

export function navigate(path: string): void {
  if (path === location.pathname) return;
  history.pushState(null, "", path);
  window.dispatchEvent(new PopStateEvent("popstate"));
  window.scrollTo(0, 0);
}

function onLinkClick(event: MouseEvent<HTMLAnchorElement>): void {
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
  if (!isPlain || event.altKey || event.defaultPrevented) return;
  event.preventDefault();
  navigate(new URL(event.currentTarget.href).pathname);
}

interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  href: string;
}

export function Link(props: LinkProps): ReactElement {
  return <a {...props} onClick={onLinkClick} />;
}

export const watchPath = (id: number): string => `/watch/${id}`;
export const studioPath = (id: number): string => `/studio/${id}`;
