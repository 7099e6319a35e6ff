import { Plus } from "lucide-react";
import { useState, type ReactElement } from "react";
import {
  createWebhook,
  listWebhooks,
  type Webhook,
  type WebhookChange,
  type WebhookWithSecret,
} from "../api/client";
import { Dialog } from "../components/Dialog";
import { Facts, When } from "../components/Facts";
import { RecordList, RecordRow } from "../components/RecordList";
import { SecretDialog } from "../components/SecretDialog";
import { useAction } from "../hooks/useAction";
import { usePaged } from "../hooks/usePaged";
import { Link } from "../router";
import { NEW_WEBHOOK } from "./webhookDraft";
import { WebhookForm } from "./WebhookForm";

type Asked = { what: "new" } | { what: "secret"; made: WebhookWithSecret };

/* Where the server tells other programs what happens. `basePath`: where the details are. */
export function Webhooks({ basePath }: { basePath: string }): ReactElement {
  const list = usePaged(listWebhooks, 0);
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = (): void => {
    setAsked(null);
    list.refresh();
  };
  return (
    <>
      <div className="section-head">
        <div>
          <h2>Webhooks</h2>
          <p className="section-lead">
            The server tells your own programs when something happens on a channel.
          </p>
        </div>
        <button type="button" className="button button-primary" onClick={() => setAsked({ what: "new" })}>
          <Plus aria-hidden="true" />
          New webhook
        </button>
      </div>
      <RecordList
        list={list}
        label="webhooks"
        keyOf={(webhook) => webhook.id}
        row={(webhook) => <WebhookRow webhook={webhook} basePath={basePath} />}
        empty={<p>No webhook yet. Give an address, and it is told when a broadcast starts or fails.</p>}
      />
      {asked?.what === "new" && (
        <NewWebhook onMade={(made) => setAsked({ what: "secret", made })} onClose={close} />
      )}
      {asked?.what === "secret" && (
        <SecretDialog
          title="The webhook is ready"
          label="Signing secret"
          secret={asked.made.secret}
          onClose={close}
        >
          <p>
            The receiver checks each message with it: header <code>webhook-signature</code>, as
            Standard Webhooks describes.
          </p>
        </SecretDialog>
      )}
    </>
  );
}

function eventsText(events: readonly string[]): string {
  if (events.includes("*")) return "all events";
  return events.length === 1 ? (events[0] ?? "") : `${events.length} events`;
}

export function WebhookBadge({ webhook }: { webhook: Webhook }): ReactElement {
  return webhook.isActive ? (
    <span className="badge tone-good">On</span>
  ) : (
    <span className="badge tone-bad">Off</span>
  );
}

function WebhookRow({ webhook, basePath }: { webhook: Webhook; basePath: string }): ReactElement {
  const path = `${basePath}/${webhook.id}`;
  return (
    <RecordRow
      title={
        <Link className="record-name mono" href={path}>
          {webhook.url}
        </Link>
      }
      badges={<WebhookBadge webhook={webhook} />}
      facts={
        <Facts
          of={[
            webhook.description,
            webhook.channelId === null ? "all channels" : `channel ${webhook.channelId}`,
            eventsText(webhook.events),
            webhook.pendingDeliveries > 0 && `${webhook.pendingDeliveries} waiting`,
            <>
              made <When at={webhook.createdAt} />
            </>,
          ]}
        />
      }
      actions={
        <Link className="button" href={path}>
          Deliveries<span className="visually-hidden"> to {webhook.url}</span>
        </Link>
      }
    >
      {webhook.disabledReason !== null && <p className="record-reason">{webhook.disabledReason}</p>}
    </RecordRow>
  );
}

interface NewWebhookProps {
  onMade: (made: WebhookWithSecret) => void;
  onClose: () => void;
}

function NewWebhook({ onMade, onClose }: NewWebhookProps): ReactElement {
  const action = useAction();
  const create = (change: WebhookChange): Promise<boolean> =>
    action.run(async () => onMade(await createWebhook(change)));
  return (
    <Dialog title="New webhook" onClose={onClose}>
      <WebhookForm
        action={action}
        initial={NEW_WEBHOOK}
        submit="Create the webhook"
        isNew
        onSubmit={(change) => void create(change)}
      />
    </Dialog>
  );
}
