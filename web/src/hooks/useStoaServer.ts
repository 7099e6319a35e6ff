import { createContext, useContext } from "react";
import { stoaServerAt, type StoaServer } from "../api/StoaServer";

/* The address of the server that the components below speak to; null: the one that this page came from. */
export const StoaServerContext = createContext<string | null>(null);

export function useStoaServer(): StoaServer {
  return stoaServerAt(useContext(StoaServerContext) ?? location.origin);
}
