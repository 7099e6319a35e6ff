import { useCallback, useState, type ReactElement } from "react";
import { ApiError } from "../api/problem";
import type { Channel } from "../api/types";
import { Layout } from "../components/Layout";
import { LiveChannelPage } from "../components/LiveChannelPage";
import { useChannelStatus } from "../hooks/useChannelStatus";
import { useDocumentTitle } from "../hooks/useDocumentTitle";
import { MissingPage } from "./MissingPage";

/* The buyer's page in Stoa's own frame. */
export function WatchPage({ channelId }: { channelId: number }): ReactElement {
  const { data: status, error } = useChannelStatus(channelId);
  const [title, setTitle] = useState("");
  const onChannel = useCallback((channel: Channel) => setTitle(channel.title), []);
  useDocumentTitle(title);

  if (status === null && error instanceof ApiError && error.isNotFound) {
    return <MissingPage sentence="There is no such channel." />;
  }
  return (
    <Layout isWide>
      <LiveChannelPage channelId={channelId} onChannel={onChannel} />
    </Layout>
  );
}
