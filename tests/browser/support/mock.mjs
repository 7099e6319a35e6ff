/*
 * Answers the studio in the server's place, inside the browser's network layer: for states that a real one is
 * seldom in (a relay that failed, an hour of numbers, a token that was revoked). The shapes are those of the
 * OpenAPI document. What it holds is one object, a world; each operation is a row: method, path, who may, answer.
 */
const json = (body, status = 200) => ({ status, contentType: "application/json", body: JSON.stringify(body) });
const refusal = (status, code, detail) => json({ type: "about:blank", title: code, status, code, detail }, status);
const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const uuid = (n) => `0190a5c2-7d3e-7000-8000-${String(n).padStart(12, "0")}`;

export function newWorld() {
  const accounts = [
    { id: uuid(1), email: "admin@shop.test", displayName: "Ada Admin", role: "admin" },
    { id: uuid(2), email: "seller@shop.test", displayName: "Sam Seller", role: "seller" },
  ].map((account) => ({ ...account, disabled: false, createdAt: ago(86_400 * 40), channelCount: 0 }));
  const world = {
    accounts,
    signedIn: null,
    csrfToken: "csrf-1",
    channels: [],
    recording: { isRecording: false, startedAt: null, bytes: 0, durationSeconds: 0, url: null, reason: null },
    next: 1,
    requests: [],
    sockets: new Set(),
  };
  return world;
}

export function addChannel(world, title, hostUserId, change = {}) {
  const id = world.next++;
  const channel = {
    id,
    title,
    hostUserId,
    isActive: false,
    isLive: false,
    relayStatus: null,
    relayError: null,
    viewerCount: 0,
    startedAt: null,
    endedAt: null,
    hlsPlaybackUrl: null,
    watchUrl: `/watch/${id}`,
    studioUrl: `/studio/${id}`,
    createdAt: ago(86_400 * 3),
    health: null,
    healthReason: null,
    ingest: null,
    bitrateKbps: null,
    fps: null,
    ...change,
    streamKey: `streamkey${String(id).padStart(23, "x")}`,
  };
  world.channels.push(channel);
  return channel;
}

export const LIVE = {
  isActive: true,
  isLive: true,
  relayStatus: "active",
  viewerCount: 38,
  startedAt: ago(1_500),
  health: "good",
  ingest: "whip",
  bitrateKbps: 2_430,
  fps: 29.9,
};

const statusOf = (channel) => ({
  channelId: channel.id,
  isActive: channel.isActive,
  isLive: channel.isLive,
  relayStatus: channel.relayStatus,
  relayError: channel.relayError,
  hlsPlaybackUrl: null,
  recordingUrl: null,
  viewerCount: channel.viewerCount,
  webrtcViewers: 0,
  hlsViewers: channel.viewerCount,
  startedAt: channel.startedAt,
  endedAt: channel.endedAt,
  ingest: channel.ingest,
  health: channel.health,
  healthReason: channel.healthReason,
  bitrateKbps: channel.bitrateKbps,
  fps: channel.fps,
  keyframeIntervalMs: 2_000,
  packetLoss: 0.002,
  rttMs: 24,
  videoCodec: "h264",
  audioCodec: "opus",
  width: 1280,
  height: 720,
});

/* What everybody may read of it. */
function summaryOf(channel) {
  const { streamKey: _key, hostUserId: _host, ...summary } = channel;
  return summary;
}

function publishOf(channel, base) {
  return {
    streamKey: channel.streamKey,
    whipUrl: `${base}/whip/${channel.id}`,
    rtmpUrl: "rtmp://localhost:1935/live",
  };
}

function paged(items, query) {
  const from = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 100);
  const next = from + limit;
  return [items.slice(from, next), next < items.length ? String(next) : null];
}

