import type { AuditEntry } from "../api/client";

/* What the log's actions are called; one that is not here keeps the server's name. */
const ACTIONS: Record<string, string> = {
  "auth.signIn": "Signed in",
  "auth.signOut": "Signed out",
  "auth.changePassword": "Password changed",
  "account.create": "Account made",
  "account.update": "Account changed",
  "account.signOut": "Account signed out everywhere",
  "apiKey.create": "API key made",
  "apiKey.revoke": "API key revoked",
  "channel.create": "Channel made",
  "channel.update": "Channel changed",
  "channel.delete": "Channel deleted",
  "channel.start": "Broadcast announced",
  "channel.end": "Broadcast ended",
  "channel.leave": "Seller disconnected",
  "channel.rotateKey": "Stream key replaced",
  "publishToken.create": "Publish token drawn",
  "publishToken.revoke": "Publish token revoked",
  "relay.start": "Relay started",
  "relay.stop": "Relay stopped",
  "recording.start": "Recording started",
  "recording.stop": "Recording stopped",
  "webhook.create": "Webhook made",
  "webhook.update": "Webhook changed",
  "webhook.delete": "Webhook deleted",
  "webhook.rotateSecret": "Webhook secret replaced",
  "webhook.test": "Test message sent",
  "webhookDelivery.replay": "Delivery sent again",
};

export function actionText(action: string): string {
  return ACTIONS[action] ?? action;
}

const ID_SHOWN = 8;
const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/* What was acted on, as far as a person can tell it apart; nothing when that was who acted. */
export function targetText({ target, accountId }: AuditEntry): string | null {
  if (target === null || target === accountId) return null;
  return ID.test(target) ? `${target.slice(0, ID_SHOWN)}…` : target;
}
