/* Somebody else's web site, on an origin of its own: pages by path with their header fields, and files of a folder. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css" };

async function fileOf(folder, name) {
  try {
    return await readFile(path.join(folder, path.normalize(name)));
  } catch {
    return null;
  }
}

export async function openShop({ pages = {}, folder = null }) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://shop");
    const name = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    const page = pages[pathname];
    const body = page?.html ?? (folder === null ? null : await fileOf(folder, name));
    const type = page ? TYPES[".html"] : TYPES[path.extname(name)];
    response.writeHead(body === null ? 404 : 200, { "Content-Type": type ?? "text/plain", ...page?.headers });
    response.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  /* Another name for the same address is another site to a browser. */
  const url = `http://localhost:${server.address().port}`;
  return {
    url,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
