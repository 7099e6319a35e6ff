import type { Webhook, WebhookChange } from "../api/client";

/* A webhook while its form is filled in. */
export interface WebhookDraft {
  url: string;
  description: string;
  /* "" hears of all channels of the account. */
  channel: string;
  events: string[];
  isAll: boolean;
}

export const NEW_WEBHOOK: WebhookDraft = {
  url: "",
  description: "",
  channel: "",
  events: ["broadcast.started", "broadcast.ended", "relay.error"],
  isAll: false,
};

/* What the server wants to know of a draft. */
export function changeOf(draft: WebhookDraft): WebhookChange {
  const change: WebhookChange = {
    url: draft.url.trim(),
    events: draft.isAll ? ["*"] : draft.events,
    description: draft.description.trim(),
  };
  return draft.channel.trim() === "" ? change : { ...change, channelId: Number(draft.channel) };
}

/* What there is now, to be edited. */
export function draftOf(webhook: Webhook): WebhookDraft {
  const isAll = webhook.events.includes("*");
  return {
    url: webhook.url,
    description: webhook.description ?? "",
    channel: "",
    events: isAll ? [] : webhook.events,
    isAll,
  };
}
