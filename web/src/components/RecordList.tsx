import type { ReactElement, ReactNode } from "react";
import { sentenceOf } from "../api/problem";
import type { Paged } from "../hooks/usePaged";
import { Notice } from "./Notice";
import { Pager } from "./Pager";

interface RecordListProps<T> {
  list: Paged<T>;
  /* What is listed, for screen readers: "API keys". */
  label: string;
  keyOf: (item: T) => string | number;
  row: (item: T) => ReactNode;
  /* Stands there when there is none: what this is and how to begin. */
  empty: ReactNode;
}

/* A list that pages, loads, is empty, or fails - and says which. */
export function RecordList<T>(props: RecordListProps<T>): ReactElement {
  const { list, label, keyOf, row, empty } = props;
  return (
    <>
      {list.error !== null && (
        <Notice
          tone="bad"
          actions={
            <button type="button" className="button" onClick={list.refresh}>
              Try again
            </button>
          }
        >
          {sentenceOf(list.error)}
        </Notice>
      )}
      {list.items === null && list.error === null && <LoadingRows label={label} />}
      {list.items?.length === 0 && list.number === 1 && <div className="calm-line">{empty}</div>}
      {list.items?.length === 0 && list.number > 1 && <p className="calm-line">No more here.</p>}
      {list.items !== null && list.items.length > 0 && (
        <ul className="rows" aria-label={label} aria-busy={list.isTurning}>
          {list.items.map((item) => (
            <li key={keyOf(item)} className="record">
              {row(item)}
            </li>
          ))}
        </ul>
      )}
      <Pager list={list} label={`Pages of ${label}`} />
    </>
  );
}

function LoadingRows({ label }: { label: string }): ReactElement {
  return (
    <div className="rows" role="status" aria-label={`Loading ${label}`}>
      <div className="record record-skeleton" />
      <div className="record record-skeleton" />
      <div className="record record-skeleton" />
    </div>
  );
}

interface RecordRowProps {
  title: ReactNode;
  badges?: ReactNode;
  /* Small facts, in a line that breaks where it must. */
  facts?: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
}

/* The inside of a row: what it is, how it is, what can be done. */
export function RecordRow({ title, badges, facts, children, actions }: RecordRowProps): ReactElement {
  return (
    <>
      <div className="record-main">
        <div className="record-title">
          {title}
          {badges}
        </div>
        {facts !== undefined && <p className="record-facts">{facts}</p>}
        {children}
      </div>
      {Boolean(actions) && <div className="record-actions">{actions}</div>}
    </>
  );
}
