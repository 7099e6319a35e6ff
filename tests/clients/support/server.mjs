/*
 * A server of its own for a file of tests, started by tests/integration/serve.py, and what stands
 * between it and a client.
 *
 *   const server = await startServer();
 *   after(() => server.stop());
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { makeRest, until } from "../../support/rest.mjs";

const PROGRAM = path.resolve(fileURLToPath(import.meta.url), "../../../integration/serve.py");

export async function startServer(settings = {}) {
  const child = spawn(PROGRAM, [JSON.stringify(settings)], { stdio: ["pipe", "pipe", "pipe"] });
  let report = "";
  child.stderr.on("data", (chunk) => (report += chunk));
  const ended = once(child, "close");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  const nextLine = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the server did not serve:\n${report}`);
    return JSON.parse(value);
  };
  const command = (value) => {
    child.stdin.write(`${JSON.stringify(value)}\n`);
    return nextLine();
  };
  const { url, adminKey } = await nextLine();
  const rest = makeRest(url, adminKey);

  return {
    url,
    adminKey,
    rest,
    trpcUrl: `${url}/trpc`,
    socketUrl: `${url.replace(/^http/, "ws")}/trpc`,
    createChannel: (title) => rest("POST", "/channels", { body: { title } }),
    start: (id) => rest("POST", `/channels/${id}/start`),
    end: (id) => rest("POST", `/channels/${id}/end`),
    restart: () => command({ do: "restart" }),
    /* ffmpeg, which sends a file over RTMP again and again until unpublish(). */
    publish: (key) => command({ do: "publish", key }),
    unpublish: () => command({ do: "unpublish" }),
    log: async () => (await command({ do: "log" })).log,
    /* Waits until the server counts so many subscribers; it counts each second. */
    subscribers: (count) =>
      until(`${count} subscribers`, async () => {
        const text = await (await fetch(`${url}/metrics`)).text();
        return Number(/^stoa_push_subscribers (\d+)$/m.exec(text)[1]) === count;
      }),
    async stop() {
      child.stdin.end();
      const [code] = await ended;
      if (code !== 0) throw new Error(`the server ended badly:\n${report}`);
    },
  };
}

/* Passes TCP connections on to the server, and can end them, as a bad line does. */
export async function startLine(server) {
  const { hostname, port } = new URL(server.url);
  const peers = new Set();
  let isUp = true;

  const listener = net.createServer((client) => {
    if (!isUp) {
      client.destroy();
      return;
    }
    const peer = net.connect(Number(port), hostname);
    for (const [one, other] of [
      [client, peer],
      [peer, client],
    ]) {
      peers.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        peers.delete(one);
        other.destroy();
      });
    }
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const url = `http://127.0.0.1:${listener.address().port}`;
  const down = () => {
    isUp = false;
    for (const peer of peers) peer.destroy();
  };

  return {
    trpcUrl: `${url}/trpc`,
    socketUrl: `${url.replace(/^http/, "ws")}/trpc`,
    down,
    up: () => (isUp = true),
    close() {
      down();
      listener.close();
    },
  };
}
