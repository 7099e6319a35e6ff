/* The hooks of @trpc/react-query 10 in a page (jsdom): a query, a mutation, a subscription. */
import { describeHooks } from "../support/hooks.mjs";
import * as query from "@tanstack/react-query";
import { createWSClient, httpBatchLink, splitLink, wsLink } from "@trpc/client";
import { createTRPCReact } from "@trpc/react-query";
import { JSDOM } from "jsdom";
import * as React from "react";
import { createRoot } from "react-dom/client";
import { WebSocket } from "ws";

describeHooks("10", {
  React,
  JSDOM,
  createRoot,
  createTRPCReact,
  query,
  links({ server, fetch }) {
    const socket = createWSClient({ url: server.socketUrl, WebSocket });
    return {
      socket,
      links: [
        splitLink({
          condition: (op) => op.type === "subscription",
          true: wsLink({ client: socket }),
          false: httpBatchLink({ url: server.trpcUrl, fetch, headers: { authorization: `Bearer ${server.adminKey}` } }),
        }),
      ],
    };
  },
});
