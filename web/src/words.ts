import type { Role, Scope } from "./api/client";

/* What the server's words are called on the pages. */
export const ROLE_TEXT: Record<Role, string> = {
  admin: "Admin",
  seller: "Seller",
  buyer: "Buyer",
};

export const ROLE_HINT: Record<Role, string> = {
  admin: "Everything: all channels, accounts, keys and webhooks.",
  seller: "Own channels, with their keys and webhooks.",
  buyer: "Watches, and nothing else.",
};

export const SCOPES: Record<Scope, { text: string; hint: string; isAdminOnly: boolean }> = {
  read: { text: "Read", hint: "Channels, their status and history.", isAdminOnly: false },
  channels: { text: "Channels", hint: "Make, change and delete channels.", isAdminOnly: false },
  publish: { text: "Publish", hint: "Go live, end, draw publish tokens.", isAdminOnly: false },
  webhooks: { text: "Webhooks", hint: "Set up webhooks and replay deliveries.", isAdminOnly: false },
  accounts: { text: "Accounts", hint: "Make, change and disable accounts.", isAdminOnly: true },
  admin: { text: "Admin", hint: "Everything an admin may.", isAdminOnly: true },
};

export const SCOPE_NAMES = Object.keys(SCOPES) as Scope[];
