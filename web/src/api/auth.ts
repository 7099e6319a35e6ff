import { request } from "./http";

export type Role = "admin" | "seller" | "buyer";

export interface Account {
  id: string;
  email: string;
  displayName: string;
  role: Role;
  disabled: boolean;
  createdAt: string;
  channelCount: number;
}

export interface Me {
  account: Account | null;
  csrfToken: string | null;
}

/* The answer also sets the session's cookie, which scripts cannot read. */
export async function signIn(email: string, password: string): Promise<Me> {
  const options = { method: "POST", body: { email, password } } as const;
  return (await request("/api/v1/auth/sign-in", options)) as Me;
}

export async function signOut(): Promise<void> {
  await request("/api/v1/auth/sign-out", { method: "POST" });
}

export async function getMe(): Promise<Me> {
  return (await request("/api/v1/auth/me")) as Me;
}

/* Ends the account's other sessions. */
export async function changePassword(currentPassword: string, newPassword: string): Promise<void> {
  const body = { currentPassword, newPassword };
  await request("/api/v1/auth/password", { method: "POST", body });
}
