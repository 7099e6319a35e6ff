/* The hooks of @trpc/react-query 11 in a page (jsdom): a query, a mutation, a subscription. */
import { describeHooks } from "../support/hooks.mjs";
import * as query from "@tanstack/react-query";
import { httpBatchLink, httpSubscriptionLink, splitLink } from "@trpc/client";
import { createTRPCReact } from "@trpc/react-query";
import { EventSource } from "eventsource";
import { JSDOM } from "jsdom";
import * as React from "react";
import { createRoot } from "react-dom/client";

describeHooks("11", {
  React,
  JSDOM,
  createRoot,
  createTRPCReact,
  query,
  links: ({ server, fetch }) => ({
    links: [
      splitLink({
        condition: (op) => op.type === "subscription",
        true: httpSubscriptionLink({ url: server.trpcUrl, EventSource }),
        false: httpBatchLink({ url: server.trpcUrl, fetch, headers: { authorization: `Bearer ${server.adminKey}` } }),
      }),
    ],
  }),
});
