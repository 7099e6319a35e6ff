import { drawIdempotencyKey, request, withQuery } from "./http";
import type { Page, PageQuery } from "./types";

export const WEBHOOK_EVENTS = [
  "channel.created",
  "channel.updated",
  "channel.deleted",
  "relay.starting",
  "relay.active",
  "relay.reconnecting",
  "relay.stopping",
  "relay.stopped",
  "relay.error",
  "broadcast.started",
  "broadcast.ended",
  "recording.ready",
] as const;

export interface Webhook {
  id: string;
  url: string;
  events: string[];
  channelId: number | null;
  description: string | null;
  isActive: boolean;
  /* Set when the server switched it off by itself. */
  disabledReason: string | null;
  /* How many messages wait to be sent. */
  pendingDeliveries: number;
  createdAt: string;
}

/* `secret` is answered at creation and rotation only. */
export interface WebhookWithSecret extends Webhook {
  secret: string;
}

export async function listWebhooks(query: PageQuery, signal?: AbortSignal): Promise<Page<Webhook>> {
  const answer = (await request(withQuery("/api/v1/webhooks", { ...query }), { signal })) as {
    webhooks: Webhook[];
    nextCursor: string | null;
  };
  return { items: answer.webhooks, nextCursor: answer.nextCursor };
}

export async function getWebhook(id: string, signal?: AbortSignal): Promise<Webhook> {
  return (await request(`/api/v1/webhooks/${id}`, { signal })) as Webhook;
}

export interface WebhookChange {
  url?: string;
  events?: string[];
  channelId?: number;
  description?: string;
  isActive?: boolean;
}

export async function createWebhook(webhook: WebhookChange): Promise<WebhookWithSecret> {
  const idempotencyKey = drawIdempotencyKey();
  const options = { method: "POST", body: webhook, idempotencyKey } as const;
  return (await request("/api/v1/webhooks", options)) as WebhookWithSecret;
}

export async function updateWebhook(id: string, change: WebhookChange): Promise<void> {
  await request(`/api/v1/webhooks/${id}`, { method: "PATCH", body: change });
}

export async function deleteWebhook(id: string): Promise<void> {
  await request(`/api/v1/webhooks/${id}`, { method: "DELETE" });
}

/* For a day both secrets sign, so that the receiver has time to change over. */
export async function rotateWebhookSecret(id: string): Promise<WebhookWithSecret> {
  const options = { method: "POST" } as const;
  return (await request(`/api/v1/webhooks/${id}/rotate-secret`, options)) as WebhookWithSecret;
}

/* Sends webhook.test; what comes of it is seen among the deliveries. */
export async function testWebhook(id: string): Promise<void> {
  await request(`/api/v1/webhooks/${id}/test`, { method: "POST" });
}

/* ---- deliveries ---- */

export type DeliveryStatus = "pending" | "delivered" | "failed";

export interface Delivery {
  id: string;
  event: string;
  channelId: number | null;
  status: DeliveryStatus;
  attemptCount: number;
  nextAttemptAt: string | null;
  deliveredAt: string | null;
  lastHttpStatus: number | null;
  lastError: string | null;
  createdAt: string;
}

export interface DeliveryAttempt {
  number: number;
  at: string;
  durationMs: number;
  httpStatus: number | null;
  error: string | null;
  /* How the target's answer begins. */
  response: string | null;
}

export interface DeliveryDetail extends Delivery {
  payload: unknown;
  attempts: DeliveryAttempt[];
}

export async function listDeliveries(
  webhookId: string,
  query: PageQuery & { status: DeliveryStatus | null },
  signal?: AbortSignal,
): Promise<Page<Delivery>> {
  const path = withQuery(`/api/v1/webhooks/${webhookId}/deliveries`, { ...query });
  const answer = (await request(path, { signal })) as {
    deliveries: Delivery[];
    nextCursor: string | null;
  };
  return { items: answer.deliveries, nextCursor: answer.nextCursor };
}

export async function getDelivery(id: string, signal?: AbortSignal): Promise<DeliveryDetail> {
  return (await request(`/api/v1/deliveries/${id}`, { signal })) as DeliveryDetail;
}

export async function replayDelivery(id: string): Promise<void> {
  await request(`/api/v1/deliveries/${id}/replay`, { method: "POST" });
}
