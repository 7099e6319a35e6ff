/* Somebody else's web site, on an origin of its own: pages by path, with the header fields that they need. */
import { once } from "node:events";
import { createServer } from "node:http";

export async function openShop(pages) {
  const server = createServer((request, response) => {
    const page = pages[new URL(request.url, "http://shop").pathname];
    if (page === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", ...page.headers });
    response.end(page.html);
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
