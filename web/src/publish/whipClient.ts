import { ApiError, errorFromResponse, UNREACHABLE } from "../api/problem";
import type { Credential } from "./publishTokens";

/*
 * The HTTP half of WHIP (RFC 9725): a session is made by POST, its ICE restarted by PATCH, ended by DELETE.
 * Knows nothing of RTCPeerConnection; session descriptions go through as text.
 */
export interface WhipSession {
  /* Absolute; the server may answer a relative Location. */
  url: string;
  etag: string | null;
  answer: string;
  /* What opened it, and what changes and ends it. */
  key: string;
}

const POST_TIMEOUT_MS = 10_000;
const SDP = "application/sdp";
const FRAGMENT = "application/trickle-ice-sdpfrag";

export type FetchFn = (url: string, init: RequestInit) => Promise<Response>;

export class WhipClient {
  private readonly endpoint: string;
  private readonly credential: Credential;
  private readonly fetchFn: FetchFn;

  /* `endpoint` is absolute or relative to the page. */
  constructor(
    endpoint: string,
    credential: Credential,
    fetchFn: FetchFn = (url, init) => fetch(url, init),
    base: string = globalThis.location.href,
  ) {
    this.endpoint = new URL(endpoint, base).href;
    this.credential = credential;
    this.fetchFn = fetchFn;
  }

  /* Throws ApiError with the server's own sentence. */
  async create(offer: string): Promise<WhipSession> {
    let key = await this.credential.get();
    let response = await this.post(offer, key);
    if (response.status === 401) {
      /* It ended, or was revoked: asked for once more with what is good now. */
      this.credential.refused(key);
      const another = await this.credential.get();
      if (another !== key) {
        key = another;
        response = await this.post(offer, key);
      }
    }
    if (response.status !== 201) throw await this.refusal(response);
    const location = response.headers.get("Location");
    const answer = await response.text();
    if (location === null || !answer.startsWith("v=0")) {
      throw new ApiError("The server's WHIP answer could not be read.", 201, "bad_answer");
    }
    /* A Location is relative to the URL that answered, which a 307 may have changed. */
    const url = new URL(location, response.url === "" ? this.endpoint : response.url).href;
    return { url, etag: response.headers.get("ETag"), answer, key };
  }

  /*
   * Restarts ICE; the answer is an SDP fragment with the server's new credentials. The session goes on
   * unchanged when this throws.
   */
  async restartIce(session: WhipSession, fragment: string): Promise<string> {
    const headers = { "Content-Type": FRAGMENT, "If-Match": "*" };
    const response = await this.send(session.url, "PATCH", session.key, headers, fragment);
    if (response.status !== 200) throw await this.refusal(response);
    session.etag = response.headers.get("ETag");
    return response.text();
  }

  /* Ends the session. A session that is gone already is ended too. `isLeaving`: the page is being closed. */
  async end(session: WhipSession, isLeaving = false): Promise<void> {
    const { url, key } = session;
    const response = await this.send(url, "DELETE", key, {}, undefined, isLeaving);
    if (!response.ok && response.status !== 404) throw await errorFromResponse(response);
  }

  private post(offer: string, key: string): Promise<Response> {
    return this.send(this.endpoint, "POST", key, { "Content-Type": SDP }, offer);
  }

  private async refusal(response: Response): Promise<ApiError> {
    if (!response.ok) return errorFromResponse(response);
    return new ApiError("The server's WHIP answer could not be read.", response.status, "bad_answer");
  }

  private async send(
    url: string,
    method: string,
    key: string,
    headers: Record<string, string>,
    body?: string,
    keepalive = false,
  ): Promise<Response> {
    const init: RequestInit = {
      method,
      headers: { ...headers, Authorization: `Bearer ${key}` },
      keepalive,
      signal: AbortSignal.timeout(POST_TIMEOUT_MS),
    };
    if (body !== undefined) init.body = body;
    try {
      return await this.fetchFn(url, init);
    } catch {
      throw new ApiError(UNREACHABLE, 0, "unreachable");
    }
  }
}
