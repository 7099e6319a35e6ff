import { ApiError, errorFromResponse, UNREACHABLE } from "./problem";
import type { Page, PageQuery } from "./types";

/*
 * One request to the server's API: who asks, for how long, and what comes back as a value or as an ApiError.
 *
 * Who asks is either a key, sent as bearer token, or the person who is signed in: then the browser sends its
 * session cookie by itself and each change carries the session's CSRF token, which only our own pages can read.
 */
const REQUEST_TIMEOUT_MS = 10_000;
/* An answer that was lost may have been a yes: with its Idempotency-Key a creation is asked for again, safely. */
const LOST_ANSWER_TRIES = 3;

export interface RequestOptions {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  /* null: the session, if there is one */
  key?: string | null;
  body?: unknown;
  signal?: AbortSignal | undefined;
  /* Only for creations: makes the second of two equal requests answer what the first did. */
  idempotencyKey?: string;
}

/* The session's side: kept by session.ts. */
export interface SessionLink {
  csrfToken: () => string | null;
  /* Asks the server for the token again: another tab may have signed in anew. */
  renew: () => Promise<void>;
  /* A request of the session was answered 401: it may be over. */
  onRefused: () => void;
}

const noSession: SessionLink = {
  csrfToken: () => null,
  renew: () => Promise.resolve(),
  onRefused: () => undefined,
};
let session: SessionLink = noSession;

export function linkSession(link: SessionLink | null): void {
  session = link ?? noSession;
}

function headersOf(options: RequestOptions): Headers {
  const headers = new Headers({ Accept: "application/json" });
  if (options.key) headers.set("Authorization", `Bearer ${options.key}`);
  if (options.body !== undefined) headers.set("Content-Type", "application/json");
  if (options.idempotencyKey) headers.set("Idempotency-Key", options.idempotencyKey);
  const token = session.csrfToken();
  if (!options.key && options.method !== undefined && options.method !== "GET" && token !== null) {
    headers.set("X-CSRF-Token", token);
  }
  return headers;
}

async function send(path: string, options: RequestOptions): Promise<Response> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const init: RequestInit = {
    method: options.method ?? "GET",
    headers: headersOf(options),
    cache: "no-store",
    /* A key speaks for itself: no cookie beside it, so that the server need not choose. */
    credentials: options.key ? "omit" : "same-origin",
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

async function sendForSure(path: string, options: RequestOptions): Promise<Response> {
  for (let tries = 1; ; tries++) {
    try {
      return await send(path, options);
    } catch (error) {
      const isLost = error instanceof ApiError && error.status === 0;
      if (!isLost || options.idempotencyKey === undefined || tries >= LOST_ANSWER_TRIES) throw error;
    }
  }
}

async function refusalOf(response: Response, options: RequestOptions): Promise<ApiError> {
  const error = await errorFromResponse(response);
  if (!options.key && error.status === 401) session.onRefused();
  return error;
}

export async function request(path: string, options: RequestOptions = {}): Promise<unknown> {
  let response = await sendForSure(path, options);
  if (!response.ok) {
    const error = await refusalOf(response, options);
    if (error.code !== "csrf_failed" || options.key) throw error;
    await session.renew();
    response = await sendForSure(path, options);
    if (!response.ok) throw await refusalOf(response, options);
  }
  if (response.status === 204) return null;
  try {
    const value: unknown = await response.json();
    return value;
  } catch {
    throw new ApiError("The server's answer could not be read.", response.status, "bad_answer");
  }
}

/* "/api/v1/x?limit=25&q=shoes"; what is null or empty is left out. */
export function withQuery(
  path: string,
  query: Record<string, string | number | boolean | null | undefined>,
): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value != null && value !== "" && value !== false) params.set(name, String(value));
  }
  const text = params.toString();
  return text === "" ? path : `${path}?${text}`;
}

/* A page of a list that the server answers whole: the cursor is a place in it. */
export function pageOf<T>(items: readonly T[], { limit, cursor }: PageQuery): Page<T> {
  const from = cursor === null ? 0 : Number(cursor);
  const next = from + limit;
  return { items: items.slice(from, next), nextCursor: next < items.length ? String(next) : null };
}

/* Not crypto.randomUUID(): plain HTTP in a local network has none. */
export function drawIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
