/*
 * The procedures of Stoa, for tRPC clients of version 11: createTRPCClient<AppRouter>(). Made of the OpenAPI document
 * by tools/router_types.mjs, so it is not edited.
 */
import type {
  TRPCBuiltRouter,
  TRPCDecorateCreateRouterOptions,
  TRPCDefaultErrorData,
  TRPCDefaultErrorShape,
  TRPCMutationProcedure,
  TRPCQueryProcedure,
  TRPCSubscriptionProcedure,
} from "@trpc/server";

type Query<Input, Output> = TRPCQueryProcedure<{ meta: object; input: Input; output: Output }>;
type Mutation<Input, Output> = TRPCMutationProcedure<{ meta: object; input: Input; output: Output }>;
type Subscription<Input, Output> = TRPCSubscriptionProcedure<{
  meta: object;
  input: Input;
  output: AsyncIterable<Tracked<Output>>;
}>;

/** A value of a subscription; a client that names the id of the last one in its input goes on behind it. */
export interface Tracked<Data> {
  id: string;
  data: Data;
}

/** What client.events.subscribe tells. */
export type ChannelEvent =
  | { type: "snapshot" | "status"; channelId: number; status: ChannelStatus }
  | { type: "deleted"; channelId: number };

/** `data.problem` is the stable code that the REST API has for the same. */
export interface ErrorShape extends TRPCDefaultErrorShape {
  data: TRPCDefaultErrorData & { problem?: string; errors?: ProblemError[] };
}

export interface Success {
  success: boolean;
}

export interface Account {
  id: string;
  email: string;
  displayName: string;
  role: "buyer" | "seller" | "admin";
  disabled: boolean;
  createdAt: string;
  channelCount: number;
}

export interface AccountCreated {
  id: string;
  email: string;
  displayName: string;
  role: "buyer" | "seller" | "admin";
  disabled: boolean;
  createdAt: string;
  channelCount: number;
  password?: string;
}

export interface AccountList {
  accounts: Account[];
  nextCursor: string | null;
}

export interface SignedIn {
  account: Account;
  csrfToken: string;
  expiresAt: string;
}

export interface Me {
  account: Account | null;
  csrfToken: string | null;
  expiresAt: string | null;
  via: "session" | "apiKey" | "adminKey" | "jwt" | "streamKey" | "publishToken" | null;
  scopes: ("read" | "channels" | "publish" | "webhooks" | "accounts" | "admin")[];
  channelId: number | null;
}

export interface ApiKey {
  id: string;
  name: string;
  prefix: string;
  scopes: ("read" | "channels" | "publish" | "webhooks" | "accounts" | "admin")[];
  createdAt: string;
  lastUsedAt: string | null;
  expiresAt: string | null;
  revokedAt: string | null;
}

export interface ApiKeyCreated {
  id: string;
  name: string;
  prefix: string;
  scopes: ("read" | "channels" | "publish" | "webhooks" | "accounts" | "admin")[];
  createdAt: string;
  lastUsedAt: string | null;
  expiresAt: string | null;
  revokedAt: string | null;
  key: string;
}

export interface ApiKeyList {
  apiKeys: ApiKey[];
}

export interface PublishToken {
  id: string;
  channelId: number;
  broadcastId: number | null;
  prefix: string;
  createdAt: string;
  expiresAt: string;
}

export interface PublishTokenCreated {
  id: string;
  channelId: number;
  broadcastId: number | null;
  prefix: string;
  createdAt: string;
  expiresAt: string;
  token: string;
}

export interface PublishTokenList {
  publishTokens: PublishToken[];
}

export interface ChannelSummary {
  id: number;
  title: string;
  isActive: boolean;
  isLive: boolean;
  relayStatus: "starting" | "active" | "reconnecting" | "stopping" | "stopped" | "error" | null;
  viewerCount: number;
  startedAt: string | null;
  endedAt: string | null;
  hlsPlaybackUrl: string;
  watchUrl: string;
  studioUrl: string;
  createdAt: string | null;
}

export interface ChannelList {
  channels: ChannelSummary[];
  nextCursor: string | null;
}

