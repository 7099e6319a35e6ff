import { useCallback, useState } from "react";
import type { Page, PageQuery } from "../api/types";
import { usePolling } from "./usePolling";

export type LoadPage<T> = (query: PageQuery, signal: AbortSignal) => Promise<Page<T>>;

export interface Paged<T> {
  /* null: nothing has come yet */
  items: T[] | null;
  error: unknown;
  /* Another page was asked for and has not come yet. */
  isTurning: boolean;
  /* 1 is the first */
  number: number;
  toNext: (() => void) | null;
  toPrevious: (() => void) | null;
  refresh: () => void;
}

export const PAGE_LIMIT = 25;

/*
 * A list that comes in pages and is kept fresh, `everyMs` (0: only by `refresh`). Cursors only lead forward,
 * so the way back is remembered. A new `load` - another search, another filter - begins at the first page.
 */
export function usePaged<T>(load: LoadPage<T>, everyMs: number): Paged<T> {
  const [place, setPlace] = useState<{ load: LoadPage<T>; cursors: (string | null)[] }>({
    load,
    cursors: [null],
  });
  if (place.load !== load) setPlace({ load, cursors: [null] });
  const cursor = place.cursors.at(-1) ?? null;

  const ask = useCallback(
    async (signal: AbortSignal) => ({
      cursor,
      load,
      page: await load({ limit: PAGE_LIMIT, cursor }, signal),
    }),
    [load, cursor],
  );
  const wait = useCallback(() => (everyMs === 0 ? Infinity : everyMs), [everyMs]);
  const { data, error, refresh } = usePolling(ask, wait);

  const isTurning = data !== null && (data.cursor !== cursor || data.load !== load);
  const next = isTurning ? null : (data?.page.nextCursor ?? null);
  const move = (cursors: (string | null)[]) => () => setPlace({ load, cursors });
  return {
    items: data?.page.items ?? null,
    error,
    isTurning,
    number: place.cursors.length,
    toNext: next === null ? null : move([...place.cursors, next]),
    toPrevious: place.cursors.length > 1 ? move(place.cursors.slice(0, -1)) : null,
    refresh,
  };
}
