import { useCallback, useEffect, useState } from "react";
import { getChannel } from "../api/client";
import { ApiError, sentenceOf } from "../api/problem";
import type { ChannelDetail, PublishAccess } from "../api/types";
import { channelKey } from "../keys";
import { useSession } from "./useSession";

export interface StudioEntry {
  /* What the person showed: the stream key or the admin key; null: they are signed in. */
  key: string | null;
  publish: PublishAccess;
  title: string;
}

export type StudioAccess =
  | { kind: "checking" }
  /* `isForeign`: signed in, but as somebody whose channel it is not. */
  | { kind: "locked"; error: string | null; isForeign: boolean }
  | { kind: "missing" }
  | { kind: "open"; studio: StudioEntry };

const WRONG_KEY = "This key does not open this channel's studio.";

async function withKey(id: number, key: string, isForeign: boolean): Promise<StudioAccess> {
  let channel: ChannelDetail;
  try {
    channel = await getChannel(id, key);
  } catch (error) {
    if (error instanceof ApiError && error.isNotFound) return { kind: "missing" };
    if (error instanceof ApiError && error.isDenied) channelKey.set(id, null);
    return { kind: "locked", error: sentenceOf(error), isForeign };
  }
  if (channel.publish === undefined) return { kind: "locked", error: WRONG_KEY, isForeign };
  channelKey.set(id, key);
  return { kind: "open", studio: { key, publish: channel.publish, title: channel.title } };
}

/* The person who is signed in comes first, then a key that this tab knows. */
async function enter(id: number, isSignedIn: boolean): Promise<StudioAccess> {
  let channel: ChannelDetail;
  try {
    channel = await getChannel(id, null);
  } catch (error) {
    if (error instanceof ApiError && error.isNotFound) return { kind: "missing" };
    return { kind: "locked", error: sentenceOf(error), isForeign: false };
  }
  const { publish, title } = channel;
  if (isSignedIn && publish !== undefined) return { kind: "open", studio: { key: null, publish, title } };
  const key = channelKey.get(id);
  if (key !== null) return withKey(id, key, isSignedIn);
  return { kind: "locked", error: null, isForeign: isSignedIn };
}

/*
 * Who may broadcast. A studio that is open stays open: what ends a session must not end a broadcast, and
 * the server refuses by itself what is no longer allowed.
 */
export function useStudioAccess(channelId: number): {
  access: StudioAccess;
  unlock: (key: string) => Promise<void>;
} {
  const [access, setAccess] = useState<StudioAccess>({ kind: "checking" });
  const session = useSession();
  const isAsked = session.kind !== "unknown" && access.kind !== "open";
  const isSignedIn = session.kind === "in";

  useEffect(() => {
    if (!isAsked) return;
    let isCurrent = true;
    void enter(channelId, isSignedIn).then((result) => {
      if (isCurrent) setAccess(result);
    });
    return () => {
      isCurrent = false;
    };
  }, [channelId, isAsked, isSignedIn]);

  const unlock = useCallback(
    async (key: string) => setAccess(await withKey(channelId, key, isSignedIn)),
    [channelId, isSignedIn],
  );
  return { access, unlock };
}
