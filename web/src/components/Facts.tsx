import { Fragment, type ReactElement, type ReactNode } from "react";
import { formatFull, formatMoment } from "../format";

/* "A · B · C"; what is null or false is left out. */
export function Facts({ of }: { of: ReactNode[] }): ReactElement {
  const shown = of.filter((fact) => fact !== null && fact !== false && fact !== "");
  return (
    <>
      {shown.map((fact, i) => (
        <Fragment key={i}>
          {i > 0 && <span aria-hidden="true"> · </span>}
          <span className="fact">{fact}</span>
        </Fragment>
      ))}
    </>
  );
}

/* A moment: short to read, whole on a pause of the mouse, exact for machines. */
export function When({ at }: { at: string }): ReactElement {
  return (
    <time dateTime={at} title={formatFull(at)}>
      {formatMoment(at, new Date())}
    </time>
  );
}
