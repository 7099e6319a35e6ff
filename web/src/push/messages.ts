import type { ChannelStatus } from "../api/types";

/* What the server tells on /api/v1/events, by WebSocket and by event stream alike. */
export type PushMessage =
  /* How a channel is: when it is subscribed to, and again when too much was missed to be told in order. */
  | { type: "snapshot"; id: string; channelId: number; status: ChannelStatus }
  | { type: "status"; id: string; channelId: number; status: ChannelStatus }
  | { type: "deleted"; id: string; channelId: number }
  | { type: "heartbeat"; id: string }
  | { type: "error"; code: string; message: string };

type Fields = Record<string, unknown>;

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function isChannelId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function read(fields: Fields, id: string): PushMessage | null {
  const { type, channelId, status } = fields;
  switch (type) {
    case "snapshot":
    case "status":
      if (!isChannelId(channelId) || status === null || typeof status !== "object") return null;
      return { type, id, channelId, status: status as ChannelStatus };
    case "deleted":
      return isChannelId(channelId) ? { type, id, channelId } : null;
    case "heartbeat":
      return { type, id };
    case "error":
      return { type, code: text(fields.code), message: text(fields.message) };
    default:
      return null;
  }
}

/*
 * A message of the server, or null for one that this page does not know: a newer server may tell more.
 * `framed` is what an event stream tells beside the text: the name of the event and its id.
 */
export function parsePushMessage(
  json: string,
  framed: { type?: string; id?: string } = {},
): PushMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  if (value === null || typeof value !== "object") return null;
  const fields: Fields = { type: framed.type, ...value };
  return read(fields, text(fields.id) === "" ? (framed.id ?? "") : text(fields.id));
}
