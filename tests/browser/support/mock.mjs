/*
 * Answers in the server's place, inside the browser's network layer: for states that a real one is seldom in
 * (a relay that failed, a webhook's target that is down, a month of numbers) and for pages that want many of
 * something. The shapes are those of the OpenAPI document. What it holds is one object, a world; each operation
 * is a row: method, path, who may, answer.
 */
const json = (body, status = 200) => ({ status, contentType: "application/json", body: JSON.stringify(body) });
const refusal = (status, code, detail, field) =>
  json(
    { type: "about:blank", title: code, status, code, detail, ...(field && { errors: [{ field, message: detail }] }) },
    status,
  );
const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const uuid = (n) => `0190a5c2-7d3e-7000-8000-${String(n).padStart(12, "0")}`;

export const PASSWORD = "a long enough password";

export function newWorld() {
  const accounts = [
    { id: uuid(1), email: "admin@shop.test", displayName: "Ada Admin", role: "admin" },
    { id: uuid(2), email: "seller@shop.test", displayName: "Sam Seller", role: "seller" },
    { id: uuid(3), email: "buyer@shop.test", displayName: "Bea Buyer", role: "buyer" },
  ].map((account) => ({ ...account, disabled: false, createdAt: ago(86_400 * 40), channelCount: 0 }));
  const world = {
    accounts,
    signedIn: null,
    csrfToken: "csrf-1",
    channels: [],
    keys: [],
    webhooks: [],
    deliveries: [],
    recording: { isRecording: false, startedAt: null, bytes: 0, durationSeconds: 0, url: null, reason: null },
    audit: [],
    next: 1,
    requests: [],
    sockets: new Set(),
    isDown: false,
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

/* Who may, in the one place: `self` is signed in, `host` owns channel $1, `admin`. */
const rows = [
  ["POST", "/auth/sign-in", "all", (w, { body }) => {
    const account = w.accounts.find((a) => a.email === body.email);
    if (account === undefined || body.password !== PASSWORD) {
      return refusal(401, "unauthorized", "The e-mail or the password is wrong.");
    }
    if (account.disabled) return refusal(403, "account_disabled", "This account is disabled. Ask an admin.");
    w.signedIn = account.id;
    return json({ account, csrfToken: w.csrfToken, expiresAt: ago(-86_400) });
  }],
  ["POST", "/auth/sign-out", "self", (w) => {
    w.signedIn = null;
    return json({ success: true });
  }],
  ["GET", "/auth/me", "all", (w) => {
    const account = w.accounts.find((a) => a.id === w.signedIn) ?? null;
    return json({ account, csrfToken: account && w.csrfToken, via: account && "session", scopes: [] });
  }],
  ["POST", "/auth/password", "self", (w, { body }) =>
    body.currentPassword === PASSWORD
      ? json({ success: true })
      : refusal(400, "invalid_input", "currentPassword: it is wrong.", "currentPassword")],
  ["GET", "/channels", "all", (w, { query, account }) => {
    const words = (query.get("q") ?? "").toLowerCase();
    const isMine = query.get("mine") === "true";
    const found = w.channels.filter(
      (c) => c.title.toLowerCase().includes(words) && (!isMine || c.hostUserId === account?.id),
    );
    const [channels, nextCursor] = paged(found.toReversed().map(summaryOf), query);
    return json({ channels, nextCursor });
  }],
  ["POST", "/channels", "self", (w, { body, account, base }) => {
    if (body.title.includes("<")) return refusal(400, "invalid_input", "title: it must not contain <", "title");
    const channel = addChannel(w, body.title, account.id, { createdAt: ago(0) });
    return json({ ...summaryOf(channel), ...publishOf(channel, base), hlsPlaybackUrl: "/hls" }, 201);
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
  ["PATCH", "/channels/(\\d+)", "host", (w, { channel, body }) => {
    Object.assign(channel, body);
    return json(summaryOf(channel));
  }],
  ["DELETE", "/channels/(\\d+)", "host", (w, { channel }) => {
    if (channel.isActive) return refusal(409, "conflict", "The channel is live. End the broadcast first.");
    w.channels = w.channels.filter((c) => c !== channel);
    return json({ success: true, channelId: channel.id });
  }],
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
  ["POST", "/channels/(\\d+)/relay/stop", "host", (w, { channel }) => {
    Object.assign(channel, { isLive: false, isActive: false, relayStatus: "stopped", endedAt: ago(0) });
    return json({ success: true, channelId: channel.id });
  }],
  ["GET", "/relays", "admin", (w, { query }) =>
    query.size > 0 ? refusal(400, "invalid_input", "limit: is not a field of this operation") : json({
      relays: w.channels
        .filter((c) => c.isActive)
        .map((c) => ({ ...statusOf(c), title: c.title, status: c.relayStatus, error: c.relayError, bitrate: c.bitrateKbps })),
    })],
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
  ["GET", "/accounts", "admin", (w, { query }) => {
    const words = query.get("q") ?? "";
    const found = w.accounts.filter((a) => `${a.email} ${a.displayName}`.includes(words));
    const [accounts, nextCursor] = paged(found, query);
    return json({ accounts, nextCursor });
  }],
  ["POST", "/accounts", "admin", (w, { body }) => {
    if (w.accounts.some((a) => a.email === body.email)) {
      return refusal(409, "conflict", "email: another account has it", "email");
    }
    const { password, ...rest } = body;
    const account = { ...rest, id: uuid(100 + w.next++), disabled: false, createdAt: ago(0), channelCount: 0 };
    w.accounts.push(account);
    return json(password ? account : { ...account, password: "abcdefgh234567ijklmn" }, 201);
  }],
  ["PATCH", "/accounts/([0-9a-f-]+)", "admin", (w, { match, body }) => {
    const account = w.accounts.find((a) => a.id === match[1]);
    Object.assign(account, body);
    return json(account);
  }],
  ["POST", "/accounts/([0-9a-f-]+)/sign-out", "admin", () => json({ success: true })],
  ["GET", "/api-keys", "self", (w, { query }) =>
    query.size > 0 ? refusal(400, "invalid_input", "limit: is not a field of this operation") : json({ apiKeys: w.keys })],
  ["POST", "/api-keys", "self", (w, { body }) => {
    const made = {
      id: uuid(200 + w.next++),
      prefix: "sk_ab12cd",
      createdAt: ago(0),
      lastUsedAt: null,
      expiresAt: null,
      revokedAt: null,
      ...body,
    };
    w.keys.unshift(made);
    return json({ ...made, key: "sk_ab12cd34ef56ab12cd34ef56ab12cd34ef56ab12" }, 201);
  }],
  ["DELETE", "/api-keys/([0-9a-f-]+)", "self", (w, { match }) => {
    w.keys.find((k) => k.id === match[1]).revokedAt = ago(0);
    return json({ success: true });
  }],
  ["GET", "/webhooks", "self", (w, { query }) => {
    const [webhooks, nextCursor] = paged(w.webhooks, query);
    return json({ webhooks, nextCursor });
  }],
  ["POST", "/webhooks", "self", (w, { body }) => {
    if (body.url.includes("10.")) {
      return refusal(400, "invalid_input", "url: it leads into a private network", "url");
    }
    const webhook = {
      id: uuid(300 + w.next++),
      channelId: null,
      description: null,
      isActive: true,
      disabledReason: null,
      pendingDeliveries: 0,
      createdAt: ago(0),
      ...body,
    };
    w.webhooks.unshift(webhook);
    return json({ ...webhook, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }, 201);
  }],
  ["GET", "/webhooks/([0-9a-f-]+)", "webhook", (w, { webhook }) => json(webhook)],
  ["PATCH", "/webhooks/([0-9a-f-]+)", "webhook", (w, { webhook, body }) => json(Object.assign(webhook, body))],
  ["DELETE", "/webhooks/([0-9a-f-]+)", "webhook", (w, { webhook }) => {
    w.webhooks = w.webhooks.filter((h) => h !== webhook);
    return json({ success: true });
  }],
  ["POST", "/webhooks/([0-9a-f-]+)/rotate-secret", "webhook", (w, { webhook }) =>
    json({ ...webhook, secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD" })],
  ["POST", "/webhooks/([0-9a-f-]+)/test", "webhook", (w, { webhook }) => {
    const id = uuid(400 + w.next++);
    w.deliveries.unshift({
      id,
      webhookId: webhook.id,
      event: "webhook.test",
      channelId: null,
      status: "failed",
      nextAttemptAt: null,
      deliveredAt: null,
      lastHttpStatus: 500,
      lastError: "The target answered 500.",
      createdAt: ago(0),
      payload: { type: "webhook.test", timestamp: ago(0), data: {} },
      attempts: [
        { number: 1, at: ago(2), durationMs: 31, httpStatus: null, error: "Connection refused.", response: null },
        { number: 2, at: ago(1), durationMs: 48, httpStatus: 500, error: "The target answered 500.", response: "oops" },
      ],
    });
    return json({ success: true, deliveryId: id });
  }],
  ["GET", "/webhooks/([0-9a-f-]+)/deliveries", "webhook", (w, { query, webhook }) => {
    const status = query.get("status");
    const found = w.deliveries.filter((d) => d.webhookId === webhook.id && (status === null || d.status === status));
    const [page, nextCursor] = paged(found, query);
    const deliveries = page.map(({ attempts, payload, ...d }) => ({ ...d, attemptCount: attempts.length }));
    return json({ deliveries, nextCursor });
  }],
  ["GET", "/deliveries/([0-9a-f-]+)", "self", (w, { match }) => {
    const delivery = w.deliveries.find((d) => d.id === match[1]);
    return json({ ...delivery, attemptCount: delivery.attempts.length });
  }],
  ["POST", "/deliveries/([0-9a-f-]+)/replay", "self", (w, { match }) => {
    const delivery = w.deliveries.find((d) => d.id === match[1]);
    Object.assign(delivery, { status: "delivered", lastHttpStatus: 204, lastError: null, deliveredAt: ago(0) });
    delivery.attempts.push({ number: 3, at: ago(0), durationMs: 12, httpStatus: 204, error: null, response: null });
    return json({ success: true });
  }],
  ["GET", "/audit", "admin", (w, { query }) => {
    const [entries, nextCursor] = paged(w.audit, query);
    return json({ entries, nextCursor });
  }],
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
    const webhook = world.webhooks.find((w) => w.id === match[1]);
    const isHost =
      channel !== undefined &&
      (key !== undefined ? key === channel.streamKey : account?.role === "admin" || account?.id === channel.hostUserId);
    if (who === "channel" || who === "host") {
      if (channel === undefined) return refusal(404, "not_found", "Channel not found");
      if (key !== undefined && key !== channel.streamKey) return refusal(401, "unauthorized", "This key is not known.");
    }
    if (who === "webhook" && webhook === undefined) return refusal(404, "not_found", "Webhook not found");
    const isAllowed =
      who === "all" || who === "channel" || (who === "host" ? isHost : account !== null && (who !== "admin" || account.role === "admin"));
    if (!isAllowed) {
      return account === null && key === undefined
        ? refusal(401, "unauthorized", "Sign in, or show a key.")
        : refusal(403, "forbidden", "Your role may not do this.");
    }
    const body = request.postDataJSON();
    return run(world, { body, query, base, account, channel, webhook, isHost, match });
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
    if (world.isDown || pathname === "/api/v1/events") return route.abort();
    world.requests.push({ method: request.method(), path: pathname, headers: request.headers() });
    await route.fulfill(answer(world, request));
    if (request.method() !== "GET") for (const channel of world.channels) push(world, channel);
  });
}