export interface ChannelStatus {
  channelId: number;
  isActive: boolean;
  isLive: boolean;
  relayStatus: "starting" | "active" | "reconnecting" | "stopping" | "stopped" | "error" | null;
  relayError: string | null;
  hlsPlaybackUrl: string | null;
  recordingUrl: string | null;
  viewerCount: number;
  webrtcViewers: number;
  hlsViewers: number;
  startedAt: string | null;
  endedAt: string | null;
  ingest: string | null;
  health: "good" | "fair" | "poor" | null;
  healthReason: string | null;
  bitrateKbps: number | null;
  fps: number | null;
  keyframeIntervalMs: number | null;
  packetLoss: number | null;
  rttMs: number | null;
  videoCodec: string | null;
  audioCodec: string | null;
  width: number | null;
  height: number | null;
}

export interface Publish {
  streamKey: string;
  whipUrl: string;
  rtmpUrl: string | null;
  token?: string;
  tokenExpiresAt?: string;
}

export interface Channel {
  id: number;
  title: string;
  isActive: boolean;
  isLive: boolean;
  relayStatus: "starting" | "active" | "reconnecting" | "stopping" | "stopped" | "error" | null;
  viewerCount: number;
  startedAt: string | null;
  endedAt: string | null;
  hlsPlaybackUrl: string;
  watchUrl: string;
  studioUrl: string;
  createdAt: string | null;
  channelName: string;
  streamMode: "webrtc-only" | "hybrid";
  streamingStatus: ChannelStatus;
  hostUserId?: string | null;
  maxDurationSeconds?: number | null;
  publish?: Publish;
}

export interface ChannelCreated {
  id: number;
  title: string;
  streamKey: string;
  whipUrl: string;
  rtmpUrl: string | null;
  hlsPlaybackUrl: string;
  studioUrl: string;
  watchUrl: string;
}

export interface Done {
  success: boolean;
  channelId: number;
  channelName?: string;
  relayStatus?: string | null;
}

export interface Started {
  success: boolean;
  channelId: number;
  channelName: string;
  relayStatus: "starting" | "active" | "reconnecting" | "stopping" | "stopped" | "error" | null;
  publish: Publish;
  hlsPlaybackUrl: string;
}

export interface RelayStarted {
  success: boolean;
  channelId: number;
  relayStatus: "starting" | "active" | "reconnecting" | "stopping" | "stopped" | "error" | null;
  playbackUrl: string;
  streamKey: string;
}

export interface RelayStatus {
  channelId: number;
  title: string;
  isActive: boolean;
  status: "starting" | "active" | "reconnecting" | "stopping" | "stopped" | "error" | null;
  error: string | null;
  viewerCount: number;
  bitrate: number | null;
  fps: number | null;
  health: "good" | "fair" | "poor" | null;
  healthReason: string | null;
  startedAt: string | null;
  playbackUrl: string | null;
  source: string;
  platform: string;
}

export interface RelayList {
  relays: RelayStatus[];
}

export interface Recording {
  channelId: number;
  broadcastId: number | null;
  isRecording: boolean;
  startedAt: string | null;
  durationSeconds: number;
  bytes: number;
  url: string | null;
  reason: string | null;
}

export interface ActiveRecordings {
  recordings: Recording[];
}

export interface KeptRecording {
  channelId: number;
  broadcastId: number;
  startedAt: string | null;
  endedAt: string | null;
  durationSeconds: number | null;
  url: string;
}

export interface RecordingList {
  recordings: KeptRecording[];
  nextCursor: string | null;
}

export interface Playback {
  hlsUrl: string | null;
}

export interface StreamStatus {
  isLive: boolean;
  hlsUrl: string | null;
  durationSeconds: number | null;
  recordingAvailable: boolean;
}

export interface Check {
  ok: boolean;
  detail: string | null;
}

export interface Checks {
  database: Check;
  media: Check;
  delivery: Check;
}

export interface Health {
  local: boolean;
  overall: boolean;
  checks: Checks;
}

export interface Broadcast {
  id: number;
  channelId: number;
  startedAt: string | null;
  endedAt: string | null;
  durationSeconds: number | null;
  endReason: string | null;
  peakViewers: number;
  source: string | null;
  platform: string | null;
  recordingUrl: string | null;
}

export interface BroadcastList {
  broadcasts: Broadcast[];
  nextCursor: string | null;
}

export interface MetricPoint {
  at: string;
  broadcastId: number | null;
  bitrateKbps: number | null;
  fps: number | null;
  keyframeIntervalMs: number | null;
  packetLoss: number | null;
  rttMs: number | null;
  webrtcViewers: number;
  hlsViewers: number;
  health: "good" | "fair" | "poor" | null;
  resolutionSeconds: number;
}

