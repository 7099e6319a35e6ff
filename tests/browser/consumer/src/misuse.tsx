/* What the package's types must refuse: each line below is an error, or the check of types fails. */
import { HLSVideoPlayer, LiveStage, useChannelStatus } from "@stoa/react";

// @ts-expect-error a number, not a text
export const wrongChannel = <LiveStage channelId="7" title="Shoes" />;

// @ts-expect-error a player has a source
export const noSource = <HLSVideoPlayer title="Shoes" />;

export function useWrongly(): string {
  const { data } = useChannelStatus(7);
  // @ts-expect-error nothing is known at first
  return data.relayStatus;
}
