/*
 * rows - one struct for each table of people, keys, messages and history (spec section 3).
 *
 * What store/ writes and reads and what the domain keeps in memory are these same values. Texts
 * are NUL-terminated and bounded; an empty text and a time of 0 stand for NULL. Times are wall
 * clock microseconds since 1970. Of every credential only the SHA-256 is here, with the first
 * characters of it that may be shown; signing secrets of webhooks are needed as they are
 * (docs/decisions/0002-stored-keys.md).
 *
 * Ownership  Rows are plain values but for `payload` and `body`, which are references to immutable
 *            buffers that the holder releases.
 * Ids        Text ids are UUIDs in lower case, 36 characters; those of history are version 7, so
 *            that they sort by time and can be cursors.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/crypto.h"

enum {
    ROW_UUID_LEN = 36,
    ROW_EMAIL_LEN_MAX = 254,
    ROW_NAME_LEN_MAX = 100, /* bytes of UTF-8 */
    ROW_WORD_LEN_MAX = 23,
    ROW_PASSWORD_HASH_LEN_MAX = 127,
    ROW_PREFIX_LEN_MAX = 15,
    ROW_SCOPES_LEN_MAX = 127,
    ROW_ADDRESS_LEN_MAX = 45,
    ROW_AGENT_LEN_MAX = 199,
    ROW_URL_LEN_MAX = 2047,
    ROW_NODE_URL_LEN_MAX = 255,
    ROW_SIGNING_SECRET_LEN_MAX = 99,
    ROW_EVENTS_LEN_MAX = 511,
    ROW_EVENT_LEN_MAX = 47,
    ROW_TEXT_LEN_MAX = 239,
    ROW_RESPONSE_LEN_MAX = 511,
    ROW_TARGET_LEN_MAX = 79,
    ROW_DETAIL_LEN_MAX = 511,
};

/* accounts */
struct account_row {
    char id[ROW_UUID_LEN + 1];
    char email[ROW_EMAIL_LEN_MAX + 1]; /* lower case; unique */
    char display_name[ROW_NAME_LEN_MAX + 1];
    char role[ROW_WORD_LEN_MAX + 1]; /* "admin", "seller", "buyer" */
    char password_hash[ROW_PASSWORD_HASH_LEN_MAX +
                       1]; /* Argon2id, encoded; "": signs in elsewhere */
    int64_t disabled_at_us;
    int64_t created_at_us;
    int64_t updated_at_us;
};

/* sessions: signed-in browsers */
struct session_row {
    uint8_t token_hash[CRYPTO_SHA256_LEN];
    char account_id[ROW_UUID_LEN + 1];
    char address[ROW_ADDRESS_LEN_MAX + 1];
    char user_agent[ROW_AGENT_LEN_MAX + 1];
    int64_t created_at_us;
    int64_t last_used_at_us;
    int64_t expires_at_us;
};

/* api_keys */
struct api_key_row {
    uint8_t key_hash[CRYPTO_SHA256_LEN];
    char id[ROW_UUID_LEN + 1];
    char account_id[ROW_UUID_LEN + 1]; /* "": the admin key of the first start */
    char name[ROW_NAME_LEN_MAX + 1];
    char prefix[ROW_PREFIX_LEN_MAX + 1];
    char scopes[ROW_SCOPES_LEN_MAX + 1]; /* words with spaces between */
    int64_t created_at_us;
    int64_t last_used_at_us;
    int64_t expires_at_us;
    int64_t revoked_at_us;
};

/* publish_tokens */
struct publish_token_row {
    uint8_t token_hash[CRYPTO_SHA256_LEN];
    char id[ROW_UUID_LEN + 1];
    uint64_t channel_id;
    uint64_t broadcast_id;             /* 0: bound to the first broadcast that it starts */
    char account_id[ROW_UUID_LEN + 1]; /* who drew it; "": a key without an account */
    char prefix[ROW_PREFIX_LEN_MAX + 1];
    int64_t created_at_us;
    int64_t expires_at_us;
    int64_t revoked_at_us;
};

