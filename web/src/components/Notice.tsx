import { CircleAlert, Info } from "lucide-react";
import type { ReactElement, ReactNode } from "react";

interface NoticeProps {
  tone: "bad" | "warn" | "calm";
  children: ReactNode;
  actions?: ReactNode;
}

/* A sentence that wants to be read. Errors are told at once by screen readers. */
export function Notice({ tone, children, actions }: NoticeProps): ReactElement {
  return (
    <div className={`notice notice-${tone}`} role={tone === "bad" ? "alert" : "status"}>
      {tone === "calm" ? <Info aria-hidden="true" /> : <CircleAlert aria-hidden="true" />}
      <div className="notice-text">{children}</div>
      {actions}
    </div>
  );
}
