import type { PublishToken } from "../api/client";

/*
 * What a publisher shows to the server. It may end while one is on air; the next connection then needs
 * another, which only who may broadcast can draw.
 */
export interface Credential {
  get: () => Promise<string>;
  /* The server did not take it: the next `get` brings another, if there is one. */
  refused: (value: string) => void;
}

/* A token that ends so soon is not used for a new connection. */
const SPARE_MS = 60_000;

export class PublishTokens implements Credential {
  private current: PublishToken | null = null;

  constructor(
    private readonly draw: () => Promise<PublishToken>,
    private readonly now: () => number = Date.now,
  ) {}

  /* The one that came with the start of the broadcast. */
  take(token: PublishToken): void {
    this.current = token;
  }

  readonly get = async (): Promise<string> => {
    const endMs = this.current === null ? NaN : Date.parse(this.current.expiresAt);
    if (this.current === null || endMs - this.now() < SPARE_MS) this.current = await this.draw();
    return this.current.token;
  };

  readonly refused = (value: string): void => {
    if (this.current?.token === value) this.current = null;
  };
}
