/*
 * Stream keys and the admin key live in sessionStorage: gone when the tab closes, never in a URL, never
 * in localStorage. Storage can be forbidden (private mode, policies); then a key lives as long as the page.
 */
const memory = new Map<string, string>();

function read(name: string): string | null {
  try {
    return sessionStorage.getItem(name) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

function write(name: string, value: string | null): void {
  if (value === null) memory.delete(name);
  else memory.set(name, value);
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
  } catch {
    /* kept in memory */
  }
}

export const adminKey = {
  get: (): string | null => read("stoa.adminKey"),
  set: (key: string | null): void => write("stoa.adminKey", key),
};

/* The key that opened a channel's studio: its stream key, or the admin key. */
export const channelKey = {
  get: (id: number): string | null => read(`stoa.channelKey.${id}`) ?? adminKey.get(),
  set: (id: number, key: string | null): void => write(`stoa.channelKey.${id}`, key),
};
