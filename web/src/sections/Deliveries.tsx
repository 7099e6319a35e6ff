import { RotateCw } from "lucide-react";
import { useCallback, useEffect, useState, type ReactElement } from "react";
import {
  getDelivery,
  listDeliveries,
  replayDelivery,
  type Delivery,
  type DeliveryAttempt,
  type DeliveryDetail,
  type DeliveryStatus,
} from "../api/client";
import { sentenceOf } from "../api/problem";
import { Dialog } from "../components/Dialog";
import { Facts, When } from "../components/Facts";
import { SelectField } from "../components/Field";
import { Notice } from "../components/Notice";
import { RecordList, RecordRow } from "../components/RecordList";
import { useAction } from "../hooks/useAction";
import { usePaged, type LoadPage } from "../hooks/usePaged";
import { usePolling } from "../hooks/usePolling";

const FRESH_MS = 4_000;

const STATUS_TEXT: Record<DeliveryStatus, { text: string; tone: string }> = {
  pending: { text: "Under way", tone: "busy" },
  delivered: { text: "Delivered", tone: "good" },
  failed: { text: "Failed", tone: "bad" },
};

const FILTERS = [
  { value: "", text: "All" },
  { value: "pending", text: "Under way" },
  { value: "delivered", text: "Delivered" },
  { value: "failed", text: "Failed" },
];

/* `asked` rises when something new is expected: the list looks at once. */
export function Deliveries(props: { webhookId: string; asked: number }): ReactElement {
  const { webhookId, asked } = props;
  const [filter, setFilter] = useState("");
  const [openId, setOpenId] = useState<string | null>(null);
  const load: LoadPage<Delivery> = useCallback(
    (query, signal) => {
      const status = filter === "" ? null : (filter as DeliveryStatus);
      return listDeliveries(webhookId, { ...query, status }, signal);
    },
    [webhookId, filter],
  );
  const list = usePaged(load, FRESH_MS);
  const { refresh } = list;
  useEffect(() => {
    if (asked > 0) refresh();
  }, [asked, refresh]);

  return (
    <>
      <div className="section-head">
        <h3>Deliveries</h3>
        <SelectField label="Show" choices={FILTERS} value={filter} onValue={setFilter} />
      </div>
      <RecordList
        list={list}
        label="deliveries"
        keyOf={(delivery) => delivery.id}
        row={(delivery) => (
          <DeliveryRow delivery={delivery} onOpen={() => setOpenId(delivery.id)} onReplayed={refresh} />
        )}
        empty={
          <p>
            {filter === ""
              ? "Nothing was sent yet. Send a test, or wait for the next event."
              : "None of these."}
          </p>
        }
      />
      {openId !== null && <DeliveryDialog id={openId} onClose={() => setOpenId(null)} />}
    </>
  );
}

export function attemptsText(count: number): string {
  return count === 1 ? "1 attempt" : `${count} attempts`;
}

interface DeliveryRowProps {
  delivery: Delivery;
  onOpen: () => void;
  onReplayed: () => void;
}

function DeliveryRow({ delivery, onOpen, onReplayed }: DeliveryRowProps): ReactElement {
  const action = useAction();
  const { text, tone } = STATUS_TEXT[delivery.status];
  const replay = async (): Promise<void> => {
    await action.run(() => replayDelivery(delivery.id));
    onReplayed();
  };
  return (
    <RecordRow
      title={<span className="record-name mono">{delivery.event}</span>}
      badges={
        <>
          <span className={`badge tone-${tone}`}>{text}</span>
          {delivery.lastHttpStatus !== null && (
            <span className="badge">HTTP {delivery.lastHttpStatus}</span>
          )}
        </>
      }
      facts={
        <Facts
          of={[
            <When key="at" at={delivery.createdAt} />,
            delivery.channelId !== null && `channel ${delivery.channelId}`,
            attemptsText(delivery.attemptCount),
            delivery.status === "pending" && delivery.nextAttemptAt !== null && (
              <>
                next <When at={delivery.nextAttemptAt} />
              </>
            ),
          ]}
        />
      }
      actions={
        <>
          <button type="button" className="button" onClick={onOpen}>
            Details<span className="visually-hidden"> of {delivery.event}</span>
          </button>
          <button
            type="button"
            className="button"
            disabled={action.isBusy || delivery.status === "pending"}
            onClick={() => void replay()}
          >
            <RotateCw aria-hidden="true" />
            Replay<span className="visually-hidden"> {delivery.event}</span>
          </button>
        </>
      }
    >
      {delivery.status !== "delivered" && delivery.lastError !== null && (
        <p className="record-reason">{delivery.lastError}</p>
      )}
      {action.error !== null && <Notice tone="bad">{action.error}</Notice>}
    </RecordRow>
  );
}

const whileUnderWay = (delivery: DeliveryDetail | null): number =>
  delivery?.status === "pending" ? 2_000 : Infinity;

function DeliveryDialog({ id, onClose }: { id: string; onClose: () => void }): ReactElement {
  const load = useCallback((signal: AbortSignal) => getDelivery(id, signal), [id]);
  const { data: delivery, error } = usePolling(load, whileUnderWay);
  return (
    <Dialog title={delivery === null ? "Delivery" : delivery.event} onClose={onClose}>
      <div className="form">
        {error !== null && <Notice tone="bad">{sentenceOf(error)}</Notice>}
        {delivery !== null && (
          <>
            <p className="record-facts">
              <code className="break-words">{delivery.id}</code>
            </p>
            <h3 className="panel-title">Attempts</h3>
            {delivery.attempts.length === 0 ? (
              <p className="calm-line">Not tried yet.</p>
            ) : (
              <ol className="attempts">
                {delivery.attempts.map((attempt) => (
                  <Attempt key={attempt.number} attempt={attempt} />
                ))}
              </ol>
            )}
            <h3 className="panel-title">What is sent</h3>
            <pre className="code-block" tabIndex={0} aria-label="Payload">
              {JSON.stringify(delivery.payload, null, 2)}
            </pre>
          </>
        )}
      </div>
    </Dialog>
  );
}

function Attempt({ attempt }: { attempt: DeliveryAttempt }): ReactElement {
  const isTaken = attempt.httpStatus !== null && attempt.httpStatus >= 200 && attempt.httpStatus < 300;
  return (
    <li>
      <span className={`badge tone-${isTaken ? "good" : "bad"}`}>
        {attempt.httpStatus === null ? "No answer" : `HTTP ${attempt.httpStatus}`}
      </span>{" "}
      <span className="record-facts">
        <Facts of={[<When key="at" at={attempt.at} />, `${attempt.durationMs} ms`]} />
      </span>
      {attempt.error !== null && <p className="record-reason">{attempt.error}</p>}
      {attempt.response !== null && attempt.response !== "" && (
        <pre className="code-block" tabIndex={0} aria-label="What the receiver answered">
          {attempt.response}
        </pre>
      )}
    </li>
  );
}
