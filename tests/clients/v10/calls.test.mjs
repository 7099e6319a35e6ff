import { createTRPCProxyClient, httpBatchLink, httpLink, TRPCClientError } from "@trpc/client";
import { describeCalls } from "../support/calls.mjs";

describeCalls("10", { createClient: createTRPCProxyClient, httpLink, httpBatchLink, TRPCClientError });
