import {
  useSyncExternalStore,
  type AnchorHTMLAttributes,
  type MouseEvent,
  type ReactElement,
} from "react";

/* A few kinds of pages do not need a library: a path is matched, links push the history. */
export type Route =
  | { page: "home" }
  | { page: "signIn" }
  | { page: "channels" }
  | { page: "studio"; channelId: number }
  | { page: "watch"; channelId: number }
  /* `item`: one of what the section lists */
  | { page: "account"; section: AccountSection; item: string | null }
  | { page: "admin"; section: AdminSection; item: string | null }
  | { page: "missing" };

export const ACCOUNT_SECTIONS = ["profile", "keys", "webhooks"] as const;
export type AccountSection = (typeof ACCOUNT_SECTIONS)[number];

export const ADMIN_SECTIONS = [
  "channels",
  "accounts",
  "keys",
  "webhooks",
  "health",
  "events",
] as const;
export type AdminSection = (typeof ADMIN_SECTIONS)[number];

const WITH_ITEMS: readonly string[] = ["webhooks", "health"];

/* Of "/admin/webhooks/<id>": the first section when none is named, null for one that does not exist. */
function matchSection<S extends string>(
  sections: readonly [S, ...S[]],
  parts: string[],
): { section: S; item: string | null } | null {
  const [name, item, ...more] = parts;
  if (name === undefined) return { section: sections[0], item: null };
  const section = sections.find((known) => known === name);
  if (section === undefined || more.length > 0) return null;
  if (item === undefined) return { section, item: null };
  return WITH_ITEMS.includes(section) && /^[0-9a-zA-Z-]{1,64}$/.test(item) ? { section, item } : null;
}

export function matchRoute(path: string): Route {
  const [first, ...rest] = path.split("/").filter((part) => part !== "");
  switch (first) {
    case undefined:
      return { page: "home" };
    case "sign-in":
    case "channels":
      if (rest.length > 0) break;
      return { page: first === "channels" ? "channels" : "signIn" };
    case "studio":
    case "watch": {
      const channelId = /^[0-9]{1,15}$/.test(rest[0] ?? "") ? Number(rest[0]) : 0;
      if (channelId === 0 || rest.length > 1) break;
      return { page: first, channelId };
    }
    case "account": {
      const match = matchSection(ACCOUNT_SECTIONS, rest);
      if (match === null) break;
      return { page: "account", ...match };
    }
    case "admin": {
      const match = matchSection(ADMIN_SECTIONS, rest);
      if (match === null) break;
      return { page: "admin", ...match };
    }
  }
  return { page: "missing" };
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener("popstate", onChange);
  return () => window.removeEventListener("popstate", onChange);
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

function here(): string {
  return location.pathname + location.search;
}

function move(path: string, doesReplace: boolean): void {
  if (path === here()) return;
  if (doesReplace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  window.dispatchEvent(new PopStateEvent("popstate"));
  window.scrollTo(0, 0);
}

export function navigate(path: string): void {
  move(path, false);
}

/* Without a way back: the page that is left would only lead here again. */
export function redirect(path: string): void {
  move(path, true);
}

function onLinkClick(event: MouseEvent<HTMLAnchorElement>): void {
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
  if (!isPlain || event.altKey || event.defaultPrevented) return;
  event.preventDefault();
  const target = new URL(event.currentTarget.href);
  navigate(target.pathname + target.search);
}

interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  href: string;
}

export function Link({ onClick, ...props }: LinkProps): ReactElement {
  const onAnyClick = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    onLinkClick(event);
  };
  return <a {...props} onClick={onAnyClick} />;
}

export const watchPath = (id: number): string => `/watch/${id}`;
export const studioPath = (id: number): string => `/studio/${id}`;

export function accountPath(section: AccountSection): string {
  return section === ACCOUNT_SECTIONS[0] ? "/account" : `/account/${section}`;
}

export function adminPath(section: AdminSection): string {
  return section === ADMIN_SECTIONS[0] ? "/admin" : `/admin/${section}`;
}

/* To the sign-in page and back to where one is. */
export function signInPath(): string {
  const back = here();
  const isWorthIt = back !== "/" && !back.startsWith("/sign-in");
  return isWorthIt ? `/sign-in?next=${encodeURIComponent(back)}` : "/sign-in";
}

/*
 * Where to go after signing in. `next` comes from the address bar, so from anybody: only a path of this
 * server is followed ("//elsewhere" and "/\elsewhere" are other servers to a browser, which drops tabs and breaks of line).
 */
export function pathAfterSignIn(search: string): string {
  const next = new URLSearchParams(search).get("next") ?? "";
  const isOurs = /^\/(?![/\\])[!-[\]-~]*$/.test(next) && !next.startsWith("/sign-in");
  return isOurs ? next : "/channels";
}
