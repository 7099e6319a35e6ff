-- What was measured, what it cost, who did what, what a creation answered, and which servers share
-- this database.

CREATE TABLE stream_metrics (
    id BIGINT PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    broadcast_id BIGINT,
    timestamp BIGINT NOT NULL,
    resolution_s INTEGER NOT NULL,
    webrtc_viewers INTEGER NOT NULL,
    hls_viewers INTEGER NOT NULL,
    bitrate_kbps INTEGER,
    fps DOUBLE PRECISION,
    keyframe_interval_ms INTEGER,
    packet_loss DOUBLE PRECISION,
    rtt_ms INTEGER,
    relay_health TEXT CHECK (relay_health IN ('good', 'fair', 'poor'))
);

CREATE INDEX stream_metrics_by_channel ON stream_metrics (channel_id, timestamp);
CREATE INDEX stream_metrics_by_age ON stream_metrics (resolution_s, timestamp);

-- No reference to the channel: what was paid stays when the channel goes.
CREATE TABLE stream_costs (
    id BIGINT PRIMARY KEY,
    channel_id BIGINT NOT NULL,
    broadcast_id BIGINT,
    stream_key_id TEXT,
    provider TEXT NOT NULL,
    unit TEXT NOT NULL,
    duration_seconds BIGINT NOT NULL,
    quantity DOUBLE PRECISION NOT NULL,
    cost_cents DOUBLE PRECISION NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX stream_costs_by_channel ON stream_costs (channel_id, created_at);

INSERT INTO counters (name, next_value) VALUES ('stream_metrics', 1);
INSERT INTO counters (name, next_value) VALUES ('stream_costs', 1);

CREATE TABLE audit_log (
    id TEXT PRIMARY KEY,
    account_id TEXT,
    actor TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX audit_log_by_age ON audit_log (created_at, id);
CREATE INDEX audit_log_by_account ON audit_log (account_id, created_at);

CREATE TABLE idempotency_keys (
    key_hash TEXT PRIMARY KEY,
    request_hash TEXT NOT NULL,
    http_status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL
);
