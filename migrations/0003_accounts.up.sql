-- People and what they sign in with. Ids are UUIDs in lower case, hashes are SHA-256 in lower-case
-- hexadecimal; of every credential only the hash is stored.

CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'seller', 'buyer')),
    password_hash TEXT,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- The table of keys, made anew with ids and owners. The admin key of the first start keeps its hash
-- and gets the one id that is fixed; it belongs to nobody.
ALTER TABLE api_keys RENAME TO api_keys_0002;

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    key_hash TEXT NOT NULL UNIQUE,
    account_id TEXT REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT,
    revoked_at BIGINT
);

INSERT INTO api_keys (id, key_hash, name, prefix, scopes, created_at, last_used_at)
SELECT '00000000-0000-4000-8000-000000000001', key_hash, 'Admin key', prefix, 'admin', created_at,
       last_used_at
FROM api_keys_0002
WHERE scopes = 'admin:first';

DROP TABLE api_keys_0002;

CREATE INDEX api_keys_by_account ON api_keys (account_id);

CREATE TABLE publish_tokens (
    id TEXT PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    channel_id INTEGER NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    broadcast_id BIGINT,
    account_id TEXT REFERENCES accounts (id) ON DELETE CASCADE,
    prefix TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE INDEX publish_tokens_by_channel ON publish_tokens (channel_id);
CREATE INDEX publish_tokens_by_expiry ON publish_tokens (expires_at);
CREATE INDEX publish_tokens_by_revocation ON publish_tokens (revoked_at);

-- Whose a channel is, how long a broadcast of it may last, and which server runs it. Nothing has
-- written host_user_id before, so it is made anew as a reference.
ALTER TABLE channels DROP COLUMN host_user_id;
ALTER TABLE channels ADD COLUMN host_user_id TEXT REFERENCES accounts (id);
ALTER TABLE channels ADD COLUMN max_duration_s INTEGER;
ALTER TABLE channels ADD COLUMN node TEXT;

CREATE INDEX channels_by_host ON channels (host_user_id);