export interface MetricList {
  points: MetricPoint[];
  nextCursor: string | null;
}

export interface AuditEntry {
  id: string;
  at: string;
  actor: string;
  accountId: string | null;
  address: string | null;
  action: string;
  target: string | null;
  detail: string | null;
}

export interface AuditList {
  entries: AuditEntry[];
  nextCursor: string | null;
}

export interface Webhook {
  id: string;
  url: string;
  events: ("*" | "channel.created" | "channel.updated" | "channel.deleted" | "relay.starting" | "relay.active" | "relay.reconnecting" | "relay.stopping" | "relay.stopped" | "relay.error" | "broadcast.started" | "broadcast.ended" | "recording.ready")[];
  accountId: string | null;
  channelId: number | null;
  description: string | null;
  isActive: boolean;
  disabledReason: string | null;
  pendingDeliveries: number;
  failingSince: string | null;
  oldSecretUntil: string | null;
  createdAt: string;
  updatedAt: string;
}

export interface WebhookWithSecret {
  id: string;
  url: string;
  events: ("*" | "channel.created" | "channel.updated" | "channel.deleted" | "relay.starting" | "relay.active" | "relay.reconnecting" | "relay.stopping" | "relay.stopped" | "relay.error" | "broadcast.started" | "broadcast.ended" | "recording.ready")[];
  accountId: string | null;
  channelId: number | null;
  description: string | null;
  isActive: boolean;
  disabledReason: string | null;
  pendingDeliveries: number;
  failingSince: string | null;
  oldSecretUntil: string | null;
  createdAt: string;
  updatedAt: string;
  secret: string;
}

export interface WebhookList {
  webhooks: Webhook[];
  nextCursor: string | null;
}

export interface WebhookTested {
  success: boolean;
  deliveryId: string;
}

export interface WebhookDelivery {
  id: string;
  webhookId: string;
  channelId: number | null;
  event: string;
  status: "pending" | "delivered" | "failed";
  attemptCount: number;
  nextAttemptAt: string | null;
  deliveredAt: string | null;
  lastHttpStatus: number | null;
  lastError: string | null;
  createdAt: string;
}

export interface WebhookDeliveryDetail {
  id: string;
  webhookId: string;
  channelId: number | null;
  event: string;
  status: "pending" | "delivered" | "failed";
  attemptCount: number;
  nextAttemptAt: string | null;
  deliveredAt: string | null;
  lastHttpStatus: number | null;
  lastError: string | null;
  createdAt: string;
  payload: object;
  attempts: WebhookAttempt[];
}

export interface WebhookDeliveryList {
  deliveries: WebhookDelivery[];
  nextCursor: string | null;
}

export interface WebhookAttempt {
  number: number;
  at: string;
  durationMs: number;
  httpStatus: number | null;
  error: string | null;
  response: string | null;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  errors?: ProblemError[];
}

export interface ProblemError {
  field: string;
  message: string;
}