/* webhook_endpoints */
struct webhook_endpoint_row {
    char id[ROW_UUID_LEN + 1];
    char account_id[ROW_UUID_LEN + 1]; /* whose channels it hears of; "": all of the server */
    uint64_t channel_id;               /* only this one; 0: all of the account */
    char url[ROW_URL_LEN_MAX + 1];
    char signing_secret[ROW_SIGNING_SECRET_LEN_MAX + 1];     /* "whsec_..." */
    char old_signing_secret[ROW_SIGNING_SECRET_LEN_MAX + 1]; /* after a rotation both sign */
    int64_t old_secret_until_us;
    char events[ROW_EVENTS_LEN_MAX + 1]; /* words with spaces between; "*": all */
    char description[ROW_TEXT_LEN_MAX + 1];
    bool is_active;
    char disabled_reason[ROW_TEXT_LEN_MAX + 1];
    int64_t created_at_us;
    int64_t updated_at_us;
};

/* webhook_deliveries: the outbox, and then the log */
struct webhook_delivery_row {
    char id[ROW_UUID_LEN + 1]; /* the header webhook-id; the same in every attempt */
    char endpoint_id[ROW_UUID_LEN + 1];
    uint64_t channel_id;               /* order is kept within a channel; 0: none */
    char event[ROW_EVENT_LEN_MAX + 1]; /* "relay.active" */
    struct buf *payload;               /* JSON, as it is sent and signed */
    char status[ROW_WORD_LEN_MAX + 1]; /* "pending", "delivered", "failed" */
    uint32_t attempts;
    int64_t next_attempt_at_us;
    int64_t delivered_at_us;
    int32_t last_http_status; /* 0: no answer */
    char last_error[ROW_TEXT_LEN_MAX + 1];
    int64_t created_at_us;
    int64_t updated_at_us;
};

/* webhook_attempts */
struct webhook_attempt_row {
    char delivery_id[ROW_UUID_LEN + 1];
    uint32_t number; /* from 1 */
    int64_t at_us;
    uint32_t duration_ms;
    int32_t http_status; /* 0: no answer */
    char error[ROW_TEXT_LEN_MAX + 1];
    char response[ROW_RESPONSE_LEN_MAX + 1]; /* how the answer's body begins */
};

/* stream_metrics. Unknown numbers are negative and stored as NULL. */
struct stream_metric_row {
    uint64_t channel_id;
    uint64_t broadcast_id;
    int64_t at_us;
    uint32_t resolution_s; /* how long the row stands for: 10, then thinned with age */
    uint32_t webrtc_viewers;
    uint32_t hls_viewers;
    int32_t bitrate_kbps;
    double fps;
    int32_t keyframe_interval_ms;
    double packet_loss;
    int32_t rtt_ms;
    char relay_health[ROW_WORD_LEN_MAX + 1]; /* "good", "fair", "poor", "" */
};

/* stream_costs */
struct stream_cost_row {
    uint64_t channel_id;
    uint64_t broadcast_id;
    char stream_key_id[ROW_UUID_LEN + 1];
    char provider[ROW_WORD_LEN_MAX + 1];
    char unit[ROW_WORD_LEN_MAX + 1]; /* "minute" */
    uint32_t duration_s;
    double quantity;
    double cost_cents;
    int64_t created_at_us;
};

/* audit_log */
struct audit_row {
    char id[ROW_UUID_LEN + 1];
    int64_t at_us;
    char account_id[ROW_UUID_LEN + 1];
    char actor[ROW_NAME_LEN_MAX + 1]; /* how it is shown: an email, "admin key", "key sk_ab12..." */
    char address[ROW_ADDRESS_LEN_MAX + 1];
    char action[ROW_EVENT_LEN_MAX + 1];  /* "channel.create" */
    char target[ROW_TARGET_LEN_MAX + 1]; /* "channel 7", an account's id */
    char detail[ROW_DETAIL_LEN_MAX + 1]; /* a sentence; never a secret */
};

/* nodes: the servers on one database, each tells now and then that it lives */
struct node_row {
    char id[ROW_WORD_LEN_MAX + 1];
    int64_t started_at_us;
    int64_t last_seen_at_us;
    char url[ROW_NODE_URL_LEN_MAX + 1]; /* where viewers reach it itself; "": not told */
};

/* idempotency_keys: what a creation answered, for a day */
struct idempotency_row {
    uint8_t key_hash[CRYPTO_SHA256_LEN];     /* of caller and key */
    uint8_t request_hash[CRYPTO_SHA256_LEN]; /* of operation and input */
    int32_t http_status;
    struct buf *body;
    int64_t created_at_us;
};

#endif
