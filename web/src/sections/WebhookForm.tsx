import { useState, type ReactElement } from "react";
import { WEBHOOK_EVENTS, type WebhookChange } from "../api/client";
import { ChecksField, TextField } from "../components/Field";
import { Form } from "../components/Form";
import type { Action } from "../hooks/useAction";
import { changeOf, type WebhookDraft } from "./webhookDraft";

interface WebhookFormProps {
  action: Action;
  initial: WebhookDraft;
  submit: string;
  /* The channel is chosen once, when the webhook is made. */
  isNew: boolean;
  onSubmit: (change: WebhookChange) => void;
}

export function WebhookForm(props: WebhookFormProps): ReactElement {
  const { action, initial, submit, isNew, onSubmit } = props;
  const [draft, setDraft] = useState(initial);
  const set = (change: Partial<WebhookDraft>): void => setDraft({ ...draft, ...change });
  return (
    <Form
      action={action}
      submit={submit}
      fields={["url", "description", "channelId", "events"]}
      isDisabled={!draft.isAll && draft.events.length === 0}
      onSubmit={() => onSubmit(changeOf(draft))}
    >
      <TextField
        label="URL"
        type="url"
        className="mono"
        placeholder="https://shop.example/hooks/stoa"
        hint="Gets a POST for each event, signed as Standard Webhooks says."
        required
        autoComplete="off"
        value={draft.url}
        error={action.fields.url}
        onValue={(url) => set({ url })}
      />
      <TextField
        label="What it is for"
        placeholder="Order system"
        maxLength={200}
        autoComplete="off"
        value={draft.description}
        error={action.fields.description}
        onValue={(description) => set({ description })}
      />
      {isNew && (
        <TextField
          label="Only one channel"
          hint="Its number; empty for all of yours."
          inputMode="numeric"
          pattern="[0-9]*"
          autoComplete="off"
          value={draft.channel}
          error={action.fields.channelId}
          onValue={(channel) => set({ channel })}
        />
      )}
      <label className="check">
        <input
          type="checkbox"
          checked={draft.isAll}
          onChange={(event) => set({ isAll: event.target.checked })}
        />
        <span>
          All events
          <span className="field-hint">Also those that later versions bring.</span>
        </span>
      </label>
      {!draft.isAll && (
        <ChecksField
          legend="Events"
          choices={WEBHOOK_EVENTS.map((event) => ({ value: event, text: event }))}
          chosen={draft.events}
          error={action.fields.events}
          onChosen={(events) => set({ events })}
        />
      )}
    </Form>
  );
}
