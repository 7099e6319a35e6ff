#include "rows.h"

#include <stdio.h>
#include <string.h>

#include "store/tables.h"
#include "support/test.h"

#define SET(to, text) ((void)snprintf(to, sizeof(to), "%s", text))

struct channel_row a_channel(uint64_t id, const char *key)
{
    struct channel_row row = {.id = id, .created_at_us = 1000, .updated_at_us = 1000};

    (void)snprintf(row.title, sizeof(row.title), "Channel %d", (int)id);
    SET(row.stream_mode, "hybrid");
    SET(row.streaming_platform, "local");
    assert_true(secret_set(&row.stream_key, text_of(key)));
    return row;
}

struct store_change a_start(uint64_t channel_id, uint64_t broadcast_id, const char *key)
{
    struct store_change change = {
        .ticket = 1,
        .channel_op = STORE_CHANNEL_UPDATE,
        .channel = a_channel(channel_id, key),
        .broadcast_op = STORE_BROADCAST_START,
        .broadcast = {.id = broadcast_id, .channel_id = channel_id, .started_at_us = 2000},
    };

    change.channel.is_active = true;
    change.channel.started_at_us = 2000;
    change.channel.relay_started_at_us = 2000;
    SET(change.channel.relay_status, "starting");
    return change;
}

void an_id(char to[ROW_UUID_LEN + 1], char letter, unsigned number)
{
    (void)snprintf(to, ROW_UUID_LEN + 1, "%c0000000-0000-7000-8000-%012u", letter, number);
}

static void a_hash(uint8_t to[CRYPTO_SHA256_LEN], char letter, unsigned number)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%c%u", letter, number);
    crypto_sha256(text, strlen(text), to);
}

struct account_row an_account(unsigned number)
{
    struct account_row row = {.disabled_at_us = 3, .created_at_us = 1, .updated_at_us = 2};

    an_id(row.id, 'a', number);
    (void)snprintf(row.email, sizeof(row.email), "seller%u@example.org", number);
    SET(row.display_name, "Zo\xc3\xab");
    SET(row.role, "seller");
    SET(row.password_hash, "$argon2id$v=19$m=65536,t=2,p=1$c2FsdA$aGFzaA");
    return row;
}

struct session_row a_session(unsigned number, unsigned account)
{
    struct session_row row = {.created_at_us = 1, .last_used_at_us = 2, .expires_at_us = 1000};

    a_hash(row.token_hash, 's', number);
    an_id(row.account_id, 'a', account);
    SET(row.address, "2001:db8::1");
    SET(row.user_agent, "Browser '; DROP TABLE sessions --");
    return row;
}

struct api_key_row an_api_key(unsigned number, unsigned account)
{
    struct api_key_row row = {
        .created_at_us = 1, .last_used_at_us = 2, .expires_at_us = 3, .revoked_at_us = 4};

    a_hash(row.key_hash, 'k', number);
    an_id(row.id, 'b', number);
    an_id(row.account_id, 'a', account);
    SET(row.name, "CI");
    SET(row.prefix, "sk_ab12");
    SET(row.scopes, "read channels");
    return row;
}

struct publish_token_row a_publish_token(unsigned number, uint64_t channel_id, unsigned account)
{
    struct publish_token_row row = {
        .channel_id = channel_id, .broadcast_id = 9, .created_at_us = 1, .expires_at_us = 1000};

    a_hash(row.token_hash, 't', number);
    an_id(row.id, 'c', number);
    an_id(row.account_id, 'a', account);
    SET(row.prefix, "pt_ab12");
    return row;
}

struct webhook_endpoint_row an_endpoint(unsigned number, unsigned account)
{
    struct webhook_endpoint_row row = {.channel_id = 1,
                                       .old_secret_until_us = 5,
                                       .is_active = true,
                                       .created_at_us = 1,
                                       .updated_at_us = 2};

    an_id(row.id, 'd', number);
    an_id(row.account_id, 'a', account);
    SET(row.url, "https://example.org/hook?a=%20");
    SET(row.signing_secret, "whsec_bmV3");
    SET(row.old_signing_secret, "whsec_b2xk");
    SET(row.events, "relay.active relay.error");
    SET(row.description, "the shop");
    SET(row.disabled_reason, "10 failures");
    return row;
}

