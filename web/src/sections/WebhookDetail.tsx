import { ArrowLeft } from "lucide-react";
import { useCallback, useState, type ReactElement } from "react";
import {
  deleteWebhook,
  getWebhook,
  rotateWebhookSecret,
  testWebhook,
  updateWebhook,
  type Webhook,
  type WebhookChange,
} from "../api/client";
import { sentenceOf } from "../api/problem";
import { ConfirmDialog } from "../components/ConfirmDialog";
import { Dialog } from "../components/Dialog";
import { Facts, When } from "../components/Facts";
import { Notice } from "../components/Notice";
import { SecretDialog } from "../components/SecretDialog";
import { useAction } from "../hooks/useAction";
import { usePolling } from "../hooks/usePolling";
import { Link, navigate } from "../router";
import { Deliveries } from "./Deliveries";
import { draftOf } from "./webhookDraft";
import { WebhookForm } from "./WebhookForm";
import { WebhookBadge } from "./Webhooks";

interface WebhookDetailProps {
  webhookId: string;
  /* The list that this one is of. */
  basePath: string;
}

const once = (): number => Infinity;

/* One webhook: what it hears, a test, its secret, and what was sent. */
export function WebhookDetail({ webhookId, basePath }: WebhookDetailProps): ReactElement {
  const load = useCallback((signal: AbortSignal) => getWebhook(webhookId, signal), [webhookId]);
  const { data: webhook, error, refresh } = usePolling(load, once);
  const [tested, setTested] = useState(0);

  return (
    <>
      <Link className="button button-quiet back" href={basePath}>
        <ArrowLeft aria-hidden="true" />
        All webhooks
      </Link>
      {error !== null && <Notice tone="bad">{sentenceOf(error)}</Notice>}
      {webhook !== null && (
        <>
          <Head webhook={webhook} />
          <Buttons
            webhook={webhook}
            basePath={basePath}
            onChanged={refresh}
            onTested={() => setTested(tested + 1)}
          />
          <Deliveries webhookId={webhookId} asked={tested} />
        </>
      )}
    </>
  );
}

function Head({ webhook }: { webhook: Webhook }): ReactElement {
  return (
    <div className="section-head">
      <div>
        <h2 className="break-words">
          <span className="mono">{webhook.url}</span> <WebhookBadge webhook={webhook} />
        </h2>
        <p className="section-lead">
          <Facts
            of={[
              webhook.description,
              webhook.channelId === null ? "all channels" : `channel ${webhook.channelId}`,
              <>
                made <When at={webhook.createdAt} />
              </>,
            ]}
          />
        </p>
        <p className="event-words">
          {webhook.events.map((event) => (
            <code key={event}>{event === "*" ? "all events" : event}</code>
          ))}
        </p>
        {webhook.disabledReason !== null && (
          <Notice tone="bad">Switched off by the server: {webhook.disabledReason}</Notice>
        )}
      </div>
    </div>
  );
}

interface ButtonsProps {
  webhook: Webhook;
  basePath: string;
  onChanged: () => void;
  onTested: () => void;
}

type Asked = { what: "edit" | "rotate" | "delete" } | { what: "secret"; secret: string };

function Buttons({ webhook, basePath, onChanged, onTested }: ButtonsProps): ReactElement {
  const action = useAction();
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = (): void => {
    setAsked(null);
    onChanged();
  };
  const toggle = async (): Promise<void> => {
    await action.run(() => updateWebhook(webhook.id, { isActive: !webhook.isActive }));
    onChanged();
  };
  const test = async (): Promise<void> => {
    if (await action.run(() => testWebhook(webhook.id))) onTested();
  };
  const rotate = async (): Promise<void> => {
    const { secret } = await rotateWebhookSecret(webhook.id);
    setAsked({ what: "secret", secret });
  };
  return (
    <>
      <div className="button-row">
        <button
          type="button"
          className="button button-primary"
          disabled={action.isBusy}
          onClick={() => void test()}
        >
          Send a test
        </button>
        <button type="button" className="button" onClick={() => setAsked({ what: "edit" })}>
          Edit
        </button>
        <button
          type="button"
          className="button"
          disabled={action.isBusy}
          onClick={() => void toggle()}
        >
          {webhook.isActive ? "Switch off" : "Switch on"}
        </button>
        <button type="button" className="button" onClick={() => setAsked({ what: "rotate" })}>
          New secret
        </button>
        <button type="button" className="button" onClick={() => setAsked({ what: "delete" })}>
          Delete
        </button>
      </div>
      {action.error !== null && <Notice tone="bad">{action.error}</Notice>}
      {asked?.what === "edit" && <EditWebhook webhook={webhook} onClose={close} />}
      {asked?.what === "rotate" && (
        <ConfirmDialog
          title="Draw a new signing secret?"
          verb="Draw a new secret"
          onConfirm={rotate}
          onClose={() => setAsked((now) => (now?.what === "secret" ? now : null))}
        >
          <p>
            For a while messages are signed with both secrets, so that the receiver has time to take
            the new one.
          </p>
        </ConfirmDialog>
      )}
      {asked?.what === "secret" && (
        <SecretDialog
          title="The new secret"
          label="Signing secret"
          secret={asked.secret}
          onClose={close}
        >
          <p>Give it to the receiver. The old one signs as well until it ends.</p>
        </SecretDialog>
      )}
      {asked?.what === "delete" && (
        <ConfirmDialog
          title="Delete this webhook?"
          verb="Delete"
          onConfirm={async () => {
            await deleteWebhook(webhook.id);
            navigate(basePath);
          }}
          onClose={close}
        >
          <p>Nothing is sent to it any more, and the log of its deliveries goes.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

function EditWebhook({ webhook, onClose }: { webhook: Webhook; onClose: () => void }): ReactElement {
  const action = useAction();
  const save = async (change: WebhookChange): Promise<void> => {
    if (await action.run(() => updateWebhook(webhook.id, change))) onClose();
  };
  return (
    <Dialog title="Edit the webhook" onClose={onClose}>
      <WebhookForm
        action={action}
        initial={draftOf(webhook)}
        submit="Save"
        isNew={false}
        onSubmit={(change) => void save(change)}
      />
    </Dialog>
  );
}
