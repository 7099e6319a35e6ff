/*
 * Calls of the REST API by its own OpenAPI document: a call is made of what the document says about the
 * operation, and its answer must be one that the document tells of.
 */
import assert from "node:assert/strict";
import addFormats from "ajv-formats";
import { Ajv2020 } from "ajv/dist/2020.js";

const DOCUMENT = "https://stoa.example/openapi.json";

/* Objects have the members that the document names, and no others: what it does not tell of would be found by nobody. */
function close(schema) {
  if (schema.type === "object" && schema.properties) schema.additionalProperties ??= false;
  return schema;
}

export async function readDescription(server) {
  const answer = await fetch(`${server.url}/api/v1/openapi.json`);
  assert.equal(answer.status, 200);
  return answer.json();
}

export function describedBy(document, server) {
  const closed = structuredClone(document);
  Object.values(closed.components.schemas).forEach(close);
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema(closed, DOCUMENT);

  const operations = new Map();
  for (const [path, methods] of Object.entries(closed.paths))
    for (const [method, operation] of Object.entries(methods))
      operations.set(operation.operationId, { path, method, ...operation });

  const resolve = (thing) =>
    thing.$ref ? thing.$ref.slice(2).split("/").reduce((at, key) => at[key], closed) : thing;

  function assertFits(schema, value, what) {
    const { $ref } = schema;
    const validate = $ref ? ajv.getSchema(DOCUMENT + $ref) : ajv.compile(schema);
    assert.ok(validate(value), `${what}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value)}`);
  }

  /* The request that the document describes. Input that it does not allow is a mistake of the test, unless `isWrong`. */
  function requestOf(id, input, { headers, isWrong }) {
    const operation = operations.get(id);
    const rest = { ...input };
    const query = new URLSearchParams();
    let path = operation.path;
    for (const parameter of (operation.parameters ?? []).map(resolve)) {
      const value = parameter.in === "header" ? headers[parameter.name.toLowerCase()] : rest[parameter.name];
      if (value === undefined) continue;
      if (!isWrong) assertFits(parameter.schema, value, `${id}, ${parameter.name}`);
      if (parameter.in === "header") continue;
      delete rest[parameter.name];
      if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
      else query.set(parameter.name, value);
    }
    assert.ok(!path.includes("{"), `${id}: ${path}`);
    const body = operation.requestBody ? rest : undefined;
    if (body && !isWrong) assertFits(operation.requestBody.content["application/json"].schema, body, `${id}, body`);
    if (!body) assert.deepEqual(rest, {}, `${id} has other parameters`);
    return { operation, url: `${server.url}${closed.servers[0].url}${path}?${query}`, body };
  }

  const succeeded = new Set();

  /* {status, body, headers} of the call, which the document must describe. */
  async function call(id, input = {}, { key = server.adminKey, headers = {}, isWrong = false } = {}) {
    const { operation, url, body } = requestOf(id, input, { headers, isWrong });
    const response = await fetch(url, {
      method: operation.method.toUpperCase(),
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body && { "content-type": "application/json" }),
        ...headers,
      },
      body: body && JSON.stringify(body),
    });
    const told = resolve(operation.responses[response.status] ?? operation.responses.default);
    const type = response.headers.get("content-type");
    const content = told.content?.[type];
    assert.ok(content, `${id}: ${response.status} ${type} is not described`);
    const answer = await response.json();
    assertFits(content.schema, answer, `${id}, ${response.status}`);
    if (response.ok) succeeded.add(id);
    return { status: response.status, body: answer, headers: response.headers };
  }

  return { ajv, operations, succeeded, call, assertFits };
}