function pointsOf(channel, query) {
  const fromMs = Date.parse(query.get("from") ?? ago(3_600));
  const untilMs = Math.min(Date.now(), Date.parse(query.get("until") ?? ago(0)));
  const spanS = (untilMs - fromMs) / 1000;
  const stepS = spanS > 20_000 ? 300 : 10;
  const points = [];
  for (let i = 0; i * stepS <= spanS && points.length < 1_000; i++) {
    if (i > 40 && i < 52 && spanS > 3_000) continue;
    points.push({
      at: new Date(fromMs + i * stepS * 1000).toISOString(),
      broadcastId: 1,
      bitrateKbps: Math.round(2_300 + 250 * Math.sin(i / 5)),
      fps: 29.5 + Math.sin(i / 3) / 2,
      keyframeIntervalMs: 2_000,
      packetLoss: Math.max(0, 0.01 * Math.sin(i / 9)),
      rttMs: 24 + 6 * Math.sin(i / 4),
      webrtcViewers: 2,
      hlsViewers: Math.round(30 + 20 * Math.sin(i / 20) + i / 10),
      health: "good",
      resolutionSeconds: stepS,
    });
  }
  return points;
}

/* Who may, in the one place: `all`; `channel`: all, when channel $1 is there; `host`: who owns it. */
const rows = [
  ["GET", "/auth/me", "all", (w) => {
    const account = w.accounts.find((a) => a.id === w.signedIn) ?? null;
    return json({ account, csrfToken: account && w.csrfToken, via: account && "session", scopes: [] });
  }],
  ["GET", "/channels/(\\d+)", "channel", (w, { channel, isHost, base }) =>
    json({
      ...summaryOf(channel),
      streamMode: "hybrid",
      streamingStatus: statusOf(channel),
      ...(isHost && {
        publish: publishOf(channel, base),
        hostUserId: channel.hostUserId,
        maxDurationSeconds: channel.maxDurationSeconds ?? null,
      }),
    })],
  ["GET", "/channels/(\\d+)/status", "channel", (w, { channel }) => json(statusOf(channel))],
  ["POST", "/channels/(\\d+)/start", "host", (w, { channel, base }) => {
    if (channel.isActive) return refusal(409, "conflict", "The channel is live already.");
    Object.assign(channel, { isActive: true, relayStatus: "starting", startedAt: ago(0), endedAt: null });
    const publish = { ...publishOf(channel, base), token: "pt_start", tokenExpiresAt: ago(-43_200) };
    return json({ success: true, channelId: channel.id, relayStatus: "starting", publish });
  }],
  ["POST", "/channels/(\\d+)/publish-tokens", "host", () =>
    json({ id: uuid(90), token: "pt_more", expiresAt: ago(-43_200) }, 201)],
  ["POST", "/channels/(\\d+)/end", "host", (w, { channel }) => {
    Object.assign(channel, { isActive: false, isLive: false, relayStatus: "stopped", endedAt: ago(0), ingest: null });
    return json({ success: true, channelId: channel.id, relayStatus: "stopped" });
  }],
  ["POST", "/channels/(\\d+)/rotate-key", "host", (w, { channel, base }) => {
    channel.streamKey = `rotated${String(w.next++).padStart(25, "y")}`;
    return json({ success: true, publish: publishOf(channel, base) });
  }],
  ["POST", "/channels/(\\d+)/relay/start", "host", (w, { channel }) => {
    Object.assign(channel, { isActive: true, relayStatus: "starting", relayError: null, startedAt: ago(0) });
    return json({ success: true, channelId: channel.id });
  }],
  ["GET", "/channels/(\\d+)/recording", "host", (w) => json(w.recording)],
  ["POST", "/channels/(\\d+)/recording/start", "host", (w) => {
    w.recording = { ...w.recording, isRecording: true, startedAt: ago(4), bytes: 1_240_000, durationSeconds: 4 };
    return json(w.recording);
  }],
  ["POST", "/channels/(\\d+)/recording/stop", "host", (w) => {
    w.recording = { ...w.recording, isRecording: false, url: "/recordings/1/7/index.m3u8" };
    return json(w.recording);
  }],
  ["GET", "/channels/(\\d+)/broadcasts", "host", (w, { query }) => {
    const past = Array.from({ length: 7 }, (_, i) => ({
      id: 7 - i,
      startedAt: ago(86_400 * (i + 1)),
      endedAt: ago(86_400 * (i + 1) - 3_000),
      durationSeconds: 3_000,
      endReason: i === 1 ? "the seller's connection was lost" : "ended by the seller",
      peakViewers: 40 + i * 7,
      recordingUrl: i === 0 ? "/recordings/1/7/index.m3u8" : null,
    }));
    const [broadcasts, nextCursor] = paged(past, query);
    return json({ broadcasts, nextCursor });
  }],
  ["GET", "/channels/(\\d+)/metrics", "host", (w, { channel, query }) =>
    json({ points: pointsOf(channel, query), nextCursor: null })],
];

