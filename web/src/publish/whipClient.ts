import { ApiError, errorFromResponse, UNREACHABLE } from "../api/problem";

/*
 * The HTTP half of WHIP (RFC 9725): a session is made by POST, its ICE restarted by PATCH, ended by DELETE.
 * Knows nothing of RTCPeerConnection; session descriptions go through as text.
 */
export interface WhipSession {
  /* Absolute; the server may answer a relative Location. */
  url: string;
  etag: string | null;
  answer: string;
}

const POST_TIMEOUT_MS = 10_000;
const SDP = "application/sdp";
const FRAGMENT = "application/trickle-ice-sdpfrag";

export type FetchFn = (url: string, init: RequestInit) => Promise<Response>;

export class WhipClient {
  private readonly endpoint: string;
  private readonly key: string;
  private readonly fetchFn: FetchFn;

  /* `endpoint` is absolute or relative to the page. */
  constructor(
    endpoint: string,
    key: string,
    fetchFn: FetchFn = (url, init) => fetch(url, init),
    base: string = globalThis.location.href,
  ) {
    this.endpoint = new URL(endpoint, base).href;
    this.key = key;
    this.fetchFn = fetchFn;
  }

  /* Throws ApiError with the server's own sentence. */
  async create(offer: string): Promise<WhipSession> {
    const response = await this.send(this.endpoint, "POST", { "Content-Type": SDP }, offer);
    if (response.status !== 201) throw await this.refusal(response);
    const location = response.headers.get("Location");
    const answer = await response.text();
    if (location === null || !answer.startsWith("v=0")) {
      throw new ApiError("The server's WHIP answer could not be read.", 201, "bad_answer");
    }
    /* A Location is relative to the URL that answered, which a 307 may have changed. */
    const url = new URL(location, response.url === "" ? this.endpoint : response.url).href;
    return { url, etag: response.headers.get("ETag"), answer };
  }

  /*
   * Restarts ICE; the answer is an SDP fragment with the server's new credentials. The session goes on
   * unchanged when this throws.
   */
  async restartIce(session: WhipSession, fragment: string): Promise<string> {
    const headers = { "Content-Type": FRAGMENT, "If-Match": "*" };
    const response = await this.send(session.url, "PATCH", headers, fragment);
    if (response.status !== 200) throw await this.refusal(response);
    session.etag = response.headers.get("ETag");
    return response.text();
  }

  /* Ends the session. A session that is gone already is ended too. `isLeaving`: the page is being closed. */
  async end(session: WhipSession, isLeaving = false): Promise<void> {
    const response = await this.send(session.url, "DELETE", {}, undefined, isLeaving);
    if (!response.ok && response.status !== 404) throw await errorFromResponse(response);
  }

  private async refusal(response: Response): Promise<ApiError> {
    if (!response.ok) return errorFromResponse(response);
    return new ApiError("The server's WHIP answer could not be read.", response.status, "bad_answer");
  }

  private async send(
    url: string,
    method: string,
    headers: Record<string, string>,
    body?: string,
    keepalive = false,
  ): Promise<Response> {
    const init: RequestInit = {
      method,
      headers: { ...headers, Authorization: `Bearer ${this.key}` },
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
