import { changePassword, getMe, signIn, signOut, type Account, type Me } from "./api/auth";
import { linkSession } from "./api/http";
import { ApiError } from "./api/problem";
import { retryDelayMs, type RetryRule } from "./retry";

/*
 * Who is signed in, in this tab. The cookie is the browser's and no script sees it, so the server is asked -
 * but only when a mark says that somebody signed in here: thousands of buyers never do. The mark also tells
 * the other tabs, by the storage event, that something changed.
 */
export type Session =
  /* Being asked. `error`: the last try got no answer. */
  | { kind: "unknown"; error: unknown }
  /* `isExpired`: it was there a moment ago. */
  | { kind: "out"; isExpired: boolean }
  | { kind: "in"; account: Account };

const MARK = "stoa.signedIn";
const RETRY: RetryRule = { firstMs: 1_000, factor: 1.5, maxMs: 10_000, tries: Infinity, jitter: 0.3 };

function hasMark(): boolean {
  try {
    return localStorage.getItem(MARK) !== null;
  } catch {
    return true;
  }
}

function setMark(isSignedIn: boolean): void {
  try {
    if (isSignedIn) localStorage.setItem(MARK, String(Date.now()));
    else localStorage.removeItem(MARK);
  } catch {
    /* The other tabs find out when they ask. */
  }
}

let current: Session = { kind: "unknown", error: null };
let csrfToken: string | null = null;
let asking: Promise<void> | null = null;
const listeners = new Set<() => void>();

function set(next: Session): void {
  current = next;
  for (const listener of listeners) listener();
}

function take(me: Me): void {
  csrfToken = me.csrfToken;
  if (me.account !== null) set({ kind: "in", account: me.account });
  else set({ kind: "out", isExpired: current.kind === "in" || isExpired(current) });
}

function isExpired(session: Session): boolean {
  return session.kind === "out" && session.isExpired;
}

async function ask(): Promise<void> {
  for (let failures = 0; ; failures++) {
    try {
      take(await getMe());
      return;
    } catch (error) {
      /* A cookie that is no longer good may be refused even here. */
      if (error instanceof ApiError && error.isDenied) {
        take({ account: null, csrfToken: null });
        return;
      }
      if (current.kind !== "unknown") return;
      set({ kind: "unknown", error });
      const waitMs = retryDelayMs(RETRY, failures, Math.random()) ?? RETRY.maxMs;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}

/* Asks the server who is signed in. Several callers at once share one answer. */
async function load(): Promise<void> {
  asking ??= ask().finally(() => (asking = null));
  await asking;
}

export const session = {
  get: (): Session => current,

  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },

  load,

  /* Throws ApiError with the server's sentence. */
  signIn: async (email: string, password: string): Promise<void> => {
    take(await signIn(email, password));
    setMark(true);
  },

  signOut: async (): Promise<void> => {
    try {
      await signOut();
    } catch (error) {
      /* One that is over already is signed out as well. */
      if (!(error instanceof ApiError && error.isDenied)) throw error;
    }
    csrfToken = null;
    setMark(false);
    set({ kind: "out", isExpired: false });
  },

  /* The session goes on; the account's other ones end. */
  changePassword: async (currentPassword: string, newPassword: string): Promise<void> => {
    await changePassword(currentPassword, newPassword);
    await load();
  },
};

/* Called once, before the first page is drawn. */
export function startSession(): void {
  linkSession({
    csrfToken: () => csrfToken,
    renew: load,
    onRefused: () => {
      if (current.kind === "in") void load();
    },
  });
  window.addEventListener("storage", (event) => {
    if (event.key === MARK) void load();
  });
  if (hasMark()) void load();
  else set({ kind: "out", isExpired: false });
}
