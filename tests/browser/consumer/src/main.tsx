import {
  ChannelStatusBadge,
  HLSVideoPlayer,
  LiveChannelPage,
  StoaProvider,
  StreamHealthIndicator,
  useChannelStatus,
  watchPhase,
  type ChannelStatus,
  type WatchPhase,
} from "@stoa/react";
import "@stoa/react/style.css";
import { StrictMode, useState, type ReactElement } from "react";
import { createRoot } from "react-dom/client";
import "./shop.css";

const asked = new URLSearchParams(location.search);
const server = asked.get("server") ?? "";
const channelId = Number(asked.get("channel"));
const broken = asked.get("broken");

function Product(): ReactElement {
  const { data, error, refresh } = useChannelStatus(channelId);
  const status: ChannelStatus | null = data;
  const phase: WatchPhase = watchPhase(status);
  return (
    <aside>
      <ChannelStatusBadge status={status} />
      <StreamHealthIndicator status={status} />
      <output>{error === null ? phase : "unknown"}</output>
      <button type="button" onClick={refresh}>
        Ask again
      </button>
    </aside>
  );
}

/* A source that fails, and another one to go to. */
function TwoSources({ source }: { source: string }): ReactElement {
  const [isOnFallback, setOnFallback] = useState(false);
  return (
    <div className="stoa-stage" data-fallback={isOnFallback}>
      <HLSVideoPlayer
        source={source}
        fallbackSource={`${server}/hls/${channelId}/index.m3u8`}
        title="Shoes"
        showLatencyBadge
        onFailover={setOnFallback}
      />
    </div>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("no root");
createRoot(root).render(
  <StrictMode>
    <StoaProvider server={server}>
      {broken === null ? <LiveChannelPage channelId={channelId} /> : <TwoSources source={broken} />}
      <Product />
    </StoaProvider>
  </StrictMode>,
);
