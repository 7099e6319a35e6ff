/*
 * @stoa/react: what a shop built with React takes from Stoa. What stands here is the contract; a name that goes
 * away or changes its meaning is a new major version.
 */
import "../styles/kit/index.css";

export { StoaProvider, type StoaProviderProps } from "../components/StoaProvider";

export { LiveChannelPage, type LiveChannelPageProps } from "../components/LiveChannelPage";
export { LiveStage, type LiveStageProps } from "../components/LiveStage";
export { HLSVideoPlayer, type HLSVideoPlayerProps } from "../components/HLSVideoPlayer";
export {
  StreamPlaceholder,
  type PlaceholderKind,
  type StreamPlaceholderProps,
} from "../components/StreamPlaceholder";
export { ChannelStatusBadge } from "../components/ChannelStatusBadge";
export { StreamHealthIndicator } from "../components/StreamHealthIndicator";

export { useChannelStatus } from "../hooks/useChannelStatus";
export { useChannel } from "../hooks/useChannel";

export { hostLabel, watchPhase } from "../streamState";
export type { StateLabel, Tone, WatchPhase } from "../streamState";
export type { Polled } from "../hooks/usePolling";
export type { Channel, ChannelStatus, Health, RelayStatus } from "../api/types";
