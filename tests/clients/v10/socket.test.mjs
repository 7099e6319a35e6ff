import { createTRPCProxyClient, createWSClient, wsLink } from "@trpc/client";
import { WebSocket } from "ws";
import { describeSocket } from "../support/socket.mjs";

describeSocket("10", { createClient: createTRPCProxyClient, createWSClient, wsLink, WebSocket, resumes: false });
