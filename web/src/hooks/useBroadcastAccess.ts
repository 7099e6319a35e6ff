import { useCallback, useMemo, useState } from "react";
import { createPublishToken, rotateKey, startChannel } from "../api/client";
import { ApiError } from "../api/problem";
import type { PublishAccess } from "../api/types";
import { channelKey } from "../keys";
import { PublishTokens } from "../publish/publishTokens";
import type { StudioEntry } from "./useStudioAccess";

export interface BroadcastAccess {
  /* null: the session speaks. */
  key: string | null;
  publish: PublishAccess;
  tokens: PublishTokens;
  /* Announces the broadcast, or joins the one that goes on (a reloaded page, a lost connection). */
  open: () => Promise<void>;
  rotate: () => Promise<void>;
}

const CONFLICT = 409;

/* What this page may do on the channel, and with which credentials: they change when the key is rotated. */
export function useBroadcastAccess(channelId: number, studio: StudioEntry): BroadcastAccess {
  const [key, setKey] = useState(studio.key);
  const [publish, setPublish] = useState(studio.publish);
  const tokens = useMemo(
    () => new PublishTokens(() => createPublishToken(channelId, key)),
    [channelId, key],
  );

  const open = useCallback(async () => {
    try {
      const grant = await startChannel(channelId, key);
      tokens.take({ token: grant.token, expiresAt: grant.tokenExpiresAt });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === CONFLICT)) throw error;
      await tokens.get();
    }
  }, [channelId, key, tokens]);

  const rotate = useCallback(async () => {
    const next = await rotateKey(channelId, key);
    setPublish(next);
    /* Who came in with the stream key goes on with the new one; the admin key stays as it is. */
    if (key !== null && key === publish.streamKey) {
      channelKey.set(channelId, next.streamKey);
      setKey(next.streamKey);
    }
  }, [channelId, key, publish.streamKey]);

  return { key, publish, tokens, open, rotate };
}
