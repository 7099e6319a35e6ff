import { ChevronLeft, ChevronRight } from "lucide-react";
import type { ReactElement } from "react";
import type { Paged } from "../hooks/usePaged";

/* Back and forth through a list; not there when it fits on one page. */
export function Pager({ list, label }: { list: Paged<unknown>; label: string }): ReactElement | null {
  if (list.toNext === null && list.number === 1) return null;
  return (
    <nav className="pager" aria-label={label}>
      <button
        type="button"
        className="button"
        disabled={list.toPrevious === null}
        onClick={() => list.toPrevious?.()}
      >
        <ChevronLeft aria-hidden="true" />
        Previous
      </button>
      <span aria-live="polite">Page {list.number}</span>
      <button
        type="button"
        className="button"
        disabled={list.toNext === null}
        onClick={() => list.toNext?.()}
      >
        Next
        <ChevronRight aria-hidden="true" />
      </button>
    </nav>
  );
}
