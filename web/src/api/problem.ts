import type { FieldProblem, Problem } from "./types";

/*
 * An answer that says no, or no answer at all (status 0). The message is always a sentence that can be
 * shown to a person as it is.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /* From Retry-After, when the server named a time. */
  readonly retryAfterMs: number | null;
  /* What is wrong with which field of the input: "title" -> "must have 1 to 200 characters". */
  readonly fields: Readonly<Record<string, string>>;

  constructor(
    message: string,
    status: number,
    code: string,
    retryAfterMs: number | null = null,
    fields: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.fields = fields;
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
  401: "Sign in, or show a key that is good.",
  403: "You are not allowed to do that.",
  404: "That is not there any more.",
  409: "That does not fit the state of things right now. Look again.",
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

/* What the server says of a field is half a sentence, as of a form's field: "must not be empty". */
function asSentence(said: string): string {
  const subject = /^(must|may|is|are|has|was|does|can)\b/.test(said) ? "It " : "";
  const text = subject + said;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

/* Some sentences repeat the name: "title: must not be empty". */
export function fieldMessages(errors: unknown): Record<string, string> {
  const messages: Record<string, string> = {};
  if (!Array.isArray(errors)) return messages;
  for (const entry of errors as Partial<FieldProblem>[]) {
    const { field, message } = entry;
    if (typeof field !== "string" || typeof message !== "string") continue;
    const said = message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;
    messages[field] ??= asSentence(said);
  }
  return messages;
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
    fieldMessages(problem.errors),
  );
}

/* What to show for anything that was thrown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  if (error instanceof Error && error.message !== "") return error.message;
  return "Something went wrong.";
}
