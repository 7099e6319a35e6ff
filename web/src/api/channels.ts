import { drawIdempotencyKey, request, withQuery } from "./http";
import type {
  Channel,
  ChannelDetail,
  CreatedChannel,
  Page,
  PublishAccess,
  PublishGrant,
} from "./types";

/*
 * The server is ours and its answers are tested against this contract in tests/browser, so the shapes
 * are asserted here, in one place a subject, and trusted everywhere else.
 */
export async function listChannels(signal?: AbortSignal): Promise<Channel[]> {
  return (await listChannelPage({}, signal)).items;
}

export interface ChannelQuery {
  limit?: number;
  cursor?: string | null;
  /* Only those of the account that asks. */
  isMine?: boolean;
  /* A part of the title. */
  words?: string;
}

export async function listChannelPage(
  query: ChannelQuery,
  signal?: AbortSignal,
): Promise<Page<Channel>> {
  const path = withQuery("/api/v1/channels", {
    limit: query.limit,
    cursor: query.cursor,
    mine: query.isMine,
    q: query.words,
  });
  const answer = (await request(path, { signal })) as {
    channels: Channel[];
    nextCursor?: string | null;
  };
  return { items: answer.channels, nextCursor: answer.nextCursor ?? null };
}

/* With what is needed to publish, when the key or the signed-in account may. */
export async function getChannel(
  id: number,
  key: string | null,
  signal?: AbortSignal,
): Promise<ChannelDetail> {
  return (await request(`/api/v1/channels/${id}`, { key, signal })) as ChannelDetail;
}

export interface ChannelChange {
  title?: string;
  /* null: as the server is configured */
  maxDurationSeconds?: number | null;
}

export async function createChannel(change: ChannelChange): Promise<CreatedChannel> {
  const idempotencyKey = drawIdempotencyKey();
  const options = { method: "POST", body: change, idempotencyKey } as const;
  return (await request("/api/v1/channels", options)) as CreatedChannel;
}

export async function updateChannel(id: number, change: ChannelChange): Promise<void> {
  await request(`/api/v1/channels/${id}`, { method: "PATCH", body: change });
}

export async function deleteChannel(id: number): Promise<void> {
  await request(`/api/v1/channels/${id}`, { method: "DELETE" });
}

/* Announces a broadcast. 409 when one is going on. */
export async function startChannel(id: number, key: string | null): Promise<PublishGrant> {
  const options = { method: "POST", key } as const;
  const answer = (await request(`/api/v1/channels/${id}/start`, options)) as {
    publish: PublishGrant;
  };
  return answer.publish;
}

export async function endChannel(id: number, key: string | null): Promise<void> {
  await request(`/api/v1/channels/${id}/end`, { method: "POST", key });
}

/* The old key is good no more, and who is on air with it is cut off. */
export async function rotateKey(id: number, key: string | null): Promise<PublishAccess> {
  const options = { method: "POST", key } as const;
  const answer = (await request(`/api/v1/channels/${id}/rotate-key`, options)) as {
    publish: PublishAccess;
  };
  return answer.publish;
}