/** Of all procedures. */
export interface Procedures {
  auth: {
    signIn: Mutation<{ email: string; password: string }, SignedIn>;
    signOut: Mutation<void, Success>;
    me: Query<void, Me>;
    changePassword: Mutation<{ currentPassword: string; newPassword: string }, Success>;
  };
  account: {
    list: Query<{ limit?: number; cursor?: string; q?: string } | undefined, AccountList>;
    create: Mutation<{ email: string; displayName: string; role: "buyer" | "seller" | "admin"; password?: string }, AccountCreated>;
    getById: Query<{ id: string }, Account>;
    update: Mutation<{ id: string; displayName?: string; role?: "buyer" | "seller" | "admin"; disabled?: boolean; password?: string }, Account>;
    signOut: Mutation<{ id: string }, Success>;
  };
  apiKey: {
    list: Query<{ accountId?: string } | undefined, ApiKeyList>;
    create: Mutation<{ name: string; scopes: ("read" | "channels" | "publish" | "webhooks" | "accounts" | "admin")[]; expiresAt?: string | null; accountId?: string }, ApiKeyCreated>;
    revoke: Mutation<{ id: string }, Success>;
  };
  channel: {
    list: Query<{ limit?: number; cursor?: string; mine?: boolean; q?: string } | undefined, ChannelList>;
    create: Mutation<{ title: string; streamMode?: "webrtc-only" | "hybrid" | "agora-only"; maxDurationSeconds?: number | null; hostUserId?: string | null }, ChannelCreated>;
    getById: Query<{ id: number }, Channel>;
    update: Mutation<{ id: number; title?: string; streamMode?: "webrtc-only" | "hybrid" | "agora-only"; maxDurationSeconds?: number | null; hostUserId?: string | null }, Channel>;
    delete: Mutation<{ id: number }, Done>;
    getStatus: Query<{ channelId: number }, ChannelStatus>;
    start: Mutation<{ channelId: number }, Started>;
    end: Mutation<{ channelId: number }, Done>;
    leave: Mutation<{ channelId: number }, Done>;
    rotateKey: Mutation<{ channelId: number }, Started>;
    healthCheck: Query<void, Health>;
    onStatus: Subscription<{ channelId: number; lastEventId?: string }, ChannelStatus>;
  };
  publishToken: {
    create: Mutation<{ channelId: number; expiresInSeconds?: number }, PublishTokenCreated>;
    list: Query<{ channelId: number }, PublishTokenList>;
    revoke: Mutation<{ channelId: number; tokenId: string }, Success>;
  };
  relay: {
    start: Mutation<{ channelId: number; sellerUid?: number }, RelayStarted>;
    stop: Mutation<{ channelId: number }, Done>;
    status: Query<{ channelId: number }, RelayStatus>;
    list: Query<void, RelayList>;
  };
  recording: {
    start: Mutation<{ channelId: number }, Recording>;
    stop: Mutation<{ channelId: number }, Recording>;
    status: Query<{ channelId: number }, Recording>;
    listActive: Query<void, ActiveRecordings>;
    list: Query<{ channelId: number; limit?: number; cursor?: string }, RecordingList>;
  };
  streaming: {
    getPlaybackUrl: Query<{ channelId: number }, Playback>;
    getStreamStatus: Query<{ channelId: number }, StreamStatus>;
    healthCheck: Query<void, Health>;
  };
  broadcast: {
    list: Query<{ channelId: number; limit?: number; cursor?: string }, BroadcastList>;
  };
  metrics: {
    list: Query<{ channelId: number; from?: string; until?: string; broadcastId?: number; limit?: number; cursor?: string }, MetricList>;
  };
  audit: {
    list: Query<{ limit?: number; cursor?: string; from?: string; until?: string; accountId?: string } | undefined, AuditList>;
  };
  webhook: {
    list: Query<{ limit?: number; cursor?: string } | undefined, WebhookList>;
    create: Mutation<{ url: string; events: ("*" | "channel.created" | "channel.updated" | "channel.deleted" | "relay.starting" | "relay.active" | "relay.reconnecting" | "relay.stopping" | "relay.stopped" | "relay.error" | "broadcast.started" | "broadcast.ended" | "recording.ready")[]; channelId?: number | null; description?: string; isActive?: boolean }, WebhookWithSecret>;
    getById: Query<{ id: string }, Webhook>;
    update: Mutation<{ id: string; url?: string; events?: ("*" | "channel.created" | "channel.updated" | "channel.deleted" | "relay.starting" | "relay.active" | "relay.reconnecting" | "relay.stopping" | "relay.stopped" | "relay.error" | "broadcast.started" | "broadcast.ended" | "recording.ready")[]; description?: string; isActive?: boolean }, Webhook>;
    delete: Mutation<{ id: string }, Success>;
    rotateSecret: Mutation<{ id: string }, WebhookWithSecret>;
    test: Mutation<{ id: string }, WebhookTested>;
  };
  webhookDelivery: {
    list: Query<{ id: string; status?: "pending" | "delivered" | "failed"; limit?: number; cursor?: string }, WebhookDeliveryList>;
    getById: Query<{ id: string }, WebhookDeliveryDetail>;
    replay: Mutation<{ id: string }, Success>;
  };
  events: {
    subscribe: Subscription<{ channels?: number[] | "all"; lastEventId?: string } | undefined, ChannelEvent>;
  };
}

export type AppRouter = TRPCBuiltRouter<
  { ctx: object; meta: object; errorShape: ErrorShape; transformer: false },
  TRPCDecorateCreateRouterOptions<{ [Name in keyof Procedures]: Procedures[Name] }>
>;
