import type { Problem } from "./types";

/*
 * An answer that says no, or no answer at all (status 0). The message is always a sentence that can be
 * shown to a person as it is.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /* From Retry-After, when the server named a time. */
  readonly retryAfterMs: number | null;

  constructor(message: string, status: number, code: string, retryAfterMs: number | null = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  get isDenied(): boolean {
    return this.status === 401 || this.status === 403;
  }

  get isNotFound(): boolean {
    return this.status === 404;
  }
}

export const UNREACHABLE = "The server cannot be reached. Check the connection.";

const SENTENCES: Record<number, string> = {
  401: "This key is not accepted.",
  403: "This key is not allowed to do that.",
  404: "There is no such channel.",
  409: "Somebody else is on air on this channel.",
  413: "That is more than the server takes.",
  415: "The server does not understand this kind of request.",
  429: "Too many requests. Wait a moment and try again.",
  502: "The server is not answering.",
  503: "The server is busy. Try again in a moment.",
};

function sentenceFor(status: number): string {
  return SENTENCES[status] ?? `The server answered with an error (${status}).`;
}

function parseProblem(text: string): Problem {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" ? value : {};
  } catch {
    return {};
  }
}

export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null || header.trim() === "") return null;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

/* Reads the body of a refused request; never throws. */
export async function errorFromResponse(response: Response): Promise<ApiError> {
  let text = "";
  try {
    text = await response.text();
  } catch {
    /* The connection broke inside the body: the status alone still tells enough. */
  }
  const problem = parseProblem(text);
  const sentence = [problem.detail, problem.title].find((s) => typeof s === "string" && s !== "");
  return new ApiError(
    sentence ?? sentenceFor(response.status),
    response.status,
    typeof problem.code === "string" ? problem.code : "",
    retryAfterMs(response.headers.get("Retry-After"), Date.now()),
  );
}

/* What to show for anything that was thrown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  if (error instanceof Error && error.message !== "") return error.message;
  return "Something went wrong.";
}