function answer(world, request) {
  const { pathname, searchParams: query, origin: base } = new URL(request.url());
  const path = pathname.slice("/api/v1".length);
  const method = request.method();
  for (const [rowMethod, pattern, who, run] of rows) {
    const match = method === rowMethod ? new RegExp(`^${pattern}$`).exec(path) : null;
    if (match === null) continue;
    const account = world.accounts.find((a) => a.id === world.signedIn) ?? null;
    const headers = request.headers();
    const key = headers.authorization?.slice("Bearer ".length);
    if (account !== null && key === undefined && method !== "GET" && who !== "all") {
      if (headers["x-csrf-token"] !== world.csrfToken) return refusal(403, "csrf_failed", "The CSRF token is wrong.");
    }
    const channel = world.channels.find((c) => c.id === Number(match[1]));
    const isHost =
      channel !== undefined &&
      (key !== undefined ? key === channel.streamKey : account?.role === "admin" || account?.id === channel.hostUserId);
    if (who !== "all") {
      if (channel === undefined) return refusal(404, "not_found", "Channel not found");
      if (key !== undefined && key !== channel.streamKey) return refusal(401, "unauthorized", "This key is not known.");
    }
    if (who === "host" && !isHost) {
      return account === null && key === undefined
        ? refusal(401, "unauthorized", "Sign in, or show a key.")
        : refusal(403, "forbidden", "Your role may not do this.");
    }
    return run(world, { query, base, channel, isHost });
  }
  return refusal(404, "not_found", `No such operation: ${method} ${path}`);
}

/* Tells who listens how a channel is, as after each change by the API. */
export function push(world, channel) {
  const event = { type: "status", id: `1-${world.next++}`, channelId: channel.id, status: statusOf(channel) };
  for (const socket of world.sockets) socket.send(JSON.stringify(event));
}

function serveEvents(world, socket) {
  const snapshots = (ids) => {
    for (const channel of world.channels.filter((c) => ids.includes(c.id))) {
      const event = { type: "snapshot", id: `1-${world.next++}`, channelId: channel.id, status: statusOf(channel) };
      socket.send(JSON.stringify(event));
    }
  };
  world.sockets.add(socket);
  socket.onClose(() => world.sockets.delete(socket));
  socket.onMessage((text) => {
    const message = JSON.parse(text);
    if (message.type === "subscribe") snapshots(message.channels);
  });
  snapshots((new URL(socket.url()).searchParams.get("channels") ?? "").split(",").map(Number));
}

/* From here on the pages of this browser see the world. The upload test and the media stay the server's. */
export async function install(context, world) {
  await context.routeWebSocket(/\/api\/v1\/events/, (socket) => serveEvents(world, socket));
  await context.route("**/api/v1/**", async (route) => {
    const request = route.request();
    const { pathname } = new URL(request.url());
    if (pathname === "/api/v1/upload-test") return route.continue();
    if (pathname === "/api/v1/events") return route.abort();
    world.requests.push({ method: request.method(), path: pathname, headers: request.headers() });
    await route.fulfill(answer(world, request));
    if (request.method() !== "GET") for (const channel of world.channels) push(world, channel);
  });
}
