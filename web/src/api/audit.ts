import { request, withQuery } from "./http";
import type { Page, PageQuery } from "./types";

export interface AuditEntry {
  id: string;
  at: string;
  /* An email, "admin key", "key sk_ab12..." */
  actor: string;
  /* whose account acted */
  accountId: string | null;
  address: string | null;
  /* "channel.create" */
  action: string;
  /* "channel 7", an account's id */
  target: string | null;
  detail: string | null;
}

export async function listAudit(
  query: PageQuery,
  signal?: AbortSignal,
): Promise<Page<AuditEntry>> {
  const answer = (await request(withQuery("/api/v1/audit", { ...query }), { signal })) as {
    entries: AuditEntry[];
    nextCursor: string | null;
  };
  return { items: answer.entries, nextCursor: answer.nextCursor };
}
