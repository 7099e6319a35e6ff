import { CircleAlert, CircleCheck, CircleX, LoaderCircle, RotateCw } from "lucide-react";
import type { ReactElement } from "react";
import { worstOf, type Check, type CheckState } from "../publish/checks";

interface ChecklistProps {
  checks: readonly Check[];
  isMeasuring: boolean;
  onMeasure: () => void;
}

const STATES: Record<CheckState, { text: string; icon: ReactElement }> = {
  good: { text: "Good", icon: <CircleCheck aria-hidden="true" /> },
  warn: { text: "Look at this", icon: <CircleAlert aria-hidden="true" /> },
  bad: { text: "Not working", icon: <CircleX aria-hidden="true" /> },
  waiting: { text: "Waiting", icon: <LoaderCircle className="spin" aria-hidden="true" /> },
};

const HEADLINES: Record<CheckState, string> = {
  good: "Ready to go live",
  warn: "You can go live; look at what is marked",
  bad: "Something would not work",
  waiting: "Looking…",
};

/* What was found before going live. It advises and forbids nothing. */
export function Checklist({ checks, isMeasuring, onMeasure }: ChecklistProps): ReactElement {
  const worst = worstOf(checks);
  return (
    <>
      <p className={`checklist-headline check-${worst}`} role="status">
        {HEADLINES[worst]}
      </p>
      <ul className="checklist">
        {checks.map((check) => (
          <li key={check.id} className={`check-${check.state}`} data-check={check.id}>
            {STATES[check.state].icon}
            <div>
              <strong>{check.title}</strong>{" "}
              <span className="visually-hidden">{STATES[check.state].text}:</span>
              <span className="check-detail">{check.detail}</span>
            </div>
            {check.id === "upload" && (
              <button
                type="button"
                className="icon-button"
                aria-label="Measure the upload again"
                title="Measure again"
                disabled={isMeasuring}
                onClick={onMeasure}
              >
                <RotateCw aria-hidden="true" />
              </button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
