-- Keys of services and of the admin: the SHA-256 in hexadecimal, never the key.

CREATE TABLE api_keys (
    key_hash TEXT PRIMARY KEY,
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL
);