struct webhook_delivery_row a_delivery(unsigned number, unsigned endpoint, int64_t created_at_us)
{
    struct webhook_delivery_row row = {
        .channel_id = 1,
        .payload =
            buf_from_text(TEXT("{\"type\":\"relay.active\",\"data\":{\"title\":\"Caf\xc3\xa9\"}}")),
        .attempts = 2,
        .next_attempt_at_us = 7,
        .last_http_status = 503,
        .created_at_us = created_at_us,
        .updated_at_us = created_at_us,
    };

    an_id(row.id, 'e', number);
    an_id(row.endpoint_id, 'd', endpoint);
    SET(row.event, "relay.active");
    SET(row.status, "pending");
    SET(row.last_error, "the target is busy");
    return row;
}

struct webhook_attempt_row an_attempt(unsigned delivery, uint32_t number)
{
    struct webhook_attempt_row row = {
        .number = number, .at_us = 10 + number, .duration_ms = 250, .http_status = 503};

    an_id(row.delivery_id, 'e', delivery);
    SET(row.error, "HTTP 503");
    SET(row.response, "come back later");
    return row;
}

struct stream_metric_row a_metric(uint64_t channel_id, uint64_t broadcast_id, int64_t at_us)
{
    struct stream_metric_row row = {
        .channel_id = channel_id,
        .broadcast_id = broadcast_id,
        .at_us = at_us,
        .resolution_s = 10,
        .webrtc_viewers = 3,
        .hls_viewers = 40,
        .bitrate_kbps = 2500,
        .fps = 29.97,
        .keyframe_interval_ms = 2000,
        .packet_loss = 0.0125,
        .rtt_ms = 31,
    };

    SET(row.relay_health, "good");
    return row;
}

struct stream_cost_row a_cost(uint64_t channel_id, uint64_t broadcast_id, int64_t created_at_us)
{
    struct stream_cost_row row = {
        .channel_id = channel_id,
        .broadcast_id = broadcast_id,
        .duration_s = 61,
        .quantity = 2,
        .cost_cents = 0.2,
        .created_at_us = created_at_us,
    };

    an_id(row.stream_key_id, 'f', 1);
    SET(row.provider, "local");
    SET(row.unit, "minute");
    return row;
}

struct audit_row an_audit(unsigned number, unsigned account, int64_t at_us)
{
    struct audit_row row = {.at_us = at_us};

    an_id(row.id, '9', number);
    an_id(row.account_id, 'a', account);
    SET(row.actor, "seller1@example.org");
    SET(row.address, "192.0.2.1");
    SET(row.action, "channel.create");
    SET(row.target, "channel 7");
    SET(row.detail, "Made the channel \"Shop\".");
    return row;
}

struct idempotency_row an_idempotency(unsigned number, int64_t created_at_us)
{
    struct idempotency_row row = {
        .http_status = 201,
        .body = buf_from_text(TEXT("{\"id\":7}")),
        .created_at_us = created_at_us,
    };

    a_hash(row.key_hash, 'i', number);
    a_hash(row.request_hash, 'r', number);
    return row;
}

void apply(struct store *store, struct store_batch *batch)
{
    struct diag diag = {0};

    if (store_apply_batch(store, batch, &diag) != OK)
        fail_msg("%s", diag.message);
    store_batch_destroy(batch);
}

void assert_row(enum store_table which, const void *got, const void *wanted)
{
    const struct table *table = table_of(which);
    struct bound a = {0}, b = {0};

    bind_row(&a, table, got, 0);
    bind_row(&b, table, wanted, 0);
    for (size_t i = 0; i < a.count; i++) {
        const struct db_value *left = &a.values[i], *right = &b.values[i];
        bool is_same = left->is_null == right->is_null && left->number == right->number &&
                       text_equal(left->text, right->text) &&
                       !(left->real < right->real || left->real > right->real);

        if (!is_same)
            fail_msg("%s: column %zu (of those that are written) differs", table->name, i);
    }
}

void fill(struct store *store)
{
    struct store_batch *batch = store_batch_create();

    for (unsigned i = 1; i <= 2; i++) {
        const char *key = i == 1 ? "k1" : "k2";
        struct store_change change = {
            .channel_op = STORE_CHANNEL_CREATE,
            .channel = a_channel(i, key),
            .broadcast_op = STORE_BROADCAST_NONE,
        };
        struct account_row account = an_account(i);
        struct webhook_endpoint_row endpoint = an_endpoint(i, i);

        store_batch_change(batch, &change);
        store_batch_put_account(batch, &account);
        store_batch_put_webhook_endpoint(batch, &endpoint);
    }
    apply(store, batch);
}
