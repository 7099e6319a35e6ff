import type { ReactElement, ReactNode } from "react";
import { StoaServerContext } from "../hooks/useStoaServer";

export interface StoaProviderProps {
  /** Where Stoa runs: "https://live.example.org". */
  server: string;
  children: ReactNode;
}

/** Names the server for all components and hooks below. The server's own pages need none. */
export function StoaProvider({ server, children }: StoaProviderProps): ReactElement {
  return <StoaServerContext.Provider value={server}>{children}</StoaServerContext.Provider>;
}
