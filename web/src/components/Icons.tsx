import type { ReactElement } from "react";

/* The mark: a stoa, three columns under a roof. */
export function StoaMark(): ReactElement {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M16 6 6 11.2V13h20v-1.8zM8.5 14.5h3V23h-3zM14.5 14.5h3V23h-3zM20.5 14.5h3V23h-3zM6 24.5h20V27H6z" />
    </svg>
  );
}
