import { ApiError, errorFromResponse, UNREACHABLE } from "./problem";
import type { Channel, ChannelDetail, ChannelStatus, CreatedChannel } from "./types";

const REQUEST_TIMEOUT_MS = 10_000;

interface RequestOptions {
  method?: "GET" | "POST" | "DELETE";
  key?: string | null;
  body?: unknown;
  signal?: AbortSignal;
}

async function send(path: string, options: RequestOptions): Promise<Response> {
  const headers = new Headers({ Accept: "application/json" });
  if (options.key) headers.set("Authorization", `Bearer ${options.key}`);
  if (options.body !== undefined) headers.set("Content-Type", "application/json");
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const init: RequestInit = {
    method: options.method ?? "GET",
    headers,
    cache: "no-store",
    signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
  };
  if (options.body !== undefined) init.body = JSON.stringify(options.body);
  try {
    return await fetch(path, init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(UNREACHABLE, 0, "unreachable");
  }
}

async function request(path: string, options: RequestOptions = {}): Promise<unknown> {
  const response = await send(path, options);
  if (!response.ok) throw await errorFromResponse(response);
  if (response.status === 204) return null;
  try {
    const value: unknown = await response.json();
    return value;
  } catch {
    throw new ApiError("The server's answer could not be read.", response.status, "bad_answer");
  }
}

/*
 * The server is ours and its answers are tested against this contract in tests/browser, so the shapes
 * are asserted here, in one place, and trusted everywhere else.
 */
export async function listChannels(signal?: AbortSignal): Promise<Channel[]> {
  const answer = (await request("/api/v1/channels", signal ? { signal } : {})) as {
    channels: Channel[];
  };
  return answer.channels;
}

export async function getStatus(id: number, signal?: AbortSignal): Promise<ChannelStatus> {
  const path = `/api/v1/channels/${id}/status`;
  return (await request(path, signal ? { signal } : {})) as ChannelStatus;
}

export async function getChannel(
  id: number,
  key: string | null,
  signal?: AbortSignal,
): Promise<ChannelDetail> {
  const options: RequestOptions = { key };
  if (signal) options.signal = signal;
  return (await request(`/api/v1/channels/${id}`, options)) as ChannelDetail;
}

export async function createChannel(title: string, adminKey: string): Promise<CreatedChannel> {
  const options: RequestOptions = { method: "POST", key: adminKey, body: { title } };
  return (await request("/api/v1/channels", options)) as CreatedChannel;
}

/* Starts the relay again, after it failed. */
export async function startChannel(id: number, key: string): Promise<void> {
  await request(`/api/v1/channels/${id}/start`, { method: "POST", key });
}

export async function endChannel(id: number, key: string): Promise<void> {
  await request(`/api/v1/channels/${id}/end`, { method: "POST", key });
}

export async function deleteChannel(id: number, adminKey: string): Promise<void> {
  await request(`/api/v1/channels/${id}`, { method: "DELETE", key: adminKey });
}
