/* The types of the procedures: as new as the server, and good for a shop in TypeScript. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { routerTypes } from "../../../tools/router_types.mjs";
import { startServer } from "../support/server.mjs";

const TYPES = new URL("../../../web/package/trpc.d.ts", import.meta.url);

describe("types of the procedures", () => {
  let server;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  test("are those of the server's own document", async () => {
    const answer = await fetch(`${server.url}/api/v1/openapi.json`);
    assert.equal(
      await readFile(TYPES, "utf8"),
      routerTypes(await answer.json()),
      "web/package/trpc.d.ts is old: make it anew with tools/router_types.mjs",
    );
  });

  test("let a shop write what the server takes, and nothing else", async () => {
    await promisify(execFile)("npx", ["--no-install", "tsc", "-p", "."], { cwd: import.meta.dirname }).catch(
      ({ stdout, message }) => assert.fail(stdout || message),
    );
  });
});
