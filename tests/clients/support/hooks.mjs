/* The hooks of @trpc/react-query, rendered: what they show is what the server says. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { until } from "../../support/rest.mjs";
import { watchedFetch } from "./calls.mjs";
import { startServer } from "./server.mjs";

export function describeHooks(version, { React, JSDOM, createRoot, createTRPCReact, query, links }) {
  const { createElement, useState } = React;
  const trpc = createTRPCReact();

  function Channels() {
    const { data, error } = trpc.channel.list.useQuery({ limit: 10 });
    const utils = trpc.useUtils();
    const create = trpc.channel.create.useMutation({ onSuccess: () => utils.channel.list.invalidate() });
    return createElement(
      "section",
      null,
      createElement("ul", null, data?.channels.map(({ id, title }) => createElement("li", { key: id }, title))),
      createElement("button", { onClick: () => create.mutate({ title: "Made by a click" }) }, "Make one"),
      createElement("p", { role: "alert" }, error?.message ?? create.error?.message),
    );
  }

  function Channel({ id }) {
    const { data, error } = trpc.channel.getById.useQuery({ id }, { retry: false });
    return createElement("h1", null, data?.title ?? error?.data?.code ?? "…");
  }

  function Light({ channelId }) {
    const [told, setTold] = useState([]);
    trpc.channel.onStatus.useSubscription(
      { channelId },
      { onData: ({ data }) => setTold((before) => [...before, data.relayStatus ?? "never"]) },
    );
    return createElement("output", null, told.join(" "));
  }

  describe(`hooks of @trpc/react-query ${version}`, () => {
    let server;
    let channel;
    let page;
    before(async () => {
      server = await startServer();
      channel = await server.createChannel("Hats");
      const { window } = new JSDOM("<main></main>");
      // Version 10 takes the window's, and some versions of Node's fetch take signals of Node's only.
      window.AbortController = AbortController;
      globalThis.window = window;
      globalThis.document = window.document;
    });
    after(() => server.stop());
    beforeEach(() => {
      const watch = watchedFetch();
      const { socket, links: all } = links({ server, fetch: watch.fetch });
      const queryClient = new query.QueryClient();
      const root = createRoot(document.querySelector("main"));
      page = {
        seen: watch.seen,
        queryClient,
        show: (...children) =>
          root.render(
            createElement(
              trpc.Provider,
              { client: trpc.createClient({ links: all }), queryClient },
              createElement(query.QueryClientProvider, { client: queryClient }, ...children),
            ),
          ),
        text: (selector) => document.querySelector(selector)?.textContent ?? "",
        close() {
          root.unmount();
          queryClient.clear();
          socket?.close();
        },
      };
    });
    afterEach(() => page.close());

    test("a query shows what there is, and a mutation that invalidates it what has come", async () => {
      page.show(createElement(Channels));
      await until("the channel is there", () => page.text("ul") === "Hats");
      document.querySelector("button").dispatchEvent(new window.MouseEvent("click", { bubbles: true }));
      await until("the new one too", () => page.text("ul").includes("Made by a click"));
      assert.equal(page.text("[role=alert]"), "");
    });

    test("components that ask in one moment are one request", async () => {
      const other = await server.createChannel("Shoes");
      page.show(
        createElement(Channel, { key: 1, id: channel.id }),
        createElement(Channel, { key: 2, id: other.id }),
        createElement(Channel, { key: 3, id: 999999 }),
      );
      await until("all are answered", () => page.text("main") === "HatsShoesNOT_FOUND");
      assert.deepEqual(
        page.seen.map(({ status }) => status),
        [207],
      );
    });

    test("a subscription shows each change, and ends with its component", async () => {
      page.show(createElement(Light, { channelId: channel.id }));
      await until("the state", () => page.text("output") === "never");
      await server.start(channel.id);
      await until("the change", () => page.text("output") === "never starting");
      await server.end(channel.id);
      await until("the end", () => page.text("output") === "never starting stopping stopped");
      await server.subscribers(1);
      page.show();
      await server.subscribers(0);
    });
  });
}
