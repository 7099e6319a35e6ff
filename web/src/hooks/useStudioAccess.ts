import { useCallback, useEffect, useState } from "react";
import { getChannel } from "../api/client";
import { ApiError, sentenceOf } from "../api/problem";
import type { ChannelDetail, PublishAccess } from "../api/types";
import { channelKey } from "../keys";

export interface StudioKey {
  /* What the person showed: the stream key or the admin key. */
  key: string;
  publish: PublishAccess;
  title: string;
}

export type StudioAccess =
  | { kind: "checking" }
  | { kind: "locked"; error: string | null }
  | { kind: "missing" }
  | { kind: "open"; studio: StudioKey };

const WRONG_KEY = "This key does not open this channel's studio.";

async function check(id: number, key: string | null): Promise<StudioAccess> {
  let channel: ChannelDetail;
  try {
    channel = await getChannel(id, key);
  } catch (error) {
    if (error instanceof ApiError && error.isNotFound) return { kind: "missing" };
    if (error instanceof ApiError && error.isDenied && key !== null) channelKey.set(id, null);
    return { kind: "locked", error: sentenceOf(error) };
  }
  if (channel.publish === undefined || key === null) {
    return { kind: "locked", error: key === null ? null : WRONG_KEY };
  }
  channelKey.set(id, key);
  return { kind: "open", studio: { key, publish: channel.publish, title: channel.title } };
}

/* Who may broadcast: opens by itself with a key that this tab knows already. */
export function useStudioAccess(channelId: number): {
  access: StudioAccess;
  unlock: (key: string) => Promise<void>;
} {
  const [access, setAccess] = useState<StudioAccess>({ kind: "checking" });

  useEffect(() => {
    let isCurrent = true;
    void check(channelId, channelKey.get(channelId)).then((result) => {
      if (isCurrent) setAccess(result);
    });
    return () => {
      isCurrent = false;
    };
  }, [channelId]);

  const unlock = useCallback(
    async (key: string) => setAccess(await check(channelId, key)),
    [channelId],
  );
  return { access, unlock };
}
