/* Every operation of the server, by subject. Transport, session and errors: http.ts, problem.ts. */
export * from "./accounts";
export * from "./audit";
export * from "./auth";
export * from "./broadcasts";
export * from "./channels";
export * from "./webhooks";
