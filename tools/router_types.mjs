#!/usr/bin/env node
/*
 * Types of the API for tRPC clients of version 11, made of its OpenAPI document:
 *
 *   curl -s http://localhost:8080/api/v1/openapi.json | tools/router_types.mjs > web/package/trpc.d.ts
 *
 * tests/clients says when the file is old.
 */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const HEAD = `/*
 * The procedures of Stoa, for tRPC clients of version 11: createTRPCClient<AppRouter>(). Made of the OpenAPI document
 * by tools/router_types.mjs, so it is not edited.
 */
import type {
  TRPCBuiltRouter,
  TRPCDecorateCreateRouterOptions,
  TRPCDefaultErrorData,
  TRPCDefaultErrorShape,
  TRPCMutationProcedure,
  TRPCQueryProcedure,
  TRPCSubscriptionProcedure,
} from "@trpc/server";

type Query<Input, Output> = TRPCQueryProcedure<{ meta: object; input: Input; output: Output }>;
type Mutation<Input, Output> = TRPCMutationProcedure<{ meta: object; input: Input; output: Output }>;
type Subscription<Input, Output> = TRPCSubscriptionProcedure<{
  meta: object;
  input: Input;
  output: AsyncIterable<Tracked<Output>>;
}>;

/** A value of a subscription; a client that names the id of the last one in its input goes on behind it. */
export interface Tracked<Data> {
  id: string;
  data: Data;
}

/** What client.events.subscribe tells. */
export type ChannelEvent =
  | { type: "snapshot" | "status"; channelId: number; status: ChannelStatus }
  | { type: "deleted"; channelId: number };

/** \`data.problem\` is the stable code that the REST API has for the same. */
export interface ErrorShape extends TRPCDefaultErrorShape {
  data: TRPCDefaultErrorData & { problem?: string; errors?: ProblemError[] };
}
`;

/* They are no REST operations, or other ones there: told here. */
const SUBSCRIPTIONS = {
  "channel.onStatus": "Subscription<{ channelId: number; lastEventId?: string }, ChannelStatus>",
  "events.subscribe":
    'Subscription<{ channels?: number[] | "all"; lastEventId?: string } | undefined, ChannelEvent>',
};

const BASIC = { string: "string", integer: "number", number: "number", boolean: "boolean", null: "null" };

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.map(typeOf).join(" | ");
  if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(" | ");
  const types = [schema.type ?? "unknown"].flat();
  return types
    .map((type) => {
      if (type === "array") {
        const items = typeOf(schema.items);
        return items.includes(" ") ? `(${items})[]` : `${items}[]`;
      }
      if (type === "object") return schema.properties ? `{ ${membersOf(schema).join("; ")} }` : "object";
      return BASIC[type] ?? "unknown";
    })
    .join(" | ");
}

const membersOf = ({ properties, required = [] }) =>
  Object.entries(properties).map(
    ([name, schema]) => `${name}${required.includes(name) ? "" : "?"}: ${typeOf(schema)}`,
  );

/* tRPC takes all fields in one object; REST has them in path, query and body. */
function inputOf({ parameters = [], requestBody }) {
  const fields = parameters
    .filter((parameter) => parameter.in === "path" || parameter.in === "query")
    .map(({ name, required, schema }) => [`${name}${required ? "" : "?"}`, typeOf(schema)].join(": "));
  const body = requestBody?.content["application/json"].schema;
  if (body?.properties) fields.push(...membersOf(body));
  if (fields.length === 0) return "void";
  const isOptional = fields.every((field) => /^\w+\?:/.test(field));
  return `{ ${fields.join("; ")} }${isOptional ? " | undefined" : ""}`;
}

function outputOf({ responses }) {
  const status = Object.keys(responses).find((code) => code.startsWith("2"));
  return typeOf(responses[status].content["application/json"].schema);
}

export function routerTypes(document) {
  const lines = [HEAD];
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    lines.push(`export interface ${name} {`, ...membersOf(schema).map((member) => `  ${member};`), "}", "");
  }

  const routers = new Map();
  const add = (id, type) => {
    const [router, procedure] = id.split(".");
    if (!routers.has(router)) routers.set(router, new Map());
    routers.get(router).set(procedure, type);
  };
  for (const methods of Object.values(document.paths))
    for (const [method, operation] of Object.entries(methods)) {
      if (operation.operationId in SUBSCRIPTIONS) continue;
      const kind = method === "get" ? "Query" : "Mutation";
      add(operation.operationId, `${kind}<${inputOf(operation)}, ${outputOf(operation)}>`);
    }
  for (const [id, type] of Object.entries(SUBSCRIPTIONS)) add(id, type);

  lines.push("/** Of all procedures. */", "export interface Procedures {");
  for (const [router, procedures] of routers) {
    lines.push(`  ${router}: {`);
    for (const [name, type] of procedures) lines.push(`    ${name}: ${type};`);
    lines.push("  };");
  }
  lines.push("}", "");
  lines.push(
    "export type AppRouter = TRPCBuiltRouter<",
    "  { ctx: object; meta: object; errorShape: ErrorShape; transformer: false },",
    "  TRPCDecorateCreateRouterOptions<{ [Name in keyof Procedures]: Procedures[Name] }>",
    ">;",
    "",
  );
  return lines.join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  process.stdout.write(routerTypes(JSON.parse(readFileSync(0, "utf8"))));
