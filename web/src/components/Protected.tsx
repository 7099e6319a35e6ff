import { useEffect, type ReactElement, type ReactNode } from "react";
import type { Account, Role } from "../api/auth";
import { sentenceOf } from "../api/problem";
import { useSession } from "../hooks/useSession";
import { redirect, signInPath } from "../router";
import { Layout } from "./Layout";
import { Notice } from "./Notice";

interface ProtectedProps {
  roles: readonly Role[];
  children: (account: Account) => ReactNode;
}

/* A page for people who are signed in. Who is not, or no longer, signs in and comes back here. */
export function Protected({ roles, children }: ProtectedProps): ReactElement {
  const state = useSession();
  const isOut = state.kind === "out";
  useEffect(() => {
    if (isOut) redirect(signInPath());
  }, [isOut]);

  if (state.kind === "in" && roles.includes(state.account.role)) return <>{children(state.account)}</>;
  if (state.kind === "in") {
    return (
      <Layout>
        <section className="empty">
          <h1>This page is not for your account</h1>
          <p className="empty-lead">
            You are signed in as {state.account.email}. An admin can give the account another role.
          </p>
        </section>
      </Layout>
    );
  }
  return (
    <Layout>
      {state.kind === "unknown" && state.error !== null && (
        <Notice tone="bad">{sentenceOf(state.error)} Trying again…</Notice>
      )}
    </Layout>
  );
}
