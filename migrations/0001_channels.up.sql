-- Channels and their broadcasts. One set of files serves SQLite and PostgreSQL: ids are integers,
-- times are microseconds since 1970 (UTC), words have CHECKs instead of types of their own.

CREATE TABLE channels (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    host_user_id TEXT,
    channel_name TEXT NOT NULL UNIQUE,
    stream_key TEXT NOT NULL UNIQUE,
    is_active BOOLEAN NOT NULL DEFAULT FALSE,
    started_at BIGINT,
    ended_at BIGINT,
    stream_mode TEXT NOT NULL DEFAULT 'hybrid'
        CHECK (stream_mode IN ('webrtc-only', 'hybrid', 'agora-only')),
    relay_status TEXT
        CHECK (relay_status IN ('starting', 'active', 'reconnecting', 'stopping', 'stopped',
                                'error')),
    relay_error TEXT,
    relay_started_at BIGINT,
    hls_playback_url TEXT,
    streaming_platform TEXT NOT NULL DEFAULT 'local',
    stream_key_id TEXT,
    stream_recording_url TEXT,
    agora_resource_id TEXT,
    agora_sid TEXT,
    agora_recording_uid TEXT,
    stream_id TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE broadcasts (
    id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    peak_viewers INTEGER NOT NULL DEFAULT 0,
    recording_url TEXT,
    source TEXT NOT NULL DEFAULT 'local',
    platform TEXT NOT NULL DEFAULT 'local',
    created_at BIGINT NOT NULL
);

CREATE INDEX broadcasts_by_channel ON broadcasts (channel_id, started_at);

-- The next number of each kind: a number is never given twice, also not after a delete, because
-- links and playlists of the old channel may still be in somebody's hands.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    next_value BIGINT NOT NULL
);

INSERT INTO counters (name, next_value) VALUES ('channels', 1);
INSERT INTO counters (name, next_value) VALUES ('broadcasts', 1);
