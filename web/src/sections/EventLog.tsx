import type { ReactElement } from "react";
import { listAudit, type AuditEntry } from "../api/client";
import { Facts, When } from "../components/Facts";
import { RecordList, RecordRow } from "../components/RecordList";
import { usePaged } from "../hooks/usePaged";
import { actionText, targetText } from "./auditWords";

const FRESH_MS = 10_000;

/* Who did what, newest first. */
export function EventLog(): ReactElement {
  const list = usePaged(listAudit, FRESH_MS);
  return (
    <>
      <div className="section-head">
        <div>
          <h2>Events</h2>
          <p className="section-lead">Who changed what, and from where.</p>
        </div>
      </div>
      <RecordList
        list={list}
        label="events"
        keyOf={(entry) => entry.id}
        row={(entry) => <EntryRow entry={entry} />}
        empty={<p>Nothing has happened yet.</p>}
      />
    </>
  );
}

function EntryRow({ entry }: { entry: AuditEntry }): ReactElement {
  const target = targetText(entry);
  return (
    <RecordRow
      title={
        <span className="record-name" title={entry.action}>
          {actionText(entry.action)}
        </span>
      }
      badges={
        target !== null && (
          <span className="badge" title={entry.target ?? undefined}>
            {target}
          </span>
        )
      }
      facts={<Facts of={[<When key="at" at={entry.at} />, entry.actor, entry.address]} />}
    >
      {entry.detail !== null && <p className="record-detail">{entry.detail}</p>}
    </RecordRow>
  );
}
