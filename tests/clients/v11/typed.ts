/*
 * A shop in TypeScript: what AppRouter lets it write, and what not. It is compiled, not run (types.test.mjs).
 */
import { QueryClient } from "@tanstack/react-query";
import { createTRPCClient, httpBatchLink, TRPCClientError } from "@trpc/client";
import { createTRPCReact } from "@trpc/react-query";
import type { inferRouterInputs, inferRouterOutputs } from "@trpc/server";
import type { AppRouter, ChannelStatus } from "@stoa/react/trpc";

const client = createTRPCClient<AppRouter>({ links: [httpBatchLink({ url: "/trpc" })] });

export async function calls() {
  const { channels, nextCursor } = await client.channel.list.query();
  const next = await client.channel.list.query({ limit: 10, ...(nextCursor && { cursor: nextCursor }) });
  const status: ChannelStatus = await client.channel.getStatus.query({ channelId: channels[0]!.id });
  const error: string | null = status.relayError;
  const { publish } = await client.channel.start.mutate({ channelId: 7 });
  const key: string = publish.streamKey;
  const { account } = await client.auth.me.query();
  const name: string | undefined = account?.displayName;
  await client.webhook.create.mutate({ url: "https://shop.example/hook", events: ["relay.active", "broadcast.ended"] });
  return { next, error, key, name };
}

export function subscriptions() {
  client.channel.onStatus.subscribe(
    { channelId: 7 },
    { onData: ({ id, data }) => `${id} ${data.viewerCount + 1} ${data.relayStatus ?? "never"}` },
  );
  return client.events.subscribe.subscribe(undefined, {
    onData({ data }) {
      if (data.type !== "deleted") return data.status.isLive;
      // @ts-expect-error: what is deleted has no status
      return data.status;
    },
  });
}

export function mistakes() {
  // @ts-expect-error: the channel's number is a number
  void client.channel.getStatus.query({ channelId: "7" });
  // @ts-expect-error: it is needed
  void client.channel.getStatus.query({});
  // @ts-expect-error: a query is no mutation
  void client.channel.getStatus.mutate({ channelId: 7 });
  // @ts-expect-error: there is no such procedure
  void client.channel.explode.mutate({ channelId: 7 });
  // @ts-expect-error: there is no such event
  void client.webhook.create.mutate({ url: "https://shop.example", events: ["relay.exploded"] });
  // @ts-expect-error: there is no such role
  void client.account.create.mutate({ email: "a@b.c", displayName: "A", role: "emperor" });
}

export function errors(error: unknown) {
  if (!(error instanceof TRPCClientError)) return "";
  const { data }: TRPCClientError<AppRouter> = error;
  return data ? `${data.code} ${data.httpStatus} ${data.problem ?? ""}` : "";
}

export const trpc = createTRPCReact<AppRouter>();
export const provider = { client: trpc.createClient({ links: [] }), queryClient: new QueryClient() };

export function useHats() {
  const utils = trpc.useUtils();
  const list = trpc.channel.list.useQuery({ q: "hats" });
  const pages = trpc.channel.list.useInfiniteQuery({ limit: 10 }, { getNextPageParam: (page) => page.nextCursor });
  const end = trpc.channel.end.useMutation({ onSuccess: () => utils.channel.list.invalidate() });
  trpc.channel.onStatus.useSubscription({ channelId: 7 }, { onData: ({ data }) => data.health satisfies string | null });
  const titles: string[] | undefined = list.data?.channels.map(({ title }) => title);
  return { titles, pages, end: () => end.mutate({ channelId: 7 }) };
}

export type Title = inferRouterOutputs<AppRouter>["channel"]["getById"]["title"];
export const input: inferRouterInputs<AppRouter>["channel"]["create"] = { title: "Hats", streamMode: "hybrid" };
