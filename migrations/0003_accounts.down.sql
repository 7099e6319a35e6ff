DROP INDEX channels_by_host;
ALTER TABLE channels DROP COLUMN node;
ALTER TABLE channels DROP COLUMN max_duration_s;
ALTER TABLE channels DROP COLUMN host_user_id;
ALTER TABLE channels ADD COLUMN host_user_id TEXT;

DROP TABLE publish_tokens;

ALTER TABLE api_keys RENAME TO api_keys_0003;

CREATE TABLE api_keys (
    key_hash TEXT PRIMARY KEY,
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL
);

-- Of the keys only the admin key of the first start goes back: 0002 knows no owners.
INSERT INTO api_keys (key_hash, prefix, scopes, last_used_at, created_at)
SELECT key_hash, prefix, 'admin:first', last_used_at, created_at
FROM api_keys_0003
WHERE account_id IS NULL AND id = '00000000-0000-4000-8000-000000000001';

DROP TABLE api_keys_0003;
DROP TABLE sessions;
DROP TABLE accounts;
