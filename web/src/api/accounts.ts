import type { Account, Role } from "./auth";
import { drawIdempotencyKey, pageOf, request, withQuery } from "./http";
import type { Page, PageQuery } from "./types";

export async function listAccounts(
  /* `words`: a part of e-mail or name */
  { words, ...query }: PageQuery & { words?: string },
  signal?: AbortSignal,
): Promise<Page<Account>> {
  const answer = (await request(withQuery("/api/v1/accounts", { ...query, q: words }), { signal })) as {
    accounts: Account[];
    nextCursor: string | null;
  };
  return { items: answer.accounts, nextCursor: answer.nextCursor };
}

export interface NewAccount {
  email: string;
  displayName: string;
  role: Role;
  /* Drawn by the server when absent. */
  password?: string;
}

/* `password` is answered only when the server drew it, and only now. */
export interface CreatedAccount extends Account {
  password?: string;
}

export async function createAccount(account: NewAccount): Promise<CreatedAccount> {
  const idempotencyKey = drawIdempotencyKey();
  const options = { method: "POST", body: account, idempotencyKey } as const;
  return (await request("/api/v1/accounts", options)) as CreatedAccount;
}

export interface AccountChange {
  displayName?: string;
  role?: Role;
  disabled?: boolean;
  password?: string;
}

export async function updateAccount(id: string, change: AccountChange): Promise<void> {
  await request(`/api/v1/accounts/${id}`, { method: "PATCH", body: change });
}

/* Ends all sessions of the account, everywhere. */
export async function signOutAccount(id: string): Promise<void> {
  await request(`/api/v1/accounts/${id}/sign-out`, { method: "POST" });
}

/* ---- API keys ---- */

export type Scope = "read" | "channels" | "publish" | "webhooks" | "accounts" | "admin";

export interface ApiKey {
  id: string;
  name: string;
  /* How the key begins: enough to know it again. */
  prefix: string;
  scopes: Scope[];
  createdAt: string;
  lastUsedAt: string | null;
  expiresAt: string | null;
  revokedAt: string | null;
}

/* `key` is answered only now. */
export interface CreatedApiKey extends ApiKey {
  key: string;
}

export async function listApiKeys(
  query: PageQuery,
  signal?: AbortSignal,
): Promise<Page<ApiKey>> {
  const answer = (await request("/api/v1/api-keys", { signal })) as { apiKeys: ApiKey[] };
  return pageOf(answer.apiKeys, query);
}

export interface NewApiKey {
  name: string;
  scopes: Scope[];
  expiresAt?: string;
}

export async function createApiKey(key: NewApiKey): Promise<CreatedApiKey> {
  const idempotencyKey = drawIdempotencyKey();
  const options = { method: "POST", body: key, idempotencyKey } as const;
  return (await request("/api/v1/api-keys", options)) as CreatedApiKey;
}

export async function revokeApiKey(id: string): Promise<void> {
  await request(`/api/v1/api-keys/${id}`, { method: "DELETE" });
}
